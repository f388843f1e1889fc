//! The event log in memory, for tests and simulation.
//!
//! In: entries. Out: the same, by partition and offset, for as long as the process lives.
//! Never here: I/O. Clones share one log.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt, ready};

use super::{DeadLetter, Entry, EventLog, Fingerprint, LogError, LogReader, Message, Polled, Seen, now_ms, place};

/// The log in memory.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

struct Shared {
    partitions: Mutex<Partitions>,
    grown: Condvar,
    letters: Mutex<Letters>,
}

#[derive(Default)]
struct Letters {
    kept: Vec<DeadLetter>,
    /// So many more are refused.
    refused: usize,
}

struct Partitions {
    identity: u64,
    /// When anything was last recorded: what is recorded later is not recorded earlier, whatever the clock says.
    last_ms: i64,
    /// How often it was cut, which readers feel as they would feel a broker that goes away for it.
    cuts: u64,
    all: Vec<Partition>,
}

#[derive(Default)]
struct Partition {
    /// The offset of the first record still kept.
    begin: i64,
    records: VecDeque<Arc<Record>>,
}

struct Record {
    recorded_ms: i64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Partition {
    fn end(&self) -> i64 {
        self.begin + self.records.len() as i64
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new(partitions: u32) -> Self {
        let all = (0..partitions.max(1)).map(|_| Partition::default()).collect();
        let partitions = Partitions { identity: rand::random(), last_ms: 0, cuts: 0, all };
        let shared = Shared { partitions: Mutex::new(partitions), grown: Condvar::new(), letters: Mutex::default() };
        MemoryLog { shared: Arc::new(shared) }
    }

    /// The messages that could not be read, in the order they were buried.
    pub fn letters(&self) -> Vec<DeadLetter> {
        self.shared.letters().kept.clone()
    }

    /// Takes none of the next so many dead letters.
    pub fn refuse_letters(&self, count: usize) {
        self.shared.letters().refused = count;
    }

    /// Forgets the messages of a partition before an offset, as Kafka's retention would.
    pub fn forget(&self, partition: u32, before: i64) {
        if let Some(partition) = self.shared.lock().all.get_mut(partition as usize) {
            while partition.begin < before && partition.records.pop_front().is_some() {
                partition.begin += 1;
            }
        }
    }
}

impl MemoryLog {
    /// Makes the log anew, empty, as a topic that is deleted and made again between two looks of its readers.
    pub fn make_anew(&self) {
        let mut partitions = self.shared.lock();
        partitions.identity = rand::random();
        partitions.all.iter_mut().for_each(|partition| *partition = Partition::default());
    }

    /// Forgets the messages of a partition from an offset on, as if an older copy of the log had been put back.
    pub fn cut(&self, partition: u32, from: i64) {
        let mut partitions = self.shared.lock();
        partitions.cuts += 1;
        if let Some(partition) = partitions.all.get_mut(partition as usize) {
            partition.records.truncate((from - partition.begin).max(0) as usize);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Partitions> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, entries: Vec<Entry>) -> Result<(), LogError> {
        let mut partitions = self.lock();
        let count = partitions.all.len() as u32;
        let placed = entries.iter().map(|entry| place(&entry.route, count)).collect::<Result<Vec<_>, _>>()?;
        let recorded_ms = now_ms().max(partitions.last_ms);
        partitions.last_ms = recorded_ms;
        for (entry, at) in entries.into_iter().zip(placed) {
            let key = entry.route.into_key();
            partitions.all[at as usize].records.push_back(Arc::new(Record { recorded_ms, key, value: entry.value }));
        }
        self.grown.notify_all();
        Ok(())
    }
}

impl EventLog for MemoryLog {
    fn partitions(&self) -> u32 {
        self.shared.lock().all.len() as u32
    }

    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), LogError>> {
        ready(self.shared.append(entries)).boxed()
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        let positions = vec![None; self.partitions() as usize];
        Ok(Box::new(Reader { shared: Arc::clone(&self.shared), positions, announced: false, first: 0, cuts: self.shared.lock().cuts }))
    }

    fn ends(&self) -> Result<Vec<i64>, LogError> {
        Ok(self.shared.lock().all.iter().map(Partition::end).collect())
    }

    fn look(&self, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        let partitions = self.shared.lock();
        let count = partitions.all.len() as u32;
        let there = partitions.all.get(partition as usize).ok_or_else(|| LogError::no_partition(partition, count))?;
        let at = |offset: &i64| {
            let record = there.records.get(usize::try_from(offset - there.begin).ok()?)?;
            Some(Fingerprint::of(record.recorded_ms, &record.key, &record.value))
        };
        let found = offsets.iter().map(at).collect();
        Ok(Seen { identity: Some(partitions.identity), begin: there.begin, forgets: true, end: there.end(), found })
    }

    fn bury(&self, letter: DeadLetter) -> Result<(), LogError> {
        let mut letters = self.shared.letters();
        if letters.refused > 0 {
            letters.refused -= 1;
            return Err(LogError::Away("the dead letters are refused, as ordered".into()));
        }
        letters.kept.push(letter);
        Ok(())
    }
}

struct Reader {
    shared: Arc<Shared>,
    /// The next offset of each partition that was started.
    positions: Vec<Option<i64>>,
    announced: bool,
    /// Whose turn it is to be read first.
    first: usize,
    /// How often the log had been cut when this was last asked about.
    cuts: u64,
}

impl Reader {
    /// What is there for the started partitions, one after the other.
    fn take(&mut self, partitions: &[Partition], most: usize) -> Result<Vec<(u32, i64, Arc<Record>)>, LogError> {
        let mut taken = Vec::new();
        let count = partitions.len();
        for at in (0..count).map(|step| (self.first + step) % count) {
            let (partition, Some(position)) = (&partitions[at], &mut self.positions[at]) else { continue };
            if !(partition.begin..=partition.end()).contains(position) {
                if !taken.is_empty() {
                    // What was taken of others is handed over first.
                    continue;
                }
                let error = LogError::gap(at as u32, *position, partition.begin, partition.end());
                // Said once; the others go on.
                self.positions[at] = None;
                return Err(error);
            }
            let from = (*position - partition.begin) as usize;
            for record in partition.records.iter().skip(from).take(most - taken.len()) {
                taken.push((at as u32, *position, Arc::clone(record)));
                *position += 1;
            }
        }
        self.first = (self.first + 1) % count;
        Ok(taken)
    }
}

impl LogReader for Reader {
    fn poll(&mut self, wait: Duration, most: usize, each: &mut dyn FnMut(Message<'_>)) -> Result<Polled, LogError> {
        if !self.announced {
            self.announced = true;
            return Ok(Polled::Assigned((0..self.positions.len() as u32).collect()));
        }
        let until = Instant::now() + wait;
        let shared = Arc::clone(&self.shared);
        let mut partitions = shared.lock();
        loop {
            let taken = self.take(&partitions.all, most)?;
            let left = until.saturating_duration_since(Instant::now());
            if taken.is_empty() && !left.is_zero() {
                partitions = shared.grown.wait_timeout(partitions, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            // Not under the lock: the caller may append.
            drop(partitions);
            for (partition, offset, record) in &taken {
                let Record { recorded_ms, key, value } = record.as_ref();
                let (recorded_ms, kept_ms) = (*recorded_ms, *recorded_ms);
                each(Message { partition: *partition, offset: *offset, recorded_ms, claimed: false, kept_ms, key, value });
            }
            return Ok(Polled::Messages(taken.len()));
        }
    }

    fn start(&mut self, partition: u32, offset: i64) -> Result<(), LogError> {
        let count = self.positions.len() as u32;
        let position = self.positions.get_mut(partition as usize).ok_or_else(|| LogError::no_partition(partition, count))?;
        *position = Some(offset);
        Ok(())
    }

    fn stop(&mut self, partition: u32) -> Result<(), LogError> {
        if let Some(position) = self.positions.get_mut(partition as usize) {
            *position = None;
        }
        Ok(())
    }

    fn end(&self, partition: u32) -> Option<i64> {
        self.shared.lock().all.get(partition as usize).map(Partition::end)
    }

    fn shaken(&mut self) -> bool {
        let cuts = self.shared.lock().cuts;
        std::mem::replace(&mut self.cuts, cuts) != cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::suite::{self, Place};

    impl Place for MemoryLog {
        fn log(&self) -> &dyn EventLog {
            self
        }
        fn forget(&self, partition: u32, before: i64) {
            MemoryLog::forget(self, partition, before);
        }
        fn letters(&self) -> Vec<DeadLetter> {
            MemoryLog::letters(self)
        }
    }

    suite::tests!(MemoryLog::new);
}
