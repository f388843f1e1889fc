//! The configuration in force: read at the start, and again whenever its files change.
//!
//! ```text
//! roster.yaml, rates, objectives.yaml ─texts─► Evaluation ─now()─► every reader takes one, and works with it to the end
//! ```
//!
//! In: paths. Out: an [`Evaluation`] at any moment, and how the last reading of each file went. What always holds: at the start a broken
//! file is an error; later it is refused with its line, and what was in force stays; whoever asks what is in force waits for no file.
//! Never here: half of a change.

mod reading;
#[cfg(test)]
mod tests;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use onpace_kpis::{Catalogue, Roster};
use tokio_util::sync::CancellationToken;

use crate::evaluation::Evaluation;
use onpace_producers::log::now_ms;
use reading::{Reading, Text};
use texts::{Gone, Good, Look, Reader, Texts};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// A change is taken once so many more looks have seen the same, so that a file being written is not read half.
const QUIET: u32 = 2;
/// One that takes more people or objectives away than it leaves, once so many have: it looks like a file that is half written.
const QUIET_LONG: u32 = 60;
/// How long between two looks at the token.
const STEP: Duration = Duration::from_millis(100);

/// The files as metrics have them.
const ROSTER: &str = "roster";
const OBJECTIVES: &str = "objectives";

/// Where configuration is.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Who is who.
    pub roster: Option<PathBuf>,
    /// What is wanted.
    pub objectives: Option<PathBuf>,
}

/// What is said beside the roster, and wins over it.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The company's zone.
    pub zone: Option<TimeZone>,
    /// The day a week starts on.
    pub week_start: Option<Weekday>,
    /// The month a fiscal year starts in, 1 to 12.
    pub fiscal_month: Option<i8>,
}

impl Overrides {
    fn apply(&self, roster: &mut Roster) {
        if let Some(zone) = &self.zone {
            let before = std::mem::replace(&mut roster.schedule.zone, zone.clone());
            // Whoever lived in the company's zone still does.
            for person in roster.people.iter_mut().filter(|person| person.schedule.zone == before) {
                person.schedule.zone = zone.clone();
            }
        }
        roster.settings.week_start = self.week_start.unwrap_or(roster.settings.week_start);
        roster.settings.fiscal_month = self.fiscal_month.unwrap_or(roster.settings.fiscal_month);
    }
}

/// The configuration in force; cheap to clone.
#[derive(Clone, Debug)]
pub struct Configuration {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    files: Files,
    overrides: Overrides,
    reading: Reading,
    now: RwLock<Arc<Evaluation>>,
    loads: Mutex<Vec<Load>>,
    /// Held while files are read: only by who looks at them.
    seen: Mutex<Seen>,
}

/// What the watcher knows.
#[derive(Debug, Default)]
struct Seen {
    /// What is in force; `None` where nothing comes from files.
    good: Option<Good>,
    /// What was last tried.
    tried: Texts,
    /// What the last look saw.
    looked: Look,
    /// How many looks before it saw the same.
    quiet: u32,
    /// Whether a change that takes most away was told of, and waits.
    doubted: bool,
}

/// How the last reading of a file went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Which: `roster` or `objectives`.
    pub file: &'static str,
    /// Whether what it holds is in force.
    pub in_force: bool,
    /// When what is in force was taken, milliseconds since 1970.
    pub since_ms: i64,
}

/// A file of configuration is broken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

impl Configuration {
    /// Reads the files.
    ///
    /// # Errors
    /// The first mistake, with its file, line and cure.
    pub fn read(catalogue: impl Into<Arc<Catalogue>>, files: Files, overrides: Overrides) -> Result<Configuration, Broken> {
        let (catalogue, reading) = (catalogue.into(), Reading::default());
        let mut looked = Look::at(&files, &Texts::default(), &reading);
        let reader = Reader { files: &files, catalogue: &catalogue, overrides: &overrides, reading: &reading };
        let outcome = reader.make(&mut looked.texts, None);
        let good = match outcome.good {
            Some(good) if outcome.mistakes.is_empty() => good,
            _ => return Err(Broken(outcome.mistakes.join("\n"))),
        };
        let read = good.texts.read_from();
        let evaluation = Evaluation { catalogue, roster: good.roster.clone(), objectives: good.objectives.clone(), read, version: 0 };
        let since_ms = now_ms();
        let load = |file| Load { file, in_force: true, since_ms };
        let loads = [files.roster.is_some().then(|| load(ROSTER)), files.objectives.is_some().then(|| load(OBJECTIVES))];
        let seen = Seen { good: Some(good), tried: looked.texts.clone(), looked, ..Seen::default() };
        let configuration = Configuration::of(files, overrides, evaluation, seen);
        configuration.shared.loads().extend(loads.into_iter().flatten());
        Ok(configuration)
    }

    /// A configuration that never changes.
    pub fn fixed(evaluation: Evaluation) -> Configuration {
        Configuration::of(Files::default(), Overrides::default(), evaluation, Seen::default())
    }

    fn of(files: Files, overrides: Overrides, evaluation: Evaluation, seen: Seen) -> Configuration {
        let (now, seen) = (RwLock::new(Arc::new(evaluation)), Mutex::new(seen));
        Configuration { shared: Arc::new(Shared { files, overrides, reading: Reading::default(), now, loads: Mutex::default(), seen }) }
    }

    /// What is in force now. Take it once and work with it to the end: the next call may give another.
    pub fn now(&self) -> Arc<Evaluation> {
        self.shared.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where its files are.
    pub fn files(&self) -> &Files {
        &self.shared.files
    }

    /// How the last reading of each file went.
    pub fn loads(&self) -> Vec<Load> {
        self.shared.loads().clone()
    }

    /// Looks at the files every second on a thread of its own until `stop` is cancelled, and takes what has changed.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn watch(&self, stop: CancellationToken) -> std::io::Result<()> {
        if self.shared.files.roster.is_none() && self.shared.files.objectives.is_none() {
            return Ok(());
        }
        let watched = self.clone();
        std::thread::Builder::new().name("configuration".into()).spawn(move || {
            let mut waited = Duration::ZERO;
            while !stop.is_cancelled() {
                std::thread::sleep(STEP);
                waited += STEP;
                if waited >= EVERY {
                    waited = Duration::ZERO;
                    watched.look();
                }
            }
        })?;
        Ok(())
    }

    /// Looks at the files once; takes what looks have seen for long enough and no reading has tried.
    fn look(&self) {
        let shared = &*self.shared;
        let mut seen = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let look = Look::at(&shared.files, &seen.tried, &shared.reading);
        seen.quiet = if look == seen.looked { seen.quiet.saturating_add(1) } else { 0 };
        let mut texts = look.texts.clone();
        seen.looked = look;
        if texts == seen.tried {
            if std::mem::take(&mut seen.doubted) {
                tracing::info!("roster and objectives are what they were");
                shared.judge(&seen);
            }
            return;
        }
        if seen.quiet < QUIET {
            return;
        }
        let before = self.now();
        let reader = Reader { files: &shared.files, catalogue: &before.catalogue, overrides: &shared.overrides, reading: &shared.reading };
        let outcome = reader.make(&mut texts, seen.good.as_ref());
        let gone = outcome.good.as_ref().zip(seen.good.as_ref()).map(|(good, last)| Gone::between(last, good)).unwrap_or_default();
        if gone.most() && seen.quiet < QUIET_LONG {
            if !std::mem::replace(&mut seen.doubted, true) {
                tracing::warn!(
                    "{}; this may be a file that is half written: it is taken once it has stayed so for a minute, what was in force before \
                     stays until then",
                    gone.words().unwrap_or_default()
                );
                shared.judge(&seen);
            }
            return;
        }
        seen.doubted = false;
        for mistake in &outcome.mistakes {
            tracing::error!("{mistake}; what was in force before stays");
        }
        seen.tried = texts.clone();
        seen.looked.texts = texts;
        if let Some(good) = outcome.good {
            self.take(&mut seen, good, &gone);
        }
        shared.judge(&seen);
    }

    /// Puts roster and objectives in force.
    fn take(&self, seen: &mut Seen, good: Good, gone: &Gone) {
        let before = self.now();
        let last = seen.good.replace(good.clone());
        let mut loads = self.shared.loads();
        let mut read_anew = |file| loads.iter_mut().filter(|load| load.file == file).for_each(|load| load.since_ms = now_ms());
        if !last.as_ref().is_some_and(|last| last.texts.same_roster(&good.texts)) {
            read_anew(ROSTER);
            tracing::info!(people = good.roster.people.len(), teams = good.roster.teams.len(), "the roster was read anew");
        }
        if !last.as_ref().is_some_and(|last| last.texts.same_objectives(&good.texts)) {
            read_anew(OBJECTIVES);
            tracing::info!(objectives = good.objectives.len(), "the objectives were read anew");
        }
        drop(loads);
        if let Some(words) = gone.words() {
            tracing::warn!("{words}");
        }
        let evaluation = Evaluation {
            catalogue: Arc::clone(&before.catalogue),
            roster: good.roster,
            objectives: good.objectives,
            read: good.texts.read_from(),
            version: before.version + 1,
        };
        *self.shared.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(evaluation);
    }
}

impl Shared {
    fn loads(&self) -> MutexGuard<'_, Vec<Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether what each file holds is in force.
    fn judge(&self, seen: &Seen) {
        let Some(good) = &seen.good else { return };
        let held = if seen.doubted { &seen.looked.texts } else { &seen.tried };
        for load in self.loads().iter_mut() {
            load.in_force = if load.file == ROSTER { held.same_roster(&good.texts) } else { held.same_objectives(&good.texts) };
        }
    }
}

/// A file's text: of a regular file of a sensible size, within seconds.
///
/// # Errors
/// Why there is none.
pub fn text(path: &Path) -> Text {
    Reading::default().text(path).0
}
