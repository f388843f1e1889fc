//! Bits of the embedded engine's file flip while nothing runs: in a row, in a page's header, in the log or in the store. What is answered afterwards is right, or it
//! is an error in words; never another number.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use onpace_tests::generate::adversarial_set;
use onpace_tests::onpace::{Onpace, run};
use onpace_tests::oracle::{By, Question};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// How many bits are flipped, each in a file of its own.
const FLIPS: usize = 40;

/// Where the file has what is counted: the first bytes and lengths of the counters of all blocks.
fn counters(file: &Path, bytes: &[u8]) -> Vec<(usize, usize)> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut select = connection.prepare("SELECT counters FROM kpi_block").unwrap();
    let blocks: Vec<Vec<u8>> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    // A short one may stand elsewhere too, one that is cut in two pages nowhere.
    let long = blocks.iter().filter(|block| block.len() >= 24);
    long.filter_map(|block| Some((bytes.windows(block.len()).position(|part| part == block)?, block.len()))).collect()
}

fn ask(data: &Path, question: &Question) -> Result<Value, String> {
    Onpace::embedded(data)?.kpis(question)
}

#[test]
fn a_flipped_bit_is_never_counted_on() {
    let set = adversarial_set(2);
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound");
    let onpace = Onpace::embedded(&sound).unwrap();
    let events = folder.path().join("events.ndjson");
    std::fs::write(&events, set.events.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
    onpace.import(&events).unwrap();
    let question = Question::new(set.moments[0].at, By::Rep, set.moments[0].zone);
    let right = ask(&sound, &question).unwrap();
    run(&mut onpace.command("check")).unwrap();

    let bytes = std::fs::read(sound.join("onpace.db")).unwrap();
    let blocks = counters(&sound.join("onpace.db"), &bytes);
    assert!(!blocks.is_empty(), "no block to flip a bit of");
    let mut rng = StdRng::seed_from_u64(26);
    let (mut mended, mut refused, mut named) = (0, 0, 0);
    for flip in 0..FLIPS {
        let data = folder.path().join(format!("flip {flip}"));
        std::fs::create_dir(&data).unwrap();
        let page = 4_096 * rng.random_range(0..bytes.len() / 4_096);
        let at = match flip % 4 {
            // In a page's header, where its rows are told.
            0 => page + rng.random_range(0..12),
            // Anywhere.
            1 => page + rng.random_range(0..4_096),
            // In a block of counters.
            _ => {
                let (first, length) = blocks[rng.random_range(0..blocks.len())];
                first + rng.random_range(0..length)
            }
        };
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << rng.random_range(0..8);
        std::fs::write(data.join("onpace.db"), flipped).unwrap();
        let found = Onpace::embedded(&data).unwrap().command("check").output().unwrap();
        named += usize::from(found.status.code() == Some(1));
        match ask(&data, &question) {
            Ok(answer) => {
                assert_eq!(answer, right, "a flip at byte {at} (page {}) was counted on", at / 4_096 + 1);
                mended += 1;
            }
            Err(words) => {
                let told = [
                    "damaged",
                    "no onpace file",
                    "another onpace",
                    "partitions",
                    "measures",
                    "malformed",
                    "can't be read",
                    "has no offset",
                    // A log that looks shorter than what was folded of it.
                    "no number is shown",
                ];
                assert!(told.iter().any(|part| words.contains(part)), "a flip at byte {at}: {words}");
                refused += 1;
            }
        }
    }
    println!("{mended} answered rightly, {refused} refused in words; check named {named} of {FLIPS}");
    assert!(named > FLIPS / 4 && mended > FLIPS / 4, "{named} named, {mended} answered: the scenario shows too little");
}
