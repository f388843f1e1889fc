//! Whose lane it is: epochs, fences, wiped and older stores, settings.

use super::*;

pub(crate) fn a_fenced_commit_does_nothing(place: &impl Place) {
    let (mut zombie, ..) = taken(place, 0);
    put(
        zombie.as_mut(),
        &Commit { entities: vec![(id(1), vec![1], true)].into(), blocks: vec![(at(0, 1), block(1, 1))].into(), ..commit(1) },
    );
    let (mut owner, ..) = taken(place, 0);
    let before = everything(place, 0);
    let late = Commit {
        entities: vec![(id(1), vec![9], false), (id(2), vec![9; 100], true)].into(),
        blocks: vec![(at(0, 1), block(1, 9)), (at(0, 2), block(2, 9))].into(),
        names: vec!["zombie".into()],
        sources: vec![heard("zombie", &[(Kind::CALL, 9)])],
        ..commit(2)
    };
    fenced(zombie.as_mut(), &late);
    assert_eq!(everything(place, 0), before);
    assert_eq!(entities(owner.as_mut(), &[id(1), id(2)]), [Some(vec![1]), None]);
    put(owner.as_mut(), &Commit { blocks: vec![(at(0, 3), block(3, 1))].into(), ..commit(2) });
    fenced(zombie.as_mut(), &late);
}

pub(crate) fn taking_over_raises_the_epoch(place: &impl Place) {
    let (mut first, head, _) = taken(place, 2);
    // Again by the same, and by others, who see what was committed between.
    assert_eq!(first.take_over().unwrap().head, Head { epoch: 2, ..head });
    put(first.as_mut(), &Commit { names: vec!["a".into()], ..commit(4) });
    let elsewhere = place.elsewhere();
    elsewhere.settle(SETTINGS).unwrap();
    let mut second = elsewhere.writer(2).unwrap();
    let Taken { head: next, names, .. } = second.take_over().unwrap();
    assert_eq!((next.epoch, next.offset, next.birth, names), (3, 4, head.birth, vec!["a".to_owned()]));
    fenced(first.as_mut(), &commit(5));
    assert_eq!(first.take_over().unwrap().head.epoch, 4);
    put(first.as_mut(), &commit(5));
    fenced(second.as_mut(), &commit(5));
}

pub(crate) fn a_wiped_lane_fences_its_owner(place: &impl Place) {
    let (mut owner, head) = grown(place);
    place.store().wipe(SETTINGS).unwrap();
    assert_eq!(everything(place, 0), (None, None, Vec::new()));
    fenced(owner.as_mut(), &Commit { entities: vec![(id(1), vec![9], false)].into(), ..commit(21) });
    assert_eq!(everything(place, 0), (None, None, Vec::new()));
    let (mut anew, next, names) = taken(place, 0);
    assert_eq!((next.offset, next.entities, names.len()), (0, 0, 0));
    assert_ne!(next.birth, head.birth);
    assert_eq!(known(anew.as_ref(), 100), [0u64; 0]);
    assert_eq!(entities(anew.as_mut(), &[id(1), id(20)]), [None, None]);
    assert_eq!(blocks(anew.as_mut(), &[at(1, 100)]), [None]);
    fenced(owner.as_mut(), &commit(21));
}

pub(crate) fn a_lane_is_begun_anew_alone(place: &impl Place) {
    let (mut writer, head) = grown(place);
    let (mut other, ..) = taken(place, 1);
    put(other.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 1))].into(), ..commit(1) });
    let kept = everything(place, 1);
    let mut reader = place.store().reader().unwrap();
    let seen = load(reader.as_mut(), 0).unwrap();
    let mut zombie = place.store().writer(0).unwrap();
    zombie.take_over().unwrap();
    let (mut owner, ..) = taken(place, 0);
    assert_eq!(owner.begin_anew().unwrap(), Settled::Committed);
    // Whoever knew it as it was is fenced, itself too.
    for known in [&mut writer, &mut zombie, &mut owner] {
        fenced(known.as_mut(), &Commit { names_from: 21, ..commit(21) });
    }
    gap(reader.as_mut(), 0, &seen.position);
    let (mut anew, begun, names) = taken(place, 0);
    assert_eq!((begun.offset, begun.entities, names.len()), (0, 0, 0));
    assert_ne!(begun.birth, head.birth);
    assert_eq!(entities(anew.as_mut(), &[id(1), id(20)]), [None, None]);
    assert_eq!(blocks(anew.as_mut(), &[at(1, 100)]), [None]);
    assert_eq!((known(anew.as_ref(), 100), reader.sources(0).unwrap()), (Vec::new(), Vec::new()));
    gap(reader.as_mut(), 0, &seen.position);
    put(anew.as_mut(), &Commit { blocks: vec![(at(0, 1), block(1, 7))].into(), ..commit(3) });
    assert_eq!(load(reader.as_mut(), 0).unwrap().blocks, BTreeMap::from([(at(0, 1), block(1, 7))]));
    assert_eq!((everything(place, 1), place.store().settings().unwrap()), (kept, Some(SETTINGS)));
    put(other.as_mut(), &commit(2));
}

pub(crate) fn what_moved_on_is_not_begun_anew(place: &impl Place) {
    let (mut late, _) = grown(place);
    let (mut owner, ..) = taken(place, 0);
    put(owner.as_mut(), &Commit { names_from: 21, ..commit(21) });
    let before = everything(place, 0);
    assert_eq!(late.begin_anew().unwrap(), Settled::Fenced);
    // Nor by one that never looked.
    assert_eq!(place.store().writer(0).unwrap().begin_anew().unwrap(), Settled::Fenced);
    assert_eq!(everything(place, 0), before);
    put(owner.as_mut(), &Commit { names_from: 21, ..commit(22) });
    assert_eq!(owner.begin_anew().unwrap(), Settled::Committed);
    assert_eq!(owner.begin_anew().unwrap(), Settled::Fenced);
}

pub(crate) fn a_lost_store_begins_anew(place: &impl Place) {
    let (mut owner, head) = grown(place);
    place.forget();
    assert_eq!(place.store().settings().unwrap(), None);
    fenced(owner.as_mut(), &Commit { entities: vec![(id(1), vec![9], false)].into(), ..commit(21) });
    // The same process goes on unasked: it knows what the store was for.
    let mut anew = place.store().writer(0).unwrap();
    let Taken { head: next, names, .. } = anew.take_over().unwrap();
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
        entities: vec![(id(50), vec![1; 80], true)].into(),
        blocks: vec![(at(1, 100), block(100, 99))].into(),
        names: vec!["new".into()],
        names_from: 21,
        sources: vec![heard("phone", &[(Kind::CALL, 21)]), heard("new", &[(Kind::DEAL, 21)])],
        ..commit(21)
    };
    put(owner.as_mut(), &more);
    place.restore(older.as_ref());
    fenced(owner.as_mut(), &Commit { entities: vec![(id(51), vec![1], true)].into(), names_from: 22, ..commit(22) });
    assert_eq!(everything(place, 0), then);
    let (mut again, next, names) = taken(place, 0);
    assert_eq!((next.birth, next.offset, next.entities, names.len()), (head.birth, 20, 20, 20));
    assert_eq!(entities(again.as_mut(), &[id(50), id(20)]), [None, Some(vec![20; 120])]);
    put(again.as_mut(), &more);
}

/// The very same head lies there again, and what its owner read meanwhile was of an empty store. Not for a file: nobody empties it under its processor and puts it
/// back, and a commit from there would be told as damage by the sums in its head.
pub(crate) fn one_put_back_to_where_it_was_fences_its_owner(place: &impl Place) {
    let (mut owner, _) = grown(place);
    let same = place.snapshot();
    place.forget();
    place.restore(same.as_ref());
    fenced(owner.as_mut(), &Commit { entities: vec![(id(20), vec![1], true)].into(), names_from: 21, ..commit(21) });
    assert_eq!(place.store().verify(&mut |_, _| {}).unwrap(), [0u32; 0]);
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

pub(crate) fn who_serves_is_remembered(place: &impl Place) {
    let who = |place: &dyn KpiStore| -> Vec<(String, String, bool)> {
        let mut all: Vec<_> = place.serving().unwrap().into_iter().map(|one| (one.holder, one.words, one.ended)).collect();
        all.sort();
        all
    };
    let row = |holder: &str, words: &str, ended| (holder.to_owned(), words.to_owned(), ended);
    assert_eq!(who(place.store()), []);
    place.store().serve("a", "{ \"zone\": \"Europe/Paris\" }", false).unwrap();
    place.store().serve("b", "é 1 2", false).unwrap();
    place.store().serve("a", "other", false).unwrap();
    assert_eq!(who(&*place.elsewhere()), [row("a", "other", false), row("b", "é 1 2", false)]);
    assert!(place.store().serving().unwrap().iter().all(|one| (0..60_000).contains(&one.age_ms)));
    place.store().serve("b", "é 1 2", true).unwrap();
    place.store().serve("a", "other", true).unwrap();
    assert_eq!(who(place.store()), [row("a", "other", true), row("b", "é 1 2", true)], "nobody forgets another when he ends");
    place.store().settle(SETTINGS).unwrap();
    place.store().wipe(SETTINGS).unwrap();
    assert_eq!(who(place.store()).len(), 2, "a rebuild changes nothing about who serves");
    let reader = &mut place.store().reader().unwrap();
    assert!(reader.inspect("").unwrap().is_some());
    place.store().serve("c", "new", false).unwrap();
    assert_eq!(who(place.store()), [row("c", "new", false)], "whoever ended is forgotten once another serves");
}
