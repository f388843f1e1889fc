//! What always holds, of the oracle itself. In: adversarial sets; out: that order and doubles mean
//! nothing, that reps add up to the company, that days add up to periods and to all.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use num_traits::Zero;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::generate::{adversarial_set, deliveries};

const SEEDS: std::ops::Range<u64> = 0..24;

#[test]
fn order_and_doubles_mean_nothing() {
    for seed in SEEDS {
        let set = adversarial_set(seed);
        let moment = &set.moments[0];
        let question = Question::new(moment.at, By::Rep, moment.zone);
        let rows = Oracle::new(&set.events).kpis(&question);
        let mut rng = StdRng::seed_from_u64(seed);
        let delivered = deliveries(&set.events, &mut rng);
        assert!(delivered.len() > set.events.len());
        let again = Oracle::new(&delivered).kpis(&question);
        assert!(rows == again, "seed {seed}");
    }
}

/// Sums of every additive KPI, by window and currency.
fn sums(rows: &[Row]) -> BTreeMap<(&str, Window, Option<&str>), BigRational> {
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kpi.is_additive()) {
        let name = (row.kpi.name, row.window, row.currency.as_deref());
        *sums.entry(name).or_insert_with(BigRational::zero) += row.value.clone().unwrap();
    }
    sums
}

#[test]
fn reps_add_up_to_the_company() {
    for seed in SEEDS {
        let set = adversarial_set(seed);
        let oracle = Oracle::new(&set.events);
        for moment in &set.moments {
            let mut question = Question::new(moment.at, By::Company, moment.zone);
            // Some live elsewhere.
            let zones = ["Asia/Kolkata", "America/New_York", "Pacific/Auckland"];
            let by_rep = Question::new(moment.at, By::Rep, moment.zone);
            for (index, key) in oracle.keys(&by_rep).into_iter().flatten().enumerate() {
                if let Some(zone) = zones.get(index) {
                    let zone = TimeZone::get(zone).unwrap();
                    question.rep_zones.insert(key, zone);
                }
            }
            let company = oracle.kpis(&question);
            question.by = By::Rep;
            let mut reps = oracle.kpis(&question);
            // A key has rows for its own currencies only: the others are 0.
            reps.retain(|row| row.kpi.is_additive());
            let (company, reps) = (sums(&company), sums(&reps));
            for (name, sum) in &company {
                let of_reps = reps.get(name).cloned().unwrap_or_else(BigRational::zero);
                assert_eq!(*sum, of_reps, "seed {seed} {name:?} at {}", moment.at);
            }
            assert!(reps.keys().all(|name| company.contains_key(name)));
        }
    }
}

#[test]
fn days_add_up_to_the_period_and_stages_to_the_stages() {
    for seed in SEEDS {
        let set = adversarial_set(seed);
        let oracle = Oracle::new(&set.events);
        let moment = &set.moments[0];
        let month = Question::new(moment.at, By::Company, moment.zone);
        let bounds = month.bounds(Window::LastMonth, None);
        let expected: BigRational = value_of(&oracle, &month, "calls_made", Window::LastMonth);
        let mut sum = BigRational::zero();
        let mut day = moment::local_date(bounds.start.unwrap(), &month.zone);
        while first_instant(day, &month.zone) < bounds.end {
            let next = moment::plus_days(day, 1);
            let mut one = month.clone();
            // Noon of the day after: it is yesterday that is asked for.
            let noon = first_instant(next, &month.zone) + 12 * HOUR;
            one.at = Timestamp::from_microsecond(noon).unwrap();
            sum += value_of(&oracle, &one, "calls_made", Window::Yesterday);
            day = next;
        }
        assert_eq!(sum, expected, "seed {seed}");

        let mut by_stage = month.clone();
        by_stage.by = By::Stage;
        let rows = oracle.kpis(&by_stage);
        let stages = sums(&rows);
        let all = value_of(&oracle, &month, "stage_entered", Window::All);
        let sum = stages.get(&("stage_entered", Window::All, None));
        assert_eq!(sum.cloned().unwrap_or_else(BigRational::zero), all, "seed {seed}");
    }
}

fn value_of(oracle: &Oracle, question: &Question, kpi: &str, window: Window) -> BigRational {
    let mut question = question.clone();
    question.windows = vec![window];
    let rows = oracle.kpis(&question);
    let row = rows.into_iter().find(|row| row.kpi.name == kpi);
    row.unwrap().value.unwrap()
}

#[test]
fn levels_are_never_negative_counts() {
    for seed in SEEDS {
        let set = adversarial_set(seed);
        let oracle = Oracle::new(&set.events);
        for moment in &set.moments {
            let rows = oracle.kpis(&Question::new(moment.at, By::Rep, moment.zone));
            for row in rows.iter().filter(|row| row.kpi.name == "open_deals") {
                let value = row.value.as_ref().unwrap();
                assert!(*value >= BigRational::zero(), "seed {seed}: {row:?}");
            }
        }
    }
}
