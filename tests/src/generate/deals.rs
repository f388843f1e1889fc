//! Makes deals of which each rule of the contract is about. In: chance; out: reopened deals, deals closed as
//! they were created, deals with more history than is kept.

use jiff::Timestamp;
use jiff::tz::Offset;
use rand::RngExt;
use serde_json::{Map, Value, json};

use super::maker::{LATEST, Maker};
use crate::oracle::{DAY, HOUR};

impl Maker {
    /// A deal that is closed, opened and closed again, with what was said of its closings.
    pub fn reopened_deal(&mut self) -> Vec<Value> {
        let entity = format!("reopened-{}", self.rng.random_range(0..3));
        let mut stamps: Vec<i64> = (0..5).map(|_| self.instant().min(LATEST)).collect();
        stamps.sort_unstable();
        let mut statuses = vec!["open", "won", "open", "won", "lost"];
        if self.chance(0.5) {
            statuses[2] = "";
        }
        if self.chance(0.5) {
            statuses[4] = "won";
        }
        let mut events = Vec::new();
        for (stamp, status) in stamps.into_iter().zip(statuses) {
            let mut data = Map::new();
            data.insert("status".to_owned(), json!(status));
            for field in ["rep", "closed_at", "created_at", "amount", "product", "origin"] {
                if self.chance(0.4) {
                    data.insert(field.to_owned(), self.value("deal", field));
                }
            }
            events.push(json!({
                "source": "hubspot", "kind": "deal", "entity": entity,
                "occurred_at": self.instant_text(stamp), "data": data,
            }));
        }
        events
    }

    /// A deal created at an instant and closed on a date so near that the date may begin before it, with
    /// the end of some window between the two.
    pub fn short_deal(&mut self, number: usize) -> Value {
        let edges = std::mem::take(&mut self.edges);
        let edge = self.pick(&edges);
        self.edges = edges;
        let day = self.rng.random_range(0..3) * DAY;
        let closed = Timestamp::from_microsecond(edge + day).expect("an instant near a moment");
        let closed = Offset::UTC.to_datetime(closed).date();
        // A date stands at 12:00 UTC; 26 hours before that it begins on Kiritimati.
        let noon = (edge + day).div_euclid(DAY) * DAY + 12 * HOUR;
        let created = if self.chance(0.5) {
            noon - 26 * HOUR + self.pick(&[-1, 0, 0, 1, -HOUR, HOUR])
        } else {
            edge - self.rng.random_range(1..20 * HOUR)
        };
        json!({
            "source": "hubspot", "kind": "deal", "entity": format!("short-{number}"),
            "occurred_at": self.occurred_at(),
            "data": {
                "rep": self.value("deal", "rep"),
                "status": self.pick(&["won", "lost"]),
                "created_at": self.instant_text(created),
                "closed_at": closed.to_string(),
                "amount": self.amount(),
            },
        })
    }

    /// A deal whose beginning and end stand at one instant, one of them perhaps as a date.
    pub fn deal_at_noon(&mut self, number: usize) -> Vec<Value> {
        let date = self.date();
        let noon = format!("{date}T12:00:00Z");
        let times = [Value::from(date.to_string()), Value::from(noon.clone())];
        let mut data = json!({"status": self.pick(&["won", "lost"])});
        data["closed_at"] = times[self.rng.random_range(0..2)].clone();
        if self.chance(0.5) {
            data["created_at"] = times[self.rng.random_range(0..2)].clone();
        }
        let event = json!({
            "source": "hubspot", "kind": "deal", "entity": format!("noon-{number}"),
            "occurred_at": noon, "data": data,
        });
        // A date past the latest instant would have the event occur in the future.
        let past = noon.as_str() < "2026-06-30";
        if past { vec![event] } else { Vec::new() }
    }

    /// A deal of about as many changes as history keeps, or more: who held it first, and since when it
    /// is won, may be forgotten.
    pub fn long_history(&mut self) -> Vec<Value> {
        let length: i64 = match self.rng.random_range(0..4) {
            0 => 256,
            1 => 257,
            _ => self.rng.random_range(260..330),
        };
        let turn = self.pick(&[0, 0, 20, length / 2]);
        let mut stamp = self.instant().min(LATEST);
        let mut events = Vec::new();
        for step in (0..length).rev() {
            let mut data = Map::new();
            let reps = self.reps.clone();
            data.insert("rep".to_owned(), json!(self.pick(&reps)));
            let status = if step < turn { "open" } else { "won" };
            data.insert("status".to_owned(), json!(status));
            if self.chance(0.1) {
                let stage = self.value("deal", "stage");
                data.insert("stage".to_owned(), stage);
            }
            if step == turn / 2 {
                let old = stamp - 200 * DAY;
                data.insert("created_at".to_owned(), json!(self.instant_text(old)));
                data.insert("amount".to_owned(), self.amount());
                if self.chance(0.3) {
                    data.insert("closed_at".to_owned(), self.time());
                }
            }
            events.push(json!({
                "source": "hubspot", "kind": "deal", "entity": "long history",
                "occurred_at": self.instant_text(stamp), "data": data,
            }));
            // A stamp that came twice is one entry.
            if !self.chance(0.02) {
                stamp -= self.rng.random_range(1..DAY);
            }
        }
        events
    }
}
