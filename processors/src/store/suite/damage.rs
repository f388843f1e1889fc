//! What is not as it was written is named, at rest and under a running owner, and the lane is begun anew; what is sound is not.

use super::*;
use crate::store::Step;

/// What may become of what a store keeps, behind its back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// All names are gone.
    NoNames,
    /// A name has become another.
    OtherName,
    /// All sources are gone.
    NoSources,
    /// A rep's blocks are gone.
    NoBlocks,
    /// A block has a flipped bit.
    BitOfBlock,
    /// Some entities are gone.
    NoEntities,
    /// An entity has a flipped bit.
    BitOfEntity,
    /// The head is none.
    Head,
}

impl Harm {
    pub(crate) const ALL: [Harm; 8] = [
        Harm::NoNames,
        Harm::OtherName,
        Harm::NoSources,
        Harm::NoBlocks,
        Harm::BitOfBlock,
        Harm::NoEntities,
        Harm::BitOfEntity,
        Harm::Head,
    ];
}

/// What a round of the owner comes to.
fn round(writer: &mut dyn LaneWriter, most: usize) -> Result<(), StoreError> {
    while writer.patrol(most)? == Step::On {}
    Ok(())
}

fn begun_anew(place: &dyn Place, writer: &mut dyn LaneWriter, harm: Harm) {
    assert_eq!(writer.begin_anew().unwrap(), Settled::Committed, "{harm:?}");
    let (mut anew, head, names) = taken(place, 0);
    assert_eq!((head.offset, head.entities, names.len()), (0, 0, 0), "{harm:?}");
    put(anew.as_mut(), &Commit { names: vec!["marie".into()], blocks: vec![(at(1, 1), block(1, 1))].into(), ..commit(1) });
    round(anew.as_mut(), 3).unwrap();
    assert_eq!(place.store().verify(&mut |_, _| {}).unwrap(), [0u32; 0]);
}

pub(crate) fn damage_at_rest_is_named_and_mended(place: &impl Place) {
    for harm in Harm::ALL {
        let place = place.again();
        grown(place.as_ref());
        assert_eq!(place.store().verify(&mut |_, _| {}).unwrap(), [0u32; 0], "{harm:?}");
        place.harm(0, harm);
        let found = place.store().verify(&mut |_, _| {});
        assert!(matches!(found, Err(StoreError::Damaged { .. })), "{harm:?}: {found:?}");
        let mut writer = place.store().writer(0).unwrap();
        let found = writer.take_over();
        assert!(matches!(found, Err(StoreError::Damaged { .. })), "{harm:?}: {found:?}");
        begun_anew(place.as_ref(), writer.as_mut(), harm);
    }
}

pub(crate) fn damage_under_a_running_owner_is_found_by_its_patrol(place: &impl Place) {
    // A head that is gone or another is met by the next commit.
    for harm in Harm::ALL.into_iter().filter(|harm| *harm != Harm::Head) {
        let place = place.again();
        let (mut writer, _) = grown(place.as_ref());
        round(writer.as_mut(), 7).unwrap();
        place.harm(0, harm);
        let found = round(writer.as_mut(), 7);
        assert!(matches!(found, Err(StoreError::Damaged { .. })), "{harm:?}: {found:?}");
        begun_anew(place.as_ref(), writer.as_mut(), harm);
    }
}

pub(crate) fn a_round_keeps_up_with_commits(place: &impl Place) {
    let (mut writer, _) = grown(place);
    let (mut rounds, mut offset, mut names) = (0, 20, 21);
    let mut steps = 0u64;
    while rounds < 4 {
        // Between any two steps: what was passed changes, what wasn't changes, some is new, some goes.
        offset += 1;
        steps += 1;
        let (old, new) = (id(1 + steps % 20), id(100 + steps));
        let rep = (steps % 25) as u32;
        let change = Commit {
            entities: vec![(old, vec![steps as u8; 5 + (steps as usize * 7) % 90], false), (new, vec![7; 9], true)].into(),
            blocks: vec![(at(rep, 100), block(100, i128::from(steps))), (at(rep / 2, 7), block(7, i128::from(steps % 2)))].into(),
            names: vec![format!("new {steps}")],
            names_from: names,
            sources: vec![
                heard("phone", &[(Kind::CALL, offset * 10)]),
                heard("crm", &[(Kind::DEAL, i64::from(!steps.is_multiple_of(3)) * offset)]),
            ],
            ..commit(offset)
        };
        names += 1;
        put(writer.as_mut(), &change);
        rounds += u32::from(writer.patrol(3).unwrap() == Step::Ended);
    }
    let (mut owner, ..) = taken(place, 0);
    round(owner.as_mut(), 1_000).unwrap();
    assert_eq!(place.store().verify(&mut |_, _| {}).unwrap(), [0u32; 0]);
}

pub(crate) fn what_another_did_is_no_damage(place: &impl Place) {
    let (mut zombie, _) = grown(place);
    assert_eq!(zombie.patrol(5).unwrap(), Step::On);
    let (mut owner, ..) = taken(place, 0);
    put(owner.as_mut(), &Commit { blocks: vec![(at(1, 100), block(100, 77))].into(), names_from: 21, ..commit(21) });
    for _ in 0..50 {
        zombie.patrol(5).unwrap();
    }
    assert!(!zombie.owns().unwrap() && owner.owns().unwrap());
    place.store().wipe(SETTINGS).unwrap();
    for _ in 0..50 {
        owner.patrol(5).unwrap();
    }
    fenced(owner.as_mut(), &Commit { names_from: 21, ..commit(22) });
}
