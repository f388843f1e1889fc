//! A process that may open only so many files says so: not that a folder can't be written to, nor that a server is away.
#![cfg(unix)]

use std::process::Command;

use onpace_tests::onpace::{bare, binary, run, said};

#[test]
fn too_few_files_are_told_as_such() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let event =
        "{\"source\":\"a\",\"kind\":\"call\",\"entity\":\"c\",\"occurred_at\":\"2026-01-05T10:00:00Z\",\"data\":{\"rep\":\"Ann\"}}\n";
    std::fs::write(folder.path().join("events.ndjson"), event).expect("events");
    run(bare("import").args(["events.ndjson", "--data", "data"]).current_dir(folder.path())).expect("imported");
    run(bare("kpis").args(["--data", "data"]).current_dir(folder.path())).expect("folded");
    let binary = binary().expect("a binary");
    let (mut told, mut misled) = (0, Vec::new());
    for words in [
        "kpis --data data",
        "import events.ndjson --data data",
        "check --data data",
        "inspect --data data",
        "kpis --redis redis://127.0.0.1:1",
    ] {
        for files in 4..24 {
            let line = format!("ulimit -n {files}; exec {} {words}", binary.display());
            let output = Command::new("sh").args(["-c", &line]).env_clear().current_dir(folder.path()).output().expect("sh runs");
            let said = said(&output);
            assert!(!said.contains("panicked"), "{files} files: {words}: {said}");
            let is_told = said.contains("ulimit -n");
            told += usize::from(is_told);
            let misleads = ["permission", "may you write", "does its folder exist", "onpace file", "is Redis running", "is Kafka running"];
            let is_refused = said.contains("refused");
            if !is_refused && misleads.iter().any(|words| said.contains(words)) {
                misled.push(format!("{files} files: {words}: {said}"));
            }
        }
    }
    assert!(misled.is_empty(), "{}", misled.join("\n"));
    assert!(told > 10, "told {told} times");
}
