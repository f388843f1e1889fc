//! What a processor says of itself. Every metric's name is written here, once.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::anew::Troubles;
use crate::store::{Head, How, Replaced};

/// A lane that waits for its log; sinks say it too, by the head.
pub const LOG_REPLACED: (&str, &str) =
    ("onpace_log_replaced", "1 for each lane that waits since its partition of the log is not the one that it was folded from");
/// A lane that was folded anew; sinks say it too, by the head.
pub const LOG_ANEW: (&str, &str) = (
    "onpace_log_replaced_timestamp_seconds",
    "When a lane was emptied to be folded anew, its partition of the log having been replaced, in seconds since 1970",
);

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
    pub(crate) rounds: IntCounterVec,
    pub(crate) damage: IntCounterVec,
    pub(crate) damaged_at: IntGaugeVec,
    pub(crate) replaced: IntGaugeVec,
    pub(crate) anew: IntGaugeVec,
    pub(crate) outdated: IntGaugeVec,
    pub(crate) troubles: Troubles,
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
            rounds: IntCounterVec::new(
                Opts::new("onpace_store_rounds_total", "Rounds through a lane of the store that found everything as it was written"),
                &["partition"],
            )?,
            damage: IntCounterVec::new(
                Opts::new("onpace_store_damage_total", "Times a lane of the store was found damaged, and folded anew from the log"),
                &["partition"],
            )?,
            damaged_at: IntGaugeVec::new(
                Opts::new(
                    "onpace_store_damage_timestamp_seconds",
                    "When a lane of the store was last found damaged, in seconds since 1970",
                ),
                &["partition"],
            )?,
            replaced: IntGaugeVec::new(Opts::new(LOG_REPLACED.0, LOG_REPLACED.1), &["partition"])?,
            anew: IntGaugeVec::new(Opts::new(LOG_ANEW.0, LOG_ANEW.1), &["partition"])?,
            outdated: IntGaugeVec::new(
                Opts::new(
                    "onpace_processor_outdated",
                    "1 for each lane that waits since its next message is written with a schema that this version does not know",
                ),
                &["partition"],
            )?,
            troubles: Troubles::default(),
        };
        registry.register(Box::new(metrics.folded.clone()))?;
        registry.register(Box::new(metrics.commits.clone()))?;
        registry.register(Box::new(metrics.fenced.clone()))?;
        registry.register(Box::new(metrics.dead_letters.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        registry.register(Box::new(metrics.owned.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        registry.register(Box::new(metrics.full.clone()))?;
        registry.register(Box::new(metrics.rounds.clone()))?;
        registry.register(Box::new(metrics.damage.clone()))?;
        registry.register(Box::new(metrics.damaged_at.clone()))?;
        registry.register(Box::new(metrics.replaced.clone()))?;
        registry.register(Box::new(metrics.anew.clone()))?;
        registry.register(Box::new(metrics.outdated.clone()))?;
        Ok(metrics)
    }

    /// Where a lane that is folded stands.
    pub(crate) fn stands(&self, partition: u32, head: &Head) {
        let partition = partition.to_string();
        self.lag.with_label_values(&[&partition]).set(head.end - head.offset);
        self.replaced.with_label_values(&[&partition]).set(head.log.waits().into());
        if let Some(Replaced { at_ms, how: How::Anew }) = head.log.replaced() {
            self.anew.with_label_values(&[&partition]).set(at_ms / 1_000);
        }
    }

    /// What is wrong with lanes that this processor owns, for its readiness.
    pub fn troubles(&self) -> Troubles {
        self.troubles.clone()
    }
}
