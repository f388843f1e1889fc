//! Lines of the log that may come often, said once in a while with how often it happened.
//!
//! In: something happened, now. Out: whether to say it, and how often it has happened since it was last said.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often one thing is said at most, unless something else is wanted.
const EVERY: Duration = Duration::from_secs(10);

/// One thing that may happen often.
#[derive(Debug)]
pub struct Seldom {
    every: Duration,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    at: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// Never said yet.
    pub const fn new() -> Seldom {
        Seldom::every(EVERY)
    }

    /// Never said yet; to be said so often at most.
    pub const fn every(every: Duration) -> Seldom {
        Seldom { every, last: Mutex::new(Last { at: None, unsaid: 0 }) }
    }

    /// It happened: how often since it was last said, this time included, if it is time to say it again.
    pub fn again(&self) -> Option<u64> {
        self.again_at(Instant::now())
    }

    fn again_at(&self, now: Instant) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.unsaid += 1;
        if last.at.is_some_and(|at| now.saturating_duration_since(at) < self.every) {
            return None;
        }
        last.at = Some(now);
        Some(std::mem::take(&mut last.unsaid))
    }
}

impl Default for Seldom {
    fn default() -> Seldom {
        Seldom::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_rest_is_counted() {
        let (said, begin) = (Seldom::new(), Instant::now());
        assert_eq!(said.again_at(begin), Some(1));
        for ms in 1..1_000 {
            assert_eq!(said.again_at(begin + Duration::from_millis(ms)), None);
        }
        assert_eq!(said.again_at(begin + EVERY), Some(1_000));
        assert_eq!(said.again_at(begin + EVERY + EVERY), Some(1));
    }
}
