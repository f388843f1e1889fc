//! The loop over an in-memory log and store, with faults by a seed: commits lost, answers lost, the store wiped or set back, two processors at
//! once, events in any order and as often as they come. After all of it every counter, and when each source was last heard of, equals a naive fold of the log.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod replaced;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use onpace_kpis::fold::Rules;
use onpace_kpis::{Block, Catalogue, Contribution, Names, Slot, State, contributions::contributions};
use onpace_producers::log::memory::MemoryLog;
use onpace_producers::log::{Entry, EventLog, Message, Polled, Route};
use onpace_schemas::{Currency, Event, Kind, Money, Patch, Shape, Time, Value, avro};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::lane::Bounds;
use crate::store::{Fault, KpiStore, MemoryStore};
use crate::{Metrics, Processor, ProcessorError, Settings};

const LANES: u32 = 3;
/// Rep, measure, dimensions, currency or bucket, slot → value.
type Counters = BTreeMap<(String, u16, [String; 2], u32, Slot), i128>;

fn value(kind: Kind, no: usize, rng: &mut StdRng) -> Value<'static> {
    let field = kind.fields()[no];
    match field.shape {
        Shape::Text => Value::Text(["a", "b", "connected", "prospecting", "Zoé"][rng.random_range(0..5)].into()),
        Shape::Choice(set) => Value::Choice(rng.random_range(0..set.len() as u8)),
        Shape::Integer => Value::Integer(rng.random_range(0..1000)),
        Shape::Flag => Value::Flag(rng.random()),
        Shape::Time if rng.random_bool(0.3) => Value::Time(Time::Date(rng.random_range(0..4))),
        Shape::Time | Shape::Instant => Value::Time(Time::Instant(rng.random_range(0..300_000) * 1_000_000)),
        Shape::Amount => Value::Amount(Money {
            currency: Currency::parse(["EUR", "JPY"][rng.random_range(0..2)]).unwrap(),
            minor: rng.random_range(-5..500),
        }),
    }
}

fn event(rng: &mut StdRng) -> Event<'static> {
    let kind = Kind::ALL[rng.random_range(0..4)];
    let patch: Patch<'static> = (0..kind.fields().len())
        .filter(|_| rng.random_bool(0.4))
        .map(|no| (no as u8, no))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(no, at)| (no, value(kind, at, rng)))
        .collect();
    let occurred_at = rng.random_range(0..50) * 7_200_000_000;
    // One in three said later, by an hour or by an export of all.
    let said_at = [occurred_at, occurred_at, occurred_at + 3_600_000_000, 360_000_000_000][rng.random_range(0..4)].max(occurred_at);
    Event {
        id: "i".into(),
        source: ["phone", "crm", "post"][rng.random_range(0..3)].into(),
        kind,
        entity: format!("e{}", rng.random_range(0..25)).into(),
        occurred_at,
        said_at,
        deleted: rng.random_bool(0.15).then(|| rng.random()),
        patch,
    }
}

fn entry(event: &Event<'_>) -> Entry {
    let mut value = Vec::new();
    avro::write(event, &mut value);
    Entry { route: Route::Key(event.key()), value }
}

/// What the events come to, one entity after the other, with nothing of lanes, batches or stores.
fn naive(events: &[Event<'_>], rules: &Rules) -> Counters {
    let mut names = Names::default();
    let mut states: BTreeMap<(Kind, String), State> = BTreeMap::new();
    for event in events {
        let state = states.entry((event.kind, event.entity.to_string())).or_insert_with(|| State::new(event.kind, event.occurred_at));
        state.merge(event, rules.kept[event.kind as usize], &mut names);
    }
    let mut counters = Counters::new();
    for state in states.values() {
        let mut out = Vec::new();
        contributions(state, &rules.measures, &names, &mut out);
        for Contribution { rep, counter, value } in out {
            // What a measure enters by name is compared by name.
            let dims = counter.dims.map(|dim| names.text(dim).to_owned());
            *counters.entry((names.text(rep).to_owned(), counter.measure, dims, counter.extra, counter.slot)).or_default() += value;
        }
    }
    counters.retain(|_, value| *value != 0);
    counters
}

fn stored(store: &MemoryStore) -> Counters {
    let mut counters = Counters::new();
    let mut reader = store.reader().unwrap();
    for lane in 0..LANES {
        let mut names = Names::default();
        let mut blocks = Vec::new();
        reader
            .load(
                lane,
                &mut |name| {
                    names.intern(name);
                },
                &mut |id, packed| blocks.push((id, packed.to_vec())),
            )
            .unwrap();
        for (id, packed) in blocks {
            for (counter, value) in Block::unpack(id.day, &packed).unwrap().counters() {
                let dims = counter.dims.map(|dim| names.text(dim).to_owned());
                *counters.entry((names.text(id.rep).to_owned(), counter.measure, dims, counter.extra, counter.slot)).or_default() += value;
            }
        }
    }
    counters.retain(|_, value| *value != 0);
    counters
}

/// When each source was last heard of, by lane, source and kind: read off the log, and off the store.
type Moments = BTreeMap<(u32, String, Kind), i64>;

fn said_of_sources(log: &MemoryLog) -> Moments {
    let mut moments = Moments::new();
    let mut reader = log.reader().unwrap();
    while !matches!(reader.poll(Duration::ZERO, 1, &mut |_| {}).unwrap(), Polled::Assigned(_)) {}
    for partition in 0..LANES {
        reader.start(partition, 0).unwrap();
    }
    let mut note = |message: Message<'_>| {
        if let Ok(avro::Message::Event(event)) = avro::read(message.value) {
            let moment = moments.entry((message.partition, event.source.to_string(), event.kind)).or_default();
            *moment = message.recorded_ms.max(*moment);
        }
    };
    while !matches!(reader.poll(Duration::ZERO, 100, &mut note).unwrap(), Polled::Messages(0)) {}
    moments
}

fn stored_of_sources(store: &MemoryStore) -> Moments {
    let mut reader = store.reader().unwrap();
    let mut moments = Moments::new();
    for lane in 0..LANES {
        for row in reader.sources(lane).unwrap() {
            moments.extend(row.kinds().map(|(kind, recorded_ms)| ((lane, row.source.clone(), kind), recorded_ms)));
        }
    }
    moments
}

fn simulate(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let catalogue = Catalogue::built_in().unwrap();
    let rules = Arc::new(Rules::from(&catalogue));
    let log = MemoryLog::new(LANES);
    let (store, bounds) = match seed % 3 {
        // A cache too small for the entities, and no knowledge of what is stored.
        0 => (MemoryStore::forgetful(), Bounds { states: 2, blocks: 1 }),
        1 => (MemoryStore::default(), Bounds { states: 4, blocks: 2 }),
        _ => (MemoryStore::default(), Bounds::default()),
    };
    let settings = Settings {
        batch: rng.random_range(1..30),
        bounds,
        retry: Duration::from_micros(200),
        patience: Duration::ZERO,
        ..Settings::default()
    };
    let mut said: Vec<Event<'static>> = Vec::new();
    let mut older = None;
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let processor = || Processor::new(&log, &store, Arc::clone(&rules), catalogue.fingerprint(), settings, metrics.clone()).unwrap();
    for _ in 0..rng.random_range(2..6) {
        let mut entries = Vec::new();
        for _ in 0..rng.random_range(1..60) {
            let event = event(&mut rng);
            for _ in 0..rng.random_range(1..3) {
                entries.push(entry(&event));
            }
            said.push(event);
        }
        if rng.random_bool(0.5) {
            entries.push(Entry { route: Route::Partition(rng.random_range(0..LANES)), value: b"poison".to_vec() });
        }
        if !said.is_empty() && rng.random_bool(0.5) {
            // An old event comes again, days later.
            entries.push(entry(&said[rng.random_range(0..said.len())]));
        }
        futures_util::FutureExt::now_or_never(log.append(entries)).unwrap().unwrap();
        for _ in 0..rng.random_range(0..4) {
            store.fail_next(if rng.random() { Fault::Lost } else { Fault::Unanswered });
        }
        match rng.random_range(0..6) {
            0 => older = Some(store.snapshot()),
            1 => store.forget(),
            2 => {
                if let Some(older) = older.take() {
                    store.restore(older);
                }
            }
            _ => {}
        }
        processor().catch_up(&AtomicBool::new(false), &mut |_, _| {}).unwrap();
    }
    // Faults may have hit the very last commit.
    processor().catch_up(&AtomicBool::new(false), &mut |_, _| {}).unwrap();
    assert_eq!(stored(&store), naive(&said, &rules), "seed {seed}");
    assert_eq!(stored_of_sources(&store), said_of_sources(&log), "seed {seed}");
}

#[test]
fn after_any_faults_every_counter_equals_a_naive_fold() {
    for seed in 0..120 {
        simulate(seed);
    }
}

#[test]
fn two_processors_that_both_believe_they_own_all_lanes_count_once() {
    let catalogue = Catalogue::built_in().unwrap();
    let rules = Arc::new(Rules::from(&catalogue));
    let (log, store) = (MemoryLog::new(LANES), MemoryStore::default());
    let mut rng = StdRng::seed_from_u64(9);
    let said: Vec<_> = (0..3_000).map(|_| event(&mut rng)).collect();
    futures_util::FutureExt::now_or_never(log.append(said.iter().map(entry).collect())).unwrap().unwrap();
    let settings = Settings { batch: 10, retry: Duration::from_micros(200), ..Settings::default() };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
                let mut processor = Processor::new(&log, &store, Arc::clone(&rules), catalogue.fingerprint(), settings, metrics).unwrap();
                processor.catch_up(&AtomicBool::new(false), &mut |_, _| {}).unwrap();
            });
        }
    });
    assert_eq!(stored(&store), naive(&said, &rules));
    assert_eq!(stored_of_sources(&store), said_of_sources(&log));
}
