//! The values that a commit changes, packed one behind the other: an allocation for each would cost more than packing it.
//!
//! In: keys and packed values, in any order, each key once, and what each replaces. Out: the same, borrowed, and what they change in the lane's sums.

use onpace_kpis::block::BlockId;

use super::EntityId;
use super::sums::{self, Part, Sum};

/// Changed entities.
pub type Entities = Values<EntityId>;
/// Changed blocks; one whose value is empty is to be dropped.
pub type Blocks = Values<BlockId>;

/// What a value is stored under.
pub trait Key: Copy {
    /// A value's part in the lane's sums.
    fn part(&self, packed: &[u8]) -> Part;
}

impl Key for EntityId {
    fn part(&self, packed: &[u8]) -> Part {
        sums::entity(self.field(), packed)
    }
}

impl Key for BlockId {
    fn part(&self, packed: &[u8]) -> Part {
        sums::block(*self, packed)
    }
}

/// Changed values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<K> {
    each: Vec<Changed<K>>,
    bytes: Vec<u8>,
    change: Sum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Changed<K> {
    key: K,
    /// Where its value ends among the bytes; it begins where the one before ends.
    end: usize,
    /// Whether the lane had none under this key.
    new: bool,
    change: Sum,
}

impl<K> Default for Values<K> {
    fn default() -> Self {
        Values { each: Vec::new(), bytes: Vec::new(), change: Sum::default() }
    }
}

impl<K: Key> Values<K> {
    /// Forgets them, and keeps the room.
    pub fn clear(&mut self) {
        self.each.clear();
        self.bytes.clear();
        self.change = Sum::default();
    }

    /// Adds what `pack` appends, and returns it; `was` is the part of what the lane has under this key, `None` where it has nothing.
    pub fn push(&mut self, key: K, was: Part, pack: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let from = self.bytes.len();
        pack(&mut self.bytes);
        let packed = &self.bytes[from..];
        let mut change = Sum::default();
        change.change(was, key.part(packed));
        self.change = self.change.and(change);
        self.each.push(Changed { key, end: self.bytes.len(), new: was.is_none(), change });
        packed
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// How many of them are new to the lane.
    pub fn count_new(&self) -> u64 {
        self.each.iter().filter(|changed| changed.new).count() as u64
    }

    /// What all of them change in the lane's sum.
    pub fn change(&self) -> Sum {
        self.change
    }

    /// What one changes in the lane's sum, by its place.
    pub fn change_of(&self, place: usize) -> Sum {
        self.each[place].change
    }

    /// The key of one by its place.
    pub fn key(&self, place: usize) -> K {
        self.each[place].key
    }

    /// The packed value of one by its place.
    pub fn value(&self, place: usize) -> &[u8] {
        let from = place.checked_sub(1).map_or(0, |before| self.each[before].end);
        &self.bytes[from..self.each[place].end]
    }

    /// All keys and packed values, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (K, &[u8])> {
        (0..self.len()).map(|place| (self.key(place), self.value(place)))
    }
}

impl From<Vec<(EntityId, Vec<u8>, bool)>> for Entities {
    /// Entities and whether they are new; of those that aren't it is not known what they replace.
    fn from(states: Vec<(EntityId, Vec<u8>, bool)>) -> Entities {
        let mut entities = Entities::default();
        for (id, state, new) in states {
            entities.push(id, (!new).then_some(0), |out| out.extend_from_slice(&state));
        }
        entities
    }
}

impl From<Vec<(BlockId, Vec<u8>)>> for Blocks {
    /// Blocks that are new.
    fn from(packed: Vec<(BlockId, Vec<u8>)>) -> Blocks {
        let mut blocks = Blocks::default();
        for (id, packed) in packed {
            blocks.push(id, None, |out| out.extend_from_slice(&packed));
        }
        blocks
    }
}
