//! What a processor says of itself.

use onpace_metrics::table;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGaugeVec, Registry};

use crate::anew::Troubles;
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
        let buckets = [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
        let metrics = Metrics {
            folded: table::MESSAGES_FOLDED.counter()?,
            commits: table::COMMIT_DURATION.histogram(&buckets)?,
            fenced: table::COMMITS_FENCED.counter()?,
            dead_letters: table::DEAD_LETTERS.counters()?,
            lag: table::PROCESSOR_LAG.gauges()?,
            owned: table::LANE_OWNED.gauges()?,
            failures: table::PROCESSOR_FAILURES.counters()?,
            full: table::FULL_HISTORIES.counter()?,
            rounds: table::STORE_ROUNDS.counters()?,
            damage: table::STORE_DAMAGE.counters()?,
            damaged_at: table::STORE_DAMAGED_AT.gauges()?,
            replaced: table::LOG_REPLACED.gauges()?,
            anew: table::LOG_REPLACED_AT.gauges()?,
            outdated: table::PROCESSOR_OUTDATED.gauges()?,
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
