//! Objectives, embedded: whoever changes teams, zones and clocks in the middle of whatever period, every row of
//! `onpace objectives` equals the brute-force oracle's, and no row is missing or too many; also which are incomplete, whichever sources are silent.
//!
//! `ONPACE_SEEDS` says how many companies are tried (12), `ONPACE_SEED` tries a single one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use onpace_tests::compare_objectives::compare_objectives;
use onpace_tests::generate::{Company, company};
use onpace_tests::onpace::Onpace;
use onpace_tests::oracle::{Oracle, judge, objectives_yaml};
use rusqlite::Connection;
use serde_json::Value;

use crate::seeds::seeds;

#[test]
fn objectives_equal_the_oracle() {
    let mut failures = Vec::new();
    for seed in seeds(12) {
        if let Err(error) = try_company(&company(seed)) {
            println!("seed {seed}: {error}");
            failures.push(seed);
        }
    }
    assert!(failures.is_empty(), "seeds {failures:?} differ; ONPACE_SEED=… tries one of them alone");
}

/// Imports a company's events into a fresh folder and asks at each of its instants.
fn try_company(company: &Company) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let lines: Vec<String> = company.events.iter().map(Value::to_string).collect();
    let onpace = Onpace::embedded(&folder.path().join("data"))?;
    onpace.import(&written("events.ndjson", lines.join("\n") + "\n"))?;
    record(&folder.path().join("data"), company);

    let roster = written("roster.yaml", company.roster.yaml());
    if !company.roster.rates.is_empty() {
        written("rates.csv", company.roster.rates_csv());
    }
    let objectives = written("objectives.yaml", objectives_yaml(&company.objectives));
    let (oracle, words) = (Oracle::new(&company.events), company.words());
    for &at in &company.asked_at {
        let rows = judge(&oracle, &company.roster, &company.objectives, &words, at.as_microsecond());
        let answer = onpace.objectives(&roster, &objectives, at)?;
        compare_objectives(&rows, at, &answer).map_err(|error| told(company, &rows, error))?;
    }
    Ok(())
}

/// Moves what was imported to when the company's sources said it: the log has an event a row, in the order of the file.
fn record(data: &Path, company: &Company) {
    let mut log = Connection::open(data.join("onpace.db")).unwrap();
    let moving = log.transaction().unwrap();
    for (offset, (event, ms)) in (0_i64..).zip(company.events.iter().zip(&company.recorded_ms)) {
        let sql = "UPDATE event_message SET recorded_ms = ?1, checksum = NULL WHERE place = ?2 AND key = CAST(?3 AS BLOB) AND source = ?4";
        let [kind, entity, source] = ["kind", "entity", "source"].map(|name| event[name].as_str().unwrap());
        let said = (ms, offset, format!("{kind}:{entity}"), source);
        assert_eq!(moving.execute(sql, said).unwrap(), 1, "{event}");
    }
    moving.commit().unwrap();
}

/// A difference with the roster and the objective that it is about.
fn told(company: &Company, rows: &[onpace_tests::oracle::Judged], error: String) -> String {
    let about = rows.iter().map(|row| &row.objective).find(|id| error.contains(&format!("\"{id}\"")));
    let objective = company.objectives.iter().filter(|objective| Some(&objective.id) == about);
    let objective: Vec<_> = objective.cloned().collect();
    format!("{error}\n{}\n{}", objectives_yaml(&objective), company.roster.yaml())
}
