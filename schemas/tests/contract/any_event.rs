//! Any valid event, as it could be posted, and as it must come back.

use onpace_schemas::{Currency, Field, Keep, Kind, MAX_INTEGER, MAX_TEXT_BYTES, Shape, time, to_major};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::NOW_US;

/// An event in two forms.
#[derive(Clone, Debug)]
pub struct AnyEvent {
    /// As posted: one of the ways to say it.
    pub posted: Json,
    /// As [`onpace_schemas::json::write`] must say it.
    pub written: Json,
}

/// The same value twice: as posted and as written.
type Said = (Json, Json);

/// Any valid event of any kind.
pub fn any_event() -> impl Strategy<Value = AnyEvent> {
    prop::sample::select(Kind::ALL.to_vec()).prop_flat_map(any_event_of)
}

fn any_event_of(kind: Kind) -> impl Strategy<Value = AnyEvent> {
    let data: Vec<_> = kind.fields().iter().map(|field| prop::option::of(any_value(field))).collect();
    let said_later = prop::option::of(prop_oneof![Just(0), 1..3_i64, 0..=NOW_US]);
    let at = (0..=NOW_US, said_later).prop_flat_map(|(at, later)| {
        let said_at = at.saturating_add(later.unwrap_or(0)).min(NOW_US);
        (any_instant(at..=at), Just(later.is_some()), any_instant(said_at..=said_at))
    });
    let top = (any_text(200), any_text(100), any_text(200), at, prop::option::of(any::<bool>()));
    (top, data, any::<bool>(), any::<bool>()).prop_map(
        move |((id, source, entity, (at, says_when, said_at), deleted), data, backwards, silent)| {
            let mut posted = Map::new();
            let mut written = Map::new();
            for (name, (given, back)) in [
                ("id", (json!(id), json!(id))),
                ("source", (json!(source), json!(source))),
                ("kind", (json!(kind.name()), json!(kind.name()))),
                ("entity", (json!(entity), json!(entity))),
                ("occurred_at", at),
            ] {
                posted.insert(name.into(), given);
                written.insert(name.into(), back);
            }
            if says_when {
                let (given, back) = said_at;
                posted.insert("said_at".into(), given);
                // As late as it occurred is as if it weren't said.
                if back != written["occurred_at"] {
                    written.insert("said_at".into(), back);
                }
            }
            match deleted {
                Some(deleted) => {
                    posted.insert("deleted".into(), deleted.into());
                    written.insert("deleted".into(), deleted.into());
                }
                None if silent => {
                    posted.insert("deleted".into(), Json::Null);
                }
                None => {}
            }
            let mut said: Vec<_> =
                kind.fields().iter().zip(data).filter_map(|(field, said)| Some((field.name.to_owned(), said?))).collect();
            if backwards {
                said.reverse();
            }
            let is_said = deleted.is_none() || !said.is_empty();
            let (given, back): (Map<_, _>, Map<_, _>) =
                said.into_iter().map(|(name, (given, back))| ((name.clone(), given), (name, back))).unzip();
            if is_said {
                posted.insert("data".into(), given.into());
                written.insert("data".into(), back.into());
            }
            AnyEvent { posted: posted.into(), written: written.into() }
        },
    )
}

fn any_value(field: &Field) -> BoxedStrategy<Said> {
    let same = |value: Json| (value.clone(), value);
    let value = match field.shape {
        Shape::Text if field.cut => any_text(MAX_TEXT_BYTES + 200).prop_map(|text| (text.clone().into(), cut(text).into())).boxed(),
        Shape::Text => any_text(MAX_TEXT_BYTES).prop_map(move |text| same(text.into())).boxed(),
        Shape::Choice(set) => prop::sample::select(set).prop_map(move |choice| same(choice.into())).boxed(),
        Shape::Integer => prop_oneof![0..1_000_i64, Just(0), Just(MAX_INTEGER), 0..=MAX_INTEGER].prop_map(move |n| same(n.into())).boxed(),
        Shape::Flag => any::<bool>().prop_map(move |flag| same(flag.into())).boxed(),
        Shape::Instant => any_instant(FIRST_SAID_US..=LAST_SAID_US).boxed(),
        Shape::Time => {
            let day = 0..=(LAST_SAID_US / time::DAY_US) as i32;
            let date = prop_oneof![day, 19_000..21_000].prop_map(move |day| same(time::show_date(day).into()));
            prop_oneof![any_instant(FIRST_SAID_US..=LAST_SAID_US), date].boxed()
        }
        Shape::Amount => any_amount().boxed(),
    };
    match field.keep {
        Keep::First => value,
        Keep::Latest | Keep::Tracked => {
            let cleared = prop_oneof![Just(Json::Null), Just("".into())].prop_map(|given| (given, Json::Null));
            prop_oneof![5 => value, 1 => cleared].boxed()
        }
    }
}

const FIRST_US: i64 = -719_528 * time::DAY_US;
const LAST_US: i64 = 2_932_897 * time::DAY_US - 1;
/// 1970 to 2099, which is what a time in `data` can be.
const FIRST_SAID_US: i64 = 0;
const LAST_SAID_US: i64 = 47_482 * time::DAY_US - 1;

/// The whole characters within [`MAX_TEXT_BYTES`].
fn cut(mut text: String) -> String {
    while text.len() > MAX_TEXT_BYTES {
        text.pop();
    }
    text
}

/// 1 to `most` bytes of any text there is.
pub fn any_text(most: usize) -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9:@._-]{1,16}", "[ \"\\\\/é😀Ω\u{0}\n\u{7f}]{1,9}", any::<String>(), Just("ü".repeat(most / 2))].prop_map(
        move |mut text| {
            while text.len() > most {
                text.pop();
            }
            if text.is_empty() { "x".into() } else { text }
        },
    )
}

fn any_instant(range: std::ops::RangeInclusive<i64>) -> impl Strategy<Value = Said> {
    let (first, last) = (*range.start(), *range.end());
    let us = prop_oneof![3 => range, 1 => Just(first), 1 => Just(last)];
    (us, any::<bool>(), -95..95_i64, 0..3_usize, "[0-9]{0,5}").prop_map(move |(us, whole, quarters, form, beyond)| {
        let second = us - us.rem_euclid(time::US);
        let us = if whole && second >= first { second } else { us };
        let local = us + quarters * 900 * time::US;
        if !(FIRST_US..=LAST_US).contains(&local) {
            return (time::show_instant(us).into(), time::show_instant(us).into());
        }
        // Digits past the microsecond are cut off.
        let local = time::show_instant(local - local.rem_euclid(time::US)).replace('Z', "");
        let sign = if quarters < 0 { '-' } else { '+' };
        let (hours, minutes) = (quarters.abs() / 4, quarters.abs() % 4 * 15);
        // An offset is ±hh:mm, ±hhmm or, of whole hours, ±hh.
        let minutes = match form {
            0 => format!("{minutes:02}"),
            1 if minutes == 0 => String::new(),
            _ => format!(":{minutes:02}"),
        };
        let posted = format!("{local}.{:06}{beyond}{sign}{hours:02}{minutes}", us.rem_euclid(time::US));
        (posted.into(), time::show_instant(us).into())
    })
}

fn any_amount() -> impl Strategy<Value = Said> {
    let code = prop::sample::select(vec!["USD", "EUR", "JPY", "KWD", "CLF"]);
    let minor = prop_oneof![-100_000..1_000_000_i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)];
    (code, minor, any::<bool>()).prop_map(|(code, minor, whole)| {
        let currency = Currency::parse(code).unwrap();
        let unit = 10_i64.pow(currency.exponent());
        let minor = if whole { minor - minor % unit } else { minor };
        let written = json!({"value": to_major(minor.into(), currency), "currency": code});
        match whole {
            true => (json!({"currency": code, "value": minor / unit}), written),
            false => (written.clone(), written),
        }
    })
}
