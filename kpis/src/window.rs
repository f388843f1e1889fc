//! Windows: where each starts and ends, and which slots lie in it.
//!
//! In: an instant, a zone, the calendar's settings. Out: [`Bounds`], then [`Ranges`] of slots.
//! Never here: a day taken to be 24 hours long (but for the rolling windows, which say so), clocks.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::{Date, Time as Clock};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use onpace_schemas::did_you_mean;
use onpace_schemas::time::{US, date_of, day_of};

use crate::period::{Every, NamedPeriod, Settings};
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
mod tests;
