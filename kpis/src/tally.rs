//! The counters of the whole company in memory, ready for any window.
//!
//! In: counters as the lanes of the store hold them, by text, in any order; the difference between a block's old
//! and new counters. Out: sums over ranges of slots, for a rep, and by one dimension's value. A copy shares whatever isn't changed
//! afterwards, so that a reader takes one and holds up nobody.
//! What always holds: reps that no roster knows, and values of a dimension, are kept apart up to a bound ([`Room`]); what is past it is
//! counted together, so that every sum is what it would be without.
//! Never here: what a KPI is, zones, lanes' own numbers for names.

use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use crate::catalogue::Dimension;
use crate::series::Series;
use crate::window::Ranges;
use crate::{Block, Counter, Measure, MeasureNo, NameId, Names, Slot};

/// The rep that counters without one belong to.
pub const UNASSIGNED: &str = "unassigned";
/// What those that are counted together are called, where nothing else is called so: see [`other`].
pub const OTHER: &str = "other";
/// The number of what is past the bound of a dimension's values.
pub const PAST: NameId = NameId::MAX;

/// How much is kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// So many reps whom no roster knows.
    pub strangers: usize,
    /// So many values of each dimension.
    pub values: usize,
}

impl Default for Room {
    fn default() -> Self {
        Room { strangers: 10_000, values: 10_000 }
    }
}

/// The name of those that are counted together: `other`, or another where somebody is called so.
pub fn other(taken: impl Fn(&str) -> bool) -> Arc<str> {
    let names = std::iter::once(OTHER.to_owned()).chain((1..).map(|number| match number {
        1 => format!("{OTHER} (folded)"),
        number => format!("{OTHER} (folded {number})"),
    }));
    // Names are endless, those that are taken are not.
    names.into_iter().find(|name| !taken(name)).unwrap_or_default().into()
}

/// All counters, by rep.
#[derive(Clone, Debug)]
pub struct Tally {
    room: Room,
    shapes: Arc<[Shape]>,
    /// By dimension.
    values: Vec<Values>,
    reps: Vec<Arc<RepTally>>,
    numbers: Arc<HashMap<Arc<str>, usize>>,
    /// Whom a roster knows.
    known: Arc<HashSet<Arc<str>>>,
    /// How many of `reps` no roster knew when they came, `unassigned` not among them.
    strangers: usize,
    /// Those past the bound, counted together.
    other: Arc<RepTally>,
    folded: Folded,
    /// What a measure's lines are where there are none.
    none: Arc<Lines>,
}

/// What a measure's counters look like.
#[derive(Clone, Debug)]
struct Shape {
    /// The places of its dimensions among [`Tally::values`].
    dimensions: SmallVec<[usize; 2]>,
}

/// The values of a dimension that are kept apart.
#[derive(Clone, Debug)]
struct Values {
    dimension: Dimension,
    names: Arc<Names>,
    folded: Folded,
}

/// Names that are counted together, each by a hash, to know how many they are.
#[derive(Clone, Debug, Default)]
struct Folded(Arc<HashSet<u64>>);

impl Folded {
    fn hash(name: &str) -> u64 {
        let mut hasher = SipHasher13::new();
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    fn note(&mut self, name: &str) {
        let hash = Folded::hash(name);
        if !self.0.contains(&hash) {
            Arc::make_mut(&mut self.0).insert(hash);
        }
    }
}

/// The lines of a measure, sorted.
type Lines = Vec<(LineId, Line)>;

/// The counters of one rep.
#[derive(Clone, Debug)]
pub struct RepTally {
    name: Arc<str>,
    measures: Vec<Arc<Lines>>,
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
        Tally::with_room(measures, Room::default())
    }

    /// As [`Tally::new`], with other bounds.
    pub fn with_room(measures: &[Measure], room: Room) -> Tally {
        let mut values: Vec<Values> = Vec::new();
        let mut place = |dimension: Dimension| {
            values.iter().position(|known| known.dimension == dimension).unwrap_or_else(|| {
                values.push(Values { dimension, names: Arc::default(), folded: Folded::default() });
                values.len() - 1
            })
        };
        let mut shape = |measure: &Measure| Shape { dimensions: measure.dimensions().map(&mut place).collect() };
        let shapes: Arc<[Shape]> = measures.iter().map(&mut shape).collect();
        let none = Arc::new(Lines::new());
        let other = Arc::new(RepTally { name: OTHER.into(), measures: vec![none.clone(); shapes.len()] });
        Tally {
            room,
            shapes,
            values,
            reps: Vec::new(),
            numbers: Arc::default(),
            known: Arc::default(),
            strangers: 0,
            other,
            folded: Folded::default(),
            none,
        }
    }

    /// Says whom a roster knows: they are always kept apart from now on. Those among them who are not so far are returned:
    /// [`Tally::part`] has their counters taken out of where they lie.
    pub fn know(&mut self, names: HashSet<Arc<str>>) -> Vec<Arc<str>> {
        let is_folded = |name: &&Arc<str>| !self.numbers.contains_key(&***name) && self.folded.0.contains(&Folded::hash(name));
        let folded = names.iter().filter(is_folded).cloned().collect();
        self.known = Arc::new(names);
        folded
    }

    /// Takes somebody out of those that are counted together: what is counted of him there is in these blocks, each with its lane's names.
    pub fn part<'b>(&mut self, name: &Arc<str>, blocks: impl Iterator<Item = (&'b Names, Block)>) {
        let own = self.keep(name);
        Arc::make_mut(&mut self.folded.0).remove(&Folded::hash(name));
        for (names, block) in blocks {
            for (counter, value) in block.counters() {
                self.add_counter(names, None, *counter, -value);
                self.add_counter(names, Some(own), *counter, *value);
            }
        }
    }

    /// The place of a rep, made where there is none; `None` where he is counted with others.
    fn rep_no(&mut self, name: &str) -> Option<usize> {
        let name = if name.is_empty() { UNASSIGNED } else { name };
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        if name != UNASSIGNED && !self.known.contains(name) {
            if self.strangers >= self.room.strangers {
                self.folded.note(name);
                return None;
            }
            self.strangers += 1;
        }
        Some(self.keep(&name.into()))
    }

    fn keep(&mut self, name: &Arc<str>) -> usize {
        let number = self.reps.len();
        self.reps.push(Arc::new(RepTally { name: name.clone(), measures: vec![self.none.clone(); self.shapes.len()] }));
        Arc::make_mut(&mut self.numbers).insert(name.clone(), number);
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

    fn add_counter(&mut self, names: &Names, rep: Option<usize>, counter: Counter, delta: i128) {
        let dims = counter.dims.map(|dim| names.text(dim));
        self.add(rep, counter.measure, dims, counter.extra, counter.slot, delta);
    }

    fn add(&mut self, rep: Option<usize>, measure: MeasureNo, dims: [&str; 2], extra: u32, slot: Slot, delta: i128) {
        let Tally { shapes, values, reps, other, room, .. } = self;
        let Some(shape) = shapes.get(usize::from(measure)).filter(|_| delta != 0) else { return };
        let rep = Arc::make_mut(rep.map_or(other, |rep| &mut reps[rep]));
        let lines = Arc::make_mut(&mut rep.measures[usize::from(measure)]);
        line(lines, LineId { group: Group::Total, extra }).add(slot, delta);
        for (place, (dimension, dim)) in shape.dimensions.iter().zip(dims).enumerate() {
            let group = Group::Dim(place as u8, values[*dimension].number(dim, room.values));
            line(lines, LineId { group, extra }).add(slot, delta);
        }
    }

    /// Works in what came out of order: changes no number, makes reading quick. Call it after a round of changes.
    pub fn settle(&mut self) {
        let waits = |lines: &Lines| lines.iter().any(|(_, line)| line.quarters.waits() || line.dates.waits());
        for rep in self.reps.iter_mut().chain(std::iter::once(&mut self.other)) {
            // What has nothing to work in stays shared.
            if !rep.measures.iter().any(|lines| waits(lines)) {
                continue;
            }
            for lines in Arc::make_mut(rep).measures.iter_mut().filter(|lines| waits(lines)) {
                for (_, line) in Arc::make_mut(lines) {
                    line.quarters.settle();
                    line.dates.settle();
                }
            }
        }
    }

    /// The reps of whom something is counted and who are kept apart, in the order in which they came.
    pub fn reps(&self) -> impl Iterator<Item = &RepTally> {
        self.reps.iter().map(|rep| &**rep).filter(|rep| !rep.is_nothing())
    }

    /// Those past the bound, where something is counted of them; their name is [`OTHER`], whoever else may be called so.
    pub fn other(&self) -> Option<&RepTally> {
        Some(&*self.other).filter(|other| !other.is_nothing())
    }

    /// Everybody of whom something is counted.
    pub fn everybody(&self) -> impl Iterator<Item = &RepTally> {
        self.reps().chain(self.other())
    }

    /// How many reps are past the bound.
    pub fn folded(&self) -> usize {
        self.folded.0.len()
    }

    /// How many values of a dimension are past the bound.
    pub fn folded_values(&self, dimension: Dimension) -> usize {
        self.dimension(dimension).map_or(0, |values| values.folded.0.len())
    }

    /// The dimensions of the measures.
    pub fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        self.values.iter().map(|values| values.dimension)
    }

    /// One rep, if something is counted of him and he is kept apart.
    pub fn rep(&self, name: &str) -> Option<&RepTally> {
        self.numbers.get(name).and_then(|number| self.reps.get(*number)).map(|rep| &**rep).filter(|rep| !rep.is_nothing())
    }

    /// The first quarter-hour and the first date that anything is counted at.
    pub fn first(&self) -> (Option<i32>, Option<i32>) {
        let ever = Ranges { quarters: i32::MIN..i32::MAX, dates: i32::MIN..i32::MAX };
        let earlier = |a: Option<i32>, b: Option<i32>| a.into_iter().chain(b).min();
        let lines = self.everybody().flat_map(|rep| rep.measures.iter().flat_map(|lines| lines.iter()));
        lines.map(|(_, line)| line.first(&ever)).fold((None, None), |known, of| (earlier(known.0, of.0), earlier(known.1, of.1)))
    }

    /// The values of a dimension that are kept apart, by their numbers.
    pub fn values(&self, dimension: Dimension) -> &Names {
        static NONE: std::sync::LazyLock<Names> = std::sync::LazyLock::new(Names::default);
        self.dimension(dimension).map_or(&NONE, |values| &values.names)
    }

    fn dimension(&self, dimension: Dimension) -> Option<&Values> {
        self.values.iter().find(|known| known.dimension == dimension)
    }
}

impl Values {
    /// The number of a value: a new one if it was never counted and there is room, else [`PAST`].
    fn number(&mut self, text: &str, room: usize) -> NameId {
        if let Some(number) = self.names.find(text) {
            return number;
        }
        // The empty one has a number from the start.
        if self.names.len() > room {
            self.folded.note(text);
            return PAST;
        }
        Arc::make_mut(&mut self.names).intern(text)
    }
}

impl RepTally {
    /// The rep as the events name him; `unassigned` where they name nobody.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The lines of a measure that are not nothing, sorted.
    pub fn lines(&self, measure: MeasureNo) -> &[(LineId, Line)] {
        self.measures.get(usize::from(measure)).map_or(&[], |lines| lines.as_slice())
    }

    fn is_nothing(&self) -> bool {
        self.measures.iter().flat_map(|lines| lines.iter()).all(|(_, line)| line.is_nothing())
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
    use crate::fold::Rules;
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
            Rules::from(catalogue).contributions(&joined(events), &names(), &mut out);
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
