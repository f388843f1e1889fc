//! What became of an entity. In: its patches, in any order; out: each field's value, its history, its
//! first sight. Each answer is a plain search through everything that was ever said: nothing is
//! merged step by step, nothing is cached.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::moment::{When, parse_instant, parse_when};
use super::money::parse_amount;

/// A tracked field keeps this many stamps, the greatest.
pub const HISTORY: usize = 256;

/// A value as merge orders it: of several said at one stamp the greatest wins.
///
/// Only values of one field are ever compared, so the order of the variants matters just for
/// `Cleared`, which comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null` or `""`.
    Cleared,
    /// `false` < `true`.
    Bool(bool),
    /// An integer from 0.
    Int(u64),
    /// An instant or a date.
    Time(When),
    /// A value of a closed set, with its place in it.
    Closed(usize, &'static str),
    /// A string, by UTF-8 bytes.
    Text(String),
    /// An amount: currency, then minor units.
    Amount(String, i128),
}

enum Type {
    Text,
    /// What people write freely: as much of it as fits into 200 bytes.
    Free,
    Closed(&'static [&'static str]),
    Int,
    Bool,
    Time,
    /// Keeps the earliest instant ever reported.
    First,
    Amount,
}

const DIRECTION: &[&str] = &["outbound", "inbound"];
const MEETING: &[&str] = &["scheduled", "cancelled", "no_show", "held"];
const DEAL: &[&str] = &["open", "lost", "won"];

fn type_of(kind: &str, field: &str) -> Type {
    match (kind, field) {
        ("call" | "meeting" | "email" | "deal", "rep" | "account" | "contact")
        | ("call" | "meeting" | "email", "deal")
        | ("call", "purpose" | "outcome")
        | ("meeting", "purpose")
        | ("email", "campaign")
        | ("deal", "product" | "origin" | "stage") => Type::Text,
        ("deal", "name" | "lost_reason") => Type::Free,
        ("call" | "email", "direction") => Type::Closed(DIRECTION),
        ("meeting", "status") => Type::Closed(MEETING),
        ("deal", "status") => Type::Closed(DEAL),
        ("call" | "meeting", "duration_s") => Type::Int,
        ("email", "bounced") => Type::Bool,
        ("call", "started_at")
        | ("meeting", "starts_at")
        | ("email", "sent_at")
        | ("deal", "created_at" | "closed_at" | "expected_close") => Type::Time,
        ("email", "opened_at" | "machine_opened_at" | "clicked_at" | "replied_at") => Type::First,
        ("deal", "amount") => Type::Amount,
        _ => panic!("the contract knows no field {field:?} of a {kind:?}"),
    }
}

fn value_of(kind: &str, field: &str, json: &Json) -> Value {
    if json.is_null() || json == "" {
        return Value::Cleared;
    }
    let bad = || -> ! { panic!("{json} is no valid value of {kind}.{field}") };
    let text = || json.as_str().unwrap_or_else(|| bad());
    match type_of(kind, field) {
        Type::Text if text().len() > 200 => bad(),
        Type::Text => Value::Text(text().to_owned()),
        Type::Free => Value::Text(first_bytes(text(), 200)),
        Type::Closed(set) => {
            let place = set.iter().position(|&word| word == text());
            let place = place.unwrap_or_else(|| bad());
            Value::Closed(place, set[place])
        }
        Type::Int => Value::Int(json.as_u64().unwrap_or_else(|| bad())),
        Type::Bool => Value::Bool(json.as_bool().unwrap_or_else(|| bad())),
        Type::Time => Value::Time(parse_when(text())),
        Type::First => Value::Time(When::Instant(parse_instant(text()))),
        Type::Amount => {
            let (currency, minor) = parse_amount(json);
            Value::Amount(currency, minor)
        }
    }
}

/// The letters of a text that end within its first bytes.
fn first_bytes(text: &str, most: usize) -> String {
    let mut kept = String::new();
    for letter in text.chars() {
        if kept.len() + letter.len_utf8() > most {
            break;
        }
        kept.push(letter);
    }
    kept
}

/// One event, read.
#[derive(Debug)]
pub struct Patch {
    /// `occurred_at`, µs.
    pub stamp: i64,
    /// When the source said it, µs: `said_at`, else `occurred_at`.
    pub said_at: i64,
    /// What it says of each field; absent fields are not in here.
    pub fields: BTreeMap<String, Value>,
    /// What it says of the deletion, if anything.
    pub deleted: Option<bool>,
    /// Its index among the events as given.
    pub event: usize,
}

/// Everything that was ever said of one entity.
#[derive(Debug)]
pub struct Entity {
    /// `call`, `meeting`, `email` or `deal`.
    pub kind: String,
    /// Its name within the kind.
    pub name: String,
    /// All its events, as they came.
    pub patches: Vec<Patch>,
}

impl Entity {
    /// Sorts events into their entities.
    pub fn collect(events: &[Json]) -> Vec<Entity> {
        let mut by_name: BTreeMap<(String, String), Vec<Patch>> = BTreeMap::new();
        for (index, event) in events.iter().enumerate() {
            let text = |field: &str| event[field].as_str().unwrap_or_else(|| panic!("an event without {field}: {event}"));
            let kind = text("kind");
            let fields = event["data"].as_object().into_iter().flatten();
            let stamp = parse_instant(text("occurred_at"));
            let said_at = event["said_at"].as_str().map_or(stamp, parse_instant);
            assert!(said_at >= stamp, "said before it occurred: {event}");
            let patch = Patch {
                stamp,
                said_at,
                fields: fields.map(|(field, json)| (field.clone(), value_of(kind, field, json))).collect(),
                deleted: event["deleted"].as_bool(),
                event: index,
            };
            by_name.entry((kind.to_owned(), text("entity").to_owned())).or_default().push(patch);
        }
        let entity = |((kind, name), patches)| Entity { kind, name, patches };
        by_name.into_iter().map(entity).collect()
    }

    /// Everything said of a field: stamp, when it was said, and value; of these the greatest wins.
    fn said(&self, field: &str) -> Vec<(i64, i64, &Value)> {
        self.patches.iter().filter_map(|patch| Some((patch.stamp, patch.said_at, patch.fields.get(field)?))).collect()
    }

    /// The value that won, with its stamp; nothing where it was never said or is cleared.
    pub fn current(&self, field: &str) -> Option<(i64, &Value)> {
        let (stamp, _, value) = self.said(field).into_iter().max()?;
        (*value != Value::Cleared).then_some((stamp, value))
    }

    /// A string or a member of a closed set as it stands, `""` where it is not set.
    pub fn text(&self, field: &str) -> &str {
        match self.current(field) {
            None => "",
            Some((_, value)) => text_of(value),
        }
    }

    /// A time as it stands.
    pub fn time(&self, field: &str) -> Option<When> {
        match self.current(field)?.1 {
            Value::Time(when) => Some(*when),
            other => panic!("{field} holds {other:?}, which is no time"),
        }
    }

    /// Whether a *first* field was ever reported.
    pub fn ever(&self, field: &str) -> bool {
        !self.said(field).is_empty()
    }

    /// The earliest stamp of any event, µs.
    pub fn first_seen(&self) -> i64 {
        let stamps = self.patches.iter().map(|patch| patch.stamp);
        stamps.min().expect("an entity has an event")
    }

    /// Whether it is deleted.
    pub fn is_deleted(&self) -> bool {
        let said = self.patches.iter();
        let said = said.filter_map(|patch| Some((patch.stamp, patch.said_at, patch.deleted?)));
        said.max().is_some_and(|(_, _, deleted)| deleted)
    }

    /// The history of a tracked field, oldest first: one value a stamp, the 256 greatest stamps.
    pub fn history(&self, field: &str) -> Vec<(i64, &Value)> {
        let mut by_stamp: BTreeMap<i64, (i64, &Value)> = BTreeMap::new();
        for (stamp, said_at, value) in self.said(field) {
            let kept = by_stamp.entry(stamp).or_insert((said_at, value));
            *kept = (*kept).max((said_at, value));
        }
        let all: Vec<_> = by_stamp.into_iter().map(|(stamp, (_, value))| (stamp, value)).collect();
        all[all.len().saturating_sub(HISTORY)..].to_vec()
    }

    /// The value of a tracked string in force at an instant (µs), `""` where it is not set.
    pub fn in_force(&self, field: &str, t: i64) -> &str {
        let history = self.history(field);
        let before = history.iter().rfind(|(stamp, _)| *stamp <= t);
        match before.or(history.first()) {
            None => "",
            Some((_, value)) => text_of(value),
        }
    }

    /// Every stage ever named, with the smallest stamp (µs) that named it.
    pub fn stages(&self) -> BTreeMap<&str, i64> {
        let mut stages = BTreeMap::new();
        for (stamp, _, value) in self.said("stage") {
            if let Value::Text(stage) = value {
                let first = stages.entry(stage.as_str()).or_insert(stamp);
                *first = stamp.min(*first);
            }
        }
        stages
    }
}

fn text_of(value: &Value) -> &str {
    match value {
        Value::Cleared => "",
        Value::Text(text) => text,
        Value::Closed(_, word) => word,
        other => panic!("{other:?} is no text"),
    }
}
