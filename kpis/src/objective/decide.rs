//! The decision: facts in, state and figures out.
//!
//! In: an objective and what is true of it at an instant ([`Facts`]). Out: a [`Judgement`]. Total and pure. Never here: calendars,
//! counters, clocks, an earlier judgement. Every comparison is exact; the chance alone is a float, made of correctly rounded
//! operations and `libm`, so every machine finds the same.

use std::f64::consts::SQRT_2;

use super::{Direction, Objective, State};
use crate::exact::Exact;

/// With fewer blocks of history there is no forecast.
pub const BLOCKS_MIN: usize = 4;
/// Below this chance a target is out of reach.
pub const CHANCE_OUT_OF_REACH: f64 = 0.01;
/// From this chance on, being behind is no risk.
pub const CHANCE_AT_RISK: f64 = 0.25;
/// One part in so many of a period must be past before anything is behind.
const SHARE_EARLY: i128 = 10;

/// How a KPI adds up over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Counts and sums: two stretches together have the sum.
    Additive,
    /// A quotient over a stretch.
    Rate,
    /// What is true at an instant.
    Level,
}

/// A KPI's history in 7 days.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// What it came to.
    pub total: Exact,
    /// In how many working days, summed over people.
    pub days: i64,
}

/// What is true of an objective at an instant.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Whether its period has begun for the first of its members.
    pub begun: bool,
    /// Whether its period is over for the last of its members.
    pub over: bool,
    /// Whether its period has any working time.
    pub has_working_time: bool,
    /// How much of the period is past, 0 to 1.
    pub share: Option<Exact>,
    /// What is wanted of this scope in this period: prorated, in the unit of `attained`.
    pub target: Exact,
    /// How the KPI adds up.
    pub class: Class,
    /// Whether it counts things.
    pub is_count: bool,
    /// What the KPI is; `None` where it has no value.
    pub attained: Option<Exact>,
    /// What a rate, or a level that is a quotient, is of: its denominator, or, where that is money, how many deals.
    pub sample: Option<Exact>,
    /// The history, at most 12 blocks.
    pub blocks: &'a [Block],
    /// Working days left in the period, summed over people.
    pub days_left: Exact,
    /// How many people have any.
    pub people_left: usize,
}

/// How an objective stands, with the figures that say so.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The state.
    pub state: State,
    /// What would be attained on pace; `None` without a share.
    pub expected: Option<Exact>,
    /// What the period comes to if it goes on as before; `None` without enough history.
    pub forecast: Option<Exact>,
    /// The chance of ending on the right side, 0 to 1; `None` without enough history.
    pub chance: Option<f64>,
    /// What is needed a working day from now on; `None` where nothing is, or no day is left.
    pub needed: Option<Exact>,
}

/// Judges an objective.
pub fn decide(objective: &Objective, facts: &Facts<'_>) -> Judgement {
    let additive = facts.class == Class::Additive;
    let expected = if additive { facts.share.as_ref().map(|share| times(&facts.target, share)) } else { Some(facts.target.clone()) };
    let outlook = facts.attained.as_ref().filter(|_| additive).and_then(|attained| outlook(objective.direction, facts, attained));
    let (forecast, chance) = outlook.unzip();
    let state = state(objective, facts, expected.as_ref(), chance);
    Judgement { state, expected, forecast, chance, needed: needed(objective, facts) }
}

/// What comes of a working day as usual; `None` with a history too short for a forecast.
pub fn mu(blocks: &[Block]) -> Option<Exact> {
    let history = History::of(blocks)?;
    history.total.div(&history.days)
}

/// The first row of the table that applies.
fn state(objective: &Objective, facts: &Facts<'_>, expected: Option<&Exact>, chance: Option<f64>) -> State {
    if !facts.begun {
        return State::Pending;
    }
    let Some(attained) = &facts.attained else {
        return State::NoValue;
    };
    let additive = facts.class == Class::Additive;
    let at_least = objective.direction == Direction::AtLeast;
    let on_right_side = if at_least { *attained >= facts.target } else { *attained <= facts.target };
    let has_value = match facts.class {
        // Past a limit is past it, in whoever's working time.
        Class::Additive => facts.has_working_time || !(at_least || on_right_side),
        // A median has a value and no denominator that could be too small.
        Class::Rate | Class::Level => facts.sample.as_ref().is_none_or(|sample| is_enough(sample, objective.min_sample)),
    };
    if !has_value {
        return State::NoValue;
    }
    // What adds up decides an objective before the end: a target reached, a limit passed.
    if on_right_side && (facts.over || (additive && at_least)) {
        return State::Met;
    }
    if facts.over || (additive && !at_least && !on_right_side) {
        return State::Missed;
    }
    if !facts.share.as_ref().is_some_and(is_late_enough) {
        return State::OnPace;
    }
    let (mut may_catch_up, mut out_of_reach) = (false, false);
    if let (true, true, Some(chance)) = (additive, at_least, chance) {
        may_catch_up = chance >= CHANCE_AT_RISK;
        out_of_reach = chance < CHANCE_OUT_OF_REACH;
    }
    if out_of_reach {
        return State::OutOfReach;
    }
    if !may_catch_up && expected.is_some_and(|expected| is_behind(objective, facts, attained, expected)) {
        return State::AtRisk;
    }
    State::OnPace
}

fn is_enough(sample: &Exact, min_sample: u32) -> bool {
    !sample.is_zero() && *sample >= Exact::from(i128::from(min_sample))
}

fn is_late_enough(share: &Exact) -> bool {
    match share {
        Exact::Small(share) => share.numer().saturating_mul(SHARE_EARLY) >= *share.denom(),
        Exact::Large(_) => times(share, &SHARE_EARLY.into()) >= Exact::from(1),
    }
}

/// Whether it is on the wrong side of what is expected by more than the tolerance and, of things counted, by one or more.
fn is_behind(objective: &Objective, facts: &Facts<'_>, attained: &Exact, expected: &Exact) -> bool {
    let by = match objective.direction {
        Direction::AtLeast => expected.sub(attained),
        Direction::AtMost => attained.sub(expected),
    };
    let by_one = facts.class != Class::Additive || !facts.is_count || by >= Exact::from(1);
    // The tolerance is on the wrong side of a negative expectation too.
    let size = if expected.is_negative() { Exact::from(0).sub(expected) } else { expected.clone() };
    by_one && by > times(&size, &objective.tolerance)
}

/// What is needed a day: what is missing ÷ the days left of each person, one of them at least.
fn needed(objective: &Objective, facts: &Facts<'_>) -> Option<Exact> {
    let attained = facts.attained.as_ref()?;
    let days_left = &facts.days_left;
    let has_days = !days_left.is_zero() && !days_left.is_negative();
    let wanted = facts.class == Class::Additive && objective.direction == Direction::AtLeast && *attained < facts.target;
    if !has_days || !wanted {
        return None;
    }
    let missing = facts.target.sub(attained);
    let people = Exact::from(facts.people_left.max(1) as i128);
    if *days_left <= people { Some(missing) } else { times(&missing, &people).div(days_left) }
}

/// The forecast and the chance of ending on the right side.
fn outlook(direction: Direction, facts: &Facts<'_>, attained: &Exact) -> Option<(Exact, f64)> {
    let history = History::of(facts.blocks)?;
    let (left, of) = parts(&facts.days_left);
    // Over one denominator: f = a + Σw·d ÷ Σn.
    let denominator = times(&history.days, &of);
    let to_come = times(&history.total, &left);
    let forecast = times(attained, &denominator).add(&to_come).div(&denominator)?;
    let ahead = match direction {
        Direction::AtLeast => forecast.sub(&facts.target),
        Direction::AtMost => facts.target.sub(&forecast),
    };
    let chance = if left.is_zero() || history.is_steady(facts.is_count) {
        f64::from(!ahead.is_negative())
    } else {
        let spread = (history.variance(facts.is_count) * float(&facts.days_left)).sqrt();
        normal(float(&ahead) / spread)
    };
    Some((forecast, chance))
}

/// Blocks with working days, added up.
struct History<'a> {
    blocks: &'a [Block],
    total: Exact,
    days: Exact,
    length: usize,
}

impl<'a> History<'a> {
    fn of(blocks: &'a [Block]) -> Option<History<'a>> {
        let (mut total, mut days, mut length) = (Exact::from(0), 0, 0);
        for block in with_days(blocks) {
            total = total.add(&block.total);
            days += i128::from(block.days);
            length += 1;
        }
        (length >= BLOCKS_MIN).then(|| History { blocks, total, days: days.into(), length })
    }

    /// (w − μ·n)·Σn of each block, with its n: exact, and whole where the totals are.
    fn deviations(&self) -> impl Iterator<Item = (Exact, i64)> + '_ {
        let deviation = |block: &Block| times(&block.total, &self.days).sub(&times(&self.total, &i128::from(block.days).into()));
        with_days(self.blocks).map(move |block| (deviation(block), block.days))
    }

    /// Whether σ² = 0, exactly.
    fn is_steady(&self, is_count: bool) -> bool {
        let at_least_mu = is_count && !self.total.is_zero() && !self.total.is_negative();
        !at_least_mu && self.deviations().all(|(deviation, _)| deviation.is_zero())
    }

    /// σ² of a working day: Σ (w − μ·n)² ÷ n ÷ (k − 1), for counts at least μ.
    fn variance(&self, is_count: bool) -> f64 {
        let days = float(&self.days);
        let squares = self.deviations().map(|(deviation, n)| {
            let deviation = float(&deviation) / days;
            deviation * deviation / n as f64
        });
        let variance = squares.sum::<f64>() / (self.length - 1) as f64;
        if is_count { variance.max(float(&self.total) / days) } else { variance }
    }
}

fn with_days(blocks: &[Block]) -> impl Iterator<Item = &Block> {
    blocks.iter().filter(|block| block.days > 0)
}

/// Φ, the standard normal distribution: Φ(x) = erfc(−x ÷ √2) ÷ 2 (Abramowitz & Stegun 7.1.22, 26.2.29).
fn normal(x: f64) -> f64 {
    libm::erfc(-x / SQRT_2) / 2.0
}

/// The product; at once where both are whole.
fn times(a: &Exact, b: &Exact) -> Exact {
    if let (Exact::Small(x), Exact::Small(y)) = (a, b)
        && (*x.denom(), *y.denom()) == (1, 1)
        && let Some(product) = x.numer().checked_mul(*y.numer())
    {
        return product.into();
    }
    a.mul(b)
}

/// Numerator and denominator.
fn parts(exact: &Exact) -> (Exact, Exact) {
    match exact {
        Exact::Small(small) => ((*small.numer()).into(), (*small.denom()).into()),
        Exact::Large(_) => (exact.clone(), 1.into()),
    }
}

fn float(exact: &Exact) -> f64 {
    match exact {
        Exact::Small(small) if *small.denom() == 1 => *small.numer() as f64,
        _ => exact.to_f64(),
    }
}

#[cfg(test)]
pub(super) mod tests;
