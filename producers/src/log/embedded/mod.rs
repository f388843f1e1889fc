//! The event log in an SQLite file: for one machine, with nothing to install.
//!
//! In: entries, from any number of threads and processes. Out: the same, by partition and offset, for ever.
//! One thread writes for this process; whatever has queued up meanwhile goes into one transaction. Other processes
//! may append to the same file, and the store keeps its own tables there.

pub mod file;
mod reader;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{DeadLetter, Entry, EventLog, LogError, LogReader, Seen, place};

/// How many appends may wait for the writer before the next one waits to be queued.
const QUEUE: usize = 256;
/// How many entries are written in one transaction before the next waiting append has to wait for the one after.
const BATCH: usize = 20_000;

/// The log in an SQLite file.
pub struct EmbeddedLog {
    path: PathBuf,
    partitions: u32,
    grown: Arc<Grown>,
    /// Why the last append failed; `None`: it didn't.
    failed: Arc<Mutex<Option<String>>>,
    /// For what is neither appending nor reading.
    side: Mutex<Connection>,
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// An append on its way to the writer.
struct Job {
    entries: Vec<(u32, Entry)>,
    done: oneshot::Sender<Result<(), LogError>>,
}

impl EmbeddedLog {
    /// Opens the log in a file, which is made when there is none; its folder must be there.
    ///
    /// # Errors
    /// The file can't be written, is something else, or has another number of partitions.
    pub fn open(path: impl AsRef<Path>, partitions: u32) -> Result<Self, LogError> {
        if partitions == 0 {
            return Err(LogError::Settings("a log has at least 1 partition; 0 are configured".into()));
        }
        let path = path.as_ref().to_owned();
        let mut side = table::connect(&path)?;
        table::prepare(&mut side, &path, partitions)?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let grown = Arc::new(Grown::default());
        let failed = Arc::default();
        let writer =
            Writer { path: path.clone(), connection: table::connect(&path)?, jobs, grown: Arc::clone(&grown), failed: Arc::clone(&failed) };
        let writer = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| LogError::Away(format!("no thread for the log's writer: {error}")))?;
        Ok(EmbeddedLog { path, partitions, grown, failed, side: Mutex::new(side), queue: Some(queue), writer: Some(writer) })
    }

    /// For each partition the offset that its next message will have, of a log that may be in a file that can't be written to.
    ///
    /// # Errors
    /// The file can't be read, or is something else.
    pub fn ends_of(path: &Path) -> Result<Vec<i64>, LogError> {
        let wrong = |error| table::explain(path, &error);
        table::ends(&file::open_to_read(path).map_err(wrong)?).map_err(wrong)
    }

    /// What lies at some offsets of a partition of a log's file, as [`EventLog::look`]; nothing is changed.
    ///
    /// # Errors
    /// The file can't be read, or has no such partition.
    pub fn look_into(path: &Path, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        let wrong = |error| table::explain(path, &error);
        let seen = table::look(&file::open_to_read(path).map_err(wrong)?, partition, offsets).map_err(wrong)?;
        seen.ok_or_else(|| LogError::Settings(format!("the log in {} has no partition {partition}", path.display())))
    }

    /// Looks for rows of a log's file that are not as they were written; nothing is changed.
    ///
    /// # Errors
    /// The first of them, and how many there are; or the file can't be read.
    pub fn verify_file(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LogError> {
        let wrong = |error| table::explain(path, &error);
        let connection = file::open_to_read(path).map_err(wrong)?;
        let total = table::ends(&connection).map_err(wrong)?.iter().sum::<i64>() as u64;
        let found = table::verify(&connection, &mut |read| progress(read, total)).map_err(wrong)?;
        let Some((partition, offset)) = found.first() else { return Ok(()) };
        Err(match (table::damaged(path, *partition, *offset), found.len() - 1) {
            (LogError::Settings(why), more @ 1..) => LogError::Settings(format!("{why}; {more} more are not as they were written")),
            (damaged, _) => damaged,
        })
    }

    fn on_the_side<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LogError> {
        let side = self.side.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&side).map_err(|error| table::explain(&self.path, &error))
    }
}

impl EventLog for EmbeddedLog {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), LogError>> {
        async move {
            let placed = entries.into_iter().map(|entry| Ok((place(&entry.route, self.partitions)?, entry)));
            let entries = placed.collect::<Result<Vec<_>, LogError>>()?;
            let stopped = || LogError::Away(format!("the writer of {} has stopped; start anew", self.path.display()));
            let (done, acknowledged) = oneshot::channel();
            let queue = self.queue.as_ref().ok_or_else(stopped)?;
            queue.send(Job { entries, done }).await.map_err(|_| stopped())?;
            acknowledged.await.map_err(|_| stopped())?
        }
        .boxed()
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        let connection = table::connect(&self.path)?;
        Ok(Box::new(reader::Reader::new(self.path.clone(), connection, Arc::clone(&self.grown), self.partitions)))
    }

    fn ends(&self) -> Result<Vec<i64>, LogError> {
        self.on_the_side(table::ends)
    }

    fn look(&self, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        let seen = self.on_the_side(|side| table::look(side, partition, offsets))?;
        seen.ok_or_else(|| LogError::no_partition(partition, self.partitions))
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LogError> {
        EmbeddedLog::verify_file(&self.path, progress)
    }

    fn bury(&self, letter: DeadLetter) -> Result<(), LogError> {
        self.on_the_side(|side| table::bury(side, &letter))
    }

    fn ready(&self) -> Result<(), LogError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failed.map_or(Ok(()), |why| Err(LogError::Away(why)))
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        // The writer ends when the queue does, having written what is in it.
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

struct Writer {
    path: PathBuf,
    connection: Connection,
    jobs: mpsc::Receiver<Job>,
    grown: Arc<Grown>,
    failed: Arc<Mutex<Option<String>>>,
}

impl Writer {
    fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            let mut count = first.entries.len();
            let mut jobs = vec![first];
            while count < BATCH
                && let Ok(next) = self.jobs.try_recv()
            {
                count += next.entries.len();
                jobs.push(next);
            }
            let entries = jobs.iter().flat_map(|job| &job.entries).map(|(partition, entry)| (*partition, entry));
            let written = if count > 0 { table::append(&mut self.connection, entries) } else { Ok(()) };
            if written.is_ok() {
                self.grown.tell();
            }
            let failed = written.as_ref().err().map(|error| match table::explain(&self.path, error) {
                LogError::Away(why) => why,
                other => other.to_string(),
            });
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
            for job in jobs {
                // Nobody waits any more: then nobody needs to know.
                let _ = job.done.send(written.as_ref().copied().map_err(|error| table::explain(&self.path, error)));
            }
        }
    }
}

/// Tells the readers in this process that the log has grown.
#[derive(Default)]
struct Grown {
    times: Mutex<u64>,
    again: Condvar,
}

impl Grown {
    fn times(&self) -> u64 {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.again.notify_all();
    }

    /// Waits until it has grown more often than was seen, or so long.
    fn wait(&self, seen: u64, most: Duration) {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.again.wait_timeout_while(times, most, |times| *times == seen);
    }
}

#[cfg(test)]
mod tests;
