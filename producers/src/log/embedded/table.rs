//! The log's tables in the SQLite file, legible to any SQLite tool.
//!
//! `event.payload` is the truth (the Avro value as it was appended); the columns beside it repeat what it says, and are
//! NULL where it can't be read; `said_at` also where it is `occurred_at`. `event_partition.next_offset` only ever grows, so that an
//! offset is never used twice, and `event.recorded_at` never goes back, whatever the machine's clock does. `event_log` has the log's
//! `identity`, drawn when it was made.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use onpace_schemas::time::parse_instant;
use onpace_schemas::{avro, json};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use xxhash_rust::xxh3::Xxh3;

use super::file;
use crate::log::{DeadLetter, Entry, Fingerprint, LogError, Seen, now_ms};

/// The tables' version; a file of a later one is refused.
const VERSION: i64 = 2;
/// How long to wait for another process that writes the file.
const BUSY: Duration = Duration::from_secs(10);

/// What is kept of the write-ahead log once it is in the file, in bytes.
const WAL_KEPT: i64 = 1 << 20;

const TABLES: &str = r#"
    CREATE TABLE IF NOT EXISTS event_log (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS event_partition (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS event (
        partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, recorded_at TEXT NOT NULL,
        kind TEXT, entity TEXT, source TEXT, id TEXT, occurred_at TEXT, said_at TEXT, deleted INTEGER, data TEXT,
        payload BLOB NOT NULL, key BLOB NOT NULL, checksum INTEGER,
        PRIMARY KEY (partition, "offset")
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dead_letter (
        partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, buried_at TEXT NOT NULL, reason TEXT NOT NULL,
        payload BLOB NOT NULL, key BLOB NOT NULL,
        PRIMARY KEY (partition, "offset")
    ) WITHOUT ROWID;
"#;
const INSERT: &str = r#"
    INSERT INTO event (partition, "offset", recorded_at, kind, entity, source, id, occurred_at, said_at, deleted, data, payload, key, checksum)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
"#;

/// A connection to the file, which is made when there is none.
///
/// What is committed is on the disk, also when the power goes (`synchronous=FULL`).
pub fn connect(path: &Path) -> Result<Connection, LogError> {
    let wrong = |error| explain(path, &error);
    let connection = file::open(path).map_err(wrong)?;
    connection.busy_timeout(BUSY).map_err(wrong)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(wrong)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(wrong)?;
    // A large import leaves no write-ahead log of its own size behind.
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT).map_err(wrong)?;
    Ok(connection)
}

/// Makes the tables, or makes sure that those there are these.
pub fn prepare(connection: &mut Connection, path: &Path, partitions: u32) -> Result<(), LogError> {
    let mut prepared = || -> rusqlite::Result<(i64, i64)> {
        let make = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        make.execute_batch(TABLES)?;
        if !has_checksums(&make)? {
            // Rows of an earlier release stay without.
            make.execute_batch("ALTER TABLE event ADD COLUMN checksum INTEGER")?;
        }
        let identity = rand::random::<i64>();
        for (name, value) in [("version", VERSION), ("partitions", partitions.into()), ("identity", identity)] {
            make.execute("INSERT OR IGNORE INTO event_log VALUES (?1, ?2)", params![name, value])?;
        }
        for partition in 0..partitions {
            make.execute("INSERT OR IGNORE INTO event_partition VALUES (?1, 0)", [partition])?;
        }
        let value = |name| make.query_row("SELECT value FROM event_log WHERE name = ?1", [name], |row| row.get(0));
        let kept = (value("version")?, value("partitions")?);
        if kept == (VERSION, partitions.into()) {
            make.commit()?;
        }
        Ok(kept)
    };
    match prepared().map_err(|error| explain(path, &error))? {
        (VERSION, kept) if kept == i64::from(partitions) => Ok(()),
        (VERSION, kept) => Err(LogError::Settings(format!(
            "the log in {} has {kept} partitions and {partitions} are configured; configure {kept}, or import its events into a new file",
            path.display()
        ))),
        (version, _) => Err(LogError::Settings(format!(
            "the log in {} was written by another onpace (its tables' version is {version}, here it is {VERSION}); use that one",
            path.display()
        ))),
    }
}

/// For each partition the offset that its next message will have.
pub fn ends(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut select = connection.prepare_cached("SELECT next_offset FROM event_partition ORDER BY partition")?;
    select.query_map([], |row| row.get(0))?.collect()
}

/// Appends entries to the partitions named beside them, all or none.
pub fn append<'a>(connection: &mut Connection, entries: impl Iterator<Item = (u32, &'a Entry)>) -> rusqlite::Result<()> {
    let append = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = ends(&append)?;
    let mut ends = before.clone();
    let recorded_at = show(tick(&append, now_ms())?);
    for (partition, entry) in entries {
        let end = &mut ends[partition as usize];
        insert(&append, partition, *end, &recorded_at, entry)?;
        *end += 1;
    }
    for (partition, (before, end)) in before.into_iter().zip(ends).enumerate() {
        if end > before {
            append.execute("UPDATE event_partition SET next_offset = ?2 WHERE partition = ?1", params![partition as i64, end])?;
        }
    }
    append.commit()
}

/// The time of an append: now, or when the last one was where the clock has gone back since. It is noted for the next.
fn tick(append: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<i64> {
    let noted: Option<i64> = value(append, "recorded_ms")?;
    let last_ms = match noted {
        Some(ms) => ms,
        // A log from before this was noted.
        None => {
            let latest = r#"SELECT max(recorded_at) FROM event WHERE ("offset", partition) IN (SELECT max("offset"), partition FROM event GROUP BY partition)"#;
            let text: Option<String> = append.query_row(latest, [], |row| row.get(0))?;
            text.map_or(0, |text| recorded_ms(&text))
        }
    };
    let ms = now_ms.max(last_ms);
    if noted != Some(ms) {
        append.prepare_cached("INSERT OR REPLACE INTO event_log VALUES ('recorded_ms', ?1)")?.execute([ms])?;
    }
    Ok(ms)
}

fn value(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT value FROM event_log WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// What lies at some offsets of a partition; `None` where there is no such partition.
pub fn look(connection: &Connection, partition: u32, offsets: &[i64]) -> rusqlite::Result<Option<Seen>> {
    // All of one moment.
    let looking = connection.unchecked_transaction()?;
    let mut end = looking.prepare_cached("SELECT next_offset FROM event_partition WHERE partition = ?1")?;
    let Some(end) = end.query_row([partition], |row| row.get(0)).optional()? else { return Ok(None) };
    let mut begin = looking.prepare_cached(r#"SELECT min("offset") FROM event WHERE partition = ?1"#)?;
    let begin: Option<i64> = begin.query_row([partition], |row| row.get(0))?;
    let mut message = looking.prepare_cached(r#"SELECT recorded_at, key, payload FROM event WHERE partition = ?1 AND "offset" = ?2"#)?;
    let mut found = Vec::with_capacity(offsets.len());
    for offset in offsets {
        let at = message.query_row(params![partition, offset], |row| {
            let kept_ms = recorded_ms(row.get_ref(0)?.as_str()?);
            Ok(Fingerprint::of(kept_ms, row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?))
        });
        found.push(at.optional()?);
    }
    let identity = value(&looking, "identity")?.map(|number| number as u64);
    Ok(Some(Seen { identity, begin: begin.unwrap_or(end), forgets: false, end, found }))
}

/// When a message was recorded, in milliseconds since 1970.
pub fn recorded_ms(text: &str) -> i64 {
    // It was written here; by somebody else's tool, 0 is as good as another lie.
    parse_instant(text).unwrap_or(0) / 1000
}

/// A row's checksum, of all that is read of it.
fn check(partition: u32, offset: i64, recorded_at: &str, key: &[u8], payload: &[u8]) -> i64 {
    let mut hash = Xxh3::new();
    let (partition, offset, length) = (partition.to_le_bytes(), offset.to_le_bytes(), (key.len() as u32).to_le_bytes());
    for part in [&partition[..], &offset, recorded_at.as_bytes(), &length, key, payload] {
        hash.update(part);
    }
    i64::from(hash.digest() as u32)
}

/// Whether the rows can have checksums: those of an earlier release have none.
fn has_checksums(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM pragma_table_info('event') WHERE name = 'checksum'", [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// Holds every row against its checksum: the partition and offset of each that isn't as it was written; `read` is told how many were read.
pub fn verify(connection: &Connection, read: &mut dyn FnMut(u64)) -> rusqlite::Result<Vec<(u32, i64)>> {
    if !has_checksums(connection)? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare(r#"SELECT partition, "offset", recorded_at, key, payload, checksum FROM event"#)?;
    let mut rows = select.query([])?;
    let (mut damaged, mut count) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (partition, offset) = (row.get(0)?, row.get(1)?);
        if !is_sound(partition, offset, row, 2)? {
            damaged.push((partition, offset));
        }
        count += 1;
        read(count);
    }
    Ok(damaged)
}

/// Whether what stands in a row's columns from a place on (`recorded_at`, `key`, `payload`, `checksum`) is as it was written.
pub fn is_sound(partition: u32, offset: i64, row: &Row<'_>, at: usize) -> rusqlite::Result<bool> {
    let Ok(checksum) = row.get::<_, Option<i64>>(at + 3) else { return Ok(false) };
    let parts = (row.get_ref(at)?.as_str(), row.get_ref(at + 1)?.as_blob(), row.get_ref(at + 2)?.as_blob());
    let (Ok(recorded_at), Ok(key), Ok(payload)) = parts else { return Ok(false) };
    Ok(checksum.is_none_or(|checksum| checksum == check(partition, offset, recorded_at, key, payload)))
}

/// What is said of a row that isn't as it was written.
pub fn damaged(path: &Path, partition: u32, offset: i64) -> LogError {
    let path = path.display();
    LogError::Settings(format!(
        "{path} is damaged: the event of partition {partition} at offset {offset} is not as it was written, and is not counted. Nothing else knows \
         what it was: put back a backup; or give it up, which makes a dead letter of it, and post it again from where it came: \
         sqlite3 {path} 'UPDATE event SET payload = zeroblob(0), checksum = NULL WHERE partition = {partition} AND \"offset\" = {offset}'"
    ))
}

fn insert(append: &Transaction<'_>, partition: u32, offset: i64, recorded_at: &str, entry: &Entry) -> rusqlite::Result<()> {
    let key = entry.route.key();
    let checksum = check(partition, offset, recorded_at, key, &entry.value);
    let mut insert = append.prepare_cached(INSERT)?;
    match avro::read(&entry.value) {
        Ok(avro::Message::Event(event)) => insert.execute(params![
            partition,
            offset,
            recorded_at,
            event.kind.name(),
            event.entity,
            event.source,
            event.id,
            show_us(event.occurred_at),
            (event.said_at != event.occurred_at).then(|| show_us(event.said_at)),
            event.deleted,
            serde_json::Value::Object(json::write_data(&event)).to_string(),
            entry.value,
            key,
            checksum
        ])?,
        Ok(avro::Message::Heartbeat { at_us }) => insert.execute(params![
            partition,
            offset,
            recorded_at,
            "heartbeat",
            None::<&str>,
            None::<&str>,
            None::<&str>,
            show_us(at_us),
            None::<&str>,
            None::<bool>,
            None::<&str>,
            entry.value,
            key,
            checksum
        ])?,
        // The reader will bury it; here it is kept as it came.
        Err(_) => {
            let nothing = None::<&str>;
            insert.execute(params![
                partition,
                offset,
                recorded_at,
                nothing,
                nothing,
                nothing,
                nothing,
                nothing,
                nothing,
                nothing,
                nothing,
                entry.value,
                key,
                checksum
            ])?
        }
    };
    Ok(())
}

/// Keeps a message that could not be read; burying it again replaces it.
pub fn bury(connection: &Connection, letter: &DeadLetter) -> rusqlite::Result<()> {
    let DeadLetter { partition, offset, reason, key, value } = letter;
    connection
        .execute(
            r#"INSERT OR REPLACE INTO dead_letter (partition, "offset", buried_at, reason, payload, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"#,
            params![partition, offset, show(now_ms()), reason, value, key],
        )
        .map(|_| ())
}

/// An instant in milliseconds as text that sorts: always three digits of a second.
fn show(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| format!("{at:.3}"))
}

/// An instant in microseconds as text that sorts: always six digits of a second.
fn show_us(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| format!("{us} µs"), |at| format!("{at:.6}"))
}

/// What went wrong with the file, and what to do.
pub fn explain(path: &Path, error: &rusqlite::Error) -> LogError {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            LogError::Away(format!("another process has been writing {path} for {} s; wait for it, or stop it", BUSY.as_secs()))
        }
        Some(ErrorCode::DiskFull) => LogError::Away(format!("no room to write {path}; free some")),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            LogError::Settings(format!("{path} is no onpace file, or it is damaged ({error}); put back a backup, or name another"))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            // SQLite doesn't say why it couldn't open a file.
            if let Some(words) = crate::files::exhausted_now() {
                return LogError::Away(format!("{path} can't be opened: {words}"));
            }
            LogError::Settings(format!("{path} can't be written ({error}); does its folder exist, and may you write there?"))
        }
        _ => LogError::Away(format!("{path}: {error}")),
    }
}
