//! Reads the topic as a member of the group, on the caller's thread.
//!
//! In: Kafka's word on which partitions are this reader's, the caller's on where each begins. Out: messages, borrowed
//! from librdkafka's buffers. Never here: an offset from Kafka or by default, a message out of its turn: an
//! offset other than the next one is fetched again before it is believed.
//!
//! An assigned partition is not in librdkafka's assignment until the caller has said where it begins; every
//! [`start`](LogReader::start) makes the whole assignment anew, at the offsets that the caller has come to. That
//! throws away what was fetched ahead, at once and for certain, which seeking and pausing leave open.

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::look::message as read;
use super::{ASK, KafkaSettings, explain, pass_on, topic};
use crate::Seldom;
use crate::log::{LogError, LogReader, Message, PROOF, Polled};

/// How long the group may take to let a reader go before it is left to itself.
const CLOSE: Duration = Duration::from_secs(5);
/// How often a trouble that lasts is looked into, and how long that may take.
const LOOK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(1));

/// What librdkafka calls back, on the thread that polls.
#[derive(Default)]
struct Group {
    turns: Mutex<VecDeque<Polled>>,
    turned: AtomicBool,
    /// The last error's text.
    why: Mutex<String>,
}

impl Group {
    fn turns(&self) -> MutexGuard<'_, VecDeque<Polled>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, polled: Polled) {
        self.turns().push_back(polled);
        self.turned.store(true, Relaxed);
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        pass_on(level, facility, said);
    }

    fn error(&self, _: KafkaError, why: &str) {
        why.clone_into(&mut self.why.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<u32> = list.elements().iter().filter_map(|one| u32::try_from(one.partition()).ok()).collect();
        let answered = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if !partitions.is_empty() {
                self.turn(Polled::Assigned(partitions));
            }
            // Accepted; none of them is read before it is started.
            consumer.assign(&TopicPartitionList::new())
        } else {
            if !partitions.is_empty() {
                self.turn(Polled::Revoked(partitions));
            }
            consumer.unassign()
        };
        if let Err(error) = answered {
            tracing::warn!("answering the group's rebalance: {error}");
        }
    }
}

/// One member of the group.
pub(super) struct Reader {
    /// There until it is dropped.
    consumer: Option<BaseConsumer<Group>>,
    topic: String,
    topic_c: CString,
    assigned: Vec<bool>,
    /// The next offset of each partition that was started.
    positions: Vec<Option<i64>>,
    /// The positions are not yet librdkafka's.
    moved: bool,
    /// A partition and the position at which Kafka had another offset than the next.
    hole: Option<(usize, i64)>,
    /// Kafka lacks the offset of one partition; which, it has not said.
    out_of_range: bool,
    /// Since when something is wrong that may pass, and when it was last looked into.
    trouble: Option<(Instant, Instant)>,
    /// Something happened since this was last asked after which the topic may be another.
    shaken: bool,
    warned: Seldom,
}

/// How often a member of the group shows that it lives, in milliseconds. It also learns so late that partitions change hands.
fn heartbeat_ms(session: Duration) -> u128 {
    (session.as_millis() / 4).min(1_000)
}

/// Reads the first message of each of these partitions that has any, outside the group: no partition changes hands.
pub(super) fn prove(settings: &KafkaSettings, partitions: Range<u32>) -> Result<(), LogError> {
    let doing = format!("reading the beginning of {}", settings.topic);
    let mut config = settings.client();
    config.set("group.id", &settings.group).set("enable.auto.commit", "false").set("auto.offset.reset", "error");
    // A partition may hold nothing but a transaction's marks.
    config.set("enable.partition.eof", "true");
    let consumer: BaseConsumer<Group> = config.create_with_context(Group::default()).map_err(|error| explain(&doing, &error))?;
    for partition in partitions {
        let found = consumer.fetch_watermarks(&settings.topic, partition as i32, ASK);
        let (begin, end) = found.map_err(|error| explain(&doing, &error))?;
        if begin > 0 {
            return Err(LogError::gap(partition, 0, begin, end));
        }
        if end == 0 {
            continue;
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&settings.topic, partition as i32, Offset::Offset(0)).map_err(|error| explain(&doing, &error))?;
        consumer.assign(&list).map_err(|error| explain(&doing, &error))?;
        match consumer.poll(PROOF) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) => return Err(explain(&doing, &error)),
            None => return Err(LogError::unread(partition, PROOF)),
        }
    }
    Ok(())
}

/// Reads each partition from its beginning up to one of `ends`, outside the group: no partition changes hands.
pub(super) fn scan(settings: &KafkaSettings, ends: &[i64], each: &mut dyn FnMut(Message<'_>) -> bool) -> Result<(), LogError> {
    let doing = format!("reading {} through", settings.topic);
    let wrong = |error: KafkaError| explain(&doing, &error);
    let mut config = settings.client();
    config.set("group.id", &settings.group).set("enable.auto.commit", "false").set("auto.offset.reset", "error");
    // The last offsets of a partition may be nothing but a transaction's marks.
    config.set("enable.partition.eof", "true").set("check.crcs", "true").set("queued.max.messages.kbytes", "16384");
    let consumer: BaseConsumer<Group> = config.create_with_context(Group::default()).map_err(wrong)?;
    for (partition, end) in (0..).zip(ends) {
        let (begin, _) = consumer.fetch_watermarks(&settings.topic, partition, ASK).map_err(wrong)?;
        if begin >= *end {
            continue;
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&settings.topic, partition, Offset::Offset(begin)).map_err(wrong)?;
        consumer.assign(&list).map_err(wrong)?;
        let mut next = begin;
        while next < *end {
            match consumer.poll(PROOF) {
                Some(Ok(message)) => {
                    next = message.offset() + 1;
                    if message.offset() < *end && !each(read(&message)) {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) => return Err(wrong(error)),
                None => return Err(LogError::unread(partition as u32, PROOF)),
            }
        }
    }
    Ok(())
}

impl Reader {
    pub(super) fn new(settings: &KafkaSettings) -> Result<Self, LogError> {
        let mut config = settings.client();
        config
            .set("group.id", &settings.group)
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", settings.session_timeout.as_millis().to_string())
            .set("heartbeat.interval.ms", heartbeat_ms(settings.session_timeout).to_string())
            // The offsets are beside the state they led to, not in Kafka.
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("check.crcs", "true")
            .set("enable.partition.eof", "false")
            // A topic that is gone is looked for at these times only; at their default of five minutes one that is made anew is not read, and not told, for as long.
            .set("topic.metadata.refresh.interval.ms", "5000")
            // At its default a consumer that falls behind stands still for a second at a time.
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", "1000000")
            .set("queued.max.messages.kbytes", "65536")
            .set("fetch.message.max.bytes", "4194304");
        let doing = format!("joining the group {}", settings.group);
        let consumer: BaseConsumer<Group> = config.create_with_context(Group::default()).map_err(|error| explain(&doing, &error))?;
        consumer.subscribe(&[&settings.topic]).map_err(|error| explain(&doing, &error))?;
        let count = settings.partitions as usize;
        Ok(Reader {
            consumer: Some(consumer),
            topic: settings.topic.clone(),
            topic_c: CString::new(settings.topic.as_str()).map_err(|error| LogError::Settings(format!("{doing}: {error}")))?,
            assigned: vec![false; count],
            positions: vec![None; count],
            moved: false,
            hole: None,
            out_of_range: false,
            trouble: None,
            shaken: false,
            warned: Seldom::new(),
        })
    }

    fn consumer(&self) -> Result<&BaseConsumer<Group>, LogError> {
        self.consumer.as_ref().ok_or_else(|| LogError::Away("the reader is closed".into()))
    }

    /// What the group has decided, oldest first.
    fn turn(&mut self) -> Result<Option<Polled>, LogError> {
        let group = self.consumer()?.context().clone();
        if !group.turned.load(Relaxed) {
            return Ok(None);
        }
        let turn = {
            let mut turns = group.turns();
            let turn = turns.pop_front();
            group.turned.store(!turns.is_empty(), Relaxed);
            turn
        };
        match &turn {
            Some(Polled::Assigned(partitions)) => {
                if let Some(beyond) = partitions.iter().find(|partition| **partition as usize >= self.assigned.len()) {
                    return topic::hold_count(&self.topic, beyond + 1, self.assigned.len() as u32).map(|()| None);
                }
                partitions.iter().for_each(|partition| self.assigned[*partition as usize] = true);
            }
            // All of them: the group's protocol is the eager one.
            Some(Polled::Revoked(_)) => {
                self.assigned.fill(false);
                self.positions.fill(None);
                (self.moved, self.hole, self.out_of_range) = (false, None, false);
            }
            Some(Polled::Messages(_)) | None => {}
        }
        Ok(turn)
    }

    /// Makes the positions librdkafka's.
    fn move_there(&mut self) -> Result<(), LogError> {
        let mut list = TopicPartitionList::new();
        for (partition, position) in self.positions.iter().enumerate() {
            if let Some(position) = position {
                list.add_partition_offset(&self.topic, partition as i32, Offset::Offset(*position))
                    .map_err(|error| explain("starting to read", &error))?;
            }
        }
        self.consumer()?.assign(&list).map_err(|error| explain("starting to read", &error))?;
        self.moved = false;
        Ok(())
    }

    /// Finds the partition whose offset Kafka lacks.
    fn find_gap(&mut self) -> Result<(), LogError> {
        for partition in 0..self.positions.len() {
            let Some(position) = self.positions[partition] else { continue };
            let found = self.consumer()?.fetch_watermarks(&self.topic, partition as i32, ASK);
            let (begin, end) = found.map_err(|error| explain("asking for the offsets that Kafka has", &error))?;
            if !(begin..=end).contains(&position) {
                self.positions[partition] = None;
                return Err(LogError::gap(partition as u32, position, begin, end));
            }
        }
        // Kafka has all of them again: a broker that was behind leads no longer.
        (self.out_of_range, self.moved) = (false, true);
        Ok(())
    }

    /// An error that came instead of a message.
    fn trouble(&mut self, error: &KafkaError) -> Result<(), LogError> {
        self.shaken = true;
        let why = self.consumer()?.context().why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            return Err(LogError::Away(format!("reading has ended for good: {why}; start anew")));
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::LogTruncation) => {
                self.out_of_range = true;
            }
            Some(RDKafkaErrorCode::AllBrokersDown) => self.mark(),
            Some(code) if topic::is_about_the_topic(code) => self.mark(),
            _ => {}
        }
        if self.warned.again().is_some() {
            tracing::warn!("reading {}: {why}", self.topic);
        }
        Ok(())
    }

    fn mark(&mut self) {
        let now = Instant::now();
        self.trouble.get_or_insert((now, now));
    }

    /// Whether a trouble has passed; if not, an error, now and then.
    fn look(&mut self) -> Result<(), LogError> {
        let Some((since, looked)) = self.trouble else { return Ok(()) };
        if looked.elapsed() < LOOK.0 {
            return Ok(());
        }
        let lasted = since.elapsed().as_secs();
        let doing = format!("nothing could be read for {lasted} s");
        let found = topic::count_within(self.consumer()?, &self.topic, &doing, LOOK.1);
        self.trouble = Some((since, Instant::now()));
        match found? {
            None => Err(LogError::Away(format!(
                "the topic {} is gone; put it back, or have it made anew by starting a gateway, and then see what `onpace check` says",
                self.topic
            ))),
            Some(count) => {
                topic::hold_count(&self.topic, count, self.positions.len() as u32)?;
                self.trouble = None;
                Ok(())
            }
        }
    }
}

/// What became of a message.
enum Came {
    InTurn,
    /// Fetched before the partition was started where it is now.
    Stale,
    /// An offset further on than the next.
    Ahead,
}

fn came(positions: &mut [Option<i64>], partition: usize, offset: i64) -> Came {
    match positions.get_mut(partition) {
        Some(Some(position)) if *position == offset => {
            *position += 1;
            Came::InTurn
        }
        Some(Some(position)) if offset > *position => Came::Ahead,
        _ => Came::Stale,
    }
}

impl LogReader for Reader {
    fn poll(&mut self, wait: Duration, most: usize, each: &mut dyn FnMut(Message<'_>)) -> Result<Polled, LogError> {
        if let Some(turn) = self.turn()? {
            return Ok(turn);
        }
        if self.out_of_range {
            self.find_gap()?;
        }
        if self.moved {
            self.move_there()?;
        }
        let Some(consumer) = &self.consumer else { return Ok(Polled::Messages(0)) };
        let (mut wait, mut count, mut error) = (wait, 0, None);
        while count < most {
            match consumer.poll(wait) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition() as usize, message.offset());
                    match came(&mut self.positions, partition, offset) {
                        Came::InTurn => {}
                        Came::Stale => continue,
                        Came::Ahead => {
                            let position = self.positions[partition];
                            let hole = position.map(|position| (partition, position));
                            if self.hole != hole {
                                // Not believed before it was fetched twice.
                                (self.hole, self.moved) = (hole, true);
                                break;
                            }
                            tracing::warn!(partition, offset, expected = position, "offsets are missing: a transaction's marks, or lost");
                            self.hole = None;
                            self.positions[partition] = Some(offset + 1);
                        }
                    }
                    each(read(&message));
                    count += 1;
                    wait = Duration::ZERO;
                }
                Some(Err(trouble)) => {
                    error = Some(trouble);
                    break;
                }
                None => break,
            }
        }
        if let Some(error) = error {
            self.trouble(&error)?;
        }
        if count > 0 {
            self.trouble = None;
            return Ok(Polled::Messages(count));
        }
        self.look()?;
        Ok(self.turn()?.unwrap_or(Polled::Messages(0)))
    }

    fn start(&mut self, partition: u32, offset: i64) -> Result<(), LogError> {
        let (at, count) = (partition as usize, self.positions.len() as u32);
        match self.assigned.get(at) {
            None => return Err(LogError::no_partition(partition, count)),
            Some(false) => return Err(LogError::Settings(format!("partition {partition} is not this reader's to start"))),
            Some(true) => {}
        }
        if self.hole.is_some_and(|(partition, _)| partition == at) {
            self.hole = None;
        }
        self.positions[at] = Some(offset);
        self.moved = true;
        Ok(())
    }

    fn stop(&mut self, partition: u32) -> Result<(), LogError> {
        if let Some(position) = self.positions.get_mut(partition as usize)
            && position.take().is_some()
        {
            self.moved = true;
        }
        Ok(())
    }

    fn end(&self, partition: u32) -> Option<i64> {
        let position = (*self.positions.get(partition as usize)?)?;
        let known = high_watermark(self.consumer.as_ref()?, &self.topic_c, partition as i32)?;
        Some(known.max(position))
    }

    fn shaken(&mut self) -> bool {
        std::mem::take(&mut self.shaken)
    }
}

/// Where the partition ended as of its last fetch: no question to the broker, and librdkafka's binding has no call for it.
#[expect(unsafe_code, reason = "the binding has no safe call for the watermarks that librdkafka remembers")]
fn high_watermark(consumer: &BaseConsumer<Group>, topic: &CStr, partition: i32) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    let client = consumer.client().native_ptr();
    // SAFETY: the client and the topic's name live throughout the call, which writes to the two numbers and nothing else.
    let code = unsafe { rdkafka::bindings::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high) };
    (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

impl Drop for Reader {
    /// Leaves the group, so that others need not wait for the session to end; with a deadline, since librdkafka may hang here.
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        let (done, closed) = mpsc::channel();
        let closing = std::thread::Builder::new().name("log-reader-close".into()).spawn(move || {
            drop(consumer);
            // Too late to be waited for.
            let _ = done.send(());
        });
        if closing.is_err() || closed.recv_timeout(CLOSE).is_err() {
            tracing::warn!("the Kafka reader did not leave its group within {} s; its partitions are handed on later", CLOSE.as_secs());
        }
    }
}
