//! Personal bests as a metric: a series for each rep's last day or week that is over and above every earlier one.
//!
//! In: a tally. Out: one family, labels {rep, team, kpi, span, period}, in base units (money in major units of the reporting currency).
//! A series goes when the next day or week is over. Never here: what a best is.

use onpace_kpis::Tally;
use onpace_kpis::objective::bests;
use onpace_kpis::roster::UNROSTERED;
use onpace_kpis::row::float_of;
use onpace_metrics::table;
use onpace_schemas::time::show_date;

use super::exposition::{Family, number};
use crate::evaluation::Evaluation;

/// The bests at an instant, microseconds since 1970.
pub fn family(tally: &Tally, evaluation: &Evaluation, at_us: i64) -> Family {
    let mut family = Family::of(&table::PERSONAL_BEST);
    let (catalogue, roster) = (&evaluation.catalogue, &evaluation.roster);
    for best in bests(catalogue, tally, roster, &evaluation.objectives, at_us) {
        let kpi = &catalogue.kpis[usize::from(best.kpi)];
        let period = show_date(best.days.start);
        let labels = [
            ("rep", &*roster.people[best.person].id),
            ("team", best.team.map_or(UNROSTERED, |team| &*roster.teams[team].id)),
            ("kpi", &*kpi.name),
            ("span", best.span.name()),
            ("period", &*period),
        ];
        family.sample(&labels, &number(float_of(&best.value, kpi.unit, roster.currency)));
    }
    family
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_kpis::Slot;
    use onpace_kpis::objective::parse;
    use onpace_schemas::time::{parse_date, parse_instant};
    use onpace_schemas::{Currency, Time};

    use super::super::exposition::{Format, page};
    use super::*;
    use crate::fixture::with_roster;

    #[test]
    fn a_best_has_a_series_until_the_next_day_is_over() {
        let mut evaluation = with_roster(
            "time_zone: Europe/Paris\ncurrency: EUR\nrates: rates.csv\nteams: [{ id: paris, name: Paris }]\n\
             people:\n  - { id: marie, name: Marie, identities: [\"hub:1\"], teams: [{ team: paris }] }\n  - { id: \"pau\\\"l\", name: Paul }\n",
        );
        let wanted = "objectives:\n  - { id: calls, kpi: calls_made, scope: company, target: 4, period: week }\n  \
                      - { id: revenue, kpi: revenue_won, scope: company, target: 4, period: month }\n";
        evaluation.objectives = parse(wanted, &evaluation.catalogue, &evaluation.roster).unwrap();
        let mut tally = Tally::new(&evaluation.catalogue.measures);
        let number = |name: &str| evaluation.catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as u16;
        let euros = Currency::parse("EUR").unwrap().to_number();
        let day = parse_date("2026-03-10").unwrap();
        for (back, calls, cents) in (1..=20).map(|back| (back, 1, 5_000)).chain([(0, 7, 12_345)]) {
            tally.apply("marie", number("calls_made"), ["", ""], 0, Slot::of(Time::Date(day - back)), calls);
            tally.apply("pau\"l", number("revenue_won"), ["", ""], euros, Slot::of(Time::Date(day - back)), cents);
        }
        let shown = |at: &str| -> Vec<String> {
            let text = page(&[family(&tally, &evaluation, parse_instant(at).unwrap())], Format::Text);
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
        };
        let both = [
            r#"onpace_personal_best{rep="marie",team="paris",kpi="calls_made",span="day",period="2026-03-10"} 7"#,
            r#"onpace_personal_best{rep="pau\"l",team="unrostered",kpi="revenue_won",span="day",period="2026-03-10"} 123.45"#,
        ];
        assert_eq!(shown("2026-03-10T23:59:59+01:00"), [""; 0]);
        assert_eq!(shown("2026-03-11T00:00:00+01:00"), both);
        assert_eq!(shown("2026-03-11T23:59:59+01:00"), both);
        assert_eq!(shown("2026-03-12T00:00:00+01:00"), [""; 0]);
    }
}
