//! From an entity's state to what it adds to which counters.
//!
//! `contributions(state)` is a pure function; when a patch changes an entity, the fold adds
//! `contributions(new) − contributions(old)`, so the counters are at every moment the sum over all entities.

use onpace_schemas::{FieldNo, Kind, Life, Money, Time, time::US};

use crate::state::{Held, State};
use crate::{At, Condition, Credit, Measure, MeasureNo, NameId, Names, Slot, Test, What, histogram};

/// What a counter counts: of which measure, along which dimensions, when. The rep is the block's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// The measure.
    pub measure: MeasureNo,
    /// The values of the measure's `by` fields, or the name entered, by the lane's names; 0 where there is none.
    pub dims: [NameId; 2],
    /// The currency's number, or the histogram's bucket; else 0.
    pub extra: u32,
    /// When.
    pub slot: Slot,
}

/// What one entity adds to one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The rep, by the lane's names; 0 counts under `unassigned`.
    pub rep: NameId,
    /// The counter.
    pub counter: Counter,
    /// How much: a count, seconds, minor units; never 0.
    pub value: i128,
}

/// A deal created at an instant and closed on a date that stands less than this after it was, in some zone, closed before
/// it was created: it adds nothing to the levels.
const DATE_SPREAD_US: i64 = 26 * 3600 * US;

/// Appends what a state contributes to the measures of its kind, each with its number.
pub(crate) fn contributions(state: &State, measures: &[(MeasureNo, Measure)], names: &Names, out: &mut Vec<Contribution>) {
    if state.deleted.is_some_and(|(_, _, deleted)| deleted) {
        return;
    }
    let life = Lived::of(state);
    for (number, measure) in measures {
        if measure.conditions.iter().all(|condition| holds(state, condition, names)) {
            let entity = Entity { state, life: &life, measure, number: *number };
            entity.contribute(out);
        }
    }
}

fn holds(state: &State, condition: &Condition, names: &Names) -> bool {
    let value = state.value(condition.field);
    match &condition.test {
        Test::Choice(places) => places.contains(&match value {
            Some(Held::Choice(place)) => place,
            _ => 0,
        }),
        Test::Text(texts) => {
            let name = names.text(state.name(condition.field));
            texts.iter().any(|text| text == name)
        }
        Test::Flag(wanted) => matches!(value, Some(Held::Flag(true))) == *wanted,
        Test::Set => value.is_some(),
        Test::Unset => value.is_none(),
    }
}

struct Entity<'a> {
    state: &'a State,
    life: &'a Lived,
    measure: &'a Measure,
    number: MeasureNo,
}

impl Entity<'_> {
    fn contribute(&self, out: &mut Vec<Contribution>) {
        let amount = |field: FieldNo| match self.state.value(field) {
            Some(Held::Amount(currency, minor)) => Some(Money { currency, minor }),
            _ => None,
        };
        match &self.measure.what {
            What::Count(at) => {
                if let Some(at) = self.time(at) {
                    self.add(at, at, 0, 1, out);
                }
            }
            What::Sum(field, at) => {
                if let (Some(at), Some(Held::Integer(value))) = (self.time(at), self.state.value(*field)) {
                    self.add(at, at, 0, value.into(), out);
                }
            }
            What::Money(field, at) => {
                if let (Some(at), Some(money)) = (self.time(at), amount(*field)) {
                    self.add(at, at, money.currency.to_number(), money.minor.into(), out);
                }
            }
            What::CountValued(field, at) => {
                if let (Some(at), Some(money)) = (self.time(at), amount(*field)) {
                    self.add(at, at, money.currency.to_number(), 1, out);
                }
            }
            What::Cycle => {
                if let Some(closed) = self.life.closed {
                    let seconds = (closed.stands_at() - self.life.created.stands_at()).div_euclid(US);
                    self.add(closed, closed, histogram::bucket(seconds), 1, out);
                }
            }
            What::Level => self.level(0, 1, out),
            What::LevelMoney(field) => {
                if let Some(money) = amount(*field) {
                    self.level(money.currency.to_number(), money.minor.into(), out);
                }
            }
            What::Entered(field) => {
                for (name, stamp) in self.state.history(*field).map_or(&[][..], |history| &history.entered) {
                    let at = Time::Instant(*stamp);
                    self.add_named(at, at, [*name, 0], 0, 1, out);
                }
            }
        }
    }

    fn time(&self, at: &At) -> Option<Time> {
        match at {
            At::Fields(fields) => {
                Some(fields.iter().find_map(|field| self.state.time(*field)).unwrap_or(Time::Instant(self.state.first_seen)))
            }
            At::Created => Some(self.life.created),
            At::Closed => self.life.closed,
        }
    }

    /// Both ends of a closed deal's time as an open one belong to the rep in force at its closing.
    fn level(&self, extra: u32, value: i128, out: &mut Vec<Contribution>) {
        let created = self.life.created;
        let Some(closed) = self.life.closed else {
            // An open deal is its current rep's.
            return self.add(Time::Instant(i64::MAX), created, extra, value, out);
        };
        let spread = closed.stands_at() - created.stands_at();
        if matches!((created, closed), (Time::Instant(_), Time::Date(_))) && spread < DATE_SPREAD_US {
            return;
        }
        self.add(closed, created, extra, value, out);
        self.add(closed, closed, extra, -value, out);
    }

    /// Adds a value at `at` to the rep in force at `in_force`, or to the current one where the measure credits him.
    fn add(&self, in_force: Time, at: Time, extra: u32, value: i128, out: &mut Vec<Contribution>) {
        let mut dims = [0; 2];
        for (dim, field) in dims.iter_mut().zip(&self.measure.by) {
            *dim = self.state.name(*field);
        }
        self.add_named(in_force, at, dims, extra, value, out);
    }

    fn add_named(&self, in_force: Time, at: Time, dims: [NameId; 2], extra: u32, value: i128, out: &mut Vec<Contribution>) {
        if value != 0 {
            let rep = match self.measure.credit {
                Credit::InForce => self.state.name_at(REP, in_force.stands_at()),
                Credit::Current => self.state.name(REP),
            };
            let counter = Counter { measure: self.number, dims, extra, slot: Slot::of(at) };
            out.push(Contribution { rep, counter, value });
        }
    }
}

/// Every kind's first field is its rep.
pub(crate) const REP: FieldNo = 0;

impl State {
    fn time(&self, no: FieldNo) -> Option<Time> {
        self.value(no)?.time()
    }
}

/// When an entity was created and closed, as the contract (section 3, deal) defines it of whatever has a life.
struct Lived {
    created: Time,
    closed: Option<Time>,
}

impl Lived {
    fn of(state: &State) -> Lived {
        let first_seen = Time::Instant(state.first_seen);
        let Some(life) = state.kind.life() else { return Lived { created: first_seen, closed: None } };
        let closed = closed(state, life);
        let created = state.time(life.created).unwrap_or_else(|| match closed {
            Some(closed) if closed.stands_at() < state.first_seen => closed,
            _ => first_seen,
        });
        let closed = closed.map(|closed| if closed.stands_at() < created.stands_at() { created } else { closed });
        Lived { created, closed }
    }
}

fn closed(state: &State, life: &Life) -> Option<Time> {
    let entries = &state.history(life.status)?.entries;
    let status = |held: Held| match held {
        Held::Choice(place) => place,
        // Where nothing is said the set's first stands.
        _ => 0,
    };
    let current = status(entries.last()?.held);
    if life.is_open(current) {
        return None;
    }
    let other = entries.iter().rposition(|entry| status(entry.held) != current);
    let said = state.time(life.closed).filter(|_| match other {
        // A date left over from an earlier closing does not count.
        Some(other) => state.stamp(life.closed) > Some(entries[other].stamp),
        None => true,
    });
    said.or_else(|| entries.get(other.map_or(0, |other| other + 1)).map(|entry| Time::Instant(entry.stamp)))
}

/// The fields that the life of a kind's entities is read from, beside those that measures name: a bit for each.
pub fn life_fields(kind: Kind) -> u32 {
    1 << REP | kind.life().map_or(0, |life| 1 << life.status | 1 << life.created | 1 << life.closed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::{Event, Value, declared};

    use super::*;

    const ORDERS: &str = "
order:
  number: 9
  name: { en: [order, orders], fr: [commande, commandes] }
  fields:
    rep: { text: history }
    total: amount
    paid_at: time
    status: { of: [placed, cancelled, packed, paid], keep: history }
    placed_at: time
  life: { status: status, open: [placed, packed], created: placed_at, closed: paid_at }
";

    /// What orders add to: those placed, those settled, those that are open; each with the hour it counts at.
    fn counted(said: &[(i64, Vec<(&str, Value<'static>)>)]) -> Vec<(&'static str, i64, i128)> {
        let kind = Kind::of(Box::leak(Box::new(declared::kinds(ORDERS).unwrap().remove(0))));
        let hour = 3_600 * US;
        let mut names = Names::default();
        let mut state = State::new(kind, i64::MAX);
        for (at, fields) in said {
            let patch = fields.iter().map(|(name, value)| (kind.field(name).unwrap(), value.clone())).collect();
            let (id, source, entity) = ("".into(), "shop".into(), "1".into());
            let (occurred_at, said_at) = (at * hour, at * hour);
            state.merge(&Event { id, source, kind, entity, occurred_at, said_at, deleted: None, patch }, u32::MAX, &mut names);
        }
        let what = [("placed", What::Count(At::Created)), ("settled", What::Count(At::Closed)), ("open", What::Level)];
        let measure = |(name, what): (&str, What)| {
            let (name, conditions, by, credit) = (name.to_owned(), Vec::new(), Vec::new(), Credit::default());
            Measure { name, kind, conditions, what, by, credit }
        };
        let measures: Vec<_> = (0..).zip(what.clone().map(measure)).collect();
        let mut out = Vec::new();
        contributions(&state, &measures, &names, &mut out);
        let at = |slot: Slot| (0..).find(|hours| Slot::of(Time::Instant(hours * hour)) == slot).unwrap();
        out.iter().map(|added| (what[usize::from(added.counter.measure)].0, at(added.counter.slot), added.value)).collect()
    }

    #[test]
    fn whatever_has_a_life_is_created_and_closed_like_a_deal() {
        let status = |place: u8| ("status", Value::Choice(place));
        let time = |name: &'static str, hours: i64| (name, Value::Time(Time::Instant(hours * 3_600 * US)));
        let (placed, cancelled, packed, paid) = (status(0), status(1), status(2), status(3));
        // Nothing said of its status: the set's first stands, and is open.
        assert_eq!(counted(&[(5, vec![time("placed_at", 3)])]), [("placed", 3, 1), ("open", 3, 1)]);
        // From one open status to another it stays open.
        assert_eq!(counted(&[(5, vec![placed.clone()]), (7, vec![packed.clone()])]), [("placed", 5, 1), ("open", 5, 1)]);
        let settled = [("placed", 5, 1), ("settled", 9, 1), ("open", 5, 1), ("open", 9, -1)];
        assert_eq!(counted(&[(5, vec![placed.clone()]), (7, vec![packed.clone()]), (9, vec![paid.clone()])]), settled);
        // At the time that is said, or as it was cancelled.
        assert_eq!(counted(&[(5, vec![packed.clone()]), (12, vec![paid.clone(), time("paid_at", 9)])]), settled);
        assert_eq!(counted(&[(5, vec![packed.clone()]), (9, vec![cancelled])]), settled);
        // Open again: a time left over from the earlier closing doesn't count when it is closed anew.
        let again = [(5, vec![placed]), (6, vec![paid.clone(), time("paid_at", 6)]), (7, vec![packed])];
        assert_eq!(counted(&again), [("placed", 5, 1), ("open", 5, 1)]);
        let closed_anew: Vec<_> = again.into_iter().chain([(9, vec![paid])]).collect();
        assert_eq!(counted(&closed_anew), settled);
    }

    #[test]
    fn every_kinds_first_field_is_its_rep() {
        for kind in Kind::ALL {
            assert_eq!(kind.field("rep"), Some(REP));
        }
    }
}
