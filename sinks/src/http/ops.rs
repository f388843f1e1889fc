//! The routes of a process without a view (gateway, processor): its own metrics, and its health.
//!
//! In: the process's registry, its health. Out: `/metrics`, `/healthz`, `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::Registry;

use crate::health::Health;
use crate::http::health;
use crate::metrics::exposition::{Format, page};
use crate::metrics::pipeline;

/// `/metrics`, `/healthz` and `/readyz` of a process without a view.
pub fn router(registry: Registry, health: Health) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(Arc::new(registry)).merge(health::routes(health))
}

async fn metrics(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    let mut families = pipeline::families(&registry);
    families.push(pipeline::build_info());
    let format = format_of(&headers);
    exposed(page(&families, format).into(), format)
}

/// The format that a scrape asks for.
pub(crate) fn format_of(headers: &HeaderMap) -> Format {
    let accept: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    Format::accepted(&accept.join(","))
}

/// A page of metrics as an answer.
pub(crate) fn exposed(page: Body, format: Format) -> Response {
    ([(header::CONTENT_TYPE, format.media_type()), (header::VARY, "accept"), (header::CACHE_CONTROL, "no-store")], page).into_response()
}
