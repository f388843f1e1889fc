//! What is done about a damaged file: a lane is emptied where that is safe, else the store's tables are set aside.
//!
//! In: a connection, what was found in the place of a lane's head. Out: a lane, or a store, to be begun anew. What always holds: nothing is deleted from tables
//! whose pages are damaged. They lie in one file with the log, and a page of theirs that is freed by mistake may be one of the log's.
//! Never here: the log's own tables.

use rusqlite::{Connection, TransactionBehavior};

use super::layout;
use super::tables::{raw_head, read_head};
use crate::store::{Head, Settled};

/// What was found in the place of a lane's head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is read at a time and taken apart at once")]
pub(super) enum Found {
    /// Nothing was looked for yet, or found.
    Nothing,
    /// A head.
    Head(Head),
    /// What is none: all its columns.
    Other(String),
    /// It can't even be read.
    Unreadable,
}

impl Found {
    /// What is there now.
    pub(super) fn now(connection: &Connection, lane: u32) -> Found {
        match read_head(connection, lane) {
            Ok(None) => Found::Nothing,
            Ok(Some(head)) => Found::Head(head),
            Err(_) => raw_head(connection, lane).ok().flatten().map_or(Found::Unreadable, Found::Other),
        }
    }
}

/// Whether all pages of the file hang together.
pub(super) fn pages(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match found {
        Ok(words) => Ok((words != "ok").then_some(words)),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Empties a lane, provided that its head is still what was found; where pages are damaged, sets all tables of the store aside.
pub(super) fn begin_anew(connection: &mut Connection, lane: u32, found: &Found) -> rusqlite::Result<Settled> {
    let damage = pages(connection)?;
    let emptying = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if *found == Found::Nothing || Found::now(&emptying, lane) != *found {
        return Ok(Settled::Fenced);
    }
    match damage {
        None => layout::empty_lane(&emptying, lane)?,
        Some(words) => {
            let number = set_aside(&emptying)?;
            tracing::error!(
                words,
                "pages of the file are damaged; the store's tables are set aside as kpi…_damaged_{number}, and everything is folded anew from the log. \
                 Stop onpace when you can and make a sound file of it: `sqlite3 onpace.db .recover | sqlite3 new.db`"
            );
        }
    }
    emptying.commit()?;
    Ok(Settled::Committed)
}

/// Gives the store's tables other names, and makes new ones: which number the old ones have.
fn set_aside(to: &Connection) -> rusqlite::Result<u32> {
    let taken = |number: &u32| {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1";
        to.query_row(sql, [format!("kpi_store_damaged_{number}")], |row| row.get::<_, i64>(0))
    };
    let mut number = 1;
    while taken(&number)? > 0 {
        number += 1;
    }
    layout::set_aside(to, number)?;
    Ok(number)
}
