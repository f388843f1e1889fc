//! `/healthz` and `/readyz`: is it alive, can it serve, and if not, why.
//!
//! In: two questions that the process answers for itself. Out: 200, or 503 with the reason as problem details.
//! Liveness is about progress only: a store or a log that is away makes a process unready, never dead.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use onpace_producers::http::Problem;

type Question = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// How a process says that it is alive and ready.
#[derive(Clone)]
pub struct Health {
    live: Question,
    ready: Question,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("live", &(self.live)()).field("ready", &(self.ready)()).finish()
    }
}

impl Health {
    /// Both questions: each answers `Ok` with a few words, or `Err` with the reason. They are asked at every probe and must not block.
    pub fn new(
        live: impl Fn() -> Result<String, String> + Send + Sync + 'static,
        ready: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Health {
        Health { live: Arc::new(live), ready: Arc::new(ready) }
    }

    /// Alive and ready as long as both are: for one process that does the work of two.
    pub fn and(self, other: Health) -> Health {
        let both = |one: Question, two: Question| {
            move || match (one(), two()) {
                (Ok(one), Ok(two)) => Ok(if one == two { one } else { format!("{one}; {two}") }),
                (Err(one), Err(two)) => Err(format!("{one}; {two}")),
                (Err(reason), _) | (_, Err(reason)) => Err(reason),
            }
        };
        Health::new(both(self.live, other.live), both(self.ready, other.ready))
    }
}

/// The two routes.
pub fn routes(health: Health) -> Router {
    Router::new().route("/healthz", get(live)).route("/readyz", get(ready)).with_state(health)
}

async fn live(State(health): State<Health>) -> Response {
    answer((health.live)(), "alive")
}

async fn ready(State(health): State<Health>) -> Response {
    answer((health.ready)(), "ready")
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
