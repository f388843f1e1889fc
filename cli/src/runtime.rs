//! What asynchronous work runs on.

use std::fs::File;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

/// So many files it takes to begin: its own, and what listens for signals.
const FILES: usize = 12;

/// What is still being done when all that was to be done is over, a question to a server that doesn't answer, is waited for so long.
const LAST: Duration = Duration::from_secs(2);

/// Does some work to its end; too few files that may be open are an error in words here, and would be a panic in there.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    if cfg!(unix) {
        let spare: std::io::Result<Vec<File>> = (0..FILES).map(|_| File::open("/dev/null")).collect();
        spare.context("there is no beginning")?;
    }
    let runtime = Runtime::new().context("there is no beginning")?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(LAST);
    done
}
