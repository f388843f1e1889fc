//! Words that are nearly others.
//!
//! In: words that measures look for, and words that were said. Out: which of these is nearly one of those. Never here: a word taken
//! for another.

use std::collections::{BTreeMap, HashMap};

use onpace_schemas::{FieldNo, Kind};

use super::{What, Words};
use crate::names::alike;

/// The longest word that is compared.
const MOST_BYTES: usize = 60;

/// The words that measures look for, by field.
#[derive(Default)]
pub struct Known(BTreeMap<(Kind, FieldNo), Vec<String>>);

impl Known {
    pub(super) fn new(words: &Words) -> Known {
        let numbered = words.iter().filter_map(|((kind, field), words)| Some(((*kind, kind.field(field)?), words.clone())));
        Known(numbered.collect())
    }

    /// Whether measures look at the field, and none for this word.
    pub(super) fn is_unknown(&self, kind: Kind, field: FieldNo, word: &str) -> bool {
        self.0.get(&(kind, field)).is_some_and(|words| words.iter().all(|known| known != word))
    }

    pub(super) fn doubts(&self, others: &HashMap<(Kind, FieldNo, String), u64>) -> Vec<(What, u64, String)> {
        let mut found = BTreeMap::<(Kind, FieldNo, &str), Vec<_>>::new();
        for ((kind, field, word), count) in others {
            let words = self.0.get(&(*kind, *field)).map_or(&[][..], Vec::as_slice);
            if let Some(known) = nearly(word, words.iter().map(String::as_str)) {
                found.entry((*kind, *field, known)).or_default().push((word.as_str(), *count));
            }
        }
        let told = found.into_iter().map(|((kind, field, known), mut words)| {
            words.sort_unstable();
            let count = words.iter().map(|(_, count)| count).sum();
            let field = kind.fields()[usize::from(field)].name;
            let shown: Vec<String> =
                words.iter().take(super::EXAMPLES).map(|(word, count)| format!("`{}` ({count})", visible(word))).collect();
            let text = format!("{field} {} of a {} matches nothing: measures look for `{known}`", shown.join(", "), kind.name());
            (What::NearlyKnown, count, text)
        });
        told.collect()
    }
}

/// The known word that a word is nearly, and isn't: by case, blanks and signs between, or by one letter of five or more.
pub fn nearly<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > MOST_BYTES {
        return None;
    }
    let letters = |word: &str| alike(word).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let said = letters(word);
    let mut best = None;
    for known in known {
        if known == word {
            return None;
        }
        let wanted = letters(known);
        if said == wanted || (wanted.chars().count() >= 5 && strsim::damerau_levenshtein(&said, &wanted) <= 1) {
            best.get_or_insert(known);
        }
    }
    best
}

/// Whether a stage's name sounds like a deal's end: `Won`, `Closed Won`, `closed-lost`.
pub(super) fn sounds_closed(stage: &str) -> bool {
    let stage = alike(stage);
    let mut words = stage.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        [
            "won",
            "lost",
            "closedwon",
            "closedlost",
            "gewonnen",
            "verloren",
            "gagné",
            "gagnée",
            "perdu",
            "perdue",
            "ganado",
            "ganada",
            "perdido",
            "perdida",
        ]
        .contains(&word)
    })
}

/// A text in which what can't be seen is shown: `Zoé\u{a0}Martin`.
pub(super) fn visible(text: &str) -> String {
    let decomposed = crate::names::tidy(text) != text;
    let shown = text.chars().take(MOST_BYTES).map(|c| match c {
        ' ' => " ".to_owned(),
        c if c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{300}'..='\u{36f}') =>
        {
            format!("\\u{{{:x}}}", c as u32)
        }
        c => c.to_string(),
    });
    if decomposed { shown.collect() } else { text.chars().take(MOST_BYTES).collect() }
}
