//! Whether an objective is SMART: specific, measurable, ambitious, realistic, time-bound.
//!
//! In: what is known of an objective, and what its KPI usually comes to in such a period. Out: five verdicts.
//! Never here: words for people, tables, exit codes.

use super::Direction;
use crate::exact::Exact;

/// What an objective is judged by before its period tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Aim {
    /// Whether KPI and scope are known and one each.
    pub is_known: bool,
    /// Whether the KPI has had data in the scope.
    pub has_data: bool,
    /// Whether its period ends.
    pub ends: bool,
    /// Which side of the target is the right one.
    pub direction: Direction,
    /// What is wanted over the period.
    pub target: Exact,
    /// What comes of a period as usual: [`super::decide::mu`] × its working days; `None` where that isn't known.
    pub usual: Option<Exact>,
}

/// Five verdicts; `None` where there is nothing to judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smart {
    /// One KPI, one scope, all known.
    pub specific: bool,
    /// The KPI has had data in the scope.
    pub measurable: bool,
    /// It wants no less than what comes anyway.
    pub ambitious: Option<bool>,
    /// It wants at most half as much again (or, where less is better, at least half) of what comes anyway.
    pub realistic: Option<bool>,
    /// Its period ends.
    pub time_bound: bool,
}

impl Smart {
    /// Whether it can't serve as an objective: it isn't specific, measurable or time-bound.
    pub fn fails(self) -> bool {
        !(self.specific && self.measurable && self.time_bound)
    }
}

/// Judges an aim.
pub fn judge(aim: &Aim) -> Smart {
    let compared = |test: fn(&Exact, &Exact) -> bool| aim.usual.as_ref().map(|usual| test(&aim.target, usual));
    let twice = |amount: &Exact| amount.add(amount);
    let (ambitious, realistic) = match aim.direction {
        Direction::AtLeast => {
            let within = aim.usual.as_ref().map(|usual| twice(&aim.target) <= twice(usual).add(usual));
            (compared(|target, usual| target >= usual), within)
        }
        Direction::AtMost => (compared(|target, usual| target <= usual), aim.usual.as_ref().map(|usual| twice(&aim.target) >= *usual)),
    };
    Smart { specific: aim.is_known, measurable: aim.has_data, ambitious, realistic, time_bound: aim.ends }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(direction: Direction, target: i128, usual: Option<i128>) -> (Option<bool>, Option<bool>) {
        let (target, usual) = (Exact::from(target), usual.map(Exact::from));
        let smart = judge(&Aim { is_known: true, has_data: true, ends: true, direction, target, usual });
        assert!(!smart.fails());
        (smart.ambitious, smart.realistic)
    }

    #[test]
    fn a_target_is_ambitious_from_the_usual_on_and_realistic_to_half_as_much_again() {
        for (target, ambitious, realistic) in [(99, false, true), (100, true, true), (150, true, true), (151, true, false)] {
            assert_eq!(verdicts(Direction::AtLeast, target, Some(100)), (Some(ambitious), Some(realistic)), "{target}");
        }
        for (target, ambitious, realistic) in [(101, false, true), (100, true, true), (50, true, true), (49, true, false)] {
            assert_eq!(verdicts(Direction::AtMost, target, Some(100)), (Some(ambitious), Some(realistic)), "{target}");
        }
        assert_eq!(verdicts(Direction::AtLeast, 100, None), (None, None));
    }

    #[test]
    fn what_is_not_known_measured_or_bound_fails() {
        let aim =
            Aim { is_known: true, has_data: true, ends: true, direction: Direction::AtLeast, target: 5.into(), usual: Some(100.into()) };
        assert!(!judge(&aim).fails());
        assert!(judge(&Aim { is_known: false, ..aim.clone() }).fails());
        assert!(judge(&Aim { has_data: false, ..aim.clone() }).fails());
        assert!(judge(&Aim { ends: false, ..aim }).fails());
    }
}
