//! What the gateway says of itself.
//!
//! In: what was taken and refused. Out: counters in a registry. What always holds: at most [`MAX_SOURCES`] sources have
//! series of their own, so that no post can make more of them; the rest are counted as `other`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use onpace_metrics::table;
use onpace_schemas::{Kind, Reason};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntCounterVec, IntGauge, Registry};

use super::decode::Batch;
use crate::doubts::Doubt;
use crate::log::EventLog;

/// How many sources have series of their own.
pub(super) const MAX_SOURCES: usize = 100;
/// The source of whatever is past them.
const OTHER: &str = "other";
/// The source of an event that does not say whence it comes.
const UNKNOWN: &str = "unknown";

pub(super) struct Metrics {
    accepted: IntCounterVec,
    rejected: IntCounterVec,
    last: GaugeVec,
    doubts: IntCounterVec,
    /// Apart, so that refused events can't take the names of those that are taken.
    accepting: Sources,
    rejecting: Sources,
}

/// Whether the log takes events, looked up whenever somebody asks.
struct LogUp {
    log: Arc<dyn EventLog>,
    up: IntGauge,
}

impl Collector for LogUp {
    fn desc(&self) -> Vec<&Desc> {
        self.up.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.up.set(i64::from(self.log.ready().is_ok()));
        self.up.collect()
    }
}

/// The sources that have series of their own.
#[derive(Default)]
struct Sources(Mutex<HashSet<String>>);

impl Sources {
    fn label<'a>(&self, source: &'a str) -> &'a str {
        if source.is_empty() {
            return UNKNOWN;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(source) {
            return source;
        }
        if known.len() >= MAX_SOURCES || source.len() > onpace_schemas::MAX_SOURCE_BYTES {
            return OTHER;
        }
        known.insert(source.to_owned());
        source
    }
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// The registry has them already.
    pub(super) fn new(registry: &Registry, log: &Arc<dyn EventLog>) -> Result<Metrics, prometheus::Error> {
        let (accepted, rejected) = (table::EVENTS_ACCEPTED.counters()?, table::EVENTS_REJECTED.counters()?);
        let (last, doubts) = (table::LAST_EVENT.fractional_gauges()?, table::DOUBTS.counters()?);
        registry.register(Box::new(doubts.clone()))?;
        let up = table::LOG_UP.gauge()?;
        registry.register(Box::new(LogUp { log: Arc::clone(log), up }))?;
        registry.register(Box::new(accepted.clone()))?;
        registry.register(Box::new(rejected.clone()))?;
        registry.register(Box::new(last.clone()))?;
        Ok(Metrics { accepted, rejected, last, doubts, accepting: Sources::default(), rejecting: Sources::default() })
    }

    /// The batch's entries are in the log, acknowledged at `now_us`.
    pub(super) fn taken(&self, batch: &Batch, now_us: i64) {
        for (source, counts) in &batch.accepted.rows {
            let source = self.accepting.label(source);
            for (kind, count) in Kind::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                self.accepted.with_label_values(&[source, kind.name()]).inc_by(*count);
            }
            self.last.with_label_values(&[source]).set(now_us as f64 / 1e6);
        }
    }

    /// What looks wrong of a batch that was taken.
    pub(super) fn doubted(&self, doubts: &[Doubt]) {
        for doubt in doubts {
            self.doubts.with_label_values(&[doubt.what.name()]).inc_by(doubt.count);
        }
    }

    /// The batch's rejections were decided, whatever becomes of the rest.
    pub(super) fn refused(&self, batch: &Batch) {
        for (source, counts) in &batch.refused.rows {
            let source = self.rejecting.label(source);
            for (reason, count) in Reason::ALL.into_iter().zip(counts).filter(|(_, count)| **count > 0) {
                self.rejected.with_label_values(&[source, reason.name()]).inc_by(*count);
            }
        }
    }
}
