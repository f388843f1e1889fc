//! What is said of a page that does not have everything: as metrics, in the words of `/readyz`, and once by WARN.
//!
//! In: a round's outcome. Out: families, words, log lines. What always holds: a line is logged when what is missing changes, not at each round.
//! Never here: what goes and what stays.

use onpace_kpis::Tally;
use onpace_metrics::table;

use super::Outline;
use super::exposition::Family;
use super::kpis::Kpis;
use crate::evaluation::Evaluation;

/// What a round has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    series: usize,
    most: usize,
    /// What was left out: metric, window, how many series.
    missing: Vec<(String, &'static str, usize)>,
    left_out: Option<String>,
    /// How many reps have series together.
    folded: usize,
    /// By dimension, how many values are counted together wherever they are shown.
    values: Vec<(&'static str, usize)>,
    /// Whether money is converted, and if not, why; `None` where it isn't to be.
    converted: Option<Result<(), String>>,
}

impl Said {
    pub fn of(kpis: &Kpis, tally: &Tally, evaluation: &Evaluation, most: usize) -> Said {
        let plan = &kpis.plan;
        let missing = plan.missing().map(|(metric, window, count)| (metric.to_owned(), window.name(), count));
        let converts = evaluation.roster.currency.is_some() && evaluation.roster.rates.is_some();
        Said {
            series: plan.series(),
            most,
            missing: missing.collect(),
            left_out: plan.says(most),
            folded: kpis.folded,
            values: tally.dimensions().map(|dimension| (dimension.name(), tally.folded_values(dimension))).collect(),
            converted: converts.then(|| kpis.unconvertible.clone().map_or(Ok(()), Err)),
        }
    }

    /// As metrics.
    pub fn families(&self) -> Vec<Family> {
        let flag = |flag: bool| if flag { "1" } else { "0" };
        let (mut dropped, mut values) = (Family::of(&table::SERIES_DROPPED), Family::of(&table::FOLDED_VALUES));
        for (metric, window, count) in &self.missing {
            dropped.sample(&[("metric", metric), ("window", window)], &count.to_string());
        }
        for (dimension, count) in &self.values {
            values.sample(&[("dimension", dimension)], &count.to_string());
        }
        let mut families = vec![
            Family::just(&table::KPI_SERIES, &self.series.to_string()),
            Family::just(&table::KPI_SERIES_LIMIT, &self.most.to_string()),
            Family::just(&table::METRICS_WHOLE, flag(self.missing.is_empty())),
            dropped,
            Family::just(&table::FOLDED_REPS, &self.folded.to_string()),
            values,
        ];
        families.extend(self.converted.as_ref().map(|converted| Family::just(&table::RATES_COMPLETE, flag(converted.is_ok()))));
        families
    }

    /// In words: nothing where all is there.
    pub fn words(&self) -> impl Iterator<Item = String> + use<> {
        let Outline { wrong, notes, .. } = self.outline();
        wrong.into_iter().chain(notes)
    }

    /// In words, apart by whether something is missing.
    pub fn outline(&self) -> Outline {
        let rates =
            self.converted.as_ref().and_then(|converted| converted.as_ref().err()).map(|why| format!("revenue is not converted: {why}"));
        let folded = (self.folded > 0).then(|| format!("{} reps whom no roster knows are one series on /metrics, `other`", self.folded));
        Outline { series: self.series, wrong: self.left_out.iter().cloned().chain(rates).collect(), notes: folded.into_iter().collect() }
    }
}

/// What was told.
#[derive(Debug, Default)]
pub struct Told {
    series: usize,
    pub(super) left_out: Option<String>,
    whole: bool,
    folded: usize,
    rates: Option<String>,
}

impl Told {
    /// Logs what changed.
    pub fn tell(&mut self, said: &Said) {
        let missing: Vec<_> = said.missing.iter().map(|(metric, window, _)| (metric, window)).collect();
        // The number of series in the words may change with every new rep: what is missing is what counts.
        let key = said.left_out.as_ref().map(|_| format!("{missing:?}"));
        if key != self.left_out {
            match &said.left_out {
                Some(words) => tracing::warn!("{words}"),
                None => tracing::info!(series = said.series, "/metrics has every window and metric again"),
            }
            self.left_out = key;
        }
        if said.series > 2 * self.series || !self.whole {
            self.series = said.series;
            self.whole = true;
            tracing::info!(series = said.series, at_most = said.most, "series of KPIs by rep and team on the metrics page");
        }
        if said.folded > 10 * self.folded {
            self.folded = said.folded;
            tracing::warn!(reps = said.folded, "reps whom no roster knows are one series on /metrics, `other`: name them in the roster");
        }
        let rates = said.converted.as_ref().and_then(|converted| converted.as_ref().err()).cloned();
        if rates != self.rates {
            if let Some(why) = &rates {
                tracing::warn!("revenue is not converted on /metrics: {why}");
            }
            self.rates = rates;
        }
    }
}
