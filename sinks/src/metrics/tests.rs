//! The rounds: when they work, what they leave, what is shown of them.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use onpace_kpis::objective::parse;

use super::*;
use crate::fixture::{Store, with_roster};

#[test]
fn objectives_go_on_while_nothing_happens() {
    let store = Store::of(1);
    store.begin(0, 1);
    store.add(0, "marie", "calls_made", "", None, now_ms() * 1000, 3);
    let mut evaluation = with_roster("time_zone: UTC\npeople: [{ id: marie, name: Marie }]\n");
    let wanted = "objectives: [{ id: calls, kpi: calls_made, scope: company, target: 40, period: year, pace: linear, from: 2020-01-01 }]\n";
    evaluation.objectives = parse(wanted, &evaluation.catalogue, &evaluation.roster).unwrap();
    let view = View::looked(&store, &evaluation);
    let metrics = Metrics::new(view, Configuration::fixed(evaluation), Registry::new(), Settings::default()).unwrap();
    // Two moments of one slot, just past: nothing was heard of the store after them.
    let one_slot = |from: &i64| round_up(from * 1000) == round_up((from + OBJECTIVES_MS) * 1000);
    let now_ms = now_ms();
    let at_ms = [now_ms - 20_000, now_ms - 40_000].into_iter().find(one_slot).unwrap();
    let expected = || {
        let page = metrics.page(Format::Text).text();
        page.lines().find(|line| line.starts_with("onpace_objective_expected{")).unwrap().to_owned()
    };
    let mut last = Last::default();
    assert!(metrics.round(&mut last, at_ms));
    let (before, kpis) = (expected(), Arc::clone(&metrics.worked_out().as_ref().unwrap().kpis));
    assert!(!metrics.round(&mut last, at_ms), "nothing changed");
    assert!(metrics.round(&mut last, at_ms + OBJECTIVES_MS));
    assert_ne!(expected(), before, "more is expected");
    assert!(Arc::ptr_eq(&kpis, &metrics.worked_out().as_ref().unwrap().kpis), "KPIs don't change by that");
}

fn marie(calls: i128) -> (Store, View, Metrics) {
    let store = Store::of(1);
    store.begin(0, 1);
    store.add(0, "marie", "calls_made", "", None, now_ms() * 1000, calls);
    let evaluation = crate::fixture::evaluation();
    let view = View::looked(&store, &evaluation);
    let metrics = Metrics::new(view.clone(), Configuration::fixed(evaluation), Registry::new(), Settings::default()).unwrap();
    (store, view, metrics)
}

fn has_calls(metrics: &Metrics) -> bool {
    metrics.page(Format::Text).text().contains("\nonpace_calls_made{")
}

#[test]
fn ready_means_that_the_next_scrape_has_the_numbers() {
    let (store, view, metrics) = marie(3);
    assert!(view.ready().is_ok() && !has_calls(&metrics));
    let why = metrics.ready(now_ms()).unwrap_err();
    assert!(why.contains("is being worked out"), "{why}");
    let mut last = Last::default();
    metrics.round(&mut last, now_ms());
    assert_eq!((metrics.ready(now_ms()), has_calls(&metrics)), (Ok("the numbers are whole".into()), true));
    // Folded anew: not ready, nor when the view is whole again, but once that is worked out.
    store.begin(0, 5);
    store.add(0, "marie", "calls_made", "", None, now_ms() * 1000, 3);
    store.head(0, 1, 900, 5);
    view.look_again(&store, &crate::fixture::evaluation());
    metrics.round(&mut last, now_ms());
    assert!(metrics.ready(now_ms()).unwrap_err().contains("899 events to go") && !has_calls(&metrics));
    store.head(0, 900, 900, now_ms());
    view.look_again(&store, &crate::fixture::evaluation());
    assert!(view.ready().is_ok() && metrics.ready(now_ms()).is_err());
    metrics.round(&mut last, now_ms());
    assert!(metrics.ready(now_ms()).is_ok() && has_calls(&metrics));
}

#[test]
fn old_figures_are_not_shown() {
    let (_, _, metrics) = marie(3);
    let mut last = Last::default();
    // A round that began long ago and took that long.
    let began = now_ms() - OLD_MS - 5_000;
    metrics.round(&mut last, began);
    let page = metrics.page(Format::Text).text();
    assert!(page.contains(&format!("onpace_kpi_round_timestamp_seconds {}\n", exposition::number(began as f64 / 1000.0))), "{page}");
    assert!(!has_calls(&metrics) && page.contains("\nonpace_view_whole 1\n"));
    assert!(metrics.ready(now_ms()).unwrap_err().contains("shows no KPI"));
    // Nothing has changed since: looked at again, the same figures are fresh.
    assert!(metrics.round(&mut last, now_ms()) || has_calls(&metrics));
    assert!(has_calls(&metrics) && metrics.ready(now_ms()).is_ok());
    assert!(metrics.live(now_ms()).is_ok() && metrics.live(now_ms() + STUCK_MS + 1_000).is_err());
}

#[test]
fn what_is_missing_is_told_when_it_changes() {
    let store = Store::of(1);
    store.begin(0, 1);
    for rep in 0..5 {
        store.add(0, &format!("rep {rep}"), "calls_made", "", None, now_ms() * 1000, 3);
    }
    let evaluation = crate::fixture::evaluation();
    let view = View::looked(&store, &evaluation);
    let settings = Settings { series: 1_000, windows: None };
    let metrics = Metrics::new(view.clone(), Configuration::fixed(evaluation.clone()), Registry::new(), settings).unwrap();
    let mut last = Last::default();
    metrics.round(&mut last, now_ms());
    let page = metrics.page(Format::Text).text();
    assert!(page.contains("\nonpace_metrics_whole 0\n") && page.contains("onpace_kpi_series_limit 1000\n"), "{page}");
    assert!(page.contains(r#"onpace_series_dropped{metric="onpace_calls_made",window="last_year"} 5"#));
    let ready = metrics.ready(now_ms()).unwrap();
    assert!(ready.contains("last_year") && ready.contains("--metric-series"), "{ready}");
    let told = last.told.left_out.clone();
    assert!(told.is_some());
    // One more rep: as many windows, nothing to tell.
    store.add(0, "rep 0", "calls_made", "", None, now_ms() * 1000, 3);
    view.look_again(&store, &evaluation);
    metrics.round(&mut last, now_ms());
    assert_eq!(last.told.left_out, told);
}

#[test]
fn a_users_own_windows_are_those_of_the_page_unless_it_is_said_otherwise() {
    let built_in = Catalogue::built_in().unwrap();
    let own = built_in.clone().with("windows: [7d, all]").unwrap();
    let usual = Settings::default();
    assert_eq!((usual.windows(&built_in), usual.windows(&own)), (WINDOWS.to_vec(), vec![Window::D7, Window::All]));
    let said = Settings { windows: Some(vec![Window::Today]), ..usual };
    assert_eq!((said.windows(&built_in), said.windows(&own)), (vec![Window::Today], vec![Window::Today]));
}
