//! When each source was last heard of, by kind: what a lane keeps of it, and what changed since the last commit.
//!
//! In: the source, the kind and the recording time of each folded event. Out: rows for the commit.
//! What always holds: at most [`MOST`] sources a lane, for a source is what anybody may post; the one not heard of for longest
//! makes room. No allocation for an event whose source is known.

use hashbrown::HashMap;
use onpace_schemas::Kind;

use crate::store::Heard;
use crate::store::sums::{self, Part, Sum};

/// How many sources a lane keeps. Whoever could post so many strange ones within the `max_silence` of a source, and go on doing it, could
/// have that source forgotten until it speaks again.
pub const MOST: usize = 1_000;

/// The sources of a lane.
#[derive(Debug, Default)]
pub struct Sources {
    known: Vec<Known>,
    places: HashMap<Box<str>, usize>,
    /// Of the source heard of last: most events come from the one before.
    last: usize,
    /// Places of those heard of since the last commit.
    changed: Vec<usize>,
    /// Those stored that had to make room since, and their parts.
    forgotten: Vec<(Box<str>, Part)>,
}

#[derive(Debug)]
struct Known {
    source: Box<str>,
    recorded_ms: [i64; Kind::ALL.len()],
    stored: bool,
    /// Its part in the lane's sums, as it is stored.
    part: Part,
    changed: bool,
}

impl Sources {
    /// The sources that a store has.
    pub fn stored(rows: Vec<Heard>) -> Sources {
        let mut sources = Sources::default();
        for row in rows {
            let stored = sums::source(&row);
            let Heard { source, recorded_ms } = row;
            sources.add(source.into(), Some(stored));
            if let Some(known) = sources.known.get_mut(sources.last) {
                known.recorded_ms = recorded_ms;
            }
        }
        sources
    }

    /// Notes an event of a source.
    pub fn heard(&mut self, source: &str, kind: Kind, recorded_ms: i64) {
        if self.known.get(self.last).is_none_or(|known| *known.source != *source) {
            match self.places.get(source) {
                Some(place) => self.last = *place,
                None => self.add(source.into(), None),
            }
        }
        let Some(known) = self.known.get_mut(self.last) else { return };
        let moment = &mut known.recorded_ms[usize::from(kind.number())];
        if *moment >= recorded_ms {
            return;
        }
        *moment = recorded_ms;
        if !known.changed {
            known.changed = true;
            self.changed.push(self.last);
        }
    }

    /// The rows that changed since they were last taken, exact to the millisecond, and what they change in the lane's sum; those of forgotten
    /// sources say nothing.
    pub fn take_changed(&mut self) -> (Vec<Heard>, Sum) {
        let Sources { known, places, changed, forgotten, .. } = self;
        let (mut rows, mut change) = (Vec::new(), Sum::default());
        for (source, part) in forgotten.drain(..) {
            change.change(part, None);
            // One that is back is written again with those that changed.
            if places.get(&source).is_none_or(|place| !known[*place].changed) {
                rows.push(Heard { source: source.into(), ..Heard::default() });
            }
        }
        for place in changed.drain(..) {
            let known = &mut known[place];
            let row = Heard { source: known.source.to_string(), recorded_ms: known.recorded_ms };
            let part = sums::source(&row);
            change.change(known.part, part);
            (known.changed, known.stored, known.part) = (false, true, part);
            rows.push(row);
        }
        (rows, change)
    }

    /// Makes a place for a source, and makes it the last.
    fn add(&mut self, source: Box<str>, stored: Option<Part>) {
        let new = Known {
            source: source.clone(),
            recorded_ms: [0; Kind::ALL.len()],
            stored: stored.is_some(),
            part: stored.flatten(),
            changed: false,
        };
        self.last = self.known.len();
        if self.known.len() < MOST {
            self.known.push(new);
        } else {
            let longest = self.known.iter().enumerate().min_by_key(|(_, known)| (known.recorded_ms.iter().max(), &known.source));
            self.last = longest.map_or(0, |(place, _)| place);
            let old = std::mem::replace(&mut self.known[self.last], new);
            self.places.remove(&old.source);
            if old.changed {
                self.changed.retain(|place| *place != self.last);
            }
            if old.stored {
                self.forgotten.push((old.source, old.part));
            }
        }
        self.places.insert(source, self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: &str, kind: Kind, recorded_ms: i64) -> Heard {
        let mut row = Heard { source: source.into(), ..Heard::default() };
        row.recorded_ms[usize::from(kind.number())] = recorded_ms;
        row
    }

    #[test]
    fn the_latest_of_each_source_and_kind_is_told_once() {
        let mut sources = Sources::default();
        for (source, kind, at) in [("a", Kind::CALL, 5), ("b", Kind::DEAL, 6), ("a", Kind::CALL, 9), ("a", Kind::CALL, 7)] {
            sources.heard(source, kind, at);
        }
        assert_eq!(sources.take_changed().0, [row("a", Kind::CALL, 9), row("b", Kind::DEAL, 6)]);
        sources.heard("b", Kind::DEAL, 6);
        assert_eq!(sources.take_changed().0, []);
        sources.heard("b", Kind::EMAIL, 4);
        let mut both = row("b", Kind::DEAL, 6);
        both.recorded_ms[usize::from(Kind::EMAIL.number())] = 4;
        assert_eq!(sources.take_changed().0, [both]);
    }

    #[test]
    fn what_the_store_has_is_known_and_kept() {
        let mut sources = Sources::stored(vec![row("a", Kind::CALL, 5), row("b", Kind::DEAL, 6)]);
        assert_eq!(sources.take_changed().0, []);
        sources.heard("a", Kind::MEETING, 8);
        let mut both = row("a", Kind::CALL, 5);
        both.recorded_ms[usize::from(Kind::MEETING.number())] = 8;
        assert_eq!(sources.take_changed().0, [both]);
    }

    #[test]
    fn the_one_not_heard_of_for_longest_makes_room() {
        let mut sources = Sources::stored(vec![row("old", Kind::CALL, 1), row("older", Kind::CALL, 0)]);
        for number in 2..MOST as i64 {
            sources.heard(&format!("s{number}"), Kind::CALL, number);
        }
        assert_eq!(sources.take_changed().0.len(), MOST - 2);
        sources.heard("new", Kind::CALL, 9_999);
        assert_eq!(sources.take_changed().0, [Heard { source: "older".into(), ..Heard::default() }, row("new", Kind::CALL, 9_999)]);
        // Gone and back within one commit: no row drops it. Never stored and gone: no row at all.
        for source in ["x", "y", "old", "z"] {
            sources.heard(source, Kind::DEAL, 10_000);
        }
        for number in 0..3 * MOST {
            sources.heard(&format!("many{number}"), Kind::DEAL, 10_001 + number as i64);
        }
        sources.heard("old", Kind::DEAL, 20_000);
        let rows = sources.take_changed().0;
        assert_eq!(rows.iter().filter(|row| row.source == "old").count(), 1);
        assert!(rows.iter().all(|row| !["x", "y", "z", "many0"].contains(&row.source.as_str())));
        let (gone, heard): (Vec<&Heard>, Vec<&Heard>) = rows.iter().partition(|row| row.says_nothing());
        assert_eq!((gone.len(), heard.len(), sources.known.len(), sources.places.len()), (MOST - 1, MOST, MOST, MOST));
        for (at, known) in sources.known.iter().enumerate() {
            assert_eq!(sources.places[&known.source], at);
        }
    }
}
