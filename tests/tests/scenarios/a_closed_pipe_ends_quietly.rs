//! `onpace … | head -1`: whoever has seen enough ends the command without a word of complaint; a verdict stays a verdict, and what is
//! written to files is written whole.

use std::process::{Output, Stdio};

use onpace_tests::onpace::bare;

const ROSTER: &str =
    "time_zone: UTC\nteams: [{ id: paris, name: Paris }]\npeople: [{ id: marie, name: Marie, teams: [{ team: paris }] }]\n";
const OBJECTIVES: &str =
    "objectives: [{ id: calls, kpi: calls_made, scope: { each_rep_of: paris }, target: 9, period: month, from: 2026-01-01 }]\n";

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let event =
        "{\"source\":\"a\",\"kind\":\"call\",\"entity\":\"c\",\"occurred_at\":\"2026-01-05T10:00:00Z\",\"data\":{\"rep\":\"marie\"}}\n";
    for (name, text) in [("roster.yaml", ROSTER), ("objectives.yaml", OBJECTIVES), ("events.ndjson", event)] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let imported = bare("import").args(["events.ndjson", "--data", "data"]).current_dir(folder.path()).output().expect("onpace runs");
    assert!(imported.status.success(), "{imported:?}");
    // Nobody ever reads what it prints.
    let unread = |words: &[&str]| -> Output {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = bare(words[0]).args(&words[1..]).current_dir(folder.path()).stdout(writer).stderr(Stdio::piped()).spawn();
        child.expect("onpace runs").wait_with_output().expect("it ends")
    };
    let files = ["--roster", "roster.yaml", "--objectives", "objectives.yaml"];
    let data = ["--data", "data"];
    for (words, code) in [
        ([&["kpis"], &data[..]].concat(), 0),
        ([&["kpis", "--format", "json"], &data[..]].concat(), 0),
        ([&["kpis", "--format", "csv", "--by", "rep"], &data[..]].concat(), 0),
        (vec!["catalogue"], 0),
        (vec!["catalogue", "--format", "json"], 0),
        (vec!["catalogue", "--format", "markdown"], 0),
        ([&["inspect"], &data[..]].concat(), 0),
        ([&["objectives"], &files[..], &data].concat(), 0),
        ([&["objectives", "--format", "json"], &files[..], &data].concat(), 0),
        ([&["check"], &files[..], &data].concat(), 0),
        // What is wrong stays wrong.
        (vec!["check", "--data", "data", "--roster", "nowhere.yaml"], 1),
        ([&["rules", "--out", "alerts"], &files[..]].concat(), 0),
        (vec!["--help"], 0),
        (vec!["kpis", "--help"], 0),
        (vec!["--version"], 0),
    ] {
        let output = unread(&words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(code), ""), "{words:?}");
    }
    let read = bare("rules").args(["--out", "read"]).args(files).current_dir(folder.path()).output().expect("onpace runs");
    let named: Vec<String> = String::from_utf8_lossy(&read.stdout).lines().map(str::to_owned).collect();
    assert!(read.status.success() && named.len() > 3, "{read:?}");
    for name in named {
        let text = |path: &str| std::fs::read(folder.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text(&name.replacen("read", "alerts", 1)) == text(&name), "{name} was not written whole");
    }
}
