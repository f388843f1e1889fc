//! How a process serves a store, noted in the store: zone, week, fiscal year and files, so that whoever asks the same store elsewhere can
//! answer alike, or say in what it differs.
//!
//! ```text
//! configuration ─note, every 10 s─► store ─known─► a command on a terminal; another process that serves differently
//! ```
//!
//! In: the configuration in force. Out: [`ServedAs`], and a warning where two processes serve one store differently. What always holds: a
//! process that ended is not taken for one that serves. Never here: a number; what a command makes of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use onpace_processors::store::{KpiStore, StoreError};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::evaluation::Evaluation;
use crate::view::now_ms;

/// How often a process says that it serves.
const AGAIN: Duration = Duration::from_secs(10);
/// Who has said so within so many milliseconds serves.
const LIVE_MS: i64 = 30_000;
/// How long between two looks at the token.
const STEP: Duration = Duration::from_millis(100);
/// How long the last note may take.
const LAST: Duration = Duration::from_secs(2);

/// How a process serves a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedAs {
    /// Which command it is: `sink`, `up`, `demo`.
    pub command: String,
    /// The machine it runs on.
    pub host: String,
    /// Its number there.
    pub process: u32,
    /// When it began, milliseconds since 1970.
    pub since_ms: i64,
    /// The company's time zone.
    pub time_zone: String,
    /// The day a week starts on.
    pub week_starts: String,
    /// The month a fiscal year starts in.
    pub fiscal_year_starts: i8,
    /// The user's own catalogue; the digest is of all definitions.
    pub catalogue: Source,
    /// The roster.
    pub roster: Source,
    /// The objectives.
    pub objectives: Source,
    /// All of it as a digest; see [`Evaluation::configuration`].
    pub configuration: String,
}

/// A file of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is on that machine; `None` where there is none.
    pub path: Option<PathBuf>,
    /// A digest of what is in force of it.
    pub digest: String,
}

/// Whoever serves a store, or served it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// How.
    pub served: ServedAs,
    /// How long ago it said so, in seconds.
    pub age_s: i64,
    /// Whether it serves still, as far as is known.
    pub live: bool,
}

impl ServedAs {
    /// How this process serves.
    pub fn now(command: &str, evaluation: &Evaluation, catalogue: Option<&Path>, configuration: &Configuration, since_ms: i64) -> ServedAs {
        let files = configuration.files();
        let path = |path: Option<&Path>| path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let digest = |read: &Option<String>| read.clone().unwrap_or_default();
        ServedAs {
            command: command.to_owned(),
            host: host(),
            process: std::process::id(),
            since_ms,
            time_zone: evaluation.zone().to_owned(),
            week_starts: format!("{:?}", evaluation.roster.settings.week_start).to_lowercase(),
            fiscal_year_starts: evaluation.roster.settings.fiscal_month,
            catalogue: Source { path: path(catalogue), digest: evaluation.definitions() },
            roster: Source { path: path(files.roster.as_deref()), digest: digest(&evaluation.read.roster) },
            objectives: Source { path: path(files.objectives.as_deref()), digest: digest(&evaluation.read.objectives) },
            configuration: evaluation.configuration(),
        }
    }

    /// In what it differs from another, each as what is there and what is here.
    pub fn differences(&self, here: &ServedAs) -> Vec<String> {
        let mut all = Vec::new();
        let mut say = |what: &str, there: String, here: String| {
            if there != here {
                all.push(format!("{what} {there}, here {here}"));
            }
        };
        say("time zone", self.time_zone.clone(), here.time_zone.clone());
        say("weeks start on", self.week_starts.clone(), here.week_starts.clone());
        say("fiscal years start in month", self.fiscal_year_starts.to_string(), here.fiscal_year_starts.to_string());
        for (what, there, here) in [
            ("catalogue", &self.catalogue, &here.catalogue),
            ("roster", &self.roster, &here.roster),
            ("objectives", &self.objectives, &here.objectives),
        ] {
            let name = |source: &Source| source.path.as_ref().map_or_else(|| "none".to_owned(), |path| path.display().to_string());
            if there.digest == here.digest {
                continue;
            }
            match (name(there), name(here)) {
                (there, here) if there == here => all.push(format!("{what} {there}, which says something else here")),
                (there, here) => all.push(format!("{what} {there}, here {here}")),
            }
        }
        all
    }
}

impl std::fmt::Display for ServedAs {
    /// `sink on paris-1 (process 4711)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {} (process {})", self.command, self.host, self.process)
    }
}

/// What the machine is called, if that is text.
pub fn machine() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn host() -> String {
    machine().unwrap_or_else(|| "this machine".to_owned())
}

/// Whoever serves a store, the one that began last first; then whoever served it, the last first.
///
/// # Errors
/// The store is away.
pub fn known(store: &dyn KpiStore) -> Result<Vec<Known>, StoreError> {
    let mut all: Vec<Known> = store
        .serving()?
        .into_iter()
        // What another release wrote is none of ours.
        .filter_map(|one| {
            let served = serde_json::from_str(&one.words).ok()?;
            Some(Known { served, age_s: one.age_ms / 1_000, live: !one.ended && one.age_ms < LIVE_MS })
        })
        .collect();
    all.sort_by_key(|one| (!one.live, if one.live { -one.served.since_ms } else { one.age_s }, one.served.process));
    Ok(all)
}

/// A process's note that it serves.
#[must_use = "it says when serving ends"]
#[derive(Debug)]
pub struct Note {
    ended: mpsc::Receiver<()>,
}

impl Note {
    /// Waits until it is noted that this process ended, but not for long. To be called once `stop` is cancelled.
    pub fn end(self) {
        let _ = self.ended.recv_timeout(LAST);
    }
}

/// Notes how this process serves, on a thread of its own until `stop` is cancelled, and warns while another serves the store differently.
///
/// # Errors
/// The thread can't be started.
pub fn start(
    store: Arc<dyn KpiStore>,
    configuration: Configuration,
    command: &'static str,
    catalogue: Option<PathBuf>,
    stop: CancellationToken,
) -> std::io::Result<Note> {
    let (done, ended) = mpsc::channel();
    let mut noting = Noting::new(store, configuration, command, catalogue);
    std::thread::Builder::new().name("serving".into()).spawn(move || {
        let mut next = Instant::now();
        while !stop.is_cancelled() {
            if Instant::now() >= next || noting.has_changed() {
                if let Err(error) = noting.round() {
                    tracing::debug!(%error, "how this process serves could not be noted; trying again");
                }
                next = Instant::now() + AGAIN;
            }
            std::thread::sleep(STEP);
        }
        noting.end();
        let _ = done.send(());
    })?;
    Ok(Note { ended })
}

struct Noting {
    store: Arc<dyn KpiStore>,
    configuration: Configuration,
    command: &'static str,
    catalogue: Option<PathBuf>,
    holder: String,
    since_ms: i64,
    /// The version of the configuration that was noted last, and its words.
    noted: Option<(u64, String)>,
    /// Who served differently at the last look, and whether that was told.
    other: Option<String>,
    told: bool,
}

impl Noting {
    fn new(store: Arc<dyn KpiStore>, configuration: Configuration, command: &'static str, catalogue: Option<PathBuf>) -> Noting {
        let since_ms = now_ms();
        let holder = format!("{}-{}-{since_ms}", host(), std::process::id());
        Noting { store, configuration, command, catalogue, holder, since_ms, noted: None, other: None, told: false }
    }

    fn has_changed(&self) -> bool {
        self.noted.as_ref().is_some_and(|(version, _)| *version != self.configuration.now().version)
    }

    fn round(&mut self) -> Result<(), StoreError> {
        let evaluation = self.configuration.now();
        let here = ServedAs::now(self.command, &evaluation, self.catalogue.as_deref(), &self.configuration, self.since_ms);
        let words = serde_json::to_string(&here).unwrap_or_default();
        self.noted = Some((evaluation.version, words.clone()));
        self.store.serve(&self.holder, &words, false)?;
        let others: Vec<String> = known(&*self.store)?
            .into_iter()
            .filter(|one| one.live && one.served.configuration != here.configuration)
            .map(|one| format!("{}: {}", one.served, one.served.differences(&here).join("; ")))
            .collect();
        self.look(&others);
        Ok(())
    }

    /// Warns at the second look that sees others, for one look may fall between two processes taking up one change of a file.
    fn look(&mut self, others: &[String]) {
        if others.is_empty() {
            if std::mem::take(&mut self.told) {
                tracing::info!("all processes that serve this store do so with one configuration again");
            }
            self.other = None;
            return;
        }
        let now = others.join(" · ");
        if self.other.as_ref() == Some(&now) && !self.told {
            self.told = true;
            tracing::warn!(
                "{} serving this store with another configuration, so the same question has two answers: {now}; give all the same files and flags",
                if others.len() == 1 { "another process is".to_owned() } else { format!("{} others are", others.len()) }
            );
        } else if self.other.as_ref() != Some(&now) {
            self.told = false;
        }
        self.other = Some(now);
    }

    fn end(&mut self) {
        if let Some((_, words)) = &self.noted
            && let Err(error) = self.store.serve(&self.holder, words, true)
        {
            tracing::debug!(%error, "that this process ended could not be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_processors::store::MemoryStore;

    use super::*;
    use crate::fixture::{evaluation, with_roster};

    fn noting(store: &MemoryStore, evaluation: Evaluation) -> Noting {
        Noting::new(Arc::new(store.clone()), Configuration::fixed(evaluation), "sink", Some("own.yaml".into()))
    }

    #[test]
    fn whoever_serves_is_known_and_whoever_ended_last_is_remembered() {
        let store = MemoryStore::default();
        let mut one = noting(&store, with_roster("time_zone: Europe/Paris\nweek_starts: sunday\n"));
        one.round().unwrap();
        let known_now = known(&store).unwrap();
        let served = &known_now[0].served;
        assert!(known_now.len() == 1 && known_now[0].live);
        assert_eq!((&*served.time_zone, &*served.week_starts, served.fiscal_year_starts), ("Europe/Paris", "sunday", 1));
        assert!(served.catalogue.path.as_ref().unwrap().is_absolute() && served.roster.path.is_none());
        one.end();
        assert!(!known(&store).unwrap()[0].live);
        store.serve("other release", "not ours", false).unwrap();
        assert_eq!(known(&store).unwrap(), [], "and it ended");
    }

    #[test]
    fn two_that_serve_differently_say_in_what() {
        let store = MemoryStore::default();
        let (mut paris, mut utc) = (noting(&store, with_roster("time_zone: Europe/Paris\n")), noting(&store, evaluation()));
        (paris.holder, utc.holder) = ("paris".into(), "utc".into());
        paris.round().unwrap();
        utc.round().unwrap();
        assert!(utc.other.as_ref().unwrap().contains("time zone Europe/Paris, here UTC"), "{:?}", utc.other);
        assert!(!utc.told, "once may be chance");
        utc.round().unwrap();
        assert!(utc.told);
        paris.end();
        utc.round().unwrap();
        assert_eq!((utc.told, utc.other), (false, None));
    }

    #[test]
    fn what_numbers_depend_on_makes_the_configuration_and_nothing_else_does() {
        let base = evaluation();
        assert_eq!(base.configuration(), evaluation().configuration());
        let mut other = evaluation();
        other.version = 7;
        assert_eq!(other.configuration(), base.configuration());
        other.read.roster = Some("x".into());
        assert_ne!(other.configuration(), base.configuration());
        assert_ne!(with_roster("time_zone: Europe/Paris\n").configuration(), base.configuration());
        assert_ne!(with_roster("time_zone: UTC\nfiscal_year_starts: april\n").configuration(), base.configuration());
        let own = onpace_kpis::Catalogue::built_in()
            .unwrap()
            .with("kpis:\n  both: { formula: calls_made + calls_received, unit: count, en: Both, fr: Deux }\n")
            .unwrap();
        assert_ne!(Evaluation::new(own, base.roster.clone()).configuration(), base.configuration());
    }
}
