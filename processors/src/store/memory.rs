//! The store in memory, for tests and simulation, with faults to order.
//!
//! In: commits. Out: what they left, for as long as the process lives. Clones share one store.
//! Never here: I/O.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onpace_kpis::block::BlockId;

use super::{
    Changes, Commit, EntityId, Head, Heard, KpiStore, LaneWriter, Position, Settings, Settled, StoreError, StoreReader, refuse_other,
    show_head, show_sources,
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
}

#[derive(Clone, Default)]
struct Inner {
    settings: Option<Settings>,
    lanes: BTreeMap<u32, Lane>,
    faults: VecDeque<Fault>,
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

    /// Orders a fault for the next commit of any lane; several queue up.
    pub fn fail_next(&self, fault: Fault) {
        self.lock().faults.push_back(fault);
    }

    /// Forgets everything, as a Redis that restarts empty.
    pub fn forget(&self) {
        let mut inner = self.lock();
        inner.settings = None;
        inner.lanes.clear();
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
    }

    /// The same store as another process would have it.
    #[must_use]
    pub fn elsewhere(&self) -> MemoryStore {
        MemoryStore { inner: Arc::clone(&self.inner), settled: Arc::default(), ..*self }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> MutexGuard<'_, Option<Settings>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        Ok(Box::new(Writer { store: self.clone(), lane, head: None, settled: Ok(Settled::Committed) }))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(Reader { store: self.clone() }))
    }
}

struct Writer {
    store: MemoryStore,
    lane: u32,
    head: Option<Head>,
    settled: Result<Settled, ()>,
}

impl Writer {
    fn with<T>(&self, read: impl FnOnce(&Lane) -> T) -> Option<T> {
        self.store.lock().lanes.get(&self.lane).map(read)
    }
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<(Head, Vec<String>), StoreError> {
        let mut inner = self.store.lock();
        match (inner.settings, *self.store.settled()) {
            (Some(there), Some(wanted)) => refuse_other("memory", there, wanted)?,
            (None, Some(wanted)) => inner.settings = Some(wanted),
            (None, None) => {
                return Err(StoreError::Settings("the store in memory was never settled; start a processor, which does".into()));
            }
            (Some(_), None) => {}
        }
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
        self.head = Some(lane.head);
        self.settled = Ok(Settled::Committed);
        Ok((lane.head, lane.names.clone()))
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
        self.store.forgetful || self.with(|lane| lane.entities.contains_key(id)).unwrap_or_default()
    }

    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        Ok(self.with(|lane| lane.sources.values().cloned().collect()).unwrap_or_default())
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let mut inner = self.store.lock();
        let fault = inner.faults.pop_front();
        if fault == Some(Fault::Lost) {
            self.settled = Err(());
            return Ok(());
        }
        let lane = inner.lanes.get_mut(&self.lane).filter(|lane| Some(lane.head) == self.head);
        let Some(lane) = lane else {
            self.settled = Ok(Settled::Fenced);
            return Ok(());
        };
        lane.apply(commit);
        self.head = Some(lane.head);
        self.settled = if fault == Some(Fault::Unanswered) { Err(()) } else { Ok(Settled::Committed) };
        Ok(())
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        self.settled.map_err(|()| StoreError::Away("the answer was lost, as ordered".into()))
    }

    fn empty(&mut self) -> Result<Settled, StoreError> {
        let mut inner = self.store.lock();
        if self.head.is_none() || inner.lanes.get(&self.lane).map(|lane| lane.head) != self.head {
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
        for (id, packed) in &commit.blocks {
            if packed.is_empty() {
                self.blocks.remove(id);
            } else {
                self.blocks.insert(*id, packed.clone());
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
            self.changes.push_back((rand::random(), commit.blocks.iter().map(|(id, _)| *id).collect()));
            if self.changes.len() > CHANGES {
                self.changes.pop_front();
            }
        }
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
    use crate::store::suite::{self, Place};

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

        fn again(&self) -> Box<dyn Place> {
            Box::new(MemoryStore::default())
        }
    }

    suite::tests!(MemoryStore::default);

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
