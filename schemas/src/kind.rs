//! The kinds of entity and the fields each has: the one table that validation, both codecs,
//! merging and the stored state are written against.
//!
//! A new field goes at the end of its kind's table (its number is stored) and at the end of its Avro record.

/// A kind of entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A phone call.
    Call = 0,
    /// A meeting in a calendar.
    Meeting = 1,
    /// An e-mail.
    Email = 2,
    /// A sales opportunity.
    Deal = 3,
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

const fn latest(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, keep: Keep::Latest, cut: false }
}
const fn first(name: &'static str) -> Field {
    Field { name, shape: Shape::Instant, keep: Keep::First, cut: false }
}
const fn tracked(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, keep: Keep::Tracked, cut: false }
}
/// A text that people write freely, and which nothing is looked up by.
const fn free(name: &'static str) -> Field {
    Field { name, shape: Shape::Text, keep: Keep::Latest, cut: true }
}

const DIRECTION: Shape = Shape::Choice(&["outbound", "inbound"]);

const CALL: &[Field] = &[
    latest("rep", Shape::Text),
    latest("account", Shape::Text),
    latest("contact", Shape::Text),
    latest("deal", Shape::Text),
    latest("direction", DIRECTION),
    latest("purpose", Shape::Text),
    latest("outcome", Shape::Text),
    latest("started_at", Shape::Time),
    latest("duration_s", Shape::Integer),
];

const MEETING: &[Field] = &[
    latest("rep", Shape::Text),
    latest("account", Shape::Text),
    latest("contact", Shape::Text),
    latest("deal", Shape::Text),
    latest("status", Shape::Choice(&["scheduled", "cancelled", "no_show", "held"])),
    latest("starts_at", Shape::Time),
    latest("duration_s", Shape::Integer),
    latest("purpose", Shape::Text),
];

const EMAIL: &[Field] = &[
    latest("rep", Shape::Text),
    latest("account", Shape::Text),
    latest("contact", Shape::Text),
    latest("deal", Shape::Text),
    latest("campaign", Shape::Text),
    latest("direction", DIRECTION),
    latest("sent_at", Shape::Time),
    latest("bounced", Shape::Flag),
    first("opened_at"),
    first("machine_opened_at"),
    first("clicked_at"),
    first("replied_at"),
];

const DEAL: &[Field] = &[
    tracked("rep", Shape::Text),
    latest("account", Shape::Text),
    latest("contact", Shape::Text),
    free("name"),
    latest("product", Shape::Text),
    latest("origin", Shape::Text),
    tracked("status", Shape::Choice(&["open", "lost", "won"])),
    tracked("stage", Shape::Text),
    latest("amount", Shape::Amount),
    latest("created_at", Shape::Time),
    latest("closed_at", Shape::Time),
    tracked("expected_close", Shape::Time),
    free("lost_reason"),
];

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Kind; 4] = [Kind::Call, Kind::Meeting, Kind::Email, Kind::Deal];

    /// Its name in JSON, in the log's keys and in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Call => "call",
            Kind::Meeting => "meeting",
            Kind::Email => "email",
            Kind::Deal => "deal",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its fields; a field's place here is its number.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Kind::Call => CALL,
            Kind::Meeting => MEETING,
            Kind::Email => EMAIL,
            Kind::Deal => DEAL,
        }
    }

    /// The number of the field of that name.
    pub fn field(self, name: &str) -> Option<u8> {
        self.fields().iter().position(|field| field.name == name).map(|at| at as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_back() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert_eq!(Kind::named(kind.name()), Some(kind));
            for (number, field) in kind.fields().iter().enumerate() {
                assert_eq!(kind.field(field.name), Some(number as u8));
            }
        }
        assert_eq!(Kind::named("feedback"), None);
    }
}
