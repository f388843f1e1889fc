//! From an entity's state to what it adds to which counters.
//!
//! `contributions(state)` is a pure function; when a patch changes an entity, the fold adds
//! `contributions(new) − contributions(old)`, so the counters are at every moment the sum over all entities.

use onpace_schemas::{FieldNo, Kind, Money, Time, time::US};

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

/// Appends what a state contributes to the given measures (of which those of other kinds are passed over).
pub fn contributions(state: &State, measures: &[Measure], names: &Names, out: &mut Vec<Contribution>) {
    if state.deleted.is_some_and(|(_, _, deleted)| deleted) {
        return;
    }
    let life = Life::of(state);
    for (number, measure) in measures.iter().enumerate() {
        if measure.kind == state.kind && measure.conditions.iter().all(|condition| holds(state, condition, names)) {
            let entity = Entity { state, life: &life, measure, number: number as MeasureNo };
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
    life: &'a Life,
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

/// When a deal was created and closed, as the contract (section 3, deal) defines it.
struct Life {
    created: Time,
    closed: Option<Time>,
}

impl Life {
    fn of(state: &State) -> Life {
        let first_seen = Time::Instant(state.first_seen);
        if state.kind != Kind::Deal {
            return Life { created: first_seen, closed: None };
        }
        let closed = closed(state);
        let created = state.time(DEAL_CREATED_AT).unwrap_or_else(|| match closed {
            Some(closed) if closed.stands_at() < state.first_seen => closed,
            _ => first_seen,
        });
        let closed = closed.map(|closed| if closed.stands_at() < created.stands_at() { created } else { closed });
        Life { created, closed }
    }
}

const DEAL_STATUS: FieldNo = 6;
const DEAL_CREATED_AT: FieldNo = 9;
const DEAL_CLOSED_AT: FieldNo = 10;
const OPEN: u8 = 0;

fn closed(state: &State) -> Option<Time> {
    let entries = &state.history(DEAL_STATUS)?.entries;
    let status = |held: Held| match held {
        Held::Choice(place) => place,
        _ => OPEN,
    };
    let current = status(entries.last()?.held);
    if current == OPEN {
        return None;
    }
    let other = entries.iter().rposition(|entry| status(entry.held) != current);
    let said = state.time(DEAL_CLOSED_AT).filter(|_| match other {
        // A date left over from an earlier closing does not count.
        Some(other) => state.stamp(DEAL_CLOSED_AT) > Some(entries[other].stamp),
        None => true,
    });
    said.or_else(|| entries.get(other.map_or(0, |other| other + 1)).map(|entry| Time::Instant(entry.stamp)))
}

/// The fields that the life of a kind's entities is read from, beside those that measures name: a bit for each.
pub fn life_fields(kind: Kind) -> u32 {
    match kind {
        Kind::Deal => 1 << DEAL_STATUS | 1 << DEAL_CREATED_AT | 1 << DEAL_CLOSED_AT | 1 << REP,
        Kind::Call | Kind::Meeting | Kind::Email => 1 << REP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_fields_are_those_of_the_table() {
        for kind in Kind::ALL {
            assert_eq!(kind.field("rep"), Some(REP));
        }
        assert_eq!(Kind::Deal.field("status"), Some(DEAL_STATUS));
        assert_eq!(Kind::Deal.field("created_at"), Some(DEAL_CREATED_AT));
        assert_eq!(Kind::Deal.field("closed_at"), Some(DEAL_CLOSED_AT));
    }
}
