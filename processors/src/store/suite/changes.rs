//! The stream of changes that a sink follows.

use super::*;

pub(crate) fn changes_follow_commits(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let names = (1..10).map(|number| number.to_string()).collect();
    put(writer.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 1))].into(), names, ..commit(1) });
    let mut reader = place.store().reader().unwrap();
    let start = load(reader.as_mut(), 0).unwrap().position;
    assert_eq!(followed(reader.as_mut(), 0, &start), (Vec::new(), start.clone()));
    put(writer.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 2)), (at(0, 2), block(2, 1))].into(), names_from: 10, ..commit(2) });
    put(
        writer.as_mut(),
        &Commit {
            blocks: vec![(at(0, 2), block(2, 2)), (at(7, -4), block(-4, 1))].into(),
            names: vec!["x".into()],
            names_from: 10,
            ..commit(3)
        },
    );
    let (changed, next) = followed(reader.as_mut(), 0, &start);
    assert_eq!(changed, [at(0, 1), at(0, 2), at(7, -4)]);
    assert_eq!((next.birth, next.offset), (start.birth, 3));
    assert_eq!(followed(reader.as_mut(), 0, &next), (Vec::new(), next.clone()));
    put(writer.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 3))].into(), names_from: 11, ..commit(4) });
    assert_eq!(followed(reader.as_mut(), 0, &next).0, [at(0, 1)]);
    assert_eq!(followed(reader.as_mut(), 0, &start).0, [at(0, 1), at(0, 2), at(7, -4)]);
    // Another owner is no gap.
    let (mut owner, ..) = taken(place, 0);
    put(owner.as_mut(), &Commit { blocks: vec![(at(9, 9), block(9, 3))].into(), names_from: 11, ..commit(5) });
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
    let named: Vec<String> = (1..=200).map(|number| number.to_string()).collect();
    let mut last = start.clone();
    for offset in 1..=10_200 {
        let blocks = if offset % 1_000 == 0 { wide.clone() } else { vec![wide[offset as usize % 200].clone()] };
        put(
            writer.as_mut(),
            &Commit {
                blocks: blocks.into(),
                names: if offset == 1 { named.clone() } else { Vec::new() },
                names_from: if offset == 1 { 1 } else { 201 },
                ..commit(offset)
            },
        );
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
    put(anew.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 1))].into(), names_from: 21, ..commit(100) });
    gap(reader.as_mut(), 0, &start);
}

pub(crate) fn going_back_is_a_gap(place: &impl Place) {
    let (mut writer, _) = grown(place);
    let older = place.snapshot();
    let mut reader = place.store().reader().unwrap();
    let kept = load(reader.as_mut(), 0).unwrap().position;
    put(writer.as_mut(), &Commit { blocks: vec![(at(1, 1), block(1, 1))].into(), names_from: 21, ..commit(21) });
    let lost = load(reader.as_mut(), 0).unwrap().position;
    place.restore(older.as_ref());
    gap(reader.as_mut(), 0, &lost);
    // Also once it has caught up and passed.
    let (mut again, ..) = taken(place, 0);
    for offset in 21..30 {
        put(again.as_mut(), &Commit { blocks: vec![(at(2, 2), block(2, offset.into()))].into(), names_from: 21, ..commit(offset) });
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
