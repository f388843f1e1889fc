//! Which days a period is.
//!
//! In: a period, the company's weeks and fiscal year, a day. Out: runs of days, `first..after`, days since 1970-01-01.
//! Never here: instants, zones, clocks.

use std::ops::Range;

use jiff::civil::{Date, Weekday};
use onpace_schemas::time::{date_of, day_of};

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

/// Runs of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Each day.
    Day,
    /// Each week, from the company's first weekday.
    Week,
    /// Each month.
    Month,
    /// Each fiscal quarter.
    Quarter,
    /// Each fiscal year.
    Year,
    /// Once: first and last day, both included.
    Once(i32, i32),
}

impl Period {
    /// Its name in JSON and words: `day`, `week`…; `once` for a run of its own.
    pub const fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
            Period::Once(..) => "once",
        }
    }
}

/// The run of days that holds a day; of a period that comes once, its own run whatever the day. `None` where the calendar ends.
pub fn holding(period: Period, settings: Settings, day: i32) -> Option<Range<i32>> {
    match period {
        Period::Day => Some(day..day.checked_add(1)?),
        Period::Week => {
            // 1970-01-01 was a Thursday.
            let weekday = (i64::from(day) + 3).rem_euclid(7) as i32;
            let into = (weekday - i32::from(settings.week_start.to_monday_zero_offset())).rem_euclid(7);
            let first = day.checked_sub(into)?;
            Some(first..first.checked_add(7)?)
        }
        Period::Month => in_months(day, 1, 1),
        Period::Quarter => in_months(day, 3, settings.fiscal_month),
        Period::Year => in_months(day, 12, settings.fiscal_month),
        Period::Once(first, last) => Some(first..last.checked_add(1)?),
    }
}

/// The run of days before the one that begins on `first`; `None` for a period that comes once, or where the calendar begins.
pub fn before(period: Period, settings: Settings, first: i32) -> Option<Range<i32>> {
    match period {
        Period::Once(..) => None,
        _ => holding(period, settings, first.checked_sub(1)?),
    }
}

/// The parts of a run of days that lie in one calendar month each.
pub fn months(days: &Range<i32>) -> Vec<Range<i32>> {
    let mut parts = Vec::new();
    let mut first = days.start;
    while first < days.end {
        let after = in_months(first, 1, 1).map_or(days.end, |month| month.end.min(days.end));
        parts.push(first..after);
        first = after;
    }
    parts
}

/// The parts of a run of days of 7 days each, from its start; the last may be shorter.
pub fn weeks(days: &Range<i32>) -> Vec<Range<i32>> {
    days.clone().step_by(7).map(|first| first..first.saturating_add(7).min(days.end)).collect()
}

/// The run of so many months that holds a day, where one begins with month `anchor`, 1 to 12.
fn in_months(day: i32, months: i32, anchor: i8) -> Option<Range<i32>> {
    let date = date_of(day);
    let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
    let first = month - (month - (i32::from(anchor) - 1)).rem_euclid(months);
    let begins = |month: i32| {
        let year = i16::try_from(month.div_euclid(12)).ok()?;
        Some(day_of(Date::new(year, month.rem_euclid(12) as i8 + 1, 1).ok()?))
    };
    Some(begins(first)?..begins(first + months)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::time::{parse_date, show_date};
    use proptest::prelude::*;

    use super::*;

    const APRIL: Settings = Settings { week_start: Weekday::Sunday, fiscal_month: 4 };

    fn shown(days: &Range<i32>) -> String {
        format!("{} {}", show_date(days.start), show_date(days.end - 1))
    }

    #[test]
    fn periods_begin_where_the_company_says() {
        let day = parse_date("2024-02-18").unwrap(); // a Sunday
        let default = Settings::default();
        for (period, settings, expected, earlier) in [
            (Period::Day, default, "2024-02-18 2024-02-18", "2024-02-17 2024-02-17"),
            (Period::Week, default, "2024-02-12 2024-02-18", "2024-02-05 2024-02-11"),
            (Period::Week, APRIL, "2024-02-18 2024-02-24", "2024-02-11 2024-02-17"),
            (Period::Month, APRIL, "2024-02-01 2024-02-29", "2024-01-01 2024-01-31"),
            (Period::Quarter, default, "2024-01-01 2024-03-31", "2023-10-01 2023-12-31"),
            (Period::Quarter, Settings { fiscal_month: 2, ..default }, "2024-02-01 2024-04-30", "2023-11-01 2024-01-31"),
            (Period::Quarter, Settings { fiscal_month: 12, ..default }, "2023-12-01 2024-02-29", "2023-09-01 2023-11-30"),
            (Period::Year, default, "2024-01-01 2024-12-31", "2023-01-01 2023-12-31"),
            (Period::Year, APRIL, "2023-04-01 2024-03-31", "2022-04-01 2023-03-31"),
        ] {
            let run = holding(period, settings, day).unwrap();
            assert_eq!(shown(&run), expected, "{period:?} {settings:?}");
            assert_eq!(shown(&before(period, settings, run.start).unwrap()), earlier, "{period:?} {settings:?}");
        }
        assert_eq!(holding(Period::Once(3, 9), default, day), Some(3..10));
        assert_eq!(before(Period::Once(3, 9), default, 3), None);
    }

    #[test]
    fn the_calendar_ends() {
        let last = day_of(Date::MAX);
        assert_eq!(holding(Period::Year, Settings::default(), last), None);
        assert_eq!(holding(Period::Once(0, i32::MAX), Settings::default(), 0), None);
        assert_eq!(holding(Period::Week, Settings::default(), i32::MIN), None);
    }

    #[test]
    fn parts_are_months_or_weeks() {
        let days = parse_date("2024-01-17").unwrap()..parse_date("2024-03-02").unwrap();
        let parts: Vec<String> = months(&days).iter().map(shown).collect();
        assert_eq!(parts, ["2024-01-17 2024-01-31", "2024-02-01 2024-02-29", "2024-03-01 2024-03-01"]);
        assert_eq!(weeks(&(10..27)), [10..17, 17..24, 24..27]);
        assert_eq!((months(&(5..5)).len(), weeks(&(5..5)).len()), (0, 0));
    }

    proptest! {
        #[test]
        fn runs_and_parts_follow_each_other(day in -30_000..90_000i32, first in 1..=7i8, fiscal_month in 1..=12i8, length in 0..800i32) {
            let settings = Settings { week_start: Weekday::from_monday_one_offset(first).unwrap(), fiscal_month };
            for period in [Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year] {
                let run = holding(period, settings, day).unwrap();
                prop_assert!(run.contains(&day));
                prop_assert_eq!(holding(period, settings, run.start), Some(run.clone()));
                prop_assert_eq!(holding(period, settings, run.end - 1), Some(run.clone()));
                prop_assert_eq!(before(period, settings, run.start).unwrap().end, run.start);
            }
            let days = day..day + length;
            for parts in [months(&days), weeks(&days)] {
                let listed: Vec<i32> = parts.into_iter().flatten().collect();
                prop_assert_eq!(listed, days.clone().collect::<Vec<_>>());
            }
        }
    }
}
