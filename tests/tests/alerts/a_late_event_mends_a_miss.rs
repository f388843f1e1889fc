//! A day ended with a miss, and that was told; a late event mends it: the news goes to the same manager, once.

use jiff::{SignedDuration, Timestamp};
use onpace_tests::floor::kafka;
use onpace_tests::office::{LIMIT, Office, calls, post, rows};
use onpace_tests::servers::wait_until;
use serde_json::json;

const OBJECTIVES: &str = "  - { id: calls-berlin, kpi: calls_made, scope: { each_rep_of: berlin }, target: 20, period: day }";

pub fn holds() {
    let office = Office::open(kafka(), (120, 120), "[]", OBJECTIVES);
    let up = office.up();
    let now = Timestamp::now();
    let yesterday = now - SignedDuration::from_hours(24);
    post(&up, &calls("yesterday", "bob", 19, yesterday));
    post(&up, &calls("today", "bob", 12, now));
    let stand = || rows(&up, "calls-berlin", "bob", None).iter().map(|row| row["state"].clone()).collect::<Vec<_>>();
    wait_until("all is counted", LIMIT, || stand() == [json!("on_pace"), json!("missed")]);
    let watch = office.watch(&[("onpace", up.port)]);

    office.hears("anna", 1);
    let missed = &office.inbox.of("anna")[0];
    let [alert] = missed.alerts("firing")[..] else { panic!("one alert: {}", missed.told()) };
    assert_eq!((&alert["labels"]["alertname"], &alert["labels"]["rep"]), (&json!("ObjectiveMissed"), &json!("bob")));
    assert_eq!(alert["annotations"]["summary"], "Bob Stone missed the objective for calls made");
    assert!(alert["annotations"]["description"].as_str().is_some_and(|text| text.contains("calls made 19 of 20")), "{alert}");

    post(&up, &calls("late", "bob", 1, yesterday));
    office.hears("anna", 2);
    let mended = &office.inbox.of("anna")[1];
    let [alert] = mended.alerts("firing")[..] else { panic!("one alert: {}", mended.told()) };
    assert_eq!((&alert["labels"]["alertname"], &alert["labels"]["rep"]), (&json!("ObjectiveMended"), &json!("bob")));
    assert_eq!(alert["labels"]["period"], missed.alerts("firing")[0]["labels"]["period"]);
    assert!(alert["annotations"]["description"].as_str().is_some_and(|text| text.contains("calls made 20 of 20")), "{alert}");
    wait_until("it is no longer news", LIMIT, || watch.prometheus.series("ALERTS{alertname=~\"Objective.+\"}").is_empty());
    office.heard("anna", 2);
    office.heard("luc", 0);
    office.heard("ops", 0);
    // He was told of the miss, and then that it is met after all.
    let own: Vec<_> =
        office.inbox.of("bob").iter().map(|told| told.body["commonLabels"]["alertname"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(own, ["ObjectiveMissed", "ObjectiveMet"], "{}", office.told());
}
