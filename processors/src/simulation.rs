//! The loop over an in-memory log and store, with faults by a seed: commits lost, answers lost, the store away, wiped, set back or damaged in every way that the
//! suite knows, at rest and at any operation of a running processor; processors that end and others that begin, also in the middle of another's work; dead letters
//! that can't be written; events in any order and as often as they come.
//! After all of it every counter, and when each source was last heard of, equals a naive fold of the log; what can't be read is among the dead letters; no commit
//! counted of whoever had lost the lane; and no damage was found that nobody did. Nothing waits: there is no time in it.
//!
//! What this must catch is planted by `tests/bugs/run`.
//! `tests/simulate SEEDS` runs as many seeds of all of it as one likes; `ONPACE_SIMULATE=FROM..TO` says which ones.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod faults;
mod forgotten;
mod replaced;
mod watched;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use onpace_kpis::fold::Rules;
use onpace_kpis::{Block, Catalogue, Contribution, Names, Slot, State};
use onpace_producers::log::memory::MemoryLog;
use onpace_producers::log::{Entry, EventLog, LogError, Message, Route};
use onpace_schemas::{Currency, Event, Field, FieldNo, Keep, Kind, Money, Patch, Shape, Time, Value, avro};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::world::*;
use crate::lane::Bounds;
use crate::store::suite::Harm;
use crate::store::{Fault, KpiStore, MemoryStore};
use crate::{Metrics, Processor, ProcessorError, Settings};

const LANES: u32 = 3;
/// Rep, measure, dimensions, currency or bucket, slot → value.
type Counters = BTreeMap<(String, u16, [String; 2], u32, Slot), i128>;

/// The built-in catalogue, read once.
static CATALOGUE: LazyLock<(Catalogue, Arc<Rules>)> = LazyLock::new(|| {
    let catalogue = Catalogue::built_in().unwrap();
    let rules = Arc::new(Rules::from(&catalogue));
    (catalogue, rules)
});

/// Settings with which nothing waits.
fn at_once() -> Settings {
    Settings { retry: Duration::ZERO, patience: Duration::ZERO, patrol: Duration::ZERO, wait: Duration::ZERO, ..Settings::default() }
}

/// A processor by the built-in catalogue.
fn processor<'a>(log: &'a MemoryLog, store: &'a dyn KpiStore, settings: Settings, metrics: Metrics) -> Processor<'a> {
    Processor::new(log, store, Arc::clone(&CATALOGUE.1), CATALOGUE.0.fingerprint(), settings, metrics).unwrap()
}

/// Metrics that nobody reads but the test.
fn metrics() -> Metrics {
    Metrics::register(&prometheus::Registry::new()).unwrap()
}

/// Which seeds, if the environment says it: `100000` or `5..9`.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("ONPACE_SIMULATE") else { return 0..usual };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("ONPACE_SIMULATE={text} is neither a number of seeds nor FROM..TO"));
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}

/// Simulates all seeds, on all cores; panics with the least that failed, which says why or has panicked.
fn simulate(what: &str, usual: u64, one: fn(u64) -> Result<(), String>) {
    let (seeds, begun) = (seeds(usual), Instant::now());
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let told = std::sync::Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end.min(failed.load(Ordering::Relaxed)) {
                        break;
                    }
                    let tried = std::panic::catch_unwind(|| one(seed)).unwrap_or_else(|panic| {
                        let said = panic.downcast_ref::<String>().cloned();
                        Err(said.or_else(|| panic.downcast_ref().map(|said: &&str| (*said).to_owned())).unwrap_or_default())
                    });
                    if let Err(why) = tried {
                        failed.fetch_min(seed, Ordering::Relaxed);
                        told.lock().unwrap().insert(seed, why);
                    }
                }
            });
        }
    });
    let count = next.load(Ordering::Relaxed).min(seeds.end) - seeds.start;
    println!("{what}: {count} seeds, {:.0} a second", count as f64 / begun.elapsed().as_secs_f64());
    if let Some((seed, why)) = told.into_inner().unwrap().pop_first() {
        panic!("seed {seed} (again by tests/simulate {seed}..{}): {why}", seed + 1);
    }
}

#[test]
fn after_any_faults_every_counter_equals_a_naive_fold() {
    simulate("faults", 1_000, faults::simulate);
}

#[test]
fn a_log_that_was_replaced_is_folded_anew_or_waits() {
    simulate("replaced logs", 300, replaced::simulate);
}

#[test]
fn what_the_log_forgot_unread_is_never_skipped() {
    simulate("forgetful logs", 300, forgotten::simulate);
}

#[test]
fn dead_letters_of_two_lanes_that_are_refused_at_once_are_both_written_later() {
    let (log, store) = (MemoryLog::new(LANES), MemoryStore::default());
    // In one poll; a third lane has nothing wrong.
    let poison = |partition| Entry { route: Route::Partition(partition), value: b"poison".to_vec() };
    append(&log, vec![poison(0), poison(1), poison(0), entry(&event(&mut StdRng::seed_from_u64(9)))]);
    log.refuse_letters(2);
    let (stop, mut steps) = (AtomicBool::new(false), 0);
    let mut told = |_, _| {
        steps += 1;
        stop.store(steps > 1_000, Ordering::Relaxed);
    };
    processor(&log, &store, at_once(), metrics()).catch_up(&stop, &mut told).unwrap();
    assert_eq!(buried(&log), unreadable(&log));
    assert_eq!(unreadable(&log).len(), 3);
}

#[test]
fn what_a_newer_version_wrote_waits_for_it() {
    let (log, store) = (MemoryLog::new(LANES), MemoryStore::default());
    let mut rng = StdRng::seed_from_u64(9);
    let said: Vec<_> = (0..90).map(|_| event(&mut rng)).collect();
    let mut entries: Vec<Entry> = said.iter().map(entry).collect();
    entries.insert(60, newer(1));
    entries.insert(30, newer(1));
    append(&log, entries);
    let waits = unreadable(&log).first().unwrap().1;
    let metrics = metrics();
    let (stop, mut steps) = (AtomicBool::new(false), 0);
    let standing = |lane: u32| store.reader().unwrap().head(lane).unwrap().map_or(0, |head| head.offset);
    processor(&log, &store, Settings { batch: 7, ..at_once() }, metrics.clone())
        .run(&stop, &mut || {
            steps += 1;
            stop.store(steps > 300, Ordering::Relaxed);
        })
        .unwrap();
    let ends = log.ends().unwrap();
    // Up to there everything counts, and nothing after it; other lanes don't wait for that one, and nobody buries it.
    assert_eq!([standing(0), standing(1), standing(2)], [ends[0], waits, ends[2]]);
    assert!(log.letters().is_empty());
    let outdated = |lane: &str| metrics.outdated.with_label_values(&[lane]).get();
    assert_eq!((outdated("0"), outdated("1"), outdated("2")), (0, 1, 0));
    let told = metrics.troubles().told().unwrap();
    assert!(told.contains(&format!("message {waits}")) && told.contains("upgrade") && told.contains(&format!("{NEWER:016x}")), "{told}");
    // Nor does it look as if there were nothing to go.
    let head = store.reader().unwrap().head(1).unwrap().unwrap();
    assert!(head.end > head.offset, "{head:?}");
    // Who is to work up to the end says why he can't.
    let refused = processor(&log, &store, at_once(), metrics.clone()).catch_up(&AtomicBool::new(false), &mut |_, _| {});
    assert!(matches!(&refused, Err(ProcessorError::Outdated(why)) if why.contains("partition 1")), "{refused:?}");
    // Whoever knows what to do about it goes on from there.
    processor(&log, &store, at_once(), metrics).burying([NEWER]).catch_up(&AtomicBool::new(false), &mut |_, _| {}).unwrap();
    assert_eq!(stored(&store), naive(&said, &CATALOGUE.1));
    assert_eq!(buried(&log), unreadable(&log));
}

#[test]
fn an_entity_that_has_become_one_of_another_kind_is_damage() {
    let (log, store) = (MemoryLog::new(LANES), MemoryStore::default());
    let deal = |no: usize| {
        let patch = [(no as u8, value(Kind::DEAL, no, &mut StdRng::seed_from_u64(9)))].into_iter().collect();
        Event { kind: Kind::DEAL, entity: "deal".into(), deleted: None, patch, ..event(&mut StdRng::seed_from_u64(9)) }
    };
    // A meeting has no field of that number.
    let said = [deal(0), deal(Kind::DEAL.fields().len() - 1)];
    let put = |event: &Event<'_>| append(&log, vec![Entry { route: Route::Partition(0), ..entry(event) }]);
    put(&said[0]);
    let metrics = metrics();
    let damage = metrics.damage.with_label_values(&["0"]);
    // Nothing remembers it, and no patrol comes by first.
    let settings = Settings { bounds: Bounds { states: 0, blocks: 0 }, patrol: Duration::from_hours(24), ..at_once() };
    let (stop, mut steps, mut harmed) = (AtomicBool::new(false), 0, false);
    processor(&log, &store, settings, metrics.clone())
        .run(&stop, &mut || {
            let offset = store.reader().unwrap().head(0).unwrap().map_or(0, |head| head.offset);
            if offset == 1 && !harmed {
                harmed = store.harm(0, Harm::BitOfEntity, 0);
                put(&said[1]);
            }
            steps += 1;
            stop.store(steps > 1_000 || (offset == 2 && damage.get() == 1), Ordering::Relaxed);
        })
        .unwrap();
    assert_eq!((harmed, damage.get()), (true, 1));
    assert_eq!(stored(&store), naive(&said, &CATALOGUE.1));
}

#[test]
fn two_processors_that_both_believe_they_own_all_lanes_count_once() {
    let (log, store) = (MemoryLog::new(LANES), MemoryStore::default());
    let mut rng = StdRng::seed_from_u64(9);
    let said: Vec<_> = (0..3_000).map(|_| event(&mut rng)).collect();
    append(&log, said.iter().map(entry).collect());
    let settings = Settings { batch: 10, ..at_once() };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                processor(&log, &store, settings, metrics()).catch_up(&AtomicBool::new(false), &mut |_, _| {}).unwrap();
            });
        }
    });
    assert_eq!(stored(&store), naive(&said, &CATALOGUE.1));
    assert_eq!(stored_of_sources(&store), said_of_sources(&log));
}
