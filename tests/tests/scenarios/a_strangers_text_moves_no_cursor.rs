//! Whatever events, files and arguments hold, a terminal is shown text: no escape sequence, no bell, nothing that turns the direction of
//! writing reaches it from any command, on either engine.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use onpace_tests::floor::{Floor, kafka};
use onpace_tests::onpace::bare;
use onpace_tests::servers::{Process, wait_until};
use serde_json::{Value, json};

/// A title, a bell, a cleared screen in seven and in eight bits, a name that reads backwards, a line that is none of ours.
const HOSTILE: &str = "Ann\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}1m\u{202e}b\u{2066}\r\nforged line";
/// A roster refuses control characters itself; what turns the direction of writing may stand in a name.
const ROSTER: &str = "time_zone: UTC\nteams: [{ id: paris, name: \"Paris\\u202e\" }]\n\
    people: [{ id: \"m\\u202e1\", name: \"Marie\\u2067 C\\u202e\", teams: [{ team: paris }] }]\n\
    sources: [{ id: \"phone\\u202e\", live: true, max_silence: 1h }]\n";
const OBJECTIVES: &str =
    "objectives: [{ id: calls, kpi: calls_made, scope: { each_rep_of: paris }, target: 9, period: month, from: 2026-01-01 }]\n";

fn events() -> Vec<Value> {
    let event = |kind: &str, entity: &str, data: Value| json!({ "source": HOSTILE, "kind": kind, "entity": format!("{entity}{HOSTILE}"), "occurred_at": "2026-01-05T10:00:00Z", "data": data });
    vec![
        event("call", "c", json!({ "rep": HOSTILE })),
        event("call", "d", json!({ "rep": "m\u{202e}1" })),
        event(
            "deal",
            "d",
            json!({ "rep": HOSTILE, "product": HOSTILE, "origin": HOSTILE, "stage": HOSTILE, "status": "won", "closed_at": "2026-01-05",
                "amount": { "value": "1", "currency": "EUR" } }),
        ),
    ]
}

fn assert_plain(what: &str, output: &Output) {
    for (end, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let text = String::from_utf8(bytes.clone()).unwrap_or_else(|error| panic!("{what}: {end} is no text: {error}"));
        let found = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
        assert!(found.is_none(), "{what}: {end} holds {found:?}: {text:?}");
        // JSON and CSV quote; elsewhere a line of ours begins with what we say.
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{what}: {end} has a forged line: {text:?}");
    }
}

/// Everything that prints what is in a store, or in the files.
fn ask(folder: &Path, store: &[&str], engine: &[&str], keys: &[&str]) {
    let run = |words: &[&str], place: &[&str]| {
        let output = bare(words[0]).args(&words[1..]).args(place).current_dir(folder).output().expect("onpace runs");
        assert_plain(&format!("{words:?}"), &output);
        output
    };
    let files = ["--roster", "roster.yaml", "--objectives", "objectives.yaml"];
    for by in ["company", "rep", "team", "product", "origin", "stage"] {
        for format in ["table", "csv", "json"] {
            for roster in [&files[..0], &files] {
                let words = [&["kpis", "--at", "2026-01-06T10:00:00Z", "--window", "all", "--by", by, "--format", format], roster].concat();
                assert!(run(&words, store).status.success(), "{words:?}");
            }
        }
    }
    let answer = run(&["kpis", "--at", "2026-01-06T10:00:00Z", "--by", "rep", "--format", "json"], store);
    let answer: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    assert!(answer["values"].as_array().expect("values").iter().any(|row| row["rep"] == HOSTILE), "JSON says the very name");
    for format in ["table", "json"] {
        let words = [&["objectives", "--at", "2026-01-06T10:00:00Z", "--format", format], &files[..]].concat();
        assert!(run(&words, store).status.success(), "{words:?}");
    }
    run(&[&["objectives", "check", "--at", "2026-01-06T10:00:00Z"], &files[..]].concat(), store);
    run(&[&["objectives", "--rep", HOSTILE], &files[..]].concat(), store);
    run(&[&["check"], &files[..]].concat(), engine);
    let listed = run(&["inspect"], store);
    let listed = String::from_utf8(listed.stdout).expect("text");
    for key in listed.lines().chain(keys.iter().copied()) {
        run(&["inspect", key], store);
    }
    for flag in
        ["--by", "--window", "--kpi", "--at", "--time-zone", "--currency", "--only", "--roster", "--objectives", "--catalogue", "--config"]
    {
        run(&["kpis", flag, HOSTILE], store);
    }
    run(&["inspect", HOSTILE], store);
    run(&["kpis", "--by", "rep", "--only", HOSTILE, "--at", "2026-01-06T10:00:00Z"], store);
    run(&["kpis", "--by", "rep", "--only", &format!("{HOSTILE}?")], store);
}

fn files(folder: &Path) {
    for (name, text) in [("roster.yaml", ROSTER), ("objectives.yaml", OBJECTIVES)] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    let lines: String = events().iter().map(|event| format!("{event}\n")).collect();
    std::fs::write(folder.join("events.ndjson"), lines).expect("events");
}

#[test]
fn a_strangers_text_moves_no_cursor_from_the_embedded_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files(folder.path());
    let run = |words: &[&str]| {
        let output = bare(words[0]).args(&words[1..]).args(["--data", "data"]).current_dir(folder.path()).output().expect("onpace runs");
        assert_plain(&format!("{words:?}"), &output);
        output
    };
    assert!(run(&["import", "events.ndjson"]).status.success());
    // What is refused, and maps, headers, columns and names of files.
    std::fs::write(folder.path().join("bad.ndjson"), format!("{{\"{HOSTILE}\": 1}}\n{HOSTILE}\n").replace("\r\n", "")).expect("a file");
    assert!(!run(&["import", "bad.ndjson"]).status.success());
    std::fs::write(folder.path().join("rows.csv"), format!("a,\"{HOSTILE}\"\n\"{HOSTILE}\",1\n")).expect("a file");
    for map in [". as $row | error(\"\\($row)\")", "error(\"a\\u001b[2J\")", "\u{1b}[2J", ".[\"x\u{1b}[2J\"] | {a: .}", "{source: .a}"] {
        std::fs::write(folder.path().join("map.jq"), map).expect("a map");
        assert!(!run(&["import", "rows.csv", "--map", "map.jq"]).status.success(), "{map}");
        run(&["import", "rows.csv", "--map", "map.jq", "--arg", &format!("x={HOSTILE}")]);
        run(&["import", "rows.csv", "--map", "map.jq", "--arg", HOSTILE]);
    }
    run(&["import", &format!("{HOSTILE}.csv")]);
    ask(folder.path(), &["--data", "data"], &["--data", "data"], &["names:0", "sources:0", "head:0"]);
    // A catalogue's own words.
    std::fs::write(folder.path().join("own.yaml"), "kpis:\n  own: { formula: calls_made, en: \"a\\e[2J\", fr: \"b\\e[2J\" }\n")
        .expect("a file");
    for format in ["table", "json", "markdown"] {
        let output = bare("catalogue").args(["--catalogue", "own.yaml", "--format", format]).current_dir(folder.path()).output();
        assert_plain(format, &output.expect("onpace runs"));
    }
}

#[test]
fn a_strangers_text_moves_no_cursor_from_redis() {
    let floor = Floor::on(kafka());
    files(floor.folder());
    floor.import("hostile", &events());
    floor.catch_up();
    let redis = floor.redis.url();
    let engine = ["--kafka", floor.brokers(), "--topic", floor.topic(), "--redis", &redis];
    ask(floor.folder(), &["--redis", &redis], &engine, &[]);
}

#[test]
fn a_strangers_text_moves_no_cursor_in_a_log_for_people() {
    // A log is coloured by us, on a terminal; what others said in it is not.
    let folder = tempfile::tempdir().expect("a temporary folder");
    files(folder.path());
    let binary = onpace_tests::onpace::binary().expect("a binary");
    let mut command = Command::new("script");
    let line = format!("exec {} up --data data --listen 127.0.0.1:0 --roster roster.yaml", binary.display());
    command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path());
    let up = Process::start(command, folder.path(), "up");
    let limit = Duration::from_secs(60);
    wait_until("it serves", limit, || up.output().contains("page http://"));
    let broken = ROSTER.replace("id: paris,", "id: paris, \"m\\e[31mx\\e]0;y\": 1,");
    std::fs::write(folder.path().join("roster.yaml"), broken).expect("a roster");
    wait_until("the roster is refused", limit, || up.output().contains("what was in force before stays"));
    let text = up.output();
    assert!(!text.contains("\u{1b}[31mx") && !text.contains("\u{1b}]"), "{text:?}");
}
