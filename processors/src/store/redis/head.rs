//! What a lane's head says, as a line of text that anybody can read with `redis-cli`.
//!
//! In: a [`Head`]. Out: the line; equal heads give equal lines, by which a commit is conditional.

use crate::store::{Head, LogMarks, StoreError};

/// What is found where a head belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the lane was never begun.
    Nothing,
    /// A head.
    Head(Head),
    /// The lane is being emptied, under this token.
    Wiping(String),
}

const WIPING: &str = "wiping ";
const TORN: &str = "torn ";

/// A head's line.
pub fn write(head: &Head) -> String {
    let Head { birth, epoch, offset, end, recorded_ms, entities, log } = head;
    let log = log.write();
    format!("birth={birth:016x} epoch={epoch} offset={offset} end={end} recorded_ms={recorded_ms} entities={entities} log={log}")
}

/// What stands in a head's place while its lane is emptied.
pub fn wiping(token: &str) -> String {
    format!("{WIPING}{token}")
}

/// What stands in a head's place once a commit was half written, which only a foreign key of our name can bring about.
pub fn torn(key: &str, words: &str) -> String {
    format!("{TORN}{key}: {words}")
}

/// Reads what is found where a head belongs.
///
/// # Errors
/// It is no head.
pub fn read(key: &[u8], found: Option<&[u8]>) -> Result<Found, StoreError> {
    let Some(bytes) = found else { return Ok(Found::Nothing) };
    let place = || String::from_utf8_lossy(key).into_owned();
    let text = String::from_utf8_lossy(bytes);
    if let Some(token) = text.strip_prefix(WIPING) {
        return Ok(Found::Wiping(token.to_owned()));
    }
    if let Some(why) = text.strip_prefix(TORN) {
        return Err(StoreError::Damaged { place: place(), why: format!("a commit was half written because of {why}") });
    }
    parse(&text).map(Found::Head).ok_or_else(|| StoreError::Damaged { place: place(), why: "it is no head of a lane".into() })
}

fn parse(text: &str) -> Option<Head> {
    let mut parts = text.split(' ');
    let mut part = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
    let head = Head {
        birth: u64::from_str_radix(part("birth")?, 16).ok()?,
        epoch: part("epoch")?.parse().ok()?,
        offset: part("offset")?.parse().ok()?,
        end: part("end")?.parse().ok()?,
        recorded_ms: part("recorded_ms")?.parse().ok()?,
        entities: part("entities")?.parse().ok()?,
        log: LogMarks::default(),
    };
    // A store of an earlier release knows nothing of its log.
    match parts.next() {
        None => Some(head),
        Some(part) => Some(Head { log: LogMarks::read(part.strip_prefix("log=")?)?, ..head }),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_producers::log::Fingerprint;

    use super::*;
    use crate::store::Mark;

    #[test]
    fn a_line_leads_back() {
        let log = LogMarks::of_log(Some(7)).with(Mark { offset: 11, print: Fingerprint(0xAB) }, -1);
        for head in [
            Head { birth: u64::MAX, epoch: 7, offset: i64::MAX, end: 0, recorded_ms: -5, entities: u64::MAX, log: LogMarks::default() },
            Head { birth: 0, epoch: 1, offset: 12, end: 12, recorded_ms: 1_700_000_000_000, entities: 3, log },
        ] {
            assert_eq!(read(b"k", Some(write(&head).as_bytes())).unwrap(), Found::Head(head));
        }
        assert_eq!(read(b"k", Some(wiping("x").as_bytes())).unwrap(), Found::Wiping("x".into()));
        let torn = read(b"k", Some(torn("a", "WRONGTYPE").as_bytes())).unwrap_err().to_string();
        assert!(torn.contains("WRONGTYPE") && torn.contains("onpace rebuild"), "{torn}");
        assert!(read(b"k", Some(b"birth=1 epoch=x")).is_err());
        let older = "birth=0000000000000001 epoch=1 offset=5 end=5 recorded_ms=7 entities=3";
        let read_older = read(b"k", Some(older.as_bytes())).unwrap();
        assert!(matches!(read_older, Found::Head(head) if head.offset == 5 && head.log == LogMarks::default()), "{read_older:?}");
        assert!(read(b"k", Some(format!("{older} log=nonsense").as_bytes())).is_err());
    }
}
