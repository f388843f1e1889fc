//! `/metrics`: KPIs worked out at most one tick ago, and what the pipeline says of itself.
//!
//! In: a view, a registry. Out: a page in either format. One thread works the KPIs out anew when a counter changed or a
//! slot ended, objectives also as time goes by, and never more than half the time; a scrape joins what is ready.
//! What always holds: while the store is away or its numbers are not whole, no KPI is on the page.
//! Never here: an old KPI served as fresh; an "all" row among leaf rows.

mod bests;
pub mod exposition;
mod kpis;
mod leaves;
pub mod objectives;
pub mod pipeline;
mod who;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use onpace_kpis::objective::Completeness;
use onpace_kpis::slot::round_up;
use prometheus::{Histogram, HistogramOpts, Registry};
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::view::{State, View, now_ms};
use exposition::{Family, Format, page};

/// The longest that values on the page may lag behind the view, unless working them out takes longer.
const TICK: Duration = Duration::from_secs(1);
/// How objectives stand is worked out anew so often, even if nothing happened: what is expected by now grows with time alone.
const OBJECTIVES_MS: i64 = 10_000;
/// The shortest time between two rounds.
const SHORTEST: Duration = Duration::from_millis(200);

/// How the page is made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// At most so many series to a metric; what is beyond is dropped, and counted in `onpace_series_dropped`.
    pub series_per_metric: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { series_per_metric: 10_000 }
    }
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
    ready: Mutex<Ready>,
    event_to_metric: Histogram,
    round: Histogram,
}

/// What is worked out.
#[derive(Clone, Default)]
struct Ready {
    kpis: Arc<Vec<Family>>,
    objectives: Arc<Vec<Family>>,
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
        let waits = vec![0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 15.0, 60.0];
        let event_to_metric = Histogram::with_opts(
            HistogramOpts::new(
                "onpace_event_to_metric_seconds",
                "Time from recording an event or heartbeat to its being counted on the metrics page",
            )
            .buckets(waits),
        )?;
        let rounds = vec![0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
        let round = Histogram::with_opts(
            HistogramOpts::new("onpace_kpi_round_duration_seconds", "Time to work out every KPI of the metrics page anew").buckets(rounds),
        )?;
        registry.register(Box::new(event_to_metric.clone()))?;
        registry.register(Box::new(round.clone()))?;
        Ok(Metrics { inner: Arc::new(Inner { view, configuration, registry, settings, ready: Mutex::default(), event_to_metric, round }) })
    }

    /// The view that the KPIs come from.
    pub fn view(&self) -> &View {
        &self.inner.view
    }

    /// What the KPIs are worked out by.
    pub fn configuration(&self) -> &Configuration {
        &self.inner.configuration
    }

    /// The page as it is now.
    pub fn page(&self, format: Format) -> String {
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
        let ready = if shows(&standing) { self.ready().clone() } else { Ready::default() };
        page(ready.kpis.iter().chain(&*ready.objectives).chain(&own), format)
    }

    fn ready(&self) -> std::sync::MutexGuard<'_, Ready> {
        self.inner.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, stop: &CancellationToken) {
        let mut last = Last::default();
        let mut told = 0;
        while !stop.is_cancelled() {
            let began = Instant::now();
            if self.round(&mut last, now_ms()) {
                self.tell_budget(&mut told);
            }
            let took = began.elapsed();
            std::thread::sleep((4 * took).clamp(SHORTEST, TICK).max(took));
        }
    }

    /// Works the KPIs out if anything they depend on changed; whether it did.
    fn round(&self, last: &mut Last, now_ms: i64) -> bool {
        let inner = &self.inner;
        let arrived = inner.view.take_arrivals();
        let began = Instant::now();
        let ready = {
            let picture = inner.view.read();
            if !shows(&picture.known.standing(now_ms)) {
                drop(picture);
                *last = Last::default();
                *self.ready() = Ready::default();
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
            if before.as_ref() == Some(&now) {
                None
            } else {
                let of_kpis = |basis: &Basis| (basis.version, basis.configured, basis.end_us);
                let kpis = match before.is_some_and(|before| of_kpis(&before) == of_kpis(&now)) {
                    true => Arc::clone(&self.ready().kpis),
                    false => Arc::new(kpis::families(&picture.tally, &evaluation, at_us, inner.settings.series_per_metric)),
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
                Some(Ready { kpis, objectives: Arc::new(objectives) })
            }
        };
        let changed = ready.is_some();
        if let Some(ready) = ready {
            *self.ready() = ready;
            inner.round.observe(began.elapsed().as_secs_f64());
        }
        let counted_ms = crate::view::now_ms();
        for recorded_ms in arrived {
            inner.event_to_metric.observe((counted_ms - recorded_ms).max(0) as f64 / 1000.0);
        }
        changed
    }

    /// Logs how many series there are, at first and whenever they have doubled.
    fn tell_budget(&self, told: &mut usize) {
        let ready = self.ready().clone();
        let families = || ready.kpis.iter().chain(&*ready.objectives);
        let series: usize = families().map(|family| family.series).sum();
        if series > 2 * *told {
            *told = series;
            tracing::info!(
                series,
                metrics = families().count(),
                at_most_each = self.inner.settings.series_per_metric,
                "series on the metrics page"
            );
        }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_kpis::objective::parse;

    use super::*;
    use crate::fixture::{Store, with_roster};

    #[test]
    fn objectives_go_on_while_nothing_happens() {
        let store = Store::of(1);
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, now_ms() * 1000, 3);
        let mut evaluation = with_roster("time_zone: UTC\npeople: [{ id: marie, name: Marie }]\n");
        let wanted =
            "objectives: [{ id: calls, kpi: calls_made, scope: company, target: 40, period: year, pace: linear, from: 2020-01-01 }]\n";
        evaluation.objectives = parse(wanted, &evaluation.catalogue, &evaluation.roster).unwrap();
        let view = View::looked(&store, &evaluation.catalogue);
        let metrics = Metrics::new(view, Configuration::fixed(evaluation), Registry::new(), Settings::default()).unwrap();
        // Two moments of one slot, just past: nothing was heard of the store after them.
        let one_slot = |from: &i64| round_up(from * 1000) == round_up((from + OBJECTIVES_MS) * 1000);
        let now_ms = now_ms();
        let at_ms = [now_ms - 20_000, now_ms - 40_000].into_iter().find(one_slot).unwrap();
        let expected = || {
            let page = metrics.page(Format::Text);
            page.lines().find(|line| line.starts_with("onpace_objective_expected{")).unwrap().to_owned()
        };
        let mut last = Last::default();
        assert!(metrics.round(&mut last, at_ms));
        let (before, kpis) = (expected(), Arc::clone(&metrics.ready().kpis));
        assert!(!metrics.round(&mut last, at_ms), "nothing changed");
        assert!(metrics.round(&mut last, at_ms + OBJECTIVES_MS));
        assert_ne!(expected(), before, "more is expected");
        assert!(Arc::ptr_eq(&kpis, &metrics.ready().kpis), "KPIs don't change by that");
    }
}
