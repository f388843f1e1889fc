//! A steady load of known events, and what its clients saw become of each: accepted, refused, unknown.
//!
//! In: events, gateways' ports. Out: a ledger. What always holds: an event is marked by its id, so that it is found again in the log's
//! bytes; who didn't get an answer mostly sends again, as clients do, and sometimes leaves it at that. Never here: faults.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::serving;

/// What an event's id begins with; eight digits follow.
const MARK: &str = "soak-";
/// Events in a request, and how long a client waits between two.
const AT_ONCE: usize = 4;
const PAUSE: Duration = Duration::from_millis(150);

/// What the clients know of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// A request with it was answered 2xx.
    pub accepted: bool,
    /// A request with it was not answered, or by 5xx.
    pub unknown: bool,
    /// A request with it was answered 4xx.
    pub refused: bool,
    /// It is none that may be accepted.
    pub invalid: bool,
}

/// Every event that was sent, by its number, and what the clients know.
#[derive(Debug, Default)]
pub struct Ledger {
    seen: Mutex<BTreeMap<usize, Seen>>,
    surprises: Mutex<Vec<String>>,
}

impl Ledger {
    fn note(&self, numbers: &[usize], how: impl Fn(&mut Seen)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.iter().for_each(|number| how(seen.entry(*number).or_default()));
    }

    fn surprise(&self, what: String) {
        self.surprises.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What the clients know of each.
    pub fn seen(&self) -> BTreeMap<usize, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers that no client should get.
    pub fn surprises(&self) -> Vec<String> {
        self.surprises.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An event with its number for an id.
pub fn marked(event: &Value, number: usize) -> Value {
    let mut event = event.clone();
    event["id"] = json!(format!("{MARK}{number:08}"));
    event
}

/// The number of the event that a message holds, if it is one of these.
pub fn number_in(message: &[u8]) -> Option<usize> {
    let at = message.windows(MARK.len()).position(|window| window == MARK.as_bytes())? + MARK.len();
    std::str::from_utf8(message.get(at..at + 8)?).ok()?.parse().ok()
}

/// Posts the events of one client, over and over `all` by its share, until told to stop; then once more what has no answer yet.
pub fn post(client: usize, clients: usize, seed: u64, all: &[Value], ports: &[u16], ledger: &Ledger, stop: &AtomicBool) {
    let mut rng = StdRng::seed_from_u64(seed ^ client as u64);
    let mut again: Vec<usize> = Vec::new();
    let mut next = client;
    while !stop.load(Ordering::Relaxed) {
        let mut numbers: Vec<usize> = Vec::new();
        if rng.random_bool(0.3) {
            numbers.extend(again.drain(..again.len().min(AT_ONCE)));
        }
        while numbers.len() < AT_ONCE {
            numbers.push(next);
            next += clients;
        }
        let port = ports[rng.random_range(0..ports.len())];
        if !send(port, &numbers, all, ledger) && rng.random_bool(0.8) {
            again.extend(numbers);
        }
        if rng.random_bool(0.02) {
            invalid(port, next, ledger);
            next += clients;
        }
        std::thread::sleep(PAUSE);
    }
    for numbers in again.chunks(AT_ONCE) {
        for _ in 0..30 {
            if send(ports[0], numbers, all, ledger) {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Whether all were accepted.
fn send(port: u16, numbers: &[usize], all: &[Value], ledger: &Ledger) -> bool {
    let lines: String = numbers.iter().map(|number| format!("{}\n", marked(&all[number % all.len()], *number))).collect();
    let answer = serving::ask(port, "POST", "/v1/events", "Content-Type: application/x-ndjson\r\n", lines.as_bytes());
    match answer.status {
        202 => {
            let accepted = serde_json::from_str::<Value>(&answer.body).is_ok_and(|body| body["accepted"] == json!(numbers.len()));
            // An answer that broke off says less than its status.
            ledger.note(numbers, |seen| if accepted { seen.accepted = true } else { seen.unknown = true });
            if !accepted && answer.body.ends_with('}') {
                ledger.surprise(format!("valid events were not all accepted: {answer:?}\n{lines}"));
            }
            return accepted;
        }
        0 | 500.. => ledger.note(numbers, |seen| seen.unknown = true),
        // Too many, too slow: not now.
        408 | 429 => ledger.note(numbers, |seen| seen.refused = true),
        _ => {
            ledger.note(numbers, |seen| seen.refused = true);
            ledger.surprise(format!("valid events were refused: {answer:?}\n{lines}"));
        }
    }
    false
}

/// An event that no gateway may take.
fn invalid(port: u16, number: usize, ledger: &Ledger) {
    let event = marked(&json!({ "source": "soak", "kind": "call", "entity": "x", "occurred_at": "yesterday", "data": {} }), number);
    let answer = serving::ask(port, "POST", "/v1/events", "Content-Type: application/x-ndjson\r\n", format!("{event}\n").as_bytes());
    let accepted = match answer.status {
        0 | 500.. => None,
        400..500 => Some(false),
        _ => Some(serde_json::from_str::<Value>(&answer.body).is_ok_and(|body| body["accepted"] != json!(0))),
    };
    ledger
        .note(&[number], |seen| *seen = Seen { invalid: true, unknown: accepted.is_none(), refused: accepted.is_some(), accepted: false });
    if accepted == Some(true) {
        ledger.surprise(format!("an event without an instant was accepted: {answer:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_its_mark() {
        let event = marked(&json!({ "kind": "call" }), 1_234);
        assert_eq!(event["id"], "soak-00001234");
        let message = [b"\xC3\x01\x02\x1a".as_slice(), b"soak-00001234", b"soa\x02"].concat();
        assert_eq!(number_in(&message), Some(1_234));
        assert_eq!(number_in(b"\xC3\x01soak-12"), None);
        assert_eq!(number_in(b"a heartbeat"), None);
    }
}
