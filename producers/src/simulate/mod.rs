//! A believable sales floor, for trying things out and for `onpace demo`.
//!
//! In: a seed, how many reps, instants. Out: events: calls with outcomes, e-mails that are opened by people and machines, meetings that
//! are held or not, deals on their way to being won or lost; with corrections, duplicates and late reports, as real sources
//! send them. The same seed, reps and instants make the same events.
//! Never here, but in [`live`]: a clock, I/O. Never at all: an `occurred_at` after the instant at which the event is reported.

mod deals;
mod floor;
mod hours;
mod live;
mod people;
mod say;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::tz::TimeZone;
use onpace_schemas::Event;
use rand::RngExt;

use floor::{Floor, Report};
use hours::Hours;

pub use live::{Destination, Pace, SimulateError, live, record};

/// How many things a rep does in a working day.
const ACTS_A_DAY: i64 = 40;
/// How much may be yet to come; past it, what follows live is left out.
const MOST_WAITING: usize = 200_000;

/// A sales floor. As an iterator it goes on for ever, from its start, in working time.
pub struct Simulation {
    floor: Floor,
    hours: Hours,
    reps: u32,
    /// When the next act is due, in microseconds since 1970.
    next_act: i64,
    /// What happened and is yet to be reported: first when, then in the order in which it was said.
    waiting: BinaryHeap<Reverse<(i64, u64)>>,
    events: BTreeMap<u64, Event<'static>>,
    said: u64,
}

impl Simulation {
    /// A floor that begins to work at `start_us` (microseconds since 1970), in UTC.
    pub fn new(seed: u64, reps: u32, start_us: i64) -> Simulation {
        Simulation::in_zone(seed, reps, start_us, TimeZone::UTC)
    }

    /// A floor whose working hours are those of a time zone.
    pub fn in_zone(seed: u64, reps: u32, start_us: i64, zone: TimeZone) -> Simulation {
        let mut hours = Hours::new(zone, start_us);
        let next_act = hours.after(start_us, 0);
        let floor = Floor::new(seed, reps, start_us);
        Simulation { floor, hours, reps: reps.max(1), next_act, waiting: BinaryHeap::new(), events: BTreeMap::new(), said: 0 }
    }

    /// The reps' names.
    pub fn reps(&self) -> impl Iterator<Item = &str> {
        self.floor.reps()
    }

    /// What is reported from where the simulation stands up to `until_us`, in the order of the reports.
    pub fn history(&mut self, until_us: i64) -> impl Iterator<Item = Event<'static>> + '_ {
        std::iter::from_fn(move || self.report_by(until_us).map(|(_, event)| event))
    }

    /// What is reported at this instant: something that was still to come, or else somebody does something.
    pub fn at(&mut self, now_us: i64) -> Event<'static> {
        loop {
            if let Some((_, event)) = self.waiting_by(now_us) {
                return event;
            }
            let reports = self.floor.act(now_us, true, &mut self.hours);
            self.queue(reports);
        }
    }

    fn report_by(&mut self, until_us: i64) -> Option<Report> {
        loop {
            if let Some(report) = self.waiting_by(until_us.min(self.next_act)) {
                return Some(report);
            }
            if self.next_act > until_us {
                return None;
            }
            let reports = self.floor.act(self.next_act, false, &mut self.hours);
            self.queue(reports);
            // As with anything that many do independently of one another, the time between two acts is exponential.
            let mean = hours::DAY_US as f64 / (f64::from(self.reps) * ACTS_A_DAY as f64);
            let gap = -mean * (1.0 - self.floor.dice.random_range(0.0..1.0f64)).ln();
            self.next_act = self.hours.after(self.next_act, gap as i64);
        }
    }

    fn waiting_by(&mut self, until_us: i64) -> Option<Report> {
        let Reverse((at_us, _)) = self.waiting.peek().filter(|Reverse((at_us, _))| *at_us <= until_us)?;
        let at_us = *at_us;
        let Reverse((_, said)) = self.waiting.pop()?;
        self.events.remove(&said).map(|event| (at_us, event))
    }

    fn queue(&mut self, reports: Vec<Report>) {
        for (nth, (at_us, event)) in reports.into_iter().enumerate() {
            if nth > 0 && self.waiting.len() >= MOST_WAITING {
                continue;
            }
            self.said += 1;
            self.waiting.push(Reverse((at_us, self.said)));
            self.events.insert(self.said, event);
        }
    }
}

impl Iterator for Simulation {
    type Item = Event<'static>;

    fn next(&mut self) -> Option<Event<'static>> {
        self.report_by(i64::MAX).map(|(_, event)| event)
    }
}
