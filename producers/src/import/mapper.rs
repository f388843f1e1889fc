//! From rows to the events' texts, in order: NDJSON as it is, anything else through the map, in this process or in its own.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ImportError;
use super::apart::Apart;
use super::file::{Content, Row};
use super::map::Map;

/// A row and what became of it.
pub(super) struct Mapped {
    pub(super) row: Row,
    /// The events' texts, or why there are none.
    pub(super) events: Result<Vec<String>, String>,
}

/// What makes events of rows.
pub(super) enum Mapper {
    /// A line is an event.
    AsItIs,
    /// In this process.
    Here(Box<Map>, Arc<[String]>),
    /// In one of its own, with the rows that are there.
    Apart(Box<Apart>, VecDeque<Row>),
}

impl Mapper {
    pub(super) fn apart(apart: Apart) -> Mapper {
        Mapper::Apart(Box::new(apart), VecDeque::new())
    }

    /// Takes a row, and hands out those that are done. Nothing comes any more once it is time to stop.
    pub(super) fn take(&mut self, row: Row, stop: &dyn Fn() -> bool, out: &mut Vec<Mapped>) -> Result<(), ImportError> {
        match self {
            Mapper::AsItIs => {
                let events = match &row.content {
                    Ok(Content::Json(text)) => Ok(vec![text.clone()]),
                    Ok(Content::Fields(_)) => Err("there is no map".into()),
                    Err((_, why)) => Err(why.clone()),
                };
                out.push(Mapped { row, events });
            }
            Mapper::Here(map, columns) => {
                let events = match &row.content {
                    Ok(Content::Fields(values)) => map.run(columns, values),
                    Ok(Content::Json(_)) => Err("a line of JSON needs no map".into()),
                    Err((_, why)) => Err(why.clone()),
                };
                out.push(Mapped { row, events });
            }
            Mapper::Apart(apart, waiting) => {
                if let Ok(Content::Fields(values)) = &row.content {
                    apart.hand_over(values)?;
                }
                waiting.push_back(row);
                while !apart.has_room() {
                    if !next(apart, waiting, stop, out)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Hands out the rest.
    pub(super) fn finish(&mut self, stop: &dyn Fn() -> bool, out: &mut Vec<Mapped>) -> Result<(), ImportError> {
        if let Mapper::Apart(apart, waiting) = self {
            while !waiting.is_empty() && next(apart, waiting, stop, out)? {}
        }
        Ok(())
    }
}

/// The next row that waits, with what the map makes of it; false where it is time to stop.
fn next(apart: &mut Apart, waiting: &mut VecDeque<Row>, stop: &dyn Fn() -> bool, out: &mut Vec<Mapped>) -> Result<bool, ImportError> {
    let Some(row) = waiting.front() else { return Ok(true) };
    let events = match &row.content {
        Err((_, why)) => Some(Err(why.clone())),
        Ok(_) => apart.answer(stop)?,
    };
    let (Some(events), Some(row)) = (events, waiting.pop_front()) else { return Ok(false) };
    out.push(Mapped { row, events });
    Ok(true)
}
