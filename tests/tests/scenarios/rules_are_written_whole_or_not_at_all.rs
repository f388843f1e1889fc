//! `onpace rules --out`: Prometheus and Alertmanager never find half of a file, nor new rules beside an old configuration.

use std::collections::BTreeMap;
use std::path::Path;

use onpace_tests::onpace::bare;

const ROSTER: &str =
    "time_zone: UTC\nteams: [{ id: paris, name: Paris }]\npeople: [{ id: marie, name: Marie, teams: [{ team: paris }] }]\n";
const OBJECTIVES: &str =
    "objectives: [{ id: calls, kpi: calls_made, scope: { each_rep_of: paris }, target: 9, period: month, from: 2026-01-01 }]\n";

fn files(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).ok())
    };
    std::fs::read_dir(folder).expect("the folder").map(entry).collect()
}

#[test]
fn rules_are_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("roster.yaml", ROSTER);
    write("objectives.yaml", OBJECTIVES);
    let rules = |page: &str| {
        let output = bare("rules")
            .args(["--out", "alerts", "--roster", "roster.yaml", "--objectives", "objectives.yaml", "--dashboard", page, "--runbook", page])
            .current_dir(folder.path())
            .output()
            .expect("onpace runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(rules("http://one/").0);
    let out = folder.path().join("alerts");
    let before = files(&out);
    assert!(before.len() > 3 && before.values().all(Option::is_some), "{:?}", before.keys());
    // Each of the files in turn can't be written: none of the others changes, and nothing is left behind.
    for name in before.keys() {
        let (file, kept) = (out.join(name), folder.path().join("kept"));
        std::fs::rename(&file, &kept).expect("moved");
        std::fs::create_dir(&file).expect("a folder in its place");
        write("roster.yaml", &ROSTER.replace("Paris", "Lyon"));
        let (succeeded, said) = rules("http://two/");
        assert!(!succeeded && said.contains(name.as_str()), "{name}: {said}");
        std::fs::remove_dir(&file).expect("the folder gone");
        std::fs::rename(&kept, &file).expect("moved back");
        assert!(files(&out) == before, "{name} could not be written, and {:?} changed", files(&out).keys());
    }
    assert!(rules("http://two/").0);
    let after = files(&out);
    assert!(after.keys().eq(before.keys()) && after != before);
}
