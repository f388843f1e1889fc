//! `onpace rebuild`: empties the store, and folds it anew from the log.

use std::process::ExitCode;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::Rebuild;
use crate::engine;
use crate::say::say;

pub fn run(args: Rebuild) -> Result<ExitCode> {
    let catalogue = engine::catalogue(&args.definitions)?;
    let (log, store) = engine::both(&args.engine, &catalogue)?;
    store.wipe(engine::settings(&*log, &catalogue))?;
    if args.no_fold {
        say(format_args!("The store is empty; running processors fold it anew."));
        return Ok(ExitCode::SUCCESS);
    }
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left")?);
    engine::fold_all(&*log, &*store, &catalogue, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    say(format_args!("{} events folded anew.", bar.position()));
    Ok(ExitCode::SUCCESS)
}
