//! The writing end of one lane: each commit is a transaction.
//!
//! In: commits. Out: the packed tables, and `kpi`, which repeats the counters in words. Never here: a write outside the transaction that moves
//! the head.

use std::path::{Path, PathBuf};

use hashbrown::HashSet;
use onpace_kpis::Slot;
use onpace_kpis::block::{Block, BlockId};
use onpace_schemas::{Currency, time};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::tables::{last_change, note_change, read_block, read_head, read_known, read_names, read_sources, short, write_head};
use super::{KNOWN, OF_LANES, explain, read_settings, write_settings};
use crate::store::{Commit, EntityId, Head, Heard, LaneWriter, Settings, Settled, StoreError, changed, refuse_other};

pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    lane: u32,
    measures: Vec<String>,
    wanted: Option<Settings>,
    names: Vec<String>,
    /// The head as this writer last wrote it.
    head: Option<Head>,
    /// Short addresses of what is stored; `None` in a lane that has too many.
    known: Option<HashSet<u64>>,
    settled: Settled,
}

impl Writer {
    pub(super) fn new(connection: Connection, path: &Path, lane: u32, measures: &[String], wanted: Option<Settings>) -> Writer {
        Writer {
            connection,
            path: path.to_owned(),
            lane,
            measures: measures.to_owned(),
            wanted,
            names: Vec::new(),
            head: None,
            known: Some(HashSet::new()),
            settled: Settled::Committed,
        }
    }
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<(Head, Vec<String>), StoreError> {
        let lane = self.lane;
        let wrong = |error| explain(&self.path, &error);
        let taking = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        match (read_settings(&taking, &self.path)?, self.wanted) {
            (Some(there), Some(wanted)) => refuse_other(&self.path.display().to_string(), there, wanted)?,
            (None, Some(wanted)) => write_settings(&taking, wanted).map_err(wrong)?,
            (None, None) => {
                return Err(StoreError::Settings(format!(
                    "the store in {} was never settled; start a processor, which does",
                    self.path.display()
                )));
            }
            (Some(_), None) => {}
        }
        let taken = || -> rusqlite::Result<(Head, Vec<String>)> {
            let mut head = read_head(&taking, lane)?.unwrap_or_else(Head::begun);
            head.epoch += 1;
            write_head(&taking, lane, &head)?;
            if last_change(&taking, lane)?.is_none() {
                // So that every place in the stream is that of an entry.
                note_change(&taking, lane, &[])?;
            }
            let mut names = Vec::new();
            read_names(&taking, lane, 1, &mut |name| names.push(name.to_owned()))?;
            taking.commit()?;
            Ok((head, names))
        };
        let (head, names) = taken().map_err(wrong)?;
        self.known = read_known(&self.connection, lane, head.entities).map_err(wrong)?;
        self.head = Some(head);
        self.settled = Settled::Committed;
        self.names = std::iter::once(String::new()).chain(names.iter().cloned()).collect();
        Ok((head, names))
    }

    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached("SELECT state FROM kpi_entity WHERE lane = ?1 AND id = ?2")?;
            for (place, id) in ids.iter().enumerate() {
                let mut rows = select.query(params![self.lane, id.0])?;
                while let Some(row) = rows.next()? {
                    each(place, row.get_ref(0)?.as_blob()?);
                }
            }
            Ok(())
        };
        read().map_err(|error| explain(&self.path, &error))
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        for (place, id) in ids.iter().enumerate() {
            read_block(&self.connection, self.lane, *id, &mut |packed| each(place, packed)).map_err(|error| explain(&self.path, &error))?;
        }
        Ok(())
    }

    fn may_have(&self, id: &EntityId) -> bool {
        self.known.as_ref().is_none_or(|known| known.contains(&short(id)))
    }

    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        read_sources(&self.connection, self.lane).map_err(|error| explain(&self.path, &error))
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let Writer { connection, lane, measures, names, head, known, .. } = self;
        let mut submitted = || -> rusqlite::Result<Option<Head>> {
            let committing = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if read_head(&committing, *lane)? != *head {
                return Ok(None);
            }
            let Some(next) = head.map(|head| head.after(commit)) else { return Ok(None) };
            write_head(&committing, *lane, &next)?;
            names.truncate(commit.names_from as usize);
            names.extend(commit.names.iter().cloned());
            write(&committing, *lane, measures, names, commit)?;
            committing.commit()?;
            Ok(Some(next))
        };
        match submitted().map_err(|error| explain(&self.path, &error))? {
            Some(head) => {
                self.head = Some(head);
                *known = known.take().filter(|_| head.entities <= KNOWN);
                if let Some(known) = known {
                    known.extend(commit.entities.iter().map(|(id, _)| short(&id)));
                }
            }
            None => self.settled = Settled::Fenced,
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        Ok(self.settled)
    }

    fn empty(&mut self) -> Result<Settled, StoreError> {
        let Writer { connection, lane, head, .. } = self;
        let mut emptied = || -> rusqlite::Result<Settled> {
            let emptying = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if head.is_none() || read_head(&emptying, *lane)? != *head {
                return Ok(Settled::Fenced);
            }
            for table in OF_LANES {
                emptying.execute(&format!("DELETE FROM {table} WHERE lane = ?1"), [*lane])?;
            }
            emptying.commit()?;
            Ok(Settled::Committed)
        };
        emptied().map_err(|error| explain(&self.path, &error))
    }
}

fn write(to: &Transaction<'_>, lane: u32, measures: &[String], names: &[String], commit: &Commit) -> rusqlite::Result<()> {
    let mut name = to.prepare_cached("INSERT OR REPLACE INTO kpi_name VALUES (?1, ?2, ?3)")?;
    for (id, text) in (commit.names_from..).zip(&commit.names) {
        name.execute(params![lane, id, text])?;
    }
    let mut entity = to.prepare_cached("INSERT OR REPLACE INTO kpi_entity VALUES (?1, ?2, ?3)")?;
    for (id, state) in commit.entities.iter() {
        entity.execute(params![lane, id.0, state])?;
    }
    let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_block VALUES (?1, ?2, ?3, ?4)")?;
    let mut drop = to.prepare_cached("DELETE FROM kpi_block WHERE lane = ?1 AND rep = ?2 AND day = ?3")?;
    for (id, packed) in &commit.blocks {
        if packed.is_empty() {
            drop.execute(params![lane, id.rep, id.day])?;
        } else {
            put.execute(params![lane, id.rep, id.day, packed])?;
        }
        write_legibly(to, lane, measures, names, *id, packed)?;
    }
    for row in &commit.sources {
        to.prepare_cached("DELETE FROM kpi_source WHERE lane = ?1 AND source = ?2")?.execute(params![lane, row.source])?;
        let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_source VALUES (?1, ?2, ?3, ?4)")?;
        for (kind, recorded_ms) in row.kinds() {
            put.execute(params![lane, row.source, kind.name(), recorded_ms])?;
        }
    }
    if !commit.blocks.is_empty() {
        let mut blocks = Vec::new();
        changed::pack(commit.blocks.iter().map(|(id, _)| *id), &mut blocks);
        note_change(to, lane, &blocks)?;
    }
    Ok(())
}
/// The block's counters as rows that say what they are.
fn write_legibly(
    to: &Transaction<'_>,
    lane: u32,
    measures: &[String],
    names: &[String],
    id: BlockId,
    packed: &[u8],
) -> rusqlite::Result<()> {
    to.prepare_cached("DELETE FROM kpi WHERE lane = ?1 AND rep_id = ?2 AND day = ?3")?.execute(params![lane, id.rep, id.day])?;
    // The fold packed it a moment ago; the packed table has it in any case.
    let Ok(block) = Block::unpack(id.day, packed) else { return Ok(()) };
    let name = |number: u32| names.get(number as usize).map(String::as_str).filter(|name| !name.is_empty());
    let mut insert = to.prepare_cached("INSERT INTO kpi VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?;
    for (counter, value) in block.counters() {
        let measure = measures.get(usize::from(counter.measure)).map_or("?", String::as_str);
        let (starts_at, date) = match counter.slot {
            Slot::Quarter(slot) => (Some(time::show_instant(i64::from(slot) * onpace_kpis::slot::SLOT_S * time::US)), None),
            Slot::Date(day) => (None, Some(time::show_date(day))),
        };
        let currency = Currency::from_number(counter.extra);
        let bucket = (currency.is_none() && counter.extra != 0).then_some(counter.extra);
        let [first, second] = counter.dims;
        let whole = i64::try_from(*value).ok();
        let text = whole.is_none().then(|| value.to_string());
        insert.execute(params![
            lane,
            id.rep,
            id.day,
            name(id.rep).unwrap_or("unassigned"),
            measure,
            starts_at,
            date,
            name(first),
            name(second),
            currency.map(|currency| currency.to_string()),
            bucket,
            // What 64 bits can't hold is kept as text, in full.
            match &text {
                Some(text) => rusqlite::types::Value::Text(text.clone()),
                None => rusqlite::types::Value::Integer(whole.unwrap_or_default()),
            },
        ])?;
    }
    Ok(())
}
