//! The routes, asked without a socket.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use onpace_kpis::objective::parse;
use onpace_processors::store::Heard;
use onpace_producers::http::closed;
use onpace_schemas::Kind;
use prometheus::{IntGaugeVec, Opts, Registry};
use serde_json::Value;
use tower::ServiceExt;

use super::{Health, ops, router};
use crate::fixture::{Store, evaluation, with_roster};
use crate::view::{View, now_ms};
use crate::{Configuration, Metrics};

const HOSTILE: &str = "<img src=x onerror=alert(1)>\"\\\n";

/// A store with two reps, whose second of two lanes is a little older.
fn store() -> Store {
    let store = Store::of(2);
    store.begin(0, 1);
    store.begin(1, 2);
    let now_us = now_ms() * 1000;
    store.add(0, "marie", "calls_made", "", None, now_us, 3);
    store.add(1, HOSTILE, "calls_made", "", None, now_us, 2);
    store.add(0, "marie", "deals_won", "Pro", None, now_us, 1);
    store.add(0, "marie", "deals_lost", "Pro", None, now_us, 1);
    store.add(0, "marie", "revenue_won", "Pro", Some("USD"), now_us, 105_400);
    store.head(1, 1, 1, now_ms() - 20_000);
    store
}

fn serving(store: &Store) -> Router {
    let evaluation = evaluation();
    let view = View::looked(store, &evaluation);
    closed(router(Metrics::once(view, Configuration::fixed(evaluation), Registry::new()).unwrap()))
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap())
}

async fn get(router: &Router, uri: &str) -> (StatusCode, HeaderMap, Value) {
    let (status, headers, text) = ask(router, Request::get(uri).body(Body::empty()).unwrap()).await;
    (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn problem(answer: &(StatusCode, HeaderMap, Value), status: u16, words: &str) {
    let (got, headers, body) = answer;
    assert_eq!(got.as_u16(), status, "{body}");
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!((body["status"].as_u64(), body["type"].as_str()), (Some(status.into()), Some("about:blank")));
    assert!(body["detail"].as_str().unwrap().contains(words), "{body}");
}

#[tokio::test]
async fn values_carry_their_window_unit_zone_and_age() {
    let (status, headers, body) = get(&serving(&store()), "/v1/kpis?by=rep&window=today&kpi=calls_made&kpi=win_rate&kpi=revenue_won").await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "application/json"));
    assert_eq!(body["time_zone"], "UTC");
    assert_eq!(body["freshness"]["state"], "fresh");
    let as_of: jiff::Timestamp = body["freshness"]["as_of"].as_str().unwrap().parse().unwrap();
    assert!((now_ms() - 20_000 - as_of.as_millisecond()).abs() < 10_000, "the older lane says how fresh: {as_of}");
    let values = body["values"].as_array().unwrap();
    let of = |rep: &str, kpi: &str| values.iter().find(|row| row["rep"] == rep && row["kpi"] == kpi).unwrap();
    assert_eq!(of("marie", "calls_made")["value"], 3);
    assert_eq!(of(HOSTILE, "calls_made")["value"], 2);
    assert_eq!(of("marie", "revenue_won")["value"], "1054.00");
    assert_eq!(of("marie", "revenue_won")["currency"], "USD");
    let rate = of("marie", "win_rate");
    assert_eq!((rate["value"].as_f64(), rate["numerator"].as_i64(), rate["denominator"].as_i64()), (Some(0.5), Some(1), Some(2)));
    assert!(of(HOSTILE, "win_rate")["value"].is_null());
    assert_eq!((rate["window"].as_str(), rate["unit"].as_str()), (Some("today"), Some("ratio")));
    assert!(rate["start"].is_string() && rate["end"].is_string());
}

#[tokio::test]
async fn by_default_it_is_the_company_today_and_this_month() {
    let (_, _, body) = get(&serving(&store()), "/v1/kpis?kpi=calls_made").await;
    let values: Vec<_> =
        body["values"].as_array().unwrap().iter().map(|row| (row["window"].as_str().unwrap(), row["value"].as_i64().unwrap())).collect();
    assert_eq!(values, [("today", 5), ("month", 5)]);
}

#[tokio::test]
async fn reps_can_be_picked_and_products_listed() {
    let router = serving(&store());
    let (_, _, body) = get(&router, "/v1/kpis?rep=marie&window=all&kpi=calls_made").await;
    assert_eq!(body["values"].as_array().unwrap().len(), 1);
    let answer = get(&router, "/v1/kpis?rep=marie&rep=nobody&window=all&kpi=calls_made").await;
    problem(&answer, 400, "there is no rep `nobody`");
    assert_eq!(answer.2["parameter"], "rep");
    let (_, _, body) = get(&router, "/v1/kpis?by=product&window=all&kpi=deals_won").await;
    assert_eq!((body["values"][0]["product"].as_str(), body["values"][0]["value"].as_i64()), (Some("Pro"), Some(1)));
}

#[tokio::test]
async fn whatever_is_wrong_is_a_problem_with_a_way_out() {
    let router = serving(&store());
    problem(&get(&router, "/v1/kpis?kpi=call_made").await, 400, "did you mean `calls_made`");
    problem(&get(&router, "/v1/kpis?window=montth").await, 400, "did you mean `month`");
    problem(&get(&router, "/v1/kpis?by=reps").await, 400, "did you mean `rep`");
    problem(&get(&router, "/v1/kpis?form=csv").await, 400, "no parameter `form`");
    problem(&get(&router, "/v1/kpis?at=2026-03-02T18:00:00").await, 400, "offset");
    problem(&get(&router, "/v1/kpis?rep=marie&by=product").await, 400, "by rep");
    problem(&get(&router, "/v2").await, 404, "/openapi.json");
    let (status, headers, text) = ask(&router, Request::post("/v1/kpis").body(Body::empty()).unwrap()).await;
    problem(&(status, headers.clone(), serde_json::from_str(&text).unwrap()), 405, "does not take POST");
    assert_eq!(headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn an_answer_that_has_not_changed_is_not_sent_again() {
    let store = store();
    let evaluation = evaluation();
    let view = View::looked(&store, &evaluation);
    let router = closed(router(Metrics::once(view.clone(), Configuration::fixed(evaluation.clone()), Registry::new()).unwrap()));
    // A fixed instant: the slot of now may end between two requests.
    let uri = format!("/v1/kpis?by=rep&at={}", jiff::Timestamp::from_millisecond(now_ms()).unwrap());
    let (_, headers, _) = get(&router, &uri).await;
    let again = || Request::get(&uri).header("if-none-match", &headers["etag"]).body(Body::empty()).unwrap();
    assert_eq!(ask(&router, again()).await.0, StatusCode::NOT_MODIFIED);
    store.add(0, "marie", "calls_made", "", None, now_ms() * 1000, 1);
    view.look_again(&store, &evaluation);
    assert_eq!(ask(&router, again()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn partial_numbers_are_not_given() {
    let store = store();
    store.head(0, 3, 500, now_ms() - 60_000);
    let router = serving(&store);
    let answer = get(&router, "/v1/kpis").await;
    problem(&answer, 503, "not whole yet");
    assert_eq!((answer.1["retry-after"].to_str().unwrap(), answer.2["freshness"]["state"].as_str()), ("1", Some("catching_up")));
    assert_eq!(answer.2["freshness"]["lag_events"], 497);
    problem(&get(&router, "/readyz").await, 503, "497 events to go");
    assert_eq!(get(&router, "/healthz").await.0, StatusCode::OK);
    let (_, _, metrics) = get(&router, "/metrics").await;
    let metrics = metrics.as_str().unwrap();
    assert!(
        metrics.contains("\nonpace_view_whole 0\n") && metrics.contains("onpace_processor_lag_events{partition=\"0\"} 497\n"),
        "{metrics}"
    );
    assert!(!metrics.contains("onpace_calls_made"));
}

#[tokio::test]
async fn a_store_that_is_away_takes_its_series_along_and_leaves_numbers_with_their_age() {
    let store = store();
    let evaluation = evaluation();
    let view = View::looked(&store, &evaluation);
    let router = closed(router(Metrics::once(view.clone(), Configuration::fixed(evaluation.clone()), Registry::new()).unwrap()));
    let (_, _, before) = get(&router, "/metrics").await;
    assert!(before.as_str().unwrap().contains("onpace_calls_made{rep=\"marie\",team=\"unrostered\",window=\"today\"} 3\n"));
    assert!(before.as_str().unwrap().contains("\nonpace_store_up 1\n"));
    store.inside(|inside| inside.away = true);
    view.look_again(&store, &evaluation);
    let (_, _, after) = get(&router, "/metrics").await;
    assert!(!after.as_str().unwrap().contains("onpace_calls_made"));
    assert!(after.as_str().unwrap().contains("\nonpace_store_up 0\n") && after.as_str().unwrap().contains("onpace_data_timestamp_seconds"));
    problem(&get(&router, "/readyz").await, 503, "refused");
    let (status, _, body) = get(&router, "/v1/kpis").await;
    assert_eq!((status, body["freshness"]["state"].as_str()), (StatusCode::OK, Some("store_away")));
    assert!(body["freshness"]["as_of"].is_string() && body["freshness"]["reason"].as_str().unwrap().contains("refused"));
}

#[tokio::test]
async fn a_silent_source_is_named_and_what_it_feeds_is_incomplete() {
    let yaml = "time_zone: UTC\nworking_days: [mon, tue, wed, thu, fri, sat, sun]\nworking_hours: \"00:00-24:00\"\nteams: [{ id: paris, name: Paris }]\n\
                people: [{ id: marie, name: Marie, teams: [{ team: paris }] }]\nsources:\n  - { id: aircall, live: true, max_silence: 1h }\n  \
                - { id: crm, live: true, max_silence: 1h }\n  - { id: aircal, live: true, max_silence: 1h }\n  - { id: import, live: false }\n";
    let mut evaluation = with_roster(yaml);
    let wanted = "objectives:\n  - { id: calls, kpi: connect_rate, scope: company, target: 0.4, period: year, from: 2020-01-01 }\n  \
                  - { id: deals, kpi: deals_won, scope: company, target: 4, period: year, from: 2020-01-01 }\n";
    evaluation.objectives = parse(wanted, &evaluation.catalogue, &evaluation.roster).unwrap();
    let store = store();
    let ago = |minutes: i64| now_ms() - minutes * 60_000;
    let heard = |source: &str, kind: Kind, recorded_ms: i64| {
        let mut row = Heard { source: source.into(), ..Heard::default() };
        row.recorded_ms[usize::from(kind.number())] = recorded_ms;
        row
    };
    let spoke_ms = ago(70);
    store.inside(|inside| {
        inside.lanes[0].sources = vec![heard("aircall", Kind::CALL, ago(90)), heard("import", Kind::DEAL, ago(9_000))];
        inside.lanes[1].sources = vec![heard("aircall", Kind::CALL, spoke_ms), heard("crm", Kind::DEAL, ago(50))];
    });
    let (view, mut look) = View::looking(&store, &evaluation);
    look();
    let serving =
        |view: &View| closed(router(Metrics::once(view.clone(), Configuration::fixed(evaluation.clone()), Registry::new()).unwrap()));
    let router = serving(&view);
    let (_, _, page) = get(&router, "/metrics").await;
    let page = page.as_str().unwrap();
    for line in [
        r#"onpace_source_silent{source="aircall",kind="call"} 1"#,
        r#"onpace_source_silent{source="crm",kind="deal"} 0"#,
        // Mistyped in the roster: told, and feeding nothing.
        r#"onpace_source_silent{source="aircal",kind=""} 1"#,
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not on the page");
    }
    assert!(!page.contains("source=\"import\""));
    let last = format!("onpace_source_last_event_timestamp_seconds{{source=\"aircall\",kind=\"call\"}} {}", spoke_ms / 1000);
    assert!(page.contains(&last), "{last}");
    let complete = |page: &str, objective: &str| {
        let line = page.lines().find(|line| line.starts_with(&format!("onpace_objective_complete{{objective=\"{objective}\""))).unwrap();
        line.ends_with(" 1")
    };
    assert_eq!((complete(page, "calls"), complete(page, "deals")), (false, true));
    assert!(page.contains("\nonpace_pipeline_up 1\n"));
    // A fixed instant: the slot of now may end between two requests.
    let uri = format!("/v1/objectives?at={}", jiff::Timestamp::from_millisecond(now_ms()).unwrap());
    let (_, headers, body) = get(&router, &uri).await;
    let of = |body: &Value| -> Vec<bool> {
        body["objectives"].as_array().unwrap().iter().map(|row| row["complete"].as_bool().unwrap()).collect()
    };
    assert_eq!(of(&body), [false, true]);
    // It speaks again, without changing a counter.
    store.inside(|inside| inside.lanes[0].sources = vec![heard("aircall", Kind::CALL, ago(5))]);
    store.head(0, 5, 5, now_ms());
    look();
    let again = Request::get(&uri).header("if-none-match", &headers["etag"]).body(Body::empty()).unwrap();
    let (status, _, text) = ask(&router, again).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(of(&serde_json::from_str(&text).unwrap()), [true, true]);
    let (_, _, page) = get(&serving(&view), "/metrics").await;
    assert!(complete(page.as_str().unwrap(), "calls"));
    assert!(page.as_str().unwrap().contains("onpace_source_silent{source=\"aircall\",kind=\"call\"} 0\n"));
}

#[tokio::test]
async fn a_personal_best_is_on_the_page() {
    let mut evaluation = with_roster("time_zone: UTC\npeople: [{ id: marie, name: Marie }]\n");
    let wanted = "objectives: [{ id: calls, kpi: calls_made, scope: company, target: 40, period: week }]\n";
    evaluation.objectives = parse(wanted, &evaluation.catalogue, &evaluation.roster).unwrap();
    let store = Store::of(1);
    store.begin(0, 1);
    let now_us = now_ms() * 1000;
    // Should midnight pass meanwhile, today's is the best.
    for (back, calls) in [(0, 6), (1, 5)].into_iter().chain((2..25).map(|back| (back, 1))) {
        store.add(0, "marie", "calls_made", "", None, now_us - back * 86_400_000_000, calls);
    }
    let view = View::looked(&store, &evaluation);
    let router = closed(router(Metrics::once(view, Configuration::fixed(evaluation), Registry::new()).unwrap()));
    let (_, _, page) = get(&router, "/metrics").await;
    let start = "onpace_personal_best{rep=\"marie\",team=\"unrostered\",kpi=\"calls_made\",span=\"day\",period=\"";
    let best: Vec<&str> = page.as_str().unwrap().lines().filter(|line| line.starts_with(start)).collect();
    assert!(best.len() == 1 && (best[0].ends_with("\"} 5") || best[0].ends_with("\"} 6")), "{best:?}");
}

#[tokio::test]
async fn metrics_come_in_the_format_asked_for_and_no_name_twice() {
    let registry = Registry::new();
    let lag = IntGaugeVec::new(Opts::new("onpace_processor_lag_events", "Said by the processor in this process"), &["partition"]).unwrap();
    registry.register(Box::new(lag.clone())).unwrap();
    lag.with_label_values(&["0"]).set(7);
    let evaluation = evaluation();
    let view = View::looked(&store(), &evaluation);
    let router = closed(router(Metrics::once(view, Configuration::fixed(evaluation), registry).unwrap()));
    let request = Request::get("/metrics").header("accept", "application/openmetrics-text; version=1.0.0").body(Body::empty()).unwrap();
    let (_, headers, text) = ask(&router, request).await;
    assert_eq!(headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(text.ends_with("# EOF\n") && text.contains("# UNIT onpace_talk_time_seconds seconds\n"));
    assert!(text.contains("onpace_processor_lag_events{partition=\"0\"} 7\n"));
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(names.contains(&"onpace_event_to_metric_seconds"));
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere() {
    let router = serving(&store());
    for path in ["/", "/texts.js", "/objectives.js", "/onpace.js", "/onpace.css"] {
        let (status, headers, text) = ask(&router, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        for forbidden in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", " onclick="] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
        let elsewhere = text.matches("://").count() - text.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(elsewhere, 0, "{path} names another server");
    }
}

#[tokio::test]
async fn the_openapi_document_names_every_route_and_only_those() {
    let router = serving(&store());
    let (_, _, document) = get(&router, "/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().unwrap() {
        if path == "/v1/events" {
            // The gateway's, in another router.
            assert!(methods["post"]["responses"]["202"].is_object());
            continue;
        }
        let (status, headers, body) = get(&router, path).await;
        let documented = &methods["get"]["responses"][status.as_str()]["content"];
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        let media = headers["content-type"].to_str().unwrap().split(';').next().unwrap().to_owned();
        assert!(documented[&media].is_object(), "{path} answers {media}, documented is {documented}");
    }
    let parameters = document["paths"]["/v1/kpis"]["get"]["parameters"].as_array().unwrap();
    let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name).unwrap()["schema"].clone();
    let windows: Vec<String> = onpace_kpis::Window::ALL.iter().map(|window| window.name().to_owned()).collect();
    assert_eq!(serde_json::from_value::<Vec<String>>(named("window")["items"]["enum"].clone()).unwrap(), windows);
    let bys: Vec<String> = onpace_kpis::By::ALL.iter().map(|by| by.name().to_owned()).collect();
    assert_eq!(serde_json::from_value::<Vec<String>>(named("by")["enum"].clone()).unwrap(), bys);
}

#[tokio::test]
async fn the_answer_of_kpis_has_the_members_that_are_documented() {
    let router = serving(&store());
    let (_, _, document) = get(&router, "/openapi.json").await;
    let schemas = &document["components"]["schemas"];
    let (_, _, body) = get(&router, "/v1/kpis?by=rep").await;
    let holds = |value: &Value, schema: &Value| {
        let (members, documented) = (value.as_object().unwrap(), schema["properties"].as_object().unwrap());
        assert!(members.keys().all(|name| documented.contains_key(name)), "{members:?}");
        assert!(schema["required"].as_array().unwrap().iter().all(|name| members.contains_key(name.as_str().unwrap())), "{members:?}");
    };
    holds(&body, &schemas["Kpis"]);
    holds(&body["freshness"], &schemas["Freshness"]);
    body["values"].as_array().unwrap().iter().for_each(|row| holds(row, &schemas["Value"]));
}

#[tokio::test]
async fn a_process_without_a_view_shows_its_metrics_and_health() {
    let registry = Registry::new();
    registry.register(Box::new(prometheus::IntCounter::new("onpace_things_total", "Things").unwrap())).unwrap();
    let health =
        Health::new(|| Ok("polling".into()), || Err("the log is away".into())).and(Health::new(|| Ok("b".into()), || Ok("c".into())));
    let router = closed(ops::router(registry, health));
    let (_, _, metrics) = get(&router, "/metrics").await;
    assert!(metrics.as_str().unwrap().contains("onpace_things_total 0\n"));
    problem(&get(&router, "/readyz").await, 503, "the log is away");
    assert_eq!(get(&router, "/healthz").await.2["reason"], "polling; b");
    problem(&get(&router, "/").await, 404, "there is no");
}
