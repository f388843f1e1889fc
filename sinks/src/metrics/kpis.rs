//! KPIs as metrics: which name, which labels, which base unit.
//!
//! In: a tally, an evaluation, an instant. Out: families. Leaf rows are by rep and team; what does not add up also has rows by team
//! and for the company, in metrics of their own, so that `sum()` over any one metric is right.
//! Every rep has every KPI in every window and every currency: 0, or NaN where there is nothing to divide by.

use onpace_kpis::{By, Exact, Kpi, KpiNo, Question, Row, Tally, Unit, Window};

use super::exposition::{Family, FamilyKind, number};
use super::{leaves, who};
use crate::evaluation::Evaluation;

/// Every KPI of every rep, team and the company.
pub fn families(tally: &Tally, evaluation: &Evaluation, at_us: i64, series_per_metric: usize) -> Vec<Family> {
    let mut round = Round { tally, evaluation, at_us, cap: series_per_metric, dropped: Vec::new() };
    let (mut families, reps) = leaves::families(&mut round);
    families.extend(round.above("onpace_team_", By::Team));
    families.extend(round.above("onpace_company_", By::Company));
    families.push(who::reps(evaluation, at_us, &reps));
    families.push(who::teams(evaluation));
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
    /// At most so many series to a metric.
    pub cap: usize,
    /// How many there was no room for, by metric.
    pub dropped: Vec<(String, usize)>,
}

impl<'a> Round<'a> {
    pub fn windows(&self) -> &'a [Window] {
        &self.evaluation.catalogue.windows
    }

    /// All KPIs of everybody by something, in every window of the catalogue.
    pub fn question(&self, by: By) -> Question<'a> {
        Question::new(self.at_us, by, self.windows())
    }

    pub fn rows(&self, question: Question<'_>) -> Vec<Row> {
        self.evaluation.unconverted(self.tally, question)
    }

    /// What does not add up over reps, for a team or the company.
    fn above(&mut self, prefix: &str, by: By) -> Vec<Family> {
        let catalogue = &self.evaluation.catalogue;
        let wanted = catalogue.kpis.iter().enumerate().filter(|(_, kpi)| !catalogue.adds_up(kpi));
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
        for row in self.rows(Question { kpis: &numbers, ..self.question(by) }) {
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
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Write;
    use std::process::{Command, Stdio};

    use onpace_kpis::{MeasureNo, Slot};
    use onpace_schemas::Currency;

    use super::super::exposition::{Format, page};
    use super::*;
    use crate::fixture::evaluation;

    const AT_US: i64 = 1_772_000_000_000_000;
    const HOSTILE: &str = "a\"b\\c\n{}=,\u{202e}=cmd|' /C calc'!A0 😀";

    fn tally(evaluation: &Evaluation, counters: &[(&str, &str, &str, u32, i128)]) -> Tally {
        let mut tally = Tally::new(&evaluation.catalogue.measures);
        for (rep, measure, dim, extra, value) in counters {
            let number = evaluation.catalogue.measures.iter().position(|known| known.name == *measure).unwrap() as MeasureNo;
            tally.apply(rep, number, [dim, ""], *extra, Slot::of(onpace_schemas::Time::Instant(AT_US - 60_000_000)), *value);
        }
        tally
    }

    fn sales() -> (Evaluation, Tally) {
        let evaluation = evaluation();
        let (usd, jpy) = (Currency::parse("USD").unwrap().to_number(), Currency::parse("JPY").unwrap().to_number());
        let cycle = onpace_kpis::histogram::bucket(86_400);
        let tally = tally(
            &evaluation,
            &[
                ("marie", "calls_made", "", 0, 3),
                ("marie", "talk_time_s", "", 0, 90),
                ("marie", "deals_won", "", 0, 1),
                ("marie", "deals_lost", "", 0, 1),
                ("marie", "deals_won_valued", "", usd, 1),
                ("marie", "revenue_won", "", usd, 105_400),
                ("marie", "sales_cycle_s", "", cycle, 1),
                (HOSTILE, "calls_made", "", 0, 2),
                (HOSTILE, "revenue_won", "", jpy, 700),
                (HOSTILE, "stage_entered", "de\"mo", 0, 4),
                ("marie", "stage_entered", "won", 0, 1),
            ],
        );
        (evaluation, tally)
    }

    fn company(evaluation: &Evaluation, tally: &Tally, kpis: &[KpiNo], window: Window) -> f64 {
        let windows = [window];
        let question = Question { kpis, ..Question::new(AT_US, By::Company, &windows) };
        evaluation.rows(tally, &question).unwrap().iter().map(Row::to_f64).sum()
    }

    fn lines(families: &[Family], format: Format) -> String {
        page(families, format)
    }

    #[test]
    fn a_row_for_every_rep_in_base_units() {
        let (evaluation, tally) = sales();
        let text = lines(&families(&tally, &evaluation, AT_US, 10_000), Format::Text);
        for line in [
            r#"onpace_calls_made{rep="marie",team="unrostered",window="today"} 3"#,
            r#"onpace_calls_made{rep="marie",team="unrostered",window="yesterday"} 0"#,
            r#"onpace_talk_time_seconds{rep="marie",team="unrostered",window="7d"} 90"#,
            r#"onpace_revenue_won{rep="marie",team="unrostered",window="all",currency="USD"} 1054.00"#,
            r#"onpace_revenue_won{rep="marie",team="unrostered",window="all",currency="JPY"} 0"#,
            r#"onpace_average_deal{rep="marie",team="unrostered",window="all",currency="JPY"} NaN"#,
            r#"onpace_win_rate_ratio{rep="marie",team="unrostered",window="month"} 0.5"#,
            r#"onpace_connect_rate_ratio{rep="marie",team="unrostered",window="last_year"} NaN"#,
            r#"onpace_team_win_rate_ratio{team="unrostered",window="month"} 0.5"#,
            r#"onpace_company_win_rate_ratio{window="month"} 0.5"#,
            r#"onpace_company_average_deal{window="all",currency="USD"} 1054.00"#,
            r#"onpace_stage_entered{rep="marie",team="unrostered",window="all",deal_stage="won"} 1"#,
            r#"onpace_stage_entered{rep="marie",team="unrostered",window="all",deal_stage="de\"mo"} 0"#,
            r#"onpace_rep_info{rep="marie",team="unrostered",display_name="marie",manager="",language="en"} 1"#,
            r#"onpace_team_info{team="unrostered",parent="",manager="",display_name="unrostered"} 1"#,
            r#"onpace_series_dropped{metric="onpace_calls_made"} 0"#,
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not on the page");
        }
        let days = text
            .lines()
            .find(|line| line.starts_with(r#"onpace_sales_cycle_seconds{rep="marie",team="unrostered",window="all"}"#))
            .unwrap();
        let seconds: f64 = days.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((seconds - 86_400.0).abs() < 864.0, "{days}");
        assert!(text.contains("onpace_sales_cycle_p90_seconds{"));
        assert!(!text.contains("onpace_company_calls_made") && !text.contains("onpace_team_calls_made"), "what adds up has leaf rows only");
    }

    #[test]
    fn summing_a_leaf_metric_gives_the_company() {
        let (evaluation, tally) = sales();
        let text = lines(&families(&tally, &evaluation, AT_US, 10_000), Format::Text);
        for kpi in evaluation.catalogue.kpis.iter().filter(|kpi| evaluation.catalogue.adds_up(kpi)) {
            let start = format!("onpace_{}{{", name_of(kpi));
            let rows = text.lines().filter(|line| line.starts_with(&start) && line.contains(r#"window="all""#));
            let sum: f64 = rows.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
            let number = evaluation.catalogue.select([&*kpi.name]).unwrap();
            let company: f64 = company(&evaluation, &tally, &number, Window::All);
            assert_eq!(sum, company, "{}", kpi.name);
        }
    }

    #[test]
    fn beyond_the_cap_series_are_dropped_and_counted() {
        let evaluation = evaluation();
        let names: Vec<String> = (0..100).map(|number| format!("rep {number:03}")).collect();
        let counters: Vec<_> = names.iter().map(|name| (name.as_str(), "calls_made", "", 0, 1)).collect();
        let tally = tally(&evaluation, &counters);
        let windows = evaluation.catalogue.windows.len();
        let text = lines(&families(&tally, &evaluation, AT_US, 10 * windows), Format::Text);
        let kept = text.lines().filter(|line| line.starts_with("onpace_calls_made{")).count();
        assert_eq!(kept, 10 * windows);
        assert!(text.contains(&format!("onpace_series_dropped{{metric=\"onpace_calls_made\"}} {}\n", 90 * windows)));
        let whole = lines(&families(&tally, &evaluation, AT_US, 100 * windows), Format::Text);
        assert!(whole.contains("onpace_series_dropped{metric=\"onpace_calls_made\"} 0\n"));
        assert_eq!(whole.lines().filter(|line| line.starts_with("onpace_calls_made{")).count(), 100 * windows);
    }

    #[test]
    fn promtool_has_nothing_to_say() {
        let (evaluation, tally) = sales();
        let mut families = families(&tally, &evaluation, AT_US, 10_000);
        families.push(super::super::pipeline::build_info());
        let promtool = std::env::var("ONPACE_TEST_PROMTOOL").unwrap_or_else(|_| "promtool".into());
        let mut child = Command::new(promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(lines(&families, Format::Text).as_bytes()).unwrap();
        let said = child.wait_with_output().unwrap();
        assert_eq!((String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr)), ("".into(), "".into()));
        assert!(said.status.success());
    }
}
