//! Instants and dates: strict reading of RFC 3339, and where a date stands among instants.
//!
//! In: text as posted. Out: microseconds or days since 1970, or what would be right.
//! Nothing is guessed: no zone, no offset, no order of day and month. Years are 0 to 9999 in UTC.

use std::cmp::Ordering;

use jiff::civil::Date;

/// Microseconds in a second.
pub const US: i64 = 1_000_000;
/// Microseconds of a day of 24 hours.
pub const DAY_US: i64 = 86_400 * US;
/// 0000-01-01 to 9999-12-31 as days since 1970: what four digits of a year can say.
pub(crate) const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;
/// 1970-01-01 to 2099-12-31 as days since 1970: what an entity's times can be.
const LIVED: std::ops::RangeInclusive<i64> = 0..=47_481;

const EXAMPLE: &str = "write RFC 3339 such as 2026-03-02T09:30:00+01:00";

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

/// An RFC 3339 time with offset as microseconds since 1970; digits past the microsecond are cut off.
///
/// # Errors
/// Everything else, in words that say what would be right.
pub fn parse_instant(text: &str) -> Result<i64, String> {
    let Some((clock, rest)) = text.as_bytes().split_first_chunk::<19>() else { return Err(no_instant(text)) };
    let marks = clock[4] == b'-' && clock[7] == b'-' && clock[13] == b':' && clock[16] == b':';
    let numbers = [&clock[..4], &clock[5..7], &clock[8..10], &clock[11..13], &clock[14..16], &clock[17..]].map(number);
    let [Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)] = numbers else {
        return Err(no_instant(text));
    };
    if !marks || !matches!(clock[10], b'T' | b't' | b' ') {
        return Err(no_instant(text));
    }
    let (fraction_us, offset) = match rest {
        [b'.', digits @ ..] => {
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if count == 0 {
                return Err(format!("`{text}` has no digit after the point; {EXAMPLE}"));
            }
            let (digits, offset) = digits.split_at(count);
            let six = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
            (six.fold(0, |us, digit| us * 10 + i64::from(digit - b'0')), offset)
        }
        offset => (0, offset),
    };
    let offset_s = offset_s(offset).ok_or_else(|| match offset {
        [] => format!("`{text}` has no offset from UTC, and none is guessed; append Z or one such as +01:00"),
        _ => format!("`{text}` does not end in an offset from UTC such as Z, +01:00, -0530 or +01; {EXAMPLE}"),
    })?;
    if second == 60 {
        return Err(format!("`{text}` is a leap second, which no clock here counts; write :59"));
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(format!("`{text}` is no time of day; {EXAMPLE}"));
    }
    let day = day_number(year, month, day).ok_or_else(|| format!("`{text}` is not in the calendar; {EXAMPLE}"))?;
    let us = (day * 86_400 + hour * 3_600 + minute * 60 + second - offset_s) * US + fraction_us;
    if !in_calendar(us) {
        return Err(format!("`{text}` is outside the years 0 to 9999 in UTC; {EXAMPLE}"));
    }
    Ok(us)
}

/// A date `2026-03-02` as days since 1970-01-01.
///
/// # Errors
/// Everything else, in words that say what would be right.
pub fn parse_date(text: &str) -> Result<i32, String> {
    let example = "write one such as 2026-03-02";
    let numbers = match text.as_bytes() {
        [year @ .., b'-', m1, m2, b'-', d1, d2] if year.len() == 4 => [number(year), number(&[*m1, *m2]), number(&[*d1, *d2])],
        _ => [None; 3],
    };
    let [Some(year), Some(month), Some(day)] = numbers else { return Err(format!("`{text}` is no date; {example}")) };
    match day_number(year, month, day) {
        Some(day) => Ok(day as i32),
        None => Err(format!("`{text}` is not in the calendar; {example}")),
    }
}

/// An instant with offset, or a date.
///
/// # Errors
/// Everything else, in words that say what would be right.
pub fn parse_time(text: &str) -> Result<Time, String> {
    if text.len() == 10 {
        return parse_date(text).map(Time::Date);
    }
    parse_instant(text).map(Time::Instant).map_err(|error| match error.ends_with(EXAMPLE) {
        true => error + ", or a date such as 2026-03-02",
        false => error,
    })
}

fn no_instant(text: &str) -> String {
    match parse_date(text) {
        Ok(_) => format!("`{text}` is a date, and an instant belongs here; {EXAMPLE}"),
        Err(_) => format!("`{text}` is no time; {EXAMPLE}"),
    }
}

/// A run of at most 18 ASCII digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| match byte.wrapping_sub(b'0') {
        digit @ 0..=9 => Some(number * 10 + i64::from(digit)),
        _ => None,
    })
}

/// `Z`, `+01:00`, `+0100` or `+01` in seconds.
fn offset_s(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match text {
        [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        [sign, h1, h2] => (sign, number(&[*h1, *h2])?, 0),
        _ => return None,
    };
    let seconds = hours * 3_600 + minutes * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Whether an instant lies within the years 0 to 9999 in UTC.
pub(crate) fn in_calendar(us: i64) -> bool {
    DAYS.contains(&us.div_euclid(DAY_US))
}

/// Whether a time lies within the years 1970 to 2099, of an instant in UTC: anything else is a spreadsheet's zero or a slip of the pen.
pub(crate) fn is_lived(time: Time) -> bool {
    LIVED.contains(&match time {
        Time::Instant(us) => us.div_euclid(DAY_US),
        Time::Date(day) => day.into(),
    })
}

/// Days since 1970 of a date that exists, of any year.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // Counted from March, so that the leap day is the last of its year; 400 years have 146,097 days.
    (1..=last).contains(&day).then(|| {
        let year = year - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    })
}

/// Year, month and day of so many days since 1970: the inverse of [`day_number`].
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// An instant as RFC 3339 in UTC, with as many digits as it needs.
pub fn show_instant(us: i64) -> String {
    let (year, month, day) = civil(us.div_euclid(DAY_US));
    let (second, fraction) = (us.rem_euclid(DAY_US) / US, us.rem_euclid(US));
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = String::with_capacity(27);
    push_date(year, month, day, &mut text);
    for (before, number) in [('T', hour), (':', minute), (':', second)] {
        text.push(before);
        push_digits(number, 2, &mut text);
    }
    if fraction > 0 {
        text.push('.');
        push_digits(fraction, 6, &mut text);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

fn push_date(year: i64, month: i64, day: i64, out: &mut String) {
    if (0..=9_999).contains(&year) {
        push_digits(year, 4, out);
    } else {
        *out += &format!("{year:04}");
    }
    for number in [month, day] {
        out.push('-');
        push_digits(number, 2, out);
    }
}

/// The last so many digits of a number that isn't negative: formatting at large costs ten times as much, and a log writes two instants an event.
fn push_digits(number: i64, digits: u32, out: &mut String) {
    for place in (0..digits).rev() {
        out.push(char::from(b'0' + (number / 10_i64.pow(place) % 10) as u8));
    }
}

/// A date as `2026-03-02`.
pub fn show_date(day: i32) -> String {
    let (year, month, day) = civil(day.into());
    let mut text = String::with_capacity(10);
    push_date(year, month, day, &mut text);
    text
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
    // A date of the calendar exists by construction, and its years fit.
    day_number(date.year().into(), date.month().into(), date.day().into()).unwrap_or_default() as i32
}

/// The date so many days after 1970-01-01, held within the calendar's years −9999 to 9999.
pub fn date_of(day: i32) -> Date {
    let (year, month, of_month) = civil(day.into());
    match i16::try_from(year) {
        Ok(year) => Date::new(year, month as i8, of_month as i8).ok(),
        Err(_) => None,
    }
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
        assert_eq!(parse_instant("1969-12-31T18:30:00.000001-05:30"), Ok(1));
        for offset in ["-05:30", "-0530"] {
            assert_eq!(parse_instant(&format!("1969-12-31T18:30:00{offset}")), Ok(0));
        }
        for offset in ["+14", "+1400", "+14:00"] {
            assert_eq!(parse_instant(&format!("1970-01-01T14:00:00.000001{offset}")), Ok(1));
        }
        assert_eq!(parse_instant("1970-01-01T00:00:00-00"), Ok(0));
        for (wrong, says) in [
            ("2026-03-02T09:30:00", "no offset"),
            ("2026-03-02T09:30:00.5", "no offset"),
            ("2026-03-02", "is a date"),
            ("2026-02-30T09:30:00Z", "calendar"),
            ("2026-13-01T09:30:00Z", "calendar"),
            ("2026-00-01T09:30:00Z", "calendar"),
            ("2026-01-00T09:30:00Z", "calendar"),
            ("2016-12-31T23:59:60Z", "leap second"),
            ("2016-12-31T18:59:60.9-05:00", "leap second"),
            ("2026-03-02T09:30:61Z", "time of day"),
            ("2026-03-02T24:00:00Z", "time of day"),
            ("2026-03-02T09:60:00Z", "time of day"),
            ("2026-03-02T09:30:00+24:00", "offset from UTC"),
            ("2026-03-02T09:30:00+01:60", "offset from UTC"),
            ("2026-03-02T09:30:00+010", "offset from UTC"),
            ("2026-03-02T09:30:00+2400", "offset from UTC"),
            ("2026-03-02T09:30:00+0160", "offset from UTC"),
            ("2026-03-02T09:30:00+24", "offset from UTC"),
            ("2026-03-02T09:30:00+1", "offset from UTC"),
            ("2026-03-02T09:30:00+", "offset from UTC"),
            ("2026-03-02T09:30:00+01:", "offset from UTC"),
            ("2026-03-02T09:30:00+01:0", "offset from UTC"),
            ("2026-03-02T09:30:00+01:00:00", "offset from UTC"),
            ("2026-03-02T09:30:00 01:00", "offset from UTC"),
            ("2026-03-02T09:30:00+1:00", "offset from UTC"),
            ("2026-03-02T09:30:00Z[Europe/Paris]", "offset from UTC"),
            ("2026-03-02T09:30:00 Z", "offset from UTC"),
            ("2026-03-02T09:30:00é", "offset from UTC"),
            ("2026-03-02T09:30Z", "no time"),
            ("2026-03-02T09:30:00.Z", "no digit"),
            ("+026-03-02T09:30:00Z", "no time"),
            (" 2026-03-02T09:30:00Z", "no time"),
            ("٢٠٢٦-03-02T09:30:00Z", "no time"),
            ("0000-01-01T00:00:00+00:01", "years 0 to 9999"),
            ("9999-12-31T23:59:59-00:01", "years 0 to 9999"),
            ("", "no time"),
        ] {
            let error = parse_instant(wrong).unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
        assert!(parse_time("yesterday").unwrap_err().ends_with("or a date such as 2026-03-02"));
    }

    #[test]
    fn dates_lead_back_and_stand_at_noon() {
        assert_eq!(parse_date("1970-01-02"), Ok(1));
        assert_eq!(parse_date("1969-12-31"), Ok(-1));
        for text in ["0000-01-01", "0000-02-29", "1600-02-29", "2000-02-29", "9999-12-31"] {
            assert_eq!(show_date(parse_date(text).unwrap()), text);
        }
        for wrong in
            ["2023-02-29", "1900-02-29", "2023-2-9", "2023-13-01", "2023-04-31", "20230209", "2023/02/09", "-023-02-09", "é023-02-0"]
        {
            assert!(parse_date(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Time::Date(1).stands_at(), 129_600 * US);
    }

    #[test]
    fn instants_are_shown_with_the_digits_they_need() {
        for (given, shown) in [
            ("2026-03-02T09:30:00.5+01:00", "2026-03-02T08:30:00.5Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(show_instant(parse_instant(given).unwrap()), shown);
        }
        // Out of the calendar it is only ever shown in an error, and must not panic there.
        show_instant(i64::MIN);
        show_instant(i64::MAX);
    }

    #[test]
    fn days_are_counted_as_the_calendar_crate_counts_them() {
        let mut date = Date::MIN;
        while date < Date::MAX {
            let day = day_of(date);
            assert_eq!(date_of(day), date);
            assert_eq!(civil(day.into()), (date.year().into(), date.month().into(), date.day().into()));
            // Steps that are no multiple of a week, a month or a year, and small against the leap rule.
            let next = date.saturating_add(jiff::Span::new().days(23));
            if next < Date::MAX {
                assert_eq!(day_of(next), day + 23);
            }
            date = next;
        }
        assert_eq!(date_of(i32::MIN), Date::MIN);
        assert_eq!(date_of(i32::MAX), Date::MAX);
        assert_eq!((i64::from(day_of(Date::ZERO)), i64::from(day_of(Date::MAX))), (*DAYS.start(), *DAYS.end()));
    }
}
