//! A lane in Redis, piece by piece: how it is read whole, and how its owner goes round it.
//!
//! In: a connection, and how many entities there are. Out: names, sources, blocks, entities, dozens of keys to a round trip. Never here: a write.

use onpace_kpis::block::BlockId;

use super::keys::LaneKeys;
use super::reader::{read_names, read_reps};
use super::sources;
use super::wire::{Commands, Link, Value, refused};
use crate::store::round::{Pieces, Place};
use crate::store::{Heard, StoreError};

/// So many buckets to a round trip.
const BUCKETS: u32 = 256;

/// A lane. An entity's place is the number of its bucket.
pub struct Lane<'a> {
    pub link: &'a mut Link,
    pub keys: &'a LaneKeys,
    /// How many entities a bucket takes.
    pub fill: u32,
    /// How many there are.
    pub entities: u64,
}

/// An entity whose state has a key of its own: its bucket and address.
type Large = (Place, [u8; 10]);

impl Pieces for Lane<'_> {
    fn names(&mut self, from: u32, most: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        read_names(self.link, self.keys, from, from.saturating_add(most), each)
    }

    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        sources::read(self.link, self.keys)
    }

    fn blocks(&mut self, from: u32, to: u32, each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        read_reps(self.link, self.keys, from, to, each)
    }

    fn entities(&mut self, from: Place, most: usize, each: &mut dyn FnMut(Place, &[u8; 10], &[u8])) -> Result<Option<Place>, StoreError> {
        let (from, all) = (from as u32, self.entities.div_ceil(self.fill.into()) as u32);
        let step = (most as u32 / self.fill).clamp(1, BUCKETS);
        let to = all.min(from.saturating_add(step));
        if from >= to {
            return Ok(None);
        }
        let mut commands = Commands::default();
        (from..to).for_each(|bucket| _ = commands.begin(b"HGETALL").numbered(&self.keys.bucket, bucket.into()));
        self.link.send(&commands)?;
        let (mut large, mut wrong): (Vec<Large>, Option<StoreError>) = (Vec::new(), None);
        for bucket in from..to {
            let fields = match self.link.reply()? {
                Value::Error(words) => {
                    wrong.get_or_insert(refused(self.link.place(), &commands.key_at((bucket - from) as usize), &words));
                    continue;
                }
                found => found.elements(),
            };
            for pair in fields.chunks_exact(2) {
                match (pair[0].bytes().and_then(|field| field.try_into().ok()), pair[1].bytes()) {
                    (Some(field), Some([])) => large.push((bucket.into(), field)),
                    (Some(field), Some(packed)) => each(bucket.into(), &field, packed),
                    _ => {
                        let place = commands.key_at((bucket - from) as usize);
                        wrong.get_or_insert(StoreError::Damaged { place, why: "it has a field that is no address".into() });
                    }
                }
            }
        }
        match wrong {
            Some(wrong) => Err(wrong),
            None => self.large(&large, each).map(|()| (to < all).then_some(to.into())),
        }
    }
}

impl Lane<'_> {
    #[expect(clippy::type_complexity, reason = "a callback that is named nowhere else")]
    fn large(&mut self, large: &[Large], each: &mut dyn FnMut(Place, &[u8; 10], &[u8])) -> Result<(), StoreError> {
        if large.is_empty() {
            return Ok(());
        }
        let mut commands = Commands::default();
        for (_, field) in large {
            commands.begin(b"GET").joined(&self.keys.large, super::keys::hex(field).as_bytes());
        }
        self.link.send(&commands)?;
        let mut wrong = None;
        for (at, (bucket, field)) in large.iter().enumerate() {
            match self.link.reply()? {
                Value::Error(words) => _ = wrong.get_or_insert(refused(self.link.place(), &commands.key_at(at), &words)),
                // One that is gone is missed when the sums are compared.
                found => found.bytes().into_iter().for_each(|packed| each(*bucket, field, packed)),
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}
