//! The live page: its files, in the binary.
//!
//! It shows what `/v1/kpis` and `/v1/objectives` say and computes nothing. Never here: anything loaded from elsewhere; text set as markup.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const HTML: &str = include_str!("page/index.html");
const TEXTS: &str = include_str!("page/texts.js");
const OBJECTIVES: &str = include_str!("page/objectives.js");
const SCRIPT: &str = include_str!("page/onpace.js");
const STYLE: &str = include_str!("page/onpace.css");

/// What the page may do: load its own files and ask its own server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/` and the files it names.
pub fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { file(HTML, "text/html; charset=utf-8") }))
        .route("/texts.js", get(|| async { file(TEXTS, "text/javascript; charset=utf-8") }))
        .route("/objectives.js", get(|| async { file(OBJECTIVES, "text/javascript; charset=utf-8") }))
        .route("/onpace.js", get(|| async { file(SCRIPT, "text/javascript; charset=utf-8") }))
        .route("/onpace.css", get(|| async { file(STYLE, "text/css; charset=utf-8") }))
}

fn file(text: &'static str, media_type: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
