//! The log's tables in the SQLite file, legible to any SQLite tool.
//!
//! `event_message` has a row a message and keeps each thing once: an event's id, source, entity and times in columns, the rest of its Avro value in `body`,
//! from which it is put together again to the byte; what can't be taken apart so is kept whole in `body`, its other columns NULL. `event_data` repeats what
//! bodies say, for people, and follows when nobody waits ([`super::teller`]). The view `event` shows all of it in words. `event_partition.next_offset` only ever grows, so that an
//! offset is never used twice, and `recorded_ms` never goes back, whatever the machine's clock does. `event_log` has the log's
//! `identity`, drawn when it was made.

use std::path::Path;

use jiff::Timestamp;
use onpace_schemas::{Kind, avro, json};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, Statement, Transaction, TransactionBehavior, params};
use xxhash_rust::xxh3::Xxh3;

use super::file::{self, BUSY, Loss};
use crate::log::{DeadLetter, Fingerprint, LogError, Seen, now_ms};

/// The tables' version; a file of another one is refused.
const VERSION: i64 = 3;

/// The version of the schema of whatever is in columns; a message of another one is kept whole.
static IN_COLUMNS: &avro::Plan = &avro::PLANS[0];

const TABLES: &str = r#"
    CREATE TABLE IF NOT EXISTS event_log (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS event_partition (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS event_message (
        place INTEGER PRIMARY KEY, recorded_ms INTEGER NOT NULL, key BLOB NOT NULL, id TEXT, source TEXT, occurred_us INTEGER,
        said_us INTEGER, deleted INTEGER, body BLOB NOT NULL, checksum INTEGER
    );
    CREATE TABLE IF NOT EXISTS event_data (place INTEGER PRIMARY KEY, data TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS dead_letter (
        partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, buried_at TEXT NOT NULL, reason TEXT NOT NULL,
        payload BLOB NOT NULL, key BLOB NOT NULL,
        PRIMARY KEY (partition, "offset")
    ) WITHOUT ROWID;
    CREATE VIEW IF NOT EXISTS event AS
        SELECT m.place >> 40 AS partition, m.place & 1099511627775 AS "offset",
               strftime('%Y-%m-%dT%H:%M:%fZ', recorded_ms / 1000.0, 'unixepoch') AS recorded_at,
               CASE WHEN source IS NOT NULL THEN CAST(substr(key, 1, instr(key, x'3a') - 1) AS TEXT)
                    WHEN occurred_us IS NOT NULL THEN 'heartbeat' END AS kind,
               CASE WHEN source IS NOT NULL THEN CAST(substr(key, instr(key, x'3a') + 1) AS TEXT) END AS entity,
               source, id,
               strftime('%Y-%m-%dT%H:%M:%S', occurred_us / 1000000, 'unixepoch') || printf('.%06dZ', occurred_us % 1000000) AS occurred_at,
               CASE WHEN said_us <> occurred_us
                    THEN strftime('%Y-%m-%dT%H:%M:%S', said_us / 1000000, 'unixepoch') || printf('.%06dZ', said_us % 1000000) END AS said_at,
               deleted, data
        FROM event_message m LEFT JOIN event_data d ON d.place = m.place;
"#;
const INSERT: &str = "INSERT INTO event_message VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
/// What a message is read from: the columns of [`Kept`].
pub const COLUMNS: &str = "recorded_ms, key, id, source, occurred_us, said_us, deleted, body, checksum";

/// The row of a message.
pub fn place_of(partition: u32, offset: i64) -> i64 {
    (i64::from(partition) << 40) | offset
}

/// The offset of the message in a row.
pub fn offset_at(place: i64) -> i64 {
    place & ((1 << 40) - 1)
}

/// A connection to the file, which is made when there is none.
pub fn connect(path: &Path, loss: Loss) -> Result<Connection, LogError> {
    file::connect(path, loss).map_err(|error| explain(path, &error))
}

/// A connection that changes nothing, to the file of a log.
pub fn connect_to_read(path: &Path) -> Result<Connection, LogError> {
    let wrong = |error| explain(path, &error);
    let connection = file::open_to_read(path).map_err(wrong)?;
    match value(&connection, "version").map_err(wrong)? {
        Some(VERSION) => Ok(connection),
        version => Err(another(path, version.unwrap_or_default())),
    }
}

fn another(path: &Path, version: i64) -> LogError {
    LogError::Settings(format!(
        "the log in {} was written by another onpace (its tables' version is {version}, here it is {VERSION}); use that one, or import its \
         events into a new file",
        path.display()
    ))
}

/// Makes the tables, or makes sure that those there are these.
pub fn prepare(connection: &mut Connection, path: &Path, partitions: u32) -> Result<(), LogError> {
    let mut prepared = || -> rusqlite::Result<(i64, i64)> {
        let make = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        make.execute_batch(TABLES)?;
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
        (version, _) => Err(another(path, version)),
    }
}

/// For each partition the offset that its next message will have.
pub fn ends(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut select = connection.prepare_cached("SELECT next_offset FROM event_partition ORDER BY partition")?;
    select.query_map([], |row| row.get(0))?.collect()
}

/// Messages that are to be appended, one behind the other in two pieces of memory: a large append is thousands of them.
#[derive(Default)]
pub struct Messages {
    bytes: Vec<u8>,
    /// Of each its partition, and where its key and its value end.
    each: Vec<(u32, usize, usize)>,
}

impl Messages {
    /// Adds a message to a partition.
    pub fn push(&mut self, partition: u32, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.each.push((partition, key_end, self.bytes.len()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// How many bytes their keys and values have.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Each, with its partition, key and value.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8], &[u8])> {
        let mut from = 0;
        self.each.iter().map(move |(partition, key_end, end)| {
            let (key, value) = (&self.bytes[from..*key_end], &self.bytes[*key_end..*end]);
            from = *end;
            (*partition, key, value)
        })
    }

    /// Each, taken apart.
    pub fn prepared(&self) -> impl Iterator<Item = Prepared<'_>> {
        self.iter().map(|(partition, key, value)| Prepared { partition, key, value, told: Told::of(key, value) })
    }
}

/// A message, and all of its row that doesn't depend on where it comes to lie: made before others have to wait.
pub struct Prepared<'a> {
    partition: u32,
    key: &'a [u8],
    value: &'a [u8],
    told: Told<'a>,
}

/// What a message says that columns can say.
enum Told<'a> {
    /// An event. Whether its body can be read is its reader's to see.
    Event(avro::Parts<'a>),
    /// A heartbeat sent at that time, in microseconds since 1970.
    Heartbeat(i64),
    /// It is kept as it came.
    Nothing,
}

impl<'a> Told<'a> {
    fn of(key: &[u8], value: &'a [u8]) -> Told<'a> {
        if key.is_empty() {
            return match avro::read(value) {
                Ok(avro::Message::Heartbeat { at_us }) => Told::Heartbeat(at_us),
                _ => Told::Nothing,
            };
        }
        let parts = avro::Parts::of(value).filter(|parts| parts.plan.version == IN_COLUMNS.version && entity_of(key) == Some(parts.entity));
        parts.map_or(Told::Nothing, Told::Event)
    }
}

/// The entity that a key names: what follows its kind, as [`onpace_schemas::Event::key`] makes it.
fn entity_of(key: &[u8]) -> Option<&str> {
    let (kind, entity) = std::str::from_utf8(key).ok()?.split_once(':')?;
    Kind::named(kind).map(|_| entity)
}

impl Prepared<'_> {
    fn insert(&self, insert: &mut Statement<'_>, offset: i64, recorded_ms: i64) -> rusqlite::Result<()> {
        let Prepared { partition, key, value, told } = self;
        let (place, nothing) = (place_of(*partition, offset), None::<i64>);
        let checksum = check(place, recorded_ms, key, value);
        let inserted = match told {
            Told::Event(avro::Parts { plan: _, id, source, entity: _, occurred_at, said_at, deleted, rest }) => {
                insert.execute(params![place, recorded_ms, key, id, source, occurred_at, said_at, deleted, rest, checksum])
            }
            Told::Heartbeat(at_us) => {
                insert.execute(params![place, recorded_ms, key, nothing, nothing, at_us, nothing, nothing, value, checksum])
            }
            Told::Nothing => insert.execute(params![place, recorded_ms, key, nothing, nothing, nothing, nothing, nothing, value, checksum]),
        };
        inserted.map(|_| ())
    }
}

/// A message as its row keeps it; the room for its value is used again.
#[derive(Default)]
pub struct Kept {
    /// When it was recorded, in milliseconds since 1970.
    pub recorded_ms: i64,
    /// Its value, put together.
    pub value: Vec<u8>,
}

impl Kept {
    /// Takes the message from a row's columns from a place on ([`COLUMNS`]): its key, if it is as it was written.
    pub fn read<'r>(&mut self, place: i64, row: &'r Row<'_>, at: usize) -> rusqlite::Result<Option<&'r [u8]>> {
        let Ok(checksum) = row.get::<_, Option<i64>>(at + 8) else { return Ok(None) };
        // It was written here; by somebody else's tool, 0 is as good as another lie.
        self.recorded_ms = row.get(at).unwrap_or(0);
        self.value.clear();
        let (Ok(key), Ok(body)) = (row.get_ref(at + 1)?.as_bytes(), row.get_ref(at + 7)?.as_bytes()) else { return Ok(None) };
        match row.get_ref(at + 3)?.as_str_or_null() {
            Ok(None) => self.value.extend_from_slice(body),
            Ok(Some(source)) => {
                let (Some(entity), Ok(id)) = (entity_of(key), row.get_ref(at + 2)?.as_str()) else { return Ok(None) };
                let (Ok(occurred_at), Ok(said_at), Ok(deleted)) = (row.get(at + 4), row.get(at + 5), row.get(at + 6)) else {
                    return Ok(None);
                };
                avro::Parts { plan: IN_COLUMNS, id, source, entity, occurred_at, said_at, deleted, rest: body }.write(&mut self.value);
            }
            Err(_) => return Ok(None),
        }
        let sound = checksum.is_none_or(|checksum| checksum == check(place, self.recorded_ms, key, &self.value));
        Ok(sound.then_some(key))
    }
}

/// Where messages came to lie.
pub struct Appended {
    /// A number that no other append has; the file has that of the last one.
    pub mark: i64,
    /// The mark of the append before.
    pub before: Option<i64>,
    /// When they were recorded, in milliseconds since 1970.
    pub recorded_ms: i64,
    /// By partition, the offset of the first.
    pub from: Vec<i64>,
    /// By partition, the offset after the last.
    pub to: Vec<i64>,
}

/// The mark of the last append.
pub fn mark(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    value(connection, "mark")
}

/// Appends messages, all or none.
pub fn append(connection: &mut Connection, messages: &[Prepared<'_>]) -> rusqlite::Result<Appended> {
    let append = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = ends(&append)?;
    let mut to = from.clone();
    let recorded_ms = tick(&append, now_ms())?;
    let mut insert = append.prepare_cached(INSERT)?;
    for message in messages {
        let end = &mut to[message.partition as usize];
        message.insert(&mut insert, *end, recorded_ms)?;
        *end += 1;
    }
    drop(insert);
    for (partition, (begin, end)) in from.iter().zip(&to).enumerate() {
        if end > begin {
            append.execute("UPDATE event_partition SET next_offset = ?2 WHERE partition = ?1", params![partition as i64, end])?;
        }
    }
    let (mark, before) = (rand::random(), mark(&append)?);
    append.prepare_cached("INSERT OR REPLACE INTO event_log VALUES ('mark', ?1)")?.execute([mark])?;
    append.commit()?;
    Ok(Appended { mark, before, recorded_ms, from, to })
}

/// Writes the data of messages in words beside them, of at most so many, from where that was left; how many were gone through. They are read before others
/// have to wait.
pub fn tell(connection: &mut Connection, most: i64) -> rusqlite::Result<usize> {
    let mut gone_through = 0;
    for (partition, end) in (0..).zip(ends(connection)?) {
        let name = format!("told {partition}");
        let from = value(connection, &name)?.unwrap_or(0);
        let to = end.min(from + most);
        if from >= to {
            continue;
        }
        let told = in_words(connection, place_of(partition, from), place_of(partition, to))?;
        let telling = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been at it.
        if value(&telling, &name)?.unwrap_or(0) == from {
            let mut insert = telling.prepare_cached("INSERT OR REPLACE INTO event_data VALUES (?1, ?2)")?;
            for (place, data) in &told {
                insert.execute(params![place, data])?;
            }
            drop(insert);
            telling.execute("INSERT OR REPLACE INTO event_log VALUES (?1, ?2)", params![name, to])?;
            telling.commit()?;
        }
        gone_through += (to - from) as usize;
    }
    Ok(gone_through)
}

/// The data of the events between two places.
fn in_words(connection: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut select = connection.prepare_cached(&format!("SELECT place, {COLUMNS} FROM event_message WHERE place >= ?1 AND place < ?2"))?;
    let mut rows = select.query([from, to])?;
    let (mut told, mut kept) = (Vec::new(), Kept::default());
    while let Some(row) = rows.next()? {
        let place = row.get(0)?;
        if kept.read(place, row, 1)?.is_some()
            && let Ok(avro::Message::Event(event)) = avro::read(&kept.value)
        {
            told.push((place, json::write_data_text(&event)));
        }
    }
    Ok(told)
}

/// The time of an append: now, or when the last one was where the clock has gone back since. It is noted for the next.
fn tick(append: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<i64> {
    let noted: Option<i64> = value(append, "recorded_ms")?;
    let last_ms = match noted {
        Some(ms) => ms,
        // Nothing was appended yet, or somebody deleted the note.
        None => append.query_row("SELECT coalesce(max(recorded_ms), 0) FROM event_message", [], |row| row.get(0))?,
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
    let mut begin = looking.prepare_cached("SELECT min(place) FROM event_message WHERE place >= ?1 AND place < ?2")?;
    let all = params![place_of(partition, 0), place_of(partition + 1, 0)];
    let begin = begin.query_row(all, |row| row.get::<_, Option<i64>>(0))?.map(offset_at);
    let mut message = looking.prepare_cached(&format!("SELECT {COLUMNS} FROM event_message WHERE place = ?1"))?;
    let (mut found, mut kept) = (Vec::with_capacity(offsets.len()), Kept::default());
    for offset in offsets {
        let place = place_of(partition, *offset);
        let mut rows = message.query([place])?;
        found.push(match rows.next()? {
            // What is damaged is not what it was.
            Some(row) => {
                let key = kept.read(place, row, 0)?.unwrap_or_default();
                Some(Fingerprint::of(kept.recorded_ms, key, &kept.value))
            }
            None => None,
        });
    }
    let identity = value(&looking, "identity")?.map(|number| number as u64);
    Ok(Some(Seen { identity, begin: begin.unwrap_or(end), forgets: false, end, found }))
}

/// A row's checksum, of all that is read of it.
fn check(place: i64, recorded_ms: i64, key: &[u8], value: &[u8]) -> i64 {
    let mut hash = Xxh3::new();
    for part in [&place.to_le_bytes()[..], &recorded_ms.to_le_bytes(), &(key.len() as u32).to_le_bytes(), key, value] {
        hash.update(part);
    }
    i64::from(hash.digest() as u32)
}

/// Holds every row against its checksum: the partition and offset of each that isn't as it was written; `read` is told how many were read.
pub fn verify(connection: &Connection, read: &mut dyn FnMut(u64)) -> rusqlite::Result<Vec<(u32, i64)>> {
    let mut select = connection.prepare(&format!("SELECT place, {COLUMNS} FROM event_message"))?;
    let mut rows = select.query([])?;
    let (mut damaged, mut count, mut kept) = (Vec::new(), 0, Kept::default());
    while let Some(row) = rows.next()? {
        let place = row.get(0)?;
        if kept.read(place, row, 1)?.is_none() {
            damaged.push(((place >> 40) as u32, offset_at(place)));
        }
        count += 1;
        read(count);
    }
    Ok(damaged)
}

/// What is said of a row that isn't as it was written.
pub fn damaged(path: &Path, partition: u32, offset: i64) -> LogError {
    let (path, place) = (path.display(), place_of(partition, offset));
    LogError::Settings(format!(
        "{path} is damaged: the event of partition {partition} at offset {offset} is not as it was written, and is not counted. Nothing else knows \
         what it was: put back a backup; or give it up, which makes a dead letter of it, and post it again from where it came: \
         sqlite3 {path} 'UPDATE event_message SET body = zeroblob(0), source = NULL, occurred_us = NULL, checksum = NULL WHERE place = {place}'"
    ))
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
