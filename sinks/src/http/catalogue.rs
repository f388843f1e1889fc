//! `/v1/catalogue`: every measure, KPI and window with its definition.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::metrics::Metrics;
use onpace_producers::http::Problem;

/// The catalogue as data.
pub async fn answer(State(metrics): State<Metrics>) -> Result<Response, Problem> {
    let described = serde_json::to_string(&metrics.configuration().now().catalogue.described());
    let text = described
        .map_err(|error| Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, format!("the catalogue can't be written: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text).into_response())
}
