//! Reads all lanes.
//!
//! In: questions. Out: heads, names, blocks, and what changed. After an error it connects anew with the next question.
//! Never here: a write.

use std::sync::Arc;

use onpace_kpis::block::BlockId;

use super::head::{self, Found};
use super::keys::LaneKeys;
use super::wire::{Commands, Link, Value, refused};
use super::{Inner, inspect, sources};
use crate::store::{Changes, Head, Heard, Position, StoreError, StoreReader, changed};

/// How many replies are asked for at once.
const CHUNK: usize = 8_192;
/// How many reps' counters, and names, are asked for at once.
const REPS: u32 = 64;
const NAMES: u32 = 10_000;

pub struct Reader {
    store: Arc<Inner>,
    link: Option<Link>,
}

impl Reader {
    pub fn new(store: Arc<Inner>) -> Result<Reader, StoreError> {
        let link = Some(store.connect()?);
        Ok(Reader { store, link })
    }

    /// Runs a question on the connection, which is dropped after an error.
    fn on<T>(&mut self, ask: impl FnOnce(&Inner, &mut Link) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => self.store.connect()?,
        };
        let answer = ask(&self.store, &mut link)?;
        self.link = Some(link);
        Ok(answer)
    }
}

/// A lane at one moment.
struct Moment {
    head: Head,
    names: u32,
    /// The entries of the stream that were asked for.
    entries: Vec<Value>,
}

/// Head, names and part of the stream, of one moment; `None` where the lane was never begun.
fn moment(link: &mut Link, keys: &LaneKeys, range: &[&[u8]]) -> Result<Option<Moment>, StoreError> {
    let mut commands = Commands::default();
    commands.command(&[b"MULTI"]).command(&[b"GET", &keys.head]).command(&[b"LLEN", &keys.names]);
    commands.command(range).command(&[b"EXEC"]);
    let replies = link.ask(&commands)?.pop().unwrap_or(Value::Nil).elements();
    for (at, reply) in replies.iter().enumerate() {
        if let Value::Error(words) = reply {
            return Err(refused(link.place(), &commands.key_at(at + 1), words));
        }
    }
    let [found, names, entries] = <[Value; 3]>::try_from(replies).unwrap_or([Value::Nil, Value::Nil, Value::Nil]);
    let Found::Head(head) = head::read(&keys.head, found.bytes())? else { return Ok(None) };
    let names = match names {
        Value::Number(count) => count as u32 + 1,
        _ => 1,
    };
    Ok(Some(Moment { head, names, entries: entries.elements() }))
}

/// The mark of a stream's entry.
fn mark_of(entry: &Value) -> String {
    match entry {
        Value::Array(parts) => parts.first().map(|id| id.text().into_owned()).unwrap_or_default(),
        _ => String::new(),
    }
}

pub(super) fn read_names(link: &mut Link, keys: &LaneKeys, from: u32, to: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
    // In the list the first has place 0; its number is 1.
    for from in (from.max(1)..to).step_by(NAMES as usize) {
        let last = to.min(from.saturating_add(NAMES)) - 2;
        let mut commands = Commands::default();
        commands.command(&[b"LRANGE", &keys.names, (from - 1).to_string().as_bytes(), last.to_string().as_bytes()]);
        let names = link.ask(&commands)?.pop().unwrap_or(Value::Nil).elements();
        let fewer = (names.len() as u32) < NAMES;
        names.iter().for_each(|name| each(&name.text()));
        if fewer {
            break;
        }
    }
    Ok(())
}

/// The counters of reps numbered `from` and up to, not including, `to`.
pub(super) fn read_reps(
    link: &mut Link,
    keys: &LaneKeys,
    from: u32,
    to: u32,
    each: &mut dyn FnMut(BlockId, &[u8]),
) -> Result<(), StoreError> {
    let mut commands = Commands::default();
    (from..to).for_each(|rep| _ = commands.begin(b"HGETALL").numbered(&keys.counters, rep.into()));
    link.send(&commands)?;
    let mut wrong: Option<(u32, String)> = None;
    for rep in from..to {
        let fields = match link.reply()? {
            Value::Error(words) => {
                wrong.get_or_insert((rep, words));
                continue;
            }
            found => found.elements(),
        };
        for pair in fields.chunks_exact(2) {
            match (pair[0].text().parse(), pair[1].bytes()) {
                (Ok(day), Some(packed)) => each(BlockId { rep, day }, packed),
                _ => _ = wrong.get_or_insert((rep, "WRONGTYPE a field that is no day".into())),
            }
        }
    }
    match wrong {
        Some((rep, words)) => Err(refused(link.place(), &format!("{}{rep}", String::from_utf8_lossy(&keys.counters)), &words)),
        None => Ok(()),
    }
}

fn read_changes(link: &mut Link, keys: &LaneKeys, since: &Position) -> Result<Changes, StoreError> {
    let from = if since.mark.is_empty() { "-" } else { &since.mark };
    let Some(moment) = moment(link, keys, &[b"XRANGE", &keys.changes, from.as_bytes(), b"+"])? else { return Ok(Changes::Gap) };
    let Moment { head, names, entries } = moment;
    // The entry that was last then must still be there: it is not where the stream was cut since, nor in an older copy of
    // the store, nor in another store.
    let (kept, new) = match entries.split_first() {
        Some((first, new)) => (mark_of(first) == since.mark, new),
        None => (since.mark.is_empty(), &[][..]),
    };
    if !kept || head.birth != since.birth || head.offset < since.offset || names < since.names {
        return Ok(Changes::Gap);
    }
    let mut blocks = Vec::new();
    for entry in new {
        let packed = match entry {
            Value::Array(parts) => match parts.get(1) {
                Some(Value::Array(fields)) => fields.get(1).and_then(Value::bytes),
                _ => None,
            },
            _ => None,
        };
        packed.and_then(|packed| changed::unpack(packed, &mut blocks)).ok_or_else(|| StoreError::Damaged {
            place: String::from_utf8_lossy(&keys.changes).into_owned(),
            why: format!("its entry {} is none of ours", mark_of(entry)),
        })?;
    }
    blocks.sort_unstable();
    blocks.dedup();
    let mark = new.last().map_or_else(|| since.mark.clone(), mark_of);
    Ok(Changes::Blocks(blocks, Position { birth: head.birth, offset: head.offset, names, mark }))
}

impl StoreReader for Reader {
    fn head(&mut self, lane: u32) -> Result<Option<Head>, StoreError> {
        self.on(|store, link| {
            let key = store.keys.lane(lane).head;
            let mut commands = Commands::default();
            commands.command(&[b"GET", &key]);
            let found = link.ask(&commands)?.pop().unwrap_or(Value::Nil);
            Ok(match head::read(&key, found.bytes())? {
                Found::Head(head) => Some(head),
                Found::Nothing | Found::Wiping(_) => None,
            })
        })
    }

    fn load(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        self.on(|store, link| {
            let keys = store.keys.lane(lane);
            let Some(moment) = moment(link, &keys, &[b"XREVRANGE", &keys.changes, b"+", b"-", b"COUNT", b"1"])? else { return Ok(None) };
            let Moment { head, names: known, entries } = moment;
            read_names(link, &keys, 1, known, names)?;
            // A rep named since is in the changes that follow.
            for from in (0..known).step_by(REPS as usize) {
                read_reps(link, &keys, from, known.min(from + REPS), each)?;
            }
            let mark = entries.first().map(mark_of).unwrap_or_default();
            Ok(Some(Position { birth: head.birth, offset: head.offset, names: known, mark }))
        })
    }

    fn changes(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        self.on(|store, link| read_changes(link, &store.keys.lane(lane), since))
    }

    fn names(&mut self, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.on(|store, link| read_names(link, &store.keys.lane(lane), from, u32::MAX, each))
    }

    fn blocks(&mut self, lane: u32, ids: &[BlockId], each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        self.on(|store, link| {
            let keys = store.keys.lane(lane);
            for chunk in ids.chunks(CHUNK) {
                let mut commands = Commands::default();
                for id in chunk {
                    commands.begin(b"HGET").numbered(&keys.counters, id.rep.into()).numbered(b"", id.day.into());
                }
                link.send(&commands)?;
                let mut wrong = None;
                for (at, id) in chunk.iter().enumerate() {
                    match link.reply()? {
                        Value::Error(words) => _ = wrong.get_or_insert((at, words)),
                        found => each(*id, found.bytes().unwrap_or_default()),
                    }
                }
                if let Some((at, words)) = wrong {
                    return Err(refused(link.place(), &commands.key_at(at), &words));
                }
            }
            Ok(())
        })
    }

    fn sources(&mut self, lane: u32) -> Result<Vec<Heard>, StoreError> {
        self.on(|store, link| sources::read(link, &store.keys.lane(lane)))
    }

    fn inspect(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        self.on(|store, link| inspect::inspect(store, link, key))
    }
}
