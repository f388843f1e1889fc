//! What a processor says of itself. Every metric's name is written here, once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::store::{Head, How, Replaced};

/// A processor's metrics; cheap to clone, shared by its threads.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) folded: IntCounter,
    pub(crate) commits: Histogram,
    pub(crate) fenced: IntCounter,
    pub(crate) dead_letters: IntCounterVec,
    pub(crate) lag: IntGaugeVec,
    pub(crate) owned: IntGaugeVec,
    pub(crate) failures: IntCounterVec,
    replaced: IntGaugeVec,
    anew: IntGaugeVec,
    troubles: Arc<Mutex<Troubles>>,
}

/// What keeps a processor from folding, in words.
#[derive(Debug, Default)]
struct Troubles {
    log: Option<String>,
    lanes: BTreeMap<u32, String>,
}

impl Metrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// They are registered there already.
    pub fn register(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let buckets = vec![0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
        let metrics = Metrics {
            folded: IntCounter::new("onpace_messages_folded_total", "Messages of the log folded, heartbeats and repeats included")?,
            commits: Histogram::with_opts(
                HistogramOpts::new("onpace_commit_duration_seconds", "Time from submitting a commit to its answer").buckets(buckets),
            )?,
            fenced: IntCounter::new("onpace_commits_fenced_total", "Commits refused because the lane had moved under this processor")?,
            dead_letters: IntCounterVec::new(
                Opts::new("onpace_dead_letters_total", "Messages that could not be read, kept among the dead letters"),
                &["reason"],
            )?,
            lag: IntGaugeVec::new(Opts::new("onpace_processor_lag_events", "Messages of the log not folded yet"), &["partition"])?,
            owned: IntGaugeVec::new(Opts::new("onpace_lane_owned", "1 for each lane that this processor writes"), &["partition"])?,
            failures: IntCounterVec::new(
                Opts::new("onpace_processor_failures_total", "Times the log or the store was away, by which of them"),
                &["where"],
            )?,
            replaced: IntGaugeVec::new(
                Opts::new(
                    "onpace_log_replaced",
                    "1 for each lane that waits since its partition of the log is not the one that it was folded from",
                ),
                &["partition"],
            )?,
            anew: IntGaugeVec::new(
                Opts::new(
                    "onpace_lane_folded_anew_timestamp_seconds",
                    "When a lane was emptied to be folded anew since its partition of the log had been replaced, in seconds since 1970",
                ),
                &["partition"],
            )?,
            troubles: Arc::default(),
        };
        registry.register(Box::new(metrics.folded.clone()))?;
        registry.register(Box::new(metrics.commits.clone()))?;
        registry.register(Box::new(metrics.fenced.clone()))?;
        registry.register(Box::new(metrics.dead_letters.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        registry.register(Box::new(metrics.owned.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        registry.register(Box::new(metrics.replaced.clone()))?;
        registry.register(Box::new(metrics.anew.clone()))?;
        Ok(metrics)
    }

    /// What keeps the processor from folding, in words; `None` where nothing does. For the readiness probe.
    pub fn trouble(&self) -> Option<String> {
        let troubles = self.troubles();
        let all: Vec<&str> = troubles.log.iter().chain(troubles.lanes.values()).map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log is away, and why.
    pub(crate) fn log_is_away(&self, why: Option<String>) {
        self.troubles().log = why;
    }

    /// Whether a lane waits for its log, and why; whether that is new.
    pub(crate) fn waits(&self, partition: u32, why: Option<String>) -> bool {
        self.replaced.with_label_values(&[&partition.to_string()]).set(why.is_some().into());
        let mut troubles = self.troubles();
        match why {
            Some(why) => troubles.lanes.insert(partition, why).is_none(),
            None => troubles.lanes.remove(&partition).is_some(),
        }
    }

    /// Where a lane that is folded stands.
    pub(crate) fn stands(&self, partition: u32, head: &Head) {
        let partition = partition.to_string();
        self.lag.with_label_values(&[&partition]).set(head.end - head.offset);
        if let Some(Replaced { at_ms, how: How::Anew }) = head.log.replaced() {
            self.anew.with_label_values(&[&partition]).set(at_ms / 1_000);
        }
    }
}
