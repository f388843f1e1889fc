//! A roster that is written slowly, and is YAML at every line: what was in force stays until it is whole; that most people would be gone is
//! said.

use std::io::Write;
use std::time::Duration;

use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;

const PEOPLE: usize = 12;

fn roster(zone: &str) -> String {
    let people: String = (0..PEOPLE).map(|number| format!("  - {{ id: rep-{number}, name: Rep {number} }}\n")).collect();
    format!("company: Acme\ntime_zone: {zone}\npeople:\n{people}")
}

#[test]
fn a_half_written_roster_is_not_taken() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("roster.yaml");
    std::fs::write(&file, roster("UTC")).expect("a roster");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).arg("--roster").arg(&file);
    let up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    let people = || up.get("/v1/roster").json()["people"].as_array().map_or(0, Vec::len);
    assert_eq!(people(), PEOPLE);

    let whole = roster("Europe/Paris");
    let half = whole.find("  - { id: rep-4").expect("the fifth of them");
    let mut writing = std::fs::File::create(&file).expect("the roster's file");
    writing.write_all(&whole.as_bytes()[..half]).expect("a half");
    writing.sync_all().expect("on the disk");
    for _ in 0..25 {
        assert_eq!(people(), PEOPLE, "a half is taken for the whole");
        std::thread::sleep(Duration::from_millis(250));
    }
    let in_force = || up.metric("onpace_config_last_reload_successful{file=\"roster\"}");
    wait_until("it is said", Duration::from_secs(30), || in_force() == Some(0.0));
    let said = up.process.output();
    assert!(said.contains("8 of 12 people are gone: rep-4, rep-5") && said.contains("half written"), "{said}");

    writing.write_all(&whole.as_bytes()[half..]).expect("the rest");
    drop(writing);
    wait_until("the whole is taken", Duration::from_secs(60), || up.get("/v1/roster").json()["time_zone"] == "Europe/Paris");
    assert_eq!((people(), in_force()), (PEOPLE, Some(1.0)));
}
