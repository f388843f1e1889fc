//! The event log in an SQLite file: for one machine, with nothing to install.
//!
//! In: entries, from any number of threads and processes. Out: the same, by partition and offset, for ever.
//! One thread writes for this process; whatever has queued up meanwhile goes into one transaction. Another writes what events say in words beside
//! them, when nobody waits. Other processes may append to the same file, and the store keeps its own tables there.

pub mod file;
mod reader;
mod table;
mod tail;
mod teller;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::file::Loss;
use self::table::Messages;
use self::tail::Tail;
use self::teller::Teller;
use super::{DeadLetter, Entry, EventLog, LogError, LogReader, Seen, place};

/// How many appends may wait for the writer before the next one waits to be queued.
const QUEUE: usize = 256;
/// How many entries are written in one transaction before the next waiting append has to wait for the one after.
const BATCH: usize = 20_000;

/// The log in an SQLite file.
pub struct EmbeddedLog {
    path: PathBuf,
    partitions: u32,
    loss: Loss,
    grown: Arc<Grown>,
    /// Why the last append failed; `None`: it didn't.
    failed: Arc<Mutex<Option<String>>>,
    /// For what is neither appending nor reading.
    side: Mutex<Connection>,
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    teller: Option<Teller>,
}

/// An append on its way to the writer.
struct Job {
    messages: Messages,
    done: oneshot::Sender<Result<(), LogError>>,
}

impl EmbeddedLog {
    /// Opens the log in a file, which is made when there is none; its folder must be there.
    ///
    /// # Errors
    /// The file can't be written, is something else, or has another number of partitions.
    pub fn open(path: impl AsRef<Path>, partitions: u32) -> Result<Self, LogError> {
        // What is acknowledged is on the disk, also when the power goes.
        EmbeddedLog::open_with(path.as_ref(), partitions, Loss::Nothing)
    }

    /// Opens a log in a file of which nothing is to outlive this process: no append waits for the disk.
    ///
    /// # Errors
    /// As [`EmbeddedLog::open`].
    pub fn open_fleeting(path: impl AsRef<Path>, partitions: u32) -> Result<Self, LogError> {
        EmbeddedLog::open_with(path.as_ref(), partitions, Loss::All)
    }

    fn open_with(path: &Path, partitions: u32, loss: Loss) -> Result<Self, LogError> {
        if partitions == 0 {
            return Err(LogError::Settings("a log has at least 1 partition; 0 are configured".into()));
        }
        let path = path.to_owned();
        let mut side = table::connect(&path, loss)?;
        table::prepare(&mut side, &path, partitions)?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let grown = Arc::new(Grown::default());
        let failed = Arc::default();
        let writer = Writer {
            path: path.clone(),
            connection: table::connect(&path, loss)?,
            jobs,
            grown: Arc::clone(&grown),
            failed: Arc::clone(&failed),
        };
        let writer = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run())
            .map_err(|error| LogError::Away(format!("no thread for the log's writer: {error}")))?;
        let teller = Some(Teller::start(path.clone())?);
        Ok(EmbeddedLog { path, partitions, loss, grown, failed, side: Mutex::new(side), queue: Some(queue), writer: Some(writer), teller })
    }

    /// For each partition the offset that its next message will have, of a log that may be in a file that can't be written to.
    ///
    /// # Errors
    /// The file can't be read, or is something else.
    pub fn ends_of(path: &Path) -> Result<Vec<i64>, LogError> {
        table::ends(&table::connect_to_read(path)?).map_err(|error| table::explain(path, &error))
    }

    /// What lies at some offsets of a partition of a log's file, as [`EventLog::look`]; nothing is changed.
    ///
    /// # Errors
    /// The file can't be read, or has no such partition.
    pub fn look_into(path: &Path, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        let wrong = |error| table::explain(path, &error);
        let seen = table::look(&table::connect_to_read(path)?, partition, offsets).map_err(wrong)?;
        seen.ok_or_else(|| LogError::Settings(format!("the log in {} has no partition {partition}", path.display())))
    }

    /// Looks for rows of a log's file that are not as they were written; nothing is changed.
    ///
    /// # Errors
    /// The first of them, and how many there are; or the file can't be read.
    pub fn verify_file(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), LogError> {
        let wrong = |error| table::explain(path, &error);
        let connection = table::connect_to_read(path)?;
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
            let mut messages = Messages::default();
            for Entry { route, value } in entries {
                messages.push(place(&route, self.partitions)?, route.key(), &value);
            }
            let stopped = || LogError::Away(format!("the writer of {} has stopped; start anew", self.path.display()));
            let (done, acknowledged) = oneshot::channel();
            let queue = self.queue.as_ref().ok_or_else(stopped)?;
            queue.send(Job { messages, done }).await.map_err(|_| stopped())?;
            acknowledged.await.map_err(|_| stopped())?
        }
        .boxed()
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        let connection = table::connect(&self.path, self.loss)?;
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
        if let Some(teller) = self.teller.take() {
            teller.end(self.loss != Loss::All && self.grown.times() > 0);
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
            let mut count = first.messages.len();
            let mut jobs = vec![first];
            while count < BATCH
                && let Ok(next) = self.jobs.try_recv()
            {
                count += next.messages.len();
                jobs.push(next);
            }
            let messages: Vec<_> = jobs.iter().flat_map(|job| job.messages.prepared()).collect();
            let appended = (!messages.is_empty()).then(|| table::append(&mut self.connection, &messages)).transpose();
            drop(messages);
            let (messages, waiting): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.messages, job.done)).unzip();
            let written = appended.map(|appended| {
                if let Some(appended) = appended {
                    self.grown.tail.push(appended, messages);
                }
                self.grown.tell();
            });
            let failed = written.as_ref().err().map(|error| match table::explain(&self.path, error) {
                LogError::Away(why) => why,
                other => other.to_string(),
            });
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
            for done in waiting {
                // Nobody waits any more: then nobody needs to know.
                let _ = done.send(written.as_ref().copied().map_err(|error| table::explain(&self.path, error)));
            }
        }
    }
}

/// Tells the readers in this process that the log has grown, and by what.
#[derive(Default)]
struct Grown {
    tail: Tail,
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
