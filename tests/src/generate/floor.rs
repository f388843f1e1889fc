//! Makes a working floor: in come a roster and an instant, out go the plain calls, deals, meetings and e-mails of some
//! months around it, steady enough for a forecast. Never an event in the future of the machine's clock.

use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::oracle::{DAY, HOUR, Roster, SECOND, exponent};

/// Every name by which somebody of a company may be called in an event, and those of nobody.
pub fn names(roster: &Roster) -> Vec<String> {
    let mut names: Vec<String> = roster.people.iter().map(|person| person.id.clone()).collect();
    names.extend(roster.people.iter().flat_map(|person| person.identities.clone()));
    names.extend(["a stranger", "Ann ", "unrostered"].map(str::to_owned));
    names
}

/// The events of a floor around an instant (µs).
pub fn events(rng: &mut StdRng, base: i64, roster: &Roster) -> Vec<Value> {
    let mut events = Vec::new();
    let mut number = 0;
    for name in names(roster) {
        let days = rng.random_range(10..125);
        let a_day = rng.random_range(0.2..2.5);
        // What some do is nearly the same each day.
        let is_steady = rng.random_bool(0.3);
        for day in -days..25 {
            let count = if is_steady { 1 } else { rng.random_range(0.0..a_day * 2.0) as usize };
            for _ in 0..count {
                let t = base + day * DAY + rng.random_range(-12 * HOUR..12 * HOUR);
                number += 1;
                events.push(event(rng, &name, number, t, &roster.currency));
            }
        }
    }
    events
}

/// An amount of so many minor units.
pub fn amount(minor: i64, currency: &str) -> Value {
    let digits = exponent(currency) as usize;
    let text = format!("{:0>width$}", minor.abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let sign = if minor < 0 { "-" } else { "" };
    let point = if digits > 0 { "." } else { "" };
    json!({"value": format!("{sign}{whole}{point}{fraction}"), "currency": currency})
}

fn text(t: i64) -> String {
    Timestamp::from_microsecond(t).expect("an instant near a base").to_string()
}

fn event(rng: &mut StdRng, name: &str, number: usize, t: i64, reporting: &str) -> Value {
    let t = t.div_euclid(SECOND) * SECOND;
    let kind = one(rng, &["call", "call", "call", "call", "deal", "deal", "meeting", "email"]);
    let mut data = json!({ "rep": name });
    match kind {
        "call" => {
            data["direction"] = json!(one(rng, &["outbound", "outbound", "inbound"]));
            data["purpose"] = json!(one(rng, &["prospecting", "prospecting", "service"]));
            data["outcome"] = json!(one(rng, &["connected", "no_answer"]));
            data["duration_s"] = json!(rng.random_range(0..900));
        }
        "meeting" => {
            data["status"] = json!(one(rng, &["held", "held", "no_show", "cancelled"]));
            data["starts_at"] = json!(text(t));
        }
        "email" => {
            data["bounced"] = json!(rng.random_bool(0.2));
        }
        _ => {
            let currency = one(rng, &[reporting, "EUR", "USD", "JPY"]);
            let status = one(rng, &["won", "won", "lost", "open"]);
            data["status"] = json!(status);
            let days = rng.random_range(0..60);
            data["created_at"] = if rng.random_bool(0.5) { json!(text(t - days * DAY)) } else { json!(text(t - days * DAY)[..10]) };
            if status != "open" {
                data["closed_at"] = if rng.random_bool(0.5) { json!(text(t)) } else { json!(text(t)[..10]) };
            }
            if rng.random_bool(0.9) {
                data["amount"] = amount(rng.random_range(0..3_000_000), currency);
            }
        }
    }
    json!({"source": "floor", "kind": kind, "entity": format!("floor-{number}"), "occurred_at": text(t), "data": data})
}

fn one<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from[rng.random_range(0..from.len())]
}
