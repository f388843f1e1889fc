//! The contract's sentences on objectives as small cases, each worked out by hand. In: a few events, a roster, an objective;
//! out: the row that it comes to.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::moment::parse_instant;
use super::worktime::Worktime;
use super::*;

const WEEK: [Weekday; 5] = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Nine to six but for an hour, so that a day is 8 hours: 10:00 to 18:00.
fn hours() -> Hours {
    Hours { days: WEEK.to_vec(), minutes: (600, 1_080), holidays: BTreeSet::new(), half_days: BTreeSet::new() }
}

fn person(id: &str, zone: &str, stays: &[(&str, &str, Option<&str>)]) -> Person {
    let stay = |(team, from, to): &(&str, &str, Option<&str>)| Stay { team: (*team).to_owned(), from: day(from), to: to.map(day) };
    Person {
        id: id.to_owned(),
        identities: vec![format!("{id}@acme")],
        stays: stays.iter().map(stay).collect(),
        zone: Some(TimeZone::get(zone).unwrap()),
        hours: hours(),
        absences: Vec::new(),
    }
}

/// France with Paris in it, the company in Paris.
fn roster(people: Vec<Person>) -> Roster {
    let team = |id: &str, parent: Option<&str>| Team { id: id.to_owned(), parent: parent.map(str::to_owned) };
    Roster {
        zone: TimeZone::get("Europe/Paris").unwrap(),
        currency: "EUR".to_owned(),
        calendar: Calendar::default(),
        hours: hours(),
        teams: vec![team("paris", Some("france")), team("france", None), team("lyon", None)],
        people,
        rates: Vec::new(),
        sources: Vec::new(),
    }
}

fn ann() -> Person {
    person("ann", "Europe/Paris", &[("paris", "2025-01-01", None)])
}

fn call(rep: &str, at: &str) -> Value {
    json!({"source": "test", "kind": "call", "entity": format!("{rep} {at}"), "occurred_at": at, "data": {"rep": rep}})
}

/// So many calls, seconds apart, from an instant on.
fn calls(rep: &str, at: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| call(rep, &format!("{}:{:02}Z", &at[..16], number))).collect()
}

fn deal(rep: &str, number: usize, data: Value) -> Value {
    let mut data = data;
    data["rep"] = json!(rep);
    json!({"source": "test", "kind": "deal", "entity": number.to_string(), "occurred_at": "2026-03-01T00:00:00Z", "data": data})
}

fn rows(events: &[Value], roster: &Roster, objective: &Objective, at: &str) -> Vec<Judged> {
    judge(&Oracle::new(events), roster, std::slice::from_ref(objective), &[], parse_instant(at))
}

/// The running period's row.
fn row(events: &[Value], roster: &Roster, objective: &Objective, at: &str) -> Judged {
    rows(events, roster, objective, at).into_iter().max_by_key(|row| row.start).unwrap()
}

fn text(value: &Option<BigRational>) -> String {
    value.as_ref().map_or("-".to_owned(), ToString::to_string)
}

/// A week's objective of one person. 2026-03-02 is a Monday.
fn weekly(target: &str) -> Objective {
    let mut objective = Objective::new("o", "calls_made", For::Rep("ann".to_owned()), target, Every::Week);
    objective.from = Some(day("2020-01-01"));
    objective
}

#[test]
fn a_share_is_working_time_and_at_counts_to_the_microsecond() {
    let roster = roster(vec![ann()]);
    let share = |at: &str| text(&row(&[], &roster, &weekly("40"), at).share);
    assert_eq!(share("2026-03-02T09:00:00Z"), "0");
    // Monday, and the half of Tuesday: 12 of 40 hours.
    assert_eq!(share("2026-03-03T13:00:00Z"), "3/10");
    assert_eq!(share("2026-03-03T13:00:00.0036Z"), text(&Some(BigRational::new(43_200_003_600_i64.into(), 144_000_000_000_i64.into()))));
    // Over the weekend all is over.
    assert_eq!(share("2026-03-07T09:00:00Z"), "1");
    let mut linear = weekly("40");
    linear.pace = Pace::Linear;
    assert_eq!(text(&row(&[], &roster, &linear, "2026-03-03T11:00:00Z").share), "3/14");
}

#[test]
fn holidays_and_absences_are_no_working_time_and_the_company_knows_no_absences() {
    let mut ann = ann();
    ann.absences = vec![(day("2026-03-05"), day("2026-03-06"))];
    ann.hours.holidays.insert(day("2026-03-04"));
    let mut roster = roster(vec![ann]);
    roster.hours.holidays.insert(day("2026-03-02"));
    let at = "2026-03-02T17:00:00Z";
    assert_eq!(text(&row(&[], &roster, &weekly("40"), at).share), "1/2");
    // A team without a member has the company's calendar: four days, the first of them tomorrow.
    let mut lyon = weekly("40");
    lyon.scope = For::Team("lyon".to_owned());
    assert_eq!(text(&row(&[], &roster, &lyon, at).share), "0");
    assert_eq!(text(&row(&[], &roster, &lyon, "2026-03-05T17:00:00Z").share), "3/4");
}

#[test]
fn an_hour_that_comes_twice_is_worked_twice_and_one_skipped_never() {
    let mut ann = ann();
    ann.hours = Hours { days: vec![Weekday::Sunday], minutes: (0, 480), holidays: BTreeSet::new(), half_days: BTreeSet::new() };
    let roster = roster(vec![ann]);
    let work = Worktime::new(&roster);
    assert_eq!(work.total(Some(0), &[day("2026-03-29")]), 7 * HOUR);
    assert_eq!(work.total(Some(0), &[day("2026-10-25")]), 9 * HOUR);
    assert_eq!(work.worked(Some(0), &[day("2026-10-25")], parse_instant("2026-10-25T01:30:00Z")), 3 * HOUR + HOUR / 2);
    assert_eq!(work.passed(Some(0), &[day("2026-10-25")], i64::MAX), 25 * HOUR);
}

#[test]
fn a_team_sums_its_members_while_members_and_each_lives_in_his_zone() {
    // Bob, in New York, is in Paris' team on Monday and Tuesday; Cleo, below France, from Thursday.
    let bob = person("bob", "America/New_York", &[("paris", "2025-01-01", Some("2026-03-03")), ("lyon", "2026-03-04", None)]);
    let cleo = person("cleo", "Asia/Kolkata", &[("france", "2026-03-05", None)]);
    let roster = roster(vec![ann(), bob, cleo]);
    let mut objective = weekly("40");
    objective.scope = For::Team("france".to_owned());
    // Five days of Ann's, two of Bob's, two of Cleo's: nine. At Tuesday noon in Paris Ann has worked a day and a
    // quarter, Bob, whose day hasn't begun, one.
    assert_eq!(text(&row(&[], &roster, &objective, "2026-03-03T11:00:00Z").share), "1/4");

    let events = [
        // Tuesday 23:50 in New York is Wednesday in Paris: still the team's.
        call("bob", "2026-03-04T04:50:00Z"),
        // Wednesday in New York: Lyon's.
        call("bob@acme", "2026-03-04T05:00:00Z"),
        // Sunday in New York: the week before.
        call("bob", "2026-03-02T04:50:00Z"),
        // Wednesday in Kolkata: nobody's team.
        call("cleo", "2026-03-04T18:20:00Z"),
        call("cleo", "2026-03-04T18:30:00Z"),
        call("nobody", "2026-03-04T12:00:00Z"),
    ];
    let attained = |scope: For, at: &str| {
        let mut objective = weekly("40");
        objective.scope = scope;
        text(&row(&events, &roster, &objective, at).attained)
    };
    let friday = "2026-03-06T12:00:00Z";
    assert_eq!(attained(For::Team("france".to_owned()), friday), "2");
    assert_eq!(attained(For::Team("paris".to_owned()), friday), "1");
    assert_eq!(attained(For::Team("lyon".to_owned()), friday), "1");
    assert_eq!(attained(For::Company, friday), "5");
    assert_eq!(attained(For::Rep("bob".to_owned()), friday), "2");

    // The same by `onpace kpis`, and the levels by where he is at the end.
    let deals = [deal("bob", 1, json!({"created_at": "2026-03-02T15:00:00Z"}))];
    let by_team = |at: &str, kpi: &str, events: &[Value], team: &str| {
        let question = Question::of(&roster, at.parse().unwrap(), By::Team);
        let rows = Oracle::new(events).kpis(&question);
        let row = rows.into_iter().find(|row| row.kpi.name == kpi && row.window == Window::Week && row.key.as_deref() == Some(team));
        text(&row.unwrap().value)
    };
    assert_eq!(by_team(friday, "calls_made", &events, "france"), "2");
    assert_eq!(by_team(friday, "calls_made", &events, "lyon"), "1");
    assert_eq!(by_team(friday, "calls_made", &events, "unrostered"), "2");
    assert_eq!(by_team(friday, "open_deals", &deals, "lyon"), "1");
    assert_eq!(by_team(friday, "open_deals", &deals, "france"), "0");
    assert_eq!(by_team("2026-03-04T05:00:00Z", "open_deals", &deals, "france"), "1");
    assert_eq!(by_team("2026-03-04T05:00:01Z", "open_deals", &deals, "france"), "0");
}

#[test]
fn each_rep_is_clipped_and_his_target_scaled() {
    let mut bob = person("bob", "Europe/Paris", &[("lyon", "2025-01-01", Some("2026-03-03")), ("paris", "2026-03-04", None)]);
    bob.absences = vec![(day("2026-03-06"), day("2026-03-08"))];
    let mut roster = roster(vec![ann(), bob]);
    let mut objective = weekly("40");
    objective.scope = For::EachRepOf("france".to_owned());
    let events: Vec<Value> = ["2026-03-03T12:00:00Z", "2026-03-04T12:00:00Z"].iter().map(|at| call("bob", at)).collect();
    let of_bob = |roster: &Roster, objective: &Objective, at: &str| {
        rows(&events, roster, objective, at).into_iter().find(|row| row.rep.as_deref() == Some("bob"))
    };
    // Not begun: no row.
    assert!(of_bob(&roster, &objective, "2026-03-03T22:59:59Z").is_none());
    let row = of_bob(&roster, &objective, "2026-03-04T17:00:00Z").unwrap();
    assert_eq!((row.start, row.end), (parse_instant("2026-03-03T23:00:00Z"), parse_instant("2026-03-08T23:00:00Z")));
    // Two of the four days he works this week; one of the two is over.
    assert_eq!((row.target.to_string(), text(&row.share), text(&row.expected)), ("20".to_owned(), "1/2".to_owned(), "10".to_owned()));
    assert_eq!(text(&row.attained), "1");
    // With absences, four of five besides.
    objective.prorate_absences = true;
    assert_eq!(of_bob(&roster, &objective, "2026-03-04T17:00:00Z").unwrap().target.to_string(), "16");
    // A rate's target stays.
    let mut rate = Objective { kpi: Kpi::named("connect_rate").unwrap(), ..objective.clone() };
    rate.target = "0.5".to_owned();
    assert_eq!(of_bob(&roster, &rate, "2026-03-04T17:00:00Z").unwrap().target.to_string(), "1/2");
    // He leaves: his row ends with the day, and is over then.
    roster.people[1].stays[1].to = Some(day("2026-03-04"));
    let row = of_bob(&roster, &objective, "2026-03-04T23:00:00Z").unwrap();
    assert_eq!((row.end, row.states[0]), (parse_instant("2026-03-04T23:00:00Z"), "missed"));
    // Without working time in all the week the target is as written, and without any as a member nothing.
    roster.people[1].absences = vec![(day("2026-03-02"), day("2026-03-08"))];
    let row = of_bob(&roster, &objective, "2026-03-04T17:00:00Z").unwrap();
    assert_eq!((row.target.to_string(), row.states[0], text(&row.share)), ("0".to_owned(), "no_value", "-".to_owned()));
}

/// Five weeks of Ann's: on each Monday so many calls.
fn five_weeks(counts: [usize; 5]) -> Vec<Value> {
    let mondays = ["2026-01-26", "2026-02-02", "2026-02-09", "2026-02-16", "2026-02-23"];
    mondays.iter().zip(counts).flat_map(|(monday, count)| calls("ann", &format!("{monday}T12:00:00Z"), count)).collect()
}

#[test]
fn a_forecast_is_of_whole_blocks_of_seven_days() {
    let roster = roster(vec![ann()]);
    // On Monday 2 March the blocks are the weeks before. The first begins before its first call: four are left.
    let mut events = five_weeks([50, 10, 20, 10, 20]);
    events.extend(calls("ann", "2026-03-02T10:00:00Z", 3));
    let at = "2026-03-02T13:00:00Z";
    let now = row(&events, &roster, &weekly("30"), at);
    // 60 in 20 days, 3 a day; four and a half days are left: 3 + 13.5.
    assert_eq!(text(&now.forecast), "33/2");
    // Each block is 5 off 15, 25 ÷ 5 × 4 ÷ 3 = 20/3, more than 3: σ√d = √30; (16.5 − 30) ÷ 5.4772 = −2.4648.
    assert!((now.chance.unwrap() - 0.006_854).abs() < 1e-5, "{:?}", now.chance);
    assert_eq!(text(&now.needed), "6");
    assert_eq!(now.states, ["out_of_reach"]);
    // Three blocks say nothing.
    let now = row(&events[80..], &roster, &weekly("30"), at);
    assert_eq!((text(&now.forecast), now.chance, now.states[0]), ("-".to_owned(), None, "on_pace"));
    // A block whose days are all away is left out; a call on a Saturday adds no day.
    let mut away = roster.clone();
    away.people[0].absences = vec![(day("2026-02-09"), day("2026-02-15"))];
    let mut more = events.clone();
    more.extend(calls("ann", "2026-01-19T00:00:00Z", 1));
    more.extend(calls("ann", "2026-02-28T10:00:00Z", 5));
    // 50, 10, 10, 25 in 20 days.
    assert_eq!(
        text(&row(&more, &away, &weekly("30"), at).forecast),
        (BigRational::from_integer(3.into()) + BigRational::new(171.into(), 8.into())).to_string()
    );
    // For counts the variance is at least the mean.
    let mut even = five_weeks([50, 15, 15, 15, 15]);
    even.extend(calls("ann", "2026-03-02T10:00:00Z", 3));
    let now = row(&even, &roster, &weekly("16"), at);
    // σ² = 3, σ√d = √13.5; (16.5 − 16) ÷ 3.6742 = 0.13608.
    assert!((now.chance.unwrap() - 0.554_12).abs() < 1e-5, "{:?}", now.chance);
    // At most: the other side.
    let mut most = weekly("16");
    most.at_most = true;
    assert!((row(&even, &roster, &most, at).chance.unwrap() - 0.445_88).abs() < 1e-5);
    assert_eq!(text(&row(&even, &roster, &most, at).needed), "-");
}

#[test]
fn a_block_begins_no_earlier_than_the_first_contributions_slot() {
    let roster = roster(vec![ann()]);
    let forecast = |first: &str| {
        let mut events = five_weeks([0, 10, 20, 10, 20]);
        events.extend(calls("ann", first, 1));
        row(&events, &roster, &weekly("30"), "2026-03-02T13:00:00Z").forecast.is_some()
    };
    // The fourth block begins on 1 February 23:00 UTC.
    assert!(forecast("2026-02-01T23:14:00Z"));
    let alone = five_weeks([0, 0, 20, 10, 20]);
    assert!(row(&alone, &roster, &weekly("30"), "2026-03-02T13:00:00Z").forecast.is_none());
    let mut late = alone;
    late.extend(calls("ann", "2026-02-01T23:15:00Z", 1));
    assert!(row(&late, &roster, &weekly("30"), "2026-03-02T13:00:00Z").forecast.is_none());
}

#[test]
fn days_left_are_summed_and_needed_is_a_day_for_the_scope() {
    let roster = roster(vec![ann(), person("bob", "America/New_York", &[("france", "2026-01-01", Some("2026-03-05"))])]);
    let mut objective = weekly("40");
    objective.scope = For::Team("france".to_owned());
    // Tuesday 14:00 in Paris, 08:00 in New York: Ann has 3.5 days left, Bob 3: 6.5 ÷ 2 people.
    let events = calls("ann", "2026-03-02T12:00:00Z", 1);
    let now = row(&events, &roster, &objective, "2026-03-03T13:00:00Z");
    assert_eq!(text(&now.needed), "12");
    // Friday 17:00: one hour of Ann's is left, less than a day: all of it is needed today.
    assert_eq!(text(&row(&events, &roster, &objective, "2026-03-06T16:00:00Z").needed), "39");
    assert_eq!(text(&row(&events, &roster, &objective, "2026-03-06T17:00:00Z").needed), "-");
}

#[test]
fn a_profile_spends_its_shares_in_working_time() {
    let roster = roster(vec![ann(), person("bob", "Europe/Paris", &[("paris", "2026-03-12", None)])]);
    let mut objective = weekly("100");
    objective.every = Every::Between(day("2026-03-02"), day("2026-03-18"));
    objective.pace = Pace::Weeks(vec![20, 50, 30]);
    // The first week, and two of the five days of the second: 20 + 20.
    assert_eq!(text(&row(&[], &roster, &objective, "2026-03-10T18:00:00Z").share), "2/5");
    // Bob is a member in the second week and the third: 50 and 30, rescaled to 80; one of two days of the second.
    objective.scope = For::EachRepOf("paris".to_owned());
    let of_bob = rows(&[], &roster, &objective, "2026-03-12T18:00:00Z").into_iter().find(|row| row.rep.as_deref() == Some("bob"));
    assert_eq!(text(&of_bob.unwrap().share), "5/16");
    // A part without work is spent in plain time: the second week away, at Wednesday noon 2.5 of its 7 days.
    let mut away = roster.clone();
    away.people[0].absences = vec![(day("2026-03-09"), day("2026-03-15"))];
    objective.scope = For::Rep("ann".to_owned());
    assert_eq!(
        text(&row(&[], &away, &objective, "2026-03-11T11:00:00Z").share),
        (BigRational::new(1.into(), 5.into()) + BigRational::new(5.into(), 28.into())).to_string()
    );
}

#[test]
fn money_is_converted_each_day_at_its_own_rate() {
    let mut roster = roster(vec![ann()]);
    let rate = |date: &str, rate: &str| Rate { date: day(date), currency: "USD".to_owned(), rate: rate.to_owned() };
    roster.rates = vec![rate("2026-03-01", "0.5"), rate("2026-03-04", "0.8")];
    let won = |number: usize, at: &str, value: &str, currency: &str| {
        deal("ann", number, json!({"status": "won", "closed_at": at, "created_at": at, "amount": {"value": value, "currency": currency}}))
    };
    // Tuesday's at the rate of Sunday; 3 March 23:30 UTC is the 4th in Paris.
    let events =
        [won(1, "2026-03-03", "100", "USD"), won(2, "2026-03-03T23:30:00Z", "100", "USD"), won(3, "2026-03-03T10:00:00Z", "7", "EUR")];
    let mut objective = weekly("1000");
    objective.kpi = Kpi::named("revenue_won").unwrap();
    let now = |objective: &Objective| row(&events, &roster, objective, "2026-03-11T12:00:00Z");
    let last =
        |objective: &Objective| rows(&events, &roster, objective, "2026-03-08T12:00:00Z").into_iter().max_by_key(|row| row.start).unwrap();
    assert_eq!((text(&last(&objective).attained), last(&objective).currency.as_deref()), ("137".to_owned(), Some("EUR")));
    objective.currency = Some("USD".to_owned());
    assert_eq!(text(&last(&objective).attained), "214");
    assert_eq!(text(&now(&objective).attained), "0");
    objective.kpi = Kpi::named("average_deal").unwrap();
    assert_eq!(text(&last(&objective).attained), "214/3");
    // A level at the rate of the last day.
    let open = [deal("ann", 1, json!({"created_at": "2026-03-01", "amount": {"value": "100", "currency": "USD"}}))];
    objective.kpi = Kpi::named("open_pipeline").unwrap();
    objective.currency = None;
    let level = |at: &str| text(&row(&open, &roster, &objective, at).attained);
    assert_eq!((level("2026-03-03T23:00:00Z"), level("2026-03-03T23:00:01Z")), ("50".to_owned(), "80".to_owned()));
}

#[test]
fn the_last_period_that_had_working_time_is_shown_for_seven_days() {
    let mut roster = roster(vec![ann()]);
    let mut objective = weekly("1");
    objective.every = Every::Month;
    let starts = |roster: &Roster, objective: &Objective, at: &str| -> Vec<String> {
        let mut starts: Vec<i64> = rows(&[], roster, objective, at).iter().map(|row| row.start).collect();
        starts.sort_unstable();
        let date = |t: &i64| local_date(*t, &roster.zone).to_string();
        starts.iter().map(date).collect()
    };
    assert_eq!(starts(&roster, &objective, "2026-03-07T22:59:59Z"), ["2026-02-01", "2026-03-01"]);
    assert_eq!(starts(&roster, &objective, "2026-03-07T23:00:00Z"), ["2026-03-01"]);
    // February away: January is the last that had any.
    roster.people[0].absences = vec![(day("2026-02-01"), day("2026-02-28"))];
    assert_eq!(starts(&roster, &objective, "2026-03-01T12:00:00Z"), ["2026-01-01", "2026-03-01"]);
    objective.from = Some(day("2026-01-02"));
    assert_eq!(starts(&roster, &objective, "2026-03-01T12:00:00Z"), ["2026-03-01"]);
    // Unsaid, it is the day of the first event: on 1 February 23:30 UTC it is the 2nd in Paris.
    objective.from = None;
    objective.every = Every::Day;
    let first = [call("nobody", "2026-02-01T23:30:00Z")];
    assert_eq!(rows(&first, &roster, &objective, "2026-02-02T12:00:00Z").len(), 1);
    assert_eq!(rows(&first, &roster, &objective, "2026-02-01T22:59:00Z").len(), 0);
    // {from, to} as long as it began no earlier than the company did; pending before.
    objective.every = Every::Between(day("2026-03-02"), day("2026-03-03"));
    assert_eq!(rows(&[], &roster, &objective, "2026-03-01T12:00:00Z").len(), 0);
    objective.from = Some(day("2026-03-02"));
    let state = |at: &str| row(&[], &roster, &objective, at).states[0];
    assert_eq!(state("2026-03-01T22:59:59Z"), "pending");
    assert_eq!(state("2026-03-01T23:00:00Z"), "on_pace");
    assert_eq!((state("2026-03-03T22:59:59Z"), state("2026-03-03T23:00:00Z")), ("at_risk", "missed"));
}

#[test]
fn a_period_is_over_when_it_is_over_for_the_last_member() {
    let roster = roster(vec![ann(), person("bob", "America/New_York", &[("paris", "2025-01-01", Some("2026-03-03"))])]);
    let mut objective = weekly("1");
    objective.scope = For::Team("paris".to_owned());
    let week = |at: &str| rows(&[], &roster, &objective, at).into_iter().min_by_key(|row| row.start).unwrap().states[0];
    assert_eq!(week("2026-03-09T03:59:59Z"), "at_risk");
    assert_eq!(week("2026-03-09T04:00:00Z"), "missed");
}

#[test]
fn fiscal_years_and_weeks_are_the_rosters() {
    let calendar = Calendar { week_start: Weekday::Sunday, fiscal_month: 2 };
    let holding = |every: Every, date: &str| {
        let period = every.holding(day(date), calendar);
        (period.first.to_string(), period.last.to_string())
    };
    let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
    assert_eq!(holding(Every::Week, "2026-03-07"), pair("2026-03-01", "2026-03-07"));
    assert_eq!(holding(Every::Quarter, "2026-01-31"), pair("2025-11-01", "2026-01-31"));
    assert_eq!(holding(Every::Quarter, "2026-02-01"), pair("2026-02-01", "2026-04-30"));
    assert_eq!(holding(Every::Year, "2026-01-31"), pair("2025-02-01", "2026-01-31"));
    assert_eq!(holding(Every::Month, "2024-02-29"), pair("2024-02-01", "2024-02-29"));
}
