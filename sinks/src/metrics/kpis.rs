//! KPIs as metrics: which name, which labels, which base unit.
//!
//! In: a tally, an evaluation, an instant, what may be on the page. Out: families. Leaf rows are by rep and team; teams and the company have
//! rows in metrics of their own, so that `sum()` over any one metric by rep is right.
//! Every rep has every KPI in every window and every common currency: 0, or NaN where there is nothing to divide by.

use onpace_kpis::{Kpi, Tally, Window};

use super::above::Above;
use super::budget::{Metric, Plan};
use super::converted::Converted;
use super::exposition::Family;
use super::leaves::{Leaves, is_staged};
use super::round::{Round, name_of};
use super::who;
use crate::evaluation::Evaluation;

/// What is on the page, and what isn't.
pub struct Kpis {
    /// The metrics.
    pub families: Vec<Family>,
    /// What was kept and dropped.
    pub plan: Plan,
    /// How many reps have a series together.
    pub folded: usize,
    /// Why money can't be converted, where it should be.
    pub unconvertible: Option<String>,
}

/// Every KPI of every rep, team and the company, as far as there is room for them.
pub fn of(tally: &Tally, evaluation: &Evaluation, at_us: i64, windows: &[Window], most: usize) -> Kpis {
    let plan = Plan::of(Vec::new(), windows, most);
    let mut round = Round { tally, evaluation, at_us, all: windows, plan };
    let leaves = Leaves::of(&round);
    let above = Above::of(&round);
    let converted = Converted::of(&round);
    round.plan = Plan::of(metrics(&round, &leaves, &above, &converted), windows, most);
    let mut families = leaves.families(&round);
    let unconvertible = converted.families(&round, &leaves, &mut families).err().map(|why| why.to_string());
    above.families(&round, &mut families);
    families.push(who::reps(evaluation, at_us, leaves.posts.iter().map(|post| &post.rep)));
    families.push(who::teams(evaluation));
    Kpis { families, folded: round.folded(), plan: round.plan, unconvertible }
}

/// The metrics in the order in which they go: what is by product, origin or stage; what is worked out; what is converted; what is counted;
/// of each the last of the catalogue first.
fn metrics(round: &Round<'_>, leaves: &Leaves, above: &Above, converted: &Converted) -> Vec<Metric> {
    let catalogue = &round.evaluation.catalogue;
    let mut metrics = above.by_values(round);
    let kpis = || catalogue.kpis.iter().rev();
    let rank = |kpi: &Kpi| if is_staged(catalogue, kpi) { 0 } else { 1 + u8::from(catalogue.adds_up(kpi)) };
    for wanted in 0..=2 {
        for kpi in kpis().filter(|kpi| rank(kpi) == wanted) {
            metrics.push(Metric { name: format!("onpace_{}", name_of(kpi)), each: leaves.each(catalogue, kpi) });
            metrics.extend(above.team(round, kpi));
        }
        if wanted == 1 {
            metrics.extend(converted.metrics(round, leaves));
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Write;
    use std::process::{Command, Stdio};

    use onpace_kpis::{By, KpiNo, MeasureNo, Question, Row, Slot};
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

    /// All that there is, in every window of the catalogue.
    fn families(tally: &Tally, evaluation: &Evaluation, most: usize) -> Vec<Family> {
        of(tally, evaluation, AT_US, &evaluation.catalogue.windows, most).families
    }

    fn lines(families: &[Family], format: Format) -> String {
        page(families, format)
    }

    #[test]
    fn a_row_for_every_rep_in_base_units() {
        let (evaluation, tally) = sales();
        let text = lines(&families(&tally, &evaluation, 1_000_000), Format::Text);
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
            r#"onpace_team_calls_made{team="unrostered",window="today"} 5"#,
            r#"onpace_company_calls_made{window="today"} 5"#,
            r#"onpace_company_revenue_won{window="all",currency="JPY"} 700"#,
            r#"onpace_company_stage_entered{deal_stage="won",window="all"} 1"#,
            r#"onpace_team_stage_entered{team="unrostered",deal_stage="de\"mo",window="all"} 4"#,
            r#"onpace_company_deals_won_by_product{product="",window="all"} 1"#,
            r#"onpace_team_revenue_won_by_origin{team="unrostered",origin="",window="all",currency="USD"} 1054.00"#,
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
        assert!(text.contains("onpace_sales_velocity_per_day{") && !text.contains("_converted"), "no rates, nothing converted");
    }

    #[test]
    fn summing_a_leaf_metric_gives_the_company() {
        let (evaluation, tally) = sales();
        let text = lines(&families(&tally, &evaluation, 1_000_000), Format::Text);
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
    fn past_the_bound_whole_windows_go_and_of_the_rest_nobody_is_missing() {
        let evaluation = evaluation();
        let names: Vec<String> = (0..100).map(|number| format!("rep {number:03}")).collect();
        let counters: Vec<_> = names.iter().map(|name| (name.as_str(), "calls_made", "", 0, 1)).collect();
        let tally = tally(&evaluation, &counters);
        let all = of(&tally, &evaluation, AT_US, &super::super::WINDOWS, usize::MAX);
        assert!(all.plan.is_whole());
        let written = |kpis: &Kpis| -> usize {
            let of_reps = kpis.families.iter().filter(|family| kpis.plan.has(family.name()));
            of_reps.map(|family| family.series).sum()
        };
        assert_eq!(written(&all), all.plan.series(), "as many as were planned");
        let some = of(&tally, &evaluation, AT_US, &super::super::WINDOWS, all.plan.series() / 3);
        assert_eq!((some.plan.windows.as_slice(), some.plan.without.len()), (&super::super::WINDOWS[..3], 0));
        assert_eq!(written(&some), some.plan.series());
        let text = lines(&some.families, Format::Text);
        for window in super::super::WINDOWS {
            let of_window = format!("window=\"{}\"", window.name());
            let rows = text.lines().filter(|line| line.starts_with("onpace_calls_made{") && line.contains(&of_window)).count();
            assert_eq!(rows, if some.plan.windows.contains(&window) { 100 } else { 0 }, "{window}");
            assert!(text.contains(&format!("onpace_company_calls_made{{{of_window}}}")), "the company has every window");
        }
        // One window and not enough room for it: metrics go, what is worked out before what is counted.
        let few = of(&tally, &evaluation, AT_US, &super::super::WINDOWS, 1_500);
        assert!(few.plan.has("onpace_calls_made") && !few.plan.has("onpace_win_rate_ratio") && few.plan.windows.len() == 1);
        assert_eq!((written(&few), few.plan.series() <= 1_500), (few.plan.series(), true));
    }

    #[test]
    fn revenue_is_converted_whole_or_not_at_all() {
        let yaml = "time_zone: UTC\ncurrency: EUR\nrates: rates.csv\nteams: [{ id: paris }]\npeople: [{ id: marie, teams: [{ team: paris }] }, { id: paul }]\n";
        let evaluation = crate::fixture::with_roster(yaml);
        let at_us = onpace_schemas::time::parse_instant("2026-02-20T18:00:00Z").unwrap();
        let (eur, usd, jpy) = (currency("EUR"), currency("USD"), currency("JPY"));
        let number = evaluation.catalogue.measures.iter().position(|known| known.name == "revenue_won").unwrap() as MeasureNo;
        let mut tally = Tally::new(&evaluation.catalogue.measures);
        let slot = Slot::of(onpace_schemas::Time::Instant(at_us - 3_600_000_000));
        for (rep, currency, cents) in [("marie", eur, 10_000), ("marie", usd, 4_000), ("paul", usd, 1_000)] {
            tally.apply(rep, number, ["", ""], currency, slot, cents);
        }
        let asked = |tally: &Tally| of(tally, &evaluation, at_us, &[Window::Today], usize::MAX);
        let kpis = asked(&tally);
        let text = lines(&kpis.families, Format::Text);
        for line in [
            r#"onpace_company_revenue_won_converted{window="today",currency="EUR"} 125.00"#,
            r#"onpace_team_revenue_won_converted{team="paris",window="today",currency="EUR"} 120.00"#,
            r#"onpace_revenue_won_converted{rep="marie",team="paris",window="today",currency="EUR"} 120.00"#,
            r#"onpace_revenue_won_converted{rep="paul",team="unrostered",window="today",currency="EUR"} 5.00"#,
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not on the page");
        }
        assert_eq!(kpis.unconvertible, None);
        // Nobody said what a yen is worth.
        tally.apply("paul", number, ["", ""], jpy, slot, 5);
        let kpis = asked(&tally);
        assert!(kpis.unconvertible.as_ref().is_some_and(|why| why.contains("JPY")), "{:?}", kpis.unconvertible);
        assert!(!lines(&kpis.families, Format::Text).contains("_converted"));
    }

    fn currency(code: &str) -> u32 {
        Currency::parse(code).unwrap().to_number()
    }

    /// Everything that is asked of the tally for a page grows with what there is to say, whatever is made up by whom.
    #[test]
    fn a_flood_of_values_makes_no_more_rows_than_are_shown() {
        let evaluation = evaluation();
        let number = |name: &str| evaluation.catalogue.measures.iter().position(|known| known.name == name).unwrap() as MeasureNo;
        let slot = Slot::of(onpace_schemas::Time::Instant(AT_US - 60_000_000));
        let mut tally = Tally::new(&evaluation.catalogue.measures);
        let (entered, won, calls) = (number("stage_entered"), number("deals_won"), number("calls_made"));
        for value in 0..20_000 {
            tally.apply("marie", entered, [&format!("stage {value}"), ""], 0, slot, 1);
            tally.apply("marie", won, [&format!("product {value}"), &format!("origin {value}")], 0, slot, 1);
            tally.apply(&format!("stranger {value}"), calls, ["", ""], 0, slot, 1);
        }
        let kpis = of(&tally, &evaluation, AT_US, &super::super::WINDOWS, usize::MAX);
        let text = lines(&kpis.families, Format::Text);
        let sum = |metric: &str| -> (usize, i64) {
            let start = format!("{metric}{{");
            let rows: Vec<&str> = text.lines().filter(|line| line.starts_with(&start) && line.contains("window=\"today\"")).collect();
            (rows.len(), rows.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap()).sum())
        };
        // marie, and whoever came first, and the rest.
        assert_eq!(sum("onpace_calls_made"), (501, 20_000));
        assert_eq!(sum("onpace_stage_entered"), (501 * 21, 20_000));
        assert_eq!(sum("onpace_company_stage_entered"), (51, 20_000));
        assert_eq!(sum("onpace_company_deals_won_by_product"), (51, 20_000));
        assert_eq!(sum("onpace_team_deals_won_by_origin"), (51, 20_000));
        assert_eq!((kpis.folded, tally.folded(), tally.reps().count()), (19_501, 10_001, 10_000));
    }

    #[test]
    fn promtool_has_nothing_to_say() {
        let (evaluation, tally) = sales();
        let mut families = families(&tally, &evaluation, 1_000_000);
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
