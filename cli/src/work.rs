//! Processor threads at work, and how they are.
//!
//! In: a log, a store, what to fold for. Out: threads that fold until they are asked to stop or have caught up; a beat for whoever answers for their health.
//! Never here: a command line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use onpace_kpis::Catalogue;
use onpace_kpis::fold::Rules;
use onpace_processors::store::KpiStore;
use onpace_processors::{Metrics, Processor, Settings, Troubles};
use onpace_producers::log::{EventLog, LogError};
use tokio::task::JoinSet;

use crate::shutdown::Shutdown;

/// When a processor's work is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When it is asked to stop.
    Asked,
    /// When it has reached the end that the log has at the start.
    CaughtUp,
}

/// What processor threads work on.
pub struct Work<'a> {
    pub log: Arc<dyn EventLog>,
    pub store: Arc<dyn KpiStore>,
    pub catalogue: &'a Catalogue,
    pub settings: Settings,
    /// Schemas whose messages are dead letters.
    pub buried: Vec<u64>,
    pub threads: u32,
    pub until: Until,
    pub beat: Beat,
    pub metrics: Metrics,
}

/// When a processor thread last made a step, and what is wrong with lanes: for its health.
#[derive(Clone)]
pub struct Beat {
    begun: Instant,
    last_ms: Arc<AtomicU64>,
    troubles: Troubles,
}

/// How often a log that isn't there yet is asked for.
const AGAIN: Duration = Duration::from_millis(100);
/// A thread that makes no step for so long is stuck: one step waits for a commit at most.
const STUCK: Duration = Duration::from_secs(45);

impl Beat {
    /// That of the processors with these metrics.
    pub fn of(metrics: &Metrics) -> Beat {
        Beat { begun: Instant::now(), last_ms: Arc::default(), troubles: metrics.troubles() }
    }

    fn beat(&self) {
        self.last_ms.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether the processor moves.
    pub fn health(&self) -> Result<String, String> {
        let silent = self.begun.elapsed().saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)));
        if silent > STUCK {
            Err(format!("the processor has made no step for {} s", silent.as_secs()))
        } else {
            Ok("the processor works".into())
        }
    }

    /// Whether the processor moves and everything that it writes can be counted on.
    pub fn ready(&self) -> Result<String, String> {
        self.troubles.told().map_or_else(|| self.health(), Err)
    }
}

/// Starts processor threads. One that fails ends all.
pub fn start(work: Work<'_>, shutdown: &Shutdown) -> JoinSet<Result<()>> {
    let rules = Arc::new(Rules::from(work.catalogue));
    let mut working = JoinSet::new();
    for _ in 0..work.threads {
        let (log, store, rules, metrics) = (Arc::clone(&work.log), Arc::clone(&work.store), Arc::clone(&rules), work.metrics.clone());
        let fingerprint = work.catalogue.fingerprint();
        let buried = work.buried.clone();
        let (settings, until, beat, stop) = (work.settings, work.until, work.beat.clone(), Arc::clone(&shutdown.flag));
        working.spawn_blocking(move || {
            let patient = until == Until::Asked;
            let mut processor = loop {
                let made = Processor::new(&*log, &*store, Arc::clone(&rules), fingerprint, settings, metrics.clone());
                match made {
                    Ok(processor) => break processor.burying(buried),
                    Err(LogError::Away(_)) if stop.load(Ordering::Relaxed) => return Ok(()),
                    Err(LogError::Away(why)) if patient => {
                        metrics.troubles().say_of_log(Some(format!("waiting for the log: {why}")));
                        beat.beat();
                        std::thread::sleep(AGAIN);
                    }
                    Err(why) => return Err(why.into()),
                }
            };
            metrics.troubles().say_of_log(None);
            match until {
                Until::CaughtUp => {
                    let mut reached = false;
                    processor.catch_up(&stop, &mut |done, total| reached = done == total)?;
                    anyhow::ensure!(reached, "stopped before the log's end: what was folded is kept, run it again to go on");
                }
                Until::Asked => processor.run(&stop, &mut || beat.beat())?,
            }
            Ok(())
        });
    }
    working
}

/// Waits for all processor threads; the first that fails stops the others.
pub async fn wait(working: &mut JoinSet<Result<()>>, shutdown: &Shutdown) -> Result<()> {
    let mut outcome = Ok(());
    while let Some(ended) = working.join_next().await {
        let ended = ended.context("a processor thread panicked").and_then(|ended| ended);
        if ended.is_err() && outcome.is_ok() {
            shutdown.request();
            outcome = ended;
        }
    }
    outcome
}
