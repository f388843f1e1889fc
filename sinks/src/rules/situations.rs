//! What may happen to an objective, minute by minute, and which alerts must then fire.
//!
//! In: for how long one is behind before anybody is told. Out: situations, five or more to each alert. Never here: YAML; which
//! objective it happens to.

use onpace_kpis::objective::State;

/// Some minutes in which nothing changes.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub minutes: u32,
    /// How the row stands; `None`: it isn't there.
    pub row: Option<State>,
    pub complete: bool,
    pub urgent: bool,
    /// Whether anything at all is there; else it is a gap in the data.
    pub scraped: bool,
    /// Whether the pipeline moves.
    pub moving: bool,
}

/// What happens, and which alerts fire after so many minutes.
pub struct Situation {
    pub name: &'static str,
    pub spans: Vec<Span>,
    /// After how many minutes the period ends.
    pub end: u32,
    pub checks: Vec<(u32, Vec<&'static str>)>,
}

fn span(minutes: u32, state: State) -> Span {
    Span { minutes, row: Some(state), complete: true, urgent: false, scraped: true, moving: true }
}

fn incomplete(minutes: u32, state: State) -> Span {
    Span { complete: false, ..span(minutes, state) }
}

fn urgent(minutes: u32, state: State) -> Span {
    Span { urgent: true, ..span(minutes, state) }
}

fn standstill(minutes: u32, state: State) -> Span {
    Span { moving: false, ..span(minutes, state) }
}

fn gap(minutes: u32) -> Span {
    Span { row: None, scraped: false, ..span(minutes, State::NoValue) }
}

fn gone(minutes: u32) -> Span {
    Span { scraped: true, ..gap(minutes) }
}

const BEHIND: &str = "ObjectiveBehind";
const URGENT: &str = "ObjectiveBehindUrgent";
const MISSED: &str = "ObjectiveMissed";
const MET: &str = "ObjectiveMet";
const MENDED: &str = "ObjectiveMended";
const RECOVERED: &str = "ObjectiveRecovered";
const WEEK: u32 = 7 * 24 * 60;

/// What may happen to an objective where one is told after `wait` minutes.
pub fn of_an_objective(wait: u32) -> Vec<Situation> {
    use State::{AtRisk, Met, Missed, OnPace, OutOfReach};
    // Long enough to be told, wherever the steps of some minutes by which all that lasts is gone through fall; ending well away from a
    // full hour, at which news is told.
    let long = (wait + 10..).find(|minutes| minutes % 5 == 0 && (10..=40).contains(&(minutes % 60))).unwrap_or(wait);
    // The hour in which a return to the pace is told: it is sure an hour after it began.
    let hour = (long + 60) / 60 * 60 + 60;
    let of = |name, spans, checks| Situation { name, spans, end: WEEK, checks };
    vec![
        // Behind.
        of("on pace: nobody is told", vec![span(wait + 60, OnPace)], vec![(wait + 50, vec![])]),
        of(
            "behind, but not for long",
            vec![span(5, OnPace), span(wait + 5, AtRisk)],
            vec![((wait + 4).min(5 + wait.saturating_sub(1)), vec![]), (wait + 7, vec![BEHIND])],
        ),
        of("out of reach", vec![span(wait + 10, OutOfReach)], vec![(wait + 5, vec![BEHIND])]),
        of("incomplete: nobody is told", vec![incomplete(wait + 60, AtRisk)], vec![(wait + 50, vec![])]),
        of(
            "on pace again: it ends an hour later, and that is told, once",
            vec![span(long, AtRisk), span(hour + 90, OnPace)],
            vec![
                (long + 55, vec![BEHIND]),
                (hour - 5, vec![]),
                (hour + 5, vec![RECOVERED]),
                (hour + 55, vec![RECOVERED]),
                (hour + 65, vec![]),
            ],
        ),
        of(
            "a gap in the data is no recovery",
            vec![span(long, AtRisk), gap(130), span(60, AtRisk)],
            vec![(long + 125, vec![BEHIND]), (long + 185, vec![BEHIND])],
        ),
        of("incomplete is no recovery", vec![span(long, AtRisk), incomplete(180, OnPace)], vec![(long + 175, vec![BEHIND])]),
        of(
            "a missed scrape doesn't start the wait anew",
            vec![span(3, AtRisk), gap(1), span(wait + 10, AtRisk)],
            vec![((wait + 1).max(5), vec![BEHIND])],
        ),
        of("a rep who is gone", vec![span(long, AtRisk), gone(90)], vec![(long + 30, vec![BEHIND]), (long + 75, vec![])]),
        Situation {
            end: long + 20,
            ..of("the period ends in a gap", vec![span(long, AtRisk), gap(120)], vec![(long + 15, vec![BEHIND]), (long + 90, vec![])])
        },
        of(
            "behind only while the pipeline stands still: nobody is told",
            vec![span(20, OnPace), standstill(wait + 60, AtRisk), span(120, OnPace)],
            vec![(wait + 75, vec![]), (wait + 90, vec![]), (wait + 190, vec![])],
        ),
        of(
            "a standstill is no recovery",
            vec![span(long, AtRisk), standstill(120, OnPace), span(30, AtRisk)],
            vec![(long + 115, vec![BEHIND]), (long + 145, vec![BEHIND])],
        ),
        of(
            "missed while the pipeline stands still: told when it moves",
            vec![span(20, OnPace), standstill(80, Missed), span(150, Missed)],
            vec![(65, vec![]), (95, vec![]), (125, vec![MISSED]), (185, vec![])],
        ),
        // Urgent.
        of("urgent: both fire, one is sent", vec![urgent(wait + 10, OutOfReach)], vec![(wait + 5, vec![BEHIND, URGENT])]),
        of("urgent, but not for long", vec![span(wait + 5, AtRisk), urgent(wait + 5, AtRisk)], vec![(wait + 4, vec![BEHIND])]),
        of("urgent, but incomplete", vec![Span { complete: false, ..urgent(wait + 30, AtRisk) }], vec![(wait + 20, vec![])]),
        of("urgent, but on pace", vec![urgent(wait + 30, OnPace)], vec![(wait + 20, vec![])]),
        of("urgent, then a gap", vec![urgent(long, AtRisk), gap(90)], vec![(long + 85, vec![BEHIND, URGENT])]),
        of(
            "no longer urgent",
            vec![urgent(long, AtRisk), span(80, AtRisk)],
            vec![(long + 50, vec![BEHIND, URGENT]), (long + 70, vec![BEHIND])],
        ),
        // Missed.
        Situation {
            end: 20,
            ..of(
                "a miss is told once, in the next hour",
                vec![span(20, OnPace), span(300, Missed)],
                vec![(50, vec![]), (65, vec![MISSED]), (115, vec![MISSED]), (125, vec![]), (310, vec![])],
            )
        },
        of(
            "a miss that is incomplete waits",
            vec![span(20, OnPace), incomplete(70, Missed), span(120, Missed)],
            vec![(65, vec![]), (85, vec![]), (125, vec![MISSED]), (185, vec![])],
        ),
        Situation {
            end: 20,
            ..of(
                "a miss before an outage is told after it",
                vec![span(20, OnPace), span(10, Missed), gap(60), span(120, Missed)],
                vec![(65, vec![]), (125, vec![MISSED]), (185, vec![])],
            )
        },
        Situation {
            end: 20,
            ..of(
                "a miss that was told is not told after an outage",
                vec![span(20, OnPace), span(110, Missed), gap(70), span(120, Missed)],
                vec![(65, vec![MISSED]), (195, vec![]), (245, vec![]), (305, vec![])],
            )
        },
        of(
            "no verdict is no miss",
            vec![span(20, OnPace), span(60, State::NoValue), span(60, State::Pending)],
            vec![(65, vec![]), (125, vec![])],
        ),
        // Met.
        of(
            "met is told once",
            vec![span(20, OnPace), span(300, Met)],
            vec![(50, vec![]), (65, vec![MET]), (115, vec![MET]), (125, vec![]), (310, vec![])],
        ),
        of("met, but incomplete", vec![span(20, OnPace), incomplete(110, Met)], vec![(65, vec![]), (125, vec![])]),
        of(
            "met, and taken back before it was told",
            vec![span(20, OnPace), span(15, Met), span(90, OnPace)],
            vec![(65, vec![]), (125, vec![])],
        ),
        of(
            "met, then a gap, then met",
            vec![span(20, OnPace), span(60, Met), gap(60), span(120, Met)],
            vec![(65, vec![MET]), (125, vec![]), (185, vec![]), (245, vec![])],
        ),
        of(
            "met comes instead of on pace again",
            vec![span(long, AtRisk), span(hour + 60, Met)],
            vec![(long + 55, vec![BEHIND, MET]), (hour + 50, vec![])],
        )
        .told_met_after(long),
        // Mended.
        Situation {
            end: 20,
            ..of(
                "a late event mends a miss",
                vec![span(20, OnPace), span(130, Missed), span(150, Met)],
                vec![(65, vec![MISSED]), (155, vec![]), (185, vec![MENDED]), (245, vec![])],
            )
        },
        of(
            "mended while incomplete waits",
            vec![span(20, OnPace), span(110, Missed), incomplete(60, Met), span(120, Met)],
            vec![(185, vec![]), (245, vec![MENDED]), (305, vec![])],
        ),
        of(
            "mended in a gap",
            vec![span(20, OnPace), span(110, Missed), gap(60), span(120, Met)],
            vec![(185, vec![]), (245, vec![MENDED]), (305, vec![])],
        ),
        of(
            "mended, and missed again before it was told",
            vec![span(20, OnPace), span(110, Missed), span(15, Met), span(120, Missed)],
            vec![(185, vec![]), (245, vec![])],
        ),
        of(
            "no miss after all, and on pace",
            vec![span(20, OnPace), span(110, Missed), span(130, OnPace)],
            vec![(185, vec![MENDED]), (245, vec![])],
        ),
        // On pace again.
        of("on pace, and behind again", vec![span(long, AtRisk), span(20, OnPace), span(120, AtRisk)], vec![(hour + 5, vec![BEHIND])]),
        of("never behind, never again on pace", vec![span(5, AtRisk), span(190, OnPace)], vec![(65, vec![]), (125, vec![])])
            .but_only_if(wait > 5),
        of("on pace, but incomplete", vec![span(long, AtRisk), incomplete(hour, OnPace)], vec![(hour + 5, vec![BEHIND])]),
        of(
            "back from a gap, and behind",
            vec![span(long, AtRisk), gap(90), span(hour, AtRisk)],
            vec![(hour + 5, vec![BEHIND]), (long + 100, vec![BEHIND])],
        ),
    ]
    .into_iter()
    .filter(|situation| !situation.checks.is_empty())
    .collect()
}

impl Situation {
    /// A situation that needs a condition; without it, it has nothing to check.
    fn but_only_if(mut self, holds: bool) -> Situation {
        if !holds {
            self.checks.clear();
        }
        self
    }

    /// Met is told in the hour after it was first seen.
    fn told_met_after(mut self, met: u32) -> Situation {
        let hour = met / 60 * 60 + 60;
        self.checks = vec![(hour - 5, vec![BEHIND]), (hour + 5, vec![BEHIND, MET]), (hour + 62, vec![]), (hour + 125, vec![])];
        self
    }
}
