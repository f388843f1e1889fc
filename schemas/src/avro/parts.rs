//! A message taken apart, for a log that keeps in columns what anybody may want to read, and nothing twice.
//!
//! In: messages of events. Out: their parts, and from these the same bytes again. What always holds: what is taken apart is put together to
//! the byte, whoever wrote it; what can't be isn't taken apart. Never here: what the patch says.

use super::{Input, MARKER, Plan, framed, long, text};

/// The marker and the schema's fingerprint.
const HEADER: usize = 10;

/// An event's message in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The version it is written with.
    pub plan: &'static Plan,
    /// The event's id.
    pub id: &'a str,
    /// Its source.
    pub source: &'a str,
    /// Its entity.
    pub entity: &'a str,
    /// When it occurred, in microseconds since 1970.
    pub occurred_at: i64,
    /// When it was said, where it says so.
    pub said_at: Option<i64>,
    /// Whether its entity is deleted, where it says so.
    pub deleted: Option<bool>,
    /// What follows: its kind and its patch.
    pub rest: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes a message apart; `None` where these parts would not lead back to it.
    pub fn of(message: &'a [u8]) -> Option<Parts<'a>> {
        let (plan, body) = framed(message).ok()?;
        let mut input = Input(body);
        let (id, source, entity) = (input.text().ok()?, input.text().ok()?, input.text().ok()?);
        let occurred_at = input.long().ok()?;
        let said_at = if input.branch(1).ok()? == 1 { Some(input.long().ok()?) } else { None };
        let deleted = if input.branch(1).ok()? == 1 { Some(input.flag().ok()?) } else { None };
        let parts = Parts { plan, id, source, entity, occurred_at, said_at, deleted, rest: input.0 };
        // Another producer may write a number in more bytes than it needs: nothing else can be written in two ways.
        (parts.length() == message.len()).then_some(parts)
    }

    /// How long the message is that [`write`](Parts::write) appends.
    fn length(&self) -> usize {
        let texts = [self.id, self.source, self.entity].map(|text| wide(text.len() as i64) + text.len());
        let said_at = self.said_at.map_or(1, |said_at| 1 + wide(said_at));
        let deleted = self.deleted.map_or(1, |_| 2);
        HEADER + texts.iter().sum::<usize>() + wide(self.occurred_at) + said_at + deleted + self.rest.len()
    }

    /// Appends the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&self.plan.fingerprint.to_le_bytes());
        for said in [self.id, self.source, self.entity] {
            text(said, out);
        }
        long(self.occurred_at, out);
        match self.said_at {
            None => out.push(0),
            Some(said_at) => {
                out.push(2);
                long(said_at, out);
            }
        }
        match self.deleted {
            None => out.push(0),
            Some(deleted) => out.extend_from_slice(&[2, deleted.into()]),
        }
        out.extend_from_slice(self.rest);
    }
}

/// How many bytes a number takes.
fn wide(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (64 - (zigzag | 1).leading_zeros() as usize).div_ceil(7)
}
