//! A user's own measures and KPIs, and what a catalogue that can't be used is told.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_kpis::{At, By, Catalogue, Measure, Question, Roster, Slot, Tally, Test, Unit, What, Window, contributions, evaluate};
use onpace_schemas::Kind;

#[test]
fn a_user_adds_measures_and_kpis_to_the_built_in_ones() {
    let own = "
windows: [today, all]
measures:
  demos_held:
    of: meeting
    where: { status: [held], purpose: [demo, workshop], deal: { set: true } }
    at: [starts_at, first_seen]
    value: count
    by: [account]
    en: Demos.
kpis:
  demo_share: { formula: demos_held / meetings_held, unit: ratio }
  deals_per_demo: { formula: 2 * half_a_deal_per_demo, unit: count } # built on one further down
  half_a_deal_per_demo: { formula: deals_won / demos_held / 2, unit: count }
";
    let built_in = Catalogue::built_in().unwrap();
    let catalogue = built_in.clone().with(own).unwrap();
    assert_eq!(catalogue.windows, [Window::Today, Window::All]);
    let field = |name| Kind::MEETING.field(name).unwrap();
    assert_eq!(
        catalogue.measures.last().unwrap(),
        &Measure {
            name: "demos_held".to_owned(),
            kind: Kind::MEETING,
            conditions: vec![
                onpace_kpis::Condition { field: field("status"), test: Test::Choice(vec![3]) },
                onpace_kpis::Condition { field: field("purpose"), test: Test::Text(vec!["demo".to_owned(), "workshop".to_owned()]) },
                onpace_kpis::Condition { field: field("deal"), test: Test::Set },
            ],
            what: What::Count(At::Fields(vec![field("starts_at")])),
            by: vec![field("account")],
            credit: onpace_kpis::Credit::InForce,
        }
    );
    assert_eq!(catalogue.kpi("demos_held").unwrap().unit, Unit::Count);
    assert_ne!(catalogue.fingerprint(), built_in.fingerprint());
    assert_ne!(catalogue.kept(Kind::MEETING), built_in.kept(Kind::MEETING));
    let mut tally = Tally::new(&catalogue.measures);
    let number = |name: &str| catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as u16;
    tally.apply("marie", number("demos_held"), ["acme", ""], 0, Slot::Quarter(1), 4);
    tally.apply("marie", number("deals_won"), ["", ""], 0, Slot::Quarter(1), 6);
    let kpis = catalogue.select(["deals_per_demo"]).unwrap();
    let question = Question { kpis: &kpis, ..Question::new(1_000_000_000_000, By::Rep, &[Window::All]) };
    assert_eq!(evaluate(&catalogue, &tally, &Roster::default(), &question).unwrap()[0].plain(), "1.5");
}

#[test]
fn words_and_formulas_leave_the_fingerprint_alone_and_measures_do_not() {
    let measure =
        |rest: &str| Catalogue::parse(&format!("measures:\n  m:\n    of: call\n    at: started_at\n    value: count\n{rest}")).unwrap();
    let plain = measure("").fingerprint();
    assert_eq!(measure("    en: Words.\nkpis:\n  k: { formula: m * 2, unit: count }\n").fingerprint(), plain);
    assert_ne!(measure("    where: { outcome: connected }\n").fingerprint(), plain);
    assert_ne!(measure("    by: account\n").fingerprint(), plain);
    assert_ne!(measure("  n:\n    of: call\n    at: started_at\n    value: count\n").fingerprint(), plain);
    // The same in every run, on every machine: counters are kept under it.
    assert_eq!(plain, measure("").fingerprint());
}

#[test]
fn only_what_a_measure_looks_at_is_kept() {
    let catalogue = Catalogue::built_in().unwrap();
    for (kind, kept) in [
        (Kind::CALL, &["rep", "direction", "purpose", "outcome", "started_at", "duration_s"][..]),
        (Kind::MEETING, &["rep", "status", "starts_at"]),
        (Kind::EMAIL, &["rep", "direction", "sent_at", "bounced", "opened_at", "machine_opened_at", "clicked_at", "replied_at"]),
        (Kind::DEAL, &["rep", "product", "origin", "status", "stage", "amount", "created_at", "closed_at"]),
    ] {
        let expected = kept.iter().fold(0, |bits, name| bits | 1u32 << kind.field(name).unwrap());
        assert_eq!(catalogue.kept(kind), expected, "{}", kind.name());
        assert_eq!(catalogue.kept(kind) & contributions::life_fields(kind), contributions::life_fields(kind));
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    let measure = |rest: &str| format!("measures:\n  m:\n    of: deal\n    {rest}\n");
    let kpi = |rest: &str| format!("kpis:\n  fine:\n    formula: deals_won + 1\n    unit: count\n  k:\n    {rest}\n");
    for (yaml, line, says) in [
        ("measures: [".to_owned(), 1, "read as YAML"),
        ("- a".to_owned(), 1, "mapping"),
        (
            "kpis:\n  k: { formula: deals_won, unit: count }\n  k: { formula: deals_won, unit: count }".to_owned(),
            3,
            "`k` stands here and on line 2",
        ),
        ("windows: [all]\nkpi:\n  a: 1".to_owned(), 2, "did you mean `kpis`"),
        ("windows:\n  - today\n  - last_moth".to_owned(), 3, "did you mean `last_month`"),
        ("windows: [today, today]".to_owned(), 1, "twice"),
        ("measures:\n  Calls: {}".to_owned(), 2, "no name"),
        ("measures:\n  calls_made:\n    of: call".to_owned(), 2, "already taken"),
        ("kpis:\n  win_rate: { formula: deals_won, unit: count }".to_owned(), 2, "already taken"),
        ("kpis:\n  calls_made: { formula: deals_won, unit: count }".to_owned(), 2, "already taken"),
        ("measures:\n  m:\n    of: feedback".to_owned(), 3, "no kind `feedback`"),
        (measure("wher: { status: won }"), 4, "did you mean `where`"),
        (measure("where: { stauts: won }\n    at: closed\n    value: count"), 4, "did you mean `status`"),
        (measure("at: closed\n    value: count\n    where:\n      status: wno"), 7, "did you mean `won`"),
        (measure("where: { expected_close: 2026-01-01 }\n    at: closed\n    value: count"), 4, "set: true"),
        (measure("value: count"), 2, "needs `at`"),
        (measure("at: closed"), 2, "needs `value`"),
        (measure("at: closed\n    value: { sum: amount }"), 5, "not a whole number"),
        (measure("at: amount\n    value: count"), 4, "not a time"),
        (measure("at: closed\n    value: count\n    by: [product, origin, account]"), 6, "at most two"),
        (measure("at: closed\n    value: count\n    by: rep"), 6, "counted by rep"),
        (measure("at: closed\n    level: true"), 4, "can't be chosen"),
        (measure("each: product"), 4, "keeps no history"),
        (measure("at: closed\n    value: count\n    unit: money"), 6, "the unit of `m` is count"),
        ("measures:\n  m:\n    of: call\n    level: true".to_owned(), 4, "only a deal"),
        (
            "measures:\n  m:\n    of: call\n    where: { direction: outbund }\n    at: started_at\n    value: count".to_owned(),
            4,
            "did you mean `outbound`",
        ),
        (
            "measures:\n  m:\n    of: email\n    where: { bounced: yes please }\n    at: sent_at\n    value: count".to_owned(),
            4,
            "true or false",
        ),
        (
            "measures:\n  m:\n    of: email\n    where: { bounced: [true] }\n    at: sent_at\n    value: count".to_owned(),
            4,
            "true or false",
        ),
        (measure("at: closed\n    value: count\n    by: { product: origin }"), 6, "a text, or a list of texts"),
        (measure("where: { product: { sett: true } }\n    at: closed\n    value: count"), 4, "`product`, as a mapping, has no `sett`"),
        (kpi("formula: deals_won /\n    unit: ratio"), 6, "ends too early"),
        (kpi("formula: deals_one / 2\n    unit: ratio"), 6, "did you mean `deals_won`"),
        (kpi("formula: deals_won"), 5, "needs `unit`"),
        (kpi("unit: count"), 5, "needs `formula`"),
        (kpi("formula: deals_won\n    unit: percent"), 7, "no unit `percent`"),
        (kpi("formula: sales_cycle_s\n    unit: seconds"), 6, "quantile(sales_cycle_s, 0.5)"),
        (kpi("formula: quantile(deals_won, 0.5)\n    unit: count"), 6, "no histogram"),
        (kpi("formula: revenue_won / deals_won\n    unit: count"), 7, "gives money"),
        (
            "measures:\n  m:\n    of: email\n    where: { bounced: [true] }\n    at: sent_at\n    value: count".to_owned(),
            4,
            "true or false",
        ),
        (measure("at: closed\n    value: count\n    by: { product: origin }"), 6, "a text, or a list of texts"),
        (measure("where: { product: { sett: true } }\n    at: closed\n    value: count"), 4, "`product`, as a mapping, has no `sett`"),
        (kpi("formula: deals_won / deals_lost\n    unit: money"), 7, "gives no money"),
        (kpi("formula: revenue_won + deals_won\n    unit: money"), 7, "adds up"),
        (kpi("formula: revenue_won * revenue_won\n    unit: money"), 7, "no unit"),
        (kpi("formula: fine * l\n    unit: count\n  l:\n    formula: k\n    unit: count"), 6, "`k` → `l` → `k` go round in a circle"),
        (kpi("formula: k\n    unit: count"), 6, "circle"),
    ] {
        let error = Catalogue::built_in().unwrap().with(&yaml).unwrap_err();
        assert!(error.cause.contains(says), "{yaml}\n→ {error}");
        assert_eq!(error.line, line, "{yaml}\n→ {error}");
    }
    let lines = "kpis:\n  k:\n    formula: >\n      deals_won\n      / deals_lost\n    unit: ratio\n";
    assert_eq!(Catalogue::built_in().unwrap().with(lines).unwrap().kpi("k").unwrap().text, "deals_won / deals_lost");
    let spelt = "measures:\n  m: { of: deal, level: True }\n  n: { of: email, where: { bounced: FALSE }, at: sent_at, value: count }\n";
    assert_eq!(Catalogue::built_in().unwrap().with(spelt).unwrap().measures.last().unwrap().conditions[0].test, Test::Flag(false));
    assert!(Catalogue::built_in().unwrap().select(["win_rat"]).unwrap_err().contains("did you mean `win_rate`"));
}
