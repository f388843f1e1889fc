//! The demo's past: made up and written into the log in the background, folded meanwhile, and how far that has come.
//!
//! In: a simulation, a log. Out: its past in the log, then a floor that can go on live; lines on a terminal. Beside the log a file says what is being made up
//! until all of it is there: a demo that is ended meanwhile makes the same up again when it is started again, and what is in the log already counts once.
//! Never here: what happened in it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use onpace_producers::log::EventLog;
use onpace_producers::simulate::{Simulation, record};
use onpace_sinks::view::Past;
use tokio_util::sync::CancellationToken;

use crate::files;
use crate::say::say;

const NOTE: &str = "making-up.txt";
/// So many events are written at most before they are folded: so many the log's reader still finds in memory.
const AHEAD: u64 = 300_000;
/// How often a terminal is told, and how often anything else.
const TOLD: Duration = Duration::from_millis(200);
const TOLD_IN_LINES: Duration = Duration::from_secs(2);

/// What a past is made up from: the same makes the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What chance begins with.
    pub seed: u64,
    /// When it begins, in microseconds since 1970.
    pub start_us: i64,
}

/// What is noted in a folder while a past is made up there.
pub struct Note {
    file: PathBuf,
}

impl Note {
    /// That of a folder.
    pub fn of(folder: &Path) -> Note {
        Note { file: folder.join(NOTE) }
    }

    /// The past that somebody began to make up and didn't end.
    pub fn read(&self) -> Result<Option<Origin>> {
        let text = match std::fs::read_to_string(&self.file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("can't read {}", self.file.display()))?,
        };
        let numbers = text.trim().split_once(' ').and_then(|(seed, start)| Some((seed.parse().ok()?, start.parse().ok()?)));
        let (seed, start_us) = numbers
            .with_context(|| format!("{} is none of this demo's; name another folder with --data, or an empty one", self.file.display()))?;
        Ok(Some(Origin { seed, start_us }))
    }

    fn write(&self, origin: Origin) -> Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        files::write(folder, &[(self.file.clone(), &format!("{} {}\n", origin.seed, origin.start_us))])
    }

    fn remove(&self) -> Result<()> {
        std::fs::remove_file(&self.file).with_context(|| format!("can't remove {}", self.file.display()))
    }
}

/// A past to be made up.
pub struct Making {
    /// What happens in it.
    pub simulation: Simulation,
    /// What that is made from.
    pub origin: Origin,
    /// Where it ends: now, in microseconds since 1970.
    pub until_us: i64,
    /// Where it is noted.
    pub note: Note,
    /// To whom it is said how far it is; nothing is awaited where all of it is in the log already.
    pub past: Past,
}

impl Making {
    /// Makes the past up and writes it, on a thread of its own; then the floor goes on from there. `None` where it was stopped.
    pub fn start(self, log: Arc<dyn EventLog>, stop: CancellationToken) -> tokio::task::JoinHandle<Result<Option<Simulation>>> {
        let handle = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || handle.block_on(self.make(&*log, &stop)))
    }

    async fn make(mut self, log: &dyn EventLog, stop: &CancellationToken) -> Result<Option<Simulation>> {
        let Making { simulation, origin, until_us, note, past } = &mut self;
        if past.underway().is_none() {
            // An old floor goes on: what was made up before is in its log.
            simulation.history(*until_us).take_while(|_| !stop.is_cancelled()).for_each(drop);
            return Ok(Some(self.simulation).filter(|_| !stop.is_cancelled()));
        }
        note.write(*origin)?;
        let whole_us = (*until_us - origin.start_us).max(1);
        let mut told = |at_us: i64, events: u64| {
            past.written(((at_us - origin.start_us) * 100 / whole_us).clamp(0, 99) as u8, events);
            while past.ahead() > AHEAD && past.underway().is_some() && !stop.is_cancelled() {
                std::thread::sleep(Duration::from_millis(5));
            }
            !stop.is_cancelled()
        };
        let events = record(simulation, *until_us, log, &mut told).await?;
        if stop.is_cancelled() {
            return Ok(None);
        }
        past.is_written(events, log.ends()?);
        note.remove()?;
        Ok(Some(self.simulation))
    }
}

/// Says on the terminal how far a past has come, until it is folded or `stop` is cancelled.
pub async fn tell(past: Past, stop: CancellationToken) {
    let bar = if std::io::stderr().is_terminal() { bar() } else { ProgressBar::hidden() };
    let every = if bar.is_hidden() { TOLD_IN_LINES } else { TOLD };
    let (begun, mut told) = (Instant::now(), false);
    while let Some(underway) = past.underway().filter(|_| !stop.is_cancelled()) {
        bar.set_position(underway.percent().into());
        let line = underway.told();
        if bar.is_hidden() && told {
            say(format_args!("{line}"));
        }
        bar.set_message(line);
        told = true;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
    bar.finish_and_clear();
    if let Some(all) = past.counted().filter(|_| told && !stop.is_cancelled()) {
        say(format_args!("{all}, after {:.1} s: the numbers are whole.\n", begun.elapsed().as_secs_f64()));
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(100);
    match ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
