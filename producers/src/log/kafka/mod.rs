//! The event log in Kafka: one topic, its partitions the lanes; a second topic for what can't be read.
//!
//! In: entries. Out: the same, to readers that share the partitions out among themselves by Kafka's group protocol.
//! Never here: offsets kept in Kafka, automatic resets: a reader says where it starts, and an offset that
//! Kafka doesn't have is an error.

mod look;
mod opening;
mod producer;
mod reader;
mod topic;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use self::look::Looker;
use self::opening::Opening;
use self::producer::Producer;
use super::{DeadLetter, Entry, EventLog, LogError, LogReader, Message, Seen, place};

/// How long a question to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// Where the log is in Kafka, and what it is like.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// Some of the brokers, `host:port,host:port`.
    pub brokers: String,
    /// The topic of the events.
    pub topic: String,
    /// The topic of what can't be read.
    pub dead_letter_topic: String,
    /// The group of the processors: its members share the partitions out among themselves.
    pub group: String,
    /// How many partitions the topic has, and gets when it is made.
    pub partitions: u32,
    /// Whether topics that are missing are made.
    pub create_topics: bool,
    /// After how long without a sign of life a reader's partitions go to others.
    pub session_timeout: Duration,
    /// Further properties of librdkafka, such as those of SASL; what the log itself depends on can't be set.
    pub properties: Vec<(String, String)>,
}

impl KafkaSettings {
    /// The defaults at these brokers, `host:port,host:port`.
    pub fn new(brokers: impl Into<String>) -> Self {
        KafkaSettings {
            brokers: brokers.into(),
            topic: "onpace.events".into(),
            dead_letter_topic: "onpace.dead-letters".into(),
            group: "onpace-processors".into(),
            partitions: 4,
            create_topics: true,
            session_timeout: Duration::from_secs(10),
            properties: Vec::new(),
        }
    }

    /// What every client is configured with.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "onpace")
            // A producer's question would make a topic with the broker's number of partitions.
            .set("allow.auto.create.topics", "false")
            .set("socket.nagle.disable", "true")
            // Back within a second of the brokers being back; the default is 10.
            .set("reconnect.backoff.max.ms", "1000");
        config
    }
}

/// The log in Kafka.
pub struct KafkaLog {
    settings: KafkaSettings,
    opening: Arc<Opening>,
    producer: Producer,
    looker: Looker,
}

impl KafkaLog {
    /// Opens the log, making its topics where they are missing. Takes as long as the brokers take to answer, at most some
    /// 10 seconds a question; not to be called where blocking is forbidden.
    ///
    /// # Errors
    /// No broker answers; the topic is missing, has another number of partitions or would lose events.
    pub fn open(settings: KafkaSettings) -> Result<Self, LogError> {
        let opening = Opening::now(&settings)?;
        KafkaLog::opened(settings, opening)
    }

    /// The log of brokers that may not be there yet: until they are, it is away, and then it is opened by itself. A topic that can't hold
    /// the log is told by every call from then on.
    ///
    /// # Errors
    /// The settings make no sense.
    pub fn open_whenever(settings: KafkaSettings) -> Result<Self, LogError> {
        let opening = Opening::whenever(&settings)?;
        KafkaLog::opened(settings, opening)
    }

    fn opened(settings: KafkaSettings, opening: Arc<Opening>) -> Result<Self, LogError> {
        let producer = Producer::new(&settings)?;
        Ok(KafkaLog { settings, opening, producer, looker: Looker::default() })
    }
}

impl Drop for KafkaLog {
    fn drop(&mut self) {
        self.opening.give_up();
    }
}

impl EventLog for KafkaLog {
    fn partitions(&self) -> u32 {
        self.settings.partitions
    }

    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            self.opening.check()?;
            let placed = entries.into_iter().map(|entry| Ok((place(&entry.route, self.settings.partitions)?, entry)));
            self.producer.append(placed.collect::<Result<Vec<_>, LogError>>()?).await
        }
        .boxed()
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.opening.check()?;
        Ok(Box::new(reader::Reader::new(&self.settings)?))
    }

    fn ends(&self) -> Result<Vec<i64>, LogError> {
        self.opening.check()?;
        (0..self.settings.partitions).map(|partition| self.producer.end(partition)).collect()
    }

    fn look(&self, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        self.opening.check()?;
        if partition >= self.settings.partitions {
            return Err(LogError::no_partition(partition, self.settings.partitions));
        }
        self.looker.look(&self.settings, partition, offsets)
    }

    fn remarks(&self) -> Vec<String> {
        self.opening.remarks()
    }

    fn prove(&self) -> Result<(), LogError> {
        self.opening.check()?;
        reader::prove(&self.settings, 0..self.settings.partitions)
    }

    fn prove_partition(&self, partition: u32) -> Result<(), LogError> {
        self.opening.check()?;
        reader::prove(&self.settings, partition..partition + 1)
    }

    fn scan(&self, ends: &[i64], each: &mut dyn FnMut(Message<'_>) -> bool) -> Result<(), LogError> {
        self.opening.check()?;
        reader::scan(&self.settings, ends, each)
    }

    fn bury(&self, letter: DeadLetter) -> Result<(), LogError> {
        self.producer.bury(&letter)
    }

    fn ready(&self) -> Result<(), LogError> {
        self.opening.check()?;
        self.producer.health().ready()
    }
}

/// What librdkafka says, as what is to be done about it.
fn explain(doing: &str, error: &KafkaError) -> LogError {
    use RDKafkaErrorCode as Code;
    let said = || match error.rdkafka_error_code() {
        Some(code) => format!("{doing}: {code}"),
        None => format!("{doing}: {error}"),
    };
    match error {
        KafkaError::ClientConfig(_, why, name, value) => LogError::Settings(format!("Kafka property {name}={value}: {why}")),
        KafkaError::ClientCreation(why) => LogError::Settings(format!("{doing}: {why}")),
        _ => match error.rdkafka_error_code() {
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::InvalidMessage | Code::InvalidRecord) => {
                LogError::Refused(said())
            }
            // At the start a missing topic is made, or told. Later it is one that was deleted: whoever makes it anew, or puts it back, is waited for.
            Some(Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition) => {
                LogError::Away(format!("{}; was the topic deleted?", said()))
            }
            Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
                LogError::Settings(format!("{}; check the topic and what this client may do with it", said()))
            }
            _ => LogError::Away(said()),
        },
    }
}

/// Passes on what librdkafka logs.
fn pass_on(level: rdkafka::config::RDKafkaLogLevel, facility: &str, said: &str) {
    use rdkafka::config::RDKafkaLogLevel as Level;
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
            tracing::warn!(target: "librdkafka", facility, "{said}");
        }
        Level::Notice | Level::Info | Level::Debug => tracing::debug!(target: "librdkafka", facility, "{said}"),
    }
}

#[cfg(test)]
mod tests;
