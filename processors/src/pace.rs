//! How fast an owner goes round its lane, looking for damage: so that a round takes about as long as it is meant to, in steps that hold nobody up.
//!
//! In: how long a round may take, how many values there are, the time. Out: how many to look at now. Never here: a clock; the looking.

use std::time::{Duration, Instant};

/// No step is larger: a few milliseconds. Of a lane with more values than so many in each step a round takes longer.
pub const MOST: usize = 4_096;
/// Smaller steps are saved up for a while: each is a round trip.
const LEAST: usize = 64;
/// For no longer than this, so that small lanes are gone round too.
const SAVED: Duration = Duration::from_secs(2);

/// The pace of one lane's rounds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    round: Duration,
    stepped: Instant,
    /// What the last step was short of, less than a value.
    owed: f64,
}

impl Pace {
    /// From now on a round in so long.
    pub fn new(round: Duration, now: Instant) -> Pace {
        Pace { round, stepped: now, owed: 0.0 }
    }

    /// How many of so many values to look at now, if any.
    pub fn due(&mut self, values: u64, now: Instant) -> Option<usize> {
        let passed = now.duration_since(self.stepped);
        let share = if self.round.is_zero() { 1.0 } else { passed.as_secs_f64() / self.round.as_secs_f64() };
        let exact = self.owed + values as f64 * share;
        let due = exact as usize;
        if due < LEAST && passed < SAVED && !self.round.is_zero() {
            return None;
        }
        self.stepped = now;
        self.owed = exact.fract();
        Some(due.clamp(1, MOST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long rounds take and how many steps, of so many values looked for damage every so often.
    fn rounds(values: u64, round_s: u64, every_ms: u64) -> (u64, u64) {
        let begun = Instant::now();
        let mut pace = Pace::new(Duration::from_secs(round_s), begun);
        let (mut seen, mut steps, mut passed_ms) = (0, 0, 0);
        while seen < values {
            passed_ms += every_ms;
            if let Some(due) = pace.due(values, begun + Duration::from_millis(passed_ms)) {
                seen += due as u64;
                steps += 1;
            }
        }
        (passed_ms / 1000, steps)
    }

    #[test]
    fn a_round_takes_as_long_as_it_is_meant_to() {
        let (seconds, steps) = rounds(1_000_000, 600, 100);
        assert!(seconds == 600 && (6_000..=6_001).contains(&steps), "{seconds} s, {steps} steps");
        let (seconds, steps) = rounds(10_000, 600, 100);
        assert!((590..=700).contains(&seconds) && steps < 310, "{seconds} s, {steps} steps");
        // A small lane is gone round sooner: a value a step is the least.
        assert!(rounds(10, 600, 100).0 <= 30);
        // A huge one later, for no step is larger.
        assert_eq!(rounds(4_096 * 7_000, 600, 100).0, 700);
    }
}
