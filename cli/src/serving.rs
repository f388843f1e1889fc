//! Where a command listens, what to do when that place is taken, and when it is ready to take events.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use onpace_producers::log::EventLog;
use onpace_sinks::Health;
use tokio::net::TcpListener;

/// The health of a process that writes to the log: alive as it says itself, ready as long as the log takes events.
pub fn health(live: impl Fn() -> Result<String, String> + Send + Sync + 'static, log: Arc<dyn EventLog>) -> Health {
    Health::new(live, move || takes_events(&*log))
}

/// Whether the log takes events, in words.
pub fn takes_events(log: &dyn EventLog) -> Result<String, String> {
    log.ready().map(|()| "the log takes events".into()).map_err(|why| why.to_string())
}

/// Listens at an address.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.with_context(|| match listen.port() {
        0 => format!("can't listen on {listen}"),
        port => {
            let next = SocketAddr::new(listen.ip(), port.checked_add(1).unwrap_or(8080));
            format!("can't listen on {listen}: is another onpace at work there? Choose another place with --listen {next}")
        }
    })
}
