//! A process that may have few files open: those who say nothing make room, and where a file can't be opened it is this that is said,
//! not a permission.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use onpace_tests::onpace::{bare, binary};
use onpace_tests::serving::Serving;
use serde_json::json;

/// A command that may have so many files open.
fn with_files(files: usize, subcommand: &str, data: &Path) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]).arg(binary().unwrap_or_else(|error| panic!("{error}")));
    command.args(bare(subcommand).get_args()).arg("--data").arg(data);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONPACE_")) {
        command.env_remove(name);
    }
    command
}

fn call(number: usize) -> String {
    json!({ "source": "test", "kind": "call", "entity": format!("c{number}"), "occurred_at": "2026-01-05T10:00:00Z",
        "data": { "rep": "Ann", "outcome": "connected", "duration_s": 60 } })
    .to_string()
}

#[test]
fn out_of_files_is_told_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let up = Serving::start(with_files(64, "up", &folder.path().join("data")), folder.path(), "up");
    up.ready(Duration::from_secs(60));
    let silent: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(("127.0.0.1", up.port)).expect("a connection")).collect();
    for round in 0..10 {
        assert_eq!(up.get("/healthz").status, 200);
        assert_eq!(up.get("/metrics").status, 200);
        let taken = up.patiently(|up| up.post("application/json", call(round).as_bytes()));
        assert_eq!(taken.status, 202, "{taken:?}");
    }
    let said = up.process.output();
    assert!(said.contains("may have 64 files open") && said.contains("ulimit -n"), "{said}");
    assert!(up.files() <= 64 && !said.contains("may you write"), "{said}");
    drop(silent);

    let file = folder.path().join("calls.ndjson");
    std::fs::write(&file, call(1)).expect("a file of events");
    let mut told = 0;
    for files in 5..=16 {
        let data = folder.path().join(format!("data-{files}"));
        let output = with_files(files, "import", &data).arg(&file).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && said.contains("onpace.db") {
            assert!(said.contains("files open that it may") && said.contains("ulimit -n"), "with {files} files: {said}");
            told += 1;
        }
    }
    assert!(told > 0, "no import was short of files for its database");
}
