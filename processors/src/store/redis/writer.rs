//! Writes one lane.
//!
//! ```text
//! take_over   WATCH head, GET head · MULTI, SET head (epoch + 1), EXEC · WATCH head, GET head
//! submit      MULTI, HSET …, SET head, EXEC · WATCH head, GET head
//! ```
//! The next commit's `WATCH` and `GET` ride behind the `EXEC`: what the `GET` brings must be the head just written, and from the
//! `WATCH` on nobody else may write it, or the next `EXEC` does nothing. So no moment is left in which another writer goes unseen.
//! Never here: a write outside `MULTI`.

use std::sync::Arc;

use hashbrown::HashSet;
use onpace_kpis::block::BlockId;

use super::head::{self, Found};
use super::keys::{LaneKeys, hex_of};
use super::pieces::Lane;
use super::wire::{Commands, Link, Value, refused};
use super::{BUCKET, Inner, Stored, TRIES, sources, wipe};
use crate::store::places::Places;
use crate::store::round::{Met, Place, Round};
use crate::store::{Commit, EntityId, Head, LaneWriter, Settled, Step, StoreError, Taken, changed, refuse_other};

/// The longest value that a bucket takes: a longer one would turn it from a list into a table (`hash-max-listpack-value`).
const SMALL: usize = 64;
/// How many replies are asked for at once, so that neither side holds more.
const CHUNK: usize = 8_192;
/// How many addresses of large entities are remembered, so that what a shrunken one leaves behind is deleted.
const LARGE: usize = 100_000;
/// The stream of changes is cut to about so many bytes, and to so many entries at least and at most.
const CHANGES_BYTES: usize = 1 << 20;
const CHANGES: (usize, usize) = (128, 10_000);

pub struct Writer {
    store: Arc<Inner>,
    link: Link,
    lane: u32,
    keys: LaneKeys,
    places: Places,
    /// The head as this writer last wrote it, and its line.
    head: Option<(Head, String)>,
    /// What this writer last found or wrote in the head's place, whatever it is.
    found: Option<Vec<u8>>,
    names: u32,
    out: Commands,
    packed: Vec<u8>,
    /// The bucket of each changed entity, and its place in the commit.
    order: Vec<(u32, u32)>,
    /// How many commands stand between `MULTI` and `EXEC` of the commit in flight.
    in_flight: Option<usize>,
    outcome: Settled,
    /// Another wrote the head: nothing is submitted any more.
    fenced: bool,
    large: HashSet<EntityId>,
    /// How many entities a bucket takes.
    fill: u32,
    round: Round,
}

impl Writer {
    pub fn new(store: Arc<Inner>, link: Link, lane: u32) -> Writer {
        let keys = store.keys.lane(lane);
        Writer {
            places: Places::new(BUCKET),
            store,
            link,
            lane,
            keys,
            head: None,
            found: None,
            names: 0,
            out: Commands::default(),
            packed: Vec::new(),
            order: Vec::new(),
            in_flight: None,
            outcome: Settled::Committed,
            fenced: false,
            large: HashSet::new(),
            fill: BUCKET,
            round: Round::default(),
        }
    }

    /// The store's settings must still be those that this process settled on. They are read after `WATCH head`, and whoever
    /// changes them writes every head.
    fn check(&mut self) -> Result<Option<Stored>, StoreError> {
        let settled = *self.store.settled();
        let stored = self.store.read_stored(&mut self.link)?;
        let Some(stored) = stored.filter(|stored| !stored.wiping) else {
            let wanted = settled.or(stored.map(|stored| stored.settings)).ok_or_else(|| {
                StoreError::Settings(format!(
                    "the store in Redis at {} was never settled; start a processor, which does",
                    self.link.place()
                ))
            })?;
            self.store.settle(&mut self.link, wanted)?;
            return Ok(None);
        };
        if let Some(wanted) = settled {
            refuse_other(self.link.place(), stored.settings, wanted)?;
        }
        if self.lane >= stored.settings.lanes {
            return Err(StoreError::Settings(format!(
                "the store has {} lanes, numbered from 0; there is no lane {}",
                stored.settings.lanes, self.lane
            )));
        }
        Ok(Some(stored))
    }

    /// One try to take the lane over; `None` where another got in the way.
    fn try_take_over(&mut self) -> Result<Option<Taken>, StoreError> {
        self.fenced = false;
        let mut commands = Commands::default();
        commands.command(&[b"WATCH", &self.keys.head]).command(&[b"GET", &self.keys.head]);
        let found = self.link.ask(&commands)?.pop().unwrap_or(Value::Nil);
        self.found = found.bytes().map(<[u8]>::to_vec);
        let found = head::read(&self.keys.head, found.bytes())?;
        let Some(stored) = self.check()? else { return Ok(None) };
        let (mut head, begins) = match found {
            Found::Head(head) => (head, false),
            Found::Nothing => {
                if wipe::leftovers(&mut self.link, &self.keys)? {
                    tracing::warn!(lane = self.lane, "the lane has keys but no head; it is emptied, to be folded anew");
                    self.empty()?;
                    return Ok(None);
                }
                (Head::begun(), true)
            }
            // A wipe of this lane alone that was interrupted: of the whole store it would have been seen above.
            Found::Wiping(_) => {
                tracing::warn!(lane = self.lane, "the lane was being emptied, and that was interrupted; it is emptied to the end");
                self.empty()?;
                return Ok(None);
            }
        };
        head.epoch += 1;
        let line = head::write(&head);
        commands.clear();
        commands.command(&[b"MULTI"]).command(&[b"SET", &self.keys.head, line.as_bytes()]);
        if begins {
            // So that every place in the stream is that of an entry.
            commands.command(&[b"XADD", &self.keys.changes, b"*", b"b", b""]);
        }
        commands.command(&[b"EXEC"]).command(&[b"WATCH", &self.keys.head]).command(&[b"GET", &self.keys.head]);
        let mut replies = self.link.ask(&commands)?;
        let now = replies.pop().unwrap_or(Value::Nil);
        let executed = replies.into_iter().rev().nth(1).unwrap_or(Value::Nil);
        if executed == Value::Nil || now.bytes() != Some(line.as_bytes()) {
            return Ok(None);
        }
        self.found = Some(line.clone().into_bytes());
        for (at, reply) in executed.elements().iter().enumerate() {
            if let Value::Error(words) = reply {
                return Err(refused(self.link.place(), &commands.key_at(at + 1), words));
            }
        }
        self.head = Some((head, line));
        self.fill = stored.bucket;
        let taken = match self.read_whole(head) {
            Err(damaged @ StoreError::Damaged { .. }) => {
                // Another may be at work on it: only its own owner can tell damage from that.
                return if self.owns_head()? { Err(damaged) } else { Ok(None) };
            }
            read => read?,
        };
        self.names = taken.names.len() as u32 + 1;
        self.round = Round::default();
        self.fenced = false;
        self.outcome = Settled::Committed;
        Ok(Some(taken))
    }

    /// Reads all of the lane, and holds it against its head.
    fn read_whole(&mut self, head: Head) -> Result<Taken, StoreError> {
        let Writer { link, keys, fill, .. } = self;
        let mut lane = Lane { link, keys, fill: *fill, entities: head.entities };
        let mut taken = Taken { head, names: Vec::new(), sources: Vec::new(), blocks: None };
        let (mut places, mut blocks) = (Places::new(*fill), Vec::new());
        Round::default().end(self.lane, &head, &mut lane, &mut |met| match met {
            Met::Name(name) => taken.names.push(name.to_owned()),
            Met::Source(row) => taken.sources.push(row.clone()),
            Met::Block(id) => blocks.push(id),
            // One that two buckets have is one too many, which the sums tell.
            Met::Entity(bucket, field) => _ = places.note(field, bucket as u32),
        })?;
        taken.blocks = Some(blocks);
        self.places = places;
        Ok(taken)
    }

    /// Empties the lane, if what stands in its head's place is still what was found there.
    fn empty(&mut self) -> Result<Settled, StoreError> {
        wipe::lane(&self.store, &mut self.link, self.lane, self.found.as_deref())
    }

    /// Whether the head is still as this writer last wrote it. Where it isn't, the lane is another's, and the next commit says so.
    fn owns_head(&mut self) -> Result<bool, StoreError> {
        let mut commands = Commands::default();
        commands.command(&[b"GET", &self.keys.head]);
        let now = self.link.ask(&commands)?.pop().unwrap_or(Value::Nil);
        let owns = !self.fenced && self.head.as_ref().is_some_and(|(_, line)| now.bytes() == Some(line.as_bytes()));
        if !owns {
            self.fenced = true;
            self.outcome = Settled::Fenced;
        }
        Ok(owns)
    }

    /// Reads the replies to the commit in flight, if there is one.
    fn land(&mut self) -> Result<(), StoreError> {
        let Some(queued) = self.in_flight.take() else { return Ok(()) };
        let landed = self.replies(queued);
        self.sure(landed)
    }

    /// After an error nothing is known any more, and nobody may hear otherwise.
    fn sure<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.fenced = true;
            self.outcome = Settled::Fenced;
        }
        result
    }

    fn replies(&mut self, queued: usize) -> Result<(), StoreError> {
        let mut refusal: Option<(usize, String)> = None;
        // MULTI is the first.
        for at in 0..=queued {
            if let Value::Error(words) = self.link.reply()? {
                refusal.get_or_insert((at, words));
            }
        }
        let (done, torn) = match self.link.reply()? {
            Value::Array(replies) => {
                let error = |reply: &Value| if let Value::Error(words) = reply { Some(words.clone()) } else { None };
                (true, (1..).zip(&replies).find_map(|(at, reply)| Some((at, error(reply)?))))
            }
            Value::Nil => (false, None),
            Value::Error(words) => {
                let (at, words) = refusal.unwrap_or((0, words));
                return Err(refused(self.link.place(), &self.out.key_at(at), &words));
            }
            other => return Err(StoreError::Away(format!("Redis at {} answers EXEC with {other:?}", self.link.place()))),
        };
        if let Value::Error(words) = self.link.reply()? {
            return Err(refused(self.link.place(), "head", &words));
        }
        let ours = match (self.link.reply()?, &self.head) {
            (Value::Bytes(now), Some((_, line))) => now == line.as_bytes(),
            _ => false,
        };
        if let Some((at, words)) = torn {
            return Err(self.mark_torn(at, &words, ours));
        }
        self.outcome = if done { Settled::Committed } else { Settled::Fenced };
        self.fenced |= !done || !ours;
        Ok(())
    }

    /// A key of ours is somebody else's, and Redis did the rest of the commit all the same. Nobody may go on from there.
    fn mark_torn(&mut self, at: usize, words: &str, ours: bool) -> StoreError {
        let key = self.out.key_at(at);
        if ours {
            let torn = head::torn(&key, words).into_bytes();
            let mut commands = Commands::default();
            commands.command(&[b"MULTI"]).command(&[b"SET", &self.keys.head, &torn]).command(&[b"EXEC"]);
            match self.link.ask(&commands) {
                Ok(_) => self.found = Some(torn),
                Err(why) => tracing::error!(%why, key, "a commit was half written and that can't be noted; run `onpace rebuild`"),
            }
        }
        StoreError::Damaged { place: key, why: format!("something else wrote it ({words})") }
    }

    /// Sends one command for each of `places`, and hands over the values that are there.
    fn fetch(
        &mut self,
        count: usize,
        mut command: impl FnMut(&mut Commands, usize),
        mut each: impl FnMut(usize, &[u8]),
    ) -> Result<(), StoreError> {
        self.land()?;
        for from in (0..count).step_by(CHUNK) {
            let places = from..count.min(from + CHUNK);
            // Not `out`: an error of the commit in flight would be looked up there.
            let mut commands = Commands::default();
            places.clone().for_each(|place| command(&mut commands, place));
            self.link.send(&commands)?;
            let mut refusal = None;
            for place in places {
                match self.link.reply()? {
                    Value::Bytes(packed) => each(place, &packed),
                    Value::Error(words) => _ = refusal.get_or_insert((place - from, words)),
                    _ => {}
                }
            }
            if let Some((at, words)) = refusal {
                return Err(refused(self.link.place(), &commands.key_at(at), &words));
            }
        }
        Ok(())
    }

    /// Packs a commit between `MULTI` and `EXEC`: how many commands.
    fn pack(&mut self, commit: &Commit, line: &str) -> usize {
        let Writer { out, keys, places, order, packed, large, .. } = self;
        out.clear();
        out.command(&[b"MULTI"]);
        // Where a command is refused (memory, rights), all are; what can fail after that is a key of a foreign type, and then
        // the head says so.
        out.command(&[b"SET", &keys.head, line.as_bytes()]);
        order.clear();
        order.extend((0..).zip(commit.entities.iter()).map(|(at, (id, _))| (places.find_or_put(&id), at)));
        // New ones are in order already.
        order.sort_unstable();
        for run in order.chunk_by(|a, b| a.0 == b.0) {
            let [(bucket, _), ..] = run else { continue };
            out.begin(b"HSET").numbered(&keys.bucket, (*bucket).into());
            for (_, at) in run {
                let state = commit.entities.value(*at as usize);
                // An empty value in the bucket says that the state has a key of its own.
                out.arg(commit.entities.key(*at as usize).field()).arg(if is_small(state) { state } else { b"" });
            }
        }
        for (id, state) in commit.entities.iter() {
            if !is_small(state) {
                out.begin(b"SET").joined(&keys.large, hex_of(&id).as_bytes()).arg(state);
                if large.len() < LARGE {
                    large.insert(id);
                }
            } else if large.remove(&id) {
                out.begin(b"DEL").joined(&keys.large, hex_of(&id).as_bytes());
            }
        }
        let mut run = None;
        for (id, block) in commit.blocks.iter() {
            let gone = block.is_empty();
            if run.replace((id.rep, gone)) != Some((id.rep, gone)) {
                out.begin(if gone { b"HDEL" } else { b"HSET" }).numbered(&keys.counters, id.rep.into());
            }
            out.numbered(b"", id.day.into());
            if !gone {
                out.arg(block);
            }
        }
        if !commit.names.is_empty() {
            out.begin(b"RPUSH").arg(&keys.names);
            for name in &commit.names {
                out.arg(name.as_bytes());
            }
        }
        sources::pack(&commit.sources, keys, out);
        if !commit.blocks.is_empty() {
            packed.clear();
            changed::pack(commit.blocks.iter().map(|(id, _)| id), packed);
            let keep = (CHANGES_BYTES / (packed.len() + 16)).clamp(CHANGES.0, CHANGES.1);
            out.begin(b"XADD").arg(&keys.changes).arg(b"MAXLEN").arg(b"~").numbered(b"", keep as i64).arg(b"*").arg(b"b").arg(packed);
        }
        let queued = out.len() - 1;
        out.command(&[b"EXEC"]).command(&[b"WATCH", &keys.head]).command(&[b"GET", &keys.head]);
        queued
    }
}

fn is_small(state: &[u8]) -> bool {
    !state.is_empty() && state.len() <= SMALL
}

impl LaneWriter for Writer {
    fn take_over(&mut self) -> Result<Taken, StoreError> {
        self.land()?;
        self.fenced = false;
        self.outcome = Settled::Committed;
        self.large.clear();
        for _ in 0..TRIES {
            if let Some(taken) = self.try_take_over()? {
                return Ok(taken);
            }
        }
        Err(StoreError::Away(format!(
            "others keep taking lane {} over in Redis at {}; is it assigned twice?",
            self.lane,
            self.link.place()
        )))
    }

    fn entities(&mut self, ids: &[EntityId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        let keys = self.keys.clone();
        let there: Vec<(usize, u32)> = ids.iter().enumerate().filter_map(|(place, id)| Some((place, self.places.find(id)?))).collect();
        let (mut large, mut found) = (Vec::new(), 0);
        let small = |commands: &mut Commands, at: usize| {
            let (place, bucket) = there[at];
            commands.begin(b"HGET").numbered(&keys.bucket, bucket.into()).arg(ids[place].field());
        };
        self.fetch(there.len(), small, |at, packed| match there[at] {
            (place, _) if packed.is_empty() => large.push(place),
            (place, _) => {
                found += 1;
                each(place, packed);
            }
        })?;
        let own = |commands: &mut Commands, at: usize| _ = commands.begin(b"GET").joined(&keys.large, hex_of(&ids[large[at]]).as_bytes());
        self.fetch(large.len(), own, |at, packed| {
            found += 1;
            each(large[at], packed);
        })?;
        // What is gone would be taken for new, and counted a second time.
        if found < there.len() && self.owns_head()? {
            let place = String::from_utf8_lossy(&self.keys.bucket).into_owned();
            return Err(StoreError::Damaged { place, why: format!("{} entities have gone", there.len() - found) });
        }
        if self.large.len() + large.len() <= LARGE {
            self.large.extend(large.iter().map(|place| ids[*place]));
        }
        Ok(())
    }

    fn blocks(&mut self, ids: &[BlockId], each: &mut dyn FnMut(usize, &[u8])) -> Result<(), StoreError> {
        let key = self.keys.counters.clone();
        let get = |commands: &mut Commands, place: usize| {
            let BlockId { rep, day } = ids[place];
            commands.begin(b"HGET").numbered(&key, rep.into()).numbered(b"", day.into());
        };
        self.fetch(ids.len(), get, each)
    }

    fn may_have(&self, id: &EntityId) -> bool {
        self.places.find(id).is_some()
    }

    fn owns(&mut self) -> Result<bool, StoreError> {
        self.land()?;
        self.owns_head()
    }

    fn patrol(&mut self, most: usize) -> Result<Step, StoreError> {
        self.land()?;
        let head = match &self.head {
            Some((head, _)) if !self.fenced => *head,
            // Another's: the next commit says so.
            _ => return Ok(Step::On),
        };
        let Writer { link, keys, fill, .. } = self;
        let mut lane = Lane { link, keys, fill: *fill, entities: head.entities };
        match self.round.step(self.lane, &head, &mut lane, most, &mut |_| {}) {
            Err(damaged @ StoreError::Damaged { .. }) => {
                if self.owns_head()? {
                    Err(damaged)
                } else {
                    Ok(Step::On)
                }
            }
            stepped => stepped,
        }
    }

    fn submit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.land()?;
        let head = match &self.head {
            Some((head, _)) if !self.fenced => *head,
            _ => {
                self.outcome = Settled::Fenced;
                return Ok(());
            }
        };
        if !commit.names.is_empty() && commit.names_from != self.names {
            let place = String::from_utf8_lossy(&self.keys.names).into_owned();
            return Err(StoreError::Damaged { place, why: format!("its next name is number {}, not {}", self.names, commit.names_from) });
        }
        let next = head.after(commit);
        let line = head::write(&next);
        let queued = self.pack(commit, &line);
        self.round.committed(commit, self.order.iter().map(|(bucket, at)| (Place::from(*bucket), *at as usize)));
        let sent = self.link.send(&self.out);
        self.sure(sent)?;
        self.in_flight = Some(queued);
        self.found = Some(line.clone().into_bytes());
        self.head = Some((next, line));
        self.names += commit.names.len() as u32;
        Ok(())
    }

    fn settle(&mut self) -> Result<Settled, StoreError> {
        self.land()?;
        let outcome = self.outcome;
        // Told once; that the lane is another's is told again with the next commit.
        self.outcome = Settled::Committed;
        Ok(outcome)
    }

    fn begin_anew(&mut self) -> Result<Settled, StoreError> {
        // A connection on which something went wrong may still bring answers to it.
        self.link = self.store.connect_to_write()?;
        (self.in_flight, self.head, self.fenced) = (None, None, true);
        self.empty()
    }
}
