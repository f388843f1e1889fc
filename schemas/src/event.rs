//! An event: at this instant, these fields of this entity took these values.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::{FieldNo, Kind, Value};

/// An event's `occurred_at` in microseconds since 1970, UTC: what the merge goes by.
pub type Stamp = i64;

/// The fields an event speaks of, each at most once; both readers give them in the order of their numbers.
pub type Patch<'a> = SmallVec<[(FieldNo, Value<'a>); 10]>;

/// A valid event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Unique per source: given, or made from the rest.
    pub id: Cow<'a, str>,
    /// Who says so.
    pub source: Cow<'a, str>,
    /// The entity's kind.
    pub kind: Kind,
    /// Which entity; unique within the kind.
    pub entity: Cow<'a, str>,
    /// When it became true at the source.
    pub occurred_at: Stamp,
    /// When the source said it, in microseconds since 1970: `occurred_at`, or later (an export of old facts, a correction).
    pub said_at: i64,
    /// `Some(true)` takes the entity out of all numbers, `Some(false)` brings it back.
    pub deleted: Option<bool>,
    /// What it says of the entity's fields.
    pub patch: Patch<'a>,
}

impl Event<'_> {
    /// The log's key: `kind:entity`, so that an entity lives in one partition.
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(self.kind.name().len() + 1 + self.entity.len());
        key.extend_from_slice(self.kind.name().as_bytes());
        key.push(b':');
        key.extend_from_slice(self.entity.as_bytes());
        key
    }

    /// The same event, owning its texts.
    pub fn into_owned(self) -> Event<'static> {
        Event {
            id: Cow::Owned(self.id.into_owned()),
            source: Cow::Owned(self.source.into_owned()),
            kind: self.kind,
            entity: Cow::Owned(self.entity.into_owned()),
            occurred_at: self.occurred_at,
            said_at: self.said_at,
            deleted: self.deleted,
            patch: self.patch.into_iter().map(|(no, value)| (no, value.into_owned())).collect(),
        }
    }
}
