//! What a commit leaves behind, and how it is read again.

use super::*;

pub(crate) fn a_new_lane_is_empty(place: &impl Place) {
    assert_eq!(place.store().settings().unwrap(), None);
    let (mut writer, head, names) = taken(place, 0);
    assert_eq!((head.epoch, head.offset, head.end, head.recorded_ms, head.entities, names.len()), (1, 0, 0, 0, 0, 0));
    assert_eq!(entities(writer.as_mut(), &[id(1)]), [None]);
    assert_eq!(blocks(writer.as_mut(), &[at(0, 0)]), [None]);
    assert_eq!(known(writer.as_ref(), 100), [0u64; 0]);
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
        entities: vec![(id(1), vec![1; 30], true), (id(2), vec![0xFF], true), (id(3), b"12345".to_vec(), true)].into(),
        blocks: vec![(at(0, -3), block(-3, 1)), (at(1, 20_000), block(20_000, -7)), (at(1, 20_001), block(20_001, i128::MAX >> 1))].into(),
        names: vec!["marie".into(), "an \"odd\" näme\r\n{0}".into()],
        ..commit(3)
    };
    put(writer.as_mut(), &first);
    let second = Commit {
        entities: vec![(id(1), vec![2; 31], false), (id(4), vec![3], true)].into(),
        blocks: vec![(at(1, 20_000), block(20_000, 8))].into(),
        names_from: 3,
        ..commit(9)
    };
    put(writer.as_mut(), &second);
    let states = [Some(vec![2; 31]), Some(vec![0xFF]), Some(b"12345".to_vec()), Some(vec![3]), None];
    assert_eq!(entities(writer.as_mut(), &[id(1), id(2), id(3), id(4), id(5)]), states);
    assert_eq!(blocks(writer.as_mut(), &[at(1, 20_000), at(2, 0), at(0, -3)]), [Some(block(20_000, 8)), None, Some(block(-3, 1))]);
    let mut reader = place.store().reader().unwrap();
    let sums = reader.head(0).unwrap().unwrap().sums;
    assert_eq!((sums.names.count, sums.sources.count, sums.blocks.count, sums.entities.count), (2, 0, 3, 4));
    let wanted = Head { offset: 9, end: 14, recorded_ms: 90, entities: 4, sums, ..head };
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
            &Commit { entities: vec![(id(7), vec![step as u8; size], step == 1), (id(8), vec![7; 20], step == 1)].into(), ..commit(step) },
        );
        assert_eq!(entities(writer.as_mut(), &[id(7), id(6), id(8)]), [Some(vec![step as u8; size]), None, Some(vec![7; 20])]);
        assert_eq!(known(writer.as_ref(), 100), [7, 8]);
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
    put(writer.as_mut(), &Commit { blocks: blocks_now.into(), names: vec!["a".into(), "b".into()], ..commit(1) });
    let mut reader = place.store().reader().unwrap();
    let seen = load(reader.as_mut(), 0).unwrap();
    put(
        writer.as_mut(),
        &Commit {
            blocks: vec![(at(1, 1), Vec::new()), (at(1, 2), block(2, 2)), (at(2, 1), Vec::new()), (at(5, 5), Vec::new())].into(),
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
    let names = (1..=3).map(|number| number.to_string()).collect();
    put(writer.as_mut(), &Commit { blocks: vec![(at(1, 1), block(1, 1)), (at(3, -1), block(-1, 3))].into(), names, ..commit(1) });
    let asked = [at(3, -1), at(2, 2), at(1, 1), at(3, -1)];
    let mut got = Vec::new();
    place.store().reader().unwrap().blocks(0, &asked, &mut |id, packed| got.push((id, packed.to_vec()))).unwrap();
    assert_eq!(got, [(at(3, -1), block(-1, 3)), (at(2, 2), Vec::new()), (at(1, 1), block(1, 1)), (at(3, -1), block(-1, 3))]);
}

pub(crate) fn what_is_stored_may_be_there(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let all: Vec<u64> = (0..3_000).collect();
    let states: Vec<_> = all.iter().map(|number| (id(*number), vec![1; if number % 10 == 0 { 90 } else { 30 }], true)).collect();
    put(writer.as_mut(), &Commit { entities: states.into(), ..commit(1) });
    assert_eq!(known(writer.as_ref(), 4_000), all);
    let (mut other, ..) = taken(place, 0);
    assert_eq!(known(other.as_ref(), 4_000), all);
    put(other.as_mut(), &Commit { entities: vec![(id(3_000), vec![1], true), (id(5), vec![2], false)].into(), ..commit(2) });
    assert_eq!(known(other.as_ref(), 4_000), (0..=3_000).collect::<Vec<_>>());
    assert_eq!(known(taken(place, 0).0.as_ref(), 4_000).len(), 3_001);
    assert_eq!(known(taken(place, 1).0.as_ref(), 4_000), [0u64; 0]);
}

pub(crate) fn reads_see_what_was_submitted(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    writer
        .submit(&Commit {
            entities: vec![(id(1), vec![1; 10], true), (id(2), vec![2; 70], true)].into(),
            blocks: vec![(at(0, 1), block(1, 1))].into(),
            ..commit(1)
        })
        .unwrap();
    assert_eq!(entities(writer.as_mut(), &[id(1), id(2)]), [Some(vec![1; 10]), Some(vec![2; 70])]);
    assert_eq!(blocks(writer.as_mut(), &[at(0, 1)]), [Some(block(1, 1))]);
    assert_eq!(known(writer.as_ref(), 100), [1, 2]);
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    // What became of a commit isn't lost on the way either.
    let _owner = taken(place, 0);
    writer.submit(&Commit { blocks: vec![(at(0, 1), block(1, 2))].into(), ..commit(2) }).unwrap();
    assert_eq!(blocks(writer.as_mut(), &[at(0, 1)]), [Some(block(1, 1))]);
    assert_eq!(writer.settle().unwrap(), Settled::Fenced);
}

pub(crate) fn lanes_are_apart(place: &impl Place) {
    let (mut first, ..) = taken(place, 0);
    let (mut second, ..) = taken(place, 1);
    put(
        first.as_mut(),
        &Commit {
            entities: vec![(id(1), vec![1], true)].into(),
            blocks: vec![(at(1, 1), block(1, 1))].into(),
            names: vec!["one".into()],
            ..commit(1)
        },
    );
    put(
        second.as_mut(),
        &Commit {
            entities: vec![(id(1), vec![2], true)].into(),
            blocks: vec![(at(1, 1), block(1, 2))].into(),
            names: vec!["two".into()],
            ..commit(8)
        },
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
    let states: Vec<_> = (0..60_000).map(|number| (id(number), vec![number as u8; 40 + number as usize % 30], true)).collect();
    let large = Commit {
        entities: states.clone().into(),
        blocks: (0..20_000)
            .map(|number| (at(number / 100, number as i32 % 100), block(number as i32 % 100, i128::from(number) + 1)))
            .collect::<Vec<_>>()
            .into(),
        names: (0..300).map(|number| number.to_string()).collect(),
        ..commit(60_000)
    };
    put(writer.as_mut(), &large);
    let ids: Vec<EntityId> = states.iter().map(|(id, ..)| *id).collect();
    let found = entities(writer.as_mut(), &ids);
    assert!(states.iter().zip(&found).all(|((_, state, _), found)| found.as_ref() == Some(state)));
    let seen = load(place.store().reader().unwrap().as_mut(), 0).unwrap();
    assert_eq!(seen.blocks, large.blocks.iter().map(|(id, packed)| (id, packed.to_vec())).collect());
    assert_eq!(everything(place, 0).0.unwrap().entities, 60_000);
}

pub(crate) fn large_commits_follow_one_another(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let all: Vec<EntityId> = (0..12_000).map(id).collect();
    let step = |offset: i64, from: usize, state: u8| Commit {
        entities: all[from..].iter().map(|id| (*id, vec![state; 9], from == 0)).collect::<Vec<_>>().into(),
        blocks: vec![(at(0, 1), block(1, offset.into()))].into(),
        ..commit(offset)
    };
    // Nobody waits for the first, and what is asked next finds it there.
    writer.submit(&step(1, 0, 1)).unwrap();
    assert!(entities(writer.as_mut(), &all).iter().all(|found| *found == Some(vec![1; 9])));
    assert_eq!(blocks(writer.as_mut(), &[at(0, 1)]), [Some(block(1, 1))]);
    writer.submit(&step(2, 6_000, 2)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    let (mut other, head, _) = taken(place, 0);
    assert_eq!((head.offset, head.sums.entities.count), (2, 12_000));
    fenced(writer.as_mut(), &step(3, 0, 3));
    let found = entities(other.as_mut(), &all);
    assert!(found.iter().zip(0..).all(|(found, at)| *found == Some(vec![if at < 6_000 { 1 } else { 2 }; 9])));
}

pub(crate) fn sources_move_with_the_commit(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let first = [heard("aircall", &[(Kind::CALL, 5)]), heard("an \"odd\" näme\r\n=1 {0}", &[(Kind::DEAL, i64::MAX), (Kind::CALL, 1)])];
    put(writer.as_mut(), &Commit { sources: first.to_vec(), ..commit(1) });
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.sources(0).unwrap(), first);
    put(writer.as_mut(), &commit(2));
    let again = heard("aircall", &[(Kind::CALL, 6), (Kind::MEETING, 7)]);
    put(writer.as_mut(), &Commit { sources: vec![again.clone()], ..commit(3) });
    let [_, odd] = first;
    let now = [again, odd];
    assert_eq!(reader.sources(0).unwrap(), now);
    // Each lane has its own, one that was never begun none.
    let (mut other, ..) = taken(place, 1);
    put(other.as_mut(), &Commit { sources: vec![heard("aircall", &[(Kind::CALL, 99)])], ..commit(1) });
    assert_eq!((reader.sources(0).unwrap().as_slice(), reader.sources(2).unwrap().as_slice()), (&now[..], &[][..]));
    let mut own = place.store().writer(0).unwrap().take_over().unwrap().sources;
    own.sort();
    assert_eq!(own, now);
    fenced(writer.as_mut(), &Commit { sources: vec![heard("zombie", &[(Kind::CALL, 9)])], ..commit(4) });
    assert_eq!(reader.sources(0).unwrap(), now);
}

pub(crate) fn a_source_that_says_nothing_is_dropped(place: &impl Place) {
    let (mut writer, ..) = taken(place, 0);
    let nothing = heard("a", &[]);
    let rows = vec![heard("a", &[(Kind::CALL, 1), (Kind::EMAIL, 2)]), heard("b", &[(Kind::CALL, 3)])];
    put(writer.as_mut(), &Commit { sources: rows, ..commit(1) });
    put(
        writer.as_mut(),
        &Commit { sources: vec![nothing.clone(), heard("gone before", &[]), heard("c", &[(Kind::DEAL, 4)])], ..commit(2) },
    );
    let mut reader = place.store().reader().unwrap();
    assert_eq!(reader.sources(0).unwrap(), [heard("b", &[(Kind::CALL, 3)]), heard("c", &[(Kind::DEAL, 4)])]);
    // A row is written whole: what it no longer says has gone.
    put(writer.as_mut(), &Commit { sources: vec![heard("b", &[(Kind::MEETING, 5)])], ..commit(3) });
    assert_eq!(reader.sources(0).unwrap(), [heard("b", &[(Kind::MEETING, 5)]), heard("c", &[(Kind::DEAL, 4)])]);
}

pub(crate) fn inspecting_says_what_is_there(place: &impl Place) {
    let (mut writer, _) = grown(place);
    put(writer.as_mut(), &Commit { blocks: vec![(at(2, 20_514), block(20_514, 12_345))].into(), names_from: 21, ..commit(21) });
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
