//! What `deploy/alerts/` holds is what `onpace rules` writes today from `deploy/company/`, to the byte; and the tools that read it accept it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use onpace_tests::engine::root;
use onpace_tests::onpace::bare;

/// As `deploy/README.md` has it.
const ARGUMENTS: [&str; 6] =
    ["--roster", "deploy/company/roster.yaml", "--objectives", "deploy/company/objectives.yaml", "--dashboard", "http://127.0.0.1:8082/"];

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let read = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        (name, std::fs::read_to_string(&path).expect("a text"))
    });
    read.collect()
}

fn accepted(variable: &str, tool: &str, arguments: &[&str]) {
    let program = std::env::var(variable).unwrap_or_else(|_| tool.into());
    let output = Command::new(&program).args(arguments).current_dir(root().join("deploy/alerts")).output();
    let output = output.unwrap_or_else(|error| panic!("{program} can't be run ({error}): name {tool} with {variable}"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{tool} {arguments:?}: {said}");
}

#[test]
fn the_deployed_alerts_are_those_of_the_company() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let written = bare("rules").arg("--out").arg(folder.path()).args(ARGUMENTS).current_dir(root()).output().expect("onpace runs");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let (deployed, anew) = (files(&root().join("deploy/alerts")), files(folder.path()));
    let command = format!("onpace rules --out deploy/alerts {}", ARGUMENTS.join(" "));
    assert_eq!(deployed.keys().collect::<Vec<_>>(), anew.keys().collect::<Vec<_>>(), "write them anew: {command}");
    for (name, text) in &anew {
        let differs = deployed[name].lines().zip(text.lines()).find(|(deployed, anew)| deployed != anew);
        assert!(deployed[name] == *text, "deploy/alerts/{name} is out of date; write it anew: {command}\nfirst difference: {differs:?}");
    }
    let guide = std::fs::read_to_string(root().join("deploy/README.md")).expect("a guide");
    assert!(guide.contains(&command), "deploy/README.md gives the command: {command}");

    accepted("ONPACE_TEST_PROMTOOL", "promtool", &["check", "rules", "--lint-fatal", "onpace.rules.yml"]);
    let tests: Vec<&str> = anew.keys().map(String::as_str).filter(|name| name.ends_with("_test.yml")).collect();
    assert!(!tests.is_empty());
    accepted("ONPACE_TEST_PROMTOOL", "promtool", &[&["test", "rules"], &tests[..]].concat());
    accepted("ONPACE_TEST_AMTOOL", "amtool", &["check-config", "alertmanager.yml"]);
}
