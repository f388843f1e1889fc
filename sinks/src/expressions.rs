//! What is asked of Prometheus: every expression of the rules, each written once.
//!
//! In: names. Out: PromQL. What always holds: a missed scrape, a second sink or a new address of the sink changes nothing (all
//! is the newest of five minutes, by the labels that count); whatever was true before a gap in the data is held through it; no range
//! is a whole number of quarter minutes, so that nothing scraped or evaluated by such a beat lies on its left edge, which
//! Prometheus 2 takes in and Prometheus 3 leaves out.
//! Never here: thresholds: which state an objective is in is decided where it is worked out.

use std::fmt::Display;

use onpace_metrics::Metric;
use onpace_metrics::table::{
    LOG_REPLACED, LOG_REPLACED_AT, LOG_UP, METRICS_WHOLE, OBJECTIVE_ATTAINED, OBJECTIVE_COMPLETE, OBJECTIVE_END, OBJECTIVE_EXPECTED,
    OBJECTIVE_INFO, OBJECTIVE_STATE, OBJECTIVE_URGENT, PERSONAL_BEST, PIPELINE_UP, PROCESSOR_OUTDATED, SOURCE_SILENT, STORE_DAMAGED_AT,
    STORE_UP, VIEW_WHOLE,
};

/// What makes a row of an objective.
pub const ROW: &str = "objective, kpi, period, rep, team";
/// What an alert about a row is told apart by.
pub const ALERT: &str = "objective, kpi, period, rep, team, manager, scope, importance, kinds";
/// The same for the person himself, whose manager plays no part.
pub const OWN_ALERT: &str = "objective, kpi, period, rep, team, scope, importance, kinds";
/// What makes a personal best.
pub const BEST: &str = "rep, team, kpi, span, period";
/// The label of the state set.
pub const STATE: &str = OBJECTIVE_STATE.name;
/// The alerts that say that the pipeline stands still.
pub const STANDSTILL: &str = "OnpacePipelineDown|OnpaceStoreDown|OnpaceLogReplaced|OnpaceProcessorOutdated";
/// Whether each part of onpace answers.
pub const PARTS_UP: &str = "up{job=~\"onpace.*\"}";
/// For how long a scrape may be missed: not quite 5 minutes.
pub const RECENT: &str = "4m59s";
/// For how long a record may be missed: two evaluations of verdicts, and not quite a third.
const LATELY: &str = "14m59s";
/// For how long what came and went is remembered: not quite 6 hours.
const MEMORY: &str = "5h59m59s";
/// A matcher's value, quoted for PromQL.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A regular expression that matches these texts and no other; anchored by whoever reads it.
pub fn any_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let escape = |text: &str| {
        let mut out = String::new();
        for character in text.chars() {
            if r"\.+*?()|[]{}^$".contains(character) {
                out.push('\\');
            }
            out.push(character);
        }
        out
    };
    texts.into_iter().map(escape).collect::<Vec<_>>().join("|")
}

/// The newest of five minutes.
pub fn recent(selector: impl Display) -> String {
    format!("last_over_time({selector}[{RECENT}])")
}

fn newest(metric: Metric) -> String {
    format!("max by ({ROW}) ({})", recent(metric))
}

fn known_objectives() -> String {
    format!("max by (objective) ({})", recent(OBJECTIVE_INFO))
}

/// What is recorded of each row, in the order in which one needs the other: names and expressions.
///
/// `company_manager` hears of whatever has no manager of its own.
pub fn rows(company_manager: Option<&str>) -> Vec<(&'static str, String)> {
    let known = known_objectives();
    let mut addressee = "onpace:objective_shown * on (team) group_left (manager) onpace:team_manager\n".to_owned();
    addressee += &with_company_manager("onpace:objective_shown", ROW, company_manager);
    let (attained, expected) = (newest(OBJECTIVE_ATTAINED), newest(OBJECTIVE_EXPECTED));
    let behind = recent(format!("{OBJECTIVE_STATE}{{{STATE}=~\"at_risk|out_of_reach\"}}"));
    let complete = format!("min by ({ROW}) ({})", recent(OBJECTIVE_COMPLETE));
    vec![
        // While the pipeline stands still nothing is judged, whatever was last said of an objective: it may be behind for want of what
        // hasn't arrived. A single missed scrape is no standstill.
        (
            "onpace:objective_complete",
            format!("({complete} unless on () ALERTS{{alertname=~\"{STANDSTILL}\",alertstate=\"firing\"}})\nor {complete} * 0"),
        ),
        // In a gap, what was last known, until the period is over; a row that is gone while others are there is gone.
        (
            "onpace:objective_end_seconds",
            format!(
                "{}\nor on ({ROW}) (last_over_time(onpace:objective_end_seconds[{LATELY}]) > time() unless on (objective) {known})",
                newest(OBJECTIVE_END)
            ),
        ),
        (
            "onpace:objective_shown",
            "(onpace:objective_complete * 0 + 1)\n* on (objective) group_left (scope, importance, kinds) onpace:objective_about".to_owned(),
        ),
        ("onpace:objective_addressee", addressee),
        // How far along, 1 being on time: the lower, the worse, whichever side is the right one.
        (
            "onpace:objective_lead",
            format!(
                "({attained} / on ({ROW}) {expected}\n  and on (objective) onpace:objective_about{{direction=\"at_least\"}})\n\
                 or on ({ROW}) ({expected} / on ({ROW}) {attained}\n  and on (objective) onpace:objective_about{{direction=\"at_most\"}})\n\
                 or on ({ROW}) onpace:objective_complete * 0"
            ),
        ),
        (
            "onpace:objective_behind",
            format!(
                "((max by ({ROW}) ({behind}) == 1\n  and on ({ROW}) onpace:objective_complete == 1)\n\
                 * on ({ROW}) onpace:objective_lead)\n\
                 * on ({ROW}) group_left (manager, scope, importance, kinds) onpace:objective_addressee"
            ),
        ),
    ]
}

fn with_company_manager(rows: &str, by: &str, manager: Option<&str>) -> String {
    match manager {
        // `$` would be taken for a part of the (empty) match.
        Some(manager) => format!("or on ({by}) label_replace({rows}, \"manager\", {}, \"\", \"\")", string(&manager.replace('$', "$$"))),
        None => format!("or on ({by}) {rows}"),
    }
}

/// What is recorded of verdicts and when they were first seen: names and expressions.
///
/// News is told in the clock hour after it was first seen, so that what comes together is told together, and once. While its
/// objective is incomplete or gone its clock stands still: what is true after an outage is then told.
pub fn verdicts(company_manager: Option<&str>) -> Vec<(&'static str, String)> {
    let known = known_objectives();
    let verdict = recent(format!("{OBJECTIVE_STATE}{{{STATE}=~\"met|missed|on_pace\"}}"));
    let told = "ALERTS{alertname=~\"ObjectiveBehind|ObjectiveBehindUrgent\",alertstate=\"firing\",audience=\"manager\"}";
    let doubt = |record: &str| {
        format!(
            "last_over_time({record}[{LATELY}]) and on ({ROW}) onpace:objective_complete == 0\n\
             or last_over_time({record}[{LATELY}]) unless on (objective) {known}"
        )
    };
    let right = format!("onpace:objective_verdict{{{STATE}=~\"met|on_pace\"}}");
    let best = format!("max by ({BEST}) ({})", recent(PERSONAL_BEST));
    vec![
        (
            "onpace:objective_verdict",
            format!(
                "(max by ({ROW}, {STATE}) ({verdict}) == 1\n  and on ({ROW}) onpace:objective_complete == 1)\n\
                 * on ({ROW}) group_left (manager, scope, importance, kinds) onpace:objective_addressee"
            ),
        ),
        ("onpace:objective_verdict_held", doubt("onpace:objective_verdict_since")),
        // What comes and goes within 6 hours is no news again.
        (
            "onpace:objective_verdict_since",
            format!(
                "last_over_time(onpace:objective_verdict_since[{MEMORY}]) and on ({ROW}, {STATE}) onpace:objective_verdict\n\
                 or (onpace:objective_verdict_held > time() - 600 or onpace:objective_verdict_held > time() - time() % 3600) * 0 + time()\n\
                 or onpace:objective_verdict_held\n\
                 or on ({ROW}, {STATE}) onpace:objective_verdict * 0 + time()"
            ),
        ),
        (
            "onpace:objective_mended_since",
            format!(
                "last_over_time(onpace:objective_mended_since[{MEMORY}]) and on ({ROW}) {right}\n\
                 or {}\n\
                 or on ({ROW}) max by ({ALERT}) ({right} and on ({ROW}) last_over_time(onpace:objective_verdict_since{{{STATE}=\"missed\"}}[{MEMORY}])) * 0 + time()",
                doubt("onpace:objective_mended_since")
            ),
        ),
        (
            "onpace:objective_recovered_since",
            format!(
                "last_over_time(onpace:objective_recovered_since[{LATELY}]) and on ({ROW}) onpace:objective_verdict{{{STATE}=\"on_pace\"}}\n\
                 or on ({ROW}) max by ({ALERT}) (onpace:objective_verdict{{{STATE}=\"on_pace\"}}\n  \
                 and on ({ROW}) last_over_time({told}[{LATELY}])\n  unless on ({ROW}) {told}) * 0 + time()"
            ),
        ),
        (
            "onpace:personal_best",
            format!("{best} * on (team) group_left (manager) onpace:team_manager\n{}", with_company_manager(&best, BEST, company_manager)),
        ),
        (
            "onpace:personal_best_since",
            format!(
                "last_over_time(onpace:personal_best_since[{MEMORY}]) and on ({BEST}) onpace:personal_best\n\
                 or on ({BEST}) onpace:personal_best * 0 + time()"
            ),
        ),
    ]
}

/// Those of a record of first sightings that are to be told now.
fn told_now(record: &str) -> String {
    format!("({record} >= time() - time() % 3600 - 3600) < time() - time() % 3600")
}

/// Behind: now, or still while nothing says otherwise. `matcher` chooses whom to tell, `by` is [`ALERT`] or [`OWN_ALERT`].
pub fn behind(alert: &str, audience: &str, matcher: &str, by: &str, urgent: bool) -> String {
    let now = match urgent {
        true => format!("\n  and on ({ROW}) {} == 1", newest(OBJECTIVE_URGENT)),
        false => String::new(),
    };
    let also = if matcher.is_empty() { String::new() } else { format!(",{matcher}") };
    format!(
        "max by ({by}) (onpace:objective_behind{{{matcher}}}{now})\n\
         or on ({ROW}) (\n  max by ({by}) (ALERTS{{alertname=\"{alert}\",alertstate=\"firing\",audience=\"{audience}\"{also}}})\n  \
         and on ({ROW}) onpace:objective_end_seconds > time()\n  unless on ({ROW}) onpace:objective_complete == 1\n)"
    )
}

/// A verdict that is news now; `mended` are those that follow upon a miss, which are news of another kind.
pub fn verdict(state: &str, matcher: &str, by: &str, without_mended: bool) -> String {
    let also = if matcher.is_empty() { String::new() } else { format!(",{matcher}") };
    let news = told_now(&format!("onpace:objective_verdict_since{{{STATE}=\"{state}\"{also}}}"));
    let unless = if without_mended { format!("\nunless on ({ROW}) onpace:objective_mended_since") } else { String::new() };
    format!("max by ({by}) ({news}){unless}")
}

/// A miss that was mended, or a return to the pace, that is news now.
pub fn turn(record: &str, matcher: &str, by: &str) -> String {
    format!("max by ({by}) ({})", told_now(&format!("{record}{{{matcher}}}")))
}

/// A personal best that is news now; its value is the best.
pub fn best(matcher: &str, own: bool) -> String {
    let value = format!("onpace:personal_best{{{matcher}}}");
    let value = if own { format!("max by ({BEST}) ({value})") } else { value };
    format!("{value}\nand on ({BEST}) {}", told_now("onpace:personal_best_since"))
}

/// The pipeline's own alerts: names and expressions.
pub fn pipeline() -> Vec<(&'static str, String)> {
    let known = known_objectives();
    let store_down = format!("min({}) == 0", recent(STORE_UP));
    let replaced = recent(LOG_REPLACED);
    let outdated = recent(PROCESSOR_OUTDATED);
    // Without a store nothing comes through either, nor from a log that isn't folded: that is told as what it is, not a second time as this.
    let pipeline_down = format!(
        "(min({PIPELINE_UP}) == 0 unless {store_down} unless max({replaced}) == 1 unless max({outdated}) == 1)\nor min({LOG_UP}) == 0\nor absent({PIPELINE_UP})\nor min({PARTS_UP}) == 0"
    );
    vec![
        ("OnpaceStoreDown", store_down),
        ("OnpacePipelineDown", pipeline_down),
        ("OnpaceLogReplaced", format!("max by (partition) ({replaced}) == 1")),
        ("OnpaceProcessorOutdated", format!("max by (partition) ({outdated}) == 1")),
        ("OnpaceLogFoldedAnew", format!("time() - max by (partition) ({}) < 3600", recent(LOG_REPLACED_AT))),
        // For an hour: it is mended within minutes, and what did it may be at work still.
        ("OnpaceStoreDamaged", format!("time() - max by (partition) ({}) < 3600", recent(STORE_DAMAGED_AT))),
        ("OnpaceSourceSilent", format!("max by (source, kind) ({}) == 1", recent(SOURCE_SILENT))),
        (
            "OnpaceObjectiveAbsent",
            format!(
                "max by (objective) (onpace:objective_about)\nunless on (objective) {known}\nand on () min({}) == 1",
                recent(VIEW_WHOLE)
            ),
        ),
        ("OnpaceMetricsIncomplete", format!("min({}) == 0", recent(METRICS_WHOLE))),
        ("OnpaceRulesOutdated", format!("{known}\nunless on (objective) onpace:objective_about")),
        ("Watchdog", "vector(1)".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_themselves_alone() {
        assert_eq!(string(&any_of(["a.b", "c|d", "é"])), r#""a\\.b|c\\|d|é""#);
    }
}
