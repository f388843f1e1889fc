//! Lanes whose store can't be counted on: they are emptied, and folded anew from the log, unasked.
//!
//! In: a lane, what found it so, and why. Out: an empty lane that is taken over like any other; or, where the log no longer begins at its
//! beginning, an error in words. What always holds: a lane is emptied only while it is as it was found, and only once the log has been seen to hold all
//! that it is to be folded from.
//! Never here: what damage is.

use std::time::{Duration, Instant};

use onpace_producers::log::{LogError, now_ms};

use super::lanes::{Assigned, Condemned};
use super::{Processor, ProcessorError};
use crate::store::{LaneWriter, Settled, StoreError};

impl Processor<'_> {
    /// Gives a lane up that can't be counted on, to be folded anew.
    pub(super) fn condemn(&mut self, partition: u32, writer: Option<Box<dyn LaneWriter>>, why: &StoreError) {
        let why = match why {
            StoreError::Damaged { place, why } => format!("{place}: {why}"),
            other => other.to_string(),
        };
        let now = Instant::now();
        let (times, wait) = self.again.found(partition, now, self.settings.patience);
        let label = partition.to_string();
        self.metrics.damage.with_label_values(&[&label]).inc();
        self.metrics.damaged_at.with_label_values(&[&label]).set(now_ms() / 1_000);
        if times == 1 {
            tracing::error!(partition, why, "the lane is damaged in the store: it is folded anew from the log");
        } else {
            tracing::error!(
                partition,
                why,
                times,
                ?wait,
                "the lane is damaged in the store again; it waits before it is folded anew: does Redis throw keys away for want of memory, \
                 does something else write there, does the disk fail?"
            );
        }
        let waiting =
            if wait.is_zero() { String::new() } else { format!(" in {} s, being damaged for the {times}th time", wait.as_secs()) };
        self.metrics.troubles.say(partition, format!("damaged in the store ({why}); it is folded anew from the log{waiting}"));
        self.let_go(partition);
        self.lanes.insert(partition, Assigned::Condemned(Condemned { at: now + wait, writer, why }));
    }

    /// Empties the condemned lanes whose time has come, so that they are taken over and folded anew.
    pub(super) fn begin_anew(&mut self) -> Result<(), ProcessorError> {
        let now = Instant::now();
        for (partition, assigned) in &mut self.lanes {
            let Assigned::Condemned(condemned) = assigned else { continue };
            if condemned.at > now {
                continue;
            }
            let proven = match &condemned.writer {
                Some(_) => self.log.prove_partition(*partition),
                None => self.log.prove(),
            };
            let end = match proven.and_then(|()| self.log.ends()) {
                Ok(ends) => ends.get(*partition as usize).copied().unwrap_or_default(),
                Err(LogError::Away(why)) => {
                    tracing::warn!(partition, why, "the log is away; the lane is folded anew once it is back");
                    condemned.at = now + self.settings.retry * 10;
                    continue;
                }
                Err(log) => {
                    return Err(ProcessorError::Beyond {
                        damage: format!("lane {partition} is damaged in the store ({})", condemned.why),
                        log,
                    });
                }
            };
            let emptied = match &mut condemned.writer {
                Some(writer) => writer.begin_anew(),
                None => self.store.wipe(self.built_for).map(|()| Settled::Committed),
            };
            let wait = match emptied {
                Ok(Settled::Committed) => {
                    tracing::info!(partition, end, "the lane is empty; it is folded anew from the log's beginning");
                    Duration::ZERO
                }
                // Whatever was wrong may have been put right; who takes it over sees.
                Ok(Settled::Fenced) => self.settings.retry,
                Err(StoreError::Away(why)) => {
                    tracing::warn!(partition, why, "the store is away; the lane is folded anew once it is back");
                    condemned.at = now + self.settings.retry * 10;
                    continue;
                }
                Err(why) => return Err(why.into()),
            };
            self.mending.insert(*partition, end);
            *assigned = Assigned::lost(wait, self.settings.retry);
        }
        Ok(())
    }
}
