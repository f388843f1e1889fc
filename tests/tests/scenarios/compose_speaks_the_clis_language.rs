//! No container engine runs here, so the Compose file is held against the program: its commands, variables, ports, health
//! checks, the files it is given, what Prometheus is told to scrape and whom to alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use onpace_tests::engine::root;
use onpace_tests::monitoring::Version;
use onpace_tests::onpace::bare;
use serde_yaml_ng::Value;

fn yaml(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut value: Value = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    // A service merged from one that is itself merged: one pass goes one level deep.
    for _ in 0..3 {
        value.apply_merge().expect("merges");
    }
    value
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_sequence()
        .map(|list| list.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("{item:?} is no text")).to_owned()).collect())
        .unwrap_or_default()
}

/// The file of this checkout that a path in a service's container is.
fn mounted(service: &Value, path: &str) -> Option<PathBuf> {
    texts(&service["volumes"]).iter().find_map(|volume| {
        let (here, rest) = volume.split_once(':')?;
        let within = path.strip_prefix(rest.strip_suffix(":ro")?)?.strip_prefix('/')?;
        Some(root().join(here.strip_prefix("./")?).join(within))
    })
}

/// The file of this checkout that a service's `--config.file` is.
fn configured(service: &Value) -> PathBuf {
    let command = texts(&service["command"]);
    let file = command.iter().find_map(|word| word.strip_prefix("--config.file=")).expect("a configuration is named");
    let here = mounted(service, file).unwrap_or_else(|| panic!("{file} is in no volume"));
    assert!(here.is_file(), "there is no {}", here.display());
    here
}

#[test]
fn compose_speaks_the_clis_language() {
    let compose = yaml("docker-compose.yml");
    let services: BTreeMap<String, &Value> = compose["services"]
        .as_mapping()
        .expect("services")
        .iter()
        .map(|(name, service)| (name.as_str().expect("a name").to_owned(), service))
        .collect();
    let mut listening = BTreeMap::new();
    let mut roles = Vec::new();
    for (name, service) in &services {
        let published = texts(&service["ports"]);
        for port in &published {
            assert!(port.starts_with("127.0.0.1:") && port.split(':').count() == 3, "{name} publishes {port} beyond the loopback");
        }
        let health = texts(&service["healthcheck"]["test"]).join(" ");
        assert!(!health.is_empty(), "{name} has no health check");
        if let Some(needed) = service["depends_on"].as_mapping() {
            for (other, how) in needed {
                assert!(services.contains_key(other.as_str().expect("a name")), "{name} needs {other:?}, which is no service");
                assert_eq!(how["condition"], "service_healthy", "{name} waits for {other:?} to be healthy");
            }
        }
        if service["image"] != "onpace:local" {
            continue;
        }
        let command = texts(&service["command"]);
        let help = bare(&command[0]).arg("--help").output().expect("onpace runs");
        assert!(help.status.success(), "{name}: `{}` is no command of onpace", command[0]);
        // Help is wrapped to the width of a terminal.
        let help = String::from_utf8(help.stdout).expect("text").split_whitespace().collect::<Vec<_>>().join(" ");
        for flag in command.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag.split('=').next().expect("a flag")), "{name}: {flag} is no flag of {}", command[0]);
        }
        roles.push(command[0].clone());
        let environment = service["environment"].as_mapping().expect("an environment");
        let mut listen = None;
        for (variable, value) in environment {
            let (variable, value) = (variable.as_str().expect("a name"), value.as_str().expect("a text"));
            assert!(help.contains(&format!("[env: {variable}]")), "{name}: {variable} is no variable of {}", command[0]);
            let server = match variable {
                "ONPACE_KAFKA" => value,
                "ONPACE_REDIS" => value.strip_prefix("redis://").and_then(|rest| rest.split('/').next()).expect("Redis's address"),
                "ONPACE_ROSTER" | "ONPACE_OBJECTIVES" => {
                    let here = mounted(service, value).unwrap_or_else(|| panic!("{name}: {value} is in no volume"));
                    assert!(here.is_file(), "{name}: there is no {}", here.display());
                    continue;
                }
                "ONPACE_LISTEN" => {
                    listen = value.strip_prefix("0.0.0.0:");
                    continue;
                }
                _ => continue,
            };
            let (host, port) = server.split_once(':').expect("host:port");
            assert!(service["depends_on"][host].is_mapping(), "{name} speaks to {host} without waiting for it");
            let offered = match host {
                "kafka" => services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
                    .as_str()
                    .expect("listeners")
                    .contains(&format!("://{server}")),
                _ => texts(&services[host]["ports"]).iter().any(|published| published.ends_with(&format!(":{port}"))),
            };
            assert!(offered, "{name}: {host} does not listen on {port}");
        }
        let listen = listen.unwrap_or_else(|| panic!("{name} must listen beyond its container's own loopback")).to_owned();
        for port in &published {
            assert!(port.ends_with(&format!(":{listen}")), "{name} listens on {listen}, but publishes {port}");
        }
        assert!(
            health.contains(&format!("/127.0.0.1/{listen} ")) && (health.contains("/readyz") || health.contains("/healthz")),
            "{name}: {health}"
        );
        listening.insert(name.clone(), listen);
    }
    roles.sort();
    assert_eq!(roles, ["gateway", "processor", "processor", "sink"]);
    for (name, service) in services.iter().filter(|(_, service)| service["image"] == "onpace:local") {
        let published = texts(&service["ports"]).len();
        assert_eq!(
            published,
            usize::from(!name.starts_with("processor")),
            "{name}: people reach the gateway and the sink, nobody a processor"
        );
    }

    let prometheus = "deploy/prometheus/prometheus.yml";
    assert_eq!(configured(services["prometheus"]), root().join(prometheus));
    let jobs = yaml(prometheus)["scrape_configs"].as_sequence().expect("jobs").clone();
    let targets: BTreeSet<String> = jobs
        .iter()
        .flat_map(|job| job["static_configs"].as_sequence().cloned().unwrap_or_default())
        .flat_map(|group| texts(&group["targets"]))
        .collect();
    let expected: BTreeSet<String> = listening.iter().map(|(name, port)| format!("{name}:{port}")).collect();
    assert_eq!(targets, expected, "Prometheus asks every onpace where it listens");
    let alerting = &yaml(prometheus)["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"];
    let alerted = texts(alerting);
    assert_eq!(alerted, ["alertmanager:9093"], "Prometheus alarms the Alertmanager that runs");
    assert!(texts(&services["alertmanager"]["ports"]).iter().any(|port| port.ends_with(":9093")));
    assert_eq!(configured(services["alertmanager"]), root().join("deploy/alerts/alertmanager.yml"));
    for (name, service) in &services {
        let image = service["image"].as_str().expect("an image");
        let tag = image.split_once(':').map_or("", |(_, tag)| tag);
        assert!(image == "onpace:local" || tag.bytes().any(|byte| byte.is_ascii_digit()), "{name}: {image} names no version");
    }
    for version in Version::EVERY {
        version.accepts("promtool", &["check", "config", prometheus], &root());
    }

    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).expect("a Dockerfile");
    assert!(dockerfile.contains("ENTRYPOINT [\"onpace\"]"), "a service's command is a command of onpace");
}
