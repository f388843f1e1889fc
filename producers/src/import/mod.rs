//! `onpace import`: history from a file into the log.
//!
//! In: NDJSON, a line an event; or CSV, whose rows a jq map turns into events. Out: the events in the log, the refused rows in
//! `FILE.rejected.ndjson`, and a [`Summary`] that adds up. A row is taken whole or refused whole. Importing a file again
//! changes nothing: the same rows make the same events, and merging is idempotent.
//! Never here: guessing. Memory is bounded whatever the file's size.

mod map;
mod refused;
mod rows;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressStyle;
use onpace_schemas::{counted, did_you_mean, json};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::entry;
use crate::log::{Entry, EventLog, LogError};
use map::Map;
use refused::{Refused, Why};
use rows::{Content, Csv, Lines, Row, Rows};

pub use indicatif::ProgressBar;

/// How many events are appended at a time.
const BATCH: usize = 5_000;
/// How many bytes of events are appended at a time.
const BATCH_BYTES: usize = 8 << 20;

/// What is imported, and how.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// The file: `.ndjson` or `.jsonl`; `.csv` or `.tsv`, with a header.
    pub file: PathBuf,
    /// The jq program that a CSV needs.
    pub map: Option<PathBuf>,
    /// The map's variables, by name.
    pub arguments: Vec<(String, String)>,
    /// What stands between a CSV's fields; seen from the header where it isn't given.
    pub delimiter: Option<char>,
    /// The clock, in microseconds since 1970.
    pub now: fn() -> i64,
}

/// What became of a file. `rows = accepted + skipped + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows read, without blank lines and the header.
    pub rows: u64,
    /// Rows whose every event is in the log.
    pub accepted: u64,
    /// Rows of which the map made no event.
    pub skipped: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Events in the log.
    pub events: u64,
    /// Where the refused rows are, if there are any.
    pub rejected_file: Option<PathBuf>,
}

/// Why an import ends early; which file it was the caller knows.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The command line asks for what can't be.
    #[error("{0}")]
    Settings(String),
    /// The file as a whole is no such file.
    #[error("{0}")]
    File(String),
    /// The file can't be read.
    #[error("can't be read")]
    Read(#[from] io::Error),
    /// The map can't be used.
    #[error("the map {path}: {error}")]
    Map {
        /// The map's file.
        path: String,
        /// Where in it and what is wrong.
        error: String,
    },
    /// The refused rows can't be written.
    #[error("refused rows can't be written to {path}: {error}; import a copy of the file from a folder that can be written to")]
    Rejected {
        /// Their file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The log did not take everything.
    #[error("{error}; the log has acknowledged {}: import the same file again, an event that is there twice counts once", counted(*events, "event"))]
    Log {
        /// Why not.
        error: LogError,
        /// How many events it has acknowledged.
        events: u64,
    },
    /// It was asked to stop before the file's end.
    #[error(
        "stopped before the file's end: {} ({}) in the log; import the same file again to bring the rest, \
         an event that is there twice counts once",
        counted(*rows, "row"),
        counted(*events, "event")
    )]
    Stopped {
        /// How many rows were taken: all their events are in the log.
        rows: u64,
        /// How many events the log has acknowledged.
        events: u64,
    },
}

/// A bar on a terminal's stderr; elsewhere nothing is drawn.
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {eta} left  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Parses `NAME=VALUE`.
///
/// # Errors
/// What would be right.
pub fn parse_argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("there is no `=` in it; write --arg NAME=VALUE")?;
    let well_formed =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.is_empty() {
        return Err("there is no name before the `=`; write --arg NAME=VALUE".into());
    }
    if !well_formed || ["ARGS", "ENV", "file"].contains(&name) {
        return Err(format!("`{name}` can't be a variable's name; use letters, digits and _, and none of ARGS, ENV, file"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Writes a file's events into the log; done once all of them are in it, or once `stop` is cancelled and what was under way is in it.
///
/// # Errors
/// The file, the map or the command line is not usable, the log did not take everything, or it was stopped. A refused row is no error.
pub async fn import(
    settings: ImportSettings,
    log: Arc<dyn EventLog>,
    progress: ProgressBar,
    stop: CancellationToken,
) -> Result<Summary, ImportError> {
    // The next batch is read while the log takes the one before.
    let (send, mut batches) = mpsc::channel::<Batch>(1);
    let reading = tokio::task::spawn_blocking(move || read(&settings, &progress, &send));
    let (mut rows, mut events) = (0, 0);
    let mut taken = Ok(());
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.cancelled() => {
                taken = Err(ImportError::Stopped { rows, events });
                break;
            }
            batch = batches.recv() => batch,
        };
        let Some(batch) = batch else { break };
        let count = batch.entries.len() as u64;
        if let Err(error) = log.append(batch.entries).await {
            taken = Err(ImportError::Log { error, events });
            break;
        }
        rows += batch.rows;
        events += count;
    }
    // The reader ends when nobody takes its batches.
    drop(batches);
    let read = reading.await.unwrap_or_else(|error| Err(ImportError::Settings(format!("reading the file ended early: {error}"))));
    taken?;
    Ok(Summary { events, ..read? })
}

fn read(settings: &ImportSettings, progress: &ProgressBar, batches: &mpsc::Sender<Batch>) -> Result<Summary, ImportError> {
    let path = &settings.file;
    let form = Form::of(path)?;
    let map = match (form, &settings.map) {
        (Form::Csv, Some(map)) => Some(compile(settings, map)?),
        (Form::Csv, None) => {
            let error = "a CSV needs a jq map that turns its rows into events: --map MAP.jq, such as examples/pipeline.jq";
            return Err(ImportError::Settings(error.into()));
        }
        (Form::Lines, None) => None,
        (Form::Lines, Some(_)) => {
            return Err(ImportError::Settings("a map is for a CSV; NDJSON is taken as it is, so leave --map out".into()));
        }
    };
    let file = File::open(path)?;
    progress.set_length(file.metadata()?.len());
    let mut rows = match form {
        Form::Lines => Rows::Lines(Lines::new(file)?),
        Form::Csv => Rows::Csv(Box::new(Csv::new(file, delimiter(settings, path)?)?)),
    };
    let rejected = refused_path(path);
    let unwritable = |path: &Path, error| ImportError::Rejected { path: path.display().to_string(), error };
    let mut refused = Refused::new(rejected.clone()).map_err(|error| unwritable(&rejected, error))?;
    let mut summary = Summary::default();
    let mut batch = Batch::default();
    while let Some(row) = rows.next()? {
        summary.rows += 1;
        let (number, line) = (row.number, row.line);
        match events(&row, map.as_ref(), (settings.now)()) {
            Ok(entries) if entries.is_empty() => summary.skipped += 1,
            Ok(entries) => {
                summary.accepted += 1;
                batch.add(entries);
            }
            Err(why) => refused.add(number, line, shown(row), &why).map_err(|error| unwritable(refused.path(), error))?,
        }
        if batch.is_full() && batches.blocking_send(batch.take()).is_err() {
            // The log is away, or it is time to stop; whoever took the batches knows.
            return Ok(summary);
        }
        if summary.rows % 1_000 == 0 {
            // Rows that make no events fill no batch.
            if batches.is_closed() {
                return Ok(summary);
            }
            progress.set_position(rows.read_bytes());
            progress.set_message(format!("{}, {} refused", counted(summary.rows, "row"), refused.rows));
        }
    }
    if !batch.entries.is_empty() && batches.blocking_send(batch.take()).is_err() {
        return Ok(summary);
    }
    progress.finish_and_clear();
    summary.rejected = refused.rows;
    summary.rejected_file = refused.finish().map_err(|error| unwritable(&rejected, error))?;
    Ok(summary)
}

/// Entries on their way to the log.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    /// How many rows they were made of.
    rows: u64,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, entries: Vec<Entry>) {
        self.bytes += entries.iter().map(|entry| entry.value.len()).sum::<usize>();
        self.entries.extend(entries);
        self.rows += 1;
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= BATCH || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Batch {
        std::mem::take(self)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Lines,
    Csv,
}

impl Form {
    fn of(path: &Path) -> Result<Form, ImportError> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("ndjson" | "jsonl") => Ok(Form::Lines),
            Some("csv" | "tsv") => Ok(Form::Csv),
            _ => Err(ImportError::Settings("what a file holds is told from its name, which must end in .ndjson or .csv".into())),
        }
    }
}

fn delimiter(settings: &ImportSettings, path: &Path) -> Result<Option<u8>, ImportError> {
    match settings.delimiter {
        Some(given) if given.is_ascii() && !matches!(given, '"' | '\r' | '\n') => Ok(Some(given as u8)),
        Some(given) => {
            Err(ImportError::Settings(format!("--delimiter {given:?} can't stand between fields; use one ASCII character such as ;")))
        }
        None => Ok(path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv")).then_some(b'\t')),
    }
}

fn compile(settings: &ImportSettings, path: &Path) -> Result<Map, ImportError> {
    let wrong = |error: String| ImportError::Map { path: path.display().to_string(), error };
    let code = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    for (at, (name, _)) in settings.arguments.iter().enumerate() {
        if settings.arguments[..at].iter().any(|(before, _)| before == name) {
            return Err(ImportError::Settings(format!("--arg {name} is given twice; say it once")));
        }
    }
    for (name, _) in &settings.arguments {
        if !map::asks_for(&code, name) {
            let takes = map::variables(&code);
            let hint = if takes.is_empty() { "; it takes none".into() } else { did_you_mean(name, takes.iter().copied()) };
            return Err(ImportError::Settings(format!("--arg {name}: the map {} never asks for `${name}`{hint}", path.display())));
        }
    }
    let file = settings.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Map::compile(&code, &file, &settings.arguments).map_err(wrong)
}

fn refused_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".rejected.ndjson");
    name.into()
}

/// All events of a row, or why the row is refused.
fn events(row: &Row, map: Option<&Map>, now_us: i64) -> Result<Vec<Entry>, Why> {
    let whole = |reason: &str| Why { field: String::new(), reason: reason.to_owned() };
    let texts = match (&row.content, map) {
        (Err((_, reason)), _) => return Err(whole(reason)),
        (Ok(Content::Json(text)), _) => return Ok(vec![taken(text, now_us)?]),
        (Ok(Content::Fields(fields)), Some(map)) => map.run(fields).map_err(|reason| whole(&reason))?,
        // A CSV without a map was refused at the start.
        (Ok(Content::Fields(_)), None) => return Err(whole("there is no map")),
    };
    texts.iter().map(|text| taken(text, now_us)).collect()
}

fn taken(text: &str, now_us: i64) -> Result<Entry, Why> {
    json::read(text, now_us).map(|event| entry(&event)).map_err(|refusal| Why { field: refusal.field, reason: refusal.error })
}

/// A refused row as its file shows it.
fn shown(row: Row) -> Value {
    match row.content {
        Ok(Content::Json(text)) => serde_json::from_str(&text).unwrap_or_else(|_| text.chars().take(1_000).collect::<String>().into()),
        Ok(Content::Fields(fields)) => Value::Object(fields.into_iter().map(|(name, value)| (name, value.into())).collect()),
        Err((shown, _)) => shown.into(),
    }
}
