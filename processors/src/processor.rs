//! The loop of one processor thread: poll the log, fold into lanes, commit.
//!
//! In: a reader of the log, a store. Out: commits. Who owns which lane is the log's word ([`Polled::Assigned`]); that only one
//! owner's commits count is the store's doing, so this loop may be wrong about ownership and still never make a number wrong.
//! Whether the log is the one that a lane was folded from is looked at before a lane is taken over, after anything that may have
//! changed it, and now and then ([`lanes`]).
//! Never here: what a message means, how a commit is made atomic, what a look at the log means ([`crate::vouch`]).

mod condemned;
mod lanes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use onpace_kpis::fold::Rules;
use onpace_kpis::state::NAMED;
use onpace_producers::Seldom;
use onpace_producers::log::{DeadLetter, EventLog, LogError, LogReader, Polled};
use onpace_schemas::avro::Unreadable;

use self::lanes::Assigned;
use crate::anew::Again;
use crate::lane::{Bounds, Landed};
use crate::metrics::Metrics;
use crate::store::{self, KpiStore, Step, StoreError, StoreReader};

/// How a processor works.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// At most so many messages of a lane to a commit.
    pub batch: usize,
    /// What each lane keeps in memory.
    pub bounds: Bounds,
    /// How long a lane that was lost waits before it is taken over again, the first time; then longer and longer.
    pub retry: Duration,
    /// How long a lane that was folded anew and is found damaged again waits before it is folded anew once more; then longer and longer.
    pub patience: Duration,
    /// How long the owner of a lane takes to go round all that the store has of it, looking for damage.
    pub patrol: Duration,
    /// How often it is looked at whether the log of a lane that is folded is still the one that it was.
    pub look: Duration,
    /// While the log has more than can be folded at once, a lane with little to commit commits it after so long all the same.
    pub gather: Duration,
    /// How long an idle processor waits for messages; also how soon it sees a request to stop.
    pub wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            batch: 5_000,
            bounds: Bounds::default(),
            retry: Duration::from_millis(100),
            patience: Duration::from_secs(60),
            patrol: PATROL,
            look: Duration::from_secs(5),
            gather: Duration::from_millis(500),
            wait: Duration::from_millis(100),
        }
    }
}

/// How long a round through a lane takes, where nothing else is said.
pub const PATROL: Duration = Duration::from_secs(600);

/// Why a processor stopped of its own accord.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// The log has a gap or is not as configured.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store was built for something else, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is damaged, and the log can't make it good.
    #[error(
        "{damage}; it can't be folded anew, since the log can't be read from its beginning ({log}): put back a backup of the store, or of the log"
    )]
    Beyond {
        /// What is damaged.
        damage: String,
        /// What the log lacks.
        log: LogError,
    },
    /// The log is not the one that the store was folded from: only of a processor that works up to an end, others wait.
    #[error("{0}")]
    OtherLog(String),
    /// The log holds what only a newer version can read: only of a processor that works up to an end, others wait.
    #[error("{0}")]
    Outdated(String),
}

/// While nothing happens a lane's head is committed again so often: that is how a wiped store is noticed, and how the
/// lag on every screen stays true.
const IDLE_COMMIT: Duration = Duration::from_secs(2);
/// Fewer messages than this are committed as soon as a poll has taken all that was at hand; more of them come of a past that is being written or read, and
/// wait until a poll finds nothing more.
const FEW: usize = 5_000;
const LAST_RETRY: Duration = Duration::from_secs(5);
/// What events say that makes no sense is told at most this often.
const SELDOM: Duration = Duration::from_secs(600);

impl Settings {
    /// For a log and a store in one file. A commit writes every page in which something changed, so of a past that is far behind the more is
    /// folded at a time, the less often a page is written; with little at hand a commit waits for nothing, as ever.
    pub fn embedded() -> Settings {
        Settings { batch: 100_000, gather: Duration::from_secs(2), ..Settings::default() }
    }
}

/// A processor: one thread's share of the lanes.
pub struct Processor<'a> {
    log: &'a dyn EventLog,
    reader: Box<dyn LogReader>,
    store: &'a dyn KpiStore,
    /// Reads heads; made when it is first needed.
    heads: Option<Box<dyn StoreReader>>,
    rules: Arc<Rules>,
    built_for: store::Settings,
    settings: Settings,
    metrics: Metrics,
    lanes: BTreeMap<u32, Assigned>,
    again: Again,
    /// Lanes that are folded anew, and the offset at which they have caught up with what there was.
    mending: BTreeMap<u32, i64>,
    /// Whether it waits for the right log and for an upgrade, or gives up.
    patient: bool,
    /// Schemas whose messages are dead letters, though a newer version may read them.
    buried: BTreeSet<u64>,
    /// What this version can't read yet, in words: where it works up to an end.
    outdated: Option<String>,
    /// While a lane is tried again.
    away: Seldom,
    full: Seldom,
}

impl<'a> Processor<'a> {
    /// A processor that owns nothing yet; `fingerprint` is that of the catalogue whose rules these are.
    ///
    /// # Errors
    /// The log is away or not as configured.
    pub fn new(
        log: &'a dyn EventLog,
        store: &'a dyn KpiStore,
        rules: Arc<Rules>,
        fingerprint: u64,
        settings: Settings,
        metrics: Metrics,
    ) -> Result<Processor<'a>, LogError> {
        let reader = log.reader()?;
        let built_for = store::Settings { lanes: log.partitions(), fingerprint };
        Ok(Processor {
            log,
            reader,
            store,
            heads: None,
            rules,
            built_for,
            settings,
            metrics,
            lanes: BTreeMap::new(),
            again: Again::default(),
            mending: BTreeMap::new(),
            patient: true,
            buried: BTreeSet::new(),
            outdated: None,
            away: Seldom::new(),
            full: Seldom::every(SELDOM),
        })
    }

    /// The same, which buries what was written with these schemas, by their fingerprints, instead of waiting for a version that knows them.
    #[must_use]
    pub fn burying(self, schemas: impl IntoIterator<Item = u64>) -> Self {
        Processor { buried: schemas.into_iter().collect(), ..self }
    }

    /// Works until `stop` is set, then commits what it has folded and returns; `stepped` is called after every step, whether
    /// or not there was anything to do. A lane whose log was replaced by another is folded anew from it, or waits.
    ///
    /// # Errors
    /// What no waiting mends: a gap in the log, a store built for something else, damage that the log can't make good.
    pub fn run(&mut self, stop: &AtomicBool, stepped: &mut dyn FnMut()) -> Result<(), ProcessorError> {
        while !stop.load(Ordering::Relaxed) {
            self.step(self.settings.wait)?;
            stepped();
        }
        self.drain()
    }

    /// Works until every partition is folded to the end the log has now, whichever processor does it.
    ///
    /// # Errors
    /// As [`Processor::run`]; the log is not the one that was folded.
    pub fn catch_up(&mut self, stop: &AtomicBool, progress: &mut dyn FnMut(u64, u64)) -> Result<(), ProcessorError> {
        self.patient = false;
        let ends = self.log.ends()?;
        let total: u64 = ends.iter().map(|end| *end as u64).sum();
        while !stop.load(Ordering::Relaxed) {
            let worked = self.step(self.settings.wait.min(Duration::from_millis(20)))?;
            let mut done = 0;
            for (partition, end) in (0..).zip(&ends) {
                done += match self.lanes.get(&partition) {
                    Some(Assigned::Owned { lane, .. }) if lane.in_flight() => 0,
                    Some(Assigned::Owned { lane, .. }) => lane.head().offset.min(*end) as u64,
                    Some(Assigned::Condemned(_)) => 0,
                    _ if worked => 0,
                    // Another processor's.
                    _ => match self.store.reader()?.head(partition) {
                        Ok(head) => head.map_or(0, |head| head.offset.min(*end) as u64),
                        // Whoever takes it over puts it right.
                        Err(StoreError::Damaged { .. }) => 0,
                        Err(why) => return Err(why.into()),
                    },
                };
            }
            progress(done, total);
            if done == total || self.outdated.is_some() {
                break;
            }
        }
        self.drain()?;
        if let Some(words) = self.outdated.take() {
            return Err(ProcessorError::Outdated(words));
        }
        // An offset that is reached says nothing of the log that it was reached in.
        if stop.load(Ordering::Relaxed) { Ok(()) } else { self.vouch_for_all() }
    }

    /// Polls once and commits what is due; whether there was anything to do.
    fn step(&mut self, wait: Duration) -> Result<bool, ProcessorError> {
        self.begin_anew()?;
        self.take_over_lost()?;
        let Processor { reader, lanes, log, metrics, .. } = self;
        // Lanes of which a letter could not be written: nothing after it may be counted.
        let mut unburied = BTreeSet::new();
        let (buried, mut newer) = (&self.buried, Vec::new());
        let polled = reader.poll(wait, self.settings.batch, &mut |message| {
            let Some(Assigned::Owned { lane, newer: halt, .. }) = lanes.get_mut(&message.partition) else { return };
            // Not before it, which was folded, and not after it, which would lose it.
            if unburied.contains(&message.partition) || halt.is_some_and(|halt| message.offset > halt) {
                return;
            }
            if let Err(why) = lane.fold(message) {
                if let Unreadable::Schema(schema) = why
                    && !buried.contains(&schema)
                {
                    newer.push((message.partition, message.offset, schema));
                    *halt = Some(message.offset);
                    lane.reaches(message.offset + 1);
                    return;
                }
                static UNREADABLE: Seldom = Seldom::new();
                if let Some(times) = UNREADABLE.again() {
                    tracing::warn!(partition = message.partition, offset = message.offset, %why, times, "a message can't be read; it goes to the dead letters");
                }
                metrics.dead_letters.with_label_values(&[reason(why)]).inc();
                let letter = DeadLetter {
                    partition: message.partition,
                    offset: message.offset,
                    reason: why.to_string(),
                    key: message.key.to_vec(),
                    value: message.value.to_vec(),
                };
                match log.bury(letter) {
                    Ok(()) => _ = lane.pass(message),
                    Err(why) => {
                        tracing::error!(%why, "the dead letters can't be written; the lane waits");
                        unburied.insert(message.partition);
                    }
                }
            }
        });
        for (partition, offset, schema) in newer {
            self.wait_for_upgrade(partition, offset, schema);
        }
        for partition in unburied {
            self.lose(partition, self.settings.retry, "log");
        }
        let polled = match polled {
            Ok(polled) => polled,
            Err(LogError::Settings(why)) => return Err(LogError::Settings(why).into()),
            // What is there instead is seen when the lane is taken over again.
            Err(gap @ LogError::Gap { partition, .. }) => {
                tracing::warn!(%gap, "the log lacks what is to be folded next");
                self.lose(partition, Duration::ZERO, "log");
                return Ok(false);
            }
            Err(why) => {
                self.metrics.failures.with_label_values(&["log"]).inc();
                if self.away.again().is_some() {
                    tracing::warn!(%why, "the log is away; trying on");
                }
                self.metrics.troubles.say_of_log(Some(why.to_string()));
                std::thread::sleep(self.settings.retry);
                return Ok(false);
            }
        };
        match polled {
            Polled::Messages(count) => {
                if count > 0 {
                    self.metrics.troubles.say_of_log(None);
                }
                self.metrics.folded.inc_by(count as u64);
                // Before anything is committed of what was read since.
                self.look_again()?;
                self.commit_due(count)?;
                Ok(count > 0)
            }
            Polled::Assigned(partitions) => {
                tracing::info!(?partitions, "partitions assigned");
                for partition in partitions {
                    // So that the first damage is an increase.
                    self.metrics.damage.with_label_values(&[&partition.to_string()]).inc_by(0);
                    self.lanes.insert(partition, Assigned::lost(Duration::ZERO, self.settings.retry));
                }
                Ok(true)
            }
            Polled::Revoked(partitions) => {
                tracing::info!(?partitions, "partitions revoked");
                for partition in partitions {
                    self.give_up(partition);
                }
                Ok(true)
            }
        }
    }

    /// Commits full batches, and all of them once the log has nothing more at hand; `count` messages were polled just now.
    fn commit_due(&mut self, count: usize) -> Result<(), ProcessorError> {
        let busy = count >= self.settings.batch.min(FEW);
        let mut failed = Vec::new();
        for (partition, assigned) in &mut self.lanes {
            let Assigned::Owned { lane, committed_at, pace, look, .. } = assigned else { continue };
            let due = match lane.messages() {
                _ if look.doubt => false,
                0 => committed_at.elapsed() >= IDLE_COMMIT,
                messages if messages >= self.settings.batch || committed_at.elapsed() >= self.settings.gather => true,
                messages => !busy && (messages < FEW || count == 0),
            };
            // What was submitted a step ago has been answered by now; its successor is on its way before the next poll.
            let mut outcome = lane.land();
            note(&outcome, &self.metrics);
            // Between two commits: nothing is in flight.
            if moves_on(&outcome)
                && let Some(most) = pace.due(lane.head().sums.values(), Instant::now())
            {
                match lane.patrol(most) {
                    Ok(Step::On) => {}
                    Ok(Step::Ended) => self.metrics.rounds.with_label_values(&[&partition.to_string()]).inc(),
                    Err(why) => outcome = Err(why),
                }
            }
            if due && moves_on(&outcome) {
                *committed_at = Instant::now();
                outcome = lane.commit(self.reader.end(*partition));
            }
            if !busy && moves_on(&outcome) {
                outcome = lane.land();
                note(&outcome, &self.metrics);
            }
            let full = lane.take_full();
            if full > 0 {
                self.metrics.full.inc_by(full);
                if self.full.again().is_some() {
                    tracing::warn!(
                        partition,
                        "an entity was given more than {NAMED} different stages: those named first are counted, the later ones are not; is its `stage` a stage?"
                    );
                }
            }
            let head = lane.head();
            self.metrics.stands(*partition, &head);
            if self.mending.get(partition).is_some_and(|end| head.offset >= *end) {
                self.mending.remove(partition);
                self.metrics.troubles.over(*partition);
                tracing::info!(partition, offset = head.offset, "the lane is folded anew: its numbers are right again");
            }
            match outcome {
                Ok(Landed::Fenced) => failed.push((*partition, None)),
                Err(why) => failed.push((*partition, Some(why))),
                Ok(Landed::Nothing | Landed::Committed(_)) => {}
            }
        }
        for (partition, why) in failed {
            match why {
                None => {
                    tracing::info!(
                        partition,
                        "the lane moved under this processor: another took it over, or the store was wiped or set back"
                    );
                    // The log says soon whose the lane is.
                    self.lose(partition, self.settings.retry * 5, "fence");
                }
                Some(StoreError::Away(why)) => {
                    if self.away.again().is_some() {
                        tracing::warn!(partition, why, "the store is away; trying on");
                    }
                    self.lose(partition, self.settings.retry, "store");
                }
                Some(why @ StoreError::Damaged { .. }) => {
                    if let Some(Assigned::Owned { lane, .. }) = self.lanes.remove(&partition) {
                        self.condemn(partition, Some(lane.into_writer()), &why);
                    }
                }
                Some(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    /// Commits everything that is folded. What can't be committed now is folded again by whoever owns the lane next.
    fn drain(&mut self) -> Result<(), ProcessorError> {
        for (partition, assigned) in std::mem::take(&mut self.lanes) {
            let Assigned::Owned { mut lane, look, .. } = assigned else { continue };
            let mut outcome = Ok(Landed::Nothing);
            if lane.messages() > 0 && !look.doubt {
                outcome = lane.commit(None);
                note(&outcome, &self.metrics);
            }
            if moves_on(&outcome) {
                outcome = lane.land();
                note(&outcome, &self.metrics);
            }
            match outcome {
                Ok(_) => {}
                Err(StoreError::Away(why)) => {
                    tracing::warn!(partition, why, "the store is away; what was not committed will be folded again")
                }
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }
}

/// Whether the lane is still this processor's, as far as it knows.
fn moves_on(outcome: &Result<Landed, StoreError>) -> bool {
    matches!(outcome, Ok(Landed::Nothing | Landed::Committed(_)))
}

fn note(outcome: &Result<Landed, StoreError>, metrics: &Metrics) {
    match outcome {
        Ok(Landed::Committed(seconds)) => metrics.commits.observe(*seconds),
        Ok(Landed::Fenced) => metrics.fenced.inc(),
        Ok(Landed::Nothing) | Err(_) => {}
    }
}

/// A dead letter's reason as a label: few values, and none that a message could choose.
fn reason(why: Unreadable) -> &'static str {
    match why {
        Unreadable::Empty => "empty",
        Unreadable::Frame => "frame",
        Unreadable::Schema(_) => "schema",
        Unreadable::Short => "short",
        Unreadable::Long => "long",
        Unreadable::Range => "range",
        Unreadable::Utf8 => "utf8",
        Unreadable::Field(_) => "field",
        Unreadable::Kind => "kind",
    }
}
