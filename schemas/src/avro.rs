//! Events as the log holds them: Avro, in the single-object encoding (`C3 01`, the schema's fingerprint, the body).
//!
//! In: bytes from the log. Out: what they say, borrowed from them; or why they can't be read, which is
//! for the dead letters. Each version of the schema in `avro/` has a [`Plan`]: reader and writer walk the fields in
//! its order, and the tests hold them against the `apache-avro` crate. The newest is written, every one is read.
//!
//! The frame before the body is one function, [`framed`]: the Confluent frame joins it there.

mod parts;
mod plan;
#[rustfmt::skip]
mod plans;

use std::borrow::Cow;

use crate::{
    Currency, Event, Field, FieldNo, Keep, Kind, MAX_INTEGER, MAX_SOURCE_BYTES, MAX_TEXT_BYTES, Money, Patch, Shape, Time, Value, cut, time,
};
use plan::{Branch, Of};

pub use parts::Parts;
pub use plan::Plan;
pub use plans::PLANS;

/// What [`write()`] writes by: the newest version.
pub static NEWEST: &Plan = &PLANS[PLANS.len() - 1];
const MARKER: [u8; 2] = [0xC3, 0x01];

/// What a message of the log says.
#[expect(clippy::large_enum_variant, reason = "nearly every message is an event, and a box would cost an allocation each")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// An event.
    Event(Event<'a>),
    /// The pipe is alive: sent on partitions that have been quiet.
    Heartbeat {
        /// When it was sent, in microseconds since 1970.
        at_us: i64,
    },
}

/// Why a message can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No value at all.
    #[error("the message is empty")]
    Empty,
    /// Neither a single object nor any other frame known here.
    #[error("the message does not begin with an Avro single-object header (C3 01)")]
    Frame,
    /// Written with a schema not known here.
    #[error("written with the unknown schema {0:016x}: a newer onpace may have written it")]
    Schema(u64),
    /// The message ends too early.
    #[error("the message ends too early")]
    Short,
    /// Bytes follow the event.
    #[error("bytes follow the event")]
    Long,
    /// A number, union branch or length that can't be.
    #[error("a number or length is out of range")]
    Range,
    /// Text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// A value that its field does not take.
    #[error("the field `{0}` has a value that it does not take")]
    Field(&'static str),
    /// None of the schema's kinds, or several.
    #[error("it speaks of no kind, or of several")]
    Kind,
}

/// Writes an event as a single object.
pub fn write(event: &Event<'_>, out: &mut Vec<u8>) {
    write_by(NEWEST, event, out);
}

fn write_by(plan: &'static Plan, event: &Event<'_>, out: &mut Vec<u8>) {
    let Event { id, source, entity, occurred_at, said_at, deleted, .. } = event;
    let said_at = Some(*said_at).filter(|said_at| said_at != occurred_at);
    Parts { plan, id, source, entity, occurred_at: *occurred_at, said_at, deleted: *deleted, rest: &[] }.write(out);
    for branch in plan.branches {
        match branch {
            Branch::Kind(of) if of.kind == event.kind => {
                out.push(2);
                write_patch(of, &event.patch, out);
            }
            Branch::Kind(_) | Branch::Heartbeat => out.push(0),
        }
    }
}

/// Writes a heartbeat sent at `at_us` (microseconds since 1970).
pub fn write_heartbeat(at_us: i64, out: &mut Vec<u8>) {
    Parts { plan: NEWEST, id: "", source: "", entity: "", occurred_at: at_us, said_at: None, deleted: None, rest: &[] }.write(out);
    out.extend(NEWEST.branches.iter().map(|branch| if matches!(branch, Branch::Heartbeat) { 2 } else { 0 }));
}

fn write_patch(of: &Of, patch: &Patch<'_>, out: &mut Vec<u8>) {
    let fields = of.kind.fields();
    let mut said: [Option<&Value<'_>>; 32] = [None; 32];
    for (no, value) in patch {
        if let Some(slot) = said.get_mut(usize::from(*no)) {
            *slot = Some(value);
        }
    }
    let write = |fields: std::ops::Range<usize>, out: &mut Vec<u8>| {
        for no in fields {
            match said[no] {
                None | Some(Value::Cleared) => out.push(0),
                Some(value) => write_value(of.kind.fields()[no].shape, value, out),
            }
        }
    };
    write(0..of.before, out);
    let cleared = fields.iter().zip(said).filter(|(_, value)| matches!(value, Some(Value::Cleared)));
    let count = cleared.clone().count();
    if count > 0 {
        long(count as i64, out);
        for (field, _) in cleared {
            text(field.name, out);
        }
    }
    out.push(0);
    write(of.before..of.all, out);
}

fn write_value(shape: Shape, value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Cleared => out.push(0),
        Value::Flag(flag) => out.extend_from_slice(&[2, (*flag).into()]),
        Value::Integer(integer) | Value::Time(Time::Instant(integer)) => {
            out.push(2);
            long(*integer, out);
        }
        Value::Time(Time::Date(day)) => {
            out.push(4);
            long((*day).into(), out);
        }
        Value::Choice(at) => {
            out.push(2);
            let name = match shape {
                Shape::Choice(set) => set.get(usize::from(*at)).copied().unwrap_or_default(),
                _ => "",
            };
            text(name, out);
        }
        Value::Text(value) => {
            out.push(2);
            text(value, out);
        }
        Value::Amount(money) => {
            out.push(2);
            text(money.currency.code(), out);
            long(money.minor, out);
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    long(text.len() as i64, out);
    out.extend_from_slice(text.as_bytes());
}

fn long(value: i64, out: &mut Vec<u8>) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

/// Reads one message of the log.
///
/// # Errors
/// Why it can't be read; it then belongs to the dead letters.
pub fn read(message: &[u8]) -> Result<Message<'_>, Unreadable> {
    let (plan, body) = framed(message)?;
    read_by(plan, body)
}

fn read_by<'a>(plan: &Plan, body: &'a [u8]) -> Result<Message<'a>, Unreadable> {
    let mut input = Input(body);
    let id = input.text()?;
    let source = input.text()?;
    let entity = input.text()?;
    let occurred_at = input.instant()?;
    let said_at = if input.branch(1)? == 1 { input.instant()? } else { occurred_at };
    let deleted = if input.branch(1)? == 1 { Some(input.flag()?) } else { None };
    // Filled in place: a patch is some 400 bytes, and moving it through every step would cost as much as reading it.
    let (mut said, mut patch, mut heartbeat) = (None, Patch::new(), false);
    for branch in plan.branches {
        if input.branch(1)? == 1 {
            match branch {
                Branch::Kind(of) => {
                    if said.replace(of.kind).is_some() {
                        return Err(Unreadable::Kind);
                    }
                    input.patch(of, &mut patch)?;
                }
                Branch::Heartbeat => heartbeat = true,
            }
        }
    }
    if !input.0.is_empty() {
        return Err(Unreadable::Long);
    }
    match said {
        Some(kind) if !heartbeat => {
            if id.len() > MAX_TEXT_BYTES {
                return Err(Unreadable::Field("id"));
            }
            named("source", source, MAX_SOURCE_BYTES)?;
            named("entity", entity, MAX_TEXT_BYTES)?;
            if occurred_at < 0 {
                return Err(Unreadable::Field("occurred_at"));
            }
            if said_at < occurred_at {
                return Err(Unreadable::Field("said_at"));
            }
            let own = Cow::Borrowed;
            Ok(Message::Event(Event { id: own(id), source: own(source), kind, entity: own(entity), occurred_at, said_at, deleted, patch }))
        }
        None if heartbeat => Ok(Message::Heartbeat { at_us: occurred_at }),
        _ => Err(Unreadable::Kind),
    }
}

/// What JSON refuses must not come in by the log either: another producer may have written it.
fn named(name: &'static str, text: &str, most: usize) -> Result<(), Unreadable> {
    if text.is_empty() || text.len() > most { Err(Unreadable::Field(name)) } else { Ok(()) }
}

/// The version that a message is written with, and the Avro body behind the frame.
fn framed(message: &[u8]) -> Result<(&'static Plan, &[u8]), Unreadable> {
    let rest = match message {
        [] => return Err(Unreadable::Empty),
        [0xC3, 0x01, rest @ ..] => rest,
        _ => return Err(Unreadable::Frame),
    };
    let (fingerprint, body) = rest.split_first_chunk::<8>().ok_or(Unreadable::Short)?;
    let fingerprint = u64::from_le_bytes(*fingerprint);
    // Most are of the newest.
    let plan = PLANS.iter().rev().find(|plan| plan.fingerprint == fingerprint);
    plan.map(|plan| (plan, body)).ok_or(Unreadable::Schema(fingerprint))
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, Unreadable> {
        let (first, rest) = self.0.split_first().ok_or(Unreadable::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    fn long(&mut self) -> Result<i64, Unreadable> {
        // Most take one byte.
        if let [byte @ ..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(i64::from(byte >> 1) ^ -i64::from(byte & 1));
        }
        let mut zigzag = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                return Err(Unreadable::Range);
            }
            zigzag |= bits << shift;
            if byte < 0x80 {
                return Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
            }
        }
        Err(Unreadable::Range)
    }

    fn instant(&mut self) -> Result<i64, Unreadable> {
        let us = self.long()?;
        if time::in_calendar(us) { Ok(us) } else { Err(Unreadable::Range) }
    }

    /// Which branch of a union comes next. Most fields of a message are not said: that is one byte, looked at in place.
    #[inline(always)]
    fn branch(&mut self, last: i64) -> Result<i64, Unreadable> {
        if let [0, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(0);
        }
        self.said_branch(last)
    }

    fn said_branch(&mut self, last: i64) -> Result<i64, Unreadable> {
        match self.long()? {
            branch if (0..=last).contains(&branch) => Ok(branch),
            _ => Err(Unreadable::Range),
        }
    }

    fn flag(&mut self) -> Result<bool, Unreadable> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable::Range),
        }
    }

    fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = usize::try_from(self.long()?).map_err(|_| Unreadable::Range)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Unreadable::Short)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Unreadable::Utf8)
    }

    fn patch(&mut self, of: &Of, patch: &mut Patch<'a>) -> Result<(), Unreadable> {
        self.values(of.kind, 0..of.before, patch)?;
        let values = patch.len();
        self.cleared(of.kind, patch)?;
        let any_cleared = patch.len() > values;
        self.values(of.kind, of.before..of.all, patch)?;
        if any_cleared {
            patch.sort_unstable_by_key(|(no, _)| *no);
            if let Some(twice) = patch.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(Unreadable::Field(of.kind.fields()[usize::from(twice[0].0)].name));
            }
        }
        Ok(())
    }

    fn values(&mut self, kind: Kind, numbers: std::ops::Range<usize>, patch: &mut Patch<'a>) -> Result<(), Unreadable> {
        for (no, field) in numbers.clone().zip(&kind.fields()[numbers]) {
            let branch = self.branch(if field.shape == Shape::Time { 2 } else { 1 })?;
            if branch > 0 {
                patch.push((no as FieldNo, self.value(field, branch)?));
            }
        }
        Ok(())
    }

    fn value(&mut self, field: &Field, branch: i64) -> Result<Value<'a>, Unreadable> {
        let name = field.name;
        Ok(match field.shape {
            Shape::Text => {
                let said = self.text()?;
                let said = if field.cut { cut(said) } else { said };
                named(name, said, MAX_TEXT_BYTES)?;
                Value::Text(Cow::Borrowed(said))
            }
            Shape::Choice(set) => {
                let said = self.text()?;
                let at = set.iter().position(|known| *known == said).ok_or(Unreadable::Field(name))?;
                Value::Choice(at as u8)
            }
            Shape::Integer => match self.long()? {
                integer if (0..=MAX_INTEGER).contains(&integer) => Value::Integer(integer),
                _ => return Err(Unreadable::Field(name)),
            },
            Shape::Flag => Value::Flag(self.flag()?),
            Shape::Time | Shape::Instant => {
                let said = match branch {
                    1 => Time::Instant(self.long()?),
                    _ => Time::Date(i32::try_from(self.long()?).map_err(|_| Unreadable::Range)?),
                };
                if !time::is_lived(said) {
                    return Err(Unreadable::Field(name));
                }
                Value::Time(said)
            }
            Shape::Amount => {
                // Any three letters: a currency struck off ISO 4217's list stays in events long logged.
                let currency = Currency::from_bytes(self.text()?.as_bytes()).ok_or(Unreadable::Field(name))?;
                Value::Amount(Money { currency, minor: self.long()? })
            }
        })
    }

    fn cleared(&mut self, kind: Kind, patch: &mut Patch<'a>) -> Result<(), Unreadable> {
        loop {
            let mut count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // A negative count is followed by the block's size in bytes.
                count = count.checked_neg().ok_or(Unreadable::Range)?;
                self.long()?;
            }
            for _ in 0..count {
                let no = kind.field(self.text()?).ok_or(Unreadable::Field("cleared"))?;
                let field = &kind.fields()[usize::from(no)];
                if field.keep == Keep::First {
                    return Err(Unreadable::Field(field.name));
                }
                patch.push((no, Value::Cleared));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn event(kind: Kind, said: Vec<(&str, Value<'static>)>) -> Event<'static> {
        let patch = said.into_iter().map(|(name, value)| (kind.field(name).unwrap(), value)).collect();
        Event { id: "1".into(), source: "s".into(), kind, entity: "e".into(), occurred_at: 1, said_at: 1, deleted: None, patch }
    }

    /// By version 1: what stands where in it stays as it is.
    fn message(event: &Event<'_>) -> Vec<u8> {
        let mut message = Vec::new();
        write_by(&PLANS[0], event, &mut message);
        message
    }

    /// How many fields version 1 has of a kind.
    fn fields_of(kind: Kind) -> usize {
        let of = PLANS[0].branches.iter().find_map(|branch| match branch {
            Branch::Kind(of) if of.kind == kind => Some(of.all),
            _ => None,
        });
        of.unwrap()
    }

    #[test]
    fn what_json_refuses_does_not_come_in_by_the_log() {
        let good = event(Kind::CALL, vec![]);
        let long: Cow<'static, str> = Cow::Owned("x".repeat(MAX_TEXT_BYTES + 1));
        for (field, bad) in [
            ("id", Event { id: long.clone(), ..good.clone() }),
            ("source", Event { source: "".into(), ..good.clone() }),
            ("source", Event { source: "x".repeat(MAX_SOURCE_BYTES + 1).into(), ..good.clone() }),
            ("entity", Event { entity: "".into(), ..good.clone() }),
            ("entity", Event { entity: long.clone(), ..good.clone() }),
            ("occurred_at", Event { occurred_at: -1, said_at: -1, ..good.clone() }),
            ("said_at", Event { said_at: 0, ..good }),
            ("rep", event(Kind::DEAL, vec![("rep", Value::Text("".into()))])),
            ("rep", event(Kind::DEAL, vec![("rep", Value::Text(long))])),
            ("direction", event(Kind::CALL, vec![("direction", Value::Text("sideways".into()))])),
            ("direction", event(Kind::CALL, vec![("direction", Value::Choice(2))])),
            ("duration_s", event(Kind::CALL, vec![("duration_s", Value::Integer(-1))])),
            ("duration_s", event(Kind::CALL, vec![("duration_s", Value::Integer(MAX_INTEGER + 1))])),
            ("opened_at", event(Kind::EMAIL, vec![("opened_at", Value::Cleared)])),
            ("opened_at", event(Kind::EMAIL, vec![("opened_at", Value::Time(Time::Instant(-1)))])),
            ("opened_at", event(Kind::EMAIL, vec![("opened_at", Value::Time(Time::Instant(i64::MAX)))])),
            ("closed_at", event(Kind::DEAL, vec![("closed_at", Value::Time(Time::Instant(4_102_444_800 * time::US)))])),
            ("started_at", event(Kind::CALL, vec![("started_at", Value::Time(Time::Date(-1)))])),
            ("started_at", event(Kind::CALL, vec![("started_at", Value::Time(Time::Date(47_482)))])),
            ("started_at", event(Kind::CALL, vec![("started_at", Value::Time(Time::Date(i32::MAX)))])),
        ] {
            assert_eq!(read(&message(&bad)), Err(Unreadable::Field(field)), "{bad:?}");
        }
        let no_date_here = event(Kind::EMAIL, vec![("opened_at", Value::Time(Time::Date(1)))]);
        assert_eq!(read(&message(&no_date_here)), Err(Unreadable::Range));
    }

    #[test]
    fn fields_behind_those_that_are_emptied_are_read_and_written() {
        // As if calls had begun with two fields, and all others had come with this version; and meetings after the heartbeat.
        static GROWN: Plan = Plan {
            version: 2,
            fingerprint: 7,
            schema: "",
            branches: &[
                Branch::Kind(Of { kind: Kind::CALL, before: 2, all: 9 }),
                Branch::Heartbeat,
                Branch::Kind(Of { kind: Kind::MEETING, before: 0, all: 8 }),
            ],
        };
        let there_and_back = |event: &Event<'_>| {
            let mut message = Vec::new();
            write_by(&GROWN, event, &mut message);
            read_by(&GROWN, &message[10..]).map(|read| match read {
                Message::Event(event) => event.into_owned(),
                Message::Heartbeat { .. } => panic!("no heartbeat"),
            })
        };
        let (rep, none) = (("rep", Value::Text("ann".into())), Value::Cleared);
        for said in [
            vec![],
            vec![rep.clone(), ("duration_s", Value::Integer(5))],
            vec![
                rep.clone(),
                ("contact", none.clone()),
                ("purpose", Value::Text("demo".into())),
                ("started_at", Value::Time(Time::Date(7))),
            ],
            vec![("rep", none.clone()), ("account", none.clone()), ("deal", Value::Text("d".into())), ("duration_s", none.clone())],
        ] {
            let said = event(Kind::CALL, said);
            assert_eq!(there_and_back(&said), Ok(said));
        }
        let held = event(Kind::MEETING, vec![rep, ("status", Value::Choice(3)), ("purpose", none)]);
        assert_eq!(there_and_back(&held), Ok(held));
        // Said and emptied: before the list and in it, in it and behind it.
        for field in ["rep", "purpose"] {
            let both = |cleared: bool| {
                let mut said = event(Kind::CALL, vec![(field, Value::Text("x".into()))]);
                if cleared {
                    said.patch.push((8, Value::Cleared));
                }
                let mut message = Vec::new();
                write_by(&GROWN, &said, &mut message);
                message
            };
            // The list names another field; then it names this one.
            let with_list = both(true);
            let at = with_list.windows(11).position(|bytes| bytes == b"\x14duration_s").unwrap();
            let name = [&[2 * field.len() as u8], field.as_bytes()].concat();
            let message = [&with_list[..at], &name, &with_list[at + 11..]].concat();
            assert_eq!(read_by(&GROWN, &message[10..]), Err(Unreadable::Field(field)));
            assert!(read_by(&GROWN, &both(false)[10..]).is_ok());
        }
    }

    #[test]
    fn a_free_text_of_another_producer_is_cut_as_json_cuts_it() {
        let long = event(Kind::DEAL, vec![("name", Value::Text("é".repeat(MAX_TEXT_BYTES).into()))]);
        let bytes = message(&long);
        let Ok(Message::Event(read_back)) = read(&bytes) else { panic!("{:?}", read(&bytes)) };
        assert_eq!(read_back.patch[0].1, Value::Text("é".repeat(MAX_TEXT_BYTES / 2).into()));
    }

    #[test]
    fn what_is_said_when_it_occurs_costs_a_byte() {
        let plain = event(Kind::CALL, vec![]);
        let later = Event { said_at: 1_772_443_800_000_000, ..plain.clone() };
        assert_eq!(message(&later).len() - message(&plain).len(), 8);
        // Another producer may say it although it is the same; it is the same event.
        let mut said = message(&plain);
        let at = said.len() - PLANS[0].branches.len() - 1 - fields_of(Kind::CALL) - 2;
        assert_eq!(said[at - 1..=at], [2, 0]);
        said.splice(at..=at, [2, 2]);
        let Ok(Message::Event(again)) = read(&said) else { panic!("{:?}", read(&said)) };
        assert_eq!(again.into_owned(), plain);
    }

    #[test]
    fn exactly_one_kind_or_a_heartbeat_is_said() {
        let good = message(&event(Kind::DEAL, vec![]));
        assert!(read(&good).is_ok());
        // The body ends in the deal's branch, the count of its cleared fields and the heartbeat's branch.
        let last = good.len() - 1;
        let mut both = good.clone();
        both[last] = 2;
        assert_eq!(read(&both), Err(Unreadable::Kind));
        let deal = 1 + fields_of(Kind::DEAL) + 1;
        let mut none = good.clone();
        none.drain(last - deal..last);
        none.insert(last - deal, 0);
        assert_eq!(read(&none), Err(Unreadable::Kind));
        let mut two = good;
        let email = 1 + fields_of(Kind::EMAIL) + 1;
        two[last - deal - 1] = 2;
        two.splice(last - deal..last - deal, vec![0; email - 1]);
        assert_eq!(read(&two), Err(Unreadable::Kind));
    }

    #[test]
    fn a_frame_says_what_follows() {
        let good = message(&event(Kind::CALL, vec![]));
        let mut newer = good.clone();
        newer[2] ^= 1;
        assert_eq!(read(&newer), Err(Unreadable::Schema(NEWEST.fingerprint ^ 1)));
        assert_eq!(read(&[]), Err(Unreadable::Empty));
        assert_eq!(read(&good[..9]), Err(Unreadable::Short));
        // The Confluent frame: not read yet.
        assert_eq!(read(&[&[0, 0, 0, 0, 7], &good[10..]].concat()), Err(Unreadable::Frame));
        assert_eq!(read(b"{\"source\":\"s\"}"), Err(Unreadable::Frame));
    }

    #[test]
    fn cleared_fields_may_come_in_any_blocks_but_once_and_by_name() {
        let cleared = |tail: &[u8]| {
            let mut bytes = message(&event(Kind::CALL, vec![]));
            bytes.truncate(bytes.len() - 5);
            bytes.extend_from_slice(tail);
            bytes.extend_from_slice(&[0; 4]);
            bytes
        };
        let bytes = cleared(b"\x01\x08\x06rep\x02\x08deal\x00");
        let Ok(Message::Event(read_back)) = read(&bytes) else { panic!("{:?}", read(&bytes)) };
        assert_eq!(read_back.patch.as_slice(), [(0, Value::Cleared), (3, Value::Cleared)]);
        assert_eq!(read(&cleared(b"\x02\x06rep\x02\x06rep\x00")), Err(Unreadable::Field("rep")));
        assert_eq!(read(&cleared(b"\x02\x06rip\x00")), Err(Unreadable::Field("cleared")));
        assert_eq!(read(&cleared(b"\x02\x06r\xffp\x00")), Err(Unreadable::Utf8));
    }
}
