//! Lanes that must be folded anew, because what is stored of them can't be counted on: what is said of them, and how long one waits.
//!
//! In: lanes, why, and when that was found. Out: the time until the lane may be emptied; words for whoever asks how the processor is.
//! What always holds: a lane that is found so once is folded anew at once; one that is found so again and again waits longer and longer, for then
//! something goes on damaging it, and folding anew in a loop would hide that.
//! Never here: clocks; the folding itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A lane that was sound for so long has what happened before forgiven.
const FORGIVEN: Duration = Duration::from_secs(3_600);
/// No lane waits longer.
const LONGEST: Duration = Duration::from_secs(1_800);

/// How often lanes were found damaged, and when last.
#[derive(Debug, Default)]
pub struct Again {
    found: BTreeMap<u32, (u32, Instant)>,
}

impl Again {
    /// Notes that a lane must be folded anew: the how-manieth time in a row that is, and how long to wait before it; `patience` the second time.
    pub fn found(&mut self, lane: u32, now: Instant, patience: Duration) -> (u32, Duration) {
        let (times, last) = self.found.entry(lane).or_insert((0, now));
        if now.duration_since(*last) > FORGIVEN {
            *times = 0;
        }
        *times = times.saturating_add(1);
        *last = now;
        let wait = match *times {
            1 => Duration::ZERO,
            times => patience.saturating_mul(1 << (times - 2).min(16)).min(LONGEST),
        };
        (*times, wait)
    }
}

/// What is wrong with lanes and their log, in words, until it is put right. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Troubles {
    all: Arc<Mutex<All>>,
}

#[derive(Debug, Default)]
struct All {
    log: Option<String>,
    lanes: BTreeMap<u32, String>,
}

impl Troubles {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log is away, and why; or it is back.
    pub fn say_of_log(&self, words: Option<String>) {
        self.lock().log = words;
    }

    /// Something is wrong with a lane.
    pub fn say(&self, lane: u32, words: String) {
        self.lock().lanes.insert(lane, words);
    }

    /// Nothing is, any more.
    pub fn over(&self, lane: u32) {
        self.lock().lanes.remove(&lane);
    }

    /// All that is wrong; `None` where nothing is.
    pub fn told(&self) -> Option<String> {
        let all = self.lock();
        let lanes = all.lanes.iter().map(|(lane, words)| format!("lane {lane}: {words}"));
        let told: Vec<String> = all.log.iter().cloned().chain(lanes).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_again_and_again_waits_longer_and_longer() {
        let (mut again, patience) = (Again::default(), Duration::from_secs(60));
        let begun = Instant::now();
        let mut waits = Vec::new();
        let mut now = begun;
        for _ in 0..8 {
            let (_, wait) = again.found(3, now, patience);
            waits.push(wait.as_secs());
            now += wait;
        }
        assert_eq!(waits, [0, 60, 120, 240, 480, 960, 1_800, 1_800]);
        assert_eq!(again.found(4, now, patience), (1, Duration::ZERO), "another lane");
        assert_eq!(again.found(3, now + FORGIVEN / 2, patience).0, 9);
        assert_eq!(again.found(3, now + 3 * FORGIVEN, patience), (1, Duration::ZERO));
        for _ in 0..100 {
            again.found(3, now + 3 * FORGIVEN, patience);
        }
        assert_eq!(again.found(3, now + 3 * FORGIVEN, patience), (102, LONGEST));
    }

    #[test]
    fn troubles_are_told_until_they_are_over() {
        let troubles = Troubles::default();
        assert_eq!(troubles.told(), None);
        troubles.say(2, "its names have gone".into());
        troubles.clone().say(0, "a".into());
        assert_eq!(troubles.told().as_deref(), Some("lane 0: a; lane 2: its names have gone"));
        troubles.say_of_log(Some("no broker".into()));
        assert_eq!(troubles.told().as_deref(), Some("no broker; lane 0: a; lane 2: its names have gone"));
        troubles.say_of_log(None);
        troubles.over(0);
        troubles.over(2);
        assert_eq!(troubles.told(), None);
    }
}
