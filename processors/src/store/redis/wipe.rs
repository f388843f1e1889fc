//! Empties the store, or one lane of it, while others may be at work on it.
//!
//! A lane is closed first: a token takes its head's place, which fences its owner and lets nobody take it over. Then its keys
//! go, each handful only while the token stands; then the head. Whoever finds a wipe that was interrupted does it again from the
//! start with a token of its own, and the first, should it still be at work, finds its token gone and stops.
//! Never here: a key of another prefix.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::{Key, LaneKeys};
use super::wire::{Commands, Link, Value};
use super::{Inner, head, write_stored};
use crate::store::{Settings, Settled, StoreError};

/// While this key lives, the wipe that set it is at work.
const ALIVE_S: &[u8] = b"10";

/// Empties all lanes and takes over new settings.
pub fn wipe(store: &Inner, link: &mut Link, settings: Settings) -> Result<(), StoreError> {
    let mut commands = Commands::default();
    commands.command(&[b"SET", store.keys.wiping().as_bytes(), b"1", b"EX", ALIVE_S]);
    commands.command(&[b"HGET", store.keys.store().as_bytes(), b"lanes"]);
    let there = link.ask(&commands)?.pop().unwrap_or(Value::Nil).text().parse().unwrap_or(0);
    commands.clear();
    commands.command(&[b"MULTI"]);
    write_stored(&mut commands, &store.keys.store(), settings, true);
    commands.command(&[b"EXEC"]);
    link.ask(&commands)?;
    let (lanes, token) = ((0..settings.lanes.max(there)).collect::<BTreeSet<u32>>(), token());
    for lane in &lanes {
        close(store, link, *lane, &token)?;
    }
    empty(store, link, lanes, &token, None)?;
    commands.clear();
    commands.command(&[b"HDEL", store.keys.store().as_bytes(), b"wiping"]).command(&[b"DEL", store.keys.wiping().as_bytes()]);
    link.ask(&commands).map(|_| ())
}

/// Does again what a wipe began and did not end.
///
/// # Errors
/// It is still at work.
pub fn resume(store: &Inner, link: &mut Link, settings: Settings) -> Result<(), StoreError> {
    let mut commands = Commands::default();
    commands.command(&[b"UNWATCH"]).command(&[b"EXISTS", store.keys.wiping().as_bytes()]);
    if link.ask(&commands)?.pop() == Some(Value::Number(1)) {
        return Err(StoreError::Away(format!("the store in Redis at {} is being emptied by `onpace rebuild`", link.place())));
    }
    tracing::warn!("an `onpace rebuild` was interrupted; emptying the store to the end");
    wipe(store, link, settings)
}

/// Empties one lane, provided that what stands in its head's place is still what was found there, byte for byte.
pub fn lane(store: &Inner, link: &mut Link, lane: u32, found: Option<&[u8]>) -> Result<Settled, StoreError> {
    let (key, token) = (store.keys.lane(lane).head, token());
    let mut commands = Commands::default();
    commands.command(&[b"WATCH", &key]).command(&[b"GET", &key]);
    let now = link.ask(&commands)?.pop().unwrap_or(Value::Nil);
    commands.clear();
    if now.bytes() != found {
        commands.command(&[b"UNWATCH"]);
        link.ask(&commands)?;
        return Ok(Settled::Fenced);
    }
    commands.command(&[b"MULTI"]).command(&[b"SET", &key, head::wiping(&token).as_bytes()]).command(&[b"EXEC"]);
    if link.ask(&commands)?.pop() == Some(Value::Nil) {
        return Ok(Settled::Fenced);
    }
    empty(store, link, BTreeSet::from([lane]), &token, Some(lane))?;
    Ok(Settled::Committed)
}

fn token() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Whether a lane that has no head has other keys.
pub fn leftovers(link: &mut Link, keys: &LaneKeys) -> Result<bool, StoreError> {
    let mut commands = Commands::default();
    commands.begin(b"EXISTS").arg(&keys.names).arg(&keys.sources).arg(&keys.changes);
    commands.numbered(&keys.counters, 0).numbered(&keys.bucket, 0);
    Ok(link.ask(&commands)?.pop() != Some(Value::Number(0)))
}

/// Empties these lanes, which are closed, and where not `only` one is meant every other that has a key.
fn empty(store: &Inner, link: &mut Link, mut lanes: BTreeSet<u32>, token: &str, only: Option<u32>) -> Result<(), StoreError> {
    let mut cursor = b"0".to_vec();
    loop {
        let mut commands = Commands::default();
        commands.command(&[b"SCAN", &cursor, b"MATCH", store.keys.lanes_pattern().as_bytes(), b"COUNT", b"1000"]);
        if only.is_none() {
            commands.command(&[b"SET", store.keys.wiping().as_bytes(), b"1", b"EX", ALIVE_S]);
        }
        let page = link.ask(&commands)?.into_iter().next().unwrap_or(Value::Nil).elements();
        let [next, found] = <[Value; 2]>::try_from(page).unwrap_or([Value::Nil, Value::Nil]);
        let mut by_lane: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
        for key in found.elements() {
            let lane = match store.keys.parse(&key.text()) {
                Some(Key::Names(lane) | Key::Sources(lane) | Key::Changes(lane) | Key::Other(lane)) => lane,
                Some(Key::Bucket(lane, _) | Key::Large(lane, _) | Key::Counters(lane, _)) => lane,
                Some(Key::Head(lane)) => {
                    by_lane.entry(lane).or_default();
                    continue;
                }
                Some(Key::Store | Key::Serving | Key::Published(_)) | None => continue,
            };
            if let Some(bytes) = key.bytes() {
                by_lane.entry(lane).or_default().push(bytes.to_vec());
            }
        }
        for (lane, keys) in by_lane {
            if only.is_some_and(|only| only != lane) {
                continue;
            }
            if lanes.insert(lane) {
                close(store, link, lane, token)?;
            }
            if !keys.is_empty() {
                while_closed(store, link, lane, token, b"UNLINK", &keys)?;
            }
        }
        cursor = next.bytes().unwrap_or(b"0").to_vec();
        if cursor == b"0" {
            break;
        }
    }
    for lane in lanes {
        let head = store.keys.lane(lane).head;
        while_closed(store, link, lane, token, b"DEL", &[head])?;
    }
    Ok(())
}

/// Puts the token in the place of a lane's head, whatever was there.
fn close(store: &Inner, link: &mut Link, lane: u32, token: &str) -> Result<(), StoreError> {
    let mut commands = Commands::default();
    commands.command(&[b"SET", &store.keys.lane(lane).head, head::wiping(token).as_bytes()]);
    link.ask(&commands).map(|_| ())
}

/// Deletes keys of a lane, provided that the token stands in its head's place.
pub(super) fn while_closed(store: &Inner, link: &mut Link, lane: u32, token: &str, how: &[u8], keys: &[Vec<u8>]) -> Result<(), StoreError> {
    let key = store.keys.lane(lane).head;
    let another =
        |link: &Link| StoreError::Away(format!("another `onpace rebuild` empties the store in Redis at {}; wait for it", link.place()));
    let mut commands = Commands::default();
    commands.command(&[b"WATCH", &key]).command(&[b"GET", &key]);
    let found = link.ask(&commands)?.pop().unwrap_or(Value::Nil);
    if found.bytes() != Some(head::wiping(token).as_bytes()) {
        return Err(another(link));
    }
    commands.clear();
    commands.command(&[b"MULTI"]);
    commands.begin(how);
    keys.iter().for_each(|key| _ = commands.arg(key));
    commands.command(&[b"EXEC"]);
    match link.ask(&commands)?.pop() {
        Some(Value::Array(_)) => Ok(()),
        _ => Err(another(link)),
    }
}
