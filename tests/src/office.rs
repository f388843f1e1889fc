//! A company that is watched: onpace on a floor of its own, Prometheus and Alertmanager with what `onpace rules` writes, and an inbox for
//! everybody who may be told.
//!
//! In: objectives, events. Out: what each was told. All lengths of time of the rules are shorter ([`crate::tempo`]); the periods are
//! days whose working hours lie around now, in a zone in which no day ends meanwhile.
//!
//! Luc (French; by webhook, e-mail and Slack) manages Paris with Marie (dominant, French) and Paul; Anna (English) manages Berlin with Bob (conscientious, English).

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde_json::{Value, json};

use crate::floor::Floor;
use crate::inbox::Inbox;
use crate::mailbox::{self, Mailbox};
use crate::monitoring::{Alertmanager, Prometheus, Version};
use crate::onpace::{bare, run};
use crate::serving::{Serving, midday};
use crate::tempo;

/// Long enough for any of the steps here on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(240);
/// Luc's Slack in the inbox.
pub const SLACK: &str = "slack-luc";
/// Who may be told of objectives.
pub const PEOPLE: [&str; 4] = ["luc", "anna", "marie", "bob"];

/// A company.
pub struct Office {
    /// Kafka, Redis and the folder of everything.
    pub floor: Floor,
    /// Whatever is sent to webhooks and to Slack.
    pub inbox: Inbox,
    /// Whatever is sent by e-mail.
    pub mail: Mailbox,
    zone: &'static str,
}

impl Office {
    /// Opens it on a Kafka: its working hours began `before` minutes ago and last `after` minutes more. `sources` is YAML, the value of
    /// the roster's `sources`; `objectives` is the list of an `objectives.yaml`, in which `TODAY` is today's date.
    ///
    /// # Panics
    /// There is no room.
    pub fn open(brokers: String, (before, after): (i64, i64), sources: &str, objectives: &str) -> Office {
        let office = Office { floor: Floor::on(brokers), inbox: Inbox::open(), mail: mailbox::open(), zone: midday() };
        let clock = |minutes: i64| {
            let at = office.now().saturating_add(SignedDuration::from_mins(minutes));
            format!("{:02}:{:02}", at.hour(), at.minute())
        };
        let url = |name: &str| office.inbox.url(name);
        let roster = format!(
            r#"company: Acme
time_zone: {zone}
working_days: [mon, tue, wed, thu, fri, sat, sun]
working_hours: "{begin}-{end}"
managers:
  - {{ id: luc, name: Luc Martin, webhook: "{luc}", email: luc@acme.test, slack_file: slack, slack_channel: '#luc', language: fr }}
  - {{ id: anna, name: Anna Schmidt, webhook: "{anna}", language: en }}
  - {{ id: ops, name: Operations, webhook: "{ops}" }}
manager: anna
operations: ops
smtp: {{ host: "{mail}", from: onpace@acme.test }}
teams:
  - {{ id: paris, name: Paris, manager: luc }}
  - {{ id: berlin, name: Berlin, manager: anna }}
people:
  - {{ id: marie, name: Marie Curie, teams: [{{ team: paris }}], style: dominant, language: fr, webhook: "{marie}" }}
  - {{ id: paul, name: Paul Petit, teams: [{{ team: paris }}] }}
  - {{ id: bob, name: Bob Stone, teams: [{{ team: berlin }}], style: conscientious, language: en, webhook: "{bob}" }}
sources: {sources}
"#,
            zone = office.zone,
            begin = clock(-before),
            end = clock(after),
            mail = office.mail.address(),
            luc = url("luc"),
            anna = url("anna"),
            ops = url("ops"),
            marie = url("marie"),
            bob = url("bob"),
        );
        std::fs::write(office.roster(), roster).expect("a roster");
        std::fs::write(office.floor.file("slack"), url(SLACK)).expect("a secret");
        let today = office.now().date().to_string();
        std::fs::write(office.objectives(), format!("objectives:\n{}\n", objectives.replace("TODAY", &today))).expect("objectives");
        office
    }

    fn roster(&self) -> PathBuf {
        self.floor.file("roster.yaml")
    }

    fn objectives(&self) -> PathBuf {
        self.floor.file("objectives.yaml")
    }

    /// Now, by the company's clock.
    pub fn now(&self) -> ZonedDateTime {
        Timestamp::now().in_tz(self.zone).expect("a time zone")
    }

    fn of_the_company(&self, mut command: Command) -> Command {
        command.arg("--roster").arg(self.roster()).arg("--objectives").arg(self.objectives());
        command
    }

    /// Gateway, processor and sink in one process.
    pub fn up(&self) -> Serving {
        let mut command = self.of_the_company(self.floor.onpace("up"));
        command.args(["--redis", &self.floor.redis.url()]);
        let up = Serving::start(command, self.floor.folder(), "up");
        up.ready(LIMIT);
        up
    }

    /// A gateway.
    pub fn gateway(&self) -> Serving {
        let gateway = Serving::start(self.floor.onpace("gateway"), self.floor.folder(), "gateway");
        gateway.ready(LIMIT);
        gateway
    }

    /// A processor at a port.
    pub fn processor(&self, port: u16) -> Serving {
        let processor = self.floor.processor_at(port);
        processor.ready(LIMIT);
        processor
    }

    /// A sink at a port.
    pub fn sink(&self, port: u16) -> Serving {
        let mut command = self.of_the_company(bare("sink"));
        command.args(["--redis", &self.floor.redis.url()]);
        let sink = Serving::start_at(command, self.floor.folder(), "sink", port);
        sink.ready(LIMIT);
        sink
    }

    /// Alertmanager and Prometheus, once the latter has seen that all is well. `targets` are jobs with the ports they serve at.
    ///
    /// # Panics
    /// The files can't be written, or a server doesn't take them.
    pub fn watch(&self, targets: &[(&str, u16)]) -> Watch {
        self.watch_by(Version::Newest, targets)
    }

    /// The same, by a version of both.
    ///
    /// # Panics
    /// The files can't be written, or a server doesn't take them.
    pub fn watch_by(&self, version: Version, targets: &[(&str, u16)]) -> Watch {
        let folder = self.floor.folder();
        let alerts = folder.join("alerts");
        let mut command = self.of_the_company(bare("rules"));
        command.arg("--out").arg(&alerts).args(["--for", "0s"]);
        run(&mut command).unwrap_or_else(|error| panic!("{error}"));
        let rewrite = |name: &str, how: fn(&str) -> String| {
            let file = alerts.join(name);
            let text = std::fs::read_to_string(&file).expect("a file of alerts");
            std::fs::write(&file, how(&text)).expect("a file of alerts");
        };
        rewrite("onpace.rules.yml", tempo::rules);
        rewrite("alertmanager.yml", tempo::alertmanager);
        let alertmanager = Alertmanager::start(version, &alerts);
        let jobs: String = targets
            .iter()
            .map(|(job, port)| format!("- {{ job_name: {job}, static_configs: [{{ targets: ['127.0.0.1:{port}'] }}] }}\n"))
            .collect();
        let configuration = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s }}\nrule_files: ['{}']\n\
             alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{}'] }}] }}] }}\nscrape_configs:\n{jobs}",
            alerts.join("onpace.rules.yml").display(),
            alertmanager.address(),
        );
        // Prometheus' own minutes go by as fast: 5 in which a value counts as the newest, one until an alert is sent again.
        let lookback = format!("--query.lookback-delta={}s", 300 / tempo::FASTER);
        let again = format!("--rules.alert.resend-delay={}s", 60 / tempo::FASTER);
        let prometheus = Prometheus::start(version, folder, &configuration, &[&lookback, &again]);
        let settled = "min(onpace:objective_complete) == 1 unless on () ALERTS{audience=\"operations\",alertname!=\"Watchdog\"}";
        let begun = std::time::Instant::now();
        while prometheus.series(settled).is_empty() {
            let seen = "{__name__=~\"ALERTS|up|onpace_pipeline_up|onpace:objective_complete\"}";
            assert!(begun.elapsed() < LIMIT, "all isn't well: {:?}\n{}", prometheus.series(seen), prometheus.process.tail());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(prometheus.broken_rules(), Vec::<String>::new(), "{}", prometheus.process.tail());
        Watch { prometheus, alertmanager }
    }

    /// What everybody was told, a line each.
    pub fn told(&self) -> String {
        self.inbox.all().iter().map(|notification| notification.told() + "\n").collect()
    }

    /// Waits until so many notifications came for one.
    ///
    /// # Panics
    /// They don't come.
    pub fn hears(&self, who: &str, times: usize) {
        let begun = std::time::Instant::now();
        while self.inbox.of(who).len() < times {
            assert!(begun.elapsed() < LIMIT, "{who} should have heard {times} times. What was sent:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Holds that one was told so many times, no more.
    ///
    /// # Panics
    /// He was told more or less.
    pub fn heard(&self, who: &str, times: usize) {
        assert_eq!(self.inbox.of(who).len(), times, "how often {who} was told. What was sent:\n{}", self.told());
    }
}

/// Who watches it.
pub struct Watch {
    /// Prometheus.
    pub prometheus: Prometheus,
    /// Alertmanager.
    pub alertmanager: Alertmanager,
}

impl Watch {
    /// Something happens, and is seen by Prometheus all at once when it is over: it stands still meanwhile. What many events bring about is else seen half done.
    pub fn sees_at_once(&self, happens: impl FnOnce()) {
        self.prometheus.process.signal("STOP");
        happens();
        self.prometheus.process.signal("CONT");
    }
}

/// Whether the next scrape says so of what a rep attained.
pub fn is_scraped(of: &Serving, rep: &str, attained: u32) -> bool {
    let (who, value) = (format!("rep=\"{rep}\""), format!(" {attained}"));
    let says = |line: &str| line.starts_with("onpace_objective_attained{") && line.contains(&who) && line.ends_with(&value);
    of.get("/metrics").body.lines().any(says)
}

/// Calls that a rep made at an instant: `TAG-0`, `TAG-1`, …
pub fn calls(tag: &str, rep: &str, count: usize, at: Timestamp) -> Vec<Value> {
    let call = |n| {
        json!({ "source": "phone", "kind": "call", "entity": format!("phone:{tag}-{n}"), "occurred_at": at.to_string(),
            "data": { "rep": rep, "outcome": "connected", "duration_s": 60, "started_at": at.to_string() } })
    };
    (0..count).map(call).collect()
}

/// Posts events, all of which must be taken.
///
/// # Panics
/// They aren't.
pub fn post(to: &Serving, events: &[Value]) {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    let answer = to.post("application/x-ndjson", lines.as_bytes());
    assert_eq!((answer.status, &answer.json()["accepted"]), (202, &json!(events.len())), "{answer:?}");
}

/// The rows of a rep's objective as `/v1/objectives` says them, now or at an instant, the running period's first.
pub fn rows(of: &Serving, objective: &str, rep: &str, at: Option<Timestamp>) -> Vec<Value> {
    let at = at.map_or_else(String::new, |at| format!("&at={at}"));
    let answer = of.get(&format!("/v1/objectives?rep={rep}{at}"));
    let answer: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let rows = answer["objectives"].as_array().cloned().unwrap_or_default();
    rows.into_iter().filter(|row| row["objective"] == objective).collect()
}

/// The running period's row.
pub fn row(of: &Serving, objective: &str, rep: &str, at: Option<Timestamp>) -> Value {
    rows(of, objective, rep, at).into_iter().next().unwrap_or_default()
}
