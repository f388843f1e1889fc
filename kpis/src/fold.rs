//! The fold of one batch: which entities it changed, and what that changes in which counters.
//!
//! In: events, and for each entity they touch the state it had before. Out: [`Folded`]: the new states and
//! the counters' deltas, `contributions(new) − contributions(old)` summed over the batch.
//! Never here: where states come from and go to.

use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use hashbrown::HashMap;
use onpace_schemas::{Event, Kind};

use crate::block::BlockId;
use crate::contributions::contributions;
use crate::{Catalogue, Contribution, Counter, Measure, MeasureNo, Names, State};

/// What is folded into: of each kind a catalogue's measures, and the fields that its states keep.
#[derive(Clone, Debug)]
pub struct Rules {
    /// By the kind's number.
    kinds: Vec<OfKind>,
}

#[derive(Clone, Debug)]
struct OfKind {
    measures: Vec<(MeasureNo, Measure)>,
    /// A bit for each field.
    kept: u32,
}

impl From<&Catalogue> for Rules {
    fn from(catalogue: &Catalogue) -> Rules {
        let numbered = || (0..).zip(&catalogue.measures);
        let of = |kind| OfKind {
            measures: numbered().filter(|(_, measure)| measure.kind == kind).map(|(number, measure)| (number, measure.clone())).collect(),
            kept: catalogue.kept(kind),
        };
        Rules { kinds: Kind::ALL.into_iter().map(of).collect() }
    }
}

impl Rules {
    /// The fields of a kind that its states keep, a bit for each.
    pub fn kept(&self, kind: Kind) -> u32 {
        self.kinds.get(usize::from(kind.number())).map_or(0, |of| of.kept)
    }

    /// Appends what a state adds to which counters.
    pub fn contributions(&self, state: &State, names: &Names, out: &mut Vec<Contribution>) {
        if let Some(of) = self.kinds.get(usize::from(state.kind.number())) {
            contributions(state, &of.measures, names, out);
        }
    }
}

/// Hashes addresses, which are keyed hashes themselves: 64 of their bits will do.
pub type Scattered = BuildHasherDefault<Bits>;

/// The last 64 bits of an address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bits(u64);

impl Hasher for Bits {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, address: u128) {
        self.0 = address as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A batch being folded. An entity is opened once, then merged into as often as the batch speaks of it.
#[derive(Debug, Default)]
pub struct Batch {
    places: HashMap<u128, u32, Scattered>,
    open: Vec<Changed>,
    before: Vec<Contribution>,
    after: Vec<Contribution>,
    deltas: Vec<Delta>,
}

/// An entity as a batch leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its address.
    pub id: u128,
    /// Its state.
    pub state: State,
    /// Whether the lane had never stored it.
    pub new: bool,
    /// Where the batch keeps what it contributed before.
    before: Range<usize>,
}

/// A change of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The counter's block.
    pub block: BlockId,
    /// The counter.
    pub counter: Counter,
    /// What is added to it; never 0.
    pub value: i128,
}

/// What a batch comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The entities it touched, in the order it did.
    pub entities: Vec<Changed>,
    /// By block, then counter; each once.
    pub deltas: Vec<Delta>,
}

impl Batch {
    /// Whether it touched nothing.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether an entity is open.
    pub fn holds(&self, id: u128) -> bool {
        self.places.contains_key(&id)
    }

    /// Opens an entity with the state it has in the store, or as a new one that `event` is the first to speak of.
    pub fn open(&mut self, id: u128, stored: Option<State>, event: &Event<'_>, rules: &Rules, names: &Names) {
        let from = self.before.len();
        let new = stored.is_none();
        let state = match stored {
            Some(state) => {
                rules.contributions(&state, names, &mut self.before);
                state
            }
            None => State::new(event.kind, event.occurred_at),
        };
        self.places.insert(id, self.open.len() as u32);
        self.open.push(Changed { id, state, new, before: from..self.before.len() });
    }

    /// Joins an event into its entity; `false` where that isn't open yet.
    pub fn merge(&mut self, id: u128, event: &Event<'_>, rules: &Rules, names: &mut Names) -> bool {
        let Some(place) = self.places.get(&id) else { return false };
        self.open[*place as usize].state.merge(event, rules.kept(event.kind), names);
        true
    }

    /// Ends the batch and leaves it empty. What it came to is to be given back by [`Batch::reuse`].
    pub fn close(&mut self, rules: &Rules, names: &Names) -> Folded {
        let mut deltas = std::mem::take(&mut self.deltas);
        for open in &self.open {
            let before = &self.before[open.before.clone()];
            self.after.clear();
            rules.contributions(&open.state, names, &mut self.after);
            if before != self.after {
                deltas.extend(self.after.iter().map(|contribution| delta(contribution, 1)));
                deltas.extend(before.iter().map(|contribution| delta(contribution, -1)));
            }
        }
        deltas.sort_unstable_by_key(|delta: &Delta| (delta.block, delta.counter));
        deltas.dedup_by(|next, first| {
            let same = (next.block, next.counter) == (first.block, first.counter);
            if same {
                first.value += next.value;
            }
            same
        });
        deltas.retain(|delta| delta.value != 0);
        self.places.clear();
        self.before.clear();
        Folded { entities: std::mem::take(&mut self.open), deltas }
    }

    /// Takes back the room of the last batch for the next.
    pub fn reuse(&mut self, folded: Folded) {
        let Folded { mut entities, mut deltas } = folded;
        if self.open.is_empty() {
            entities.clear();
            deltas.clear();
            (self.open, self.deltas) = (entities, deltas);
        }
    }
}

fn delta(contribution: &Contribution, sign: i128) -> Delta {
    let counter = contribution.counter;
    let block = BlockId { rep: contribution.rep, day: counter.slot.day() };
    Delta { block, counter, value: sign * contribution.value }
}
