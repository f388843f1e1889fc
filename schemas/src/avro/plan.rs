//! How a version of the schema is read and written: what comes next in a message's body.
//!
//! Every version begins with an event's id, source, entity and times; what follows are its [`Branch`]es, each of which may be left out. A version is never changed, and a
//! later one adds at ends only: branches behind the last, fields behind those there were. So a plan is short; [`super::plans`] has them all, made from the files in `avro/`.

use crate::Kind;

/// A version of the schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its number, from 1.
    pub version: u32,
    /// The CRC-64-AVRO (Rabin) fingerprint of the schema in its parsing canonical form, as Java and Python make it.
    pub fingerprint: u64,
    /// The schema.
    pub schema: &'static str,
    /// What follows an event's own fields.
    pub(super) branches: &'static [Branch],
}

/// What may follow an event's own fields; exactly one does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// What it says of an entity.
    Kind(Of),
    /// The pipe is alive.
    Heartbeat,
}

/// What a version can say of a kind's entities.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Of {
    /// The kind.
    pub(super) kind: Kind,
    /// So many fields come before the list of those that are emptied: those of the kind's first version.
    pub(super) before: usize,
    /// So many come in all.
    pub(super) all: usize,
}
