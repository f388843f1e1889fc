//! `/healthz` and `/readyz`: is it alive, can it serve, and if not, why.
//!
//! In: two questions that the process answers for itself. Out: 200, or 503 with the reason as problem details.
//! Liveness is about progress only: a store or a log that is away makes a process unready, never dead.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use onpace_producers::http::Problem;

use crate::health::Health;

/// The two routes.
pub fn routes(health: Health) -> Router {
    Router::new().route("/healthz", get(live)).route("/readyz", get(ready)).with_state(health)
}

async fn live(State(health): State<Health>) -> Response {
    answer(health.live(), "alive")
}

async fn ready(State(health): State<Health>) -> Response {
    answer(health.ready(), "ready")
}

fn answer(answer: Result<String, String>, word: &str) -> Response {
    match answer {
        Ok(reason) => (
            [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")],
            json!({ "status": word, "reason": reason }).to_string(),
        )
            .into_response(),
        Err(reason) => Problem::unavailable(format!("not {word}: {reason}"), 2).into_response(),
    }
}
