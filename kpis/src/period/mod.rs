//! Periods by name: `2025`, `2025-Q1`, `2025-03`, `2025-W14`, `2025-03-07`.
//!
//! In: a name, or a day and how long a period is; the company's weeks and fiscal year. Out: a run of days with its name.
//! Never here: instants, zones (a day begins in whichever zone it is read in), clocks.

pub mod run;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, Weekday};
use onpace_schemas::did_you_mean;
use onpace_schemas::time::{date_of, day_of, parse_date};

pub use self::run::{Period, Settings};

/// How long a period is, and where one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Every {
    /// A day.
    Day,
    /// A week, from the company's first weekday.
    Week,
    /// A month of the calendar.
    Month,
    /// A fiscal quarter.
    Quarter,
    /// A fiscal year.
    Year,
}

impl Every {
    /// Every one, shortest first.
    pub const ALL: [Every; 5] = [Every::Day, Every::Week, Every::Month, Every::Quarter, Every::Year];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Every::Day => "day",
            Every::Week => "week",
            Every::Month => "month",
            Every::Quarter => "quarter",
            Every::Year => "year",
        }
    }

    const fn run(self) -> Period {
        match self {
            Every::Day => Period::Day,
            Every::Week => Period::Week,
            Every::Month => Period::Month,
            Every::Quarter => Period::Quarter,
            Every::Year => Period::Year,
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Every, String> {
        let names = || Every::ALL.iter().map(|every| every.name());
        Every::ALL.into_iter().find(|every| every.name() == text).ok_or_else(|| {
            let known = did_you_mean(text, names());
            format!("`{text}` is no length of a period{known}; there are {}", names().collect::<Vec<_>>().join(", "))
        })
    }
}

/// One period, as the company's weeks and fiscal year make it. A fiscal year has the name of the calendar year in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPeriod {
    first: i32,
    after: i32,
    every: Every,
    year: i16,
    /// Which of the year: a quarter, a month, a week.
    number: i8,
}

impl NamedPeriod {
    /// The one that holds a day; `None` where the calendar ends.
    pub fn holding(every: Every, settings: Settings, day: i32) -> Option<NamedPeriod> {
        let days = run::holding(every.run(), settings, day)?;
        let first = date_of(days.start);
        let (year, number) = match every {
            Every::Day => (first.year(), 0),
            Every::Month => (first.year(), first.month()),
            Every::Year => (first.year(), 0),
            Every::Quarter => {
                let year = date_of(run::holding(Period::Year, settings, day)?.start);
                let months = i32::from(first.year() - year.year()) * 12 + i32::from(first.month() - year.month());
                (year.year(), (months / 3 + 1) as i8)
            }
            // As ISO 8601 counts weeks that begin on Monday: a week is of the year that has most of its days.
            Every::Week => {
                let middle = date_of(days.start + 3);
                (middle.year(), ((middle.day_of_year() - 1) / 7 + 1) as i8)
            }
        };
        Some(NamedPeriod { first: days.start, after: days.end, every, year, number })
    }

    /// The one of a name.
    ///
    /// # Errors
    /// It is none, with what names are like.
    pub fn parse(text: &str, settings: Settings) -> Result<NamedPeriod, String> {
        let wrong = || {
            format!(
                "there is no period `{text}`; write a year 2025, a quarter 2025-Q1, a month 2025-03, a week 2025-W14 or a day 2025-03-07"
            )
        };
        let number = |digits: &str, length: usize| -> Option<i16> {
            let plain = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let found = || -> Option<NamedPeriod> {
            let year = number(text.get(..4)?, 4)?;
            let of = |every, date: Date| NamedPeriod::holding(every, settings, day_of(date));
            match text.get(4..)?.strip_prefix('-') {
                None if text.len() == 4 => of(Every::Year, Date::new(year, settings.fiscal_month, 1).ok()?),
                None => None,
                Some(rest) if rest.starts_with('Q') => {
                    let quarter = number(rest.get(1..)?, 1).filter(|quarter| (1..=4).contains(quarter))?;
                    let begins = Date::new(year, settings.fiscal_month, 1).ok()?;
                    of(Every::Quarter, begins.checked_add(Span::new().months(3 * (quarter - 1))).ok()?)
                }
                Some(rest) if rest.starts_with('W') => {
                    let week = number(rest.get(1..)?, 2).filter(|week| *week > 0)?;
                    let begins = first_week(year, settings.week_start)?.checked_add(Span::new().weeks(week - 1)).ok()?;
                    of(Every::Week, begins).filter(|found| (found.year, i16::from(found.number)) == (year, week))
                }
                Some(rest) if rest.len() == 2 => {
                    let month = number(rest, 2).filter(|month| (1..=12).contains(month))?;
                    of(Every::Month, Date::new(year, month as i8, 1).ok()?)
                }
                Some(_) => NamedPeriod::holding(Every::Day, settings, parse_date(text).ok()?),
            }
        };
        found().ok_or_else(wrong)
    }

    /// Its days, since 1970-01-01.
    pub fn days(self) -> Range<i32> {
        self.first..self.after
    }
}

/// The day that the first week of a year begins on: the one that holds January 4th.
fn first_week(year: i16, starts: Weekday) -> Option<Date> {
    let fourth = Date::new(year, 1, 4).ok()?;
    fourth.checked_sub(Span::new().days(fourth.weekday().since(starts))).ok()
}

impl fmt::Display for NamedPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, number) = (self.year, self.number);
        let name = match self.every {
            Every::Year => format!("{year:04}"),
            Every::Quarter => format!("{year:04}-Q{number}"),
            Every::Month => format!("{year:04}-{number:02}"),
            Every::Week => format!("{year:04}-W{number:02}"),
            Every::Day => date_of(self.first).to_string(),
        };
        f.pad(&name)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::time::show_date;
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, settings: Settings) -> String {
        let days = NamedPeriod::parse(text, settings).unwrap().days();
        format!("{} {}", show_date(days.start), show_date(days.end - 1))
    }

    #[test]
    fn a_name_is_a_run_of_days() {
        let usual = Settings::default();
        for (name, days) in [
            ("2025", "2025-01-01 2025-12-31"),
            ("2025-Q1", "2025-01-01 2025-03-31"),
            ("2025-Q4", "2025-10-01 2025-12-31"),
            ("2024-02", "2024-02-01 2024-02-29"),
            ("2025-W01", "2024-12-30 2025-01-05"),
            ("2025-W14", "2025-03-31 2025-04-06"),
            ("2026-W53", "2026-12-28 2027-01-03"),
            ("2025-03-07", "2025-03-07 2025-03-07"),
        ] {
            assert_eq!(shown(name, usual), days, "{name}");
        }
        // A fiscal year is called after the calendar year that it begins in; weeks of a Sunday begin a day before those of a Monday.
        let other = Settings { week_start: Weekday::Sunday, fiscal_month: 10 };
        for (name, days) in [
            ("2025", "2025-10-01 2026-09-30"),
            ("2025-Q2", "2026-01-01 2026-03-31"),
            ("2025-W14", "2025-03-30 2025-04-05"),
            ("2025-01", "2025-01-01 2025-01-31"),
        ] {
            assert_eq!(shown(name, other), days, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_examples() {
        for text in [
            "",
            "25",
            "2025-",
            "2025-Q0",
            "2025-Q5",
            "2025-Q01",
            "2025-13",
            "2025-3",
            "2025-W00",
            "2025-W53",
            "2025-W1",
            "2025-02-30",
            "2025-03-7",
            "2025W14",
            "march",
            "2025-03-07T10:00:00Z",
            "20255",
            "２０２５",
        ] {
            let said = NamedPeriod::parse(text, Settings::default()).unwrap_err();
            assert!(said.contains(&format!("`{text}`")) && said.contains("2025-W14"), "{text}: {said}");
        }
        assert!("mnth".parse::<Every>().unwrap_err().contains("did you mean `month`"));
        for every in Every::ALL {
            assert_eq!(every.to_string().parse(), Ok(every));
        }
    }

    proptest! {
        #[test]
        fn a_name_leads_back(day in -20_000..60_000i32, first in 1..=7i8, fiscal_month in 1..=12i8) {
            let settings = Settings { week_start: Weekday::from_monday_one_offset(first).unwrap(), fiscal_month };
            for every in Every::ALL {
                let period = NamedPeriod::holding(every, settings, day).unwrap();
                prop_assert!(period.days().contains(&day));
                prop_assert_eq!(NamedPeriod::parse(&period.to_string(), settings), Ok(period), "{}", period);
                let next = NamedPeriod::holding(every, settings, period.days().end).unwrap();
                prop_assert!(next.to_string() > period.to_string(), "{} then {}", period, next);
            }
        }
    }
}
