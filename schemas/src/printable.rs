//! Texts that somebody else chose, made fit to be shown on a terminal, in a spreadsheet, in a log.
//!
//! In: any text. Out: the same without what could move a cursor, ring, colour, or turn the direction of writing; a secret left out of an
//! address. Never here: what is kept; a text is changed where it is shown, nowhere else.

use std::borrow::Cow;

/// Whether a character could do more than be seen: control characters move the cursor, and those that turn the direction of writing or
/// end a line could show one name, or the numbers beside it, as another.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// A text on one line, with `�` in the place of each character that could do more than be seen.
pub fn printable(text: &str) -> Cow<'_, str> {
    shown(text, is_unsafe)
}

/// A text of several lines of ours, in which somebody else's words may stand: as [`printable`], but lines stay lines.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    shown(text, |c| c != '\n' && is_unsafe(c))
}

fn shown(text: &str, unsafe_here: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&unsafe_here) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if unsafe_here(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
}

/// An address, or several with commas between, with `***` for what stands before an `@`: it may be a password.
///
/// ```
/// # use onpace_schemas::without_secret;
/// assert_eq!(without_secret("redis://me:secret@host:6379/0"), "redis://***@host:6379/0");
/// assert_eq!(without_secret("me:secret@one:9092,two:9092"), "***@one:9092,two:9092");
/// ```
pub fn without_secret(address: &str) -> Cow<'_, str> {
    let scheme = address.find("://").map_or("", |at| &address[..at + 3]);
    let scheme = if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:/".contains(&byte)) { scheme } else { "" };
    // A password may hold a comma, a slash, an @: whatever stands before the last @ goes, and whatever is asked for behind a ?.
    match (address.rsplit_once('@'), address.split_once('?')) {
        (None, None) => Cow::Borrowed(address),
        (Some((_, host)), None) => Cow::Owned(format!("{scheme}***@{host}")),
        (None, Some((place, _))) => Cow::Owned(format!("{place}?***")),
        (Some(_), Some(_)) => Cow::Owned(format!("{scheme}***")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_do_more_than_be_seen_is_not_shown() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}1mc\u{202e}d\u{2067}e\nf\u{7f}\u{2028}g"), "a�[2Jb�1mc�d�e�f��g");
        assert_eq!(printable("זאב\u{200f} 1"), "זאב\u{200f} 1", "a mark that a name may need");
        assert_eq!(printable("👩\u{200d}💻 Zoé"), "👩\u{200d}💻 Zoé");
        assert!(matches!(printable("Zoé"), Cow::Borrowed(_)));
        assert_eq!(printable_lines("one\ntwo\r\u{1b}c"), "one\ntwo��c");
    }

    #[test]
    fn whatever_may_be_a_password_is_left_out() {
        for (address, shown) in [
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("redis://:s@host", "redis://***@host"),
            ("redis://me:a@b,c/d@host:1", "redis://***@host:1"),
            ("rediss+x://me:s@host", "rediss+x://***@host"),
            ("me:s@host:9092", "***@host:9092"),
            ("SASL://me:s@one:1,SASL://me:s@two:2", "SASL://***@two:2"),
            ("one:1,me:s@two:2", "***@two:2"),
            ("secret with @", "***@"),
            ("my pass://word@host", "***@host"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
            ("unix:///run/redis.sock?pass=x", "unix:///run/redis.sock?***"),
            ("unix:///run/redis.sock?pass=x@y", "unix://***"),
            ("redis://me:who?@host", "redis://***"),
        ] {
            assert_eq!(without_secret(address), shown, "{address}");
        }
    }
}
