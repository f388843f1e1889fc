//! Alertmanager is stopped by SIGTERM and started again on its data while something is behind: nobody is told a second time, and
//! what happens after is told.

use jiff::Timestamp;
use onpace_tests::floor::kafka;
use onpace_tests::office::{LIMIT, Office, calls, is_scraped, post};
use onpace_tests::servers::wait_until;

const OBJECTIVES: &str = "  - { id: calls-paris, kpi: calls_made, scope: { rep: marie }, target: 40, period: day, from: TODAY }
  - { id: calls-berlin, kpi: calls_made, scope: { each_rep_of: berlin }, target: 40, period: day, from: TODAY }";

pub fn holds() {
    let office = Office::open(kafka(), (120, 120), "[]", OBJECTIVES);
    let up = office.up();
    for rep in ["marie", "bob"] {
        post(&up, &calls(rep, rep, 22, Timestamp::now()));
    }
    wait_until("all is counted", LIMIT, || is_scraped(&up, "marie", 22) && is_scraped(&up, "bob", 22));
    let mut watch = office.watch(&[("onpace", up.port)]);
    post(&up, &calls("marie", "paul", 11, Timestamp::now()));
    office.hears("luc", 1);
    office.hears("marie", 1);

    watch.alertmanager.stop();
    watch.alertmanager.resume();
    let again = |alerts: &[serde_json::Value], receiver: &str| {
        alerts.iter().any(|alert| alert["labels"]["alertname"] == "ObjectiveBehind" && alert["receivers"][0]["name"] == receiver)
    };
    wait_until("Prometheus has sent the alerts again", LIMIT, || {
        let alerts = watch.alertmanager.alerts();
        again(&alerts, "manager luc") && again(&alerts, "rep marie")
    });
    // Something new goes out by a group that waited as long: what would be repeated would have come before.
    post(&up, &calls("bob", "nobody", 11, Timestamp::now()));
    office.hears("anna", 1);
    office.hears("bob", 1);
    let since = Timestamp::now();
    // One more interval of the group: 15 minutes.
    let interval = jiff::SignedDuration::from_secs(15 * 60 / onpace_tests::tempo::FASTER as i64 + 2);
    wait_until("the groups were looked at again", LIMIT, || Timestamp::now() - interval > since);
    for who in ["luc", "marie", "anna", "bob"] {
        office.heard(who, 1);
    }
}
