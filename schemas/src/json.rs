//! Events as JSON: reading them strictly, writing them back.
//!
//! In: one JSON object, and the gateway's clock. Out: an [`Event`] that borrows from it, or the first [`Refusal`].
//! Nothing is guessed and nothing unknown is passed over.

use std::borrow::Cow;
use std::fmt;


use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::refusal::did_you_mean;
use crate::{
    Currency, Event, Field, Keep, Kind, MAX_AHEAD_US, MAX_EVENT_BYTES, MAX_INTEGER, MAX_SOURCE_BYTES, MAX_TEXT_BYTES, Money,
    Patch, Refusal, Shape, Time, Value, money, time,
};

const TOP: [&str; 7] = ["id", "source", "kind", "entity", "occurred_at", "data", "deleted"];

/// Reads one event as posted at `now_us` (microseconds since 1970).
///
/// # Errors
/// The first thing wrong with it: the field and what would be right.
pub fn read(json: &str, now_us: i64) -> Result<Event<'_>, Refusal> {
    if json.len() > MAX_EVENT_BYTES {
        return Err(Refusal::new("", format!("the event has {} bytes; at most {MAX_EVENT_BYTES} are taken", json.len())));
    }
    let top = Object::parse(json).map_err(|error| Refusal::new("", error))?;
    let mut fields: [Option<&str>; TOP.len()] = [None; TOP.len()];
    for (name, raw) in &top.0 {
        let Some(at) = TOP.iter().position(|known| known == name) else {
            return Err(Refusal::new(name.as_ref(), format!("unknown field{}", did_you_mean(name, TOP.into_iter()))));
        };
        let raw = raw.get();
        if fields[at].is_some() {
            return Err(Refusal::new(name.as_ref(), "given twice; say it once"));
        }
        // A null at the top is the same as absent.
        fields[at] = (raw != "null").then_some(raw);
    }
    let [id, source, kind, entity, occurred_at, data, deleted] = fields;
    let required = |name: &str, raw: Option<&_>| match raw {
        None => Err(Refusal::new(name, "missing; every event needs it")),
        Some(_) => Ok(()),
    };
    required("source", source.as_ref())?;
    required("kind", kind.as_ref())?;
    required("entity", entity.as_ref())?;
    required("occurred_at", occurred_at.as_ref())?;

    let source = name_text("source", source.unwrap_or_default(), MAX_SOURCE_BYTES)?;
    let kind_name = name_text("kind", kind.unwrap_or_default(), MAX_TEXT_BYTES)?;
    let kind = Kind::named(&kind_name).ok_or_else(|| {
        let known = Kind::ALL.into_iter().map(Kind::name);
        Refusal::new("kind", format!("`{kind_name}` is no kind{}", did_you_mean(&kind_name, known)))
    })?;
    let entity = name_text("entity", entity.unwrap_or_default(), MAX_TEXT_BYTES)?;
    let occurred_at = occurred(occurred_at.unwrap_or_default(), now_us)?;
    let deleted = deleted.map(|raw| flag("deleted", raw)).transpose()?;
    let patch = match data {
        Some(raw) => patch(kind, raw)?,
        None if deleted.is_some() => Patch::new(),
        None => return Err(Refusal::new("data", "missing; an event needs `data`, `deleted` or both")),
    };
    let id = match id {
        Some(raw) => name_text("id", raw, MAX_TEXT_BYTES)?,
        None => Cow::Owned(content_id(json)?),
    };
    Ok(Event { id, source, kind, entity, occurred_at, deleted, patch })
}

/// The id of an event posted without one: the hex SHA-256 of the rest in RFC 8785 form, nulls at the top left out.
fn content_id(json: &str) -> Result<String, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::new("", format!("not JSON: {error}"));
    let mut rest: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).map_err(wrong)?;
    rest.retain(|_, value| !value.is_null());
    let canonical = serde_json_canonicalizer::to_vec(&rest).map_err(wrong)?;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(canonical) {
        use fmt::Write;
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

fn patch(kind: Kind, raw: &str) -> Result<Patch<'_>, Refusal> {
    let data = Object::parse(raw).map_err(|error| Refusal::new("data", error))?;
    let mut patch = Patch::new();
    for (name, raw) in data.0 {
        let Some(no) = kind.field(&name) else {
            let known = kind.fields().iter().map(|field| field.name);
            let error = format!("a {} has no such field{}", kind.name(), did_you_mean(&name, known));
            return Err(Refusal::new(format!("data.{name}"), error));
        };
        let field = &kind.fields()[usize::from(no)];
        let path = || format!("data.{}", field.name);
        if patch.iter().any(|(said, _)| *said == no) {
            return Err(Refusal::new(path(), "given twice; say it once"));
        }
        let value = value(field, raw.get()).map_err(|error| match error {
            Wrong::Here(error) => Refusal::new(path(), error),
            Wrong::Inside(name, error) => Refusal::new(format!("{}.{name}", path()), error),
        })?;
        patch.push((no, value));
    }
    Ok(patch)
}

enum Wrong {
    Here(String),
    Inside(String, String),
}

impl From<String> for Wrong {
    fn from(error: String) -> Self {
        Wrong::Here(error)
    }
}

fn value<'a>(field: &Field, raw: &'a str) -> Result<Value<'a>, Wrong> {
    if raw == "null" || raw == "\"\"" {
        if field.keep == Keep::First {
            return Err(Wrong::Here("keeps its earliest value and can't be cleared; leave it out".into()));
        }
        return Ok(Value::Cleared);
    }
    Ok(match field.shape {
        Shape::Text => Value::Text(text(raw, MAX_TEXT_BYTES)?),
        Shape::Choice(set) => {
            let given = text(raw, MAX_TEXT_BYTES)?;
            match set.iter().position(|known| *known == given) {
                Some(at) => Value::Choice(at as u8),
                None => {
                    let hint = did_you_mean(&given, set.iter().copied());
                    return Err(Wrong::Here(format!("`{given}` is not one of its values{hint}")));
                }
            }
        }
        Shape::Integer => Value::Integer(integer(raw)?),
        Shape::Flag => match raw {
            "true" => Value::Flag(true),
            "false" => Value::Flag(false),
            _ => return Err(Wrong::Here(format!("{}; write true or false", shown(raw)))),
        },
        Shape::Time => Value::Time(time::parse_time(&time_text(raw)?)?),
        Shape::Instant => Value::Time(Time::Instant(time::parse_instant(&time_text(raw)?)?)),
        Shape::Amount => Value::Amount(amount(raw)?),
    })
}

fn integer(raw: &str) -> Result<i64, String> {
    let is_number = raw.starts_with('-') || raw.starts_with(|c: char| c.is_ascii_digit());
    if !is_number {
        return Err(format!("{}; write a whole number such as 42", shown(raw)));
    }
    if raw.contains(['.', 'e', 'E']) {
        return Err(format!("{raw} is not written as a whole number; write one such as 42"));
    }
    match raw.parse::<i64>() {
        Ok(integer) if (0..=MAX_INTEGER).contains(&integer) => Ok(integer),
        _ => Err(format!("{raw} is out of range; 0 to {MAX_INTEGER} are taken")),
    }
}

fn amount(raw: &str) -> Result<Money, Wrong> {
    let example = r#"write {"value": "1054.00", "currency": "USD"}"#;
    if !raw.starts_with('{') {
        return Err(Wrong::Here(format!("{}; {example}", shown(raw))));
    }
    let (mut value, mut currency) = (None, None);
    for (name, raw) in Object::parse(raw)?.0 {
        let slot = match name.as_ref() {
            "value" => &mut value,
            "currency" => &mut currency,
            _ => {
                let hint = did_you_mean(&name, ["value", "currency"].into_iter());
                return Err(Wrong::Inside(name.into_owned(), format!("an amount has no such field{hint}")));
            }
        };
        if slot.replace(raw.get()).is_some() {
            return Err(Wrong::Inside(name.into_owned(), "given twice; say it once".into()));
        }
    }
    let inside = |name: &str| {
        let name = name.to_owned();
        move |error| Wrong::Inside(name, error)
    };
    let (Some(value), Some(currency)) = (value, currency) else {
        let missing = if value.is_none() { "value" } else { "currency" };
        return Err(Wrong::Inside(missing.into(), format!("missing; {example}")));
    };
    let currency = text(currency, MAX_TEXT_BYTES).map_err(inside("currency"))?;
    let currency = Currency::parse(&currency).map_err(inside("currency"))?;
    let value = match value.as_bytes() {
        [b'"', ..] => text(value, MAX_TEXT_BYTES).map_err(inside("value"))?,
        [b'-' | b'0'..=b'9', ..] if value.contains(['.', 'e', 'E']) => {
            let error = format!("{value} is a float, which can't hold money exactly; write a string such as \"{value}\"");
            return Err(Wrong::Inside("value".into(), error));
        }
        [b'-' | b'0'..=b'9', ..] => Cow::Borrowed(value),
        _ => {
            let error = format!("{}; write a decimal string in major units such as \"1054.00\"", shown(value));
            return Err(Wrong::Inside("value".into(), error));
        }
    };
    let minor = money::to_minor(&value, currency).map_err(inside("value"))?;
    Ok(Money { currency, minor })
}

fn occurred(raw: &str, now_us: i64) -> Result<i64, Refusal> {
    let refuse = |error: String| Refusal::new("occurred_at", error);
    let us = time_text(raw).and_then(|text| time::parse_instant(&text)).map_err(refuse)?;
    if us < 0 {
        return Err(refuse(format!("{} is before 1970; check the source's clock", time::show_instant(us))));
    }
    if us > now_us.saturating_add(MAX_AHEAD_US) {
        return Err(refuse(format!(
            "{} is more than 10 minutes ahead of {}, the time here; check the source's clock",
            time::show_instant(us),
            time::show_instant(now_us)
        )));
    }
    Ok(us)
}

fn flag(name: &str, raw: &str) -> Result<bool, Refusal> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::new(name, format!("{}; write true or false", shown(raw)))),
    }
}

fn name_text<'a>(name: &str, raw: &'a str, most: usize) -> Result<Cow<'a, str>, Refusal> {
    let text = text(raw, most).map_err(|error| Refusal::new(name, error))?;
    if text.is_empty() {
        return Err(Refusal::new(name, format!("empty; it takes 1 to {most} bytes")));
    }
    Ok(text)
}

fn time_text(raw: &str) -> Result<Cow<'_, str>, String> {
    if !raw.starts_with('"') {
        return Err(format!("{}; write a string such as \"2026-03-02T09:30:00+01:00\"", shown(raw)));
    }
    text(raw, MAX_TEXT_BYTES)
}

fn text(raw: &str, most: usize) -> Result<Cow<'_, str>, String> {
    if !raw.starts_with('"') {
        return Err(format!("{}; write a string, in quotes", shown(raw)));
    }
    let inner = &raw[1..raw.len() - 1];
    let text = if inner.contains('\\') {
        let text: String = serde_json::from_str(raw).map_err(|error| format!("not a JSON string: {error}"))?;
        Cow::Owned(text)
    } else {
        Cow::Borrowed(inner)
    };
    if text.len() > most {
        return Err(format!("has {} bytes; at most {most} are taken", text.len()));
    }
    Ok(text)
}

/// What was found instead, short enough for a log line.
fn shown(raw: &str) -> String {
    let what = match raw.as_bytes().first() {
        Some(b'{') => return "an object stands here".into(),
        Some(b'[') => return "an array stands here".into(),
        Some(b'"') => "the string ",
        Some(b't' | b'f') => "the boolean ",
        Some(b'n') => "",
        _ => "the number ",
    };
    let mut end = raw.len().min(40);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    format!("{what}{}{} stands here", &raw[..end], if end < raw.len() { "…" } else { "" })
}

/// A JSON object's members as they stand.
struct Object<'a>(SmallVec<[(Cow<'a, str>, &'a RawValue); 12]>);

impl<'a> Object<'a> {
    fn parse(json: &'a str) -> Result<Self, String> {
        let trimmed = json.trim_start_matches([' ', '\t', '\n', '\r']);
        if !trimmed.starts_with('{') {
            return Err(match serde_json::from_str::<&RawValue>(json) {
                Ok(raw) => format!("{}; a JSON object belongs here", shown(raw.get())),
                Err(error) => format!("not JSON: {error}"),
            });
        }
        serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = SmallVec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The event's `data` as JSON, cleared fields as `null`.
pub fn write_data(event: &Event<'_>) -> serde_json::Map<String, serde_json::Value> {
    let fields = event.kind.fields();
    event.patch.iter().map(|(no, value)| (fields[usize::from(*no)].name.to_owned(), write_value(&fields[usize::from(*no)], value))).collect()
}

/// The event as it could be posted.
pub fn write(event: &Event<'_>) -> serde_json::Value {
    let mut json = serde_json::json!({
        "id": event.id,
        "source": event.source,
        "kind": event.kind.name(),
        "entity": event.entity,
        "occurred_at": time::show_instant(event.occurred_at),
        "data": write_data(event),
    });
    if let Some(deleted) = event.deleted {
        json["deleted"] = deleted.into();
    }
    json
}

fn write_value(field: &Field, value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Cleared => serde_json::Value::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Integer(integer) => (*integer).into(),
        Value::Choice(at) => match field.shape {
            Shape::Choice(set) => set.get(usize::from(*at)).copied().unwrap_or_default().into(),
            _ => serde_json::Value::Null,
        },
        Value::Text(text) => text.as_ref().into(),
        Value::Time(time) => time::show_time(*time).into(),
        Value::Amount(money) => serde_json::json!({
            "value": money::to_major(money.minor.into(), money.currency),
            "currency": money.currency.code(),
        }),
    }
}
