//! The names of the keys in Redis, each written once.
//!
//! ```text
//! onpace:store           hash    layout, lanes, fingerprint, bucket
//! onpace:serving         hash    a process → when it last said that it serves, whether it ended, and how it serves
//! onpace:wiping          string  while a wipe is at work
//! onpace:kpi:lease       string  which sink publishes the rolling KPIs
//! onpace:kpi:rep:marie   hash    a published KPI and window → its value
//! onpace:{2}:head        string  where lane 2 stands
//! onpace:{2}:names       list    the lane's names, from number 1 up
//! onpace:{2}:sources     hash    a source of the lane → by kind, when the last folded event was recorded, in ms
//! onpace:{2}:changes     stream  which blocks each commit changed
//! onpace:{2}:e:77        hash    a bucket of entities that came one after the other: ten bytes of the address → packed state
//! onpace:{2}:E:0f…       string  an entity's packed state that would blow up its bucket
//! onpace:{2}:c:5         hash    the counters of the rep with name 5: day → packed block
//! ```
//! All keys of a lane share its hash tag, so that a commit touches one slot of a cluster.

use std::fmt::Write as _;

use crate::store::{EntityId, StoreError};

/// The names of all keys of one store.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

/// The names of one lane's keys; those that end in a number or an address lack just that.
#[derive(Clone, Debug)]
pub struct LaneKeys {
    /// Where the lane stands.
    pub head: Vec<u8>,
    /// Its names.
    pub names: Vec<u8>,
    /// Its sources.
    pub sources: Vec<u8>,
    /// Which blocks changed.
    pub changes: Vec<u8>,
    /// A bucket of entities, without its number.
    pub bucket: Vec<u8>,
    /// A large entity, without its address.
    pub large: Vec<u8>,
    /// A rep's counters, without the number of the name.
    pub counters: Vec<u8>,
}

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// The settings.
    Store,
    /// Who serves.
    Serving,
    /// A lane's head.
    Head(u32),
    /// A lane's names.
    Names(u32),
    /// A lane's sources.
    Sources(u32),
    /// A lane's stream of changes.
    Changes(u32),
    /// A bucket of a lane's entities.
    Bucket(u32, u32),
    /// A large entity of a lane, by its address in hexadecimal.
    Large(u32, &'a str),
    /// The counters of a rep in a lane.
    Counters(u32, u32),
    /// A published hash, or the lease.
    Published(&'a str),
    /// A lane's, of no kind that this release knows.
    Other(u32),
}

impl Keys {
    /// The keys that begin with a prefix.
    ///
    /// # Errors
    /// A prefix that would be a pattern or break a hash tag.
    pub fn new(prefix: &str) -> Result<Keys, StoreError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        if prefix.is_empty() || !prefix.bytes().all(plain) {
            return Err(StoreError::Settings(format!("the Redis prefix `{prefix}` must be made of letters, digits and . _ - : only")));
        }
        Ok(Keys { prefix: prefix.to_owned() })
    }

    /// The settings.
    pub fn store(&self) -> String {
        format!("{}:store", self.prefix)
    }

    /// Who serves.
    pub fn serving(&self) -> String {
        format!("{}:serving", self.prefix)
    }

    /// There while a wipe is at work.
    pub fn wiping(&self) -> String {
        format!("{}:wiping", self.prefix)
    }

    /// A published hash: `rep:marie`; or the lease.
    pub fn published(&self, what: &str) -> String {
        format!("{}:kpi:{what}", self.prefix)
    }

    /// A pattern for all keys.
    pub fn pattern(&self) -> String {
        format!("{}:*", self.prefix)
    }

    /// A pattern for the keys of all lanes.
    pub fn lanes_pattern(&self) -> String {
        format!("{}:{{*", self.prefix)
    }

    /// A lane's keys.
    pub fn lane(&self, lane: u32) -> LaneKeys {
        let key = |rest: &str| format!("{}:{{{lane}}}:{rest}", self.prefix).into_bytes();
        LaneKeys {
            head: key("head"),
            names: key("names"),
            sources: key("sources"),
            changes: key("changes"),
            bucket: key("e:"),
            large: key("E:"),
            counters: key("c:"),
        }
    }

    /// What a key is; `None` where it is none of this store's.
    pub fn parse<'a>(&self, key: &'a str) -> Option<Key<'a>> {
        let rest = key.strip_prefix(&self.prefix)?.strip_prefix(':')?;
        if rest == "store" {
            return Some(Key::Store);
        }
        if rest == "serving" {
            return Some(Key::Serving);
        }
        if let Some(what) = rest.strip_prefix("kpi:") {
            return Some(Key::Published(what));
        }
        let (lane, rest) = rest.strip_prefix('{')?.split_once("}:")?;
        let lane = lane.parse().ok()?;
        Some(match rest.split_once(':') {
            None if rest == "head" => Key::Head(lane),
            None if rest == "names" => Key::Names(lane),
            None if rest == "sources" => Key::Sources(lane),
            None if rest == "changes" => Key::Changes(lane),
            Some(("e", bucket)) => bucket.parse().map_or(Key::Other(lane), |bucket| Key::Bucket(lane, bucket)),
            Some(("E", address)) => Key::Large(lane, address),
            Some(("c", rep)) => rep.parse().map_or(Key::Other(lane), |rep| Key::Counters(lane, rep)),
            _ => Key::Other(lane),
        })
    }
}

/// An address as a large entity's key ends with it, in hexadecimal.
pub fn hex_of(id: &EntityId) -> String {
    hex(id.field())
}

/// The same, of what a bucket keeps of it.
pub fn hex(field: &[u8; 10]) -> String {
    field.iter().fold(String::with_capacity(20), |mut hex, byte| {
        // Writing to a text can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn a_name_leads_back_to_what_it_is() {
        let keys = Keys::new("a:b").unwrap();
        let lane = keys.lane(7);
        let ending = |key: &[u8], end: &str| String::from_utf8(key.to_vec()).unwrap() + end;
        for (key, is) in [
            (keys.store(), Key::Store),
            (keys.serving(), Key::Serving),
            (keys.published("rep:x:y"), Key::Published("rep:x:y")),
            (ending(&lane.head, ""), Key::Head(7)),
            (ending(&lane.names, ""), Key::Names(7)),
            (ending(&lane.sources, ""), Key::Sources(7)),
            (ending(&lane.changes, ""), Key::Changes(7)),
            (ending(&lane.bucket, "12"), Key::Bucket(7, 12)),
            (ending(&lane.large, "0f"), Key::Large(7, "0f")),
            (ending(&lane.counters, "3"), Key::Counters(7, 3)),
        ] {
            assert_eq!(keys.parse(&key), Some(is), "{key}");
        }
        assert_eq!(keys.parse("a:store"), None);
        assert_eq!(ending(&lane.counters, "3"), "a:b:{7}:c:3");
        assert!(Keys::new("on*").is_err());
        assert!(Keys::new("").is_err());
    }

    #[test]
    fn a_large_entity_is_named_by_its_address() {
        let id = EntityId(std::array::from_fn(|at| 0xF0 + at as u8));
        assert_eq!((id.field().as_slice(), &*hex_of(&id)), (&id.0[4..14], "f4f5f6f7f8f9fafbfcfd"));
    }
}
