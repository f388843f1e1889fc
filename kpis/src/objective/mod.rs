//! Objectives: what is wanted of whom by when, and how it stands.
//!
//! ```text
//! objectives.yaml ─document─► Objective ┐
//! Roster, Tally, at ─judge───► Facts ────┴─decide─► Standing: state, expected, forecast, chance, needed
//! ```
//!
//! What always holds: a standing is a function of configuration, counters and `at`; comparisons are exact, only the chance is
//! a float. Never here: files, clocks, memory of an earlier evaluation.

mod best;
mod check;
pub mod decide;
mod document;
mod judge;
#[cfg(test)]
mod noise;
mod office;
pub mod pace;
mod profile;
mod sample;
pub mod silence;
pub mod smart;
mod standing;

use std::sync::Arc;

use onpace_schemas::Currency;

pub use best::{Best, bests};
pub use check::{Checked, check};
pub use document::parse;
pub use judge::standings;
pub use office::Office;
pub use silence::{Heard, Watched, watched};
pub use standing::{Completeness, Standing, Standings, Subject};

use crate::catalogue::KpiNo;
use crate::exact::Exact;
pub use crate::period::Period;
use crate::roster::{PersonNo, TeamNo};

/// What is wanted of whom by when.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Its name for programs, unique among objectives.
    pub id: Arc<str>,
    /// What people call it: its id, unless it has a name.
    pub name: Arc<str>,
    /// Where it stands in its file, from 1.
    pub line: usize,
    /// The KPI that is judged.
    pub kpi: KpiNo,
    /// Whose KPI.
    pub scope: Scope,
    /// What is wanted, in the KPI's own unit; money in minor units of `currency`.
    pub target: Exact,
    /// The currency of a KPI that has one.
    pub currency: Option<Currency>,
    /// Whether the target is to be reached or not to be passed.
    pub direction: Direction,
    /// How far behind is not yet at risk, 0.10 being a tenth.
    pub tolerance: Exact,
    /// How much it matters.
    pub importance: Importance,
    /// A rate with a smaller denominator, or, where that is money, of fewer deals, has no value.
    pub min_sample: u32,
    /// Whether absences make a rep's target smaller.
    pub prorate_absences: bool,
    /// Whether holidays make a rep's target smaller.
    pub prorate_holidays: bool,
    /// The days in which it is to be reached.
    pub period: Period,
    /// How it is spread over them.
    pub pace: Pace,
    /// The day since 1970-01-01 from which it counts; `None`: from the company's first event.
    pub from: Option<i32>,
}

/// Whose KPI an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    Company,
    /// A team's, with the teams below it.
    Team(TeamNo),
    /// One person's.
    Rep(PersonNo),
    /// Each person's of a team, for himself.
    EachRepOf(TeamNo),
}

/// Which side of the target is the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The target or more.
    AtLeast,
    /// The target or less.
    AtMost,
}

/// How much an objective matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Much.
    High,
    /// As most do.
    Normal,
}

impl Direction {
    /// Its name in YAML and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::AtLeast => "at_least",
            Direction::AtMost => "at_most",
        }
    }
}

impl Importance {
    /// Its name in YAML and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Importance::High => "high",
            Importance::Normal => "normal",
        }
    }
}

/// How a target is spread over its period.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    /// Evenly over working time.
    WorkingTime,
    /// Evenly over plain time.
    Linear,
    /// So much of the whole in each month of the period, 1 in all.
    Months(Vec<Exact>),
    /// So much of the whole in each 7 days begun from its start, 1 in all; as many as the longest such period has: of a shorter one those
    /// that it has, rescaled.
    Weeks(Vec<Exact>),
}

/// How an objective stands. Exactly one is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its period has not begun.
    Pending,
    /// There is nothing to judge by.
    NoValue,
    /// Reached, or the period ended on the right side.
    Met,
    /// The period ended on the wrong side, or nothing can mend it.
    Missed,
    /// It would take a miracle.
    OutOfReach,
    /// Behind, and likely to stay so.
    AtRisk,
    /// Everything else.
    OnPace,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] =
        [State::Pending, State::NoValue, State::Met, State::Missed, State::OutOfReach, State::AtRisk, State::OnPace];

    /// Its name in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::NoValue => "no_value",
            State::Met => "met",
            State::Missed => "missed",
            State::OutOfReach => "out_of_reach",
            State::AtRisk => "at_risk",
            State::OnPace => "on_pace",
        }
    }
}
