//! Prometheus can't reach onpace for longer than an alert is kept by itself: operations hear of it; that an objective is behind goes
//! on, and no manager is told that it was over, that all is well, or the same again.

use jiff::{SignedDuration, Timestamp};
use onpace_tests::floor::kafka;
use onpace_tests::office::{LIMIT, Office, PEOPLE, calls, post, row};
use onpace_tests::servers::wait_until;
use onpace_tests::tempo::FASTER;
use serde_json::{Value, json};

const OBJECTIVES: &str = "  - { id: calls-paris, kpi: calls_made, scope: { rep: marie }, target: 40, period: day, from: TODAY }";

pub fn holds() {
    let office = Office::open(kafka(), (120, 120), "[]", OBJECTIVES);
    let up = office.up();
    post(&up, &calls("marie", "marie", 22, Timestamp::now()));
    wait_until("all is counted", LIMIT, || row(&up, "calls-paris", "marie", None)["attained"] == json!(22));
    let watch = office.watch(&[("onpace", up.port)]);
    post(&up, &calls("marie", "paul", 11, Timestamp::now()));
    office.hears("luc", 1);
    office.hears("marie", 1);
    let behind = || -> Value {
        let alerts = watch.alertmanager.alerts();
        alerts
            .into_iter()
            .find(|alert| alert["labels"]["alertname"] == "ObjectiveBehind" && alert["labels"]["audience"] == "manager")
            .unwrap_or_default()
    };
    let began = behind()["startsAt"].clone();

    up.process.signal("STOP");
    let stopped = Timestamp::now();
    office.hears("ops", 1);
    // An alert that is no longer true is kept for an hour; this is longer.
    let gap = SignedDuration::from_secs((70 * 60 / FASTER) as i64);
    wait_until("the gap is long", LIMIT, || {
        assert!(!watch.prometheus.series("ALERTS{alertname=\"ObjectiveBehind\",alertstate=\"firing\"}").is_empty(), "it is still behind");
        Timestamp::now() - gap > stopped
    });
    up.process.signal("CONT");
    wait_until("operations hear that it is over", LIMIT, || office.inbox.of("ops").iter().any(|told| !told.alerts("resolved").is_empty()));
    wait_until("nothing mutes what is behind", LIMIT, || behind()["status"]["state"] == "active");
    assert_eq!(behind()["startsAt"], began, "the same alert as before");
    let since = Timestamp::now();
    let interval = SignedDuration::from_secs((15 * 60 / FASTER) as i64 + 2);
    wait_until("the groups were looked at again", LIMIT, || Timestamp::now() - interval > since);
    for who in PEOPLE {
        office.heard(who, usize::from(who == "luc" || who == "marie"));
    }
}
