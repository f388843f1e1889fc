//! A part of the pipeline is gone while objectives fall behind for want of it: operations get the one alert that names the cause, and
//! nobody hears of an objective. When it is back, what is true then is told, and nothing else.
//!
//! Marie and Bob are on pace when it breaks, and by the clock would both be at risk a minute or two later. Bob goes on working: what he did
//! waits in the log, so nothing is true of him afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use onpace_tests::floor::kafka;
use onpace_tests::office::{LIMIT, Office, PEOPLE, Watch, calls, post, row};
use onpace_tests::servers::{Kafka, free_port, wait_until};
use onpace_tests::serving::Serving;
use serde_json::json;

/// In an hour of work: 20 a minute.
const TARGET: u32 = 1_200;
const OBJECTIVES: &str = "  - { id: calls-paris, kpi: calls_made, scope: { rep: marie }, target: 1200, period: day, from: TODAY }
  - { id: calls-berlin, kpi: calls_made, scope: { rep: bob }, target: 1200, period: day, from: TODAY }";

/// A pipeline in parts.
struct Parts {
    office: Office,
    gateway: Serving,
    processor: Option<Serving>,
    sink: Option<Serving>,
    watch: Watch,
    /// From when on both would be at risk.
    at_risk: Timestamp,
}

impl Parts {
    /// All well, for another minute, with sources that are not live.
    fn on(brokers: String, head_start: usize) -> Parts {
        Parts::with(brokers, head_start, "[]", 60)
    }

    /// All well, for so many seconds. `head_start` is what Bob has more than Marie; `sources` are the roster's.
    fn with(brokers: String, head_start: usize, sources: &str, seconds: i64) -> Parts {
        let office = Office::open(brokers, (30, 30), sources, OBJECTIVES);
        let (gateway, processor, sink) = (office.gateway(), office.processor(free_port()), office.sink(free_port()));
        let at_risk = Timestamp::now() + SignedDuration::from_secs(seconds);
        wait_until("the sink has objectives", LIMIT, || row(&sink, "calls-paris", "marie", None)["expected"].is_number());
        let expected = row(&sink, "calls-paris", "marie", Some(at_risk))["expected"].as_f64().expect("a number");
        // At risk is below nine tenths of what is expected.
        let enough = (expected * 0.9).ceil() as usize;
        assert!(enough < TARGET as usize);
        let now = Timestamp::now();
        post(&gateway, &calls("marie", "marie", enough, now));
        post(&gateway, &calls("bob", "bob", enough + head_start, now));
        wait_until("all is counted", LIMIT, || {
            row(&sink, "calls-paris", "marie", None)["attained"] == json!(enough)
                && row(&sink, "calls-berlin", "bob", None)["attained"] == json!(enough + head_start)
        });
        let jobs = [("onpace-gateway", gateway.port), ("onpace-processor", processor.port), ("onpace-sink", sink.port)];
        let watch = office.watch(&jobs);
        let on_pace = "sum(onpace_objective_state{onpace_objective_state=\"on_pace\"})";
        wait_until("both are on pace", LIMIT, || watch.prometheus.value(on_pace) == Some(2.0));
        let parts = Parts { office, gateway, processor: Some(processor), sink: Some(sink), watch, at_risk };
        parts.nobody_heard();
        parts
    }

    fn nobody_heard(&self) {
        for who in PEOPLE {
            self.office.heard(who, 0);
        }
    }

    /// It broke: operations hear of it, once, and until well after both would be at risk nobody else hears of anything.
    fn breaks(&self, alert: &str, cause: &str) {
        self.office.hears("ops", 1);
        let well_after = self.at_risk + SignedDuration::from_secs(20);
        wait_until("both would be at risk", LIMIT, || Timestamp::now() > well_after);
        self.nobody_heard();
        self.office.heard("ops", 1);
        let told = &self.office.inbox.of("ops")[0];
        let [one] = told.alerts("firing")[..] else { panic!("one alert: {}", told.told()) };
        assert_eq!(one["labels"]["alertname"], alert);
        let about = one["annotations"]["description"].as_str().unwrap_or_default();
        assert!(about.contains(cause), "names the cause, {cause}: {about}");
    }

    /// It is mended: what is true is told, once.
    fn mended(self) {
        self.office.hears("ops", 2);
        assert_eq!(self.office.inbox.of("ops")[1].alerts("resolved").len(), 1, "{}", self.office.told());
        self.office.hears("luc", 1);
        self.office.hears("marie", 1);
        for who in ["luc", "marie"] {
            let told = &self.office.inbox.of(who)[0];
            let [one] = told.alerts("firing")[..] else { panic!("one alert: {}", told.told()) };
            assert_eq!((&one["labels"]["alertname"], &one["labels"]["rep"]), (&json!("ObjectiveBehind"), &json!("marie")));
        }
        let firing = "ALERTS{alertname=~\"Objective.+\",audience=\"manager\",alertstate=\"firing\"}";
        assert_eq!(self.watch.prometheus.series(firing).len(), 1, "{:?}", self.watch.prometheus.series(firing));
        for (who, times) in [("luc", 1), ("marie", 1), ("anna", 0), ("bob", 0), ("ops", 2)] {
            self.office.heard(who, times);
        }
    }

    /// Bob goes on working.
    fn bob_works(&self) {
        post(&self.gateway, &calls("more", "bob", 200, Timestamp::now()));
    }
}

pub fn processor_stopped() {
    let mut parts = Parts::on(kafka(), 0);
    if let Some(mut processor) = parts.processor.take() {
        processor.process.signal("TERM");
        processor.process.wait(LIMIT);
        let port = processor.port;
        parts.bob_works();
        parts.breaks("OnpacePipelineDown", "onpace-processor");
        parts.processor = Some(parts.office.processor(port));
    }
    parts.mended();
}

pub fn sink_stopped() {
    let mut parts = Parts::on(kafka(), 0);
    if let Some(mut sink) = parts.sink.take() {
        sink.process.signal("TERM");
        sink.process.wait(LIMIT);
        let port = sink.port;
        parts.bob_works();
        parts.breaks("OnpacePipelineDown", "onpace-sink");
        parts.sink = Some(parts.office.sink(port));
    }
    parts.mended();
}

pub fn redis_down() {
    let mut parts = Parts::on(kafka(), 0);
    parts.office.floor.redis.kill();
    parts.bob_works();
    parts.breaks("OnpaceStoreDown", "Redis");
    parts.office.floor.redis.resume();
    parts.mended();
}

pub fn kafka_down() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut kafka = Kafka::start(folder.path());
    // What Bob does meanwhile can't be taken; he did more before.
    let parts = Parts::on(kafka.brokers(), 200);
    kafka.kill();
    parts.breaks("OnpacePipelineDown", "Kafka");
    assert_ne!(parts.gateway.post("application/x-ndjson", calls("more", "bob", 1, Timestamp::now())[0].to_string().as_bytes()).status, 202);
    kafka.resume();
    parts.mended();
}

pub fn source_silent() {
    // Silent for more than a minute, it is missed; both would be at risk well after that.
    let parts = Parts::with(kafka(), 0, "[{ id: phone, live: true, max_silence: 1m }]", 110);
    parts.breaks("OnpaceSourceSilent", "phone");
    // What Bob did comes late, in one piece with the first that is heard again.
    parts.bob_works();
    let _speaking = Speaking::start(parts.gateway.port);
    parts.mended();
}

/// A phone that goes on ringing: a call for Paul every few seconds.
struct Speaking {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Speaking {
    fn start(port: u16) -> Speaking {
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                if n % 50 == 0 {
                    let call = calls(&format!("ringing-{n}"), "paul", 1, Timestamp::now())[0].to_string();
                    let to = format!("http://127.0.0.1:{port}/v1/events");
                    // Were it refused, operations would hear of a silent source again, and that is what fails.
                    let _ = ureq::post(&to).header("content-type", "application/json").send(call);
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Speaking { stop, thread: Some(thread) }
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
