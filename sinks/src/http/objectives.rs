//! `/v1/objectives`: how every objective stands, with how fresh that is.
//!
//! In: a query, the view. Out: JSON, an ETag, or problem details. Never here: how a state is decided.

use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use onpace_kpis::objective::{Completeness, Standing, Standings};
use onpace_schemas::time::show_instant;
use serde::Serialize;

use super::kpis::{Freshness, held, tagged, whole};
use crate::evaluation::Evaluation;
use crate::metrics::Metrics;
use crate::question::ObjectivesAsked;
use crate::view::{View, now_ms};
use onpace_producers::http::Problem;

/// An answer.
#[derive(Serialize)]
struct Answer<'a> {
    at: String,
    time_zone: &'a str,
    configuration: String,
    freshness: Freshness,
    objectives: Vec<Standing>,
    /// Why some are incomplete; left out where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<Incomplete>,
    /// Objectives that can't be judged, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unconvertible: Vec<Unjudged>,
}

/// What has not arrived.
#[derive(Serialize)]
struct Incomplete {
    /// The processors are behind the log's end, or the store isn't read.
    behind: bool,
    /// Kinds of events that a live source has been silent about for too long.
    silent: Vec<&'static str>,
}

impl Incomplete {
    fn of(completeness: &Completeness) -> Option<Incomplete> {
        let silent: Vec<&'static str> = completeness.silent.iter().map(|kind| kind.name()).collect();
        (completeness.behind || !silent.is_empty()).then_some(Incomplete { behind: completeness.behind, silent })
    }
}

/// An objective that can't be judged.
#[derive(Serialize)]
struct Unjudged {
    objective: String,
    error: String,
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
    let asked = ObjectivesAsked::read(&pairs, &evaluation)?;
    let held = held(&headers);
    super::blocking(move || work(metrics.view(), &evaluation, &asked, &raw.unwrap_or_default(), &held)).await?
}

fn work(view: &View, evaluation: &Evaluation, asked: &ObjectivesAsked, raw: &str, held: &str) -> Result<Response, Problem> {
    let (whole, standings, incomplete) = {
        let picture = view.read();
        let now_ms = now_ms();
        let completeness = picture.known.completeness(&evaluation.roster, asked.at_us.unwrap_or(now_ms * 1000), now_ms);
        // What is incomplete is a part of the answer.
        let whole = match whole(&picture, evaluation, asked.at_us, &format!("{raw} {completeness:?}"), held) {
            Ok(whole) => whole,
            Err(answer) => return *answer,
        };
        let standings = evaluation.standings(&picture.tally, whole.at_us, &completeness);
        (whole, standings, Incomplete::of(&completeness))
    };
    let Standings { rows, unconvertible } = standings;
    if rows.is_empty() && !unconvertible.is_empty() {
        let why: Vec<String> = unconvertible.iter().map(|(id, why)| format!("{id}: {why}")).collect();
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why.join("; ")));
    }
    let answer = Answer {
        at: show_instant(whole.at_us),
        time_zone: evaluation.zone(),
        configuration: evaluation.configuration(),
        freshness: whole.freshness,
        objectives: rows.into_iter().filter(|row| asked.wants(row)).collect(),
        incomplete,
        unconvertible: unconvertible.into_iter().map(|(id, why)| Unjudged { objective: id.to_string(), error: why.to_string() }).collect(),
    };
    tagged(&answer, whole.tag)
}
