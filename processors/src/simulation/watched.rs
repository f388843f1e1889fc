//! A store whose writers are watched and disturbed: at any of their operations it is away, or another processor takes the lanes over, works for a while and
//! ends, and whoever had them is none the wiser.
//!
//! In: the store, what is ordered for after so many operations. Out: the same store, and what must never be seen in it: a commit that counted although its
//! lane had been taken over since.

use std::sync::{Mutex, MutexGuard};

use onpace_kpis::block::BlockId;

use super::*;
use crate::store::{Commit, EntityId, LaneWriter, Settings as BuiltFor, Settled, Step, StoreError, StoreReader, Taken};

/// What happens at one of the operations.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    /// The store does not answer.
    Away,
    /// Another processor works for so many steps.
    Another(u32),
}

#[derive(Clone)]
pub(super) struct Watched {
    pub(super) store: MemoryStore,
    log: MemoryLog,
    settings: Settings,
    metrics: Metrics,
    watch: Arc<Mutex<Watch>>,
}

#[derive(Default)]
struct Watch {
    /// What happens after so many operations.
    orders: Vec<(u32, Order)>,
    /// Which taking over was each lane's last.
    owners: BTreeMap<u32, u64>,
    taken: u64,
    wrong: Option<String>,
}

impl Watched {
    pub(super) fn new(store: MemoryStore, log: &MemoryLog, settings: Settings, metrics: &Metrics) -> Watched {
        Watched { store, log: log.clone(), settings, metrics: metrics.clone(), watch: Arc::default() }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap()
    }

    pub(super) fn order_after(&self, operations: u32, order: Order) {
        self.watch().orders.push((operations, order));
    }

    /// What was ordered and has not happened does not happen any more.
    pub(super) fn calm(&self) {
        self.watch().orders.clear();
        self.store.calm();
    }

    /// What was seen that must never be.
    pub(super) fn wrong(&self) -> Option<String> {
        self.watch().wrong.clone()
    }

    /// One operation more: what is due now.
    fn operate(&self) -> Result<(), StoreError> {
        let due: Vec<Order> = {
            let orders = &mut self.watch().orders;
            orders.iter_mut().for_each(|(left, _)| *left = left.saturating_sub(1));
            orders.extract_if(.., |(left, _)| *left == 0).map(|(_, order)| order).collect()
        };
        let mut away = false;
        for order in due {
            match order {
                Order::Away => away = true,
                Order::Another(steps) => work(self, &self.log, self.settings, &self.metrics, steps, &mut || {}),
            }
        }
        if away { Err(StoreError::Away("it does not answer, as ordered".into())) } else { Ok(()) }
    }
}

/// A processor works for so many steps; something may happen after each.
pub(super) fn work(store: &Watched, log: &MemoryLog, settings: Settings, metrics: &Metrics, steps: u32, stepped: &mut dyn FnMut()) {
    let (stop, mut left) = (AtomicBool::new(false), steps);
    let ended = processor(log, store, settings, metrics.clone()).run(&stop, &mut || {
        left -= 1;
        stepped();
        stop.store(left == 0, Ordering::Relaxed);
    });
    match ended {
        // Its last commit met damage: the next one sees.
        Ok(()) | Err(ProcessorError::Store(StoreError::Damaged { .. })) => {}
        Err(why) => panic!("it ended by itself: {why}"),
    }
}

impl KpiStore for Watched {
    fn settle(&self, settings: BuiltFor) -> Result<(), StoreError> {
        self.store.settle(settings)
    }

    fn settings(&self) -> Result<Option<BuiltFor>, StoreError> {
        self.store.settings()
    }

    fn wipe(&self, settings: BuiltFor) -> Result<(), StoreError> {
        self.store.wipe(settings)
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError> {
        self.store.verify(progress)
    }

    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        Ok(Box::new(Writer { inner: self.store.writer(lane)?, store: self.clone(), lane, own: 0, late: false }))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        self.store.reader()
    }
}

struct Writer {
    inner: Box<dyn LaneWriter>,
    store: Watched,
    lane: u32,
    /// Which taking over was this writer's.
    own: u64,
    /// What it submitted last, it submitted after another had taken the lane over.
    late: bool,
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        self.store.operate()?;
        let taken = self.inner.take_over();
        // Of a damaged lane too.
        if let Ok(_) | Err(StoreError::Damaged { .. }) = taken {
            let mut watch = self.store.watch();
            watch.taken += 1;
            let taken = watch.taken;
            watch.owners.insert(self.lane, taken);
            (self.own, self.late) = (taken, false);
        }
        taken
    }

    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.store.operate()?;
        self.inner.entities(ids, each)
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.store.operate()?;
        self.inner.blocks(ids, each)
    }

    fn may_have(&self, id: &EntityId) -> bool {
        self.inner.may_have(id)
    }

    fn owns(&mut self) -> Result<bool, StoreError> {
        self.store.operate()?;
        self.inner.owns()
    }

    fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        self.store.operate()?;
        self.inner.patrol(most)
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.store.operate()?;
        self.late = self.store.watch().owners.get(&self.lane) != Some(&self.own);
        self.inner.submit(commit)
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        let settled = self.inner.settle()?;
        if settled == Settled::Committed && std::mem::take(&mut self.late) {
            let lane = self.lane;
            self.store.watch().wrong.get_or_insert(format!("a commit of lane {lane} counted although another had taken the lane over"));
        }
        Ok(settled)
    }

    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        self.store.operate()?;
        self.inner.begin_anew()
    }
}
