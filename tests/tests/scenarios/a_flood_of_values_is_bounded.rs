//! Whatever is made up, reps, sources, entities, products, origins, stages, currencies, or thousands of stages of one deal: every total is right,
//! what has no row of its own is said, and no page or answer grows past its bound.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use onpace_tests::onpace::bare;
use onpace_tests::scraped::Scraped;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::{Serving, midday};
use serde_json::{Value, json};

/// More than are kept apart.
const MANY: usize = 12_000;
const APART: usize = 10_000;
/// More than a deal counts for.
const STAGES: usize = 5_000;
const COUNTED: usize = 1_000;
const CURRENCIES: [&str; 12] = ["EUR", "USD", "GBP", "JPY", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON"];
const LIMIT: Duration = Duration::from_secs(400);

fn post(up: &Serving, events: impl Iterator<Item = Value>) {
    let mut lines = String::new();
    for event in events {
        writeln!(lines, "{event}").expect("a line");
        if lines.len() > 6 << 20 {
            assert_eq!(up.post("application/x-ndjson", std::mem::take(&mut lines).as_bytes()).status, 202);
        }
    }
    if !lines.is_empty() {
        assert_eq!(up.post("application/x-ndjson", lines.as_bytes()).status, 202);
    }
}

fn sum(body: &Value, kpi: &str) -> (usize, i64) {
    let rows: Vec<i64> =
        body["values"].as_array().expect("values").iter().filter(|row| row["kpi"] == kpi).filter_map(|row| row["value"].as_i64()).collect();
    (rows.len(), rows.iter().sum())
}

#[test]
fn a_flood_of_values_is_bounded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).args(["--time-zone", midday()]);
    let up = Serving::start(command, folder.path(), "up");
    up.ready(LIMIT);
    let now = Timestamp::now().to_string();
    let event = |kind: &str, entity: String, source: String, data: Value| json!({ "source": source, "kind": kind, "entity": entity, "occurred_at": now, "data": data });
    post(&up, (0..MANY).map(|n| event("call", format!("call {n}"), format!("source {n}"), json!({ "rep": format!("stranger {n}") }))));
    let deal = |n: usize| {
        let amount = json!({ "value": "10", "currency": CURRENCIES[n % CURRENCIES.len()] });
        let data = json!({ "rep": "marie", "status": "won", "product": format!("product {n}"), "origin": format!("origin {n}"),
            "stage": format!("stage {n}"), "amount": amount });
        event("deal", format!("deal {n}"), "crm".into(), data)
    };
    post(&up, (0..MANY).map(deal));
    let staged = |n: usize| event("deal", "one".into(), "crm".into(), json!({ "rep": "paul", "stage": format!("late {n}") }));
    post(&up, (0..STAGES).map(staged));

    let company = || up.get("/v1/kpis?window=today&kpi=calls_made&kpi=deals_won&kpi=stage_entered&kpi=deals_created").json();
    wait_until("everything is counted", LIMIT, || {
        let body = company();
        body["values"].is_array()
            && sum(&body, "calls_made").1 == MANY as i64
            && sum(&body, "deals_created").1 == MANY as i64 + 1
            && sum(&body, "stage_entered").1 == (MANY + COUNTED) as i64
    });
    assert_eq!(sum(&company(), "deals_won").1, MANY as i64);
    for (by, kpi, total) in [
        ("rep", "calls_made", MANY),
        ("product", "deals_won", MANY),
        ("origin", "deals_won", MANY),
        ("stage", "stage_entered", MANY + COUNTED),
    ] {
        let answer = up.get(&format!("/v1/kpis?by={by}&window=today&kpi={kpi}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        let (rows, all) = sum(&body, kpi);
        assert_eq!(all, total as i64, "by {by}");
        assert!((APART..=APART + 3).contains(&rows), "{rows} rows by {by}");
        assert_eq!(body["folded"]["into"], "other", "by {by}");
        // All that were ever met past the bound: those, too, of the one deal's stages that later gave way to earlier ones.
        let (folded, met) = (body["folded"]["count"].as_u64().expect("how many"), MANY + if by == "stage" { STAGES } else { 3 });
        assert!((MANY - APART..=met - APART).contains(&(folded as usize)), "{folded} by {by}");
    }

    let totals = [
        ("onpace_calls_made", MANY),
        ("onpace_stage_entered", MANY + COUNTED),
        ("onpace_company_stage_entered", MANY + COUNTED),
        ("onpace_company_deals_won_by_product", MANY),
        ("onpace_deals_won", MANY),
    ];
    wait_until("the page has all of it too", LIMIT, || {
        let page = Scraped::read(&up.get("/metrics").body);
        let is = |metric, total| page.sums(metric, &["window"]).get(&vec!["today".to_owned()]) == Some(&(total as i64 * 100));
        totals.iter().all(|(metric, total)| is(metric, *total))
    });
    let text = up.get("/metrics").body;
    let page = Scraped::read(&text);
    let today = |metric: &str| page.of(metric).filter(|sample| sample.label("window") == "today").count();
    // Those who came first, and the rest.
    assert_eq!(today("onpace_calls_made"), 501);
    assert_eq!(today("onpace_stage_entered"), 501 * 21);
    assert_eq!((today("onpace_company_stage_entered"), today("onpace_company_deals_won_by_product")), (51, 51));
    let sources: BTreeMap<Vec<String>, i64> = page.sums("onpace_events_accepted_total", &["source"]);
    assert!(sources.len() <= 101, "{} sources", sources.len());
    assert!(page.value("onpace_folded_reps") >= Some((MANY - 500) as f64));
    assert!(page.value("onpace_full_histories_total") >= Some(1.0));
    assert!(page.value("onpace_kpi_series") <= page.value("onpace_kpi_series_limit"));
    let log = up.process.output();
    assert!(log.contains("counted together as `other`") || log.contains("counted together"), "{log}");
    assert!(log.contains("different stages"), "{log}");
    assert!(up.get("/readyz").body.contains("reps whom no roster knows"), "{}", up.get("/readyz").body);
}
