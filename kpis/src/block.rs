//! A block: all counters of one rep on one day in one lane, and its packed form in the store.
//!
//! In: deltas. Out: absolute values. Counters that come to 0 are dropped, so that a block says the
//! same whatever way it came about.

use crate::{Counter, MeasureNo, NameId, Slot};

/// Which block: the rep and the UTC day (or date) of its counters, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId {
    /// The rep, by the lane's names.
    pub rep: NameId,
    /// Days since 1970-01-01.
    pub day: i32,
}

/// The counters of a block, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    counters: Vec<(Counter, i128)>,
}

/// A packed block that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the block is damaged; rebuild the store from the log with `onpace rebuild`")]
pub struct Damaged;

impl Block {
    /// Adds to a counter.
    pub fn add(&mut self, counter: Counter, delta: i128) {
        match self.counters.binary_search_by(|(known, _)| known.cmp(&counter)) {
            Ok(at) => {
                self.counters[at].1 += delta;
                if self.counters[at].1 == 0 {
                    self.counters.remove(at);
                }
            }
            Err(_) if delta == 0 => {}
            Err(at) => self.counters.insert(at, (counter, delta)),
        }
    }

    /// Adds deltas that are sorted by counter, each once.
    pub fn add_sorted(&mut self, deltas: &[(Counter, i128)]) {
        if self.counters.is_empty() {
            self.counters.extend_from_slice(deltas);
            return self.counters.retain(|(_, value)| *value != 0);
        }
        let old = std::mem::take(&mut self.counters);
        self.counters.reserve(old.len() + deltas.len());
        let mut old = old.into_iter().peekable();
        for (counter, delta) in deltas {
            while let Some(kept) = old.next_if(|(known, _)| known < counter) {
                self.counters.push(kept);
            }
            let before = old.next_if(|(known, _)| known == counter).map_or(0, |(_, value)| value);
            if before + delta != 0 {
                self.counters.push((*counter, before + delta));
            }
        }
        self.counters.extend(old);
    }

    /// Its counters, sorted, none of them 0.
    pub fn counters(&self) -> &[(Counter, i128)] {
        &self.counters
    }

    /// Whether no counter is left: the store then drops it.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// Packs it: for each counter the difference of its measure to the one before, its place in the day, and
    /// what else is not 0.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let mut before: MeasureNo = 0;
        for (counter, value) in &self.counters {
            let [first, second] = counter.dims;
            let present =
                u64::from(first != 0) | u64::from(second != 0) << 1 | u64::from(counter.extra != 0) << 2 | u64::from(*value == 1) << 3;
            put_wide((u64::from(counter.measure - before) << 4 | present).into(), out);
            before = counter.measure;
            out.push(counter.slot.place());
            for part in [first, second, counter.extra] {
                if part != 0 {
                    put_wide(part.into(), out);
                }
            }
            if *value != 1 {
                put_wide(((value << 1) ^ (value >> 127)) as u128, out);
            }
        }
    }

    /// Reads a packed block of a day.
    ///
    /// # Errors
    /// [`Damaged`] bytes.
    pub fn unpack(day: i32, mut packed: &[u8]) -> Result<Block, Damaged> {
        let mut counters = Vec::with_capacity(packed.len() / 3);
        let mut measure: MeasureNo = 0;
        while !packed.is_empty() {
            let head = take(&mut packed)?;
            measure = u16::try_from(head >> 4).ok().and_then(|step| measure.checked_add(step)).ok_or(Damaged)?;
            let (place, rest) = packed.split_first().ok_or(Damaged)?;
            packed = rest;
            let mut parts = [0u32; 3];
            for (at, part) in parts.iter_mut().enumerate() {
                if head & (1 << at) != 0 {
                    *part = u32::try_from(take(&mut packed)?).map_err(|_| Damaged)?;
                }
            }
            let value = if head & 8 != 0 {
                1
            } else {
                let zigzag = take_wide(&mut packed)?;
                (zigzag >> 1) as i128 ^ -((zigzag & 1) as i128)
            };
            let [first, second, extra] = parts;
            counters.push((Counter { measure, dims: [first, second], extra, slot: Slot::at(day, *place) }, value));
        }
        if !counters.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Damaged);
        }
        Ok(Block { counters })
    }
}

/// Appends a number, seven bits a byte, least first.
pub(crate) fn put_wide(mut value: u128, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number that [`put_wide`] wrote, of 64 bits.
pub(crate) fn take(from: &mut &[u8]) -> Result<u64, Damaged> {
    u64::try_from(take_wide(from)?).map_err(|_| Damaged)
}

/// Takes a number that [`put_wide`] wrote.
pub(crate) fn take_wide(from: &mut &[u8]) -> Result<u128, Damaged> {
    let mut value = 0u128;
    for shift in (0..133).step_by(7) {
        let (byte, rest) = from.split_first().ok_or(Damaged)?;
        *from = rest;
        let bits = u128::from(byte & 0x7F);
        value |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits).ok_or(Damaged)?;
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damaged)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use proptest::prelude::*;

    fn deltas() -> impl Strategy<Value = Vec<(Counter, i128)>> {
        prop::collection::btree_map((0..4u16, 0..4u8), -2..3i128, 0..12).prop_map(|deltas| {
            let counter = |(measure, place)| Counter { measure, dims: [0, 0], extra: 0, slot: Slot::at(5, place) };
            deltas.into_iter().map(|(at, delta)| (counter(at), delta)).collect()
        })
    }

    proptest! {
        #[test]
        fn packing_leads_back(day in -800_000..3_000_000i32, counters in prop::collection::vec(
            (0..300u16, 0..3u32, any::<u32>(), 0..5u32, 0..=96u8, any::<i128>()), 0..40)) {
            let mut block = Block::default();
            for (measure, first, second, extra, place, value) in counters {
                block.add(Counter { measure, dims: [first, second], extra, slot: Slot::at(day, place) }, value >> 1);
            }
            let mut packed = Vec::new();
            block.pack(&mut packed);
            prop_assert_eq!(Block::unpack(day, &packed).unwrap(), block);
        }

        #[test]
        fn adding_many_is_adding_each(old in deltas(), new in deltas()) {
            let mut each = Block::default();
            for (counter, delta) in old.iter().chain(&new) {
                each.add(*counter, *delta);
            }
            let mut many = Block::default();
            many.add_sorted(&old);
            many.add_sorted(&new);
            prop_assert_eq!(many, each);
        }

        #[test]
        fn noise_is_damage_not_panic(noise in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Block::unpack(7, &noise);
        }
    }

    #[test]
    fn what_comes_to_nothing_is_dropped() {
        let counter = Counter { measure: 1, dims: [0, 0], extra: 0, slot: Slot::Date(3) };
        let mut block = Block::default();
        block.add(counter, 5);
        block.add(counter, -5);
        assert!(block.is_empty());
    }
}
