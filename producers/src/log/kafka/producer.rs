//! Appends to the topics: idempotent, acknowledged by all replicas, counted by the batch.
//!
//! In: entries with their partitions. Out: nothing before all of a batch are in the log, or why they are not.
//! Never here: a future per message, an unbounded queue, a wait past the delivery time-out.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{ASK, KafkaSettings, explain, pass_on};
use crate::log::{DeadLetter, Entry, LogError};

/// How long a message may wait to be acknowledged: with librdkafka's look every second, well under 15 s.
const DELIVERY: Duration = Duration::from_secs(12);
/// How many bytes may wait to be acknowledged; further appends wait.
const ROOM: usize = 64 << 20;
/// What a message takes in the queue besides its bytes.
const OVERHEAD: usize = 200;
/// How many messages are queued before other tasks of the thread get their turn.
const TURN: usize = 4096;
/// How often to ask whether brokers that went away are back.
const PROBE: Duration = Duration::from_secs(1);

/// What is known of the brokers without asking.
#[derive(Default)]
pub(super) struct Health {
    /// No broker can be reached, or some did not answer in time.
    away: AtomicBool,
    /// A message was not acknowledged in time, and nothing has worked since.
    timed_out: AtomicBool,
    /// The last message was not taken, whatever the brokers say of themselves: their disk may be full.
    refused: AtomicBool,
    /// The producer can't be used any more.
    fatal: AtomicBool,
    why: Mutex<String>,
}

impl Health {
    pub(super) fn ready(&self) -> Result<(), LogError> {
        if self.away.load(Relaxed) || self.refused.load(Relaxed) { Err(self.error()) } else { Ok(()) }
    }

    /// Fails at once what would only time out as well.
    fn promising(&self) -> Result<(), LogError> {
        if self.timed_out.load(Relaxed) { Err(self.error()) } else { Ok(()) }
    }

    fn error(&self) -> LogError {
        LogError::Away(self.why.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn lost(&self, why: &str) {
        why.clone_into(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
        if !self.away.swap(true, Relaxed) {
            tracing::warn!("Kafka is away: {why}");
        }
    }

    fn alive(&self) {
        if self.away.load(Relaxed) || self.timed_out.load(Relaxed) {
            self.timed_out.store(false, Relaxed);
            if self.away.swap(false, Relaxed) {
                tracing::info!("Kafka is back");
            }
        }
    }

    /// A message is in the log.
    fn taken(&self) {
        self.refused.store(false, Relaxed);
        self.alive();
    }

    /// A message is not in the log, or not known to be; one that is too large says nothing of the next.
    fn not_taken(&self, error: &KafkaError) {
        self.failed(error);
        if !matches!(explain("appending", error), LogError::Refused(_)) {
            if !self.refused.swap(true, Relaxed) && !self.away.load(Relaxed) {
                tracing::warn!("Kafka takes no messages: {error}");
            }
            let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.away.load(Relaxed) {
                *why = format!("the last message was not taken: {error}");
            }
        }
    }

    fn failed(&self, error: &KafkaError) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                self.timed_out.store(true, Relaxed);
                self.lost(&format!("no broker acknowledged a message within {} s", DELIVERY.as_secs()));
            }
            Some(RDKafkaErrorCode::Fatal) => self.fatal.store(true, Relaxed),
            Some(RDKafkaErrorCode::AllBrokersDown) => self.lost("no broker can be reached"),
            _ => {}
        }
    }
}

/// Told once how a batch went.
type Done = Box<dyn FnOnce(Result<(), LogError>) + Send + Sync>;

/// Some messages on their way; the last one to be acknowledged or given up says how it went.
struct Batch {
    failed: OnceLock<KafkaError>,
    done: Option<Done>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Batch {
    fn new(room: Option<OwnedSemaphorePermit>, done: impl FnOnce(Result<(), LogError>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Batch { failed: OnceLock::new(), done: Some(Box::new(done)), _room: room })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(done) = self.done.take() {
            done(self.failed.get().map_or(Ok(()), |error| Err(explain("appending", error))));
        }
    }
}

/// What librdkafka calls back.
struct Deliveries {
    health: Arc<Health>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        pass_on(level, facility, said);
    }

    fn error(&self, error: KafkaError, why: &str) {
        tracing::debug!("{error}: {why}");
        self.health.failed(&error);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        match result {
            Ok(_) => self.health.taken(),
            Err((error, _)) => {
                self.health.not_taken(error);
                // The first one tells.
                let _ = batch.failed.set(error.clone());
            }
        }
    }
}

type Native = BaseProducer<Deliveries>;

/// Appends to the topics.
pub(super) struct Producer {
    shared: Arc<Shared>,
    /// Serves librdkafka's callbacks.
    server: Option<JoinHandle<()>>,
}

struct Shared {
    config: ClientConfig,
    topic: String,
    dead_letter_topic: String,
    native: RwLock<Arc<Native>>,
    room: Arc<Semaphore>,
    health: Arc<Health>,
    stop: AtomicBool,
}

impl Producer {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, LogError> {
        let mut config = settings.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", DELIVERY.as_millis().to_string())
            .set("linger.ms", "2")
            .set("batch.size", "1000000")
            // `ROOM` bounds the queue, without losing anybody's place in it.
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", (4 * ROOM / 1024).to_string());
        let health = Arc::new(Health::default());
        let native = native(&config, &health)?;
        let shared = Arc::new(Shared {
            config,
            topic: settings.topic.clone(),
            dead_letter_topic: settings.dead_letter_topic.clone(),
            native: RwLock::new(native),
            room: Arc::new(Semaphore::new(ROOM)),
            health,
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let server = std::thread::Builder::new()
            .name("log-producer".into())
            .spawn(move || serving.serve())
            .map_err(|error| LogError::Away(format!("no thread for the producer: {error}")))?;
        Ok(Producer { shared, server: Some(server) })
    }

    pub(super) fn health(&self) -> &Health {
        &self.shared.health
    }

    /// Done once all are in the log.
    pub(super) async fn append(&self, entries: Vec<(u32, Entry)>) -> Result<(), LogError> {
        let shared = &self.shared;
        if entries.is_empty() {
            return Ok(());
        }
        shared.health.promising()?;
        let bytes: usize = entries.iter().map(|(_, entry)| OVERHEAD + entry.route.key().len() + entry.value.len()).sum();
        let room = Arc::clone(&shared.room).acquire_many_owned(bytes.min(ROOM) as u32).await.ok();
        shared.health.promising()?;
        let (done, outcome) = oneshot::channel();
        // Nobody waits any more: then nobody needs to know.
        let batch = Batch::new(room, move |result| drop(done.send(result)));
        for some in entries.chunks(TURN) {
            let native = shared.native();
            for (partition, entry) in some {
                let key = entry.route.key();
                let mut record =
                    BaseRecord::with_opaque_to(&shared.topic, Arc::clone(&batch)).partition(*partition as i32).payload(&entry.value);
                if !key.is_empty() {
                    record = record.key(key);
                }
                shared.send(&native, record)?;
            }
            if some.len() == TURN {
                tokio::task::yield_now().await;
            }
        }
        drop(batch);
        outcome.await.unwrap_or_else(|_| Err(LogError::Away("the producer was closed".into())))
    }

    pub(super) fn bury(&self, letter: &DeadLetter) -> Result<(), LogError> {
        self.shared.health.promising()?;
        let (done, outcome) = std::sync::mpsc::sync_channel(1);
        let batch = Batch::new(None, move |result| drop(done.send(result)));
        let (partition, offset) = (letter.partition.to_string(), letter.offset.to_string());
        let headers = [("onpace-partition", partition.as_str()), ("onpace-offset", &offset), ("onpace-reason", &letter.reason)]
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let mut record = BaseRecord::with_opaque_to(&self.shared.dead_letter_topic, batch).headers(headers).payload(&letter.value);
        if !letter.key.is_empty() {
            record = record.key(letter.key.as_slice());
        }
        self.shared.send(&self.shared.native(), record)?;
        outcome.recv().unwrap_or_else(|_| Err(LogError::Away("the producer was closed".into())))
    }

    pub(super) fn end(&self, partition: u32) -> Result<i64, LogError> {
        let (shared, native) = (&self.shared, self.shared.native());
        match native.client().fetch_watermarks(&shared.topic, partition as i32, ASK) {
            Ok((_, high)) => Ok(high),
            Err(error) => Err(explain(&format!("asking where partition {partition} of {} ends", shared.topic), &error)),
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

fn native(config: &ClientConfig, health: &Arc<Health>) -> Result<Arc<Native>, LogError> {
    let context = Deliveries { health: Arc::clone(health) };
    config.create_with_context(context).map(Arc::new).map_err(|error| explain("making a Kafka producer", &error))
}

impl Shared {
    fn native(&self) -> Arc<Native> {
        Arc::clone(&self.native.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn send(&self, native: &Native, record: BaseRecord<'_, [u8], Vec<u8>, Arc<Batch>>) -> Result<(), LogError> {
        native.send(record).map_err(|(error, _)| {
            self.health.failed(&error);
            explain("appending", &error)
        })
    }

    fn serve(&self) {
        let (mut probed, mut unreached) = (Instant::now(), false);
        while !self.stop.load(Relaxed) {
            let native = self.native();
            native.poll(Duration::from_millis(100));
            if self.health.fatal.swap(false, Relaxed) {
                self.replace(&native);
            }
            if self.health.away.load(Relaxed) && probed.elapsed() >= PROBE {
                let found = native.client().fetch_metadata(Some(&self.topic), PROBE);
                if found.is_ok_and(|found| found.topics().iter().any(|topic| !topic.partitions().is_empty())) {
                    // Who was out of reach may take messages again; of who answered all the time, only a message can tell.
                    if std::mem::take(&mut unreached) {
                        self.health.refused.store(false, Relaxed);
                    }
                    self.health.alive();
                } else {
                    unreached = true;
                }
                probed = Instant::now();
            }
        }
    }

    /// An idempotent producer stops for good when the broker's memory of it contradicts its own, as after a loss of data there.
    fn replace(&self, old: &Native) {
        let why = old.client().fatal_error().map_or_else(String::new, |(_, why)| why);
        tracing::warn!("the Kafka producer has stopped and a new one takes its place: {why}");
        match native(&self.config, &self.health) {
            Ok(new) => *self.native.write().unwrap_or_else(PoisonError::into_inner) = new,
            Err(error) => {
                tracing::error!("no new Kafka producer: {error}");
                self.health.fatal.store(true, Relaxed);
            }
        }
        // What was under way there has failed; its reports are still to be passed on.
        while old.in_flight_count() > 0 && !self.stop.load(Relaxed) {
            old.poll(Duration::from_millis(100));
        }
    }
}
