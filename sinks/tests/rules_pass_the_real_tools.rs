//! promtool and amtool, the oldest that are supported and the newest, accept what `onpace rules` writes, and its own tests pass, for
//! companies of every size.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod company;

use std::path::Path;

use onpace_kpis::Catalogue;
use onpace_kpis::objective::{Direction, Importance, Objective, Period, Scope};

const NEWEST: &str = company::VERSIONS[0];
const OLDEST: &str = company::VERSIONS[1];

fn objectives(catalogue: &Catalogue, reps: usize, count: usize) -> Vec<Objective> {
    let of = |id: &str, kpi: &str, scope, period| company::objective(catalogue, id, kpi, scope, period);
    let mut all = vec![
        of("calls-paris", "prospecting_calls", Scope::EachRepOf(1), Period::Week),
        of("calls-lyon", "calls_made", Scope::EachRepOf(2), Period::Week),
        of("calls-france", "prospecting_calls", Scope::Team(0), Period::Month),
        of("calls team", "calls_made", Scope::Team(1), Period::Day),
        of("revenue \"q\" {{ x }}\n$1", "revenue_won", Scope::Company, Period::Quarter),
        of("win-rate", "win_rate", Scope::Team(3), Period::Year),
        of("talk", "talk_time_s", Scope::Rep(0), Period::Once(20_000, 20_100)),
        of("cycle", "sales_cycle_days", Scope::Company, Period::Month),
        of("velocity", "sales_velocity", Scope::EachRepOf(0), Period::Year),
        of("no-shows", "meetings_no_show", Scope::EachRepOf(3), Period::Month),
    ];
    all[4].importance = Importance::High;
    all[9].direction = Direction::AtMost;
    for number in all.len()..count {
        all.push(of(&format!("more-{number}"), "emails_sent", Scope::Rep(number % reps), Period::Week));
    }
    all
}

/// The files of a company, as they are written into a folder.
fn files_of(reps: usize, count: usize, folder: &Path) -> Vec<(String, String)> {
    let roster = company::roster(reps, "http://127.0.0.1:9/hook");
    let catalogue = Catalogue::built_in().unwrap();
    let objectives = objectives(&catalogue, reps, count);
    let files = company::written(folder, &roster, &objectives);
    assert_eq!(files, company::written(folder, &roster, &objectives), "the same to the byte");
    files
}

/// The names of its alerting rules, each as often as it is written.
fn alerts(files: &[(String, String)]) -> Vec<&str> {
    let rules = files.iter().find(|(name, _)| name == "onpace.rules.yml").unwrap();
    rules.1.lines().filter_map(|line| line.split_once("- alert: ")).map(|(_, name)| name).collect()
}

/// Every version reads the files; one plays their tests, which takes its time.
fn a_company_of(reps: usize, count: usize, played_by: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    files_of(reps, count, folder);
    for version in company::VERSIONS {
        company::accepted(version, "promtool", &["check", "rules", "--lint-fatal", "onpace.rules.yml"], folder);
        company::accepted(version, "amtool", &["check-config", "alertmanager.yml"], folder);
    }
    company::accepted(played_by, "promtool", &["test", "rules", "onpace_minutes_test.yml", "onpace_hours_test.yml"], folder);
}

#[test]
fn for_one_rep() {
    a_company_of(1, 10, NEWEST);
}

#[test]
fn for_thirty_reps() {
    a_company_of(30, 12, OLDEST);
}

#[test]
fn for_five_hundred_reps_and_forty_objectives() {
    a_company_of(500, 40, NEWEST);
}

/// There is a rule for each kind of news and of reader, none for a rep or an objective.
#[test]
fn alerts_grow_with_neither_reps_nor_objectives() {
    let (small, large) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (small, large) = (files_of(30, 12, small.path()), files_of(500, 40, large.path()));
    assert!(alerts(&small).contains(&"OnpacePipelineDown"));
    assert_eq!(alerts(&small), alerts(&large));
}
