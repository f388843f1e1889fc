//! The KPI store: what the processors write and the sinks read.
//!
//! In: commits, each conditional on the lane's head. Out: state for the fold, blocks of counters for the sinks, and which
//! of them changed. Three implementations pass one suite of tests: Redis, embedded (SQLite), in memory.
//! Never here: what the bytes mean (state and blocks are packed and unpacked in `onpace-kpis`).
//!
//! A *lane* is a partition's share of the store: it has one writer at a time, its own entities, names, counters and offset.

mod changed;
mod embedded;
mod marks;
mod memory;
mod places;
mod redis;
mod round;
#[cfg(test)]
pub(crate) mod suite;
pub mod sums;
mod values;

use std::time::Duration;

use onpace_kpis::Slot;
use onpace_kpis::block::{Block, BlockId};
use onpace_kpis::slot::SLOT_S;
use onpace_schemas::{Currency, Kind, printable, time};

pub use embedded::EmbeddedStore;
pub use marks::{How, LogMarks, Mark, Replaced};
pub use memory::{Fault, MemoryStore, Snapshot};
pub use redis::RedisStore;
pub use round::Step;
pub use sums::{Sum, Sums};
pub use values::{Blocks, Entities, Key, Values};

/// An entity's address: a keyed 128-bit hash of its kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub [u8; 16]);

impl EntityId {
    /// As much of it as every store keeps: 80 bits of a keyed hash, enough for billions of entities in a lane.
    pub fn field(&self) -> &[u8; 10] {
        let [_, _, _, _, field @ .., _, _] = &self.0;
        field
    }
}

/// What every lane of a store must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many lanes there are: the topic's partitions.
    pub lanes: u32,
    /// The fingerprint of the catalogue's measures.
    pub fingerprint: u64,
}

/// Where a lane stands. A commit is conditional on the head being what its writer last knew it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Drawn when the lane was begun: a lane that was wiped and begun again has another.
    pub birth: u64,
    /// Raised by each new owner of the lane.
    pub epoch: u64,
    /// The offset of the next message to fold.
    pub offset: i64,
    /// Where the log ended when this was committed, as far as the processor knew: `end − offset` is the lag.
    pub end: i64,
    /// When the last folded message (heartbeats too) was recorded, in milliseconds since 1970; 0 before the first.
    pub recorded_ms: i64,
    /// How many entities the lane has.
    pub entities: u64,
    /// What the lane consists of, by which it is held against itself.
    pub sums: Sums,
    /// What is known of the log that it was folded from.
    pub log: LogMarks,
}

impl Head {
    /// The head of a lane that is begun.
    pub(crate) fn begun() -> Head {
        Head { birth: rand::random(), ..Head::of_nothing() }
    }

    /// What stands for the head of a lane that was never begun.
    pub fn of_nothing() -> Head {
        let (sums, log) = (Sums::default(), LogMarks::default());
        Head { birth: 0, epoch: 0, offset: 0, end: 0, recorded_ms: 0, entities: 0, sums, log }
    }

    /// The head as it is once a commit is in the store.
    pub(crate) fn after(self, commit: &Commit) -> Head {
        let Commit { offset, end, recorded_ms, log, .. } = *commit;
        let entities = self.entities + commit.entities.count_new();
        Head { offset, end, recorded_ms, entities, sums: self.sums.after(commit), log, ..self }
    }
}

/// When a source was last heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// The source.
    pub source: String,
    /// By kind, when the last folded event was recorded, in milliseconds since 1970, to the millisecond; 0 where there was none.
    pub recorded_ms: [i64; Kind::ALL.len()],
}

impl Heard {
    /// Whether it was heard of about nothing: such a row is to be dropped.
    pub fn says_nothing(&self) -> bool {
        self.recorded_ms == [0; Kind::ALL.len()]
    }

    /// The kinds it was heard of about, and when.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, i64)> {
        Kind::ALL.into_iter().zip(self.recorded_ms).filter(|(_, recorded_ms)| *recorded_ms != 0)
    }
}

/// One atomic step of a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The offset of the next message to fold.
    pub offset: i64,
    /// As in [`Head`].
    pub end: i64,
    /// As in [`Head`].
    pub recorded_ms: i64,
    /// As in [`Head`].
    pub log: LogMarks,
    /// Changed entities.
    pub entities: Entities,
    /// Changed blocks; an empty one is to be dropped.
    pub blocks: Blocks,
    /// Names new to the lane: they are numbered from `names_from`.
    pub names: Vec<String>,
    /// The number of the first of `names`.
    pub names_from: u32,
    /// Sources heard of since the last commit; one that says nothing is to be dropped.
    pub sources: Vec<Heard>,
    /// What these change in the lane's sum.
    pub sources_change: Sum,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is in the store, whole.
    Committed,
    /// The head was not what the writer knew: another owner, a wiped or an older store. Nothing was written.
    Fenced,
}

/// A process that serves what is in the store, as it says itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The process: a name that no other has.
    pub holder: String,
    /// How it serves; what the text says is for whoever serves and asks.
    pub words: String,
    /// How long ago it said so, in milliseconds by the store's own clock.
    pub age_ms: i64,
    /// It has said that it ended.
    pub ended: bool,
}

/// A process that has not said for so long that it serves is no longer remembered once another does, in milliseconds.
pub const SERVING_LASTS_MS: i64 = 60_000;

/// What may go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached, or an answer was lost: whether a commit in flight happened is unknown until the head is read again.
    #[error("the store is away: {0}")]
    Away(String),
    /// It was built for other lanes or measures, or by a newer onpace; the text says what to do.
    #[error("{0}")]
    Settings(String),
    /// A value in it can't be read.
    #[error("the store is damaged at {place}: {why}; rebuild it from the log with `onpace rebuild`")]
    Damaged {
        /// The key or row.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A store.
pub trait KpiStore: Send + Sync {
    /// Settles what all lanes agree on: writes it into an empty store, compares it with that of a used one.
    ///
    /// # Errors
    /// [`StoreError::Settings`] where they differ, with what to do.
    fn settle(&self, settings: Settings) -> Result<(), StoreError>;

    /// What the store was built for; `None` while it is empty.
    ///
    /// # Errors
    /// The store is away.
    fn settings(&self) -> Result<Option<Settings>, StoreError>;

    /// Empties every lane, so that it is folded anew from the log, and takes over new settings. Owners of lanes are fenced.
    ///
    /// # Errors
    /// The store is away.
    fn wipe(&self, settings: Settings) -> Result<(), StoreError>;

    /// Reads everything and holds it against the lanes' sums; `progress` is told how many values were read, of how many. Of a lane that is written all the
    /// while nothing can be said: which ones these are.
    ///
    /// # Errors
    /// The store is away or damaged.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError>;

    /// Notes how a process serves, or that it has ended. While one serves, those that ended or fell silent are forgotten; the last one of
    /// all is remembered, through a wipe too.
    ///
    /// # Errors
    /// The store is away.
    fn serve(&self, holder: &str, words: &str, ended: bool) -> Result<(), StoreError> {
        let _ = (holder, words, ended);
        Ok(())
    }

    /// Who serves, or did last, in no order.
    ///
    /// # Errors
    /// The store is away.
    fn serving(&self) -> Result<Vec<Serving>, StoreError> {
        Ok(Vec::new())
    }

    /// A connection that writes one lane.
    ///
    /// # Errors
    /// The store is away.
    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError>;

    /// A connection that reads all lanes.
    ///
    /// # Errors
    /// The store is away.
    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError>;

    /// Publishes plain hashes of field → value for whoever would rather read the store than ask onpace, while `holder` holds the
    /// lease; whether it does. A store that nobody else reads has none.
    ///
    /// # Errors
    /// The store is away.
    fn publish(&self, holder: &str, lease: Duration, hashes: &[(String, Vec<(String, String)>)]) -> Result<bool, StoreError> {
        let _ = (holder, lease, hashes);
        Ok(false)
    }
}

/// A lane as its new owner finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its head.
    pub head: Head,
    /// Its names after the empty one.
    pub names: Vec<String>,
    /// Its sources, in any order.
    pub sources: Vec<Heard>,
    /// All its blocks; `None` where that isn't known.
    pub blocks: Option<Vec<BlockId>>,
}

/// The writing end of one lane. One commit may be in flight; reads see what was submitted before them.
/// After any error the writer is to be dropped and a new one asked for; after [`StoreError::Damaged`] it may first begin the lane anew.
pub trait LaneWriter: Send {
    /// Takes the lane over: raises its epoch (beginning the lane where there is none), and reads all of it, which must be what its head vouches for.
    fn take_over(&mut self) -> Result<Taken, StoreError>;

    /// The packed states of entities that exist among these: `each(place in ids, packed)`.
    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError>;

    /// The packed blocks that exist among these: `each(place in ids, packed)`.
    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError>;

    /// Whether the lane may have an entity, known without asking; `false` is certain: half of all events speak of a new one.
    fn may_have(&self, id: &EntityId) -> bool;

    /// Whether the lane still is this writer's: what it lacks may be another's doing.
    fn owns(&mut self) -> Result<bool, StoreError>;

    /// Goes on with a round through all that the lane consists of, by about `most` values. [`StoreError::Damaged`] where it is not what the head
    /// vouches for.
    fn patrol(&mut self, most: usize) -> Result<Step, StoreError>;

    /// Sends a commit without waiting for its answer. The head is moved by exactly this commit or not at all.
    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError>;

    /// Waits for the answer to the commit in flight; [`Settled::Committed`] where there is none.
    fn settle(&mut self) -> Result<Settled, StoreError>;

    /// Empties the lane, and no other, so that the next [`take_over`](LaneWriter::take_over) begins it anew from the log's beginning; sinks see it as
    /// wiped. Done only if the head still is what this writer last found or wrote there, else [`Settled::Fenced`]: whatever was wrong
    /// with the lane may have been put right by its owner since. The one thing that may be asked for after [`StoreError::Damaged`].
    fn begin_anew(&mut self) -> Result<Settled, StoreError>;
}

/// A place in a lane's stream of changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The head's birth when it was read.
    pub birth: u64,
    /// The offset of the head when it was read: an older one later means that the store went back in time.
    pub offset: i64,
    /// How many names were known.
    pub names: u32,
    /// The implementation's own mark.
    pub mark: String,
}

/// What changed in a lane since a [`Position`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// These blocks (each once), and where to go on from.
    Blocks(Vec<BlockId>, Position),
    /// The lane is another, went back in time, or changed more than the stream remembers: load it again.
    Gap,
}

/// The reading end of a store.
pub trait StoreReader: Send {
    /// Where a lane stands; `None` where it was never begun.
    fn head(&mut self, lane: u32) -> Result<Option<Head>, StoreError>;

    /// Reads a lane whole: first its names after the empty one, then every block. The position is taken before, so that following from it misses nothing.
    fn load(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError>;

    /// What changed since.
    fn changes(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError>;

    /// The names of a lane numbered `from` and up.
    fn names(&mut self, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError>;

    /// Blocks of a lane as they are now, in the order asked; empty where there is none.
    fn blocks(&mut self, lane: u32, ids: &[BlockId], each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError>;

    /// A lane's sources, by name: when each was last heard of. Empty where the lane was never begun.
    fn sources(&mut self, lane: u32) -> Result<Vec<Heard>, StoreError>;

    /// Any key of the store in words, for `onpace inspect`; `None` where there is no such key. `pattern` may be a key or empty, for a list of keys (at most 1,000).
    fn inspect(&mut self, key: &str) -> Result<Option<String>, StoreError>;
}

/// Which of those that serve are to be forgotten now that another says how it serves.
fn forgotten<'a>(known: &'a [Serving], holder: &str, ended: bool) -> Vec<&'a str> {
    let gone = |one: &&Serving| !ended && one.holder != holder && (one.ended || one.age_ms > SERVING_LASTS_MS);
    known.iter().filter(gone).map(|one| &*one.holder).collect()
}

/// Refuses a store that was built for something else.
fn refuse_other(place: &str, there: Settings, wanted: Settings) -> Result<(), StoreError> {
    if there.lanes != wanted.lanes {
        return Err(StoreError::Settings(format!(
            "the store at {place} was built for {} partitions and the log has {}; name the log it belongs to, or run `onpace rebuild`",
            there.lanes, wanted.lanes
        )));
    }
    if there.fingerprint != wanted.fingerprint {
        return Err(StoreError::Settings(format!(
            "the store at {place} was built with other measures than the catalogue has, or by another onpace; give the catalogue it was built with, use that one, or run `onpace rebuild`"
        )));
    }
    Ok(())
}

/// A block in words, a line a counter.
fn show_block(day: i32, block: &Block, measures: &[String], name: &dyn Fn(u32) -> String) -> String {
    let mut shown = format!("  day {}\n", time::show_date(day));
    for (counter, value) in block.counters() {
        let at = match counter.slot {
            Slot::Quarter(slot) => time::show_instant(i64::from(slot) * SLOT_S * time::US),
            Slot::Date(day) => time::show_date(day),
        };
        let dims: String = counter.dims.iter().filter(|dim| **dim != 0).map(|dim| format!(", {}", printable(&name(*dim)))).collect();
        let extra = match Currency::from_number(counter.extra) {
            Some(currency) => format!(", {currency}"),
            None if counter.extra != 0 => format!(", bucket {}", counter.extra),
            None => String::new(),
        };
        let measure = measures.get(usize::from(counter.measure)).cloned().unwrap_or_else(|| format!("measure {}", counter.measure));
        shown.push_str(&format!("    {measure} at {at}{dims}{extra}: {value}\n"));
    }
    shown
}

/// When sources were last heard of, in words, a line a source and kind.
fn show_sources(rows: &[Heard]) -> String {
    let line = |row: &Heard, kind: Kind, recorded_ms: i64| {
        format!("{}: last {} recorded {}\n", printable(&row.source), kind.name(), time::show_instant(recorded_ms * 1_000))
    };
    rows.iter().flat_map(|row| row.kinds().map(move |(kind, recorded_ms)| line(row, kind, recorded_ms))).collect()
}

/// Who serves, in words, a line a process.
fn show_serving(all: &[Serving]) -> String {
    let line = |one: &Serving| {
        let (age_s, how) = (one.age_ms / 1_000, if one.ended { "ended" } else { "said that it serves" });
        format!("{} {how} {age_s} s ago: {}\n", printable(&one.holder), printable(&one.words))
    };
    all.iter().map(line).collect()
}

/// A head in words.
fn show_head(lane: u32, head: &Head) -> String {
    let Head { birth, epoch, offset, end, recorded_ms, entities, sums, log } = *head;
    let recorded = if recorded_ms == 0 { "nothing yet".to_owned() } else { time::show_instant(recorded_ms * 1_000) };
    format!(
        "lane {lane}: next offset {offset} of {end} ({} behind), {entities} entities, {} blocks, {} names, last folded message recorded {recorded}, epoch {epoch}, birth {birth:016x}\n{}",
        end - offset,
        sums.blocks.count,
        sums.names.count,
        show_log(&log)
    )
}

/// What a head knows of its log, in words.
fn show_log(log: &LogMarks) -> String {
    let identity = log.identity().map_or_else(|| "a log without a number of its own".into(), |identity| format!("log {identity:016x}"));
    let marks: Vec<String> = log.marks().map(|mark| format!("{} at offset {}", mark.print, mark.offset)).collect();
    let marks = if marks.is_empty() { "nothing of it is known yet".to_owned() } else { marks.join(", ") };
    let replaced = log.replaced().map_or_else(String::new, |Replaced { at_ms, how }| {
        let at = time::show_instant(at_ms * 1_000);
        match how {
            How::Ends(end) => format!("; found at {at} to end at {end}, so that the lane waits"),
            How::Other(end) => format!("; found at {at} to be another, which ends at {end}, so that the lane waits"),
            How::Anew => format!("; folded anew from it at {at}, since it had been another"),
        }
    });
    format!("  folded from {identity}: {marks}{replaced}")
}
