//! What the pipeline says of itself: a registry's metrics, and the view's own.
//!
//! In: a registry, the view's standing. Out: families for the page. Names are written here once.

use onpace_kpis::Roster;
use onpace_processors::metrics::{LOG_ANEW, LOG_REPLACED};
use onpace_processors::store::{How, Replaced};
use prometheus::Registry;
use prometheus::proto::{MetricFamily, MetricType};

use super::exposition::{Family, FamilyKind, number};
use crate::configuration::Load;
use crate::view::{Known, State};

/// Everything a registry holds.
pub fn families(registry: &Registry) -> Vec<Family> {
    registry.gather().iter().map(family).collect()
}

fn family(from: &MetricFamily) -> Family {
    let kind = match from.get_field_type() {
        MetricType::COUNTER => FamilyKind::Counter,
        MetricType::HISTOGRAM => FamilyKind::Histogram,
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => FamilyKind::Gauge,
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
    let mut family = Family::new("onpace_build_info", FamilyKind::Info, "The build of onpace that serves this page");
    family.sample(&[("version", env!("CARGO_PKG_VERSION"))], "1");
    family
}

/// As of when the KPIs on the page are, milliseconds since 1970.
pub fn rounded(of_ms: i64) -> Family {
    let help = "When the counters were taken that the KPIs were last worked out from, in seconds since 1970; past a minute no KPI is shown";
    let mut family = Family::new("onpace_kpi_round_timestamp_seconds", FamilyKind::Gauge, help);
    family.sample(&[], &number(of_ms as f64 / 1000.0));
    family
}

/// How the last reading of each file of configuration went.
pub fn configuration(loads: &[Load]) -> Vec<Family> {
    let help = "1 where what the file holds is in force, 0 where it was refused and what was in force before stays";
    let mut successful = Family::new("onpace_config_last_reload_successful", FamilyKind::Gauge, help);
    let help = "When what is in force was read from the file, in seconds since 1970";
    let mut since = Family::new("onpace_config_last_reload_success_timestamp_seconds", FamilyKind::Gauge, help);
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
    let gauge = |name: &str, help: &str, value: &str| {
        let mut family = Family::new(name, FamilyKind::Gauge, help);
        family.sample(&[], value);
        family
    };
    let up = standing.state != State::StoreAway;
    let mut families = vec![
        gauge("onpace_store_up", "1 while the store answers; while it does not, no KPI is shown", flag(up)),
        gauge(
            "onpace_view_whole",
            "1 while the numbers are whole; while they are read or folded anew, no KPI is shown",
            flag(standing.whole),
        ),
    ];
    let help = "1 while events or heartbeats come through and no lane is more than a minute behind the log's end";
    families.push(gauge("onpace_pipeline_up", help, flag(!known.behind(now_ms))));
    if let Some(as_of_ms) = standing.as_of_ms {
        let help = "When the newest event or heartbeat was recorded up to which everything is in the numbers, in seconds since 1970";
        families.push(gauge("onpace_data_timestamp_seconds", help, &number(as_of_ms as f64 / 1000.0)));
    }
    let mut lag = Family::new("onpace_processor_lag_events", FamilyKind::Gauge, "Messages of the log not folded yet");
    for (number, lane) in known.lanes.iter().enumerate() {
        if lane.head.is_some() {
            lag.sample(&[("partition", &number.to_string())], &lane.lag_events().to_string());
        }
    }
    families.push(lag);
    let mut replaced = Family::new(LOG_REPLACED.0, FamilyKind::Gauge, LOG_REPLACED.1);
    let mut anew = Family::new(LOG_ANEW.0, FamilyKind::Gauge, LOG_ANEW.1);
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
    let help = "1 where a live source has recorded nothing for longer than its max_silence of working time, by each kind that it feeds";
    let mut silent = Family::new("onpace_source_silent", FamilyKind::Gauge, help);
    let help = "When the last counted event of a live source and kind was recorded, in seconds since 1970";
    let mut last = Family::new("onpace_source_last_event_timestamp_seconds", FamilyKind::Gauge, help);
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
