//! A map that calls itself without end, or fills memory, on some rows: these are refused in words, the others are imported; where it
//! does so again and again the import ends by itself, and at any time by Ctrl-C, with nothing of it left.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use onpace_tests::onpace::bare;
use onpace_tests::servers::{Process, wait_until};

/// Long enough for any of the steps here on a slow machine.
const LIMIT: Duration = Duration::from_secs(240);
const EVENT: &str = r#"{source: "s", kind: "call", entity: "c:\(.id)", occurred_at: always, data: {rep: "Ben", started_at: "2026-03-02"}}"#;

fn import(folder: &Path, map: &str, rows: &str) -> Command {
    std::fs::write(folder.join("map.jq"), map).expect("a map");
    std::fs::write(folder.join("x.csv"), rows).expect("a table");
    let mut command = bare("import");
    command.arg(folder.join("x.csv")).arg("--map").arg(folder.join("map.jq")).arg("--data").arg(folder.join("data"));
    command
}

#[test]
fn rows_that_take_too_long_or_too_much_are_refused_and_the_others_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let map = format!(
        "def without_end: without_end;\n\
         def without_room: reduce range(64) as $i (\"x\"; . + .) | length;\n\
         if .do == \"time\" then without_end elif .do == \"memory\" then without_room else {EVENT} end"
    );
    let output = import(folder.path(), &map, "id,do\n1,\n2,time\n3,\n4,memory\n5,\n").output().expect("an import");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("5 rows: 3 accepted (3 events), 0 without an event, 2 refused"), "{said}");
    let refused = std::fs::read_to_string(folder.path().join("x.csv.rejected.ndjson")).expect("the refused rows");
    let refused: Vec<&str> = refused.lines().collect();
    assert!(refused.len() == 2 && refused[0].contains("takes longer than 10 s") && refused[0].contains("\"row\":2"), "{refused:?}");
    assert!(refused[1].contains("of memory") && refused[1].contains("\"row\":4"), "{refused:?}");
}

#[test]
fn a_map_that_breaks_on_every_row_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = import(folder.path(), "def deeper: 1 + deeper; deeper", "id\n1\n2\n3\n4\n5\n").output().expect("an import");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("calls itself without end, of 3 rows by now"), "{said}");
}

#[test]
fn an_import_whose_map_never_ends_is_ended_by_ctrl_c() {
    let folder = tempfile::tempdir().expect("a folder");
    let command = import(folder.path(), "def without_end: without_end; without_end", "id\n1\n");
    let mut process = Process::start(command, folder.path(), "import");
    let children = format!("/proc/{0}/task/{0}/children", process.id());
    // All threads of a process may have started it.
    let child = || {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id())).ok()?;
        tasks
            .flatten()
            .find_map(|task| std::fs::read_to_string(task.path().join("children")).ok()?.split_whitespace().next()?.parse::<u32>().ok())
    };
    let mut running = None;
    wait_until(&format!("a process of the map's own, as {children} shows"), LIMIT, || {
        running = child();
        running.is_some()
    });
    process.signal("INT");
    let status = process.wait(LIMIT);
    assert!(!status.success() && process.tail().contains("stopped before the file's end"), "{status} {}", process.tail());
    let map = format!("/proc/{}", running.expect("its id"));
    wait_until("the map's process is gone", LIMIT, || !Path::new(&map).exists());
}
