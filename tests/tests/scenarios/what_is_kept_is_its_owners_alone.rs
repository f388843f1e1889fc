//! The embedded engine keeps a company's customers and deals: nobody else on the machine can read them, and `check` says so where he can.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use onpace_tests::onpace::{bare, run};
use onpace_tests::serving::Serving;

const EVENT: &str =
    "{\"source\":\"a\",\"kind\":\"call\",\"entity\":\"c\",\"occurred_at\":\"2026-01-05T10:00:00Z\",\"data\":{\"rep\":\"Ann\"}}\n";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_its_owners_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("events.ndjson"), EVENT).expect("events");
    let data = folder.path().join("deep").join("data");
    let output = run(bare("import").arg("events.ndjson").arg("--data").arg(&data).current_dir(folder.path())).expect("imported");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("made the folder") && said.contains("data"), "who makes a folder says so: {said}");
    let again = run(bare("import").arg("events.ndjson").arg("--data").arg(&data).current_dir(folder.path())).expect("imported");
    assert!(!String::from_utf8_lossy(&again.stderr).contains("made the folder"));
    assert_eq!((mode(&data), mode(&data.join("onpace.db"))), (0o700, 0o600));

    let mut command = bare("up");
    command.arg("--data").arg(&data);
    let mut up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    for file in std::fs::read_dir(&data).expect("the folder") {
        let file = file.expect("a file").path();
        assert_eq!(mode(&file) & 0o077, 0, "{} can be read by others", file.display());
    }
    let check = || {
        let output = bare("check").arg("--data").arg(&data).output().expect("onpace runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    up.process.signal("TERM");
    assert!(up.process.wait(Duration::from_secs(30)).success());

    // One that an older release made, or somebody opened to all.
    std::fs::set_permissions(data.join("onpace.db"), std::fs::Permissions::from_mode(0o644)).expect("changed");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("changed");
    let (code, said) = check();
    assert!(code == Some(1) && said.contains("onpace.db") && said.contains("chmod"), "{said}");
}
