//! Makes companies. In: a seed; out: a roster whose people change teams and zones' clocks in the middle of periods, the
//! objectives they have, what they did, and when to ask. Always the same for the same seed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::floor;
use super::maker::Maker;
use super::moments::Moment;
use super::{objectives, sources};
use crate::oracle::{
    Calendar, DAY, HOUR, Hours, Objective, Person, Rate, Roster, SECOND, Stay, Team, Word, first_instant, local_date, plus_days,
};

/// A company with all that is asked about it.
#[derive(Clone, Debug)]
pub struct Company {
    /// From which it was made.
    pub seed: u64,
    /// Who belongs where.
    pub roster: Roster,
    /// What they are to reach.
    pub objectives: Vec<Objective>,
    /// Valid events as they are posted.
    pub events: Vec<Value>,
    /// When each of them was recorded, milliseconds since 1970.
    pub recorded_ms: Vec<i64>,
    /// When to ask.
    pub asked_at: Vec<Timestamp>,
}

/// Instants around which everything happens: clocks change, months, quarters and years end.
const BASES: &[&str] = &[
    "2025-03-30T00:59:59Z",
    "2025-10-26T01:00:00Z",
    "2024-11-03T06:00:00Z",
    "2025-03-09T12:00:00Z",
    "2025-04-05T15:00:00Z",
    "2025-10-04T15:30:00Z",
    "2025-01-31T23:00:00Z",
    "2025-06-30T18:30:00Z",
    "2024-12-31T18:15:00Z",
    "2024-02-29T11:00:00Z",
    "2025-07-07T09:20:00Z",
    "2025-09-17T15:07:31.5Z",
];

const ZONES: &[&str] =
    &["Europe/Paris", "America/New_York", "Asia/Kolkata", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kathmandu", "America/New_York"];

const PEOPLE: &[&str] = &["marie", "jean", "priya", "liam", "noor", "zoe"];

/// Makes the company of a seed.
pub fn company(seed: u64) -> Company {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x0c0_ffee);
    let index = usize::try_from(seed).unwrap_or(0) % BASES.len();
    let base: Timestamp = BASES[index].parse().expect("a base is an instant");
    let base = base.as_microsecond();

    let mut roster = roster(&mut rng, base);
    let asked_at = asked_at(&mut rng, base, &roster);
    let mut events = floor::events(&mut rng, base, &roster);
    // Every second company also has the events that break merges.
    if seed % 2 == 1 {
        events.extend(hostile(seed, &mut rng, &asked_at, &roster));
    }
    if rng.random_bool(0.5) {
        let currencies: BTreeSet<String> =
            events.iter().filter_map(|event| Some(event["data"]["amount"]["currency"].as_str()?.to_owned())).collect();
        roster.rates = rates(&mut rng, base, &roster.currency, &currencies);
    } else {
        for event in &mut events {
            if event["data"]["amount"].is_object() {
                let cents = rng.random_range(-1_000..9_000_000);
                event["data"]["amount"] = floor::amount(cents, &roster.currency);
            }
        }
    }
    let objectives = objectives::objectives(&mut rng, base, &roster);
    events.shuffle(&mut rng);
    let recorded_ms = sources::sources(seed, &mut events, &asked_at, &mut roster);
    Company { seed, roster, objectives, events, recorded_ms, asked_at }
}

impl Company {
    /// What its sources said, and when that was recorded.
    pub fn words(&self) -> Vec<Word> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let words = self.events.iter().zip(&self.recorded_ms);
        words.map(|(event, ms)| Word { source: text(&event["source"]), kind: text(&event["kind"]), recorded: ms * 1_000 }).collect()
    }
}

fn pick<T: Clone>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("an IANA zone")
}

fn roster(rng: &mut StdRng, base: i64) -> Roster {
    let company_zone = zone(pick(rng, &["Europe/Paris", "Europe/Paris", "America/New_York", "Asia/Kolkata"]));
    let today = local_date(base, &company_zone);
    let calendar = match rng.random_range(0..4) {
        0 => Calendar { week_start: Weekday::Sunday, fiscal_month: 4 },
        1 => Calendar { week_start: Weekday::Monday, fiscal_month: 2 },
        _ => Calendar::default(),
    };
    let hours = hours(rng, today);
    let team = |id: &str, parent: Option<&str>| Team { id: id.to_owned(), parent: parent.map(str::to_owned) };
    let mut teams = vec![
        team("north", Some("paris")),
        team("paris", Some("france")),
        team("lyon", Some("france")),
        team("france", None),
        team("solo", None),
    ];
    if rng.random_bool(0.3) {
        teams.shuffle(rng);
    }
    let count = rng.random_range(2..=PEOPLE.len());
    let mut people = Vec::new();
    for (number, id) in PEOPLE.iter().take(count).enumerate() {
        let own_zone = rng.random_bool(0.7).then(|| zone(ZONES[(number + rng.random_range(0..ZONES.len())) % ZONES.len()]));
        let mut own = hours.clone();
        if rng.random_bool(0.4) {
            own = self::hours(rng, today);
        }
        let mut identities = vec![format!("{id}@acme.example")];
        if rng.random_bool(0.6) {
            identities.push(format!("hubspot:{number}"));
        }
        if rng.random_bool(0.3) {
            identities.push(format!("{id} Müller \"{number}\""));
        }
        people.push(Person {
            id: (*id).to_owned(),
            identities,
            stays: stays(rng, today, &teams),
            zone: own_zone,
            hours: own,
            absences: absences(rng, today),
        });
    }
    Roster {
        zone: company_zone,
        currency: pick(rng, &["EUR", "EUR", "USD", "JPY"]).to_owned(),
        calendar,
        hours,
        teams,
        people,
        rates: Vec::new(),
        sources: Vec::new(),
    }
}

fn hours(rng: &mut StdRng, today: Date) -> Hours {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days: &[Weekday] = pick(
        rng,
        &[
            &[Monday, Tuesday, Wednesday, Thursday, Friday][..],
            &[Monday, Tuesday, Wednesday, Thursday, Friday],
            &[Monday, Tuesday, Wednesday, Thursday],
            &[Tuesday, Wednesday, Saturday],
            &[Monday, Tuesday, Wednesday, Thursday, Sunday],
            &[Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday],
            &[Friday],
        ],
    );
    let clock = |from: (i32, i32), to: (i32, i32)| (from.0 * 60 + from.1, to.0 * 60 + to.1);
    let minutes = pick(
        rng,
        // Some hold the hour that is skipped or comes twice.
        &[clock((9, 0), (18, 0)), clock((9, 0), (18, 0)), clock((8, 35), (17, 10)), clock((0, 0), (8, 0)), clock((0, 30), (23, 45))],
    );
    let mut holidays: BTreeSet<Date> = (0..rng.random_range(0..6)).map(|_| plus_days(today, rng.random_range(-100..60))).collect();
    if rng.random_bool(0.5) {
        // A period's last day.
        holidays.insert(today.last_of_month());
    }
    let half_days = (0..rng.random_range(0..4)).map(|_| plus_days(today, rng.random_range(-40..30)));
    let half_days = half_days.filter(|day| !holidays.contains(day)).collect();
    Hours { days: days.to_vec(), minutes, holidays, half_days }
}

/// One team after another, with and without a gap, changed near today or where a month begins.
fn stays(rng: &mut StdRng, today: Date, teams: &[Team]) -> Vec<Stay> {
    let mut stays = Vec::new();
    let mut from = plus_days(today, -rng.random_range(20..500));
    for _ in 0..rng.random_range(0..4) {
        let to = match rng.random_range(0..4) {
            0 => from.last_of_month(),
            1 => plus_days(today, rng.random_range(-12..12)),
            _ => plus_days(from, rng.random_range(3..150)),
        };
        if to < from {
            continue;
        }
        stays.push(Stay { team: pick(rng, teams).id, from, to: Some(to) });
        from = plus_days(to, if rng.random_bool(0.3) { rng.random_range(2..20) } else { 1 });
    }
    if rng.random_bool(0.85) {
        stays.push(Stay { team: pick(rng, teams).id, from, to: None });
    }
    stays
}

fn absences(rng: &mut StdRng, today: Date) -> Vec<(Date, Date)> {
    let mut absences = Vec::new();
    let mut from = plus_days(today, -rng.random_range(20..120));
    for _ in 0..rng.random_range(0..3) {
        let to = plus_days(from, rng.random_range(0..21));
        absences.push((from, to));
        from = plus_days(to, rng.random_range(2..60));
    }
    absences
}

/// Instants at which something is decided: midnights, ends of periods, the seventh day, and any other.
fn asked_at(rng: &mut StdRng, base: i64, roster: &Roster) -> Vec<Timestamp> {
    let mut instants = vec![base];
    for _ in 0..4 {
        let person = rng.random_range(0..=roster.people.len());
        let zone = roster.zone_of((person < roster.people.len()).then_some(person));
        let today = local_date(base, zone);
        let day = match rng.random_range(0..6) {
            0 => today.first_of_month(),
            1 => plus_days(today.last_of_month(), 1),
            // When a period is seven days old.
            2 => plus_days(today.last_of_month(), 8),
            3 => plus_days(today, rng.random_range(-3..10)),
            4 => plus_days(today, rng.random_range(-40..40)),
            _ => today,
        };
        let nudge = match rng.random_range(0..5) {
            0 => 0,
            1 => -1,
            2 => pick(rng, &[1, SECOND, -SECOND]),
            _ => rng.random_range(0..DAY / SECOND) * SECOND,
        };
        instants.push(first_instant(day, zone) + nudge);
    }
    instants.into_iter().map(|t| Timestamp::from_microsecond(t).expect("an instant near a base")).collect()
}

/// The events that break merges, by these people.
fn hostile(seed: u64, rng: &mut StdRng, asked_at: &[Timestamp], roster: &Roster) -> Vec<Value> {
    let zones = ["Europe/Paris", "America/New_York", "Asia/Kolkata"];
    let moments: Vec<Moment> = asked_at.iter().zip(zones.iter().cycle()).map(|(&at, &zone)| Moment { at, zone }).collect();
    let mut maker = Maker::new(StdRng::seed_from_u64(seed), &moments);
    let mut events = maker.events(200, 60);
    for number in 0..3 {
        events.extend(maker.reopened_deal());
        events.push(maker.short_deal(number));
        events.extend(maker.deal_at_noon(number));
    }
    // Each name becomes one of the roster's or stays nobody's, the same one everywhere.
    let names = floor::names(roster);
    let offset = rng.random_range(0..names.len());
    for event in &mut events {
        if let Some(rep) = event["data"]["rep"].as_str().filter(|rep| !rep.is_empty()) {
            let number: usize = rep.bytes().map(usize::from).sum();
            event["data"]["rep"] = json!(names[(number + offset) % names.len()]);
        }
    }
    events
}

/// Rates for the two years before and one after; at most seven days lie between one and the last that it serves.
fn rates(rng: &mut StdRng, base: i64, reporting: &str, currencies: &BTreeSet<String>) -> Vec<Rate> {
    let mut rates = Vec::new();
    let today = local_date(base + HOUR, &TimeZone::UTC);
    for currency in currencies.iter().filter(|currency| *currency != reporting) {
        let mut day = plus_days(today, -1_000);
        while day < plus_days(today, 400) {
            let rate = format!("{}.{:04}", rng.random_range(0..3), rng.random_range(1..10_000));
            rates.push(Rate { date: day, currency: currency.clone(), rate });
            day = plus_days(day, pick(rng, &[1, 3, 7, 8, 8]));
        }
    }
    rates
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::oracle::{Oracle, judge};

    #[test]
    fn a_seed_makes_the_same_company_again() {
        let written = |seed| format!("{:?}", company(seed));
        assert_eq!(written(3), written(3));
        assert_ne!(written(3), written(4));
    }

    #[test]
    fn nobody_is_in_two_teams_and_no_name_on_two_people() {
        for seed in 0..40 {
            let roster = company(seed).roster;
            let mut names = BTreeSet::new();
            for person in &roster.people {
                assert!(person.stays.windows(2).all(|pair| pair[0].to.unwrap() < pair[1].from), "seed {seed}: {:?}", person.stays);
                assert!(person.stays.iter().all(|stay| stay.to.is_none_or(|to| stay.from <= to)));
                assert!(names.insert(person.id.clone()));
                assert!(person.identities.iter().all(|name| names.insert(name.clone())));
            }
        }
    }

    #[test]
    fn every_state_is_told_some_are_incomplete_and_forecasts_are_the_rule() {
        let mut states: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut sums, mut forecasts) = (0, 0);
        let mut complete = [0, 0];
        for seed in 0..24 {
            let company = company(seed);
            let oracle = Oracle::new(&company.events);
            for at in &company.asked_at {
                for row in judge(&oracle, &company.roster, &company.objectives, &company.words(), at.as_microsecond()) {
                    *states.entry(row.states[0]).or_default() += 1;
                    complete[usize::from(row.complete)] += 1;
                    if row.kpi.is_additive() && !row.kpi.is_level() {
                        sums += 1;
                        forecasts += usize::from(row.forecast.is_some());
                    }
                }
            }
        }
        for state in ["pending", "no_value", "met", "missed", "out_of_reach", "at_risk", "on_pace"] {
            assert!(states.get(state).is_some_and(|count| *count >= 10), "{state}: {states:?}");
        }
        assert!(complete.iter().all(|count| *count > 200), "incomplete and complete: {complete:?}");
        assert!(forecasts * 2 > sums, "{forecasts} of {sums}");
    }
}
