//! `/v1/kpis`: values, with how fresh they are.
//!
//! In: a query, the view. Out: JSON, an ETag, or problem details. What always holds: values that are not whole are not
//! given (503 says why); whole values of a store that is away are given with their age.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onpace_kpis::slot::round_up;
use onpace_kpis::{Row, Unconvertible};
use onpace_schemas::time::{show_date, show_instant};
use serde::Serialize;

use crate::evaluation::{Evaluation, Folded};
use crate::http::pieces::Pieces;
use crate::metrics::Metrics;
use crate::question::{Asked, Refused, Wrong};
use crate::view::{Picture, Standing, State as Word, View, now_ms};
use onpace_producers::http::Problem;

/// More values than this are refused rather than held in memory.
const MOST_VALUES: usize = 500_000;

/// An answer.
#[derive(Serialize)]
struct Answer<'a> {
    at: String,
    time_zone: &'a str,
    configuration: String,
    freshness: Freshness,
    #[serde(skip_serializing_if = "Option::is_none")]
    folded: Option<Together>,
    values: Vec<Row>,
}

/// What has no rows of its own.
#[derive(Serialize)]
struct Together {
    count: usize,
    into: String,
    reason: String,
}

impl From<Folded> for Together {
    fn from(folded: Folded) -> Together {
        Together { count: folded.count, into: folded.into.to_string(), reason: folded.words() }
    }
}

/// How fresh an answer is.
#[derive(Clone, Debug, Hash, Serialize)]
pub(super) struct Freshness {
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
    let evaluation = metrics.configuration().now();
    let asked = Asked::read(&pairs, &evaluation)?;
    let held = held(&headers);
    super::blocking(move || work(metrics.view(), &evaluation, &asked, &raw.unwrap_or_default(), &held)).await?
}

/// The tags that a client has answers of.
pub(super) fn held(headers: &HeaderMap) -> String {
    headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Problem {
        Problem::bad_request(wrong.why).with("parameter", wrong.parameter)
    }
}

/// A whole picture asked at an instant: when, as fresh as what, and the tag of its answer.
pub(super) struct Whole {
    pub at_us: i64,
    pub freshness: Freshness,
    pub tag: String,
}

/// The picture if it is whole, and its answer's tag; `Err` has what is answered where it isn't, or where the client has the answer.
pub(super) fn whole(
    picture: &Picture,
    evaluation: &Evaluation,
    at_us: Option<i64>,
    raw: &str,
    held: &str,
) -> Result<Whole, Box<Result<Response, Problem>>> {
    let now_ms = now_ms();
    let standing = picture.known.standing(now_ms);
    if !standing.whole {
        return Err(Box::new(Err(not_whole(standing, evaluation))));
    }
    let at_us = at_us.unwrap_or(now_ms / 1000 * 1_000_000);
    let freshness = Freshness::from(standing);
    let tag = tag(picture, evaluation, at_us, &freshness, raw);
    if held.split(',').any(|one| one.trim() == tag) {
        return Err(Box::new(Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response())));
    }
    Ok(Whole { at_us, freshness, tag })
}

/// JSON with its tag.
pub(super) fn tagged(answer: &impl Serialize, tag: String) -> Result<Response, Problem> {
    let mut pieces = Pieces::default();
    serde_json::to_writer(&mut pieces, answer)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the values can't be written: {error}")))?;
    let weight = pieces.weight();
    let mut response = ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], pieces.body()).into_response();
    response.extensions_mut().insert(weight);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

fn work(view: &View, evaluation: &Evaluation, asked: &Asked, raw: &str, held: &str) -> Result<Response, Problem> {
    let picture = view.read();
    let whole = match whole(&picture, evaluation, asked.at_us, raw, held) {
        Ok(whole) => whole,
        Err(answer) => return *answer,
    };
    let values = asked.rows(evaluation, &picture.tally, whole.at_us, MOST_VALUES).map_err(refused)?;
    let folded = evaluation.folded(&picture.tally, asked.by).map(Together::from);
    let answer = Answer {
        at: show_instant(whole.at_us),
        time_zone: evaluation.zone(),
        configuration: evaluation.configuration(),
        freshness: whole.freshness,
        folded,
        values,
    };
    tagged(&answer, whole.tag)
}

/// Changes whenever the answer would, but for `at`: two instants in one slot have one answer.
fn tag(picture: &Picture, evaluation: &Evaluation, at_us: i64, freshness: &Freshness, raw: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (picture.known.began_ms, picture.version, evaluation.version, round_up(at_us), freshness, raw).hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::Wrong(wrong) => wrong.into(),
        Refused::Unconvertible(why) => unconvertible(why),
    }
}

/// Money that can't be converted: 422, with the file, the day and the currency that a rate is missing of.
fn unconvertible(why: Unconvertible) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()).with("parameter", "currency");
    match why {
        Unconvertible::Missing(missing) => {
            problem.with("file", missing.file.as_str()).with("day", show_date(missing.day)).with("currency", missing.currency.code())
        }
        Unconvertible::NoRates { currency, .. } => problem.with("currency", currency.code()),
        Unconvertible::Nothing { to, day, .. } => problem.with("day", day).with("currency", to.code()),
    }
}

fn not_whole(standing: Standing, evaluation: &Evaluation) -> Problem {
    let what = match standing.state {
        Word::StoreAway => "the store is away and was never read whole",
        Word::Loading => "the store is being read",
        _ => "the numbers are being folded and are not whole yet",
    };
    let detail = format!("{what}: {}", standing.reason);
    let freshness = serde_json::to_value(Freshness::from(standing)).unwrap_or_default();
    Problem::unavailable(detail, 1).with("freshness", freshness).with("time_zone", evaluation.zone())
}
