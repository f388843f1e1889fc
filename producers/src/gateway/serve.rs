//! Serves a router on a listener until told to stop, then lets answers under way finish.
//!
//! In: a bound listener, a router, limits, a token. Out: answers. What always holds: connections are capped, a client that
//! dawdles over its headers is dropped (also one that never says a word), and the end comes at most [`DRAIN`] after it was asked for.
//! HTTP/1.1 only: a proxy in front speaks it, and HTTP/2's own ways to flood a server stay outside.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::problem::Problem;

/// How long answers under way may take once the end was asked for.
const DRAIN: Duration = Duration::from_secs(8);

/// Answers whatever a router does not know with problem details: 404, or 405 for a known path.
pub fn closed(router: Router) -> Router {
    router
        .fallback(async |uri: Uri| {
            let detail = format!("there is no `{}` here; /openapi.json lists what onpace answers, each process its part", uri.path());
            Problem::new(StatusCode::NOT_FOUND, detail)
        })
        .method_not_allowed_fallback(method_not_allowed)
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{}` does not take {method}; the `Allow` header says what it takes", uri.path()))
}

/// Serves until `shutdown` is cancelled. The router should be [`closed`], so that what it does not know is a problem in words.
///
/// # Errors
/// None after the start; a connection that fails is its own affair.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: CancellationToken) -> io::Result<()> {
    let service = TowerToHyperService::new(router);
    let mut server = Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(limits.header_bytes).half_close(false);
    let server = Arc::new(server);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = next(&listener, &places) => accepted,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a client gone before it was accepted: both pass.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it small answers wait for the client's acknowledgement; a socket that can't do it still serves.
        let _ = stream.set_nodelay(true);
        let connection = server.serve_connection(TokioIo::new(stream), service.clone()).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some answers took longer than {} s and were cut off", DRAIN.as_secs());
    }
    Ok(())
}

/// The next connection, once there is a place for it; until then it waits in the listener's queue.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}
