//! `/metrics`: KPIs worked out at most one tick ago, and what the pipeline says of itself.
//!
//! In: a view, a registry. Out: a page in either format. One thread works the KPIs out anew when a counter changed or a
//! slot ended, objectives also as time goes by, and never more than half the time; a scrape joins what is ready.
//! What always holds: while the store is away, or its numbers are not whole, or nobody has looked for changes for [`OLD_MS`], no KPI is on the
//! page; of a metric and window that are on it no rep is missing. Never here: an old KPI served as fresh; an "all" row among leaf rows.

mod above;
mod bests;
mod budget;
mod converted;
pub mod exposition;
mod kpis;
mod leaves;
pub mod objectives;
pub mod pipeline;
mod round;
mod said;
#[cfg(test)]
mod tests;
mod who;

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use onpace_kpis::objective::Completeness;
use onpace_kpis::slot::round_up;
use onpace_kpis::{Catalogue, Tally, Window};
use onpace_metrics::table;
use prometheus::{Histogram, Registry};
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::evaluation::Evaluation;
use crate::health::Health;
use crate::view::{State, View, now_ms};
use exposition::{Family, Finished, Format, Page};
use said::{Said, Told};

/// The longest that values on the page may lag behind the view, unless working them out takes longer.
const TICK: Duration = Duration::from_secs(1);
/// How objectives stand is worked out anew so often, even if nothing happened: what is expected by now grows with time alone.
const OBJECTIVES_MS: i64 = 10_000;
/// The shortest time between two rounds.
const SHORTEST: Duration = Duration::from_millis(200);
/// Figures of counters that are older than this are not shown, however they came to be: milliseconds.
const OLD_MS: i64 = 60_000;
/// A thread that makes no round for so long is stuck: milliseconds.
const STUCK_MS: i64 = 300_000;

/// The windows that reps and teams have on the page unless it is said otherwise, in the order in which they stay where there is too little room.
pub const WINDOWS: [Window; 10] = [
    Window::Today,
    Window::Week,
    Window::Month,
    Window::Quarter,
    Window::Year,
    Window::Yesterday,
    Window::LastWeek,
    Window::LastMonth,
    Window::LastQuarter,
    Window::LastYear,
];

/// How the page is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// At most so many series of KPIs by rep and team; past it whole windows go, then whole metrics.
    pub series: usize,
    /// The windows, in the order in which they stay; `None`: those that a user's own catalogue lists, else [`WINDOWS`].
    pub windows: Option<Vec<Window>>,
}

impl Settings {
    /// As many series as 500 reps with three currencies have, and the half again.
    pub const SERIES: usize = 500_000;

    /// The windows by a catalogue.
    pub fn windows(&self, catalogue: &Catalogue) -> Vec<Window> {
        let usual = || if catalogue.own_windows { catalogue.windows.clone() } else { WINDOWS.to_vec() };
        self.windows.clone().unwrap_or_else(usual)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings { series: Settings::SERIES, windows: None }
    }
}

/// What would be on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// How many series of KPIs by rep and team.
    pub series: usize,
    /// What is missing that should be there, in words.
    pub wrong: Vec<String>,
    /// What else is worth knowing, in words.
    pub notes: Vec<String>,
}

/// What would be on the page of a process with these counters at an instant, microseconds since 1970.
pub fn page(tally: &Tally, evaluation: &Evaluation, at_us: i64, settings: &Settings) -> Outline {
    let windows = settings.windows(&evaluation.catalogue);
    let kpis = kpis::of(tally, evaluation, at_us, &windows, settings.series);
    Said::of(&kpis, tally, evaluation, settings.series).outline()
}

/// The metrics of a process with a view; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    view: View,
    configuration: Configuration,
    registry: Registry,
    settings: Settings,
    ready: Mutex<Option<Ready>>,
    /// When the rounds were last seen at work, milliseconds since 1970.
    step_ms: AtomicI64,
    event_to_metric: Histogram,
    round: Histogram,
}

/// What is worked out.
#[derive(Clone)]
struct Ready {
    /// When the counters were taken that it is worked out from, or last seen not to have changed: milliseconds since 1970.
    of_ms: i64,
    kpis: Arc<Vec<Finished>>,
    objectives: Arc<Vec<Finished>>,
    said: Arc<Said>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

/// What the last round left.
#[derive(Default)]
struct Last {
    basis: Option<Basis>,
    /// Personal bests, with what they depend on but for the counters: theirs are of days that are over, so once a slot is enough.
    bests: Option<((u64, i64), Family)>,
    told: Told,
}

/// What a round's values depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Basis {
    version: u64,
    configured: u64,
    end_us: i64,
    /// Which objectives can be judged by it; like what follows, no KPI depends on it.
    completeness: Completeness,
    /// The stretch of [`OBJECTIVES_MS`]; always the same where there are no objectives.
    moment: i64,
}

impl Metrics {
    /// Works out the KPIs of a view on a thread of its own until `stop` is cancelled. The process's own metrics come from
    /// `registry`, into which this registers some too.
    ///
    /// # Errors
    /// They are registered there already, or the thread can't be started.
    pub fn start(
        view: View,
        configuration: Configuration,
        registry: Registry,
        settings: Settings,
        stop: CancellationToken,
    ) -> Result<Metrics, MetricsError> {
        let metrics = Metrics::new(view, configuration, registry, settings)?;
        let ticking = metrics.clone();
        std::thread::Builder::new().name("metrics".into()).spawn(move || ticking.run(&stop))?;
        Ok(metrics)
    }

    /// Metrics after one round, for tests.
    #[cfg(test)]
    pub(crate) fn once(view: View, configuration: Configuration, registry: Registry) -> Result<Metrics, MetricsError> {
        let metrics = Metrics::new(view, configuration, registry, Settings::default())?;
        metrics.round(&mut Last::default(), now_ms());
        Ok(metrics)
    }

    fn new(view: View, configuration: Configuration, registry: Registry, settings: Settings) -> Result<Metrics, MetricsError> {
        let event_to_metric = table::EVENT_TO_METRIC.histogram(&[0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 15.0, 60.0])?;
        let round = table::KPI_ROUND_DURATION.histogram(&[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0])?;
        registry.register(Box::new(event_to_metric.clone()))?;
        registry.register(Box::new(round.clone()))?;
        let step_ms = AtomicI64::new(now_ms());
        let (ready, settings) = (Mutex::default(), settings);
        Ok(Metrics { inner: Arc::new(Inner { view, configuration, registry, settings, ready, step_ms, event_to_metric, round }) })
    }

    /// The view that the KPIs come from.
    pub fn view(&self) -> &View {
        &self.inner.view
    }

    /// What the KPIs are worked out by.
    pub fn configuration(&self) -> &Configuration {
        &self.inner.configuration
    }

    /// How the process is: alive while the view and the rounds make progress, ready once the next scrape has the numbers.
    pub fn health(&self) -> Health {
        let (live, ready) = (self.clone(), self.clone());
        Health::new(move || live.live(now_ms()), move || ready.ready(now_ms()))
    }

    fn live(&self, now_ms: i64) -> Result<String, String> {
        let silent_ms = now_ms - self.inner.step_ms.load(Ordering::Relaxed);
        if silent_ms > STUCK_MS {
            return Err(format!("the metrics page has been worked out for {} s and is not done", silent_ms / 1000));
        }
        self.inner.view.live()
    }

    fn ready(&self, now_ms: i64) -> Result<String, String> {
        let whole = self.inner.view.ready()?;
        match self.worked_out().clone() {
            None => Err(format!("{whole}; the metrics page is being worked out")),
            Some(ready) if now_ms - ready.of_ms > OLD_MS => {
                Err(format!("{whole}; the metrics page was last worked out {} s ago and shows no KPI", (now_ms - ready.of_ms) / 1000))
            }
            Some(ready) => Ok(std::iter::once(whole).chain(ready.said.words()).collect::<Vec<_>>().join("; ")),
        }
    }

    /// The page as it is now.
    pub fn page(&self, format: Format) -> Page {
        let inner = &self.inner;
        let mut own = pipeline::families(&inner.registry);
        let (known, now_ms) = (inner.view.known(), now_ms());
        // A process that also folds says some of it itself.
        let said: Vec<String> = own.iter().map(|family| family.name().to_owned()).collect();
        own.extend(pipeline::standing(&known, now_ms).into_iter().filter(|family| !said.iter().any(|name| name == family.name())));
        own.push(pipeline::build_info());
        own.extend(pipeline::configuration(&inner.configuration.loads()));
        let standing = known.standing(now_ms);
        if standing.whole {
            own.extend(pipeline::sources(&known, &inner.configuration.now().roster, now_ms));
        }
        let ready = self.worked_out().clone();
        if let Some(ready) = &ready {
            own.push(pipeline::rounded(ready.of_ms));
        }
        let shown = ready.filter(|ready| shows(&standing) && now_ms - ready.of_ms <= OLD_MS);
        if let Some(ready) = &shown {
            own.extend(ready.said.families());
        }
        let own: Vec<Finished> = own.into_iter().map(Finished::from).collect();
        let kpis = shown.iter().flat_map(|ready| ready.kpis.iter().chain(&*ready.objectives));
        Page::of(kpis.chain(&own), format)
    }

    fn worked_out(&self) -> std::sync::MutexGuard<'_, Option<Ready>> {
        self.inner.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, stop: &CancellationToken) {
        let mut last = Last::default();
        while !stop.is_cancelled() {
            let began = Instant::now();
            self.round(&mut last, now_ms());
            let took = began.elapsed();
            std::thread::sleep((4 * took).clamp(SHORTEST, TICK).max(took));
        }
    }

    /// Works the KPIs out if anything they depend on changed; whether it did.
    fn round(&self, last: &mut Last, now_ms: i64) -> bool {
        let inner = &self.inner;
        inner.step_ms.store(now_ms, Ordering::Relaxed);
        let arrived = inner.view.take_arrivals();
        let began = Instant::now();
        let picture = inner.view.read();
        if !shows(&picture.known.standing(now_ms)) {
            last.basis = None;
            *self.worked_out() = None;
            return false;
        }
        let at_us = now_ms * 1000;
        let evaluation = inner.configuration.now();
        let completeness = picture.known.completeness(&evaluation.roster, at_us, now_ms);
        let now = Basis {
            version: picture.version,
            configured: evaluation.version,
            end_us: round_up(at_us),
            completeness: completeness.clone(),
            moment: if evaluation.objectives.is_empty() { 0 } else { now_ms / OBJECTIVES_MS },
        };
        let before = last.basis.replace(now.clone());
        let known = self.worked_out().clone();
        let changed = match known.filter(|_| before.is_some()) {
            Some(mut known) if before.as_ref() == Some(&now) => {
                known.of_ms = now_ms;
                *self.worked_out() = Some(known);
                false
            }
            known => {
                let of_kpis = |basis: &Basis| (basis.version, basis.configured, basis.end_us);
                let same = before.is_some_and(|before| of_kpis(&before) == of_kpis(&now));
                let (kpis, said) = match known.filter(|_| same) {
                    Some(known) => (known.kpis, known.said),
                    None => {
                        let windows = inner.settings.windows(&evaluation.catalogue);
                        let kpis = kpis::of(&picture.tally, &evaluation, at_us, &windows, inner.settings.series);
                        let said = Said::of(&kpis, &picture.tally, &evaluation, inner.settings.series);
                        (Arc::new(kpis.families.into_iter().map(Finished::from).collect()), Arc::new(said))
                    }
                };
                let standings = evaluation.standings(&picture.tally, at_us, &completeness);
                let mut objectives = objectives::families(&standings.rows, &evaluation);
                let of = (now.configured, now.end_us);
                let bests = match last.bests.take().filter(|(known, _)| *known == of) {
                    Some((_, known)) => known,
                    None => bests::family(&picture.tally, &evaluation, at_us),
                };
                objectives.push(bests.clone());
                last.bests = Some((of, bests));
                last.told.tell(&said);
                let objectives = Arc::new(objectives.into_iter().map(Finished::from).collect());
                *self.worked_out() = Some(Ready { of_ms: now_ms, kpis, objectives, said });
                inner.round.observe(began.elapsed().as_secs_f64());
                true
            }
        };
        let counted_ms = crate::view::now_ms();
        for recorded_ms in arrived {
            inner.event_to_metric.observe((counted_ms - recorded_ms).max(0) as f64 / 1000.0);
        }
        changed
    }
}

/// Whether KPIs are shown to machines: only whole numbers of a store that answers.
fn shows(standing: &crate::view::Standing) -> bool {
    standing.whole && standing.state != State::StoreAway
}

/// Why the metrics can't be started.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The registry holds them already.
    #[error("the metrics can't be registered: {0}")]
    Registry(#[from] prometheus::Error),
    /// No thread.
    #[error("the thread that works out the metrics can't be started: {0}")]
    Thread(#[from] std::io::Error),
}
