//! How many files this process may have open: connections, the log's, the store's.
//!
//! In: an error. Out: whether it is that no more files can be opened, and what to do. Never here: a permission.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Allows as many open files as the system lets this process allow itself; how many these are.
pub fn allow_most() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // What is refused stays as it was.
        let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    most()
}

/// How many files this process may have open.
pub fn most() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What to say of an error that is for want of files; `None`: it is another.
pub fn exhausted(error: &io::Error) -> Option<String> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => {
            Some(format!("this process has all {} files open that it may: raise the limit (`ulimit -n`, LimitNOFILE= of systemd)", most()))
        }
        Errno::NFILE => Some("the system has as many files open as it can (fs.file-max)".into()),
        _ => None,
    }
}

/// The same of a library that does not say why it couldn't open a file: whether a few more can't be opened at this moment.
pub fn exhausted_now() -> Option<String> {
    // What failed has closed what it had opened by then: a database, its log, the log's index.
    let mut few = Vec::new();
    for _ in 0..4 {
        match std::fs::File::open("/") {
            Ok(file) => few.push(file),
            Err(error) => return exhausted(&error),
        }
    }
    None
}
