//! One seed: what happens, in which order, and what it must come to.
//!
//! In: a seed. Out: nothing, or what is wrong. Whatever is done is done between two steps of a processor, or within one, at one of the store's operations.

use super::watched::{Order, Watched};
use super::*;
use crate::store::Snapshot;

/// More steps than any processor needs to come to rest.
const PATIENCE: u32 = 5_000;

/// A world under way.
struct World {
    rng: StdRng,
    log: MemoryLog,
    store: Watched,
    settings: Settings,
    metrics: Metrics,
    said: Vec<Event<'static>>,
    older: Option<Snapshot>,
    /// Whether anything does damage in it. Where nothing does none may be found: a fold that tears what it writes is not mended in silence.
    harmed: bool,
}

/// What is wrong with what a seed has led to.
pub(super) fn simulate(seed: u64) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (store, bounds) = match seed % 3 {
        // A cache too small for the entities, and no knowledge of what is stored.
        0 => (MemoryStore::forgetful(), Bounds { states: 2, blocks: 1 }),
        1 => (MemoryStore::default(), Bounds { states: 4, blocks: 2 }),
        _ => (MemoryStore::default(), Bounds::default()),
    };
    let settings = Settings { batch: rng.random_range(1..30), bounds, ..at_once() };
    let metrics = metrics();
    // Rounds of few values to a step, so that much happens within one.
    let store = store.striding(rng.random_range(1..40));
    let log = MemoryLog::new(LANES);
    let store = Watched::new(store, &log, settings, &metrics);
    let harmed = rng.random();
    let mut world = World { rng, log, store, settings, metrics, said: Vec::new(), older: None, harmed };
    for _ in 0..world.rng.random_range(1..4) {
        world.live();
    }
    world.come_to_rest()?;
    world.judge().map_or(Ok(()), Err)
}

impl World {
    /// What is wrong with what everything has come to.
    fn judge(&self) -> Option<String> {
        let store = &self.store.store;
        if let Some(why) = self.store.wrong().or_else(|| difference(&stored(store), &self.said, &CATALOGUE.1)) {
            return Some(why);
        }
        let (heard, said) = (stored_of_sources(store), said_of_sources(&self.log));
        if heard != said {
            return Some(format!("sources were last heard of at {heard:?}, and should at {said:?}"));
        }
        let (buried, unread) = (buried(&self.log), unreadable(&self.log));
        if buried != unread {
            return Some(format!("among the dead letters are {buried:?}, and should be {unread:?}"));
        }
        let damage = |lane: &u32| self.metrics.damage.with_label_values(&[&lane.to_string()]).get();
        if let Some(lane) = (0..LANES).find(|lane| !self.harmed && damage(lane) > 0) {
            return Some(format!("lane {lane} was found damaged, and nobody did damage"));
        }
        store.verify(&mut |_, _| {}).err().map(|why| format!("at the end: {why}"))
    }

    /// The life of a processor: it begins, things happen, it ends.
    fn live(&mut self) {
        if self.rng.random_bool(0.5) {
            self.happen();
        }
        let (log, store, settings, metrics) = (self.log.clone(), self.store.clone(), self.settings, self.metrics.clone());
        let steps = self.rng.random_range(5..60);
        watched::work(&store, &log, settings, &metrics, steps, &mut || {
            if self.rng.random_bool(0.3) {
                self.happen();
            }
        });
    }

    /// Something happens.
    fn happen(&mut self) {
        let rng = &mut self.rng;
        match rng.random_range(0..14) {
            0..=4 => self.post(),
            5 => self.store.store.fail_next(Fault::Lost),
            6 => self.store.store.fail_next(Fault::Unanswered),
            7 => self.older = Some(self.store.store.snapshot()),
            8 if rng.random_bool(0.3) => self.store.store.forget(),
            9 => {
                if let Some(older) = self.older.take() {
                    self.store.store.restore(older);
                }
            }
            10 => {
                let order = if rng.random_bool(0.2) { Order::Away } else { Order::Another(rng.random_range(1..12)) };
                self.store.order_after(rng.random_range(1..12), order);
            }
            11 => self.log.refuse_letters(rng.random_range(0..3)),
            _ if self.harmed => {
                let harm = Harm::ALL[rng.random_range(0..Harm::ALL.len())];
                let (lane, pick, after) = (rng.random_range(0..LANES), rng.random_range(0..10_000), rng.random_range(0..12));
                self.store.store.harm_after(after, lane, harm, pick);
            }
            _ => self.post(),
        }
    }

    /// Some events are posted, now and then twice, or an old one again, or something that can't be read.
    fn post(&mut self) {
        let rng = &mut self.rng;
        let mut entries = Vec::new();
        for _ in 0..rng.random_range(1..20) {
            let event = event(rng);
            for _ in 0..rng.random_range(1..3) {
                entries.push(entry(&event));
            }
            self.said.push(event);
        }
        if rng.random_bool(0.2) {
            entries.push(Entry { route: Route::Partition(rng.random_range(0..LANES)), value: b"poison".to_vec() });
        }
        // What only a later version can read: its lane waits for the one that comes at the end.
        if rng.random_bool(0.03) {
            entries.push(newer(rng.random_range(0..LANES)));
        }
        if rng.random_bool(0.5) {
            entries.push(entry(&self.said[rng.random_range(0..self.said.len())]));
        }
        append(&self.log, entries);
    }

    /// Nothing happens any more; a processor works until every lane is folded to its end, and until its patrol has gone twice round each: once perhaps
    /// from before the last damage.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.store.calm();
        self.log.refuse_letters(0);
        // As heartbeats come: each lane commits once more.
        let beats = (0..LANES).map(|lane| Entry { route: Route::Partition(lane), value: b"beat".to_vec() }).collect();
        append(&self.log, beats);
        let ends = self.log.ends().unwrap();
        let (stop, mut steps) = (AtomicBool::new(false), 0);
        let rounds = |lane: u32| self.metrics.rounds.with_label_values(&[&lane.to_string()]).get();
        let before: Vec<u64> = (0..LANES).map(rounds).collect();
        let store = self.store.clone();
        // As if upgraded to one that knows what to do about it.
        let ended = processor(&self.log, &store, self.settings, self.metrics.clone()).burying([NEWER]).run(&stop, &mut || {
            steps += 1;
            let mut reader = store.reader().unwrap();
            let rests = |lane: u32| {
                let folded = reader.head(lane).unwrap().is_some_and(|head| head.offset == ends[lane as usize]);
                folded && rounds(lane) >= before[lane as usize] + 2
            };
            stop.store(steps >= PATIENCE || (0..LANES).all(rests), Ordering::Relaxed);
        });
        match ended {
            Ok(()) if steps < PATIENCE => Ok(()),
            Ok(()) => Err("it does not come to rest".into()),
            Err(why) => Err(format!("it ended by itself: {why}")),
        }
    }
}
