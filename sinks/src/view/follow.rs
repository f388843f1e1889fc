//! The thread that keeps the view up to date: load every lane, then follow its changes.
//!
//! In: a store's reading end. Out: changes of the picture, each made under its lock in bounded pieces.
//! A store that is away is tried again, at most [`LAST_RETRY`] apart; a lane with a gap (wiped, gone back in time, changed
//! more than its stream remembers) is loaded anew and until then not whole. Never here: an end before it is asked for.

use std::sync::Arc;
use std::time::Duration;

use onpace_kpis::{Block, Catalogue, NameId};
use onpace_processors::store::{Changes, Head, KpiStore, Settings, StoreError, StoreReader};
use tokio_util::sync::CancellationToken;

use super::lane::Copy;
use super::standing::Lane;
use super::{View, now_ms};

/// How long between two looks at the store.
const EVERY: Duration = Duration::from_millis(100);
/// Every so many looks the store's settings are compared again.
const SETTINGS_EVERY: u32 = 20;
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);
/// So many blocks are read and changed at once.
const PIECE: usize = 1_000;
/// More heads than this between two ticks are not worth remembering.
const ARRIVALS: usize = 1_000;

/// The follower.
pub struct Follower {
    store: Arc<dyn KpiStore>,
    catalogue: Catalogue,
    view: View,
    settings: Option<Settings>,
    copies: Vec<Copy>,
    looks: u32,
}

/// Whether a store's numbers are of the catalogue's measures.
pub fn check(settings: Settings, catalogue: &Catalogue) -> Result<(), StoreError> {
    if settings.fingerprint == catalogue.fingerprint() {
        return Ok(());
    }
    Err(StoreError::Settings(
        "the store was built with other measures than this catalogue's; start this process with the catalogue that the processors use, or run `onpace rebuild`".into(),
    ))
}

impl Follower {
    /// A follower that has read nothing yet.
    pub fn new(store: Arc<dyn KpiStore>, catalogue: &Catalogue, view: View) -> Follower {
        Follower { store, catalogue: catalogue.clone(), view, settings: None, copies: Vec::new(), looks: 0 }
    }

    /// Follows until `stop` is cancelled.
    pub fn run(&mut self, stop: &CancellationToken) {
        let mut wait = FIRST_RETRY;
        while !stop.is_cancelled() {
            let ended = self.store.reader().and_then(|mut reader| {
                while !stop.is_cancelled() {
                    self.look(reader.as_mut())?;
                    wait = FIRST_RETRY;
                    std::thread::sleep(EVERY);
                }
                Ok(())
            });
            if let Err(error) = ended {
                self.lost(&error);
                std::thread::sleep(wait);
                wait = (2 * wait).min(LAST_RETRY);
            }
        }
    }

    fn lost(&mut self, error: &StoreError) {
        self.view.step();
        // What was half taken over is read again, whole.
        if !matches!(error, StoreError::Away(_)) {
            self.settings = None;
        }
        self.view.change(|picture| {
            let now_ms = now_ms();
            if picture.known.away.is_none() {
                tracing::warn!(%error, "the store can't be followed; trying again");
            }
            let since_ms = picture.known.away.as_ref().map_or(now_ms, |(since_ms, _)| *since_ms);
            picture.known.away = Some((since_ms, error.to_string()));
        });
    }

    /// One look at the store: whatever changed since the last.
    pub fn look(&mut self, reader: &mut dyn StoreReader) -> Result<(), StoreError> {
        if self.settings.is_none() || self.looks.is_multiple_of(SETTINGS_EVERY) {
            self.settle()?;
        }
        self.looks = self.looks.wrapping_add(1);
        let mut changed = false;
        for lane in 0..self.copies.len() as u32 {
            changed |= self.look_at(lane, reader)?;
            self.view.heard();
        }
        let settle = changed && self.looks.is_multiple_of(10);
        self.view.change(|picture| {
            if settle {
                picture.tally.settle();
            }
            let known = &mut picture.known;
            if known.away.take().is_some() || !known.loaded {
                tracing::info!(lanes = known.lanes.len(), "the store is followed");
            }
            known.loaded = true;
        });
        self.view.heard();
        Ok(())
    }

    /// Compares the store's settings with those that the copies were made under.
    fn settle(&mut self) -> Result<(), StoreError> {
        let settings = self.store.settings()?;
        self.view.heard();
        if let Some(settings) = settings {
            check(settings, &self.catalogue)?;
        }
        let before = self.settings;
        if settings == before && before.is_some() {
            return Ok(());
        }
        match settings {
            Some(settings) => {
                let lanes = settings.lanes as usize;
                self.settings = Some(settings);
                self.copies = vec![Copy::default(); lanes];
                self.view.change(|picture| {
                    picture.tally = onpace_kpis::Tally::new(&self.catalogue.measures);
                    picture.version += 1;
                    picture.known.loaded = false;
                    picture.known.empty = false;
                    picture.known.lanes = vec![Lane::default(); lanes];
                });
            }
            // Emptied under the view: its lanes are gone, and are waited for.
            None if !self.copies.is_empty() => {}
            None => self.view.change(|picture| picture.known.empty = true),
        }
        Ok(())
    }

    fn look_at(&mut self, lane: u32, reader: &mut dyn StoreReader) -> Result<bool, StoreError> {
        let place = lane as usize;
        // The head first: whatever is read after it holds at least what it says.
        let head = reader.head(lane)?;
        let position = self.copies[place].position.clone();
        let before = self.view.known().lanes[place].head;
        let (Some(now), Some(position)) = (head, position) else {
            // A lane that was begun, or is gone.
            if head.is_some() || before.is_some() || self.copies[place].position.is_some() {
                return self.reload(lane, head, reader);
            }
            return Ok(false);
        };
        if before == head {
            self.moved(place, head);
            return Ok(false);
        }
        let (ids, position) = match reader.changes(lane, &position)? {
            Changes::Blocks(ids, position) => (ids, position),
            Changes::Gap => return self.reload(lane, head, reader),
        };
        for ids in ids.chunks(PIECE) {
            let changed = self.copies[place].reread(lane, ids, reader)?;
            self.replace(place, &changed);
        }
        self.copies[place].position = Some(position);
        let mut arrived = self.view.arrived();
        if before.is_some_and(|before| now.recorded_ms > before.recorded_ms) && arrived.len() < ARRIVALS {
            arrived.push(now.recorded_ms);
        }
        drop(arrived);
        self.moved(place, head);
        Ok(!ids.is_empty())
    }

    fn moved(&self, place: usize, head: Option<Head>) {
        self.view.change(|picture| picture.known.lanes[place].moved(head, now_ms()));
    }

    fn replace(&self, place: usize, changed: &[(NameId, Block, Block)]) {
        if changed.is_empty() {
            return;
        }
        let names = self.copies[place].names();
        self.view.change_counters(|tally| {
            for (rep, old, new) in changed {
                tally.replace(names, *rep, old, new);
            }
        });
    }

    /// Reads a lane whole, in the place of what was known of it.
    fn reload(&mut self, lane: u32, head: Option<Head>, reader: &mut dyn StoreReader) -> Result<bool, StoreError> {
        let place = lane as usize;
        self.view.change(|picture| picture.known.lanes[place] = Lane::default());
        let fresh = Copy::load(lane, reader, &mut || self.view.heard())?;
        tracing::info!(lane, offset = head.map(|head| head.offset), "a lane was read whole");
        let view = &self.view;
        let done = self.copies[place].become_other(fresh, lane, |names, rep, old, new| {
            view.change_counters(|tally| tally.replace(names, rep, old, new));
        });
        if let Err(error) = done {
            // The tally is half one and half the other: begin again with an empty one.
            self.settings = None;
            return Err(error);
        }
        self.view.change(|picture| {
            picture.tally.settle();
            picture.known.lanes[place] = Lane::loaded(head, now_ms());
        });
        Ok(true)
    }
}
