//! The store's tables in the file, their version, and how their rows are found.
//!
//! In: lanes, entities' numbers, blocks. Out: SQL, and the places of rows. Entities lie in the order in which they came
//! ([`Places`](crate::store::places::Places)), blocks by rep and day: a commit writes few pages. `kpi` is a view over the blocks ([`super::legible`]).
//! Never here: what a row holds.

use onpace_kpis::block::BlockId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::legible;
use crate::store::Settings;

/// The tables' version: of an earlier one they are made anew, and folded from the log beside them; of a later one they are refused.
pub(super) const LAYOUT: i64 = 4;
/// How many lanes a block's place has room for.
pub(super) const LANES: u32 = 128;

const TABLES: &str = r#"
    CREATE TABLE IF NOT EXISTS kpi_store (layout INTEGER NOT NULL, lanes INTEGER NOT NULL, fingerprint INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS kpi_measure (number INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS kpi_head (
        lane INTEGER PRIMARY KEY, birth INTEGER NOT NULL, epoch INTEGER NOT NULL, "offset" INTEGER NOT NULL,
        "end" INTEGER NOT NULL, recorded_ms INTEGER NOT NULL, entities INTEGER NOT NULL, sums TEXT NOT NULL,
        log TEXT NOT NULL, checksum INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS kpi_name (
        lane INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (lane, id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_entity (
        place INTEGER PRIMARY KEY, address BLOB NOT NULL, state BLOB NOT NULL, checksum INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS kpi_block (
        place INTEGER PRIMARY KEY, counters BLOB NOT NULL, checksum INTEGER NOT NULL, legible TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS kpi_change (
        lane INTEGER NOT NULL, number INTEGER NOT NULL, mark INTEGER NOT NULL, blocks BLOB NOT NULL, checksum INTEGER NOT NULL,
        PRIMARY KEY (lane, number)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_source (
        lane INTEGER NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, recorded_ms INTEGER NOT NULL, checksum INTEGER NOT NULL,
        PRIMARY KEY (lane, source, kind)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_serving (holder TEXT PRIMARY KEY, seen_ms INTEGER NOT NULL, ended INTEGER NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;
"#;

/// The tables of all lanes together.
const OF_ALL: [&str; 2] = ["kpi_store", "kpi_measure"];
/// The tables whose rows are a lane's, and which of them are those of lane `?1`.
const OF_A_LANE: [(&str, &str); 6] = [
    ("kpi_head", "lane = ?1"),
    ("kpi_name", "lane = ?1"),
    ("kpi_entity", "place >= ?1 << 32 AND place < (?1 + 1) << 32"),
    ("kpi_block", "place >= ?1 << 56 AND place >> 56 = ?1"),
    ("kpi_change", "lane = ?1"),
    ("kpi_source", "lane = ?1"),
];

/// The tables of what is folded: all but who serves.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    OF_ALL.into_iter().chain(OF_A_LANE.map(|(table, _)| table))
}

/// The row of an entity, by its number in its lane.
pub(super) fn entity_place(lane: u32, number: u32) -> i64 {
    (i64::from(lane) << 32) | i64::from(number)
}

/// The row of a block: lane, rep, day. Every day that an instant can have fits.
pub(super) fn block_place(lane: u32, id: BlockId) -> i64 {
    (i64::from(lane) << 56) | (i64::from(id.rep) << 24) | ((i64::from(id.day) + DAY_0) & DAYS)
}

/// The block in a row of [`block_place`].
pub(super) fn block_at(place: i64) -> BlockId {
    BlockId { rep: (place >> 24) as u32, day: ((place & DAYS) - DAY_0) as i32 }
}

/// The place of 1970-01-01 among a rep's days.
pub(super) const DAY_0: i64 = 1 << 23;
/// No block is of an earlier day, in days since 1970-01-01.
pub(super) const FIRST_DAY: i32 = -(DAY_0 as i32);
const DAYS: i64 = (1 << 24) - 1;

/// Makes the tables; those of an earlier release are dropped first.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    let making = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let there: i64 = making.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'kpi_store'", [], |row| row.get(0))?;
    let layout: Option<i64> = match there {
        0 => None,
        _ => making.query_row("SELECT layout FROM kpi_store", [], |row| row.get(0)).optional()?,
    };
    if layout.is_some_and(|layout| layout < LAYOUT) {
        tracing::info!("the store's tables are those of an earlier onpace: everything is folded anew");
        for table in tables() {
            making.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))?;
        }
        let kind: Option<String> =
            making.query_row("SELECT type FROM sqlite_schema WHERE name = 'kpi'", [], |row| row.get(0)).optional()?;
        if let Some(kind) = kind {
            making.execute_batch(&format!("DROP {kind} kpi"))?;
        }
    }
    make(&making)?;
    making.commit()
}

/// Makes what is missing.
pub(super) fn make(to: &Connection) -> rusqlite::Result<()> {
    to.execute_batch(TABLES)?;
    to.execute_batch(&legible::view(DAY_0))
}

/// Empties every table.
pub(super) fn empty(to: &Connection) -> rusqlite::Result<()> {
    tables().try_for_each(|table| to.execute(&format!("DELETE FROM {table}"), []).map(|_| ()))
}

/// Empties a lane.
pub(super) fn empty_lane(to: &Connection, lane: u32) -> rusqlite::Result<()> {
    OF_A_LANE.iter().try_for_each(|(table, which)| to.execute(&format!("DELETE FROM {table} WHERE {which}"), [lane]).map(|_| ()))
}

/// Gives the tables other names, and makes new ones.
pub(super) fn set_aside(to: &Connection, number: u32) -> rusqlite::Result<()> {
    // It would follow its tables to their new names.
    to.execute_batch("DROP VIEW IF EXISTS kpi")?;
    for table in tables() {
        to.execute_batch(&format!("ALTER TABLE {table} RENAME TO {table}_damaged_{number}"))?;
    }
    make(to)
}

pub(super) fn write_settings(to: &Connection, settings: Settings, measures: &[String]) -> rusqlite::Result<()> {
    to.execute("INSERT INTO kpi_store VALUES (?1, ?2, ?3)", params![LAYOUT, settings.lanes, settings.fingerprint as i64])?;
    to.execute("DELETE FROM kpi_measure", [])?;
    let mut name = to.prepare_cached("INSERT INTO kpi_measure VALUES (?1, ?2)")?;
    measures.iter().enumerate().try_for_each(|(number, measure)| name.execute(params![number as i64, measure]).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocks_place_leads_back_and_keeps_the_order() {
        let mut before = -1;
        for lane in [0, 1, LANES - 1] {
            for rep in [0, 1, 70_000, u32::MAX] {
                for day in [-4_400_000, -1, 0, 20_514, 2_932_896] {
                    let id = BlockId { rep, day };
                    let place = block_place(lane, id);
                    assert!(place > before, "{lane} {id:?}");
                    assert_eq!((block_at(place), place >> 56), (id, lane.into()));
                    before = place;
                }
            }
        }
    }
}
