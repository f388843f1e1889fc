//! A password in an address stays out of everything that is printed: errors, logs at their most talkative, `check`, `--help`.

use std::process::Command;
use std::time::Duration;

use onpace_tests::onpace::{bare, said};
use onpace_tests::servers::{Process, wait_until};

const SECRET: &str = "hunter2";

#[test]
fn a_password_is_never_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (redis, kafka) = (format!("redis://me:{SECRET}@127.0.0.1:1/0"), format!("me:{SECRET}@127.0.0.1:1"));
    let other = format!("redis://me:{SECRET}@nowhere.invalid:notaport/0");
    let ask = |command: &mut Command| {
        let output = command.current_dir(folder.path()).output().expect("onpace runs");
        let said = said(&output);
        assert!(!said.contains(SECRET), "{command:?} said {said}");
        (output.status.code(), said)
    };
    for address in [&redis, &other] {
        for words in [&["kpis"][..], &["inspect"], &["objectives", "check"], &["check", "--kafka", "127.0.0.1:1"]] {
            let (code, said) = ask(bare(words[0]).args(&words[1..]).args(["--redis", address, "--log", "trace"]));
            assert!(code.is_some_and(|code| code > 0), "{words:?}: {said}");
        }
    }
    for words in [
        &["gateway"][..],
        &["check", "--redis", &redis],
        &["up", "--redis", &redis],
        &["processor", "--redis", &redis],
        &["rebuild", "--redis", &redis],
        &["import", "events.ndjson"],
        &["simulate", "--count", "1"],
    ] {
        let (code, said) = ask(bare(words[0]).args(&words[1..]).args(["--kafka", &kafka, "--log", "trace"]));
        assert!(code.is_some_and(|code| code > 0) && said.contains("--kafka"), "{words:?}: {said}");
    }
    for command in ["up", "gateway", "processor", "sink", "import", "simulate", "kpis", "objectives", "inspect", "rebuild", "check"] {
        for help in ["--help", "-h"] {
            let (code, said) = ask(bare(command).arg(help).env("ONPACE_REDIS", &redis).env("ONPACE_KAFKA", &kafka));
            assert!(code == Some(0) && said.contains("Usage"), "{command}: {said}");
        }
    }
    std::fs::write(folder.path().join("onpace.yaml"), format!("redis: [\"{redis}\", \"{redis}\"]\nkafka: \"{kafka}\"\n"))
        .expect("settings");
    ask(bare("kpis").args(["--config", "onpace.yaml"]));
    ask(bare("check").args(["--config", "onpace.yaml"]));
    ask(bare("simulate").args(["--count", "1", "--url", &format!("https://me:{SECRET}@127.0.0.1:1")]));

    // Who waits for a server that is away says so, over and over.
    let gateway = format!("http://me:{SECRET}@127.0.0.1:1");
    for (command, place) in [("sink", ["--redis", &redis]), ("simulate", ["--url", &gateway])] {
        let mut waiting = bare(command);
        waiting.args(place).args(["--log", "trace"]).current_dir(folder.path());
        if command == "sink" {
            waiting.args(["--listen", "127.0.0.1:0"]);
        }
        let mut waiting = Process::start(waiting, folder.path(), command);
        wait_until("it says that it can't be reached", Duration::from_secs(60), || waiting.output().matches("trying again").count() > 1);
        waiting.signal("TERM");
        waiting.wait(Duration::from_secs(60));
        assert!(!waiting.output().contains(SECRET), "{command}: {}", waiting.output());
    }
}
