//! Who is told: the view of the store in memory, and what is served from it.
//!
//! ```text
//! store ─follow─► View ─evaluate─► /metrics, /v1/kpis, the live page, plain hashes
//! ```
//!
//! In: a store that processors write. Out: numbers, each with its window, unit, time zone and age.
//! What always holds: every number comes from the one `evaluate` of `onpace-kpis`; numbers that are not whole are not shown.
//! Never here: the log; merge rules.
#![forbid(unsafe_code)]

pub mod configuration;
mod evaluation;
mod expressions;
#[cfg(test)]
mod fixture;
mod health;
pub mod http;
pub mod messages;
pub mod metrics;
pub mod publish;
pub mod question;
pub mod rules;
pub mod serving;
pub mod view;

pub use configuration::{Configuration, Files, Overrides};
pub use evaluation::Evaluation;
pub use http::{Health, ops, router, run};
pub use metrics::Metrics;
pub use view::{View, read_once};
