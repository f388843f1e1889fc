//! Any key of the store in words, for `onpace inspect`.
//!
//! In: a key's name, or the beginning of one. Out: text. Never here: a write.

use onpace_kpis::block::Block;
use onpace_schemas::{printable, time};

use super::Inner;
use super::head::{self, Found};
use super::keys::Key;
use super::wire::{Commands, Link, Value};
use super::{serving, sources};
use crate::store::{StoreError, changed, show_block, show_head, show_serving, show_sources};

/// At most so many keys are listed, names and entries shown.
const MOST: usize = 1_000;
const SHOWN: &str = "20";

/// A key in words; for a key that isn't there, those that begin with it, if any do.
pub fn inspect(store: &Inner, link: &mut Link, key: &str) -> Result<Option<String>, StoreError> {
    let mut one = |arguments: &[&str]| -> Result<Value, StoreError> {
        let mut commands = Commands::default();
        commands.command(&arguments.iter().map(|argument| argument.as_bytes()).collect::<Vec<_>>());
        Ok(link.ask(&commands)?.pop().unwrap_or(Value::Nil))
    };
    if key.is_empty() || one(&["EXISTS", key])? == Value::Number(0) {
        return list(store, &mut one, key);
    }
    let Some(what) = store.keys.parse(key) else { return Ok(None) };
    Ok(Some(match what {
        Key::Serving => show_serving(&serving::all(store, link)?),
        Key::Store | Key::Published(_) if one(&["TYPE", key])?.text() == "hash" => {
            let fields = one(&["HGETALL", key])?.elements();
            let lines = fields
                .chunks(2)
                .map(|pair| format!("{} = {}\n", printable(&pair[0].text()), printable(&pair.get(1).map(Value::text).unwrap_or_default())));
            lines.collect()
        }
        Key::Store | Key::Published(_) => format!("{}\n", printable(&one(&["GET", key])?.text())),
        Key::Head(lane) => match head::read(key.as_bytes(), one(&["GET", key])?.bytes())? {
            Found::Head(head) => format!("{}\n", show_head(lane, &head)),
            Found::Wiping(_) => format!("lane {lane} is being emptied\n"),
            Found::Nothing => return Ok(None),
        },
        Key::Names(_) => {
            let names = one(&["LRANGE", key, "0", &(MOST - 1).to_string()])?.elements();
            names.iter().zip(1..).map(|(name, number)| format!("{number} = {}\n", printable(&name.text()))).collect()
        }
        Key::Sources(_) => show_sources(&sources::rows(one(&["HGETALL", key])?, key.as_bytes())?),
        Key::Changes(lane) => {
            let names = names(store, &mut one, lane)?;
            let entries = one(&["XREVRANGE", key, "+", "-", "COUNT", SHOWN])?.elements();
            let mut text = format!("the last {} of {} commits that changed counters\n", entries.len(), number(&one(&["XLEN", key])?));
            for entry in entries {
                text.push_str(&show_change(entry, &names));
            }
            text
        }
        Key::Bucket(..) => {
            let fields = one(&["HGETALL", key])?.elements();
            let sizes: Vec<usize> = fields.chunks(2).filter_map(|pair| pair.get(1)?.bytes().map(<[u8]>::len)).collect();
            let large = sizes.iter().filter(|size| **size == 0).count();
            let encoding = one(&["OBJECT", "ENCODING", key])?;
            let entities = sizes.len() - large;
            format!(
                "{entities} entities with {} bytes of packed state, and {large} with keys of their own; kept as a {}\n",
                sizes.iter().sum::<usize>(),
                encoding.text()
            )
        }
        Key::Large(..) => format!("one entity with {} bytes of packed state\n", number(&one(&["STRLEN", key])?)),
        Key::Counters(lane, rep) => {
            let names = names(store, &mut one, lane)?;
            let fields = one(&["HGETALL", key])?.elements();
            let mut days: Vec<(i32, &Value)> = Vec::new();
            for pair in fields.chunks(2) {
                if let (Ok(day), Some(packed)) = (pair[0].text().parse(), pair.get(1)) {
                    days.push((day, packed));
                }
            }
            days.sort_by_key(|(day, _)| *day);
            let mut text = format!(
                "rep {}, {} bytes packed\n",
                printable(&name(&names, rep)),
                days.iter().filter_map(|(_, packed)| packed.bytes()).map(<[u8]>::len).sum::<usize>()
            );
            for (day, packed) in days {
                let packed = packed.bytes().unwrap_or_default();
                let block = Block::unpack(day, packed)
                    .map_err(|why| StoreError::Damaged { place: format!("{key}, field {day}"), why: why.to_string() })?;
                text.push_str(&show_block(day, &block, &store.measures, &|number| name(&names, number)));
            }
            text
        }
        Key::Other(_) => return Ok(None),
    }))
}

fn list(store: &Inner, one: &mut dyn FnMut(&[&str]) -> Result<Value, StoreError>, beginning: &str) -> Result<Option<String>, StoreError> {
    let pattern = if beginning.is_empty() { store.keys.pattern() } else { format!("{}*", beginning.replace(['\\', '*', '?', '['], "?")) };
    let (mut found, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let [next, keys] = <[Value; 2]>::try_from(one(&["SCAN", &cursor, "MATCH", &pattern, "COUNT", "1000"])?.elements())
            .unwrap_or([Value::Nil, Value::Nil]);
        found.extend(
            keys.elements()
                .iter()
                .map(|key| key.text().into_owned())
                .filter(|key| key.starts_with(beginning) && store.keys.parse(key).is_some()),
        );
        cursor = next.text().into_owned();
        if cursor == "0" || cursor.is_empty() || found.len() >= MOST {
            break;
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    Ok((!found.is_empty()).then(|| found.iter().map(|key| format!("{}\n", printable(key))).collect()))
}

fn names(store: &Inner, one: &mut dyn FnMut(&[&str]) -> Result<Value, StoreError>, lane: u32) -> Result<Vec<String>, StoreError> {
    let key = String::from_utf8_lossy(&store.keys.lane(lane).names).into_owned();
    let names = one(&["LRANGE", &key, "0", "-1"])?.elements();
    Ok(std::iter::once(String::new()).chain(names.iter().map(|name| name.text().into_owned())).collect())
}

fn name(names: &[String], number: u32) -> String {
    match names.get(number as usize).map(String::as_str) {
        Some("") => "unassigned".into(),
        Some(name) => name.into(),
        None => format!("number {number}"),
    }
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Number(number) => *number,
        _ => 0,
    }
}

fn show_change(entry: Value, names: &[String]) -> String {
    let mut parts = entry.elements().into_iter();
    let id = parts.next().unwrap_or(Value::Nil);
    let fields = parts.next().unwrap_or(Value::Nil).elements();
    let mut blocks = Vec::new();
    let packed = fields.get(1).and_then(Value::bytes).unwrap_or_default();
    if changed::unpack(packed, &mut blocks).is_none() {
        return format!("{}: damaged\n", id.text());
    }
    let shown: Vec<String> =
        blocks.iter().take(5).map(|block| format!("{} {}", printable(&name(names, block.rep)), time::show_date(block.day))).collect();
    let more = if blocks.len() > shown.len() { format!(" and {} more", blocks.len() - shown.len()) } else { String::new() };
    format!("{}: {}{more}\n", id.text(), shown.join(", "))
}
