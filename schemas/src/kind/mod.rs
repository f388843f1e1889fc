//! The kinds of entity and the fields each has: the one table that validation, both codecs,
//! merging and the stored state are written against.
//!
//! Which kinds there are is data: `kinds.yaml`, of which [`built_in`] is the compiled form and [`declared`] the reader.

#[rustfmt::skip]
mod built_in;
pub mod declared;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A field's place in [`Kind::fields`].
pub type FieldNo = u8;

/// A kind of entity. Two are the same whose numbers are.
#[derive(Clone, Copy)]
pub struct Kind(&'static Definition);

/// What a kind is.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its number in stores; a log has the kinds in this order.
    pub number: u8,
    /// Its name in JSON, in the log's keys and in the catalogue.
    pub name: &'static str,
    /// What people call it.
    pub words: Words,
    /// Its fields; a field's place is its number.
    pub fields: &'static [Field],
    /// The fields that are said of one as it begins, a bit each.
    pub begins: u32,
    /// When it is open, where that can be said of it.
    pub life: Option<Life>,
}

/// What people call one, and several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: [&'static str; 2],
    /// In French.
    pub fr: [&'static str; 2],
}

/// The life of something that is open until it is closed, as the contract (section 3, deal) defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The field that says whether it is open: one of a closed set, with its history.
    pub status: FieldNo,
    /// The places in that set of what is open, a bit each.
    pub open: u64,
    /// The time at which it was created.
    pub created: FieldNo,
    /// The time at which it was closed.
    pub closed: FieldNo,
}

impl Life {
    /// Whether it is open while its status is at this place of the set.
    pub const fn is_open(&self, place: u8) -> bool {
        self.open & (1 << place) != 0
    }
}

/// What a field's values look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text up to [`crate::MAX_TEXT_BYTES`]: an open set, unknown values match nothing.
    Text,
    /// One of a closed set, least first: of two said at one instant the later in the list wins.
    Choice(&'static [&'static str]),
    /// A whole number from 0 to [`crate::MAX_INTEGER`].
    Integer,
    /// `true` or `false`.
    Flag,
    /// An instant, or a date.
    Time,
    /// An instant.
    Instant,
    /// Money.
    Amount,
}

/// Which of the values said of a field is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The value with the greatest stamp.
    Latest,
    /// The earliest value ever said; it can't be cleared.
    First,
    /// The value with the greatest stamp, and what was said before.
    Tracked,
}

/// A field of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON, Avro and the catalogue.
    pub name: &'static str,
    /// What its values look like.
    pub shape: Shape,
    /// Which value is kept.
    pub keep: Keep,
    /// Whether a longer text than [`crate::MAX_TEXT_BYTES`] is cut there, at a character; else it is refused.
    pub cut: bool,
}

impl Kind {
    /// The kind so defined.
    pub const fn of(definition: &'static Definition) -> Kind {
        Kind(definition)
    }

    /// What it is.
    pub const fn definition(self) -> &'static Definition {
        self.0
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0.number
    }

    /// Its name in JSON, in the log's keys and in the catalogue.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of that number.
    pub fn numbered(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number)).copied()
    }

    /// Its fields; a field's place here is its number.
    pub const fn fields(self) -> &'static [Field] {
        self.0.fields
    }

    /// The number of the field of that name.
    pub fn field(self, name: &str) -> Option<FieldNo> {
        self.fields().iter().position(|field| field.name == name).map(|at| at as FieldNo)
    }

    /// Whether a field belongs to what is said of one as it begins, and not only of what happens to it later.
    pub const fn begins_with(self, no: FieldNo) -> bool {
        self.0.begins & (1 << no) != 0
    }

    /// When it is open, where that can be said of it.
    pub const fn life(self) -> Option<&'static Life> {
        self.0.life.as_ref()
    }

    /// Its name with the article that goes before it: `a call`, `an email`.
    pub fn one(self) -> String {
        let vowel = self.name().starts_with(['a', 'e', 'i', 'o', 'u']);
        format!("{} {}", if vowel { "an" } else { "a" }, self.name())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.number() == other.number()
    }
}

impl Eq for Kind {}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Kind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Kind) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.number()), number);
            assert_eq!(Kind::named(kind.name()), Some(kind));
            assert_eq!(Kind::numbered(kind.number()), Some(kind));
            for (number, field) in kind.fields().iter().enumerate() {
                assert_eq!(kind.field(field.name), Some(number as u8));
            }
        }
        assert_eq!((Kind::named("feedback"), Kind::numbered(200)), (None, None));
        assert_eq!((Kind::DEAL.one(), Kind::EMAIL.one()), ("a deal".to_owned(), "an email".to_owned()));
    }
}
