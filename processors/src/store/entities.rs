//! The entities that a commit changes, packed one behind the other: an allocation for each would cost more than packing it.
//!
//! In: addresses and packed states, in any order, each entity once. Out: the same, borrowed.

use super::EntityId;

/// Changed entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entities {
    each: Vec<Changed>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Changed {
    id: EntityId,
    /// Where its state ends among the bytes; it begins where the one before ends.
    end: usize,
    new: bool,
}

impl Entities {
    /// Forgets them, and keeps the room.
    pub fn clear(&mut self) {
        self.each.clear();
        self.bytes.clear();
    }

    /// Adds an entity whose state is what `pack` appends, and returns that; `new` where the lane never stored it.
    pub fn push(&mut self, id: EntityId, new: bool, pack: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let from = self.bytes.len();
        pack(&mut self.bytes);
        self.each.push(Changed { id, end: self.bytes.len(), new });
        &self.bytes[from..]
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

    /// The address of one by its place.
    pub fn id(&self, place: usize) -> EntityId {
        self.each[place].id
    }

    /// The packed state of one by its place.
    pub fn state(&self, place: usize) -> &[u8] {
        let from = place.checked_sub(1).map_or(0, |before| self.each[before].end);
        &self.bytes[from..self.each[place].end]
    }

    /// All addresses and packed states, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (EntityId, &[u8])> {
        (0..self.len()).map(|place| (self.id(place), self.state(place)))
    }
}

impl From<Vec<(EntityId, Vec<u8>, bool)>> for Entities {
    fn from(states: Vec<(EntityId, Vec<u8>, bool)>) -> Entities {
        let mut entities = Entities::default();
        for (id, state, new) in states {
            entities.push(id, new, |out| out.extend_from_slice(&state));
        }
        entities
    }
}
