//! What every store must do: one suite of tests, run against all of them by [`tests!`].
//!
//! In: a way to make an empty store. Out: passing tests, or a panic that says what the store did.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod booked;
mod changes;
mod commits;
mod damage;
mod map;
mod owners;

use std::any::Any;
use std::collections::BTreeMap;

use onpace_kpis::block::{Block, BlockId};
use onpace_kpis::{Counter, Slot};
use onpace_schemas::Kind;

use super::{Changes, Commit, EntityId, Head, Heard, KpiStore, LaneWriter, Position, Settings, Settled, StoreError, StoreReader, Taken};

pub(crate) use self::booked::Booked;
pub(crate) use self::changes::*;
pub(crate) use self::commits::*;
pub(crate) use self::damage::*;
pub(crate) use self::map::does_what_a_map_does;
pub(crate) use self::owners::*;

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
    /// Does damage to a lane, behind everybody's back.
    fn harm(&self, lane: u32, harm: Harm);
    /// Another place of this kind, empty.
    fn again(&self) -> Box<dyn Place>;
}

/// Declares a test for every case below; the argument makes a [`Place`] with an empty store.
macro_rules! tests {
    ($make:expr) => {
        $crate::store::suite::tests!(@each $make;
            a_new_lane_is_empty, a_commit_is_there_whole, a_fenced_commit_does_nothing, taking_over_raises_the_epoch,
            a_wiped_lane_fences_its_owner, a_lane_is_begun_anew_alone, what_moved_on_is_not_begun_anew, a_lost_store_begins_anew, an_older_store_fences_its_owner, names_are_numbered_on,
            states_move_between_small_and_large, an_empty_block_is_dropped, blocks_come_in_the_order_asked, what_is_stored_may_be_there,
            reads_see_what_was_submitted, changes_follow_commits, an_idle_commit_changes_nothing, a_forgotten_past_is_a_gap,
            another_birth_is_a_gap, going_back_is_a_gap, a_lane_that_was_never_begun, other_settings_are_refused,
            a_store_for_something_else_is_not_taken_over, a_wipe_takes_over_settings, who_serves_is_remembered, lanes_are_apart, a_large_commit_arrives, large_commits_follow_one_another,
            sources_move_with_the_commit, a_source_that_says_nothing_is_dropped, inspecting_says_what_is_there, does_what_a_map_does, damage_at_rest_is_named_and_mended,
            damage_under_a_running_owner_is_found_by_its_patrol, a_round_keeps_up_with_commits, what_another_did_is_no_damage);
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
    let mut writer = Booked::new(place.store().writer(lane).unwrap());
    let Taken { head, names, .. } = writer.take_over().unwrap();
    (Box::new(writer), head, names)
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

/// Which of the first few entities the lane may have.
fn known(writer: &dyn LaneWriter, count: u64) -> Vec<u64> {
    (0..count).filter(|number| writer.may_have(&id(*number))).collect()
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

/// All that a lane holds, to see that nothing moved.
fn everything(place: &dyn Place, lane: u32) -> (Option<Head>, Option<Seen>, Vec<Heard>) {
    let mut reader = place.store().reader().unwrap();
    (reader.head(lane).unwrap(), load(reader.as_mut(), lane), reader.sources(lane).unwrap())
}

fn grown(place: &dyn Place) -> (Box<dyn LaneWriter>, Head) {
    let (mut writer, head, _) = taken(place, 0);
    for step in 1..=20u32 {
        let change = Commit {
            entities: vec![(id(step.into()), vec![step as u8; step as usize * 6], true)].into(),
            blocks: vec![(at(step, 100), block(100, step.into()))].into(),
            names: vec![format!("rep {step}")],
            names_from: step,
            sources: vec![heard("phone", &[(Kind::CALL, step.into())])],
            ..commit(step.into())
        };
        put(writer.as_mut(), &change);
    }
    (writer, head)
}

fn heard(source: &str, kinds: &[(Kind, i64)]) -> Heard {
    let mut row = Heard { source: source.into(), ..Heard::default() };
    kinds.iter().for_each(|(kind, recorded_ms)| row.recorded_ms[usize::from(kind.number())] = *recorded_ms);
    row
}
