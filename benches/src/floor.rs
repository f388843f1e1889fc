//! A made-up sales floor as Avro messages: 40 reps, 83 calls a rep and day, each call said in two events (it began, it ended).
//! In: how many calls. Out: messages in the order in which a phone system would send them.

use onpace_schemas::{Event, Kind, Patch, Time, Value, avro, time::US};

/// Reps on the floor.
pub const REPS: usize = 40;
/// Calls of a rep in a day.
pub const CALLS_A_DAY: usize = 83;
/// 2026-01-01T08:00:00Z in seconds.
const FIRST_MORNING_S: i64 = 1_767_254_400;
/// How many calls later a call ends.
const LATER: usize = 25;

/// A log message.
pub struct Message {
    /// `call:ID`
    pub key: Vec<u8>,
    /// Avro.
    pub value: Vec<u8>,
}

/// The messages of so many calls, two each.
pub fn messages(calls: usize) -> impl Iterator<Item = Message> {
    (0..calls + LATER).flat_map(move |at| {
        let began = (at < calls).then(|| began(at));
        let ended = at.checked_sub(LATER).map(ended);
        began.into_iter().chain(ended)
    })
}

/// The rep of a call.
pub fn rep(call: usize) -> String {
    format!("rep {:02}", call % REPS)
}

fn start_s(call: usize) -> i64 {
    let (day, within) = ((call / (REPS * CALLS_A_DAY)) as i64, (call / REPS % CALLS_A_DAY) as i64);
    FIRST_MORNING_S + day * 86_400 + within * 420 + (call % REPS) as i64 * 7
}

fn field(name: &str) -> u8 {
    Kind::CALL.field(name).unwrap_or_default()
}

fn began(call: usize) -> Message {
    let rep = rep(call);
    let purpose = ["prospecting", "follow_up", "service"][call % 3];
    let patch = [
        (field("rep"), Value::Text(rep.as_str().into())),
        (field("direction"), Value::Choice(call.is_multiple_of(5).into())),
        (field("purpose"), Value::Text(purpose.into())),
        (field("started_at"), Value::Time(Time::Instant(start_s(call) * US))),
    ];
    message(call, "began", start_s(call), patch.into_iter().collect())
}

fn ended(call: usize) -> Message {
    let outcome = ["connected", "voicemail", "no_answer"][call % 3];
    let duration_s = 30 + (call as i64 * 37) % 900;
    let patch = [(field("outcome"), Value::Text(outcome.into())), (field("duration_s"), Value::Integer(duration_s))];
    message(call, "ended", start_s(call) + duration_s, patch.into_iter().collect())
}

fn message(call: usize, what: &str, occurred_s: i64, patch: Patch<'_>) -> Message {
    let event = Event {
        id: format!("{what}-{call:08}-7f3a").into(),
        source: "phone-system".into(),
        kind: Kind::CALL,
        entity: format!("phone:{call:012}").into(),
        occurred_at: occurred_s * US,
        said_at: occurred_s * US,
        deleted: None,
        patch,
    };
    let mut value = Vec::with_capacity(120);
    avro::write(&event, &mut value);
    Message { key: event.key(), value }
}
