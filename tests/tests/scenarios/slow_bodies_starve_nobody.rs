//! More bodies that come a byte at a time than there are connections: health, readiness and metrics are answered beside them, a
//! normal post is taken, and who is sent away is told so.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;
use serde_json::json;

const CONNECTIONS: usize = 64;
const SLOW: usize = 8;
const CLIENTS: usize = 100;

fn call(number: usize) -> String {
    json!({ "source": "test", "kind": "call", "entity": format!("c{number}"), "occurred_at": "2026-01-05T10:00:00Z",
        "data": { "rep": "Ann", "outcome": "connected", "duration_s": 60 } })
    .to_string()
}

/// Nobody may wait for longer than this for a word.
const HANGS: Duration = Duration::from_secs(15);

/// The status line of an answer, asked for on a connection of its own.
fn ask(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(HANGS)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    String::from_utf8_lossy(&answer).lines().next().map(str::to_owned)
}

#[test]
fn slow_bodies_starve_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data"));
    command.env("ONPACE_CONNECTIONS", CONNECTIONS.to_string()).env("ONPACE_SLOW_BODIES", SLOW.to_string());
    let mut up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));

    let head = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n[";
    let mut slow: Vec<TcpStream> = (0..CLIENTS).map(|_| up.unread(head)).collect();
    for round in 0..12 {
        for path in ["/healthz", "/readyz", "/metrics"] {
            let status = ask(up.port, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"));
            assert_eq!(status.as_deref(), Some("HTTP/1.0 200 OK"), "{path} in round {round}");
        }
        let taken = up.patiently(|up| up.post("application/json", call(round).as_bytes()));
        assert_eq!(taken.status, 202, "{taken:?}");
        for stream in &mut slow {
            // Most of them have been sent away.
            let _ = stream.write_all(b" ");
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    // One address may have half of the places for slow bodies; the rest was told to come back.
    let (mut reading, mut told) = (0, 0);
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
        let mut answer = [0; 4096];
        match stream.read(&mut answer) {
            Ok(length) => {
                let answer = String::from_utf8_lossy(&answer[..length]).to_ascii_lowercase();
                let words = ["longer than 1 s", "connections"].iter().any(|words| answer.contains(words));
                let problem = answer.contains("application/problem+json") && answer.contains("retry-after") && words;
                told += usize::from(problem);
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => reading += 1,
            Err(_) => {}
        }
    }
    println!("{reading} are being read, {told} were told to come back, {} just cut", CLIENTS - reading - told);
    assert_eq!(reading, SLOW / 2);
    assert!(told * 2 > CLIENTS, "{told} of {CLIENTS} were told why");
    wait_until("the slowest are sent away too", Duration::from_secs(60), || {
        slow.retain_mut(|stream| stream.write_all(b" ").is_ok());
        slow.is_empty()
    });
    up.process.signal("TERM");
    assert!(up.process.wait(Duration::from_secs(30)).success(), "{}", up.process.tail());
}
