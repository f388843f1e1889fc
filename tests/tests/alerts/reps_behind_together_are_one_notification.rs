//! Two reps are behind on an objective that is important, and little time is left: their manager gets one notification, urgent and important,
//! that lists both, the worst first, by webhook, e-mail and Slack alike.

use jiff::Timestamp;
use onpace_tests::floor::kafka;
use onpace_tests::office::{LIMIT, Office, SLACK, calls, is_scraped, post};
use onpace_tests::servers::wait_until;
use serde_json::json;

const OBJECTIVES: &str =
    "  - { id: calls-paris, kpi: calls_made, scope: { each_rep_of: paris }, target: 40, period: day, importance: high, from: TODAY }";

pub fn holds() {
    // 170 of 200 minutes are past: a fifth isn't left.
    let office = Office::open(kafka(), (170, 30), "[]", OBJECTIVES);
    let up = office.up();
    post(&up, &calls("paul", "paul", 12, Timestamp::now()));
    post(&up, &calls("marie", "marie", 8, Timestamp::now()));
    wait_until("all is counted", LIMIT, || is_scraped(&up, "marie", 8) && is_scraped(&up, "paul", 12));
    let _watch = office.watch(&[("onpace", up.port)]);

    office.hears("luc", 1);
    office.hears(SLACK, 1);
    wait_until("the mail is there", LIMIT, || !office.mail.all().is_empty());
    office.hears("marie", 1);

    let told = &office.inbox.of("luc")[0];
    let alerts = told.alerts("firing");
    let mut reps: Vec<_> = alerts.iter().map(|alert| (&alert["labels"]["alertname"], &alert["labels"]["rep"])).collect();
    reps.sort_by_key(|(_, rep)| rep.to_string());
    let urgent = json!("ObjectiveBehindUrgent");
    assert_eq!(reps, [(&urgent, &json!("marie")), (&urgent, &json!("paul"))], "the urgent ones instead of the plain");
    let newest = alerts.iter().max_by_key(|alert| alert["annotations"]["rendered_at"].to_string()).expect("alerts");
    let list = newest["annotations"]["list"].as_str().expect("a list");
    let lines: Vec<&str> = list.lines().collect();
    assert!(
        lines[0].starts_with("- Marie Curie : 8 sur 40 (attendu à ce jour : ") && lines[0].ends_with(" ; il faut 32 par jour"),
        "{list}"
    );
    assert!(
        lines[1].starts_with("- Paul Petit : 12 sur 40 (attendu à ce jour : ") && lines[1].ends_with(" ; il faut 28 par jour"),
        "{list}"
    );
    let last_day = office.now().strftime("Dernier jour : %d/%m/%Y.").to_string();
    assert_eq!(lines[2..], [last_day.as_str()], "{list}");

    let title = office.now().strftime("[Urgent, important] En retard : appels passés, journée du %d/%m/%Y (calls-paris) (2)").to_string();
    let [mail] = &office.mail.all()[..] else { panic!("one mail: {:?}", office.mail.all()) };
    assert_eq!((mail.to.as_str(), mail.subject.as_str(), mail.priority.as_str()), ("luc@acme.test", title.as_str(), "1"));
    let slack = &office.inbox.of(SLACK)[0].body;
    let slack = (&slack["channel"], &slack["attachments"][0]["title"], slack["attachments"][0]["text"].as_str().expect("a text").trim());
    assert_eq!((slack.0, slack.1), (&json!("#luc"), &json!(title)));
    for text in [&mail.text, slack.2] {
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert!(lines[0].starts_with("En retard : appels passés, journée du "), "what: {text}");
        assert!(lines[1].starts_with("- Marie Curie : 8 sur 40 (attendu à ce jour : "), "how far, worst first: {text}");
        assert!(lines[2].starts_with("- Paul Petit : 12 sur 40 (attendu à ce jour : "), "how far, worst first: {text}");
        assert_eq!(lines[3..], [last_day.as_str(), "http://localhost:8080/"], "by when, and where to look: {text}");
    }
    office.heard("luc", 1);
    office.heard(SLACK, 1);
    office.heard("anna", 0);
}
