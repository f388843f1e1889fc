//! The id of an event posted without one: a hash of what it says, so that a re-post is the same event.
//!
//! In: the members of a valid event. Out: the hex SHA-256 of its form by RFC 8785 (names sorted, no white space,
//! one way to write each text and number). Names are known ones here, and plain ASCII, so bytes sort them as RFC 8785 does.

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::scan::{self, Members};

/// The content id of an event with these members, `id` not among them, and of those of its `data`.
pub(super) fn content_id<'a>(top: impl Iterator<Item = (&'a str, &'a str)>, data: &Members<'_>) -> String {
    let mut out = Vec::with_capacity(512);
    members(top.collect(), &mut out, |name, raw, out| match name {
        "data" => members(pairs(data), out, |_, raw, out| match raw.starts_with('{').then(|| scan::object(raw)) {
            Some(Ok(amount)) => members(pairs(&amount), out, |_, raw, out| scalar(raw, out)),
            _ => scalar(raw, out),
        }),
        _ => scalar(raw, out),
    });
    hex(&Sha256::digest(&out))
}

type Pairs<'a> = SmallVec<[(&'a str, &'a str); 16]>;

fn pairs<'a>(members: &'a Members<'_>) -> Pairs<'a> {
    members.iter().map(|(name, raw)| (name.as_ref(), *raw)).collect()
}

fn members(mut members: Pairs<'_>, out: &mut Vec<u8>, value: impl Fn(&str, &str, &mut Vec<u8>)) {
    members.sort_unstable();
    out.push(b'{');
    for (at, (name, raw)) in members.into_iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        value(name, raw, out);
    }
    out.push(b'}');
}

fn scalar(raw: &str, out: &mut Vec<u8>) {
    let plain = match raw.as_bytes() {
        [b'"', ..] => !raw.contains('\\'),
        // A double holds every integer of 15 digits, and there is only one way to write it, but for a 0.
        [b'-' | b'0'..=b'9', ..] => raw.len() <= 15 && !raw.contains(['.', 'e', 'E']) && raw != "-0",
        _ => true,
    };
    let canonical = if plain { None } else { canonical(raw) };
    out.extend_from_slice(canonical.as_deref().unwrap_or(raw.as_bytes()));
}

fn canonical(raw: &str) -> Option<Vec<u8>> {
    if scan::is_number(raw) {
        return serde_json_canonicalizer::to_vec(&raw.parse::<f64>().ok()?).ok();
    }
    let text: Cow<'_, str> = serde_json::from_str(raw).ok()?;
    serde_json_canonicalizer::to_vec(&text).ok()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
