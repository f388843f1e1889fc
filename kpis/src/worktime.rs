//! Working time: who works when, and how much of it lies in a run of days, or is past.
//!
//! In: a zone, working days and hours, holidays, absences. Out: microseconds and days. Never here: clocks, teams, targets.
//!
//! A [`Ledger`] adds up a schedule once, day by day; a [`Calendar`] answers from those sums by look-up. Runs of days are
//! `first..after`, days since 1970-01-01; what a ledger doesn't hold counts as nothing.

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::{Date, Time as Clock};
use jiff::tz::{AmbiguousOffset, TimeZone};
use onpace_schemas::time::{date_of, day_of};

use crate::exact::Exact;
use crate::window::{first_instant, local_date};

const DAY_S: u32 = 86_400;

/// When somebody works.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Whose days they are.
    pub zone: TimeZone,
    /// Which days of the week, from Monday.
    pub working_days: [bool; 7],
    /// From when to when, seconds of the local clock since midnight; at most 86,400.
    pub hours: (u32, u32),
    /// Days off, days since 1970-01-01, sorted.
    pub holidays: Arc<[i32]>,
    /// Half days, days since 1970-01-01, sorted: work ends after the first half of the hours.
    pub half_days: Arc<[i32]>,
}

impl Schedule {
    /// Monday to Friday, nine to six, no holidays.
    pub fn office(zone: TimeZone) -> Schedule {
        let working_days = [true, true, true, true, true, false, false];
        Schedule { zone, working_days, hours: (9 * 3600, 18 * 3600), holidays: Arc::new([]), half_days: Arc::new([]) }
    }

    /// Whether a day, since 1970-01-01, is one of its weekdays and no holiday.
    pub fn is_working_day(&self, day: i32) -> bool {
        self.is_weekday(day) && !self.is_holiday(day)
    }

    fn is_weekday(&self, day: i32) -> bool {
        // 1970-01-01 was a Thursday.
        self.working_days[(i64::from(day) + 3).rem_euclid(7) as usize]
    }

    fn is_holiday(&self, day: i32) -> bool {
        self.holidays.binary_search(&day).is_ok()
    }

    fn is_half_day(&self, day: i32) -> bool {
        self.half_days.binary_search(&day).is_ok()
    }

    /// Whether there is working time on a day.
    pub(crate) fn works_on(&self, day: i32) -> bool {
        if !self.is_working_day(day) {
            return false;
        }
        let [begins, ends] = [day, day + 1].map(|day| first_instant(date_of(day), &self.zone));
        let (from, to) = self.hours_of(day, begins, ends);
        from < to
    }

    /// Whether more working time lies between two instants than so many microseconds. Looks no further than it must.
    pub fn works_longer_than(&self, from_us: i64, to_us: i64, limit_us: i64) -> bool {
        let mut worked_us = 0;
        let mut day = day_of(local_date(from_us, &self.zone));
        let mut begins = first_instant(date_of(day), &self.zone);
        while begins < to_us && worked_us <= limit_us {
            let ends = first_instant(date_of(day + 1), &self.zone);
            let (from, to) = self.hours_of(day, begins, ends);
            worked_us += (to.min(to_us) - from.max(from_us)).max(0);
            (day, begins) = (day + 1, ends);
        }
        worked_us > limit_us
    }

    /// The working hours of a day as instants, in microseconds since 1970; an empty stretch where there are none.
    fn hours_of(&self, day: i32, begins: i64, ends: i64) -> (i64, i64) {
        if !self.is_working_day(day) {
            return (begins, begins);
        }
        let (from, to) = self.usual_hours(day, begins, ends);
        if self.is_half_day(day) { (from, from + (to - from) / 2) } else { (from, to) }
    }

    /// The same were there no holidays and no half days.
    fn usual_hours(&self, day: i32, begins: i64, ends: i64) -> (i64, i64) {
        if !self.is_weekday(day) || begins >= ends {
            return (begins, begins);
        }
        let date = date_of(day);
        let [from, to] = [self.hours.0, self.hours.1].map(|clock_s| match clock_s {
            0 => begins,
            DAY_S.. => ends,
            clock_s => instant_of(date, clock_s, &self.zone).clamp(begins, ends),
        });
        (from, to.max(from))
    }
}

/// The instant at which a local clock shows a time of a day, in microseconds since 1970. The first one, where the clock is turned
/// back and shows it twice; that of the jump, where the clock jumps over it. So two stretches that meet on the clock meet in time.
fn instant_of(date: Date, clock_s: u32, zone: &TimeZone) -> i64 {
    let [hour, minute, second] = [clock_s / 3600, clock_s / 60 % 60, clock_s % 60].map(|part| part as i8);
    let shown = date.to_datetime(Clock::new(hour, minute, second, 0).unwrap_or(Clock::midnight()));
    let read = |offset: jiff::tz::Offset| offset.to_timestamp(shown).unwrap_or(jiff::Timestamp::MAX);
    let instant = match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => read(offset),
        AmbiguousOffset::Fold { before, .. } => read(before),
        AmbiguousOffset::Gap { before, .. } => {
            // Read by the old offset it lies at the jump or after it.
            let late = read(before);
            let just_after = late.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(late);
            zone.preceding(just_after).next().map_or(late, |jump| jump.timestamp())
        }
    };
    instant.as_microsecond()
}

/// A schedule, added up day by day over a run of days.
#[derive(Clone, Debug)]
pub struct Ledger {
    first: i32,
    /// The first instant of each day, and of the day after the last.
    begins: Vec<i64>,
    /// The working hours of each day as instants; an empty stretch on days off.
    hours: Vec<(i64, i64)>,
    /// Working microseconds and days before each day, and in all.
    worked: Vec<(i64, i32)>,
    /// What holidays and half days take: by day, so many microseconds. They are few.
    taken: Vec<(i32, i64)>,
}

impl Ledger {
    /// Adds up a schedule over a run of days. A day that the zone skipped, or whose hours all fall into a jump of the clocks, is no
    /// working day.
    pub fn of(schedule: &Schedule, days: Range<i32>) -> Ledger {
        let length = days.len();
        let mut begins: Vec<i64> = Vec::with_capacity(length + 1);
        begins.extend(days.clone().map(|day| first_instant(date_of(day), &schedule.zone)));
        begins.push(first_instant(date_of(days.start.max(days.end)), &schedule.zone));
        let mut hours = Vec::with_capacity(length);
        let mut worked = Vec::with_capacity(length + 1);
        let (mut sum, mut taken) = ((0, 0), Vec::new());
        worked.push(sum);
        for (day, bounds) in days.clone().zip(begins.windows(2)) {
            let (from, to) = schedule.hours_of(day, bounds[0], bounds[1]);
            sum = (sum.0 + (to - from), sum.1 + i32::from(from < to));
            hours.push((from, to));
            worked.push(sum);
            // Worked out where it matters alone: a zone's clock is slow to read.
            if schedule.is_holiday(day) || schedule.is_half_day(day) {
                let (usually_from, usually_to) = schedule.usual_hours(day, bounds[0], bounds[1]);
                taken.push((day, (usually_to - usually_from) - (to - from)));
            }
        }
        Ledger { first: days.start, begins, hours, worked, taken }
    }

    /// The days it holds.
    pub fn days(&self) -> Range<i32> {
        self.first..self.first + self.hours.len() as i32
    }

    /// The place of a day, or of the nearest that it holds.
    fn place(&self, day: i32) -> usize {
        (i64::from(day) - i64::from(self.first)).clamp(0, self.hours.len() as i64) as usize
    }

    fn clamp(&self, days: &Range<i32>) -> Range<i32> {
        let held = self.days();
        let start = days.start.clamp(held.start, held.end);
        start..days.end.clamp(start, held.end)
    }

    /// The day that holds an instant; one outside it where the instant is.
    fn day_at(&self, at_us: i64) -> i32 {
        // Of days that begin together all but the last were skipped.
        self.first + self.begins.partition_point(|begins| *begins <= at_us) as i32 - 1
    }

    fn worked(&self, days: &Range<i32>) -> (i64, i32) {
        let (before, after) = (self.worked[self.place(days.start)], self.worked[self.place(days.end)]);
        (after.0 - before.0, after.1 - before.1)
    }
}

/// Somebody's working time: a ledger less absences.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'a> {
    /// His schedule, added up.
    pub ledger: &'a Ledger,
    /// When he is away: first and last day, both included; sorted, apart from each other.
    pub absences: &'a [(i32, i32)],
}

/// What is left of working days: whole ones, and of today so many of so many microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) whole_days: i64,
    pub(crate) today_us: i64,
    pub(crate) of_us: i64,
}

impl<'a> Calendar<'a> {
    /// The first instant of a day, in microseconds since 1970; of a day that the ledger doesn't hold, that of the nearest.
    pub fn begins(self, day: i32) -> i64 {
        self.ledger.begins[self.ledger.place(day)]
    }

    /// The working time in a run of days, in microseconds.
    pub fn work_us(self, days: &Range<i32>) -> i64 {
        self.worked(days).0
    }

    /// The working time in a run of days that is past at an instant, in microseconds.
    pub fn work_us_until(self, days: &Range<i32>, at_us: i64) -> i64 {
        let days = self.ledger.clamp(days);
        let today = self.ledger.day_at(at_us);
        if today >= days.end {
            return self.work_us(&days);
        }
        if today < days.start {
            return 0;
        }
        self.work_us(&(days.start..today)) + self.hours_on(today).map_or(0, |(from, to)| at_us.clamp(from, to) - from)
    }

    /// The time in a run of days, in microseconds.
    pub fn time_us(self, days: &Range<i32>) -> i64 {
        let days = self.ledger.clamp(days);
        self.begins(days.end) - self.begins(days.start)
    }

    /// The time in a run of days that is past at an instant, in microseconds.
    pub fn time_us_until(self, days: &Range<i32>, at_us: i64) -> i64 {
        let days = self.ledger.clamp(days);
        let begins = self.begins(days.start);
        at_us.clamp(begins, self.begins(days.end)) - begins
    }

    /// How many working days lie in a run of days.
    pub fn working_days(self, days: &Range<i32>) -> i64 {
        self.worked(days).1
    }

    /// How many working days of a run are left at an instant; of today the fraction of its hours that is.
    pub fn days_left(self, days: &Range<i32>, at_us: i64) -> Exact {
        let left = self.left(days, at_us);
        let today = Exact::ratio(left.today_us.into(), left.of_us.into());
        let whole = Exact::from(i128::from(left.whole_days));
        today.map_or(whole.clone(), |today| whole.add(&today))
    }

    pub(crate) fn left(self, days: &Range<i32>, at_us: i64) -> Left {
        let days = self.ledger.clamp(days);
        let today = self.ledger.day_at(at_us);
        if today >= days.end {
            return Left::default();
        }
        if today < days.start {
            return Left { whole_days: self.working_days(&days), ..Left::default() };
        }
        let later = self.working_days(&(today + 1..days.end));
        match self.hours_on(today) {
            Some((from, _)) if at_us <= from => Left { whole_days: later + 1, ..Left::default() },
            Some((from, to)) if at_us < to => Left { whole_days: later, today_us: to - at_us, of_us: to - from },
            _ => Left { whole_days: later, ..Left::default() },
        }
    }

    /// The working time in a run of days were there neither absences nor holidays, in microseconds.
    pub fn usual_us(self, days: &Range<i32>) -> i64 {
        let days = self.ledger.clamp(days);
        let taken = self.ledger.taken.iter().filter(|(day, _)| days.contains(day)).map(|(_, us)| us);
        self.ledger.worked(&days).0 + taken.sum::<i64>()
    }

    /// The same without absences.
    pub fn without_absences(self) -> Calendar<'a> {
        Calendar { ledger: self.ledger, absences: &[] }
    }

    fn worked(self, days: &Range<i32>) -> (i64, i64) {
        let days = self.ledger.clamp(days);
        let (mut work_us, mut working_days) = self.ledger.worked(&days);
        for away in self.away(&days) {
            let (less_us, less_days) = self.ledger.worked(&away);
            work_us -= less_us;
            working_days -= less_days;
        }
        (work_us, working_days.into())
    }

    /// The absences in a run of days, as runs.
    fn away(self, days: &Range<i32>) -> impl Iterator<Item = Range<i32>> + use<'a> {
        let (start, end) = (days.start, days.end);
        let first = self.absences.partition_point(|(_, last)| *last < start);
        let overlapping = self.absences[first..].iter().take_while(move |(from, _)| *from < end);
        overlapping.map(move |(from, last)| start.max(*from)..last.saturating_add(1).min(end))
    }

    /// His working hours on a day that the ledger holds, as instants; `None` where he is off.
    fn hours_on(self, day: i32) -> Option<(i64, i64)> {
        let (from, to) = *self.ledger.hours.get(self.ledger.place(day))?;
        (from < to && self.away(&(day..day + 1)).next().is_none()).then_some((from, to))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::time::{US, parse_date, parse_instant, show_instant};
    use proptest::prelude::*;

    use super::*;

    fn day(date: &str) -> i32 {
        parse_date(date).unwrap()
    }

    fn days(first: &str, last: &str) -> Range<i32> {
        day(first)..day(last) + 1
    }

    fn hours(us: i64) -> f64 {
        us as f64 / (3600 * US) as f64
    }

    fn schedule(zone: &str, hours: (u32, u32)) -> Schedule {
        Schedule { hours, working_days: [true; 7], ..Schedule::office(TimeZone::get(zone).unwrap()) }
    }

    #[test]
    fn working_days_are_weekdays_without_holidays() {
        let mut office = Schedule::office(TimeZone::UTC);
        office.holidays = Arc::new([day("2026-12-24"), day("2026-12-25")]);
        let working = |date: &str| office.is_working_day(day(date));
        assert_eq!(["2026-12-23", "2026-12-24", "2026-12-25", "2026-12-26", "2026-12-28"].map(working), [true, false, false, false, true]);
        assert_eq!(["1969-12-31", "1969-12-28", "1969-12-29"].map(working), [true, false, true]);
    }

    #[test]
    fn a_half_day_has_the_first_half_of_its_hours() {
        let mut office = Schedule::office(TimeZone::get("Europe/Paris").unwrap());
        office.holidays = Arc::new([day("2026-12-25")]);
        // A Thursday, and a Saturday on which nobody works anyway.
        office.half_days = Arc::new([day("2026-12-24"), day("2026-12-26")]);
        let ledger = Ledger::of(&office, days("2026-12-21", "2026-12-27"));
        let paris = Calendar { ledger: &ledger, absences: &[] };
        let half = days("2026-12-24", "2026-12-24");
        assert_eq!((hours(paris.work_us(&half)), paris.working_days(&half)), (4.5, 1));
        assert_eq!(show_instant(ledger.hours[3].1), "2026-12-24T12:30:00Z");
        assert_eq!(hours(paris.work_us(&ledger.days())), 3.0 * 9.0 + 4.5);
        assert_eq!(hours(paris.usual_us(&ledger.days())), 5.0 * 9.0);
        let away = [(day("2026-12-21"), day("2026-12-24"))];
        assert_eq!(hours(Calendar { ledger: &ledger, absences: &away }.usual_us(&ledger.days())), 45.0);
        // Half of what is left of it at nine and three quarters; nothing in the afternoon.
        let left = |instant| paris.days_left(&half, parse_instant(instant).unwrap());
        assert_eq!(left("2026-12-24T11:15:00+01:00"), Exact::ratio(1, 2).unwrap());
        assert_eq!(left("2026-12-24T13:30:00+01:00"), Exact::from(0));
        assert!(office.works_on(day("2026-12-24")) && !office.works_on(day("2026-12-25")) && !office.works_on(day("2026-12-26")));
        // The half of the time that there is, on a day an hour shorter.
        let night = Schedule { half_days: Arc::new([day("2024-03-31")]), ..schedule("Europe/Paris", (0, DAY_S)) };
        assert_eq!(hours(Ledger::of(&night, days("2024-03-31", "2024-03-31")).worked[1].0), 11.5);
    }

    #[test]
    fn hours_on_days_of_changing_clocks_are_as_long_as_they_are() {
        const HOUR: u32 = 3600;
        for (zone, date, from, to, begins, length) in [
            ("Europe/Paris", "2024-03-31", 9 * HOUR, 18 * HOUR, "2024-03-31T07:00:00Z", 9.0),
            ("Europe/Paris", "2024-03-31", 0, DAY_S, "2024-03-30T23:00:00Z", 23.0),
            ("Europe/Paris", "2024-10-27", 0, DAY_S, "2024-10-26T22:00:00Z", 25.0),
            // From a clock time that doesn't come: from the jump.
            ("Europe/Paris", "2024-03-31", 9000, 6 * HOUR, "2024-03-31T01:00:00Z", 3.0),
            // From one that comes twice: from the first.
            ("Europe/Paris", "2024-10-27", 9000, 6 * HOUR, "2024-10-27T00:30:00Z", 4.5),
            ("Europe/Paris", "2024-10-27", 0, 9000, "2024-10-26T22:00:00Z", 2.5),
            ("America/New_York", "2024-03-10", HOUR, 5 * HOUR, "2024-03-10T06:00:00Z", 3.0),
            ("America/New_York", "2024-11-03", 0, 9 * HOUR, "2024-11-03T04:00:00Z", 10.0),
            ("Australia/Lord_Howe", "2024-04-07", 0, 9 * HOUR, "2024-04-06T13:00:00Z", 9.5),
            ("Australia/Lord_Howe", "2024-10-06", 0, 9 * HOUR, "2024-10-05T13:30:00Z", 8.5),
            ("Asia/Kolkata", "2024-05-06", 9 * HOUR, 18 * HOUR, "2024-05-06T03:30:00Z", 9.0),
            ("Asia/Kathmandu", "2024-05-06", 9 * HOUR, 18 * HOUR, "2024-05-06T03:15:00Z", 9.0),
            // The day begins at one o'clock.
            ("America/Sao_Paulo", "2018-11-04", 0, 9 * HOUR, "2018-11-04T03:00:00Z", 8.0),
            ("America/Sao_Paulo", "2018-11-04", 1800, 9 * HOUR, "2018-11-04T03:00:00Z", 8.0),
            ("America/Havana", "2024-11-03", 1800, HOUR, "2024-11-03T04:30:00Z", 1.5),
        ] {
            let ledger = Ledger::of(&schedule(zone, (from, to)), days(date, date));
            assert_eq!(show_instant(ledger.hours[0].0), begins, "{zone} {date}");
            assert_eq!(hours(ledger.worked[1].0), length, "{zone} {date}");
            assert_eq!(ledger.worked[1].1, 1);
        }
    }

    #[test]
    fn a_day_that_was_skipped_has_no_time() {
        let ledger = Ledger::of(&schedule("Pacific/Apia", (9 * 3600, 18 * 3600)), days("2011-12-29", "2011-12-31"));
        let apia = Calendar { ledger: &ledger, absences: &[] };
        let skipped = days("2011-12-30", "2011-12-30");
        assert_eq!((apia.time_us(&skipped), apia.work_us(&skipped), apia.working_days(&skipped)), (0, 0, 0));
        assert_eq!(apia.working_days(&ledger.days()), 2);
        let at = parse_instant("2011-12-31T13:30:00+14:00").unwrap();
        assert_eq!(hours(apia.work_us_until(&ledger.days(), at)), 13.5);
        assert_eq!(apia.days_left(&ledger.days(), at), Exact::ratio(1, 2).unwrap());
        // Hours that all fall into a jump are no working day either.
        let night = Ledger::of(&schedule("Europe/Paris", (7500, 10_200)), days("2024-03-30", "2024-03-31"));
        assert_eq!(night.worked[2].1, 1);
    }

    #[test]
    fn what_is_past_and_left_of_a_week_with_leave_and_a_holiday_at_its_end() {
        let mut paris = Schedule::office(TimeZone::get("Europe/Paris").unwrap());
        paris.holidays = Arc::new([day("2026-05-01")]); // the Friday
        let ledger = Ledger::of(&paris, days("2026-01-01", "2026-12-31"));
        let absences = [(day("2026-04-20"), day("2026-04-24")), (day("2026-04-29"), day("2026-04-29"))];
        let calendar = Calendar { ledger: &ledger, absences: &absences };
        let week = days("2026-04-27", "2026-05-03");
        assert_eq!((calendar.working_days(&week), hours(calendar.work_us(&week))), (3, 27.0));
        assert_eq!(calendar.without_absences().working_days(&week), 4);
        assert_eq!(hours(calendar.time_us(&week)), 168.0);
        for (at, past, left) in [
            ("2026-04-26T12:00:00+02:00", 0.0, (3, 1)),
            ("2026-04-27T00:00:00+02:00", 0.0, (3, 1)),
            ("2026-04-27T09:00:00+02:00", 0.0, (3, 1)),
            ("2026-04-27T12:00:00+02:00", 3.0, (8, 3)),
            ("2026-04-27T18:00:00+02:00", 9.0, (2, 1)),
            ("2026-04-28T23:59:00+02:00", 18.0, (1, 1)),
            ("2026-04-29T12:00:00+02:00", 18.0, (1, 1)), // away
            ("2026-04-30T17:00:00+02:00", 26.0, (1, 9)),
            ("2026-05-01T12:00:00+02:00", 27.0, (0, 1)), // the holiday
            ("2026-05-04T12:00:00+02:00", 27.0, (0, 1)),
        ] {
            let at_us = parse_instant(at).unwrap();
            assert_eq!(hours(calendar.work_us_until(&week, at_us)), past, "{at}");
            assert_eq!(calendar.days_left(&week, at_us), Exact::ratio(left.0, left.1).unwrap(), "{at}");
        }
        assert_eq!(hours(calendar.time_us_until(&week, parse_instant("2026-04-28T12:00:00+02:00").unwrap())), 36.0);
    }

    #[test]
    fn what_the_ledger_does_not_hold_is_nothing() {
        let ledger = Ledger::of(&schedule("UTC", (0, DAY_S)), 10..20);
        let calendar = Calendar { ledger: &ledger, absences: &[(i32::MIN, 12), (18, i32::MAX)] };
        assert_eq!(calendar.working_days(&(i32::MIN..i32::MAX)), 5);
        assert_eq!(calendar.work_us(&(30..40)) + calendar.work_us(&(0..5)) + calendar.work_us_until(&(30..40), i64::MAX), 0);
        let backwards = Range { start: 15, end: 11 };
        assert_eq!((calendar.work_us(&backwards), calendar.time_us(&backwards)), (0, 0));
        assert_eq!(calendar.begins(-7), calendar.begins(10));
        assert_eq!(calendar.begins(99), calendar.begins(20));
        let empty = Ledger::of(&schedule("UTC", (0, DAY_S)), 5..5);
        assert_eq!(Calendar { ledger: &empty, absences: &[] }.days_left(&(0..9), 0), Exact::from(0));
    }

    const ZONES: [&str; 8] = [
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Havana",
        "America/St_Johns",
    ];

    prop_compose! {
        fn scheduled()(zone in 0..ZONES.len(), first in 7000..20_500i32, from in 0..24u32, length in 1..24u32) -> (Schedule, i32) {
            (schedule(ZONES[zone], (from * 3600, ((from + length) * 3600).min(DAY_S))), first)
        }
    }

    prop_compose! {
        fn whole()((schedule, first) in scheduled(), away in 0..40i32, for_days in 0..9i32) -> (Ledger, Vec<(i32, i32)>) {
            (Ledger::of(&schedule, first..first + 40), vec![(first + away, first + away + for_days)])
        }
    }

    proptest! {
        #[test]
        fn past_work_adds_up_over_splits_and_grows((ledger, absences) in whole(), split in 0..=40i32, hour in -30..1000i64, more in 0..50i64) {
            let calendar = Calendar { ledger: &ledger, absences: &absences };
            let all = ledger.days();
            let (a, b) = (all.start..all.start + split, all.start + split..all.end);
            let at = calendar.begins(all.start) + hour * 3600 * US + 1;
            prop_assert_eq!(calendar.work_us_until(&all, at), calendar.work_us_until(&a, at) + calendar.work_us_until(&b, at));
            prop_assert_eq!(calendar.time_us_until(&all, at), calendar.time_us_until(&a, at) + calendar.time_us_until(&b, at));
            prop_assert_eq!(calendar.work_us(&all), calendar.work_us(&a) + calendar.work_us(&b));
            prop_assert_eq!(calendar.working_days(&all), calendar.working_days(&a) + calendar.working_days(&b));
            let later = at + more * 3600 * US;
            prop_assert!(calendar.work_us_until(&all, at) <= calendar.work_us_until(&all, later));
            prop_assert!(calendar.work_us_until(&all, later) <= calendar.work_us(&all));
        }

        #[test]
        fn working_longer_is_more_work_between((schedule, first) in scheduled(), from in -30..1000i64, length in -30..1000i64, off in -1..=1i64) {
            let ledger = Ledger::of(&schedule, first..first + 40);
            let calendar = Calendar { ledger: &ledger, absences: &[] };
            let all = ledger.days();
            let instant = |hour: i64| (calendar.begins(first) + hour * 1700 * US + 1).clamp(calendar.begins(first), calendar.begins(first + 40));
            let (from, to) = (instant(from), instant(from + length));
            let between = (calendar.work_us_until(&all, to) - calendar.work_us_until(&all, from)).max(0);
            prop_assert_eq!(schedule.works_longer_than(from, to, between + off), off < 0, "{} {}", show_instant(from), show_instant(to));
        }

        #[test]
        fn days_left_and_days_past_are_all((ledger, absences) in whole(), hour in -30..1000i64) {
            let calendar = Calendar { ledger: &ledger, absences: &absences };
            let all = ledger.days();
            let at = calendar.begins(all.start) + hour * 3600 * US + 1;
            // Day by day: the fraction of its hours that is past, and what is left.
            let mut past = Exact::from(0);
            for day in all.clone() {
                let day = day..day + 1;
                let part = Exact::ratio(calendar.work_us_until(&day, at).into(), calendar.work_us(&day).into());
                past = past.add(&part.unwrap_or(0.into()));
            }
            prop_assert_eq!(past.add(&calendar.days_left(&all, at)), Exact::from(i128::from(calendar.working_days(&all))));
        }
    }
}
