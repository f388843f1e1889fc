//! A field's value, ordered as the merge orders values said at one instant.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::{Money, Time};

/// What an event says of one field.
///
/// The order is the merge's: of several values said at one and the same instant the greatest wins.
/// A field has one shape, so only `Cleared` ever meets another variant there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The field was emptied; less than any value.
    Cleared,
    /// `false` < `true`.
    Flag(bool),
    /// By value.
    Integer(i64),
    /// The place in the closed set's list.
    Choice(u8),
    /// By UTF-8 bytes.
    Text(Cow<'a, str>),
    /// By instant; a date after the instant at which it stands.
    Time(Time),
    /// By currency, then minor units.
    Amount(Money),
}

impl Value<'_> {
    /// The same value, owning its text.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Cleared => Value::Cleared,
            Value::Flag(flag) => Value::Flag(flag),
            Value::Integer(integer) => Value::Integer(integer),
            Value::Choice(choice) => Value::Choice(choice),
            Value::Time(time) => Value::Time(time),
            Value::Amount(money) => Value::Amount(money),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Cleared => 0,
            Value::Flag(_) => 1,
            Value::Integer(_) => 2,
            Value::Choice(_) => 3,
            Value::Text(_) => 4,
            Value::Time(_) => 5,
            Value::Amount(_) => 6,
        }
    }
}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Value::Flag(a), Value::Flag(b)) => a.cmp(b),
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Choice(a), Value::Choice(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Amount(a), Value::Amount(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleared_is_least_and_text_goes_by_bytes() {
        let text = |text| Value::Text(Cow::Borrowed(text));
        assert!(Value::Cleared < Value::Flag(false));
        assert!(Value::Flag(false) < Value::Flag(true));
        assert!(text("Z") < text("a"));
        assert!(text("z") < text("é"));
        assert!(Value::Cleared < text(""));
        assert!(Value::Choice(0) < Value::Choice(2));
        assert!(Value::Time(Time::Instant(43_200_000_000)) < Value::Time(Time::Date(0)));
        assert!(Value::Time(Time::Date(0)) < Value::Time(Time::Instant(43_200_000_001)));
    }
}
