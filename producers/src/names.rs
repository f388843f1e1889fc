//! Names: made alike, so that one person is one rep; and zones that promise a place and have no summer.
//!
//! In: a name as somebody typed it. Out: the same letters in one form, or what is odd about it. Never here: a letter changed into another, or a name into the
//! one that it nearly is.

use icu_normalizer::ComposingNormalizerBorrowed;

/// A name without what can't be seen: composed letters (NFC), one ordinary blank between words, none around, nothing of no width.
pub fn tidy(name: &str) -> String {
    // Soft hyphens, zero-width blanks and joiners, byte order marks.
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let seen: String = name.chars().filter(|c| !unseen(*c)).collect();
    let words: Vec<&str> = seen.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&words.join(" ")).into_owned()
}

/// [`tidy`] in small letters.
pub fn alike(name: &str) -> String {
    // Small letters may decompose: `İ` becomes an `i` and a dot above.
    ComposingNormalizerBorrowed::new_nfc().normalize(&tidy(name).to_lowercase()).into_owned()
}

/// Whether a zone's name promises a place and its clocks are never put forward: `EST` is New York's winter all the year.
pub fn knows_no_summer(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["EST", "MST", "HST"].contains(&upper.as_str()) || upper.starts_with("ETC/GMT+") || upper.starts_with("ETC/GMT-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_zones_know_no_summer() {
        assert!(knows_no_summer("EST") && !knows_no_summer("America/New_York") && !knows_no_summer("UTC"));
    }

    #[test]
    fn what_looks_alike_becomes_one() {
        for name in
            ["Zoé Martin", " Zoé  Martin ", "Zoe\u{301} Martin", "Zoé\u{a0}Martin", "Zoé\u{202f}Martin\u{200b}", "\u{feff}Zoé\tMartin\r\n"]
        {
            assert_eq!(tidy(name), "Zoé Martin");
            assert_eq!(alike(name), "zoé martin");
        }
        assert_eq!(alike("ZOÉ MARTIN"), "zoé martin");
        assert_eq!(tidy("ZOÉ Martin"), "ZOÉ Martin", "case is kept");
        assert_ne!(alike("Zoe Martin"), alike("Zoé Martin"), "another letter is another letter");
        assert_eq!(tidy(" \u{a0} "), "");
    }
}
