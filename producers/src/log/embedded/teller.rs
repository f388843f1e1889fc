//! Writes what events say in words beside their messages, for people who read the file with a tool of theirs.
//!
//! In: what was appended. Out: rows of `event_data`. No reader of the log needs them, so nobody waits for them: they are written while little is
//! appended, a few at a time, and by an import that ends before it does. What is left over is written by whoever opens the file next and stays.
//! Never here: a message.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::Loss;
use super::table;
use crate::log::LogError;

/// How often it is looked for something to tell.
const LOOK: Duration = Duration::from_millis(500);
/// More messages than this between two looks are a past that is being written: it is told later.
const MUCH: i64 = 20_000;
/// How many messages are told at once: others wait for no longer than that takes.
const AT_ONCE: i64 = 1_000;
/// How long whoever has appended something goes on telling when it ends.
const AT_LAST: Duration = Duration::from_secs(3);

/// The thread that does it.
pub struct Teller {
    end: Sender<bool>,
    thread: JoinHandle<()>,
}

impl Teller {
    /// Starts it for a file.
    pub fn start(path: PathBuf) -> Result<Teller, LogError> {
        let (end, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("log-teller".into())
            .spawn(move || run(&path, &ended))
            .map_err(|error| LogError::Away(format!("no thread to tell what the log holds: {error}")))?;
        Ok(Teller { end, thread })
    }

    /// Ends it; `tells` is whether it first tells what was appended.
    pub fn end(self, tells: bool) {
        let _ = self.end.send(tells);
        let _ = self.thread.join();
    }
}

fn run(path: &Path, ended: &Receiver<bool>) {
    let (mut connection, mut before) = (None, None);
    loop {
        match ended.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(true) => {
                tell(path, &mut connection, AT_LAST, false, ended);
                return;
            }
            Ok(false) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(end) = end(path, &mut connection) else { continue };
        let Some(last) = before.replace(end) else { continue };
        if end - last <= MUCH && tell(path, &mut connection, LOOK, true, ended) {
            return;
        }
    }
}

/// Where the log ends, all partitions together; nothing where the file can't be read at the moment.
fn end(path: &Path, connection: &mut Option<Connection>) -> Option<i64> {
    table::ends(opened(path, connection)?).ok().map(|ends| ends.iter().sum())
}

fn opened<'a>(path: &Path, connection: &'a mut Option<Connection>) -> Option<&'a mut Connection> {
    if connection.is_none() {
        // What a power cut takes of it is told again: its place goes with it.
        *connection = table::connect(path, Loss::Last).ok();
    }
    connection.as_mut()
}

/// Tells for about so long, `gently` for half of the time; whether it was to end meanwhile, and has.
fn tell(path: &Path, connection: &mut Option<Connection>, long: Duration, gently: bool, ended: &Receiver<bool>) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < long {
        let at = Instant::now();
        match opened(path, connection).map(|connection| table::tell(connection, AT_ONCE)) {
            Some(Ok(1..)) => {}
            Some(Ok(0)) => return false,
            // No room, or somebody writes for long: another time.
            Some(Err(_)) | None => {
                *connection = None;
                return false;
            }
        }
        if gently {
            match ended.recv_timeout(at.elapsed()) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(true) => {
                    tell(path, connection, AT_LAST, false, ended);
                    return true;
                }
                Ok(false) | Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }
    false
}
