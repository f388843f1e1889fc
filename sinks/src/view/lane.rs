//! A lane as the view last read it: its names, its blocks still packed, and its place in the stream of changes.
//!
//! In: blocks as the store has them now. Out: pairs of old and new block, for the tally to take the difference.
//! What always holds: what was given out as old is what was given out as new before.

use std::cmp::Reverse;
use std::collections::HashMap;

use onpace_kpis::block::BlockId;
use onpace_kpis::{Block, NameId, Names};
use onpace_processors::store::{Head, Position, StoreError, StoreReader, Sum, sums};

/// The copy of a lane.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    names: Names,
    blocks: HashMap<BlockId, Box<[u8]>>,
    /// Where to go on from; `None` where the lane was never begun.
    pub position: Option<Position>,
}

/// The store's names or blocks are not what they should be.
fn damaged(lane: u32, id: BlockId, why: impl ToString) -> StoreError {
    StoreError::Damaged { place: format!("lane {lane}, block of name {} on day {}", id.rep, id.day), why: why.to_string() }
}

fn unpack(lane: u32, id: BlockId, packed: &[u8]) -> Result<Block, StoreError> {
    Block::unpack(id.day, packed).map_err(|error| damaged(lane, id, error))
}

impl Copy {
    /// Reads a lane whole, saying now and then that it goes on. Unless it was written meanwhile it must be what its head vouches for.
    pub fn load(lane: u32, reader: &mut dyn StoreReader, goes_on: &mut dyn FnMut()) -> Result<Copy, StoreError> {
        let mut copy = Copy::default();
        let (names, blocks) = (&mut copy.names, &mut copy.blocks);
        let (mut named, mut counted) = (Sum::default(), Sum::default());
        let before = reader.head(lane)?;
        let position = reader.load(
            lane,
            &mut |name| {
                named.add(sums::name(named.count as u32 + 1, name));
                names.intern(name);
            },
            &mut |id, packed| {
                counted.add(sums::block(id, packed));
                blocks.insert(id, packed.into());
                if blocks.len().is_multiple_of(4_096) {
                    goes_on();
                }
            },
        )?;
        let vouched = |head: &Head| (head.birth, head.sums.names, head.sums.blocks);
        if let Some(head) = reader.head(lane)?.filter(|head| before.as_ref().map(vouched) == Some(vouched(head)))
            && (head.sums.names, head.sums.blocks) != (named, counted)
        {
            let why = format!(
                "its names and counters are not those that were written ({} names and {} blocks are there, its head says {} and {}); its processor \
                 folds it anew",
                named.count, counted.count, head.sums.names.count, head.sums.blocks.count
            );
            return Err(StoreError::Damaged { place: format!("lane {lane}"), why });
        }
        copy.position = position;
        copy.complete(lane, reader)?;
        Ok(copy)
    }

    /// Names that the blocks use and that were committed after the names were read.
    fn complete(&mut self, lane: u32, reader: &mut dyn StoreReader) -> Result<(), StoreError> {
        let mut beyond = None;
        for (id, packed) in &self.blocks {
            if highest_name(*id, &unpack(lane, *id, packed)?) as usize >= self.names.len() {
                beyond = Some(*id);
                break;
            }
        }
        beyond.map_or(Ok(()), |id| self.learn(lane, id, reader))
    }

    fn learn(&mut self, lane: u32, id: BlockId, reader: &mut dyn StoreReader) -> Result<(), StoreError> {
        let before = self.names.len();
        let names = &mut self.names;
        reader.names(lane, before as u32, &mut |name| {
            names.intern(name);
        })?;
        if self.names.len() == before {
            return Err(damaged(lane, id, "it uses a name that the lane does not have"));
        }
        Ok(())
    }

    /// Becomes another copy of the lane, giving out every block that differs.
    ///
    /// # Errors
    /// A block is damaged; this copy is then what was given out so far.
    pub fn become_other(
        &mut self,
        mut other: Copy,
        lane: u32,
        mut differ: impl FnMut(&Names, NameId, &Block, &Block),
    ) -> Result<(), StoreError> {
        // Where the names go on from the old ones, equal bytes say equal things.
        let same_names = other.names.len() >= self.names.len() && self.names.since(1).eq(other.names.since(1).take(self.names.len() - 1));
        let nothing = Block::default();
        let fresh = other.by_volume();
        for (id, packed) in std::mem::take(&mut self.blocks) {
            let old = unpack(lane, id, &packed)?;
            match other.blocks.get(&id) {
                Some(new) if same_names => {
                    if *new != packed {
                        differ(&other.names, id.rep, &old, &unpack(lane, id, new)?);
                    }
                    if let Some(new) = other.blocks.remove(&id) {
                        self.blocks.insert(id, new);
                    }
                }
                _ => differ(&self.names, id.rep, &old, &nothing),
            }
        }
        for id in fresh {
            if let Some(packed) = other.blocks.get(&id) {
                differ(&other.names, id.rep, &nothing, &unpack(lane, id, packed)?);
            }
        }
        self.names = other.names;
        self.position = other.position;
        self.blocks.extend(other.blocks);
        Ok(())
    }

    /// Re-reads some blocks; gives out old and new of those that changed.
    ///
    /// # Errors
    /// The store is away, or a block is damaged; nothing was changed then.
    pub fn reread(&mut self, lane: u32, ids: &[BlockId], reader: &mut dyn StoreReader) -> Result<Vec<(NameId, Block, Block)>, StoreError> {
        let mut read: Vec<(BlockId, Box<[u8]>)> = Vec::with_capacity(ids.len());
        reader.blocks(lane, ids, &mut |id, packed| read.push((id, packed.into())))?;
        let mut changed = Vec::new();
        for (id, packed) in &read {
            let old = self.blocks.get(id).map_or(&[][..], |packed| packed);
            if *old != **packed {
                changed.push((id.rep, unpack(lane, *id, old)?, unpack(lane, *id, packed)?));
                let (_, _, new) = &changed[changed.len() - 1];
                if highest_name(*id, new) as usize >= self.names.len() {
                    self.learn(lane, *id, reader)?;
                }
            }
        }
        for (id, packed) in read {
            if packed.is_empty() {
                self.blocks.remove(&id);
            } else {
                self.blocks.insert(id, packed);
            }
        }
        Ok(changed)
    }

    /// The blocks in the order in which they are given out: those of the rep of whom most is counted first, so that he is kept apart where
    /// not everybody is; by name among equals, and by day.
    fn by_volume(&self) -> Vec<BlockId> {
        let mut volumes: HashMap<NameId, usize> = HashMap::new();
        for (id, packed) in &self.blocks {
            *volumes.entry(id.rep).or_default() += packed.len();
        }
        let mut reps: Vec<(NameId, usize)> = volumes.into_iter().collect();
        reps.sort_unstable_by_key(|(rep, volume)| (Reverse(*volume), self.names.text(*rep)));
        let ranks: HashMap<NameId, usize> = reps.into_iter().enumerate().map(|(rank, (rep, _))| (rep, rank)).collect();
        let mut ids: Vec<BlockId> = self.blocks.keys().copied().collect();
        ids.sort_unstable_by_key(|id| (ranks.get(&id.rep), id.day));
        ids
    }

    /// The blocks of a rep.
    ///
    /// # Errors
    /// One is damaged.
    pub fn blocks_of(&self, rep: &str) -> Result<Vec<Block>, StoreError> {
        let Some(number) = self.names.find(rep) else { return Ok(Vec::new()) };
        let his = self.blocks.iter().filter(|(id, _)| id.rep == number);
        his.map(|(id, packed)| Block::unpack(id.day, packed).map_err(|error| damaged(0, *id, error))).collect()
    }

    /// The lane's names.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

fn highest_name(id: BlockId, block: &Block) -> NameId {
    let dims = block.counters().iter().flat_map(|(counter, _)| counter.dims);
    dims.fold(id.rep, NameId::max)
}
