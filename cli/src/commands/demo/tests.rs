//! Whenever the demo begins, its company has everything that there is to be seen; judged as everywhere, over a year and more of instants.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use onpace_kpis::fold::{Batch, Rules};
use onpace_kpis::objective::{self, Completeness, State};
use onpace_kpis::{Names, Tally};
use onpace_schemas::time::{day_of, parse_instant};
use onpace_sinks::Evaluation;

use super::*;

const HOUR_US: i64 = 3_600_000_000;
const ZONES: [&str; 5] = [Company::ZONE, "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Pago_Pago"];

/// Everything counted of a simulation's history: all its events in one batch.
fn folded(catalogue: &Catalogue, simulation: &mut Simulation, until_us: i64) -> Tally {
    let (rules, mut names, mut batch) = (Rules::from(catalogue), Names::default(), Batch::default());
    let mut entities: HashMap<String, u128> = HashMap::new();
    for event in simulation.history(until_us) {
        let next = entities.len() as u128;
        let id = *entities.entry(event.entity.to_string()).or_insert(next);
        if !batch.holds(id) {
            batch.open(id, None, &event, &rules, &names);
        }
        assert!(batch.merge(id, &event, &rules, &mut names));
    }
    let mut tally = Tally::new(&catalogue.measures);
    for delta in batch.close(&rules, &names).deltas {
        let name = |number| names.text(number);
        let counter = delta.counter;
        let dims = counter.dims.map(name);
        tally.apply(name(delta.block.rep), counter.measure, dims, counter.extra, counter.slot, delta.value);
    }
    tally.settle();
    tally
}

/// The demo's company at an instant, with so long a past, and how its objectives stand.
fn opened(now_us: i64, zone: &str, seed: u64, people: u32, history_us: i64) -> (Evaluation, BTreeMap<String, BTreeSet<State>>) {
    let company = Company::around(now_us, &TimeZone::get(zone).unwrap(), seed, people);
    let roster = Roster::parse(&company.roster(), &mut |name| (name == RATES).then(|| company.rates()).ok_or_else(String::new));
    let roster = roster.unwrap_or_else(|mistake| panic!("{mistake:?}\n{}", company.roster()));
    let mut simulation = Simulation::of(seed, workers(&roster, now_us), now_us - history_us);
    let mut evaluation = Evaluation::new(Catalogue::built_in().unwrap(), roster);
    let yaml = company.objectives(&simulation);
    let objectives = objective::parse(&yaml, &evaluation.catalogue, &evaluation.roster);
    evaluation.objectives = objectives.unwrap_or_else(|mistake| panic!("{mistake:?}\n{yaml}"));
    let tally = folded(&evaluation.catalogue, &mut simulation, now_us);
    let standings = evaluation.standings(&tally, now_us, &Completeness::default());
    assert!(standings.unconvertible.is_empty(), "{:?}", standings.unconvertible);
    let mut states: BTreeMap<String, BTreeSet<State>> = BTreeMap::new();
    for row in standings.rows {
        states.entry(row.objective.to_string()).or_default().insert(row.state);
    }
    (evaluation, states)
}

fn every_state_is_shown(now_us: i64, zone: &str, seed: u64, people: u32, history_us: i64) {
    let instant = onpace_schemas::time::show_instant(now_us);
    let when = format!("at {instant} in {zone}, seed {seed}, {people} people, {} days", history_us / DAY_US);
    let (evaluation, states) = opened(now_us, zone, seed, people, history_us);
    for (objective, state) in [
        ("launch", State::Met),
        ("launch-abroad", State::Missed),
        ("fair", State::Pending),
        ("connect", State::OnPace),
        ("connect-abroad", State::AtRisk),
        ("win-back", State::OutOfReach),
    ] {
        assert_eq!(states.get(objective), Some(&BTreeSet::from([state])), "{objective} {when}");
    }
    assert!(states["calls-a-week"].contains(&State::NoValue), "{when}: {states:?}");
    assert!(states.contains_key("revenue") && states.contains_key("win-rate"), "the quarter, or the month, is shown {when}: {states:?}");
    let roster = &evaluation.roster;
    let today = day_of(onpace_kpis::window::local_date(now_us, &roster.schedule.zone));
    let zones: BTreeSet<_> = roster.people.iter().map(|person| person.schedule.zone.iana_name()).collect();
    assert_eq!((roster.people.len(), zones.len()), (people as usize, 2), "{when}");
    let gone = roster.people.iter().filter(|person| person.absences.iter().any(|(from, to)| (*from..=*to).contains(&today)));
    assert_eq!(gone.count(), 1, "{when}");
    let lately = |person: &onpace_kpis::roster::Person| person.schedule.holidays.iter().any(|day| (today - 5..today).contains(day));
    assert!(roster.people.iter().all(lately), "{when}");
}

#[test]
fn every_state_is_shown_whenever_the_demo_begins() {
    let year = parse_instant("2026-11-01T00:00:00Z").unwrap();
    // Every hour of the day and every day of the week comes, of a year and some days.
    let mut cases: Vec<(i64, &str, u64, u32)> =
        (0..360).map(|step| (year + step * 25 * HOUR_US, ZONES[step as usize % ZONES.len()], step as u64, 3)).collect();
    for at in [
        "2026-03-28T23:30:00Z", // the clocks change in Paris
        "2026-03-29T01:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-03-08T07:00:00Z", // in New York
        "2026-11-01T06:00:00Z",
        "2026-12-31T23:59:59.999999Z", // years, quarters, months end and begin
        "2027-01-01T00:00:00Z",
        "2027-03-31T21:59:59Z",
        "2027-03-31T22:00:00Z",
        "2028-02-29T12:00:00Z",
        "2026-11-26T15:00:00Z", // holidays: in New York, in Paris, in both
        "2027-05-01T10:00:00Z",
        "2026-12-25T10:00:00Z",
        "2026-11-22T10:00:00Z", // a Sunday
    ] {
        let at = parse_instant(at).unwrap();
        cases.extend([3, 12].map(|people| (at, Company::ZONE, 7, people)));
    }
    cases.push((year, Company::ZONE, u64::MAX, 40));
    let whole = cases.into_iter().map(|(at, zone, seed, people)| (at, zone, seed, people, history_us(people as usize)));
    // A large company's past may begin after the quarter did. Its people are as many as it takes; the states don't depend on it.
    let short = (0..30).map(|step| (year + step * 73 * HOUR_US, ZONES[step as usize % ZONES.len()], step as u64, 3, history_us(1_000)));
    let cases: Vec<(i64, &str, u64, u32, i64)> = whole.chain(short).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(threads)) {
            scope.spawn(move || {
                part.iter().for_each(|(at, zone, seed, people, history)| every_state_is_shown(*at, zone, *seed, *people, *history))
            });
        }
    });
}

#[test]
fn the_same_instant_and_seed_make_the_same_company() {
    let now_us = parse_instant("2026-11-25T09:00:00Z").unwrap();
    let texts = |seed| {
        let company = Company::around(now_us, &TimeZone::get(Company::ZONE).unwrap(), seed, 12);
        let roster = Roster::parse(&company.roster(), &mut |_| Ok(company.rates())).unwrap();
        let simulation = Simulation::of(seed, workers(&roster, now_us), now_us - history_us(12));
        [company.roster(), company.rates(), company.objectives(&simulation)]
    };
    assert_eq!(texts(7), texts(7));
    assert_ne!(texts(7)[0], texts(8)[0]);
}

#[test]
fn a_quarter_is_asked_of_a_past_that_has_all_of_it() {
    let asked = |now: &str, people: usize| {
        let now_us = parse_instant(now).unwrap();
        let company = Company::around(now_us, &TimeZone::UTC, 7, 12);
        let simulation = Simulation::new(7, 12, now_us - history_us(people));
        let yaml = company.objectives(&simulation);
        let line = yaml.lines().find(|line| line.contains("id: revenue")).unwrap().to_owned();
        [line.contains("period: quarter"), line.contains("period: month")]
    };
    assert_eq!(asked("2026-12-31T23:00:00Z", 315), [true, false]);
    assert_eq!(asked("2026-12-31T23:00:00Z", 500), [false, true]);
    assert_eq!(asked("2026-12-03T00:00:00Z", 500), [false, true]);
    assert_eq!(asked("2026-12-02T23:00:00Z", 500), [true, false], "63 days before it was September");
    assert_eq!(asked("2027-01-01T01:00:00Z", 1_000), [true, false]);
}

#[test]
fn a_past_is_called_by_its_length() {
    let of = |people| length(history_us(people) / DAY_US);
    assert_eq!([3, 350, 500, 700, 1_000].map(of), ["three months", "three months", "9 weeks", "9 weeks", "9 weeks"]);
}
