//! Objectives are read as they are written, or refused with the line, the cause and the cure.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write;

use onpace_kpis::objective::{Direction, Importance, Objective, Pace, Period, Scope, parse};
use onpace_kpis::{Catalogue, Exact, Roster};
use onpace_schemas::Currency;
use onpace_schemas::time::parse_date;

const EXAMPLE: &str = "objectives:
  - id: calls-paris
    kpi: prospecting_calls
    scope: { each_rep_of: paris }      # or rep, team, company
    target: 40
    period: week                        # day, week, month, quarter, year, or {from, to}, both days included
    pace: working_time                  # linear, or {months: [...]} / {weeks: [...]}: shares that add to 100 %
    from: 2026-01-05                    # when it begins to count; default: with the company's first event
  - { id: revenue-q, kpi: revenue_won, scope: { team: france }, target: 250000, currency: EUR, period: quarter, importance: high }
  - { id: win-rate, kpi: win_rate, scope: company, target: 0.35, period: quarter, min_sample: 20 }
  - { id: no-shows, kpi: meetings_no_show, scope: company, target: 5, direction: at_most, period: month }
";

const ROSTER: &str = "
time_zone: Europe/Paris
currency: EUR
teams: [{ id: france }, { id: paris, parent: france }]
people: [{ id: marie, identities: [marie@acme.fr] }, { id: paul }]
";

fn roster(yaml: &str) -> Roster {
    Roster::parse(yaml, &mut |_| Err("none".to_owned())).unwrap()
}

fn read_with(yaml: &str, roster: &Roster) -> Result<Vec<Objective>, String> {
    parse(yaml, &Catalogue::built_in().unwrap(), roster).map_err(|mistake| mistake.to_string())
}

/// The objective of these keys, or what is said of it.
fn one(keys: &str) -> Result<Objective, String> {
    read_with(&format!("objectives:\n - {{ id: x, {keys} }}\n"), &roster(ROSTER)).map(|mut all| all.remove(0))
}

fn day(text: &str) -> i32 {
    parse_date(text).unwrap()
}

fn ratio(numerator: i128, denominator: i128) -> Exact {
    Exact::ratio(numerator, denominator).unwrap()
}

#[test]
fn the_example_says_what_it_says() {
    let catalogue = Catalogue::built_in().unwrap();
    let read = read_with(EXAMPLE, &roster(ROSTER)).unwrap();
    let number = |name: &str| catalogue.select([name]).unwrap()[0];
    let calls = Objective {
        id: "calls-paris".into(),
        name: "calls-paris".into(),
        line: 2,
        kpi: number("prospecting_calls"),
        scope: Scope::EachRepOf(1),
        target: Exact::from(40),
        currency: None,
        direction: Direction::AtLeast,
        tolerance: ratio(1, 10),
        importance: Importance::Normal,
        min_sample: 20,
        prorate_absences: false,
        prorate_holidays: false,
        period: Period::Week,
        pace: Pace::WorkingTime,
        from: Some(day("2026-01-05")),
    };
    assert_eq!(read[0], calls);
    let eur = Currency::parse("EUR").unwrap();
    assert_eq!((read[1].line, read[1].scope, read[1].importance), (9, Scope::Team(0), Importance::High));
    assert_eq!((&read[1].target, read[1].currency), (&Exact::from(25_000_000), Some(eur)));
    assert_eq!((&read[2].target, read[2].currency, read[2].kpi), (&ratio(7, 20), None, number("win_rate")));
    assert_eq!((read[3].direction, read[3].scope, read[3].period), (Direction::AtMost, Scope::Company, Period::Month));
    assert_eq!(read.len(), 4);
}

#[test]
fn targets_are_exact_and_money_is_in_minor_units() {
    let target =
        |keys: &str| one(&format!("{keys}, scope: company, period: month")).map(|objective| (objective.target, objective.currency));
    let currency = |code| Some(Currency::parse(code).unwrap());
    assert_eq!(target("kpi: revenue_won, target: 0.10"), Ok((Exact::from(10), currency("EUR"))));
    assert_eq!(target("kpi: revenue_won, target: 250000, currency: JPY"), Ok((Exact::from(250_000), currency("JPY"))));
    assert_eq!(target("kpi: revenue_won, target: 1.250, currency: KWD"), Ok((Exact::from(1_250), currency("KWD"))));
    // Counted by currency, but no money.
    assert_eq!(target("kpi: win_rate_by_value, target: 0.4"), Ok((ratio(2, 5), currency("EUR"))));
    assert_eq!(target("kpi: deals_won_valued, target: 12, currency: USD"), Ok((Exact::from(12), currency("USD"))));
    assert_eq!(target("kpi: win_rate, target: 0.1"), Ok((ratio(1, 10), None)));
    assert_eq!(target("kpi: deals_won, target: '0'"), Ok((Exact::from(0), None)));
}

#[test]
fn scopes_periods_and_paces_are_what_they_are_called() {
    let with = |keys: &str| one(&format!("kpi: deals_won, target: 4, {keys}"));
    assert_eq!(with("scope: { rep: marie }, period: day").unwrap().scope, Scope::Rep(0));
    assert_eq!(with("scope: { rep: marie@acme.fr }, period: day").unwrap().scope, Scope::Rep(0));
    let pace = |period: &str, pace: &str| with(&format!("scope: company, period: {period}, pace: {pace}")).unwrap().pace;
    let shares = |percent: &[i128]| percent.iter().map(|share| ratio(*share, 100)).collect::<Vec<_>>();
    assert_eq!(pace("year", "linear"), Pace::Linear);
    assert_eq!(pace("month", "{ months: [100] }"), Pace::Months(shares(&[100])));
    assert_eq!(pace("quarter", "{ months: [30 %, 30.0, \"40%\"] }"), Pace::Months(shares(&[30, 30, 40])));
    let eighths = vec![ratio(1, 8); 4];
    assert_eq!(pace("{ from: 2025-12-31, to: 2026-03-01 }", "{ months: [12.5, 12.5, 12.5, 62.5] }"), {
        let mut expected = eighths[..3].to_vec();
        expected.push(ratio(5, 8));
        Pace::Months(expected)
    });
    assert_eq!(
        pace("year", "{ months: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100] }"),
        Pace::Months([vec![ratio(0, 1); 11], shares(&[100])].concat())
    );
    assert_eq!(pace("month", "{ weeks: [10, 20, 30, 40, 0] }"), Pace::Weeks(shares(&[10, 20, 30, 40, 0])));
    assert_eq!(pace("week", "{ weeks: [100] }"), Pace::Weeks(shares(&[100])));
    for (period, weeks) in
        [("quarter", 14), ("year", 53), ("{ from: 2026-01-01, to: 2026-01-14 }", 2), ("{ from: 2026-01-01, to: 2026-01-15 }", 3)]
    {
        // One for each week begun, in the longest such period; fewer are refused as more are.
        let list = |count: usize| format!("{{ weeks: [{}100] }}", "0, ".repeat(count - 1));
        let Pace::Weeks(shares) = pace(period, &list(weeks)) else { panic!("weeks") };
        assert_eq!(shares.len(), weeks, "{period}");
        for count in [weeks - 1, weeks + 1] {
            let refused = with(&format!("scope: company, period: {period}, pace: {}", list(count))).unwrap_err();
            assert!(refused.contains(&format!("`weeks` has {count} shares; in this period {weeks} weeks begin")), "{refused}");
        }
    }
    let once = with("scope: company, period: { from: 2026-01-05, to: 2026-01-05 }, from: 2026-01-05").unwrap();
    assert_eq!(once.period, Period::Once(day("2026-01-05"), day("2026-01-05")));
    let all = with("scope: company, period: day, tolerance: 0.05, min_sample: 1, prorate_absences: true, importance: normal").unwrap();
    assert_eq!((all.tolerance, all.min_sample, all.prorate_absences, all.prorate_holidays), (ratio(1, 20), 1, true, false));
    let named = with("scope: company, period: day, prorate_holidays: true, name: 'Deals won: Paris, \"all\" of them'").unwrap();
    assert_eq!((&*named.id, &*named.name, named.prorate_holidays), ("x", "Deals won: Paris, \"all\" of them", true));
}

#[test]
fn what_cannot_be_used_is_refused() {
    let calls = "kpi: deals_won, scope: company, period: month";
    for (keys, said) in [
        ("kpi: deals_wonn, scope: company, target: 4, period: day", "there is no KPI `deals_wonn`; did you mean `deals_won`?"),
        (
            "kpi: happiness_of_all, scope: company, target: 4, period: day",
            "there is no KPI `happiness_of_all`; `onpace catalogue` lists them",
        ),
        ("scope: company, target: 4, period: day", "an objective needs `kpi`"),
        ("kpi: deals_won, target: 4, period: day", "an objective needs `scope`: company, or one of"),
        ("kpi: deals_won, scope: company, period: day", "an objective needs `target`"),
        ("kpi: deals_won, scope: compny, target: 4, period: day", "`compny` is no scope; did you mean `company`?"),
        ("kpi: deals_won, scope: rep, target: 4, period: day", "which rep? Write { rep: … }"),
        ("kpi: deals_won, scope: {}, target: 4, period: day", "`scope` is company, or exactly one of"),
        ("kpi: deals_won, scope: { rep: marie, team: paris }, target: 4, period: day", "`scope` is company, or exactly one of"),
        ("kpi: deals_won, scope: { reps: marie }, target: 4, period: day", "`scope` has no `reps`; did you mean `rep`?"),
        ("kpi: deals_won, scope: { rep: mary }, target: 4, period: day", "there is no person `mary` in the roster; did you mean `marie`?"),
        ("kpi: deals_won, scope: { team: pari }, target: 4, period: day", "there is no team `pari` in the roster; did you mean `paris`?"),
        (
            "kpi: deals_won, scope: { each_rep_of: sales }, target: 4, period: day",
            "there is no team `sales` in the roster; known are `france`",
        ),
        ("kpi: deals_won, scope: { team: unrostered }, target: 4, period: day", "`unrostered` is whoever is in no team"),
        (&format!("{calls}, target: -4"), "-4 is negative; write 0 or more"),
        (&format!("{calls}, target: 1_000"), "`1_000` is no number; write digits with a point"),
        (&format!("{calls}, target: 1e3"), "`1e3` is no number"),
        (&format!("{calls}, target: many"), "`many` is no number"),
        (&format!("{calls}, target: [4]"), "`target` is one text or number; this is a list"),
        (&format!("{calls}, target: 4, currency: EUR"), "`deals_won` has no currency; leave `currency` out"),
        ("kpi: revenue_won, scope: company, period: month, target: 1.005", "1.005 is not a whole number of EUR's minor units"),
        ("kpi: revenue_won, scope: company, period: month, target: 1, currency: eur", "`eur` is no currency; did you mean `EUR`?"),
        ("kpi: deals_won, scope: company, target: 4", "an objective needs `period`, for a period needs an end"),
        ("kpi: deals_won, scope: company, target: 4, period: { from: 2026-01-05 }", "a period needs an end: write `to`, its last day"),
        ("kpi: deals_won, scope: company, target: 4, period: { to: 2026-01-05 }", "`period` needs `from`, the day it begins"),
        ("kpi: deals_won, scope: company, target: 4, period: {}", "`period` needs `from`"),
        ("kpi: deals_won, scope: company, target: 4, period: montly", "`montly` is no period; did you mean `month`?"),
        (
            "kpi: deals_won, scope: company, target: 4, period: { from: 2026-02-01, to: 2026-01-31 }",
            "the period ends on 2026-01-31, before it begins on 2026-02-01",
        ),
        (
            "kpi: deals_won, scope: company, target: 4, period: { from: 2026-02-01, to: 2062-01-31 }",
            "the period from 2026-02-01 to 2062-01-31 is longer than ten years",
        ),
        (
            "kpi: deals_won, scope: company, target: 4, period: { from: 2026-01-01, to: 2026-01-31 }, from: 2026-01-02",
            "the only period (line 2) begins before `from`, so it would never be shown",
        ),
        (&format!("{calls}, target: 4, from: tomorrow"), "`tomorrow` is no date"),
        (&format!("{calls}, target: 4, pace: liner"), "`liner` is no pace; did you mean `linear`?"),
        (&format!("{calls}, target: 4, pace: months"), "a pace by months needs its shares, as in { months: [30, 30, 40] }"),
        (&format!("{calls}, target: 4, pace: {{}}"), "`pace` needs `months` or `weeks`"),
        (&format!("{calls}, target: 4, pace: {{ months: [100], weeks: [100] }}"), "`pace` has `months` and `weeks` (lines 2 and 2)"),
        (&format!("{calls}, target: 4, pace: {{ months: [99] }}"), "the shares of `months` add to 99 %; make them add to exactly 100 %"),
        (&format!("{calls}, target: 4, pace: {{ weeks: [33.3, 33.3, 33.35, 0, 0] }}"), "the shares of `weeks` add to 99.95 %"),
        (&format!("{calls}, target: 4, pace: {{ weeks: [] }}"), "the shares of `weeks` add to 0 %"),
        (&format!("{calls}, target: 4, pace: {{ months: [50, 50] }}"), "`months` has 2 shares; this period has 1 calendar months"),
        (
            &format!("{calls}, target: 4, pace: {{ weeks: [20, 20, 20, 20, 10, 10] }}"),
            "`weeks` has 6 shares; in this period 5 weeks begin at its longest: write one for each",
        ),
        (&format!("{calls}, target: 4, pace: {{ weeks: [-10, 110] }}"), "-10 is negative"),
        (&format!("{calls}, target: 4, pace: {{ weeks: [half, half] }}"), "`half` is no number"),
        ("kpi: deals_won, scope: company, target: 4, period: week, pace: { months: [100] }", "a week has no months; leave `pace` out"),
        ("kpi: deals_won, scope: company, target: 4, period: day, pace: { weeks: [100] }", "a day has no weeks; leave `pace` out"),
        (&format!("{calls}, target: 4, tolerance: 1.1"), "`1.1` is no tolerance; write from 0 to 1"),
        (&format!("{calls}, target: 4, tolerance: 10 %"), "`10 %` is no tolerance"),
        (&format!("{calls}, target: 4, min_sample: 0"), "`0` is no `min_sample`; write a whole number from 1 on"),
        (&format!("{calls}, target: 4, min_sample: 1.5"), "`1.5` is no `min_sample`"),
        (&format!("{calls}, target: 4, direction: at_lest"), "`at_lest` is no direction; did you mean `at_least`?"),
        (&format!("{calls}, target: 4, importance: urgent"), "`urgent` is no importance; known are `high`, `normal`"),
        (&format!("{calls}, target: 4, prorate_absences: 2"), "`prorate_absences` is true or false, not `2`"),
        (&format!("{calls}, target: 4, prorate_holidays: maybe"), "`prorate_holidays` is true or false, not `maybe`"),
        (&format!("{calls}, target: 4, name: ' '"), "`name` is empty; write something, or leave it out"),
        (&format!("{calls}, target: 4, name: {}", "é".repeat(101)), "a `name` has 1 to 200 bytes"),
        (&format!("{calls}, target: 4, perod: day"), "an objective has no `perod`; did you mean `period`?"),
    ] {
        let refused = one(keys).map(|_| ()).unwrap_err();
        assert!(refused.starts_with(&format!("line 2: {said}")), "{keys}\n{refused}");
        assert!(refused.len() < 400, "{refused}");
    }
}

#[test]
fn the_line_is_that_of_what_is_wrong() {
    let roster = roster(ROSTER);
    for (yaml, said) in [
        (
            "objectives:\n - id: a\n   kpi: deals_won\n   scope: company\n   target: 4\n   period: month\n   from: x\n",
            "line 7: `x` is no date",
        ),
        (
            "objectives:\n - id: a\n   kpi: deals_won\n   scope: company\n   target: 4\n   period:\n     from: 2026-01-05\n",
            "line 7: a period needs an end",
        ),
        (
            "objectives:\n - id: a\n   kpi: deals_won\n   scope: company\n   target: 4\n   period: month\n   pace:\n     weeks:\n     - 50\n     - 5O\n",
            "line 10: `5O` is no number",
        ),
        (
            "objectives:\n - { id: a, kpi: deals_won, scope: company, target: 4, period: day }\n\n - id: a\n",
            "line 4: `a` is the id of an objective here and on line 2",
        ),
        ("objectives:\n - id: a b\n", "line 2: `a b` is no id; write at most 100 of"),
        ("objectives:\n - kpi: deals_won\n", "line 2: an objective needs `id`"),
        ("objective: []\n", "line 1: a file of objectives has no `objective`; did you mean `objectives`?"),
        ("objectives: {}\n", "line 1: `objectives` is a list"),
    ] {
        let refused = read_with(yaml, &roster).map(|_| ()).unwrap_err();
        assert!(refused.starts_with(said), "{yaml}\n{refused}");
    }
    let long = format!("objectives:\n - id: {}\n", "x".repeat(101));
    assert!(read_with(&long, &roster).unwrap_err().contains("is no id"));
    assert_eq!(read_with("objectives: []\n", &roster), Ok(Vec::new()));
    assert_eq!(read_with("", &roster), Ok(Vec::new()));
    let keys = "objectives:\n - { id: a, kpi: revenue_won, scope: company, target: 4, period: day }\n";
    let poor = read_with(keys, &Roster::default()).unwrap_err();
    assert_eq!(poor, "line 2: `revenue_won` is counted by currency; write `currency: EUR` here, or in the roster for all");
}

#[test]
fn many_people_and_many_objectives_are_read() {
    let mut people = "time_zone: UTC\npeople:\n".to_owned();
    let mut yaml = "objectives:\n".to_owned();
    for person in 0..500 {
        let _ = writeln!(people, " - {{ id: p{person} }}");
        for objective in 0..40 {
            let _ = writeln!(
                yaml,
                " - {{ id: o{person}.{objective}, kpi: deals_won, scope: {{ rep: p{person} }}, target: {objective}, period: month }}"
            );
        }
    }
    let read = read_with(&yaml, &roster(&people)).unwrap();
    assert_eq!(read.len(), 20_000);
    assert_eq!((read[19_999].scope, &read[19_999].target, read[19_999].line), (Scope::Rep(499), &Exact::from(39), 20_001));
}
