//! KPIs as metrics: which name, which labels, which base unit.
//!
//! In: a tally, an evaluation, an instant. Out: families. Leaf rows are by rep; what does not add up also has rows by team
//! and for the company, in metrics of their own, so that `sum()` over any one metric is right.
//! Every rep has every KPI in every window and every currency: 0, or NaN where there is nothing to divide by.

use std::collections::BTreeSet;

use onpace_kpis::catalogue::Dimension;
use onpace_kpis::evaluate::UNROSTERED;
use onpace_kpis::tally::Group;
use onpace_kpis::{By, Exact, Kpi, KpiNo, MeasureNo, Row, Tally, Unit, Window};
use onpace_schemas::{Currency, to_major};

use super::exposition::{Family, FamilyKind, labels, number};
use crate::evaluation::Evaluation;

/// Every KPI of every rep, team and the company.
pub fn families(tally: &Tally, evaluation: &Evaluation, at_us: i64, series_per_metric: usize) -> Vec<Family> {
    let mut round = Round { tally, evaluation, at_us, cap: series_per_metric, dropped: Vec::new() };
    let mut families = round.leaves();
    families.extend(round.above("onpace_team_", By::Team));
    families.extend(round.above("onpace_company_", By::Company));
    families.push(round.reps());
    let mut dropped = Family::new("onpace_series_dropped", FamilyKind::Gauge, "Series left out because the metric has more than it may");
    for (metric, count) in &round.dropped {
        dropped.sample(&[("metric", metric)], &count.to_string());
    }
    families.push(dropped);
    families
}

/// A KPI's name with its base unit.
pub fn name_of(kpi: &Kpi) -> String {
    let name = &*kpi.name;
    match kpi.unit {
        Unit::Seconds => format!("{}_seconds", name.strip_suffix("_s").or(name.strip_suffix("_seconds")).unwrap_or(name)),
        Unit::Ratio => format!("{}_ratio", name.strip_suffix("_ratio").unwrap_or(name)),
        Unit::Days => match name.split_once("_days") {
            Some((before, after)) => format!("{before}{after}_seconds"),
            None => format!("{name}_seconds"),
        },
        // A gauge may not look like a counter.
        Unit::Count | Unit::Money | Unit::MoneyPerDay => name.strip_suffix("_total").unwrap_or(name).to_owned(),
    }
}

fn help_of(kpi: &Kpi, whose: &str) -> String {
    let unit = match kpi.unit {
        Unit::Money => ", in major units",
        Unit::MoneyPerDay => ", in major units a day",
        Unit::Days => ", in seconds",
        Unit::Count | Unit::Seconds | Unit::Ratio => "",
    };
    let about = kpi.about.en.trim_end_matches('.');
    format!("{} ({whose}{unit})", if about.is_empty() { &kpi.text } else { about })
}

/// A row's value in base units.
fn value_of(row: &Row) -> String {
    match (&row.value, row.unit) {
        (None, _) => "NaN".into(),
        (Some(days), Unit::Days) => number(days.mul(&Exact::from(86_400)).to_f64()),
        (Some(_), Unit::Ratio) => number(row.to_f64()),
        (Some(_), Unit::Count | Unit::Seconds | Unit::Money | Unit::MoneyPerDay) => row.plain(),
    }
}

/// What evaluation would say of a rep who has nothing in a currency.
fn nothing(adds_up: bool, currency: Currency) -> String {
    if adds_up { to_major(0, currency) } else { "NaN".into() }
}

struct Round<'a> {
    tally: &'a Tally,
    evaluation: &'a Evaluation,
    at_us: i64,
    cap: usize,
    dropped: Vec<(String, usize)>,
}

impl<'a> Round<'a> {
    fn windows(&self) -> &'a [Window] {
        &self.evaluation.catalogue.windows
    }

    /// The reps that there is room for, sorted, and how many there is none for.
    fn rep_names(&self) -> (Vec<&'a str>, usize) {
        let mut names: Vec<&'a str> = self.tally.reps().map(|rep| &**rep.name()).collect();
        names.sort_unstable();
        let room = (self.cap / self.windows().len().max(1)).max(1);
        let beyond = names.len().saturating_sub(room);
        names.truncate(room);
        (names, beyond)
    }

    fn leaves(&mut self) -> Vec<Family> {
        let catalogue = &self.evaluation.catalogue;
        let (names, beyond) = self.rep_names();
        let rows = if beyond == 0 {
            self.evaluation.rows(self.tally, self.at_us, By::Rep, self.windows(), &[], None)
        } else {
            let of = |name: &&str| self.evaluation.rows(self.tally, self.at_us, By::Rep, self.windows(), &[], Some(name));
            names.iter().flat_map(of).collect()
        };
        let currencies: BTreeSet<Currency> = rows.iter().filter_map(|row| row.currency).collect();
        let mut families: Vec<Family> = catalogue.kpis.iter().map(|kpi| Family::new(format!("onpace_{}", name_of(kpi)), FamilyKind::Gauge, help_of(kpi, "by rep"))).collect();
        let mut dropped = vec![0; families.len()];
        let staged = self.staged();
        let mut rows = &rows[..];
        for name in &names {
            let (own, rest) = rows.split_at(rows.partition_point(|row| row.key.as_ref().is_some_and(|(_, key)| **key <= **name)));
            rows = rest;
            let by_window: Vec<String> = self.windows().iter().map(|window| labels(&[("rep", name), ("team", UNROSTERED), ("window", window.name())])).collect();
            let place = |window: Window| self.windows().iter().position(|known| *known == window).unwrap_or_default();
            let mut own = own.iter().peekable();
            for (number, kpi) in catalogue.kpis.iter().enumerate() {
                let family = &mut families[number];
                let mut add = |labels: &str, value: &str| {
                    if family.series < self.cap {
                        family.sample_with(labels, value);
                    } else {
                        dropped[number] += 1;
                    }
                };
                let skipped = staged.iter().any(|(staged, _)| *staged == number);
                let mut seen = Vec::new();
                while let Some(row) = own.next_if(|row| usize::from(row.number) == number) {
                    let with = &by_window[place(row.window)];
                    match row.currency {
                        _ if skipped => {}
                        None => add(with, &value_of(row)),
                        Some(currency) => {
                            seen.push(currency);
                            add(&with_label(with, "currency", currency.code()), &value_of(row));
                        }
                    }
                }
                if kpi.per_currency {
                    let adds_up = self.evaluation.adds_up(kpi);
                    for currency in currencies.iter().filter(|currency| !seen.contains(currency)) {
                        for with in &by_window {
                            add(&with_label(with, "currency", currency.code()), &nothing(adds_up, *currency));
                        }
                    }
                }
            }
        }
        for (number, measure) in staged {
            dropped[number] += self.stages(measure, &names, &mut families[number]);
        }
        for (number, family) in families.iter().enumerate() {
            let per_rep = family.series.checked_div(names.len()).unwrap_or_default();
            self.dropped.push((family.name().to_owned(), dropped[number] + beyond * per_rep));
        }
        families
    }

    /// The KPIs that are a measure of values entered: their leaf rows are by that value too.
    fn staged(&self) -> Vec<(usize, MeasureNo)> {
        let catalogue = &self.evaluation.catalogue;
        let by_stage = |kpi: &Kpi| match kpi.measures[..] {
            [measure] if *catalogue.measures[usize::from(measure)].name == *kpi.name => catalogue.dimension(measure, STAGE).map(|_| measure),
            _ => None,
        };
        catalogue.kpis.iter().enumerate().filter_map(|(number, kpi)| Some((number, by_stage(kpi)?))).collect()
    }

    /// Writes a measure by rep and stage; how many series there was no room for.
    fn stages(&self, measure: MeasureNo, names: &[&str], family: &mut Family) -> usize {
        let calendar = &self.evaluation.calendar;
        let reps: Vec<_> = names.iter().filter_map(|name| self.tally.rep(name)).collect();
        let lines = || reps.iter().flat_map(|rep| rep.lines(measure));
        let stages: BTreeSet<(&str, Group)> = lines().filter_map(|(id, _)| match id.group {
            Group::Dim(_, value) => Some((self.tally.value(value), id.group)),
            Group::Total => None,
        }).collect();
        let mut dropped = 0;
        for rep in &reps {
            let zone = calendar.rep_zones.get(&**rep.name()).unwrap_or(&calendar.zone);
            for window in self.windows() {
                let ranges = window.bounds(self.at_us, zone, calendar.settings).ranges(zone);
                for (stage, group) in &stages {
                    let line = rep.lines(measure).iter().find(|(id, _)| id.group == *group);
                    let value = line.map_or(0, |(_, line)| line.sum(&ranges));
                    if family.series < self.cap {
                        family.sample(&[("rep", rep.name()), ("team", UNROSTERED), ("window", window.name()), ("deal_stage", stage)], &value.to_string());
                    } else {
                        dropped += 1;
                    }
                }
            }
        }
        dropped
    }

    /// What does not add up over reps, for a team or the company.
    fn above(&mut self, prefix: &str, by: By) -> Vec<Family> {
        let catalogue = &self.evaluation.catalogue;
        let wanted = catalogue.kpis.iter().enumerate().filter(|(_, kpi)| !self.evaluation.adds_up(kpi));
        let numbers: Vec<KpiNo> = wanted.map(|(number, _)| number as KpiNo).collect();
        if numbers.is_empty() {
            return Vec::new();
        }
        let whose = if by == By::Team { "by team" } else { "the company" };
        let of = |number: &KpiNo| {
            let kpi = &catalogue.kpis[usize::from(*number)];
            Family::new(format!("{prefix}{}", name_of(kpi)), FamilyKind::Gauge, help_of(kpi, whose))
        };
        let mut families: Vec<Family> = numbers.iter().map(of).collect();
        for row in self.evaluation.rows(self.tally, self.at_us, by, self.windows(), &numbers, None) {
            let Some(place) = numbers.iter().position(|number| *number == row.number) else { continue };
            let mut with: Vec<(&str, &str)> = Vec::with_capacity(3);
            if let Some((_, team)) = &row.key {
                with.push(("team", team));
            }
            with.push(("window", row.window.name()));
            if let Some(currency) = &row.currency {
                with.push(("currency", currency.code()));
            }
            families[place].sample(&with, &value_of(&row));
        }
        families
    }

    /// Who there is. Before there is a roster a rep's name is what the events call him.
    fn reps(&self) -> Family {
        let mut family = Family::new("onpace_rep_info", FamilyKind::Info, "The reps there are, with what may change about them");
        for name in self.rep_names().0 {
            family.sample(&[("rep", name), ("team", UNROSTERED), ("display_name", name), ("manager", "")], "1");
        }
        family
    }
}

const STAGE: Dimension = Dimension::Entered("stage");

/// Labels with one more.
fn with_label(with: &str, name: &str, value: &str) -> String {
    format!("{},{name}=\"{value}\"}}", with.strip_suffix('}').unwrap_or(with))
}
