//! Hostile and honest bodies against the router, and hostile clients against the server.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::http::{self, closed};
use crate::log::memory::MemoryLog;
use crate::log::{DeadLetter, Entry, LogReader, Seen};

const NOW: i64 = 1_772_442_600_000_000; // 2026-03-02T09:10:00Z

/// What measures look for.
fn words() -> Arc<Words> {
    Arc::new([((onpace_schemas::Kind::CALL, "outcome"), vec!["connected".to_owned()])].into_iter().collect())
}

/// A log that can be away, or never answer.
struct Door {
    log: MemoryLog,
    away: AtomicBool,
    hangs: AtomicBool,
}

impl EventLog for Door {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }
    fn append(&self, entries: Vec<Entry>) -> BoxFuture<'_, Result<(), LogError>> {
        if self.hangs.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        if self.away.load(Ordering::Relaxed) {
            return Box::pin(async { Err(LogError::Away("127.0.0.1:9092 does not answer".into())) });
        }
        self.log.append(entries)
    }
    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        self.log.reader()
    }
    fn ends(&self) -> Result<Vec<i64>, LogError> {
        self.log.ends()
    }
    fn look(&self, partition: u32, offsets: &[i64]) -> Result<Seen, LogError> {
        self.log.look(partition, offsets)
    }
    fn bury(&self, letter: DeadLetter) -> Result<(), LogError> {
        self.log.bury(letter)
    }
    fn ready(&self) -> Result<(), LogError> {
        if self.away.load(Ordering::Relaxed) { Err(LogError::Away("127.0.0.1:9092 does not answer".into())) } else { Ok(()) }
    }
}

struct Place {
    door: Arc<Door>,
    registry: Registry,
    router: Router,
}

impl Place {
    fn new(limits: Limits) -> Place {
        let door = Arc::new(Door { log: MemoryLog::new(4), away: false.into(), hangs: false.into() });
        let registry = Registry::new();
        let log: Arc<dyn EventLog> = Arc::clone(&door) as _;
        let settings = GatewaySettings { limits, words: words(), now: || NOW };
        let router = router(settings, log, &registry).unwrap();
        Place { door, registry, router: closed(router) }
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let json: Value = serde_json::from_slice(&body).unwrap();
        let problem = parts.headers[header::CONTENT_TYPE] == "application/problem+json";
        assert_eq!(problem, parts.status.is_client_error() || parts.status.is_server_error(), "{} {json}", parts.status);
        if problem {
            assert_eq!(json["status"], parts.status.as_u16());
            assert!(json["detail"].as_str().unwrap().len() > 10, "{json}");
        }
        (parts.status, parts.headers, json)
    }

    async fn post(&self, content_type: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::post("/v1/events").header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap();
        let (status, _, json) = self.ask(request).await;
        (status.as_u16(), json)
    }

    async fn post_coded(&self, coding: &str, body: Vec<u8>) -> (u16, Value) {
        let request = Request::post("/v1/events")
            .header(header::CONTENT_TYPE, NDJSON)
            .header(header::CONTENT_ENCODING, coding)
            .body(body.into())
            .unwrap();
        let (status, _, json) = self.ask(request).await;
        (status.as_u16(), json)
    }

    fn logged(&self) -> i64 {
        self.door.log.ends().unwrap().iter().sum()
    }

    fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let found = family.and_then(|family| {
            family
                .get_metric()
                .iter()
                .find(|metric| labels.iter().all(|wanted| metric.get_label().iter().any(|label| label.value() == *wanted)))
        });
        found.map_or(0.0, |metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
    }
}

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

fn event(n: usize) -> String {
    format!(
        r#"{{"id":"{n}","source":"aircall","kind":"call","entity":"c{n}","occurred_at":"2026-03-02T09:00:00Z","data":{{"rep":"marie","duration_s":42}}}}"#
    )
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn one_many_and_lines_are_taken() {
    let place = Place::new(Limits::default());
    let taken = |n: usize| (202, json!({ "accepted": n, "rejected": [] }));
    assert_eq!(place.post(JSON, event(1)).await, taken(1));
    assert_eq!(place.post(JSON, format!(" [{} ,{}]\n", event(2), event(3))).await, taken(2));
    assert_eq!(place.post(NDJSON, format!("\u{feff}{}\r\n\n{}\n  ", event(4), event(5))).await, taken(2));
    assert_eq!(place.post("application/json; charset=utf-8", "[]").await, taken(0));
    assert_eq!(place.post(NDJSON, "").await, taken(0));
    assert_eq!(place.logged(), 5);
    assert_eq!(place.metric("onpace_events_accepted_total", &["aircall", "call"]), 5.0);
    assert_eq!(place.metric("onpace_last_event_timestamp_seconds", &["aircall"]), NOW as f64 / 1e6);
}

#[tokio::test]
async fn what_is_logged_is_what_was_posted() {
    let place = Place::new(Limits::default());
    assert_eq!(place.post(JSON, event(1)).await.0, 202);
    let mut reader = place.door.log.reader().unwrap();
    reader.poll(Duration::ZERO, 9, &mut |_| {}).unwrap();
    (0..4).for_each(|partition| reader.start(partition, 0).unwrap());
    let mut seen = 0;
    let each = &mut |message: crate::log::Message<'_>| {
        let onpace_schemas::avro::Message::Event(read) = onpace_schemas::avro::read(message.value).unwrap() else { panic!("a heartbeat") };
        assert_eq!(message.key, b"call:c1");
        assert_eq!(onpace_schemas::json::write(&read), serde_json::from_str::<Value>(&event(1)).unwrap());
        seen += 1;
    };
    reader.poll(Duration::ZERO, 9, each).unwrap();
    assert_eq!(seen, 1);
}

#[tokio::test]
async fn a_bad_event_is_that_events_affair() {
    let place = Place::new(Limits::default());
    let bad = event(1).replace("duration_s", "duraton_s");
    let (status, answer) = place.post(JSON, format!("[{},{bad},7,{}]", event(0), event(2))).await;
    assert_eq!((status, &answer["accepted"]), (207, &json!(2)));
    assert_eq!(answer["rejected"][0]["index"], 1);
    assert_eq!(answer["rejected"][0]["field"], "data.duraton_s");
    assert!(answer["rejected"][0]["error"].as_str().unwrap().contains("did you mean `duration_s`"));
    assert_eq!(answer["rejected"][1]["index"], 2);

    let lines = [event(3).into_bytes(), b"{\"half\": ".to_vec(), b"\xFF\xFE noise \x00".to_vec(), event(4).into_bytes(), b"[]".to_vec()]
        .join(&b'\n');
    let (status, answer) = place.post(NDJSON, lines).await;
    assert_eq!((status, &answer["accepted"]), (207, &json!(2)));
    let places: Vec<_> = answer["rejected"].as_array().unwrap().iter().map(|rejected| rejected["index"].as_u64().unwrap()).collect();
    assert_eq!(places, [1, 2, 4]);
    assert_eq!(place.logged(), 4);
    assert_eq!(place.metric("onpace_events_rejected_total", &["aircall", "unknown_field"]), 1.0);
    assert_eq!(place.metric("onpace_events_rejected_total", &["unknown", "malformed"]), 4.0);
}

#[tokio::test]
async fn all_refused_is_a_problem_that_lists_them() {
    let place = Place::new(Limits::default());
    let naive = event(1).replace("09:00:00Z", "09:00:00");
    let (status, problem) = place.post(JSON, naive).await;
    assert_eq!((status, &problem["accepted"], &problem["rejected"][0]["field"]), (422, &json!(0), &json!("occurred_at")));
    let future = event(1).replace("09:00:00Z", "09:21:00Z");
    assert_eq!(place.post(JSON, future).await.0, 422);
    let ahead_but_near = event(1).replace("09:00:00Z", "09:20:00Z");
    assert_eq!(place.post(JSON, ahead_but_near).await.0, 202);
    assert_eq!(place.metric("onpace_events_rejected_total", &["aircall", "occurred_at"]), 2.0);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_400_and_nothing_of_it_is_taken() {
    let place = Place::new(Limits::default());
    let one = event(1);
    for body in [
        format!("[{one},{one}"),
        format!("[{one} {one}]"),
        format!("[{one}]]"),
        format!("{one}\n{one}"),
        "".into(),
        "nonsense".into(),
        "{\"a\":".into(),
        "[".repeat(1_000_000),
        "{\"a\":".repeat(1_000_000),
    ] {
        let (status, problem) = place.post(JSON, body.clone()).await;
        assert_eq!(status, 400, "{}", &body[..body.len().min(60)]);
        assert!(problem["line"].is_u64() && problem["column"].is_u64(), "{problem}");
    }
    let (status, problem) = place.post(JSON, &b"{\"source\": \"\xFF\"}"[..]).await;
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("byte 13"), "{problem}");
    let (_, problem) = place.post(JSON, format!("{one}\n{one}")).await;
    assert!(problem["detail"].as_str().unwrap().contains("application/x-ndjson"), "{problem}");
    assert_eq!(place.logged(), 0);
}

#[tokio::test]
async fn deep_nesting_is_refused_in_its_place() {
    let place = Place::new(Limits::default());
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let inside = event(1).replace("42", &deep);
    let objects = event(1).replace("42", &format!("{}1{}", "{\"a\":".repeat(9_000), "}".repeat(9_000)));
    let nameless = inside.replace("\"id\":\"1\",", "");
    let (status, answer) = place.post(JSON, format!("[{deep},{inside},{objects},{nameless},{}]", event(2))).await;
    assert_eq!((status, &answer["accepted"]), (207, &json!(1)));
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_million_elements_are_413_and_many_rejections_are_cut() {
    let place = Place::new(Limits::default());
    let million = format!("[{}1]", "1,".repeat(999_999));
    assert_eq!(place.post(JSON, million).await.0, 413);
    assert_eq!(place.post(NDJSON, "1\n".repeat(1_000_000)).await.0, 413);
    let (status, problem) = place.post(NDJSON, "1\n".repeat(5_000)).await;
    assert_eq!((status, &problem["rejected_total"]), (422, &json!(5_000)));
    assert_eq!(problem["rejected"].as_array().unwrap().len(), decode::MAX_SHOWN);
    assert_eq!(place.logged(), 0);
}

#[tokio::test]
async fn sizes_are_bounded() {
    let place = Place::new(Limits::default());
    let padded = |to: usize| {
        let short = event(1);
        format!("{}{}}}", &short[..short.len() - 1], " ".repeat(to - short.len()))
    };
    assert_eq!(place.post(JSON, padded(64 << 10)).await.0, 202);
    let (status, problem) = place.post(JSON, padded((64 << 10) + 1)).await;
    assert_eq!((status, &problem["rejected"][0]["field"]), (422, &json!("")));
    assert_eq!(place.metric("onpace_events_rejected_total", &["unknown", "too_large"]), 1.0);
    assert_eq!(place.post(NDJSON, vec![b'\n'; 8 << 20]).await.0, 202);
    assert_eq!(place.post(NDJSON, vec![b'\n'; (8 << 20) + 1]).await.0, 413);
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1 << 16]));
    assert_eq!(place.post(JSON, Body::from_stream(endless)).await.0, 413);
}

#[tokio::test]
async fn a_hostile_name_does_not_come_back_at_length() {
    let place = Place::new(Limits::default());
    let hostile = event(1).replace("duration_s", &"é\\u0000".repeat(4_000));
    let (status, problem) = place.post(JSON, hostile).await;
    assert_eq!(status, 422);
    assert!(problem.to_string().len() < 4_000, "{}", problem.to_string().len());
}

#[tokio::test]
async fn compressed_bodies_are_taken_halves_and_bombs_are_not() {
    let place = Place::new(Limits::default());
    let lines = format!("{}\n{}", event(1), event(2)).into_bytes();
    assert_eq!(place.post_coded("gzip", gzip(&lines)).await.0, 202);
    assert_eq!(place.post_coded("zstd", zstd::encode_all(&lines[..], 1).unwrap()).await.0, 202);
    let half = gzip(&lines);
    let (status, problem) = place.post_coded("gzip", half[..half.len() / 2].to_vec()).await;
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("middle of its gzip stream"), "{problem}");
    assert_eq!(place.post_coded("gzip", gzip(&vec![b'\n'; 40 << 20])).await.0, 413);
    assert_eq!(place.post_coded("gzip", lines.clone()).await.0, 400);
    assert_eq!(place.post_coded("br", lines).await.0, 415);
    assert_eq!(place.logged(), 4);
}

#[tokio::test]
async fn every_other_answer_is_a_problem_too() {
    let place = Place::new(Limits::default());
    let ask = async |method: Method, path: &str| place.ask(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
    let (status, headers, _) = ask(Method::GET, "/v1/events").await;
    assert_eq!((status.as_u16(), &headers[header::ALLOW]), (405, &"POST".parse().unwrap()));
    assert_eq!(ask(Method::DELETE, "/v1/events").await.0, 405);
    let (status, _, problem) = ask(Method::POST, "/v1/event").await;
    assert_eq!(status, 404);
    assert!(problem["detail"].as_str().unwrap().contains("/openapi.json"), "{problem}");
    assert_eq!(ask(Method::POST, "/v1/events").await.0, 415);
    assert_eq!(place.post("text/plain", event(1)).await.0, 415);
}

#[tokio::test]
async fn while_the_log_is_away_it_says_so_and_when_to_come_back() {
    let place = Place::new(Limits { append: Duration::from_millis(50), ..Limits::default() });
    let post = || Request::post("/v1/events").header(header::CONTENT_TYPE, JSON).body(event(1).into()).unwrap();
    assert_eq!(place.metric("onpace_log_up", &[]), 1.0);
    place.door.away.store(true, Ordering::Relaxed);
    assert_eq!(place.metric("onpace_log_up", &[]), 0.0);
    let (status, headers, problem) = place.ask(post()).await;
    assert_eq!((status.as_u16(), &headers[header::RETRY_AFTER]), (503, &"5".parse().unwrap()));
    assert!(problem["detail"].as_str().unwrap().contains("9092"), "{problem}");
    place.door.hangs.store(true, Ordering::Relaxed);
    assert_eq!(place.ask(post()).await.0, 503);
    assert_eq!(place.metric("onpace_events_accepted_total", &["aircall"]), 0.0);
}

#[tokio::test]
async fn more_at_once_than_fits_is_429() {
    let place = Place::new(Limits { in_flight: 1, memory_bytes: 1 << 20, ..Limits::default() });
    place.door.hangs.store(true, Ordering::Relaxed);
    let post = |body: Vec<u8>| Request::post("/v1/events").header(header::CONTENT_TYPE, NDJSON).body(body.into()).unwrap();
    let waiting = tokio::spawn(place.router.clone().oneshot(post(event(1).into_bytes())));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (status, headers, _) = place.ask(post(event(2).into_bytes())).await;
    assert_eq!((status.as_u16(), &headers[header::RETRY_AFTER]), (429, &"1".parse().unwrap()));
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    place.door.hangs.store(false, Ordering::Relaxed);
    assert_eq!(place.ask(post(vec![b'\n'; 2 << 20])).await.0, 429);
    // What was refused gave back what it held.
    assert_eq!(place.ask(post(vec![b'\n'; 300 << 10])).await.0, 202);
}

#[tokio::test]
async fn sources_without_end_do_not_make_series_without_end() {
    let place = Place::new(Limits::default());
    for from in [0, 500] {
        let lines: String = (from..from + 500).map(|n| event(n).replace("aircall", &format!("s{n}")) + "\n").collect();
        assert_eq!(place.post(NDJSON, lines.clone()).await.0, 202);
        assert_eq!(place.post(NDJSON, lines.replace("marie", &"x".repeat(201)).replace("\"s", "\"bad")).await.0, 422);
    }
    for family in place.registry.gather() {
        assert!(family.get_metric().len() <= metrics::MAX_SOURCES + 2, "{} has {}", family.name(), family.get_metric().len());
    }
    assert_eq!(place.metric("onpace_events_accepted_total", &["other", "call"]), 900.0);
}

async fn say(address: std::net::SocketAddr, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words).await.unwrap();
    let mut answer = Vec::new();
    // A server that cuts the connection has answered too.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("an end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn dawdlers_are_dropped_and_the_end_is_clean() {
    let place = Place::new(Limits::default());
    let limits = Limits { brisk: Duration::from_millis(10), body_idle: Duration::from_millis(150), ..Limits::default() };
    let of_server = http::Limits { headers: Duration::from_millis(150), header_bytes: 16 << 10, ..http::Limits::default() };
    let doors = http::Doors { limits: of_server, ..http::Doors::usual().unwrap() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let log: Arc<dyn EventLog> = Arc::clone(&place.door) as _;
    let routes = router(GatewaySettings { limits, words: words(), now: || NOW }, log, &Registry::new()).unwrap();
    let task = tokio::spawn(http::serve(listener, routes, doors, stop.clone()));

    assert_eq!(say(address, b"").await, "");
    let half_a_header = say(address, b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nX-").await;
    assert!(half_a_header.is_empty() || half_a_header.starts_with("HTTP/1.1 408"), "{half_a_header}");
    let giant = [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ".to_vec(), vec![b'x'; 40 << 10], b"\r\n\r\n".to_vec()].concat();
    assert!(say(address, &giant).await.starts_with("HTTP/1.1 431"));
    let half_a_body = say(
        address,
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{",
    )
    .await;
    assert!(half_a_body.starts_with("HTTP/1.1 408") && half_a_body.contains("problem+json"), "{half_a_body}");
    let whole = format!(
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        event(1).len(),
        event(1)
    );
    assert!(say(address, whole.as_bytes()).await.starts_with("HTTP/1.1 202"));

    stop.cancel();
    task.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_looks_wrong_is_told_in_the_answer_and_counted() {
    let place = Place::new(Limits::default());
    let (status, json) = place.post(JSON, event(1)).await;
    assert_eq!((status, json.get("warnings")), (202, None), "what is right is not doubted");
    let odd = |entity: &str, rep: &str, outcome: &str| {
        event(2)
            .replace("\"c2\"", &format!("\"{entity}\""))
            .replace("marie", rep)
            .replace("\"duration_s\":42", &format!("\"outcome\":\"{outcome}\""))
    };
    let body = format!("[{},{}]", odd("aircall:null", "marie", "Connected"), odd("c3", "Marie", "connected"));
    let (status, json) = place.post(JSON, body).await;
    assert_eq!((status, &json["accepted"]), (202, &json!(2)));
    let told: Vec<_> =
        json["warnings"].as_array().unwrap().iter().map(|warning| (warning["doubt"].as_str().unwrap(), &warning["count"])).collect();
    assert_eq!(told, [("unnamed_entity", &json!(1)), ("nearly_known", &json!(1)), ("alike_reps", &json!(2))], "{json}");
    // `marie` was seen in the request before.
    let (_, json) = place.post(JSON, odd("c4", "MARIE", "connected")).await;
    assert!(json["warnings"][0]["warning"].as_str().unwrap().contains("`marie` before"), "{json}");
    for (doubt, count) in [("unnamed_entity", 1.0), ("nearly_known", 1.0), ("alike_reps", 3.0)] {
        assert_eq!(place.metric("onpace_doubts_total", &[doubt]), count, "{doubt}");
    }
}
