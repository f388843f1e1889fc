//! Where objectives are easily judged wrong: dates in a forecast, holidays in a target, money as a sample, periods long past, and what
//! nobody can change any more.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_kpis::objective::{Completeness, Office, Standing, State, parse, standings};
use onpace_kpis::{Catalogue, Exact, Roster, Slot, Tally};
use onpace_schemas::Currency;
use onpace_schemas::time::{US, parse_date, parse_instant};

struct World {
    catalogue: Catalogue,
    tally: Tally,
}

impl World {
    fn new() -> World {
        let catalogue = Catalogue::built_in().unwrap();
        let tally = Tally::new(&catalogue.measures);
        World { catalogue, tally }
    }

    fn count(&mut self, rep: &str, measure: &str, at: &str, value: i128) {
        let number = self.catalogue.measures.iter().position(|one| one.name == measure).unwrap();
        let what = &self.catalogue.measures[number].what;
        let extra = if what.has_currency() { Currency::parse("EUR").unwrap().to_number() } else { 0 };
        let slot = match at.len() {
            10 => Slot::Date(parse_date(at).unwrap()),
            _ => Slot::Quarter((parse_instant(at).unwrap() / (900 * US)) as i32),
        };
        self.tally.apply(rep, number as u16, ["", ""], extra, slot, value);
    }

    fn rows(&mut self, roster: &str, objective: &str, at: &str) -> Vec<Standing> {
        self.tally.settle();
        let roster = Roster::parse(roster, &mut |_| Err("none".to_owned())).unwrap();
        let objectives = parse(&format!("objectives:\n - {{ id: x, {objective} }}\n"), &self.catalogue, &roster).unwrap();
        let at = parse_instant(at).unwrap();
        let office = Office::of(&roster, &objectives, at);
        standings(&self.catalogue, &self.tally, &roster, &objectives, &office, at, &Completeness::default()).rows
    }
}

#[test]
fn a_date_belongs_to_the_block_that_holds_it_wherever_its_rep_lives() {
    let roster =
        "time_zone: Europe/Paris\nteams: [{ id: all }]\npeople:\n - { id: ann, time_zone: America/New_York, teams: [{ team: all }] }\n";
    let wanted = "kpi: deals_won, scope: { team: all }, target: 40, period: month, from: 2026-06-01";
    // The block of the 18th of May begins at midnight in Paris; in New York the 18th begins six hours later.
    for (first, blocks) in [("2026-05-18", 4), ("2026-05-19", 3), ("2026-05-17", 4)] {
        let mut world = World::new();
        for date in [first, "2026-05-26", "2026-06-02", "2026-06-09"] {
            world.count("ann", "deals_won", date, 5);
        }
        let row = world.rows(roster, wanted, "2026-06-15T12:00:00+02:00").remove(0);
        assert_eq!(row.forecast.is_some(), blocks >= 4, "{first}");
        assert_eq!(row.chance.is_some(), blocks >= 4, "{first}");
    }
    // At an instant, of which the block that begins before it doesn't count.
    let mut world = World::new();
    for at in ["2026-05-18T00:15:00+02:00", "2026-05-26", "2026-06-02", "2026-06-09"] {
        world.count("ann", "deals_won", at, 5);
    }
    assert_eq!(world.rows(roster, wanted, "2026-06-15T12:00:00+02:00")[0].forecast, None);
}

#[test]
fn money_is_a_sample_of_so_many_deals() {
    let roster = "time_zone: UTC\ncurrency: EUR\n";
    let wanted = "kpi: win_rate_by_value, scope: company, target: 0.9, period: month, from: 2026-06-01, min_sample: 4";
    let mut world = World::new();
    for (measure, value) in [("deals_won", 2), ("deals_lost", 1), ("revenue_won", 1_000_000), ("revenue_lost", 5_000_000)] {
        world.count("ann", measure, "2026-06-09T10:00:00Z", value);
    }
    let row = world.rows(roster, wanted, "2026-06-25T12:00:00Z").remove(0);
    // Six million cents are three deals.
    assert_eq!((row.state, row.attained), (State::NoValue, Exact::ratio(1, 6)));
    world.count("ann", "deals_lost", "2026-06-10T10:00:00Z", 1);
    assert_eq!(world.rows(roster, wanted, "2026-06-25T12:00:00Z")[0].state, State::AtRisk);
    // A deal of last month is none of this sample.
    world.count("ann", "deals_lost", "2026-06-10T10:00:00Z", -1);
    world.count("ann", "deals_lost", "2026-05-10T10:00:00Z", 1);
    assert_eq!(world.rows(roster, wanted, "2026-06-25T12:00:00Z")[0].state, State::NoValue);
}

#[test]
fn holidays_make_a_target_smaller_where_that_is_wanted() {
    // A week of five days of nine hours: one off, one half, one of absence.
    let roster = "time_zone: UTC\nholidays: { extra: [2026-06-16], half: [2026-06-17] }\nteams: [{ id: all }]\npeople:\n \
                  - { id: ann, teams: [{ team: all }], absences: [{ from: 2026-06-18, to: 2026-06-18 }] }\n \
                  - { id: bob, teams: [{ team: all, from: 2026-06-17 }] }\n";
    let mut world = World::new();
    world.count("ann", "calls_made", "2026-06-01T10:00:00Z", 1);
    let mut target = |prorate: &str| -> Vec<Exact> {
        let wanted = format!("kpi: calls_made, scope: {{ each_rep_of: all }}, target: 90, period: week, from: 2026-06-15{prorate}");
        world.rows(roster, &wanted, "2026-06-17T12:00:00Z").into_iter().map(|row| row.target).collect()
    };
    // Bob was a member for 22.5 of the 31.5 hours there are.
    let bob = |of: Exact| of.mul(&Exact::ratio(45, 63).unwrap());
    assert_eq!(target(""), [90.into(), bob(90.into())]);
    // 31.5 hours of 45.
    assert_eq!(target(", prorate_holidays: true"), [63.into(), bob(63.into())]);
    // Ann worked 22.5 of 31.5.
    assert_eq!(target(", prorate_absences: true"), [Exact::ratio(450, 7).unwrap(), bob(90.into())]);
    // Both: 22.5 of 45.
    assert_eq!(target(", prorate_absences: true, prorate_holidays: true"), [45.into(), bob(63.into())]);
}

#[test]
fn a_half_day_is_half_a_share_and_a_whole_working_day() {
    let roster = "time_zone: UTC\nholidays: { half: [2026-06-15] }\npeople: [{ id: ann }]\n";
    let mut world = World::new();
    world.count("ann", "calls_made", "2026-06-01T10:00:00Z", 1);
    let wanted = "kpi: calls_made, scope: { rep: ann }, target: 81, period: week, from: 2026-06-15";
    let mut share = |at: &str| world.rows(roster, wanted, at).remove(0).share;
    assert_eq!(share("2026-06-15T13:30:00Z"), Exact::ratio(1, 9));
    assert_eq!(share("2026-06-15T18:00:00Z"), Exact::ratio(1, 9));
    assert_eq!(share("2026-06-16T18:00:00Z"), Exact::ratio(3, 9));
}

#[test]
fn a_pace_without_working_time_has_no_share_and_is_never_behind() {
    let roster = "time_zone: UTC\npeople: [{ id: ann, absences: [{ from: 2026-06-01, to: 2026-06-30 }] }]\n";
    let mut world = World::new();
    world.count("ann", "calls_made", "2026-05-01T10:00:00Z", 1);
    let row = |world: &mut World, more: &str| {
        let wanted = format!("kpi: calls_made, scope: {{ rep: ann }}, target: 5, period: month, from: 2026-05-01, pace: linear{more}");
        world.rows(roster, &wanted, "2026-06-20T12:00:00Z").remove(0)
    };
    let plain = row(&mut world, "");
    assert_eq!((plain.state, plain.share, plain.expected, plain.needed), (State::NoValue, None, None, None));
    assert_eq!(row(&mut world, ", direction: at_most").state, State::NoValue);
    // Past a limit is past it, in whoever's working time.
    world.count("ann", "calls_made", "2026-06-03T10:00:00Z", 6);
    assert_eq!(row(&mut world, ", direction: at_most").state, State::Missed);
}

#[test]
fn a_short_month_has_the_weeks_that_it_has() {
    let roster = "time_zone: UTC\npeople: [{ id: ann }]\n";
    let mut world = World::new();
    world.count("ann", "calls_made", "2026-01-01T10:00:00Z", 1);
    let wanted = "kpi: calls_made, scope: { rep: ann }, target: 5, period: month, from: 2026-01-01, pace: { weeks: [10, 20, 30, 20, 20] }";
    // Four weeks begin in February: a fifth of 80 %, not of all.
    assert_eq!(world.rows(roster, wanted, "2026-02-08T00:00:00Z")[0].share, Exact::ratio(1, 8));
    assert_eq!(world.rows(roster, wanted, "2026-03-08T00:00:00Z")[0].share, Exact::ratio(1, 10));
}

#[test]
fn nothing_is_urgent_that_nobody_can_change() {
    let roster = "time_zone: UTC\nteams: [{ id: empty }]\npeople: [{ id: ann }]\n";
    let mut world = World::new();
    for week in 0..12 {
        let at = parse_instant("2026-03-24T10:00:00Z").unwrap() + week * 7 * 86_400 * US;
        world.count("ann", "calls_made", &onpace_schemas::time::show_instant(at), 10 + i128::from(week % 3));
    }
    let wanted = "kpi: calls_made, scope: { rep: ann }, target: 400, period: week, from: 2026-06-15";
    let mut at = |at: &str| {
        let row = world.rows(roster, wanted, at).remove(0);
        (row.state, row.is_urgent(), row.chance)
    };
    // On Friday morning there is something left to do, on Friday evening and on Sunday there isn't.
    let (state, urgent, chance) = at("2026-06-19T10:00:00Z");
    assert!(state == State::OutOfReach && urgent && chance.unwrap() < 0.01);
    for over in ["2026-06-19T18:00:00Z", "2026-06-21T12:00:00Z"] {
        assert_eq!(at(over), (State::OutOfReach, false, Some(0.0)), "{over}");
    }
    // A rate that is late: no chance is known of it.
    let rate = "kpi: connect_rate, scope: { rep: ann }, target: 0.5, period: week, from: 2026-06-15";
    world.count("ann", "calls_made", "2026-06-15T10:00:00Z", 40);
    let mut at = |at: &str| world.rows(roster, rate, at).remove(0);
    assert!(at("2026-06-19T16:30:00Z").is_urgent());
    let late = at("2026-06-20T12:00:00Z");
    assert_eq!((late.state, late.is_urgent()), (State::AtRisk, false));
}

#[test]
fn the_last_period_with_working_time_is_found_up_to_sixty_back() {
    let absent = |from: &str| format!("time_zone: UTC\npeople: [{{ id: ann, absences: [{{ from: {from}, to: 2026-06-30 }}] }}]\n");
    let wanted = |period: &str| format!("kpi: calls_made, scope: {{ rep: ann }}, target: 4, period: {period}, from: 2000-01-01");
    let mut world = World::new();
    for at in ["2025-10-07T10:00:00Z", "2021-05-05T10:00:00Z", "2019-05-05T10:00:00Z"] {
        world.count("ann", "calls_made", at, 3);
    }
    let mut lasts = |roster: &str, period: &str, at: &str| -> Vec<String> {
        let rows = world.rows(roster, &wanted(period), at);
        let last = rows.iter().filter(|row| !row.running);
        last.map(|row| {
            format!("{} {:?} {}", onpace_schemas::time::show_date(row.days.start), row.state, row.attained.clone().unwrap().to_f64())
        })
        .collect()
    };
    // Eight months of leave: October was the last with work in it.
    assert_eq!(lasts(&absent("2025-11-01"), "month", "2026-06-03T12:00:00Z"), ["2025-10-01 Missed 3"]);
    assert_eq!(lasts(&absent("2025-10-31"), "quarter", "2026-04-03T12:00:00Z"), ["2025-10-01 Missed 3"]);
    // Sixty months before June 2026 is June 2021; the one before that is too far.
    assert_eq!(lasts(&absent("2021-07-01"), "month", "2026-06-03T12:00:00Z"), ["2021-06-01 Missed 0"]);
    assert_eq!(lasts(&absent("2021-06-01"), "month", "2026-06-03T12:00:00Z"), [""; 0]);
    assert_eq!(lasts(&absent("2020-01-01"), "year", "2026-01-03T12:00:00Z"), ["2019-01-01 Missed 3"]);
    // Of a team without anybody, the company's calendar.
    let all = "time_zone: UTC\nteams: [{ id: all }]\npeople: []\n";
    let rows = world.rows(all, "kpi: calls_made, scope: { team: all }, target: 4, period: month, from: 2000-01-01", "2026-06-03T12:00:00Z");
    assert_eq!(rows.iter().map(|row| row.days.start).collect::<Vec<_>>(), ["2026-06-01", "2026-05-01"].map(|day| parse_date(day).unwrap()));
}

#[test]
fn a_name_is_shown_to_people_and_the_id_where_there_is_none() {
    let mut world = World::new();
    world.count("ann", "calls_made", "2026-06-01T10:00:00Z", 1);
    let mut json = |more: &str| {
        let wanted = format!("kpi: calls_made, scope: company, target: 4, period: month, from: 2026-06-01{more}");
        serde_json::to_value(&world.rows("time_zone: UTC\n", &wanted, "2026-06-03T12:00:00Z")[0]).unwrap()
    };
    assert_eq!((&json("")["objective"], &json("")["name"]), (&"x".into(), &"x".into()));
    assert_eq!(json(", name: 'All calls: « tous »'")["name"], "All calls: « tous »");
}
