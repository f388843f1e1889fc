//! The configuration in force: read at the start, and again whenever its files change.
//!
//! ```text
//! roster.yaml, rates, objectives.yaml ─texts─► Evaluation ─now()─► every reader takes one, and works with it to the end
//! ```
//!
//! In: paths. Out: an [`Evaluation`] at any moment, and how the last reading of each file went. What always holds: at the start a broken
//! file is an error; later it is refused with its line, and what was in force stays. Never here: half of a change.

#[cfg(test)]
mod tests;
mod texts;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use onpace_kpis::{Catalogue, Roster};
use tokio_util::sync::CancellationToken;

use crate::evaluation::Evaluation;
use crate::view::now_ms;
use texts::{Good, Reader, Texts};

/// How often the files are looked at. A change is taken once two looks have seen the same, so that a file being written is not read half.
const EVERY: Duration = Duration::from_secs(1);
/// How long between two looks at the token.
const STEP: Duration = Duration::from_millis(100);

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
    now: RwLock<Arc<Evaluation>>,
    seen: Mutex<Seen>,
}

/// What the watcher knows.
#[derive(Debug)]
struct Seen {
    /// What is in force; `None` where nothing comes from files.
    good: Option<Good>,
    /// What was last tried.
    tried: Texts,
    /// What the last look saw.
    looked: Texts,
    /// When each file was last taken, milliseconds since 1970.
    roster_ms: i64,
    objectives_ms: i64,
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
        let catalogue = catalogue.into();
        let mut texts = Texts::read(&files, &Texts::default());
        let outcome = Reader { files: &files, catalogue: &catalogue, overrides: &overrides }.make(&mut texts, None);
        let good = match outcome.good {
            Some(good) if outcome.mistakes.is_empty() => good,
            _ => return Err(Broken(outcome.mistakes.join("\n"))),
        };
        let read = good.texts.read_from();
        let evaluation = Evaluation { catalogue, roster: good.roster.clone(), objectives: good.objectives.clone(), read, version: 0 };
        let now_ms = now_ms();
        let seen = Seen { good: Some(good), tried: texts.clone(), looked: texts, roster_ms: now_ms, objectives_ms: now_ms };
        Ok(Configuration::of(files, overrides, evaluation, seen))
    }

    /// A configuration that never changes.
    pub fn fixed(evaluation: Evaluation) -> Configuration {
        let seen = Seen { good: None, tried: Texts::default(), looked: Texts::default(), roster_ms: 0, objectives_ms: 0 };
        Configuration::of(Files::default(), Overrides::default(), evaluation, seen)
    }

    fn of(files: Files, overrides: Overrides, evaluation: Evaluation, seen: Seen) -> Configuration {
        Configuration { shared: Arc::new(Shared { files, overrides, now: RwLock::new(Arc::new(evaluation)), seen: Mutex::new(seen) }) }
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
        let seen = self.seen();
        let Some(good) = &seen.good else { return Vec::new() };
        let roster = self.shared.files.roster.is_some().then(|| Load {
            file: "roster",
            in_force: seen.tried.same_roster(&good.texts),
            since_ms: seen.roster_ms,
        });
        let objectives = self.shared.files.objectives.is_some().then(|| Load {
            file: "objectives",
            in_force: seen.tried.same_objectives(&good.texts),
            since_ms: seen.objectives_ms,
        });
        roster.into_iter().chain(objectives).collect()
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

    /// Looks at the files once; takes what two looks have seen and no reading has tried.
    fn look(&self) {
        let mut seen = self.seen();
        let mut texts = Texts::read(&self.shared.files, &seen.tried);
        let settled = texts == std::mem::replace(&mut seen.looked, texts.clone());
        if !settled || texts == seen.tried {
            return;
        }
        let before = self.now();
        let reader = Reader { files: &self.shared.files, catalogue: &before.catalogue, overrides: &self.shared.overrides };
        let outcome = reader.make(&mut texts, seen.good.as_ref());
        for mistake in &outcome.mistakes {
            tracing::error!("{mistake}; what was in force before stays");
        }
        seen.tried = texts.clone();
        seen.looked = texts;
        let Some(good) = outcome.good else { return };
        let now_ms = now_ms();
        let last = seen.good.replace(good.clone());
        if !last.as_ref().is_some_and(|last| last.texts.same_roster(&good.texts)) {
            seen.roster_ms = now_ms;
            tracing::info!(people = good.roster.people.len(), teams = good.roster.teams.len(), "the roster was read anew");
        }
        if !last.as_ref().is_some_and(|last| last.texts.same_objectives(&good.texts)) {
            seen.objectives_ms = now_ms;
            tracing::info!(objectives = good.objectives.len(), "the objectives were read anew");
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

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
