//! What is told when rows, entities or reps look wrong, and that nothing else is.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_schemas::json;

use super::*;

fn words() -> Words {
    [((Kind::CALL, "outcome"), vec!["connected".to_owned()]), ((Kind::CALL, "purpose"), vec!["prospecting".to_owned()])]
        .into_iter()
        .collect()
}

/// An event of a kind and an entity, with data.
fn text(kind: &str, entity: &str, data: &str) -> String {
    format!(r#"{{"id":"1","source":"s","kind":"{kind}","entity":"{entity}","occurred_at":"2026-03-02T09:00:00Z","data":{data}}}"#)
}

fn see(tally: &mut Tally, row: &str) {
    let events = [json::read(row, i64::MAX).unwrap()];
    tally.see(&events);
}

/// What is doubted of rows, each of which makes one event.
fn doubts(rows: &[String]) -> Vec<(What, u64, String)> {
    let mut tally = Tally::of_rows(&words(), None);
    for row in rows {
        see(&mut tally, row);
    }
    tally.doubts(None).into_iter().map(|doubt| (doubt.what, doubt.count, doubt.text)).collect()
}

#[test]
fn what_is_as_it_should_be_is_not_doubted() {
    let rows: Vec<String> = (0..20)
        .map(|n| text("call", &format!("c:{n}"), r#"{"rep":"Zoé Martin","outcome":"connected","purpose":"service"}"#))
        .chain([text(
            "deal",
            "d:1",
            r#"{"rep":"Ben","status":"won","stage":"Closed Won","created_at":"2026-03-01","closed_at":"2026-03-01"}"#,
        )])
        .collect();
    assert_eq!(doubts(&rows), []);
}

#[test]
fn an_open_word_that_is_nearly_a_known_one_is_told() {
    let rows: Vec<String> = ["Connected", "Connected", "conected", "no_answer", "voicemail", "CONNECTED "]
        .iter()
        .enumerate()
        .map(|(n, outcome)| text("call", &format!("c:{n}"), &format!(r#"{{"rep":"Ben","outcome":"{outcome}"}}"#)))
        .collect();
    let told = doubts(&rows);
    assert_eq!((told.len(), told[0].0, told[0].1), (1, What::NearlyKnown, 4), "{told:?}");
    assert_eq!(
        told[0].2,
        "outcome `CONNECTED ` (1), `Connected` (2), `conected` (1) of a call matches nothing: measures look for `connected`"
    );
    assert_eq!(nearly("follow up", ["follow_up"].into_iter()), Some("follow_up"));
    assert_eq!(nearly("busy", ["bus", "buzz"].into_iter()), None, "short words differ by a letter and are others");
}

#[test]
fn reps_who_look_alike_are_told_with_what_can_not_be_seen() {
    let reps = ["Zoé Martin", "zoé martin", "Zoe\u{301} Martin", "Zoé\u{a0}Martin", "Ben"];
    let rows: Vec<String> =
        reps.iter().enumerate().map(|(n, rep)| text("call", &format!("c:{n}"), &format!(r#"{{"rep":"{rep}"}}"#))).collect();
    let told = doubts(&rows);
    assert_eq!((told.len(), told[0].0, told[0].1), (1, What::AlikeReps, 4), "{told:?}");
    for shown in ["count as 4", "`Zoé Martin` (1)", "`Zoé\\u{a0}Martin` (1)", "`Zoe\\u{301} Martin` (1)"] {
        assert!(told[0].2.contains(shown), "{}", told[0].2);
    }

    // A request's rep is held against those of the requests before.
    let mut before = Reps::default();
    let mut of_request = |rep: &str| {
        let mut tally = Tally::new(&words());
        see(&mut tally, &text("call", "c:1", &format!(r#"{{"rep":"{rep}"}}"#)));
        tally.doubts(Some(&mut before))
    };
    assert_eq!(of_request("Marie Dupont"), []);
    assert_eq!(of_request("Marie Dupont"), []);
    let told = of_request("Marie dupont");
    assert!(told[0].text.contains("`Marie Dupont` before, `Marie dupont` (1)"), "{told:?}");
    assert_eq!(of_request("Marie Dupont"), [], "the first spelling stays the one");
}

#[test]
fn rows_that_become_one_entity_and_entities_of_no_name_are_told() {
    let rows: Vec<String> =
        ["crm:null", "crm:null", "crm:", "crm:5", "undefined"].iter().map(|entity| text("deal", entity, r#"{"rep":"Ben"}"#)).collect();
    let told = doubts(&rows);
    assert_eq!((told[0].0, told[0].1), (What::RepeatedEntity, 2), "{told:?}");
    assert!(told[0].2.starts_with("2 rows became the same entity as another row, `crm:null` in 2 of them"), "{}", told[0].2);
    assert_eq!((told[1].0, told[1].1), (What::UnnamedEntity, 4));
    assert!(told[1].2.contains("such as `crm:null`, `crm:`, `undefined`"), "{}", told[1].2);
}

#[test]
fn a_kind_without_rep_in_most_rows_is_told() {
    let with = |n: usize| text("call", &format!("c:{n}"), r#"{"rep":"Ben","duration_s":1}"#);
    let without = |n: usize| text("call", &format!("c:{n}"), r#"{"rep":"","duration_s":1}"#);
    let mut rows: Vec<String> = (0..5).map(with).chain((5..15).map(without)).collect();
    let told = doubts(&rows);
    assert_eq!((told.len(), told[0].0, told[0].1), (1, What::MissingRep, 10), "{told:?}");
    rows.extend((20..30).map(with));
    assert_eq!(doubts(&rows), [], "some are nobody's");
    let updates: Vec<String> = (0..20).map(|n| text("email", &format!("e:{n}"), r#"{"opened_at":"2026-03-02T09:00:00Z"}"#)).collect();
    assert_eq!(doubts(&updates), [], "an update need not say who");
}

#[test]
fn what_a_deal_can_not_mean_is_told() {
    let rows = [
        text("deal", "d:1", r#"{"rep":"Ben","created_at":"2026-03-05","closed_at":"2026-03-01","status":"won"}"#),
        text("deal", "d:2", r#"{"rep":"Ben","created_at":"2026-03-05T10:00:00Z","closed_at":"2026-03-05","status":"lost"}"#),
        text("deal", "d:3", r#"{"rep":"Ben","stage":"Closed Won"}"#),
        text("deal", "d:4", r#"{"rep":"Ben","stage":"Wonderland"}"#),
        text("deal", "d:5", r#"{"rep":"Ben","status":"won","amount":{"value":"-100.00","currency":"EUR"}}"#),
    ];
    let told = doubts(&rows);
    let seen: Vec<(What, u64)> = told.iter().map(|(what, count, _)| (*what, *count)).collect();
    assert_eq!(seen, [(What::ClosedBeforeCreated, 1), (What::StageWithoutStatus, 1), (What::NegativeWin, 1)], "{told:?}");
    assert!(told[1].2.contains("`Closed Won` of `d:3`"), "{}", told[1].2);
    // A date is over once it is in every zone.
    for (as_of, late) in [("2026-03-04T00:00:00Z", 2), ("2026-03-05T10:00:00Z", 0)] {
        let mut tally = Tally::of_rows(&words(), Some(onpace_schemas::time::parse_instant(as_of).unwrap()));
        let always = |row: &String| row.replace("2026-03-02T09", "1970-01-01T09");
        rows[..2].iter().for_each(|row| see(&mut tally, &always(row)));
        let told = tally.doubts(None).into_iter().find(|doubt| doubt.what == What::AfterExport);
        assert_eq!(told.map_or(0, |doubt| doubt.count), late, "{as_of}");
    }
}
