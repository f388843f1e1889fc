//! Serving until it is time to stop, on the one server that the gateway has too: its limits on headers, time and connections hold here as well.

use std::io;

use axum::Router;
use onpace_producers::http::{Doors, layered, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop` is cancelled. The router is [`layered`]: whatever it does not know is answered as problem details, and what is asked is
/// counted in the registry.
///
/// # Errors
/// None after the start; a connection that fails is its own affair.
pub async fn run(listener: TcpListener, router: Router, doors: Doors, stop: CancellationToken) -> io::Result<()> {
    let router = layered(router, &doors);
    serve(listener, router, doors, stop).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::sync::Arc;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_answers_under_way_and_takes_no_more() {
        let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (heard, wait) = (asked.clone(), go.clone());
        let slow = move || async move {
            asked.notify_one();
            go.notified().await;
            "done"
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(run(listener, Router::new().route("/slow", get(slow)), Doors::usual().unwrap(), stop.clone()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        heard.notified().await;
        stop.cancel();
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        wait.notify_one();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_nobody_routes_is_a_problem() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(run(listener, Router::new(), Doors::usual().unwrap(), stop.clone()));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("application/problem+json"), "{answer}");
        stop.cancel();
        serving.await.unwrap().unwrap();
    }
}
