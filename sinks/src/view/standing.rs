//! How the numbers stand: whole or not, how old, and why. Pure: the clock is an argument.
//!
//! In: what the follower last saw of each lane. Out: a [`Standing`] that every page, metric and answer carries.
//! What always holds: numbers that went back (a wiped or older store being folded anew) are not called whole before
//! they have reached the log's end as it was then; a prefix of the log that only goes forward is whole, however old.

use std::sync::Arc;

use onpace_kpis::Roster;
use onpace_kpis::objective::{Completeness, Heard, Watched, watched};
use onpace_processors::store::Head;
use onpace_processors::vouch;

use super::past::Underway;

/// Heartbeats come every 30 seconds: past this nothing comes through any more. Milliseconds.
pub const STALE_AFTER_MS: i64 = 90_000;
/// A store that was not heard of for so long is away, whatever the last attempt says. Milliseconds.
pub const SILENT_AFTER_MS: i64 = 10_000;
/// With events to go and nothing folded for longer than this, a lane is behind.
const BEHIND_AFTER_MS: i64 = 60_000;
/// A lane that was begun and holds nothing for so long is whole, and empty. Milliseconds.
const BARE_AFTER_MS: i64 = 3_000;

/// Whether a lane has had events to go for too long.
pub fn waits(head: &Head, now_ms: i64) -> bool {
    head.end > head.offset && now_ms - head.recorded_ms > BEHIND_AFTER_MS
}

/// What is known of one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// Where it stands; `None` where it was never begun.
    pub head: Option<Head>,
    /// Since when it has been followed without a gap, milliseconds since 1970.
    since_ms: i64,
    /// The offset from which on it is whole; `None` before that is known.
    target: Option<i64>,
    whole: bool,
}

impl Lane {
    /// A lane that was just loaded, for the first time or anew.
    pub fn loaded(head: Option<Head>, now_ms: i64) -> Lane {
        let mut lane = Lane { since_ms: now_ms, ..Lane::default() };
        lane.moved(head, now_ms);
        lane
    }

    /// A lane that is folded towards the end of a past, and is loaded once it holds all of it.
    pub fn underway(head: Option<Head>) -> Lane {
        Lane { head, ..Lane::default() }
    }

    /// Takes over a newer head.
    pub fn moved(&mut self, head: Option<Head>, now_ms: i64) {
        self.head = head;
        let Some(head) = head else { return };
        if head.recorded_ms == 0 && head.end <= head.offset {
            self.whole |= now_ms - self.since_ms >= BARE_AFTER_MS;
        } else {
            let target = *self.target.get_or_insert(head.end);
            self.whole |= head.offset >= target;
        }
    }

    /// How many events it has yet to fold, as far as is known.
    pub fn lag_events(&self) -> i64 {
        self.head.map_or(0, |head| (head.end - head.offset).max(0))
    }
}

/// What the follower knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// When it began, milliseconds since 1970.
    pub began_ms: i64,
    /// When the store last answered, milliseconds since 1970; `None` before it ever did.
    pub heard_ms: Option<i64>,
    /// Since when it does not, and why.
    pub away: Option<(i64, String)>,
    /// Whether every lane was loaded.
    pub loaded: bool,
    /// Whether the store holds anything; a store that was emptied under the view is not empty but incomplete.
    pub empty: bool,
    /// A past that is still written or folded.
    pub past: Option<Underway>,
    /// The lanes.
    pub lanes: Vec<Lane>,
    /// When each source was last heard of in any lane, read no earlier than the lanes' heads.
    pub sources: Arc<Heard>,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The store is being read for the first time.
    Loading,
    /// Nothing was ever folded into the store.
    Empty,
    /// The store is being folded anew, or was never folded to the log's end: the numbers are not whole.
    CatchingUp,
    /// Whole and fresh.
    Fresh,
    /// Whole, but nothing has come through for a while.
    Stale,
    /// The store does not answer: the numbers are whole and as old as they say.
    StoreAway,
    /// The log is not the one that the store was folded from: its numbers are nobody's.
    LogReplaced,
}

impl State {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            State::Loading => "loading",
            State::Empty => "empty",
            State::CatchingUp => "catching_up",
            State::Fresh => "fresh",
            State::Stale => "stale",
            State::StoreAway => "store_away",
            State::LogReplaced => "log_replaced",
        }
    }
}

/// How the numbers stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In one word.
    pub state: State,
    /// Whether there are numbers, and none of them partial.
    pub whole: bool,
    /// Up to when everything recorded is in the numbers, milliseconds since 1970.
    pub as_of_ms: Option<i64>,
    /// How many events the log holds beyond that, as far as is known.
    pub lag_events: i64,
    /// Why, in words; empty where all is well.
    pub reason: String,
}

impl Known {
    /// Nothing yet, since then.
    pub fn of_nothing(began_ms: i64) -> Known {
        Known { began_ms, heard_ms: None, away: None, loaded: false, empty: false, past: None, lanes: Vec::new(), sources: Arc::default() }
    }

    /// How the numbers stand at an instant.
    pub fn standing(&self, now_ms: i64) -> Standing {
        let recorded = self.lanes.iter().filter_map(|lane| lane.head).map(|head| head.recorded_ms);
        let as_of_ms = recorded.filter(|ms| *ms > 0).min().filter(|_| self.loaded);
        let lag_events = self.lanes.iter().map(Lane::lag_events).sum();
        let (state, reason) = self.judge(now_ms, as_of_ms);
        let whole = self.past.is_none()
            && match state {
                State::Fresh | State::Stale | State::Empty => true,
                State::StoreAway => self.loaded && (self.empty || self.lanes.iter().all(|lane| lane.whole)) && self.replaced().is_none(),
                State::Loading | State::CatchingUp | State::LogReplaced => false,
            };
        Standing { state, whole, as_of_ms, lag_events, reason }
    }

    /// Whether the processors are behind: a lane has events to go and what it last folded is more than a minute old, or nothing comes
    /// through at all.
    pub fn behind(&self, now_ms: i64) -> bool {
        let stuck = !matches!(self.standing(now_ms).state, State::Fresh | State::Empty);
        stuck || self.lanes.iter().filter_map(|lane| lane.head).any(|head| waits(&head, now_ms))
    }

    /// The roster's live sources at an instant, microseconds since 1970. Where a lane lags the sources are looked at as of then: what has
    /// not come through isn't silence.
    pub fn watched<'a>(&self, roster: &'a Roster, at_us: i64, now_ms: i64) -> Vec<Watched<'a>> {
        let as_of_us = self.standing(now_ms).as_of_ms.map(|ms| ms.saturating_mul(1_000));
        watched(roster, &self.sources, as_of_us.map_or(at_us, |as_of| as_of.min(at_us)))
    }

    /// What is incomplete at an instant, microseconds since 1970, by what is known now.
    pub fn completeness(&self, roster: &Roster, at_us: i64, now_ms: i64) -> Completeness {
        Completeness::of(self.behind(now_ms), &self.watched(roster, at_us, now_ms))
    }

    /// What is wrong with the log of lanes that wait for it, in words.
    fn replaced(&self) -> Option<String> {
        let heads = (0..).zip(&self.lanes).filter_map(|(number, lane)| Some((number, lane.head?)));
        let told: Vec<String> = heads.filter_map(|(number, head)| vouch::told(number, &head)).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    fn judge(&self, now_ms: i64, as_of_ms: Option<i64>) -> (State, String) {
        if let Some((since, why)) = &self.away {
            return (State::StoreAway, format!("the store has not been readable for {} s: {why}", (now_ms - since).max(0) / 1000));
        }
        let silent_ms = now_ms - self.heard_ms.unwrap_or(self.began_ms);
        if silent_ms > SILENT_AFTER_MS && (self.loaded || self.heard_ms.is_none()) {
            return (State::StoreAway, format!("the store has not answered for {} s", silent_ms / 1000));
        }
        if let Some(past) = &self.past {
            return (State::CatchingUp, past.told());
        }
        if !self.loaded {
            return (State::Loading, "the store is being read".into());
        }
        if self.empty {
            return (State::Empty, "nothing was folded yet".into());
        }
        if let Some(why) = self.replaced() {
            return (State::LogReplaced, why);
        }
        let partial: Vec<usize> = (0..self.lanes.len()).filter(|lane| !self.lanes[*lane].whole).collect();
        if !partial.is_empty() || self.lanes.is_empty() {
            let lag: i64 = self.lanes.iter().map(Lane::lag_events).sum();
            let unbegun = self.lanes.iter().filter(|lane| lane.head.is_none()).count();
            let begun = if unbegun > 0 { format!(", {unbegun} not begun") } else { String::new() };
            return (
                State::CatchingUp,
                format!("{} of {} lanes are not whole{begun}; {lag} events to go", partial.len(), self.lanes.len()),
            );
        }
        match as_of_ms {
            Some(as_of) if now_ms - as_of > STALE_AFTER_MS => {
                (State::Stale, format!("nothing has come through for {} s, not even a heartbeat", (now_ms - as_of) / 1000))
            }
            _ => (State::Fresh, String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_processors::store::{How, Replaced};
    use onpace_schemas::Kind;

    use super::*;

    fn head(offset: i64, end: i64, recorded_ms: i64) -> Option<Head> {
        Some(Head { birth: 1, epoch: 1, offset, end, recorded_ms, ..Head::of_nothing() })
    }

    fn known(lanes: Vec<Lane>) -> Known {
        Known { heard_ms: Some(100_000), loaded: true, lanes, ..Known::of_nothing(0) }
    }

    #[test]
    fn a_lane_folded_anew_is_not_whole_before_it_has_reached_the_end_of_then() {
        let mut lane = Lane::loaded(head(0, 0, 0), 100_000);
        assert_eq!(known(vec![lane.clone()]).standing(100_000).state, State::CatchingUp);
        lane.moved(head(10, 50, 99_000), 100_100);
        assert_eq!(known(vec![lane.clone()]).standing(100_100).lag_events, 40);
        lane.moved(head(49, 70, 99_000), 100_200);
        assert!(!known(vec![lane.clone()]).standing(100_200).whole);
        lane.moved(head(50, 70, 99_000), 100_300);
        let standing = known(vec![lane.clone()]).standing(100_300);
        assert_eq!((standing.state, standing.whole, standing.as_of_ms), (State::Fresh, true, Some(99_000)));
        lane.moved(head(50, 900, 99_000), 100_400);
        assert!(known(vec![lane]).standing(100_400).whole, "falling behind makes numbers older, not wrong");
    }

    #[test]
    fn what_has_not_come_through_is_behind_not_silent() {
        // One o'clock on a Monday; aircall last spoke at noon.
        let (noon_ms, minute_ms) = (1_772_452_800_000, 60_000);
        let yaml = "time_zone: UTC\nsources: [{ id: aircall, live: true, max_silence: 30m }]";
        let roster = Roster::parse(yaml, &mut |path| panic!("{path}")).unwrap();
        let mut call = [0; Kind::ALL.len()];
        call[usize::from(Kind::CALL.number())] = noon_ms;
        let seen = |offset, end, recorded_ms, now_ms| {
            let mut known = known(vec![Lane::loaded(head(end, end, recorded_ms), now_ms), Lane::loaded(head(7, 7, now_ms), now_ms)]);
            known.lanes[0].moved(head(offset, end, recorded_ms), now_ms);
            known.heard_ms = Some(now_ms);
            known.sources = Arc::new(Heard::from([("aircall".to_owned(), call)]));
            known.completeness(&roster, now_ms * 1000, now_ms)
        };
        let at = |minute: i64| noon_ms + minute * minute_ms;
        let of = |behind, silent: &[Kind]| Completeness { behind, silent: silent.to_vec() };
        assert_eq!(seen(5, 5, at(29), at(30)), of(false, &[]));
        assert_eq!(seen(5, 5, at(60), at(60)), of(false, &[Kind::CALL]));
        // The lane was last heard of ten minutes after noon, and has events to go: whatever they say is not known.
        assert_eq!(seen(5, 9, at(10), at(60)), of(true, &[]));
        assert_eq!(seen(5, 5, at(10), at(60)), of(true, &[]));
        // Its last word came before the lane fell behind: it was silent then, and still is as far as is known.
        assert_eq!(seen(5, 9, at(40), at(60)), of(true, &[Kind::CALL]));
    }

    #[test]
    fn a_lane_that_waits_for_its_log_has_no_numbers_to_show() {
        let waiting = |how| {
            let head = head(5, 5, 100_000).map(|head| {
                let replaced = Replaced { at_ms: 99_000, how };
                Head { log: head.log.with_replaced(Some(replaced)), ..head }
            });
            known(vec![Lane::loaded(head, 100_000), Lane::loaded(super::tests::head(7, 7, 100_000), 100_000)])
        };
        for how in [How::Ends(3), How::Other(3)] {
            let mut known = waiting(how);
            let standing = known.standing(100_000);
            assert_eq!((standing.state, standing.whole, known.behind(100_000)), (State::LogReplaced, false, true));
            let said = ["partition 0", "ends at 3", "onpace rebuild"].iter().all(|words| standing.reason.contains(words));
            assert!(said && !standing.reason.contains("partition 1"), "{}", standing.reason);
            known.away = Some((100_000, "refused".into()));
            assert_eq!((known.standing(100_000).state, known.standing(100_000).whole), (State::StoreAway, false));
        }
        assert_eq!(waiting(How::Anew).standing(100_000).state, State::Fresh);
    }

    #[test]
    fn an_empty_lane_is_whole_after_a_moment() {
        let mut lane = Lane::loaded(head(0, 0, 0), 100_000);
        lane.moved(head(0, 0, 0), 102_000);
        assert!(!known(vec![lane.clone()]).standing(102_000).whole);
        lane.moved(head(0, 0, 0), 103_000);
        assert_eq!(known(vec![lane]).standing(103_000).state, State::Fresh);
    }

    #[test]
    fn a_lane_that_was_never_begun_is_not_whole() {
        let lanes = vec![Lane::loaded(head(5, 5, 100_000), 100_000), Lane::loaded(None, 100_000)];
        let standing = known(lanes).standing(100_000);
        assert_eq!(standing.state, State::CatchingUp);
        assert_eq!(standing.reason, "1 of 2 lanes are not whole, 1 not begun; 0 events to go");
    }

    #[test]
    fn the_oldest_lane_says_how_fresh_and_old_is_not_fresh() {
        let lanes = vec![Lane::loaded(head(5, 5, 100_000), 100_000), Lane::loaded(head(5, 5, 40_000), 100_000)];
        let known = known(lanes);
        assert_eq!(known.standing(100_000).as_of_ms, Some(40_000));
        assert_eq!(known.standing(100_000).state, State::Fresh);
        let mut silent = known.clone();
        silent.heard_ms = Some(131_000);
        assert_eq!(silent.standing(131_000).state, State::Stale);
    }

    #[test]
    fn a_store_that_is_away_says_since_when() {
        let mut known = known(vec![Lane::loaded(head(5, 5, 100_000), 100_000)]);
        known.away = Some((100_000, "connection refused".into()));
        let standing = known.standing(107_000);
        assert_eq!((standing.state, standing.whole), (State::StoreAway, true));
        assert_eq!(standing.reason, "the store has not been readable for 7 s: connection refused");
        known.away = None;
        assert_eq!(known.standing(120_000).state, State::StoreAway, "a call that hangs is a store that is away");
    }

    #[test]
    fn before_it_was_loaded_there_are_no_numbers() {
        let known = Known::of_nothing(0);
        assert_eq!(known.standing(10).state, State::Loading);
        let away = Known { away: Some((0, "refused".into())), ..known };
        assert!(!away.standing(10).whole);
    }
}
