//! A company of so many reps, as its files would give it, and the tools that read what is written from it.

use std::path::{Path, PathBuf};
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

pub fn objectives(catalogue: &Catalogue, reps: usize, count: usize) -> Vec<Objective> {
    let of = |id: &str, kpi: &str, scope, period| objective(catalogue, id, kpi, scope, period);
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

/// Writes the files into a folder.
pub fn written(folder: &Path, roster: &Roster, objectives: &[Objective]) -> Vec<(String, String)> {
    let catalogue = Catalogue::built_in().unwrap();
    let files = generate(roster, objectives, &catalogue, &Settings::default()).unwrap();
    for (name, text) in &files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    files
}

/// A tool that `tests/run` finds, or one on the path.
pub fn tool(variable: &str, name: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| PathBuf::from(name), PathBuf::from)
}
