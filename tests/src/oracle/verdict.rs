//! The table of states, and the chance. In: what is known of a row; out: the one state, the first that applies. The only
//! floats of the oracle are here, in the chance.

use num_rational::BigRational;
use num_traits::Zero;

use super::judge::float;

/// What sort of number an objective is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nature {
    /// A sum over the period.
    Sum,
    /// A quotient, or what is computed from ranks.
    Rate,
    /// What stands at an instant.
    Level,
}

/// What is known of a row.
pub struct Facts<'a> {
    pub nature: Nature,
    /// Whether it counts things.
    pub counts: bool,
    pub at_most: bool,
    pub tolerance: BigRational,
    pub begun: bool,
    pub over: bool,
    /// Whether there is working time in the period.
    pub worked: bool,
    pub sample_is_small: bool,
    pub target: &'a BigRational,
    pub attained: Option<&'a BigRational>,
    pub share: Option<&'a BigRational>,
    pub expected: Option<&'a BigRational>,
    pub chance: Option<f64>,
}

/// The state of a row.
pub fn state(facts: &Facts<'_>) -> &'static str {
    if !facts.begun {
        return "pending";
    }
    let one = BigRational::from_integer(1.into());
    let is_late = facts.share.is_some_and(|share| *share >= BigRational::new(1.into(), 10.into()));
    // The factor by which the tolerance moves the line, to the side that is still forgiven.
    let forgiven = if facts.at_most { &one + &facts.tolerance } else { &one - &facts.tolerance };
    match (facts.nature, facts.attained) {
        (Nature::Sum, None) => "no_value",
        (Nature::Sum, Some(attained)) if !facts.at_most => {
            if !facts.worked {
                return "no_value";
            }
            if attained >= facts.target {
                return "met";
            }
            if facts.over {
                return "missed";
            }
            if is_late && facts.chance.is_some_and(|chance| chance < 0.01) {
                return "out_of_reach";
            }
            let Some(expected) = facts.expected else { return "on_pace" };
            let is_behind = *attained < expected * forgiven;
            let by_one = !facts.counts || expected - attained >= one;
            let is_unlikely = facts.chance.is_none_or(|chance| chance < 0.25);
            if is_behind && is_late && by_one && is_unlikely { "at_risk" } else { "on_pace" }
        }
        (Nature::Sum, Some(attained)) => {
            if !facts.worked && attained <= facts.target {
                return "no_value";
            }
            if attained > facts.target {
                return "missed";
            }
            if facts.over {
                return "met";
            }
            let Some(expected) = facts.expected else { return "on_pace" };
            let is_ahead = *attained > expected * forgiven;
            let by_one = !facts.counts || attained - expected >= one;
            if is_ahead && is_late && by_one { "at_risk" } else { "on_pace" }
        }
        (Nature::Rate | Nature::Level, None) => "no_value",
        (Nature::Rate | Nature::Level, Some(attained)) => {
            if facts.sample_is_small {
                return "no_value";
            }
            let is_right = if facts.at_most { attained <= facts.target } else { attained >= facts.target };
            if facts.over {
                return if is_right { "met" } else { "missed" };
            }
            let line = facts.target * forgiven;
            let is_wrong = if facts.at_most { *attained > line } else { *attained < line };
            if is_wrong && is_late { "at_risk" } else { "on_pace" }
        }
    }
}

/// How likely a sum is to end on the right side of its target, from its forecast and variance.
pub fn chance(forecast: &BigRational, target: &BigRational, variance: &BigRational, at_most: bool) -> f64 {
    let ahead = if at_most { target - forecast } else { forecast - target };
    if variance.is_zero() {
        return if ahead >= BigRational::zero() { 1.0 } else { 0.0 };
    }
    phi(float(&ahead) / float(variance).sqrt())
}

/// Φ, the share of a standard normal below x, to within 1e-14.
///
/// Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …): all terms have one sign, so nothing cancels (Abramowitz and Stegun 26.2.11).
pub fn phi(x: f64) -> f64 {
    if x.abs() > 8.5 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum) = (x, x);
    let mut odd = 1.0;
    while term.abs() > 1e-18 * sum.abs() {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (0.5 + density * sum).clamp(0.0, 1.0)
}
