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
pub mod contributions;
pub mod fold;
pub mod histogram;
pub mod measure;
pub mod names;
pub mod pack;
pub mod slot;
pub mod state;

pub use block::Block;
pub use contributions::{Contribution, Counter};
pub use measure::{At, Condition, Measure, MeasureNo, Test, What};
pub use names::{NameId, Names};
pub use slot::Slot;
pub use state::State;
