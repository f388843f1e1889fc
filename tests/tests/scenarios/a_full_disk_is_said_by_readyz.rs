//! The embedded log's disk is full: posts are refused in words, readiness says so, the log isn't filled with it; and all is as
//! before once there is room, by itself.

use std::process::Command;
use std::time::Duration;

use onpace_tests::engine::Numbers;
use onpace_tests::onpace::{bare, binary};
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;
use serde_json::json;

/// What a file may hold, in KiB: enough to begin with.
const FILE_KIB: usize = 2_000;

fn calls(batch: usize) -> (String, usize) {
    let many = 200;
    let call = |number: usize| {
        json!({ "source": "test", "kind": "call", "entity": format!("c{batch}-{number}"), "occurred_at": "2026-01-05T10:00:00Z",
            "data": { "rep": "Ann", "outcome": "connected", "duration_s": 60 } })
        .to_string()
            + "\n"
    };
    ((0..many).map(call).collect(), many)
}

#[test]
fn a_full_disk_is_said_by_readyz() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A limit on the size of files is what a full disk is to a program, and can be lifted while it runs.
    let mut command = Command::new("bash");
    let limited = format!("trap '' XFSZ; ulimit -S -f {FILE_KIB}; exec \"$0\" \"$@\"");
    command.args(["-c", &limited]).arg(binary().unwrap_or_else(|error| panic!("{error}")));
    command.args(bare("up").get_args()).arg("--data").arg(folder.path().join("data"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONPACE_")) {
        command.env_remove(name);
    }
    let mut up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));

    let mut accepted = 0;
    let refused = (0..500).find_map(|batch| {
        let (lines, many) = calls(batch);
        let answer = up.post("application/x-ndjson", lines.as_bytes());
        accepted += if answer.status == 202 { many } else { 0 };
        (answer.status != 202).then_some(answer)
    });
    let refused = refused.expect("the disk is full in the end");
    assert!(refused.status == 503 && refused.head.contains("retry-after") && refused.head.contains("problem+json"), "{refused:?}");
    let ready = up.get("/readyz");
    assert!(ready.status == 503 && ready.body.contains("onpace.db"), "it says that it can't take events: {ready:?}");
    assert_eq!((up.get("/healthz").status, up.metric("onpace_log_up")), (200, Some(0.0)));
    let (large, _) = calls(1_000);
    for _ in 0..150 {
        assert_eq!(up.post("application/x-ndjson", large.as_bytes()).status, 503);
    }
    let said = up.process.output();
    let lines = said.lines().filter(|line| line.contains("events could not be written")).count();
    assert!((1..20).contains(&lines), "{lines} lines for 150 refusals: {}", up.process.tail());

    let lifted = Command::new("prlimit").args(["--pid", &up.process.id().to_string(), "--fsize=unlimited"]).status().expect("prlimit runs");
    assert!(lifted.success());
    wait_until("it is ready by itself", Duration::from_secs(60), || up.get("/readyz").status == 200);
    let (lines, many) = calls(2_000);
    assert_eq!(up.post("application/x-ndjson", lines.as_bytes()).status, 202);
    accepted += many;
    let calls = || Numbers(up.get("/v1/kpis?window=all&kpi=calls_made").json()).get("calls_made", "all", None);
    wait_until("what was accepted counts, and nothing else", Duration::from_secs(60), || calls() == json!(accepted));
    up.process.signal("TERM");
    assert!(up.process.wait(Duration::from_secs(30)).success(), "{}", up.process.tail());
}
