//! A webhook receiver: who is told what.
//!
//! In: what Alertmanager posts to `/NAME`. Out: notifications in the order in which they came. Never here: what should have come.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::collector::Collector;

/// What was posted.
#[derive(Clone, Debug)]
pub struct Notification {
    /// To whom: the path, without its slash.
    pub to: String,
    /// When it came.
    pub at: Timestamp,
    /// Alertmanager's JSON.
    pub body: Value,
}

impl Notification {
    /// Its alerts in a state, `firing` or `resolved`.
    pub fn alerts(&self, status: &str) -> Vec<&Value> {
        let all = self.body["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|alert| alert["status"] == status).collect()
    }

    /// A line for a failure: each alert's state, name, rep and period.
    pub fn told(&self) -> String {
        let all = self.body["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let word = |alert: &Value, label: &str| alert["labels"][label].as_str().unwrap_or_default().to_owned();
        let line =
            |alert: &Value| format!("{} {} {} {}", alert["status"], word(alert, "alertname"), word(alert, "objective"), word(alert, "rep"));
        format!("{} to {}: {}", self.at, self.to, all.iter().map(line).collect::<Vec<_>>().join("; "))
    }
}

/// A receiver on a port of its own, until it is dropped.
pub struct Inbox(Collector<Notification>);

impl Inbox {
    /// Opens it.
    ///
    /// # Panics
    /// There is no free port.
    pub fn open() -> Inbox {
        Inbox(Collector::open(|mut stream| {
            let notification = read(stream);
            // Who went away meanwhile sends it again.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            notification
        }))
    }

    /// Where one of that name is written to.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.0.address())
    }

    /// All that came.
    pub fn all(&self) -> Vec<Notification> {
        self.0.all()
    }

    /// What came for one.
    pub fn of(&self, name: &str) -> Vec<Notification> {
        self.all().into_iter().filter(|notification| notification.to == name).collect()
    }

    /// What came for one, a line each.
    pub fn told(&self, name: &str) -> Vec<String> {
        self.of(name).iter().map(Notification::told).collect()
    }
}

/// A post with a length, as Alertmanager makes them; `None` for anything else.
fn read(stream: &TcpStream) -> Option<Notification> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let to = line.strip_prefix("POST /")?.split(' ').next()?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Notification { to, at: Timestamp::now(), body: serde_json::from_slice(&body).ok()? })
}
