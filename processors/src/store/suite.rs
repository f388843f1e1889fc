//! What every store must do: one suite of tests, run against all of them by [`tests!`].
//!
//! In: a way to make an empty store. Out: passing tests, or a panic that says what the store did.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

use onpace_kpis::block::{Block, BlockId};
use onpace_kpis::{Counter, Slot};
use onpace_schemas::Kind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Changes, Commit, EntityId, Head, Heard, KpiStore, LaneWriter, Position, Settings, Settled, StoreError, StoreReader};

pub(crate) const SETTINGS: Settings = Settings { lanes: 3, fingerprint: 0xFEED_0000_0000_0001 };

/// A store under test, and what is done to it behind its back.
pub(crate) trait Place {
    fn store(&self) -> &dyn KpiStore;
    /// The same store as another process has it.
    fn elsewhere(&self) -> Box<dyn KpiStore>;
    fn snapshot(&self) -> Box<dyn Any>;
    fn restore(&self, snapshot: &dyn Any);
    /// Everything is gone, as after a restart that keeps nothing.
    fn forget(&self);
    /// Another place of this kind, empty.
    fn again(&self) -> Box<dyn Place>;
}

/// Declares a test for every case below; the argument makes a [`Place`] with an empty store.
macro_rules! tests {
    ($make:expr) => {
        $crate::store::suite::tests!(@each $make;
            a_new_lane_is_empty, a_commit_is_there_whole, a_fenced_commit_does_nothing, taking_over_raises_the_epoch,
            a_wiped_lane_fences_its_owner, a_lost_store_begins_anew, an_older_store_fences_its_owner, names_are_numbered_on,
            states_move_between_small_and_large, an_empty_block_is_dropped, blocks_come_in_the_order_asked, every_entity_is_told,
            reads_see_what_was_submitted, changes_follow_commits, an_idle_commit_changes_nothing, a_forgotten_past_is_a_gap,
            another_birth_is_a_gap, going_back_is_a_gap, a_lane_that_was_never_begun, other_settings_are_refused,
            a_store_for_something_else_is_not_taken_over, a_wipe_takes_over_settings, lanes_are_apart, a_large_commit_arrives,
            sources_move_with_the_commit, a_source_that_says_nothing_is_dropped, inspecting_says_what_is_there, does_what_a_map_does);
    };
    (@each $make:expr; $($case:ident),+) => {
        $(#[test]
        fn $case() {
            $crate::store::suite::$case(&($make)());
        })+
    };
}
pub(crate) use tests;

fn id(number: u64) -> EntityId {
    // As scattered as a hash, and told apart by the bits of `short`.
    let scattered = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) * 0x1_0000_0001_0000_0001;
    EntityId((scattered ^ u128::from(number) << 64).to_be_bytes())
}

/// A block that counts `value` of measure 1.
fn block(day: i32, value: i128) -> Vec<u8> {
    let mut block = Block::default();
    block.add(Counter { measure: 1, dims: [0, 0], extra: 0, slot: Slot::at(day, 57) }, value);
    let mut packed = Vec::new();
    block.pack(&mut packed);
    packed
}

fn at(rep: u32, day: i32) -> BlockId {
    BlockId { rep, day }
}

fn commit(offset: i64) -> Commit {
    Commit { offset, end: offset + 5, recorded_ms: offset * 10, names_from: 1, ..Commit::default() }
}

fn taken(place: &dyn Place, lane: u32) -> (Box<dyn LaneWriter>, Head, Vec<String>) {
    place.store().settle(SETTINGS).unwrap();
    let mut writer = place.store().writer(lane).unwrap();
    let (head, names) = writer.take_over().unwrap();
    (writer, head, names)
}

fn put(writer: &mut dyn LaneWriter, commit: &Commit) {
    writer.submit(commit).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
}

fn fenced(writer: &mut dyn LaneWriter, commit: &Commit) {
    writer.submit(commit).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Fenced);
    // And from then on.
    writer.submit(commit).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Fenced);
}

/// A lane as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    names: Vec<String>,
    blocks: BTreeMap<BlockId, Vec<u8>>,
    position: Position,
}

fn load(reader: &mut dyn StoreReader, lane: u32) -> Option<Seen> {
    let (mut names, mut blocks) = (Vec::new(), BTreeMap::new());
    let position = reader.load(lane, &mut |name| names.push(name.to_owned()), &mut |id, packed| {
        assert!(blocks.insert(id, packed.to_vec()).is_none(), "{id:?} twice");
    });
    Some(Seen { names, blocks, position: position.unwrap()? })
}

fn entities(writer: &mut dyn LaneWriter, ids: &[EntityId]) -> Vec<Option<Vec<u8>>> {
    let mut found = vec![None; ids.len()];
    writer.entities(ids, &mut |place, packed| assert_eq!(found[place].replace(packed.to_vec()), None)).unwrap();
    found
}

fn blocks(writer: &mut dyn LaneWriter, ids: &[BlockId]) -> Vec<Option<Vec<u8>>> {
    let mut found = vec![None; ids.len()];
    writer.blocks(ids, &mut |place, packed| assert_eq!(found[place].replace(packed.to_vec()), None)).unwrap();
    found
}

fn shorts(writer: &mut dyn LaneWriter) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    writer.every_entity(&mut |id| assert!(all.insert(id.short()), "{id:?} twice")).unwrap();
    all
}

fn followed(reader: &mut dyn StoreReader, lane: u32, since: &Position) -> (Vec<BlockId>, Position) {
    match reader.changes(lane, since).unwrap() {
        Changes::Blocks(blocks, position) => (blocks, position),
        Changes::Gap => panic!("a gap since {since:?}"),
    }
}

fn gap(reader: &mut dyn StoreReader, lane: u32, since: &Position) {
    assert_eq!(reader.changes(lane, since).unwrap(), Changes::Gap);
}

pub(crate) fn a_new_lane_is_empty(place: &impl Place) {
    assert_eq!(place.store().settings().unwrap(), None);
    let (mut writer, head, names) = taken(place, 0);
    assert_eq!((head.epoch, head.offset, head.end, head.recorded_ms, head.entities, names.len()), (1, 0, 0, 0, 0, 0));
    assert_eq!(entities(writer.as_mut(), &[id(1)]), [None]);
    assert_eq!(blocks(writer.as_mut(), &[at(0, 0)]), [None]);
    assert!(shorts(writer.as_mut()).is_empty());
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.head(0).unwrap(), Some(head));
    let seen = load(reader.as_mut(), 0).unwrap();
    assert_eq!((seen.names.len(), seen.blocks.len(), seen.position.names, seen.position.birth), (0, 0, 1, head.birth));
    assert_eq!(followed(reader.as_mut(), 0, &seen.position).0, []);
    assert_eq!(place.store().settings().unwrap(), Some(SETTINGS));
    // Another lane, another birth.
    assert_ne!(taken(place, 1).1.birth, head.birth);
}

pub(crate) fn a_commit_is_there_whole(place: &impl Place) {
    let (mut writer, head, _) = taken(place, 0);
    let first = Commit {
        entities: vec![(id(1), vec![1; 30], true), (id(2), vec![0xFF], true), (id(3), b"12345".to_vec(), true)],
        blocks: vec![(at(0, -3), block(-3, 1)), (at(1, 20_000), block(20_000, -7)), (at(1, 20_001), block(20_001, i128::MAX >> 1))],
        names: vec!["marie".into(), "an \"odd\" näme\r\n{0}".into()],
        ..commit(3)
    };
    put(writer.as_mut(), &first);
    let second = Commit {
        entities: vec![(id(1), vec![2; 31], false), (id(4), vec![3], true)],
        blocks: vec![(at(1, 20_000), block(20_000, 8))],
        names_from: 3,
        ..commit(9)
    };
    put(writer.as_mut(), &second);
    let states = [Some(vec![2; 31]), Some(vec![0xFF]), Some(b"12345".to_vec()), Some(vec![3]), None];
    assert_eq!(entities(writer.as_mut(), &[id(1), id(2), id(3), id(4), id(5)]), states);
    assert_eq!(blocks(writer.as_mut(), &[at(1, 20_000), at(2, 0), at(0, -3)]), [Some(block(20_000, 8)), None, Some(block(-3, 1))]);
    let wanted = Head { offset: 9, end: 14, recorded_ms: 90, entities: 4, ..head };
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.head(0).unwrap(), Some(wanted));
    let seen = load(reader.as_mut(), 0).unwrap();
    assert_eq!(seen.names, first.names);
    let all = [(at(0, -3), block(-3, 1)), (at(1, 20_000), block(20_000, 8)), (at(1, 20_001), block(20_001, i128::MAX >> 1))];
    assert_eq!(seen.blocks, BTreeMap::from(all));
    // And for whoever takes the lane over.
    let (mut other, head, names) = taken(place, 0);
    assert_eq!((head, names), (Head { epoch: 2, ..wanted }, first.names));
    assert_eq!(entities(other.as_mut(), &[id(2), id(1)]), [Some(vec![0xFF]), Some(vec![2; 31])]);
}

/// All that a lane holds, to see that nothing moved.
fn everything(place: &dyn Place, lane: u32) -> (Option<Head>, Option<Seen>, Vec<Heard>) {
    let mut reader = place.store().reader().unwrap();
    (reader.head(lane).unwrap(), load(reader.as_mut(), lane), reader.sources(lane).unwrap())
}

pub(crate) fn a_fenced_commit_does_nothing(place: &impl Place) {
    let (mut zombie, ..) = taken(place, 0);
    put(zombie.as_mut(), &Commit { entities: vec![(id(1), vec![1], true)], blocks: vec![(at(0, 1), block(1, 1))], ..commit(1) });
    let (mut owner, ..) = taken(place, 0);
    let before = everything(place, 0);
    let late = Commit {
        entities: vec![(id(1), vec![9], false), (id(2), vec![9; 100], true)],
        blocks: vec![(at(0, 1), block(1, 9)), (at(0, 2), block(2, 9))],
        names: vec!["zombie".into()],
        sources: vec![heard("zombie", &[(Kind::Call, 9)])],
        ..commit(2)
    };
    fenced(zombie.as_mut(), &late);
    assert_eq!(everything(place, 0), before);
    assert_eq!(entities(owner.as_mut(), &[id(1), id(2)]), [Some(vec![1]), None]);
    put(owner.as_mut(), &Commit { blocks: vec![(at(0, 3), block(3, 1))], ..commit(2) });
    fenced(zombie.as_mut(), &late);
}

pub(crate) fn taking_over_raises_the_epoch(place: &impl Place) {
    let (mut first, head, _) = taken(place, 2);
    // Again by the same, and by others, who see what was committed between.
    assert_eq!(first.take_over().unwrap().0, Head { epoch: 2, ..head });
    put(first.as_mut(), &Commit { names: vec!["a".into()], ..commit(4) });
    let elsewhere = place.elsewhere();
    elsewhere.settle(SETTINGS).unwrap();
    let mut second = elsewhere.writer(2).unwrap();
    let (next, names) = second.take_over().unwrap();
    assert_eq!((next.epoch, next.offset, next.birth, names), (3, 4, head.birth, vec!["a".to_owned()]));
    fenced(first.as_mut(), &commit(5));
    assert_eq!(first.take_over().unwrap().0.epoch, 4);
    put(first.as_mut(), &commit(5));
    fenced(second.as_mut(), &commit(5));
}

fn grown(place: &dyn Place) -> (Box<dyn LaneWriter>, Head) {
    let (mut writer, head, _) = taken(place, 0);
    for step in 1..=20u32 {
        let change = Commit {
            entities: vec![(id(step.into()), vec![step as u8; step as usize * 6], true)],
            blocks: vec![(at(step, 100), block(100, step.into()))],
            names: vec![format!("rep {step}")],
            names_from: step,
            sources: vec![heard("phone", &[(Kind::Call, step.into())])],
            ..commit(step.into())
        };
        put(writer.as_mut(), &change);
    }
    (writer, head)
}

pub(crate) fn a_wiped_lane_fences_its_owner(place: &impl Place) {
    let (mut owner, head) = grown(place);
    place.store().wipe(SETTINGS).unwrap();
    assert_eq!(everything(place, 0), (None, None, Vec::new()));
    fenced(owner.as_mut(), &Commit { entities: vec![(id(1), vec![9], false)], ..commit(21) });
    assert_eq!(everything(place, 0), (None, None, Vec::new()));
    let (mut anew, next, names) = taken(place, 0);
    assert_eq!((next.offset, next.entities, names.len()), (0, 0, 0));
    assert_ne!(next.birth, head.birth);
    assert!(shorts(anew.as_mut()).is_empty());
    assert_eq!(entities(anew.as_mut(), &[id(1), id(20)]), [None, None]);
    assert_eq!(blocks(anew.as_mut(), &[at(1, 100)]), [None]);
    fenced(owner.as_mut(), &commit(21));
}

pub(crate) fn a_lost_store_begins_anew(place: &impl Place) {
    let (mut owner, head) = grown(place);
    place.forget();
    assert_eq!(place.store().settings().unwrap(), None);
    fenced(owner.as_mut(), &Commit { entities: vec![(id(1), vec![9], false)], ..commit(21) });
    // The same process goes on unasked: it knows what the store was for.
    let mut anew = place.store().writer(0).unwrap();
    let (next, names) = anew.take_over().unwrap();
    assert_eq!((next.offset, next.entities, names.len()), (0, 0, 0));
    assert_ne!(next.birth, head.birth);
    assert_eq!(place.store().settings().unwrap(), Some(SETTINGS));
    put(anew.as_mut(), &commit(1));
}

pub(crate) fn an_older_store_fences_its_owner(place: &impl Place) {
    let (mut owner, head) = grown(place);
    let older = place.snapshot();
    let then = everything(place, 0);
    let more = Commit {
        entities: vec![(id(50), vec![1; 80], true)],
        blocks: vec![(at(1, 100), block(100, 99))],
        names: vec!["new".into()],
        names_from: 21,
        sources: vec![heard("phone", &[(Kind::Call, 21)]), heard("new", &[(Kind::Deal, 21)])],
        ..commit(21)
    };
    put(owner.as_mut(), &more);
    place.restore(older.as_ref());
    fenced(owner.as_mut(), &Commit { entities: vec![(id(51), vec![1], true)], names_from: 22, ..commit(22) });
    assert_eq!(everything(place, 0), then);
    let (mut again, next, names) = taken(place, 0);
    assert_eq!((next.birth, next.offset, next.entities, names.len()), (head.birth, 20, 20, 20));
    assert_eq!(entities(again.as_mut(), &[id(50), id(20)]), [None, Some(vec![20; 120])]);
    put(again.as_mut(), &more);
}

pub(crate) fn names_are_numbered_on(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    put(writer.as_mut(), &Commit { names: vec!["a".into(), "b".into()], ..commit(1) });
    put(writer.as_mut(), &Commit { names_from: 3, ..commit(2) });
    put(writer.as_mut(), &Commit { names: vec!["c".into()], names_from: 3, ..commit(3) });
    let mut reader = place.store().reader().unwrap();
    let mut from = |number| {
        let mut names = Vec::new();
        reader.names(0, number, &mut |name| names.push(name.to_owned())).unwrap();
        names.join(" ")
    };
    assert_eq!([from(0), from(1), from(2), from(3), from(4), from(9)], ["a b c", "a b c", "b c", "c", "", ""]);
    assert_eq!(taken(place, 0).2, ["a", "b", "c"]);
    let many: Vec<String> = (0..25_000).map(|number| format!("name {number}")).collect();
    let (mut writer, ..) = taken(place, 0);
    put(writer.as_mut(), &Commit { names: many.clone(), names_from: 4, ..commit(4) });
    let seen = load(place.store().reader().unwrap().as_mut(), 0).unwrap();
    assert_eq!((seen.names.len(), seen.position.names), (25_003, 25_004));
    assert_eq!(seen.names[3..], many);
}

pub(crate) fn states_move_between_small_and_large(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    for (step, size) in (1..).zip([10usize, 64, 65, 5_000, 66, 64, 1, 200, 3, 100_000]) {
        put(
            writer.as_mut(),
            &Commit { entities: vec![(id(7), vec![step as u8; size], step == 1), (id(8), vec![7; 20], step == 1)], ..commit(step) },
        );
        assert_eq!(entities(writer.as_mut(), &[id(7), id(6), id(8)]), [Some(vec![step as u8; size]), None, Some(vec![7; 20])]);
        assert_eq!(shorts(writer.as_mut()), BTreeSet::from([id(7).short(), id(8).short()]));
        if step % 3 == 0 {
            writer = taken(place, 0).0;
            assert_eq!(entities(writer.as_mut(), &[id(7)]), [Some(vec![step as u8; size])]);
        }
    }
    assert_eq!(everything(place, 0).0.unwrap().entities, 2);
}

pub(crate) fn an_empty_block_is_dropped(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let blocks_now = vec![(at(1, 1), block(1, 1)), (at(1, 2), block(2, 1)), (at(2, 1), block(1, 1))];
    put(writer.as_mut(), &Commit { blocks: blocks_now, names: vec!["a".into(), "b".into()], ..commit(1) });
    let mut reader = place.store().reader().unwrap();
    let seen = load(reader.as_mut(), 0).unwrap();
    put(
        writer.as_mut(),
        &Commit {
            blocks: vec![(at(1, 1), Vec::new()), (at(1, 2), block(2, 2)), (at(2, 1), Vec::new()), (at(5, 5), Vec::new())],
            names_from: 3,
            ..commit(2)
        },
    );
    assert_eq!(load(reader.as_mut(), 0).unwrap().blocks, BTreeMap::from([(at(1, 2), block(2, 2))]));
    assert_eq!(blocks(writer.as_mut(), &[at(1, 1), at(1, 2)]), [None, Some(block(2, 2))]);
    // That it is gone is a change too.
    assert_eq!(followed(reader.as_mut(), 0, &seen.position).0, [at(1, 1), at(1, 2), at(2, 1), at(5, 5)]);
}

pub(crate) fn blocks_come_in_the_order_asked(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    put(writer.as_mut(), &Commit { blocks: vec![(at(1, 1), block(1, 1)), (at(3, -1), block(-1, 3))], ..commit(1) });
    let asked = [at(3, -1), at(2, 2), at(1, 1), at(3, -1)];
    let mut got = Vec::new();
    place.store().reader().unwrap().blocks(0, &asked, &mut |id, packed| got.push((id, packed.to_vec()))).unwrap();
    assert_eq!(got, [(at(3, -1), block(-1, 3)), (at(2, 2), Vec::new()), (at(1, 1), block(1, 1)), (at(3, -1), block(-1, 3))]);
}

pub(crate) fn every_entity_is_told(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let all: BTreeSet<u64> = (0..3_000).map(|number| id(number).short()).collect();
    let states = (0..3_000).map(|number| (id(number), vec![1; if number % 10 == 0 { 90 } else { 30 }], true)).collect();
    put(writer.as_mut(), &Commit { entities: states, ..commit(1) });
    assert_eq!(shorts(writer.as_mut()), all);
    assert_eq!(shorts(taken(place, 0).0.as_mut()), all);
    assert!(shorts(taken(place, 1).0.as_mut()).is_empty());
}

pub(crate) fn reads_see_what_was_submitted(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    writer
        .submit(&Commit {
            entities: vec![(id(1), vec![1; 10], true), (id(2), vec![2; 70], true)],
            blocks: vec![(at(0, 1), block(1, 1))],
            ..commit(1)
        })
        .unwrap();
    assert_eq!(entities(writer.as_mut(), &[id(1), id(2)]), [Some(vec![1; 10]), Some(vec![2; 70])]);
    assert_eq!(blocks(writer.as_mut(), &[at(0, 1)]), [Some(block(1, 1))]);
    assert_eq!(shorts(writer.as_mut()).len(), 2);
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    // What became of a commit isn't lost on the way either.
    let _owner = taken(place, 0);
    writer.submit(&Commit { blocks: vec![(at(0, 1), block(1, 2))], ..commit(2) }).unwrap();
    assert_eq!(blocks(writer.as_mut(), &[at(0, 1)]), [Some(block(1, 1))]);
    assert_eq!(writer.settle().unwrap(), Settled::Fenced);
}

pub(crate) fn changes_follow_commits(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    put(writer.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 1))], ..commit(1) });
    let mut reader = place.store().reader().unwrap();
    let start = load(reader.as_mut(), 0).unwrap().position;
    assert_eq!(followed(reader.as_mut(), 0, &start), (Vec::new(), start.clone()));
    put(writer.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 2)), (at(0, 2), block(2, 1))], ..commit(2) });
    put(
        writer.as_mut(),
        &Commit { blocks: vec![(at(0, 2), block(2, 2)), (at(7, -4), block(-4, 1))], names: vec!["x".into()], ..commit(3) },
    );
    let (changed, next) = followed(reader.as_mut(), 0, &start);
    assert_eq!(changed, [at(0, 1), at(0, 2), at(7, -4)]);
    assert_eq!((next.birth, next.offset), (start.birth, 3));
    assert_eq!(followed(reader.as_mut(), 0, &next), (Vec::new(), next.clone()));
    put(writer.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 3))], names_from: 2, ..commit(4) });
    assert_eq!(followed(reader.as_mut(), 0, &next).0, [at(0, 1)]);
    assert_eq!(followed(reader.as_mut(), 0, &start).0, [at(0, 1), at(0, 2), at(7, -4)]);
    // Another owner is no gap.
    let (mut owner, ..) = taken(place, 0);
    put(owner.as_mut(), &Commit { blocks: vec![(at(9, 9), block(9, 3))], names_from: 2, ..commit(5) });
    assert_eq!(followed(reader.as_mut(), 0, &next).0, [at(0, 1), at(9, 9)]);
}

pub(crate) fn an_idle_commit_changes_nothing(place: &impl Place) {
    let (mut writer, _) = grown(place);
    let mut reader = place.store().reader().unwrap();
    let start = load(reader.as_mut(), 0).unwrap();
    for _ in 0..3 {
        put(writer.as_mut(), &Commit { end: 77, names_from: 21, ..commit(20) });
    }
    assert_eq!(reader.head(0).unwrap().map(|head| (head.offset, head.end, head.entities)), Some((20, 77, 20)));
    assert_eq!(followed(reader.as_mut(), 0, &start.position).0, []);
    assert_eq!(load(reader.as_mut(), 0).unwrap().blocks, start.blocks);
}

pub(crate) fn a_forgotten_past_is_a_gap(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let mut reader = place.store().reader().unwrap();
    let start = load(reader.as_mut(), 0).unwrap().position;
    // Large ones, so that a stream that is cut by its size is cut early.
    let wide: Vec<(BlockId, Vec<u8>)> = (0..200).map(|step| (at(step, step as i32 * 10_000), block(step as i32 * 10_000, 1))).collect();
    let mut last = start.clone();
    for offset in 1..=10_200 {
        let blocks = if offset % 1_000 == 0 { wide.clone() } else { vec![wide[offset as usize % 200].clone()] };
        put(writer.as_mut(), &Commit { blocks, ..commit(offset) });
        if offset == 10_100 {
            last = load(reader.as_mut(), 0).unwrap().position;
        }
    }
    gap(reader.as_mut(), 0, &start);
    assert_eq!(followed(reader.as_mut(), 0, &last).0.len(), 100);
}

pub(crate) fn another_birth_is_a_gap(place: &impl Place) {
    let (_writer, _) = grown(place);
    let mut reader = place.store().reader().unwrap();
    let start = load(reader.as_mut(), 0).unwrap().position;
    place.store().wipe(SETTINGS).unwrap();
    gap(reader.as_mut(), 0, &start);
    let (mut anew, _) = grown(place);
    put(anew.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 1))], names_from: 21, ..commit(100) });
    gap(reader.as_mut(), 0, &start);
}

pub(crate) fn going_back_is_a_gap(place: &impl Place) {
    let (mut writer, _) = grown(place);
    let older = place.snapshot();
    let mut reader = place.store().reader().unwrap();
    let kept = load(reader.as_mut(), 0).unwrap().position;
    put(writer.as_mut(), &Commit { blocks: vec![(at(1, 1), block(1, 1))], names_from: 21, ..commit(21) });
    let lost = load(reader.as_mut(), 0).unwrap().position;
    place.restore(older.as_ref());
    gap(reader.as_mut(), 0, &lost);
    // Also once it has caught up and passed.
    let (mut again, ..) = taken(place, 0);
    for offset in 21..30 {
        put(again.as_mut(), &Commit { blocks: vec![(at(2, 2), block(2, offset.into()))], names_from: 21, ..commit(offset) });
    }
    gap(reader.as_mut(), 0, &lost);
    assert_eq!(followed(reader.as_mut(), 0, &kept).0, [at(2, 2)]);
}

pub(crate) fn a_lane_that_was_never_begun(place: &impl Place) {
    let (_writer, ..) = taken(place, 0);
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.head(1).unwrap(), None);
    assert_eq!(load(reader.as_mut(), 1), None);
    gap(reader.as_mut(), 1, &Position { birth: 0, offset: 0, names: 1, mark: String::new() });
    reader.names(1, 1, &mut |name| panic!("{name}")).unwrap();
    reader.blocks(1, &[at(0, 0)], &mut |_, packed| assert!(packed.is_empty())).unwrap();
}

fn refused<T>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Settings(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was accepted"),
    }
}

pub(crate) fn other_settings_are_refused(place: &impl Place) {
    let unsettled = place.elsewhere();
    assert!(unsettled.settings().unwrap().is_none());
    refused(unsettled.writer(0).and_then(|mut writer| writer.take_over()));
    place.store().settle(SETTINGS).unwrap();
    place.store().settle(SETTINGS).unwrap();
    for other in [Settings { lanes: 4, ..SETTINGS }, Settings { fingerprint: 1, ..SETTINGS }] {
        let why = refused(place.elsewhere().settle(other));
        assert!(why.contains("onpace rebuild"), "{why}");
        assert_eq!(place.store().settings().unwrap(), Some(SETTINGS));
    }
}

pub(crate) fn a_store_for_something_else_is_not_taken_over(place: &impl Place) {
    let (mut owner, _) = grown(place);
    place.elsewhere().wipe(Settings { fingerprint: 2, ..SETTINGS }).unwrap();
    fenced(owner.as_mut(), &commit(21));
    let why = refused(place.store().writer(0).and_then(|mut writer| writer.take_over()));
    assert!(why.contains("measures"), "{why}");
    assert_eq!(everything(place, 0), (None, None, Vec::new()));
}

pub(crate) fn a_wipe_takes_over_settings(place: &impl Place) {
    let (_owner, _) = grown(place);
    let fewer = Settings { lanes: 1, fingerprint: 5 };
    place.store().wipe(fewer).unwrap();
    assert_eq!(place.store().settings().unwrap(), Some(fewer));
    place.elsewhere().settle(fewer).unwrap();
    refused(place.elsewhere().settle(SETTINGS));
    place.store().wipe(SETTINGS).unwrap();
    let (_owner, _) = grown(place);
}

pub(crate) fn lanes_are_apart(place: &impl Place) {
    let (mut first, ..) = taken(place, 0);
    let (mut second, ..) = taken(place, 1);
    put(
        first.as_mut(),
        &Commit { entities: vec![(id(1), vec![1], true)], blocks: vec![(at(1, 1), block(1, 1))], names: vec!["one".into()], ..commit(1) },
    );
    put(
        second.as_mut(),
        &Commit { entities: vec![(id(1), vec![2], true)], blocks: vec![(at(1, 1), block(1, 2))], names: vec!["two".into()], ..commit(8) },
    );
    assert_eq!(entities(first.as_mut(), &[id(1)]), [Some(vec![1])]);
    assert_eq!(entities(second.as_mut(), &[id(1)]), [Some(vec![2])]);
    let mut reader = place.store().reader().unwrap();
    let (one, two) = (load(reader.as_mut(), 0).unwrap(), load(reader.as_mut(), 1).unwrap());
    assert_eq!((one.names, one.blocks, one.position.offset), (vec!["one".into()], BTreeMap::from([(at(1, 1), block(1, 1))]), 1));
    assert_eq!((two.names, two.blocks, two.position.offset), (vec!["two".into()], BTreeMap::from([(at(1, 1), block(1, 2))]), 8));
}

pub(crate) fn a_large_commit_arrives(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let large = Commit {
        entities: (0..60_000).map(|number| (id(number), vec![number as u8; 40 + number as usize % 30], true)).collect(),
        blocks: (0..20_000)
            .map(|number| (at(number / 100, number as i32 % 100), block(number as i32 % 100, i128::from(number) + 1)))
            .collect(),
        names: (0..300).map(|number| number.to_string()).collect(),
        ..commit(60_000)
    };
    put(writer.as_mut(), &large);
    let ids: Vec<EntityId> = large.entities.iter().map(|(id, ..)| *id).collect();
    let found = entities(writer.as_mut(), &ids);
    assert!(large.entities.iter().zip(&found).all(|((_, state, _), found)| found.as_ref() == Some(state)));
    let seen = load(place.store().reader().unwrap().as_mut(), 0).unwrap();
    assert_eq!(seen.blocks, large.blocks.iter().cloned().collect());
    assert_eq!(everything(place, 0).0.unwrap().entities, 60_000);
}

fn heard(source: &str, kinds: &[(Kind, i64)]) -> Heard {
    let mut row = Heard { source: source.into(), ..Heard::default() };
    kinds.iter().for_each(|(kind, recorded_ms)| row.recorded_ms[*kind as usize] = *recorded_ms);
    row
}

pub(crate) fn sources_move_with_the_commit(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    assert_eq!(writer.sources().unwrap(), []);
    let first = [heard("aircall", &[(Kind::Call, 5)]), heard("an \"odd\" näme\r\n=1 {0}", &[(Kind::Deal, i64::MAX), (Kind::Call, 1)])];
    put(writer.as_mut(), &Commit { sources: first.to_vec(), ..commit(1) });
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.sources(0).unwrap(), first);
    put(writer.as_mut(), &commit(2));
    let again = heard("aircall", &[(Kind::Call, 6), (Kind::Meeting, 7)]);
    // Read by the writer itself, it is there before its answer is.
    writer.submit(&Commit { sources: vec![again.clone()], ..commit(3) }).unwrap();
    let [_, odd] = first;
    let now = [again, odd];
    let mut own = writer.sources().unwrap();
    own.sort();
    assert_eq!((own.as_slice(), writer.settle().unwrap()), (&now[..], Settled::Committed));
    assert_eq!(reader.sources(0).unwrap(), now);
    // Each lane has its own, one that was never begun none.
    let (mut other, ..) = taken(place, 1);
    put(other.as_mut(), &Commit { sources: vec![heard("aircall", &[(Kind::Call, 99)])], ..commit(1) });
    assert_eq!((reader.sources(0).unwrap().as_slice(), reader.sources(2).unwrap().as_slice()), (&now[..], &[][..]));
    let (mut next, ..) = taken(place, 0);
    assert_eq!(next.sources().unwrap().len(), 2);
    fenced(writer.as_mut(), &Commit { sources: vec![heard("zombie", &[(Kind::Call, 9)])], ..commit(4) });
    assert_eq!(reader.sources(0).unwrap(), now);
}

pub(crate) fn a_source_that_says_nothing_is_dropped(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let nothing = heard("a", &[]);
    let rows = vec![heard("a", &[(Kind::Call, 1), (Kind::Email, 2)]), heard("b", &[(Kind::Call, 3)])];
    put(writer.as_mut(), &Commit { sources: rows, ..commit(1) });
    put(
        writer.as_mut(),
        &Commit { sources: vec![nothing.clone(), heard("gone before", &[]), heard("c", &[(Kind::Deal, 4)])], ..commit(2) },
    );
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.sources(0).unwrap(), [heard("b", &[(Kind::Call, 3)]), heard("c", &[(Kind::Deal, 4)])]);
    // A row is written whole: what it no longer says has gone.
    put(writer.as_mut(), &Commit { sources: vec![heard("b", &[(Kind::Meeting, 5)])], ..commit(3) });
    assert_eq!(reader.sources(0).unwrap(), [heard("b", &[(Kind::Meeting, 5)]), heard("c", &[(Kind::Deal, 4)])]);
}

pub(crate) fn inspecting_says_what_is_there(place: &impl Place) {
    let (mut writer, _) = grown(place);
    put(writer.as_mut(), &Commit { blocks: vec![(at(2, 20_514), block(20_514, 12_345))], names_from: 21, ..commit(21) });
    let mut reader = place.store().reader().unwrap();
    let list = reader.inspect("").unwrap().unwrap();
    let keys: Vec<&str> = list.lines().filter(|line| !line.contains(' ')).collect();
    assert!(!keys.is_empty(), "{list}");
    for key in &keys {
        let words = reader.inspect(key).unwrap().unwrap_or_else(|| panic!("{key} is listed but not there"));
        assert!(!words.trim().is_empty(), "{key}");
    }
    let head = keys.iter().find(|key| key.contains("head")).unwrap();
    assert!(reader.inspect(head).unwrap().unwrap().contains("next offset 21 of 26 (5 behind), 20 entities"));
    let sources = keys.iter().find(|key| key.contains("sources")).unwrap();
    assert_eq!(reader.inspect(sources).unwrap().unwrap(), "phone: last call recorded 1970-01-01T00:00:00.02Z\n");
    assert_eq!(reader.inspect("no such key").unwrap(), None);
}

/// A step of the comparison with a map.
#[derive(Clone, Debug)]
enum Step {
    /// Entities (number, size), blocks (rep, day, value), how many new names, and sources (number, when it spoke of calls; 0: it is dropped).
    Commit(Vec<(u64, usize)>, Vec<(u32, i32, i8)>, usize, Vec<(u8, i64)>),
    /// By the one that lost the lane.
    Zombie,
    TakeOver,
    Follow,
    Wipe,
}

#[derive(Default)]
struct Model {
    offset: i64,
    names: Vec<String>,
    entities: BTreeMap<u64, Vec<u8>>,
    blocks: BTreeMap<BlockId, Vec<u8>>,
    sources: BTreeMap<u8, i64>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![4 => 1..50usize, 1 => 60..70usize, 1 => 100..300usize];
    let entities = prop::collection::btree_map(0..12u64, size, 0..6).prop_map(|map| map.into_iter().collect());
    let blocks = prop::collection::btree_map((0..4u32, -1..3i32), -2..3i8, 0..6)
        .prop_map(|map| map.into_iter().map(|((rep, day), value)| (rep, day, value)).collect());
    let sources = prop::collection::btree_map(0..3u8, 0..3i64, 0..2).prop_map(|map| map.into_iter().collect());
    let commit = (entities, blocks, 0..3usize, sources)
        .prop_map(|(entities, blocks, names, sources)| Step::Commit(entities, blocks, names, sources));
    prop::collection::vec(
        prop_oneof![12 => commit, 2 => Just(Step::TakeOver), 2 => Just(Step::Zombie), 4 => Just(Step::Follow), 1 => Just(Step::Wipe)],
        1..30,
    )
}

pub(crate) fn does_what_a_map_does(place: &impl Place) {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            against_a_map(place.again().as_ref(), steps);
            Ok(())
        })
        .unwrap();
}

fn against_a_map(place: &dyn Place, steps: Vec<Step>) {
    let mut model = Model::default();
    let (mut writer, ..) = taken(place, 0);
    let mut zombie: Option<Box<dyn LaneWriter>> = None;
    let mut reader = place.store().reader().unwrap();
    // What a sink would have: loaded once, then only what the changes name.
    let mut copy = load(reader.as_mut(), 0).unwrap();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Commit(states, counters, names, sources) => {
                model.offset += 1;
                let names_from = model.names.len() as u32 + 1;
                let names: Vec<String> = (0..names).map(|at| format!("{number} {at}")).collect();
                let entities: Vec<(EntityId, Vec<u8>, bool)> = states
                    .iter()
                    .map(|(entity, size)| (id(*entity), vec![number as u8; *size], !model.entities.contains_key(entity)))
                    .collect();
                for ((entity, _), (_, state, _)) in states.iter().zip(&entities) {
                    model.entities.insert(*entity, state.clone());
                }
                // A rep has a name.
                let known = (model.names.len() + names.len()) as u32;
                let blocks: BTreeMap<BlockId, Vec<u8>> =
                    counters.iter().map(|(rep, day, value)| (at((*rep).min(known), *day), block(*day, (*value).into()))).collect();
                let blocks: Vec<(BlockId, Vec<u8>)> = blocks.into_iter().collect();
                for (id, packed) in &blocks {
                    model.blocks.insert(*id, packed.clone());
                }
                model.blocks.retain(|_, packed| !packed.is_empty());
                model.names.extend(names.iter().cloned());
                model.sources.extend(sources.iter().copied());
                model.sources.retain(|_, recorded_ms| *recorded_ms != 0);
                let sources = sources.iter().map(|(source, at)| heard(&source.to_string(), &[(Kind::Call, *at)])).collect();
                put(writer.as_mut(), &Commit { entities, blocks, names, names_from, sources, ..commit(model.offset) });
            }
            Step::Zombie => {
                if let Some(zombie) = &mut zombie {
                    fenced(
                        zombie.as_mut(),
                        &Commit { entities: vec![(id(0), vec![99], false)], blocks: vec![(at(0, 0), block(0, 99))], ..commit(1_000) },
                    );
                }
            }
            Step::TakeOver => {
                let (owner, head, names) = taken(place, 0);
                assert_eq!((head.offset, head.entities, &names), (model.offset, model.entities.len() as u64, &model.names));
                zombie = Some(std::mem::replace(&mut writer, owner));
            }
            Step::Follow => follow(reader.as_mut(), &mut copy),
            Step::Wipe => {
                place.store().wipe(SETTINGS).unwrap();
                gap(reader.as_mut(), 0, &copy.position);
                let (owner, ..) = taken(place, 0);
                zombie = Some(std::mem::replace(&mut writer, owner));
                model = Model::default();
                copy = load(reader.as_mut(), 0).unwrap();
            }
        }
    }
    follow(reader.as_mut(), &mut copy);
    assert_eq!(copy.blocks, model.blocks);
    let ids: Vec<EntityId> = (0..12).map(id).collect();
    assert_eq!(entities(writer.as_mut(), &ids), (0..12).map(|entity| model.entities.get(&entity).cloned()).collect::<Vec<_>>());
    assert_eq!(shorts(writer.as_mut()), model.entities.keys().map(|entity| id(*entity).short()).collect());
    let seen = load(reader.as_mut(), 0).unwrap();
    assert_eq!((seen.names, seen.blocks), (model.names, model.blocks));
    let sources: Vec<Heard> = model.sources.iter().map(|(source, at)| heard(&source.to_string(), &[(Kind::Call, *at)])).collect();
    assert_eq!(reader.sources(0).unwrap(), sources);
}

fn follow(reader: &mut dyn StoreReader, copy: &mut Seen) {
    let (changed, next) = followed(reader, 0, &copy.position);
    reader
        .blocks(0, &changed, &mut |id, packed| {
            if packed.is_empty() {
                copy.blocks.remove(&id);
            } else {
                copy.blocks.insert(id, packed.to_vec());
            }
        })
        .unwrap();
    copy.position = next;
}
