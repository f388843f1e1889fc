//! HTTP: the routes that answer questions, and how they are served.
//!
//! In: a view, a registry. Out: `/metrics`, `/v1/kpis`, `/v1/objectives`, `/v1/catalogue`, `/v1/roster`, `/openapi.json`, `/healthz`, `/readyz`, `/`.
//! What always holds: every error is problem details; an answer carries how fresh it is. Never here: a number that
//! `evaluate` did not give.

pub mod catalogue;
pub mod health;
pub mod kpis;
pub mod objectives;
pub mod ops;
mod page;
mod pieces;
mod roster;
mod run;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::get;

pub use crate::health::Health;
pub use run::run;

use crate::metrics::Metrics;
use onpace_producers::http::Problem;

const OPENAPI: &str = include_str!("openapi.json");

/// Every route of a sink. It has no fallback of its own, so that it can be merged with the gateway's; [`run()`] adds one.
pub fn router(metrics: Metrics) -> Router {
    let health = metrics.health();
    router_with_health(metrics, health)
}

/// As [`router`], in a process that does more: its health is given.
pub fn router_with_health(metrics: Metrics, health: Health) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/v1/kpis", get(kpis::answer))
        .route("/v1/objectives", get(objectives::answer))
        .route("/v1/catalogue", get(catalogue::answer))
        .route("/v1/roster", get(roster::answer))
        .with_state(metrics)
        .route("/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], OPENAPI) }))
        .merge(health::routes(health))
        .merge(page::routes())
}

async fn scrape(State(metrics): State<Metrics>, headers: HeaderMap) -> Response {
    let format = ops::format_of(&headers);
    // What is worked out is shared between scrapes; the rest is small.
    let page = metrics.page(format);
    let weight = page.weight();
    let mut response = ops::exposed(page.into_body(), format);
    response.extensions_mut().insert(weight);
    response
}

/// Runs what would hold up other requests on a thread of its own. How many are at work at once is bounded by whoever serves.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let problem =
        |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be worked out; the log of this process says why");
    tokio::task::spawn_blocking(work).await.map_err(problem)
}
