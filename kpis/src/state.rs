//! An entity's state: the join of all events that speak of it.
//!
//! [`State::merge`] is commutative, associative and idempotent (property-tested below), which is why
//! neither order nor duplicates can change a number. Only the fields that some measure looks at are
//! kept; the catalogue's fingerprint guards the choice.

use std::cmp::Ordering;

use onpace_schemas::{Currency, Event, FieldNo, Keep, Kind, Money, Stamp, Time, Value};
use smallvec::SmallVec;

use crate::{NameId, Names};

/// How many entries a tracked field's history keeps: those of the greatest stamps.
pub const HISTORY: usize = 256;

/// How many different values a tracked text field keeps the first naming of: those of the smallest stamps, the lesser text of equals. Like
/// [`HISTORY`] it depends on the set of events alone: whatever is kept of two sets is kept of both together.
pub const NAMED: usize = 1_000;

/// A field's value with its text interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Emptied.
    Cleared,
    /// A flag.
    Flag(bool),
    /// An integer.
    Integer(i64),
    /// A place in a closed set.
    Choice(u8),
    /// A text, by its lane's names.
    Name(NameId),
    /// An instant, in microseconds since 1970.
    Instant(i64),
    /// A date, in days since 1970.
    Date(i32),
    /// Minor units of a currency.
    Amount(Currency, i64),
}

/// What was said of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Since when it is true: its event's `occurred_at`.
    pub stamp: Stamp,
    /// When the source said so, in microseconds since 1970; never before the stamp.
    pub said_at: i64,
    /// The value.
    pub held: Held,
}

/// Whether an entity was deleted or brought back, as [`Said`]; the greatest wins.
pub type Deleted = (Stamp, i64, bool);

/// What is kept of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The value with the greatest stamp.
    Latest(Said),
    /// The earliest instant ever said, microseconds since 1970.
    First(i64),
    /// The history.
    Tracked(Box<History>),
}

/// A tracked field's past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// One value an instant, by ascending stamp, at most [`HISTORY`].
    pub entries: SmallVec<[Said; 2]>,
    /// Of text: each value ever named, with the smallest stamp that named it, by ascending name; at most [`NAMED`].
    pub entered: SmallVec<[(NameId, Stamp); 2]>,
}

/// An entity's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Its kind.
    pub kind: Kind,
    /// The smallest stamp of any of its events.
    pub first_seen: Stamp,
    /// Whether it was deleted or brought back last.
    pub deleted: Option<Deleted>,
    /// What is kept of its fields, by ascending number.
    pub fields: SmallVec<[(FieldNo, Kept); 8]>,
}

impl State {
    /// The state of an entity of which one event is about to be merged.
    pub fn new(kind: Kind, first_seen: Stamp) -> State {
        State { kind, first_seen, deleted: None, fields: SmallVec::new() }
    }

    /// Joins an event into the state; `kept` has a bit for each field that is kept.
    pub fn merge(&mut self, event: &Event<'_>, kept: u32, names: &mut Names) {
        let (stamp, said_at) = (event.occurred_at, event.said_at);
        self.first_seen = self.first_seen.min(stamp);
        if let Some(deleted) = event.deleted {
            self.deleted = self.deleted.max(Some((stamp, said_at, deleted)));
        }
        for (no, value) in &event.patch {
            if kept & (1 << no) != 0 {
                let held = hold(value, names);
                self.say(*no, Said { stamp, said_at, held }, names);
            }
        }
    }

    fn say(&mut self, no: FieldNo, new: Said, names: &Names) {
        let field = &self.kind.fields()[usize::from(no)];
        // An event says its fields in order: of a new entity each is the last.
        let is_last = self.fields.last().is_none_or(|(last, _)| *last < no);
        let found = if is_last { Err(self.fields.len()) } else { self.fields.binary_search_by_key(&no, |(known, _)| *known) };
        let at = match found {
            Ok(at) => at,
            Err(at) => {
                let first = match field.keep {
                    // Nothing to compare it with.
                    Keep::Latest => return self.fields.insert(at, (no, Kept::Latest(new))),
                    Keep::First => Kept::First(i64::MAX),
                    Keep::Tracked => Kept::Tracked(Box::default()),
                };
                self.fields.insert(at, (no, first));
                at
            }
        };
        match &mut self.fields[at].1 {
            Kept::Latest(said) => {
                if wins(new, *said, names) {
                    *said = new;
                }
            }
            Kept::First(first) => {
                if let Some(time) = new.held.time() {
                    *first = (*first).min(time.stands_at());
                }
            }
            Kept::Tracked(history) => history.say(new, names),
        }
    }

    fn kept(&self, no: FieldNo) -> Option<&Kept> {
        self.fields.binary_search_by_key(&no, |(known, _)| *known).ok().map(|at| &self.fields[at].1)
    }

    /// A field's current value; `None` where nothing was said or it was cleared.
    pub fn value(&self, no: FieldNo) -> Option<Held> {
        let held = match self.kept(no)? {
            Kept::Latest(said) => said.held,
            Kept::First(us) => Held::Instant(*us),
            Kept::Tracked(history) => history.entries.last()?.held,
        };
        (held != Held::Cleared).then_some(held)
    }

    /// The stamp of a latest-wins field's value.
    pub fn stamp(&self, no: FieldNo) -> Option<Stamp> {
        match self.kept(no)? {
            Kept::Latest(said) => Some(said.stamp),
            Kept::First(_) | Kept::Tracked(_) => None,
        }
    }

    /// Whether some field has been given as many different values as are kept: then not all may count that were named.
    pub fn is_full(&self) -> bool {
        self.fields.iter().any(|(_, kept)| matches!(kept, Kept::Tracked(history) if history.entered.len() >= NAMED))
    }

    /// A tracked field's past.
    pub fn history(&self, no: FieldNo) -> Option<&History> {
        match self.kept(no)? {
            Kept::Tracked(history) => Some(history),
            Kept::Latest(_) | Kept::First(_) => None,
        }
    }

    /// A text field's current value; 0, the empty name, where there is none.
    pub fn name(&self, no: FieldNo) -> NameId {
        match self.value(no) {
            Some(Held::Name(name)) => name,
            _ => 0,
        }
    }

    /// A text field's value in force at an instant: that of the greatest stamp up to it, or, where there is none, of the
    /// smallest stamp. A field without history has its current value at all times.
    pub fn name_at(&self, no: FieldNo, at_us: i64) -> NameId {
        let Some(history) = self.history(no) else { return self.name(no) };
        let upto = history.entries.partition_point(|entry| entry.stamp <= at_us);
        match history.entries.get(upto.saturating_sub(1)) {
            Some(Said { held: Held::Name(name), .. }) => *name,
            _ => 0,
        }
    }
}

impl History {
    fn say(&mut self, new: Said, names: &Names) {
        if let Held::Name(name) = new.held {
            match self.entered.binary_search_by_key(&name, |(known, _)| *known) {
                Ok(at) => self.entered[at].1 = self.entered[at].1.min(new.stamp),
                Err(at) => {
                    self.entered.insert(at, (name, new.stamp));
                    self.forget_last(names);
                }
            }
        }
        match self.entries.binary_search_by_key(&new.stamp, |entry| entry.stamp) {
            Ok(at) => {
                if wins(new, self.entries[at], names) {
                    self.entries[at] = new;
                }
            }
            Err(at) => {
                self.entries.insert(at, new);
                if self.entries.len() > HISTORY {
                    self.entries.remove(0);
                }
            }
        }
    }
}

impl History {
    /// Drops the value that was named last of all where there are too many.
    fn forget_last(&mut self, names: &Names) {
        if self.entered.len() <= NAMED {
            return;
        }
        let place = |(name, stamp): &(NameId, Stamp)| (*stamp, names.text(*name));
        if let Some((last, _)) = self.entered.iter().enumerate().max_by(|(_, a), (_, b)| place(a).cmp(&place(b))) {
            self.entered.remove(last);
        }
    }
}

/// Whether the first of two things said of one field wins over the second.
fn wins(new: Said, old: Said, names: &Names) -> bool {
    match new.stamp.cmp(&old.stamp).then(new.said_at.cmp(&old.said_at)) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => new.held != old.held && show(new.held, names) > show(old.held, names),
    }
}

fn hold(value: &Value<'_>, names: &mut Names) -> Held {
    match value {
        Value::Cleared => Held::Cleared,
        Value::Flag(flag) => Held::Flag(*flag),
        Value::Integer(integer) => Held::Integer(*integer),
        Value::Choice(choice) => Held::Choice(*choice),
        Value::Text(text) => Held::Name(names.intern(text)),
        Value::Time(Time::Instant(us)) => Held::Instant(*us),
        Value::Time(Time::Date(day)) => Held::Date(*day),
        Value::Amount(money) => Held::Amount(money.currency, money.minor),
    }
}

impl Held {
    /// A time as such.
    pub fn time(self) -> Option<Time> {
        match self {
            Held::Instant(us) => Some(Time::Instant(us)),
            Held::Date(day) => Some(Time::Date(day)),
            _ => None,
        }
    }
}

/// The value with its text again: values are ordered in one place, [`Value`].
pub fn show<'a>(held: Held, names: &'a Names) -> Value<'a> {
    match held {
        Held::Cleared => Value::Cleared,
        Held::Flag(flag) => Value::Flag(flag),
        Held::Integer(integer) => Value::Integer(integer),
        Held::Choice(choice) => Value::Choice(choice),
        Held::Name(name) => Value::Text(names.text(name).into()),
        Held::Instant(us) => Value::Time(Time::Instant(us)),
        Held::Date(day) => Value::Time(Time::Date(day)),
        Held::Amount(currency, minor) => Value::Amount(Money { currency, minor }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::borrow::Cow;

    use onpace_schemas::{Currency, Patch, Shape};
    use proptest::prelude::*;

    use super::*;

    fn value(kind: Kind, no: FieldNo, pick: u8) -> Value<'static> {
        let field = kind.fields()[usize::from(no)];
        if pick == 0 && field.keep != Keep::First {
            return Value::Cleared;
        }
        let texts = ["a", "b", "é", "Z"];
        match field.shape {
            Shape::Text => Value::Text(Cow::Borrowed(texts[usize::from(pick) % 4])),
            Shape::Choice(set) => Value::Choice(pick % set.len() as u8),
            Shape::Integer => Value::Integer(pick.into()),
            Shape::Flag => Value::Flag(pick.is_multiple_of(2)),
            Shape::Time if pick.is_multiple_of(2) => Value::Time(Time::Date(pick.into())),
            Shape::Time | Shape::Instant => Value::Time(Time::Instant(i64::from(pick) * 43_200_000_000)),
            Shape::Amount => {
                let currency = Currency::parse(["EUR", "JPY"][usize::from(pick) % 2]).unwrap();
                Value::Amount(Money { currency, minor: i64::from(pick) - 2 })
            }
        }
    }

    /// Events of one entity with few instants and few values, so that ties are common.
    pub(crate) fn events() -> impl Strategy<Value = Vec<Event<'static>>> {
        (0..Kind::ALL.len()).prop_flat_map(|kind| {
            let kind = Kind::ALL[kind];
            let patch = prop::collection::btree_map(0..kind.fields().len() as u8, 0..5u8, 0..5);
            // Mostly said as it occurred; else at one of few later instants, so that they tie too.
            let late = prop_oneof![3 => Just(0), 1 => 1..4i64, 1 => prop::sample::select(vec![1_000_000, 7_000_000_000])];
            prop::collection::vec((0..6i64, late, patch, prop::option::of(any::<bool>())), 1..12).prop_map(move |said| {
                said.into_iter()
                    .map(|(occurred_at, late, patch, deleted)| Event {
                        id: "".into(),
                        source: "s".into(),
                        kind,
                        entity: "e".into(),
                        occurred_at,
                        // Of the great ones, all at one instant, as an export says them.
                        said_at: if late < 4 { occurred_at + late } else { late },
                        deleted,
                        patch: patch.into_iter().map(|(no, pick)| (no, value(kind, no, pick))).collect::<Patch<'_>>(),
                    })
                    .collect()
            })
        })
    }

    pub(crate) fn names() -> Names {
        let mut names = Names::default();
        for text in ["a", "b", "é", "Z"] {
            names.intern(text);
        }
        names
    }

    pub(crate) fn joined<'a>(events: impl IntoIterator<Item = &'a Event<'static>>) -> State {
        let mut names = names();
        let mut state: Option<State> = None;
        for event in events {
            state.get_or_insert_with(|| State::new(event.kind, event.occurred_at)).merge(event, u32::MAX, &mut names);
        }
        state.unwrap()
    }

    proptest! {
        #[test]
        fn any_order_with_any_duplicates_gives_the_same_state(
            events in events(), order in prop::collection::vec(any::<prop::sample::Index>(), 0..24)) {
            let again: Vec<_> = order.iter().map(|index| index.get(&events)).collect();
            let shuffled = again.into_iter().chain(events.iter().rev());
            prop_assert_eq!(joined(shuffled), joined(&events));
        }
    }

    fn staged(occurred_at: i64, stage: String) -> Event<'static> {
        let patch = [(Kind::DEAL.field("stage").unwrap(), Value::Text(Cow::Owned(stage)))].into_iter().collect();
        let (id, source, entity) = ("".into(), "s".into(), "e".into());
        Event { id, source, kind: Kind::DEAL, entity, occurred_at, said_at: occurred_at, deleted: None, patch }
    }

    /// What was entered when, by text.
    fn entered(state: &State, names: &Names) -> Vec<(Stamp, String)> {
        let history = state.history(Kind::DEAL.field("stage").unwrap()).unwrap();
        let mut entered: Vec<_> = history.entered.iter().map(|(name, stamp)| (*stamp, names.text(*name).to_owned())).collect();
        entered.sort();
        entered
    }

    #[test]
    fn of_too_many_stages_the_first_are_kept_whatever_the_order() {
        // 1,500 stages, several at an instant, some named again before and after.
        let mut events: Vec<Event<'static>> = (0..1_500).map(|n| staged(n / 3, format!("stage {}", n * 7 % 1_500))).collect();
        events.extend((0..200).map(|n| staged(900 - n, format!("stage {}", n * 31 % 1_500))));
        let mut first: std::collections::BTreeMap<String, Stamp> = std::collections::BTreeMap::new();
        for event in &events {
            if let Some((_, Value::Text(stage))) = event.patch.iter().next() {
                let stamp = first.entry(stage.to_string()).or_insert(event.occurred_at);
                *stamp = event.occurred_at.min(*stamp);
            }
        }
        let mut wanted: Vec<(Stamp, String)> = first.into_iter().map(|(stage, stamp)| (stamp, stage)).collect();
        wanted.sort();
        wanted.truncate(NAMED);
        let folded = |order: &mut dyn Iterator<Item = usize>| {
            let mut names = Names::default();
            let mut state = State::new(Kind::DEAL, events[0].occurred_at);
            for at in order {
                state.merge(&events[at], u32::MAX, &mut names);
            }
            (entered(&state, &names), state.is_full())
        };
        let count = events.len();
        assert_eq!(folded(&mut (0..count)), (wanted.clone(), true));
        assert_eq!(folded(&mut (0..count).rev()), (wanted.clone(), true));
        assert_eq!(folded(&mut (0..2 * count).map(|n| n * 1_009 % count)), (wanted, true));
        assert!(!folded(&mut (0..900)).1);
    }

    #[test]
    fn a_history_keeps_the_greatest_stamps_and_every_first_naming() {
        let event = |occurred_at: i64, stage: &'static str| Event {
            id: "".into(),
            source: "s".into(),
            kind: Kind::DEAL,
            entity: "e".into(),
            occurred_at,
            said_at: occurred_at,
            deleted: None,
            patch: [(Kind::DEAL.field("stage").unwrap(), Value::Text(stage.into()))].into_iter().collect(),
        };
        let mut events = vec![event(0, "a")];
        events.extend((1..=300).map(|stamp| event(stamp, "b")));
        let forward = joined(&events);
        events.reverse();
        assert_eq!(joined(&events), forward);
        let history = forward.history(Kind::DEAL.field("stage").unwrap()).unwrap();
        assert_eq!(history.entries.len(), HISTORY);
        assert_eq!(history.entries[0].stamp, 45);
        assert_eq!(history.entered.as_slice(), [(1, 0), (2, 1)]);
    }

    /// What an event says of a deal's rep and product and of whether it is deleted, at a stamp, said at.
    fn deal(occurred_at: i64, said_at: i64, rep: Option<&'static str>, deleted: Option<bool>) -> Event<'static> {
        let value = rep.map_or(Value::Cleared, |rep| Value::Text(rep.into()));
        let patch = ["rep", "product", "stage"].map(|name| (Kind::DEAL.field(name).unwrap(), value.clone()));
        let (id, source, entity) = ("".into(), "s".into(), "e".into());
        Event { id, source, kind: Kind::DEAL, entity, occurred_at, said_at, deleted, patch: patch.into_iter().collect() }
    }

    #[test]
    fn of_one_stamp_what_was_said_last_wins_whatever_its_value() {
        let [rep, product, stage] = ["rep", "product", "stage"].map(|name| Kind::DEAL.field(name).unwrap());
        let (a, b) = (1, 2);
        for (events, name) in [
            // The lesser value, said later.
            (vec![deal(10, 20, Some("a"), None), deal(10, 10, Some("b"), None)], a),
            (vec![deal(10, 20, None, None), deal(10, 19, Some("b"), None)], 0),
            // Said at once: the greater value.
            (vec![deal(10, 20, Some("a"), None), deal(10, 20, Some("b"), None)], b),
            // A greater stamp wins over whatever was said later of an earlier one.
            (vec![deal(11, 11, Some("a"), None), deal(10, 99, Some("b"), None)], a),
        ] {
            for events in [events.iter().collect::<Vec<_>>(), events.iter().rev().collect()] {
                let state = joined(events);
                assert_eq!([rep, product, stage].map(|no| state.name(no)), [name; 3]);
                // Both stages were named, and the earliest stamp is what counts.
                assert!(state.history(stage).unwrap().entered.iter().all(|(_, stamp)| *stamp >= 10 && *stamp <= 11));
                assert_eq!(state.first_seen, 10);
            }
        }
        let gone = |events: &[Event<'static>]| joined(events).deleted.unwrap().2;
        assert!(!gone(&[deal(10, 20, None, Some(false)), deal(10, 10, None, Some(true))]));
        assert!(gone(&[deal(10, 20, None, Some(true)), deal(10, 20, None, Some(false))]));
        assert!(gone(&[deal(11, 11, None, Some(true)), deal(10, 99, None, Some(false))]));
    }

    #[test]
    fn what_was_said_later_is_no_first_naming_and_no_first_sight() {
        let stage = Kind::DEAL.field("stage").unwrap();
        let state = joined(&[deal(10, 900, Some("a"), None), deal(20, 20, Some("a"), None), deal(10, 901, Some("b"), None)]);
        assert_eq!(state.history(stage).unwrap().entered.as_slice(), [(1, 10), (2, 10)]);
        assert_eq!(state.first_seen, 10);
    }

    #[test]
    fn a_history_full_of_what_was_said_later_keeps_the_greatest_stamps() {
        // The older the stamp, the later it was said.
        let events: Vec<_> = (0..300).map(|stamp| deal(stamp, 10_000 - stamp, Some("a"), None)).collect();
        let state = joined(&events);
        let entries = &state.history(0).unwrap().entries;
        assert_eq!((entries.len(), entries[0].stamp, entries[0].said_at), (HISTORY, 44, 9_956));
        assert_eq!(joined(events.iter().rev()), state);
    }

    #[test]
    fn keeping_when_it_was_said_takes_no_more_memory_than_before() {
        assert_eq!((size_of::<Held>(), size_of::<Said>(), size_of::<Kept>()), (16, 32, 32));
    }
}
