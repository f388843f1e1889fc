//! How often chance alone raises an alert: simulated reps, judged every quarter-hour of their working time.
//!
//! In: a seed. Out: a table, shown by `cargo test -p onpace-kpis noise -- --nocapture`. Never here: anything that ships.
//!
//! Arrivals are Poisson over working hours (Monday to Friday, nine to six); the history is 12 blocks of 7 days of the same rep.

use std::ops::Range;

use jiff::tz::TimeZone;
use onpace_schemas::time::US;
use smallvec::smallvec;

use super::decide::tests::objective;
use super::decide::{Block, Class, Facts, Judgement, decide};
use super::pace::{self, Member};
use super::{Direction, Pace, Period, State};
use crate::exact::Exact;
use crate::period::{Settings, run};
use crate::worktime::{Calendar, Ledger, Schedule};

const PERIODS: usize = 1000;
const SLOTS: usize = 36;
const HISTORY_DAYS: i32 = 84;

/// A small generator of our own (Marsaglia's xorshift, with Vigna's multiplication): the same table everywhere.
pub(super) struct Chance(u64);

impl Chance {
    /// A generator of its own for each seed.
    pub(super) fn of(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Evenly from 0 to 1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// How many arrivals there are where `mean` are expected (Knuth's product of uniforms).
    fn arrivals(&mut self, mean: f64) -> i64 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.next(), 0);
        while product > limit {
            product *= self.next();
            count += 1;
        }
        count
    }
}

/// When an alert fires.
struct Rule {
    name: &'static str,
    fires: fn(&Instant) -> bool,
}

/// What a rule sees.
struct Instant {
    judged: Judgement,
    /// Whether it is behind, whatever the chance.
    is_behind: bool,
    /// The chance with the half that a whole number of things is nearer to its target than a normal distribution knows:
    /// Φ((f + ½ − target) ÷ (σ√d)).
    corrected: f64,
    share: f64,
}

impl Instant {
    fn alerts(&self, chance: f64, at_risk: f64) -> bool {
        self.share >= 0.1 && (chance < 0.01 || (self.is_behind && chance < at_risk))
    }

    fn alerts_below(&self, at_risk: f64) -> bool {
        self.alerts(self.judged.chance.unwrap_or(0.5), at_risk)
    }
}

const RULES: [Rule; 9] = [
    Rule { name: "behind, whatever the chance", fires: |now| now.is_behind },
    Rule { name: "**the contract**: chance < 0.25", fires: |now| matches!(now.judged.state, State::AtRisk | State::OutOfReach) },
    Rule { name: "chance < 0.15", fires: |now| now.alerts_below(0.15) },
    Rule { name: "chance < 0.10", fires: |now| now.alerts_below(0.10) },
    Rule { name: "chance with ½ < 0.25", fires: |now| now.alerts(now.corrected, 0.25) },
    Rule { name: "chance with ½ < 0.15", fires: |now| now.alerts(now.corrected, 0.15) },
    Rule { name: "chance with ½ < 0.10", fires: |now| now.alerts(now.corrected, 0.10) },
    Rule { name: "out of reach, by the contract", fires: |now| now.judged.state == State::OutOfReach },
    Rule { name: "out of reach, chance with ½", fires: |now| now.share >= 0.1 && now.corrected < 0.01 },
];
const CONTRACT: usize = 1;

/// μ and σ² of a working day, in floats throughout.
fn spread(blocks: &[Block]) -> (f64, f64) {
    let blocks: Vec<(f64, f64)> = blocks.iter().map(|block| (block.total.to_f64(), block.days as f64)).collect();
    let mu = blocks.iter().map(|(total, _)| total).sum::<f64>() / blocks.iter().map(|(_, days)| days).sum::<f64>();
    let squares = blocks.iter().map(|(total, days)| (total - mu * days).powi(2) / days).sum::<f64>();
    (mu, (squares / (blocks.len() - 1) as f64).max(mu))
}

/// The chance with ½.
fn corrected(missing: i64, days_left: f64, (mu, variance): (f64, f64)) -> f64 {
    let (ahead, spread) = (mu * days_left - missing as f64, (variance * days_left).sqrt());
    if spread == 0.0 { f64::from(ahead >= 0.0) } else { libm::erfc(-(ahead + 0.5) / spread / std::f64::consts::SQRT_2) / 2.0 }
}

/// One rule's alert in one period.
#[derive(Clone, Default)]
struct Alert {
    is_firing: bool,
    /// Until when it is kept firing, an hour after it last was true.
    kept_until: Option<i64>,
    onsets: u32,
    onsets_kept: u32,
    first_share: Option<f64>,
}

impl Alert {
    fn see(&mut self, fires: bool, at_us: i64, share: f64) {
        if fires {
            self.onsets += u32::from(!self.is_firing);
            // Overnight nothing is judged here, and nothing changes.
            self.onsets_kept += u32::from(!self.is_firing && self.kept_until.is_none_or(|until| until < at_us));
            self.kept_until = Some(at_us + 3600 * US);
            self.first_share.get_or_insert(share);
        }
        self.is_firing = fires;
    }
}

/// What became of a rule's alerts over all periods.
#[derive(Debug)]
struct Outcome {
    missed: f64,
    warned: f64,
    warned_of_met: f64,
    met_of_warned: f64,
    onsets: f64,
    onsets_kept: f64,
    median_share: f64,
}

/// A rep who performs so much of the target, period after period.
fn simulate(kind: Period, target: i64, performance: f64, seed: u64) -> Vec<Outcome> {
    let settings = Settings::default();
    let length = match kind {
        Period::Month => 31,
        Period::Week => 7,
        _ => 2,
    };
    let first = first_day(kind, settings);
    let ledger = Ledger::of(&Schedule::office(TimeZone::UTC), first - HISTORY_DAYS..first + length * PERIODS as i32);
    let calendar = Calendar { ledger: &ledger, absences: &[] };
    let mut chance = Chance(seed);

    let runs: Vec<Range<i32>> = std::iter::successors(run::holding(kind, settings, first), |run| run::holding(kind, settings, run.end))
        .filter(|run| calendar.working_days(run) > 0)
        .take(PERIODS)
        .collect();
    let worked: i64 = runs.iter().map(|run| calendar.working_days(run)).sum();
    let a_slot = performance * target as f64 * PERIODS as f64 / worked as f64 / SLOTS as f64;

    // Arrivals by slot of each day, and before each day.
    let slots: Vec<[i64; SLOTS]> = ledger
        .days()
        .map(|day| match calendar.working_days(&(day..day + 1)) {
            0 => [0; SLOTS],
            _ => std::array::from_fn(|_| chance.arrivals(a_slot)),
        })
        .collect();
    let mut before = vec![0];
    before.extend(slots.iter().scan(0, |sum, day| {
        *sum += day.iter().sum::<i64>();
        Some(*sum)
    }));
    let place = |day: i32| (day - ledger.days().start) as usize;
    let total = |days: Range<i32>| before[place(days.end)] - before[place(days.start)];

    let objective = objective(Direction::AtLeast);
    let mut ended: Vec<(bool, Vec<Alert>)> = Vec::new();
    for run in runs {
        let members = [Member { calendar, stays: smallvec![run.clone()] }];
        let mut alerts = vec![Alert::default(); RULES.len()];
        for day in run.clone().filter(|day| calendar.working_days(&(*day..*day + 1)) > 0) {
            let block =
                |ends: i32| Block { total: i128::from(total(ends - 7..ends)).into(), days: calendar.working_days(&(ends - 7..ends)) };
            let blocks: Vec<Block> = (0..12).map(|no| block(day - 7 * no)).collect();
            let spread = spread(&blocks);
            let mut attained = total(run.start..day);
            for slot in 0..=SLOTS {
                // What is reached stays reached: nothing fires any more.
                if attained >= target {
                    break;
                }
                let at_us = calendar.begins(day) + (9 * 3600 + slot as i64 * 900) * US;
                let (days_left, people_left) = pace::days_left(&run, &members, at_us);
                let facts = Facts {
                    begun: true,
                    over: false,
                    has_working_time: true,
                    share: pace::share(&Pace::WorkingTime, &run, &members, at_us),
                    target: i128::from(target).into(),
                    class: Class::Additive,
                    is_count: true,
                    attained: Some(i128::from(attained).into()),
                    sample: None,
                    blocks: &blocks,
                    days_left,
                    people_left,
                };
                let share = facts.share.as_ref().map_or(0.0, Exact::to_f64);
                let judged = decide(&objective, &facts);
                let corrected = corrected(target - attained, facts.days_left.to_f64(), spread);
                let is_behind = decide(&objective, &Facts { blocks: &[], ..facts }).state == State::AtRisk;
                let now = Instant { judged, is_behind, corrected, share };
                for (rule, alert) in RULES.iter().zip(&mut alerts) {
                    alert.see((rule.fires)(&now), at_us, share);
                }
                attained += slots[place(day)].get(slot).copied().unwrap_or(0);
            }
        }
        ended.push((total(run) >= target, alerts));
    }
    (0..RULES.len()).map(|rule| outcome(&ended, rule)).collect()
}

/// A first day on which a period begins, with room for the history before it.
fn first_day(kind: Period, settings: Settings) -> i32 {
    run::holding(kind, settings, 365).map_or(365, |run| run.start)
}

fn outcome(ended: &[(bool, Vec<Alert>)], rule: usize) -> Outcome {
    let alerts: Vec<(bool, &Alert)> = ended.iter().map(|(met, alerts)| (*met, &alerts[rule])).collect();
    let warned: Vec<(bool, &Alert)> = alerts.iter().copied().filter(|(_, alert)| alert.first_share.is_some()).collect();
    let met = |among: &[(bool, &Alert)]| among.iter().filter(|(met, _)| *met).count() as f64;
    let all = alerts.len() as f64;
    let mean = |of: fn(&Alert) -> u32| alerts.iter().map(|(_, alert)| f64::from(of(alert))).sum::<f64>() / all;
    let mut shares: Vec<f64> = warned.iter().filter_map(|(_, alert)| alert.first_share).collect();
    shares.sort_by(f64::total_cmp);
    Outcome {
        missed: 1.0 - met(&alerts) / all,
        warned: warned.len() as f64 / all,
        warned_of_met: met(&warned) / met(&alerts).max(1.0),
        met_of_warned: met(&warned) / (warned.len() as f64).max(1.0),
        onsets: mean(|alert| alert.onsets),
        onsets_kept: mean(|alert| alert.onsets_kept),
        median_share: shares.get(shares.len() / 2).copied().unwrap_or(f64::NAN),
    }
}

#[test]
fn noise_raises_few_alerts_and_trouble_is_seen_early() {
    println!(
        "| objective | rep | alert | missed | warned | of the met, warned | of the warned, met | onsets | kept 1 h | share at first |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    // Loose bounds for the contract: of the periods that a good rep met, those with an alert; onsets, kept for an hour;
    // and when half of a weak rep's alerts have come, as a share of the period.
    for (name, kind, target, warned_of_met, onsets, share) in [
        ("3 deals a month", Period::Month, 3, 0.30, 1.0, 0.45),
        ("8 calls a day", Period::Day, 8, 0.20, 0.6, 0.35),
        ("40 calls a week", Period::Week, 40, 0.08, 0.4, 0.20),
    ] {
        let [above, below] = [("20 % above", 1.2), ("30 % below", 0.7)].map(|(rep, performance)| {
            let outcomes = simulate(kind, target, performance, 0x5eed_0000 + target as u64);
            for (rule, it) in RULES.iter().zip(&outcomes) {
                let shares = [it.missed, it.warned, it.warned_of_met, it.met_of_warned].map(|share| format!("{:.1} %", share * 100.0));
                let (rule, shares) = (rule.name, shares.join(" | "));
                println!("| {name} | {rep} | {rule} | {shares} | {:.2} | {:.2} | {:.2} |", it.onsets, it.onsets_kept, it.median_share);
            }
            outcomes
        });
        let (above, below) = (&above[CONTRACT], &below[CONTRACT]);
        assert!(above.warned_of_met < warned_of_met && above.onsets_kept < onsets, "{above:?}");
        assert!(below.warned >= below.missed && below.median_share < share, "{below:?}");
    }
}
