//! `onpace inspect`: any key of the store in words.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::args::Inspect;
use crate::engine;

pub fn run(args: Inspect) -> Result<ExitCode> {
    let catalogue = engine::catalogue(&args.definitions)?;
    if args.redis.redis.is_none() {
        engine::must_exist(args.data.as_deref())?;
    }
    let store = engine::store(args.data.as_deref(), &args.redis, &catalogue)?;
    let key = args.key.unwrap_or_default();
    match store.reader()?.inspect(&key)? {
        Some(words) => writeln!(std::io::stdout(), "{}", words.trim_end())?,
        None => bail!("the store has no key `{key}`; `onpace inspect` without a key lists those there are"),
    }
    Ok(ExitCode::SUCCESS)
}
