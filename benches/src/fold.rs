//! The fold alone: decode, merge, contributions, packing, without log or store. In: messages in memory. Out: CPU per event.

use std::sync::Arc;

use anyhow::Result;
use onpace_kpis::block::BlockId;
use onpace_kpis::fold::Rules;
use onpace_processors::lane::{Bounds, Lane};
use onpace_processors::store::{Commit, EntityId, Head, LaneWriter, Settled, Step, StoreError, Taken};
use onpace_producers::log::Message;

use crate::cost::{Cost, Meter};
use crate::floor;

/// A store that keeps nothing.
struct Nowhere;

impl LaneWriter for Nowhere {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        let head = Head { birth: 1, epoch: 1, ..Head::of_nothing() };
        Ok(Taken { head, names: Vec::new(), sources: Vec::new(), blocks: Some(Vec::new()) })
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
    fn owns(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }
    fn patrol(&mut self, _: usize) -> Result<Step, StoreError> {
        Ok(Step::On)
    }
    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        std::hint::black_box(commit);
        Ok(())
    }
    fn settle(&mut self) -> Result<Settled, StoreError> {
        Ok(Settled::Committed)
    }
    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        Ok(Settled::Committed)
    }
}

/// Folds so many calls (two events each) in batches of `batch`; the cost, and how many events there were.
pub fn run(rules: &Arc<Rules>, calls: usize, batch: usize) -> Result<(Cost, usize)> {
    let messages: Vec<_> = floor::messages(calls).collect();
    let mut lane = Lane::take_over(Box::new(Nowhere), Arc::clone(rules), Bounds::default()).map_err(|not| not.why)?;
    let meter = Meter::start("");
    for (offset, message) in (0i64..).zip(&messages) {
        let (recorded_ms, kept_ms, key, value) = (offset, offset, &message.key[..], &message.value[..]);
        lane.fold(Message { partition: 0, offset, recorded_ms, claimed: false, kept_ms, key, value })?;
        if lane.messages() == batch {
            lane.commit(None)?;
        }
    }
    lane.commit(None)?;
    Ok((meter.stop(), messages.len()))
}
