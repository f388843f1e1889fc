//! Ctrl-C ends whatever runs, waits or works: with 0 where that is how it ends, and never with 0 where something is left undone.
#![cfg(unix)]

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use onpace_tests::onpace::{bare, run};
use onpace_tests::servers::{Process, wait_until};

/// Long enough on any machine, and shorter than what waits for a server waits for.
const PROMPTLY: Duration = Duration::from_secs(15);

fn interrupted(mut process: Process) -> (ExitStatus, String) {
    process.signal("INT");
    let status = process.wait(PROMPTLY);
    (status, process.output())
}

#[test]
fn ctrl_c_ends_it_promptly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A server that takes every connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address");
    let start = |words: &[&str], name: &str| {
        let mut command = bare(words[0]);
        command.args(&words[1..]).current_dir(folder.path());
        Process::start(command, folder.path(), name)
    };
    let (redis, kafka) = (format!("redis://{address}"), address.to_string());
    for (at, words) in [
        &["kpis", "--redis", &redis][..],
        &["inspect", "--redis", &redis],
        &["check", "--kafka", &kafka, "--redis", &redis],
        &["rebuild", "--kafka", &kafka, "--redis", &redis],
        &["processor", "--kafka", &kafka, "--redis", &redis, "--listen", "127.0.0.1:0"],
        &["processor", "--kafka", &kafka, "--redis", &redis, "--until-caught-up"],
        &["up", "--kafka", &kafka, "--redis", &redis, "--listen", "127.0.0.1:0"],
        &["gateway", "--kafka", &kafka, "--listen", "127.0.0.1:0"],
        &["sink", "--redis", &redis, "--listen", "127.0.0.1:0"],
        &["simulate", "--kafka", &kafka],
        &["simulate", "--url", &format!("http://{address}")],
    ]
    .into_iter()
    .enumerate()
    {
        let process = start(words, &format!("waiting-{at}"));
        std::thread::sleep(Duration::from_millis(1_500));
        let (status, said) = interrupted(process);
        assert!(!said.contains("panicked"), "{words:?}: {status} {said}");
        // Who serves ends as it should; who was to do something has not done it.
        let serves = ["up", "gateway", "sink", "simulate"].contains(&words[0]) || words.contains(&"--listen");
        assert!(serves || status.code() != Some(0), "{words:?}: {status} {said}");
    }

    // At work on much.
    let events: String = (0..60_000)
        .map(|n| {
            format!("{{\"source\":\"a\",\"kind\":\"call\",\"entity\":\"c{n}\",\"occurred_at\":\"2026-01-05T10:00:00Z\",\"data\":{{\"rep\":\"r{}\"}}}}\n", n % 50)
        })
        .collect();
    std::fs::write(folder.path().join("events.ndjson"), events).expect("events");
    run(bare("import").args(["events.ndjson", "--data", "data"]).current_dir(folder.path())).expect("imported");
    let process = start(&["processor", "--until-caught-up", "--batch", "10", "--data", "data"], "folding");
    wait_until("it folds", PROMPTLY, || {
        let head = bare("inspect").args(["head:0", "--data", "data"]).current_dir(folder.path()).output().expect("onpace runs");
        String::from_utf8_lossy(&head.stdout).contains("next offset")
    });
    let (status, said) = interrupted(process);
    assert!(status.code() == Some(1) && said.contains("stopped before the log's end"), "{status} {said}");
    for words in [&["kpis", "--data", "data"][..], &["rebuild", "--data", "data"]] {
        let process = start(words, words[0]);
        std::thread::sleep(Duration::from_millis(300));
        let (status, said) = interrupted(process);
        // It may have been quicker than we are.
        assert!(status.signal() == Some(2) || status.code().is_some(), "{words:?}: {status} {said}");
        assert!(!said.contains("panicked"), "{words:?}: {said}");
    }
    let all = ["kpis", "--data", "data", "--at", "2026-01-06", "--window", "all", "--kpi", "calls_made", "--format", "csv"];
    let output = run(Command::new(onpace_tests::onpace::binary().expect("a binary")).args(all).current_dir(folder.path())).expect("kpis");
    assert!(String::from_utf8_lossy(&output.stdout).contains(",60000,count"), "{output:?}");
}
