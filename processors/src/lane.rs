//! One lane at work: folds messages into batches, turns a batch into a commit, keeps one commit in flight.
//!
//! In: the messages of one partition, in any order and as often as they come. Out: commits to the lane's
//! [`LaneWriter`]. What it holds in memory is a cache of the store as of the last submitted commit, so after any error,
//! or once fenced, the lane is dropped whole and taken over anew.
//! Never here: threads, waiting, the log.

use std::hash::Hasher;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashSet;
use onpace_kpis::block::{Block, BlockId};
use onpace_kpis::fold::{Batch, Delta, Folded, Rules, Scattered};
use onpace_kpis::{Counter, Names, State, pack};
use onpace_producers::log::{Fingerprint, Message, Seen};
use onpace_schemas::avro::{self, Unreadable};
use onpace_schemas::{Event, Kind};
use quick_cache::UnitWeighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};
use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;

use crate::sources::Sources;
use crate::store::sums::Part;
use crate::store::{Commit, EntityId, Head, Key, LaneWriter, Mark, Replaced, Settled, Step, StoreError, Taken};
use crate::vouch;

/// How much a lane keeps in memory.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Packed states in the cache, about 100 bytes each.
    pub states: usize,
    /// Packed blocks in the cache, about 300 bytes each.
    pub blocks: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { states: 250_000, blocks: 50_000 }
    }
}

/// Of so many blocks a lane knows without asking which are stored.
const KNOWN_BLOCKS: usize = 1_000_000;

type Packed = SmallVec<[u8; 40]>;

/// A lane that this processor owns.
pub struct Lane {
    writer: Box<dyn LaneWriter>,
    rules: Arc<Rules>,
    head: Head,
    names: Names,
    /// How many names have been submitted.
    names_sent: usize,
    states: Cache<u128, Packed, UnitWeighter, Scattered>,
    blocks: Cache<BlockId, Packed>,
    /// All blocks of the lane; `None` where there are too many to know, so that each is asked about.
    all_blocks: Option<HashSet<BlockId>>,
    batch: Batch,
    /// What the entities of the batch were in the lane's sums, in the order in which they were opened.
    opened: Vec<Part>,
    waiting: Waiting,
    sources: Sources,
    next: Next,
    last: Last,
    /// The first message of a lane that remembers none: were only the last one remembered, two logs could share the first batch.
    first: Option<Mark>,
    /// The offset of the mark that stays until a look has found it in the log; −1 before the first.
    anchor: i64,
    /// The last commit: its room is used again.
    commit: Commit,
    submitted: Option<Instant>,
    /// How many entities were folded that were given more values than are kept, since somebody last asked.
    full: u64,
}

/// Messages of entities that are neither in the cache nor known to be new: looked up together when the batch ends.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    messages: Vec<(u128, Range<usize>)>,
}

/// Where the batch being folded will leave the head.
#[derive(Clone, Copy)]
struct Next {
    offset: i64,
    end: i64,
    recorded_ms: i64,
    messages: usize,
}

/// The last message of the batch, as the log keeps it: hashed once, when the batch ends.
#[derive(Default)]
struct Last {
    kept_ms: i64,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Last {
    fn keep(&mut self, message: Message<'_>) {
        self.kept_ms = message.kept_ms;
        for (kept, bytes) in [(&mut self.key, message.key), (&mut self.value, message.value)] {
            kept.clear();
            kept.extend_from_slice(bytes);
        }
    }
}

/// A lane that could not be taken over.
pub struct NotTaken {
    /// Why.
    pub why: StoreError,
    /// What found it so: it may begin the lane anew.
    pub writer: Box<dyn LaneWriter>,
}

/// How a commit that was in flight ended, and how long it took.
#[derive(Clone, Copy, Debug)]
pub enum Landed {
    /// There was none.
    Nothing,
    /// It is in the store, so many seconds after it was submitted.
    Committed(f64),
    /// The store moved under this processor, which no longer owns the lane.
    Fenced,
}

impl Lane {
    /// Takes a lane over.
    ///
    /// # Errors
    /// The store is away or damaged.
    pub fn take_over(mut writer: Box<dyn LaneWriter>, rules: Arc<Rules>, bounds: Bounds) -> Result<Lane, NotTaken> {
        let Taken { head, names: texts, sources, blocks } = match writer.take_over() {
            Ok(taken) => taken,
            Err(why) => return Err(NotTaken { why, writer }),
        };
        let mut names = Names::default();
        for text in &texts {
            names.intern(text);
        }
        Ok(Lane {
            writer,
            rules,
            names_sent: names.len(),
            names,
            states: Cache::with(bounds.states, bounds.states as u64, UnitWeighter, Scattered::default(), DefaultLifecycle::default()),
            blocks: Cache::new(bounds.blocks),
            all_blocks: blocks.filter(|all| all.len() <= KNOWN_BLOCKS).map(HashSet::from_iter),
            batch: Batch::default(),
            opened: Vec::new(),
            waiting: Waiting::default(),
            sources: Sources::stored(sources),
            next: Next { offset: head.offset, end: head.end, recorded_ms: head.recorded_ms, messages: 0 },
            last: Last::default(),
            first: None,
            anchor: -1,
            head,
            commit: Commit::default(),
            submitted: None,
            full: 0,
        })
    }

    /// The head as of the last submitted commit.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The offset of the next message that the lane wants.
    pub fn wants(&self) -> i64 {
        self.next.offset
    }

    /// A look at [`vouch::offsets`] of the head found the log unchanged.
    pub fn proved(&mut self, seen: &Seen) {
        self.head.log = vouch::proved(&self.head, seen);
        self.next.end = seen.end.max(self.next.offset);
        self.anchor = self.head.log.marks().last().map_or(-1, |mark| mark.offset);
    }

    /// The log is known to go on to this offset at least.
    pub fn reaches(&mut self, end: i64) {
        self.next.end = self.next.end.max(end);
    }

    /// Notes for the next commit what became of the log.
    pub fn note(&mut self, replaced: Option<Replaced>) {
        self.head.log = self.head.log.with_replaced(replaced);
    }

    /// Drops what is in memory: what is left writes the lane, or begins it anew.
    pub fn into_writer(self) -> Box<dyn LaneWriter> {
        self.writer
    }

    /// How many messages the batch being folded has.
    pub fn messages(&self) -> usize {
        self.next.messages
    }

    /// Whether a commit is in flight.
    pub fn in_flight(&self) -> bool {
        self.submitted.is_some()
    }

    /// Takes how many entities were folded that have been given as many stages as are kept.
    pub fn take_full(&mut self) -> u64 {
        std::mem::take(&mut self.full)
    }

    /// Folds a message into the batch. One below the head's offset was folded before and is passed over.
    ///
    /// # Errors
    /// Why it can't be read: the lane is still before it, until it is [passed](Lane::pass).
    pub fn fold(&mut self, message: Message<'_>) -> Result<(), Unreadable> {
        if message.offset < self.next.offset {
            return Ok(());
        }
        let event = match avro::read(message.value)? {
            avro::Message::Event(event) => event,
            avro::Message::Heartbeat { .. } => {
                self.pass(message);
                return Ok(());
            }
        };
        let recorded_ms = self.pass(message);
        self.sources.heard(&event.source, event.kind, recorded_ms);
        let id = self.address(event.kind, &event.entity);
        if self.batch.merge(id, &event, &self.rules, &mut self.names) {
            return Ok(());
        }
        if let Some(packed) = self.states.get(&id) {
            // What this process packed it can unpack; were it not so, the store's own copy is asked for.
            if let Ok(state) = pack::unpack(packed) {
                let part = EntityId(id.to_be_bytes()).part(packed);
                self.join(id, Some(state), part, &event);
                return Ok(());
            }
        }
        match self.writer.may_have(&EntityId(id.to_be_bytes())) {
            true => self.waiting.push(id, message.value),
            false => self.join(id, None, None, &event),
        }
        Ok(())
    }

    /// Counts a message as folded of which nothing is to be counted: a heartbeat, or one whose place among the dead letters is safe. When it was recorded,
    /// in milliseconds since 1970.
    pub fn pass(&mut self, message: Message<'_>) -> i64 {
        self.next.offset = message.offset + 1;
        self.next.end = self.next.end.max(self.next.offset);
        // What its sender claims can be true only from when the one before it was recorded.
        let recorded_ms = if message.claimed { message.recorded_ms.max(self.next.recorded_ms) } else { message.recorded_ms };
        self.next.recorded_ms = self.next.recorded_ms.max(recorded_ms);
        self.next.messages += 1;
        self.last.keep(message);
        if self.first.is_none() && self.head.log.marks().next().is_none() {
            self.first = Some(Mark { offset: message.offset, print: message.fingerprint() });
        }
        recorded_ms
    }

    fn join(&mut self, id: u128, stored: Option<State>, was: Part, event: &Event<'_>) {
        self.opened.push(was);
        self.batch.open(id, stored, event, &self.rules, &self.names);
        self.batch.merge(id, event, &self.rules, &mut self.names);
    }

    /// The keyed hash by which an entity is stored. The key is the lane's birth: nobody outside can
    /// choose names that collide, and 128 bits don't by chance.
    fn address(&self, kind: Kind, entity: &str) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.head.birth, 0x6f6e_7061_6365);
        hasher.write_u8(kind.number());
        hasher.write(entity.as_bytes());
        hasher.finish128().as_u128()
    }

    /// Ends the batch: waits for the commit in flight, then submits this one. `end` is where the log ends now, if that is known.
    ///
    /// # Errors
    /// The store is away or damaged; the lane is to be dropped.
    pub fn commit(&mut self, end: Option<i64>) -> Result<Landed, StoreError> {
        self.look_up()?;
        let folded = self.batch.close(&self.rules, &self.names);
        let committed = self.commit_folded(&folded, end);
        self.batch.reuse(folded);
        committed
    }

    fn commit_folded(&mut self, folded: &Folded, end: Option<i64>) -> Result<Landed, StoreError> {
        self.blocks(&folded.deltas)?;
        let landed = self.land()?;
        if matches!(landed, Landed::Fenced) {
            return Ok(landed);
        }
        let next = self.next;
        let end = end.map_or(next.end, |end| end.max(next.offset));
        let commit = &mut self.commit;
        commit.entities.clear();
        for (changed, was) in folded.entities.iter().zip(self.opened.drain(..)) {
            let packed = commit.entities.push(EntityId(changed.id.to_be_bytes()), was, |out| pack::pack(&changed.state, out));
            self.states.insert(changed.id, Packed::from_slice(packed));
            self.full += u64::from(changed.state.is_full());
        }
        commit.offset = next.offset;
        commit.end = end;
        commit.recorded_ms = next.recorded_ms;
        commit.log = self.head.log;
        if let Some(first) = self.first.take() {
            commit.log = commit.log.with(first, self.anchor);
            self.anchor = first.offset;
        }
        if next.messages > 0 {
            let print = Fingerprint::of(self.last.kept_ms, &self.last.key, &self.last.value);
            commit.log = commit.log.with(Mark { offset: next.offset - 1, print }, self.anchor);
        }
        (commit.sources, commit.sources_change) = self.sources.take_changed();
        commit.names_from = self.names_sent as u32;
        commit.names.clear();
        commit.names.extend(self.names.since(self.names_sent).map(str::to_owned));
        self.head = self.head.after(commit);
        self.writer.submit(commit)?;
        self.submitted = Some(Instant::now());
        self.names_sent = self.names.len();
        self.next = Next { end, messages: 0, ..next };
        Ok(landed)
    }

    /// Waits for the answer to the commit in flight.
    ///
    /// # Errors
    /// The answer is lost: whether the commit happened is known when the lane is taken over again.
    pub fn land(&mut self) -> Result<Landed, StoreError> {
        let Some(submitted) = self.submitted.take() else { return Ok(Landed::Nothing) };
        Ok(match self.writer.settle()? {
            Settled::Committed => Landed::Committed(submitted.elapsed().as_secs_f64()),
            Settled::Fenced => Landed::Fenced,
        })
    }

    /// One round trip for all entities that the batch waits for; then their messages are folded.
    fn look_up(&mut self) -> Result<(), StoreError> {
        if self.waiting.messages.is_empty() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.waiting);
        let mut asked: Vec<u128> = waiting.messages.iter().map(|(id, _)| *id).collect();
        asked.sort_unstable();
        asked.dedup();
        let ids: Vec<EntityId> = asked.iter().map(|id| EntityId(id.to_be_bytes())).collect();
        let mut found = vec![None; ids.len()];
        let mut damaged = None;
        self.writer.entities(&ids, &mut |place, packed| match pack::unpack(packed) {
            Ok(state) => found[place] = Some((state, ids[place].part(packed))),
            Err(why) => damaged = Some((asked[place], why.to_string())),
        })?;
        let is_damaged = |(id, why): (u128, String)| Err(StoreError::Damaged { place: format!("entity {id:032x}"), why });
        if let Some(damaged) = damaged {
            return is_damaged(damaged);
        }
        for (id, range) in waiting.messages {
            // It was readable when it was put here.
            let Ok(avro::Message::Event(event)) = avro::read(&waiting.bytes[range]) else { continue };
            if !self.batch.holds(id) {
                let stored = asked.binary_search(&id).ok().and_then(|place| found[place].take());
                let (stored, was) = stored.map_or((None, None), |(state, part)| (Some(state), part));
                if let Some(other) = stored.as_ref().map(|state| state.kind).filter(|kind| *kind != event.kind) {
                    return is_damaged((id, format!("it is of kind {}, and should be of kind {}", other.name(), event.kind.name())));
                }
                self.opened.push(was);
                self.batch.open(id, stored, &event, &self.rules, &self.names);
            }
            self.batch.merge(id, &event, &self.rules, &mut self.names);
        }
        Ok(())
    }

    /// Puts the blocks that the batch changes into the commit, as they will be.
    fn blocks(&mut self, deltas: &[Delta]) -> Result<(), StoreError> {
        let groups: Vec<_> = deltas.chunk_by(|a, b| a.block == b.block).collect();
        // Copied before anything is put into the cache, which may push out what is needed next.
        let mut before: Vec<Packed> = Vec::with_capacity(groups.len());
        let (mut missing, mut places) = (Vec::new(), Vec::new());
        for (place, deltas) in groups.iter().enumerate() {
            let id = deltas[0].block;
            let cached = self.blocks.get(&id).cloned();
            if cached.is_none() && self.all_blocks.as_ref().is_none_or(|all| all.contains(&id)) {
                missing.push(id);
                places.push(place);
            }
            before.push(cached.unwrap_or_default());
        }
        if !missing.is_empty() {
            self.writer.blocks(&missing, &mut |place, packed| before[places[place]] = Packed::from_slice(packed))?;
            // Of one that is known to be there and isn't, what it counted would be lost.
            let gone = |(_, place): &(&BlockId, &usize)| self.all_blocks.is_some() && before[**place].is_empty();
            if let Some((id, _)) = missing.iter().zip(&places).find(gone)
                && self.writer.owns()?
            {
                return Err(self.damaged(*id, "its counters have gone".into()));
            }
        }
        self.commit.blocks.clear();
        let mut adding: Vec<(Counter, i128)> = Vec::new();
        for (deltas, before) in groups.into_iter().zip(before) {
            let id = deltas[0].block;
            let mut block = Block::unpack(id.day, &before).map_err(|why| self.damaged(id, why.to_string()))?;
            adding.clear();
            adding.extend(deltas.iter().map(|delta| (delta.counter, delta.value)));
            block.add_sorted(&adding);
            let packed = self.commit.blocks.push(id, id.part(&before), |out| block.pack(out));
            self.blocks.insert(id, Packed::from_slice(packed));
            if let Some(all) = &mut self.all_blocks {
                if packed.is_empty() {
                    all.remove(&id)
                } else {
                    all.insert(id)
                };
            }
        }
        self.all_blocks = self.all_blocks.take().filter(|all| all.len() <= KNOWN_BLOCKS);
        Ok(())
    }

    fn damaged(&self, id: BlockId, why: String) -> StoreError {
        StoreError::Damaged { place: format!("rep {:?}, day {}", self.names.text(id.rep), id.day), why }
    }

    /// Goes on with the round through all that the lane has in the store, by about `most` values. No commit is in flight.
    ///
    /// # Errors
    /// The store is away, or the lane is not what its head vouches for.
    pub fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        self.writer.patrol(most)
    }
}

impl Waiting {
    fn push(&mut self, id: u128, value: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.messages.push((id, from..self.bytes.len()));
    }
}
