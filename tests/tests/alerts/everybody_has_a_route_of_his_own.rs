//! By amtool, the newest and the oldest: each manager's, rep's and operations' alerts go to the receiver of that name and to no other, whatever they are called; every kind of
//! address is one that it reads; no secret is in what `onpace rules` wrote, only where it is.

use std::process::Command;

use onpace_tests::monitoring::Version;
use onpace_tests::onpace::run;

use crate::hostile::{MANAGER, REP, written};

pub fn holds() {
    let folder = written();
    for version in Version::EVERY {
        version.accepts("amtool", &["check-config", "alertmanager.yml"], folder.path());
    }
    let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a file that was written");
    for name in ["alertmanager.yml", "onpace.rules.yml", "onpace.tmpl", "onpace_hours_test.yml", "onpace_minutes_test.yml"] {
        assert!(!written(name).contains("hunter2"), "a secret in {name}");
    }
    let configuration = written("alertmanager.yml");
    for (key, file) in [("credentials_file", "token"), ("api_url_file", "slack"), ("smtp_auth_password_file", "password")] {
        let named = format!("{key}: \"{}\"", folder.path().join(file).display());
        assert!(configuration.contains(&named), "{named} is not in {configuration}");
    }
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let goes_to = |receiver: &str, labels: &[(&str, &str)]| {
        for version in Version::EVERY {
            let mut command = Command::new(version.program("amtool"));
            command.args(["config", "routes", "test", "--config.file=alertmanager.yml"]).current_dir(folder.path());
            command.args(labels.iter().map(|(label, value)| format!("{label}={}", quoted(value))));
            let output = run(&mut command).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), receiver, "{labels:?}");
        }
    };
    let names = [
        "ObjectiveBehind",
        "ObjectiveBehindUrgent",
        "ObjectiveMissed",
        "ObjectiveMet",
        "ObjectiveMended",
        "ObjectiveRecovered",
        "PersonalBest",
    ];
    for name in names {
        for importance in ["normal", "high"] {
            let with = |more: &[(&'static str, &'static str)]| {
                [&[("alertname", name), ("importance", importance), ("objective", "calls")], more].concat()
            };
            for manager in ["luc", MANAGER, "quiet", "ops"] {
                let rep = [("audience", "manager"), ("manager", manager), ("rep", "marie"), ("team", "paris")];
                goes_to(&format!("manager {manager}"), &with(&rep));
            }
            for rep in ["marie", REP] {
                goes_to(&format!("rep {rep}"), &with(&[("audience", "rep"), ("rep", rep), ("team", "paris")]));
            }
        }
    }
    for name in [
        "OnpacePipelineDown",
        "OnpaceStoreDown",
        "OnpaceLogReplaced",
        "OnpaceProcessorOutdated",
        "OnpaceLogFoldedAnew",
        "OnpaceStoreDamaged",
        "OnpaceSourceSilent",
        "OnpaceObjectiveAbsent",
        "OnpaceRulesOutdated",
    ] {
        goes_to("operations", &[("alertname", name), ("audience", "operations"), ("objective", "calls")]);
    }
    goes_to("watchdog", &[("alertname", "Watchdog"), ("audience", "operations")]);
    // Whatever else this Prometheus sends is operations'.
    goes_to("operations", &[("alertname", "DiskFull"), ("manager", "luc"), ("rep", "marie")]);
}
