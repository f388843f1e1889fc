//! A writer for tests that name what they write and not what it replaces: it looks that up, as a lane knows it by itself.
//!
//! In: commits as a test puts them. Out: the same with the sums' changes as they are.

use onpace_kpis::block::BlockId;

use super::*;
use crate::store::sums::{self, Part};
use crate::store::{Blocks, Entities, Key, Step};

pub(crate) struct Booked {
    writer: Box<dyn LaneWriter>,
    sources: Vec<Heard>,
}

impl Booked {
    pub(crate) fn new(writer: Box<dyn LaneWriter>) -> Booked {
        Booked { writer, sources: Vec::new() }
    }

    fn booked(&mut self, commit: &Commit) -> Result<Commit, StoreError> {
        let ids: Vec<EntityId> = commit.entities.iter().map(|(id, _)| id).filter(|id| self.writer.may_have(id)).collect();
        let mut were: BTreeMap<EntityId, Part> = BTreeMap::new();
        self.writer.entities(&ids, &mut |place, packed| _ = were.insert(ids[place], ids[place].part(packed)))?;
        let mut entities = Entities::default();
        for (id, packed) in commit.entities.iter() {
            entities.push(id, were.get(&id).copied().flatten(), |out| out.extend_from_slice(packed));
        }
        let ids: Vec<BlockId> = commit.blocks.iter().map(|(id, _)| id).collect();
        let mut were: BTreeMap<BlockId, Part> = BTreeMap::new();
        self.writer.blocks(&ids, &mut |place, packed| _ = were.insert(ids[place], ids[place].part(packed)))?;
        let mut blocks = Blocks::default();
        for (id, packed) in commit.blocks.iter() {
            blocks.push(id, were.get(&id).copied().flatten(), |out| out.extend_from_slice(packed));
        }
        let mut booked = Commit { entities, blocks, ..commit.clone() };
        for row in &commit.sources {
            let was = self.sources.iter().position(|known| known.source == row.source).map(|at| self.sources.remove(at));
            booked.sources_change.change(was.as_ref().and_then(sums::source), sums::source(row));
            if !row.says_nothing() {
                self.sources.push(row.clone());
            }
        }
        Ok(booked)
    }
}

impl LaneWriter for Booked {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        let taken = self.writer.take_over()?;
        self.sources.clone_from(&taken.sources);
        Ok(taken)
    }
    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.writer.entities(ids, each)
    }
    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        self.writer.blocks(ids, each)
    }
    fn may_have(&self, id: &EntityId) -> bool {
        self.writer.may_have(id)
    }
    fn owns(&mut self) -> Result<bool, StoreError> {
        self.writer.owns()
    }
    fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        self.writer.patrol(most)
    }
    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let booked = self.booked(commit)?;
        self.writer.submit(&booked)
    }
    fn settle(&mut self) -> Result<Settled, StoreError> {
        self.writer.settle()
    }
    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        self.writer.begin_anew()
    }
}
