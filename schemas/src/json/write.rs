//! Events back as JSON, as they could be posted.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use crate::{Event, Field, Shape, Value, money, time};

/// The event's `data` as JSON, cleared fields as `null`.
pub fn write_data(event: &Event<'_>) -> Map<String, Json> {
    let said = event.patch.iter().filter_map(|(no, value)| {
        let field = event.kind.fields().get(usize::from(*no))?;
        Some((field.name.to_owned(), write_value(field, value)))
    });
    said.collect()
}

/// [`write_data`] as text, written at once: a log writes it for each event.
pub fn write_data_text(event: &Event<'_>) -> String {
    let mut out = String::with_capacity(32 + 32 * event.patch.len());
    for (no, value) in &event.patch {
        let Some(field) = event.kind.fields().get(usize::from(*no)) else { continue };
        out.push_str(if out.is_empty() { "{\"" } else { ",\"" });
        out.push_str(field.name);
        out.push_str("\":");
        match value {
            Value::Text(text) => write_text(text, &mut out),
            Value::Time(time) => write_text(&time::show_time(*time), &mut out),
            // Writing into a text can't fail.
            Value::Integer(integer) => _ = write!(out, "{integer}"),
            Value::Cleared | Value::Flag(_) | Value::Choice(_) | Value::Amount(_) => _ = write!(out, "{}", write_value(field, value)),
        }
    }
    out.push_str(if out.is_empty() { "{}" } else { "}" });
    out
}

fn write_text(text: &str, out: &mut String) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        // With its escapes. Writing into a text can't fail.
        _ = write!(out, "{}", Json::from(text));
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// The event as it could be posted.
pub fn write(event: &Event<'_>) -> Json {
    let mut json = json!({
        "source": event.source,
        "kind": event.kind.name(),
        "entity": event.entity,
        "occurred_at": time::show_instant(event.occurred_at),
    });
    if event.said_at != event.occurred_at {
        json["said_at"] = time::show_instant(event.said_at).into();
    }
    // Another producer may have left it out of the log; then it is not said here either.
    if !event.id.is_empty() {
        json["id"] = event.id.as_ref().into();
    }
    if let Some(deleted) = event.deleted {
        json["deleted"] = deleted.into();
    }
    if event.deleted.is_none() || !event.patch.is_empty() {
        json["data"] = write_data(event).into();
    }
    json
}

fn write_value(field: &Field, value: &Value<'_>) -> Json {
    match value {
        Value::Cleared => Json::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Integer(integer) => (*integer).into(),
        Value::Choice(at) => match field.shape {
            Shape::Choice(set) => set.get(usize::from(*at)).copied().into(),
            _ => Json::Null,
        },
        Value::Text(text) => text.as_ref().into(),
        Value::Time(time) => time::show_time(*time).into(),
        Value::Amount(money) => json!({
            "value": money::to_major(money.minor.into(), money.currency),
            "currency": money.currency.code(),
        }),
    }
}
