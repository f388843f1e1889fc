//! Why an event was refused, in words that a stranger can act on.

use std::borrow::Cow;
use std::fmt;

/// Why an event was refused, from a closed list: what is counted, whatever the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Not JSON, or no object.
    Malformed,
    /// Over 64 KiB.
    TooLarge,
    /// A field that is not known.
    UnknownField,
    /// A required field is missing.
    MissingField,
    /// A kind that is not known.
    UnknownKind,
    /// When it happened: without offset, in the future, before 1970, no time at all.
    OccurredAt,
    /// When it was said: without offset, in the future, before it happened, no time at all.
    SaidAt,
    /// A value that its field does not take.
    InvalidValue,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Reason; 8] = [
        Reason::Malformed,
        Reason::TooLarge,
        Reason::UnknownField,
        Reason::MissingField,
        Reason::UnknownKind,
        Reason::OccurredAt,
        Reason::SaidAt,
        Reason::InvalidValue,
    ];

    /// Its name as a label has it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Malformed => "malformed",
            Reason::TooLarge => "too_large",
            Reason::UnknownField => "unknown_field",
            Reason::MissingField => "missing_field",
            Reason::UnknownKind => "unknown_kind",
            Reason::OccurredAt => "occurred_at",
            Reason::SaidAt => "said_at",
            Reason::InvalidValue => "invalid_value",
        }
    }
}

/// A refused event: the field at fault and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, from the closed list.
    pub reason: Reason,
    /// The path of the field, `data.duration_s`; empty where the event as a whole is at fault.
    pub field: String,
    /// What is wrong and what would be right.
    pub error: String,
}

impl Refusal {
    /// A refusal of one field.
    pub fn new(reason: Reason, field: impl Into<String>, error: impl Into<String>) -> Self {
        Refusal { reason, field: field.into(), error: error.into() }
    }

    /// A refusal of a value that its field does not take.
    pub fn of_value(field: impl Into<String>, error: impl Into<String>) -> Self {
        Refusal::new(Reason::InvalidValue, field, error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.error),
            field => write!(f, "{field}: {}", self.error),
        }
    }
}

impl std::error::Error for Refusal {}

/// Text as given, short enough for a log line.
pub(crate) fn clip(text: &str) -> Cow<'_, str> {
    const MOST_BYTES: usize = 60;
    if text.len() <= MOST_BYTES {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= MOST_BYTES).last();
    Cow::Owned(format!("{}…", &text[..end.unwrap_or_default()]))
}

/// `"; did you mean `x`?"` for the nearest of the known names, or a list of them where none is near.
pub fn did_you_mean<'a>(given: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    // Nothing that long is near; comparing takes time and memory by the product of the lengths.
    const MOST_BYTES: usize = 60;
    let nearest = match given.len() {
        0..=MOST_BYTES => {
            let given = given.to_lowercase();
            known.clone().map(|name| (strsim::damerau_levenshtein(&given, &name.to_lowercase()), name)).min()
        }
        _ => None,
    };
    match nearest {
        Some((distance, name)) if distance <= 1 + name.len() / 4 => format!("; did you mean `{name}`?"),
        _ => format!("; known are {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_or_all_are() {
        let known = ["rep", "occurred_at", "Deal"];
        let hint = |given: &str| did_you_mean(given, known.into_iter());
        assert_eq!(hint("repp"), "; did you mean `rep`?");
        assert_eq!(hint("occurredAt"), "; did you mean `occurred_at`?");
        assert_eq!(hint("DEALS"), "; did you mean `Deal`?");
        assert_eq!(hint("weather"), "; known are `rep`, `occurred_at`, `Deal`");
        assert_eq!(hint(&"x".repeat(60_000)), hint("weather"));
    }

    #[test]
    fn what_is_shown_stays_short_and_whole() {
        assert_eq!(clip("café"), "café");
        let clipped = clip(&"é".repeat(1_000)).into_owned();
        assert!(clipped.len() < 70 && clipped.ends_with("é…"));
        assert_eq!(Refusal::of_value("", "empty").to_string(), "empty");
        assert_eq!(Refusal::of_value("data.rep", "empty").to_string(), "data.rep: empty");
    }
}
