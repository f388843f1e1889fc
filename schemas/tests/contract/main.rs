//! What the schemas promise, seen from outside: refusals, round trips, released files, noise.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod any_event;
mod avro_elsewhere;
mod evolution;
mod generated;
mod golden;
mod noise;
mod refusals;
mod round_trip;

/// 2026-03-02T09:30:00Z, the gateway's clock in these tests.
const NOW_US: i64 = 1_772_443_800_000_000;
