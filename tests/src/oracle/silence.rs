//! Which sources have been silent for too long. In: a roster, who spoke of what and when that was recorded, an instant; out: the
//! kinds of which something may be missing. Naive on purpose: the days from the last word to the instant are walked through.
//!
//! Where the contract leaves a choice, the oracle decides as follows.
//! 1. A source is silent as a whole: whatever it last spoke of counts as a word.
//! 2. It feeds every kind that it ever spoke of; one that never spoke feeds none.
//! 3. A word recorded at or after the instant asked about is no silence before it.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::moment::{local_date, plus_days};
use super::roster::Roster;
use super::worktime::Worktime;

/// A source of events.
#[derive(Clone, Debug)]
pub struct Source {
    /// As events name it.
    pub id: String,
    /// Whether it reports as things happen.
    pub live: bool,
    /// For how many minutes of the company's working time it may be silent.
    pub max_silence: Option<i64>,
}

impl Source {
    /// How long it may be silent, as it is written: `1h30m`.
    pub fn written_silence(&self) -> Option<String> {
        self.max_silence.map(|minutes| match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes}m"),
            (hours, 0) => format!("{hours}h"),
            (hours, minutes) => format!("{hours}h{minutes}m"),
        })
    }
}

/// Something that a source said.
#[derive(Clone, Debug)]
pub struct Word {
    /// Who said it.
    pub source: String,
    /// The kind that it is about.
    pub kind: String,
    /// When it was recorded, µs.
    pub recorded: i64,
}

/// The kinds of which something may be missing at an instant (µs).
pub fn silent_kinds(roster: &Roster, words: &[Word], at: i64) -> BTreeSet<String> {
    let mut silent = BTreeSet::new();
    for source in roster.sources.iter().filter(|source| source.live) {
        let Some(may_minutes) = source.max_silence else { continue };
        let his: Vec<&Word> = words.iter().filter(|word| word.source == source.id).collect();
        let Some(last) = his.iter().map(|word| word.recorded).max() else { continue };
        if worked_between(roster, last, at) > may_minutes * 60_000_000 {
            silent.extend(his.iter().map(|word| word.kind.clone()));
        }
    }
    silent
}

/// The company's working time between two instants (µs), µs.
pub fn worked_between(roster: &Roster, from: i64, to: i64) -> i64 {
    let mut days: Vec<Date> = Vec::new();
    let mut day = local_date(from, &roster.zone);
    while day <= local_date(to, &roster.zone) {
        days.push(day);
        day = plus_days(day, 1);
    }
    let work = Worktime::new(roster);
    work.worked(None, &days, to) - work.worked(None, &days, from)
}

/// The kind of entity that a measure counts.
pub fn kind_of(measure: &str) -> &'static str {
    match measure {
        "calls_made" | "prospecting_calls" | "calls_connected" | "calls_received" | "talk_time_s" => "call",
        measure if measure.starts_with("meetings_") => "meeting",
        measure if measure.starts_with("emails_") => "email",
        _ => "deal",
    }
}
