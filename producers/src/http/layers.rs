//! What every answer goes through, whichever process gives it: closed, compressed where that is asked for, measured.
//!
//! In: a router, the doors. Out: the router that is served. What always holds: labels are the routes' own templates and classes of status, never
//! what a client wrote; a request is in flight until its last byte is taken or its client is gone; what an answer holds in memory is known also
//! where it is sent compressed ([`Weight`]). Never here: what an answer says.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use onpace_metrics::table;
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use super::{Doors, Weight, closed};

/// Answers smaller than this are sent as they are.
const WORTH_BYTES: u64 = 1_024;
/// The route of what no route is for.
const UNROUTED: &str = "unrouted";
/// The class of an answer that nobody waited for.
const ABANDONED: &str = "abandoned";

/// A registry that knows how the process is: its memory, its processor time, its open files.
///
/// # Errors
/// Never: a new registry has no such metrics yet.
pub fn registry() -> Result<Registry, prometheus::Error> {
    let registry = Registry::new();
    #[cfg(target_os = "linux")]
    registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
    Ok(registry)
}

/// A router ready to be served: what it does not know is a problem in words, answers are compressed when asked, requests are counted.
pub fn layered(router: Router, doors: &Doors) -> Router {
    let worth = SizeAbove::new(WORTH_BYTES).and(NotForContentType::SSE).and(NotForContentType::IMAGES);
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth);
    let measures = doors.book.measures.clone();
    closed(router).layer(from_fn(hold)).layer(compression).layer(from_fn_with_state(measures, measure))
}

/// Notes an answer's size before it is compressed.
async fn hold(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let size = response.body().size_hint();
    if response.extensions().get::<Weight>().is_none() {
        response.extensions_mut().insert(Weight(size.exact().unwrap_or(size.lower())));
    }
    response
}

/// What is measured of requests; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    answered: IntCounterVec,
    took: HistogramVec,
    in_flight: IntGauge,
}

impl Measures {
    pub fn register(registry: &Registry) -> Result<Measures, prometheus::Error> {
        let measures = Measures {
            answered: table::HTTP_REQUESTS.counters()?,
            took: table::HTTP_REQUEST_DURATION.histograms(&[0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0])?,
            in_flight: table::HTTP_REQUESTS_IN_FLIGHT.gauge()?,
        };
        registry.register(Box::new(measures.answered.clone()))?;
        registry.register(Box::new(measures.took.clone()))?;
        registry.register(Box::new(measures.in_flight.clone()))?;
        Ok(measures)
    }
}

/// A request in flight: what is known of it is counted when this is dropped.
struct InFlight {
    measures: Measures,
    route: Arc<str>,
    code: &'static str,
    began: Instant,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Measures { answered, took, in_flight } = &self.measures;
        in_flight.dec();
        answered.with_label_values(&[&*self.route, self.code]).inc();
        took.with_label_values(&[&*self.route]).observe(self.began.elapsed().as_secs_f64());
    }
}

async fn measure(State(measures): State<Measures>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(UNROUTED, MatchedPath::as_str).into();
    measures.in_flight.inc();
    let mut in_flight = InFlight { measures, route, code: ABANDONED, began: Instant::now() };
    let response = next.run(request).await;
    in_flight.code = match response.status().as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    response.map(|inner| Body::new(Measured { inner, _in_flight: in_flight }))
}

/// A body that is in flight for as long as it is there.
struct Measured {
    inner: Body,
    _in_flight: InFlight,
}

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Read;

    use axum::http::{StatusCode, header};
    use axum::routing::get;
    use tower::ServiceExt;

    use super::super::{Book, Limits};
    use super::*;

    fn layered(router: Router, registry: &Registry) -> Router {
        let doors = Doors { limits: Limits::default(), book: Book::new(registry).unwrap(), ..Doors::usual().unwrap() };
        super::layered(router, &doors)
    }

    fn counted(registry: &Registry) -> Vec<String> {
        let families = registry.gather();
        let family = families.iter().find(|family| family.name() == "onpace_http_requests_total");
        let metrics = family.map(|family| family.get_metric()).unwrap_or_default();
        let of = |metric: &prometheus::proto::Metric| {
            let labels: Vec<_> = metric.get_label().iter().map(|label| label.value().to_owned()).collect();
            format!("{} {}", labels.join(" "), metric.get_counter().get_value())
        };
        metrics.iter().map(of).collect()
    }

    fn in_flight(registry: &Registry) -> f64 {
        let families = registry.gather();
        families.iter().find(|family| family.name() == "onpace_http_requests_in_flight").unwrap().get_metric()[0].get_gauge().get_value()
    }

    async fn ask(router: &Router, path: &str, accept: &str) -> Response {
        let request = Request::get(path).header(header::ACCEPT_ENCODING, accept).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn requests_are_counted_by_route_and_class_whatever_clients_write() {
        let registry = Registry::new();
        let router = Router::new().route("/v1/reps/{rep}", get(async || StatusCode::IM_A_TEAPOT)).route("/fine", get(async || "fine"));
        let router = layered(router, &registry);
        for path in ["/v1/reps/a", "/v1/reps/b?x=1", "/fine", "/nowhere/1", "/nowhere/2"] {
            drop(ask(&router, path, "").await);
        }
        let posted = Request::post("/fine").body(Body::empty()).unwrap();
        drop(router.clone().oneshot(posted).await.unwrap());
        // Labels come sorted by name: code, route.
        assert_eq!(counted(&registry), ["2xx /fine 1", "4xx /fine 1", "4xx /v1/reps/{rep} 2", "4xx unrouted 2"]);
    }

    #[tokio::test]
    async fn a_request_is_in_flight_until_its_body_is_gone() {
        let registry = Registry::new();
        let router = layered(Router::new().route("/", get(async || "some words")), &registry);
        let answer = ask(&router, "/", "").await;
        assert_eq!((in_flight(&registry), counted(&registry).len()), (1.0, 0));
        drop(answer);
        assert_eq!((in_flight(&registry), counted(&registry)), (0.0, vec!["2xx / 1".to_owned()]));
    }

    #[tokio::test]
    async fn what_is_worth_it_is_compressed_when_asked() {
        let long = "onpace_calls_made{rep=\"marie\"} 3\n".repeat(1_000);
        let (page, small) = (long.clone(), "short");
        let router = Router::new().route("/long", get(async move || page)).route("/short", get(async move || small));
        let router = layered(router, &Registry::new());
        let read = async |path: &str, accept: &str| {
            let answer = ask(&router, path, accept).await;
            assert_eq!(answer.extensions().get::<Weight>().unwrap().0, if path == "/long" { long.len() as u64 } else { 5 });
            let coding = answer.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap().to_owned());
            (coding, axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap())
        };
        let (coding, sent) = read("/long", "gzip").await;
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&sent[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!((coding.as_deref(), &unpacked), (Some("gzip"), &long));
        assert!(sent.len() * 20 < long.len(), "{} bytes of {}", sent.len(), long.len());
        let (coding, sent) = read("/long", "zstd, gzip;q=0.5").await;
        assert_eq!((coding.as_deref(), zstd::decode_all(&sent[..]).unwrap()), (Some("zstd"), long.clone().into_bytes()));
        assert_eq!(read("/long", "").await, (None, long.clone().into()));
        assert_eq!(read("/short", "gzip").await, (None, small.into()));
    }
}
