//! The store in an SQLite file, beside the embedded log.
//!
//! In: commits, one transaction each. Out: what they left. The packed values are the truth; the view `kpi` shows the counters in
//! columns that any SQLite or BI tool can read, from a text that each block carries and that is written with it.

mod commit;
mod layout;
mod legible;
mod mend;
mod pieces;
mod reader;
mod serving;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use onpace_producers::log::embedded::file::{self, BUSY, Loss};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};

use self::layout::{LANES, LAYOUT, write_settings};
use self::reader::Reader;
use self::tables::Wrong;
use self::writer::Writer;
use super::round::Round;
use super::{KpiStore, LaneWriter, Serving, Settings, StoreError, StoreReader, refuse_other};

/// How many commits a lane's stream of changes remembers.
const CHANGES: i64 = 10_000;

/// The store in an SQLite file.
pub struct EmbeddedStore {
    path: PathBuf,
    measures: Vec<String>,
    /// It can't be written to, or must not be.
    only_read: bool,
    /// Nothing of it is to outlive this process.
    fleeting: bool,
    /// What this process settled on: a lane of a store for something else is not taken over.
    settled: Mutex<Option<Settings>>,
}

impl EmbeddedStore {
    /// Opens the store in a file, which is made when there is none; `measures` are the catalogue's names, by number.
    ///
    /// # Errors
    /// The file can't be written or is something else.
    pub fn open(path: impl AsRef<Path>, measures: Vec<String>) -> Result<Self, StoreError> {
        let store =
            EmbeddedStore { path: path.as_ref().to_owned(), measures, only_read: false, fleeting: false, settled: Mutex::new(None) };
        let mut connection = store.connect()?;
        layout::prepare(&mut connection).map_err(|error| store.explain(error))?;
        Ok(store)
    }

    /// The same store, of which nothing is to outlive this process: no commit waits for the disk.
    #[must_use]
    pub fn fleeting(self) -> Self {
        EmbeddedStore { fleeting: true, ..self }
    }

    /// Opens the store in a file that is there, and changes nothing in it: its folder need not be one that can be written to.
    ///
    /// # Errors
    /// The file can't be read or is something else.
    pub fn open_to_read(path: impl AsRef<Path>, measures: Vec<String>) -> Result<Self, StoreError> {
        let store = EmbeddedStore { path: path.as_ref().to_owned(), measures, only_read: true, fleeting: false, settled: Mutex::new(None) };
        store.connect()?;
        Ok(store)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let wrong = |error: rusqlite::Error| self.explain(error);
        if self.only_read {
            return file::open_to_read(&self.path).map_err(wrong);
        }
        connect(&self.path, self.loss()).map_err(wrong)
    }

    fn loss(&self) -> Loss {
        // A power cut may take the last commits back, state and offset together: they are folded again.
        if self.fleeting { Loss::All } else { Loss::Last }
    }

    fn explain(&self, wrong: impl Into<Wrong>) -> StoreError {
        explain(&self.path, wrong)
    }

    fn settled(&self) -> MutexGuard<'_, Option<Settings>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_settings(&self, connection: &Connection) -> Result<Option<Settings>, StoreError> {
        // Who only reads makes no tables: where nothing was ever folded there are none.
        if self.only_read && !connection.table_exists(None, "kpi_store").map_err(|error| self.explain(error))? {
            return Ok(None);
        }
        read_settings(connection, &self.path)
    }
}

fn connect(path: &Path, loss: Loss) -> rusqlite::Result<Connection> {
    let connection = file::connect(path, loss)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn read_settings(connection: &Connection, path: &Path) -> Result<Option<Settings>, StoreError> {
    let row = connection.query_row("SELECT layout, lanes, fingerprint FROM kpi_store", [], |row| {
        Ok((row.get::<_, i64>(0)?, Settings { lanes: row.get(1)?, fingerprint: row.get::<_, i64>(2)? as u64 }))
    });
    match row.optional().map_err(|error| explain(path, error))? {
        None => Ok(None),
        Some((LAYOUT, settings)) => Ok(Some(settings)),
        Some((layout, _)) => Err(StoreError::Settings(format!(
            "the store in {} was written by another onpace (its layout is {layout}, here it is {LAYOUT}); use that one, or run `onpace rebuild`",
            path.display()
        ))),
    }
}

fn explain(path: &Path, wrong: impl Into<Wrong>) -> StoreError {
    let path = path.display();
    let error = match wrong.into() {
        Wrong::Sqlite(error) => error,
        Wrong::Row(row) => {
            return StoreError::Damaged {
                place: format!("{path}, {row}"),
                why: "it is not as it was written: its checksum is another".into(),
            };
        }
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Away(format!("another process has been writing {path} for {} s; wait for it, or stop it", BUSY.as_secs()))
        }
        Some(ErrorCode::DiskFull) => StoreError::Away(format!("no room to write {path}; free some")),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            // SQLite doesn't say why it couldn't open a file.
            if let Some(words) = onpace_producers::files::exhausted_now() {
                return StoreError::Away(format!("{path} can't be opened: {words}"));
            }
            StoreError::Settings(format!("{path} can't be opened for writing ({error}); check the folder and its permissions"))
        }
        Some(ErrorCode::NotADatabase) => {
            // The log lies in the same file: nothing can be rebuilt from it.
            StoreError::Settings(format!("{path} is no onpace file, or it is damaged ({error}); put back a backup"))
        }
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { place: path.to_string(), why: error.to_string() },
        // A value of another type than was written.
        None => StoreError::Damaged { place: path.to_string(), why: error.to_string() },
        _ => StoreError::Away(format!("{path}: {error}")),
    }
}

impl KpiStore for EmbeddedStore {
    fn settle(&self, settings: Settings) -> Result<(), StoreError> {
        if settings.lanes > LANES {
            let Settings { lanes, .. } = settings;
            return Err(StoreError::Settings(format!("a store in a file has at most {LANES} lanes, and the log has {lanes} partitions")));
        }
        let mut connection = self.connect()?;
        let wrong = |error: rusqlite::Error| self.explain(error);
        let settling = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        match self.read_settings(&settling)? {
            Some(there) => refuse_other(&self.path.display().to_string(), there, settings)?,
            None => {
                write_settings(&settling, settings, &self.measures).map_err(wrong)?;
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
            layout::empty(&wiping)?;
            write_settings(&wiping, settings, &self.measures)?;
            wiping.commit()
        };
        wiped().map_err(|error| self.explain(error))?;
        *self.settled() = Some(settings);
        Ok(())
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError> {
        let connection = self.connect()?;
        let wrong = |error: rusqlite::Error| self.explain(error);
        if let Some(why) = mend::pages(&connection).map_err(wrong)? {
            return Err(StoreError::Damaged { place: self.path.display().to_string(), why });
        }
        // One read transaction sees one moment, whoever writes meanwhile.
        connection.execute_batch("BEGIN").map_err(wrong)?;
        let lanes = self.read_settings(&connection)?.map_or(0, |settings| settings.lanes);
        let mut heads = Vec::new();
        for lane in 0..lanes {
            let head = tables::read_head(&connection, lane).map_err(|wrong| self.explain(wrong))?;
            heads.extend(head.map(|head| (lane, head)));
        }
        let total = heads.iter().map(|(_, head)| head.sums.values()).sum();
        let mut done = 0;
        for (lane, head) in heads {
            let mut pieces = pieces::Lane { connection: &connection, path: &self.path, lane };
            Round::default().end(lane, &head, &mut pieces, &mut |_| {
                done += 1;
                progress(done, total);
            })?;
        }
        Ok(Vec::new())
    }

    fn serve(&self, holder: &str, words: &str, ended: bool) -> Result<(), StoreError> {
        serving::note(&mut self.connect()?, holder, words, ended).map_err(|error| self.explain(error))
    }

    fn serving(&self) -> Result<Vec<Serving>, StoreError> {
        serving::all(&self.connect()?).map_err(|error| self.explain(error))
    }

    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        Ok(Box::new(Writer::new(self.connect()?, &self.path, self.loss(), lane, &self.measures, *self.settled())))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(Reader::new(self.connect()?, &self.path, &self.measures)))
    }
}
