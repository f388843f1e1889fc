//! A state's packed form in the store: a few bytes a field, so that a million activities fit tens of megabytes.
//!
//! In: a [`State`]. Out: bytes that lead back to exactly that state, with its texts as the lane's names.
//! Times are kept as their distance to `first_seen`, in the coarsest unit that holds them exactly.
//!
//! When a value was said costs nothing where it was said as it occurred, and next to nothing where an export said all of an
//! entity at once: the head then says when, and each value not said at the later of that and its stamp says so itself.

use onpace_schemas::{Currency, FieldNo, Keep, Kind, Shape, Stamp, Time, time::US};

use crate::block::{Damaged, put_wide, take, take_wide};
use crate::state::{Held, History, Kept, Said, State};

/// Set in the head: something was said later than it occurred; the last time at which that was follows `first_seen`.
const LATER: u8 = 1 << 4;
/// Set in the head: when it was deleted or brought back was not said at the usual time.
const DELETED_UNUSUALLY: u8 = 1 << 5;

/// Set in a field's first byte: it was cleared.
const CLEARED: u8 = 1;
/// Set in a field's first byte: it was said once, at `first_seen` and at the usual time.
const AT_ONCE: u8 = 2;
/// Set in the first byte of a latest value and of a history's entry: when it was said follows, for it isn't the usual time.
const UNUSUALLY: u8 = 4;

/// What stamps and the times at which they were said are measured from.
#[derive(Clone, Copy)]
struct Base {
    first_seen: Stamp,
    /// The last time at which something was said later than it occurred.
    later: i64,
}

impl Base {
    /// When a value is taken to have been said, unless it says otherwise.
    fn usual(self, stamp: Stamp) -> i64 {
        stamp.max(self.later)
    }
}

/// Packs a state.
pub fn pack(state: &State, out: &mut Vec<u8>) {
    let since = state.first_seen;
    let later = later(state);
    let base = Base { first_seen: since, later: later.unwrap_or(since) };
    let mut head = state.kind.number() | (u8::from(later.is_some()) * LATER);
    if let Some((stamp, said_at, deleted)) = state.deleted {
        head |= ((1 + u8::from(deleted)) << 6) | (u8::from(said_at != base.usual(stamp)) * DELETED_UNUSUALLY);
    }
    out.push(head);
    put_instant(since, 0, out);
    if let Some(later) = later {
        put_instant(later, since, out);
    }
    if let Some((stamp, said_at, _)) = state.deleted {
        put_instant(stamp, since, out);
        if head & DELETED_UNUSUALLY != 0 {
            put_instant(said_at, stamp, out);
        }
    }
    for (no, kept) in &state.fields {
        match kept {
            Kept::First(us) => {
                out.push(no << 3);
                put_instant(*us, since, out);
            }
            Kept::Latest(said) => put_said(no << 3, *said, base, out),
            Kept::Tracked(history) => put_history(*no, history, base, out),
        }
    }
}

/// When something was last said later than it occurred.
fn later(state: &State) -> Option<i64> {
    let late = |stamp: Stamp, said_at: i64| (said_at != stamp).then_some(said_at);
    let of_fields = state.fields.iter().filter_map(|(_, kept)| match kept {
        Kept::First(_) => None,
        Kept::Latest(said) => late(said.stamp, said.said_at),
        Kept::Tracked(history) => history.entries.iter().filter_map(|said| late(said.stamp, said.said_at)).max(),
    });
    of_fields.max().max(state.deleted.and_then(|(stamp, said_at, _)| late(stamp, said_at)))
}

/// A value, its stamp and when it was said, as far as these aren't what they mostly are; `key` is its field's number or 0.
fn put_said(key: u8, said: Said, base: Base, out: &mut Vec<u8>) {
    let usually = said.said_at == base.usual(said.stamp);
    let at_once = usually && said.stamp == base.first_seen;
    let cleared = said.held == Held::Cleared;
    out.push(key | (u8::from(!usually) * UNUSUALLY) | (u8::from(at_once) * AT_ONCE) | (u8::from(cleared) * CLEARED));
    if !at_once {
        put_instant(said.stamp, base.first_seen, out);
    }
    if !usually {
        put_instant(said.said_at, said.stamp, out);
    }
    put_held(said.held, base.first_seen, out);
}

fn put_history(no: FieldNo, history: &History, base: Base, out: &mut Vec<u8>) {
    let implied = match history.entries.as_slice() {
        // Most have one, for which nothing need be gathered.
        [Said { held: Held::Name(name), stamp, .. }] => history.entered.as_slice() == [(*name, *stamp)],
        [_] => history.entered.is_empty(),
        entries => entered_by(entries) == history.entered.as_slice(),
    };
    if let ([said], true) = (history.entries.as_slice(), implied)
        && said.stamp == base.first_seen
        && said.said_at == base.usual(said.stamp)
    {
        return put_said(no << 3, *said, base, out);
    }
    out.push(no << 3);
    put_number(history.entries.len() as u64, out);
    for said in &history.entries {
        put_said(0, *said, base, out);
    }
    let entered = if implied { &[][..] } else { &history.entered };
    put_number(entered.len() as u64, out);
    for (name, stamp) in entered {
        put_number((*name).into(), out);
        put_instant(*stamp, base.first_seen, out);
    }
}

/// What the history's own entries say of when each of its names was first named.
fn entered_by(entries: &[Said]) -> Vec<(u32, Stamp)> {
    let mut entered: Vec<(u32, Stamp)> = Vec::with_capacity(entries.len());
    for said in entries {
        if let Held::Name(name) = said.held
            && let Err(at) = entered.binary_search_by_key(&name, |(known, _)| *known)
        {
            entered.insert(at, (name, said.stamp));
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
        Held::Instant(us) => put_instant(us, since, out),
        Held::Date(day) => put_wide(zigzag(day.into()) << 2 | 3, out),
        Held::Amount(currency, minor) => {
            put_number(currency.to_number().into(), out);
            put_wide(zigzag(minor), out);
        }
    }
}

fn put_number(value: u64, out: &mut Vec<u8>) {
    put_wide(value.into(), out);
}

fn put_instant(us: i64, since: Stamp, out: &mut Vec<u8>) {
    let (unit, value) = match us.wrapping_sub(since) {
        gap if gap % US == 0 => (0, gap / US),
        gap if gap % 1_000 == 0 => (1, gap / 1_000),
        gap => (2, gap),
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
    let kind = Kind::numbered(head & 0x0F).ok_or(Damaged)?;
    let first_seen = take_instant(from, 0)?;
    let later = if head & LATER == 0 { first_seen } else { take_instant(from, first_seen)? };
    let base = Base { first_seen, later };
    let mut state = State::new(kind, first_seen);
    state.deleted = match head >> 6 {
        0 => None,
        deleted => {
            let stamp = take_instant(from, first_seen)?;
            Some((stamp, take_said_at(from, stamp, base, head & DELETED_UNUSUALLY == 0)?, deleted == 2))
        }
    };
    while !from.is_empty() {
        let key = take_byte(from)?;
        let no = key >> 3;
        let field = kind.fields().get(usize::from(no)).ok_or(Damaged)?;
        if state.fields.last().is_some_and(|(before, _)| *before >= no) {
            return Err(Damaged);
        }
        let kept = match field.keep {
            Keep::First => Kept::First(take_instant(from, first_seen)?),
            Keep::Latest => Kept::Latest(take_said(from, key, field.shape, base)?),
            Keep::Tracked if key & AT_ONCE != 0 => {
                let said = take_said(from, key, field.shape, base)?;
                Kept::Tracked(Box::new(History { entries: [said].into_iter().collect(), entered: entered_by(&[said]).into() }))
            }
            Keep::Tracked => Kept::Tracked(Box::new(take_history(from, field.shape, base)?)),
        };
        state.fields.push((no, kept));
    }
    Ok(state)
}

fn take_history(from: &mut &[u8], shape: Shape, base: Base) -> Result<History, Damaged> {
    let mut history = History::default();
    for _ in 0..take(from)? {
        let key = take_byte(from)?;
        history.entries.push(take_said(from, key, shape, base)?);
    }
    for _ in 0..take(from)? {
        let name = u32::try_from(take(from)?).map_err(|_| Damaged)?;
        history.entered.push((name, take_instant(from, base.first_seen)?));
    }
    if history.entered.is_empty() {
        history.entered = entered_by(&history.entries).into();
    }
    Ok(history)
}

/// A value behind its first byte.
fn take_said(from: &mut &[u8], key: u8, shape: Shape, base: Base) -> Result<Said, Damaged> {
    let stamp = if key & AT_ONCE != 0 { base.first_seen } else { take_instant(from, base.first_seen)? };
    let said_at = take_said_at(from, stamp, base, key & UNUSUALLY == 0)?;
    let held = if key & CLEARED != 0 { Held::Cleared } else { take_held(from, shape, base.first_seen)? };
    Ok(Said { stamp, said_at, held })
}

fn take_said_at(from: &mut &[u8], stamp: Stamp, base: Base, usually: bool) -> Result<i64, Damaged> {
    if usually {
        return Ok(base.usual(stamp));
    }
    take_instant(from, stamp)
}

fn take_held(from: &mut &[u8], shape: Shape, since: Stamp) -> Result<Held, Damaged> {
    Ok(match shape {
        Shape::Text => Held::Name(u32::try_from(take(from)?).map_err(|_| Damaged)?),
        Shape::Choice(set) => {
            let place = take_byte(from)?;
            set.get(usize::from(place)).ok_or(Damaged)?;
            Held::Choice(place)
        }
        Shape::Integer => Held::Integer(take_signed(take(from)?)),
        Shape::Flag => Held::Flag(take_byte(from)? == 1),
        Shape::Time | Shape::Instant => match take_time(from, since)? {
            Time::Instant(us) => Held::Instant(us),
            Time::Date(day) => Held::Date(day),
        },
        Shape::Amount => {
            let number = u32::try_from(take(from)?).map_err(|_| Damaged)?;
            let currency = Currency::from_number(number).ok_or(Damaged)?;
            Held::Amount(currency, take_signed(take(from)?))
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
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::Catalogue;
    use crate::fold::Rules;
    use crate::state::tests::{events, joined, names};

    static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::from(&Catalogue::built_in().unwrap()));

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

        /// It is found when the sums of its lane are compared; until then it is worked with.
        #[test]
        fn a_damaged_state_is_refused_or_does_no_harm(
            events in events(), next in events(), flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4)
        ) {
            let (mut packed, mut names) = (Vec::new(), names());
            pack(&joined(&events), &mut packed);
            for (at, bits) in flips {
                let at = at.index(packed.len());
                packed[at] ^= bits;
            }
            let Ok(mut state) = unpack(&packed) else { return Ok(()) };
            let kind = state.kind;
            let mut contributed = Vec::new();
            for event in next.iter().filter(|event| event.kind == kind) {
                RULES.contributions(&state, &names, &mut contributed);
                state.merge(event, u32::MAX, &mut names);
            }
            RULES.contributions(&state, &names, &mut contributed);
            packed.clear();
            pack(&state, &mut packed);
        }
    }

    #[test]
    fn a_usual_call_takes_a_few_bytes() {
        let mut state = State::new(Kind::CALL, 1_780_000_000 * US);
        let said = |held| Kept::Latest(Said { stamp: state.first_seen, said_at: state.first_seen, held });
        state.fields = [
            (0, said(Held::Name(7))),
            (4, said(Held::Choice(0))),
            (5, said(Held::Name(8))),
            (6, said(Held::Name(9))),
            (7, said(Held::Instant(state.first_seen - 200 * US))),
            (8, said(Held::Integer(200))),
        ]
        .into_iter()
        .collect();
        let mut packed = Vec::new();
        pack(&state, &mut packed);
        assert!(packed.len() <= 21, "{} bytes", packed.len());

        // An export said all of it weeks later; then the phone system said one more thing as it happened.
        let as_of = state.first_seen + 20 * 86_400 * US;
        for (_, kept) in &mut state.fields {
            let Kept::Latest(said) = kept else { continue };
            said.said_at = as_of;
        }
        let (plain, mut late) = (packed.len(), Vec::new());
        pack(&state, &mut late);
        assert_eq!(late.len() - plain, 4, "when it was said, once");
        let Some((_, Kept::Latest(last))) = state.fields.last_mut() else { return };
        (last.stamp, last.said_at) = (as_of + US, as_of + US);
        let mut live = Vec::new();
        pack(&state, &mut live);
        assert_eq!(live.len() - late.len(), 4, "its stamp, and not when it was said");
        assert_eq!(unpack(&live).unwrap(), state);
    }
}
