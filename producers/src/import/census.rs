//! What a complete export no longer has.
//!
//! In: the entities of the file, and what the log held of them before. Out: deletions, and returns, such that the exports say in any
//! order of import what the latest of them says. Never here: what is deleted by anybody but exports of the same source and kind.
//!
//! Every complete export leaves a mark in the log: an entity of its source that is always deleted and so counts nowhere. An export that
//! is imported after a later one learns from it that what the later one had not is gone. Memory is bounded: what is known of the
//! entities lies in a table that SQLite keeps on the disk as soon as it is large.

use onpace_schemas::time::show_instant;
use onpace_schemas::{Event, Kind, avro, json};
use rusqlite::{Connection, params};
use serde_json::json;

use super::settings::{Gone, ImportError};
use crate::entry;
use crate::log::{Entry, EventLog, Message};

/// A table of its own file, which is there only when it doesn't fit memory, and gone when it is closed.
const TABLE: &str = "
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384;
    CREATE TABLE entity (
        name TEXT PRIMARY KEY,
        here INTEGER NOT NULL DEFAULT 0,  -- 1 in the file, 2 in the file as deleted
        shown INTEGER,                    -- when an earlier export last showed it
        at INTEGER, said INTEGER, gone INTEGER NOT NULL DEFAULT 0  -- the word on its deletion that stands
    ) WITHOUT ROWID;
    BEGIN;
";

/// The entities of one kind and source.
pub(super) struct Census {
    kind: Kind,
    as_of: i64,
    table: Connection,
    source: Option<String>,
    /// Where the log ended before the file's own events came.
    ends: Vec<i64>,
    /// The latest complete export that the log knows of, or this one.
    latest: i64,
}

/// What is known of an entity.
struct Known {
    here: u8,
    shown: Option<i64>,
    word: Option<Word>,
}

/// What stands on an entity's deletion: of the greatest instant, then of the latest saying.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Word {
    at: i64,
    said: i64,
    gone: bool,
}

impl Census {
    pub(super) fn new(kind: Kind, as_of: i64, log: Option<&dyn EventLog>) -> Result<Census, ImportError> {
        let table = Connection::open("").and_then(|table| table.execute_batch(TABLE).map(|()| table)).map_err(|error| wrong(&error))?;
        let ends = match log {
            Some(log) => log.ends().map_err(|error| ImportError::Log { error, events: 0 })?,
            None => vec![],
        };
        Ok(Census { kind, as_of, table, source: None, ends, latest: as_of })
    }

    /// Takes note of a row's events.
    pub(super) fn see(&mut self, events: &[Event<'_>]) -> Result<(), ImportError> {
        for event in events.iter().filter(|event| event.kind == self.kind) {
            match &self.source {
                None => self.source = Some(event.source.as_ref().to_owned()),
                Some(source) if *source != event.source => {
                    return Err(ImportError::Settings(format!(
                        "--complete {}: a complete export is of one source, and this file's {}s are of `{source}` and of `{}`",
                        self.kind.name(),
                        self.kind.name(),
                        event.source
                    )));
                }
                Some(_) => {}
            }
            let here = if event.deleted == Some(true) { 2 } else { 1 };
            let insert = "INSERT INTO entity (name, here) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET here = max(here, ?2)";
            self.table
                .prepare_cached(insert)
                .and_then(|mut insert| insert.execute(params![event.entity, here]))
                .map_err(|error| wrong(&error))?;
        }
        Ok(())
    }

    /// Deletes what is gone and brings back what has returned: hands out the events for it.
    ///
    /// # Errors
    /// The log can't be read, or not by this version; more is gone than a complete export is believed.
    pub(super) fn settle(
        mut self,
        log: Option<&dyn EventLog>,
        whatever_is_gone: bool,
        each: &mut dyn FnMut(Entry) -> bool,
    ) -> Result<Gone, ImportError> {
        let Some(source) = self.source.clone() else {
            let kind = self.kind.name();
            return Err(ImportError::Settings(format!(
                "--complete {kind}: the file has no {kind}, so of which source it is complete isn't known, and nothing is deleted"
            )));
        };
        if let Some(log) = log {
            let newer = self.read(log, &source)?;
            if let Some(newer) = newer.filter(|_| !whatever_is_gone) {
                return Err(newer);
            }
        }
        let (mut gone, mut lost) = (Gone::default(), 0);
        self.each(&mut |_, known| {
            let lived = known.shown.is_some() && !known.word.is_some_and(|word| word.gone);
            gone.of += u64::from(lived);
            match self.wanted(&known) {
                Some(Word { gone: true, .. }) => {
                    gone.deleted += 1;
                    // What an older export brings and a later one had not was not there before.
                    lost += u64::from(lived);
                }
                Some(Word { gone: false, .. }) => gone.restored += 1,
                None => {}
            }
            Ok(true)
        })?;
        gone.too_many = lost * 10 > gone.of;
        if gone.too_many && !whatever_is_gone {
            return Err(ImportError::TooManyGone { gone: lost, of: gone.of, kind: self.kind.name() });
        }
        self.each(&mut |name, known| match self.wanted(&known) {
            Some(word) => Ok(each(said(self.kind, &source, name, word)?)),
            None => Ok(true),
        })?;
        each(said(self.kind, &source, &mark(&source), Word { at: self.as_of, said: self.as_of, gone: true })?);
        Ok(gone)
    }

    /// Reads what the log held of the source before the file came; what of it only a newer version can read.
    fn read(&mut self, log: &dyn EventLog, source: &str) -> Result<Option<ImportError>, ImportError> {
        let (mut failed, mut newer, mark) = (None, None, mark(source));
        let ends = self.ends.clone();
        let mut take = |message: Message<'_>| {
            match avro::read(message.value) {
                Ok(avro::Message::Event(event)) if event.kind == self.kind && event.source == source => {
                    failed = self.said_before(&event, &mark).err();
                }
                Err(avro::Unreadable::Schema(schema)) => {
                    let Message { partition, offset, .. } = message;
                    newer.get_or_insert(ImportError::Newer { schema, partition, offset });
                }
                Ok(_) | Err(_) => {}
            }
            failed.is_none()
        };
        log.scan(&ends, &mut take).map_err(|error| ImportError::Log { error, events: 0 })?;
        failed.map_or(Ok(newer), |error| Err(wrong(&error)))
    }

    fn said_before(&mut self, event: &Event<'_>, mark: &str) -> rusqlite::Result<()> {
        if event.entity == mark {
            self.latest = self.latest.max(event.occurred_at);
            return Ok(());
        }
        let said = event.said_at;
        // What only speaks of a deletion is an import's own, and shows nothing.
        let shown = (!event.patch.is_empty()).then_some(said);
        let mut insert = self.table.prepare_cached(
            "INSERT INTO entity (name, shown) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET shown = max(ifnull(shown, ?2), ifnull(?2, shown))",
        )?;
        insert.execute(params![event.entity, shown])?;
        if let Some(gone) = event.deleted {
            let mut update = self.table.prepare_cached(
                "UPDATE entity SET at = ?2, said = ?3, gone = ?4 WHERE name = ?1 AND (at IS NULL OR (at, said, gone) < (?2, ?3, ?4))",
            )?;
            update.execute(params![event.entity, event.occurred_at, said, gone])?;
        }
        Ok(())
    }

    /// What has to be said of an entity, if anything.
    fn wanted(&self, known: &Known) -> Option<Word> {
        let shown = if known.here > 0 { known.shown.max(Some(self.as_of)) } else { known.shown };
        let (gone, at) = match known.here {
            2 if shown == Some(self.as_of) => (true, self.as_of),
            // In the latest complete export, or shown by one since.
            _ if shown.is_some_and(|shown| {
                if known.here == 0 && self.latest == self.as_of { shown > self.latest } else { shown >= self.latest }
            }) =>
            {
                (false, shown.unwrap_or(self.as_of))
            }
            _ => (true, self.latest),
        };
        let word = known.word;
        if word.is_some_and(|word| word.gone) == gone {
            return None;
        }
        match word {
            // Somebody has said so since.
            Some(word) if word.at > at => None,
            // An import of the same export said the contrary: through another map, or it was cut off.
            Some(word) if word.at == at => Some(Word { at, said: word.said + 1, gone }),
            _ => Some(Word { at, said: at, gone }),
        }
    }

    fn each(&self, each: &mut dyn FnMut(&str, Known) -> Result<bool, ImportError>) -> Result<(), ImportError> {
        let wrong = |error: rusqlite::Error| wrong(&error);
        let mut select = self.table.prepare("SELECT name, here, shown, at, said, gone FROM entity").map_err(wrong)?;
        let mut rows = select.query([]).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            let read = || -> rusqlite::Result<(String, Known)> {
                let word = match row.get::<_, Option<i64>>(3)? {
                    Some(at) => Some(Word { at, said: row.get(4)?, gone: row.get(5)? }),
                    None => None,
                };
                Ok((row.get(0)?, Known { here: row.get(1)?, shown: row.get(2)?, word }))
            };
            let (name, known) = read().map_err(wrong)?;
            if !each(&name, known)? {
                break;
            }
        }
        Ok(())
    }
}

/// The entity that says when a source's exports were complete.
fn mark(source: &str) -> String {
    format!("complete:{source}")
}

fn said(kind: Kind, source: &str, entity: &str, word: Word) -> Result<Entry, ImportError> {
    let mut event = json!({
        "source": source, "kind": kind.name(), "entity": entity, "occurred_at": show_instant(word.at), "deleted": word.gone,
    });
    if word.said > word.at {
        event["said_at"] = show_instant(word.said).into();
    }
    let text = event.to_string();
    let event = json::read(&text, i64::MAX).map_err(|refusal| ImportError::File(format!("what is gone can't be said: {refusal}")))?;
    Ok(entry(&event))
}

fn wrong(error: &rusqlite::Error) -> ImportError {
    ImportError::Settings(format!("the table of what is gone: {error}; is there room for temporary files?"))
}
