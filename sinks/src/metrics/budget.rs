//! What is on the page where not everything fits: whole windows go, then whole metrics, never some of the reps.
//!
//! In: how many series each metric has in one window, in the order in which metrics go; the windows, in the order in which they stay; a
//! bound. Out: a [`Plan`]. What always holds: of a metric and window that stay every series stays, so that sums over them are right; the same
//! company, the same plan. Never here: values, which metric is which.

use onpace_kpis::Window;

/// A metric before anything of it is worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How many series it has in each window, at the most.
    pub each: usize,
}

/// What stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The windows that stay, in order.
    pub windows: Vec<Window>,
    /// Those that go, the first to go last.
    pub without_windows: Vec<Window>,
    /// The metrics that go though there is but one window left, in the order in which they go.
    pub without: Vec<Metric>,
    /// The metrics that stay.
    pub metrics: Vec<Metric>,
}

impl Plan {
    /// What stays of some metrics, those that go first standing first, in some windows, those that go first standing last.
    pub fn of(metrics: Vec<Metric>, windows: &[Window], most: usize) -> Plan {
        let each: usize = metrics.iter().fold(0, |sum, metric| sum.saturating_add(metric.each));
        let fits = |count: &usize| each.saturating_mul(*count) <= most;
        let count = (1..=windows.len()).rev().find(fits).unwrap_or(windows.len().min(1));
        let (stay, go) = windows.split_at(count);
        let mut plan = Plan { windows: stay.to_vec(), without_windows: go.to_vec(), without: Vec::new(), metrics };
        let mut left = each.saturating_mul(count);
        let gone = plan.metrics.iter().take_while(|metric| {
            let goes = left > most;
            if goes {
                left -= metric.each * count;
            }
            goes
        });
        let gone = gone.count();
        plan.without = plan.metrics.drain(..gone).collect();
        plan
    }

    /// Whether everything is there.
    pub fn is_whole(&self) -> bool {
        self.without_windows.is_empty() && self.without.is_empty()
    }

    /// Whether a metric is there.
    pub fn has(&self, name: &str) -> bool {
        self.metrics.iter().any(|metric| metric.name == name)
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.windows.len() * self.metrics.iter().map(|metric| metric.each).sum::<usize>()
    }

    /// How many are missing, by metric and window.
    pub fn missing(&self) -> impl Iterator<Item = (&str, Window, usize)> {
        let gone = self.without.iter().flat_map(|metric| self.windows.iter().map(move |window| (metric, window)));
        let all = self.without.iter().chain(&self.metrics);
        let cut = all.flat_map(|metric| self.without_windows.iter().map(move |window| (metric, window)));
        gone.chain(cut).map(|(metric, window)| (metric.name.as_str(), *window, metric.each))
    }

    /// What is missing, in words; `None` where nothing is.
    pub fn says(&self, most: usize) -> Option<String> {
        if self.is_whole() {
            return None;
        }
        let names = |names: Vec<&str>| match names.len() {
            0..=12 => names.join(", "),
            count => format!("{} and {} more", names[..12].join(", "), count - 12),
        };
        let mut what = Vec::new();
        if !self.without_windows.is_empty() {
            what.push(format!("the windows {}", names(self.without_windows.iter().map(|window| window.name()).collect())));
        }
        if !self.without.is_empty() {
            what.push(format!("the metrics {}", names(self.without.iter().map(|metric| metric.name.as_str()).collect())));
        }
        let missing: usize = self.missing().map(|(_, _, count)| count).sum();
        Some(format!(
            "/metrics lacks, by rep and team, {}: with them it would have {} series, and --metric-series allows {most}; raise it, or name fewer \
             windows by --metric-windows. What is there is whole, and the API has everything",
            what.join(" and "),
            self.series() + missing
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Window::{Month, Today, Week};

    const WINDOWS: [Window; 3] = [Today, Week, Month];

    fn metrics() -> Vec<Metric> {
        [("rate", 10), ("stage", 30), ("calls", 20)].map(|(name, each)| Metric { name: name.into(), each }).into()
    }

    fn names(metrics: &[Metric]) -> Vec<&str> {
        metrics.iter().map(|metric| metric.name.as_str()).collect()
    }

    #[test]
    fn what_fits_is_whole() {
        let plan = Plan::of(metrics(), &WINDOWS, 180);
        assert!(plan.is_whole() && plan.says(180).is_none());
        assert_eq!((plan.windows.as_slice(), plan.series(), plan.missing().count()), (&WINDOWS[..], 180, 0));
    }

    #[test]
    fn whole_windows_go_from_the_end() {
        let plan = Plan::of(metrics(), &WINDOWS, 179);
        assert_eq!((plan.windows.as_slice(), plan.without_windows.as_slice(), plan.without.len()), (&[Today, Week][..], &[Month][..], 0));
        let missing: Vec<_> = plan.missing().collect();
        assert_eq!(missing, [("rate", Month, 10), ("stage", Month, 30), ("calls", Month, 20)]);
        let said = plan.says(179).unwrap_or_default();
        assert!(said.contains("the windows month: ") && said.contains("180 series") && said.contains("allows 179"), "{said}");
    }

    #[test]
    fn then_whole_metrics_from_the_start() {
        let plan = Plan::of(metrics(), &WINDOWS, 59);
        assert_eq!(
            (plan.windows.as_slice(), names(&plan.without), names(&plan.metrics)),
            (&[Today][..], vec!["rate"], vec!["stage", "calls"])
        );
        assert_eq!(plan.missing().count(), 1 + 2 * 3);
        let plan = Plan::of(metrics(), &WINDOWS, 49);
        assert_eq!((names(&plan.without), names(&plan.metrics)), (vec!["rate", "stage"], vec!["calls"]));
        let plan = Plan::of(metrics(), &WINDOWS, 0);
        assert_eq!((plan.series(), plan.metrics.len()), (0, 0));
        assert!(plan.says(0).unwrap_or_default().contains("the metrics rate, stage, calls"));
    }
}
