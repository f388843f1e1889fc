//! Reads every lane and holds it against its head, for `onpace check`, while its owner may be at work on it.
//!
//! In: a connection. Out: nothing where all is as it was written; the lanes that were written all the while; or what is damaged. Never here: a write.

use super::head::{self, Found};
use super::keys::LaneKeys;
use super::pieces::Lane;
use super::wire::{Commands, Link, Value};
use super::{Inner, wipe};
use crate::store::round::Round;
use crate::store::{Head, StoreError};

/// How often a lane that is written meanwhile is read.
const TRIES: usize = 5;

/// Verifies all lanes.
pub fn verify(store: &Inner, link: &mut Link, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError> {
    let Some(stored) = store.read_stored(link)? else { return Ok(Vec::new()) };
    let mut lanes = Vec::new();
    for lane in 0..stored.settings.lanes {
        let keys = store.keys.lane(lane);
        match read_head(link, &keys)? {
            Some(head) => lanes.push((lane, keys, head)),
            None if wipe::leftovers(link, &keys)? => {
                return Err(StoreError::Damaged { place: format!("lane {lane}"), why: "it has keys but no head".into() });
            }
            None => {}
        }
    }
    let total = lanes.iter().map(|(.., head)| head.sums.values()).sum();
    let (mut done, mut moving) = (0, Vec::new());
    for (lane, keys, mut head) in lanes {
        let mut tries = 0;
        loop {
            let mut pieces = Lane { link, keys: &keys, fill: stored.bucket, entities: head.entities };
            let mut read = 0;
            let held = Round::default().end(lane, &head, &mut pieces, &mut |_| {
                read += 1;
                progress(done + read, total);
            });
            let Err(damaged @ StoreError::Damaged { .. }) = held else {
                held?;
                break;
            };
            match read_head(link, &keys)? {
                // What moved meanwhile says nothing.
                Some(now) if now.sums != head.sums || now.birth != head.birth => head = now,
                Some(_) => return Err(damaged),
                None => break,
            }
            tries += 1;
            if tries == TRIES {
                moving.push(lane);
                break;
            }
        }
        done += head.sums.values();
    }
    Ok(moving)
}

fn read_head(link: &mut Link, keys: &LaneKeys) -> Result<Option<Head>, StoreError> {
    let mut commands = Commands::default();
    commands.command(&[b"GET", &keys.head]);
    match head::read(&keys.head, link.ask(&commands)?.pop().unwrap_or(Value::Nil).bytes())? {
        Found::Head(head) => Ok(Some(head)),
        Found::Nothing | Found::Wiping(_) => Ok(None),
    }
}
