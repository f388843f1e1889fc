//! What asynchronous work runs on.

use std::fs::File;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

/// So many files it takes to begin: its own, and what listens for signals.
const FILES: usize = 12;

/// A runtime; too few files that may be open are an error in words here, and would be a panic in there.
pub fn runtime() -> Result<Runtime> {
    if cfg!(unix) {
        let spare: std::io::Result<Vec<File>> = (0..FILES).map(|_| File::open("/dev/null")).collect();
        spare.context("there is no beginning")?;
    }
    Runtime::new().context("there is no beginning")
}
