//! A state's packed form in the store: a few bytes a field, so that a million activities fit tens of megabytes.
//!
//! In: a [`State`]. Out: bytes that lead back to exactly that state, with its texts as the lane's names.
//! Times are kept as their distance to `first_seen`, in the coarsest unit that holds them exactly.

use onpace_schemas::{Currency, FieldNo, Keep, Kind, Money, Shape, Stamp, Time, time::US};

use crate::block::{Damaged, put_wide, take, take_wide};
use crate::state::{Held, History, Kept, Said, State};

/// Set in a field's first byte: it was said once, at `first_seen`.
const AT_ONCE: u8 = 2;
/// Set in a field's first byte, beside [`AT_ONCE`] or of a latest value: it was cleared.
const CLEARED: u8 = 1;

/// Packs a state.
pub fn pack(state: &State, out: &mut Vec<u8>) {
    let deleted = match state.deleted {
        None => 0,
        Some((_, deleted)) => 1 + u8::from(deleted),
    };
    out.push(state.kind as u8 | deleted << 6);
    put_time(Time::Instant(state.first_seen), 0, out);
    let since = state.first_seen;
    if let Some((stamp, _)) = state.deleted {
        put_time(Time::Instant(stamp), since, out);
    }
    for (no, kept) in &state.fields {
        match kept {
            Kept::First(us) => {
                out.push(no << 2);
                put_time(Time::Instant(*us), since, out);
            }
            Kept::Latest((stamp, held)) => {
                let at_once = *stamp == since;
                out.push((no << 2) | (u8::from(at_once) * AT_ONCE) | (u8::from(*held == Held::Cleared) * CLEARED));
                if !at_once {
                    put_time(Time::Instant(*stamp), since, out);
                }
                put_held(*held, since, out);
            }
            Kept::Tracked(history) => put_history(*no, history, since, out),
        }
    }
}

fn put_history(no: FieldNo, history: &History, since: Stamp, out: &mut Vec<u8>) {
    let implied = entered_by(&history.entries) == history.entered.as_slice();
    if let ([(stamp, held)], true) = (history.entries.as_slice(), implied)
        && *stamp == since
    {
        out.push((no << 2) | AT_ONCE | (u8::from(*held == Held::Cleared) * CLEARED));
        return put_held(*held, since, out);
    }
    out.push(no << 2);
    put_number(history.entries.len() as u64, out);
    for (stamp, held) in &history.entries {
        put_time(Time::Instant(*stamp), since, out);
        out.push(u8::from(*held == Held::Cleared));
        put_held(*held, since, out);
    }
    let entered = if implied { &[][..] } else { &history.entered };
    put_number(entered.len() as u64, out);
    for (name, stamp) in entered {
        put_number((*name).into(), out);
        put_time(Time::Instant(*stamp), since, out);
    }
}

/// What the history's own entries say of when each of its names was first named.
fn entered_by(entries: &[Said]) -> Vec<(u32, Stamp)> {
    let mut entered: Vec<(u32, Stamp)> = Vec::with_capacity(entries.len());
    for (stamp, held) in entries {
        if let Held::Name(name) = held
            && let Err(at) = entered.binary_search_by_key(name, |(known, _)| *known)
        {
            entered.insert(at, (*name, *stamp));
        }
    }
    entered
}

fn put_held(held: Held, since: Stamp, out: &mut Vec<u8>) {
    match held {
        Held::Cleared => {}
        Held::Flag(flag) => out.push(flag.into()),
        Held::Integer(integer) => put_wide(zigzag(integer), out),
        Held::Choice(place) => out.push(place),
        Held::Name(name) => put_number(name.into(), out),
        Held::Time(time) => put_time(time, since, out),
        Held::Amount(money) => {
            put_number(money.currency.to_number().into(), out);
            put_wide(zigzag(money.minor), out);
        }
    }
}

fn put_number(value: u64, out: &mut Vec<u8>) {
    put_wide(value.into(), out);
}

fn put_time(time: Time, since: Stamp, out: &mut Vec<u8>) {
    let (unit, value) = match time {
        Time::Date(day) => (3, i64::from(day)),
        Time::Instant(us) => match us.wrapping_sub(since) {
            gap if gap % US == 0 => (0, gap / US),
            gap if gap % 1_000 == 0 => (1, gap / 1_000),
            gap => (2, gap),
        },
    };
    put_wide(zigzag(value) << 2 | unit, out);
}

fn zigzag(value: i64) -> u128 {
    (((value << 1) ^ (value >> 63)) as u64).into()
}

/// Reads a packed state.
///
/// # Errors
/// [`Damaged`] bytes.
pub fn unpack(mut packed: &[u8]) -> Result<State, Damaged> {
    let from = &mut packed;
    let head = take_byte(from)?;
    let kind = *Kind::ALL.get(usize::from(head & 0x3F)).ok_or(Damaged)?;
    let first_seen = take_instant(from, 0)?;
    let mut state = State::new(kind, first_seen);
    state.deleted = match head >> 6 {
        0 => None,
        deleted => Some((take_instant(from, first_seen)?, deleted == 2)),
    };
    while !from.is_empty() {
        let key = take_byte(from)?;
        let no = key >> 2;
        let field = kind.fields().get(usize::from(no)).ok_or(Damaged)?;
        if state.fields.last().is_some_and(|(before, _)| *before >= no) {
            return Err(Damaged);
        }
        let (at_once, cleared) = (key & AT_ONCE != 0, key & CLEARED != 0);
        let kept = match field.keep {
            Keep::First => Kept::First(take_instant(from, first_seen)?),
            Keep::Latest => {
                let stamp = if at_once { first_seen } else { take_instant(from, first_seen)? };
                Kept::Latest((stamp, take_held(from, field.shape, cleared, first_seen)?))
            }
            Keep::Tracked if at_once => {
                let said = (first_seen, take_held(from, field.shape, cleared, first_seen)?);
                Kept::Tracked(Box::new(History { entries: [said].into_iter().collect(), entered: entered_by(&[said]).into() }))
            }
            Keep::Tracked => Kept::Tracked(Box::new(take_history(from, field.shape, first_seen)?)),
        };
        state.fields.push((no, kept));
    }
    Ok(state)
}

fn take_history(from: &mut &[u8], shape: Shape, since: Stamp) -> Result<History, Damaged> {
    let mut history = History::default();
    for _ in 0..take(from)? {
        let stamp = take_instant(from, since)?;
        let cleared = take_byte(from)? == 1;
        history.entries.push((stamp, take_held(from, shape, cleared, since)?));
    }
    for _ in 0..take(from)? {
        let name = u32::try_from(take(from)?).map_err(|_| Damaged)?;
        history.entered.push((name, take_instant(from, since)?));
    }
    if history.entered.is_empty() {
        history.entered = entered_by(&history.entries).into();
    }
    Ok(history)
}

fn take_held(from: &mut &[u8], shape: Shape, cleared: bool, since: Stamp) -> Result<Held, Damaged> {
    if cleared {
        return Ok(Held::Cleared);
    }
    Ok(match shape {
        Shape::Text => Held::Name(u32::try_from(take(from)?).map_err(|_| Damaged)?),
        Shape::Choice(_) => Held::Choice(take_byte(from)?),
        Shape::Integer => Held::Integer(take_signed(take(from)?)),
        Shape::Flag => Held::Flag(take_byte(from)? == 1),
        Shape::Time | Shape::Instant => Held::Time(take_time(from, since)?),
        Shape::Amount => {
            let number = u32::try_from(take(from)?).map_err(|_| Damaged)?;
            let currency = Currency::from_number(number).ok_or(Damaged)?;
            Held::Amount(Money { currency, minor: take_signed(take(from)?) })
        }
    })
}

fn take_byte(from: &mut &[u8]) -> Result<u8, Damaged> {
    let (byte, rest) = from.split_first().ok_or(Damaged)?;
    *from = rest;
    Ok(*byte)
}

fn take_instant(from: &mut &[u8], since: Stamp) -> Result<i64, Damaged> {
    match take_time(from, since)? {
        Time::Instant(us) => Ok(us),
        Time::Date(_) => Err(Damaged),
    }
}

fn take_time(from: &mut &[u8], since: Stamp) -> Result<Time, Damaged> {
    let coded = take_wide(from)?;
    let value = take_signed(u64::try_from(coded >> 2).map_err(|_| Damaged)?);
    let gap = match coded & 3 {
        0 => value.checked_mul(US),
        1 => value.checked_mul(1_000),
        2 => Some(value),
        _ => return i32::try_from(value).map(Time::Date).map_err(|_| Damaged),
    };
    Ok(Time::Instant(since.wrapping_add(gap.ok_or(Damaged)?)))
}

fn take_signed(zigzag: u64) -> i64 {
    (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use proptest::prelude::*;

    use super::*;
    use crate::state::tests::{events, joined};

    proptest! {
        #[test]
        fn packing_leads_back(events in events()) {
            let state = joined(&events);
            let mut packed = Vec::new();
            pack(&state, &mut packed);
            prop_assert_eq!(unpack(&packed).unwrap(), state);
        }

        #[test]
        fn noise_is_damage_not_panic(noise in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = unpack(&noise);
        }
    }

    #[test]
    fn a_usual_call_takes_a_few_bytes() {
        let mut state = State::new(Kind::Call, 1_780_000_000 * US);
        let said = |held| Kept::Latest((state.first_seen, held));
        state.fields = [
            (0, said(Held::Name(7))),
            (4, said(Held::Choice(0))),
            (5, said(Held::Name(8))),
            (6, said(Held::Name(9))),
            (7, said(Held::Time(Time::Instant(state.first_seen - 200 * US)))),
            (8, said(Held::Integer(200))),
        ]
        .into_iter()
        .collect();
        let mut packed = Vec::new();
        pack(&state, &mut packed);
        assert!(packed.len() <= 21, "{} bytes", packed.len());
    }
}
