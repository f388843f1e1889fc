//! Instants and dates: strict reading of RFC 3339, and where a date stands among instants.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// Microseconds in a second.
pub const US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * US;

/// An instant, or a date that belongs to no zone until it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    /// Microseconds since 1970, UTC.
    Instant(i64),
    /// Days since 1970-01-01.
    Date(i32),
}

impl Time {
    /// Where it stands among instants, in microseconds since 1970: a date at 12:00 UTC of its day.
    pub fn stands_at(self) -> i64 {
        match self {
            Time::Instant(us) => us,
            Time::Date(day) => i64::from(day) * DAY_US + DAY_US / 2,
        }
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |time: &Time| (time.stands_at(), matches!(time, Time::Date(_)));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An RFC 3339 time with offset as microseconds since 1970; further digits are cut off.
///
/// # Errors
/// Everything else, in words that say what would be right.
pub fn parse_instant(text: &str) -> Result<i64, String> {
    let example = "write RFC 3339 such as 2026-03-02T09:30:00+01:00";
    let bytes = text.as_bytes();
    let well_formed = bytes.len() >= 19
        && text.is_ascii()
        && bytes.iter().take(19).enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            10 => matches!(byte, b'T' | b't' | b' '),
            13 | 16 => *byte == b':',
            _ => byte.is_ascii_digit(),
        });
    if !well_formed {
        return Err(match parse_date(text) {
            Ok(_) => format!("`{text}` is a date; an instant belongs here, {example}"),
            Err(_) => format!("`{text}` is no time; {example}"),
        });
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i32>().unwrap_or(-1);
    let (fraction, offset) = match text[19..].strip_prefix('.') {
        None => ("", &text[19..]),
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
    };
    if text[19..].starts_with('.') && fraction.is_empty() {
        return Err(format!("`{text}` has no digit after the point; {example}"));
    }
    let offset = match offset.as_bytes() {
        [] => return Err(format!("`{text}` has no offset from UTC, and none is guessed; append Z or one such as +01:00")),
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|d| d.is_ascii_digit()) => {
            let two = |a: &u8, b: &u8| i32::from(a - b'0') * 10 + i32::from(b - b'0');
            let (hours, minutes) = (two(h1, h2), two(m1, m2));
            if hours > 23 || minutes > 59 {
                return Err(format!("`{text}` has an impossible offset; {example}"));
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return Err(format!("`{text}` ends in no offset from UTC; {example}")),
    };
    if number(17, 19) == 60 {
        return Err(format!("`{text}` is a leap second, which no clock here counts; write :59"));
    }
    let civil = DateTime::new(
        number(0, 4) as i16,
        number(5, 7) as i8,
        number(8, 10) as i8,
        number(11, 13) as i8,
        number(14, 16) as i8,
        number(17, 19) as i8,
        0,
    )
    .map_err(|_| format!("`{text}` is not in the calendar; {example}"))?;
    let micros = fraction.bytes().map(|d| i64::from(d - b'0')).chain(std::iter::repeat(0)).take(6).fold(0, |us, d| us * 10 + d);
    let instant = Offset::from_seconds(offset)
        .and_then(|offset| offset.to_timestamp(civil))
        .map_err(|_| format!("`{text}` is out of range; {example}"))?;
    Ok(instant.as_second() * US + micros)
}

/// A date `2026-03-02` as days since 1970-01-01.
///
/// # Errors
/// Everything else, in words that say what would be right.
pub fn parse_date(text: &str) -> Result<i32, String> {
    let bytes = text.as_bytes();
    let well_formed = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    let wrong = || format!("`{text}` is no date; write one such as 2026-03-02");
    if !well_formed {
        return Err(wrong());
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i16>().unwrap_or(-1);
    let date = Date::new(number(0, 4), number(5, 7) as i8, number(8, 10) as i8).map_err(|_| wrong())?;
    Ok(day_of(date))
}

/// An instant with offset, or a date.
///
/// # Errors
/// Everything else, in words that say what would be right.
pub fn parse_time(text: &str) -> Result<Time, String> {
    if text.len() == 10 {
        return parse_date(text).map(Time::Date);
    }
    parse_instant(text).map(Time::Instant)
}

/// An instant as RFC 3339 in UTC, with as many digits as it needs.
pub fn show_instant(us: i64) -> String {
    match Timestamp::from_microsecond(us) {
        Ok(instant) => instant.to_string(),
        Err(_) => format!("{us} µs"),
    }
}

/// A date as `2026-03-02`.
pub fn show_date(day: i32) -> String {
    date_of(day).to_string()
}

/// A time as it would be written in JSON.
pub fn show_time(time: Time) -> String {
    match time {
        Time::Instant(us) => show_instant(us),
        Time::Date(day) => show_date(day),
    }
}

/// Days since 1970-01-01 of a date.
pub fn day_of(date: Date) -> i32 {
    // Whole days by construction: both ends are midnights of one offset.
    (Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).map_or(0, |t| t.as_second()) / 86_400) as i32
}

/// The date so many days after 1970-01-01, held within the calendar's years −9999 to 9999.
pub fn date_of(day: i32) -> Date {
    Timestamp::from_second(i64::from(day) * 86_400)
        .map(|instant| Offset::UTC.to_datetime(instant).date())
        .unwrap_or(if day < 0 { Date::MIN } else { Date::MAX })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn instants_are_read_strictly() {
        assert_eq!(parse_instant("1970-01-01T00:00:01Z"), Ok(US));
        assert_eq!(parse_instant("1970-01-01t01:00:00.1234567+01:00"), Ok(123_456));
        assert_eq!(parse_instant("1969-12-31 23:59:59.9999999z"), Ok(-1));
        for (wrong, says) in [
            ("2026-03-02T09:30:00", "no offset"),
            ("2026-03-02", "is a date"),
            ("2026-02-30T09:30:00Z", "calendar"),
            ("2016-12-31T23:59:60Z", "leap second"),
            ("2026-03-02T09:30:00+25:00", "impossible offset"),
            ("2026-03-02T09:30Z", "no time"),
            ("2026-03-02T24:00:00Z", "calendar"),
            ("2026-03-02T09:30:00.Z", "no digit"),
            ("2026-03-02T09:30:00+0100", "no offset from UTC"),
            ("2026-03-02T09:30:00Z[Europe/Paris]", "no offset from UTC"),
            ("٢٠٢٦-03-02T09:30:00Z", "no time"),
            ("", "no time"),
        ] {
            let error = parse_instant(wrong).unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }

    #[test]
    fn dates_lead_back_and_stand_at_noon() {
        assert_eq!(parse_date("1970-01-02"), Ok(1));
        assert_eq!(show_date(parse_date("2000-02-29").unwrap()), "2000-02-29");
        assert_eq!(parse_date("1969-12-31"), Ok(-1));
        assert!(parse_date("2023-02-29").is_err());
        assert!(parse_date("2023-2-9").is_err());
        assert_eq!(Time::Date(1).stands_at(), 129_600 * US);
        assert_eq!(show_instant(parse_instant("2026-03-02T09:30:00.5+01:00").unwrap()), "2026-03-02T08:30:00.5Z");
    }
}
