//! `/v1/kpis`: values, with how fresh they are.
//!
//! In: a query, the view. Out: JSON, an ETag, or problem details. What always holds: values that are not whole are not
//! given (503 says why); whole values of a store that is away are given with their age.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onpace_kpis::slot::round_up;
use onpace_kpis::{By, KpiNo, Row};
use onpace_schemas::time::show_instant;
use serde::Serialize;

use crate::evaluation::Evaluation;
use crate::http::query::{Asked, Wrong};
use crate::metrics::Metrics;
use crate::view::{Picture, Standing, State as Word, View, now_ms};
use onpace_producers::gateway::Problem;

/// More values than this are refused rather than held in memory.
const MOST_VALUES: usize = 500_000;

/// An answer.
#[derive(Serialize)]
struct Answer<'a> {
    at: String,
    time_zone: &'a str,
    freshness: Freshness,
    values: Vec<Row>,
}

/// How fresh an answer is.
#[derive(Clone, Debug, Hash, Serialize)]
struct Freshness {
    state: &'static str,
    as_of: Option<String>,
    lag_events: i64,
    reason: Option<String>,
}

impl From<Standing> for Freshness {
    fn from(standing: Standing) -> Freshness {
        Freshness {
            state: standing.state.name(),
            as_of: standing.as_of_ms.map(|ms| show_instant(ms * 1000)),
            lag_events: standing.lag_events,
            reason: Some(standing.reason).filter(|reason| !reason.is_empty()),
        }
    }
}

/// Answers a query.
pub async fn answer(
    State(metrics): State<Metrics>,
    RawQuery(raw): RawQuery,
    query: Result<Query<Vec<(String, String)>>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(pairs) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let asked = Asked::read(&pairs)?;
    let kpis = metrics.evaluation().catalogue.select(asked.kpis.iter().map(String::as_str));
    let kpis = kpis.map_err(|why| Problem::from(Wrong { parameter: "kpi".into(), why }))?;
    let held = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    super::blocking(move || work(metrics.view(), metrics.evaluation(), &asked, &kpis, &raw.unwrap_or_default(), &held)).await?
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Problem {
        Problem::bad_request(wrong.why).with("parameter", wrong.parameter)
    }
}

fn work(view: &View, evaluation: &Evaluation, asked: &Asked, kpis: &[KpiNo], raw: &str, held: &str) -> Result<Response, Problem> {
    let (at_us, tag, freshness, values) = {
        let picture = view.read();
        let now_ms = now_ms();
        let standing = picture.known.standing(now_ms);
        if !standing.whole {
            return Err(not_whole(standing, evaluation));
        }
        let at_us = asked.at_us.unwrap_or(now_ms / 1000 * 1_000_000);
        let freshness = Freshness::from(standing);
        let tag = tag(&picture, at_us, &freshness, raw);
        if held.split(',').any(|one| one.trim() == tag) {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
        }
        (at_us, tag, freshness, values(&picture, evaluation, asked, kpis, at_us)?)
    };
    let answer = Answer { at: show_instant(at_us), time_zone: evaluation.zone(), freshness, values };
    let text = serde_json::to_string(&answer)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the values can't be written: {error}")))?;
    let mut response = ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text).into_response();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Changes whenever the answer would, but for `at`: two instants in one slot have one answer.
fn tag(picture: &Picture, at_us: i64, freshness: &Freshness, raw: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (picture.known.began_ms, picture.version, round_up(at_us), freshness, raw).hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn values(picture: &Picture, evaluation: &Evaluation, asked: &Asked, kpis: &[KpiNo], at_us: i64) -> Result<Vec<Row>, Problem> {
    let tally = &picture.tally;
    let reps = match asked.by {
        By::Rep if asked.reps.is_empty() => tally.reps().count(),
        _ => asked.reps.len().max(1),
    };
    let each = asked.windows.len() * if kpis.is_empty() { evaluation.catalogue.kpis.len() } else { kpis.len() };
    if reps.saturating_mul(each) > MOST_VALUES {
        let why = format!("that would be {reps} × {each} values, more than {MOST_VALUES}; name fewer with `kpi`, `window` or `rep`");
        return Err(Problem::bad_request(why));
    }
    if asked.reps.is_empty() {
        return Ok(evaluation.rows(tally, at_us, asked.by, &asked.windows, kpis, None));
    }
    let of = |rep: &String| evaluation.rows(tally, at_us, By::Rep, &asked.windows, kpis, Some(rep));
    Ok(asked.reps.iter().flat_map(of).collect())
}

fn not_whole(standing: Standing, evaluation: &Evaluation) -> Problem {
    let what = match standing.state {
        Word::StoreAway => "the store is away and was never read whole",
        Word::Loading => "the store is being read",
        _ => "the numbers are being folded anew and are not whole yet",
    };
    let detail = format!("{what}: {}", standing.reason);
    let freshness = serde_json::to_value(Freshness::from(standing)).unwrap_or_default();
    Problem::unavailable(detail, 1).with("freshness", freshness).with("time_zone", evaluation.zone())
}
