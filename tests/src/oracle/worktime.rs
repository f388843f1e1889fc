//! Working time. In: a roster, somebody, his days; out: microseconds of work, found by looking at every minute of the day
//! on his own clock. Never a formula for the length of a day: the hour that is skipped has no minutes, the one that comes
//! twice has a hundred and twenty.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::moment::{SECOND, first_instant, plus_days};
use super::roster::{Hours, Roster};

const MINUTE: i64 = 60 * SECOND;

/// Whose calendar: a person's, or the company's, which knows no absences.
pub type Who = Option<usize>;

/// Runs of working time, `[from, to)` in µs.
type Spans = Rc<Vec<(i64, i64)>>;

/// The calendars of a roster.
pub struct Worktime<'a> {
    roster: &'a Roster,
    // Days already walked through, so that a year is walked once and not for every question.
    walked: RefCell<BTreeMap<(Who, Date), Spans>>,
    midnights: RefCell<BTreeMap<(Who, Date), i64>>,
}

impl<'a> Worktime<'a> {
    /// The calendars of a roster.
    pub fn new(roster: &'a Roster) -> Worktime<'a> {
        Worktime { roster, walked: RefCell::default(), midnights: RefCell::default() }
    }

    /// The first instant of somebody's day, µs.
    pub fn midnight(&self, who: Who, date: Date) -> i64 {
        if let Some(&known) = self.midnights.borrow().get(&(who, date)) {
            return known;
        }
        let found = first_instant(date, self.roster.zone_of(who));
        self.midnights.borrow_mut().insert((who, date), found);
        found
    }

    /// Whether somebody works on a day, his absences left aside.
    pub fn is_working_day_but_for_absences(&self, who: Who, date: Date) -> bool {
        let hours = self.hours(who);
        hours.days.contains(&date.weekday()) && !hours.holidays.contains(&date)
    }

    /// Whether somebody works on a day.
    pub fn is_working_day(&self, who: Who, date: Date) -> bool {
        let away = who.is_some_and(|person| {
            let absences = &self.roster.people[person].absences;
            absences.iter().any(|(from, to)| *from <= date && date <= *to)
        });
        self.is_working_day_but_for_absences(who, date) && !away
    }

    /// The work somebody does on these days before an instant, µs.
    pub fn worked(&self, who: Who, days: &[Date], until: i64) -> i64 {
        let days = days.iter().filter(|day| self.is_working_day(who, **day));
        days.map(|day| self.day_before(who, *day, until)).sum()
    }

    /// The work somebody does on these days, µs.
    pub fn total(&self, who: Who, days: &[Date]) -> i64 {
        self.worked(who, days, i64::MAX)
    }

    /// The work somebody would do on these days were he never away, µs.
    pub fn total_but_for_absences(&self, who: Who, days: &[Date]) -> i64 {
        let days = days.iter().filter(|day| self.is_working_day_but_for_absences(who, **day));
        days.map(|day| self.day_before(who, *day, i64::MAX)).sum()
    }

    /// How much of these days has passed at an instant, µs, at work or not.
    pub fn passed(&self, who: Who, days: &[Date], until: i64) -> i64 {
        let passed = |day: &Date| {
            let (from, to) = (self.midnight(who, *day), self.midnight(who, plus_days(*day, 1)));
            until.min(to) - until.min(from)
        };
        days.iter().map(passed).sum()
    }

    fn hours(&self, who: Who) -> &Hours {
        who.map_or(&self.roster.hours, |person| &self.roster.people[person].hours)
    }

    /// The work somebody would do on these days were he never away and nothing a holiday, µs.
    pub fn total_but_for_days_off(&self, who: Who, days: &[Date]) -> i64 {
        let days = days.iter().filter(|day| self.hours(who).days.contains(&day.weekday()));
        days.flat_map(|day| self.spans(who, *day).to_vec()).map(|(from, to)| to - from).sum()
    }

    fn day_before(&self, who: Who, date: Date, until: i64) -> i64 {
        let spans = self.spans(who, date);
        let whole: i64 = spans.iter().map(|(from, to)| to - from).sum();
        // Of a half day, what lies within its first half.
        let mut left = if self.hours(who).half_days.contains(&date) { whole / 2 } else { whole };
        let mut before = 0;
        for &(from, to) in spans.iter() {
            let to = to.min(from + left);
            left -= to - from;
            before += until.min(to) - until.min(from);
        }
        before
    }

    /// When the clock shows a working hour, on a day: `[from, to)`, µs.
    fn spans(&self, who: Who, date: Date) -> Spans {
        if let Some(known) = self.walked.borrow().get(&(who, date)) {
            return Rc::clone(known);
        }
        let zone = self.roster.zone_of(who);
        let (from, to) = self.hours(who).minutes;
        let mut spans: Vec<(i64, i64)> = Vec::new();
        let mut minute = self.midnight(who, date);
        let end = self.midnight(who, plus_days(date, 1));
        while minute < end {
            let now = Timestamp::from_microsecond(minute).expect("an instant within years 1 to 9999");
            let clock = zone.to_datetime(now).time();
            let shown = i32::from(clock.hour()) * 60 + i32::from(clock.minute());
            if from <= shown && shown < to {
                match spans.last_mut() {
                    Some(last) if last.1 == minute => last.1 += MINUTE,
                    _ => spans.push((minute, minute + MINUTE)),
                }
            }
            minute += MINUTE;
        }
        let spans = Rc::new(spans);
        self.walked.borrow_mut().insert((who, date), Rc::clone(&spans));
        spans
    }
}
