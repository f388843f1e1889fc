//! What is said: events, their fields and their two written forms.
//!
//! In: JSON as posted, Avro as logged. Out: [`Event`], borrowed from what it was read from wherever
//! it can be, or a [`Refusal`] that names the field and says what would be right.
//! Never here: what a number means, I/O, clocks (the gateway's `now` is an argument).
//! [`yaml`] reads whatever people write for onpace in YAML, with the line of every [`Mistake`]: kinds here; catalogue, roster and objectives where they are given a meaning.
//!
//! ```text
//! JSON ──json::read──► Event ──avro::write──► log ──avro::read──► Event
//! ```
#![forbid(unsafe_code)]

pub mod avro;
mod counted;
mod event;
pub mod json;
mod kind;
mod mistake;
mod money;
mod printable;
mod refusal;
pub mod time;
mod value;
pub mod yaml;

pub use counted::counted;
pub use event::{Event, Patch, Stamp};
pub use kind::{Definition, Field, FieldNo, Keep, Kind, Life, Shape, Words, declared};
pub use mistake::Mistake;
pub use money::{Currency, Money, to_major, to_minor};
pub use printable::{is_unsafe, printable, printable_lines, without_secret};
pub use refusal::{Reason, Refusal, did_you_mean};
pub use time::Time;
pub use value::Value;

/// Longest event accepted, in bytes of its JSON.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Longest text of a field, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 200;
/// Longest `source`, in bytes of UTF-8.
pub const MAX_SOURCE_BYTES: usize = 100;
/// Greatest integer a field takes; the smallest is 0.
pub const MAX_INTEGER: i64 = 1_000_000_000;
/// How far `occurred_at` and `said_at` may lie ahead of the gateway's clock, in microseconds.
pub const MAX_AHEAD_US: i64 = 10 * 60 * 1_000_000;

/// As much of a text as a field takes: whole characters of at most [`MAX_TEXT_BYTES`].
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
