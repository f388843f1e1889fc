//! What it means: from events to numbers, as pure functions.
//!
//! ```text
//! Event ─state::merge─► State ─contributions─► counters ─blocks─► Tally ─evaluate─► KPI values
//! ```
//!
//! In: events, the catalogue, an instant `at`. Out: counters to store, values to show.
//! Never here: I/O, async, clocks, randomness, the environment (`clippy.toml` holds that).
#![forbid(unsafe_code)]

pub mod block;
pub mod catalogue;
pub mod contributions;
mod decimal;
pub mod evaluate;
pub mod exact;
pub mod fold;
pub mod formula;
pub mod histogram;
pub mod measure;
pub mod names;
pub mod objective;
pub mod pack;
pub mod period;
pub mod roster;
pub mod row;
pub mod series;
pub mod slot;
pub mod state;
pub mod tally;
pub mod window;
pub mod worktime;

pub use onpace_schemas::Mistake;

pub use block::Block;
pub use catalogue::{Catalogue, Kpi, KpiNo, Unit};
pub use contributions::{Contribution, Counter};
pub use evaluate::{Post, Question, Unconvertible, Within, evaluate, evaluate_each, folded_reps, folded_values, keys, posts};
pub use exact::Exact;
pub use measure::{At, Condition, Credit, Measure, MeasureNo, Test, What};
pub use names::{NameId, Names};
pub use period::{Every, NamedPeriod};
pub use roster::Roster;
pub use row::{Answer, By, Row};
pub use slot::Slot;
pub use state::State;
pub use tally::{Room, Tally};
pub use window::{Bounds, Ranges, Window};
