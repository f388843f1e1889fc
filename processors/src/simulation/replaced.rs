//! The log that isn't the log it was: made anew, emptied, put back from an older copy and written on otherwise; under running processors
//! and at rest, once or again and again, with commits lost and stores set back besides. After all of it each lane equals a naive fold of
//! what its partition holds, or says that it waits; and it waits only where its log can't replace what was folded.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use super::*;
use crate::store::Settings as BuiltFor;
use crate::vouch;

/// More steps than any processor needs to come to rest.
const PATIENCE: usize = 20_000;

/// The messages of a partition, as the log has them.
pub(super) fn messages(log: &MemoryLog, partition: u32) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    each_message(log, &mut |message| {
        if message.partition == partition {
            all.push(message.value.to_vec());
        }
    });
    all
}

/// What a partition comes to.
fn naive_of(log: &MemoryLog, partition: u32) -> Counters {
    let values = messages(log, partition);
    let read = |value| match avro::read(value) {
        Ok(avro::Message::Event(event)) => Some(event),
        _ => None,
    };
    let events: Vec<Event<'_>> = values.iter().filter_map(|value| read(value)).collect();
    naive(&events, &CATALOGUE.1)
}

pub(super) fn stored_of(store: &MemoryStore, lane: u32) -> Counters {
    let mut counters = Counters::new();
    let (mut names, mut blocks) = (Names::default(), Vec::new());
    let mut name = |name: &str| _ = names.intern(name);
    store.reader().unwrap().load(lane, &mut name, &mut |id, packed| blocks.push((id, packed.to_vec()))).unwrap();
    for (id, packed) in blocks {
        for (counter, value) in Block::unpack(id.day, &packed).unwrap().counters() {
            let dims = counter.dims.map(|dim| names.text(dim).to_owned());
            *counters.entry((names.text(id.rep).to_owned(), counter.measure, dims, counter.extra, counter.slot)).or_default() += value;
        }
    }
    counters.retain(|_, value| *value != 0);
    counters
}

fn write(log: &MemoryLog, rng: &mut StdRng, most: usize) {
    let mut entries = Vec::new();
    for _ in 0..rng.random_range(0..most) {
        entries.push(entry(&event(rng)));
        if rng.random_bool(0.05) {
            // No two alike, as no two heartbeats are.
            let value = rng.random::<[u8; 8]>().to_vec();
            entries.push(Entry { route: Route::Partition(rng.random_range(0..LANES)), value });
        }
    }
    append(log, entries);
}

/// Makes the log another, and perhaps writes it on.
fn replace(log: &MemoryLog, rng: &mut StdRng) {
    match rng.random_range(0..4) {
        0 => log.make_anew(),
        1 => {
            log.make_anew();
            // Perhaps longer than it was.
            write(log, rng, 200);
        }
        2 => {
            let partition = rng.random_range(0..LANES);
            let end = log.ends().unwrap()[partition as usize];
            log.cut(partition, rng.random_range(0..=end));
        }
        _ => {
            // A copy of one moment: of each partition a part.
            for (partition, end) in (0..).zip(log.ends().unwrap()) {
                log.cut(partition, end - rng.random_range(0..=end.min(20)));
            }
            write(log, rng, 60);
        }
    }
}

struct World {
    log: MemoryLog,
    store: MemoryStore,
    settings: Settings,
}

impl World {
    fn processor(&self) -> Processor<'_> {
        processor(&self.log, &self.store, self.settings, metrics())
    }

    /// Folds until every lane has come to its end or waits.
    fn settle(&self, what: &str) {
        let (stop, mut steps) = (AtomicBool::new(false), 0);
        self.processor()
            .run(&stop, &mut || {
                steps += 1;
                assert!(steps < PATIENCE, "{what}: no rest: {:?}", (0..LANES).map(|lane| self.seen(lane)).collect::<Vec<_>>());
                stop.store((0..LANES).all(|lane| self.rests(lane)), Ordering::Relaxed);
            })
            .unwrap();
    }

    /// A lane's head, and what its log has.
    fn seen(&self, lane: u32) -> String {
        let Some(head) = self.store.reader().unwrap().head(lane).unwrap() else { return "no head".into() };
        format!("{head:?} {:?}", vouch::look(&self.log, lane, &head).unwrap())
    }

    fn rests(&self, lane: u32) -> bool {
        let head = self.store.reader().unwrap().head(lane).unwrap();
        let Some(head) = head else { return false };
        let (verdict, seen) = vouch::look(&self.log, lane, &head).unwrap();
        match vouch::course(verdict, &head) {
            None => head.offset == seen.end && !head.log.waits(),
            Some(vouch::Course::Wait(_)) => head.log.waits(),
            Some(vouch::Course::FoldAnew) => false,
        }
    }

    /// Each lane is right, or says that it waits; whether any waits.
    fn assert_right_or_waiting(&self, what: &str) -> bool {
        let mut waiting = false;
        for lane in 0..LANES {
            // Where there is nothing to fold a lane may never have been begun.
            let head = self.store.reader().unwrap().head(lane).unwrap();
            if let Some(head) = head.filter(|head| head.log.waits()) {
                assert!(vouch::told(lane, &head).is_some());
                waiting = true;
            } else {
                assert_eq!(stored_of(&self.store, lane), naive_of(&self.log, lane), "{what}, lane {lane}");
            }
        }
        waiting
    }
}

/// A seed; panics with what is wrong.
pub(super) fn simulate(seed: u64) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x10_6106);
    let look = [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(3_600)][rng.random_range(0..3)];
    let world = World {
        log: MemoryLog::new(LANES),
        store: if rng.random() { MemoryStore::forgetful() } else { MemoryStore::default() },
        settings: Settings {
            batch: rng.random_range(1..30),
            bounds: Bounds { states: 4, blocks: 2 },
            retry: Duration::from_micros(20),
            look,
            wait: Duration::from_micros(200),
            patience: Duration::ZERO,
            ..Settings::default()
        },
    };
    let World { log, store, .. } = &world;
    let what = format!("seed {seed}");
    let mut older = None;
    write(log, &mut rng, 200);
    for _ in 0..rng.random_range(1..5) {
        match rng.random_range(0..5) {
            0 => older = Some(store.snapshot()),
            1 => store.restore(older.take().unwrap_or_else(|| store.snapshot())),
            _ => {}
        }
        for _ in 0..rng.random_range(0..3) {
            store.fail_next(if rng.random() { Fault::Lost } else { Fault::Unanswered });
        }
        if rng.random_bool(0.5) {
            // Under a running processor.
            let (stop, left, rng) = (AtomicBool::new(false), RefCell::new(rng.random_range(1..40)), RefCell::new(&mut rng));
            world
                .processor()
                .run(&stop, &mut || {
                    let (mut left, mut rng) = (left.borrow_mut(), rng.borrow_mut());
                    match rng.random_range(0..20) {
                        0 => replace(log, *rng),
                        1..5 => write(log, *rng, 30),
                        _ => {}
                    }
                    *left -= 1;
                    stop.store(*left == 0, Ordering::Relaxed);
                })
                .unwrap();
        } else {
            // At rest: whoever folds to an end says whether it could.
            if rng.random_bool(0.7) {
                replace(log, &mut rng);
            }
            write(log, &mut rng, 80);
            let said = world.processor().catch_up(&AtomicBool::new(false), &mut |_, _| {});
            match said {
                Ok(()) => assert!(!world.assert_right_or_waiting(&what), "{what}: caught up, and a lane waits"),
                Err(ProcessorError::OtherLog(why)) => assert!(why.contains("onpace rebuild"), "{what}: {why}"),
                Err(why) => panic!("{what}: {why}"),
            }
        }
    }
    world.settle(&what);
    let waiting = world.assert_right_or_waiting(&what);
    let said = world.processor().catch_up(&AtomicBool::new(false), &mut |_, _| {});
    assert_eq!(matches!(said, Err(ProcessorError::OtherLog(_))), waiting, "{what}: {said:?}");
    // Whoever decides for the log as it is has its numbers.
    store.wipe(BuiltFor { lanes: LANES, fingerprint: CATALOGUE.0.fingerprint() }).unwrap();
    world.settle(&what);
    assert!(!world.assert_right_or_waiting(&what));
    Ok(())
}

#[test]
fn a_lane_whose_log_comes_back_goes_on_by_itself() {
    let settings =
        Settings { retry: Duration::from_micros(20), look: Duration::ZERO, wait: Duration::from_micros(200), ..Settings::default() };
    let (right, wrong) = (MemoryLog::new(LANES), MemoryLog::new(LANES));
    let mut rng = StdRng::seed_from_u64(1);
    (0..3).for_each(|_| write(&right, &mut rng, 200));
    write(&wrong, &mut rng, 20);
    let mut world = World { log: right.clone(), store: MemoryStore::default(), settings };
    world.settle("alone");
    let whole = stored(&world.store);
    world.log = wrong;
    world.settle("alone");
    assert!(world.assert_right_or_waiting("the wrong one"));
    assert_eq!(stored(&world.store), whole, "nothing was touched");
    world.log = right;
    write(&world.log, &mut rng, 200);
    world.settle("alone");
    assert!(!world.assert_right_or_waiting("the right one is back"));
}
