//! Files that change under a configuration, looked at without waiting.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use super::*;

const ROSTER: &str = "time_zone: Europe/Paris
currency: EUR
rates: rates.csv
teams: [{ id: paris, name: Paris }]
people:
  - { id: marie, name: Marie Curie, teams: [{ team: paris }] }
  - { id: jo, name: Jo, time_zone: Asia/Tokyo }
";
const OBJECTIVES: &str = "objectives:\n  - { id: calls, kpi: calls_made, scope: { team: paris }, target: 40, period: week }\n";
const RATES: &str = "date,currency,rate\n2026-01-05,USD,0.9\n";

struct Place {
    folder: tempfile::TempDir,
    configuration: Configuration,
}

fn write(folder: &Path, name: &str, text: &str) {
    // As editors and ConfigMaps do: a new file in the place of the old one.
    std::fs::write(folder.join("new"), text).unwrap();
    std::fs::rename(folder.join("new"), folder.join(name)).unwrap();
}

fn read(folder: &Path, overrides: Overrides) -> Result<Configuration, Broken> {
    let files = Files { roster: Some(folder.join("roster.yaml")), objectives: Some(folder.join("objectives.yaml")) };
    Configuration::read(Catalogue::built_in().unwrap(), files, overrides)
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("roster.yaml", ROSTER), ("objectives.yaml", OBJECTIVES), ("rates.csv", RATES)] {
            write(folder.path(), name, text);
        }
        let configuration = read(folder.path(), Overrides::default()).unwrap();
        Place { folder, configuration }
    }

    fn change(&self, name: &str, text: &str) -> Arc<Evaluation> {
        write(self.folder.path(), name, text);
        self.looks(3);
        self.configuration.now()
    }

    fn looks(&self, times: u32) {
        (0..times).for_each(|_| self.configuration.look());
    }

    /// Whether roster and objectives are in force.
    fn in_force(&self) -> Vec<bool> {
        self.configuration.loads().iter().map(|load| load.in_force).collect()
    }
}

#[test]
fn a_change_is_taken_once_the_file_has_been_quiet() {
    let place = Place::new();
    let changed = ROSTER.replace("Marie Curie", "Marie C.");
    let name = || place.configuration.now().roster.people[0].name.clone();
    write(place.folder.path(), "roster.yaml", &changed);
    place.looks(2);
    // Written again, with the same text: it is still being worked on.
    write(place.folder.path(), "roster.yaml", &changed);
    place.looks(2);
    assert_eq!(name(), "Marie Curie", "it may be half written");
    place.looks(1);
    let now = place.configuration.now();
    assert_eq!((&*now.roster.people[0].name, now.version, now.objectives.len()), ("Marie C.", 1, 1));
    place.looks(5);
    assert_eq!(place.configuration.now().version, 1, "what has not changed is not read again");
}

#[test]
fn what_takes_most_away_is_taken_after_a_minute_and_not_at_all_if_it_was_half_written() {
    let place = Place::new();
    let half = &ROSTER[..ROSTER.find("  - { id: jo").unwrap()];
    let more = format!("{ROSTER}  - {{ id: ann, name: Ann }}\n");
    place.change("roster.yaml", &more);
    write(place.folder.path(), "roster.yaml", half);
    place.looks(30);
    assert_eq!((place.configuration.now().roster.people.len(), place.in_force()), (3, vec![false, true]));
    write(place.folder.path(), "roster.yaml", &more);
    place.looks(1);
    assert_eq!((place.configuration.now().version, place.in_force()), (1, vec![true, true]), "it is what it was");
    write(place.folder.path(), "roster.yaml", half);
    place.looks(QUIET_LONG);
    assert_eq!(place.configuration.now().roster.people.len(), 3);
    place.looks(1);
    assert_eq!((place.configuration.now().roster.people.len(), place.in_force()), (1, vec![true, true]));
    // Half of the people or fewer are taken as soon as any change.
    place.change("roster.yaml", ROSTER);
    let gone = place.change("roster.yaml", half);
    assert_eq!(gone.roster.people.len(), 1);
}

#[test]
fn a_broken_file_is_refused_and_the_last_good_one_stays() {
    let place = Place::new();
    let now = place.change("roster.yaml", &ROSTER.replace("team: paris", "team: pariss"));
    assert_eq!((now.roster.people.len(), now.version), (2, 0));
    assert_eq!(place.in_force(), [false, true]);
    let now = place.change("objectives.yaml", &OBJECTIVES.replace("40", "50"));
    assert_eq!((now.objectives[0].target.to_f64(), now.version), (50.0, 1), "objectives go on with the roster in force");
    assert_eq!(place.in_force(), [false, true]);
    let now = place.change("roster.yaml", &ROSTER.replace("Curie", "C."));
    assert_eq!((&*now.roster.people[0].name, now.version), ("Marie C.", 2));
    assert_eq!(place.in_force(), [true, true]);
}

#[test]
fn a_roster_goes_on_beside_broken_objectives_but_not_against_those_in_force() {
    let place = Place::new();
    place.change("objectives.yaml", &OBJECTIVES.replace("calls_made", "call_made"));
    assert_eq!(place.in_force(), [true, false]);
    let now = place.change("roster.yaml", &ROSTER.replace("Curie", "C."));
    assert_eq!((&*now.roster.people[0].name, now.objectives.len()), ("Marie C.", 1));
    assert_eq!(place.in_force(), [true, false]);
    let without = "time_zone: UTC\n";
    let now = place.change("roster.yaml", without);
    assert_eq!(now.roster.people.len(), 2, "the objectives in force are about a team that this roster doesn't have");
    assert_eq!(place.in_force(), [false, false]);
    place.change("objectives.yaml", "objectives: []\n");
    place.looks(QUIET_LONG);
    let now = place.configuration.now();
    assert_eq!((now.roster.people.len(), now.objectives.len()), (0, 0));
    assert_eq!(place.in_force(), [true, true]);
}

#[test]
fn the_rates_are_a_part_of_the_roster() {
    let place = Place::new();
    place.change("rates.csv", &RATES.replace("0.9", "nought"));
    assert_eq!(place.in_force(), [false, true]);
    let now = place.change("rates.csv", &RATES.replace("0.9", "0.8"));
    let usd = onpace_schemas::Currency::parse("USD").unwrap();
    let day = onpace_schemas::time::parse_date("2026-01-05").unwrap();
    assert_eq!(now.roster.rates.as_ref().unwrap().rate(usd, day).unwrap().to_f64(), 0.8);
    assert_eq!(place.in_force(), [true, true]);
}

#[test]
fn a_file_that_is_gone_is_a_broken_one() {
    let place = Place::new();
    std::fs::remove_file(place.folder.path().join("objectives.yaml")).unwrap();
    place.looks(3);
    assert_eq!((place.in_force(), place.configuration.now().objectives.len()), (vec![true, false], 1));
}

#[test]
fn at_the_start_a_broken_file_is_an_error_with_its_line() {
    let place = Place::new();
    write(place.folder.path(), "roster.yaml", &ROSTER.replace("team: paris", "team: pariss"));
    let error = read(place.folder.path(), Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("roster.yaml, line 6: ") && error.contains("pariss"), "{error}");
    write(place.folder.path(), "roster.yaml", ROSTER);
    write(place.folder.path(), "rates.csv", "date,currency,rate\n2026-01-05,USD,nought\n");
    let error = read(place.folder.path(), Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("rates.csv, line 2: "), "{error}");
    std::fs::remove_file(place.folder.path().join("roster.yaml")).unwrap();
    let error = read(place.folder.path(), Overrides::default()).unwrap_err().to_string();
    assert!(error.contains("can't read the roster") && error.contains("roster.yaml"), "{error}");
}

#[test]
fn what_is_said_beside_the_roster_wins() {
    let place = Place::new();
    let overrides = Overrides { zone: Some(TimeZone::UTC), week_start: Some(Weekday::Sunday), fiscal_month: Some(4) };
    let now = read(place.folder.path(), overrides).unwrap().now();
    assert_eq!((now.zone(), now.roster.settings.week_start, now.roster.settings.fiscal_month), ("UTC", Weekday::Sunday, 4));
    let zones: Vec<_> = now.roster.people.iter().map(|person| person.schedule.zone.iana_name().unwrap()).collect();
    assert_eq!(zones, ["UTC", "Asia/Tokyo"], "a person's own zone is his own");
}
