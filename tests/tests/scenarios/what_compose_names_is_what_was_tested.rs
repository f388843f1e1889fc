//! Every server that `docker-compose.yml` names is, to the version, one that these tests run on; and the oldest Prometheus and
//! Alertmanager that the docs promise are those that stand for the oldest.
//!
//! Who develops on another system may have other versions installed; then it is told, and CI, where it counts, fails.

use std::path::Path;
use std::process::Command;

use onpace_tests::engine::root;
use onpace_tests::monitoring::Version;
use onpace_tests::onpace::said;
use onpace_tests::servers::provided;
use serde_yaml_ng::Value;

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What a program says of its version.
fn says(program: &str) -> String {
    let output = Command::new(program).arg("--version").output().unwrap_or_else(|error| panic!("{program} can't be run: {error}"));
    said(&output).lines().next().unwrap_or_default().to_owned()
}

/// The word that follows upon another, without what comes after a `+`, `-` or `,`.
fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    rest.split([' ', ',', '+', '-', '\n']).next().unwrap_or_default()
}

#[test]
fn what_compose_names_is_what_was_tested() {
    let compose: Value = serde_yaml_ng::from_str(&text("docker-compose.yml")).expect("YAML");
    let services = compose["services"].as_mapping().expect("services");
    let mut different = Vec::new();
    for (_, service) in services {
        let Some((image, tag)) = service["image"].as_str().and_then(|image| image.split_once(':')) else { continue };
        // `v3.16.0`, `7.0.15-bookworm`.
        let named = tag.trim_start_matches('v').split('-').next().expect("a version");
        let tested = match image {
            "onpace" => continue,
            "prom/prometheus" => ["prometheus", "promtool"].map(|name| says(&Version::Newest.program(name))).to_vec(),
            "prom/alertmanager" => ["alertmanager", "amtool"].map(|name| says(&Version::Newest.program(name))).to_vec(),
            "redis" => vec![says(&provided("ONPACE_TEST_REDIS_SERVER")).replace("v=", "version ")],
            "apache/kafka" => {
                let jars = provided("ONPACE_TEST_KAFKA_LIB");
                let jar = Path::new(&jars).join(format!("kafka_2.13-{named}.jar"));
                vec![format!("version {}", if jar.is_file() { named } else { "of another jar" })]
            }
            other => panic!("nobody said how to find out which version of {other} was tested"),
        };
        different
            .extend(tested.iter().filter(|said| after(said, "version ") != named).map(|said| format!("{image}:{tag}, tested was {said}")));
        // Kafka has no other way to say it.
        if image == "apache/kafka" {
            assert!(
                text("tests/kafka/pom.xml").contains(&format!("<version>{named}</version>")),
                "tests/kafka/pom.xml brings another Kafka than {tag}"
            );
        }
    }
    let docs = text("docs/alerts.md");
    for (name, oldest) in [("prometheus", after(&docs, "Prometheus ")), ("alertmanager", after(&docs, "Alertmanager "))] {
        let said = says(&Version::Oldest.program(name));
        if !after(&said, "version ").starts_with(&format!("{oldest}.")) {
            different.push(format!("docs/alerts.md promises {name} {oldest}, the oldest tested was {said}"));
        }
    }
    let newest = |image: &str| {
        let tag = services.values().find_map(|service| service["image"].as_str()?.strip_prefix(image)).expect("a service");
        tag.trim_start_matches('v').rsplit_once('.').expect("a version").0.to_owned()
    };
    let promised = format!("(Prometheus {}, Alertmanager {})", newest("prom/prometheus:"), newest("prom/alertmanager:"));
    assert!(docs.contains(&promised), "docs/alerts.md says what Compose names: {promised}");
    let all = different.join("\n");
    assert!(different.is_empty() || std::env::var_os("CI").is_none(), "{all}");
    eprintln!("{all}");
}
