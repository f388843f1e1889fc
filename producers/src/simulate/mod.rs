//! A believable sales floor, for trying things out and for `onpace demo`.
//!
//! In: a seed, who works when, instants. Out: events: calls with outcomes, e-mails that are opened by people and machines, meetings that
//! are held or not, deals on their way to being won or lost; with corrections, duplicates and late reports, as real sources
//! send them; nothing by whoever is on leave. The same seed, people and instants make the same events.
//! Never here, but in [`mod@live`]: a clock, I/O. Never at all: an `occurred_at` after the instant at which the event is reported.

mod company;
mod deal;
mod deals;
mod floor;
mod hours;
mod live;
mod people;
mod say;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::tz::TimeZone;
use onpace_schemas::{Currency, Event, avro};

use crate::entry;
use crate::log::Entry;
use floor::{Floor, Report};

pub use company::Company;
pub use live::{Destination, Pace, SimulateError, live, record};

/// How many things a rep of average diligence does in a working day.
const ACTS_A_DAY: f64 = 40.0;
/// How much may be yet to come; past it, what follows live is left out.
const MOST_WAITING: usize = 200_000;

/// Somebody on the floor, as a roster has him.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// What events call him: a call says the last, everything else the first.
    pub identities: Vec<String>,
    /// Whose days they are.
    pub zone: TimeZone,
    /// On which days of the week he works, from Monday.
    pub working_days: [bool; 7],
    /// From when to when, seconds of his clock since midnight, at most 86,400.
    pub hours_s: (u32, u32),
    /// Days since 1970-01-01, sorted.
    pub holidays: Vec<i32>,
    /// First and last days.
    pub absences: Vec<(i32, i32)>,
    /// What his deals are paid in.
    pub currency: Currency,
}

impl Worker {
    /// Somebody who works Monday to Friday, 08:30 to 18:00 in UTC.
    pub fn named(name: &str, currency: Currency) -> Worker {
        Worker {
            identities: vec![name.to_owned()],
            zone: TimeZone::UTC,
            working_days: [true, true, true, true, true, false, false],
            hours_s: (8 * 3600 + 1800, 18 * 3600),
            holidays: Vec::new(),
            absences: Vec::new(),
            currency,
        }
    }
}

/// A sales floor. As an iterator it goes on for ever, from its start, in working time.
pub struct Simulation {
    floor: Floor,
    start_us: i64,
    /// When whose next act is due, in microseconds since 1970.
    due: BinaryHeap<Reverse<(i64, usize)>>,
    /// What happened and is yet to be reported: first when, then in the order in which it was said; and its place among the entries.
    waiting: BinaryHeap<Reverse<(i64, u64, usize)>>,
    /// Packed, as a log takes them: of a large floor a hundred thousand wait for days.
    entries: Vec<Option<Entry>>,
    /// Places that are free again.
    free: Vec<usize>,
    said: u64,
}

impl Simulation {
    /// A floor of so many invented people that begins to work at `start_us` (microseconds since 1970), in UTC.
    pub fn new(seed: u64, reps: u32, start_us: i64) -> Simulation {
        let currencies = [b"EUR", b"EUR", b"EUR", b"USD", b"GBP"].into_iter().filter_map(|code| Currency::from_bytes(code));
        let currencies: Vec<Currency> = currencies.collect();
        let people = (0..reps.max(1)).zip(currencies.iter().cycle());
        let workers = people.map(|(number, currency)| Worker::named(&people::rep(number, seed), *currency)).collect();
        Simulation::of(seed, workers, start_us)
    }

    /// A floor of these people that begins to work at `start_us` (microseconds since 1970).
    pub fn of(seed: u64, workers: Vec<Worker>, start_us: i64) -> Simulation {
        let mut floor = Floor::new(seed, workers, start_us);
        let due = (0..floor.reps.len()).map(|rep| Reverse((floor.next_act(rep, start_us), rep))).collect();
        Simulation { floor, start_us, due, waiting: BinaryHeap::new(), entries: Vec::new(), free: Vec::new(), said: 0 }
    }

    /// What is reported from where the simulation stands up to `until_us`, in the order of the reports.
    pub fn history(&mut self, until_us: i64) -> impl Iterator<Item = Event<'static>> + '_ {
        std::iter::from_fn(move || self.report_by(until_us).and_then(|(_, entry)| unpacked(&entry)))
    }

    /// What is reported at this instant: something that was still to come, or else somebody does something. `None` where all are on leave.
    pub fn at(&mut self, now_us: i64) -> Option<Event<'static>> {
        loop {
            if let Some((_, entry)) = self.waiting_by(now_us) {
                return unpacked(&entry);
            }
            let rep = self.floor.someone_present(now_us)?;
            let reports = self.floor.act(rep, now_us, true);
            self.queue(reports);
        }
    }

    /// What a rep does on average, and on how many of these days, both included, he works.
    fn habits(&self, rep: usize, first: i32, last: i32) -> (floor::Habits, u32) {
        (self.floor.habits(rep), self.floor.reps[rep].hours.working_days(first, last))
    }

    /// The next that is reported, at most at `until_us`: when, and what, as a log takes it.
    fn report_by(&mut self, until_us: i64) -> Option<(i64, Entry)> {
        loop {
            let next_act = self.due.peek().map_or(i64::MAX, |Reverse((at_us, _))| *at_us);
            if let Some(report) = self.waiting_by(until_us.min(next_act)) {
                return Some(report);
            }
            if next_act > until_us || next_act == i64::MAX {
                return None;
            }
            let Reverse((at_us, rep)) = self.due.pop()?;
            let reports = self.floor.act(rep, at_us, false);
            self.queue(reports);
            self.due.push(Reverse((self.floor.next_act(rep, at_us), rep)));
        }
    }

    fn waiting_by(&mut self, until_us: i64) -> Option<(i64, Entry)> {
        self.waiting.peek().filter(|Reverse((at_us, ..))| *at_us <= until_us)?;
        let Reverse((at_us, _, place)) = self.waiting.pop()?;
        self.free.push(place);
        self.entries[place].take().map(|entry| (at_us, entry))
    }

    fn queue(&mut self, reports: Vec<Report>) {
        for (nth, (at_us, event)) in reports.into_iter().enumerate() {
            if nth > 0 && self.waiting.len() >= MOST_WAITING {
                continue;
            }
            self.said += 1;
            let place = self.free.pop().unwrap_or(self.entries.len());
            self.waiting.push(Reverse((at_us, self.said, place)));
            match self.entries.get_mut(place) {
                Some(free) => *free = Some(entry(&event)),
                None => self.entries.push(Some(entry(&event))),
            }
        }
    }
}

impl Iterator for Simulation {
    type Item = Event<'static>;

    fn next(&mut self) -> Option<Event<'static>> {
        self.report_by(i64::MAX).and_then(|(_, entry)| unpacked(&entry))
    }
}

/// The event that was packed: what was written here can be read.
fn unpacked(entry: &Entry) -> Option<Event<'static>> {
    match avro::read(&entry.value) {
        Ok(avro::Message::Event(event)) => Some(event.into_owned()),
        _ => None,
    }
}
