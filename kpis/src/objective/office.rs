//! Everybody's working time, worked out ahead for the days that objectives look at.
//!
//! In: a roster, objectives, an instant. Out: an [`Office`], good until the company's next midnight. Never here: counters.

use std::ops::Range;

use jiff::tz::TimeZone;
use onpace_schemas::time::day_of;

use super::{Objective, Period};
use crate::period::run;
use crate::roster::{PersonNo, Roster};
use crate::window::local_date;
use crate::worktime::{Calendar, Ledger, Schedule};

/// How many periods are looked through for the last one that had working time.
pub(crate) const LOOK_BACK: usize = 60;
/// Forecasts look at so many blocks of 7 days.
pub(crate) const BLOCKS: i32 = 12;

/// The working time of a company and its people.
#[derive(Clone, Debug)]
pub struct Office {
    /// The company's schedule first, then those that differ.
    schedules: Vec<(Schedule, Ledger)>,
    of_person: Vec<usize>,
    days: Range<i32>,
    today: i32,
}

impl Office {
    /// The working time that judging objectives at an instant needs.
    pub fn of(roster: &Roster, objectives: &[Objective], at_us: i64) -> Office {
        let today = day_of(local_date(at_us, &roster.schedule.zone));
        // Somewhere it is a day earlier, somewhere a day later.
        let (mut from, mut to) = (today - 2 - 7 * (BLOCKS + 1), today + 3);
        for objective in objectives {
            // Longer ones nearly always have: what lies further back is worked out when it is asked for.
            let tries = if matches!(objective.period, Period::Day | Period::Week) { LOOK_BACK } else { 2 };
            for day in [today - 1, today + 1] {
                let mut run = run::holding(objective.period, roster.settings, day);
                for _ in 0..=tries {
                    let Some(days) = run else { break };
                    (from, to) = (from.min(days.start), to.max(days.end));
                    run = run::before(objective.period, roster.settings, days.start);
                }
            }
        }
        let days = from..to;
        let mut schedules = vec![(roster.schedule.clone(), Ledger::of(&roster.schedule, days.clone()))];
        let of_person = roster.people.iter().map(|person| {
            schedules.iter().position(|(known, _)| *known == person.schedule).unwrap_or_else(|| {
                schedules.push((person.schedule.clone(), Ledger::of(&person.schedule, days.clone())));
                schedules.len() - 1
            })
        });
        let of_person = of_person.collect();
        Office { schedules, of_person, days, today }
    }

    /// Whether it is still the day that this was worked out for.
    pub fn serves(&self, at_us: i64) -> bool {
        day_of(local_date(at_us, &self.schedules[0].0.zone)) == self.today
    }

    /// The days that are known.
    pub(crate) fn days(&self) -> &Range<i32> {
        &self.days
    }

    /// A person's working time; the company's where `None`.
    pub(crate) fn calendar<'a>(&'a self, roster: &'a Roster, person: Option<PersonNo>) -> Calendar<'a> {
        match person {
            None => Calendar { ledger: &self.schedules[0].1, absences: &[] },
            Some(person) => Calendar { ledger: &self.schedules[self.of_person[person]].1, absences: &roster.people[person].absences },
        }
    }

    /// The number of a person's schedule, for whoever keeps what depends on nothing else.
    pub(crate) fn schedule(&self, person: Option<PersonNo>) -> usize {
        person.map_or(0, |person| self.of_person[person])
    }

    /// The same company's working time in days that are not known here: of these schedules, and of no others.
    pub(crate) fn reaching(&self, days: Range<i32>, wanted: &[usize]) -> Office {
        let schedules = self.schedules.iter().enumerate().map(|(number, (schedule, _))| {
            let end = if wanted.contains(&number) { days.end } else { days.start };
            (schedule.clone(), Ledger::of(schedule, days.start..end))
        });
        Office { schedules: schedules.collect(), of_person: self.of_person.clone(), days: days.clone(), today: self.today }
    }

    /// Whether somebody, the company where `None`, has working time on any of these days, known here or not.
    pub(crate) fn works_in(&self, roster: &Roster, person: Option<PersonNo>, days: &Range<i32>) -> bool {
        let schedule = &self.schedules[self.schedule(person)].0;
        let absences = person.map_or(&[][..], |person| &roster.people[person].absences);
        let away = |day: i32| absences.iter().any(|(from, last)| (*from..=*last).contains(&day));
        days.clone().any(|day| !away(day) && schedule.works_on(day))
    }

    /// The zone of a schedule.
    pub(crate) fn zone(&self, schedule: usize) -> &TimeZone {
        &self.schedules[schedule].0.zone
    }
}
