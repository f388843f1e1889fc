//! What a lane consists of, as sums by which its head vouches for it.
//!
//! In: names, sources, blocks and entities, each once, in any order. Out: how many there are, and the sum of a hash of each. A commit changes a sum by
//! the hash of what is new minus the hash of what it replaces, so it costs a few nanoseconds for each value that changes, and no value has to be read for it.
//! What always holds: the same lane has the same sums in every store, on every machine and in every release: they are stored.
//! Never here: keys of a store; a defence against somebody who means to deceive.

use onpace_kpis::block::BlockId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Commit, Heard};

/// How many there are of something, and the sum of their hashes. Differences wrap round, and are sums too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// The sum of their hashes.
    pub hash: u64,
}

/// The sums of all that a lane consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Its names after the empty one.
    pub names: Sum,
    /// Its sources.
    pub sources: Sum,
    /// Its blocks.
    pub blocks: Sum,
    /// Its entities.
    pub entities: Sum,
}

/// One value's part in a sum: nothing where there is no value.
pub type Part = Option<u64>;

impl Sum {
    /// Adds a value that was met.
    pub fn add(&mut self, part: Part) {
        self.change(None, part);
    }

    /// Puts a value in another's place.
    pub fn change(&mut self, was: Part, is: Part) {
        let count = |part: Part| u64::from(part.is_some());
        self.count = self.count.wrapping_add(count(is)).wrapping_sub(count(was));
        self.hash = self.hash.wrapping_add(is.unwrap_or(0)).wrapping_sub(was.unwrap_or(0));
    }

    /// Together with a difference.
    #[must_use]
    pub fn and(self, other: Sum) -> Sum {
        Sum { count: self.count.wrapping_add(other.count), hash: self.hash.wrapping_add(other.hash) }
    }
}

impl Sums {
    /// How many values there are, all together.
    pub fn values(&self) -> u64 {
        self.names.count + self.sources.count + self.blocks.count + self.entities.count
    }

    /// The sums as they are once a commit is in the store.
    #[must_use]
    pub fn after(self, commit: &Commit) -> Sums {
        let mut names = self.names;
        for (number, text) in (commit.names_from..).zip(&commit.names) {
            names.add(name(number, text));
        }
        Sums {
            names,
            sources: self.sources.and(commit.sources_change),
            blocks: self.blocks.and(commit.blocks.change()),
            entities: self.entities.and(commit.entities.change()),
        }
    }
}

/// A name's part: it has its number.
pub fn name(number: u32, text: &str) -> Part {
    Some(xxh3_64_with_seed(text.as_bytes(), seed(1, number.into())))
}

/// A source's part.
pub fn source(row: &Heard) -> Part {
    if row.says_nothing() {
        return None;
    }
    let mut bytes = row.source.clone().into_bytes();
    for (kind, recorded_ms) in row.kinds() {
        bytes.push(0);
        bytes.extend_from_slice(kind.name().as_bytes());
        bytes.extend_from_slice(&recorded_ms.to_le_bytes());
    }
    Some(xxh3_64_with_seed(&bytes, seed(2, 0)))
}

/// A packed block's part; an empty one is none.
pub fn block(id: BlockId, packed: &[u8]) -> Part {
    let key = u64::from(id.rep) << 32 | u64::from(id.day as u32);
    (!packed.is_empty()).then(|| xxh3_64_with_seed(packed, seed(3, key)))
}

/// A packed state's part, under as much of its address as every store keeps.
pub fn entity(field: &[u8; 10], packed: &[u8]) -> Part {
    let [a, b, c, d, e, f, g, h, i, j] = *field;
    let key = u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ u64::from(u16::from_le_bytes([i, j])).rotate_right(16);
    Some(xxh3_64_with_seed(packed, seed(4, key)))
}

/// Different for the same number of another sort.
const fn seed(sort: u64, key: u64) -> u64 {
    key ^ sort.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The sums as text: `names:3:9f86d081884c7d65,sources:…`.
pub fn write(sums: &Sums) -> String {
    let part = |name: &str, sum: Sum| format!("{name}:{}:{:016x}", sum.count, sum.hash);
    [part("names", sums.names), part("sources", sums.sources), part("blocks", sums.blocks), part("entities", sums.entities)].join(",")
}

/// Reads sums that [`write()`] wrote.
pub fn read(text: &str) -> Option<Sums> {
    let mut parts = text.split(',');
    let mut part = |name: &str| {
        let (count, hash) = parts.next()?.strip_prefix(name)?.strip_prefix(':')?.split_once(':')?;
        Some(Sum { count: count.parse().ok()?, hash: u64::from_str_radix(hash, 16).ok()? })
    };
    let sums = Sums { names: part("names")?, sources: part("sources")?, blocks: part("blocks")?, entities: part("entities")? };
    parts.next().is_none().then_some(sums)
}

/// A short checksum of a text or a row, kept beside it.
pub fn check(bytes: &[u8]) -> u32 {
    xxh3_64_with_seed(bytes, seed(5, 0)) as u32
}

#[cfg(test)]
mod tests {
    use onpace_schemas::Kind;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn they_are_the_same_for_ever() {
        let mut heard = Heard { source: "aircall".into(), ..Heard::default() };
        heard.recorded_ms[usize::from(Kind::CALL.number())] = 1_772_450_100_000;
        let parts = [name(7, "marie"), source(&heard), block(BlockId { rep: 3, day: -2 }, &[1, 2, 3]), entity(b"0123456789", b"state")];
        assert_eq!(parts.map(Option::unwrap), GOLDEN);
        assert_eq!(check(b"a line"), GOLDEN_CHECK);
        assert_eq!((block(BlockId { rep: 3, day: -2 }, &[]), source(&Heard::default())), (None, None));
    }

    /// As first written; a release that has others takes every store for damaged.
    const GOLDEN: [u64; 4] =
        [12_077_901_413_149_701_304, 16_325_418_562_749_011_438, 2_113_790_999_579_580_518, 17_792_999_302_356_475_284];
    const GOLDEN_CHECK: u32 = 16_536_273;

    #[test]
    fn text_leads_back() {
        let sum = |number| Sum { count: number, hash: u64::MAX - number };
        let sums = Sums { names: sum(0), sources: sum(1), blocks: sum(u64::MAX), entities: sum(3) };
        assert_eq!(read(&write(&sums)), Some(sums));
        assert_eq!(read(&write(&Sums::default())), Some(Sums::default()));
        for wrong in ["", "names:1:2", &(write(&sums) + ","), &write(&sums).replace("blocks", "block"), &write(&sums).replace(":1:", ":x:")]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_what_is_left(steps in prop::collection::vec((0..8u8, prop::option::of(any::<u64>())), 0..60)) {
            let (mut kept, mut sum) = (std::collections::BTreeMap::new(), Sum::default());
            for (key, part) in steps {
                let was = match part {
                    Some(part) => kept.insert(key, part),
                    None => kept.remove(&key),
                };
                sum.change(was, part);
            }
            let mut left = Sum::default();
            kept.values().for_each(|part| left.add(Some(*part)));
            prop_assert_eq!(sum, left);
        }
    }
}
