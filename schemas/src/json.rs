//! Events as JSON: reading them strictly, writing them back.
//!
//! In: one JSON object, and the gateway's clock. Out: an [`Event`] that borrows from it, or the first [`Refusal`].
//! Nothing is guessed and nothing unknown is passed over; an event with an id and no escapes allocates nothing.

mod id;
mod scan;
mod write;

use std::borrow::Cow;

use scan::{Members, is_number, object, shown, text};
pub use write::{write, write_data, write_data_text};

use crate::refusal::{clip, did_you_mean};
use crate::{
    Currency, Event, Field, FieldNo, Keep, Kind, MAX_AHEAD_US, MAX_EVENT_BYTES, MAX_INTEGER, MAX_SOURCE_BYTES, MAX_TEXT_BYTES, Money,
    Patch, Reason, Refusal, Shape, Stamp, Time, Value, cut, money, time,
};

const TOP: [&str; 8] = ["id", "source", "kind", "entity", "occurred_at", "said_at", "data", "deleted"];

/// Reads one event as posted at `now_us` (microseconds since 1970).
///
/// # Errors
/// The first thing wrong with it: the field and what would be right.
pub fn read(json: &str, now_us: i64) -> Result<Event<'_>, Refusal> {
    if json.len() > MAX_EVENT_BYTES {
        return Err(Refusal::new(Reason::TooLarge, "", format!("the event has {} bytes; at most {MAX_EVENT_BYTES} are taken", json.len())));
    }
    let mut said = [None; TOP.len()];
    for (name, raw) in object(json).map_err(|error| Refusal::new(Reason::Malformed, "", error))? {
        let Some(at) = TOP.iter().position(|known| *known == name) else { return Err(unknown(&name)) };
        if said[at].replace(raw).is_some() {
            return Err(Refusal::of_value(name, "given twice; say it once"));
        }
    }
    // A null at the top is the same as absent.
    let [id, source, kind, entity, occurred_at, said_at, data, deleted] = said.map(|raw| raw.filter(|raw| *raw != "null"));
    let Some(source) = source else { return Err(missing("source", "who says so, such as \"aircall\"")) };
    let Some(kind) = kind else { return Err(missing("kind", &kinds())) };
    let Some(entity) = entity else { return Err(missing("entity", "which one, such as \"aircall:812\"")) };
    let Some(occurred_at) = occurred_at else {
        return Err(missing("occurred_at", "when it became true, such as \"2026-03-02T09:30:00+01:00\""));
    };

    let source = name_text("source", source, MAX_SOURCE_BYTES)?;
    let kind_name = name_text("kind", kind, MAX_TEXT_BYTES)?;
    let kind = Kind::named(&kind_name).ok_or_else(|| {
        let known = Kind::ALL.into_iter().map(Kind::name);
        Refusal::new(Reason::UnknownKind, "kind", format!("`{}` is no kind{}", clip(&kind_name), did_you_mean(&kind_name, known)))
    })?;
    let entity = name_text("entity", entity, MAX_TEXT_BYTES)?;
    let occurred_at = occurred(occurred_at, now_us)?;
    let said_at = said_at.map_or(Ok(occurred_at), |raw| later(raw, occurred_at, now_us))?;
    let deleted = deleted.map(|raw| flag(raw).map_err(|error| Refusal::of_value("deleted", error))).transpose()?;
    let members = match data {
        Some(raw) => object(raw).map_err(|error| Refusal::of_value("data", error))?,
        None if deleted.is_some() => Members::new(),
        None => return Err(Refusal::new(Reason::MissingField, "data", "missing; an event needs `data`, `deleted` or both")),
    };
    let patch = patch(kind, &members)?;
    let id = match id {
        Some(raw) => name_text("id", raw, MAX_TEXT_BYTES)?,
        None => {
            let rest = TOP.into_iter().zip(said).skip(1);
            let rest = rest.filter_map(|(name, raw)| raw.filter(|raw| *raw != "null").map(|raw| (name, raw)));
            Cow::Owned(id::content_id(rest, &members))
        }
    };
    Ok(Event { id, source, kind, entity, occurred_at, said_at, deleted, patch })
}

fn unknown(name: &str) -> Refusal {
    let a_field = Kind::ALL.into_iter().any(|kind| kind.field(name).is_some());
    let hint = match a_field {
        true => format!("; `{name}` belongs in `data`"),
        false => did_you_mean(name, TOP.into_iter()),
    };
    Refusal::new(Reason::UnknownField, clip(name), format!("unknown field{hint}"))
}

/// Every kind: `"call", "meeting" or "deal"`.
fn kinds() -> String {
    let names: Vec<String> = Kind::ALL.into_iter().map(|kind| format!("\"{}\"", kind.name())).collect();
    match names.split_last() {
        Some((last, names)) if !names.is_empty() => format!("{} or {last}", names.join(", ")),
        _ => names.concat(),
    }
}

fn missing(name: &str, what: &str) -> Refusal {
    Refusal::new(Reason::MissingField, name, format!("missing; say {what}"))
}

/// What an event says of its entity's fields, in the order of their numbers.
fn patch<'a>(kind: Kind, members: &Members<'a>) -> Result<Patch<'a>, Refusal> {
    let mut patch = Patch::new();
    let mut seen = 0_u32;
    for (name, raw) in members {
        let Some(no) = kind.field(name) else {
            let known = kind.fields().iter().map(|field| field.name);
            let error = format!("unknown field of {}{}", kind.one(), did_you_mean(name, known));
            return Err(Refusal::new(Reason::UnknownField, format!("data.{}", clip(name)), error));
        };
        let field = &kind.fields()[usize::from(no)];
        let path = || format!("data.{}", field.name);
        if seen & (1 << no) != 0 {
            return Err(Refusal::of_value(path(), "given twice; say it once"));
        }
        seen |= 1 << no;
        let value = value(field, raw).map_err(|error| match error {
            Wrong::Here(error) => Refusal::of_value(path(), error),
            Wrong::Inside(reason, name, error) => Refusal::new(reason, format!("{}.{name}", path()), error),
        })?;
        patch.push((no, value));
    }
    let number = |(no, _): &(FieldNo, Value<'a>)| *no;
    if !patch.is_sorted_by_key(number) {
        patch.sort_unstable_by_key(number);
    }
    Ok(patch)
}

enum Wrong {
    Here(String),
    /// In the member of that name.
    Inside(Reason, String, String),
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
        Shape::Text if field.cut => Value::Text(match text(raw, usize::MAX)? {
            Cow::Borrowed(whole) => Cow::Borrowed(cut(whole)),
            Cow::Owned(whole) => Cow::Owned(cut(&whole).to_owned()),
        }),
        Shape::Text => Value::Text(text(raw, MAX_TEXT_BYTES)?),
        Shape::Choice(set) => {
            let given = text(raw, MAX_TEXT_BYTES)?;
            match set.iter().position(|known| *known == given) {
                Some(at) => Value::Choice(at as u8),
                None => {
                    let hint = did_you_mean(&given, set.iter().copied());
                    return Err(Wrong::Here(format!("`{}` is not one of its values{hint}", clip(&given))));
                }
            }
        }
        Shape::Integer => Value::Integer(integer(raw)?),
        Shape::Flag => Value::Flag(flag(raw)?),
        Shape::Time => {
            let example = "write a string such as \"2026-03-02T09:30:00+01:00\", or a date such as \"2026-03-02\"";
            Value::Time(lived(time::parse_time(&time_text(raw, example)?)?)?)
        }
        Shape::Instant => Value::Time(lived(Time::Instant(instant(raw)?))?),
        Shape::Amount => Value::Amount(amount(raw)?),
    })
}

/// A time that an entity can have lived.
fn lived(time: Time) -> Result<Time, String> {
    if time::is_lived(time) {
        return Ok(time);
    }
    let time = time::show_time(time);
    Err(format!("{time} is outside the years 1970 to 2099; leave out what is not known (it may be a spreadsheet's zero)"))
}

fn integer(raw: &str) -> Result<i64, String> {
    if !is_number(raw) {
        return Err(format!("{}; write a whole number such as 42", shown(raw)));
    }
    if raw.contains(['.', 'e', 'E']) {
        return Err(format!("{} is not written as a whole number; write one such as 42", clip(raw)));
    }
    match raw.parse::<i64>() {
        Ok(integer) if (0..=MAX_INTEGER).contains(&integer) => Ok(integer),
        _ => Err(format!("{} is out of range; 0 to {MAX_INTEGER} are taken", clip(raw))),
    }
}

fn flag(raw: &str) -> Result<bool, String> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{}; write true or false", shown(raw))),
    }
}

fn amount(raw: &str) -> Result<Money, Wrong> {
    let example = r#"write {"value": "1054.00", "currency": "USD"}"#;
    if !raw.starts_with('{') {
        return Err(Wrong::Here(format!("{}; {example}", shown(raw))));
    }
    let (mut value, mut currency) = (None, None);
    for (name, raw) in object(raw)? {
        let slot = match name.as_ref() {
            "value" => &mut value,
            "currency" => &mut currency,
            _ => {
                let hint = did_you_mean(&name, ["value", "currency"].into_iter());
                return Err(Wrong::Inside(Reason::UnknownField, clip(&name).into_owned(), format!("unknown field of an amount{hint}")));
            }
        };
        if slot.replace(raw).is_some() {
            return Err(Wrong::Inside(Reason::InvalidValue, name.into_owned(), "given twice; say it once".into()));
        }
    }
    let given = |name: &str, raw: Option<&'_ str>| match raw {
        None | Some("null" | "\"\"") => Err(Wrong::Inside(Reason::MissingField, name.into(), format!("missing; {example}"))),
        Some(_) => Ok(()),
    };
    given("value", value)?;
    given("currency", currency)?;
    let currency =
        currency_of(currency.unwrap_or_default()).map_err(|error| Wrong::Inside(Reason::InvalidValue, "currency".into(), error))?;
    let minor = minor(value.unwrap_or_default(), currency).map_err(|error| Wrong::Inside(Reason::InvalidValue, "value".into(), error))?;
    Ok(Money { currency, minor })
}

fn currency_of(raw: &str) -> Result<Currency, String> {
    Currency::parse(&text(raw, MAX_TEXT_BYTES)?)
}

fn minor(raw: &str, currency: Currency) -> Result<i64, String> {
    let value = match is_number(raw) {
        true if raw.contains(['.', 'e', 'E']) => {
            let raw = clip(raw);
            return Err(format!("{raw} is a float, which can't hold money exactly; write a string such as \"{raw}\""));
        }
        true => Cow::Borrowed(raw),
        false if raw.starts_with('"') => text(raw, MAX_TEXT_BYTES)?,
        false => return Err(format!("{}; write a decimal string in major units such as \"1054.00\"", shown(raw))),
    };
    money::to_minor(&value, currency)
}

fn occurred(raw: &str, now_us: i64) -> Result<Stamp, Refusal> {
    let refuse = |error: String| Refusal::new(Reason::OccurredAt, "occurred_at", error);
    let us = instant(raw).map_err(refuse)?;
    if us < 0 {
        return Err(refuse(format!("{} is before 1970; check the source's clock", time::show_instant(us))));
    }
    not_ahead(us, now_us).map_err(refuse)?;
    Ok(us)
}

fn later(raw: &str, occurred_at: Stamp, now_us: i64) -> Result<i64, Refusal> {
    let refuse = |error: String| Refusal::new(Reason::SaidAt, "said_at", error);
    let us = instant(raw).map_err(refuse)?;
    if us < occurred_at {
        return Err(refuse(format!(
            "{} is before `occurred_at`, {}; leave it out, or say when the source said what had become true then",
            time::show_instant(us),
            time::show_instant(occurred_at)
        )));
    }
    not_ahead(us, now_us).map_err(refuse)?;
    Ok(us)
}

fn not_ahead(us: i64, now_us: i64) -> Result<(), String> {
    if us <= now_us.saturating_add(MAX_AHEAD_US) {
        return Ok(());
    }
    let (us, now) = (time::show_instant(us), time::show_instant(now_us));
    Err(format!("{us} is more than 10 minutes ahead of {now}, the time here; check the source's clock"))
}

fn instant(raw: &str) -> Result<i64, String> {
    time::parse_instant(&time_text(raw, "write a string such as \"2026-03-02T09:30:00+01:00\"")?)
}

fn time_text<'a>(raw: &'a str, example: &str) -> Result<Cow<'a, str>, String> {
    match raw.starts_with('"') {
        true => text(raw, MAX_TEXT_BYTES),
        false => Err(format!("{}; {example}", shown(raw))),
    }
}

fn name_text<'a>(name: &str, raw: &'a str, most: usize) -> Result<Cow<'a, str>, Refusal> {
    match text(raw, most) {
        Ok(text) if text.is_empty() => Err(Refusal::of_value(name, format!("empty; it takes 1 to {most} bytes"))),
        Ok(text) => Ok(text),
        Err(error) => Err(Refusal::of_value(name, error)),
    }
}
