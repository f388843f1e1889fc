//! Questions that are answered, and those that are refused with what is known instead.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_kpis::{Catalogue, MeasureNo, Slot};
use onpace_schemas::time::{parse_date, parse_instant, show_instant};

use super::*;
use crate::fixture::{evaluation, with_roster};

const ROSTER: &str = "time_zone: Europe/Paris\nteams: [{ id: paris, name: Paris }, { id: lyon, name: Lyon }]\n\
    people: [{ id: marie, name: Marie, identities: [\"crm:1\"], teams: [{ team: paris }] }, { id: luc, name: Luc, teams: [{ team: lyon }] }]\n";

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(of: &[(&str, &str)]) -> Result<Asked, Wrong> {
    Asked::read(&pairs(of), &with_roster(ROSTER))
}

fn refused(of: &[(&str, &str)]) -> String {
    let wrong = read(of).unwrap_err();
    format!("{}: {}", wrong.parameter, wrong.why)
}

fn tally(catalogue: &Catalogue) -> Tally {
    let mut tally = Tally::new(&catalogue.measures);
    let mut add = |rep: &str, measure: &str, dim: &str, date: &str| {
        let number = catalogue.measures.iter().position(|known| known.name == measure).unwrap() as MeasureNo;
        tally.apply(rep, number, [dim, ""], 0, Slot::Date(parse_date(date).unwrap()), 1);
    };
    add("crm:1", "calls_made", "", "2025-01-31");
    add("crm:1", "deals_won", "Pro", "2025-03-07");
    add("stranger", "calls_made", "", "2025-03-08");
    tally
}

fn rows(of: &[(&str, &str)]) -> Result<Vec<Row>, String> {
    let evaluation = with_roster(ROSTER);
    let asked = Asked::read(&pairs(of), &evaluation).map_err(|wrong| format!("{}: {}", wrong.parameter, wrong.why))?;
    let at_us = asked.at_us.unwrap_or(parse_instant("2025-03-31T12:00:00Z").unwrap());
    asked.rows(&evaluation, &tally(&evaluation.catalogue), at_us, 1_000).map_err(|refused| match refused {
        Refused::Wrong(wrong) => format!("{}: {}", wrong.parameter, wrong.why),
        Refused::Unconvertible(why) => why.to_string(),
    })
}

#[test]
fn without_anything_it_is_the_company_today_and_this_month() {
    let asked = read(&[]).unwrap();
    assert_eq!((asked.by, asked.windows, asked.at_us), (By::Company, vec![Window::Today, Window::Month], None));
}

#[test]
fn parameters_may_be_repeated_but_some_of_them() {
    let asked = read(&[
        ("by", "rep"),
        ("window", "7d"),
        ("window", "month"),
        ("window", "7d"),
        ("rep", "a"),
        ("rep", "é"),
        ("only", "a"),
        ("at", "1970-01-01T00:00:01+00:00"),
    ])
    .unwrap();
    assert_eq!((asked.by, asked.windows, asked.at_us), (By::Rep, vec![Window::D7, Window::Month], Some(1_000_000)));
    assert_eq!(asked.keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["a", "é"]);
    assert_eq!(read(&[("team", "paris"), ("team", "lyon")]).unwrap().by, By::Team);
    assert_eq!(read(&[("team", "paris"), ("rep", "b"), ("currency", "EUR")]).unwrap().currency, Currency::parse("EUR").ok());
    assert_eq!(read(&[("team", "paris"), ("team", "lyon"), ("by", "rep")]).unwrap_err().parameter, "team");
    for once in [("at", "1970-01-01T00:00:01Z"), ("by", "rep"), ("every", "day"), ("currency", "EUR")] {
        assert_eq!(refused(&[once, once]), format!("{0}: `{0}` can be given once", once.0));
    }
}

#[test]
fn what_is_unknown_is_named_with_what_was_perhaps_meant() {
    assert!(refused(&[("windwo", "7d")]).contains("did you mean `window`"));
    assert!(refused(&[("window", "yesteray")]).contains("`yesterday`"));
    assert!(refused(&[("window", "45d")]).starts_with("window: there is no window `45d`; there are 1h, 24h, 7d"));
    assert!(refused(&[("period", "2025-13")]).starts_with("period: there is no period `2025-13`"));
    assert!(refused(&[("every", "fortnight")]).starts_with("every: `fortnight`"));
    assert!(refused(&[("by", "company"), ("team", "paris")]).contains("by=team"));
    assert!(refused(&[("by", "product"), ("rep", "marie")]).contains("by rep"));
    assert!(refused(&[("only", "marie")]).starts_with("only: "));
    assert!(refused(&[("currency", "euro")]).contains("euro"));
    assert!(refused(&[("by", "reps")]).contains("`rep`"));
    assert!(refused(&[("kpi", "call_made")]).contains("did you mean `calls_made`"));
    assert!(refused(&[("team", "pariss")]).ends_with("there is no team `pariss`; did you mean `paris`?"));
    assert!(
        refused(&[("by", "product"), ("kpi", "calls_made")]).ends_with("is not counted by product; it can be asked by company, rep, team")
    );
    assert!(refused(&[("at", "2026-03-02T18:00:00")]).contains("offset"));
    assert!(refused(&[("at", "2026-03-02T18:00:00 02:00")]).contains("%2B"));
    assert!(refused(&[("every", "day")]).starts_with("every: `every` divides a window"));
    assert!(refused(&[("every", "day"), ("window", "week"), ("window", "month")]).contains("just one"));
}

#[test]
fn a_name_that_nobody_has_is_refused_and_one_of_whom_nothing_is_counted_is_not() {
    let one = |parameter, name| rows(&[(parameter, name), ("window", "all"), ("kpi", "calls_made")]).map(|rows| rows.len());
    assert_eq!((one("rep", "marie"), one("rep", "luc"), one("rep", "stranger"), one("rep", "unassigned")), (Ok(1), Ok(1), Ok(1), Ok(0)));
    assert_eq!(one("rep", "mari").unwrap_err(), "rep: there is no rep `mari`; did you mean `marie`?");
    assert_eq!(one("rep", "crm:1").unwrap_err(), "rep: `crm:1` is what events call `marie`; ask for that id");
    let in_team = |rep| rows(&[("rep", rep), ("team", "paris"), ("window", "all"), ("kpi", "calls_made")]).map(|rows| rows.len());
    assert_eq!(in_team("marie"), Ok(1));
    assert_eq!(in_team("luc").unwrap_err(), "rep: nothing of the rep `luc` was done for that team; leave `team` out");
    let product = |name| rows(&[("by", "product"), ("only", name), ("window", "all"), ("kpi", "deals_won")]).map(|rows| rows.len());
    assert_eq!(product("Pro"), Ok(1));
    assert_eq!(product("Pra").unwrap_err(), "only: there is no product `Pra`; did you mean `Pro`?");
    // A KPI of money that nobody has any of gives no row; the rep is known all the same.
    assert_eq!(rows(&[("rep", "marie"), ("window", "all"), ("kpi", "revenue_won")]).map(|rows| rows.len()), Ok(0));
    let evaluation = with_roster(ROSTER);
    let asked = Asked::read(&pairs(&[("by", "rep")]), &evaluation).unwrap();
    let refused = asked.rows(&evaluation, &tally(&evaluation.catalogue), 1_743_422_400_000_000, 10).unwrap_err();
    assert!(matches!(refused, Refused::Wrong(wrong) if wrong.parameter == "by" && wrong.why.contains("more than 10 values")));
}

#[test]
fn a_date_is_its_end_in_the_companys_zone() {
    let zone = TimeZone::get("Europe/Paris").unwrap();
    assert_eq!(show_instant(instant("2025-03-31", &zone).unwrap()), "2025-03-31T21:59:59Z");
    assert_eq!(instant("2025-03-31T00:00:00+02:00", &zone), parse_instant("2025-03-30T22:00:00Z"));
    let today = rows(&[("at", "2025-03-07"), ("window", "today"), ("kpi", "deals_won")]).unwrap();
    assert_eq!(today[0].plain(), "1");
}

#[test]
fn a_period_by_name_and_a_series_add_up() {
    let of = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        rows(pairs).unwrap().iter().map(|row| (row.window.to_string(), row.plain())).collect()
    };
    let text = |rows: &[(&str, &str)]| rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let calls = ("kpi", "calls_made");
    assert_eq!(of(&[("period", "2025-01"), ("period", "2025-Q1"), calls]), text(&[("2025-01", "1"), ("2025-Q1", "2")]));
    assert_eq!(of(&[("period", "2025-Q1"), ("every", "month"), calls]), text(&[("2025-01", "1"), ("2025-02", "0"), ("2025-03", "1")]));
    assert_eq!(of(&[("window", "all"), ("every", "month"), calls]).len(), 3, "from the first event on");
    assert_eq!(of(&[("window", "all"), ("every", "year"), ("at", "2024-06-01"), calls]), text(&[]), "before there was anything");
    assert!(rows(&[("period", "2025-05"), calls]).unwrap_err().starts_with("period: 2025-05 begins on 2025-05-01, after the instant"));
    assert!(rows(&[("window", "all"), ("every", "day"), ("at", "2055-01-01"), calls]).unwrap_err().contains("more than 4000 parts"));
    assert_eq!(Asked::read(&pairs(&[("every", "day"), ("window", "all")]), &evaluation()).unwrap().every, Some(Every::Day));
}
