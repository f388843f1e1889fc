//! Somebody's working time: his hours on his weekdays in his zone, less holidays and absences.
//!
//! In: a [`Worker`], an instant, a span of working time. Out: the instant when that much has been worked; how present he is; his
//! working days. Never here: a clock.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use onpace_schemas::time::{date_of, day_of};

use super::Worker;

/// In so many days on end without work nobody is looked for any more.
const LONGEST_REST: usize = 4_000;

/// How present somebody is at an instant; the less, the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Presence {
    /// On leave.
    Absent,
    /// It is a holiday where he is.
    Holiday,
    /// At night, at the weekend.
    Resting,
    /// In his working hours.
    AtWork,
}

/// The working day at hand.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    zone: TimeZone,
    working_days: [bool; 7],
    hours_s: (u32, u32),
    holidays: Vec<i32>,
    absences: Vec<(i32, i32)>,
    date: Date,
    start_us: i64,
    end_us: i64,
}

impl Hours {
    /// The working day of an instant, or the next one.
    pub(super) fn new(worker: &Worker, at_us: i64) -> Hours {
        let mut hours = Hours {
            date: date(&worker.zone, at_us),
            zone: worker.zone.clone(),
            working_days: worker.working_days,
            hours_s: worker.hours_s,
            holidays: worker.holidays.clone(),
            absences: worker.absences.clone(),
            start_us: 0,
            end_us: 0,
        };
        hours.turn(hours.date);
        hours
    }

    /// How long a working day is, in microseconds.
    pub(super) fn day_us(&self) -> i64 {
        i64::from(self.hours_s.1.saturating_sub(self.hours_s.0)).max(60) * 1_000_000
    }

    /// The instant when so much working time has passed since `at_us`; the end of time for somebody who works no more.
    pub(super) fn after(&mut self, at_us: i64, mut work_us: i64) -> i64 {
        if at_us < self.start_us || at_us >= self.end_us {
            self.turn(date(&self.zone, at_us));
        }
        let mut at = at_us;
        while self.start_us < self.end_us {
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
        i64::MAX
    }

    /// The date of an instant here.
    pub(super) fn date_of(&self, at_us: i64) -> Date {
        date(&self.zone, at_us)
    }

    /// How present he is at an instant.
    pub(super) fn presence(&self, at_us: i64) -> Presence {
        let day = day_of(self.date_of(at_us));
        if self.absences.iter().any(|(first, last)| (*first..=*last).contains(&day)) {
            return Presence::Absent;
        }
        if self.holidays.binary_search(&day).is_ok() {
            return Presence::Holiday;
        }
        let (start, end) = self.span(date_of(day));
        if self.works_on(day) && (start..end).contains(&at_us) { Presence::AtWork } else { Presence::Resting }
    }

    /// How many of these days, both included, he works on.
    pub(super) fn working_days(&self, first: i32, last: i32) -> u32 {
        (first..=last).map(|day| u32::from(self.works_on(day))).sum()
    }

    fn works_on(&self, day: i32) -> bool {
        // 1970-01-01 was a Thursday.
        self.working_days[(i64::from(day) + 3).rem_euclid(7) as usize]
            && self.holidays.binary_search(&day).is_err()
            && !self.absences.iter().any(|(first, last)| (*first..=*last).contains(&day))
    }

    /// A day's hours as instants.
    fn span(&self, date: Date) -> (i64, i64) {
        let instant = |clock_s: u32| {
            let (date, clock_s) = if clock_s >= 86_400 { (date.saturating_add(1.day()), 0) } else { (date, clock_s) };
            let [hour, minute, second] = [clock_s / 3600, clock_s / 60 % 60, clock_s % 60].map(|part| part as i8);
            let civil = date.to_datetime(Time::new(hour, minute, second, 0).unwrap_or(Time::midnight()));
            self.zone.to_ambiguous_timestamp(civil).compatible().map_or(0, Timestamp::as_microsecond)
        };
        (instant(self.hours_s.0), instant(self.hours_s.1))
    }

    /// Goes to the first working day from this date on.
    fn turn(&mut self, date: Date) {
        self.date = date;
        (self.start_us, self.end_us) = (0, 0);
        for _ in 0..LONGEST_REST {
            if self.works_on(day_of(self.date)) {
                (self.start_us, self.end_us) = self.span(self.date);
                if self.start_us < self.end_us {
                    return;
                }
            }
            self.date = self.date.saturating_add(1.day());
        }
        (self.start_us, self.end_us) = (0, 0);
    }
}

fn date(zone: &TimeZone, at_us: i64) -> Date {
    let at = Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH);
    zone.to_datetime(at).date()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::Currency;
    use onpace_schemas::time::parse_date;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn us(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn day(text: &str) -> i32 {
        parse_date(text).unwrap()
    }

    fn someone() -> Worker {
        Worker::named("a", Currency::from_bytes(b"EUR").unwrap())
    }

    fn in_zone(zone: &str, at_us: i64) -> Hours {
        Hours::new(&Worker { zone: TimeZone::get(zone).unwrap(), ..someone() }, at_us)
    }

    #[test]
    fn nights_and_weekends_are_passed_over() {
        // A Friday.
        let friday = us("2026-03-06T15:00:00Z");
        let mut hours = in_zone("UTC", friday);
        assert_eq!(hours.after(friday, HOUR), us("2026-03-06T16:00:00Z"));
        assert_eq!(hours.after(friday, 4 * HOUR), us("2026-03-09T09:30:00Z"));
        assert_eq!(hours.after(us("2026-03-07T12:00:00Z"), 0), us("2026-03-09T08:30:00Z"));
        assert_eq!(hours.after(us("2026-03-09T01:00:00Z"), 2 * hours.day_us() + HOUR), us("2026-03-11T09:30:00Z"));
        // Asked about an earlier day again.
        assert_eq!(hours.after(friday, HOUR), us("2026-03-06T16:00:00Z"));
        let mut paris = in_zone("Europe/Paris", us("2026-03-27T12:00:00Z"));
        // Summer time begins on that Sunday.
        assert_eq!(paris.after(us("2026-03-27T18:00:00Z"), 0), us("2026-03-30T06:30:00Z"));
    }

    #[test]
    fn holidays_and_absences_are_passed_over() {
        let worker = Worker {
            working_days: [true, true, true, true, false, false, false],
            hours_s: (9 * 3600, 24 * 3600),
            holidays: vec![day("2026-03-09")],
            absences: vec![(day("2026-03-11"), day("2026-03-16"))],
            ..someone()
        };
        let thursday = us("2026-03-05T23:00:00Z");
        let mut hours = Hours::new(&worker, thursday);
        assert_eq!(hours.after(thursday, HOUR / 2), us("2026-03-05T23:30:00Z"));
        // Friday is no working day, Monday a holiday, and then comes the leave.
        assert_eq!(hours.after(thursday, HOUR), us("2026-03-10T09:00:00Z"));
        assert_eq!(hours.after(us("2026-03-10T12:00:00Z"), 12 * HOUR), us("2026-03-17T09:00:00Z"));
        assert_eq!(hours.working_days(day("2026-03-05"), day("2026-03-17")), 3);
        for (at, expected) in [
            ("2026-03-05T23:00:00Z", Presence::AtWork),
            ("2026-03-05T08:59:00Z", Presence::Resting),
            ("2026-03-06T12:00:00Z", Presence::Resting),
            ("2026-03-09T12:00:00Z", Presence::Holiday),
            ("2026-03-11T12:00:00Z", Presence::Absent),
            ("2026-03-16T23:59:00Z", Presence::Absent),
        ] {
            assert_eq!(hours.presence(us(at)), expected, "{at}");
        }
        let mut never = Hours::new(&Worker { absences: vec![(i32::MIN, i32::MAX)], ..worker }, thursday);
        assert_eq!((never.after(thursday, 0), never.presence(thursday)), (i64::MAX, Presence::Absent));
    }
}
