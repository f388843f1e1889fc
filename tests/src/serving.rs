//! An `onpace` that serves, and HTTP spoken to it by hand: what no well-behaved client would send, too.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::onpace::{bare, run};
use crate::servers::{Process, free_port};

/// A zone in which today neither began nor ends within the hours of a scenario.
pub fn midday() -> &'static str {
    match jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).hour() {
        4..20 => "UTC",
        _ => "Asia/Tokyo",
    }
}

/// After how long without a word from it a process hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A call of a rep, as an event in JSON.
pub fn call(number: usize, rep: usize) -> String {
    json!({ "source": "test", "kind": "call", "entity": format!("c{number}"), "occurred_at": "2026-01-05T10:00:00Z",
        "data": { "rep": format!("rep-{rep:04}"), "outcome": "connected", "duration_s": 60 } })
    .to_string()
}

/// An answer, as it came.
#[derive(Debug)]
pub struct Answer {
    /// Its status; 0 where there was no answer.
    pub status: u16,
    /// Its headers, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// A process that serves on a port of the loopback.
pub struct Serving {
    /// The process.
    pub process: Process,
    /// Its port.
    pub port: u16,
}

impl Serving {
    /// Starts it on a free port; it may not answer yet.
    pub fn start(command: Command, folder: &Path, name: &str) -> Serving {
        Serving::start_at(command, folder, name, free_port())
    }

    /// Starts `up` on a call of each of so many reps, in an environment with these variables too, and waits until it is ready.
    ///
    /// # Panics
    /// The calls can't be imported, or it isn't ready within a minute.
    pub fn calls(reps: usize, folder: &Path, environment: &[(&str, &str)]) -> Serving {
        let (data, file) = (folder.join("data"), folder.join("calls.ndjson"));
        let lines = (0..reps).fold(String::new(), |mut lines, number| {
            let _ = writeln!(lines, "{}", call(number, number));
            lines
        });
        std::fs::write(&file, lines).expect("a file of events");
        run(bare("import").arg(&file).arg("--data").arg(&data)).unwrap_or_else(|error| panic!("{error}"));
        let mut command = bare("up");
        command.arg("--data").arg(&data).envs(environment.iter().copied());
        let up = Serving::start(command, folder, "up");
        up.ready(Duration::from_secs(60));
        up
    }

    /// Starts it on a port, such as that of one that ended.
    pub fn start_at(mut command: Command, folder: &Path, name: &str, port: u16) -> Serving {
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        Serving { process: Process::start(command, folder, name), port }
    }

    /// Waits until it is ready.
    ///
    /// # Panics
    /// It isn't within `limit`.
    pub fn ready(&self, limit: Duration) {
        let begun = Instant::now();
        loop {
            let answer = self.get("/readyz");
            if answer.status == 200 {
                return;
            }
            assert!(begun.elapsed() < limit, "not ready within {limit:?}: {answer:?}\n{}", self.process.tail());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How much memory the process has now, in KiB.
    ///
    /// # Panics
    /// It has ended.
    pub fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// How many files the process has open.
    ///
    /// # Panics
    /// It has ended.
    pub fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).expect("the process runs").count()
    }

    /// A connection on which something was asked, whose answer nobody has read.
    ///
    /// # Panics
    /// It can't be made.
    pub fn unread(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.write_all(request.as_bytes()).expect("a request");
        stream
    }

    /// A metric of the process, without labels or with just these.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let page = self.get("/metrics");
        page.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// How many connections to it are open.
    ///
    /// # Panics
    /// The system doesn't say.
    pub fn connections(&self) -> usize {
        const ESTABLISHED: &str = "01";
        let table = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.process.id())).expect("the system's connections");
        let own = format!(":{:04X}", self.port);
        let open = |line: &&str| {
            let mut fields = line.split_whitespace().skip(1);
            fields.next().is_some_and(|local| local.ends_with(&own)) && fields.nth(1) == Some(ESTABLISHED)
        };
        table.lines().filter(open).count()
    }

    /// The sum of a metric of the process over its labels; `None` where it has none.
    pub fn metric_sum(&self, name: &str) -> Option<f64> {
        let page = self.get("/metrics");
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once(' ')?.1.parse::<f64>().ok();
        page.body.lines().filter_map(value).reduce(|sum, value| sum + value)
    }

    /// Asks until it is not asked to come back later, and says what became of it.
    ///
    /// # Panics
    /// An answer is refused without words, or without when to come back.
    pub fn patiently(&self, ask: impl Fn(&Serving) -> Answer) -> Answer {
        let mut answer = ask(self);
        for _ in 0..120 {
            match answer.status {
                429 | 503 => {
                    assert!(answer.head.contains("application/problem+json") && answer.head.contains("retry-after"), "{answer:?}");
                    std::thread::sleep(Duration::from_millis(250));
                    answer = ask(self);
                }
                _ => break,
            }
        }
        answer
    }

    /// Asks for a path.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    /// Posts events.
    pub fn post(&self, content_type: &str, body: &[u8]) -> Answer {
        self.ask("POST", "/v1/events", &format!("Content-Type: {content_type}\r\n"), body)
    }

    /// Speaks HTTP; `headers` end each with CR LF.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        ask(self.port, method, path, headers, body)
    }
}

/// Speaks HTTP to a port of the loopback; `headers` end each with CR LF.
pub fn ask(port: u16, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let none = || Answer { status: 0, head: String::new(), body: String::new() };
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return none() };
    let _ = stream.set_read_timeout(Some(HANGS));
    // HTTP/1.0: the body ends where the connection does.
    let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    // Who refuses a body need not read it to its end.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return none() };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}
