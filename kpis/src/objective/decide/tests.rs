//! The table of states, row by row, and the figures, by hand.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;

use super::*;
use crate::objective::{Importance, Pace, Period, Scope};

const NONE: &[Block] = &[];

pub(in crate::objective) fn objective(direction: Direction) -> Objective {
    Objective {
        id: "calls".into(),
        name: "calls".into(),
        line: 1,
        kpi: 0,
        scope: Scope::Company,
        target: 0.into(),
        currency: None,
        direction,
        tolerance: ratio(1, 10),
        importance: Importance::Normal,
        min_sample: 20,
        prorate_absences: false,
        prorate_holidays: false,
        period: Period::Week,
        pace: Pace::WorkingTime,
        from: None,
    }
}

fn ratio(numerator: i128, denominator: i128) -> Exact {
    Exact::ratio(numerator, denominator).unwrap()
}

/// A sum of money, 40 wanted, half of the period past, 5 working days left, no history.
fn money(attained: i128) -> Facts<'static> {
    Facts {
        begun: true,
        over: false,
        has_working_time: true,
        share: Some(ratio(1, 2)),
        target: 40.into(),
        class: Class::Additive,
        is_count: false,
        attained: Some(attained.into()),
        sample: None,
        blocks: NONE,
        days_left: 5.into(),
        people_left: 1,
    }
}

/// 35 % wanted, a third of the period past.
fn rate(percent: i128, sample: i128) -> Facts<'static> {
    Facts {
        share: Some(ratio(1, 3)),
        target: ratio(35, 100),
        class: Class::Rate,
        attained: Some(ratio(percent, 100)),
        sample: Some(sample.into()),
        ..money(0)
    }
}

fn level(attained: i128) -> Facts<'static> {
    Facts { class: Class::Level, ..money(attained) }
}

fn over(facts: Facts<'_>) -> Facts<'_> {
    Facts { over: true, share: Some(1.into()), days_left: 0.into(), people_left: 0, ..facts }
}

fn without_time(facts: Facts<'_>) -> Facts<'_> {
    Facts { has_working_time: false, share: None, days_left: 0.into(), people_left: 0, ..facts }
}

fn at_least(facts: &Facts<'_>) -> State {
    decide(&objective(Direction::AtLeast), facts).state
}

fn at_most(facts: &Facts<'_>) -> State {
    decide(&objective(Direction::AtMost), facts).state
}

fn blocks(totals: &[i128], days: i64) -> Vec<Block> {
    totals.iter().map(|total| Block { total: (*total).into(), days }).collect()
}

#[test]
fn pending_before_the_period_begins() {
    for facts in [money(50), rate(90, 100), level(50), without_time(money(50))] {
        let facts = Facts { begun: false, ..facts };
        assert_eq!((at_least(&facts), at_most(&facts)), (State::Pending, State::Pending));
    }
}

#[test]
fn no_value_without_working_time_unless_a_limit_is_passed() {
    for end in [false, true] {
        let judged = |attained| {
            let facts = Facts { over: end, ..without_time(money(attained)) };
            (at_least(&facts), at_most(&facts))
        };
        assert_eq!(judged(39), (State::NoValue, State::NoValue));
        assert_eq!(judged(40), (State::NoValue, State::NoValue));
        assert_eq!(judged(41), (State::NoValue, State::Missed));
    }
    // A KPI that has no value at all.
    let nothing = Facts { attained: None, ..money(0) };
    assert_eq!((at_least(&nothing), at_most(&nothing)), (State::NoValue, State::NoValue));
}

#[test]
fn no_value_for_a_rate_without_enough_of_a_sample() {
    // A median has no sample to be too small.
    for (sample, state) in [(Some(19), State::NoValue), (Some(20), State::OnPace), (Some(0), State::NoValue), (None, State::OnPace)] {
        let facts = Facts { sample: sample.map(Exact::from), ..rate(40, 0) };
        assert_eq!(at_least(&facts), state, "{sample:?}");
        let expected = if state == State::NoValue { State::NoValue } else { State::Met };
        assert_eq!(at_least(&over(facts)), expected, "{sample:?}, at the end");
    }
    let any = Objective { min_sample: 0, ..objective(Direction::AtLeast) };
    assert_eq!(decide(&any, &rate(40, 0)).state, State::NoValue);
    assert_eq!(decide(&any, &rate(40, 1)).state, State::OnPace);
    // A level is its own sample, unless it is a quotient.
    assert_eq!(at_least(&level(41)), State::OnPace);
    assert_eq!(at_least(&Facts { sample: Some(3.into()), ..level(41) }), State::NoValue);
    // It needs no working time, but without any nothing is late.
    assert_eq!(at_least(&without_time(rate(10, 100))), State::OnPace);
}

#[test]
fn met_when_reached_or_ended_on_the_right_side() {
    assert_eq!([40, 41].map(|attained| at_least(&money(attained))), [State::Met; 2]);
    assert_eq!(at_most(&money(20)), State::OnPace);
    assert_eq!([39, 40].map(|attained| at_most(&over(money(attained)))), [State::Met; 2]);
    assert_eq!((at_least(&rate(35, 100)), at_least(&over(rate(35, 100)))), (State::OnPace, State::Met));
    assert_eq!((at_most(&rate(35, 100)), at_most(&over(rate(35, 100)))), (State::OnPace, State::Met));
    assert_eq!((at_least(&level(40)), at_least(&over(level(40)))), (State::OnPace, State::Met));
    // Nothing wanted is reached at once; no limit at all is kept until something comes.
    let nothing = |attained| Facts { target: 0.into(), ..money(attained) };
    assert_eq!((at_least(&nothing(0)), at_most(&nothing(0)), at_most(&over(nothing(0)))), (State::Met, State::OnPace, State::Met));
    assert_eq!(at_most(&nothing(1)), State::Missed);
}

#[test]
fn missed_when_ended_on_the_wrong_side_or_past_a_limit() {
    assert_eq!(at_least(&over(money(39))), State::Missed);
    assert_eq!((at_most(&money(41)), at_most(&over(money(41)))), (State::Missed, State::Missed));
    let early = Facts { share: Some(ratio(1, 100)), ..money(41) };
    assert_eq!(at_most(&early), State::Missed);
    assert_eq!((at_least(&over(rate(34, 100))), at_most(&over(rate(36, 100)))), (State::Missed, State::Missed));
    assert_eq!((at_least(&over(level(39))), at_most(&over(level(41)))), (State::Missed, State::Missed));
}

#[test]
fn out_of_reach_with_less_than_a_chance_in_a_hundred() {
    // 15 a week without a doubt: 23 is the most that comes of the last one.
    let steady = blocks(&[15; 12], 5);
    let judged =
        |attained, share: (i128, i128)| at_least(&Facts { share: Some(ratio(share.0, share.1)), blocks: &steady, ..money(attained) });
    assert_eq!(judged(24, (1, 2)), State::OutOfReach);
    assert_eq!(judged(25, (1, 2)), State::OnPace);
    assert_eq!(judged(0, (1, 10)), State::OutOfReach);
    assert_eq!(judged(0, (99, 1000)), State::OnPace);
    // Even where it isn't behind: the blocks know what the pace doesn't.
    assert_eq!(judged(20, (1, 2)), State::OutOfReach);
    // No day left before the end.
    let facts = Facts { days_left: 0.into(), people_left: 0, share: Some(1.into()), blocks: &steady, ..money(39) };
    assert_eq!(at_least(&facts), State::OutOfReach);
    assert_eq!(at_least(&Facts { blocks: NONE, ..facts }), State::OnPace);
    // A limit is never out of reach.
    assert_eq!(at_most(&Facts { blocks: &steady, ..money(38) }), State::AtRisk);
}

#[test]
fn at_risk_when_behind_by_more_than_the_tolerance() {
    assert_eq!([17, 18, 20].map(|attained| at_least(&money(attained))), [State::AtRisk, State::OnPace, State::OnPace]);
    assert_eq!([23, 22, 20].map(|attained| at_most(&money(attained))), [State::AtRisk, State::OnPace, State::OnPace]);
    assert_eq!([31, 32, 35].map(|percent| at_least(&rate(percent, 100))), [State::AtRisk, State::OnPace, State::OnPace]);
    assert_eq!([39, 38, 35].map(|percent| at_most(&rate(percent, 100))), [State::AtRisk, State::OnPace, State::OnPace]);
    assert_eq!([35, 36].map(|attained| at_least(&level(attained))), [State::AtRisk, State::OnPace]);
    assert_eq!([45, 44].map(|attained| at_most(&level(attained))), [State::AtRisk, State::OnPace]);
    // Exactly at the tolerance of a fraction: 31.5 %.
    assert_eq!(at_least(&Facts { attained: Some(ratio(315, 1000)), ..rate(0, 100) }), State::OnPace);
    assert_eq!(at_least(&Facts { attained: Some(ratio(314_999, 1_000_000)), ..rate(0, 100) }), State::AtRisk);
}

#[test]
fn at_risk_not_before_a_tenth_of_the_period() {
    for (share, state) in [(Some(ratio(1, 10)), State::AtRisk), (Some(ratio(999, 10_000)), State::OnPace), (None, State::OnPace)] {
        assert_eq!(at_least(&Facts { share: share.clone(), ..money(0) }), state);
        assert_eq!(at_least(&Facts { share: share.clone(), ..rate(0, 100) }), state);
        assert_eq!(at_most(&Facts { share, ..money(39) }), if state == State::AtRisk { state } else { State::OnPace });
    }
}

#[test]
fn at_risk_not_with_a_chance_of_a_quarter() {
    // μ = 3, σ² = 20/3: with 20 the chance is 0.193, with 21 it is 0.244, with 22 (μ·d to come: 37) 0.302.
    let history = blocks(&[10, 20, 10, 20], 5);
    let share = Some(ratio(3, 4));
    let judged = |attained| at_least(&Facts { share: share.clone(), blocks: &history, ..money(attained) });
    assert_eq!([20, 21, 22].map(judged), [State::AtRisk, State::AtRisk, State::OnPace]);
    // Three blocks are no history; nor are four of which one has no working day.
    let mut gap = history.clone();
    gap[0] = Block { total: 1000.into(), days: 0 };
    for short in [&history[1..], &gap] {
        let judged = decide(&objective(Direction::AtLeast), &Facts { share: share.clone(), blocks: short, ..money(22) });
        assert_eq!((judged.state, judged.forecast, judged.chance), (State::AtRisk, None, None));
    }
    // A limit has no such leave.
    assert_eq!(at_most(&Facts { blocks: &blocks(&[1; 4], 5), ..money(23) }), State::AtRisk);
}

#[test]
fn at_risk_not_by_a_fraction_of_a_thing_counted() {
    // 3 wanted, 1.5 expected: none is 1.5 short, one is half a thing short.
    let count = |attained: i128| Facts { target: 3.into(), is_count: true, ..money(attained) };
    assert_eq!([0, 1].map(|attained| at_least(&count(attained))), [State::AtRisk, State::OnPace]);
    assert_eq!(at_least(&Facts { is_count: false, ..count(1) }), State::AtRisk);
    assert_eq!([2, 3].map(|attained| at_most(&count(attained))), [State::OnPace, State::AtRisk]);
    assert_eq!(at_most(&Facts { is_count: false, ..count(2) }), State::AtRisk);
    // By one exactly.
    assert_eq!(at_least(&Facts { target: 4.into(), ..count(1) }), State::AtRisk);
}

#[test]
fn negative_amounts_keep_their_sides() {
    assert_eq!(at_least(&money(-5)), State::AtRisk);
    assert_eq!((at_most(&money(-5)), at_most(&over(money(-5)))), (State::OnPace, State::Met));
    // A loss of 40 allowed, 20 by now: a tenth more is tolerated.
    let loss = |attained: i128| Facts { target: (-40).into(), ..money(attained) };
    assert_eq!([-40, -39].map(|attained| at_least(&loss(attained))), [State::Met, State::Met]);
    assert_eq!(at_least(&loss(-41)), State::AtRisk);
    let level = |attained: i128| Facts { class: Class::Level, ..loss(attained) };
    assert_eq!([-40, -44, -45].map(|attained| at_least(&level(attained))), [State::OnPace, State::OnPace, State::AtRisk]);
}

#[test]
fn figures_by_hand() {
    let history = blocks(&[10, 20, 10, 20], 5);
    let facts = Facts { blocks: &history, people_left: 2, ..money(20) };
    let judged = decide(&objective(Direction::AtLeast), &facts);
    assert_eq!((judged.expected, judged.forecast, judged.needed), (Some(20.into()), Some(35.into()), Some(8.into())));
    // Φ(−5 ÷ √(20/3 · 5)).
    assert!((judged.chance.unwrap() - 0.193_238_115_385_615_9).abs() < 1e-14);
    let other = decide(&objective(Direction::AtMost), &facts);
    assert!((other.chance.unwrap() - 0.806_761_884_614_384_1).abs() < 1e-14);
    assert_eq!(other.needed, None);
    // Counts vary by μ at least: Φ(−5 ÷ √(3 · 5)).
    let steady = blocks(&[15; 4], 5);
    let counted = decide(&objective(Direction::AtLeast), &Facts { blocks: &steady, is_count: true, ..money(20) });
    assert!((counted.chance.unwrap() - 0.098_352_801_229_473_46).abs() < 1e-14, "{counted:?}");
    // Blocks of different length: 2, 4, 6 and 0 in 1, 2, 3 and 0 days, and 8 in 4, are all 2 a day.
    let even: Vec<Block> = [2, 4, 6, 8].into_iter().map(|total: i128| Block { total: total.into(), days: total as i64 / 2 }).collect();
    let sure = decide(&objective(Direction::AtLeast), &Facts { blocks: &even, ..money(30) });
    assert_eq!((sure.forecast, sure.chance), (Some(40.into()), Some(1.0)));
    assert_eq!(mu(&even), Some(2.into()));
    assert_eq!(mu(&even[1..]), None);
    // Rates have a target to be at, and nothing to come.
    let rate = decide(&objective(Direction::AtLeast), &Facts { blocks: &even, ..rate(30, 100) });
    assert_eq!((rate.expected, rate.forecast, rate.chance, rate.needed), (Some(ratio(35, 100)), None, None, None));
}

#[test]
fn needed_while_there_are_days_and_something_is_missing() {
    let judged = |attained, days_left: (i128, i128), people_left| {
        let facts = Facts { days_left: ratio(days_left.0, days_left.1), people_left, ..money(attained) };
        decide(&objective(Direction::AtLeast), &facts).needed
    };
    assert_eq!(judged(20, (5, 2), 1), Some(8.into()));
    assert_eq!(judged(20, (15, 2), 3), Some(8.into()));
    // In the last day all of it.
    assert_eq!(judged(20, (1, 9), 1), Some(20.into()));
    assert_eq!(judged(20, (3, 2), 3), Some(20.into()));
    assert_eq!((judged(20, (0, 1), 0), judged(40, (5, 1), 1)), (None, None));
    assert_eq!(judged(-10, (5, 1), 1), Some(10.into()));
}

#[test]
fn money_at_fractional_rates_stays_exact() {
    // Thirds and sevenths, as a currency's rate may leave them.
    let history: Vec<Block> = (0..12).map(|no| Block { total: ratio(100 + no % 3, 3), days: 5 }).collect();
    let facts = Facts { blocks: &history, attained: Some(ratio(100, 7)), days_left: ratio(7, 3), ..money(0) };
    let judged = decide(&objective(Direction::AtLeast), &facts);
    // Σw = 4 · (100 + 101 + 102) ÷ 3 = 404 in 60 days.
    assert_eq!(mu(&history), Some(ratio(404, 60)));
    assert_eq!(judged.forecast, Some(ratio(100, 7).add(&ratio(404 * 7, 60 * 3))));
}

#[test]
fn the_normal_distribution_is_the_known_one() {
    for (x, p) in [
        (0.0, 0.5),
        (1.0, 0.841_344_746_068_542_9),
        (-1.0, 0.158_655_253_931_457_05),
        (1.959_963_984_540_054, 0.975),
        (-2.326_347_874_040_841, 0.01),
        (-3.0, 0.001_349_898_031_630_094_6),
        (-40.0, 0.0),
        (40.0, 1.0),
    ] {
        assert!((normal(x) - p).abs() < 1e-15, "Φ({x}) = {}", normal(x));
    }
}

prop_compose! {
    fn any_facts()(
        flags in prop::array::uniform4(any::<bool>()), share in prop::option::of(0..=20i128), target in -50..200i128, attained in prop::option::of(-50..250i128),
        class in 0..3usize, denominator in prop::option::of(0..60i128), left in 0..40i128, people in 0..4usize,
    ) -> Facts<'static> {
        let class = [Class::Additive, Class::Rate, Class::Level][class];
        Facts {
            begun: flags[0] || flags[1],
            over: flags[0] && flags[2],
            has_working_time: share.is_some(),
            share: share.map(|twentieths| ratio(twentieths, 20)),
            target: target.into(),
            class,
            is_count: flags[3],
            attained: attained.map(Exact::from),
            sample: denominator.map(Exact::from),
            blocks: NONE,
            days_left: ratio(left, 4),
            people_left: people,
        }
    }
}

proptest! {
    /// The table once more, each row a closed condition in floats that are exact here (twentieths of integers, by tenths: in
    /// two-hundredths). The row that is found is the first that applies.
    #[test]
    fn the_state_is_the_first_row_that_applies(
        mut facts in any_facts(), is_at_least in any::<bool>(), totals in prop::collection::vec(0..60i128, 0..12),
    ) {
        let history = blocks(&totals, 5);
        facts.blocks = &history;
        let objective = objective(if is_at_least { Direction::AtLeast } else { Direction::AtMost });
        let judged = decide(&objective, &facts);

        let additive = facts.class == Class::Additive;
        let whole = |exact: &Exact| exact.to_integer().unwrap();
        let (t, a) = (whole(&facts.target), facts.attained.as_ref().map(whole));
        let twentieths = facts.share.as_ref().map(|share| whole(&share.mul(&20.into())));
        let sample = match (facts.class, facts.sample.as_ref().map(whole)) {
            (Class::Additive, _) | (_, None) => true,
            (_, sample) => sample.is_some_and(|sample| sample >= 20),
        };
        let e200 = if additive { twentieths.map(|share| t * share * 10) } else { Some(t * 200) };
        let behind200 = e200.zip(a).map(|(e, a)| if is_at_least { e - 200 * a } else { 200 * a - e });
        let late = twentieths.is_some_and(|share| share >= 2);
        let p = judged.chance;
        let right = a.is_some_and(|a| if is_at_least { a >= t } else { a <= t });
        let rows = [
            (State::Pending, !facts.begun),
            (State::NoValue, a.is_none() || !sample || (additive && !facts.has_working_time && (is_at_least || right))),
            (State::Met, right && (facts.over || (additive && is_at_least))),
            (State::Missed, facts.over || (additive && !is_at_least && !right)),
            (State::OutOfReach, additive && is_at_least && late && p.is_some_and(|p| p < 0.01)),
            (State::AtRisk, late && behind200.zip(e200).is_some_and(|(by, e)| 10 * by > e.abs() && (!additive || !facts.is_count || by >= 200))
                && (!additive || !is_at_least || p.is_none_or(|p| p < 0.25))),
            (State::OnPace, true),
        ];
        let first = rows.into_iter().find_map(|(state, applies)| applies.then_some(state));
        prop_assert_eq!(Some(judged.state), first);

        prop_assert_eq!(judged.forecast.is_some(), judged.chance.is_some());
        prop_assert_eq!(judged.chance.is_some(), additive && a.is_some() && totals.len() >= 4);
        prop_assert!(judged.chance.is_none_or(|p| (0.0..=1.0).contains(&p)));
        let needed = additive && is_at_least && !facts.days_left.is_zero() && a.is_some_and(|a| a < t);
        prop_assert_eq!(judged.needed.is_some(), needed);
    }

    #[test]
    fn the_forecast_is_what_rationals_say(attained in -900..900i128, totals in prop::collection::vec(-90..400i128, 4..12), left in 0..99_999i128, of in 1..9_999i128) {
        let history = blocks(&totals, 5);
        let facts = Facts { blocks: &history, attained: Some(attained.into()), days_left: ratio(left, of), ..money(0) };
        let judged = decide(&objective(Direction::AtLeast), &facts);
        let mu = ratio(totals.iter().sum(), 5 * totals.len() as i128);
        prop_assert_eq!(mu.clone(), super::mu(&history).unwrap());
        prop_assert_eq!(judged.forecast, Some(Exact::from(attained).add(&mu.mul(&ratio(left, of)))));
    }
}
