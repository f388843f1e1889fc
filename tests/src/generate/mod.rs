//! Makes events that break merges and windows. In: a seed; out: a valid but hostile set of events and the
//! moments at which to ask about it. Always the same for the same seed; never an event that the
//! contract refuses.
//!
//! Few entities get many patches at few instants, so that equal stamps, late corrections, exports that say otherwise what former
//! ones said, and reopened deals are the rule. The instants crowd around the edges of the windows that will be asked for.

mod deals;
mod floor;
mod maker;
mod moments;
mod names;
mod objectives;
mod roster;
mod sources;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use maker::Maker;

pub use moments::{MOMENTS, Moment};
pub use names::NAMES;
pub use roster::{Company, company};

/// A hostile set of events, and when to ask about it.
#[derive(Clone, Debug)]
pub struct AdversarialSet {
    /// From which it was made.
    pub seed: u64,
    /// Valid events as they are posted.
    pub events: Vec<Value>,
    /// Moments whose windows' edges the events crowd around, and one long after all.
    pub moments: Vec<Moment>,
}

/// Makes the set of a seed: small for every fourth seed, so that a failure can be read; large for
/// every sixteenth.
pub fn adversarial_set(seed: u64) -> AdversarialSet {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x0a11_ce0f_ba5e);
    let moments = moments::of_seed(seed, &mut rng);
    let mut maker = Maker::new(rng, &moments);
    let mut events = match seed % 16 {
        15 => maker.events(1_500, 120),
        rest if rest % 4 == 0 => maker.events(14, 3),
        rest if rest % 4 == 1 => maker.events(60, 8),
        _ => maker.events(200, 24),
    };
    if seed % 4 >= 2 {
        // Beside the few that are patched a lot, many that are patched once or twice.
        events.extend(maker.events(250, 500));
    }
    if seed % 4 == 3 {
        events.extend(maker.long_history());
    }
    for number in 0..maker.rng.random_range(0..4) {
        events.extend(maker.reopened_deal());
        events.push(maker.short_deal(number));
        events.extend(maker.deal_at_noon(number));
    }
    let again = maker.export_again(&events);
    events.extend(again);
    events.shuffle(&mut maker.rng);
    AdversarialSet { seed, events, moments }
}

/// The events as an at-least-once sender delivers them: in any order, some of them several times.
pub fn deliveries(events: &[Value], rng: &mut StdRng) -> Vec<Value> {
    let mut delivered = events.to_vec();
    let doubles = events.len() / 5 + 1;
    for _ in 0..doubles {
        delivered.extend(events.choose(rng).cloned());
    }
    delivered.shuffle(rng);
    delivered
}

/// Splits deliveries into one to `most` batches, some of them perhaps empty.
pub fn batches(events: &[Value], most: usize, rng: &mut StdRng) -> Vec<Vec<Value>> {
    let count = rng.random_range(1..=most);
    let mut batches = vec![Vec::new(); count];
    // Runs rather than one at a time, so that batches are of very different sizes.
    let mut edges: Vec<usize> = (1..count).map(|_| rng.random_range(0..=events.len())).collect();
    edges.extend([0, events.len()]);
    edges.sort_unstable();
    for (batch, edge) in batches.iter_mut().zip(edges.windows(2)) {
        batch.extend_from_slice(&events[edge[0]..edge[1]]);
    }
    batches
}

/// One line of JSON for an event, in one of the ways in which JSON may be spelled.
pub fn spelled(event: &Value, rng: &mut StdRng) -> String {
    let plain = event.to_string();
    match rng.random_range(0..4) {
        0 => ascii_only(&plain),
        1 => {
            let spaced = serde_json::to_string_pretty(event).unwrap_or(plain);
            // Newlines inside strings are escaped, so those left are between tokens.
            spaced.replace('\n', " \t")
        }
        _ => plain,
    }
}

fn ascii_only(json: &str) -> String {
    let mut text = String::new();
    let mut units = [0; 2];
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::oracle::{By, Oracle, Question, Window};

    #[test]
    fn a_seed_makes_the_same_set_again() {
        assert_eq!(adversarial_set(7).events, adversarial_set(7).events);
        assert_ne!(adversarial_set(7).events, adversarial_set(8).events);
    }

    #[test]
    fn every_name_fits() {
        assert!(NAMES.iter().all(|name| name.len() <= 200));
        assert!(NAMES.iter().any(|name| name.len() == 200));
    }

    #[test]
    fn every_spelling_says_the_same() {
        let mut rng = StdRng::seed_from_u64(1);
        let set = adversarial_set(3);
        for event in &set.events {
            let line = spelled(event, &mut rng);
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), *event);
        }
    }

    #[test]
    fn batches_lose_nothing() {
        let mut rng = StdRng::seed_from_u64(1);
        let set = adversarial_set(2);
        let batches = batches(&set.events, 9, &mut rng);
        assert_eq!(batches.concat(), set.events);
    }

    #[test]
    fn every_kpi_says_something_in_every_window_sometimes() {
        let mut spoken = BTreeSet::new();
        for seed in 0..40 {
            let set = adversarial_set(seed);
            let oracle = Oracle::new(&set.events);
            for moment in &set.moments {
                let question = Question::new(moment.at, By::Company, moment.zone);
                let rows = oracle.kpis(&question);
                let telling = rows.iter().filter(|row| {
                    let zero = num_rational::BigRational::from_integer(0.into());
                    row.value.as_ref().is_some_and(|value| *value != zero)
                });
                spoken.extend(telling.map(|row| (row.kpi.name, row.window)));
            }
        }
        for kpi in crate::oracle::KPIS {
            for window in Window::EVERY {
                let there = spoken.contains(&(kpi.name, window));
                assert!(there, "{} in {} was never told", kpi.name, window.name());
            }
        }
    }
}
