//! The view: every counter of the store in memory, and how they stand.
//!
//! ```text
//! store ─follow─► Picture { tally, known } ─read─► metrics, answers, page
//! ```
//!
//! In: a store. Out: a [`Tally`] to evaluate against, always together with its [`Standing`]. One thread follows the store;
//! any number of readers take the picture as it is at a moment and work on it as long as they like: what does not change meanwhile is shared.
//! What always holds: a reader sees counters and their age of one moment, and holds up neither the follower nor another reader.
//! Never here: what a KPI is; HTTP.

mod follow;
mod lane;
mod past;
mod standing;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use onpace_kpis::objective::Heard;
use onpace_kpis::{Catalogue, Tally};
use onpace_processors::store::{self, Head, KpiStore, StoreError};
use onpace_processors::vouch;
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::evaluation::Evaluation;

pub use onpace_producers::log::now_ms;
pub use past::{Past, Underway};
pub use standing::{Known, Lane, STALE_AFTER_MS, Standing, State};

/// A follower that makes no step for so long is stuck: longer than any one call to a store may take. Milliseconds.
const STUCK_AFTER_MS: i64 = 120_000;

/// What the view shows at one moment.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The counters.
    pub tally: Tally,
    /// What is known of the store and its lanes.
    pub known: Known,
    /// Raised whenever a counter changes.
    pub version: u64,
}

/// The view; cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    picture: RwLock<Picture>,
    /// The picture's `known` again, so that asking how the numbers stand waits for no evaluation.
    known: Mutex<Known>,
    /// When each head that was folded in since somebody last asked had been recorded, milliseconds since 1970.
    arrived_ms: Mutex<Vec<i64>>,
    /// When the follower last made a step, milliseconds since 1970.
    step_ms: AtomicI64,
}

impl View {
    /// Follows a store on a thread of its own until `stop` is cancelled. Returns at once: the store is read in the background.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn follow(store: Arc<dyn KpiStore>, configuration: Configuration, stop: CancellationToken) -> std::io::Result<View> {
        View::follow_after(Past::default(), store, configuration, stop)
    }

    /// The same of a log into which a past is still being written: numbers are shown once all of it is folded.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn follow_after(
        past: Past,
        store: Arc<dyn KpiStore>,
        configuration: Configuration,
        stop: CancellationToken,
    ) -> std::io::Result<View> {
        let view = View::of_nothing(&configuration.now().catalogue, now_ms());
        let mut follower = follow::Follower::new(store, configuration, view.clone()).after(past);
        std::thread::Builder::new().name("view".into()).spawn(move || follower.run(&stop))?;
        Ok(view)
    }

    /// A view that looked at a store a few times, for tests.
    #[cfg(test)]
    pub(crate) fn looked(store: &crate::fixture::Store, evaluation: &Evaluation) -> View {
        let view = View::of_nothing(&evaluation.catalogue, now_ms());
        view.look_again(store, evaluation);
        view
    }

    /// A view, and what makes its follower look at the store once, for tests.
    #[cfg(test)]
    pub(crate) fn looking(store: &crate::fixture::Store, evaluation: &Evaluation) -> (View, impl FnMut() + use<>) {
        let view = View::of_nothing(&evaluation.catalogue, now_ms());
        let configuration = Configuration::fixed(evaluation.clone());
        let mut follower = follow::Follower::new(Arc::new(store.clone()), configuration, view.clone());
        let mut reader = store.clone();
        let look = move || {
            if let Err(error) = follower.look(&mut reader) {
                follower.lost(&error);
            }
        };
        (view, look)
    }

    /// As one more look of a follower that was just started.
    #[cfg(test)]
    pub(crate) fn look_again(&self, store: &crate::fixture::Store, evaluation: &Evaluation) {
        let mut follower = follow::Follower::new(Arc::new(store.clone()), Configuration::fixed(evaluation.clone()), self.clone());
        if let Err(error) = follower.look(&mut store.clone()) {
            follower.lost(&error);
        }
    }

    fn of_nothing(catalogue: &Catalogue, now_ms: i64) -> View {
        let known = Known::of_nothing(now_ms);
        let picture = Picture { tally: Tally::new(&catalogue.measures), known, version: 0 };
        let known = Mutex::new(picture.known.clone());
        View {
            shared: Arc::new(Shared {
                picture: RwLock::new(picture),
                known,
                arrived_ms: Mutex::default(),
                step_ms: AtomicI64::new(now_ms),
            }),
        }
    }

    /// The picture as it is now, to be kept as long as it is needed: what the follower changes afterwards it changes beside it.
    pub fn read(&self) -> Picture {
        // A reader that panicked has changed nothing.
        self.shared.picture.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of the store, without waiting for whoever holds the picture.
    pub fn known(&self) -> Known {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the numbers stand now.
    pub fn standing(&self) -> Standing {
        self.known().standing(now_ms())
    }

    /// Whether the follower makes progress, for the liveness probe: a store that is away does not count against it.
    ///
    /// # Errors
    /// How long it has been stuck.
    pub fn live(&self) -> Result<String, String> {
        let silent_ms = now_ms() - self.shared.step_ms.load(Ordering::Relaxed);
        if silent_ms > STUCK_AFTER_MS {
            Err(format!("the view has made no step for {} s", silent_ms / 1000))
        } else {
            Ok("the view follows".into())
        }
    }

    /// Whether there are whole numbers to show and the store that they come from answers, for the readiness probe.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<String, String> {
        let standing = self.standing();
        match standing.state {
            State::Fresh | State::Empty => Ok("the numbers are whole".into()),
            State::Stale => Ok(standing.reason),
            State::StoreAway | State::Loading | State::CatchingUp | State::LogReplaced => Err(standing.reason),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Picture)) {
        let mut picture = self.shared.picture.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut picture);
        *self.shared.known.lock().unwrap_or_else(PoisonError::into_inner) = picture.known.clone();
    }

    fn change_counters(&self, change: impl FnOnce(&mut Tally)) {
        let mut picture = self.shared.picture.write().unwrap_or_else(PoisonError::into_inner);
        picture.version += 1;
        change(&mut picture.tally);
    }

    /// The store answered, just now.
    fn heard(&self) {
        self.step();
        self.change(|picture| picture.known.heard_ms = Some(now_ms()));
    }

    fn step(&self) {
        self.shared.step_ms.store(now_ms(), Ordering::Relaxed);
    }

    fn arrived(&self) -> MutexGuard<'_, Vec<i64>> {
        self.shared.arrived_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes when the heads folded in since the last call had been recorded, milliseconds since 1970.
    pub(crate) fn take_arrivals(&self) -> Vec<i64> {
        std::mem::take(&mut *self.arrived())
    }
}

/// A store read once, whole.
#[derive(Clone, Debug)]
pub struct Once {
    /// The counters.
    pub tally: Tally,
    /// Where each lane stood when it was read; `None` where it was never begun.
    pub heads: Vec<Option<Head>>,
    /// When each source was last heard of.
    pub sources: Heard,
}

impl Once {
    /// Up to when everything recorded is in the numbers, microseconds since 1970; `None` where nothing was.
    pub fn as_of_us(&self) -> Option<i64> {
        self.heads.iter().flatten().map(|head| head.recorded_ms).filter(|ms| *ms > 0).min().map(|ms| ms.saturating_mul(1_000))
    }

    /// Whether the processors were behind when it was read, at `now_ms`: a lane was never begun or has had events to go for more than a
    /// minute, or nothing comes through.
    pub fn behind(&self, now_ms: i64) -> bool {
        let stale = self.as_of_us().is_some_and(|us| now_ms - us / 1_000 > STALE_AFTER_MS);
        stale || self.heads.iter().any(|head| head.is_none_or(|head| standing::waits(&head, now_ms)))
    }
}

/// Reads the whole store once, for the terminal.
///
/// # Errors
/// The store is away, damaged, or was built with other measures than the catalogue's.
pub fn read_once(store: &dyn KpiStore, evaluation: &Evaluation) -> Result<Once, StoreError> {
    let catalogue = &evaluation.catalogue;
    let mut once = Once { tally: Tally::new(&catalogue.measures), heads: Vec::new(), sources: Heard::new() };
    once.tally.know(evaluation.roster.identities.keys().cloned().collect());
    let Some(settings) = store.settings()? else { return Ok(once) };
    follow::check(settings, catalogue)?;
    let mut reader = store.reader()?;
    for lane in 0..settings.lanes {
        let head = reader.head(lane)?;
        // Numbers of another log than the one that is there now are nobody's.
        if let Some(why) = head.and_then(|head| vouch::told(lane, &head)) {
            return Err(StoreError::Settings(why));
        }
        once.heads.push(head);
        let fresh = lane::Copy::load(lane, reader.as_mut(), &mut || {})?;
        add(&reader.sources(lane)?, &mut once.sources);
        lane::Copy::default().become_other(fresh, lane, |names, rep, old, new| once.tally.replace(names, rep, old, new))?;
    }
    once.tally.settle();
    Ok(once)
}

/// Adds a lane's sources: each was last heard of wherever it was heard of last.
fn add(rows: &[store::Heard], to: &mut Heard) {
    for row in rows {
        let known = match to.get_mut(&row.source) {
            Some(known) => known,
            None => to.entry(row.source.clone()).or_default(),
        };
        for (known, recorded_ms) in known.iter_mut().zip(row.recorded_ms) {
            *known = recorded_ms.max(*known);
        }
    }
}
