//! A row as the map sees it, and from which of its columns a text comes.
//!
//! In: the columns' names and a row's values. Out: an object of texts that lie side by side in one buffer, so that a function which
//! is handed one of them, or a part of one, can say in which column it stands. Never here: what a cell says.

use std::sync::Arc;

use bytes::Bytes;
use jaq_json::Val;

/// How much of a value an error shows.
const SHOWN: usize = 60;

/// The row at hand.
pub(super) struct Cells {
    names: Arc<[String]>,
    /// Where each begins in the buffer, and where the last one ends; a byte lies between two.
    begins: Vec<usize>,
    buffer: Bytes,
}

impl Cells {
    pub(super) fn new(names: Arc<[String]>, values: &[String]) -> Cells {
        let mut buffer = Vec::with_capacity(values.iter().map(|value| value.len() + 1).sum());
        let mut begins = Vec::with_capacity(values.len() + 1);
        for value in values {
            begins.push(buffer.len());
            buffer.extend_from_slice(value.as_bytes());
            buffer.push(0);
        }
        begins.push(buffer.len());
        Cells { names, begins, buffer: buffer.into() }
    }

    /// The row as an object.
    pub(super) fn object(&self) -> Val {
        let cell =
            |(name, bounds): (&String, &[usize])| (Val::from(name.clone()), Val::utf8_str(self.buffer.slice(bounds[0]..bounds[1] - 1)));
        Val::obj(self.names.iter().zip(self.begins.windows(2)).map(cell).collect())
    }

    /// What is wrong with a value, and in which column it stands if it is a part of the row.
    pub(super) fn wrong(&self, value: &Val, why: &str) -> String {
        let column = match value {
            Val::TStr(text) => self.column(text),
            _ => None,
        };
        let shown = match value {
            Val::TStr(text) => clip(&String::from_utf8_lossy(text)),
            other => clip(&other.to_string()),
        };
        match column {
            Some(name) => format!("column `{name}`: `{shown}` {why}"),
            None => format!("`{shown}` {why}"),
        }
    }

    fn column(&self, text: &Bytes) -> Option<&str> {
        // Addresses are compared, never followed.
        let at = (text.as_ptr() as usize).checked_sub(self.buffer.as_ptr() as usize)?;
        if at >= self.buffer.len() {
            return None;
        }
        let place = self.begins.partition_point(|begin| *begin <= at).checked_sub(1)?;
        self.names.get(place).map(String::as_str)
    }
}

/// A value short enough for a message.
fn clip(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
