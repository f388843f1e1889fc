//! The lanes of a processor: taken over, looked at again, lost.
//!
//! In: what the log lacks, what happened to it. Out: lanes that are folded, or that wait. What always holds: a lane is folded only
//! after a look found in the log what the lane's head remembers of it; what was read when something happened that may have changed the
//! log is not committed, and nothing is before another such look. Never here: a commit of events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onpace_producers::log::{LogError, Seen, now_ms};

use super::{IDLE_COMMIT, LAST_RETRY, Processor, ProcessorError, note};
use crate::lane::{Landed, Lane, NotTaken};
use crate::pace::Pace;
use crate::store::{Head, How, LaneWriter, Replaced, Settled, StoreError};
use crate::vouch::{self, Course, Verdict};

/// A lane is looked at again after so many times the first retry, where its log isn't the one that it was.
const REFUSED_AGAIN: u32 = 20;
/// The same before it is believed: a broker that has just come up may not know yet how far its log reaches.
const DOUBTED_AGAIN: u32 = 10;

/// A lane that is to be folded anew.
pub(super) struct Condemned {
    /// When it may be emptied.
    pub at: Instant,
    /// What found it so; `None` where what all lanes agree on can't be read: then all of them are folded anew.
    pub writer: Option<Box<dyn LaneWriter>>,
    /// Why, in words.
    pub why: String,
}

/// An assigned partition.
pub(super) enum Assigned {
    Owned {
        lane: Box<Lane>,
        committed_at: Instant,
        pace: Pace,
        look: Look,
        /// The offset of a message that a newer version wrote: the lane stands before it.
        newer: Option<i64>,
    },
    /// To be taken over, as soon as `at`.
    Lost {
        at: Instant,
        wait: Duration,
        /// The last look found another log.
        refused: bool,
    },
    /// To be folded anew.
    Condemned(Condemned),
}

/// Whether the log of a lane is known to be the one that it was.
pub(super) struct Look {
    /// When it is looked at again.
    at: Instant,
    /// Something happened since the last look: nothing is committed before the next.
    pub(super) doubt: bool,
    /// The log doesn't answer, and what it has is not read until it does.
    stopped: bool,
    /// Where the reader last knew the log to end.
    end: i64,
}

impl Look {
    /// The log is known to be the one that it was.
    fn sure(every: Duration, end: i64) -> Look {
        Look { at: Instant::now() + every, doubt: false, stopped: false, end }
    }
}

/// What became of taking a lane over.
enum Taken {
    Owned(Box<Lane>),
    /// Somebody else was at work on it.
    Moved,
    /// Its log is another, seen for the first time.
    Doubted,
    /// Its log is another: it waits.
    Refused,
}

/// Why a lane could not be taken over.
enum NotOwned {
    /// The log or the store.
    Trouble(ProcessorError),
    /// The store is damaged there; what found it so may begin the lane anew.
    Damaged(StoreError, Box<dyn LaneWriter>),
}

impl<E: Into<ProcessorError>> From<E> for NotOwned {
    fn from(error: E) -> NotOwned {
        NotOwned::Trouble(error.into())
    }
}

impl Assigned {
    pub(super) fn lost(after: Duration, wait: Duration) -> Assigned {
        Assigned::Lost { at: Instant::now() + after, wait, refused: false }
    }
}

impl Processor<'_> {
    pub(super) fn take_over_lost(&mut self) -> Result<(), ProcessorError> {
        let now = Instant::now();
        let due = |(partition, assigned): (&u32, &super::Assigned)| match assigned {
            Assigned::Lost { at, wait, refused } if *at <= now => Some((*partition, *wait, *refused)),
            _ => None,
        };
        for (partition, wait, refused) in self.lanes.iter().filter_map(due).collect::<Vec<_>>() {
            let first = self.settings.retry;
            let next = match self.take_over(partition, refused) {
                Ok(Taken::Owned(lane)) => {
                    let head = lane.head();
                    tracing::info!(partition, offset = head.offset, epoch = head.epoch, entities = head.entities, "lane taken over");
                    self.metrics.owned.with_label_values(&[&partition.to_string()]).set(1);
                    self.metrics.outdated.with_label_values(&[&partition.to_string()]).set(0);
                    if !self.mending.contains_key(&partition) {
                        self.metrics.troubles.over(partition);
                    }
                    let (pace, look) = (Pace::new(self.settings.patrol, now), Look::sure(self.settings.look, 0));
                    // What became of the log is for the store to know at once.
                    let committed_at = now.checked_sub(IDLE_COMMIT).unwrap_or(now);
                    Assigned::Owned { lane, committed_at, pace, look, newer: None }
                }
                Ok(Taken::Moved) => Assigned::lost(first, first),
                Ok(Taken::Doubted) => Assigned::Lost { at: Instant::now() + first * DOUBTED_AGAIN, wait: first, refused: true },
                Ok(Taken::Refused) => Assigned::Lost { at: Instant::now() + first * REFUSED_AGAIN, wait: first, refused: true },
                Err(NotOwned::Damaged(why, writer)) => {
                    self.condemn(partition, Some(writer), &why);
                    continue;
                }
                // What all lanes agree on.
                Err(NotOwned::Trouble(ProcessorError::Store(why @ StoreError::Damaged { .. }))) => {
                    self.condemn(partition, None, &why);
                    continue;
                }
                Err(NotOwned::Trouble(ProcessorError::Store(StoreError::Away(why)))) => {
                    let later = wait.mul_f64(rand::random_range(0.5..1.5));
                    tracing::debug!(partition, why, ?later, "the store is away; trying again");
                    // A look is worth what the store remembers, which may be something else by then.
                    Assigned::lost(later, (wait * 2).min(LAST_RETRY))
                }
                Err(NotOwned::Trouble(ProcessorError::Log(why @ (LogError::Away(_) | LogError::Refused(_))))) => {
                    if self.away.again().is_some() {
                        tracing::warn!(partition, %why, "the log is away; trying on");
                    }
                    self.metrics.troubles.say_of_log(Some(why.to_string()));
                    Assigned::Lost { at: Instant::now() + wait, wait: (wait * 2).min(LAST_RETRY), refused }
                }
                Err(NotOwned::Trouble(why)) => return Err(why),
            };
            self.lanes.insert(partition, next);
        }
        Ok(())
    }

    fn take_over(&mut self, partition: u32, refused: bool) -> Result<Taken, NotOwned> {
        // A store that was wiped has forgotten what it is for.
        self.store.settle(self.built_for)?;
        let (before, verdict, seen) = match self.look(partition) {
            Ok(looked) => looked,
            // Whoever takes the lane over finds it so too, and may put it right.
            Err(ProcessorError::Store(StoreError::Damaged { .. })) => {
                return self.lane(partition, &Head::of_nothing()).map(|_| Taken::Moved);
            }
            Err(why) => return Err(why.into()),
        };
        self.metrics.troubles.say_of_log(None);
        if verdict == Verdict::Same && before.offset < seen.begin {
            return Err(LogError::gap(partition, before.offset, seen.begin, seen.end).into());
        }
        match vouch::course(verdict, &before) {
            None => self.own(partition, &before, &seen),
            Some(_) if !refused => Ok(Taken::Doubted),
            Some(Course::FoldAnew) if self.patient => self.replace(partition, &before, &seen),
            Some(Course::FoldAnew) => self.refuse(partition, &before, How::Other(seen.end)),
            Some(Course::Wait(how)) => self.refuse(partition, &before, how),
        }
    }

    /// The head that the store has of a lane, as one of nothing where it was never begun, and what a look at its log says.
    fn look(&mut self, partition: u32) -> Result<(Head, Verdict, Seen), ProcessorError> {
        let heads = match &mut self.heads {
            Some(heads) => heads,
            none => none.insert(self.store.reader()?),
        };
        let head = heads.head(partition)?.unwrap_or_else(Head::of_nothing);
        let (verdict, seen) = vouch::look(self.log, partition, &head)?;
        Ok((head, verdict, seen))
    }

    /// Takes a lane over, provided that it still is where it was when its log was looked at.
    fn lane(&self, partition: u32, before: &Head) -> Result<Option<Lane>, NotOwned> {
        let taken = Lane::take_over(self.store.writer(partition)?, Arc::clone(&self.rules), self.settings.bounds);
        let lane = match taken {
            Ok(lane) => lane,
            Err(NotTaken { why: why @ StoreError::Damaged { .. }, writer }) => return Err(NotOwned::Damaged(why, writer)),
            Err(NotTaken { why, .. }) => return Err(why.into()),
        };
        let head = lane.head();
        let same = if before.offset == 0 { head.offset == 0 } else { Head { epoch: before.epoch, ..head } == *before };
        Ok(same.then_some(lane))
    }

    fn own(&mut self, partition: u32, before: &Head, seen: &Seen) -> Result<Taken, NotOwned> {
        let Some(mut lane) = self.lane(partition, before)? else { return Ok(Taken::Moved) };
        if before.log.waits() {
            tracing::info!(partition, offset = before.offset, "the log that was folded is back");
        }
        lane.proved(seen);
        self.reader.start(partition, lane.wants())?;
        Ok(Taken::Owned(Box::new(lane)))
    }

    /// Empties a lane that was folded from another log, and begins it anew.
    fn replace(&mut self, partition: u32, before: &Head, seen: &Seen) -> Result<Taken, NotOwned> {
        let Some(lane) = self.lane(partition, before)? else { return Ok(Taken::Moved) };
        tracing::error!(
            partition,
            folded = before.offset,
            end = seen.end,
            "the log is not the one that was folded; it holds no less, so the lane is emptied and folded anew from it"
        );
        if lane.into_writer().begin_anew()? == Settled::Fenced {
            return Ok(Taken::Moved);
        }
        self.mending.insert(partition, seen.end);
        self.metrics.troubles.say(partition, "its partition of the log was replaced by another; it is folded anew from that".into());
        let nothing = Head { offset: 0, ..*before };
        let Some(mut lane) = self.lane(partition, &nothing)? else { return Ok(Taken::Moved) };
        lane.proved(seen);
        lane.note(Some(Replaced { at_ms: now_ms(), how: How::Anew }));
        self.reader.start(partition, lane.wants())?;
        Ok(Taken::Owned(Box::new(lane)))
    }

    /// Leaves a lane as it is and says so, in the store too: nobody shows its numbers.
    fn refuse(&mut self, partition: u32, before: &Head, how: How) -> Result<Taken, NotOwned> {
        let known = before.log.replaced().filter(|_| before.log.waits());
        let words = vouch::words(partition, before.offset, how).unwrap_or_default();
        let alike = |known: &Replaced| std::mem::discriminant(&known.how) == std::mem::discriminant(&how);
        if !known.as_ref().is_some_and(alike) {
            let Some(mut lane) = self.lane(partition, before)? else { return Ok(Taken::Moved) };
            lane.note(Some(Replaced { at_ms: known.map_or_else(now_ms, |known| known.at_ms), how }));
            lane.commit(Some(before.end))?;
            tracing::error!("{words}");
            if let Landed::Fenced = lane.land()? {
                return Ok(Taken::Moved);
            }
        }
        self.metrics.troubles.say(partition, words.clone());
        self.metrics.replaced.with_label_values(&[&partition.to_string()]).set(1);
        self.metrics.owned.with_label_values(&[&partition.to_string()]).set(0);
        if self.patient { Ok(Taken::Refused) } else { Err(ProcessorError::OtherLog(words).into()) }
    }

    /// Looks again at the log of each lane whose turn it is, and of all after anything that may have changed it. A lane whose log is
    /// another is lost: what became of it is decided when it is taken over again.
    pub(super) fn look_again(&mut self) -> Result<(), ProcessorError> {
        let now = Instant::now();
        let shaken = self.reader.shaken();
        let mut lost = Vec::new();
        for (partition, assigned) in &mut self.lanes {
            let Assigned::Owned { lane, look, .. } = assigned else { continue };
            let end = self.reader.end(*partition).unwrap_or(look.end);
            let back = std::mem::replace(&mut look.end, end) > end;
            if shaken || back {
                (look.doubt, look.at) = (true, if look.stopped { look.at } else { now });
                // Of what was read and not committed nobody can say which log it is of.
                if lane.messages() > 0 {
                    lost.push(*partition);
                    continue;
                }
            }
            if look.at > now {
                continue;
            }
            match vouch::look(self.log, *partition, &lane.head()) {
                Ok((Verdict::Same, seen)) => {
                    lane.proved(&seen);
                    if look.stopped {
                        self.reader.start(*partition, lane.wants())?;
                    }
                    *look = Look::sure(self.settings.look, end);
                    self.metrics.troubles.say_of_log(None);
                }
                Ok((verdict, _)) => {
                    tracing::warn!(partition, ?verdict, "the log is not the one that it was");
                    lost.push(*partition);
                }
                Err(LogError::Settings(why)) => return Err(LogError::Settings(why).into()),
                Err(why) => {
                    self.metrics.troubles.say_of_log(Some(why.to_string()));
                    self.reader.stop(*partition)?;
                    *look = Look { at: Instant::now() + self.settings.retry * DOUBTED_AGAIN, doubt: true, stopped: true, end };
                }
            }
        }
        for partition in lost {
            self.lose(partition, Duration::ZERO, "log");
        }
        Ok(())
    }

    /// Looks at the log of every lane, whoever folds it.
    ///
    /// # Errors
    /// One is not the one that was folded.
    pub(super) fn vouch_for_all(&mut self) -> Result<(), ProcessorError> {
        for partition in 0..self.built_for.lanes {
            let mut refused = false;
            while !self.vouch_for(partition, &mut refused)? {
                std::thread::sleep(self.settings.retry * DOUBTED_AGAIN);
            }
        }
        Ok(())
    }

    /// Whether a lane's log is the one that was folded; `false` where that is to be asked again.
    fn vouch_for(&mut self, partition: u32, refused: &mut bool) -> Result<bool, ProcessorError> {
        let looked = self.look(partition).map_err(NotOwned::from).and_then(|(before, verdict, seen)| {
            let how = match vouch::course(verdict, &before) {
                None => return Ok(true),
                Some(Course::FoldAnew) => How::Other(seen.end),
                Some(Course::Wait(how)) => how,
            };
            // Believed when it is seen twice.
            if std::mem::replace(refused, true) {
                self.refuse(partition, &before, how)?;
            }
            Ok(false)
        });
        match looked {
            Ok(same) => Ok(same),
            Err(NotOwned::Trouble(ProcessorError::Store(StoreError::Away(_)) | ProcessorError::Log(LogError::Away(_)))) => Ok(false),
            Err(NotOwned::Trouble(why)) => Err(why),
            Err(NotOwned::Damaged(why, _)) => Err(why.into()),
        }
    }

    /// Drops a lane's memory, to take it over again after a while.
    pub(super) fn lose(&mut self, partition: u32, wait: Duration, whence: &str) {
        self.metrics.failures.with_label_values(&[whence]).inc();
        self.let_go(partition);
        self.lanes.insert(partition, Assigned::lost(wait, wait.max(self.settings.retry)));
    }

    /// A lane has come to what only a newer version can read: it commits what it has, and stands. Nothing is lost: whoever knows the schema goes on from there.
    pub(super) fn wait_for_upgrade(&mut self, partition: u32, offset: i64, schema: u64) {
        let words = format!(
            "its message {offset} is written with the schema {schema:016x}, which this version does not know: upgrade the processors, and all goes on from there; \
             or, if nothing of worth can have been written with it, --bury-schema {schema:016x}"
        );
        tracing::error!(partition, "the lane waits: {words}");
        self.stop(partition);
        if !self.patient {
            self.outdated = Some(format!("partition {partition} of the log is folded up to what this version can read: {words}"));
        }
        self.metrics.outdated.with_label_values(&[&partition.to_string()]).set(1);
        self.metrics.troubles.say(partition, words);
    }

    /// Takes no more of a partition's messages.
    pub(super) fn let_go(&mut self, partition: u32) {
        self.metrics.owned.with_label_values(&[&partition.to_string()]).set(0);
        self.stop(partition);
    }

    fn stop(&mut self, partition: u32) {
        if let Err(why) = self.reader.stop(partition) {
            tracing::debug!(partition, %why, "the partition can't be stopped; what it brings is passed over");
        }
    }

    /// Another processor's from now on: what is folded but not committed is left to it.
    pub(super) fn give_up(&mut self, partition: u32) {
        self.metrics.owned.with_label_values(&[&partition.to_string()]).set(0);
        self.metrics.replaced.with_label_values(&[&partition.to_string()]).set(0);
        self.metrics.outdated.with_label_values(&[&partition.to_string()]).set(0);
        self.mending.remove(&partition);
        self.metrics.troubles.over(partition);
        if let Some(Assigned::Owned { mut lane, .. }) = self.lanes.remove(&partition) {
            let outcome = lane.land();
            note(&outcome, &self.metrics);
        }
    }
}
