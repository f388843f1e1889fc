//! A file read within bounds: only a regular one, only so large, only for so long.
//!
//! In: a path. Out: its text and what the system says of it, or why there is none. What always holds: whoever asks goes on after a
//! few seconds, also where the file lies on a mount that is away: the thread that hangs on it is left to itself, one for each such file.
//! Never here: what the text means.

use std::collections::HashMap;
use std::fs::{FileType, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A text, or why there is none.
pub type Text = Result<String, String>;

/// The most that a file may hold: twenty years of daily rates of every currency fit.
const MOST_BYTES: u64 = 64 << 20;
/// How long a file may take.
const MOST_TIME: Duration = Duration::from_secs(5);

/// What the system says of a file; two of one file differ once it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    place: (u64, u64),
    bytes: u64,
    written: (i64, i64),
}

/// What was found at a path.
pub type Found = (Text, Option<Stamp>);

/// Reads files on threads of its own.
#[derive(Debug)]
pub struct Reading {
    read: fn(&Path) -> Found,
    most: Duration,
    threads: Mutex<Threads>,
}

#[derive(Debug, Default)]
struct Threads {
    idle: Option<Worker>,
    /// Threads that hang, by the file they hang on.
    hanging: HashMap<PathBuf, Worker>,
}

#[derive(Debug)]
struct Worker {
    ask: Sender<PathBuf>,
    answer: Receiver<Found>,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading::by(read, MOST_TIME)
    }
}

impl Reading {
    fn by(read: fn(&Path) -> Found, most: Duration) -> Reading {
        Reading { read, most, threads: Mutex::default() }
    }

    /// A file's text.
    pub fn text(&self, path: &Path) -> Found {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let (worker, most) = match threads.hanging.remove(path) {
            Some(hanging) => (hanging, Duration::ZERO),
            None => {
                let worker = threads.idle.take().map_or_else(|| self.worker(), Ok);
                let worker = match worker {
                    Ok(worker) => worker,
                    Err(error) => return (Err(format!("no thread to read it: {error}")), None),
                };
                // It is waiting for just this.
                let _ = worker.ask.send(path.to_owned());
                (worker, self.most)
            }
        };
        match worker.answer.recv_timeout(most) {
            Ok(found) => {
                threads.idle = Some(worker);
                found
            }
            Err(RecvTimeoutError::Timeout) => {
                threads.hanging.insert(path.to_owned(), worker);
                (
                    Err(format!("it could not be read within {} s; is the disk or the network that it lies on away?", self.most.as_secs())),
                    None,
                )
            }
            Err(RecvTimeoutError::Disconnected) => (Err("reading it ended early".into()), None),
        }
    }

    fn worker(&self) -> std::io::Result<Worker> {
        let ((ask, asked), (found, answer), read) = (channel::<PathBuf>(), channel(), self.read);
        std::thread::Builder::new().name("files".into()).spawn(move || {
            for path in asked {
                if found.send(read(&path)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Worker { ask, answer })
    }
}

fn read(path: &Path) -> Found {
    match open(path) {
        Ok((text, stamp)) => (Ok(text), Some(stamp)),
        Err(why) => (Err(why), None),
    }
}

fn open(path: &Path) -> Result<(String, Stamp), String> {
    let said = |error: std::io::Error| onpace_producers::files::exhausted(&error).unwrap_or_else(|| error.to_string());
    // Asked first: to open a pipe is to be its reader.
    regular(std::fs::metadata(path).map_err(said)?.file_type())?;
    let file = OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(path).map_err(said)?;
    let before = file.metadata().map_err(said)?;
    regular(before.file_type())?;
    let large = || format!("it is larger than {} MiB, which no such file is", MOST_BYTES >> 20);
    let mut text = String::new();
    if before.len() > MOST_BYTES || (&file).take(MOST_BYTES + 1).read_to_string(&mut text).map_err(said)? as u64 > MOST_BYTES {
        return Err(large());
    }
    Ok((text, stamp(&file.metadata().map_err(said)?)))
}

fn regular(kind: FileType) -> Result<(), String> {
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(format!("it is {what} and no file; write what it gives into a file, and name that"))
}

fn stamp(of: &Metadata) -> Stamp {
    Stamp { place: (of.dev(), of.ino()), bytes: of.len(), written: (of.mtime(), of.mtime_nsec()) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn only_files_are_read_and_only_so_large_ones() {
        let (folder, reading) = (tempfile::tempdir().unwrap(), Reading::default());
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("roster.yaml"), "people: []\n").unwrap();
        let (text, before) = reading.text(&at("roster.yaml"));
        assert_eq!(text.unwrap(), "people: []\n");
        std::fs::write(at("roster.yaml"), "people: [ ]\n").unwrap();
        assert_ne!(reading.text(&at("roster.yaml")).1, before);
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        for (name, words) in [("pipe", "it is a pipe and no file"), (".", "it is a folder"), ("none", "No such file")] {
            let (text, stamp) = reading.text(&at(name));
            assert!(text.clone().unwrap_err().contains(words) && stamp.is_none(), "{name}: {text:?}");
        }
        assert!(reading.text(Path::new("/dev/zero")).0.unwrap_err().contains("a device"));
        // Nothing of it is on the disk.
        std::fs::File::create(at("large")).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert!(reading.text(&at("large")).0.unwrap_err().contains("larger than 64 MiB"));
    }

    #[test]
    fn a_file_that_hangs_holds_up_no_other_and_is_read_once_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let (good, away) = (folder.path().join("good"), folder.path().join("away"));
        std::fs::write(&good, "here").unwrap();
        // As on a mount that is away: it hangs until the mount is back.
        let read = |path: &Path| {
            while path.ends_with("away") && !path.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            read(path)
        };
        let reading = Reading::by(read, Duration::from_millis(100));
        assert!(reading.text(&away).0.unwrap_err().contains("could not be read within"));
        for _ in 0..3 {
            assert_eq!(reading.text(&good).0.unwrap(), "here");
            assert!(reading.text(&away).0.is_err(), "and nobody waits for it again");
        }
        assert_eq!(reading.threads.lock().unwrap().hanging.len(), 1);
        std::fs::write(&away, "back").unwrap();
        while reading.text(&away).0.is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(reading.text(&away).0.unwrap(), "back");
        assert!(reading.threads.lock().unwrap().hanging.is_empty());
    }
}
