//! The view over the real stores that need no server: what a lane's writer commits is what the view shows, through a
//! store that is wiped and folded anew.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onpace_kpis::block::BlockId;
use onpace_kpis::{Block, By, Catalogue, Counter, Question, Roster, Slot, Window};
use onpace_processors::store::{Commit, EmbeddedStore, Heard, Key, KpiStore, MemoryStore, Settings, Settled, sums};
use onpace_sinks::{Configuration, Evaluation, View, read_once};
use tokio_util::sync::CancellationToken;

const DAY: i32 = 20_000;

/// A lane that nobody folds but this test: the calls of reps on one day.
struct Folded {
    offset: i64,
    names: Vec<String>,
    /// What each block is in the lane's sums.
    parts: BTreeMap<BlockId, sums::Part>,
    heard: Option<Heard>,
}

impl Folded {
    fn of(writer: &mut dyn onpace_processors::store::LaneWriter) -> Folded {
        let offset = writer.take_over().unwrap().head.offset;
        Folded { offset, names: Vec::new(), parts: BTreeMap::new(), heard: None }
    }

    fn commit(&mut self, writer: &mut dyn onpace_processors::store::LaneWriter, calls: &[(&str, i128)]) {
        let names_from = self.names.len() as u32 + 1;
        let mut commit = Commit { names_from, ..Commit::default() };
        let mut blocks = BTreeMap::new();
        for (rep, value) in calls {
            if !self.names.iter().any(|name| name == rep) {
                self.names.push((*rep).to_owned());
                commit.names.push((*rep).to_owned());
            }
            let rep = self.names.iter().position(|name| name == rep).unwrap() as u32 + 1;
            let mut block = Block::default();
            block.add(Counter { measure: 0, dims: [0, 0], extra: 0, slot: Slot::at(DAY, 5) }, *value);
            let mut packed = Vec::new();
            block.pack(&mut packed);
            blocks.insert(BlockId { rep, day: DAY }, packed);
        }
        for (id, packed) in blocks {
            let was = self.parts.insert(id, id.part(&packed)).flatten();
            commit.blocks.push(id, was, |out| out.extend_from_slice(&packed));
        }
        self.offset += 1;
        (commit.offset, commit.end, commit.recorded_ms) = (self.offset, self.offset, 1_000 * self.offset);
        let row = Heard { source: "phone".into(), recorded_ms: [commit.recorded_ms, 0, 0, 0] };
        commit.sources_change.change(self.heard.as_ref().and_then(sums::source), sums::source(&row));
        self.heard = Some(row.clone());
        commit.sources = vec![row];
        writer.submit(&commit).unwrap();
        assert_eq!(writer.settle().unwrap(), Settled::Committed);
    }
}

fn shown(evaluation: &Evaluation, tally: &onpace_kpis::Tally) -> Vec<(String, String)> {
    let kpis = evaluation.catalogue.select(["calls_made"]).unwrap();
    let at_us = i64::from(DAY + 1) * 86_400_000_000;
    let rows = evaluation.rows(tally, &Question { kpis: &kpis, ..Question::new(at_us, By::Rep, &[Window::All]) }).unwrap();
    rows.iter().map(|row| (row.key.as_ref().unwrap().1.to_string(), row.plain())).collect()
}

fn follows(store: Arc<dyn KpiStore>) {
    let catalogue = Catalogue::built_in().unwrap();
    assert_eq!(catalogue.measures[0].name, "calls_made");
    let evaluation = Evaluation::new(catalogue, Roster::default());
    let settings = Settings { lanes: 2, fingerprint: evaluation.catalogue.fingerprint() };
    let stop = CancellationToken::new();
    let view = View::follow(store.clone(), Configuration::fixed(evaluation.clone()), stop.clone()).unwrap();
    let until = |wanted: &[(&str, &str)]| {
        let wanted: Vec<_> = wanted.iter().map(|(rep, value)| ((*rep).to_owned(), (*value).to_owned())).collect();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !view.standing().whole || shown(&evaluation, &view.read().tally) != wanted {
            assert!(Instant::now() < deadline, "{:?}: {:?}, not {wanted:?}", view.standing(), shown(&evaluation, &view.read().tally));
            std::thread::sleep(Duration::from_millis(20));
        }
        let once = read_once(&*store, &evaluation).unwrap();
        assert_eq!((shown(&evaluation, &once.tally), &once.sources), (wanted, &*view.known().sources));
    };
    until(&[]);

    store.settle(settings).unwrap();
    let mut writers: Vec<_> = (0..2).map(|lane| store.writer(lane).unwrap()).collect();
    let mut lanes: Vec<_> = writers.iter_mut().map(|writer| Folded::of(&mut **writer)).collect();
    lanes[0].commit(&mut *writers[0], &[("marie", 3)]);
    lanes[1].commit(&mut *writers[1], &[("paul", 1), ("marie", 2)]);
    until(&[("marie", "5"), ("paul", "1")]);
    lanes[0].commit(&mut *writers[0], &[("marie", 4), ("zoë \"z\"", 7)]);
    lanes[1].commit(&mut *writers[1], &[("paul", 0)]);
    until(&[("marie", "6"), ("zoë \"z\"", "7")]);
    // Each lane heard of it twice.
    assert_eq!(view.known().sources["phone"], [2_000, 0, 0, 0]);

    // Wiped under the view, and folded anew with the names in another order.
    store.wipe(settings).unwrap();
    let mut writers: Vec<_> = (0..2).map(|lane| store.writer(lane).unwrap()).collect();
    let mut lanes: Vec<_> = writers.iter_mut().map(|writer| Folded::of(&mut **writer)).collect();
    lanes[0].commit(&mut *writers[0], &[("zoë \"z\"", 3)]);
    lanes[1].commit(&mut *writers[1], &[("marie", 2)]);
    until(&[("marie", "2"), ("zoë \"z\"", "3")]);
    assert_eq!(view.known().sources["phone"], [1_000, 0, 0, 0]);
    stop.cancel();
}

#[test]
fn the_store_in_memory() {
    follows(Arc::new(MemoryStore::default()));
}

#[test]
fn the_embedded_store() {
    let folder = tempfile::tempdir().unwrap();
    let measures = Catalogue::built_in().unwrap().measures.into_iter().map(|measure| measure.name).collect();
    follows(Arc::new(EmbeddedStore::open(folder.path().join("onpace.db"), measures).unwrap()));
}
