//! Makes single events, field by field. In: chance and the moments that will be asked about; out: valid events
//! that crowd around the edges of windows and contradict each other at equal instants.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use super::moments::Moment;
use super::names::{NAMES, SOURCES, STAGES};
use crate::oracle::{CURRENCIES, Calendar, DAY, HOUR, SECOND, SLOT, Window, exponent, parse_instant};

/// Differences that decide on which side of an edge something falls, µs.
const NUDGES: &[i64] = &[
    0,
    0,
    0,
    1,
    -1,
    SECOND,
    -SECOND,
    SLOT,
    -SLOT,
    SLOT - 1,
    -SLOT + 1,
    HOUR,
    -HOUR,
    12 * HOUR,
    -12 * HOUR,
    26 * HOUR,
    -26 * HOUR,
    26 * HOUR - 1,
    1 - 26 * HOUR,
    DAY,
    -DAY,
];

/// No event occurs after this, 2026-06-30T00:00:00Z: the program refuses the future.
pub const LATEST: i64 = 1_782_777_600 * SECOND;

/// Chance, and what it chooses from.
pub struct Maker {
    /// Where chance comes from.
    pub rng: StdRng,
    /// The moments that will be asked about, µs.
    asked_at: [i64; 2],
    /// Edges of the windows that will be asked for, µs.
    pub edges: Vec<i64>,
    /// Instants used again and again, µs.
    instants: Vec<i64>,
    /// Instants at which exports were made, µs, the last at the latest instant there is.
    exports: Vec<i64>,
    zones: Vec<TimeZone>,
    /// Who there is.
    pub reps: Vec<&'static str>,
    names: Vec<&'static str>,
    stages: Vec<&'static str>,
    currencies: Vec<&'static str>,
}

impl Maker {
    pub fn new(mut rng: StdRng, moments: &[Moment]) -> Maker {
        let mut edges = Vec::new();
        let mut zones = Vec::new();
        for moment in &moments[..3] {
            let zone = TimeZone::get(moment.zone).expect("a moment has an IANA zone");
            let at = moment.at.as_microsecond();
            edges.push(at);
            for window in Window::EVERY {
                let bounds = window.bounds(at, &zone, Calendar::default());
                edges.extend(bounds.start);
                edges.push(bounds.end);
            }
            zones.push(zone);
        }
        let pick =
            |rng: &mut StdRng, from: &[&'static str], count: usize| -> Vec<&'static str> { from.sample(rng, count).copied().collect() };
        let reps = pick(&mut rng, NAMES, 5);
        let names = pick(&mut rng, NAMES, 4);
        let stages = pick(&mut rng, STAGES, 4);
        let currencies: Vec<&str> = CURRENCIES.iter().map(|(code, _)| *code).collect();
        let mut currencies = pick(&mut rng, &currencies, 2);
        // One of each number of decimals now and then, dollars often.
        currencies.push(["USD", "JPY", "BHD"].choose(&mut rng).copied().unwrap_or("USD"));
        let mut maker = Maker {
            rng,
            asked_at: [&moments[0], &moments[1]].map(|moment| moment.at.as_microsecond()),
            edges,
            instants: Vec::new(),
            exports: Vec::new(),
            zones,
            reps,
            names,
            stages,
            currencies,
        };
        maker.instants = (0..24).map(|_| maker.fresh_instant()).collect();
        maker.exports = (0..3).map(|_| maker.fresh_instant().min(LATEST)).chain([LATEST]).collect();
        maker
    }

    pub fn events(&mut self, count: usize, entities: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            let event = self.event(entities);
            let rivals = if self.chance(0.25) { 2 } else { 0 };
            let rivals: Vec<Value> = (0..rivals).map(|_| self.rival(&event)).collect();
            events.push(event);
            events.extend(rivals);
        }
        events
    }

    /// Another event of the same entity at the same instant, which says something else.
    pub fn rival(&mut self, event: &Value) -> Value {
        let mut rival = event.clone();
        let kind = event["kind"].as_str().unwrap_or_default();
        if self.chance(0.3) {
            rival["deleted"] = json!(self.chance(0.5));
        }
        let mut data = self.data(kind);
        let said = event["data"].as_object().into_iter().flatten();
        for (field, _) in said {
            data.insert(field.clone(), self.value(kind, field));
        }
        rival["data"] = Value::Object(data);
        self.say_later(&mut rival, 0.6);
        rival
    }

    /// Says of some events, at their own instants, something else in a later export.
    pub fn export_again(&mut self, events: &[Value]) -> Vec<Value> {
        let share = self.pick(&[0.0, 0.1, 0.5]);
        let mut again = Vec::new();
        for event in events {
            if self.chance(share) {
                let mut rival = self.rival(event);
                self.say_later(&mut rival, 0.9);
                again.push(rival);
            }
        }
        again
    }

    /// With some probability has an event said later than it occurred, or at another time than it was; else leaves it as it is.
    pub fn say_later(&mut self, event: &mut Value, probability: f64) {
        if !self.chance(probability) {
            return;
        }
        let Some(occurred) = event["occurred_at"].as_str().map(parse_instant) else { return };
        let exports = self.exports.clone();
        let said = match self.rng.random_range(0..8) {
            // As it occurred: nothing, or said in so many words.
            0 => {
                event["said_at"] = Value::Null;
                return;
            }
            1 => occurred,
            2 => occurred + self.pick(&[1, 2, SECOND]),
            3 => occurred + self.rng.random_range(0..40 * DAY),
            _ => self.pick(&exports),
        };
        event["said_at"] = json!(self.instant_text(said.clamp(occurred, LATEST.max(occurred))));
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    pub fn fresh_instant(&mut self) -> i64 {
        let edges = std::mem::take(&mut self.edges);
        let edge = self.pick(&edges);
        self.edges = edges;
        match self.rng.random_range(0..13) {
            0..5 => edge + self.pick(NUDGES),
            // Just before the end: what the shortest windows hold.
            5 => self.asked() - self.rng.random_range(0..HOUR),
            6 => self.asked() - self.rng.random_range(0..DAY),
            7 => edge + self.rng.random_range(-2 * DAY..2 * DAY),
            8 => edge + self.rng.random_range(-40..40) * DAY,
            9 => edge + self.rng.random_range(-400 * DAY..100 * DAY),
            10 => self.asked() - self.rng.random_range(0..12 * DAY),
            // Whole seconds, as most sources send them.
            _ => (edge + self.rng.random_range(-3 * DAY..DAY)).div_euclid(SECOND) * SECOND,
        }
    }

    pub fn asked(&mut self) -> i64 {
        let moments = self.asked_at;
        self.pick(&moments)
    }

    pub fn instant(&mut self) -> i64 {
        if self.chance(0.7) {
            let instants = std::mem::take(&mut self.instants);
            let instant = self.pick(&instants);
            self.instants = instants;
            instant
        } else {
            self.fresh_instant()
        }
    }

    pub fn date(&mut self) -> Date {
        let zone = self.rng.random_range(0..self.zones.len());
        let t = self.instant() + self.rng.random_range(-1..=1) * DAY;
        let timestamp = Timestamp::from_microsecond(t).expect("an instant near a moment");
        self.zones[zone].to_datetime(timestamp).date()
    }

    /// An instant as a source might write it, in any offset, with any digits.
    pub fn instant_text(&mut self, t: i64) -> String {
        let minutes = self.pick(&[0, 0, 0, 60, -300, 330, 345, -210, 840, -720, 765, 1]);
        let local = Offset::from_seconds(minutes * 60)
            .expect("an offset of less than a day")
            .to_datetime(Timestamp::from_microsecond(t).expect("an instant near a moment"));
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second()
        );
        let micros = t.rem_euclid(SECOND);
        let digits = format!("{micros:06}");
        match (micros, self.rng.random_range(0..4)) {
            (0, 0..3) => {}
            // Digits past the microsecond mean nothing.
            (_, 0) => text.push_str(&format!(".{digits}999")),
            _ if micros % 1_000 == 0 => text.push_str(&format!(".{}", &digits[..3])),
            _ => text.push_str(&format!(".{digits}")),
        }
        match minutes {
            0 => text.push_str(self.pick(&["Z", "+00:00", "-00:00"])),
            _ => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
                match self.rng.random_range(0..4) {
                    0 => text.push_str(&format!("{sign}{hours:02}{minutes:02}")),
                    1 if minutes == 0 => text.push_str(&format!("{sign}{hours:02}")),
                    _ => text.push_str(&format!("{sign}{hours:02}:{minutes:02}")),
                }
            }
        }
        text
    }

    pub fn occurred_at(&mut self) -> String {
        let t = self.instant();
        let t = if t > LATEST { LATEST - self.rng.random_range(0..DAY) } else { t };
        self.instant_text(t)
    }

    pub fn event(&mut self, entities: usize) -> Value {
        let kind = self.pick(&["call", "call", "meeting", "email", "email", "deal", "deal", "deal", "deal"]);
        let number = self.rng.random_range(0..entities.div_ceil(4).max(1));
        // The same names in every kind, some that look like another kind's key.
        let entity = match number {
            0 => "deal:1".to_owned(),
            1 => "call:deal:1 \"é\"".to_owned(),
            2 => "x".repeat(200),
            _ => format!("{number}"),
        };
        let mut event = json!({
            "source": self.pick(SOURCES),
            "kind": kind,
            "entity": entity,
            "occurred_at": self.occurred_at(),
        });
        if self.chance(0.06) {
            event["deleted"] = json!(self.chance(0.4));
        }
        let only_deleted = !event["deleted"].is_null() && self.chance(0.6);
        if !only_deleted {
            event["data"] = Value::Object(self.data(kind));
        }
        match self.rng.random_range(0..4) {
            // Ids that are no good: shared by different events.
            0 => event["id"] = json!(format!("id-{}", self.rng.random_range(0..9))),
            1 => event["id"] = json!(format!("id-{}", self.rng.random::<u64>())),
            // `null` at the top is the same as absent.
            2 if self.chance(0.2) => event["id"] = Value::Null,
            _ => {}
        }
        if only_deleted && self.chance(0.2) {
            event["data"] = Value::Null;
        }
        self.say_later(&mut event, 0.25);
        event
    }

    pub fn data(&mut self, kind: &str) -> Map<String, Value> {
        let fields: &[&str] = match kind {
            "call" => &["rep", "account", "contact", "deal", "direction", "purpose", "outcome", "outcome", "started_at", "duration_s"],
            "meeting" => &["rep", "account", "contact", "deal", "status", "status", "starts_at", "duration_s", "purpose"],
            "email" => &[
                "rep",
                "account",
                "contact",
                "deal",
                "campaign",
                "direction",
                "sent_at",
                "bounced",
                "opened_at",
                "machine_opened_at",
                "clicked_at",
                "replied_at",
            ],
            _ => &[
                "rep",
                "rep",
                "account",
                "contact",
                "name",
                "product",
                "origin",
                "status",
                "status",
                "stage",
                "amount",
                "amount",
                "created_at",
                "closed_at",
                "closed_at",
                "expected_close",
                "lost_reason",
            ],
        };
        let density = self.pick(&[0.15, 0.35, 0.6]);
        let mut data = Map::new();
        for &field in fields {
            if self.chance(density) {
                data.insert(field.to_owned(), self.value(kind, field));
            }
        }
        data
    }

    pub fn value(&mut self, kind: &str, field: &str) -> Value {
        let first = matches!(field, "opened_at" | "machine_opened_at" | "clicked_at" | "replied_at");
        if !first && self.chance(0.12) {
            return if self.chance(0.5) { Value::Null } else { json!("") };
        }
        let text = |maker: &mut Maker, from: &[&'static str]| json!(maker.pick(from));
        match field {
            "rep" => {
                let reps = self.reps.clone();
                text(self, &reps)
            }
            "direction" => text(self, &["outbound", "inbound", "outbound"]),
            "outcome" => text(
                self,
                &[
                    "connected",
                    "connected",
                    "connected",
                    "voicemail",
                    "no_answer",
                    "busy",
                    "failed",
                    "Connected",
                    "connected ",
                    "weitergeleitet",
                ],
            ),
            "purpose" => text(self, &["prospecting", "prospecting", "follow_up", "service", "Prospecting"]),
            "status" if kind == "meeting" => text(self, &["scheduled", "cancelled", "no_show", "held", "held"]),
            "status" => text(self, &["open", "lost", "won", "won"]),
            "stage" => {
                let stages = self.stages.clone();
                text(self, &stages)
            }
            // Longer than is kept, and cut within a letter or not.
            "name" | "lost_reason" if self.chance(0.3) => json!(["é", "x", "語", "👩‍👩‍👧‍👦"][self.rng.random_range(0..4)].repeat(90)),
            "duration_s" => match self.rng.random_range(0..6) {
                0 => json!(0),
                1 => json!(1_000_000_000),
                2 => json!(1),
                _ => json!(self.rng.random_range(1..5_000)),
            },
            "bounced" => json!(self.chance(0.5)),
            "amount" => self.amount(),
            _ if first => {
                let t = self.instant();
                json!(self.instant_text(t))
            }
            "started_at" | "starts_at" | "sent_at" | "created_at" | "closed_at" | "expected_close" => self.time(),
            _ => {
                let names = self.names.clone();
                text(self, &names)
            }
        }
    }

    pub fn time(&mut self) -> Value {
        if self.chance(0.4) {
            json!(self.date().to_string())
        } else if self.chance(0.1) {
            // The instant at which a date stands.
            json!(format!("{}T12:00:00Z", self.date()))
        } else {
            let t = self.instant();
            json!(self.instant_text(t))
        }
    }

    pub fn amount(&mut self) -> Value {
        let currencies = self.currencies.clone();
        let currency = self.pick(&currencies);
        let minor: i64 = match self.rng.random_range(0..7) {
            0 => 0,
            1 => self.pick(&[1, -1, 5, -5]),
            2 => self.rng.random_range(-900_000..0),
            3 => self.rng.random_range(0..9_000_000_000_000),
            _ => self.rng.random_range(1..10_000_000),
        };
        let decimals = exponent(currency) as usize;
        let per_major = 10_i64.pow(exponent(currency));
        if minor % per_major == 0 && self.chance(0.5) {
            return json!({"value": minor / per_major, "currency": currency});
        }
        let digits = format!("{:0>width$}", minor.abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        // As short as it can be, as it should be, or with more zeros than there are decimals.
        let fraction = match self.rng.random_range(0..3) {
            0 => fraction.trim_end_matches('0').to_owned(),
            1 => format!("{fraction}00"),
            _ => fraction.to_owned(),
        };
        let sign = if minor < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        json!({"value": format!("{sign}{whole}{point}{fraction}"), "currency": currency})
    }
}
