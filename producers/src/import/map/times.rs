//! Times as spreadsheets, telephone systems and people write them.
//!
//! In: a cell's text. Out: `2026-03-31`, `2026-03-31T14:30:00` (local: of no zone yet) or `2026-03-31T12:30:00Z`; or what would
//! be right. Never here: a guess at the order of day and month, at a century or a zone; the machine's own zone, language or time zone
//! files (the tables of the time zones are those built into the program).

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Disambiguation, TimeZone, TimeZoneDatabase};
use onpace_schemas::time::show_instant;

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
/// 2100-01-01 in seconds since 1970: no event is later.
const SECONDS_END: f64 = 4_102_444_800.0;
const DAY_MS: i64 = 86_400_000;

/// The order in which a day is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Day,
    Month,
    Year,
}

impl Order {
    fn example(self) -> &'static str {
        match self {
            Order::Day => "day first, such as 31.12.2026 or 31/12/2026 14:30",
            Order::Month => "month first, such as 12/31/2026 or 12/31/2026 2:30 PM",
            Order::Year => "year first, such as 2026-12-31 or 2026/12/31 14:30",
        }
    }
}

/// Which of two offsets a local time has that the clocks showed twice, or never.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Neither: it is refused.
    Refused,
    /// The one in force before the change.
    Earlier,
    /// The one in force after it.
    Later,
}

impl Choice {
    pub(super) fn of(word: &str) -> Result<Choice, String> {
        match word {
            "earlier" => Ok(Choice::Earlier),
            "later" => Ok(Choice::Later),
            _ => Err(format!("`{word}` chooses no time; write \"earlier\" or \"later\"")),
        }
    }
}

/// A day, perhaps with a time of the day behind it. Years of two digits count from `century` (2000), where it is given.
pub(super) fn day(text: &str, order: Order, century: Option<i16>) -> Result<String, String> {
    let wrong = |why: &str| format!("is not written {}{why}", order.example());
    let read = parts(text.trim()).ok_or_else(|| wrong(""))?;
    let (numbers, rest) = ordered(read, order).ok_or_else(|| wrong(""))?;
    let (year, month, of_month) = numbers;
    let year: i16 = match (year.len(), century) {
        (4, _) => year.parse().map_err(|_| wrong(""))?,
        (2, Some(century)) => century + year.parse::<i16>().map_err(|_| wrong(""))?,
        (2, None) => return Err(wrong("; of a year of two digits say the century, such as day_first(2000)")),
        _ => return Err(wrong("")),
    };
    let month = month_number(month).ok_or_else(|| wrong(""))?;
    if !(1..=12).contains(&month) {
        return Err(wrong(&format!("; there is no month {month}")));
    }
    let of_month: i8 = of_month.parse().map_err(|_| wrong(""))?;
    let date = Date::new(year, month, of_month).map_err(|_| wrong("; no calendar has that day"))?;
    let rest = rest.strip_prefix(['T', 't', ',']).unwrap_or(rest).trim();
    match rest {
        "" => Ok(date.to_string()),
        _ => Ok(format!("{date}T{}", show_time(clock(rest).map_err(|why| wrong(&format!("; `{rest}` {why}")))?))),
    }
}

/// Three runs of digits or letters with `.`, `/`, `-`, `,` or blanks between, and what follows them.
fn parts(text: &str) -> Option<([&str; 3], &str)> {
    let run = |text: &str| {
        let digits = text.starts_with(|c: char| c.is_ascii_digit());
        text.find(|c: char| if digits { !c.is_ascii_digit() } else { !c.is_ascii_alphabetic() }).unwrap_or(text.len())
    };
    // 20261231
    let first = run(text);
    if first == 8 && text.as_bytes()[..8].iter().all(u8::is_ascii_digit) {
        return Some(([&text[..4], &text[4..6], &text[6..8]], &text[8..]));
    }
    let (mut rest, mut found) = (text, [""; 3]);
    for (at, part) in found.iter_mut().enumerate() {
        let length = run(rest);
        if length == 0 {
            return None;
        }
        (*part, rest) = rest.split_at(length);
        if at < 2 {
            let between = rest.trim_start_matches(['.', '/', '-', ',', ' ', '\u{a0}']);
            if rest.len() - between.len() == 0 || rest.len() - between.len() > 3 {
                return None;
            }
            rest = between;
        }
    }
    // `31.12.` of some countries ends in a point.
    let rest = rest.strip_prefix('.').filter(|rest| rest.starts_with(' ')).unwrap_or(rest);
    let apart = rest.is_empty() || rest.starts_with([' ', '\u{a0}', 'T', 't', ',']);
    apart.then_some((found, rest))
}

/// Year, month and day of the three parts.
fn ordered<'a>(([a, b, c], rest): ([&'a str; 3], &'a str), order: Order) -> Option<((&'a str, &'a str, &'a str), &'a str)> {
    let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let (year, month, day) = match order {
        Order::Day => (c, b, a),
        Order::Month => (c, a, b),
        Order::Year => (a, b, c),
    };
    // A month with a name is the month wherever it stands: `Mar 5, 2026`.
    let (month, day) = if !number(day) && number(month) { (day, month) } else { (month, day) };
    (number(year) && number(day) && day.len() <= 2 && (!number(month) || month.len() <= 2)).then_some(((year, month, day), rest))
}

fn month_number(text: &str) -> Option<i8> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let text = text.to_ascii_lowercase();
    MONTHS.iter().position(|name| name.starts_with(&text) && text.len() >= 3).or((text == "sept").then_some(8)).map(|at| at as i8 + 1)
}

/// A time of the day: `14:30`, `14:30:15.5`, `2:30 PM`.
pub(super) fn clock(text: &str) -> Result<Time, String> {
    let wrong = || "is no time of the day; write one such as 14:30, 14:30:15 or 2:30 PM".to_owned();
    let lower = text.trim().to_ascii_lowercase();
    let half = |endings: [&str; 4]| endings.into_iter().find_map(|ending| lower.strip_suffix(ending)).map(str::trim_end);
    let (digits, afternoon) = match (half(["am", "a.m.", "a. m.", "a m"]), half(["pm", "p.m.", "p. m.", "p m"])) {
        (Some(digits), _) => (digits, Some(false)),
        (_, Some(digits)) => (digits, Some(true)),
        _ => (lower.as_str(), None),
    };
    if digits.ends_with('z') || digits.contains('+') || digits.rfind('-').is_some() {
        return Err("has an offset from UTC behind it: such a time is used as it is".into());
    }
    let parts: Vec<&str> = digits.split(':').collect();
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| match digits.contains(&text.len()) && is_digits(text) {
        true => text.parse::<i8>().map_err(|_| wrong()),
        false => Err(wrong()),
    };
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(wrong()),
    };
    let (second, fraction) = second.split_once(['.', ',']).unwrap_or((second, "0"));
    if fraction.is_empty() || !is_digits(fraction) {
        return Err(wrong());
    }
    let nanosecond = fraction.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |ns, digit| ns * 10 + i32::from(digit - b'0'));
    let hour = number(hour, 1..=2)?;
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return Err(wrong()),
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    Time::new(hour, number(minute, 2..=2)?, number(second, 2..=2)?, nanosecond).map_err(|_| wrong())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A time of the day with the digits it needs.
pub(super) fn show_time(time: Time) -> String {
    time.to_string()
}

/// A local time of a zone as an instant; a day stays that day, which belongs to no zone.
pub(super) fn in_zone(text: &str, zone: &str, choice: Choice) -> Result<String, String> {
    let text = text.trim();
    let local = match parts(text).and_then(|read| ordered(read, Order::Year)) {
        Some(((year, month, day), rest)) if year.len() == 4 && month.len() == 2 && day.len() == 2 => {
            let whole = self::day(text, Order::Year, None)?;
            if rest.is_empty() {
                return Ok(whole);
            }
            whole.parse::<DateTime>().map_err(|_| format!("is no local time: {whole}"))?
        }
        _ => {
            return Err(
                "is no local time such as 2026-03-31T14:30:00; read it by day_first, month_first, year_first or excel before".into()
            );
        }
    };
    let ambiguous = zone_of(zone)?.to_ambiguous_timestamp(local);
    if choice == Choice::Refused && ambiguous.is_ambiguous() {
        let (what, of_both) = match ambiguous.offset() {
            jiff::tz::AmbiguousOffset::Gap { .. } => ("did not exist", "the clocks were put forward"),
            _ => ("was twice", "the clocks were put back"),
        };
        return Err(format!("{what} in {zone}: {of_both}; choose by in_zone(\"{zone}\"; \"earlier\") or in_zone(\"{zone}\"; \"later\")"));
    }
    let how = if choice == Choice::Later { Disambiguation::Later } else { Disambiguation::Earlier };
    let instant = ambiguous.disambiguate(how).map_err(|error| format!("can't be placed in {zone}: {error}"))?;
    Ok(show_instant(instant.as_microsecond()))
}

/// A zone of the tables built into the program.
pub(super) fn zone_of(name: &str) -> Result<TimeZone, String> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, TimeZone>> = RefCell::new(HashMap::new());
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(zone) = known.get(name) {
            return Ok(zone.clone());
        }
        let zone = TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| format!("can't be placed: there is no zone `{name}`; write an IANA name such as Europe/Paris"))?;
        known.insert(name.to_owned(), zone.clone());
        Ok(zone)
    })
}

/// A spreadsheet's number of days: a day, or a local time where it has a fraction, to the millisecond.
pub(super) fn excel(text: &str, epoch_1904: bool) -> Result<String, String> {
    let days = number(text)?;
    if !(1.0..=2_958_465.999_999).contains(&days) {
        let hint = if (0.0..1.0).contains(&days) { "; for a time of the day alone there is day_fraction" } else { "" };
        return Err(format!("is no number of days of a spreadsheet, such as 45717.604{hint}"));
    }
    let ms = (days * DAY_MS as f64).round() as i64;
    let (day, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let begin = match (epoch_1904, day) {
        (true, _) => Date::constant(1904, 1, 1),
        (false, 60) => return Err("is 29 February 1900, a day that there never was".into()),
        (false, 1..60) => Date::constant(1899, 12, 31),
        // A day too many is counted in February 1900.
        (false, _) => Date::constant(1899, 12, 30),
    };
    let date = begin.checked_add(jiff::Span::new().days(day)).map_err(|_| "is past the year 9999".to_owned())?;
    if of_day == 0 { Ok(date.to_string()) } else { Ok(format!("{date}T{}", of_day_ms(of_day)?)) }
}

/// A fraction of the day as a time of the day, to the millisecond.
pub(super) fn day_fraction(text: &str) -> Result<String, String> {
    let wrong = || "is no fraction of a day, 0 to 0.99999".to_owned();
    let fraction = number(text).map_err(|_| wrong())?;
    let ms = (fraction * DAY_MS as f64).round() as i64;
    if fraction < 0.0 || ms >= DAY_MS { Err(wrong()) } else { of_day_ms(ms) }
}

fn of_day_ms(ms: i64) -> Result<String, String> {
    let (second, ms) = (ms / 1_000, ms % 1_000);
    let time = Time::new((second / 3_600) as i8, (second / 60 % 60) as i8, (second % 60) as i8, ms as i32 * 1_000_000);
    Ok(show_time(time.map_err(|error| error.to_string())?))
}

/// Seconds, or milliseconds, since 1970 as an instant.
pub(super) fn epoch(text: &str, milliseconds: bool) -> Result<String, String> {
    let given = number(text).map_err(|_| match milliseconds {
        false => "is no number of seconds since 1970, such as 1772440200".to_owned(),
        true => "is no number of milliseconds since 1970, such as 1772440200000".to_owned(),
    })?;
    if given < 0.0 {
        return Err("is before 1970".into());
    }
    if !milliseconds && given >= SECONDS_END {
        return Err("is past the year 2099 in seconds; if these are milliseconds, epoch_ms reads them".into());
    }
    if milliseconds && given >= SECONDS_END * 1_000.0 {
        return Err("is past the year 2099 in milliseconds; are these microseconds? divide them by 1000 before".into());
    }
    if milliseconds && given > 0.0 && given < SECONDS_END {
        return Err("is in the first weeks of 1970 in milliseconds; if these are seconds, epoch reads them".into());
    }
    // Exactly, where a float would round a fraction: at most six digits of a second.
    let scale = if milliseconds { 1_000 } else { 1_000_000 };
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = if milliseconds { 3 } else { 6 };
    let us = match (whole.parse::<i64>(), is_digits(fraction)) {
        (Ok(whole), true) => {
            whole * scale
                + fraction.bytes().chain(std::iter::repeat(b'0')).take(digits).fold(0, |us, digit| us * 10 + i64::from(digit - b'0'))
        }
        // 1.7724402e9
        _ => (given * scale as f64).round() as i64,
    };
    Ok(show_instant(us))
}

fn number(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let wrong = || match text.contains(',') {
        true => "is no number written with a decimal point; read it by decimal_comma before".to_owned(),
        false => "is no number".to_owned(),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_the_order_said_and_no_other() {
        let ok = |text, order, shown: &str| assert_eq!(day(text, order, None), Ok(shown.to_owned()), "{text}");
        for text in
            ["31.12.2026", "31/12/2026", "31-12-2026", " 31. 12. 2026 ", "31 Dec 2026", "31-Dec-2026", "31 December, 2026", "Dec 31, 2026"]
        {
            ok(text, Order::Day, "2026-12-31");
        }
        for text in ["12/31/2026", "December 31, 2026", "Dec 31 2026", "31 Dec 2026"] {
            ok(text, Order::Month, "2026-12-31");
        }
        ok("5.3.2026", Order::Day, "2026-03-05");
        ok("5.3.2026", Order::Month, "2026-05-03");
        for text in ["2026-12-31", "2026/12/31", "20261231", "2026-Dec-31"] {
            ok(text, Order::Year, "2026-12-31");
        }
        ok("31.12.2026 14:30", Order::Day, "2026-12-31T14:30:00");
        ok("31.12.2026, 14:30:15.25", Order::Day, "2026-12-31T14:30:15.25");
        ok("12/31/2026 12:05 am", Order::Month, "2026-12-31T00:05:00");
        ok("12/31/2026 2:05:09 PM", Order::Month, "2026-12-31T14:05:09");
        ok("2026-12-31T09:00", Order::Year, "2026-12-31T09:00:00");
        assert_eq!(day("31.12.26", Order::Day, Some(2000)), Ok("2026-12-31".into()));
        for (text, order, says) in [
            ("12/31/2026", Order::Day, "no month 31"),
            ("31/12/2026", Order::Month, "no month 31"),
            ("30.02.2026", Order::Day, "no calendar has that day"),
            ("31.12.26", Order::Day, "day_first(2000)"),
            ("31.12", Order::Day, "is not written day first, such as 31.12.2026"),
            ("2026-12-31", Order::Day, "is not written day first"),
            ("31.12.2026 25:00", Order::Day, "no time of the day"),
            ("31.12.2026 14:30Z", Order::Day, "offset"),
            ("31.12.2026 14:30+01:00", Order::Day, "offset"),
            ("31.12.202614:30", Order::Day, "is not written"),
            ("yesterday", Order::Year, "is not written"),
            ("1.2.3", Order::Day, "is not written"),
            ("45717", Order::Day, "is not written"),
            ("31 Foo 2026", Order::Day, "is not written"),
            ("١٢/٣١/2026", Order::Day, "is not written"),
        ] {
            let error = day(text, order, None).err().unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn local_times_become_instants_and_gaps_and_folds_are_no_guess() {
        let zoned = |text, choice| in_zone(text, "Europe/Paris", choice);
        assert_eq!(zoned("2026-03-31T14:30:00", Choice::Refused), Ok("2026-03-31T12:30:00Z".into()));
        assert_eq!(zoned("2026-01-31 14:30", Choice::Refused), Ok("2026-01-31T13:30:00Z".into()));
        assert_eq!(zoned("2026-03-31", Choice::Refused), Ok("2026-03-31".into()), "a day is of no zone");
        // 2:00 to 3:00 of 29 March 2026 was skipped, 2:00 to 3:00 of 25 October 2026 was twice.
        let gap = zoned("2026-03-29T02:30:00", Choice::Refused).err().unwrap_or_default();
        assert!(gap.contains("did not exist in Europe/Paris") && gap.contains("\"later\""), "{gap}");
        assert_eq!(zoned("2026-03-29T02:30:00", Choice::Earlier), Ok("2026-03-29T00:30:00Z".into()));
        assert_eq!(zoned("2026-03-29T02:30:00", Choice::Later), Ok("2026-03-29T01:30:00Z".into()));
        let fold = zoned("2026-10-25T02:30:00", Choice::Refused).err().unwrap_or_default();
        assert!(fold.contains("was twice in Europe/Paris"), "{fold}");
        assert_eq!(zoned("2026-10-25T02:30:00", Choice::Earlier), Ok("2026-10-25T00:30:00Z".into()));
        assert_eq!(zoned("2026-10-25T02:30:00", Choice::Later), Ok("2026-10-25T01:30:00Z".into()));
        for (text, zone, says) in [
            ("2026-03-31T14:30:00Z", "Europe/Paris", "used as it is"),
            ("2026-03-31T14:30:00", "Europe/Pariss", "no zone `Europe/Pariss`"),
            ("31.03.2026 14:30", "Europe/Paris", "read it by day_first"),
            ("14:30", "Europe/Paris", "no local time"),
        ] {
            let error = in_zone(text, zone, Choice::Refused).err().unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(Choice::of("first").is_err());
    }

    #[test]
    fn spreadsheets_days_are_counted_as_spreadsheets_do() {
        assert_eq!(excel("45717", false), Ok("2025-03-01".into()));
        assert_eq!(excel("45717.604166666664", false), Ok("2025-03-01T14:30:00".into()));
        assert_eq!(excel("45716.999999999", false), Ok("2025-03-01".into()), "a float's noise is no time of the day");
        assert_eq!(excel("44255", true), Ok("2025-03-01".into()));
        assert_eq!((excel("59", false), excel("61", false)), (Ok("1900-02-28".into()), Ok("1900-03-01".into())));
        assert!(excel("60", false).is_err_and(|error| error.contains("never was")));
        assert!(excel("0.5", false).is_err_and(|error| error.contains("day_fraction")));
        assert!(excel("45717,6", false).is_err_and(|error| error.contains("decimal_comma")));
        for wrong in ["", "x", "-1", "1e9", "inf", "NaN", "2025-03-01"] {
            assert!(excel(wrong, false).is_err(), "{wrong}");
        }
        assert_eq!(day_fraction("0.38400462962963"), Ok("09:12:58".into()));
        assert_eq!(day_fraction("0"), Ok("00:00:00".into()));
        for wrong in ["1", "0.999999999", "-0.1", "1.5", ""] {
            assert!(day_fraction(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn epochs_of_the_wrong_size_are_told() {
        assert_eq!(epoch("1772440200", false), Ok("2026-03-02T08:30:00Z".into()));
        assert_eq!(epoch("1772440200.123456", false), Ok("2026-03-02T08:30:00.123456Z".into()));
        assert_eq!(epoch("1772440200123", true), Ok("2026-03-02T08:30:00.123Z".into()));
        assert_eq!(epoch("1.7724402e9", false), Ok("2026-03-02T08:30:00Z".into()));
        assert!(epoch("1772440200000", false).is_err_and(|error| error.contains("epoch_ms")));
        assert!(epoch("1772440200", true).is_err_and(|error| error.contains("seconds, epoch reads")));
        assert!(epoch("1772440200000000", true).is_err_and(|error| error.contains("microseconds")));
        for wrong in ["", "-5", "tomorrow", "2026-03-02"] {
            assert!(epoch(wrong, false).is_err(), "{wrong}");
        }
    }
}
