//! What `deploy/alerts/` holds is what `onpace rules` writes today from `deploy/company/`, to the byte; and the tools that read it,
//! the oldest that are supported and those that Compose names, accept it.

use std::collections::BTreeMap;
use std::path::Path;

use onpace_tests::engine::root;
use onpace_tests::monitoring::Version;
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

    let tests: Vec<&str> = anew.keys().map(String::as_str).filter(|name| name.ends_with("_test.yml")).collect();
    assert!(!tests.is_empty());
    let here = root().join("deploy/alerts");
    for version in Version::EVERY {
        version.accepts("promtool", &["check", "rules", "--lint-fatal", "onpace.rules.yml"], &here);
        version.accepts("promtool", &[&["test", "rules"], &tests[..]].concat(), &here);
        version.accepts("amtool", &["check-config", "alertmanager.yml"], &here);
    }
}
