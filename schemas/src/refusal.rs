//! Why an event was refused, in words that a stranger can act on.

/// A refused event: the field at fault and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {error}")]
pub struct Refusal {
    /// The path of the field, `data.duration_s`; empty where the event as a whole is at fault.
    pub field: String,
    /// What is wrong and what would be right.
    pub error: String,
}

impl Refusal {
    /// A refusal of one field.
    pub fn new(field: impl Into<String>, error: impl Into<String>) -> Self {
        Refusal { field: field.into(), error: error.into() }
    }
}

/// `"; did you mean `x`?"` for the nearest of the known names, or a list of them where none is near.
pub fn did_you_mean<'a>(given: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known.clone().map(|name| (strsim::damerau_levenshtein(given, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + name.len() / 4 => format!("; did you mean `{name}`?"),
        _ => format!("; known are {}", known.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}
