//! Forty objectives for each of five hundred reps, judged at one instant.

use std::time::Instant;

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use onpace_kpis::objective::{Completeness, Direction, Importance, Objective, Office, Pace, Period, Scope, State, bests, standings};
use onpace_kpis::roster::{Address, Language, Membership, Person, Team};
use onpace_kpis::worktime::Schedule;
use onpace_kpis::{Catalogue, Exact, MeasureNo, Roster, Slot, Tally};
use onpace_schemas::Time;

use crate::row;

const REPS: usize = 500;
/// Objectives of each rep.
const OBJECTIVES: usize = 40;
const ROUNDS: usize = 7;
/// 2026-11-18T14:07:00Z, a Wednesday.
const AT_US: i64 = 1_795_010_820_000_000;
const HOUR_US: i64 = 3_600_000_000;

/// Measures it.
pub fn run(catalogue: &Catalogue) -> Result<()> {
    let kpis = ["calls_made", "calls_connected", "meetings_held", "emails_sent", "deals_won", "deals_created", "win_rate", "connect_rate"];
    let numbers = catalogue.select(kpis).map_err(anyhow::Error::msg)?;
    let mut roster = Roster::of(TimeZone::get("Europe/Paris")?);
    roster.teams.push(Team { id: "all".into(), name: "All".into(), parent: None, manager: None });
    let zones = ["Europe/Paris", "America/New_York", "Asia/Kolkata"];
    for rep in 0..REPS {
        let zone = TimeZone::get(zones[rep % zones.len()])?;
        roster.add(person(rep, zone));
    }
    let measures: Vec<MeasureNo> = kpis[..6]
        .iter()
        .chain(["deals_lost"].iter())
        .map(|name| catalogue.measures.iter().position(|measure| measure.name == **name).map(|number| number as MeasureNo))
        .collect::<Option<_>>()
        .context("a measure is missing")?;
    let mut tally = Tally::new(&catalogue.measures);
    for rep in 0..REPS {
        // A year of something every three hours.
        for step in 0..365 * 8 {
            let slot = Slot::of(Time::Instant(AT_US - step * 3 * HOUR_US));
            let measure = measures[(step as usize + rep) % measures.len()];
            tally.apply(&format!("rep {rep:03}"), measure, ["", ""], 0, slot, 1);
        }
    }
    tally.settle();
    let periods = [Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year];
    let objectives: Vec<Objective> = (0..OBJECTIVES)
        .map(|nth| Objective {
            id: format!("objective-{nth}").into(),
            name: format!("objective-{nth}").into(),
            line: 1,
            kpi: numbers[nth % numbers.len()],
            scope: Scope::EachRepOf(0),
            target: Exact::from(20 + nth as i128),
            currency: None,
            direction: Direction::AtLeast,
            tolerance: Exact::ratio(1, 10).unwrap_or_else(|| 0.into()),
            importance: Importance::Normal,
            min_sample: 20,
            prorate_absences: false,
            prorate_holidays: false,
            period: periods[nth % periods.len()],
            pace: Pace::WorkingTime,
            from: None,
        })
        .collect();
    let begun = Instant::now();
    let office = Office::of(&roster, &objectives, AT_US);
    let office_ms = begun.elapsed().as_secs_f64() * 1e3;
    let mut took = Vec::new();
    let mut standing = 0;
    let mut states = [0usize; State::ALL.len()];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let all = standings(catalogue, &tally, &roster, &objectives, &office, AT_US, &Completeness::default());
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        standing = all.rows.len();
        states = State::ALL.map(|state| all.rows.iter().filter(|row| row.state == state).count());
    }
    let best = |tally: &Tally| {
        let begun = Instant::now();
        let found = bests(catalogue, tally, &roster, &objectives, AT_US).len();
        (begun.elapsed().as_secs_f64() * 1e3, found)
    };
    let (usual_ms, few) = best(&tally);
    for (rep, measure) in (0..REPS).flat_map(|rep| measures.iter().map(move |measure| (rep, *measure))) {
        tally.apply(&format!("rep {rep:03}"), measure, ["", ""], 0, Slot::of(Time::Instant(AT_US - 24 * HOUR_US)), 1000);
    }
    tally.settle();
    let (most_ms, many) = best(&tally);
    took.sort_by(f64::total_cmp);
    let seen: Vec<String> = State::ALL.iter().zip(states).map(|(state, count)| format!("{} {count}", state.name())).collect();
    row(
        &format!("{REPS} reps × {OBJECTIVES} objectives judged: {standing} standings"),
        &format!("median {:.0} ms, slowest of {ROUNDS} {:.0} ms", took[ROUNDS / 2], took[ROUNDS - 1]),
        &format!("working time worked out once a day: {office_ms:.0} ms; {}", seen.join(", ")),
    );
    row(
        &format!("personal bests of {REPS} reps in {} KPIs that add up, by day and week", kpis.len() - 2),
        &format!("{usual_ms:.0} ms"),
        &format!("once a quarter of an hour; {few} found; on a day on which everybody has all of them ({many}): {most_ms:.0} ms"),
    );
    Ok(())
}

fn person(number: usize, zone: TimeZone) -> Person {
    let id = format!("rep {number:03}");
    Person {
        name: id.clone(),
        id: id.into(),
        identities: Vec::new(),
        teams: vec![Membership { team: 0, from: None, to: None }],
        schedule: Schedule::office(zone),
        absences: vec![(20_700, 20_710)],
        style: None,
        language: Language::En,
        address: Address::default(),
    }
}
