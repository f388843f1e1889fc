//! A plan for each version of the schema in `avro/`: made from these files, never changed by hand.
//!
//! `ONPACE_BLESS=1 cargo test -p onpace-schemas generated` writes this file.

use super::plan::{Branch, Of, Plan};
use crate::Kind;

/// Every version, by number.
pub static PLANS: [Plan; 1] = [
    Plan {
        version: 1,
        fingerprint: 0x80921ab51682490c,
        schema: include_str!("../../avro/event.v1.avsc"),
        branches: &[
            Branch::Kind(Of { kind: Kind::CALL, before: 9, all: 9 }),
            Branch::Kind(Of { kind: Kind::MEETING, before: 8, all: 8 }),
            Branch::Kind(Of { kind: Kind::EMAIL, before: 12, all: 12 }),
            Branch::Kind(Of { kind: Kind::DEAL, before: 13, all: 13 }),
            Branch::Heartbeat,
        ],
    },
];
