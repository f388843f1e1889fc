//! Reps add up to teams, teams to the company: in every window, for every KPI that is a sum, though people live in Paris, New
//! York and Kolkata and change teams in the middle of it all. And a team is what its members did while members.
//!
//! `ONPACE_SEEDS` says how many companies are tried (6), `ONPACE_SEED` tries a single one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use num_rational::BigRational;
use num_traits::Zero;
use onpace_tests::compare::compare;
use onpace_tests::generate::{Company, company};
use onpace_tests::onpace::Onpace;
use onpace_tests::oracle::{By, Kpi, Oracle, Question, decimal};
use serde_json::Value;

use crate::seeds::seeds;

#[test]
fn reps_add_up_to_teams_and_teams_to_the_company() {
    let mut failures = Vec::new();
    for seed in seeds(6) {
        if let Err(error) = try_company(&in_three_zones(company(seed))) {
            println!("seed {seed}: {error}");
            failures.push(seed);
        }
    }
    assert!(failures.is_empty(), "seeds {failures:?} differ; ONPACE_SEED=… tries one of them alone");
}

fn in_three_zones(mut company: Company) -> Company {
    let zones = ["Europe/Paris", "America/New_York", "Asia/Kolkata"];
    for (person, zone) in company.roster.people.iter_mut().zip(zones.iter().cycle()) {
        person.zone = Some(TimeZone::get(zone).unwrap());
    }
    company
}

fn try_company(company: &Company) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = company.events.iter().map(Value::to_string).collect();
    let events = folder.path().join("events.ndjson");
    std::fs::write(&events, lines.join("\n") + "\n").unwrap();
    let roster = folder.path().join("roster.yaml");
    std::fs::write(&roster, company.roster.yaml()).unwrap();
    std::fs::write(folder.path().join("rates.csv"), company.roster.rates_csv()).unwrap();
    let onpace = Onpace::embedded(&folder.path().join("data"))?;
    onpace.import(&events)?;

    let oracle = Oracle::new(&company.events);
    for &at in &company.asked_at[..3] {
        let mut sums = Vec::new();
        for by in [By::Rep, By::Team, By::Company] {
            let question = Question::of(&company.roster, at, by);
            let answer = onpace.kpis_of(&question, &roster)?;
            // The program against itself first: these sums need no oracle.
            let top = |key: &str| by != By::Team || company.roster.teams.iter().all(|team| team.id != key || team.parent.is_none());
            sums.push((by, added(&answer, by, top)));
            compare(&oracle, &question, &answer).map_err(|error| format!("{error}\n{}", company.roster.yaml()))?;
        }
        let (_, company_sums) = &sums[2];
        assert!(!company_sums.is_empty());
        for (by, these) in &sums[..2] {
            if let Some(name) = company_sums.keys().chain(these.keys()).find(|name| these.get(*name) != company_sums.get(*name)) {
                let (these, whole) = (these.get(name), company_sums.get(name));
                return Err(format!("at {at} {name:?}: the sum by {} is {these:?}, the company's {whole:?}", by.name()));
            }
        }
    }
    Ok(())
}

/// The sums over an answer's keys of every KPI that is a sum, by KPI, window and currency; what is zero left out.
fn added(answer: &Value, by: By, counts: impl Fn(&str) -> bool) -> BTreeMap<(String, String, String), BigRational> {
    let mut sums: BTreeMap<_, BigRational> = BTreeMap::new();
    for row in answer["values"].as_array().unwrap() {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let is_sum = Kpi::named(&text("kpi")).is_some_and(Kpi::is_additive);
        if !is_sum || !counts(&text(by.name())) {
            continue;
        }
        let value = match &row["value"] {
            Value::String(money) => decimal(money),
            number => decimal(&number.to_string()),
        };
        *sums.entry((text("kpi"), text("window"), text("currency"))).or_default() += value;
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}
