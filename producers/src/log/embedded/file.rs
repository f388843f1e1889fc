//! The SQLite file that log and store share: whose it is, and how it is opened.
//!
//! In: a path. Out: a connection. What always holds: a file that is made here can be read by its owner alone, and so can what
//! SQLite keeps beside it; who opens it to read changes nothing. Never here: tables.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long to wait for another who writes the file.
pub const BUSY: Duration = Duration::from_secs(10);
/// So often, a millisecond apart, it is looked at first whether the other is done: log and store take turns in one file.
const SOON: i32 = 200;
/// Then so far apart.
const LATER: Duration = Duration::from_millis(5);
/// What is kept of the write-ahead log once it is in the file, in bytes: a large import leaves none of its own size behind.
const WAL_KEPT: i64 = 1 << 20;

/// What a power cut may take of what was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Nothing: a commit is on the disk.
    Nothing,
    /// The last commits, each whole.
    Last,
    /// Everything: the file is gone with the process that made it.
    All,
}

/// A connection to the file, which is made when there is none; its writers and readers don't wait for one another.
///
/// # Errors
/// As SQLite has them.
pub fn connect(path: &Path, loss: Loss) -> rusqlite::Result<Connection> {
    let mut connection = open(path)?;
    connection.busy_handler(Some(wait))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match loss {
        Loss::Nothing => "FULL",
        Loss::Last => "NORMAL",
        Loss::All => "OFF",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    Ok(connection)
}

/// Waits for another who writes; `false` once that has taken [`BUSY`].
fn wait(times: i32) -> bool {
    let waited = Duration::from_millis(times.min(SOON) as u64) + LATER * (times - SOON).max(0) as u32;
    std::thread::sleep(if times < SOON { Duration::from_millis(1) } else { LATER });
    waited < BUSY
}

/// A connection to the file, which is made when there is none.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    make_private(path);
    Connection::open(path)
}

/// Makes the file for its owner alone, where there is none; SQLite says what is wrong where that can't be done.
fn make_private(path: &Path) {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let _ = options.open(path);
}

/// A connection that changes nothing, to a file that is there; its folder need not be one that can be written to.
///
/// # Errors
/// As SQLite has them; that something lies beside the file that only who may write there can read.
pub fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(wait))?;
    // SQLite opens nothing before it is asked for something.
    let asked = |connection: &Connection| connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()));
    match asked(&connection) {
        Err(error) if cannot(&error) && nothing_beside(path) => {
            // Nobody writes to what can't be written to, and nothing waits beside it.
            let uri = format!("file:{}?immutable=1", escaped(path));
            let connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?;
            asked(&connection).map(|()| connection)
        }
        asked => asked.map(|()| connection),
    }
}

/// Whether this process may write to the file and beside it.
pub fn is_writable(path: &Path) -> bool {
    let tried = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .and_then(|connection| connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK"));
    !tried.is_err_and(|error| cannot(&error))
}

fn cannot(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// Whether no commit waits beside the file to be worked into it.
fn nothing_beside(path: &Path) -> bool {
    let mut beside = path.as_os_str().to_owned();
    beside.push("-wal");
    std::fs::metadata(beside).map_or(true, |wal| wal.len() == 0)
}

/// A path as it is written in an address.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a?b#c%.db");
        let connection = open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE a (b); INSERT INTO a VALUES (1);").unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        }
        assert!(is_writable(&path));
        let count = |connection: Connection| connection.query_row("SELECT count(*) FROM a", [], |row| row.get::<_, i64>(0));
        assert_eq!(count(open_to_read(&path).unwrap()), Ok(1), "beside one that writes");
        drop(connection);
        assert_eq!(count(open_to_read(&path).unwrap()), Ok(1));
        let uri = format!("file:{}?immutable=1", escaped(&path));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        assert_eq!(count(Connection::open_with_flags(uri, flags).unwrap()), Ok(1));
    }
}
