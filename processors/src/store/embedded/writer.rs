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

use super::mend::{self, Found};
use super::pieces::{self, place};
use super::tables::{
    Tried, Wrong, check_block, check_entity, check_name, check_source, last_change, note_change, read_block, read_head, short, write_head,
};
use super::{KNOWN, explain, read_settings, write_settings};
use crate::store::round::{Met, Round};
use crate::store::{Commit, EntityId, Head, LaneWriter, Settings, Settled, Step, StoreError, Taken, changed, refuse_other};

pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    lane: u32,
    measures: Vec<String>,
    wanted: Option<Settings>,
    names: Vec<String>,
    /// The head as this writer last wrote it.
    head: Option<Head>,
    /// What it last found or wrote in the head's place.
    found: Found,
    round: Round,
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
            found: Found::Nothing,
            round: Round::default(),
            known: Some(HashSet::new()),
            settled: Settled::Committed,
        }
    }
}

impl Writer {
    /// Reads all of the lane as of the head just written, and holds it against it.
    fn read_whole(&mut self, head: Head) -> Result<Taken, StoreError> {
        let Writer { connection, path, lane, known, .. } = self;
        let mut taken = Taken { head, names: Vec::new(), sources: Vec::new(), blocks: None };
        let (mut blocks, mut found) = (Vec::new(), (head.entities <= KNOWN).then(HashSet::new));
        let mut pieces = pieces::Lane { connection, path, lane: *lane };
        Round::default().end(*lane, &head, &mut pieces, &mut |met| match met {
            Met::Name(name) => taken.names.push(name.to_owned()),
            Met::Source(row) => taken.sources.push(row.clone()),
            Met::Block(id) => blocks.push(id),
            Met::Entity(place, _) => _ = found.as_mut().map(|found| found.insert(short(&EntityId(place.to_be_bytes())))),
        })?;
        taken.blocks = Some(blocks);
        *known = found;
        Ok(taken)
    }

    /// What is made of damage: another may have been at work, who is then the one to tell.
    fn if_owned<T>(&mut self, damaged: StoreError, otherwise: T) -> Result<T, StoreError> {
        if self.owns()? { Err(damaged) } else { Ok(otherwise) }
    }
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        let lane = self.lane;
        self.found = Found::now(&self.connection, lane);
        let path = self.path.clone();
        let wrong = |error: rusqlite::Error| explain(&path, error);
        let taking = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        match (read_settings(&taking, &path)?, self.wanted) {
            (Some(there), Some(wanted)) => refuse_other(&path.display().to_string(), there, wanted)?,
            (None, Some(wanted)) => write_settings(&taking, wanted).map_err(wrong)?,
            (None, None) => {
                return Err(StoreError::Settings(format!(
                    "the store in {} was never settled; start a processor, which does",
                    path.display()
                )));
            }
            (Some(_), None) => {}
        }
        let taken = || -> Tried<Head> {
            let mut head = read_head(&taking, lane)?.unwrap_or_else(Head::begun);
            head.epoch += 1;
            write_head(&taking, lane, &head)?;
            if last_change(&taking, lane)?.is_none() {
                // So that every place in the stream is that of an entry.
                note_change(&taking, lane, &[])?;
            }
            taking.commit()?;
            Ok(head)
        };
        let head = taken().map_err(|wrong| explain(&path, wrong))?;
        (self.head, self.found, self.settled) = (Some(head), Found::Head(head), Settled::Committed);
        // One read transaction sees one moment.
        self.connection.execute_batch("BEGIN").map_err(wrong)?;
        let read = self.read_whole(head);
        self.connection.execute_batch("COMMIT").map_err(wrong)?;
        let taken = match read {
            Err(damaged @ StoreError::Damaged { .. }) => {
                return self.if_owned(damaged, ()).and_then(|()| {
                    Err(StoreError::Away(format!(
                        "another process took lane {lane} of {} over meanwhile; is it assigned twice?",
                        path.display()
                    )))
                });
            }
            read => read?,
        };
        self.round = Round::default();
        self.names = std::iter::once(String::new()).chain(taken.names.iter().cloned()).collect();
        Ok(taken)
    }

    fn owns(&mut self) -> Result<bool, StoreError> {
        Ok(self.head.is_some() && self.settled == Settled::Committed && Found::now(&self.connection, self.lane) == self.found)
    }

    fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        let Some(head) = self.head.filter(|_| self.settled == Settled::Committed) else { return Ok(Step::On) };
        let Writer { connection, path, lane, round, .. } = self;
        let mut pieces = pieces::Lane { connection, path, lane: *lane };
        match round.step(*lane, &head, &mut pieces, most, &mut |_| {}) {
            Err(damaged @ StoreError::Damaged { .. }) => self.if_owned(damaged, Step::On),
            stepped => stepped,
        }
    }

    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        let mut gone = None;
        let mut read = || -> Tried<()> {
            let mut select = self.connection.prepare_cached("SELECT state, checksum FROM kpi_entity WHERE lane = ?1 AND id = ?2")?;
            for (place, id) in ids.iter().enumerate() {
                let mut rows = select.query(params![self.lane, id.0])?;
                match rows.next()? {
                    Some(row) => {
                        let state = row.get_ref(0)?.as_blob()?;
                        if row.get::<_, i64>(1)? != check_entity(self.lane, id, state) {
                            return Err(Wrong::entity(self.lane, id));
                        }
                        each(place, state);
                    }
                    // What is gone would be taken for new, and counted a second time.
                    None if self.known.as_ref().is_some_and(|known| known.contains(&short(id))) => gone = Some(*id),
                    None => {}
                }
            }
            Ok(())
        };
        read().map_err(|wrong| explain(&self.path, wrong))?;
        match gone {
            None => Ok(()),
            Some(EntityId(id)) => {
                let place =
                    format!("{}, table kpi_entity, lane {}, entity {:032x}", self.path.display(), self.lane, u128::from_be_bytes(id));
                self.if_owned(StoreError::Damaged { place, why: "it has gone".into() }, ())
            }
        }
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        for (place, id) in ids.iter().enumerate() {
            read_block(&self.connection, self.lane, *id, &mut |packed| each(place, packed)).map_err(|wrong| explain(&self.path, wrong))?;
        }
        Ok(())
    }

    fn may_have(&self, id: &EntityId) -> bool {
        self.known.as_ref().is_none_or(|known| known.contains(&short(id)))
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let Writer { connection, lane, measures, names, head, known, .. } = self;
        let mut submitted = || -> Tried<Option<Head>> {
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
        match submitted().map_err(|wrong| explain(&self.path, wrong))? {
            Some(head) => {
                (self.head, self.found) = (Some(head), Found::Head(head));
                self.round.committed(commit, (0..commit.entities.len()).map(|at| (place(&commit.entities.key(at)), at)));
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

    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        let begun = mend::begin_anew(&mut self.connection, self.lane, &self.found).map_err(|error| explain(&self.path, error))?;
        (self.head, self.settled) = (None, Settled::Fenced);
        Ok(begun)
    }
}

fn write(to: &Transaction<'_>, lane: u32, measures: &[String], names: &[String], commit: &Commit) -> rusqlite::Result<()> {
    let mut name = to.prepare_cached("INSERT OR REPLACE INTO kpi_name VALUES (?1, ?2, ?3, ?4)")?;
    for (id, text) in (commit.names_from..).zip(&commit.names) {
        name.execute(params![lane, id, text, check_name(lane, id, text)])?;
    }
    let mut entity = to.prepare_cached("INSERT OR REPLACE INTO kpi_entity VALUES (?1, ?2, ?3, ?4)")?;
    for (id, state) in commit.entities.iter() {
        entity.execute(params![lane, id.0, state, check_entity(lane, &id, state)])?;
    }
    let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_block VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut drop = to.prepare_cached("DELETE FROM kpi_block WHERE lane = ?1 AND rep = ?2 AND day = ?3")?;
    for (id, packed) in commit.blocks.iter() {
        if packed.is_empty() {
            drop.execute(params![lane, id.rep, id.day])?;
        } else {
            put.execute(params![lane, id.rep, id.day, packed, check_block(lane, id, packed)])?;
        }
        write_legibly(to, lane, measures, names, id, packed)?;
    }
    for row in &commit.sources {
        to.prepare_cached("DELETE FROM kpi_source WHERE lane = ?1 AND source = ?2")?.execute(params![lane, row.source])?;
        let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_source VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (kind, recorded_ms) in row.kinds() {
            let check = check_source(lane, &row.source, kind.name(), recorded_ms);
            put.execute(params![lane, row.source, kind.name(), recorded_ms, check])?;
        }
    }
    if !commit.blocks.is_empty() {
        let mut blocks = Vec::new();
        changed::pack(commit.blocks.iter().map(|(id, _)| id), &mut blocks);
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
