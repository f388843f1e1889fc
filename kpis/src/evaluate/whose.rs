//! Whose counters are summed: the reps of a tally as the roster knows them, and on which days each counts for a team.
//!
//! In: a roster, a tally. Out: [`Rep`]s, [`Stays`], and the slots of a window in which somebody counts ([`Stretch`]).
//! Never here: KPIs, sums.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use onpace_schemas::time::{US, date_of, day_of};
use smallvec::{SmallVec, smallvec};

use crate::roster::{Membership, PersonNo, Roster, TeamNo};
use crate::slot::SLOT_S;
use crate::tally::{RepTally, Tally, UNASSIGNED, other};
use crate::window::{Bounds, Ranges, first_instant, local_date};

/// Somebody of whom something is counted, or whom the roster knows.
#[derive(Clone, Debug)]
pub(crate) struct Rep<'a> {
    /// The person's id, or what the events call him whom no roster knows.
    pub name: Arc<str>,
    /// Who he is, where that is known.
    pub person: Option<PersonNo>,
    /// The counters of all his identities.
    pub counters: Vec<&'a RepTally>,
}

impl Rep<'_> {
    /// The zone that he lives in: the company's where nobody knows him.
    pub fn zone<'r>(&self, roster: &'r Roster) -> &'r TimeZone {
        self.person.map_or(&roster.schedule.zone, |person| &roster.people[person].schedule.zone)
    }

    /// The days on which he counts for some teams (`None`: for no team).
    pub fn stays(&self, roster: &Roster, wanted: impl Fn(Option<TeamNo>) -> bool) -> Stays {
        match self.person {
            Some(person) => Stays::of(&roster.people[person].teams, wanted),
            None if wanted(None) => Stays::Always,
            None => Stays::Days(SmallVec::new()),
        }
    }
}

/// Everybody: the roster's people, in its order, then those whom it doesn't know, in the order in which they came; past so many of
/// these (`unassigned` not among them), all others together.
pub(crate) fn everybody<'a>(roster: &Roster, tally: &'a Tally, strangers: usize) -> Vec<Rep<'a>> {
    let person =
        |(number, person): (usize, &crate::roster::Person)| Rep { name: person.id.clone(), person: Some(number), counters: Vec::new() };
    let mut reps: Vec<Rep<'a>> = roster.people.iter().enumerate().map(person).collect();
    let (mut left, mut others) = (strangers, Vec::new());
    for counters in tally.reps() {
        match known(roster, counters.name()) {
            Some(person) => reps[person].counters.push(counters),
            None if **counters.name() == *UNASSIGNED || left > 0 => {
                left -= usize::from(**counters.name() != *UNASSIGNED);
                reps.push(Rep { name: counters.name().clone(), person: None, counters: vec![counters] });
            }
            None => others.push(counters),
        }
    }
    others.extend(tally.other());
    if !others.is_empty() {
        let name = other(|name| roster.person(name).is_some() || reps.iter().any(|rep| *rep.name == *name));
        reps.push(Rep { name, person: None, counters: others });
    }
    reps
}

/// One of [`everybody`], all strangers apart, by name and without looking at the others.
pub(crate) fn somebody<'a>(roster: &Roster, tally: &'a Tally, name: &str) -> Option<Rep<'a>> {
    if let Some(number) = known(roster, name) {
        let person = &roster.people[number];
        if *person.id != *name {
            // An identity is not a rep of its own.
            return None;
        }
        let mut counters: Vec<&RepTally> = person.identities.iter().filter_map(|identity| tally.rep(identity)).collect();
        counters.extend(tally.rep(name).filter(|_| !person.identities.iter().any(|identity| **identity == *name)));
        return Some(Rep { name: person.id.clone(), person: Some(number), counters });
    }
    let counters = match tally.rep(name) {
        Some(counters) => counters,
        None => tally.other().filter(|_| *others(roster, tally) == *name)?,
    };
    Some(Rep { name: name.into(), person: None, counters: vec![counters] })
}

/// What those past the tally's bound are called.
pub(crate) fn others(roster: &Roster, tally: &Tally) -> Arc<str> {
    other(|name| roster.person(name).is_some() || tally.rep(name).is_some())
}

/// Who a name in the events is; `unassigned` is nobody's name.
fn known(roster: &Roster, name: &str) -> Option<PersonNo> {
    if name == UNASSIGNED { None } else { roster.person(name) }
}

/// Days on which somebody counts, in his own zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stays {
    /// Whenever.
    Always,
    /// Only these, in order and apart from each other.
    Days(SmallVec<[Range<i32>; 1]>),
}

impl Stays {
    /// The days that lie in memberships of wanted teams (`None`: in none).
    fn of(memberships: &[Membership], wanted: impl Fn(Option<TeamNo>) -> bool) -> Stays {
        let mut days: SmallVec<[Range<i32>; 1]> = SmallVec::new();
        let mut add = |from: i32, to: i32, team: Option<TeamNo>| {
            if from < to && wanted(team) {
                match days.last_mut() {
                    Some(last) if last.end == from => last.end = to,
                    _ => days.push(from..to),
                }
            }
        };
        let mut day = i32::MIN;
        for stay in memberships {
            let (from, to) = (stay.from.unwrap_or(i32::MIN), stay.to.map_or(i32::MAX, |to| to + 1));
            add(day, from, None);
            add(from, to, Some(stay.team));
            day = to;
        }
        add(day, i32::MAX, None);
        if days.len() == 1 && days[0] == (i32::MIN..i32::MAX) { Stays::Always } else { Stays::Days(days) }
    }

    /// Whether there are none.
    pub fn is_never(&self) -> bool {
        matches!(self, Stays::Days(days) if days.is_empty())
    }

    /// Their slots in a zone; `None`: all there are.
    pub fn ranges(&self, zone: &TimeZone) -> Option<SmallVec<[Ranges; 1]>> {
        let Stays::Days(days) = self else { return None };
        let ranges = days.iter().map(|days| {
            let start = (days.start > i32::MIN).then(|| first_instant(date_of(days.start), zone));
            let end = if days.end < i32::MAX { first_instant(date_of(days.end), zone) } else { i64::MAX / 2 };
            if days.end < i32::MAX {
                return Bounds { start, end }.ranges(zone);
            }
            let from = start.map(|start| Bounds { start: Some(start), end: start + SLOT_S * US }.ranges(zone));
            let (quarters, dates) = from.map_or((i32::MIN, i32::MIN), |from| (from.quarters.start, from.dates.start));
            Ranges { quarters: quarters..i32::MAX, dates: dates..i32::MAX }
        });
        Some(ranges.collect())
    }

    /// Whether a day is one of them.
    pub fn holds(&self, day: i32) -> bool {
        match self {
            Stays::Always => true,
            Stays::Days(days) => days.iter().any(|days| days.contains(&day)),
        }
    }

    /// Those that lie in a run of days.
    pub fn within(&self, run: &Range<i32>) -> SmallVec<[Range<i32>; 1]> {
        match self {
            Stays::Always => smallvec![run.clone()],
            Stays::Days(days) => {
                days.iter().map(|days| days.start.max(run.start)..days.end.min(run.end)).filter(|days| days.start < days.end).collect()
            }
        }
    }
}

/// The slots of a window in which somebody counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// What a flow is summed over.
    pub flow: SmallVec<[Ranges; 1]>,
    /// What a level is summed over; `None` where it is somebody else's at the window's end.
    pub level: Option<Ranges>,
    /// The window's last slot.
    pub last: i32,
}

impl Stretch {
    /// A window in a zone, for somebody who counts on some days.
    pub fn of(bounds: Bounds, zone: &TimeZone, stays: &Stays) -> Stretch {
        let whole = bounds.ranges(zone);
        let last = whole.quarters.end - 1;
        let level = Ranges { quarters: i32::MIN..whole.quarters.end, dates: i32::MIN..whole.dates.end };
        let Stays::Days(days) = stays else { return Stretch { flow: smallvec![whole], level: Some(level), last } };
        let first = |day: i32| first_instant(date_of(day), zone);
        let flow = days.iter().map(|days| {
            // A stay without an end has no last midnight.
            let start = if days.start == i32::MIN { None } else { Some(first(days.start)) };
            let end = if days.end == i32::MAX { bounds.end } else { first(days.end) };
            let bounds = Bounds { start: start.max(bounds.start), end: end.min(bounds.end) };
            bounds.ranges(zone)
        });
        let flow = flow.filter(|ranges| !ranges.quarters.is_empty() || !ranges.dates.is_empty()).collect();
        let last_day = day_of(local_date(i64::from(last) * SLOT_S * US, zone));
        Stretch { flow, level: stays.holds(last_day).then_some(level), last }
    }
}

/// A window's stretches, worked out once for each zone and run of days.
pub(crate) struct Stretches {
    bounds: Box<BoundsIn>,
    known: Vec<InZone>,
}

/// Where the windows lie in a zone.
type BoundsIn = dyn Fn(&TimeZone) -> Vec<Bounds>;

/// The windows in one zone.
struct InZone {
    zone: TimeZone,
    bounds: Vec<Bounds>,
    of: HashMap<Stays, Arc<[Stretch]>>,
}

impl Stretches {
    /// `bounds` says where the windows lie in a zone.
    pub fn new(bounds: impl Fn(&TimeZone) -> Vec<Bounds> + 'static) -> Stretches {
        Stretches { bounds: Box::new(bounds), known: Vec::new() }
    }

    fn zone(&mut self, zone: &TimeZone) -> usize {
        self.known.iter().position(|known| known.zone == *zone).unwrap_or_else(|| {
            self.known.push(InZone { zone: zone.clone(), bounds: (self.bounds)(zone), of: HashMap::new() });
            self.known.len() - 1
        })
    }

    /// Where the windows lie in a zone.
    pub fn bounds(&mut self, zone: &TimeZone) -> &[Bounds] {
        let at = self.zone(zone);
        &self.known[at].bounds
    }

    /// The windows' slots for somebody in a zone who counts on some days.
    pub fn of(&mut self, zone: &TimeZone, stays: &Stays) -> Arc<[Stretch]> {
        let at = self.zone(zone);
        let InZone { zone, bounds, of } = &mut self.known[at];
        if let Some(known) = of.get(stays) {
            return known.clone();
        }
        let made: Arc<[Stretch]> = bounds.iter().map(|bounds| Stretch::of(*bounds, zone, stays)).collect();
        of.insert(stays.clone(), made.clone());
        made
    }
}
