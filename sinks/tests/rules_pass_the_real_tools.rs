//! promtool and amtool accept what `onpace rules` writes, and its own tests pass, for companies of every size.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod company;

use std::path::Path;
use std::process::Command;

use onpace_kpis::Catalogue;

fn accepted(variable: &str, name: &str, arguments: &[&str], folder: &Path) {
    let tool = company::tool(variable, name);
    let output = Command::new(&tool).args(arguments).current_dir(folder).output().unwrap_or_else(|error| {
        panic!("{} can't be run ({error}): name {name} with {variable}, or run the tests by `tests/run`", tool.display())
    });
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
}

fn a_company_of(reps: usize, objectives: usize) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let roster = company::roster(reps, "http://127.0.0.1:9/hook");
    let catalogue = Catalogue::built_in().unwrap();
    let objectives = company::objectives(&catalogue, reps, objectives);
    let files = company::written(folder, &roster, &objectives);
    assert_eq!(files, company::written(folder, &roster, &objectives), "the same to the byte");
    accepted("ONPACE_TEST_PROMTOOL", "promtool", &["check", "rules", "--lint-fatal", "onpace.rules.yml"], folder);
    accepted("ONPACE_TEST_PROMTOOL", "promtool", &["test", "rules", "onpace_minutes_test.yml", "onpace_hours_test.yml"], folder);
    accepted("ONPACE_TEST_AMTOOL", "amtool", &["check-config", "alertmanager.yml"], folder);
    let rules = files.iter().find(|(name, _)| name == "onpace.rules.yml").unwrap();
    let alerts = rules.1.lines().filter(|line| line.contains("- alert:")).count();
    assert!(alerts <= 60, "{alerts} alerting rules: they don't grow with reps or objectives");
}

#[test]
fn for_one_rep() {
    a_company_of(1, 10);
}

#[test]
fn for_thirty_reps() {
    a_company_of(30, 12);
}

#[test]
fn for_five_hundred_reps_and_forty_objectives() {
    a_company_of(500, 40);
}
