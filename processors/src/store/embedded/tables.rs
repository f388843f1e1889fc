//! The statements that both ends of a lane use, each written once, and the checksum that each row carries.
//!
//! In: a connection or a transaction of the caller's. Out: rows as they were written; one that is not is named. Never here: what an error means to the user.

use std::fmt::Display;

use onpace_kpis::block::BlockId;
use onpace_schemas::Kind;
use rusqlite::{Connection, OptionalExtension, params};

use super::CHANGES;
use super::layout::{FIRST_DAY, block_at, block_place};
use crate::store::sums::{self, Part};
use crate::store::{Head, Heard, LogMarks};

/// What may be wrong with what is read.
#[derive(Debug)]
pub(super) enum Wrong {
    /// SQLite says it.
    Sqlite(rusqlite::Error),
    /// A row is not as it was written: which one.
    Row(String),
}

/// What is read, or what is wrong with it.
pub(super) type Tried<T> = Result<T, Wrong>;

impl From<rusqlite::Error> for Wrong {
    fn from(error: rusqlite::Error) -> Wrong {
        Wrong::Sqlite(error)
    }
}

impl From<rusqlite::types::FromSqlError> for Wrong {
    fn from(error: rusqlite::types::FromSqlError) -> Wrong {
        Wrong::Sqlite(error.into())
    }
}

impl Wrong {
    fn row(table: &str, lane: u32, key: impl Display) -> Wrong {
        Wrong::Row(format!("table {table}, lane {lane}, {key}"))
    }

    pub(super) fn entity(place: i64) -> Wrong {
        Wrong::row("kpi_entity", (place >> 32) as u32, format_args!("entity number {}", place as u32))
    }
}

/// A row's checksum: of what is in it, and of the lane that it is in.
fn check(lane: u32, part: Part) -> i64 {
    i64::from(part.unwrap_or_default() as u32 ^ lane.wrapping_mul(0x9E37_79B9))
}

pub(super) fn check_name(lane: u32, number: u32, name: &str) -> i64 {
    check(lane, sums::name(number, name))
}

/// Of a block and of what stands beside it to be read by others.
pub(super) fn check_block(lane: u32, id: BlockId, packed: &[u8], legible: &str) -> i64 {
    check(lane, sums::block(id, packed)) ^ i64::from(sums::check(legible.as_bytes()))
}

/// Of an entity in its row: in another it is none.
pub(super) fn check_entity(place: i64, address: &[u8; 10], packed: &[u8]) -> i64 {
    check((place >> 32) as u32, sums::entity(address, packed)) ^ i64::from(place as u32)
}

pub(super) fn check_source(lane: u32, source: &str, kind: &str, recorded_ms: i64) -> i64 {
    check(lane, Some(sums::check(format!("{source}\0{kind}\0{recorded_ms}").as_bytes()).into()))
}

fn check_change(lane: u32, number: i64, mark: i64, blocks: &[u8]) -> i64 {
    check(lane, Some(sums::check(&[&number.to_le_bytes(), &mark.to_le_bytes(), blocks].concat()).into()))
}

fn check_head(lane: u32, head: &Head, sums: &str, log: &str) -> i64 {
    let Head { birth, epoch, offset, end, recorded_ms, entities, sums: _, log: _ } = head;
    check(lane, Some(sums::check(format!("{birth} {epoch} {offset} {end} {recorded_ms} {entities} {sums} {log}").as_bytes()).into()))
}

pub(super) fn read_head(connection: &Connection, lane: u32) -> Tried<Option<Head>> {
    let mut select = connection.prepare_cached(
        r#"SELECT birth, epoch, "offset", "end", recorded_ms, entities, sums, log, checksum FROM kpi_head WHERE lane = ?1"#,
    )?;
    let mut rows = select.query([lane])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let wrong = || Wrong::row("kpi_head", lane, "its head");
    let text = |at: usize| row.get_ref(at)?.as_str().map_err(|_| wrong());
    let (text, log) = (text(6)?, text(7)?);
    let number = |at: usize| row.get::<_, i64>(at).map_err(|_| wrong());
    let head = Head {
        birth: number(0)? as u64,
        epoch: number(1)? as u64,
        offset: number(2)?,
        end: number(3)?,
        recorded_ms: number(4)?,
        entities: number(5)? as u64,
        sums: sums::read(text).ok_or_else(wrong)?,
        log: LogMarks::read(log).ok_or_else(wrong)?,
    };
    if number(8)? != check_head(lane, &head, text, log) {
        return Err(wrong());
    }
    Ok(Some(head))
}

pub(super) fn write_head(connection: &Connection, lane: u32, head: &Head) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO kpi_head VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    let (text, log) = (sums::write(&head.sums), head.log.write());
    let check = check_head(lane, head, &text, &log);
    let Head { birth, epoch, offset, end, recorded_ms, entities, sums: _, log: _ } = *head;
    insert.execute(params![lane, birth as i64, epoch as i64, offset, end, recorded_ms, entities as i64, text, log, check]).map(|_| ())
}

/// All that stands in a head's row, whatever it is: by it a damaged one is known again.
pub(super) fn raw_head(connection: &Connection, lane: u32) -> rusqlite::Result<Option<String>> {
    let sql = r#"SELECT quote(birth) || quote(epoch) || quote("offset") || quote("end") || quote(recorded_ms) || quote(entities) || quote(sums) || quote(checksum)
        FROM kpi_head WHERE lane = ?1"#;
    connection.query_row(sql, [lane], |row| row.get(0)).optional()
}

/// At most `most` names from a number on.
pub(super) fn read_names(connection: &Connection, lane: u32, from: u32, most: u32, each: &mut dyn FnMut(&str)) -> Tried<()> {
    let mut select =
        connection.prepare_cached("SELECT id, name, checksum FROM kpi_name WHERE lane = ?1 AND id >= ?2 ORDER BY id LIMIT ?3")?;
    let mut rows = select.query(params![lane, from, most])?;
    while let Some(row) = rows.next()? {
        let (number, name) = (row.get::<_, i64>(0)?, row.get_ref(1)?.as_str());
        let sound = name.ok().filter(|name| row.get(2) == Ok(check_name(lane, number as u32, name)));
        each(sound.ok_or_else(|| Wrong::row("kpi_name", lane, format_args!("name {number}")))?);
    }
    Ok(())
}

/// The address and the packed state in two columns of an entity's row, if its checksum in the next is right.
pub(super) fn sound_entity<'a>(place: i64, row: &'a rusqlite::Row<'_>, at: usize) -> Tried<(&'a [u8; 10], &'a [u8])> {
    let (address, state) = (row.get_ref(at)?.as_blob()?, row.get_ref(at + 1)?.as_blob()?);
    let address = address.try_into().map_err(|_| Wrong::entity(place))?;
    if row.get(at + 2) == Ok(check_entity(place, address, state)) { Ok((address, state)) } else { Err(Wrong::entity(place)) }
}

pub(super) fn read_sources(connection: &Connection, lane: u32) -> Tried<Vec<Heard>> {
    let sql = "SELECT source, kind, recorded_ms, checksum FROM kpi_source WHERE lane = ?1 ORDER BY source, kind";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([lane])?;
    let mut sources: Vec<Heard> = Vec::new();
    while let Some(row) = rows.next()? {
        let (source, kind, recorded_ms) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?);
        if row.get::<_, i64>(3)? != check_source(lane, &source, &kind, recorded_ms) {
            return Err(Wrong::row("kpi_source", lane, format_args!("source {source:?}")));
        }
        if sources.last().is_none_or(|last| last.source != source) {
            sources.push(Heard { source, ..Heard::default() });
        }
        // A kind of a later release isn't this one's to count.
        if let (Some(last), Some(kind)) = (sources.last_mut(), Kind::named(&kind)) {
            last.recorded_ms[usize::from(kind.number())] = recorded_ms;
        }
    }
    Ok(sources)
}

pub(super) fn read_block(connection: &Connection, lane: u32, id: BlockId, each: &mut dyn FnMut(&[u8])) -> Tried<()> {
    let mut select = connection.prepare_cached("SELECT counters, checksum, legible FROM kpi_block WHERE place = ?1")?;
    let mut rows = select.query([block_place(lane, id)])?;
    while let Some(row) = rows.next()? {
        each(sound_block(lane, id, row, 0)?);
    }
    Ok(())
}

/// The blocks of reps numbered `from` and up to, not including, `to`.
pub(super) fn read_blocks(connection: &Connection, lane: u32, from: u32, to: u32, each: &mut dyn FnMut(BlockId, &[u8])) -> Tried<()> {
    let sql = "SELECT place, counters, checksum, legible FROM kpi_block WHERE place >= ?1 AND place < ?2 ORDER BY place";
    let mut select = connection.prepare_cached(sql)?;
    let first = |rep: u32| block_place(lane, BlockId { rep, day: FIRST_DAY });
    let mut rows = select.query(params![first(from), first(to)])?;
    while let Some(row) = rows.next()? {
        let id = block_at(row.get(0)?);
        each(id, sound_block(lane, id, row, 1)?);
    }
    Ok(())
}

/// The packed block in a column, if its checksum in the next is right.
fn sound_block<'a>(lane: u32, id: BlockId, row: &'a rusqlite::Row<'_>, at: usize) -> Tried<&'a [u8]> {
    let packed = row.get_ref(at)?.as_blob()?;
    let legible = row.get_ref(at + 2)?.as_str();
    let sound = legible.is_ok_and(|legible| row.get(at + 1) == Ok(check_block(lane, id, packed, legible)));
    if sound { Ok(packed) } else { Err(Wrong::row("kpi_block", lane, format_args!("rep number {}, day {}", id.rep, id.day))) }
}

/// The number and the mark of the last change of a lane.
pub(super) fn last_change(connection: &Connection, lane: u32) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut select = connection.prepare_cached("SELECT number, mark FROM kpi_change WHERE lane = ?1 ORDER BY number DESC LIMIT 1")?;
    select.query_row([lane], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// The changes of a lane from a number on: `each(mark, blocks)`; it may stop by `false`.
pub(super) fn read_changes(connection: &Connection, lane: u32, from: i64, each: &mut dyn FnMut(i64, &[u8]) -> bool) -> Tried<()> {
    let mut select = connection
        .prepare_cached("SELECT number, mark, blocks, checksum FROM kpi_change WHERE lane = ?1 AND number >= ?2 ORDER BY number")?;
    let mut rows = select.query(params![lane, from])?;
    while let Some(row) = rows.next()? {
        let (number, mark, blocks) = (row.get(0)?, row.get(1)?, row.get_ref(2)?.as_blob()?);
        if row.get::<_, i64>(3)? != check_change(lane, number, mark, blocks) {
            return Err(Wrong::row("kpi_change", lane, format_args!("change {number}")));
        }
        if !each(mark, blocks) {
            break;
        }
    }
    Ok(())
}

/// Adds to the stream of changes, under a mark that no other change ever has: a copy of the file that was put back lacks it.
pub(super) fn note_change(to: &Connection, lane: u32, blocks: &[u8]) -> rusqlite::Result<()> {
    let number = last_change(to, lane)?.map_or(0, |(number, _)| number) + 1;
    let mark = rand::random::<i64>();
    let check = check_change(lane, number, mark, blocks);
    to.prepare_cached("INSERT INTO kpi_change VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![lane, number, mark, blocks, check])?;
    to.prepare_cached("DELETE FROM kpi_change WHERE lane = ?1 AND number <= ?2")?.execute(params![lane, number - CHANGES])?;
    Ok(())
}

pub(super) fn count_names(connection: &Connection, lane: u32) -> rusqlite::Result<u32> {
    connection.prepare_cached("SELECT count(*) + 1 FROM kpi_name WHERE lane = ?1")?.query_row([lane], |row| row.get(0))
}
