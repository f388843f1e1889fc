//! The table of states, row by row and edge by edge. In: what is known of a row; out: its state.

use num_rational::BigRational;

use super::verdict::{Facts, Nature, chance, phi, state};

/// A row in words: an additive count, at least 100, tolerance 0.10, half the time gone, 60 attained.
#[derive(Clone)]
struct Case {
    nature: Nature,
    counts: bool,
    at_most: bool,
    begun: bool,
    over: bool,
    worked: bool,
    small: bool,
    target: f64,
    attained: Option<f64>,
    share: Option<f64>,
    chance: Option<f64>,
}

fn exact(value: f64) -> BigRational {
    // Thousandths: 0.1 is a tenth here and not the float next to it.
    BigRational::new(((value * 1_000.0).round() as i64).into(), 1_000.into())
}

fn usual() -> Case {
    Case {
        nature: Nature::Sum,
        counts: true,
        at_most: false,
        begun: true,
        over: false,
        worked: true,
        small: false,
        target: 100.0,
        attained: Some(60.0),
        share: Some(0.5),
        chance: Some(0.5),
    }
}

fn said(change: impl Fn(&mut Case)) -> &'static str {
    let mut case = usual();
    change(&mut case);
    let (target, attained, share) = (exact(case.target), case.attained.map(exact), case.share.map(exact));
    let expected = match case.nature {
        Nature::Sum => share.as_ref().map(|share| &target * share),
        _ => Some(target.clone()),
    };
    state(&Facts {
        nature: case.nature,
        counts: case.counts,
        at_most: case.at_most,
        tolerance: exact(0.1),
        begun: case.begun,
        over: case.over,
        worked: case.worked,
        sample_is_small: case.small,
        target: &target,
        attained: attained.as_ref(),
        share: share.as_ref(),
        expected: expected.as_ref(),
        chance: case.chance,
    })
}

#[test]
fn a_sum_at_least() {
    assert_eq!(said(|_| {}), "on_pace");
    assert_eq!(said(|row| row.begun = false), "pending");
    assert_eq!(said(|row| (row.worked, row.share, row.attained) = (false, None, Some(100.0))), "no_value");
    assert_eq!(said(|row| row.attained = Some(100.0)), "met");
    assert_eq!(said(|row| (row.attained, row.over) = (Some(100.0), true)), "met");
    assert_eq!(said(|row| (row.attained, row.over) = (Some(99.999), true)), "missed");
    // A chance below one in a hundred, and a tenth of the time gone.
    let reach = |share: f64, chance: f64| said(move |row| (row.share, row.chance) = (Some(share), Some(chance)));
    assert_eq!(reach(0.1, 0.009), "out_of_reach");
    assert_eq!(reach(0.1, 0.01), "on_pace");
    assert_eq!(reach(0.099, 0.009), "on_pace");
    // Behind by more than the tolerance, with a chance below a quarter or none.
    let risk = |attained: f64, chance: Option<f64>| said(move |row| (row.attained, row.chance) = (Some(attained), chance));
    assert_eq!(risk(44.999, Some(0.249)), "at_risk");
    assert_eq!(risk(44.999, None), "at_risk");
    assert_eq!(risk(44.999, Some(0.25)), "on_pace");
    assert_eq!(risk(45.0, Some(0.249)), "on_pace");
    // Less than one off is nothing where things are counted.
    let small = |counts: bool, attained: f64| {
        said(move |row| (row.target, row.counts, row.attained, row.chance) = (4.0, counts, Some(attained), None))
    };
    assert_eq!((small(true, 1.0), small(true, 1.001), small(false, 1.001)), ("at_risk", "on_pace", "at_risk"));
    assert_eq!(said(|row| (row.share, row.attained, row.chance) = (Some(0.099), Some(0.0), None)), "on_pace");
}

#[test]
fn a_sum_at_most() {
    let most = |change: fn(&mut Case)| {
        said(move |row| {
            (row.at_most, row.chance) = (true, Some(0.0));
            change(row);
        })
    };
    // Ahead by more than the tolerance: 55 of an expected 50 is not.
    assert_eq!(most(|row| row.attained = Some(55.0)), "on_pace");
    assert_eq!(most(|row| row.attained = Some(55.001)), "at_risk");
    assert_eq!(most(|row| (row.attained, row.share) = (Some(55.001), Some(0.099))), "on_pace");
    assert_eq!(most(|row| (row.target, row.attained) = (4.0, Some(2.999))), "on_pace");
    assert_eq!(most(|row| (row.target, row.attained) = (4.0, Some(3.0))), "at_risk");
    assert_eq!(most(|row| row.attained = Some(100.001)), "missed");
    assert_eq!(most(|row| (row.attained, row.over) = (Some(100.0), true)), "met");
    assert_eq!(most(|row| (row.worked, row.share, row.attained) = (false, None, Some(100.0))), "no_value");
    assert_eq!(most(|row| (row.worked, row.share, row.attained) = (false, None, Some(101.0))), "missed");
    assert_eq!(most(|row| row.begun = false), "pending");
}

#[test]
fn a_rate_or_a_level() {
    for nature in [Nature::Rate, Nature::Level] {
        let rate = |at_most: bool, attained: f64, over: bool| {
            said(move |row| {
                (row.nature, row.counts, row.at_most, row.attained, row.over) = (nature, false, at_most, Some(attained), over);
                row.chance = None;
            })
        };
        assert_eq!((rate(false, 90.0, false), rate(false, 89.999, false)), ("on_pace", "at_risk"));
        assert_eq!((rate(true, 110.0, false), rate(true, 110.001, false)), ("on_pace", "at_risk"));
        assert_eq!((rate(false, 100.0, true), rate(false, 99.999, true)), ("met", "missed"));
        assert_eq!((rate(true, 100.0, true), rate(true, 100.001, true)), ("met", "missed"));
        // Reached before the end is no more than on pace.
        assert_eq!(rate(false, 200.0, false), "on_pace");
        let change = |row: &mut Case| (row.nature, row.attained) = (nature, Some(1.0));
        assert_eq!(
            said(|row| {
                change(row);
                row.share = Some(0.099);
            }),
            "on_pace"
        );
        assert_eq!(
            said(|row| {
                change(row);
                row.share = None;
            }),
            "on_pace"
        );
        assert_eq!(
            said(|row| {
                change(row);
                row.begun = false;
            }),
            "pending"
        );
        assert_eq!(
            said(|row| {
                change(row);
                row.small = true;
            }),
            "no_value"
        );
        assert_eq!(
            said(|row| {
                change(row);
                (row.attained, row.over) = (None, true);
            }),
            "no_value"
        );
    }
}

#[test]
fn the_chance_is_the_normal_distributions() {
    // Tables of Φ, Abramowitz and Stegun 26.1.
    for (x, expected) in
        [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-1.0, 0.158_655_253_931_457), (2.5, 0.993_790_334_674_224), (-2.326_347_874, 0.01)]
    {
        assert!((phi(x) - expected).abs() < 1e-11, "{x}: {}", phi(x));
    }
    assert_eq!((phi(40.0), phi(-40.0)), (1.0, 0.0));
    let of = |forecast: f64, variance: f64, at_most: bool| chance(&exact(forecast), &exact(10.0), &exact(variance), at_most);
    assert_eq!((of(10.0, 0.0, false), of(9.999, 0.0, false)), (1.0, 0.0));
    assert_eq!((of(10.0, 0.0, true), of(10.001, 0.0, true)), (1.0, 0.0));
    assert!((of(12.0, 4.0, false) - phi(1.0)).abs() < 1e-15);
    assert!((of(12.0, 4.0, true) - phi(-1.0)).abs() < 1e-15);
}
