//! Is it the log that the lane was folded from? Decided from what the lane's head remembers and what lies in the log now.
//!
//! In: a head, a look at its partition. Out: a [`Verdict`], and what follows from it, in words. Pure.
//! Never here: doing it.

use onpace_producers::log::{EventLog, LogError, Seen};

use crate::store::{Head, How, LogMarks, Mark};

/// What a look at a lane's partition says of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the log that the lane was folded from, as far as can be seen.
    Same,
    /// All that can be seen is as it was, and it ends before what was folded: an older copy of it.
    Ends {
        /// The offset that its next message will have.
        end: i64,
    },
    /// It is another log.
    Other {
        /// The offset of the first message that it still has.
        begin: i64,
        /// The offset that its next message will have.
        end: i64,
    },
}

/// What to do about a log that is not the one that was folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Fold the lane anew from it: it holds all that could be folded, and no less than was.
    FoldAnew,
    /// Wait for the right log, or for whoever decides: what was folded may be all that is left of it.
    Wait(How),
}

/// Which offsets to look at to judge a head's log.
pub fn offsets(head: &Head) -> Vec<i64> {
    let marks: Vec<i64> = head.log.marks().map(|mark| mark.offset).collect();
    // A store of an earlier release has no marks: it gets one.
    if marks.is_empty() && head.offset > 0 { vec![head.offset - 1] } else { marks }
}

/// Looks at the log of a lane, and judges.
///
/// # Errors
/// The log is away.
pub fn look(log: &dyn EventLog, partition: u32, head: &Head) -> Result<(Verdict, Seen), LogError> {
    let seen = log.look(partition, &offsets(head))?;
    Ok((judge(head, &seen), seen))
}

/// What is wrong with the logs of these heads, by partition; `look` looks at one as [`EventLog::look`] does.
///
/// # Errors
/// The log is away.
#[expect(clippy::type_complexity, reason = "a question that is named nowhere else")]
pub fn all_wrong(
    heads: impl Iterator<Item = (u32, Head)>,
    look: &dyn Fn(u32, &[i64]) -> Result<Seen, LogError>,
) -> Result<Vec<String>, LogError> {
    let mut wrong = Vec::new();
    for (partition, head) in heads {
        let seen = look(partition, &offsets(&head))?;
        wrong.extend(course(judge(&head, &seen), &head).map(|course| said(partition, &head, course)));
    }
    Ok(wrong)
}

/// Judges by a look at [`offsets`].
pub fn judge(head: &Head, seen: &Seen) -> Verdict {
    if head.offset == 0 {
        return Verdict::Same;
    }
    let another = matches!((head.log.identity(), seen.identity), (Some(was), Some(is)) if was != is);
    // What it may have forgotten and what it doesn't reach to can't be seen.
    let visible = |mark: &Mark| mark.offset < seen.end && (mark.offset >= seen.begin || !seen.forgets);
    let differs = |(mark, found): (Mark, &Option<_>)| visible(&mark) && *found != Some(mark.print);
    if another || head.log.marks().zip(&seen.found).any(differs) {
        Verdict::Other { begin: seen.begin, end: seen.end }
    } else if seen.end < head.offset {
        Verdict::Ends { end: seen.end }
    } else {
        Verdict::Same
    }
}

/// The head's marks after a look that found its log unchanged.
pub fn proved(head: &Head, seen: &Seen) -> LogMarks {
    let known = match seen.found[..] {
        // Where nothing was folded, any log will do: from now on it is this one.
        _ if head.offset == 0 => LogMarks::of_log(seen.identity),
        [Some(print)] if head.log.marks().next().is_none() => head.log.with(Mark { offset: head.offset - 1, print }, -1),
        _ => head.log,
    };
    known.proved_by(seen).with_replaced(head.log.replaced().filter(|replaced| replaced.how == How::Anew))
}

/// What to do after a verdict; nothing where the log is the same.
pub fn course(verdict: Verdict, head: &Head) -> Option<Course> {
    match verdict {
        Verdict::Same => None,
        Verdict::Other { begin: 0, end } if end >= head.offset => Some(Course::FoldAnew),
        Verdict::Other { end, .. } => Some(Course::Wait(How::Other(end))),
        Verdict::Ends { end } => Some(Course::Wait(How::Ends(end))),
    }
}

/// What is wrong with a lane's log, and what to do; `None` where nothing is, or where the lane was folded anew.
pub fn words(partition: u32, offset: i64, how: How) -> Option<String> {
    let (what, end) = match how {
        How::Anew => return None,
        How::Ends(end) => ("was emptied, made anew or put back from an older copy", end),
        How::Other(end) => {
            ("is not the log that the store was folded from: it was made anew, put back from a copy, or the wrong one is named", end)
        }
    };
    Some(format!(
        "partition {partition} of the log {what} (it ends at {end}, and what was folded reaches to {offset}); no number is shown. Name or put \
         back the right log and all goes on by itself; to take this log as it is, run `onpace rebuild`"
    ))
}

/// What is wrong with a lane's log, and what to do or what is done, by a look that was just taken.
pub fn said(partition: u32, head: &Head, course: Course) -> String {
    match course {
        Course::Wait(how) => words(partition, head.offset, how).unwrap_or_default(),
        Course::FoldAnew => format!(
            "partition {partition} of the log is not the log that the store was folded from; it holds no less, so a running processor empties \
             the lane and folds it anew from there, or do it now with `onpace rebuild`; if the wrong log is named, name the right one"
        ),
    }
}

/// What is wrong with a lane's log by what its head says.
pub fn told(partition: u32, head: &Head) -> Option<String> {
    words(partition, head.offset, head.log.replaced()?.how)
}

#[cfg(test)]
mod tests {
    use onpace_producers::log::Fingerprint;

    use super::*;
    use crate::store::Replaced;

    fn mark(offset: i64) -> Mark {
        Mark { offset, print: Fingerprint(offset as u64 + 1_000) }
    }

    /// A lane that was folded up to offset 100, and remembers what lay at 0, 49 and 99.
    fn head() -> Head {
        let log = LogMarks::default().with(mark(0), -1).with(mark(49), 0).with(mark(99), 49);
        Head { birth: 1, epoch: 1, offset: 100, end: 100, log, ..Head::of_nothing() }
    }

    fn seen(begin: i64, end: i64, other: &[i64]) -> Seen {
        let there = |offset: &i64| {
            let print = if other.contains(offset) { Fingerprint(7) } else { mark(*offset).print };
            (begin..end).contains(offset).then_some(print)
        };
        Seen { identity: None, begin, forgets: true, end, found: offsets(&head()).iter().map(there).collect() }
    }

    fn with(identity: u64, seen: Seen) -> Seen {
        Seen { identity: Some(identity), ..seen }
    }

    #[test]
    fn a_log_is_judged_by_what_lies_where() {
        let (other, ends) = (|begin, end| Verdict::Other { begin, end }, |end| Verdict::Ends { end });
        for (what, seen, verdict) in [
            ("as it was", seen(0, 100, &[]), Verdict::Same),
            ("longer", seen(0, 170, &[]), Verdict::Same),
            ("another", seen(0, 170, &[0, 49, 99]), other(0, 170)),
            ("another, and shorter", seen(0, 60, &[0, 49]), other(0, 60)),
            ("an older copy, written on", seen(0, 170, &[99]), other(0, 170)),
            ("an older copy", seen(0, 60, &[]), ends(60)),
            ("an older copy, cut between two marks", seen(0, 99, &[]), ends(99)),
            ("empty", seen(0, 0, &[]), ends(0)),
            ("it forgot its beginning", seen(50, 170, &[]), Verdict::Same),
            ("it forgot all that was folded", seen(100, 170, &[]), Verdict::Same),
            ("it forgot its beginning, and is another", seen(50, 170, &[99]), other(50, 170)),
            ("it forgot what was never folded", seen(140, 170, &[]), Verdict::Same),
            ("one that never forgets did", Seen { forgets: false, ..seen(50, 170, &[]) }, other(50, 170)),
        ] {
            assert_eq!(judge(&head(), &seen), verdict, "{what}");
        }
    }

    #[test]
    fn a_log_of_another_identity_is_another_whatever_lies_in_it() {
        let known = Head { log: proved(&head(), &with(5, seen(0, 100, &[]))), ..head() };
        assert_eq!(judge(&known, &with(5, seen(0, 100, &[]))), Verdict::Same);
        assert_eq!(judge(&known, &with(6, seen(0, 100, &[]))), Verdict::Other { begin: 0, end: 100 });
        assert_eq!(judge(&head(), &with(6, seen(0, 100, &[]))), Verdict::Same);
    }

    #[test]
    fn where_nothing_was_folded_any_log_will_do() {
        let begun = Head { offset: 0, log: LogMarks::default(), ..head() };
        assert_eq!(offsets(&begun), [0i64; 0]);
        assert_eq!(judge(&begun, &Seen { end: 12, ..Seen::default() }), Verdict::Same);
    }

    #[test]
    fn a_store_of_an_earlier_release_gets_its_first_mark() {
        let older = Head { log: LogMarks::default(), ..head() };
        assert_eq!(offsets(&older), [99]);
        let seen = |end| Seen { end, found: vec![(end > 99).then_some(mark(99).print)], ..Seen::default() };
        assert_eq!(judge(&older, &seen(120)), Verdict::Same);
        assert_eq!(proved(&older, &seen(120)).marks().collect::<Vec<_>>(), [mark(99)]);
        assert_eq!(judge(&older, &seen(60)), Verdict::Ends { end: 60 });
    }

    #[test]
    fn only_a_log_that_can_replace_what_was_folded_is_folded_anew() {
        let course = |verdict| course(verdict, &head());
        assert_eq!(course(Verdict::Same), None);
        assert_eq!(course(Verdict::Other { begin: 0, end: 100 }), Some(Course::FoldAnew));
        assert_eq!(course(Verdict::Other { begin: 0, end: 99 }), Some(Course::Wait(How::Other(99))));
        assert_eq!(course(Verdict::Other { begin: 1, end: 500 }), Some(Course::Wait(How::Other(500))));
        assert_eq!(course(Verdict::Ends { end: 0 }), Some(Course::Wait(How::Ends(0))));
    }

    #[test]
    fn a_log_that_is_back_is_told_no_more() {
        let waiting = Head { log: head().log.with_replaced(Some(Replaced { at_ms: 5, how: How::Ends(60) })), ..head() };
        assert!(waiting.log.waits());
        let told = told(3, &waiting).unwrap_or_default();
        assert!(told.contains("partition 3") && told.contains("ends at 60") && told.contains("onpace rebuild"), "{told}");
        assert_eq!(proved(&waiting, &seen(0, 100, &[])).replaced(), None);
        let anew = Some(Replaced { at_ms: 5, how: How::Anew });
        let folded = Head { log: head().log.with_replaced(anew), ..head() };
        assert!(!folded.log.waits() && super::told(3, &folded).is_none());
        assert_eq!(proved(&folded, &seen(0, 100, &[])).replaced(), anew);
    }
}
