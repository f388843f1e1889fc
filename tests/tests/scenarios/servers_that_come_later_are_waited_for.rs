//! Gateway, processor, sink and all of them in one are started before Kafka and Redis: they say what they wait for, end at once when asked to,
//! and go on by themselves when the servers come. A command that answers one question does not wait.

use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use onpace_tests::onpace::{bare, said};
use onpace_tests::servers::{Kafka, Redis, unique, wait_until};
use onpace_tests::serving::Serving;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn servers_that_come_later_are_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut kafka = Kafka::formatted(folder.path());
    let mut redis = Redis::start(folder.path());
    redis.kill();
    let (topic, group, url) = (unique("onpace.test"), unique("onpace-test"), redis.url());
    let with_kafka = |name: &str| {
        let mut command = bare(name);
        command.args(["--kafka", &kafka.brokers(), "--topic", &topic, "--partitions", "2"]);
        command
    };
    let with_both = |name: &str, group: &str, prefix: &str| -> Command {
        let mut command = with_kafka(name);
        command.args(["--group", group, "--redis", &url, "--redis-prefix", prefix]);
        command
    };
    let started = |command, name: &str| Serving::start(command, folder.path(), name);
    let gateway = started(with_kafka("gateway"), "gateway");
    let processor = started(with_both("processor", &group, "onpace"), "processor");
    let up = started(with_both("up", &unique("onpace-up"), "up"), "up");
    let mut waiting = [gateway, processor, up];
    let mut asked_to_stop: Vec<Serving> = vec![
        started(with_kafka("gateway"), "gateway to stop"),
        started(with_both("processor", &group, "onpace"), "processor to stop"),
        started(with_both("up", &unique("onpace-up"), "stop"), "up to stop"),
    ];

    // Longer than any question to a broker takes.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(15) {
        std::thread::sleep(Duration::from_millis(500));
        for one in waiting.iter_mut().chain(&mut asked_to_stop) {
            assert!(one.process.ended().is_none(), "it gave up: {}", one.process.tail());
        }
    }
    for one in &waiting {
        let answer = one.get("/readyz");
        assert!(answer.status == 503 && answer.body.contains(&kafka.brokers()), "{answer:?}\n{}", one.process.tail());
        assert_eq!(one.get("/healthz").status, 200);
        assert!(one.get("/metrics").status == 200 && one.process.output().contains("waiting for Kafka"), "{}", one.process.tail());
    }
    let event = json!({ "source": "test", "kind": "call", "entity": "c1", "occurred_at": Timestamp::now().to_string(),
        "data": { "rep": "marie", "purpose": "prospecting", "outcome": "connected", "duration_s": 1 } });
    let posted = |gateway: &Serving| gateway.post("application/json", event.to_string().as_bytes());
    let refused = posted(&waiting[0]);
    assert!(refused.status == 503 && refused.head.contains("retry-after"), "{refused:?}");
    for one in &mut asked_to_stop {
        one.process.signal("TERM");
        let status = one.process.wait(LIMIT);
        assert_eq!(status.code(), Some(0), "{}", one.process.tail());
    }
    // A question is answered, one way or the other.
    let file = folder.path().join("one.ndjson");
    std::fs::write(&file, format!("{event}\n")).expect("a file of events");
    let mut import = with_kafka("import");
    let mut check = with_both("check", &group, "onpace");
    for command in [import.arg(&file), &mut check] {
        let output = command.output().expect("it can be started");
        let text = said(&output);
        assert!(output.status.code() == Some(1) && text.contains(&kafka.brokers()), "{text}");
    }

    kafka.resume();
    redis.resume();
    waiting.iter().for_each(|one| one.ready(LIMIT));
    assert_eq!(posted(&waiting[0]).status, 202);
    let counted = |one: &Serving| one.get("/v1/kpis?kpi=calls_made&window=all").body;
    wait_until("it is counted", LIMIT, || {
        serde_json::from_str::<Value>(&counted(&waiting[2])).is_ok_and(|answer| answer["values"][0]["value"] == json!(1))
    });
}
