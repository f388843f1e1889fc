//! Which live sources have been silent for too long, and what is incomplete because of it.
//!
//! In: a roster, when each source was last heard of, an instant. Out: each source that is watched, with a verdict.
//! What always holds: nights, weekends and holidays of the company are no silence; a source that isn't live is never silent.
//! Never here: where the table of sources comes from; clocks.

use std::collections::BTreeMap;

use onpace_schemas::Kind;

use super::standing::Completeness;
use crate::roster::Roster;

/// When each source was last heard of: by kind, milliseconds since 1970; 0 where it never spoke of that kind.
pub type Heard = BTreeMap<String, [i64; Kind::ALL.len()]>;

/// A live source that may not be silent for as long as it likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched<'a> {
    /// As events name it.
    pub source: &'a str,
    /// The kinds that it feeds: those it was ever heard of about, and when last, milliseconds since 1970. None where it was never
    /// heard of.
    pub kinds: Vec<(Kind, i64)>,
    /// Whether it has said nothing, of whatever kind, for longer than it may; or never anything.
    pub silent: bool,
}

impl Watched<'_> {
    /// When it was last heard of, milliseconds since 1970; `None`: never.
    pub fn heard_ms(&self) -> Option<i64> {
        self.kinds.iter().map(|(_, recorded_ms)| *recorded_ms).max()
    }
}

/// The sources that are watched, in the roster's order. `until_us` is the instant asked about, or an earlier one up to which everything that
/// was recorded is known, microseconds since 1970: whoever is behind knows of no silence after it.
///
/// A source is silent as a whole: one that speaks of calls all day may be asked about a meeting once a month. A source that was never
/// heard of is silent, and feeds nothing: a name mistyped in the roster is told to operations, and mutes no objective.
pub fn watched<'a>(roster: &'a Roster, heard: &Heard, until_us: i64) -> Vec<Watched<'a>> {
    let live = roster.sources.iter().filter(|source| source.live);
    let watched = live.filter_map(|source| {
        let may_us = source.max_silence_s?.saturating_mul(1_000_000);
        let recorded_ms = heard.get(&source.id).copied().unwrap_or_default();
        let kinds: Vec<(Kind, i64)> = Kind::ALL.into_iter().zip(recorded_ms).filter(|(_, recorded_ms)| *recorded_ms > 0).collect();
        let mut watched = Watched { source: &source.id, kinds, silent: true };
        if let Some(last_ms) = watched.heard_ms() {
            watched.silent = roster.schedule.works_longer_than(last_ms.saturating_mul(1_000), until_us, may_us);
        }
        Some(watched)
    });
    watched.collect()
}

impl Completeness {
    /// What is incomplete where the processors are behind or not, and these sources are watched.
    pub fn of(behind: bool, watched: &[Watched<'_>]) -> Completeness {
        let mut silent: Vec<Kind> = watched.iter().filter(|one| one.silent).flat_map(|one| &one.kinds).map(|(kind, _)| *kind).collect();
        silent.sort_unstable();
        silent.dedup();
        Completeness { behind, silent }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::time::parse_instant;

    use super::*;
    use crate::Catalogue;

    const ROSTER: &str = "
time_zone: Europe/Paris
working_days: [mon, tue, wed, thu, fri]
working_hours: \"09:00-18:00\"
holidays: { extra: [2026-05-01] }
sources:
  - { id: aircall, live: true, max_silence: 1h }
  - { id: crm, live: true, max_silence: 2h30m }
  - { id: newsletter, live: true }
  - { id: import, live: false }
";

    fn roster() -> Roster {
        Roster::parse(ROSTER, &mut |path| panic!("{path}")).unwrap()
    }

    fn ms(at: &str) -> i64 {
        parse_instant(at).unwrap() / 1_000
    }

    fn heard(rows: &[(&str, Kind, &str)]) -> Heard {
        let mut heard = Heard::new();
        for (source, kind, at) in rows {
            heard.entry((*source).to_owned()).or_default()[usize::from(kind.number())] = ms(at);
        }
        heard
    }

    /// Whether `aircall`, last heard of at one instant, is silent at another.
    fn silent(last: &str, at: &str) -> bool {
        let roster = roster();
        let watched = watched(&roster, &heard(&[("aircall", Kind::CALL, last)]), parse_instant(at).unwrap());
        watched.into_iter().find(|one| one.source == "aircall").unwrap().silent
    }

    #[test]
    fn exactly_so_long_is_not_yet_too_long() {
        // A Monday.
        assert!(!silent("2026-04-27T10:00:00+02:00", "2026-04-27T11:00:00+02:00"));
        assert!(silent("2026-04-27T10:00:00+02:00", "2026-04-27T11:00:00.000001+02:00"));
        assert!(!silent("2026-04-27T10:00:00.001+02:00", "2026-04-27T11:00:00.001+02:00"));
    }

    #[test]
    fn nights_weekends_and_holidays_are_no_silence() {
        for (last, not_yet, too_long) in [
            // The night: half an hour before it, half an hour after.
            ("2026-04-27T17:30:00+02:00", "2026-04-28T09:30:00+02:00", "2026-04-28T09:30:01+02:00"),
            ("2026-04-27T20:00:00+02:00", "2026-04-28T10:00:00+02:00", "2026-04-28T10:00:01+02:00"),
            // The first of May is a Friday: the next hour of work is on Monday.
            ("2026-04-30T18:00:00+02:00", "2026-05-04T10:00:00+02:00", "2026-05-04T10:00:01+02:00"),
            ("2026-05-01T12:00:00+02:00", "2026-05-04T10:00:00+02:00", "2026-05-04T10:00:01+02:00"),
            // The weekend in which the clocks go forward.
            ("2026-03-27T17:15:00+01:00", "2026-03-30T09:15:00+02:00", "2026-03-30T09:15:01+02:00"),
        ] {
            assert!(!silent(last, not_yet), "{last} {not_yet}");
            assert!(silent(last, too_long), "{last} {too_long}");
        }
    }

    #[test]
    fn what_is_heard_later_than_asked_is_no_silence() {
        assert!(!silent("2026-04-27T17:00:00+02:00", "2026-04-27T10:00:00+02:00"));
        assert!(!silent("2026-04-27T17:00:00+02:00", "2020-04-27T10:00:00+02:00"));
    }

    #[test]
    fn a_silent_source_greys_what_it_feeds_and_nothing_else() {
        let (roster, catalogue) = (roster(), Catalogue::built_in().unwrap());
        let table = heard(&[
            ("aircall", Kind::CALL, "2026-04-27T10:00:00+02:00"),
            ("crm", Kind::DEAL, "2026-04-27T10:00:00+02:00"),
            ("crm", Kind::MEETING, "2025-01-01T10:00:00+01:00"),
            ("newsletter", Kind::EMAIL, "2020-01-01T10:00:00+01:00"),
            ("import", Kind::EMAIL, "2020-01-01T10:00:00+01:00"),
            ("somebody", Kind::EMAIL, "2020-01-01T10:00:00+01:00"),
        ]);
        let at = |at: &str| Completeness::of(false, &watched(&roster, &table, parse_instant(at).unwrap()));
        let covers = |completeness: &Completeness| {
            ["calls_made", "connect_rate", "deals_won", "meetings_held", "emails_sent"]
                .map(|kpi| completeness.covers(&catalogue, &catalogue.kpis[usize::from(catalogue.select([kpi]).unwrap()[0])]))
        };
        let quiet = at("2026-04-27T12:00:00+02:00");
        assert_eq!((quiet.behind, quiet.silent.as_slice()), (false, &[Kind::CALL][..]));
        assert_eq!(covers(&quiet), [false, false, true, true, true]);
        // The other too: with all that it feeds, of which one was long ago.
        let both = at("2026-04-27T14:00:00+02:00");
        assert_eq!(both.silent, [Kind::CALL, Kind::MEETING, Kind::DEAL]);
        assert_eq!(covers(&both), [false, false, false, false, true]);
        assert_eq!(covers(&at("2026-04-27T10:30:00+02:00")), [true; 5]);
        assert_eq!(covers(&Completeness { behind: true, silent: Vec::new() }), [false; 5]);
    }

    #[test]
    fn one_that_was_never_heard_of_is_silent_and_mutes_nothing() {
        let roster = roster();
        let watched = watched(&roster, &Heard::new(), parse_instant("2026-04-27T12:00:00+02:00").unwrap());
        let names: Vec<_> = watched.iter().map(|one| (one.source, one.silent, one.heard_ms())).collect();
        assert_eq!(names, [("aircall", true, None), ("crm", true, None)]);
        assert_eq!(Completeness::of(false, &watched), Completeness::default());
    }
}
