//! A rep's best day ever is over, and today he meets his objective: his manager and he himself are told of both, once each.

use jiff::{SignedDuration, Timestamp};
use onpace_tests::floor::kafka;
use onpace_tests::office::{LIMIT, Office, calls, post, row};
use onpace_tests::servers::wait_until;
use serde_json::{Value, json};

const OBJECTIVES: &str = "  - { id: calls-berlin, kpi: calls_made, scope: { each_rep_of: berlin }, target: 20, period: day, from: TODAY }";

pub fn holds() {
    let office = Office::open(kafka(), (120, 120), "[]", OBJECTIVES);
    let now = Timestamp::now();
    let day = |ago: i64, count: usize| calls(&format!("{ago}-days-ago"), "bob", count, now - SignedDuration::from_hours(24 * ago));
    // 22 days of at most 5, then yesterday.
    let history: Vec<Value> = (2..24).flat_map(|ago| day(ago, 1 + ago as usize % 5)).chain(day(1, 12)).collect();
    office.floor.import("history", &history);
    office.floor.catch_up();
    let up = office.up();
    post(&up, &calls("today", "bob", 20, now));
    wait_until("all is counted", LIMIT, || row(&up, "calls-berlin", "bob", None)["state"] == json!("met"));
    let watch = office.watch(&[("onpace", up.port)]);

    office.hears("anna", 2);
    office.hears("bob", 2);
    let alert = |who: &str, name: &str| -> Value {
        let told = office.inbox.of(who);
        let alerts: Vec<&Value> =
            told.iter().flat_map(|told| told.alerts("firing")).filter(|alert| alert["labels"]["alertname"] == name).collect();
        assert_eq!(alerts.len(), 1, "{name} to {who}: {}", office.told());
        alerts[0]["annotations"].clone()
    };
    assert_eq!(alert("anna", "PersonalBest")["description"], "Bob Stone: calls made 12 in a day, more than ever before");
    let own = alert("bob", "PersonalBest")["description"].as_str().unwrap_or_default().to_owned();
    let lines: Vec<&str> = own.lines().collect();
    assert_eq!(lines[0], "Above each of your earlier figures: calls made.", "in the tone of his style: {own}");
    assert_eq!(lines[1], "Bob Stone: calls made 12 in a day, more than ever before");
    assert_eq!(alert("anna", "ObjectiveMet")["summary"], "Bob Stone met the objective for calls made: a good moment to say so");
    let met = alert("bob", "ObjectiveMet")["description"].as_str().unwrap_or_default().to_owned();
    assert!(met.starts_with("The objective for calls made is met.\nBob Stone: calls made 20 of 20"), "{met}");

    wait_until("it is no longer news", LIMIT, || watch.prometheus.series("ALERTS{alertname=~\"PersonalBest|ObjectiveMet\"}").is_empty());
    for (who, times) in [("anna", 2), ("bob", 2), ("luc", 0), ("marie", 0), ("ops", 0)] {
        office.heard(who, times);
    }
}
