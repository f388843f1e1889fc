//! Kafka → Redis: a bare producer, a bare consumer and the processor on the same topic in the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use onpace_kpis::Catalogue;
use onpace_kpis::fold::Rules;
use onpace_processors::pace;
use onpace_processors::processor::PATROL;
use onpace_processors::store::{KpiStore, RedisStore, Settings as Built, Step};
use onpace_processors::{Metrics, Processor, Settings};
use onpace_producers::log::kafka::{KafkaLog, KafkaSettings};
use prometheus::Registry;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use crate::cost::{Cost, Meter};
use crate::servers::{Redis, kafka, unique};
use crate::{floor, row};

const PARTITIONS: u32 = 4;

/// Measures reading, folding, memory and commits.
pub fn run(catalogue: &Catalogue, rules: &Arc<Rules>, calls: usize) -> Result<()> {
    let settings = make_topic()?;
    let Produced { events, bytes, cost } = produce(&settings.topic, floor::messages(calls))?;
    row(
        "a bare producer, making its events as it goes",
        &format!("{:.2} M events/s", events as f64 / cost.wall_s / 1e6),
        &format!("{:.2} µs of CPU per event; idempotent, acks=all, lz4", cost.own_s / events as f64 * 1e6),
    );
    let bare = consume(&settings.topic, events)?;
    let rate = |cost: &Cost| events as f64 / cost.wall_s / 1e6;
    let per_event = |seconds: f64| seconds / events as f64 * 1e6;
    row(
        "a bare `BaseConsumer::poll` loop, one thread",
        &format!("{:.2} M events/s, {:.2} µs of CPU per event", rate(&bare), per_event(bare.own_s)),
        &format!("{events} events of {:.0} bytes", bytes as f64 / events as f64),
    );
    for (threads, batch, appendonly) in [(1, 5_000, "no"), (2, 5_000, "no"), (2, 1_000, "no"), (2, 5_000, "yes")] {
        let redis = Redis::start(appendonly)?;
        let empty = redis.used_bytes()?;
        let group = KafkaSettings { group: unique("bench"), ..settings.clone() };
        let folded = fold(group, &redis, catalogue, rules, threads, batch, events)?;
        let cost = folded.cost;
        let folded_rate = folded.steady_events / cost.wall_s;
        let per_event = |seconds: f64| seconds / folded.steady_events * 1e6;
        row(
            &format!("Kafka → Redis, {threads} threads, batches of {batch}, appendonly {appendonly}"),
            &format!("{:.2} M events/s, {:.2} of the bare loop", folded_rate / 1e6, folded_rate * bare.wall_s / events as f64),
            &format!(
                "CPU per event: processor {:.2} µs + Redis {:.2} µs = {:.2} µs; commit p50 {:.1} ms, p99 {:.1} ms",
                per_event(cost.own_s),
                per_event(cost.redis_s),
                per_event(cost.own_s + cost.redis_s),
                folded.commit_p50_ms,
                folded.commit_p99_ms
            ),
        );
        row(
            "… a million events rebuilt from an empty Redis; memory",
            &format!("{:.2} s; {:.1} bytes per activity", folded.million_s, (redis.used_bytes()? - empty) / calls as f64),
            &format!("{calls} activities, {} a rep and day, {PARTITIONS} lanes", floor::CALLS_A_DAY),
        );
        if threads == 1 {
            vouch(&redis, catalogue)?;
        }
    }
    Ok(())
}

/// Measures how long it takes until a store that is there already is known to be whole: all at once at a take-over, and bit by bit.
fn vouch(redis: &Redis, catalogue: &Catalogue) -> Result<()> {
    let store = RedisStore::open(&redis.url(), "onpace")?;
    store.settle(Built { lanes: PARTITIONS, fingerprint: catalogue.fingerprint() })?;
    let mut entities = 0;
    let meter = Meter::start(&redis.id());
    let mut writers = Vec::new();
    for lane in 0..PARTITIONS {
        let mut writer = store.writer(lane)?;
        entities += writer.take_over()?.head.entities;
        writers.push(writer);
    }
    let taken = meter.stop();
    row(
        "lanes taken over, one after another, one thread",
        &format!("{entities} entities in {:.2} s", taken.wall_s),
        &format!("CPU: processor {:.2} s + Redis {:.2} s; all of it is read and held against the heads", taken.own_s, taken.redis_s),
    );
    let meter = Meter::start(&redis.id());
    for writer in &mut writers {
        while writer.patrol(pace::MOST)? == Step::On {}
    }
    let round = meter.stop();
    let share = |seconds: f64| seconds / PATROL.as_secs_f64() * 100.0;
    row(
        "a round of the patrol through all of it",
        &format!("{:.2} s + {:.2} s of CPU", round.own_s, round.redis_s),
        &format!(
            "processor + Redis; once in {} s that is {:.2} % + {:.2} % of a core",
            PATROL.as_secs(),
            share(round.own_s),
            share(round.redis_s)
        ),
    );
    Ok(())
}

/// A new topic, and how it is reached.
pub fn make_topic() -> Result<KafkaSettings> {
    let topic = unique("onpace.bench");
    let settings = KafkaSettings {
        topic: topic.clone(),
        dead_letter_topic: format!("{topic}.dead"),
        group: unique("bench"),
        ..KafkaSettings::new(kafka()?)
    };
    // Opening makes it.
    drop(KafkaLog::open(settings.clone())?);
    Ok(settings)
}

/// What a bare producer sent.
pub struct Produced {
    /// How many messages.
    pub events: usize,
    /// Of how many bytes, keys not counted.
    bytes: usize,
    /// What that cost.
    pub cost: Cost,
}

/// Fills a topic by a bare producer.
pub fn produce(topic: &str, messages: impl Iterator<Item = floor::Message>) -> Result<Produced> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", kafka()?)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("linger.ms", "5")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "500000")
        .create()?;
    // Connections are made before the clock starts.
    producer.client().fetch_metadata(Some(topic), Duration::from_secs(10))?;
    let (mut events, mut bytes) = (0, 0);
    let meter = Meter::start("");
    for message in messages {
        let mut record = BaseRecord::to(topic).key(&message.key).payload(&message.value);
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((error, back)) if error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull) => {
                    record = back;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        events += 1;
        bytes += message.value.len();
    }
    producer.flush(Duration::from_secs(60))?;
    Ok(Produced { events, bytes, cost: meter.stop() })
}

fn consume(topic: &str, events: usize) -> Result<Cost> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka()?)
        .set("group.id", unique("bare"))
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "200000")
        .create()?;
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS as i32 {
        partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&partitions)?;
    let mut meter = None;
    let (mut read, mut bytes) = (0, 0);
    while read < events {
        let Some(message) = consumer.poll(Duration::from_secs(10)) else { bail!("the topic ended after {read} of {events} events") };
        meter.get_or_insert_with(|| Meter::start(""));
        bytes += message?.payload().map_or(0, <[u8]>::len);
        read += 1;
    }
    std::hint::black_box(bytes);
    Ok(meter.context("no event was read")?.stop())
}

struct Folded {
    /// Of the events after the first quarter.
    cost: Cost,
    steady_events: f64,
    million_s: f64,
    commit_p50_ms: f64,
    commit_p99_ms: f64,
}

fn fold(
    settings: KafkaSettings,
    redis: &Redis,
    catalogue: &Catalogue,
    rules: &Arc<Rules>,
    threads: usize,
    batch: usize,
    events: usize,
) -> Result<Folded> {
    let log = KafkaLog::open(settings)?;
    let store = RedisStore::open(&redis.url(), "onpace")?;
    let fingerprint = catalogue.fingerprint();
    store.settle(Built { lanes: PARTITIONS, fingerprint })?;
    let registry = Registry::new();
    let metrics = Metrics::register(&registry)?;
    let stop = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        let mut working = Vec::new();
        for _ in 0..threads {
            let (log, store, rules, metrics, stop) = (&log, &store, Arc::clone(rules), metrics.clone(), &stop);
            working.push(scope.spawn(move || -> Result<()> {
                let settings = Settings { batch, ..Settings::default() };
                Processor::new(log, store, rules, fingerprint, settings, metrics)?.run(stop, &mut || ())?;
                Ok(())
            }));
        }
        let measured = watch(&store, &redis.id(), events as i64);
        stop.store(true, Ordering::Relaxed);
        for thread in working {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        measured
    })?;
    let (commit_p50_ms, commit_p99_ms) = (quantile(&registry, 0.5) * 1e3, quantile(&registry, 0.99) * 1e3);
    Ok(Folded { commit_p50_ms, commit_p99_ms, ..measured })
}

/// Watches the lanes' offsets: the whole from the first commit on, the rate from a quarter of the way on, when every thread has its lanes.
fn watch(store: &RedisStore, redis: &str, events: i64) -> Result<Folded> {
    let mut reader = store.reader()?;
    let (mut first, mut million_s) = (None, f64::NAN);
    let mut steady: Option<(Meter, i64)> = None;
    loop {
        let mut folded = 0;
        for lane in 0..PARTITIONS {
            folded += reader.head(lane)?.map_or(0, |head| head.offset);
        }
        let first = *first.get_or_insert_with(Instant::now);
        if folded >= 1_000_000 && million_s.is_nan() {
            million_s = first.elapsed().as_secs_f64();
        }
        if folded >= events / 4 {
            steady.get_or_insert_with(|| (Meter::start(redis), folded));
        }
        if folded >= events
            && let Some((meter, from)) = &steady
        {
            return Ok(Folded {
                cost: meter.stop(),
                steady_events: (folded - from) as f64,
                million_s,
                commit_p50_ms: 0.0,
                commit_p99_ms: 0.0,
            });
        }
        if first.elapsed() > Duration::from_secs(300) {
            bail!("only {folded} of {events} events were folded within 300 s");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A quantile of the commits' durations, in seconds, straight between the histogram's bounds.
fn quantile(registry: &Registry, q: f64) -> f64 {
    for family in registry.gather() {
        if family.name() != "onpace_commit_duration_seconds" {
            continue;
        }
        for metric in family.get_metric() {
            let histogram = metric.get_histogram();
            let wanted = q * histogram.get_sample_count() as f64;
            let (mut low, mut below) = (0.0, 0.0);
            for bucket in histogram.get_bucket() {
                let count = bucket.cumulative_count() as f64;
                if count >= wanted {
                    return low + (bucket.upper_bound() - low) * (wanted - below) / (count - below).max(1.0);
                }
                (low, below) = (bucket.upper_bound(), count);
            }
        }
    }
    f64::NAN
}
