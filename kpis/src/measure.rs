//! A measure: which entities count, when, for how much, and along which dimensions.
//!
//! The catalogue's YAML is parsed into these; [`crate::contributions`] applies them to a state.

use onpace_schemas::{FieldNo, Kind};

use crate::catalogue::Dimension;

/// A measure's place in its catalogue; counters are stored under it, and the catalogue's fingerprint guards it.
pub type MeasureNo = u16;

/// A measure, ready to be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its name, `calls_made`.
    pub name: String,
    /// Of which kind of entity.
    pub kind: Kind,
    /// What must hold of an entity for it to count: all of these.
    pub conditions: Vec<Condition>,
    /// When it counts, and for how much.
    pub what: What,
    /// Text fields it is broken down by, at most two; their values are a counter's `dims`.
    pub by: Vec<FieldNo>,
    /// Whose it is.
    pub credit: Credit,
}

/// Which of the reps that an entity ever had a measure is credited to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credit {
    /// The one in force when it counts; of a level, when the deal was closed, or now while it is open.
    #[default]
    InForce,
    /// The one it has now.
    Current,
}

impl Measure {
    /// What it is broken down by, in the order of a counter's `dims`: the text fields, or the value entered.
    pub fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        let fields = self.kind.fields();
        let entered = match self.what {
            What::Entered(field) => Some(Dimension::Entered(fields[usize::from(field)].name)),
            _ => None,
        };
        // A measure that counts the values of a history has that value as its only dimension.
        let by = self.by.iter().filter(move |_| entered.is_none()).map(|field| Dimension::Field(fields[usize::from(*field)].name));
        entered.into_iter().chain(by)
    }
}

/// One field, one test.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field tested.
    pub field: FieldNo,
    /// The test.
    pub test: Test,
}

/// A test of a field's current value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A closed set's value is one of these places; where nothing is said the set's first stands.
    Choice(Vec<u8>),
    /// A text is one of these; the empty string stands for nothing said.
    Text(Vec<String>),
    /// A flag is this; where nothing is said it is `false`.
    Flag(bool),
    /// Something is said of the field.
    Set,
    /// Nothing is said of the field, or it was cleared.
    Unset,
}

/// When an entity counts, and for how much.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// 1.
    Count(At),
    /// The integer of a field.
    Sum(FieldNo, At),
    /// The minor units of an amount field, by its currency; nothing where it isn't set.
    Money(FieldNo, At),
    /// 1 where an amount field is set, by its currency.
    CountValued(FieldNo, At),
    /// Whole seconds from a deal's creation to its closing, counted into a logarithmic histogram's bucket.
    Cycle,
    /// A level: +1 when a deal is created, −1 when it is closed.
    Level,
    /// A level: + the amount when a deal is created, − the amount when it is closed, by its currency.
    LevelMoney(FieldNo),
    /// 1 for each value that a tracked text field ever had, when it was first named, by that value.
    Entered(FieldNo),
}

/// The time at which an entity counts.
#[derive(Clone, Debug, PartialEq)]
pub enum At {
    /// The first of these time fields that is set, else `first_seen`.
    Fields(Vec<FieldNo>),
    /// A deal's creation, as the contract defines it.
    Created,
    /// A deal's closing, as the contract defines it; an open deal doesn't count.
    Closed,
}

impl What {
    /// Whether its counters carry a currency.
    pub fn has_currency(&self) -> bool {
        matches!(self, What::Money(..) | What::CountValued(..) | What::LevelMoney(_))
    }

    /// Whether its values are money, in minor units.
    pub fn is_money(&self) -> bool {
        matches!(self, What::Money(..) | What::LevelMoney(_))
    }

    /// Whether it is a level: its value in a window is the sum over all slots before the window's end.
    pub fn is_level(&self) -> bool {
        matches!(self, What::Level | What::LevelMoney(_))
    }

    /// Whether its counters are the buckets of a histogram.
    pub fn is_histogram(&self) -> bool {
        matches!(self, What::Cycle)
    }
}
