//! A CRM's deals are exported on Monday, Wednesday and Friday; between, rows are corrected, reopened, moved to another owner or day,
//! removed, brought back and put in another order. Whichever export is imported first, and however often: every number is the tally
//! of Friday's file alone, on either engine.

use onpace_tests::engine::Engine;
use onpace_tests::snapshots::{Export, Sums, csv, exports, stages_entered, sums};
use serde_json::{Value, json};

/// When the exports were made.
const MADE: [&str; 3] = ["2024-06-03T18:00:00+02:00", "2024-06-05T18:00:00+02:00", "2024-06-07T18:00:00+02:00"];
const AT: &str = "2024-06-30T23:59:59Z";

fn import(engine: &Engine, days: &[Export], day: usize) {
    // The name is the same every time: nothing may hang on it.
    let file = engine.folder().join("pipeline.csv");
    std::fs::write(&file, csv(&days[day])).expect("an export");
    let said = engine.import(&file, "pipeline.jq", &["--as-of", MADE[day], "--complete", "deal", "--yes"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// A number, where no row is none.
fn number(value: &Value) -> i64 {
    match value {
        Value::Null => 0,
        Value::String(money) => money.strip_suffix(".00").and_then(|money| money.parse().ok()).unwrap_or_else(|| panic!("{money}")),
        other => other.as_i64().unwrap_or_else(|| panic!("{other}")),
    }
}

fn assert_is_the_last(engine: &Engine, days: &[Export], what: &str) {
    let company = engine.kpis(AT, "UTC", "company", &["all", "last_month"]);
    let by_rep = engine.kpis(AT, "UTC", "rep", &["all", "last_month"]);
    for (rep, expected) in sums(days.last().expect("an export")) {
        let numbers = if rep.is_none() { &company } else { &by_rep };
        let shown = |kpi: &str, window: &str| number(&numbers.get(kpi, window, rep));
        let found = Sums {
            created: shown("deals_created", "all"),
            won: shown("deals_won", "all"),
            lost: shown("deals_lost", "all"),
            revenue: shown("revenue_won", "all"),
            open: shown("open_deals", "all"),
            pipeline: shown("open_pipeline", "all"),
            won_in_may: shown("deals_won", "last_month"),
        };
        assert_eq!(found, expected, "{rep:?}, {what}");
    }
    let stages = engine.kpis(AT, "UTC", "stage", &["all"]);
    let entered = stages.0["values"].as_array().expect("rows").iter().filter(|row| row["kpi"] == json!("stage_entered"));
    assert_eq!(entered.map(|row| number(&row["value"])).sum::<i64>(), stages_entered(days), "stages, {what}");
}

#[test]
fn the_last_export_is_what_counts_in_any_order_and_twice() {
    let days = exports(20_240_607, 160, 3);
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
        holds(&Engine::embedded(), &days, order);
    }
    holds(&Engine::on_servers(), &days, [2, 0, 1]);
}

fn holds(engine: &Engine, days: &[Export], order: [usize; 3]) {
    for day in order {
        import(engine, days, day);
    }
    assert_is_the_last(engine, days, &format!("{order:?}"));
    // Twice, and Monday's last of all.
    import(engine, days, 2);
    import(engine, days, 0);
    assert_is_the_last(engine, days, &format!("{order:?}, then Friday's and Monday's again"));
}
