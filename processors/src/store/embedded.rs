//! The store in an SQLite file, beside the embedded log.
//!
//! In: commits, one transaction each. Out: what they left. The packed tables are the truth; `kpi` repeats the counters in
//! columns that any SQLite or BI tool can read, kept in the same transaction.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onpace_kpis::Slot;
use onpace_kpis::block::{Block, BlockId};
use onpace_schemas::{Currency, Kind, time};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    Changes, Commit, EntityId, Head, Heard, KpiStore, LaneWriter, Position, Settings, Settled, StoreError, StoreReader, changed,
    refuse_other, show_block, show_head, show_sources,
};

/// The tables' version; a file of another one is refused.
const LAYOUT: i64 = 1;
/// How long to wait for another process that writes the file.
const BUSY: Duration = Duration::from_secs(10);
/// How many commits a lane's stream of changes remembers.
const CHANGES: i64 = 10_000;

const TABLES: &str = r#"
    CREATE TABLE IF NOT EXISTS kpi_store (layout INTEGER NOT NULL, lanes INTEGER NOT NULL, fingerprint INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS kpi_head (
        lane INTEGER PRIMARY KEY, birth INTEGER NOT NULL, epoch INTEGER NOT NULL, "offset" INTEGER NOT NULL,
        "end" INTEGER NOT NULL, recorded_ms INTEGER NOT NULL, entities INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS kpi_name (lane INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (lane, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_entity (lane INTEGER NOT NULL, id BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (lane, id)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_block (
        lane INTEGER NOT NULL, rep INTEGER NOT NULL, day INTEGER NOT NULL, counters BLOB NOT NULL, PRIMARY KEY (lane, rep, day)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_change (lane INTEGER NOT NULL, number INTEGER NOT NULL, mark INTEGER NOT NULL, blocks BLOB NOT NULL,
        PRIMARY KEY (lane, number)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi_source (
        lane INTEGER NOT NULL, source TEXT NOT NULL, kind TEXT NOT NULL, recorded_ms INTEGER NOT NULL, PRIMARY KEY (lane, source, kind)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS kpi (
        lane INTEGER NOT NULL, rep_id INTEGER NOT NULL, day INTEGER NOT NULL,
        rep TEXT NOT NULL, measure TEXT NOT NULL, starts_at TEXT, date TEXT, by_1 TEXT, by_2 TEXT, currency TEXT, bucket INTEGER, value NOT NULL
    );
    CREATE INDEX IF NOT EXISTS kpi_of_block ON kpi (lane, rep_id, day);
"#;

/// The store in an SQLite file.
pub struct EmbeddedStore {
    path: PathBuf,
    measures: Vec<String>,
    /// What this process settled on: a lane of a store for something else is not taken over.
    settled: Mutex<Option<Settings>>,
}

impl EmbeddedStore {
    /// Opens the store in a file, which is made when there is none; `measures` are the catalogue's names, by number.
    ///
    /// # Errors
    /// The file can't be written or is something else.
    pub fn open(path: impl AsRef<Path>, measures: Vec<String>) -> Result<Self, StoreError> {
        let store = EmbeddedStore { path: path.as_ref().to_owned(), measures, settled: Mutex::new(None) };
        store.connect()?.execute_batch(TABLES).map_err(|error| store.explain(&error))?;
        Ok(store)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let wrong = |error| self.explain(&error);
        let connection = Connection::open(&self.path).map_err(wrong)?;
        connection.busy_timeout(BUSY).map_err(wrong)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(wrong)?;
        // A power cut may take the last commits back, state and offset together: they are folded again.
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(wrong)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    fn explain(&self, error: &rusqlite::Error) -> StoreError {
        explain(&self.path, error)
    }

    fn settled(&self) -> MutexGuard<'_, Option<Settings>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_settings(&self, connection: &Connection) -> Result<Option<Settings>, StoreError> {
        read_settings(connection, &self.path)
    }
}

fn read_settings(connection: &Connection, path: &Path) -> Result<Option<Settings>, StoreError> {
    let row = connection.query_row("SELECT layout, lanes, fingerprint FROM kpi_store", [], |row| {
        Ok((row.get::<_, i64>(0)?, Settings { lanes: row.get(1)?, fingerprint: row.get::<_, i64>(2)? as u64 }))
    });
    match row.optional().map_err(|error| explain(path, &error))? {
        None => Ok(None),
        Some((LAYOUT, settings)) => Ok(Some(settings)),
        Some((layout, _)) => Err(StoreError::Settings(format!(
            "the store in {} was written by another onpace (its layout is {layout}, here it is {LAYOUT}); use that one, or run `onpace rebuild`",
            path.display()
        ))),
    }
}

fn write_settings(to: &Connection, settings: Settings) -> rusqlite::Result<()> {
    to.execute("INSERT INTO kpi_store VALUES (?1, ?2, ?3)", params![LAYOUT, settings.lanes, settings.fingerprint as i64]).map(|_| ())
}

fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Away(format!("another process has been writing {path} for {} s; wait for it, or stop it", BUSY.as_secs()))
        }
        Some(ErrorCode::DiskFull) => StoreError::Away(format!("no room to write {path}; free some")),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            StoreError::Settings(format!("{path} can't be opened for writing ({error}); check the folder and its permissions"))
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            // The log lies in the same file: nothing can be rebuilt from it.
            StoreError::Settings(format!("{path} is no onpace file, or it is damaged ({error}); put back a backup"))
        }
        _ => StoreError::Away(format!("{path}: {error}")),
    }
}

impl KpiStore for EmbeddedStore {
    fn settle(&self, settings: Settings) -> Result<(), StoreError> {
        let mut connection = self.connect()?;
        let wrong = |error| self.explain(&error);
        let settling = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        match self.read_settings(&settling)? {
            Some(there) => refuse_other(&self.path.display().to_string(), there, settings)?,
            None => {
                write_settings(&settling, settings).map_err(wrong)?;
                settling.commit().map_err(wrong)?;
            }
        }
        *self.settled() = Some(settings);
        Ok(())
    }

    fn settings(&self) -> Result<Option<Settings>, StoreError> {
        self.read_settings(&self.connect()?)
    }

    fn wipe(&self, settings: Settings) -> Result<(), StoreError> {
        let mut connection = self.connect()?;
        let mut wiped = || -> rusqlite::Result<()> {
            let wiping = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for table in ["kpi_store", "kpi_head", "kpi_name", "kpi_entity", "kpi_block", "kpi_change", "kpi_source", "kpi"] {
                wiping.execute(&format!("DELETE FROM {table}"), [])?;
            }
            write_settings(&wiping, settings)?;
            wiping.commit()
        };
        wiped().map_err(|error| self.explain(&error))?;
        *self.settled() = Some(settings);
        Ok(())
    }

    fn verify(&self) -> Result<(), StoreError> {
        let found: String =
            self.connect()?.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| self.explain(&error))?;
        match found.as_str() {
            "ok" => Ok(()),
            damage => Err(StoreError::Settings(format!("{} is damaged ({damage}); put back a backup", self.path.display()))),
        }
    }

    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        let writer = Writer {
            connection: self.connect()?,
            path: self.path.clone(),
            lane,
            measures: self.measures.clone(),
            wanted: *self.settled(),
            names: Vec::new(),
            head: None,
            settled: Settled::Committed,
        };
        Ok(Box::new(writer))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(Reader { connection: self.connect()?, path: self.path.clone(), measures: self.measures.clone() }))
    }
}

struct Writer {
    connection: Connection,
    path: PathBuf,
    lane: u32,
    measures: Vec<String>,
    wanted: Option<Settings>,
    names: Vec<String>,
    /// The head as this writer last wrote it.
    head: Option<Head>,
    settled: Settled,
}

fn read_head(connection: &Connection, lane: u32) -> rusqlite::Result<Option<Head>> {
    let mut select =
        connection.prepare_cached(r#"SELECT birth, epoch, "offset", "end", recorded_ms, entities FROM kpi_head WHERE lane = ?1"#)?;
    select
        .query_row([lane], |row| {
            Ok(Head {
                birth: row.get::<_, i64>(0)? as u64,
                epoch: row.get::<_, i64>(1)? as u64,
                offset: row.get(2)?,
                end: row.get(3)?,
                recorded_ms: row.get(4)?,
                entities: row.get::<_, i64>(5)? as u64,
            })
        })
        .optional()
}

fn write_head(connection: &Connection, lane: u32, head: &Head) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO kpi_head VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let Head { birth, epoch, offset, end, recorded_ms, entities } = *head;
    insert.execute(params![lane, birth as i64, epoch as i64, offset, end, recorded_ms, entities as i64]).map(|_| ())
}

fn read_names(connection: &Connection, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT name FROM kpi_name WHERE lane = ?1 AND id >= ?2 ORDER BY id")?;
    let mut rows = select.query(params![lane, from])?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_str()?);
    }
    Ok(())
}

fn read_sources(connection: &Connection, lane: u32) -> rusqlite::Result<Vec<Heard>> {
    let mut select = connection.prepare_cached("SELECT source, kind, recorded_ms FROM kpi_source WHERE lane = ?1 ORDER BY source, kind")?;
    let mut rows = select.query([lane])?;
    let mut sources: Vec<Heard> = Vec::new();
    while let Some(row) = rows.next()? {
        let source = row.get_ref(0)?.as_str()?;
        if sources.last().is_none_or(|last| last.source != source) {
            sources.push(Heard { source: source.to_owned(), ..Heard::default() });
        }
        // A kind of a later release isn't this one's to count.
        if let (Some(last), Some(kind)) = (sources.last_mut(), Kind::named(row.get_ref(1)?.as_str()?)) {
            last.recorded_ms[kind as usize] = row.get(2)?;
        }
    }
    Ok(sources)
}

fn read_block(connection: &Connection, lane: u32, id: BlockId, each: &mut dyn FnMut(&[u8])) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached("SELECT counters FROM kpi_block WHERE lane = ?1 AND rep = ?2 AND day = ?3")?;
    let mut rows = select.query(params![lane, id.rep, id.day])?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_blob()?);
    }
    Ok(())
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<(Head, Vec<String>), StoreError> {
        let lane = self.lane;
        let wrong = |error| explain(&self.path, &error);
        let taking = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        match (read_settings(&taking, &self.path)?, self.wanted) {
            (Some(there), Some(wanted)) => refuse_other(&self.path.display().to_string(), there, wanted)?,
            (None, Some(wanted)) => write_settings(&taking, wanted).map_err(wrong)?,
            (None, None) => {
                return Err(StoreError::Settings(format!(
                    "the store in {} was never settled; start a processor, which does",
                    self.path.display()
                )));
            }
            (Some(_), None) => {}
        }
        let taken = || -> rusqlite::Result<(Head, Vec<String>)> {
            let begun = Head { birth: rand::random(), epoch: 0, offset: 0, end: 0, recorded_ms: 0, entities: 0 };
            let mut head = read_head(&taking, lane)?.unwrap_or(begun);
            head.epoch += 1;
            write_head(&taking, lane, &head)?;
            if last_change(&taking, lane)?.is_none() {
                // So that every place in the stream is that of an entry.
                note_change(&taking, lane, &[])?;
            }
            let mut names = Vec::new();
            read_names(&taking, lane, 1, &mut |name| names.push(name.to_owned()))?;
            taking.commit()?;
            Ok((head, names))
        };
        let (head, names) = taken().map_err(wrong)?;
        self.head = Some(head);
        self.settled = Settled::Committed;
        self.names = std::iter::once(String::new()).chain(names.iter().cloned()).collect();
        Ok((head, names))
    }

    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached("SELECT state FROM kpi_entity WHERE lane = ?1 AND id = ?2")?;
            for (place, id) in ids.iter().enumerate() {
                let mut rows = select.query(params![self.lane, id.0])?;
                while let Some(row) = rows.next()? {
                    each(place, row.get_ref(0)?.as_blob()?);
                }
            }
            Ok(())
        };
        read().map_err(|error| explain(&self.path, &error))
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        for (place, id) in ids.iter().enumerate() {
            read_block(&self.connection, self.lane, *id, &mut |packed| each(place, packed)).map_err(|error| explain(&self.path, &error))?;
        }
        Ok(())
    }

    fn every_entity(&mut self, each: &mut dyn FnMut(EntityId)) -> Result<(), StoreError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached("SELECT id FROM kpi_entity WHERE lane = ?1")?;
            let mut rows = select.query([self.lane])?;
            while let Some(row) = rows.next()? {
                each(EntityId(row.get(0)?));
            }
            Ok(())
        };
        read().map_err(|error| explain(&self.path, &error))
    }

    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        read_sources(&self.connection, self.lane).map_err(|error| explain(&self.path, &error))
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let Writer { connection, lane, measures, names, head, .. } = self;
        let mut submitted = || -> rusqlite::Result<Option<Head>> {
            let committing = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if read_head(&committing, *lane)? != *head {
                return Ok(None);
            }
            let Some(mut next) = *head else { return Ok(None) };
            next.offset = commit.offset;
            next.end = commit.end;
            next.recorded_ms = commit.recorded_ms;
            next.entities += commit.entities.iter().filter(|(_, _, new)| *new).count() as u64;
            write_head(&committing, *lane, &next)?;
            names.truncate(commit.names_from as usize);
            names.extend(commit.names.iter().cloned());
            write(&committing, *lane, measures, names, commit)?;
            committing.commit()?;
            Ok(Some(next))
        };
        match submitted().map_err(|error| explain(&self.path, &error))? {
            Some(head) => self.head = Some(head),
            None => self.settled = Settled::Fenced,
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        Ok(self.settled)
    }
}

fn write(to: &Transaction<'_>, lane: u32, measures: &[String], names: &[String], commit: &Commit) -> rusqlite::Result<()> {
    let mut name = to.prepare_cached("INSERT OR REPLACE INTO kpi_name VALUES (?1, ?2, ?3)")?;
    for (id, text) in (commit.names_from..).zip(&commit.names) {
        name.execute(params![lane, id, text])?;
    }
    let mut entity = to.prepare_cached("INSERT OR REPLACE INTO kpi_entity VALUES (?1, ?2, ?3)")?;
    for (id, state, _) in &commit.entities {
        entity.execute(params![lane, id.0, state])?;
    }
    let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_block VALUES (?1, ?2, ?3, ?4)")?;
    let mut drop = to.prepare_cached("DELETE FROM kpi_block WHERE lane = ?1 AND rep = ?2 AND day = ?3")?;
    for (id, packed) in &commit.blocks {
        if packed.is_empty() {
            drop.execute(params![lane, id.rep, id.day])?;
        } else {
            put.execute(params![lane, id.rep, id.day, packed])?;
        }
        write_legibly(to, lane, measures, names, *id, packed)?;
    }
    for row in &commit.sources {
        to.prepare_cached("DELETE FROM kpi_source WHERE lane = ?1 AND source = ?2")?.execute(params![lane, row.source])?;
        let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_source VALUES (?1, ?2, ?3, ?4)")?;
        for (kind, recorded_ms) in row.kinds() {
            put.execute(params![lane, row.source, kind.name(), recorded_ms])?;
        }
    }
    if !commit.blocks.is_empty() {
        let mut blocks = Vec::new();
        changed::pack(commit.blocks.iter().map(|(id, _)| *id), &mut blocks);
        note_change(to, lane, &blocks)?;
    }
    Ok(())
}

/// The number and the mark of the last change of a lane.
fn last_change(connection: &Connection, lane: u32) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut select = connection.prepare_cached("SELECT number, mark FROM kpi_change WHERE lane = ?1 ORDER BY number DESC LIMIT 1")?;
    select.query_row([lane], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Adds to the stream of changes, under a mark that no other change ever has: a copy of the file that was put back lacks it.
fn note_change(to: &Connection, lane: u32, blocks: &[u8]) -> rusqlite::Result<()> {
    let number = last_change(to, lane)?.map_or(0, |(number, _)| number) + 1;
    to.prepare_cached("INSERT INTO kpi_change VALUES (?1, ?2, ?3, ?4)")?.execute(params![lane, number, rand::random::<i64>(), blocks])?;
    to.prepare_cached("DELETE FROM kpi_change WHERE lane = ?1 AND number <= ?2")?.execute(params![lane, number - CHANGES])?;
    Ok(())
}

fn count_names(connection: &Connection, lane: u32) -> rusqlite::Result<u32> {
    connection.prepare_cached("SELECT count(*) + 1 FROM kpi_name WHERE lane = ?1")?.query_row([lane], |row| row.get(0))
}

/// The block's counters as rows that say what they are.
fn write_legibly(
    to: &Transaction<'_>,
    lane: u32,
    measures: &[String],
    names: &[String],
    id: BlockId,
    packed: &[u8],
) -> rusqlite::Result<()> {
    to.prepare_cached("DELETE FROM kpi WHERE lane = ?1 AND rep_id = ?2 AND day = ?3")?.execute(params![lane, id.rep, id.day])?;
    // The fold packed it a moment ago; the packed table has it in any case.
    let Ok(block) = Block::unpack(id.day, packed) else { return Ok(()) };
    let name = |number: u32| names.get(number as usize).map(String::as_str).filter(|name| !name.is_empty());
    let mut insert = to.prepare_cached("INSERT INTO kpi VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?;
    for (counter, value) in block.counters() {
        let measure = measures.get(usize::from(counter.measure)).map_or("?", String::as_str);
        let (starts_at, date) = match counter.slot {
            Slot::Quarter(slot) => (Some(time::show_instant(i64::from(slot) * onpace_kpis::slot::SLOT_S * time::US)), None),
            Slot::Date(day) => (None, Some(time::show_date(day))),
        };
        let currency = Currency::from_number(counter.extra);
        let bucket = (currency.is_none() && counter.extra != 0).then_some(counter.extra);
        let [first, second] = counter.dims;
        let whole = i64::try_from(*value).ok();
        let text = whole.is_none().then(|| value.to_string());
        insert.execute(params![
            lane,
            id.rep,
            id.day,
            name(id.rep).unwrap_or("unassigned"),
            measure,
            starts_at,
            date,
            name(first),
            name(second),
            currency.map(|currency| currency.to_string()),
            bucket,
            // What 64 bits can't hold is kept as text, in full.
            match &text {
                Some(text) => rusqlite::types::Value::Text(text.clone()),
                None => rusqlite::types::Value::Integer(whole.unwrap_or_default()),
            },
        ])?;
    }
    Ok(())
}

struct Reader {
    connection: Connection,
    path: PathBuf,
    measures: Vec<String>,
}

impl Reader {
    fn tried<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| explain(&self.path, &error))
    }

    fn position(&self, lane: u32, head: Head, names: u32) -> Result<Position, StoreError> {
        let (number, mark) = self.tried(last_change(&self.connection, lane))?.unwrap_or_default();
        Ok(Position { birth: head.birth, offset: head.offset, names, mark: format!("{number} {mark}") })
    }
}

impl StoreReader for Reader {
    fn head(&mut self, lane: u32) -> Result<Option<Head>, StoreError> {
        self.tried(read_head(&self.connection, lane))
    }

    fn load(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        // One read transaction sees one moment.
        self.tried(self.connection.execute_batch("BEGIN"))?;
        let loaded = self.load_moment(lane, names, each);
        self.tried(self.connection.execute_batch("COMMIT"))?;
        loaded
    }

    fn changes(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        self.tried(self.connection.execute_batch("BEGIN"))?;
        let changes = self.changes_moment(lane, since);
        self.tried(self.connection.execute_batch("COMMIT"))?;
        changes
    }

    fn names(&mut self, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.tried(read_names(&self.connection, lane, from, each))
    }

    fn blocks(&mut self, lane: u32, ids: &[BlockId], each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        for id in ids {
            let mut found = false;
            let read = read_block(&self.connection, lane, *id, &mut |packed| {
                found = true;
                each(*id, packed);
            });
            self.tried(read)?;
            if !found {
                each(*id, &[]);
            }
        }
        Ok(())
    }

    fn sources(&mut self, lane: u32) -> Result<Vec<Heard>, StoreError> {
        self.tried(read_sources(&self.connection, lane))
    }

    fn inspect(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let (what, rest) = key.split_once(':').unwrap_or((key, ""));
        let (lane, rep) = rest.split_once(':').unwrap_or((rest, ""));
        let Ok(lane) = lane.parse() else { return if key.is_empty() { self.list().map(Some) } else { Ok(None) } };
        let Some(head) = self.head(lane)? else { return Ok(None) };
        let mut names = vec!["unassigned".to_owned()];
        self.names(lane, 1, &mut |name| names.push(name.to_owned()))?;
        match what {
            "head" => Ok(Some(format!("{}\n", show_head(lane, &head)))),
            "names" => Ok(Some(names.iter().enumerate().skip(1).map(|(number, name)| format!("{number} = {name}\n")).collect())),
            "sources" => Ok(Some(show_sources(&self.sources(lane)?)).filter(|words| !words.is_empty())),
            "counters" => self.show_counters(lane, rep, &names),
            _ => Ok(None),
        }
    }
}

impl Reader {
    fn list(&self) -> Result<String, StoreError> {
        let listed = || -> rusqlite::Result<String> {
            let mut text = String::new();
            let mut lanes = self.connection.prepare("SELECT lane FROM kpi_head ORDER BY lane")?;
            for lane in lanes.query_map([], |row| row.get::<_, u32>(0))? {
                let lane = lane?;
                text.push_str(&format!("head:{lane}\nnames:{lane}\n"));
                if !read_sources(&self.connection, lane)?.is_empty() {
                    text.push_str(&format!("sources:{lane}\n"));
                }
                let mut reps = self.connection.prepare(
                    "SELECT DISTINCT coalesce(name, 'unassigned') FROM kpi_block b LEFT JOIN kpi_name n ON n.lane = b.lane AND n.id = b.rep WHERE b.lane = ?1 LIMIT 1000",
                )?;
                for rep in reps.query_map([lane], |row| row.get::<_, String>(0))? {
                    text.push_str(&format!("counters:{lane}:{}\n", rep?));
                }
            }
            Ok(text)
        };
        let listed = self.tried(listed())?;
        Ok(format!("{listed}The tables `event` and `kpi` of {} can be read with any SQLite tool.\n", self.path.display()))
    }

    fn show_counters(&mut self, lane: u32, rep: &str, names: &[String]) -> Result<Option<String>, StoreError> {
        let Some(number) = names.iter().position(|name| name == rep) else { return Ok(None) };
        let mut packed: Vec<(i32, Vec<u8>)> = Vec::new();
        let mut read = || -> rusqlite::Result<()> {
            let mut select =
                self.connection.prepare_cached("SELECT day, counters FROM kpi_block WHERE lane = ?1 AND rep = ?2 ORDER BY day")?;
            let mut rows = select.query(params![lane, number as i64])?;
            while let Some(row) = rows.next()? {
                packed.push((row.get(0)?, row.get(1)?));
            }
            Ok(())
        };
        let read = read();
        self.tried(read)?;
        let mut text = format!("rep {rep}, {} bytes packed\n", packed.iter().map(|(_, packed)| packed.len()).sum::<usize>());
        for (day, packed) in packed {
            let block = Block::unpack(day, &packed).map_err(|why| StoreError::Damaged {
                place: format!("{}, table kpi_block, lane {lane}, rep {rep}, day {day}", self.path.display()),
                why: why.to_string(),
            })?;
            let name = |number: u32| names.get(number as usize).cloned().unwrap_or_else(|| format!("number {number}"));
            text.push_str(&show_block(day, &block, &self.measures, &name));
        }
        Ok(Some(text))
    }

    fn load_moment(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        let Some(head) = self.head(lane)? else { return Ok(None) };
        let mut known = 1;
        self.tried(read_names(&self.connection, lane, 1, &mut |name| {
            known += 1;
            names(name);
        }))?;
        let position = self.position(lane, head, known)?;
        let mut read = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached("SELECT rep, day, counters FROM kpi_block WHERE lane = ?1")?;
            let mut rows = select.query([lane])?;
            while let Some(row) = rows.next()? {
                each(BlockId { rep: row.get(0)?, day: row.get(1)? }, row.get_ref(2)?.as_blob()?);
            }
            Ok(())
        };
        let read = read();
        self.tried(read)?;
        Ok(Some(position))
    }

    fn changes_moment(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        let Some(head) = self.head(lane)? else { return Ok(Changes::Gap) };
        let mark = since.mark.split_once(' ').and_then(|(number, mark)| Some((number.parse::<i64>().ok()?, mark.parse::<i64>().ok()?)));
        let Some((number, mark)) = mark.filter(|_| head.birth == since.birth && head.offset >= since.offset) else {
            return Ok(Changes::Gap);
        };
        let mut blocks = Vec::new();
        let mut read = || -> rusqlite::Result<Option<bool>> {
            let mut select =
                self.connection.prepare_cached("SELECT mark, blocks FROM kpi_change WHERE lane = ?1 AND number >= ?2 ORDER BY number")?;
            let mut rows = select.query(params![lane, number])?;
            // The change that was last then must still be there.
            match rows.next()? {
                Some(row) if row.get::<_, i64>(0)? == mark => {}
                _ => return Ok(Some(false)),
            }
            while let Some(row) = rows.next()? {
                if changed::unpack(row.get_ref(1)?.as_blob()?, &mut blocks).is_none() {
                    return Ok(None);
                }
            }
            Ok(Some(true))
        };
        let read = read();
        match self.tried(read)? {
            None => {
                return Err(StoreError::Damaged {
                    place: format!("{}, table kpi_change, lane {lane}", self.path.display()),
                    why: "a change is none of ours".into(),
                });
            }
            Some(false) => return Ok(Changes::Gap),
            Some(true) => {}
        }
        blocks.sort_unstable();
        blocks.dedup();
        let names = self.tried(count_names(&self.connection, lane))?;
        Ok(Changes::Blocks(blocks, self.position(lane, head, names)?))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::any::Any;

    use onpace_kpis::Counter;
    use tempfile::TempDir;

    use super::*;
    use crate::store::suite::{self, Place};

    struct File {
        folder: TempDir,
        store: EmbeddedStore,
    }

    fn file() -> File {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        File { folder, store }
    }

    fn open(folder: &TempDir) -> EmbeddedStore {
        EmbeddedStore::open(folder.path().join("onpace.db"), vec!["calls_made".into(), "revenue_won".into()]).unwrap()
    }

    const ALL: [&str; 8] = ["kpi_store", "kpi_head", "kpi_name", "kpi_entity", "kpi_block", "kpi_change", "kpi_source", "kpi"];

    impl Place for File {
        fn store(&self) -> &dyn KpiStore {
            &self.store
        }

        fn elsewhere(&self) -> Box<dyn KpiStore> {
            Box::new(open(&self.folder))
        }

        fn snapshot(&self) -> Box<dyn Any> {
            let copy = tempfile::tempdir().unwrap();
            let connection = self.store.connect().unwrap();
            connection.execute("VACUUM INTO ?1", [copy.path().join("copy").to_str().unwrap()]).unwrap();
            Box::new(copy)
        }

        fn restore(&self, snapshot: &dyn Any) {
            let copy = snapshot.downcast_ref::<TempDir>().unwrap();
            let connection = self.store.connect().unwrap();
            connection.execute("ATTACH ?1 AS older", [copy.path().join("copy").to_str().unwrap()]).unwrap();
            let back = ALL.map(|table| format!("DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM older.{table};")).concat();
            connection.execute_batch(&format!("BEGIN; {back} COMMIT;")).unwrap();
        }

        fn forget(&self) {
            let gone = ALL.map(|table| format!("DELETE FROM {table};")).concat();
            self.store.connect().unwrap().execute_batch(&format!("BEGIN; {gone} COMMIT;")).unwrap();
        }

        fn again(&self) -> Box<dyn Place> {
            Box::new(file())
        }
    }

    suite::tests!(file);

    #[test]
    fn any_sqlite_tool_reads_the_counters() {
        let file = file();
        file.store.settle(suite::SETTINGS).unwrap();
        let mut writer = file.store.writer(0).unwrap();
        writer.take_over().unwrap();
        let mut block = Block::default();
        block.add(Counter { measure: 0, dims: [0, 0], extra: 0, slot: Slot::at(20_514, 57) }, 2);
        let euros = Currency::from_bytes(b"EUR").unwrap().to_number();
        block.add(Counter { measure: 1, dims: [2, 0], extra: euros, slot: Slot::Date(20_514) }, i128::from(i64::MAX) + 1);
        let mut packed = Vec::new();
        block.pack(&mut packed);
        let names = vec!["marie".into(), "gadget".into()];
        let id = BlockId { rep: 1, day: 20_514 };
        writer.submit(&Commit { offset: 1, blocks: vec![(id, packed.clone())], names, names_from: 1, ..Commit::default() }).unwrap();
        writer.submit(&Commit { offset: 2, blocks: vec![(id, packed)], names_from: 3, ..Commit::default() }).unwrap();
        assert_eq!(writer.settle().unwrap(), Settled::Committed);
        let connection = file.store.connect().unwrap();
        let mut select = connection
            .prepare("SELECT rep || '|' || measure || '|' || coalesce(starts_at, date) || '|' || coalesce(by_1, '') || '|' || coalesce(currency, '') || '|' || value FROM kpi ORDER BY measure")
            .unwrap();
        let rows: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            rows,
            [
                "marie|calls_made|2026-03-02T14:15:00Z||||2".replace("||||", "|||"),
                "marie|revenue_won|2026-03-02|gadget|EUR|9223372036854775808".into()
            ]
        );
        let words = file.store.reader().unwrap().inspect("counters:0:marie").unwrap().unwrap();
        assert!(words.contains("calls_made at 2026-03-02T14:15:00Z: 2"), "{words}");
    }
}
