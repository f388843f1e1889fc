//! An owner corrected after the closing: the rep in force at the closing has the deal, or, where a measure says
//! `credit: current`, the one who stands there now.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_kpis::fold::Rules;
use onpace_kpis::{Catalogue, Names, State};
use onpace_schemas::json;

const OWN: &str = "
measures:
  m: { of: deal, where: { status: won }, at: closed, value: { amount: amount } }
  m_current: { of: deal, where: { status: won }, at: closed, value: { amount: amount }, credit: current, en: By who owns it now. }
  made_current: { of: deal, at: created, value: count, credit: current }
  cycle_current: { of: deal, where: { status: won }, value: cycle, credit: current }
  open_current: { of: deal, level: true, credit: current }
  stages_current: { of: deal, each: stage, credit: current }
  in_force: { of: deal, at: created, value: count, credit: in_force }
";

/// A deal won by Ann on the 10th, and given to Bob on the 20th: (measure, who has it, how much), in order.
fn who_has_what(catalogue: &Catalogue, correction: &str) -> Vec<(String, String, i128)> {
    let event = |occurred: &str, said: &str, data: &str| {
        format!(r#"{{"source":"crm","kind":"deal","entity":"d","occurred_at":"{occurred}","said_at":{said},"data":{data}}}"#)
    };
    let won = r#"{"rep":"Ann","status":"won","stage":"signed","amount":{"value":"10","currency":"EUR"}}"#;
    let events =
        [event("2026-03-10T09:00:00Z", "null", won), event("2026-03-01T09:00:00Z", "null", r#"{"rep":"Zed"}"#), correction.to_owned()];
    let (mut names, mut out) = (Names::default(), Vec::new());
    let first = json::read(&events[0], i64::MAX).unwrap();
    let mut state = State::new(first.kind, first.occurred_at);
    for event in events.iter().filter(|event| !event.is_empty()) {
        state.merge(&json::read(event, i64::MAX).unwrap(), u32::MAX, &mut names);
    }
    Rules::from(catalogue).contributions(&state, &names, &mut out);
    let row = |measure: u16, rep, value| (catalogue.measures[usize::from(measure)].name.clone(), names.text(rep).to_owned(), value);
    let mut rows: Vec<_> = out.iter().map(|one| row(one.counter.measure, one.rep, one.value)).collect();
    rows.sort();
    rows
}

#[test]
fn a_corrected_owner_has_what_the_measure_credits_to_him() {
    let catalogue = Catalogue::parse(OWN).unwrap();
    let rows = |by: [&str; 2]| {
        let [closed, current] = by;
        let row = |name: &str, rep: &str, value| (name.to_owned(), rep.to_owned(), value);
        let mut rows = vec![
            row("m", closed, 1_000),
            row("m_current", current, 1_000),
            row("made_current", current, 1),
            row("cycle_current", current, 1),
            row("open_current", current, 1),
            row("open_current", current, -1),
            row("stages_current", current, 1),
            row("in_force", "Zed", 1),
        ];
        rows.sort();
        rows
    };
    assert_eq!(who_has_what(&catalogue, ""), rows(["Ann", "Ann"]));
    let given_on = r#"{"source":"crm","kind":"deal","entity":"d","occurred_at":"2026-03-20T09:00:00Z","data":{"rep":"Bob"}}"#;
    assert_eq!(who_has_what(&catalogue, given_on), rows(["Ann", "Bob"]));
    // A correction says what was true at the closing, only later: then it is the one in force too.
    let corrected = r#"{"source":"crm","kind":"deal","entity":"d","occurred_at":"2026-03-10T09:00:00Z","said_at":"2026-03-20T09:00:00Z",
        "data":{"rep":"Abe"}}"#;
    assert_eq!(who_has_what(&catalogue, corrected), rows(["Abe", "Abe"]));
}

#[test]
fn who_is_credited_is_part_of_what_a_measure_is() {
    let measure = |rest: &str| Catalogue::parse(&format!("measures:\n  m: {{ of: deal, at: closed, value: count{rest} }}\n")).unwrap();
    let (plain, current) = (measure(""), measure(", credit: current"));
    assert_ne!(plain.fingerprint(), current.fingerprint());
    assert_eq!(plain.fingerprint(), measure(", credit: in_force").fingerprint());
    assert_eq!(plain.definition(0), "count of deals at closed");
    assert_eq!(current.definition(0), "count of deals at closed; credited to the current rep");
    for (rest, of, says) in [
        (", credit: curent", "deal", "did you mean `current`?"),
        (", credit: true", "deal", "`credit: true`"),
        (", credit: [current]", "deal", "`credit`"),
        (", credit: current", "call", "a call's `rep` keeps no history, so it is always the current one; leave `credit` out"),
    ] {
        let at = if of == "deal" { "closed" } else { "started_at" };
        let yaml = format!("measures:\n  m:\n    {{ of: {of}, at: {at}, value: count{rest} }}\n");
        let error = Catalogue::parse(&yaml).unwrap_err();
        assert!(error.cause.contains(says) && error.line == 3, "{yaml} → {error}");
    }
}
