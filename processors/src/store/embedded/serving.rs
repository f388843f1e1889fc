//! Who serves the store, a row a process.
//!
//! In: what a process says of itself. Out: the rows of those that serve, or served last.

use onpace_producers::log::now_ms;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::store::{Serving, forgotten};

/// Notes how a process serves, or that it has ended.
pub fn note(connection: &mut Connection, holder: &str, words: &str, ended: bool) -> rusqlite::Result<()> {
    let noting = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    forget(&noting, holder, ended)?;
    noting.execute("INSERT OR REPLACE INTO kpi_serving VALUES (?1, ?2, ?3, ?4)", params![holder, now_ms(), ended, words])?;
    noting.commit()
}

fn forget(noting: &Transaction<'_>, holder: &str, ended: bool) -> rusqlite::Result<()> {
    for gone in forgotten(&all(noting)?, holder, ended) {
        noting.execute("DELETE FROM kpi_serving WHERE holder = ?1", [gone])?;
    }
    Ok(())
}

/// Everybody who serves, or served last; nobody in a file of an onpace that didn't note it.
pub fn all(connection: &Connection) -> rusqlite::Result<Vec<Serving>> {
    if !connection.table_exists(None, "kpi_serving")? {
        return Ok(Vec::new());
    }
    let now_ms = now_ms();
    let mut select = connection.prepare("SELECT holder, words, seen_ms, ended FROM kpi_serving ORDER BY holder")?;
    let rows = select.query_map([], |row| {
        // A clock that was set back makes nobody young.
        let age_ms = (now_ms - row.get::<_, i64>(2)?).max(0);
        Ok(Serving { holder: row.get(0)?, words: row.get(1)?, age_ms, ended: row.get(3)? })
    })?;
    rows.collect()
}
