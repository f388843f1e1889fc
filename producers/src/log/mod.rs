//! The event log: the one source of truth, in partitions that are read in order from any offset.
//!
//! In: keyed messages. Out: the same messages, by partition and offset, for ever.
//! Three implementations pass one suite of tests (`suite`): Kafka, embedded (SQLite), in memory.
//! Never here: what a message means.

pub mod embedded;
pub mod kafka;
pub mod memory;
mod seen;
#[cfg(test)]
pub(crate) mod suite;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use onpace_schemas::counted;

pub use seen::{Fingerprint, Seen};

/// How long the first message of a partition may take to come.
const PROOF: Duration = Duration::from_secs(10);
/// How many messages a scan takes at a time.
const MOST_SCANNED: usize = 1_000;

/// A message to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes.
    pub route: Route,
    /// Avro, as `onpace_schemas::avro` writes it.
    pub value: Vec<u8>,
}

/// Which partition a message goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The one that the murmur2 hash of this key (`kind:entity`) names, as with the Java clients.
    Key(Vec<u8>),
    /// This one: a heartbeat's.
    Partition(u32),
}

/// A message as it is read.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its partition.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// When it was recorded, in milliseconds since 1970.
    pub recorded_ms: i64,
    /// Whether that is no more than its sender's word, and then it is no later than when it was read. A log that onpace makes notes the
    /// time itself.
    pub claimed: bool,
    /// The time that the log keeps with it, in milliseconds since 1970; where that is its sender's word, any.
    pub kept_ms: i64,
    /// Its key; empty for a heartbeat.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

impl Message<'_> {
    /// What it is known by.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.kept_ms, self.key, self.value)
    }
}

/// What a [`LogReader::poll`] brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// So many messages were handed over, perhaps none.
    Messages(usize),
    /// These partitions are this reader's from now on; it reads none of them before [`LogReader::start`].
    Assigned(Vec<u32>),
    /// These partitions are no longer this reader's.
    Revoked(Vec<u32>),
}

/// A message that could not be read, with its coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The partition it was read from.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// Why it can't be read.
    pub reason: String,
    /// Its key, as it was.
    pub key: Vec<u8>,
    /// Its value, as it was.
    pub value: Vec<u8>,
}

/// What may go wrong with the log: the outside world's doing; say it, wait, try again.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log can't be reached or did not acknowledge in time; what was sent may or may not be in it.
    #[error("the log is away: {0}")]
    Away(String),
    /// A message is larger than the log takes.
    #[error("the log refused a message: {0}")]
    Refused(String),
    /// The log has lost what is asked for (retention), or ends before it: reading on would skip events.
    #[error("partition {partition} has no offset {offset}: {why}")]
    Gap {
        /// The partition.
        partition: u32,
        /// The offset asked for.
        offset: i64,
        /// What the log has instead, and what to do.
        why: String,
    },
    /// The log is not as it is configured: another number of partitions, no such topic.
    #[error("{0}")]
    Settings(String),
}

impl Route {
    /// The key; empty for a heartbeat's route.
    fn key(&self) -> &[u8] {
        match self {
            Route::Key(key) => key,
            Route::Partition(_) => &[],
        }
    }

    fn into_key(self) -> Vec<u8> {
        match self {
            Route::Key(key) => key,
            Route::Partition(_) => Vec::new(),
        }
    }
}

impl LogError {
    /// The log reaches from `begin` up to, not including, `end`, and `offset` is outside.
    pub fn gap(partition: u32, offset: i64, begin: i64, end: i64) -> Self {
        let why = if offset < begin {
            format!(
                "the log begins at {begin}, so {} deleted unread; put the log's retention back to \"for ever\" \
                 and restore it from a backup, or import what was lost into a new log",
                match begin - offset {
                    1 => "1 event was".to_owned(),
                    many => format!("{many} events were"),
                }
            )
        } else {
            format!(
                "the log ends at {end}: it was emptied, recreated or restored from an older copy; \
                 restore it, or start over from what it has with `onpace rebuild`"
            )
        };
        LogError::Gap { partition, offset, why }
    }

    fn unread(partition: u32, waited: Duration) -> Self {
        LogError::Away(format!("partition {partition} has messages, and none of them came within {} s", waited.as_secs()))
    }

    fn no_partition(partition: u32, partitions: u32) -> Self {
        LogError::Settings(format!("the log has {}, numbered from 0; there is no partition {partition}", counted(partitions, "partition")))
    }
}

/// The partition that a route names, of so many.
fn place(route: &Route, partitions: u32) -> Result<u32, LogError> {
    match route {
        Route::Key(key) => Ok(partition_of(key, partitions)),
        Route::Partition(partition) if *partition < partitions => Ok(*partition),
        Route::Partition(partition) => Err(LogError::no_partition(*partition, partitions)),
    }
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The event log.
pub trait EventLog: Send + Sync {
    /// How many partitions it has.
    fn partitions(&self) -> u32;

    /// Appends messages; done once all of them are in the log. After an error any of them may be in it:
    /// appending them again is harmless, since merging is idempotent.
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), LogError>>;

    /// A reader; with Kafka one of a group among which the partitions are shared out. Where the log is in
    /// this process, one reader has all partitions.
    ///
    /// # Errors
    /// The log is away, or not as configured.
    fn reader(&self) -> Result<Box<dyn LogReader>, LogError>;

    /// For each partition the offset that the next message will have.
    ///
    /// # Errors
    /// The log is away.
    fn ends(&self) -> Result<Vec<i64>, LogError>;

    /// Looks what lies at some offsets of a partition, without taking part in how readers share the partitions out: whether this is the
    /// log that it was.
    ///
    /// # Errors
    /// The log is away.
    fn look(&self, partition: u32, offsets: &[i64]) -> Result<Seen, LogError>;

    /// What is not as it should be with the log, and does no harm yet: a sentence each.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Proves that the log can be read from its beginning, every partition of it.
    ///
    /// # Errors
    /// The log is away, or no longer begins at its beginning.
    fn prove(&self) -> Result<(), LogError> {
        (0..self.partitions()).try_for_each(|partition| self.prove_partition(partition))
    }

    /// Proves that a partition can be read from its beginning: reads its first message, if it has any, without taking part in how
    /// readers share the partitions out.
    ///
    /// # Errors
    /// The log is away, or the partition no longer begins at its beginning.
    fn prove_partition(&self, partition: u32) -> Result<(), LogError> {
        if self.ends()?.get(partition as usize).is_none_or(|end| *end == 0) {
            return Ok(());
        }
        let mut reader = self.reader()?;
        // The first thing it says is which partitions it has: all of them, within one process.
        reader.poll(Duration::ZERO, 1, &mut |_| {})?;
        reader.start(partition, 0)?;
        match reader.poll(PROOF, 1, &mut |_| {})? {
            Polled::Messages(1) => Ok(()),
            _ => Err(LogError::unread(partition, PROOF)),
        }
    }

    /// Reads everything and holds it against what it was when it was appended, where the log can't be trusted to do that by itself; `progress` is
    /// told how many messages were read, of how many.
    ///
    /// # Errors
    /// The log is away, or a message is not as it was appended: which one, and what to do.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LogError> {
        let _ = progress;
        Ok(())
    }

    /// Hands over what each partition holds from its beginning up to one of `ends`, until `each` says that it is enough; without
    /// taking part in how readers share the partitions out.
    ///
    /// # Errors
    /// The log is away, or has a gap.
    fn scan(&self, ends: &[i64], each: &mut dyn FnMut(Message<'_>) -> bool) -> Result<(), LogError> {
        let mut reader = self.reader()?;
        reader.poll(Duration::ZERO, 1, &mut |_| {})?;
        for (partition, end) in (0..).zip(ends) {
            let (mut next, mut more) = (0, true);
            reader.start(partition, 0)?;
            while next < *end && more {
                let polled = reader.poll(PROOF, MOST_SCANNED, &mut |message| {
                    more = more && (message.offset >= *end || each(message));
                    next = message.offset + 1;
                })?;
                if polled == Polled::Messages(0) {
                    return Err(LogError::unread(partition, PROOF));
                }
            }
            reader.stop(partition)?;
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Keeps a message that could not be read.
    ///
    /// # Errors
    /// The log is away.
    fn bury(&self, letter: DeadLetter) -> Result<(), LogError>;

    /// Whether the log takes messages, as far as is known without asking: what a readiness check goes by.
    ///
    /// # Errors
    /// Why it doesn't.
    fn ready(&self) -> Result<(), LogError> {
        Ok(())
    }
}

/// Reads partitions of the log on one thread.
pub trait LogReader: Send {
    /// Waits up to `wait` for something to happen and hands over what there is, at most `most` messages, those of a partition in order.
    ///
    /// # Errors
    /// The log has been away for a while, or has a gap in one partition: the others read on, and so does that one
    /// after another [`start`](LogReader::start). After an error it may be polled again.
    fn poll(&mut self, wait: Duration, most: usize, each: &mut dyn FnMut(Message<'_>)) -> Result<Polled, LogError>;

    /// Begins (or begins again) to read an assigned partition at an offset: the next message of this partition
    /// handed over has that offset, whatever was fetched before.
    ///
    /// # Errors
    /// The log is away.
    fn start(&mut self, partition: u32, offset: i64) -> Result<(), LogError>;

    /// Hands over nothing more of an assigned partition, and fetches nothing, until it is started again: its lane's store is away.
    ///
    /// # Errors
    /// The log is away.
    fn stop(&mut self, partition: u32) -> Result<(), LogError>;

    /// The offset that a partition's next message will have, as far as the reader knows without asking.
    fn end(&self, partition: u32) -> Option<i64>;

    /// Whether anything happened since this was last asked after which the log may be another than it was: its servers were out of
    /// reach, it was gone for a while, its end was cut off. What was handed over since the last `false` may be of that other log.
    fn shaken(&mut self) -> bool {
        false
    }
}

/// The partition of a key: murmur2 as the Java clients have it.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7FFF_FFFF) % partitions
}

fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5BD1_E995;
    let mut hash = 0x9747_B28C ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of Kafka's own test of its murmur2 (`UtilsTest.testMurmur2`).
    #[test]
    fn murmur2_is_the_java_clients() {
        for (text, hash) in
            [("21", -973_932_308i32), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536), ("abc", 479_470_107)]
        {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }
}
