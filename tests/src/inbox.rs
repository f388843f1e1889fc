//! A webhook receiver: who is told what.
//!
//! In: what Alertmanager posts to `/NAME`. Out: notifications in the order in which they came. Never here: what should have come.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

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
pub struct Inbox {
    port: u16,
    taken: Arc<Mutex<Vec<Notification>>>,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Inbox {
    /// Opens it.
    ///
    /// # Panics
    /// There is no free port.
    pub fn open() -> Inbox {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on the loopback");
        let port = listener.local_addr().expect("the port's address").port();
        let (taken, stop) = (Arc::<Mutex<Vec<Notification>>>::default(), Arc::<AtomicBool>::default());
        let (into, stopped) = (Arc::clone(&taken), Arc::clone(&stop));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(notification) = read(&stream) {
                    held(&into).push(notification);
                }
                // Who went away meanwhile sends it again.
                let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Inbox { port, taken, stop, serving: Some(serving) }
    }

    /// Where one of that name is written to.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// All that came.
    pub fn all(&self) -> Vec<Notification> {
        held(&self.taken).clone()
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

impl Drop for Inbox {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes whoever waits for a post.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn held(taken: &Mutex<Vec<Notification>>) -> MutexGuard<'_, Vec<Notification>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
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
