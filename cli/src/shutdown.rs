//! When to stop: at SIGTERM, Ctrl-C or when the terminal is closed, once politely, the second time at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// A request to stop, for tasks (a token) and for threads (a flag).
#[derive(Clone, Default)]
pub struct Shutdown {
    /// Cancelled when it is time.
    pub token: CancellationToken,
    /// Set when it is time.
    pub flag: Arc<AtomicBool>,
}

impl Shutdown {
    /// Asks everything to stop.
    pub fn request(&self) {
        self.flag.store(true, Ordering::Relaxed);
        self.token.cancel();
    }

    /// Listens for signals from now on; within a tokio runtime.
    pub fn on_signals() -> std::io::Result<Shutdown> {
        use tokio::signal::unix::{SignalKind, signal};
        let shutdown = Shutdown::default();
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut hang_up = signal(SignalKind::hangup())?;
        let asked = shutdown.clone();
        tokio::spawn(async move {
            for second in [false, true] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                    _ = hang_up.recv() => {}
                }
                if second {
                    std::process::exit(1);
                }
                asked.request();
                tracing::info!("stopping; ask again to stop at once");
            }
        });
        Ok(shutdown)
    }
}
