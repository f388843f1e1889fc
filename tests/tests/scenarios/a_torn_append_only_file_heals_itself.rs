//! Redis is killed, and of one commit its append-only file keeps a `MULTI` and a part of what follows, but no `EXEC`: as it is read again, that part runs
//! together with the next commit. The processors notice and fold the lane anew, unasked: every number equals the oracle's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::wait_until;

/// The file that Redis appends to.
fn appended(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder.join("appendonlydir")).expect("Redis has an append-only file");
    let files = files.map(|entry| entry.expect("an entry of the folder").path());
    files.filter(|file| file.to_string_lossy().ends_with(".incr.aof")).max().expect("Redis appends to a file")
}

/// The commands in the file: their name, and where each begins and ends.
fn commands(bytes: &[u8]) -> Vec<(String, std::ops::Range<usize>)> {
    let line = |at: usize| {
        let end = at + bytes[at..].windows(2).position(|pair| pair == b"\r\n").expect("a line ends");
        (std::str::from_utf8(&bytes[at..end]).expect("a line of the protocol"), end + 2)
    };
    let (mut at, mut all) = (0, Vec::new());
    while at < bytes.len() {
        let begin = at;
        let (head, next) = line(at);
        if head.starts_with('#') {
            at = next;
            continue;
        }
        let count: usize = head.strip_prefix('*').and_then(|count| count.parse().ok()).expect("an array");
        at = next;
        let mut name = String::new();
        for argument in 0..count {
            let (length, from) = line(at);
            let length: usize = length.strip_prefix('$').and_then(|length| length.parse().ok()).expect("a length");
            if argument == 0 {
                name = String::from_utf8_lossy(&bytes[from..from + length]).to_ascii_uppercase();
            }
            at = from + length + 2;
        }
        all.push((name, begin..at));
    }
    all
}

#[test]
fn a_torn_append_only_file_heals_itself() {
    let torture = Torture::new(800, 2);
    let mut floor = Floor::on(kafka());
    floor.import("events", &torture.delivered);
    let mut processor = floor.processor("processor");
    let total = torture.delivered.len() as u64;
    wait_until("all is folded", Duration::from_secs(120), || floor.folded() >= total);
    floor.redis.kill();

    let file = appended(floor.redis.folder());
    let mut bytes = std::fs::read(&file).expect("the append-only file");
    let all = commands(&bytes);
    let begins: Vec<usize> = (0..all.len()).filter(|at| all[*at].0 == "MULTI").collect();
    // Of the last commits that changed counters the head and one command more stay; what is read on then is a whole commit.
    let (mut torn, mut whole) = (0, all.len());
    for (begin, next) in begins.iter().zip(&begins[1..]).rev() {
        let counts = |(_, range): &(String, std::ops::Range<usize>)| bytes[range.clone()].windows(4).any(|part| part == b"}:c:");
        if torn < 3 && *next < whole && all[begin + 3..*next].iter().any(counts) {
            let end = begin + all[*begin..].iter().position(|(name, _)| name == "EXEC").expect("a commit ends");
            bytes.drain(all[begin + 3].1.start..all[end].1.end);
            (torn, whole) = (torn + 1, *begin);
        }
    }
    assert_eq!(torn, 3, "no commits are large enough to be torn");
    std::fs::write(&file, bytes).expect("the torn file");
    floor.redis.resume();

    // More comes, and is folded by the same processor, which goes on by itself.
    wait_until("the lanes are mended", Duration::from_secs(120), || {
        processor.output().contains("its numbers are right again") && floor.folded() >= total
    });
    assert!(processor.ended().is_none(), "it ended by itself: {}", processor.tail());
    floor.catch_up();
    floor.assert_equals_oracle(&torture);
}
