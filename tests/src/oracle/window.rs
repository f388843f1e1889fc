//! Windows. In: an instant, a zone, the settings of the calendar; out: where each window starts and
//! ends. Days are counted on the calendar and turned into instants last, so that no day is ever
//! taken to be 24 hours long unless it is a rolling one.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::moment::{DAY, HOUR, SLOT, first_instant, local_date, plus_days};

/// Every window of the contract.
#[expect(missing_docs, reason = "each is named as the contract names it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    Rolling1h,
    Rolling24h,
    Rolling7d,
    Rolling30d,
    Rolling90d,
    Rolling365d,
    Today,
    Week,
    Month,
    Quarter,
    Year,
    Yesterday,
    LastWeek,
    LastMonth,
    LastQuarter,
    LastYear,
    All,
}

/// How a company counts its weeks and years.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    /// The first day of a week.
    pub week_start: Weekday,
    /// The first month of the fiscal year, 1 to 12; quarters follow it.
    pub fiscal_month: i8,
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar { week_start: Weekday::Monday, fiscal_month: 1 }
    }
}

/// Where a window lies: `[start, end)` in µs, no start for `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first instant in it.
    pub start: Option<i64>,
    /// The first instant past it.
    pub end: i64,
}

impl Bounds {
    /// Whether an instant lies in the window.
    pub fn hold(&self, t: i64) -> bool {
        self.start.is_none_or(|start| start <= t) && t < self.end
    }
}

impl Window {
    /// All of them.
    pub const EVERY: [Window; 17] = [
        Window::Rolling1h,
        Window::Rolling24h,
        Window::Rolling7d,
        Window::Rolling30d,
        Window::Rolling90d,
        Window::Rolling365d,
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

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Window::Rolling1h => "1h",
            Window::Rolling24h => "24h",
            Window::Rolling7d => "7d",
            Window::Rolling30d => "30d",
            Window::Rolling90d => "90d",
            Window::Rolling365d => "365d",
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
        }
    }

    /// Where it lies for a reader in `zone` who asks at `at` (µs).
    pub fn bounds(self, at: i64, zone: &TimeZone, calendar: Calendar) -> Bounds {
        let end = -(-at).div_euclid(SLOT) * SLOT;
        let today = local_date(at, zone);
        let week = week_start(today, calendar.week_start);
        let month = today.first_of_month();
        let since_fiscal = (today.month() - calendar.fiscal_month).rem_euclid(12);
        let quarter = months_before(month, since_fiscal % 3);
        let year = months_before(month, since_fiscal);

        let rolling = |length: i64| Bounds { start: Some(end - length), end };
        let to_date = |start: Date| Bounds { start: Some(first_instant(start, zone)), end };
        let whole = |start: Date, next: Date| Bounds { start: Some(first_instant(start, zone)), end: first_instant(next, zone) };
        match self {
            Window::Rolling1h => rolling(HOUR),
            Window::Rolling24h => rolling(24 * HOUR),
            Window::Rolling7d => rolling(7 * DAY),
            Window::Rolling30d => rolling(30 * DAY),
            Window::Rolling90d => rolling(90 * DAY),
            Window::Rolling365d => rolling(365 * DAY),
            Window::Today => to_date(today),
            Window::Week => to_date(week),
            Window::Month => to_date(month),
            Window::Quarter => to_date(quarter),
            Window::Year => to_date(year),
            Window::Yesterday => whole(plus_days(today, -1), today),
            Window::LastWeek => whole(plus_days(week, -7), week),
            Window::LastMonth => whole(months_before(month, 1), month),
            Window::LastQuarter => whole(months_before(quarter, 3), quarter),
            Window::LastYear => whole(months_before(year, 12), year),
            Window::All => Bounds { start: None, end },
        }
    }
}

fn week_start(day: Date, first: Weekday) -> Date {
    let mut day = day;
    while day.weekday() != first {
        day = plus_days(day, -1);
    }
    day
}

/// The first of the month, some months before the month that begins on `first`.
fn months_before(first: Date, months: i8) -> Date {
    let mut day = first;
    for _ in 0..months {
        day = plus_days(day, -1).first_of_month();
    }
    day
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use jiff::Timestamp;

    use super::super::moment::parse_instant;
    use super::*;

    fn bounds(window: Window, at: &str, zone: &str, calendar: Calendar) -> (String, String) {
        let zone = TimeZone::get(zone).unwrap();
        let bounds = window.bounds(parse_instant(at), &zone, calendar);
        let text = |t| Timestamp::from_microsecond(t).unwrap().to_string();
        (bounds.start.map_or("-".into(), text), text(bounds.end))
    }

    fn plain(window: Window, at: &str, zone: &str) -> (String, String) {
        bounds(window, at, zone, Calendar::default())
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn the_end_is_at_rounded_up_to_a_slot() {
        let rolling = |at| plain(Window::Rolling1h, at, "UTC");
        let at_ten = pair("2026-01-01T09:00:00Z", "2026-01-01T10:00:00Z");
        assert_eq!(rolling("2026-01-01T10:00:00Z"), at_ten);
        assert_eq!(rolling("2026-01-01T09:45:00.000001Z"), at_ten);
        let quarter_past = pair("2026-01-01T09:15:00Z", "2026-01-01T10:15:00Z");
        assert_eq!(rolling("2026-01-01T10:00:00.000001Z"), quarter_past);
    }

    #[test]
    fn a_day_may_have_92_or_100_slots() {
        let slots = |at: &str| {
            let zone = TimeZone::get("Europe/Paris").unwrap();
            let day = Window::Yesterday.bounds(parse_instant(at), &zone, Calendar::default());
            (day.end - day.start.unwrap()) / SLOT
        };
        assert_eq!(slots("2026-03-30T12:00:00+02:00"), 92);
        assert_eq!(slots("2025-10-27T12:00:00+01:00"), 100);
        assert_eq!(slots("2025-10-28T12:00:00+01:00"), 96);
    }

    #[test]
    fn a_period_that_has_just_begun_is_empty() {
        let midnight = "2026-01-01T00:00:00+05:30";
        let empty = pair("2025-12-31T18:30:00Z", "2025-12-31T18:30:00Z");
        assert_eq!(plain(Window::Today, midnight, "Asia/Kolkata"), empty);
        assert_eq!(plain(Window::Year, midnight, "Asia/Kolkata"), empty);
        let before = pair("2025-12-30T18:30:00Z", "2025-12-31T18:30:00Z");
        assert_eq!(plain(Window::Yesterday, midnight, "Asia/Kolkata"), before);
    }

    #[test]
    fn weeks_and_fiscal_years_begin_where_the_settings_say() {
        let calendar = Calendar { week_start: Weekday::Sunday, fiscal_month: 4 };
        let asked = |window| bounds(window, "2026-02-18T10:00:00Z", "UTC", calendar);
        let end = "2026-02-18T10:00:00Z";
        assert_eq!(asked(Window::Week), pair("2026-02-15T00:00:00Z", end));
        assert_eq!(asked(Window::Quarter), pair("2026-01-01T00:00:00Z", end));
        assert_eq!(asked(Window::Year), pair("2025-04-01T00:00:00Z", end));
        assert_eq!(asked(Window::LastQuarter), pair("2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z"));
        assert_eq!(asked(Window::LastYear), pair("2024-04-01T00:00:00Z", "2025-04-01T00:00:00Z"));
        assert_eq!(plain(Window::LastWeek, "2026-02-18T10:00:00Z", "UTC"), pair("2026-02-09T00:00:00Z", "2026-02-16T00:00:00Z"));
    }

    #[test]
    fn a_skipped_day_is_a_yesterday_without_an_instant() {
        // Samoa had no 30 December 2011.
        let skipped = plain(Window::Yesterday, "2011-12-31T09:00:00+14:00", "Pacific/Apia");
        assert_eq!(skipped, pair("2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"));
    }
}
