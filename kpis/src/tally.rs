//! The counters of the whole company in memory, ready for any window.
//!
//! In: counters as the lanes of the store hold them, by text, in any order; the difference between a block's old
//! and new counters. Out: sums over ranges of slots, for a rep, and by one dimension's value.
//! Never here: what a KPI is, zones, lanes' own numbers for names.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::series::Series;
use crate::window::Ranges;
use crate::{Block, Counter, Measure, MeasureNo, NameId, Names, Slot, What};

/// The rep that counters without one belong to.
pub const UNASSIGNED: &str = "unassigned";

/// All counters, by rep.
#[derive(Clone, Debug)]
pub struct Tally {
    shapes: Vec<Shape>,
    /// The values of dimensions.
    values: Names,
    reps: Vec<RepTally>,
    numbers: HashMap<Arc<str>, usize>,
}

/// What a measure's counters look like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    dims: usize,
}

/// The counters of one rep.
#[derive(Clone, Debug)]
pub struct RepTally {
    name: Arc<str>,
    measures: Vec<Vec<(LineId, Line)>>,
}

/// Which line of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId {
    /// What part of the measure is counted.
    pub group: Group,
    /// The currency's number, or the histogram's bucket; else 0.
    pub extra: u32,
}

/// The part of a measure that a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All of it.
    Total,
    /// Where the dimension at this place has this value, by the tally's own numbers.
    Dim(u8, NameId),
}

/// One counter over time.
#[derive(Clone, Debug, Default)]
pub struct Line {
    quarters: Series,
    dates: Series,
}

impl Line {
    fn add(&mut self, slot: Slot, delta: i128) {
        match slot {
            Slot::Quarter(slot) => self.quarters.add(slot, delta),
            Slot::Date(day) => self.dates.add(day, delta),
        }
    }

    /// Its value over some slots.
    pub fn sum(&self, ranges: &Ranges) -> i128 {
        self.quarters.sum(&ranges.quarters) + self.dates.sum(&ranges.dates)
    }

    /// What is counted at each quarter-hour of a range.
    pub fn quarters(&self, range: &Range<i32>) -> impl Iterator<Item = (i32, i128)> {
        self.quarters.values_in(range)
    }

    /// What is counted on each date of a range.
    pub fn dates(&self, range: &Range<i32>) -> impl Iterator<Item = (i32, i128)> {
        self.dates.values_in(range)
    }

    /// The first quarter-hour and the first date that anything is counted at, within ranges.
    pub fn first(&self, ranges: &Ranges) -> (Option<i32>, Option<i32>) {
        let first = |series: &Series, range: &Range<i32>| series.values_in(range).next().map(|(slot, _)| slot);
        (first(&self.quarters, &ranges.quarters), first(&self.dates, &ranges.dates))
    }

    /// The last quarter-hour before one, and the last date before one, at which anything may be counted.
    pub fn last_before(&self, quarter: i32, date: i32) -> (Option<i32>, Option<i32>) {
        (self.quarters.last_before(quarter), self.dates.last_before(date))
    }

    /// Whether nothing is counted in it at any time.
    pub fn is_nothing(&self) -> bool {
        self.quarters.is_nothing() && self.dates.is_nothing()
    }
}

impl Tally {
    /// A tally of no counters yet, of these measures.
    pub fn new(measures: &[Measure]) -> Tally {
        let shape = |measure: &Measure| Shape {
            // A measure that counts the values of a history has that value as its dimension.
            dims: if matches!(measure.what, What::Entered(_)) { 1 } else { measure.by.len() },
        };
        Tally { shapes: measures.iter().map(shape).collect(), values: Names::default(), reps: Vec::new(), numbers: HashMap::new() }
    }

    fn rep_no(&mut self, name: &str) -> usize {
        let name = if name.is_empty() { UNASSIGNED } else { name };
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let name: Arc<str> = name.into();
        let number = self.reps.len();
        self.reps.push(RepTally { name: name.clone(), measures: vec![Vec::new(); self.shapes.len()] });
        self.numbers.insert(name, number);
        number
    }

    /// Adds to one counter; an empty `rep` counts as `unassigned`, an empty dimension is one that isn't set.
    /// `extra` is the currency's number or the histogram's bucket, else 0. A measure that isn't the tally's is passed over.
    pub fn apply(&mut self, rep: &str, measure: MeasureNo, dims: [&str; 2], extra: u32, slot: Slot, delta: i128) {
        let rep = self.rep_no(rep);
        self.add(rep, measure, dims, extra, slot, delta);
    }

    /// Puts the new counters of a block in the place of its old ones; `names` are its lane's, `rep` the block's.
    pub fn replace(&mut self, names: &Names, rep: NameId, old: &Block, new: &Block) {
        let rep = self.rep_no(names.text(rep));
        let (mut old, mut new) = (old.counters().iter().peekable(), new.counters().iter().peekable());
        // Both are sorted: walk them side by side.
        loop {
            let (counter, delta) = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some((counter, value)), None) => (*counter, -value),
                (None, Some((counter, value))) => (*counter, *value),
                (Some((a, was)), Some((b, is))) => match a.cmp(b) {
                    std::cmp::Ordering::Less => (*a, -was),
                    std::cmp::Ordering::Greater => (*b, *is),
                    std::cmp::Ordering::Equal => (*a, is - was),
                },
            };
            old.next_if(|(known, _)| *known == counter);
            new.next_if(|(known, _)| *known == counter);
            self.add_counter(names, rep, counter, delta);
        }
    }

    fn add_counter(&mut self, names: &Names, rep: usize, counter: Counter, delta: i128) {
        let dims = counter.dims.map(|dim| names.text(dim));
        self.add(rep, counter.measure, dims, counter.extra, counter.slot, delta);
    }

    fn add(&mut self, rep: usize, measure: MeasureNo, dims: [&str; 2], extra: u32, slot: Slot, delta: i128) {
        let Some(shape) = self.shapes.get(usize::from(measure)).copied().filter(|_| delta != 0) else { return };
        let lines = &mut self.reps[rep].measures[usize::from(measure)];
        line(lines, LineId { group: Group::Total, extra }).add(slot, delta);
        for (place, dim) in dims.iter().enumerate().take(shape.dims) {
            let group = Group::Dim(place as u8, self.values.intern(dim));
            line(lines, LineId { group, extra }).add(slot, delta);
        }
    }

    /// Works in what came out of order: changes no number, makes reading quick. Call it after a round of changes.
    pub fn settle(&mut self) {
        for line in self.reps.iter_mut().flat_map(|rep| rep.measures.iter_mut().flatten()) {
            line.1.quarters.settle();
            line.1.dates.settle();
        }
    }

    /// The reps of whom something is counted, in no order.
    pub fn reps(&self) -> impl Iterator<Item = &RepTally> {
        self.reps.iter().filter(|rep| !rep.is_nothing())
    }

    /// One rep, if something is counted of him.
    pub fn rep(&self, name: &str) -> Option<&RepTally> {
        self.numbers.get(name).and_then(|number| self.reps.get(*number)).filter(|rep| !rep.is_nothing())
    }

    /// The first quarter-hour and the first date that anything is counted at.
    pub fn first(&self) -> (Option<i32>, Option<i32>) {
        let ever = Ranges { quarters: i32::MIN..i32::MAX, dates: i32::MIN..i32::MAX };
        let earlier = |a: Option<i32>, b: Option<i32>| a.into_iter().chain(b).min();
        let lines = self.reps.iter().flat_map(|rep| rep.measures.iter().flatten());
        lines.map(|(_, line)| line.first(&ever)).fold((None, None), |known, of| (earlier(known.0, of.0), earlier(known.1, of.1)))
    }

    /// The text of a dimension's value.
    pub fn value(&self, value: NameId) -> &str {
        self.values.text(value)
    }

    /// The number of a dimension's value, if it was ever counted.
    pub fn number(&self, value: &str) -> Option<NameId> {
        self.values.find(value)
    }
}

impl RepTally {
    /// The rep as the events name him; `unassigned` where they name nobody.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The lines of a measure that are not nothing, sorted.
    pub fn lines(&self, measure: MeasureNo) -> &[(LineId, Line)] {
        self.measures.get(usize::from(measure)).map_or(&[], Vec::as_slice)
    }

    fn is_nothing(&self) -> bool {
        self.measures.iter().flatten().all(|(_, line)| line.is_nothing())
    }
}

fn line(lines: &mut Vec<(LineId, Line)>, id: LineId) -> &mut Line {
    let at = match lines.binary_search_by_key(&id, |(known, _)| *known) {
        Ok(at) => at,
        Err(at) => {
            lines.insert(at, (id, Line::default()));
            at
        }
    };
    &mut lines[at].1
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::Event;
    use proptest::prelude::*;

    use super::*;
    use crate::contributions::contributions;
    use crate::state::tests::{events, joined};
    use crate::{Answer, By, Catalogue, Contribution, Question, Roster, Window, evaluate};

    /// The names that the events of [`events`] are joined with.
    fn names() -> Names {
        let mut names = Names::default();
        for text in ["a", "b", "é", "Z"] {
            names.intern(text);
        }
        names
    }

    fn contributed(events: &[Event<'static>], catalogue: &Catalogue) -> Vec<Contribution> {
        let mut out = Vec::new();
        if !events.is_empty() {
            contributions(&joined(events), &catalogue.measures, &names(), &mut out);
        }
        out
    }

    /// Every value there is, as JSON.
    fn everything(catalogue: &Catalogue, tally: &Tally) -> String {
        let ask = |by| Question::new(1_000_000_000_000, by, &Window::ALL);
        let rows = By::ALL.iter().flat_map(|by| evaluate(catalogue, tally, &Roster::default(), &ask(*by)).unwrap());
        serde_json::to_string(&Answer { at_us: 0, values: rows.collect() }).unwrap()
    }

    proptest! {
        #[test]
        fn after_any_changes_the_tally_is_that_of_the_final_states(
            first in events(), second in events(), cuts in prop::collection::vec(any::<(bool, prop::sample::Index)>(), 1..8), settle in any::<bool>()) {
            let catalogue = Catalogue::built_in().unwrap();
            let names = names();
            let (mut tally, mut known) = (Tally::new(&catalogue.measures), [Vec::new(), Vec::new()]);
            // Any sequence of states of two entities, each a block's old and new counters; then the final ones.
            let steps = cuts.iter().map(|(which, cut)| (usize::from(*which), *cut)).map(|(which, cut)| {
                let events = [&first, &second][which];
                (which, &events[..cut.index(events.len() + 1)])
            });
            for (which, events) in steps.chain([(0, &first[..]), (1, &second[..])]) {
                let contributed = contributed(events, &catalogue);
                let was = std::mem::replace(&mut known[which], contributed.clone());
                let reps: std::collections::BTreeSet<_> = was.iter().chain(&contributed).map(|one| one.rep).collect();
                for rep in reps {
                    let block = |all: &[Contribution]| {
                        let mut block = Block::default();
                        for one in all.iter().filter(|one| one.rep == rep) {
                            block.add(one.counter, one.value);
                        }
                        block
                    };
                    tally.replace(&names, rep, &block(&was), &block(&contributed));
                }
            }
            if settle {
                tally.settle();
            }
            let mut anew = Tally::new(&catalogue.measures);
            for one in contributed(&second, &catalogue).iter().chain(&contributed(&first, &catalogue)) {
                let Counter { measure, dims, extra, slot } = one.counter;
                anew.apply(names.text(one.rep), measure, dims.map(|dim| names.text(dim)), extra, slot, one.value);
            }
            prop_assert_eq!(everything(&catalogue, &tally), everything(&catalogue, &anew));
        }
    }
}
