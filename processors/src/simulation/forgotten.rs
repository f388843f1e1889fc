//! The log that forgot what was not yet folded, as Kafka's retention does. The processor ends and says so, it never reads on past the hole; what it has
//! counted until then equals a naive fold of what it has read.
//!
//! In: a seed. Out: nothing, or a panic that says what is wrong.

use super::*;

/// More steps than any processor goes on for here.
const STEPS: u32 = 60;

struct World {
    log: MemoryLog,
    /// All that was ever posted.
    whole: MemoryLog,
    store: MemoryStore,
    settings: Settings,
}

impl World {
    fn post(&self, rng: &mut StdRng) {
        let entries: Vec<Entry> = (0..rng.random_range(0..30)).map(|_| entry(&event(rng))).collect();
        for log in [&self.log, &self.whole] {
            append(log, entries.clone());
        }
    }

    fn processor<'a>(&'a self, log: &'a MemoryLog) -> Processor<'a> {
        processor(log, &self.store, self.settings, metrics())
    }

    /// How far a lane is folded; what it holds equals what it was folded from.
    fn folded(&self, lane: u32, what: &str) -> i64 {
        let offset = self.store.reader().unwrap().head(lane).unwrap().map_or(0, |head| head.offset);
        let values = replaced::messages(&self.whole, lane);
        let events: Vec<Event<'_>> = values[..offset as usize]
            .iter()
            .filter_map(|value| match avro::read(value) {
                Ok(avro::Message::Event(event)) => Some(event),
                _ => None,
            })
            .collect();
        assert_eq!(replaced::stored_of(&self.store, lane), naive(&events, &CATALOGUE.1), "{what}, lane {lane}, folded up to {offset}");
        offset
    }
}

/// A seed; panics with what is wrong.
pub(super) fn simulate(seed: u64) -> Result<(), String> {
    let what = format!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed ^ 0xF0_4607);
    let settings = Settings { batch: rng.random_range(1..30), bounds: Bounds { states: 4, blocks: 2 }, ..at_once() };
    let world = World { log: MemoryLog::new(LANES), whole: MemoryLog::new(LANES), store: MemoryStore::default(), settings };
    world.post(&mut rng);
    let mut begins = [0i64; LANES as usize];
    for _ in 0..rng.random_range(1..4) {
        let (stop, mut left) = (AtomicBool::new(false), rng.random_range(1..STEPS));
        let ended = world.processor(&world.log).run(&stop, &mut || {
            if rng.random_bool(0.3) {
                world.post(&mut rng);
            }
            if rng.random_bool(0.05) {
                let partition = rng.random_range(0..LANES);
                let begin = &mut begins[partition as usize];
                *begin = rng.random_range(*begin..=world.log.ends().unwrap()[partition as usize]);
                world.log.forget(partition, *begin);
            }
            left -= 1;
            stop.store(left == 0, Ordering::Relaxed);
        });
        let said = match ended {
            Ok(()) => None,
            Err(ProcessorError::Log(LogError::Gap { partition, offset, why })) => Some((partition, offset, why)),
            Err(why) => panic!("{what}: {why}"),
        };
        let offsets: Vec<i64> = (0..LANES).map(|lane| world.folded(lane, &what)).collect();
        if let Some((partition, offset, why)) = said {
            let (folded, begin) = (offsets[partition as usize], begins[partition as usize]);
            assert!(offset == folded && folded < begin && why.contains(&format!("begins at {begin}")), "{what}: {folded} {begin} {why}");
        }
    }
    // Who folds to the end says what is missing, if anything is, and counts nothing that comes after.
    let missing = |lane: u32| world.folded(lane, &what) < begins[lane as usize];
    let lost = (0..LANES).any(missing);
    let ended = world.processor(&world.log).catch_up(&AtomicBool::new(false), &mut |_, _| {});
    assert_eq!(matches!(ended, Err(ProcessorError::Log(LogError::Gap { .. }))), lost, "{what}: {ended:?}");
    (0..LANES).for_each(|lane| _ = world.folded(lane, &what));
    if !lost {
        assert_eq!((0..LANES).map(|lane| world.folded(lane, &what)).collect::<Vec<_>>(), world.log.ends().unwrap(), "{what}");
    }
    Ok(())
}
