//! The fold at work: read a batch from the log, merge, commit to the store, exactly once.
//!
//! ```text
//! log ─poll─► Processor ─fold─► Lane ─commit─► store
//! ```
//!
//! In: messages of the log. Out: commits, each one atomic: entities, counters and offset move together.
//! Never here: HTTP; what a number means (that is `onpace-kpis`).
#![forbid(unsafe_code)]

pub mod anew;
pub mod lane;
pub mod metrics;
pub mod pace;
pub mod processor;
#[cfg(test)]
mod simulation;
pub mod sources;
pub mod store;
pub mod vouch;

pub use anew::Troubles;
pub use metrics::Metrics;
pub use processor::{Processor, ProcessorError, Settings};
