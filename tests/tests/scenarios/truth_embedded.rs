//! Truth, embedded: whatever is imported, in whatever order and batches, with whatever doubles, every KPI
//! in every window equals the brute-force oracle's.
//!
//! `ONPACE_SEEDS` says how many sets are tried (20), `ONPACE_SEED` tries a single one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use onpace_tests::compare::{compare, compare_all};
use onpace_tests::generate::{AdversarialSet, adversarial_set, batches, deliveries, spelled};
use onpace_tests::onpace::Onpace;
use onpace_tests::oracle::{By, Oracle, Question};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn the_embedded_engine_equals_the_oracle() {
    let seeds = match setting("ONPACE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("ONPACE_SEEDS").unwrap_or(20),
    };
    let mut failures = Vec::new();
    for seed in seeds {
        if let Err(error) = try_set(&adversarial_set(seed)) {
            println!("seed {seed}: {error}");
            failures.push(seed);
        }
    }
    let again = "ONPACE_SEED=… tries one of them alone";
    assert!(failures.is_empty(), "seeds {failures:?} differ; {again}");
}

/// Imports a set batch by batch into a fresh folder, asking in between and at the end.
fn try_set(set: &AdversarialSet) -> Result<(), String> {
    let mut rng = StdRng::seed_from_u64(set.seed);
    let folder = tempfile::tempdir().unwrap();
    let onpace = Onpace::embedded(&folder.path().join("data"))?;
    let delivered = deliveries(&set.events, &mut rng);
    let batches = batches(&delivered, 5, &mut rng);

    let mut so_far = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        let file = folder.path().join(format!("batch {index}.ndjson"));
        write_ndjson(&file, batch, &mut rng);
        onpace.import(&file)?;
        so_far.extend_from_slice(batch);
        // Folded now and then only: a fold may meet one batch or several.
        if index + 1 < batches.len() && rng.random_bool(0.6) {
            let oracle = Oracle::new(&so_far);
            let moment = &set.moments[0];
            let question = Question::new(moment.at, By::Rep, moment.zone);
            let after = |error| format!("after batch {index} of {}: {error}", batches.len());
            compare(&oracle, &question, &onpace.kpis(&question)?).map_err(after)?;
        }
    }

    compare_all(&onpace, &set.events, &set.moments)
}

fn write_ndjson(file: &Path, events: &[Value], rng: &mut StdRng) {
    let mut lines = BufWriter::new(File::create(file).unwrap());
    for event in events {
        writeln!(lines, "{}", spelled(event, rng)).unwrap();
    }
    lines.flush().unwrap();
}
