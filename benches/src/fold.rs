//! The fold alone: decode, merge, contributions, packing, without log or store. In: messages in memory. Out: CPU per event.

use std::sync::Arc;

use anyhow::Result;
use onpace_kpis::block::BlockId;
use onpace_kpis::fold::Rules;
use onpace_processors::lane::{Bounds, Lane};
use onpace_processors::store::{Commit, EntityId, Head, Heard, LaneWriter, LogMarks, Settled, StoreError};
use onpace_producers::log::Message;

use crate::cost::{Cost, Meter};
use crate::floor;

/// A store that keeps nothing.
struct Nowhere;

impl LaneWriter for Nowhere {
    fn take_over(&mut self) -> Result<(Head, Vec<String>), StoreError> {
        Ok((Head { birth: 1, epoch: 1, offset: 0, end: 0, recorded_ms: 0, entities: 0, log: LogMarks::default() }, Vec::new()))
    }
    fn entities(&mut self, _: &[EntityId], _: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        Ok(())
    }
    fn blocks(&mut self, _: &[BlockId], _: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        Ok(())
    }
    fn may_have(&self, _: &EntityId) -> bool {
        false
    }
    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        Ok(Vec::new())
    }
    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        std::hint::black_box(commit);
        Ok(())
    }
    fn settle(&mut self) -> Result<Settled, StoreError> {
        Ok(Settled::Committed)
    }
    fn empty(&mut self) -> Result<Settled, StoreError> {
        Ok(Settled::Committed)
    }
}

/// Folds so many calls (two events each) in batches of `batch`; the cost, and how many events there were.
pub fn run(rules: &Arc<Rules>, calls: usize, batch: usize) -> Result<(Cost, usize)> {
    let messages: Vec<_> = floor::messages(calls).collect();
    let mut lane = Lane::take_over(Box::new(Nowhere), Arc::clone(rules), Bounds::default())?;
    let meter = Meter::start("");
    for (offset, message) in (0i64..).zip(&messages) {
        lane.fold(Message { partition: 0, offset, recorded_ms: offset, claimed: false, kept_ms: offset, key: &message.key, value: &message.value })?;
        if lane.messages() == batch {
            lane.commit(None)?;
        }
    }
    lane.commit(None)?;
    Ok((meter.stop(), messages.len()))
}
