//! A page of another site, in a real browser: also where a stranger's name server says that his name is this machine, it can neither
//! read a number nor post an event.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use onpace_tests::browser::{page, page_through, text};
use onpace_tests::engine::Numbers;
use onpace_tests::onpace::bare;
use onpace_tests::serving::{Serving, midday};
use serde_json::json;

fn call(number: usize) -> String {
    json!({ "source": "test", "kind": "call", "entity": format!("c{number}"), "occurred_at": jiff::Timestamp::now().to_string(),
        "data": { "rep": "Ann", "outcome": "connected", "duration_s": 60 } })
    .to_string()
}

/// A page that tries to read and to post, in every way that a browser lets it, and writes down what it got.
fn hostile(base: &str) -> String {
    let event = call(2).replace('\\', "\\\\").replace('`', "\\`");
    format!(
        r#"<!doctype html><title>evil</title><p id=read>read: nothing</p><p id=post>post: nothing</p><script>
        const at = "{base}", event = `{event}`;
        const show = (id, what) => document.getElementById(id).textContent += " | " + what;
        fetch(at + "/v1/kpis?window=today&kpi=calls_made").then(async r => show("read", r.status + " " + await r.text())).catch(e => show("read", "failed"));
        for (const type of ["application/json", "text/plain", "text/json", "application/x-ndjson"])
          for (const mode of ["cors", "no-cors"])
            fetch(at + "/v1/events", {{ method: "POST", mode, body: event, headers: {{ "content-type": type }} }})
              .then(async r => show("post", r.status + " " + r.type)).catch(e => show("post", "failed"));
        navigator.sendBeacon(at + "/v1/events", new Blob([event], {{ type: "application/json" }}));
        </script></html>"#
    )
}

/// Answers whoever comes: with a page at `/`, and for all else as the process at a port does, of which it says that it is whatever was asked
/// for, as a name server can that changes its mind.
fn stranger(page: impl Fn() -> String + Send + 'static, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let page = page();
            std::thread::spawn(move || {
                let _ = answer(stream, &page, port);
            });
        }
    });
    own
}

fn answer(stream: TcpStream, page: &str, port: u16) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        let dropped = ["connection:", "proxy-connection:"].iter().any(|name| line.to_ascii_lowercase().starts_with(name));
        if !dropped {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    // `GET http://evil.test:8080/path HTTP/1.1`, as a proxy is asked; a server is asked for the path alone.
    let (method, rest) = head.split_once(' ').unwrap_or_default();
    let path = match rest.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/').unwrap_or_default()..],
        None => rest,
    };
    if path.starts_with("/ ") || path.starts_with("/favicon") {
        let kind = "Content-Type: text/html; charset=utf-8\r\nConnection: close";
        return write!(writer, "HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\n\r\n{page}", page.len());
    }
    let mut onpace = TcpStream::connect(("127.0.0.1", port))?;
    onpace.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(onpace, "{method} {}", path.replacen("\r\n", "\r\nConnection: close\r\n", 1))?;
    onpace.write_all(b"\r\n")?;
    onpace.write_all(&body)?;
    std::io::copy(&mut onpace, &mut writer).map(|_| ())
}

#[test]
fn another_sites_page_can_neither_read_nor_post() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).args(["--time-zone", midday()]);
    let up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    assert_eq!(up.post("application/json", call(1).as_bytes()).status, 202);
    let calls = || Numbers(up.get("/v1/kpis?window=all&kpi=calls_made").json()).get("calls_made", "all", None);
    onpace_tests::servers::wait_until("the call counts", Duration::from_secs(30), || calls() == json!(1));

    // The name that the browser was led to by a stranger's name server: to the browser it is one site with the page.
    let port = up.port;
    let evil = format!("http://evil.test:{port}");
    let base = evil.clone();
    let proxy = stranger(move || hostile(&base), port);
    let shown = text(&page_through(&format!("http://127.0.0.1:{proxy}"), &format!("{evil}/"), folder.path()));
    println!("rebound: {shown}");
    assert!(shown.contains("read: nothing | 421") && shown.contains("--allowed-host"), "a read is refused in words: {shown}");
    assert!(shown.contains("post: nothing |") && !shown.contains("| 202"), "{shown}");

    // A page of another port of the loopback: another site.
    let base = format!("http://127.0.0.1:{port}");
    let other = stranger(move || hostile(&base), port);
    let shown = text(&page(&format!("http://127.0.0.1:{other}/"), folder.path()));
    println!("another port: {shown}");
    assert!(shown.contains("read: nothing | failed"), "{shown}");
    assert!(shown.contains("post: nothing |") && !shown.contains("| 202"), "{shown}");

    assert_eq!(
        up.metric("onpace_events_accepted_total{source=\"test\",kind=\"call\"}")
            .or(up.metric("onpace_events_accepted_total{kind=\"call\",source=\"test\"}")),
        Some(1.0)
    );
    assert_eq!(calls(), json!(1));
    for reason in ["host", "origin"] {
        let times = up.metric(&format!("onpace_http_turned_away_total{{reason=\"{reason}\"}}"));
        assert!(times.is_some_and(|times| times > 0.0), "{reason}: {times:?}");
    }
    // The page under its own name still works.
    let own = page(&format!("http://localhost:{port}/"), folder.path());
    assert!(own.contains("data-state=\"fresh\"") && text(&own).contains("Ann"), "{}", text(&own));
}

#[test]
fn a_foreign_host_or_origin_is_refused_in_words_and_a_named_one_is_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).env("ONPACE_ALLOWED_HOSTS", "onpace.example.com,crm.example.com:8443");
    let up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    let raw = |method: &str, path: &str, headers: &str, body: &str| {
        let mut stream = up
            .unread(&format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n\r\n{body}", body.len()));
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    let status = |answer: &str| answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()).unwrap_or_default();
    let json = "Content-Type: application/json";
    for (headers, expected) in [
        ("Host: localhost", 200),
        ("Host: onpace.example.com", 200),
        ("Host: evil.test", 421),
        ("Host: 192.0.2.7:8080", 421),
        ("Host: localhost\r\nOrigin: https://evil.test", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate", 200),
        ("Host: localhost\r\nHost: localhost", 400),
    ] {
        for path in ["/v1/kpis", "/metrics", "/healthz", "/"] {
            let answer = raw("GET", path, headers, "");
            assert_eq!(status(&answer), expected, "{path} with {headers}: {answer}");
            assert!(expected == 200 || answer.contains("application/problem+json"), "{answer}");
            assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
        }
    }
    for (headers, expected) in [
        ("Host: localhost\r\nOrigin: null", 403),
        ("Host: localhost\r\nOrigin: http://localhost:3000", 403),
        ("Host: localhost\r\nOrigin: https://crm.example.com:8443", 202),
        ("Host: evil.test\r\nOrigin: http://evil.test", 421),
        ("Host: localhost", 202),
    ] {
        let answer = raw("POST", "/v1/events", &format!("{headers}\r\n{json}"), &call(1));
        assert_eq!(status(&answer), expected, "{headers}: {answer}");
    }
    let refused = raw("POST", "/v1/events", "Host: evil.test", &call(1));
    assert!(refused.contains("`evil.test`") && refused.contains("--allowed-host") && refused.contains("ONPACE_ALLOWED_HOSTS"), "{refused}");
    // However many are refused, the log is not filled.
    for _ in 0..200 {
        raw("POST", "/v1/events", "Host: evil.test", &call(1));
    }
    let lines = up.process.output().lines().filter(|line| line.contains("evil.test")).count();
    assert!((1..10).contains(&lines), "{lines} lines for 200 refusals");
}
