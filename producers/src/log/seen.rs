//! What a log is known by: that a log is the one it was can be seen by what lies in it.
//!
//! In: messages as the log keeps them. Out: their fingerprints, and [`Seen`]: what lies at some offsets of a partition now.
//! Never here: what follows from a difference (that is `onpace-processors`).

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// A hash of a message: its time as the log keeps it, its key, its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of a message that the log keeps with this time, in milliseconds since 1970.
    pub fn of(kept_ms: i64, key: &[u8], value: &[u8]) -> Fingerprint {
        // A fixed key: other processes must come to the same. It tells logs apart, nobody gains anything by a collision.
        let mut hasher = SipHasher13::new_with_keys(0x6f6e_7061_6365, 0x6c6f67);
        hasher.write_i64(kept_ms);
        hasher.write_u64(key.len() as u64);
        hasher.write(key);
        hasher.write(value);
        Fingerprint(hasher.finish())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What one look at a partition shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The number drawn when this log was made; `None` where it has none that can be asked for.
    pub identity: Option<u64>,
    /// The offset of the first message that it still has.
    pub begin: i64,
    /// Whether a log of this kind may forget what lies before, as Kafka's retention does.
    pub forgets: bool,
    /// The offset that its next message will have.
    pub end: i64,
    /// For each offset asked for, in that order, what lies there; `None` where nothing does.
    pub found: Vec<Option<Fingerprint>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_time_key_and_value_and_stays_what_it_is() {
        // It is kept in stores: another hash would make every log another.
        assert_eq!(Fingerprint::of(1_700_000_000_000, b"call:1", b"x").to_string(), "f5d49411fcb9a69b");
        let one = Fingerprint::of(1, b"ab", b"c");
        for other in [Fingerprint::of(2, b"ab", b"c"), Fingerprint::of(1, b"a", b"bc"), Fingerprint::of(1, b"ab", b"d")] {
            assert_ne!(one, other);
        }
    }
}
