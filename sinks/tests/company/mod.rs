//! A company of so many reps, as its files would give it, and the tools that read what is written from it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use jiff::tz::TimeZone;
use onpace_kpis::objective::{Direction, Importance, Objective, Pace, Period, Scope};
use onpace_kpis::roster::{Address, Language, Manager, Membership, Person, Roster, Style, Team};
use onpace_kpis::worktime::Schedule;
use onpace_kpis::{Catalogue, Exact};
use onpace_schemas::Currency;
use onpace_sinks::rules::{Settings, generate};

pub fn manager(id: &str, language: Language, webhook: &str) -> Manager {
    let address = Address { webhook: Some(webhook.into()), ..Address::default() };
    Manager { id: id.into(), name: format!("{id}, who manages"), address, language }
}

fn team(id: &str, parent: Option<usize>, manager: Option<usize>) -> Team {
    Team { id: id.into(), name: format!("Team “{id}”"), parent, manager }
}

/// Luc (French) has the company and France with Paris and Lyon; Anna (English) has Berlin.
pub fn roster(reps: usize, webhook: &str) -> Roster {
    let mut roster = Roster::of(TimeZone::get("Europe/Paris").unwrap());
    roster.company = "Acme {{ & Co \"x\"".into();
    roster.currency = Currency::from_bytes(b"EUR");
    roster.language = Language::Fr;
    roster.managers = vec![manager("luc", Language::Fr, webhook), manager("anna", Language::En, webhook)];
    roster.managers.push(manager("ops", Language::En, webhook));
    roster.manager = Some(0);
    roster.operations = Some("ops".into());
    roster.teams = vec![
        team("france", None, None),
        team("paris", Some(0), None),
        team("lyon", Some(0), None),
        team("berlin", None, Some(1)),
        team("empty.team|x", Some(0), None),
    ];
    let styles = [Some(Style::Dominant), Some(Style::Influent), Some(Style::Steady), Some(Style::Conscientious), None];
    for number in 0..reps {
        let address = Address { webhook: (number % 2 == 0).then(|| webhook.to_owned()), ..Address::default() };
        roster.people.push(Person {
            id: format!("rep{number:03}").into(),
            name: format!("Rep Number {number}"),
            identities: Vec::new(),
            teams: vec![Membership { team: 1 + number % 3, from: None, to: None }],
            schedule: Schedule::office(TimeZone::UTC),
            absences: Vec::new(),
            style: styles[number / 2 % styles.len()],
            language: if number % 4 == 0 { Language::Fr } else { Language::En },
            address,
        });
    }
    roster
}

pub fn objective(catalogue: &Catalogue, id: &str, kpi: &str, scope: Scope, period: Period) -> Objective {
    let kpi = catalogue.select([kpi]).unwrap()[0];
    Objective {
        id: Arc::from(id),
        name: Arc::from(id),
        line: 1,
        kpi,
        scope,
        target: Exact::from(40),
        currency: None,
        direction: Direction::AtLeast,
        tolerance: Exact::ratio(1, 10).unwrap(),
        importance: Importance::Normal,
        min_sample: 20,
        prorate_absences: false,
        prorate_holidays: false,
        period,
        pace: Pace::WorkingTime,
        from: None,
    }
}

/// Writes the files into a folder.
pub fn written(folder: &Path, roster: &Roster, objectives: &[Objective]) -> Vec<(String, String)> {
    let catalogue = Catalogue::built_in().unwrap();
    let files = generate(roster, objectives, &catalogue, &Settings::default()).unwrap();
    for (name, text) in &files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    files
}

/// What ends the names of the variables of the newest tools that are supported, and of the oldest.
pub const VERSIONS: [&str; 2] = ["", "_OLD"];

/// Holds that a tool accepts what is in a folder.
pub fn accepted(version: &str, tool: &str, arguments: &[&str], folder: &Path) {
    let variable = format!("ONPACE_TEST_{}{version}", tool.to_uppercase());
    let program = std::env::var_os(&variable).unwrap_or_else(|| panic!("{variable} is not set: run the tests by `tests/run`"));
    let output = Command::new(&program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{} can't be run ({error}): {variable} names {tool}", program.display()));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let end = said.char_indices().rev().nth(6_000).map_or(0, |(at, _)| at);
    assert!(output.status.success(), "{} {arguments:?}: {}", program.display(), &said[end..]);
}
