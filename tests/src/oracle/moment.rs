//! Times as the contract reads them. In: RFC 3339 text and dates; out: microseconds since 1970, or a
//! [`When`] that is an instant or a date. Never a guess: text that is not valid panics, since the
//! oracle's input is valid by definition.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a slot of 15 minutes.
pub const SLOT: i64 = 900 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;

/// When something was: at an instant (µs since 1970), or on a date that belongs to no zone until it is
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// A day of the calendar.
    Date(Date),
}

impl When {
    /// The instant at which it is compared with others, µs: a date stands at 12:00 UTC.
    pub fn stands(self) -> i64 {
        match self {
            When::Instant(t) => t,
            When::Date(date) => midnight_utc(date) + 12 * HOUR,
        }
    }

    /// Where it falls on the time line for a reader in `zone`, µs: an instant at the start of its
    /// slot, a date at the first instant of that day.
    pub fn falls(self, zone: &TimeZone) -> i64 {
        match self {
            When::Instant(t) => t.div_euclid(SLOT) * SLOT,
            When::Date(date) => first_instant(date, zone),
        }
    }
}

impl Ord for When {
    /// By where it stands; a date comes after the instant at which it stands.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |when: &When| (when.stands(), matches!(when, When::Date(_)));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for When {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The local date at an instant (µs).
pub fn local_date(t: i64, zone: &TimeZone) -> Date {
    let timestamp = Timestamp::from_microsecond(t).expect("an instant within years 1 to 9999");
    zone.to_datetime(timestamp).date()
}

/// The first instant (µs) whose local date is `date`, or, where the zone skipped that day, the first
/// after it.
///
/// Found by looking at every slot from a day before to two days after: no transition rule is
/// relied on. Offsets are whole slots since 1980, so a day's first instant is a slot's start.
pub fn first_instant(date: Date, zone: &TimeZone) -> i64 {
    let from = midnight_utc(date) - DAY;
    (0..3 * 96)
        .map(|slot| from + slot * SLOT)
        .find(|&t| local_date(t, zone) >= date)
        .expect("every day begins within 24 hours of its midnight in UTC, or was skipped by a day")
}

fn midnight_utc(date: Date) -> i64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = (date - epoch).get_days();
    i64::from(days) * DAY
}

/// A date some days later, or earlier when negative.
pub fn plus_days(date: Date, days: i32) -> Date {
    date.checked_add(days.days()).expect("a date within years 1 to 9999")
}

/// Reads an RFC 3339 instant with offset, cutting off the digits past the microsecond.
pub fn parse_instant(text: &str) -> i64 {
    let bad = || -> ! { panic!("the oracle was given {text:?}, which is no RFC 3339 instant") };
    if !text.is_ascii() || text.len() < 20 {
        bad();
    }
    let number = |part: &str| part.parse::<i64>().unwrap_or_else(|_| bad());
    let date = parse_date(&text[..10]);
    let (hour, minute, second) = (number(&text[11..13]), number(&text[14..16]), number(&text[17..19]));
    let rest = &text[19..];
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or_else(|| bad());
    let (fraction, zone) = rest.split_at(zone_at);
    let micros = match fraction.strip_prefix('.') {
        None => 0,
        Some(digits) => number(&format!("{digits:0<6}")[..6]),
    };
    let offset_minutes = if zone.eq_ignore_ascii_case("z") {
        0
    } else {
        // ±hh:mm, ±hhmm or ±hh.
        let digits = zone[1..].replace(':', "");
        let minutes = number(&digits[..2]) * 60 + if digits.len() > 2 { number(&digits[2..]) } else { 0 };
        if zone.starts_with('-') { -minutes } else { minutes }
    };
    midnight_utc(date) + (hour * 3_600 + minute * 60 + second) * SECOND + micros - offset_minutes * 60 * SECOND
}

/// Reads an instant, or a date where there are ten characters.
pub fn parse_when(text: &str) -> When {
    if text.len() == 10 { When::Date(parse_date(text)) } else { When::Instant(parse_instant(text)) }
}

fn parse_date(text: &str) -> Date {
    text.parse().unwrap_or_else(|_| panic!("the oracle was given {text:?}, which is no date"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn digits_past_the_microsecond_are_cut_off() {
        let second = 1_772_444_400 * SECOND;
        assert_eq!(parse_instant("2026-03-02T09:40:00Z"), second);
        assert_eq!(parse_instant("2026-03-02T10:40:00.0000019+01:00"), second + 1);
        for offset in ["-05:30", "-0530"] {
            assert_eq!(parse_instant(&format!("2026-03-02T04:10:00.5{offset}")), second + 500_000);
        }
        assert_eq!(parse_instant("2026-03-02T04:40:00-05"), second);
    }

    #[test]
    fn a_date_comes_after_the_instant_at_which_it_stands() {
        let date = parse_when("2026-03-02");
        assert_eq!(date.stands(), parse_instant("2026-03-02T12:00:00Z"));
        assert!(date > parse_when("2026-03-02T12:00:00Z"));
        assert!(date < parse_when("2026-03-02T12:00:00.000001Z"));
    }

    #[test]
    fn first_instants_follow_the_zones_transitions() {
        let first = |date: &str, zone: &str| {
            let t = first_instant(date.parse().unwrap(), &TimeZone::get(zone).unwrap());
            Timestamp::from_microsecond(t).unwrap().to_string()
        };
        assert_eq!(first("2026-03-29", "Europe/Paris"), "2026-03-28T23:00:00Z");
        assert_eq!(first("2026-03-30", "Europe/Paris"), "2026-03-29T22:00:00Z");
        assert_eq!(first("2024-02-29", "Asia/Kathmandu"), "2024-02-28T18:15:00Z");
        // Samoa went from the 29th to the 31st.
        assert_eq!(first("2011-12-30", "Pacific/Apia"), "2011-12-30T10:00:00Z");
        assert_eq!(first("2011-12-31", "Pacific/Apia"), "2011-12-30T10:00:00Z");
        // Midnight itself was skipped in Brazil, and came twice in Cuba.
        assert_eq!(first("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00:00Z");
        assert_eq!(first("2024-11-03", "America/Havana"), "2024-11-03T04:00:00Z");
        // Newfoundland fell back a minute after midnight: the day's first instant is before that.
        assert_eq!(first("2010-11-07", "America/St_Johns"), "2010-11-07T02:30:00Z");
        assert_eq!(first("2020-06-01", "Pacific/Kiritimati"), "2020-05-31T10:00:00Z");
        assert_eq!(first("2020-06-01", "Etc/GMT+12"), "2020-06-01T12:00:00Z");
    }
}
