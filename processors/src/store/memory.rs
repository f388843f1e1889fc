//! The store in memory, for tests and simulation, with faults to order.
//!
//! In: commits. Out: what they left, for as long as the process lives. Clones share one store.
//! Never here: I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onpace_kpis::block::BlockId;

use super::round::{Pieces, Place, Round};
use super::{
    Changes, Commit, EntityId, Head, Heard, KpiStore, LaneWriter, Position, Serving, Settings, Settled, Step, StoreError, StoreReader,
    Taken, forgotten, refuse_other, show_head, show_sources,
};

/// How many commits a lane's stream remembers.
const CHANGES: usize = 10_000;

/// What goes wrong with the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Lost,
    /// It is applied, but its answer is lost.
    Unanswered,
}

/// The store in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
    /// What this process settled on: a lane of a store for something else is not taken over.
    settled: Arc<Mutex<Option<Settings>>>,
    /// Its writers don't know what is stored without asking.
    forgetful: bool,
    /// No step of a patrol looks at more.
    stride: Option<usize>,
}

#[derive(Clone, Default)]
struct Inner {
    settings: Option<Settings>,
    lanes: BTreeMap<u32, Lane>,
    faults: VecDeque<Fault>,
    /// Who serves: it has no clock, so nobody falls silent.
    serving: BTreeMap<String, Serving>,
    /// How often it was forgotten or set back. Whoever owned a lane before owns it no longer, even if the same head lies there again: what it read
    /// meanwhile was of another store. Redis tells by `WATCH`, or by a connection that breaks.
    era: u64,
    /// After so many operations: which lane, what, and to which of its values.
    #[cfg(test)]
    harms: Vec<(u32, u32, super::suite::Harm, usize)>,
}

#[derive(Clone)]
struct Lane {
    head: Head,
    names: Vec<String>,
    entities: BTreeMap<EntityId, Vec<u8>>,
    blocks: BTreeMap<BlockId, Vec<u8>>,
    sources: BTreeMap<String, Heard>,
    /// What the last commits changed, each under a mark that no other ever has.
    changes: VecDeque<(u64, Vec<BlockId>)>,
}

/// A copy of everything a store held.
#[derive(Clone)]
pub struct Snapshot(BTreeMap<u32, Lane>, Option<Settings>);

impl MemoryStore {
    /// A store whose writers have to ask about every entity, as those of a lane too large to remember.
    pub fn forgetful() -> MemoryStore {
        MemoryStore { forgetful: true, ..MemoryStore::default() }
    }

    /// The same, whose writers go round it by so few values a step.
    #[must_use]
    pub fn striding(self, stride: usize) -> MemoryStore {
        MemoryStore { stride: Some(stride), ..self }
    }

    /// Orders a fault for the next commit of any lane; several queue up.
    pub fn fail_next(&self, fault: Fault) {
        self.lock().faults.push_back(fault);
    }

    /// Forgets everything, as a Redis that restarts empty.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.settings = None;
        inner.lanes.clear();
        inner.serving.clear();
        inner.era += 1;
    }

    /// A copy to [`MemoryStore::restore`].
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        Snapshot(inner.lanes.clone(), inner.settings)
    }

    /// Goes back in time.
    pub fn restore(&self, snapshot: Snapshot) {
        let mut inner = self.lock();
        inner.lanes = snapshot.0;
        inner.settings = snapshot.1;
        inner.era += 1;
    }

    /// The same store as another process would have it.
    #[must_use]
    pub fn elsewhere(&self) -> MemoryStore {
        MemoryStore { inner: Arc::clone(&self.inner), settled: Arc::default(), ..*self }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For one operation of a writer: what was ordered for after so many happens now.
    fn at_work(&self) -> MutexGuard<'_, Inner> {
        #[cfg_attr(not(test), expect(unused_mut, reason = "only tests do damage"))]
        let mut inner = self.lock();
        #[cfg(test)]
        for (lane, harm, pick) in inner.due() {
            inner.harm(lane, harm, pick);
        }
        inner
    }

    fn settled(&self) -> MutexGuard<'_, Option<Settings>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl MemoryStore {
    /// Does damage to a lane, to whichever of its values `pick` names; whether there was anything to damage.
    pub(crate) fn harm(&self, lane: u32, harm: super::suite::Harm, pick: usize) -> bool {
        self.lock().harm(lane, harm, pick)
    }

    /// The same, once so many operations of writers have gone by.
    pub(crate) fn harm_after(&self, operations: u32, lane: u32, harm: super::suite::Harm, pick: usize) {
        self.lock().harms.push((operations, lane, harm, pick));
    }

    /// What was ordered and has not happened does not happen any more.
    pub(crate) fn calm(&self) {
        let mut inner = self.lock();
        inner.faults.clear();
        inner.harms.clear();
    }
}

#[cfg(test)]
impl Inner {
    /// One operation more: what is due now.
    fn due(&mut self) -> Vec<(u32, super::suite::Harm, usize)> {
        self.harms.iter_mut().for_each(|(left, ..)| *left = left.saturating_sub(1));
        let due = self.harms.extract_if(.., |(left, ..)| *left == 0);
        due.map(|(_, lane, harm, pick)| (lane, harm, pick)).collect()
    }

    fn harm(&mut self, lane: u32, harm: super::suite::Harm, pick: usize) -> bool {
        use super::suite::Harm;
        fn one<K: Copy + Ord, V>(of: &BTreeMap<K, V>, pick: usize) -> Option<K> {
            of.keys().nth(pick % of.len().max(1)).copied()
        }
        fn flip(packed: Option<&mut Vec<u8>>, pick: usize) -> bool {
            let bits = packed.as_ref().map_or(0, |packed| 8 * packed.len());
            packed.filter(|_| bits > 0).map(|packed| packed[pick % bits / 8] ^= 1 << (pick % 8)).is_some()
        }
        let Some(lane) = self.lanes.get_mut(&lane) else { return false };
        let before = lane.clone();
        match harm {
            Harm::NoNames => lane.names.clear(),
            Harm::OtherName => {
                let count = lane.names.len().max(1);
                lane.names.get_mut(pick % count).into_iter().for_each(|name| name.push('x'));
            }
            Harm::NoSources => lane.sources.clear(),
            Harm::NoBlocks => {
                let rep = one(&lane.blocks, pick).map(|id| id.rep);
                lane.blocks.retain(|id, _| Some(id.rep) != rep);
            }
            Harm::BitOfBlock => {
                let id = one(&lane.blocks, pick);
                flip(id.and_then(|id| lane.blocks.get_mut(&id)), pick);
            }
            Harm::NoEntities => {
                let gone = one(&lane.entities, pick);
                lane.entities.retain(|id, _| Some(*id) != gone);
            }
            Harm::BitOfEntity => {
                let id = one(&lane.entities, pick);
                flip(id.and_then(|id| lane.entities.get_mut(&id)), pick);
            }
            Harm::Head => lane.head.sums.entities.hash ^= 1 << (pick % 64),
        }
        (before.names, before.sources, before.blocks, before.entities, before.head)
            != (lane.names.clone(), lane.sources.clone(), lane.blocks.clone(), lane.entities.clone(), lane.head)
    }
}

impl KpiStore for MemoryStore {
    fn settle(&self, settings: Settings) -> Result<(), StoreError> {
        let there = *self.lock().settings.get_or_insert(settings);
        refuse_other("memory", there, settings)?;
        *self.settled() = Some(settings);
        Ok(())
    }

    fn settings(&self) -> Result<Option<Settings>, StoreError> {
        Ok(self.lock().settings)
    }

    fn wipe(&self, settings: Settings) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.lanes.clear();
        inner.settings = Some(settings);
        *self.settled() = Some(settings);
        Ok(())
    }

    fn serve(&self, holder: &str, words: &str, ended: bool) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let known: Vec<Serving> = inner.serving.values().cloned().collect();
        for gone in forgotten(&known, holder, ended) {
            inner.serving.remove(gone);
        }
        let serving = Serving { holder: holder.to_owned(), words: words.to_owned(), age_ms: 0, ended };
        inner.serving.insert(holder.to_owned(), serving);
        Ok(())
    }

    fn serving(&self) -> Result<Vec<Serving>, StoreError> {
        Ok(self.lock().serving.values().cloned().collect())
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError> {
        let inner = self.lock();
        let total = inner.lanes.values().map(|lane| lane.head.sums.values()).sum();
        let mut done = 0;
        for (number, lane) in &inner.lanes {
            Round::default().end(*number, &lane.head, &mut &*lane, &mut |_| {
                done += 1;
                progress(done, total);
            })?;
        }
        Ok(Vec::new())
    }

    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        Ok(Box::new(Writer { store: self.clone(), lane, head: None, era: 0, settled: Ok(Settled::Committed), round: Round::default() }))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(Reader { store: self.clone() }))
    }
}

struct Writer {
    store: MemoryStore,
    lane: u32,
    head: Option<Head>,
    era: u64,
    settled: Result<Settled, ()>,
    round: Round,
}

impl Writer {
    fn with<T>(&self, read: impl FnOnce(&Lane) -> T) -> Option<T> {
        self.store.at_work().lanes.get(&self.lane).map(read)
    }

    /// The lane, if nobody but this writer has written its head since it took it over.
    fn owned<'a>(&self, inner: &'a mut Inner) -> Option<&'a mut Lane> {
        inner.lanes.get_mut(&self.lane).filter(|lane| inner.era == self.era && Some(lane.head) == self.head)
    }
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        let mut inner = self.store.at_work();
        match (inner.settings, *self.store.settled()) {
            (Some(there), Some(wanted)) => refuse_other("memory", there, wanted)?,
            (None, Some(wanted)) => inner.settings = Some(wanted),
            (None, None) => {
                return Err(StoreError::Settings("the store in memory was never settled; start a processor, which does".into()));
            }
            (Some(_), None) => {}
        }
        self.era = inner.era;
        let lane = inner.lanes.entry(self.lane).or_insert_with(|| Lane {
            head: Head::begun(),
            names: Vec::new(),
            entities: BTreeMap::new(),
            blocks: BTreeMap::new(),
            sources: BTreeMap::new(),
            // So that every place in the stream is that of an entry.
            changes: VecDeque::from([(rand::random(), Vec::new())]),
        });
        lane.head.epoch += 1;
        let head = lane.head;
        (self.head, self.settled, self.round) = (Some(head), Ok(Settled::Committed), Round::default());
        Round::default().end(self.lane, &head, &mut &*lane, &mut |_| {})?;
        let blocks = (!self.store.forgetful).then(|| lane.blocks.keys().copied().collect());
        Ok(Taken { head, names: lane.names.clone(), sources: lane.sources.values().cloned().collect(), blocks })
    }

    fn owns(&mut self) -> Result<bool, StoreError> {
        Ok(self.owned(&mut self.store.at_work()).is_some())
    }

    fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        let most = self.store.stride.map_or(most, |stride| most.min(stride));
        drop(self.store.at_work());
        let mut inner = self.store.lock();
        match self.owned(&mut inner) {
            Some(lane) => self.round.step(self.lane, &lane.head, &mut &*lane, most, &mut |_| {}),
            // Another's, or gone: the next commit says so.
            None => Ok(Step::On),
        }
    }

    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.with(|lane| {
            for (place, id) in ids.iter().enumerate() {
                if let Some(packed) = lane.entities.get(id) {
                    each(place, packed);
                }
            }
        });
        Ok(())
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.with(|lane| {
            for (place, id) in ids.iter().enumerate() {
                if let Some(packed) = lane.blocks.get(id) {
                    each(place, packed);
                }
            }
        });
        Ok(())
    }

    fn may_have(&self, id: &EntityId) -> bool {
        self.store.forgetful || self.store.lock().lanes.get(&self.lane).is_some_and(|lane| lane.entities.contains_key(id))
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        drop(self.store.at_work());
        let mut inner = self.store.lock();
        let fault = inner.faults.pop_front();
        if fault == Some(Fault::Lost) {
            self.settled = Err(());
            return Ok(());
        }
        let Some(lane) = self.owned(&mut inner) else {
            self.settled = Ok(Settled::Fenced);
            return Ok(());
        };
        lane.apply(commit);
        let places = (0..commit.entities.len()).map(|at| (place(&commit.entities.key(at)), at));
        self.round.committed(commit, places);
        self.head = Some(lane.head);
        self.settled = if fault == Some(Fault::Unanswered) { Err(()) } else { Ok(Settled::Committed) };
        Ok(())
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        self.settled.map_err(|()| StoreError::Away("the answer was lost, as ordered".into()))
    }

    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        let mut inner = self.store.lock();
        if self.owned(&mut inner).is_none() {
            return Ok(Settled::Fenced);
        }
        inner.lanes.remove(&self.lane);
        Ok(Settled::Committed)
    }
}

impl Lane {
    fn mark(&self) -> String {
        self.changes.back().map_or(0, |(mark, _)| *mark).to_string()
    }

    fn apply(&mut self, commit: &Commit) {
        self.head = self.head.after(commit);
        self.names.extend(commit.names.iter().cloned());
        for (id, packed) in commit.entities.iter() {
            self.entities.insert(id, packed.to_vec());
        }
        for (id, packed) in commit.blocks.iter() {
            if packed.is_empty() {
                self.blocks.remove(&id);
            } else {
                self.blocks.insert(id, packed.to_vec());
            }
        }
        for row in &commit.sources {
            if row.says_nothing() {
                self.sources.remove(&row.source);
            } else {
                self.sources.insert(row.source.clone(), row.clone());
            }
        }
        if !commit.blocks.is_empty() {
            self.changes.push_back((rand::random(), commit.blocks.iter().map(|(id, _)| id).collect()));
            if self.changes.len() > CHANGES {
                self.changes.pop_front();
            }
        }
    }
}

/// Entities lie in the order of their addresses.
fn place(id: &EntityId) -> Place {
    Place::from_be_bytes(id.0)
}

impl Pieces for &Lane {
    fn names(&mut self, from: u32, most: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.names.iter().skip(from.saturating_sub(1) as usize).take(most as usize).for_each(|name| each(name));
        Ok(())
    }

    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        Ok(self.sources.values().cloned().collect())
    }

    fn blocks(&mut self, from: u32, to: u32, each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        let first = |rep| BlockId { rep, day: i32::MIN };
        self.blocks.range(first(from)..first(to)).for_each(|(id, packed)| each(*id, packed));
        Ok(())
    }

    fn entities(&mut self, from: Place, most: usize, each: &mut dyn FnMut(Place, &[u8; 10], &[u8])) -> Result<Option<Place>, StoreError> {
        let mut rest = self.entities.range(EntityId(from.to_be_bytes())..);
        rest.by_ref().take(most).for_each(|(id, packed)| each(place(id), id.field(), packed));
        Ok(rest.next().map(|(id, _)| place(id)))
    }
}

struct Reader {
    store: MemoryStore,
}

impl StoreReader for Reader {
    fn head(&mut self, lane: u32) -> Result<Option<Head>, StoreError> {
        Ok(self.store.lock().lanes.get(&lane).map(|lane| lane.head))
    }

    fn load(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        let inner = self.store.lock();
        let Some(lane) = inner.lanes.get(&lane) else { return Ok(None) };
        lane.names.iter().for_each(|name| names(name));
        lane.blocks.iter().for_each(|(id, packed)| each(*id, packed));
        let mark = lane.mark();
        Ok(Some(Position { birth: lane.head.birth, offset: lane.head.offset, names: lane.names.len() as u32 + 1, mark }))
    }

    fn changes(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        let inner = self.store.lock();
        let Some(lane) = inner.lanes.get(&lane) else { return Ok(Changes::Gap) };
        let mark = since.mark.parse().ok();
        let place = lane.changes.iter().position(|(known, _)| Some(*known) == mark);
        let Some(place) = place.filter(|_| lane.head.birth == since.birth && lane.head.offset >= since.offset) else {
            return Ok(Changes::Gap);
        };
        let mut blocks: Vec<BlockId> = lane.changes.iter().skip(place + 1).flat_map(|(_, blocks)| blocks).copied().collect();
        blocks.sort_unstable();
        blocks.dedup();
        let names = lane.names.len() as u32 + 1;
        Ok(Changes::Blocks(blocks, Position { birth: lane.head.birth, offset: lane.head.offset, names, mark: lane.mark() }))
    }

    fn names(&mut self, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        if let Some(lane) = self.store.lock().lanes.get(&lane) {
            lane.names.iter().skip(from.saturating_sub(1) as usize).for_each(|name| each(name));
        }
        Ok(())
    }

    fn blocks(&mut self, lane: u32, ids: &[BlockId], each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        let inner = self.store.lock();
        let lane = inner.lanes.get(&lane);
        for id in ids {
            each(*id, lane.and_then(|lane| lane.blocks.get(id)).map_or(&[], Vec::as_slice));
        }
        Ok(())
    }

    fn sources(&mut self, lane: u32) -> Result<Vec<Heard>, StoreError> {
        Ok(self.store.lock().lanes.get(&lane).map(|lane| lane.sources.values().cloned().collect()).unwrap_or_default())
    }

    fn inspect(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let inner = self.store.lock();
        if key.is_empty() {
            let keys = inner.lanes.iter().map(|(number, lane)| {
                let sources = if lane.sources.is_empty() { String::new() } else { format!("sources:{number}\n") };
                format!("head:{number}\n{sources}")
            });
            return Ok(Some(keys.collect()));
        }
        let Some((what, lane)) = key.split_once(':').and_then(|(what, lane)| Some((what, lane.parse().ok()?))) else { return Ok(None) };
        Ok(inner.lanes.get(&lane).and_then(|kept| match what {
            "head" => Some(show_head(lane, &kept.head)),
            "sources" => Some(show_sources(&kept.sources.values().cloned().collect::<Vec<_>>())),
            _ => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::any::Any;

    use super::*;
    use crate::store::suite::{self, Harm, Place};

    impl Place for MemoryStore {
        fn store(&self) -> &dyn KpiStore {
            self
        }

        fn elsewhere(&self) -> Box<dyn KpiStore> {
            Box::new(MemoryStore::elsewhere(self))
        }

        fn snapshot(&self) -> Box<dyn Any> {
            Box::new(MemoryStore::snapshot(self))
        }

        fn restore(&self, snapshot: &dyn Any) {
            MemoryStore::restore(self, snapshot.downcast_ref::<Snapshot>().unwrap().clone());
        }

        fn forget(&self) {
            MemoryStore::forget(self);
        }

        fn harm(&self, lane: u32, harm: Harm) {
            MemoryStore::harm(self, lane, harm, 0);
        }

        fn again(&self) -> Box<dyn Place> {
            Box::new(MemoryStore::default())
        }
    }

    suite::tests!(MemoryStore::default);

    #[test]
    fn one_put_back_to_where_it_was_fences_its_owner() {
        suite::one_put_back_to_where_it_was_fences_its_owner(&MemoryStore::default());
    }

    #[test]
    fn an_ordered_fault_strikes_once() {
        let store = MemoryStore::default();
        store.settle(suite::SETTINGS).unwrap();
        for (fault, offset) in [(Fault::Lost, 0), (Fault::Unanswered, 7)] {
            let mut writer = store.writer(0).unwrap();
            writer.take_over().unwrap();
            store.fail_next(fault);
            writer.submit(&Commit { offset: 7, ..Commit::default() }).unwrap();
            assert!(matches!(writer.settle(), Err(StoreError::Away(_))));
            assert_eq!(store.reader().unwrap().head(0).unwrap().unwrap().offset, offset);
        }
    }
}
