//! Windows: where each starts and ends, and which slots lie in it.
//!
//! In: an instant, a zone, the calendar's settings. Out: [`Bounds`], then [`Ranges`] of slots.
//! Never here: a day taken to be 24 hours long (but for the rolling windows, which say so), clocks.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::{Date, Time as Clock, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use onpace_schemas::did_you_mean;
use onpace_schemas::time::{US, date_of, day_of};

use crate::period::{Every, NamedPeriod};
use crate::slot::{SLOT_S, round_up};

/// A stretch of time that KPIs are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// The last hour.
    H1,
    /// The last 24 hours.
    H24,
    /// The last 7 × 24 hours.
    D7,
    /// The last 30 × 24 hours.
    D30,
    /// The last 90 × 24 hours.
    D90,
    /// The last 365 × 24 hours.
    D365,
    /// The local day so far.
    Today,
    /// The week so far.
    Week,
    /// The month so far.
    Month,
    /// The fiscal quarter so far.
    Quarter,
    /// The fiscal year so far.
    Year,
    /// The local day before.
    Yesterday,
    /// The week before, whole.
    LastWeek,
    /// The month before, whole.
    LastMonth,
    /// The fiscal quarter before, whole.
    LastQuarter,
    /// The fiscal year before, whole.
    LastYear,
    /// Everything.
    All,
    /// A period by name: the whole of it, or as much as there has been of it.
    Period(NamedPeriod),
    /// The share that a period has in a window; see [`Window::parts`].
    Part(NamedPeriod, Whole),
}

/// What is divided into parts: one of [`Window::ALL`] by its place there, or a period by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole(Of);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Of {
    Window(u8),
    Period(NamedPeriod),
}

impl Whole {
    fn window(self) -> Window {
        match self.0 {
            Of::Window(place) => Window::ALL[usize::from(place)],
            Of::Period(period) => Window::Period(period),
        }
    }
}

impl Window {
    /// Every window that follows the instant asked for.
    pub const ALL: [Window; 17] = [
        Window::H1,
        Window::H24,
        Window::D7,
        Window::D30,
        Window::D90,
        Window::D365,
        Window::Today,
        Window::Week,
        Window::Month,
        Window::Quarter,
        Window::Year,
        Window::Yesterday,
        Window::LastWeek,
        Window::LastMonth,
        Window::LastQuarter,
        Window::LastYear,
        Window::All,
    ];

    /// Its name, `7d` or `last_month`; `period` for whatever is called after a period: [`Display`](fmt::Display) says which.
    pub const fn name(self) -> &'static str {
        match self {
            Window::H1 => "1h",
            Window::H24 => "24h",
            Window::D7 => "7d",
            Window::D30 => "30d",
            Window::D90 => "90d",
            Window::D365 => "365d",
            Window::Today => "today",
            Window::Week => "week",
            Window::Month => "month",
            Window::Quarter => "quarter",
            Window::Year => "year",
            Window::Yesterday => "yesterday",
            Window::LastWeek => "last_week",
            Window::LastMonth => "last_month",
            Window::LastQuarter => "last_quarter",
            Window::LastYear => "last_year",
            Window::All => "all",
            Window::Period(_) | Window::Part(..) => "period",
        }
    }

    /// Its parts, a period each: those that share a day with it in any of some zones, in order. What has no start begins on `first`.
    ///
    /// A part is what its period has in common with the window, in whichever zone it is read, so that what adds up adds up.
    /// `None` where there would be more than `most`, and of a part.
    pub fn parts<'z>(
        self,
        every: Every,
        at_us: i64,
        calendar: Settings,
        zones: impl Iterator<Item = &'z TimeZone>,
        first: Option<i32>,
        most: usize,
    ) -> Option<Vec<Window>> {
        let whole = Whole(match self {
            Window::Part(..) => return None,
            Window::Period(period) => Of::Period(period),
            _ => Of::Window(Window::ALL.iter().position(|window| *window == self)? as u8),
        });
        let days = zones.filter_map(|zone| {
            let Bounds { start, end } = self.bounds(at_us, zone, calendar);
            let start = start.map(|start| day_of(local_date(start, zone))).or(first)?;
            Some(start..day_of(local_date(end - 1, zone)) + 1)
        });
        let (start, end) = days
            .filter(|days| !days.is_empty())
            .fold((i32::MAX, i32::MIN), |(start, end), days| (start.min(days.start), end.max(days.end)));
        let (mut parts, mut day) = (Vec::new(), start);
        while day < end {
            if parts.len() >= most {
                return None;
            }
            let period = NamedPeriod::holding(every, calendar, day)?;
            parts.push(Window::Part(period, whole));
            day = period.days().end;
        }
        Some(parts)
    }

    /// Where it starts and ends when it is asked for at an instant, in a zone.
    pub fn bounds(self, at_us: i64, zone: &TimeZone, calendar: Settings) -> Bounds {
        let end = round_up(at_us);
        let rolling = |hours: i64| Bounds { start: Some(end - hours * 3600 * US), end };
        let today = local_date(at_us, zone);
        let first = |date: Date| first_instant(date, zone);
        let so_far = |start: Date| Bounds { start: Some(first(start)), end };
        let whole = |start: Date, after: Date| Bounds { start: Some(first(start)), end: first(after) };
        let week = days_after(today, -i64::from(today.weekday().since(calendar.week_start)));
        let month = today.first_of_month();
        let into_year = (month.month() - calendar.fiscal_month).rem_euclid(12);
        let quarter = months_after(month, -(into_year % 3));
        let year = months_after(month, -into_year);
        match self {
            Window::H1 => rolling(1),
            Window::H24 => rolling(24),
            Window::D7 => rolling(7 * 24),
            Window::D30 => rolling(30 * 24),
            Window::D90 => rolling(90 * 24),
            Window::D365 => rolling(365 * 24),
            Window::Today => so_far(today),
            Window::Week => so_far(week),
            Window::Month => so_far(month),
            Window::Quarter => so_far(quarter),
            Window::Year => so_far(year),
            Window::Yesterday => whole(days_after(today, -1), today),
            Window::LastWeek => whole(days_after(week, -7), week),
            Window::LastMonth => whole(months_after(month, -1), month),
            Window::LastQuarter => whole(months_after(quarter, -3), quarter),
            Window::LastYear => whole(months_after(year, -12), year),
            Window::All => Bounds { start: None, end },
            Window::Period(period) => {
                let days = period.days();
                let end = first(date_of(days.end)).min(end);
                Bounds { start: Some(first(date_of(days.start)).min(end)), end }
            }
            Window::Part(period, whole) => {
                let days = period.days();
                let whole = whole.window().bounds(at_us, zone, calendar);
                let end = first(date_of(days.end)).min(whole.end);
                let start = Some(first(date_of(days.start))).max(whole.start);
                Bounds { start: start.map(|start| start.min(end)), end }
            }
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Period(period) | Window::Part(period, _) => period.fmt(f),
            window => f.pad(window.name()),
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Window, String> {
        Window::ALL.into_iter().find(|window| window.name() == text).ok_or_else(|| {
            // `8d` is near to `7d`, and not what was meant: only a word is likely mistyped.
            let names = Window::ALL.iter().map(|window| window.name());
            match text.starts_with(|c: char| c.is_ascii_digit()) {
                true => format!("there is no window `{text}`; there are {}", names.collect::<Vec<_>>().join(", ")),
                false => format!("there is no window `{text}`{}", did_you_mean(text, names)),
            }
        })
    }
}

/// How a company counts its weeks and years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The first day of the week.
    pub week_start: Weekday,
    /// The first month of the fiscal year, 1 to 12; quarters follow it.
    pub fiscal_month: i8,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { week_start: Weekday::Monday, fiscal_month: 1 }
    }
}

/// A stretch of time, `[start, end)`, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// The first instant in it; `None` where it has no beginning.
    pub start: Option<i64>,
    /// The first instant after it.
    pub end: i64,
}

/// The slots of a stretch of time, as a zone reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// The quarter-hours whose first instant lies in it.
    pub quarters: Range<i32>,
    /// The dates whose day's first instant in the zone lies in it.
    pub dates: Range<i32>,
}

impl Bounds {
    /// The slots in it, as a zone reads dates.
    pub fn ranges(&self, zone: &TimeZone) -> Ranges {
        Ranges {
            quarters: self.start.map_or(i32::MIN, first_quarter_from)..first_quarter_from(self.end),
            dates: self.start.map_or(i32::MIN, |start| first_date_from(start, zone))..first_date_from(self.end, zone),
        }
    }
}

/// The first quarter-hour that begins at an instant or later.
fn first_quarter_from(us: i64) -> i32 {
    (round_up(us) / (SLOT_S * US)).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// The first date whose day begins at an instant or later.
fn first_date_from(us: i64, zone: &TimeZone) -> i32 {
    // A zone that skips a day, or turns its clocks back over midnight, is a day or two off: start before, then walk.
    let mut day = day_of(local_date(us, zone)) - 2;
    while day < DAY_MAX && first_instant(date_of(day), zone) < us {
        day += 1;
    }
    day
}

/// 9999-12-31, where the calendar ends.
const DAY_MAX: i32 = 2_932_896;

/// The local date at an instant.
pub fn local_date(us: i64, zone: &TimeZone) -> Date {
    zone.to_datetime(timestamp(us)).date()
}

/// The first instant of a local day, in microseconds since 1970; of a day that the zone skipped, the first instant after it.
pub fn first_instant(date: Date, zone: &TimeZone) -> i64 {
    let midnight = date.to_datetime(Clock::midnight());
    let at = |offset: jiff::tz::Offset| {
        let since = offset.to_timestamp(midnight);
        since.unwrap_or(if date.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
    };
    let instant = match zone.to_ambiguous_timestamp(midnight).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        // Midnight comes twice: the first of the two.
        AmbiguousOffset::Fold { before, .. } => at(before),
        // No midnight: the day begins where the clocks jump, which is before midnight read by the old offset, or at it.
        AmbiguousOffset::Gap { before, .. } => {
            let late = at(before);
            let just_after = late.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(late);
            zone.preceding(just_after).next().map_or(late, |jump| jump.timestamp())
        }
    };
    instant.as_microsecond()
}

fn timestamp(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(if us < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn days_after(date: Date, days: i64) -> Date {
    date.checked_add(Span::new().days(days)).unwrap_or(date)
}

fn months_after(date: Date, months: i8) -> Date {
    date.checked_add(Span::new().months(months)).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::time::{parse_date, parse_instant, show_instant};
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn shown(at: &str, name: &str, window: &str, settings: Settings) -> String {
        let bounds = window.parse::<Window>().unwrap().bounds(parse_instant(at).unwrap(), &zone(name), settings);
        format!("{} {}", bounds.start.map_or("-".to_owned(), show_instant), show_instant(bounds.end))
    }

    #[test]
    fn windows_lie_where_the_calendar_says() {
        // A Thursday, 16:07:01 in Paris (UTC+2 since the Sunday before last).
        let at = "2024-04-11T14:07:01Z";
        for (window, expected) in [
            ("1h", "2024-04-11T13:15:00Z 2024-04-11T14:15:00Z"),
            ("24h", "2024-04-10T14:15:00Z 2024-04-11T14:15:00Z"),
            ("7d", "2024-04-04T14:15:00Z 2024-04-11T14:15:00Z"),
            ("30d", "2024-03-12T14:15:00Z 2024-04-11T14:15:00Z"),
            ("90d", "2024-01-12T14:15:00Z 2024-04-11T14:15:00Z"),
            ("365d", "2023-04-12T14:15:00Z 2024-04-11T14:15:00Z"),
            ("today", "2024-04-10T22:00:00Z 2024-04-11T14:15:00Z"),
            ("week", "2024-04-07T22:00:00Z 2024-04-11T14:15:00Z"),
            ("month", "2024-03-31T22:00:00Z 2024-04-11T14:15:00Z"),
            ("quarter", "2024-03-31T22:00:00Z 2024-04-11T14:15:00Z"),
            ("year", "2023-12-31T23:00:00Z 2024-04-11T14:15:00Z"),
            ("yesterday", "2024-04-09T22:00:00Z 2024-04-10T22:00:00Z"),
            ("last_week", "2024-03-31T22:00:00Z 2024-04-07T22:00:00Z"),
            ("last_month", "2024-02-29T23:00:00Z 2024-03-31T22:00:00Z"),
            ("last_quarter", "2023-12-31T23:00:00Z 2024-03-31T22:00:00Z"),
            ("last_year", "2022-12-31T23:00:00Z 2023-12-31T23:00:00Z"),
            ("all", "- 2024-04-11T14:15:00Z"),
        ] {
            assert_eq!(shown(at, "Europe/Paris", window, Settings::default()), expected, "{window}");
        }
    }

    #[test]
    fn weeks_and_fiscal_years_begin_where_the_company_says() {
        let settings = Settings { week_start: Weekday::Sunday, fiscal_month: 4 };
        let at = "2024-02-18T12:00:00Z"; // a Sunday
        for (window, expected) in [
            ("week", "2024-02-18T00:00:00Z 2024-02-18T12:00:00Z"),
            ("last_week", "2024-02-11T00:00:00Z 2024-02-18T00:00:00Z"),
            ("quarter", "2024-01-01T00:00:00Z 2024-02-18T12:00:00Z"),
            ("last_quarter", "2023-10-01T00:00:00Z 2024-01-01T00:00:00Z"),
            ("year", "2023-04-01T00:00:00Z 2024-02-18T12:00:00Z"),
            ("last_year", "2022-04-01T00:00:00Z 2023-04-01T00:00:00Z"),
        ] {
            assert_eq!(shown(at, "UTC", window, settings), expected, "{window}");
        }
        assert_eq!(shown(at, "UTC", "week", Settings::default()), "2024-02-12T00:00:00Z 2024-02-18T12:00:00Z");
    }

    #[test]
    fn a_period_by_name_lies_in_each_zone_where_its_days_do_and_ends_where_it_is_asked() {
        let bounds = |name: &str, at: &str, zone_name: &str| {
            let window = Window::Period(NamedPeriod::parse(name, Settings::default()).unwrap());
            assert_eq!((window.to_string().as_str(), window.name()), (name, "period"));
            let bounds = window.bounds(parse_instant(at).unwrap(), &zone(zone_name), Settings::default());
            format!("{} {}", bounds.start.map_or("-".to_owned(), show_instant), show_instant(bounds.end))
        };
        let later = "2025-12-01T00:00:00Z";
        assert_eq!(bounds("2025-03", later, "Europe/Paris"), "2025-02-28T23:00:00Z 2025-03-31T22:00:00Z");
        assert_eq!(bounds("2025-03", later, "America/New_York"), "2025-03-01T05:00:00Z 2025-04-01T04:00:00Z");
        assert_eq!(bounds("2025-03", "2025-03-10T12:07:00Z", "Europe/Paris"), "2025-02-28T23:00:00Z 2025-03-10T12:15:00Z");
        assert_eq!(bounds("2025-03-30", later, "Europe/Paris"), "2025-03-29T23:00:00Z 2025-03-30T22:00:00Z");
        // What has not begun is empty.
        assert_eq!(bounds("2025-03", "2025-01-01T00:00:00Z", "UTC"), "2025-01-01T00:00:00Z 2025-01-01T00:00:00Z");
    }

    #[test]
    fn parts_are_what_periods_have_in_common_with_a_window() {
        let (paris, tokyo) = (zone("Europe/Paris"), zone("Asia/Tokyo"));
        let at = parse_instant("2024-04-11T14:07:01Z").unwrap();
        let parts = |window: Window, every, zones: &[&TimeZone], most| {
            let first = Some(parse_date("2024-03-30").unwrap());
            window.parts(every, at, Settings::default(), zones.iter().copied(), first, most)
        };
        let shown = |window: Window, every, zone: &TimeZone| {
            let shown = |part: Window| {
                let bounds = part.bounds(at, zone, Settings::default());
                format!("{part} {} {}", show_instant(bounds.start.unwrap()), show_instant(bounds.end))
            };
            parts(window, every, &[zone], 100).unwrap().into_iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(Window::Month, Every::Week, &paris),
            ["2024-W14 2024-03-31T22:00:00Z 2024-04-07T22:00:00Z", "2024-W15 2024-04-07T22:00:00Z 2024-04-11T14:15:00Z"]
        );
        assert_eq!(
            shown(Window::H24, Every::Day, &paris),
            ["2024-04-10 2024-04-10T14:15:00Z 2024-04-10T22:00:00Z", "2024-04-11 2024-04-10T22:00:00Z 2024-04-11T14:15:00Z"]
        );
        assert_eq!(
            shown(Window::All, Every::Month, &paris),
            ["2024-03 2024-02-29T23:00:00Z 2024-03-31T22:00:00Z", "2024-04 2024-03-31T22:00:00Z 2024-04-11T14:15:00Z"]
        );
        let quarter = Window::Period(NamedPeriod::parse("2024-Q1", Settings::default()).unwrap());
        assert_eq!(shown(quarter, Every::Year, &paris), ["2024 2023-12-31T23:00:00Z 2024-03-31T22:00:00Z"]);
        let names = |zones: &[&TimeZone]| -> Vec<String> {
            parts(Window::H24, Every::Day, zones, 9).unwrap().iter().map(Window::to_string).collect()
        };
        // 23:15 on the 10th to 23:15 on the 11th in Tokyo.
        assert_eq!(names(&[&tokyo]), ["2024-04-10", "2024-04-11"]);
        assert_eq!(names(&[&paris, &tokyo]), ["2024-04-10", "2024-04-11"]);
        assert_eq!(parts(Window::Month, Every::Day, &[&paris], 10), None, "eleven days");
        assert_eq!(parts(Window::Month, Every::Day, &[&paris], 11).unwrap().len(), 11);
        let part = parts(Window::Month, Every::Day, &[&paris], 11).unwrap()[0];
        assert_eq!(part.parts(Every::Day, at, Settings::default(), [&paris].into_iter(), None, 9), None);
        let nothing = Window::All.parts(Every::Month, at, Settings::default(), [&paris].into_iter(), None, 9);
        assert_eq!(nothing, Some(Vec::new()), "nothing has a first day");
    }

    #[test]
    fn a_day_has_as_many_slots_as_its_clocks_say() {
        for (at, name, slots) in [
            ("2024-03-10T23:50:00-04:00", "America/New_York", 92),
            ("2024-11-03T23:50:00-05:00", "America/New_York", 100),
            ("2024-05-05T23:50:00+05:30", "Asia/Kolkata", 96),
            ("2024-05-05T23:50:00+05:45", "Asia/Kathmandu", 96),
            ("2024-04-07T23:50:00+10:30", "Australia/Lord_Howe", 98),
            ("2018-11-04T23:50:00-02:00", "America/Sao_Paulo", 92),
            ("2018-02-17T23:50:00-03:00", "America/Sao_Paulo", 100),
            ("2024-03-31T23:50:00+03:00", "Asia/Beirut", 92),
        ] {
            let bounds = Window::Today.bounds(parse_instant(at).unwrap(), &zone(name), Settings::default());
            let ranges = bounds.ranges(&zone(name));
            assert_eq!(ranges.quarters.len(), slots, "{name}");
            let day = parse_date(&at[..10]).unwrap();
            assert_eq!(ranges.dates, day..day + 1, "{name}");
        }
    }

    #[test]
    fn a_day_begins_at_its_first_instant() {
        for (date, name, first) in [
            ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"), // no midnight
            ("2024-03-31", "Asia/Beirut", "2024-03-30T22:00:00Z"),
            ("2024-11-03", "America/Havana", "2024-11-03T04:00:00Z"), // two midnights
            ("1919-03-31", "America/Toronto", "1919-03-31T04:30:00Z"), // the clocks jumped from 23:30 to 00:30
            ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"),   // skipped
            ("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z"),
        ] {
            let date = date_of(parse_date(date).unwrap());
            assert_eq!(show_instant(first_instant(date, &zone(name))), first, "{name}");
        }
    }

    #[test]
    fn what_is_dated_on_a_day_that_was_skipped_counts_on_the_next() {
        let (apia, at) = (zone("Pacific/Apia"), parse_instant("2011-12-31T12:00:00+14:00").unwrap());
        let skipped = parse_date("2011-12-30").unwrap();
        let today = Window::Today.bounds(at, &apia, Settings::default());
        assert_eq!(today.ranges(&apia).dates, skipped..skipped + 2);
        let yesterday = Window::Yesterday.bounds(at, &apia, Settings::default());
        assert_eq!((yesterday.start, yesterday.end), (today.start, today.start.unwrap()));
        assert!(yesterday.ranges(&apia).dates.is_empty());
    }

    #[test]
    fn a_window_that_is_none_is_refused_with_the_nearest() {
        assert!("last_moth".parse::<Window>().unwrap_err().contains("did you mean `last_month`"));
        for window in Window::ALL {
            assert_eq!(window.to_string().parse(), Ok(window));
        }
    }

    const ZONES: [&str; 12] = [
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Auckland",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Beirut",
        "America/St_Johns",
    ];

    prop_compose! {
        /// Any minute from 1981 to 2040, more often than not near a change of clocks.
        fn instant()(minute in 5_790_000..36_800_000i64, near in prop::sample::select(vec![
            "2011-12-30T10:00:00Z", "2018-11-04T03:00:00Z", "2018-02-18T02:00:00Z", "2024-03-30T22:00:00Z", "2024-03-31T01:00:00Z",
            "2024-04-06T15:00:00Z", "2024-11-03T06:00:00Z", "2006-10-29T02:31:00Z", "2024-12-31T23:00:00Z",
        ]), by in -3000..3000i64, random in any::<bool>()) -> i64 {
            if random { minute * 60 * US } else { parse_instant(near).unwrap() + by * 60 * US }
        }
    }

    proptest! {
        #[test]
        fn parts_follow_each_other_from_end_to_end(
            at in 0..2_000_000_000_000_000i64, name in prop::sample::select(&ZONES), window in 0..16usize, every in prop::sample::select(&Every::ALL),
            fiscal_month in 1..=12i8) {
            let (zone, settings) = (zone(name), Settings { fiscal_month, ..Settings::default() });
            let window = Window::ALL[window];
            let whole = window.bounds(at, &zone, settings);
            let parts = window.parts(every, at, settings, [&zone].into_iter(), None, 1_000).unwrap();
            let mut reached = whole.start.unwrap();
            for part in &parts {
                let bounds = part.bounds(at, &zone, settings);
                prop_assert_eq!(bounds.start, Some(reached), "{} of {}", part, window);
                // Of a day that the zone skipped nothing is left.
                prop_assert!(bounds.end >= reached);
                reached = bounds.end;
            }
            prop_assert_eq!(reached, whole.end);
        }

        #[test]
        fn windows_hold_each_other_and_follow_each_other(at in instant(), zone_no in 0..ZONES.len(), fiscal_month in 1..=12i8, first in 1..=7i8) {
            let zone = zone(ZONES[zone_no]);
            let settings = Settings { week_start: Weekday::from_monday_one_offset(first).unwrap(), fiscal_month };
            let bounds = |window: Window| window.bounds(at, &zone, settings);
            use Window::*;
            for (inner, outer) in [(H1, H24), (H24, D7), (D7, D30), (D30, D90), (D90, D365), (Today, Week), (Today, Month), (Month, Quarter),
                (Quarter, Year), (D365, All), (Year, All)] {
                let (inner, outer) = (bounds(inner), bounds(outer));
                prop_assert!(inner.start >= outer.start && inner.end == outer.end);
            }
            for (before, now) in [(Yesterday, Today), (LastWeek, Week), (LastMonth, Month), (LastQuarter, Quarter), (LastYear, Year)] {
                let (before, now) = (bounds(before), bounds(now));
                prop_assert_eq!(Some(before.end), now.start);
                prop_assert!(now.start <= Some(at) && at <= now.end);
                prop_assert!(before.start <= Some(before.end));
                let (before, now) = (before.ranges(&zone), now.ranges(&zone));
                prop_assert_eq!(before.quarters.end, now.quarters.start);
                prop_assert_eq!(before.dates.end, now.dates.start);
            }
        }

        #[test]
        fn a_slot_counts_if_its_first_instant_does(at in instant(), zone_no in 0..ZONES.len(), window in 0..Window::ALL.len()) {
            let zone = zone(ZONES[zone_no]);
            let bounds = Window::ALL[window].bounds(at, &zone, Settings::default());
            let ranges = bounds.ranges(&zone);
            let inside = |us: i64| bounds.start.is_none_or(|start| start <= us) && us < bounds.end;
            for edge in [bounds.end, bounds.start.unwrap_or(bounds.end)] {
                let (quarter, day) = (edge.div_euclid(900 * US) as i32, edge.div_euclid(86_400 * US) as i32);
                for quarter in quarter - 3..quarter + 3 {
                    prop_assert_eq!(ranges.quarters.contains(&quarter), inside(i64::from(quarter) * 900 * US));
                }
                for day in day - 3..day + 4 {
                    prop_assert_eq!(ranges.dates.contains(&day), inside(first_instant(date_of(day), &zone)));
                }
            }
        }

        #[test]
        fn a_day_begins_when_its_date_is_first_read(at in instant(), zone_no in 0..ZONES.len()) {
            let zone = zone(ZONES[zone_no]);
            let date = local_date(at, &zone);
            let first = first_instant(date, &zone);
            prop_assert!(first <= at);
            prop_assert_eq!(local_date(first, &zone), date);
            // Minute by minute from two days before: no earlier instant reads that date.
            let earlier = (1..2880).map(|minute| first - minute * 60 * US).find(|us| local_date(*us, &zone) == date);
            prop_assert_eq!(earlier, None);
        }
    }
}
