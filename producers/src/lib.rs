//! How events enter: the gateway, the import, the simulator; and the log they write.
//!
//! In: HTTP, files, chance. Out: Avro messages in the [`log`], acknowledged. Never here: KPIs, the store.

pub mod doubts;
mod entry;
pub mod files;
pub mod gateway;
pub mod heartbeat;
pub mod http;
pub mod import;
pub mod log;
pub mod names;
mod seldom;
pub mod simulate;

pub use entry::entry;
pub use seldom::Seldom;
