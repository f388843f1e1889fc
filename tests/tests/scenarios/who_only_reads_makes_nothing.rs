//! `--data` mistyped: whoever only reads says that there is nothing and makes nothing. A folder that can't be written to can be read.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use onpace_tests::onpace::{bare, binary, run, said};

/// Somebody who owns nothing here, where the tests run as root, whom nothing is forbidden.
const NOBODY: u32 = 65_534;

fn event(number: usize) -> String {
    format!(
        "{{\"source\":\"a\",\"kind\":\"call\",\"entity\":\"c{number}\",\"occurred_at\":\"2026-01-05T10:00:00Z\",\"data\":{{\"rep\":\"Ann\"}}}}\n"
    )
}

#[test]
fn who_only_reads_makes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("roster.yaml"), "time_zone: UTC\npeople: [{ id: marie, name: Marie }]\n").expect("a file");
    std::fs::write(folder.path().join("objectives.yaml"), "objectives: []\n").expect("a file");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let files = ["--roster", "roster.yaml", "--objectives", "objectives.yaml"];
    let readers: [&[&str]; 7] = [
        &["kpis"],
        &[&["objectives"], &files[..]].concat(),
        &[&["objectives", "check"], &files[..]].concat(),
        &["inspect"],
        &["check"],
        &["rebuild"],
        &["sink", "--listen", "127.0.0.1:0"],
    ];
    for reader in readers {
        for (data, words) in [("typo", "there is no typo/onpace.db"), ("a/b", "there is no a/b/onpace.db"), ("file", "file is a file")] {
            let output =
                bare(reader[0]).args(&reader[1..]).args(["--data", data]).current_dir(folder.path()).output().expect("onpace runs");
            assert_eq!(output.status.code(), Some(1), "{reader:?} --data {data}: {}", said(&output));
            assert!(said(&output).contains(words), "{reader:?} --data {data}: {}", said(&output));
        }
    }
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path()).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["file", "objectives.yaml", "roster.yaml"]);
    // Nothing was ever written here: `check` says so, and makes nothing either.
    let output = bare("check").current_dir(folder.path()).output().expect("onpace runs");
    assert!(output.status.success() && said(&output).contains("isn't there yet"), "{}", said(&output));
    assert!(!folder.path().join("onpace-data").exists());
    let output = bare("import").args(["events.ndjson", "--data", "file"]).current_dir(folder.path()).output().expect("onpace runs");
    assert!(output.status.code() == Some(1) && said(&output).contains("file is a file"), "{}", said(&output));
}

/// A command that may not write to what its user doesn't own.
fn as_nobody(program: &Path, words: &[&str], folder: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0);
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).env_clear().env("TMPDIR", "/tmp");
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[test]
fn a_folder_that_cannot_be_written_to_can_be_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
    // Where the tests were built nobody else may look.
    let program = folder.path().join("onpace");
    std::fs::copy(binary().expect("a binary"), &program).expect("a copy");
    std::fs::write(folder.path().join("events.ndjson"), (0..3).map(event).collect::<String>()).expect("events");
    let here = |words: &[&str]| run(bare(words[0]).args(&words[1..]).args(["--data", "data"]).current_dir(folder.path())).expect("done");
    here(&["import", "events.ndjson"]);
    here(&["kpis"]);
    open(folder.path(), 0o755);
    open(&program, 0o755);
    let data = folder.path().join("data");
    let close = || {
        for file in std::fs::read_dir(&data).expect("the folder") {
            open(&file.expect("a file").path(), 0o444);
        }
        open(&data, 0o555);
    };
    close();
    let ask = |words: &[&str]| as_nobody(&program, &[words, &["--data", "data"]].concat(), folder.path()).output().expect("onpace runs");
    let kpis = ["kpis", "--at", "2026-01-06T10:00:00Z", "--window", "all", "--kpi", "calls_made", "--format", "csv"];
    let output = ask(&kpis);
    assert!(output.status.success() && said(&output).contains(",3,count"), "{}", said(&output));
    for words in [&["inspect"][..], &["inspect", "head:0"]] {
        let output = ask(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
    }
    let output = ask(&["check"]);
    assert!(said(&output).contains("folded to the log's end"), "{}", said(&output));
    // Whoever would write says that he may not.
    let output = ask(&["import", "events.ndjson"]);
    assert!(output.status.code() == Some(1) && said(&output).contains("may you write"), "{}", said(&output));

    // What was imported since is not folded, and can't be from here.
    open(&data, 0o755);
    open(&data.join("onpace.db"), 0o644);
    std::fs::write(folder.path().join("events.ndjson"), (3..5).map(event).collect::<String>()).expect("events");
    here(&["import", "events.ndjson"]);
    close();
    let output = ask(&kpis);
    assert!(
        output.status.success() && said(&output).contains(",3,count") && said(&output).contains("isn't folded yet"),
        "{}",
        said(&output)
    );
}
