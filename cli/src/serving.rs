//! Where a command listens, and what to do when that place is taken.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::net::TcpListener;

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
