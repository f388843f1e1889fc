//! `onpace inspect`: any key of the store in words.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use onpace_schemas::printable_lines;

use crate::args::{self, Inspect};
use crate::as_served::as_served;
use crate::engine;

pub fn run(args: Inspect) -> Result<ExitCode> {
    let served = as_served(args.store.data.as_deref(), &args.store.redis, &args.definitions, &args::Company::default())?;
    let catalogue = &served.configuration.now().catalogue;
    let store = engine::store_to_read(args.store.data.as_deref(), &args.store.redis, engine::measures(catalogue))?;
    let key = args.key.unwrap_or_default();
    match store.reader()?.inspect(&key)? {
        Some(words) => writeln!(std::io::stdout(), "{}", printable_lines(words.trim_end()))?,
        None => bail!("the store has no key `{key}`; `onpace inspect` without a key lists those there are"),
    }
    Ok(ExitCode::SUCCESS)
}
