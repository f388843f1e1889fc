//! What a lane knows of the log that it was folded from, kept in its head: an offset says nothing of which log it is an offset of.
//!
//! In: messages that were folded, what a look at the log showed. Out: a few marks (what lies where), and what became of the log.
//! What always holds: a mark made before the last look that found the log unchanged is dropped by no other way than by such a look.
//! So what was folded from one log never comes to be vouched for by another: the mark set at the last look is there until the next.
//! Never here: the log; what a difference means (that is [`crate::vouch`]).

use std::fmt::Write;

use onpace_producers::log::{Fingerprint, Seen};
use smallvec::SmallVec;

/// How many marks a lane keeps: the first message that was folded, the last, and some between. Every commit writes them.
pub const MOST: usize = 6;

/// A message that was folded: where it lay, and what it is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its offset.
    pub offset: i64,
    /// Its fingerprint.
    pub print: Fingerprint,
}

/// What became of the log that a lane was folded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// When that was found, in milliseconds since 1970.
    pub at_ms: i64,
    /// What was found, and done.
    pub how: How,
}

/// What was found of a log, and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It ends here, before what was folded: the lane waits.
    Ends(i64),
    /// It is another, which ends here: the lane waits.
    Other(i64),
    /// It was another, and the lane was folded anew from it.
    Anew,
}

/// What a lane knows of its log. Equal ones are written alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMarks {
    identity: Option<u64>,
    /// By offset; the places after the last are `None`.
    marks: [Option<Mark>; MOST],
    replaced: Option<Replaced>,
}

impl LogMarks {
    /// The marks, by offset.
    pub fn marks(&self) -> impl Iterator<Item = Mark> {
        self.marks.into_iter().flatten()
    }

    /// Of a log of which nothing was folded yet.
    pub fn of_log(identity: Option<u64>) -> LogMarks {
        LogMarks { identity, ..LogMarks::default() }
    }

    /// The log's own number, where it has one.
    pub fn identity(&self) -> Option<u64> {
        self.identity
    }

    /// What became of the log, if anything ever did.
    pub fn replaced(&self) -> Option<Replaced> {
        self.replaced
    }

    /// Whether the lane waits, since its log is not the one that it was folded from.
    pub fn waits(&self) -> bool {
        matches!(self.replaced, Some(Replaced { how: How::Ends(_) | How::Other(_), .. }))
    }

    /// Notes what became of the log.
    #[must_use]
    pub fn with_replaced(self, replaced: Option<Replaced>) -> LogMarks {
        LogMarks { replaced, ..self }
    }

    /// As of another message that was folded. The marks up to the offset `anchor` are those that the last look found in the log.
    #[must_use]
    pub fn with(self, mark: Mark, anchor: i64) -> LogMarks {
        // The last message but one is of no use any more, unless it is where the last look was.
        let stays = |known: &Mark| known.offset <= anchor && known.offset < mark.offset;
        let mut marks: SmallVec<[Mark; MOST]> = self.marks().filter(stays).collect();
        if marks.len() == MOST {
            // Of those between the first and the last, the one that is least missed.
            let span = |place: &usize| marks[place + 1].offset - marks[place - 1].offset;
            if let Some(place) = (1..MOST - 1).min_by_key(span) {
                marks.remove(place);
            }
        }
        marks.push(mark);
        self.of(&marks)
    }

    /// As of a look that found the log unchanged: without what can't be looked at any more, with what is now known.
    #[must_use]
    pub fn proved_by(self, seen: &Seen) -> LogMarks {
        let marks: SmallVec<[Mark; MOST]> = self.marks().filter(|mark| mark.offset >= seen.begin).collect();
        LogMarks { identity: self.identity.or(seen.identity), ..self.of(&marks) }
    }

    fn of(self, marks: &[Mark]) -> LogMarks {
        let mut all = [None; MOST];
        for (place, mark) in all.iter_mut().zip(marks) {
            *place = Some(*mark);
        }
        LogMarks { marks: all, ..self }
    }

    /// As text: `-` or the log's number, a mark each as `offset:fingerprint`, and what became of the log, all divided by commas.
    pub fn write(&self) -> String {
        let mut text = match self.identity {
            Some(identity) => format!("{identity:016x}"),
            None => "-".into(),
        };
        // Writing to a string does not fail.
        let _ = self.marks().try_for_each(|mark| write!(text, ",{}:{}", mark.offset, mark.print));
        let _ = match self.replaced {
            None => Ok(()),
            Some(Replaced { at_ms, how: How::Ends(end) }) => write!(text, ",ends@{at_ms}:{end}"),
            Some(Replaced { at_ms, how: How::Other(end) }) => write!(text, ",other@{at_ms}:{end}"),
            Some(Replaced { at_ms, how: How::Anew }) => write!(text, ",anew@{at_ms}"),
        };
        text
    }

    /// Reads what [`LogMarks::write`] wrote; `None` where it is something else.
    pub fn read(text: &str) -> Option<LogMarks> {
        let mut parts = text.split(',');
        let identity = match parts.next()? {
            "-" => None,
            digits => Some(u64::from_str_radix(digits, 16).ok()?),
        };
        let (mut marks, mut replaced) = (Vec::new(), None);
        for part in parts {
            if let Some((how, rest)) = part.split_once('@') {
                let (at_ms, end) = rest.split_once(':').unwrap_or((rest, ""));
                let how = match how {
                    "ends" => How::Ends(end.parse().ok()?),
                    "other" => How::Other(end.parse().ok()?),
                    "anew" => How::Anew,
                    _ => return None,
                };
                replaced = Some(Replaced { at_ms: at_ms.parse().ok()?, how });
            } else {
                let (offset, print) = part.split_once(':')?;
                let print = Fingerprint(u64::from_str_radix(print, 16).ok()?);
                marks.push(Mark { offset: offset.parse().ok()?, print });
            }
        }
        if marks.len() > MOST || !marks.is_sorted_by_key(|mark| mark.offset) {
            return None;
        }
        Some(LogMarks { identity, replaced, ..LogMarks::default() }.of(&marks))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use proptest::prelude::*;

    use super::*;

    fn mark(offset: i64) -> Mark {
        Mark { offset, print: Fingerprint(offset as u64 ^ 0xFEED) }
    }

    fn offsets(marks: &LogMarks) -> Vec<i64> {
        marks.marks().map(|mark| mark.offset).collect()
    }

    #[test]
    fn what_was_looked_at_stays_until_the_next_look() {
        let mut marks = LogMarks::default();
        for offset in 0..10 {
            marks = marks.with(mark(offset), -1);
        }
        // Nothing was looked at yet: the last is all there is to know.
        assert_eq!(offsets(&marks), [9]);
        for offset in 10..1_000 {
            marks = marks.with(mark(offset), 9);
            assert_eq!(offsets(&marks), [9, offset]);
        }
    }

    #[test]
    fn the_first_the_last_look_and_the_last_are_always_there_and_the_rest_lies_between() {
        let (mut marks, mut looked) = (LogMarks::default().with(mark(0), -1), 0);
        for offset in 1..100_000 {
            marks = marks.with(mark(offset), looked);
            let kept = offsets(&marks);
            assert!(kept.len() <= MOST && kept[0] == 0 && kept.contains(&looked) && kept[kept.len() - 1] == offset, "{kept:?}");
            if offset % 7 == 0 {
                looked = offset;
            }
        }
        let kept = offsets(&marks);
        let widest = kept.windows(2).map(|two| two[1] - two[0]).max().unwrap();
        assert!(kept.len() == MOST && widest <= 70_000, "{kept:?}");
    }

    #[test]
    fn what_the_log_has_forgotten_is_forgotten() {
        let marks = LogMarks::default().with(mark(3), -1).with(mark(9), 3);
        let seen = Seen { identity: Some(7), begin: 4, forgets: true, end: 10, found: Vec::new() };
        let proved = marks.proved_by(&seen);
        assert_eq!((offsets(&proved), proved.identity()), (vec![9], Some(7)));
        assert_eq!(proved.proved_by(&Seen { identity: Some(8), ..seen }).identity(), Some(7));
    }

    #[test]
    fn what_is_no_text_of_it_is_refused() {
        for text in ["", "x", "-,1", "-,1:", "-,1:zz", "-,2:1,1:1", "-,what@1", "-,ends@1", "-,anew@", "-,1:1,2:1,3:1,4:1,5:1,6:1,7:1"] {
            assert_eq!(LogMarks::read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_leads_back(
            identity in any::<Option<u64>>(),
            mut places in proptest::collection::vec(any::<(i64, u64)>(), 0..=MOST),
            replaced in any::<Option<(i64, u8, i64)>>(),
        ) {
            places.sort_unstable();
            let marks: Vec<Mark> = places.into_iter().map(|(offset, print)| Mark { offset, print: Fingerprint(print) }).collect();
            let how = |how, end| [How::Ends(end), How::Other(end), How::Anew][usize::from(how) % 3];
            let replaced = replaced.map(|(at_ms, what, end)| Replaced { at_ms, how: how(what, end) });
            let all = LogMarks { identity, replaced, ..LogMarks::default() }.of(&marks);
            prop_assert_eq!(LogMarks::read(&all.write()), Some(all));
        }
    }
}
