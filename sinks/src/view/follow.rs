//! The thread that keeps the view up to date: load every lane, then follow its changes.
//!
//! In: a store's reading end. Out: changes of the picture, each made under its lock in bounded pieces.
//! A store that is away is tried again, at most [`LAST_RETRY`] apart; a lane with a gap (wiped, gone back in time, changed
//! more than its stream remembers) is loaded anew and until then not whole. Never here: an end before it is asked for.

use std::sync::Arc;
use std::time::Duration;

use onpace_kpis::objective::Heard;
use onpace_kpis::{Block, Catalogue, NameId};
use onpace_processors::store::{self, Changes, Head, KpiStore, Settings, StoreError, StoreReader};
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;

use super::lane::Copy;
use super::past::Past;
use super::standing::Lane;
use super::{View, add, now_ms};

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
    configuration: Configuration,
    catalogue: Arc<Catalogue>,
    /// The configuration whose people the tally knows.
    met: Option<u64>,
    /// How many folded reps and values were told of.
    told: usize,
    view: View,
    settings: Option<Settings>,
    copies: Vec<Copy>,
    /// By lane, as last read.
    sources: Vec<Vec<store::Heard>>,
    looks: u32,
    past: Past,
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
    pub fn new(store: Arc<dyn KpiStore>, configuration: Configuration, view: View) -> Follower {
        let catalogue = Arc::clone(&configuration.now().catalogue);
        let (copies, sources) = (Vec::new(), Vec::new());
        let past = Past::default();
        Follower { store, configuration, catalogue, met: None, told: 0, view, settings: None, copies, sources, looks: 0, past }
    }

    /// The same once a past is folded.
    pub fn after(self, past: Past) -> Follower {
        self.view.change(|picture| picture.known.past = past.underway());
        Follower { past, ..self }
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

    pub(super) fn lost(&mut self, error: &StoreError) {
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
            let why = match error {
                StoreError::Away(why) => why.clone(),
                other => other.to_string(),
            };
            picture.known.away = Some((since_ms, why));
        });
    }

    /// One look at the store: whatever changed since the last.
    pub fn look(&mut self, reader: &mut dyn StoreReader) -> Result<(), StoreError> {
        if self.settings.is_none() || self.looks.is_multiple_of(SETTINGS_EVERY) {
            self.settle()?;
        }
        self.looks = self.looks.wrapping_add(1);
        if self.awaits(reader)? {
            self.view.heard();
            return Ok(());
        }
        self.meet();
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
        if changed {
            self.tell_folded();
        }
        Ok(())
    }

    /// Whether lanes have yet to be folded to the end of a past. Until then they aren't read: what they hold is of no use to anybody, and changes all the while.
    fn awaits(&mut self, reader: &mut dyn StoreReader) -> Result<bool, StoreError> {
        let Some(underway) = self.past.underway() else {
            if self.view.known().past.is_some() {
                self.view.change(|picture| picture.known.past = None);
            }
            return Ok(false);
        };
        let heads = (0..self.copies.len() as u32).map(|lane| reader.head(lane)).collect::<Result<Vec<_>, _>>()?;
        self.past.folded(heads.iter().flatten().map(|head| head.offset.max(0) as u64).sum());
        let held = underway.is_held(&heads);
        if held {
            self.past.is_over();
        }
        self.view.change(|picture| {
            let known = &mut picture.known;
            known.past = self.past.underway();
            known.away = None;
            known.lanes = heads.into_iter().map(Lane::underway).collect();
        });
        Ok(!held)
    }

    /// Has the tally know the roster's people: whoever joined them is taken out of those that are counted together.
    fn meet(&mut self) {
        let evaluation = self.configuration.now();
        if self.met.replace(evaluation.version) == Some(evaluation.version) {
            return;
        }
        let names = evaluation.roster.identities.keys().cloned().collect();
        let mut parted = Vec::new();
        self.view.change(|picture| parted = picture.tally.know(names));
        for name in parted {
            let mut blocks = Vec::new();
            for copy in &self.copies {
                match copy.blocks_of(&name) {
                    Ok(his) => blocks.extend(his.into_iter().map(|block| (copy.names(), block))),
                    Err(error) => tracing::error!(%error, "a block that was read before can't be read again"),
                }
            }
            self.view.change_counters(|tally| tally.part(&name, blocks.into_iter()));
        }
    }

    /// Says that reps or values are counted together: when it begins, and whenever they are ten times as many.
    fn tell_folded(&mut self) {
        let tally = self.view.read().tally;
        let values: usize = tally.dimensions().map(|dimension| tally.folded_values(dimension)).sum();
        let folded = tally.folded() + values;
        if folded > 10 * self.told {
            self.told = folded;
            tracing::warn!(
                reps = tally.folded(),
                values,
                "there are more reps that no roster knows, or more products, origins or stages, than are kept apart: those that came last are counted \
                 together as `other`; every total is right. Name the people in the roster; a source that sends ids of something else as `rep` is mended in its map"
            );
        }
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
                self.sources = vec![Vec::new(); lanes];
                // The new tally knows nobody yet.
                self.met = None;
                self.told = 0;
                self.view.change(|picture| {
                    picture.tally = onpace_kpis::Tally::new(&self.catalogue.measures);
                    picture.version += 1;
                    picture.known.loaded = false;
                    picture.known.empty = false;
                    picture.known.lanes = vec![Lane::default(); lanes];
                    picture.known.sources = Arc::default();
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
        self.hear(lane, reader)?;
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

    /// Reads when a lane's sources were last heard of. The head was read before: as of it, nobody spoke later than is read here.
    fn hear(&mut self, lane: u32, reader: &mut dyn StoreReader) -> Result<(), StoreError> {
        let rows = reader.sources(lane)?;
        let known = &mut self.sources[lane as usize];
        if *known != rows {
            *known = rows;
            let mut all = Heard::new();
            self.sources.iter().for_each(|rows| add(rows, &mut all));
            self.view.change(|picture| picture.known.sources = Arc::new(all));
        }
        Ok(())
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
        self.hear(lane, reader)?;
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_kpis::{By, Question, Window};

    use super::super::{State, read_once};
    use super::*;
    use crate::fixture::{Store, evaluation};

    const AT_US: i64 = 1_772_000_000_000_000;

    fn follower(store: &Store) -> (Follower, View) {
        let evaluation = evaluation();
        let view = View::of_nothing(&evaluation.catalogue, now_ms());
        (Follower::new(Arc::new(store.clone()), Configuration::fixed(evaluation), view.clone()), view)
    }

    fn look(follower: &mut Follower, store: &Store) {
        follower.look(&mut store.clone()).unwrap();
    }

    fn values(tally: &onpace_kpis::Tally, kpi: &str) -> Vec<(String, String)> {
        let evaluation = evaluation();
        let kpis = evaluation.catalogue.select([kpi]).unwrap();
        let rows = evaluation.unconverted(tally, Question { kpis: &kpis, ..Question::new(AT_US + 1, By::Rep, &[Window::All]) });
        rows.iter().map(|row| (row.key.as_ref().unwrap().1.to_string(), row.plain())).collect()
    }

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(rep, value)| ((*rep).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_changes_in_the_store_changes_in_the_view() {
        let store = Store::of(2);
        store.begin(0, 1);
        store.begin(1, 2);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        store.add(1, "marie", "calls_made", "", None, AT_US, 3);
        let (mut follower, view) = follower(&store);
        assert_eq!(view.standing().state, State::Loading);
        look(&mut follower, &store);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("marie", "5")]));
        assert_eq!(view.standing().state, State::Fresh);
        // A name that was not there before, a correction, a day before.
        store.add(0, "Zoë \"Z\"", "calls_made", "", None, AT_US, 1);
        store.add(1, "marie", "calls_made", "", None, AT_US, -3);
        store.add(1, "marie", "calls_made", "", None, AT_US - 86_400_000_000, 4);
        look(&mut follower, &store);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("Zoë \"Z\"", "1"), ("marie", "6")]));
        assert_eq!(values(&read_once(&store, &evaluation()).unwrap().tally, "calls_made"), values(&view.read().tally, "calls_made"));
        assert_eq!(store.inside(|inside| inside.loads), 4, "each lane once by the view, once by reading all");
    }

    #[test]
    fn nothing_is_read_again_while_no_head_moves() {
        let store = Store::of(1);
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        let (mut follower, view) = follower(&store);
        look(&mut follower, &store);
        let version = view.read().version;
        look(&mut follower, &store);
        look(&mut follower, &store);
        assert_eq!((view.read().version, store.inside(|inside| inside.loads)), (version, 1));
    }

    #[test]
    fn a_lane_that_went_back_is_loaded_anew_and_not_whole_until_it_has_caught_up() {
        let store = Store::of(1);
        store.begin(0, 1);
        let before = store.inside(|inside| inside.clone());
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        store.add(0, "paul", "calls_made", "", None, AT_US, 7);
        let (mut follower, view) = follower(&store);
        look(&mut follower, &store);
        let whole = values(&view.read().tally, "calls_made");
        // Put back to how it was, the log still being there.
        store.inside(|inside| inside.lanes = before.lanes);
        store.head(0, 0, 2, 5);
        look(&mut follower, &store);
        assert_eq!(view.standing().state, State::CatchingUp);
        store.add(0, "paul", "calls_made", "", None, AT_US, 7);
        look(&mut follower, &store);
        assert!(!view.standing().whole);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        look(&mut follower, &store);
        assert_eq!(view.standing().state, State::Fresh);
        assert_eq!(values(&view.read().tally, "calls_made"), whole);
    }

    #[test]
    fn nothing_is_shown_before_a_past_is_folded() {
        let store = Store::of(1);
        let (evaluation, past) = (evaluation(), Past::awaited("a week of 2 reps".into()));
        let view = View::of_nothing(&evaluation.catalogue, now_ms());
        let mut follower = Follower::new(Arc::new(store.clone()), Configuration::fixed(evaluation), view.clone()).after(past.clone());
        let mut reason = |what: &str| {
            look(&mut follower, &store);
            let standing = view.standing();
            assert_eq!((standing.state, standing.whole, view.ready().is_ok()), (State::CatchingUp, false, false), "{what}");
            assert_eq!(view.read().version, 1, "{what}: a counter was taken up");
            standing.reason
        };
        assert_eq!(reason("nothing is begun"), "a week of 2 reps: 0 % made up, 0 events; 0 of them folded");
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        past.written(40, 2);
        // As far as anybody knows the lane is folded to the log's end: it is whole, and not all there is to come.
        assert_eq!(reason("some is folded"), "a week of 2 reps: 40 % made up, 2 events; 1 of them folded");
        store.add(0, "paul", "calls_made", "", None, AT_US, 7);
        past.written(99, 3);
        past.is_written(3, vec![3]);
        assert_eq!(reason("all is written"), "a week of 2 reps: made up, 3 events; 2 of them folded");
        store.add(0, "marie", "calls_made", "", None, AT_US, 1);
        look(&mut follower, &store);
        assert_eq!((view.standing().state, view.standing().whole, view.ready().is_ok()), (State::Fresh, true, true));
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("marie", "3"), ("paul", "7")]));
        assert_eq!((store.inside(|inside| inside.loads), past.underway()), (1, None));
        // From here on it is followed as ever.
        store.add(0, "paul", "calls_made", "", None, AT_US, 1);
        look(&mut follower, &store);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("marie", "3"), ("paul", "8")]));
    }

    #[test]
    fn a_wiped_store_is_noticed_and_followed_again() {
        let store = Store::of(1);
        let settings = store.settings().unwrap().unwrap();
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        let (mut follower, view) = follower(&store);
        look(&mut follower, &store);
        store.wipe(settings).unwrap();
        look(&mut follower, &store);
        assert_eq!((view.standing().state, view.standing().whole), (State::CatchingUp, false));
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[]));
        // Begun again under other numbers for the names.
        store.begin(0, 9);
        store.add(0, "paul", "calls_made", "", None, AT_US, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        look(&mut follower, &store);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("marie", "2"), ("paul", "1")]));
    }

    #[test]
    fn equal_bytes_under_other_names_are_another_reps() {
        let store = Store::of(1);
        let settings = store.settings().unwrap().unwrap();
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        let (mut follower, view) = follower(&store);
        look(&mut follower, &store);
        // Wiped and begun again between two looks; `paul` now has the number that was `marie`'s.
        store.wipe(settings).unwrap();
        store.begin(0, 9);
        store.add(0, "paul", "calls_made", "", None, AT_US, 2);
        look(&mut follower, &store);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("paul", "2")]));
    }

    #[test]
    fn a_store_that_comes_back_goes_on_where_it_was() {
        let store = Store::of(1);
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        let (mut follower, view) = follower(&store);
        look(&mut follower, &store);
        store.inside(|inside| inside.away = true);
        let error = follower.look(&mut store.clone()).unwrap_err();
        follower.lost(&error);
        assert_eq!((view.standing().state, view.standing().whole), (State::StoreAway, true));
        assert!(view.ready().is_err() && view.live().is_ok());
        store.inside(|inside| inside.away = false);
        store.add(0, "marie", "calls_made", "", None, AT_US, 1);
        look(&mut follower, &store);
        assert_eq!(view.standing().state, State::Fresh);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("marie", "3")]));
        assert_eq!(store.inside(|inside| inside.loads), 1);
    }

    #[test]
    fn a_store_of_other_measures_is_not_read() {
        let store = Store::of(1);
        store.wipe(Settings { lanes: 1, fingerprint: 7 }).unwrap();
        let (mut follower, view) = follower(&store);
        let error = follower.look(&mut store.clone()).unwrap_err();
        follower.lost(&error);
        assert!(view.standing().reason.contains("onpace rebuild"), "{}", view.standing().reason);
        assert!(!view.standing().whole);
        assert!(read_once(&store, &evaluation()).is_err());
    }

    #[test]
    fn an_empty_store_is_empty_not_missing() {
        let store = Store::default();
        let (mut follower, view) = follower(&store);
        look(&mut follower, &store);
        assert_eq!((view.standing().state, view.standing().whole), (State::Empty, true));
        store.settle(Settings { lanes: 1, fingerprint: evaluation().catalogue.fingerprint() }).unwrap();
        store.begin(0, 1);
        store.add(0, "marie", "calls_made", "", None, AT_US, 2);
        look(&mut follower, &store);
        assert_eq!(values(&view.read().tally, "calls_made"), of(&[("marie", "2")]));
    }
}
