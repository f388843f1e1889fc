//! What a lane's head says, as a line of text that anybody can read with `redis-cli`.
//!
//! In: a [`Head`]. Out: the line; equal heads give equal lines, by which a commit is conditional.

use crate::store::{Head, LogMarks, StoreError, sums};

/// What is found where a head belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is read at a time and taken apart at once")]
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

/// What stands before a line's checksum.
const CHECK: &str = " check=";

/// A head's line, which ends with a checksum of the rest: nothing else would tell a wrong offset from a right one.
pub fn write(head: &Head) -> String {
    let Head { birth, epoch, offset, end, recorded_ms, entities, sums, log } = head;
    let (sums, log) = (sums::write(sums), log.write());
    let line = format!(
        "birth={birth:016x} epoch={epoch} offset={offset} end={end} recorded_ms={recorded_ms} entities={entities} sums={sums} log={log}"
    );
    let check = sums::check(line.as_bytes());
    format!("{line}{CHECK}{check:08x}")
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
    let wrong = |why: &str| StoreError::Damaged { place: place(), why: why.into() };
    let (line, check) = text.rsplit_once(CHECK).ok_or_else(|| wrong("it is no head of a lane"))?;
    if u32::from_str_radix(check, 16).ok() != Some(sums::check(line.as_bytes())) {
        return Err(wrong("it is not as it was written: its checksum is another"));
    }
    parse(line).map(Found::Head).ok_or_else(|| wrong("it is no head of a lane"))
}

fn parse(text: &str) -> Option<Head> {
    let mut parts = text.split(' ');
    let mut part = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
    Some(Head {
        birth: u64::from_str_radix(part("birth")?, 16).ok()?,
        epoch: part("epoch")?.parse().ok()?,
        offset: part("offset")?.parse().ok()?,
        end: part("end")?.parse().ok()?,
        recorded_ms: part("recorded_ms")?.parse().ok()?,
        entities: part("entities")?.parse().ok()?,
        sums: sums::read(part("sums")?)?,
        log: LogMarks::read(part("log")?)?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_producers::log::Fingerprint;

    use super::*;
    use crate::store::{Mark, Sum, Sums};

    #[test]
    fn a_line_leads_back() {
        let sum = |count| Sum { count, hash: !count };
        let log = LogMarks::of_log(Some(7)).with(Mark { offset: 11, print: Fingerprint(0xAB) }, -1);
        let sums = Sums { names: sum(1), sources: sum(2), blocks: sum(3), entities: sum(4) };
        for head in [
            Head { birth: u64::MAX, epoch: 7, offset: i64::MAX, end: 0, recorded_ms: -5, entities: u64::MAX, sums, ..Head::of_nothing() },
            Head { birth: 0, epoch: 1, offset: 12, end: 12, recorded_ms: 1_700_000_000_000, entities: 3, log, ..Head::of_nothing() },
        ] {
            assert_eq!(read(b"k", Some(write(&head).as_bytes())).unwrap(), Found::Head(head));
        }
        assert_eq!(read(b"k", Some(wiping("x").as_bytes())).unwrap(), Found::Wiping("x".into()));
        let torn = read(b"k", Some(torn("a", "WRONGTYPE").as_bytes())).unwrap_err().to_string();
        assert!(torn.contains("WRONGTYPE") && torn.contains("onpace rebuild"), "{torn}");
        assert!(read(b"k", Some(b"birth=1 epoch=x")).is_err());
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let head = Head { birth: 7, epoch: 1, offset: 1_024, end: 1_030, recorded_ms: 9, entities: 3, ..Head::of_nothing() };
        let line = write(&head).into_bytes();
        for bit in 0..8 * line.len() {
            let mut flipped = line.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Upper and lower case are one number: of the checksum itself nothing hangs on it.
            let found = read(b"k", Some(&flipped));
            assert!(found.is_err() || found.is_ok_and(|found| found == Found::Head(head)), "{}", String::from_utf8_lossy(&flipped));
        }
    }
}
