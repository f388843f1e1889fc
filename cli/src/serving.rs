//! Where a command listens, what to do when that place is taken, who may come in, and when it is ready to take events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use onpace_producers::files;
use onpace_producers::gateway::GatewaySettings;
use onpace_producers::http::{Book, Doors, Limits, Names};
use onpace_producers::log::{EventLog, LogError};
use onpace_sinks::Health;
use onpace_sinks::serving::machine;
use prometheus::Registry;
use tokio::net::TcpListener;

use crate::args;
use crate::shutdown::Shutdown;
use crate::usage::usage;

/// Open files that are not connections: the log's, the store's, the libraries'.
const OTHER_FILES: u64 = 128;
/// How often it is looked whether the log is there yet.
const LOOK: Duration = Duration::from_millis(200);
/// Questions that wait for each that is worked on.
const WAITING: usize = 15;

/// The health of a process that writes to the log: alive as it says itself, ready as long as the log takes events.
pub fn health(live: impl Fn() -> Result<String, String> + Send + Sync + 'static, log: Arc<dyn EventLog>) -> Health {
    Health::new(live, move || takes_events(&*log))
}

/// Whether the log takes events, in words.
pub fn takes_events(log: &dyn EventLog) -> Result<String, String> {
    log.ready().map(|()| "the log takes events".into()).map_err(|why| why.to_string())
}

/// Waits until the log is there. One that can't hold events ends the process.
///
/// # Errors
/// Why it can't.
pub async fn opened(log: Arc<dyn EventLog>, shutdown: Shutdown) -> Result<()> {
    loop {
        match log.ready() {
            Ok(()) => return Ok(()),
            Err(refusal @ LogError::Settings(_)) => {
                shutdown.request();
                return Err(refusal.into());
            }
            Err(_) => {}
        }
        tokio::select! {
            () = shutdown.token.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
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

/// Who may come in through a listener, and how many.
pub fn doors(flags: &args::Doors, questions: Option<args::Questions>, listener: &TcpListener, registry: &Registry) -> Result<Doors> {
    let names =
        Names::new(&flags.allowed_hosts, listener.local_addr()?, machine()).map_err(|why| usage(format!("--allowed-host: {why}")))?;
    let mut limits = Limits { answers_bytes: flags.answers_mib << 20, ..Limits::default() };
    if let Some(args::Questions { questions }) = questions {
        (limits.questions, limits.questions_waiting) = (questions, questions * WAITING);
    }
    let (connections, reserve) = within_files(flags.connections, limits.reserve, files::allow_most());
    if connections < flags.connections {
        tracing::warn!(
            "this process may have {} files open, so it serves {connections} connections at once and not {} (--connections); raise the \
             limit (`ulimit -n`, LimitNOFILE= of systemd)",
            files::most(),
            flags.connections
        );
    }
    (limits.connections, limits.reserve) = (connections, reserve);
    limits.connections_each = flags.connections_per_address.unwrap_or(connections.div_ceil(2)).min(connections);
    Ok(Doors { limits, names, book: Book::new(registry)? })
}

/// The gateway as the flags have it.
pub fn gateway_settings(bodies: Option<args::Bodies>) -> GatewaySettings {
    let mut settings = GatewaySettings::default();
    if let Some(args::Bodies { slow_bodies }) = bodies {
        (settings.limits.slow_bodies, settings.limits.slow_bodies_each) = (slow_bodies, slow_bodies.div_ceil(2));
    }
    settings
}

/// Connections, and those in reserve, that so many open files are enough for.
fn within_files(connections: usize, reserve: usize, files: u64) -> (usize, usize) {
    let room = usize::try_from(files - OTHER_FILES.min(files / 8 * 5)).unwrap_or(usize::MAX);
    let reserve = reserve.min(room.div_ceil(8));
    (connections.min(room - reserve), reserve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_rest() {
        assert_eq!(within_files(2048, 64, 1 << 20), (2048, 64));
        assert_eq!(within_files(2048, 64, u64::MAX), (2048, 64));
        assert_eq!(within_files(2048, 64, 1024), (832, 64));
        assert_eq!(within_files(2048, 64, 64), (21, 3));
        assert_eq!(within_files(16, 64, 64), (16, 3));
    }
}
