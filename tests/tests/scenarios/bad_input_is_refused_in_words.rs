//! Whatever is posted is counted or refused in words; memory stays bounded, nothing good is lost in between.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use onpace_tests::engine::Numbers;
use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;
use serde_json::json;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
/// The most memory that the process may ever have had, in KiB: all bodies together may take 192 MiB.
const MOST_KIB: u64 = 400 * 1024;

fn call(number: usize) -> String {
    json!({ "source": "test", "kind": "call", "entity": format!("c{number}"), "occurred_at": "2026-01-05T10:00:00Z",
        "data": { "rep": "Ann", "outcome": "connected", "duration_s": 60 } })
    .to_string()
}

fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn bad_input_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data"));
    let mut up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));

    let tomorrow = (Timestamp::now() + SignedDuration::from_hours(24)).to_string();
    let zipped = {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(call(0).repeat(50).as_bytes()).expect("compressed");
        gzip.finish().expect("compressed")
    };
    let changed = |from: &str, to: &str| call(0).replace(from, to).into_bytes();
    let gzip = format!("{JSON}\r\nContent-Encoding: gzip");
    let noise: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    let long = format!("{}{}", "x".repeat(70_000), "");
    let cases: Vec<(&str, &str, Vec<u8>, u16, &str)> = vec![
        ("malformed JSON", JSON, b"{\"source\": ".to_vec(), 400, "not JSON"),
        ("an empty body", JSON, Vec::new(), 400, "not JSON"),
        ("half an array", JSON, format!("[{},", call(0)).into_bytes(), 400, "not JSON"),
        ("a wrong type", JSON, changed("\"duration_s\":60", "\"duration_s\":\"long\""), 422, "duration_s"),
        ("a fraction", JSON, changed("\"duration_s\":60", "\"duration_s\":1.5"), 422, "duration_s"),
        ("an unknown field", JSON, changed("duration_s", "duraton_s"), 422, "did you mean `duration_s`"),
        ("an unknown kind", JSON, changed("\"call\"", "\"cal\""), 422, "did you mean `call`"),
        ("a missing field", JSON, b"{\"source\": \"test\"}".to_vec(), 422, "missing"),
        ("a time without offset", JSON, changed("10:00:00Z", "10:00:00"), 422, "occurred_at"),
        ("a time ahead", JSON, changed("2026-01-05T10:00:00Z", &tomorrow), 422, "occurred_at"),
        ("a body over 8 MiB", JSON, vec![b' '; 9 << 20], 413, "8 MiB"),
        ("an event over 64 KiB", JSON, changed("Ann", &long), 422, "65536"),
        ("half a gzip", &gzip, zipped[..zipped.len() / 2].to_vec(), 400, "gzip"),
        ("no gzip at all", &gzip, call(0).into_bytes(), 400, "gzip"),
        ("binary noise", JSON, noise.clone(), 400, "UTF-8"),
        ("lines of binary noise", LINES, noise, 422, "UTF-8"),
        ("a million elements", JSON, format!("[{}1]", "1,".repeat(999_999)).into_bytes(), 413, "several requests"),
        ("brackets without end", JSON, vec![b'['; 100_000], 400, "not JSON"),
        ("100,000 brackets deep", JSON, format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(), 422, "65536"),
        ("30,000 brackets deep", JSON, format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)).into_bytes(), 422, "object"),
        ("a form", "application/x-www-form-urlencoded", b"a=b".to_vec(), 415, "application/json"),
    ];
    let mut good = 0;
    let mut failures = Vec::new();
    for (what, content_type, body, status, words) in &cases {
        let answer = up.post(content_type, body);
        let problem = answer.head.contains("application/problem+json");
        if answer.status != *status || !problem || !answer.body.contains(words) {
            failures.push(format!("{what}: {} {:.400}", answer.status, answer.body));
        }
        good += 1;
        let taken = up.post(JSON, call(good).as_bytes());
        assert_eq!((taken.status, &taken.json()["accepted"]), (202, &json!(1)), "after {what}");
    }
    for (method, path, status) in [("GET", "/v1/events", 405), ("DELETE", "/v1/kpis", 405), ("GET", "/v1/event", 404)] {
        let answer = up.ask(method, path, "", b"");
        if answer.status != status || !answer.head.contains("application/problem+json") || !answer.body.contains(path) {
            failures.push(format!("{method} {path}: {answer:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));

    let lines = [call(good + 1), "{\"half\": ".into(), call(good + 2), changed_line()].join("\n");
    let answer = up.post(LINES, lines.as_bytes());
    let said = answer.json();
    assert_eq!((answer.status, &said["accepted"]), (207, &json!(2)), "{said}");
    assert_eq!((&said["rejected"][0]["index"], &said["rejected"][1]["index"]), (&json!(1), &json!(3)), "{said}");
    good += 2;

    // Two hundred who never finish their first line hold up nobody.
    let dawdlers: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", up.port)).expect("a connection");
            stream.write_all(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-").expect("half a header");
            stream
        })
        .collect();
    good += 1;
    assert_eq!(up.post(JSON, call(good).as_bytes()).status, 202, "beside {} dawdlers", dawdlers.len());

    wait_until("every good event counts", Duration::from_secs(60), || {
        let answer = up.get("/v1/kpis?by=rep&window=all&kpi=calls_made");
        answer.status == 200 && Numbers(answer.json()).get("calls_made", "all", Some("Ann")) == json!(good)
    });
    let numbers = Numbers(up.get("/v1/kpis?window=all&kpi=calls_made&kpi=talk_time_s").json());
    assert_eq!(numbers.get("calls_made", "all", None), json!(good), "none that was refused is counted");
    assert_eq!(numbers.get("talk_time_s", "all", None), json!(good * 60));
    let peak = peak_kib(up.process.id());
    println!("peak memory: {} MiB", peak / 1024);
    assert!(peak < MOST_KIB, "the process took {peak} KiB");
    drop(dawdlers);
    up.process.signal("TERM");
    assert!(up.process.wait(Duration::from_secs(30)).success(), "{}", up.process.tail());
}

fn changed_line() -> String {
    call(0).replace("outcome", "outcom")
}
