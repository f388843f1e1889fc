//! What the pipeline says of itself: a registry's metrics, and the view's own.
//!
//! In: a registry, the view's standing. Out: families for the page.

use onpace_kpis::Roster;
use onpace_metrics::{Type, table};
use onpace_processors::store::{How, Replaced};
use prometheus::Registry;
use prometheus::proto::{MetricFamily, MetricType};

use super::exposition::{Family, number};
use crate::configuration::Load;
use crate::view::{Known, State};

/// Everything a registry holds.
pub fn families(registry: &Registry) -> Vec<Family> {
    registry.gather().iter().map(family).collect()
}

fn family(from: &MetricFamily) -> Family {
    let kind = match from.get_field_type() {
        MetricType::COUNTER => Type::Counter,
        MetricType::HISTOGRAM => Type::Histogram,
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Type::Gauge,
    };
    let mut family = Family::new(from.name(), kind, from.help());
    for metric in from.get_metric() {
        let labels: Vec<(&str, &str)> = metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
        match from.get_field_type() {
            MetricType::COUNTER => family.sample(&labels, &number(metric.get_counter().get_value())),
            MetricType::GAUGE => family.sample(&labels, &number(metric.get_gauge().get_value())),
            MetricType::HISTOGRAM => {
                let histogram = metric.get_histogram();
                let buckets: Vec<(f64, u64)> =
                    histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count())).collect();
                family.histogram(&labels, &buckets, histogram.get_sample_sum(), histogram.get_sample_count());
            }
            // Nothing here makes summaries or untyped metrics.
            MetricType::SUMMARY | MetricType::UNTYPED => {}
        }
    }
    family
}

/// Which build this is.
pub fn build_info() -> Family {
    let mut family = Family::of(&table::BUILD_INFO);
    family.sample(&[("version", env!("CARGO_PKG_VERSION"))], "1");
    family
}

/// As of when the KPIs on the page are, milliseconds since 1970.
pub fn rounded(of_ms: i64) -> Family {
    Family::just(&table::KPI_ROUND_AT, &number(of_ms as f64 / 1000.0))
}

/// How the last reading of each file of configuration went.
pub fn configuration(loads: &[Load]) -> Vec<Family> {
    let (mut successful, mut since) = (Family::of(&table::CONFIG_SUCCESSFUL), Family::of(&table::CONFIG_LOADED_AT));
    for load in loads {
        let with = [("file", load.file)];
        successful.sample(&with, if load.in_force { "1" } else { "0" });
        since.sample(&with, &number(load.since_ms as f64 / 1000.0));
    }
    vec![successful, since]
}

/// How the view stands: whether its store answers, how old its numbers are, how far behind each lane is.
pub fn standing(known: &Known, now_ms: i64) -> Vec<Family> {
    let standing = known.standing(now_ms);
    let flag = |flag: bool| if flag { "1" } else { "0" };
    let mut families = vec![
        Family::just(&table::STORE_UP, flag(standing.state != State::StoreAway)),
        Family::just(&table::VIEW_WHOLE, flag(standing.whole)),
        Family::just(&table::PIPELINE_UP, flag(!known.behind(now_ms))),
    ];
    families.extend(standing.as_of_ms.map(|as_of_ms| Family::just(&table::DATA_AT, &number(as_of_ms as f64 / 1000.0))));
    let mut lag = Family::of(&table::PROCESSOR_LAG);
    for (number, lane) in known.lanes.iter().enumerate() {
        if lane.head.is_some() {
            lag.sample(&[("partition", &number.to_string())], &lane.lag_events().to_string());
        }
    }
    families.push(lag);
    let (mut replaced, mut anew) = (Family::of(&table::LOG_REPLACED), Family::of(&table::LOG_REPLACED_AT));
    for (partition, head) in known.lanes.iter().enumerate().filter_map(|(partition, lane)| Some((partition.to_string(), lane.head?))) {
        let with = [("partition", partition.as_str())];
        replaced.sample(&with, flag(head.log.waits()));
        if let Some(Replaced { at_ms, how: How::Anew }) = head.log.replaced() {
            anew.sample(&with, &number(at_ms as f64 / 1000.0));
        }
    }
    families.extend([replaced, anew]);
    families
}

/// The live sources: whether they are silent for longer than they may be, and when they were last heard of. One that was never heard of is
/// silent, and feeds no kind.
pub fn sources(known: &Known, roster: &Roster, now_ms: i64) -> Vec<Family> {
    let (mut silent, mut last) = (Family::of(&table::SOURCE_SILENT), Family::of(&table::SOURCE_LAST_EVENT));
    for source in known.watched(roster, now_ms * 1000, now_ms) {
        let mut say = |kind: &str| silent.sample(&[("source", source.source), ("kind", kind)], if source.silent { "1" } else { "0" });
        if source.kinds.is_empty() {
            say("");
        }
        for (kind, recorded_ms) in &source.kinds {
            say(kind.name());
            last.sample(&[("source", source.source), ("kind", kind.name())], &number(*recorded_ms as f64 / 1000.0));
        }
    }
    vec![silent, last]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use prometheus::{HistogramOpts, IntCounterVec, Opts};

    use super::super::exposition::{Format, page};
    use super::*;

    #[test]
    fn a_registry_is_written_in_both_formats() {
        let registry = Registry::new();
        let events = IntCounterVec::new(Opts::new("onpace_events_accepted_total", "Events"), &["source"]).unwrap();
        let wait = prometheus::Histogram::with_opts(HistogramOpts::new("onpace_wait_seconds", "Wait").buckets(vec![0.5, 1.0])).unwrap();
        registry.register(Box::new(events.clone())).unwrap();
        registry.register(Box::new(wait.clone())).unwrap();
        events.with_label_values(&["a\"b"]).inc_by(3);
        wait.observe(0.75);
        let families = families(&registry);
        assert_eq!(
            page(&families, Format::OpenMetrics),
            "# HELP onpace_events_accepted Events\n# TYPE onpace_events_accepted counter\nonpace_events_accepted_total{source=\"a\\\"b\"} 3\n\
             # HELP onpace_wait_seconds Wait\n# TYPE onpace_wait_seconds histogram\n# UNIT onpace_wait_seconds seconds\n\
             onpace_wait_seconds_bucket{le=\"0.5\"} 0\nonpace_wait_seconds_bucket{le=\"1.0\"} 1\nonpace_wait_seconds_bucket{le=\"+Inf\"} 1\n\
             onpace_wait_seconds_sum 0.75\nonpace_wait_seconds_count 1\n# EOF\n"
        );
    }
}
