//! Whole-pipeline truth. In come events as they are posted; out goes whether `onpace` counted them
//! right.
//!
//! The [`oracle`] computes every KPI by brute force from the contract alone, [`generate`] makes the
//! events that break merges, [`onpace`] drives the program, [`compare`] holds its answers
//! against the oracle's. Nothing here ever calls the crates under test: a shared mistake would be
//! invisible.

pub mod browser;
pub mod collector;
pub mod compare;
pub mod compare_objectives;
pub mod engine;
pub mod exports;
pub mod floor;
pub mod generate;
pub mod inbox;
pub mod mailbox;
pub mod monitoring;
pub mod office;
pub mod onpace;
pub mod oracle;
pub mod scraped;
pub mod servers;
pub mod serving;
pub mod snapshots;
pub mod soak;
pub mod tempo;
pub mod topic;
