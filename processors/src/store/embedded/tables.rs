//! The statements that both ends of a lane use, each written once.
//!
//! In: a connection or a transaction of the caller's. Out: rows as they are. Never here: what an error means to the user.

use hashbrown::HashSet;
use onpace_kpis::block::BlockId;
use onpace_schemas::Kind;
use rusqlite::{Connection, OptionalExtension, params};

use super::{CHANGES, KNOWN};
use crate::store::{EntityId, Head, Heard, LogMarks};

pub(super) fn read_head(connection: &Connection, lane: u32) -> rusqlite::Result<Option<Head>> {
    let mut select =
        connection.prepare_cached(r#"SELECT birth, epoch, "offset", "end", recorded_ms, entities, log FROM kpi_head WHERE lane = ?1"#)?;
    select
        .query_row([lane], |row| {
            Ok(Head {
                birth: row.get::<_, i64>(0)? as u64,
                epoch: row.get::<_, i64>(1)? as u64,
                offset: row.get(2)?,
                end: row.get(3)?,
                recorded_ms: row.get(4)?,
                entities: row.get::<_, i64>(5)? as u64,
                // A text that says nothing of any log: one written by somebody else's tool is as good as none.
                log: LogMarks::read(row.get_ref(6)?.as_str()?).unwrap_or_default(),
            })
        })
        .optional()
}

pub(super) fn write_head(connection: &Connection, lane: u32, head: &Head) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO kpi_head VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    let Head { birth, epoch, offset, end, recorded_ms, entities, log } = *head;
    insert.execute(params![lane, birth as i64, epoch as i64, offset, end, recorded_ms, entities as i64, log.write()]).map(|_| ())
}

pub(super) fn read_names(connection: &Connection, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT name FROM kpi_name WHERE lane = ?1 AND id >= ?2 ORDER BY id")?;
    let mut rows = select.query(params![lane, from])?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_str()?);
    }
    Ok(())
}

/// Bits of an address for a filter of what is stored: two entities that share them are merely both asked about.
pub(super) fn short(id: &EntityId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The short addresses of what a lane has, where it has not too many.
pub(super) fn read_known(connection: &Connection, lane: u32, entities: u64) -> rusqlite::Result<Option<HashSet<u64>>> {
    if entities > KNOWN {
        return Ok(None);
    }
    let mut known = HashSet::with_capacity(entities as usize);
    let mut select = connection.prepare_cached("SELECT id FROM kpi_entity WHERE lane = ?1")?;
    let mut rows = select.query([lane])?;
    while let Some(row) = rows.next()? {
        known.insert(short(&EntityId(row.get(0)?)));
    }
    Ok(Some(known))
}

pub(super) fn read_sources(connection: &Connection, lane: u32) -> rusqlite::Result<Vec<Heard>> {
    let mut select = connection.prepare_cached("SELECT source, kind, recorded_ms FROM kpi_source WHERE lane = ?1 ORDER BY source, kind")?;
    let mut rows = select.query([lane])?;
    let mut sources: Vec<Heard> = Vec::new();
    while let Some(row) = rows.next()? {
        let source = row.get_ref(0)?.as_str()?;
        if sources.last().is_none_or(|last| last.source != source) {
            sources.push(Heard { source: source.to_owned(), ..Heard::default() });
        }
        // A kind of a later release isn't this one's to count.
        if let (Some(last), Some(kind)) = (sources.last_mut(), Kind::named(row.get_ref(1)?.as_str()?)) {
            last.recorded_ms[kind as usize] = row.get(2)?;
        }
    }
    Ok(sources)
}

pub(super) fn read_block(connection: &Connection, lane: u32, id: BlockId, each: &mut dyn FnMut(&[u8])) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT counters FROM kpi_block WHERE lane = ?1 AND rep = ?2 AND day = ?3")?;
    let mut rows = select.query(params![lane, id.rep, id.day])?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_blob()?);
    }
    Ok(())
}
/// The number and the mark of the last change of a lane.
pub(super) fn last_change(connection: &Connection, lane: u32) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut select = connection.prepare_cached("SELECT number, mark FROM kpi_change WHERE lane = ?1 ORDER BY number DESC LIMIT 1")?;
    select.query_row([lane], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Adds to the stream of changes, under a mark that no other change ever has: a copy of the file that was put back lacks it.
pub(super) fn note_change(to: &Connection, lane: u32, blocks: &[u8]) -> rusqlite::Result<()> {
    let number = last_change(to, lane)?.map_or(0, |(number, _)| number) + 1;
    to.prepare_cached("INSERT INTO kpi_change VALUES (?1, ?2, ?3, ?4)")?.execute(params![lane, number, rand::random::<i64>(), blocks])?;
    to.prepare_cached("DELETE FROM kpi_change WHERE lane = ?1 AND number <= ?2")?.execute(params![lane, number - CHANGES])?;
    Ok(())
}

pub(super) fn count_names(connection: &Connection, lane: u32) -> rusqlite::Result<u32> {
    connection.prepare_cached("SELECT count(*) + 1 FROM kpi_name WHERE lane = ?1")?.query_row([lane], |row| row.get(0))
}
