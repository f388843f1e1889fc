//! `onpace import`: history from a file into the log.
//!
//! In: NDJSON, a line an event; or CSV and spreadsheets, whose rows a jq map turns into events. Out: the events in the log, the refused
//! rows in `FILE.rejected.ndjson`, and a [`Summary`] that adds up and tells what looks wrong. A row is taken whole or refused whole.
//! Importing a file again changes nothing: the same rows make the same events, and merging is idempotent.
//! Never here: guessing. Memory is bounded whatever the file's size.

mod apart;
mod census;
mod file;
mod map;
mod mapper;
mod missing;
mod refused;
mod settings;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use onpace_schemas::{Event, counted, did_you_mean, json};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::doubts::Tally;
use crate::entry;
use crate::log::{Entry, EventLog};
use apart::Apart;
use census::Census;
use file::{Content, Kind as FileKind, Row};
use map::{Map, Program};
use mapper::{Mapped, Mapper};
use refused::{Refused, Why};

pub use apart::{Worker, serve as serve_map};
pub use file::{Layout, parse_columns, parse_delimiter};
pub use indicatif::ProgressBar;
pub use settings::{Complete, Gone, ImportError, ImportSettings, Summary, parse_argument, progress_bar};

/// How many events are appended at a time.
const BATCH: usize = 5_000;
/// How many bytes of events are appended at a time.
const BATCH_BYTES: usize = 8 << 20;
/// How many events, and how many refusals, a dry run shows.
const SHOWN: usize = 5;

/// Writes a file's events into the log; done once all of them are in it, or once `stop` is cancelled and what was under way is in it.
/// A dry run writes nothing, and needs the log only to know what a complete file no longer has.
///
/// # Errors
/// The file, the map or the command line is not usable, the log did not take everything, or it was stopped. A refused row is no error.
pub async fn import(
    settings: ImportSettings,
    log: Option<Arc<dyn EventLog>>,
    progress: ProgressBar,
    stop: CancellationToken,
) -> Result<Summary, ImportError> {
    // The next batch is read while the log takes the one before.
    let (send, mut batches) = mpsc::channel::<Batch>(1);
    let (written, known) = if settings.dry_run { (None, log) } else { (log.clone(), log) };
    let reading = tokio::task::spawn_blocking(move || read(&settings, known.as_deref(), &progress, &send));
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
        if let Some(log) = &written
            && let Err(error) = log.append(batch.entries).await
        {
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

fn read(
    settings: &ImportSettings,
    log: Option<&dyn EventLog>,
    progress: &ProgressBar,
    batches: &mpsc::Sender<Batch>,
) -> Result<Summary, ImportError> {
    let path = &settings.file;
    let (kind, _) = FileKind::of(path)?;
    let code = match (kind, &settings.map) {
        (FileKind::Lines, None) => None,
        (FileKind::Lines, Some(_)) => {
            return Err(ImportError::Settings("a map is for tables; NDJSON is taken as it is, so leave --map out".into()));
        }
        (_, Some(map)) => Some((map, code(settings, map)?)),
        (_, None) => {
            let error = "a table needs a jq map that turns its rows into events: --map MAP.jq, such as examples/pipeline.jq";
            return Err(ImportError::Settings(error.into()));
        }
    };
    let opened = file::open(path, &settings.layout)?;
    progress.set_length(opened.length);
    let mut file_rows = opened.rows;
    let columns = file_rows.columns();
    let as_of = code.is_some().then(|| settings.as_of.unwrap_or(opened.modified_us));
    if let Some(as_of) = as_of {
        exported(as_of, (settings.now)(), settings.as_of.is_some())?;
    }
    let mut doubts = Vec::new();
    let mut mapper = match &code {
        None => Mapper::AsItIs,
        Some((path, code)) => {
            let wrong = |error: String| ImportError::Map { path: path.display().to_string(), error };
            let program = Program {
                code: code.clone(),
                file: settings.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
                as_of: as_of.unwrap_or_default(),
                arguments: settings.arguments.clone(),
            };
            let map = Map::compile(&program).map_err(wrong)?;
            doubts = missing::columns(code, &columns, &settings.arguments).map_err(wrong)?;
            match &settings.worker {
                Some(worker) => Mapper::apart(Apart::new(worker.clone(), program, &columns)?),
                None => Mapper::Here(Box::new(map), Arc::clone(&columns)),
            }
        }
    };
    let census = match (settings.complete, as_of) {
        (Some(complete), Some(as_of)) => Some(Census::new(complete.kind, as_of, log)?),
        (Some(_), None) => {
            return Err(ImportError::Settings(
                "--complete is for an export that a map reads: an NDJSON says itself what is deleted".into(),
            ));
        }
        (None, _) => None,
    };
    let mut taking = Taking {
        settings,
        columns: &columns,
        refused: if settings.dry_run {
            None
        } else {
            Some(Refused::new(refused::path(path)).map_err(|error| unwritable(&refused::path(path), error))?)
        },
        tally: Tally::of_rows(&settings.words, as_of),
        summary: Summary { as_of, ..Summary::default() },
        batch: Batch::default(),
        census,
    };
    let stop = || batches.is_closed();
    let mut mapped = Vec::new();
    loop {
        let row = file_rows.next()?;
        let last = row.is_none();
        match row {
            Some(row) => mapper.take(row, &stop, &mut mapped)?,
            None => mapper.finish(&stop, &mut mapped)?,
        }
        for done in mapped.drain(..) {
            taking.row(done)?;
            if taking.batch.is_full() && batches.blocking_send(taking.batch.take()).is_err() {
                // The log is away, or it is time to stop; whoever took the batches knows.
                return Ok(taking.summary);
            }
        }
        if last || stop() {
            break;
        }
        if taking.summary.rows.is_multiple_of(1_000) {
            progress.set_position(opened.read.load(Ordering::Relaxed));
            progress.set_message(format!("{}, {} refused", counted(taking.summary.rows, "row"), taking.summary.rejected));
        }
    }
    if !taking.batch.entries.is_empty() && batches.blocking_send(taking.batch.take()).is_err() {
        return Ok(taking.summary);
    }
    if stop() {
        return Ok(taking.summary);
    }
    taking.settle(log, batches)?;
    progress.finish_and_clear();
    taking.finish(doubts)
}

/// Whether an export can have been made then.
fn exported(as_of: i64, now_us: i64, given: bool) -> Result<(), ImportError> {
    use onpace_schemas::time::show_instant;
    if as_of <= now_us.saturating_add(onpace_schemas::MAX_AHEAD_US) && as_of >= 0 {
        return Ok(());
    }
    let whose = if given { "--as-of" } else { "the file was last written" };
    Err(ImportError::Settings(format!(
        "{whose} {}: no export was made then; it is {} here; say by --as-of when the file was exported",
        show_instant(as_of),
        show_instant(now_us)
    )))
}

/// Rows on their way into the log.
struct Taking<'a> {
    settings: &'a ImportSettings,
    columns: &'a [String],
    /// None of a dry run.
    refused: Option<Refused>,
    tally: Tally,
    summary: Summary,
    batch: Batch,
    census: Option<Census>,
}

impl Taking<'_> {
    fn row(&mut self, mapped: Mapped) -> Result<(), ImportError> {
        let Mapped { row, events: texts } = mapped;
        self.summary.rows += 1;
        let whole = |reason: String| Why { field: String::new(), reason };
        let now = (self.settings.now)();
        let read = texts.map_err(whole).and_then(|texts| {
            let events = texts.iter().map(|text| event(text, now)).collect::<Result<Vec<_>, Why>>()?;
            self.tally.see(&events);
            let noted = self.census.as_mut().map_or(Ok(()), |census| census.see(&events));
            Ok((noted, events.iter().map(entry::entry).collect::<Vec<Entry>>(), self.shown(&events)))
        });
        match read {
            Ok((noted, entries, _)) if entries.is_empty() => {
                noted?;
                self.summary.skipped += 1;
            }
            Ok((noted, entries, shown)) => {
                noted?;
                self.summary.accepted += 1;
                self.summary.shown.extend(shown);
                self.batch.add(entries);
            }
            Err(why) => self.refuse(row, &why)?,
        }
        Ok(())
    }

    /// The first events, of a dry run.
    fn shown(&self, events: &[Event<'_>]) -> Vec<String> {
        let room = if self.settings.dry_run { SHOWN.saturating_sub(self.summary.shown.len()) } else { 0 };
        events.iter().take(room).map(|event| json::write(event).to_string()).collect()
    }

    fn refuse(&mut self, row: Row, why: &Why) -> Result<(), ImportError> {
        self.summary.rejected += 1;
        match &mut self.refused {
            Some(refused) => {
                let (number, line) = (row.number, row.line);
                refused.add(number, line, shown(row, self.columns), why).map_err(|error| unwritable(refused.path(), error))?;
            }
            None if self.summary.rejected <= SHOWN as u64 => {
                let field = if why.field.is_empty() { String::new() } else { format!("{}: ", why.field) };
                self.summary.refusals.push(format!("row {}: {field}{}", row.number, why.reason));
            }
            None => {}
        }
        Ok(())
    }

    /// Deletes what a complete file no longer has.
    fn settle(&mut self, log: Option<&dyn EventLog>, batches: &mpsc::Sender<Batch>) -> Result<(), ImportError> {
        let (Some(census), Some(complete)) = (self.census.take(), self.settings.complete) else { return Ok(()) };
        if self.summary.rejected > 0 {
            self.summary.gone = Some(Gone { refused: true, ..Gone::default() });
            return Ok(());
        }
        let batch = &mut self.batch;
        let mut each = |entry: Entry| {
            batch.bytes += entry.value.len();
            batch.entries.push(entry);
            !batch.is_full() || batches.blocking_send(batch.take()).is_ok()
        };
        let gone = census.settle(log, complete.whatever_is_gone || self.settings.dry_run, &mut each)?;
        self.summary.gone = Some(gone);
        if !self.batch.entries.is_empty() {
            // Nobody takes it: then whoever took the others knows why.
            let _ = batches.blocking_send(self.batch.take());
        }
        Ok(())
    }

    fn finish(mut self, doubts: Vec<crate::doubts::Doubt>) -> Result<Summary, ImportError> {
        self.summary.doubts = doubts;
        self.summary.doubts.extend(self.tally.doubts(None));
        if let Some(refused) = self.refused {
            let path = refused.path().to_owned();
            self.summary.rejected_file = refused.finish().map_err(|error| unwritable(&path, error))?;
        }
        Ok(self.summary)
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> ImportError {
    ImportError::Rejected { path: path.display().to_string(), error }
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

/// The map's text, to which every argument that is given says something.
fn code(settings: &ImportSettings, path: &Path) -> Result<String, ImportError> {
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
    Ok(code)
}

fn event(text: &str, now_us: i64) -> Result<Event<'_>, Why> {
    json::read(text, now_us).map_err(|refusal| Why { field: refusal.field, reason: refusal.error })
}

/// A refused row as its file shows it.
fn shown(row: Row, columns: &[String]) -> Value {
    match row.content {
        Ok(Content::Json(text)) => serde_json::from_str(&text).unwrap_or_else(|_| text.chars().take(1_000).collect::<String>().into()),
        Ok(Content::Fields(values)) => Value::Object(columns.iter().cloned().zip(values.into_iter().map(Value::from)).collect()),
        Err((shown, _)) => shown.into(),
    }
}
