//! Where each entity of a lane is: in the order in which they came, so many to a bucket (in SQLite, one to a row).
//!
//! In: addresses. Out: buckets. What is new together lies together, so a commit of thousands of new entities writes few buckets, each
//! with one command, and few pages of a file; were they scattered by their hash, every one of them would cost a command and a look at
//! cold memory, or a page of its own.
//! The price is this table: some 25 bytes of the processor's memory for each entity of its lanes.
//! Never here: I/O. The buckets' own fields are the truth, from which the table is made when a lane is taken over.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::EntityId;

/// An address as a bucket keeps it, and the bucket: bytes, so that a place takes no padding.
type Place = ([u8; 10], [u8; 4]);

/// The places of a lane's entities.
pub struct Places {
    places: HashTable<Place>,
    /// How many entities a bucket takes.
    fill: u32,
}

impl Places {
    /// None yet, of a store whose buckets take so many.
    pub fn new(fill: u32) -> Places {
        Places { places: HashTable::new(), fill }
    }

    /// How many entities have a place.
    pub fn len(&self) -> u64 {
        self.places.len() as u64
    }

    /// The bucket of an entity that has one.
    pub fn find(&self, id: &EntityId) -> Option<u32> {
        self.places.find(hash(id.field()), |(field, _)| field == id.field()).map(|(_, bucket)| u32::from_le_bytes(*bucket))
    }

    /// The bucket of an entity: the one it has, or the next that has room.
    pub fn find_or_put(&mut self, id: &EntityId) -> u32 {
        let next = (self.len() / u64::from(self.fill)) as u32;
        let field = id.field();
        match self.places.entry(hash(field), |(known, _)| known == field, |(known, _)| hash(known)) {
            Entry::Occupied(place) => u32::from_le_bytes(place.get().1),
            Entry::Vacant(place) => {
                place.insert((*field, next.to_le_bytes()));
                next
            }
        }
    }

    /// Notes what was found in a bucket; `false` where the entity has a place already.
    pub fn note(&mut self, field: &[u8; 10], bucket: u32) -> bool {
        match self.places.entry(hash(field), |(known, _)| known == field, |(known, _)| hash(known)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert((*field, bucket.to_le_bytes()));
                true
            }
        }
    }
}

/// An address is a keyed hash: its own bytes are as scattered as any hash of them.
fn hash(field: &[u8; 10]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *field;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> EntityId {
        EntityId(u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes())
    }

    #[test]
    fn buckets_fill_in_order_of_arrival() {
        let mut places = Places::new(32);
        for number in 0..1_000 {
            assert_eq!(places.find(&id(number)), None);
            assert_eq!(places.find_or_put(&id(number)), number / 32);
        }
        for number in 0..1_000 {
            assert_eq!(places.find(&id(number)), Some(number / 32));
            assert_eq!(places.find_or_put(&id(number)), number / 32);
        }
        assert_eq!(places.len(), 1_000);
    }

    #[test]
    fn what_a_bucket_holds_is_found_again() {
        let mut places = Places::new(32);
        assert!(places.note(id(7).field(), 5));
        assert!(!places.note(id(7).field(), 6));
        assert_eq!(places.find(&id(7)), Some(5));
    }
}
