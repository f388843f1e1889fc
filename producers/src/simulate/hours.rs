//! Working time: Monday to Friday, 08:30 to 18:00 in one time zone.
//!
//! In: an instant, a span of working time. Out: the instant when that much has been worked. Never here: a clock.

use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How long a working day is, in microseconds.
pub(super) const DAY_US: i64 = (9 * 3600 + 1800) * 1_000_000;

/// The working day at hand, in a zone.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    zone: TimeZone,
    date: Date,
    start_us: i64,
    end_us: i64,
}

impl Hours {
    /// The working day of an instant, or the next one.
    pub(super) fn new(zone: TimeZone, at_us: i64) -> Hours {
        let mut hours = Hours { date: date(&zone, at_us), zone, start_us: 0, end_us: 0 };
        hours.turn(hours.date);
        hours
    }

    /// The instant when so much working time has passed since `at_us`.
    pub(super) fn after(&mut self, at_us: i64, mut work_us: i64) -> i64 {
        if at_us < self.start_us || at_us >= self.end_us {
            self.turn(date(&self.zone, at_us));
        }
        let mut at = at_us;
        loop {
            if at < self.end_us {
                at = at.max(self.start_us);
                if work_us < self.end_us - at {
                    return at + work_us;
                }
                work_us -= self.end_us - at;
            }
            self.turn(self.date.saturating_add(1.day()));
            at = self.start_us;
        }
    }

    /// The date of an instant here.
    pub(super) fn date_of(&self, at_us: i64) -> Date {
        date(&self.zone, at_us)
    }

    /// Goes to the first working day from this date on.
    fn turn(&mut self, mut date: Date) {
        while matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            date = date.saturating_add(1.day());
        }
        let instant = |hour, minute| {
            let civil = date.to_datetime(time(hour, minute, 0, 0));
            self.zone.to_ambiguous_timestamp(civil).compatible().map_or(0, Timestamp::as_microsecond)
        };
        (self.start_us, self.end_us) = (instant(8, 30), instant(18, 0));
        self.date = date;
    }
}

fn date(zone: &TimeZone, at_us: i64) -> Date {
    let at = Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH);
    zone.to_datetime(at).date()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn nights_and_weekends_are_passed_over() {
        // A Friday.
        let friday = us("2026-03-06T15:00:00Z");
        let mut hours = Hours::new(TimeZone::UTC, friday);
        assert_eq!(hours.after(friday, HOUR), us("2026-03-06T16:00:00Z"));
        assert_eq!(hours.after(friday, 4 * HOUR), us("2026-03-09T09:30:00Z"));
        assert_eq!(hours.after(us("2026-03-07T12:00:00Z"), 0), us("2026-03-09T08:30:00Z"));
        assert_eq!(hours.after(us("2026-03-09T01:00:00Z"), 2 * DAY_US + HOUR), us("2026-03-11T09:30:00Z"));
        // Asked about an earlier day again.
        assert_eq!(hours.after(friday, HOUR), us("2026-03-06T16:00:00Z"));
        let mut paris = Hours::new(TimeZone::get("Europe/Paris").unwrap(), us("2026-03-27T12:00:00Z"));
        // Summer time begins on that Sunday.
        assert_eq!(paris.after(us("2026-03-27T18:00:00Z"), 0), us("2026-03-30T06:30:00Z"));
    }
}
