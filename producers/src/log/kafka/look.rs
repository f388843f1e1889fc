//! Looks what lies at some offsets, beside whoever reads.
//!
//! In: offsets of a partition. Out: what lies there. A consumer of its own, outside the group, that fetches nothing between looks.
//! Never here: Kafka's id of the topic, which would tell a topic made anew at once: librdkafka knows it, and rdkafka hands it on to
//! nobody but through raw bindings.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, Timestamp, TopicPartitionList};

use super::topic::Asking;
use super::{KafkaSettings, explain};
use crate::log::{Fingerprint, LogError, Message, Seen, now_ms};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at a topic; made when it is first needed.
#[derive(Default)]
pub(super) struct Looker {
    consumer: Mutex<Option<BaseConsumer<Asking>>>,
}

/// A message as Kafka has it. Where its time is its sender's word, it can't have been recorded after now.
pub(super) fn message<'m>(found: &'m BorrowedMessage<'_>) -> Message<'m> {
    let (kept_ms, claimed) = match found.timestamp() {
        Timestamp::LogAppendTime(ms) => (ms, false),
        Timestamp::CreateTime(ms) => (ms, true),
        Timestamp::NotAvailable => (0, true),
    };
    Message {
        partition: found.partition() as u32,
        offset: found.offset(),
        recorded_ms: if claimed { kept_ms.min(now_ms()) } else { kept_ms },
        claimed,
        kept_ms,
        key: found.key().unwrap_or_default(),
        value: found.payload().unwrap_or_default(),
    }
}

impl Looker {
    /// What lies at these offsets now.
    pub(super) fn look(&self, settings: &KafkaSettings, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        let mut kept = self.consumer.lock().unwrap_or_else(PoisonError::into_inner);
        let consumer = match kept.take() {
            Some(consumer) => consumer,
            None => make(settings)?,
        };
        let seen = look(&consumer, &settings.topic, partition, offsets);
        // After an error another one takes its place, at once, so that a process holds no more later than now: a look must not meet what
        // is left of the last.
        *kept = Some(if seen.is_ok() { consumer } else { make(settings)? });
        seen
    }
}

fn make(settings: &KafkaSettings) -> Result<BaseConsumer<Asking>, LogError> {
    let mut config = settings.client();
    config
        // Needed, and never joined.
        .set("group.id", &settings.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        // Nothing may lie there but a transaction's mark.
        .set("enable.partition.eof", "true")
        // One message is wanted, and the next question must not wait for more of them to come.
        .set("queued.min.messages", "1")
        .set("fetch.message.max.bytes", "1024")
        .set("fetch.wait.max.ms", "5")
        .set("fetch.error.backoff.ms", "20");
    config.create_with_context(Asking).map_err(|error| explain("making a Kafka consumer", &error))
}

fn look(consumer: &BaseConsumer<Asking>, topic: &str, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
    let doing = format!("looking what lies in partition {partition} of {topic}");
    let (begin, end) = consumer.fetch_watermarks(topic, partition as i32, LIMIT).map_err(|error| explain(&doing, &error))?;
    let mut found = vec![None; offsets.len()];
    for (found, offset) in found.iter_mut().zip(offsets).filter(|(_, offset)| (begin..end).contains(offset)) {
        *found = at(consumer, topic, partition as i32, *offset, &doing)?;
    }
    consumer.unassign().map_err(|error| explain(&doing, &error))?;
    Ok(Seen { identity: None, begin, forgets: true, end, found })
}

fn at(consumer: &BaseConsumer<Asking>, topic: &str, partition: i32, offset: i64, doing: &str) -> Result<Option<Fingerprint>, LogError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).map_err(|error| explain(doing, &error))?;
    consumer.assign(&list).map_err(|error| explain(doing, &error))?;
    let until = Instant::now() + LIMIT;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match consumer.poll(left) {
            // Of the offset asked for before.
            Some(Ok(found)) if found.offset() < offset => {}
            Some(Ok(found)) => return Ok((found.offset() == offset).then(|| message(&found).fingerprint())),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::LogTruncation) => {
                    return Err(LogError::Away(format!("{doing}: it changes meanwhile")));
                }
                _ => return Err(explain(doing, &error)),
            },
            None if left.is_zero() => return Err(LogError::Away(format!("{doing}: no answer within {} s", LIMIT.as_secs()))),
            None => {}
        }
    }
}
