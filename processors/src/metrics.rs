//! What a processor says of itself. Every metric's name is written here, once.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

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
    pub(crate) full: IntCounter,
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
            full: IntCounter::new(
                "onpace_full_histories_total",
                "Times that an entity was folded that had been given more stages than are kept (1,000): the later ones are not counted",
            )?,
        };
        registry.register(Box::new(metrics.folded.clone()))?;
        registry.register(Box::new(metrics.commits.clone()))?;
        registry.register(Box::new(metrics.fenced.clone()))?;
        registry.register(Box::new(metrics.dead_letters.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        registry.register(Box::new(metrics.owned.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        registry.register(Box::new(metrics.full.clone()))?;
        Ok(metrics)
    }
}
