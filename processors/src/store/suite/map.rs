//! Any sequence of steps leaves what a map would hold.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

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
                let sources = sources.iter().map(|(source, at)| heard(&source.to_string(), &[(Kind::CALL, *at)])).collect();
                put(
                    writer.as_mut(),
                    &Commit { entities: entities.into(), blocks: blocks.into(), names, names_from, sources, ..commit(model.offset) },
                );
            }
            Step::Zombie => {
                if let Some(zombie) = &mut zombie {
                    fenced(
                        zombie.as_mut(),
                        &Commit {
                            entities: vec![(id(0), vec![99], false)].into(),
                            blocks: vec![(at(0, 0), block(0, 99))].into(),
                            ..commit(1_000)
                        },
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
    assert_eq!(known(writer.as_ref(), 12), model.entities.keys().copied().collect::<Vec<_>>());
    let seen = load(reader.as_mut(), 0).unwrap();
    assert_eq!((seen.names, seen.blocks), (model.names, model.blocks));
    let sources: Vec<Heard> = model.sources.iter().map(|(source, at)| heard(&source.to_string(), &[(Kind::CALL, *at)])).collect();
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
