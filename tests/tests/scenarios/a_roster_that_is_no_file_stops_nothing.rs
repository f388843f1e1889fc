//! A roster whose place is taken by a pipe that nobody writes to: metrics and answers go on with what was in force, it is said, and the
//! end comes when it is asked for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;

fn roster(folder: &Path, people: &[&str]) {
    let people: String = people.iter().map(|id| format!("  - {{ id: {id}, name: {id} }}\n")).collect();
    std::fs::write(folder.join("new.yaml"), format!("time_zone: UTC\npeople:\n{people}")).expect("a roster");
    std::fs::rename(folder.join("new.yaml"), folder.join("roster.yaml")).expect("in its place");
}

fn pipe(folder: &Path) {
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().expect("mkfifo runs").success());
    std::fs::rename(folder.join("pipe"), folder.join("roster.yaml")).expect("in its place");
}

#[test]
fn a_roster_that_is_no_file_stops_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    roster(folder.path(), &["marie", "paul"]);
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).arg("--roster").arg(folder.path().join("roster.yaml"));
    let mut up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    let people = || up.get("/v1/roster").json()["people"].as_array().map_or(0, Vec::len);
    assert_eq!(people(), 2);

    pipe(folder.path());
    let in_force = || up.metric("onpace_config_last_reload_successful{file=\"roster\"}").expect("the metrics are answered");
    wait_until("it is said that the roster can't be read", Duration::from_secs(60), || in_force() == 0.0);
    assert_eq!((people(), up.get("/readyz").status), (2, 200));
    let said = up.process.output();
    assert!(said.contains("roster.yaml: it is a pipe and no file") && said.contains("what was in force before stays"), "{said}");

    roster(folder.path(), &["marie", "paul", "ann"]);
    wait_until("the roster is read again", Duration::from_secs(60), || people() == 3);
    assert_eq!(in_force(), 1.0);

    pipe(folder.path());
    wait_until("it is said again", Duration::from_secs(60), || in_force() == 0.0);
    up.process.signal("TERM");
    assert!(up.process.wait(Duration::from_secs(30)).success(), "{}", up.process.tail());
}
