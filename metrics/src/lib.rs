//! What onpace tells Prometheus beside KPIs: each metric's name once, with its type, labels, meaning, and who tells it. A KPI's name is the catalogue's.
//!
//! In: nothing. Out: a [table](mod@table). What tells a metric makes it of its row, the rules ask for the names of it, `docs/metrics.md` is written from it.
//! Never here: a value.

mod page;
pub mod table;

use prometheus::{GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

pub use page::page;

/// What Prometheus calls a metric's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// What only grows, until its process is started anew.
    Counter,
    /// What goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
    /// Texts, as the labels of a 1.
    Info,
}

/// A part of onpace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What takes events.
    Gateway,
    /// What folds them.
    Processor,
    /// What serves numbers.
    Sink,
}

impl Part {
    const ALL: [Part; 3] = [Part::Gateway, Part::Processor, Part::Sink];

    fn name(self) -> &'static str {
        match self {
            Part::Gateway => "gateway",
            Part::Processor => "processor",
            Part::Sink => "sink",
        }
    }
}

/// A metric. Its base unit is the name's ending: `_seconds`, `_ratio`, `_bytes`; else it is a count.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As its samples carry it, with `_total` or `_info`.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// Who tells it.
    pub by: &'static [Part],
    /// What it is.
    pub help: &'static str,
}

impl Metric {
    fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    /// A counter without labels.
    ///
    /// # Errors
    /// The name is none.
    pub fn counter(&self) -> Result<IntCounter, prometheus::Error> {
        IntCounter::with_opts(self.opts())
    }

    /// Counters by the metric's labels.
    ///
    /// # Errors
    /// The name is none.
    pub fn counters(&self) -> Result<IntCounterVec, prometheus::Error> {
        IntCounterVec::new(self.opts(), self.labels)
    }

    /// A gauge without labels.
    ///
    /// # Errors
    /// The name is none.
    pub fn gauge(&self) -> Result<IntGauge, prometheus::Error> {
        IntGauge::with_opts(self.opts())
    }

    /// Gauges by the metric's labels.
    ///
    /// # Errors
    /// The name is none.
    pub fn gauges(&self) -> Result<IntGaugeVec, prometheus::Error> {
        IntGaugeVec::new(self.opts(), self.labels)
    }

    /// The same of fractions.
    ///
    /// # Errors
    /// The name is none.
    pub fn fractional_gauges(&self) -> Result<GaugeVec, prometheus::Error> {
        GaugeVec::new(self.opts(), self.labels)
    }

    /// A histogram without labels.
    ///
    /// # Errors
    /// The name is none; the buckets don't ascend.
    pub fn histogram(&self, buckets: &[f64]) -> Result<Histogram, prometheus::Error> {
        Histogram::with_opts(self.sized(buckets))
    }

    /// Histograms by the metric's labels.
    ///
    /// # Errors
    /// The name is none; the buckets don't ascend.
    pub fn histograms(&self, buckets: &[f64]) -> Result<HistogramVec, prometheus::Error> {
        HistogramVec::new(self.sized(buckets), self.labels)
    }

    fn sized(&self, buckets: &[f64]) -> HistogramOpts {
        HistogramOpts::from(self.opts()).buckets(buckets.to_vec())
    }
}

/// So that an expression can be written round it.
impl std::fmt::Display for Metric {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.name)
    }
}
