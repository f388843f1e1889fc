//! `onpace rebuild`: empties the store, and folds it anew from the log. A log that can't be read from its beginning leaves the
//! store as it is: what is in it may be all that is left.

use std::process::ExitCode;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use onpace_schemas::counted;

use crate::args::Rebuild;
use crate::say::say;
use crate::{engine, place};

pub fn run(args: Rebuild) -> Result<ExitCode> {
    let catalogue = engine::catalogue(&args.definitions)?;
    let embedded = engine::is_embedded(&args.engine);
    if embedded {
        place::existing(args.engine.data.as_deref())?;
    }
    let (log, store) = engine::both(&args.engine, &catalogue)?;
    log.prove().context("the store is left as it is, since the log can't be read from its beginning")?;
    store.wipe(engine::settings(&*log, &catalogue))?;
    if args.no_fold {
        say(format_args!("The store is empty; running processors fold it anew."));
        return Ok(ExitCode::SUCCESS);
    }
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left")?);
    engine::fold_all(&*log, &*store, &catalogue, embedded, &args.unread.bury_schema, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    say(format_args!("{} folded anew.", counted(bar.position(), "event")));
    Ok(ExitCode::SUCCESS)
}
