//! What the parts of the page share while it is worked out: what is asked, and how a KPI is named, explained and written.
//!
//! In: a tally, an evaluation, an instant. Out: rows, a key at a time; names, helps and values in base units. Never here: which metrics there are.

use onpace_kpis::{By, Exact, Kpi, Question, Row, Tally, Unit, Window};

use super::budget::Plan;
use super::exposition::number;
use crate::evaluation::Evaluation;

/// So many reps whom no roster knows have series of their own where a roster leaves room for them; the rest have one together.
const STRANGERS: usize = 500;

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
        Unit::MoneyPerDay => format!("{}_per_day", name.strip_suffix("_per_day").unwrap_or(name)),
        // A gauge may not look like a counter.
        Unit::Count | Unit::Money => name.strip_suffix("_total").unwrap_or(name).to_owned(),
    }
}

pub(super) fn help_of(kpi: &Kpi, whose: &str) -> String {
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
pub(super) fn value_of(row: &Row) -> String {
    match (&row.value, row.unit) {
        (None, _) => "NaN".into(),
        (Some(days), Unit::Days) => number(days.mul(&Exact::from(86_400)).to_f64()),
        (Some(_), Unit::Ratio) => number(row.to_f64()),
        (Some(_), Unit::Count | Unit::Seconds | Unit::Money | Unit::MoneyPerDay) => row.plain(),
    }
}

/// One working out of the whole page.
pub(super) struct Round<'a> {
    pub tally: &'a Tally,
    pub evaluation: &'a Evaluation,
    pub at_us: i64,
    /// The windows that the company has.
    pub all: &'a [Window],
    /// What reps and teams have.
    pub plan: Plan,
}

impl Round<'_> {
    /// All KPIs of everybody by something, in the windows of reps and teams.
    pub fn question(&self, by: By) -> Question<'_> {
        Question::new(self.at_us, by, &self.plan.windows)
    }

    /// The rows that answer a question, a key at a time; per currency.
    pub fn each(&self, question: Question<'_>, wanted: &mut dyn FnMut(&str) -> bool, each: &mut dyn FnMut(&[Row])) {
        self.evaluation.each_unconverted(self.tally, question, wanted, each);
    }

    /// How many reps whom no roster knows have series of their own.
    pub fn strangers(&self) -> usize {
        self.evaluation.strangers(STRANGERS)
    }

    /// How many reps have a series together.
    pub fn folded(&self) -> usize {
        let strangers = self.tally.reps().filter(|rep| self.evaluation.is_stranger(rep.name())).count();
        strangers.saturating_sub(self.strangers()) + self.tally.folded()
    }
}
