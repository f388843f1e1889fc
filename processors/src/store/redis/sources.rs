//! A lane's sources as a hash that anybody can read with `redis-cli`: `aircall` → `call=1772450100000 meeting=1772450101000`.
//!
//! In: rows of a commit, the hash as Redis gives it. Out: commands, rows.

use onpace_schemas::Kind;

use super::keys::LaneKeys;
use super::wire::{Commands, Link, Value};
use crate::store::{Heard, StoreError};

/// Adds what a commit says of sources: at most two commands.
pub fn pack(rows: &[Heard], keys: &LaneKeys, out: &mut Commands) {
    let (gone, heard): (Vec<&Heard>, Vec<&Heard>) = rows.iter().partition(|row| row.says_nothing());
    if !gone.is_empty() {
        out.begin(b"HDEL").arg(&keys.sources);
        gone.iter().for_each(|row| _ = out.arg(row.source.as_bytes()));
    }
    if !heard.is_empty() {
        out.begin(b"HSET").arg(&keys.sources);
        heard.iter().for_each(|row| _ = out.arg(row.source.as_bytes()).arg(write(row).as_bytes()));
    }
}

/// Reads a lane's sources, by name.
///
/// # Errors
/// Redis is away, or the hash is somebody else's.
pub fn read(link: &mut Link, keys: &LaneKeys) -> Result<Vec<Heard>, StoreError> {
    let mut commands = Commands::default();
    commands.command(&[b"HGETALL", &keys.sources]);
    rows(link.ask(&commands)?.pop().unwrap_or(Value::Nil), &keys.sources)
}

/// The rows of a hash as Redis gives it.
pub fn rows(found: Value, key: &[u8]) -> Result<Vec<Heard>, StoreError> {
    let fields = found.elements();
    let mut rows = Vec::with_capacity(fields.len() / 2);
    for pair in fields.chunks_exact(2) {
        let source = pair[0].text().into_owned();
        let Some(recorded_ms) = parse(&pair[1].text()) else {
            let place = format!("{}, field {source}", String::from_utf8_lossy(key));
            return Err(StoreError::Damaged { place, why: "it does not say when a source was heard of".into() });
        };
        rows.push(Heard { source, recorded_ms });
    }
    rows.sort_unstable();
    Ok(rows)
}

fn write(row: &Heard) -> String {
    let parts: Vec<String> = row.kinds().map(|(kind, recorded_ms)| format!("{}={recorded_ms}", kind.name())).collect();
    parts.join(" ")
}

fn parse(text: &str) -> Option<[i64; Kind::ALL.len()]> {
    let mut recorded_ms = [0; Kind::ALL.len()];
    for part in text.split(' ') {
        let (kind, moment) = part.split_once('=')?;
        let moment = moment.parse().ok()?;
        // A kind of a later release isn't this one's to count.
        if let Some(kind) = Kind::named(kind) {
            recorded_ms[usize::from(kind.number())] = moment;
        }
    }
    Some(recorded_ms)
}
