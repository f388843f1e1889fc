//! An objective falls behind: the manager on call hears of it once, with the figures of the API, in his language; the rep once, in the
//! tone of his style; nobody else. It recovers: that is told once, and nothing more. So it is on the oldest Prometheus and Alertmanager too.

use jiff::{SignedDuration, Timestamp};
use onpace_tests::floor::kafka;
use onpace_tests::monitoring::Version;
use onpace_tests::office::{LIMIT, Office, calls, is_scraped, post, row};
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;
use serde_json::{Value, json};

const OBJECTIVES: &str = "  - { id: calls-paris, kpi: calls_made, scope: { each_rep_of: paris }, target: 40, period: day, from: TODAY }
  - { id: calls-berlin, kpi: calls_made, scope: { each_rep_of: berlin }, target: 40, period: day, from: TODAY }";

pub fn on_the_newest() {
    holds(Version::Newest);
}

pub fn on_the_oldest() {
    holds(Version::Oldest);
}

fn holds(version: Version) {
    let office = Office::open(kafka(), (120, 120), "[]", OBJECTIVES);
    let up = office.up();
    let now = Timestamp::now();
    for rep in ["marie", "paul", "bob"] {
        post(&up, &calls(rep, rep, 22, now));
    }
    wait_until("all is counted", LIMIT, || ["marie", "paul", "bob"].iter().all(|rep| is_scraped(&up, rep, 22)));
    let watch = office.watch_by(version, &[("onpace", up.port)]);

    // Half of Marie's calls turn out to have been Paul's.
    watch.sees_at_once(|| {
        post(&up, &calls("marie", "paul", 11, Timestamp::now()));
        wait_until("all of them are taken from her", LIMIT, || is_scraped(&up, "marie", 11));
    });
    office.hears("luc", 1);
    office.hears("marie", 1);
    let told = &office.inbox.of("luc")[0];
    let [alert] = told.alerts("firing")[..] else { panic!("one alert: {}", told.told()) };
    let labels = &alert["labels"];
    assert_eq!((&labels["alertname"], &labels["rep"], &labels["manager"]), (&json!("ObjectiveBehind"), &json!("marie"), &json!("luc")));
    let about = text(alert, "description");
    assert!(about.starts_with("Marie Curie : appels passés, 11 sur 40 (attendu à ce jour : "), "{about}");
    assert!(figures(&up, told.at).iter().any(|figures| about.contains(figures)), "{about}\nthe API says {:?}", figures(&up, told.at));
    assert!(about.contains(&office.now().strftime(" Dernier jour : %d/%m/%Y.").to_string()), "{about}");
    assert_eq!(text(alert, "summary"), "Marie Curie est en retard : appels passés");
    let own = &office.inbox.of("marie")[0];
    let [alert] = own.alerts("firing")[..] else { panic!("one alert: {}", own.told()) };
    assert_eq!(text(alert, "summary"), "Vous êtes en retard : appels passés.");
    let about = text(alert, "description");
    assert!(about.contains("Décidez aujourd'hui") && about.contains("11 sur 40"), "in the tone of his style, with the figures: {about}");

    // She catches up.
    watch.sees_at_once(|| {
        post(&up, &calls("more", "marie", 15, Timestamp::now()));
        wait_until("all of them are hers", LIMIT, || is_scraped(&up, "marie", 26));
    });
    office.hears("luc", 2);
    let told = &office.inbox.of("luc")[1];
    let [alert] = told.alerts("firing")[..] else { panic!("one alert: {}", told.told()) };
    assert_eq!((&alert["labels"]["alertname"], &alert["labels"]["rep"]), (&json!("ObjectiveRecovered"), &json!("marie")));
    assert_eq!(text(alert, "summary"), "Marie Curie est de nouveau dans le rythme : appels passés");
    assert!(text(alert, "description").contains("26 sur 40"), "{alert}");
    // Until both have ended, and whatever would still be sent has been.
    let gone = "ALERTS{alertname=~\"ObjectiveBehind|ObjectiveRecovered\"}";
    wait_until("both alerts have ended", LIMIT, || watch.prometheus.series(gone).is_empty());
    wait_until("Alertmanager knows", LIMIT, || watch.alertmanager.alerts().iter().all(|alert| alert["labels"]["objective"].is_null()));
    office.heard("luc", 2);
    office.heard("marie", 1);
    for other in ["anna", "bob", "ops"] {
        office.heard(other, 0);
    }
}

fn text(alert: &Value, annotation: &str) -> String {
    alert["annotations"][annotation].as_str().unwrap_or_default().to_owned()
}

/// What is expected and needed a day, as French writes it, at each of the seconds before something was told.
fn figures(up: &Serving, told: Timestamp) -> Vec<String> {
    let number = |value: &Value| {
        let text = format!("{:.1}", value.as_f64().unwrap_or(f64::NAN)).replace('.', ",");
        text.strip_suffix(",0").map_or(text.clone(), str::to_owned)
    };
    let at = |seconds| row(up, "calls-paris", "marie", Some(told - SignedDuration::from_secs(seconds)));
    let words = |row: Value| format!("(attendu à ce jour : {}).", number(&row["expected"]));
    assert_eq!(at(0)["needed_per_day"], json!(29), "what is needed in the day that is left");
    (0..15).map(|seconds| words(at(seconds))).collect()
}
