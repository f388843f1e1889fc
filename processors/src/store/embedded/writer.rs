//! The writing end of one lane.
//!
//! In: what the lane's owner asks and commits. Out: what is there, and how each commit ended. What always holds: nothing is read before the commit on its way has
//! landed. Never here: how a commit is written ([`commit`](super::commit)).

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use onpace_kpis::block::BlockId;
use onpace_producers::log::embedded::file::Loss;
use rusqlite::{Connection, TransactionBehavior};

use super::commit::{Underway, Writing};
use super::layout::{entity_place, write_settings};
use super::mend::{self, Found};
use super::tables::{Tried, last_change, note_change, read_block, read_head, sound_entity, write_head};
use super::{connect, explain, pieces, read_settings};
use crate::store::places::Places;
use crate::store::round::{Met, Round};
use crate::store::{Commit, EntityId, Head, LaneWriter, Settings, Settled, Step, StoreError, Taken, refuse_other};

/// How much of the file is kept in memory while commits are written, in KiB: the pages of some minutes of a busy past, which they go back to.
const CACHE_KIB: i64 = 32 << 10;
/// A commit of fewer entities is written before a thread could be started for it.
const APART: usize = 5_000;
/// An entity to a row: its bucket is its number.
const FILL: u32 = 1;

pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    lane: u32,
    measures: Vec<String>,
    wanted: Option<Settings>,
    /// The head as this writer last wrote it.
    head: Option<Head>,
    /// What it last found or wrote in the head's place.
    found: Found,
    round: Round,
    /// The number of each entity.
    places: Places,
    settled: Settled,
    /// A commit that is written while the next batch is folded.
    underway: Option<Underway>,
    /// The connection on which commits are written; made when it is first needed, and away with the one that is on its way.
    committing: Option<Connection>,
    loss: Loss,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody asks for its answer any more; but whoever ends wants nothing to be written afterwards.
        let _ = self.land();
    }
}

impl Writer {
    pub(super) fn new(connection: Connection, path: &Path, loss: Loss, lane: u32, measures: &[String], wanted: Option<Settings>) -> Writer {
        Writer {
            connection,
            path: path.to_owned(),
            lane,
            measures: measures.to_owned(),
            wanted,
            head: None,
            found: Found::Nothing,
            round: Round::default(),
            places: Places::new(FILL),
            settled: Settled::Committed,
            underway: None,
            committing: None,
            loss,
        }
    }
}

impl Writer {
    /// Reads all of the lane as of the head just written, and holds it against it.
    fn read_whole(&mut self, head: Head) -> Result<Taken, StoreError> {
        let Writer { connection, path, lane, places, .. } = self;
        let mut taken = Taken { head, names: Vec::new(), sources: Vec::new(), blocks: None };
        let (mut blocks, mut found) = (Vec::new(), Places::new(FILL));
        let mut pieces = pieces::Lane { connection, path, lane: *lane };
        Round::default().end(*lane, &head, &mut pieces, &mut |met| match met {
            Met::Name(name) => taken.names.push(name.to_owned()),
            Met::Source(row) => taken.sources.push(row.clone()),
            Met::Block(id) => blocks.push(id),
            Met::Entity(number, address) => _ = found.note(address, number as u32),
        })?;
        taken.blocks = Some(blocks);
        *places = found;
        Ok(taken)
    }

    fn connect_to_commit(&self) -> Result<Connection, StoreError> {
        let connected = connect(&self.path, self.loss);
        let cached = |connection: Connection| connection.pragma_update(None, "cache_size", -CACHE_KIB).map(|()| connection);
        connected.and_then(cached).map_err(|wrong| explain(&self.path, wrong))
    }

    /// Waits for the commit that is on its way, and notes how it ended.
    fn land(&mut self) -> Result<(), StoreError> {
        let Some(underway) = self.underway.take() else { return Ok(()) };
        let Ok((committing, writing, written)) = underway.join() else {
            return Err(StoreError::Away(format!("a commit into {} broke off; it is looked at again", self.path.display())));
        };
        self.landed(committing, &writing, written)
    }

    fn landed(&mut self, committing: Connection, writing: &Writing<'_>, written: Tried<Option<Head>>) -> Result<(), StoreError> {
        self.committing = Some(committing);
        match written.map_err(|wrong| explain(&self.path, wrong))? {
            Some(head) => {
                (self.head, self.found) = (Some(head), Found::Head(head));
                self.round.committed(&writing.commit, (0..).zip(&writing.numbers).map(|(at, number)| ((*number).into(), at)));
            }
            None => self.settled = Settled::Fenced,
        }
        Ok(())
    }

    /// What is made of damage: another may have been at work, who is then the one to tell.
    fn if_owned<T>(&mut self, damaged: StoreError, otherwise: T) -> Result<T, StoreError> {
        if self.owns()? { Err(damaged) } else { Ok(otherwise) }
    }
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        self.land()?;
        let lane = self.lane;
        self.found = Found::now(&self.connection, lane);
        let path = self.path.clone();
        let wrong = |error: rusqlite::Error| explain(&path, error);
        let taking = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        match (read_settings(&taking, &path)?, self.wanted) {
            (Some(there), Some(wanted)) => refuse_other(&path.display().to_string(), there, wanted)?,
            (None, Some(wanted)) => write_settings(&taking, wanted, &self.measures).map_err(wrong)?,
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
        Ok(taken)
    }

    fn owns(&mut self) -> Result<bool, StoreError> {
        self.land()?;
        Ok(self.head.is_some() && self.settled == Settled::Committed && Found::now(&self.connection, self.lane) == self.found)
    }

    fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        self.land()?;
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
        self.land()?;
        // As they lie in the file: a page is looked for once.
        let mut lie: Vec<(u32, usize)> = ids.iter().enumerate().filter_map(|(at, id)| Some((self.places.find(id)?, at))).collect();
        lie.sort_unstable();
        let read = || -> Tried<()> {
            let mut select = self.connection.prepare_cached("SELECT address, state, checksum FROM kpi_entity WHERE place = ?1")?;
            for (number, at) in lie {
                let place = entity_place(self.lane, number);
                let mut rows = select.query([place])?;
                let found = rows.next()?.map(|row| sound_entity(place, row, 0)).transpose()?;
                match found.filter(|(address, _)| *address == ids[at].field()) {
                    Some((_, state)) => each(at, state),
                    // What is gone would be taken for new, and counted a second time.
                    None => gone = Some(number),
                }
            }
            Ok(())
        };
        read().map_err(|wrong| explain(&self.path, wrong))?;
        match gone {
            None => Ok(()),
            Some(number) => {
                let place = format!("{}, table kpi_entity, lane {}, entity number {number}", self.path.display(), self.lane);
                self.if_owned(StoreError::Damaged { place, why: "it has gone".into() }, ())
            }
        }
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.land()?;
        for (place, id) in ids.iter().enumerate() {
            read_block(&self.connection, self.lane, *id, &mut |packed| each(place, packed)).map_err(|wrong| explain(&self.path, wrong))?;
        }
        Ok(())
    }

    fn may_have(&self, id: &EntityId) -> bool {
        self.places.find(id).is_some()
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.land()?;
        let Some(head) = self.head else {
            self.settled = Settled::Fenced;
            return Ok(());
        };
        let numbers = (0..commit.entities.len()).map(|at| self.places.find_or_put(&commit.entities.key(at))).collect();
        let writing = Writing { lane: self.lane, head, commit: Cow::Borrowed(commit), numbers };
        let mut committing = match self.committing.take() {
            Some(committing) => committing,
            None => self.connect_to_commit()?,
        };
        if commit.entities.len() < APART {
            let written = writing.write(&mut committing);
            return self.landed(committing, &writing, written);
        }
        let no_thread = |error| StoreError::Away(format!("no thread to write a commit into {}: {error}", self.path.display()));
        self.underway = Some(writing.apart(committing).map_err(no_thread)?);
        Ok(())
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        self.land()?;
        Ok(self.settled)
    }

    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        self.land()?;
        let begun = mend::begin_anew(&mut self.connection, self.lane, &self.found).map_err(|error| explain(&self.path, error))?;
        (self.head, self.settled) = (None, Settled::Fenced);
        Ok(begun)
    }
}
