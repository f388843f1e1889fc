//! The HTTP gateway: `POST /v1/events`.
//!
//! In: events as JSON, one, many or a line each, perhaps compressed. Out: the same in the log, and an answer for each.
//! What always holds: 2xx only after the log has every event that is not listed as rejected; memory, time, slow bodies
//! and label values are bounded; every refusal is RFC 9457 problem details.
//! Never here: what an event means. API keys will be a layer around [`router`]; CloudEvents further forms in `media`.

mod body;
mod decode;
mod media;
mod metrics;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prometheus::Registry;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::Seldom;
use crate::doubts::{Doubt, Reps, Words};
use crate::http::{Address, Crowd, Problem, method_not_allowed};
use crate::log::{EventLog, LogError};
use body::Share;
use decode::Batch;
use media::Coding;
use metrics::Metrics;

/// A body this large, or a compressed one, is read on a thread that may be blocked.
const LARGE: usize = 512 * 1024;
/// How much memory a request's entries take, in bytes of its body.
const ENTRIES_FACTOR: usize = 2;

/// What the gateway bears.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A body, after decompression, in bytes.
    pub body_bytes: usize,
    /// All bodies in memory together, in bytes.
    pub memory_bytes: usize,
    /// Requests between their body's last byte and their answer.
    pub in_flight: usize,
    /// How long a body may send nothing.
    pub body_idle: Duration,
    /// How long a body may take.
    pub body_total: Duration,
    /// A body that takes longer than this is a slow one.
    pub brisk: Duration,
    /// Slow bodies at once.
    pub slow_bodies: usize,
    /// Slow bodies of one address at once.
    pub slow_bodies_each: usize,
    /// How long the log may take.
    pub append: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes: 8 << 20,
            memory_bytes: 192 << 20,
            in_flight: 256,
            body_idle: Duration::from_secs(10),
            body_total: Duration::from_secs(30),
            brisk: Duration::from_secs(1),
            slow_bodies: 256,
            slow_bodies_each: 128,
            append: Duration::from_secs(12),
        }
    }
}

/// How the gateway is set up.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// What it bears.
    pub limits: Limits,
    /// The words that some measure looks for: one that is nearly such a word is told.
    pub words: Arc<Words>,
    /// The clock, in microseconds since 1970.
    pub now: fn() -> i64,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        GatewaySettings { limits: Limits::default(), words: Arc::default(), now: system_clock }
    }
}

/// The system's clock, in microseconds since 1970.
pub fn system_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

struct Gateway {
    settings: GatewaySettings,
    log: Arc<dyn EventLog>,
    metrics: Metrics,
    /// The reps that were seen.
    reps: Mutex<Reps>,
    /// The memory that bodies may take, in [`body::UNIT`]s.
    memory: Arc<Semaphore>,
    slow_bodies: Arc<Crowd>,
    in_flight: Semaphore,
    /// Threads that decompress and decode at once.
    decoding: Arc<Semaphore>,
}

/// `POST /v1/events`, without a fallback, so that it can be merged with other routes; its metrics go to the registry.
///
/// # Errors
/// The registry has the gateway's metrics already.
pub fn router(settings: GatewaySettings, log: Arc<dyn EventLog>, registry: &Registry) -> Result<Router, prometheus::Error> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let gateway = Gateway {
        metrics: Metrics::new(registry, &log)?,
        reps: Mutex::default(),
        log,
        memory: Arc::new(Semaphore::new(settings.limits.memory_bytes / body::UNIT)),
        slow_bodies: Crowd::new(settings.limits.slow_bodies, settings.limits.slow_bodies_each),
        in_flight: Semaphore::new(settings.limits.in_flight),
        decoding: Arc::new(Semaphore::new(threads * 2)),
        settings,
    };
    let events = post(post_events).fallback(method_not_allowed);
    Ok(Router::new().route("/v1/events", events).with_state(Arc::new(gateway)))
}

async fn post_events(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    match gateway.take(request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

impl Gateway {
    async fn take(&self, request: Request) -> Result<Response, Problem> {
        let limits = &self.settings.limits;
        let (parts, body) = request.into_parts();
        let (form, coding) = media::read(&parts.headers)?;
        let mut share = Share::new(&self.memory);
        let address = parts.extensions.get().copied().unwrap_or(Address::NOBODY);
        let slow = || self.slow_bodies.join(address).map_err(|full| body::too_many_slow(limits, full, address));
        let sent = body::read(&parts.headers, body, limits, &mut share, slow).await?;
        let _in_flight = self.in_flight.try_acquire().map_err(|_| body::busy())?;

        let mut batch = self.decode(form, coding, sent, &mut share).await?;
        self.metrics.refused(&batch);
        let entries = std::mem::take(&mut batch.entries);
        let accepted = entries.len();
        if accepted > 0 {
            match tokio::time::timeout(limits.append, self.log.append(entries)).await {
                Ok(Ok(())) => self.metrics.taken(&batch, (self.settings.now)()),
                Ok(Err(error)) => return Err(away(&error)),
                Err(_) => return Err(away(&LogError::Away(format!("no acknowledgement within {} s", limits.append.as_secs())))),
            }
        }
        let doubts =
            if accepted > 0 { batch.seen.doubts(Some(&mut self.reps.lock().unwrap_or_else(PoisonError::into_inner))) } else { vec![] };
        self.metrics.doubted(&doubts);
        Ok(answer(accepted, &batch, &doubts))
    }

    async fn decode(&self, form: media::Form, coding: Coding, sent: Vec<u8>, share: &mut Share) -> Result<Batch, Problem> {
        let now_us = (self.settings.now)();
        if coding == Coding::Plain && sent.len() < LARGE {
            share.add(sent.len() * ENTRIES_FACTOR)?;
            return decode::decode(form, &sent, now_us, &self.settings.words);
        }
        // Of what a compressed body becomes nothing is known beforehand, so the number of those at work is what bounds them.
        let turn = Arc::clone(&self.decoding).acquire_owned().await.map_err(|_| body::busy())?;
        let limits = self.settings.limits.clone();
        let plain = blocking(move || body::decompress(coding, sent, &limits)).await?;
        share.add(plain.len() * (1 + ENTRIES_FACTOR))?;
        let words = Arc::clone(&self.settings.words);
        let batch = blocking(move || decode::decode(form, &plain, now_us, &words)).await;
        drop(turn);
        batch
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading a body ended early");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "reading the body ended early; the gateway's log says why"))
    })
}

/// The log's troubles as the client's: what to do is the same, to post it all again.
fn away(error: &LogError) -> Problem {
    static AWAY: Seldom = Seldom::new();
    if let Some(times) = AWAY.again() {
        tracing::warn!(%error, times, "events could not be written");
    }
    match error {
        LogError::Refused(_) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}; the operator has to raise the log's limit"))
        }
        LogError::Away(_) | LogError::Gap { .. } | LogError::Settings(_) => {
            let detail =
                format!("{error}; some of the events may be in the log: post all of them again, an event that is there twice counts once");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
        }
    }
}

/// 202 once all are in the log, 207 when some were refused, 422 when all were.
fn answer(accepted: usize, batch: &Batch, doubts: &[Doubt]) -> Response {
    if accepted == 0 && batch.rejected > 0 {
        let detail = match batch.rejected {
            1 => "the event was refused; `rejected` says why".to_owned(),
            many => format!("all {many} events were refused; `rejected` says why"),
        };
        let mut problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with("accepted", 0).with("rejected", json!(batch.rejections));
        if batch.rejected > batch.rejections.len() {
            problem = problem.with("rejected_total", batch.rejected);
        }
        return problem.into_response();
    }
    let status = if batch.rejected == 0 { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
    let mut body = json!({ "accepted": accepted, "rejected": batch.rejections });
    if batch.rejected > batch.rejections.len() {
        // The list is cut; this is how many there were.
        body["rejected_total"] = batch.rejected.into();
    }
    if !doubts.is_empty() {
        let warning = |doubt: &Doubt| json!({ "doubt": doubt.what.name(), "count": doubt.count, "warning": doubt.text });
        body["warnings"] = doubts.iter().map(warning).collect();
    }
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body.to_string()).into_response()
}
