//! `onpace import`: writes a file's history into the log, and tells what became of it.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use onpace_producers::gateway::system_clock;
use onpace_producers::import::{Complete, ImportSettings, Layout, ProgressBar, Summary, Worker, import, progress_bar};
use onpace_producers::log::EventLog;
use onpace_schemas::{counted, time::show_instant};

use crate::runtime::block_on;
use crate::say::say;
use crate::shutdown::Shutdown;
use crate::{args, engine, place};

pub fn run(args: args::Import) -> Result<ExitCode> {
    let log = if args.dry_run { there_already(&args)? } else { Some(engine::log(args.log.data.as_deref(), &args.log.kafka, None)?) };
    let settings = ImportSettings {
        file: args.file.clone(),
        layout: Layout {
            delimiter: args.delimiter,
            columns: args.columns.map(|names| names.0),
            encoding: args.encoding,
            sheet: args.sheet,
        },
        map: args.map,
        arguments: args.args,
        as_of: args.as_of,
        complete: args.complete.map(|kind| Complete { kind, whatever_is_gone: args.yes }),
        dry_run: args.dry_run,
        words: Arc::new(engine::words(&engine::catalogue(&args.definitions)?)),
        worker: Some(Worker { program: itself()?, arguments: vec!["import-map".into()] }),
        now: system_clock,
    };
    let progress = if std::io::stderr().is_terminal() { progress_bar() } else { ProgressBar::hidden() };
    let summary = block_on(async {
        let shutdown = Shutdown::on_signals()?;
        import(settings, log, progress, shutdown.token).await.with_context(|| args.file.display().to_string())
    })?;
    tell(&summary, args.dry_run);
    let failed = (summary.rejected > 0 && !args.allow_rejected) || summary.gone.is_some_and(|gone| gone.refused);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs a map on behalf of an import in another process of this program.
pub fn serve_map() -> Result<ExitCode> {
    onpace_producers::import::serve_map(std::io::stdin(), std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

/// This program, also when a newer one has taken its place on the disk meanwhile.
fn itself() -> Result<PathBuf> {
    let of_this_process = PathBuf::from("/proc/self/exe");
    if of_this_process.exists() { Ok(of_this_process) } else { std::env::current_exe().context("where this program lies") }
}

/// The log, of a dry run that has to look at it: it makes none.
fn there_already(args: &args::Import) -> Result<Option<Arc<dyn EventLog>>> {
    if args.complete.is_none() || (args.log.kafka.kafka.is_none() && place::existing(args.log.data.as_deref()).is_err()) {
        return Ok(None);
    }
    engine::log(args.log.data.as_deref(), &args.log.kafka, None).map(Some)
}

fn tell(summary: &Summary, dry_run: bool) {
    for event in &summary.shown {
        say(format_args!("{event}"));
    }
    for refusal in &summary.refusals {
        say(format_args!("refused: {refusal}"));
    }
    say(format_args!(
        "{}{}: {} accepted ({}), {} without an event, {} refused",
        if dry_run { "dry run, nothing is written: " } else { "" },
        counted(summary.rows, "row"),
        summary.accepted,
        counted(summary.events, "event"),
        summary.skipped,
        summary.rejected
    ));
    if let Some(as_of) = summary.as_of {
        say(format_args!("exported at {}; another instant is said by --as-of", show_instant(as_of)));
    }
    if let Some(gone) = summary.gone {
        if gone.refused {
            say(format_args!("nothing is deleted, for what the refused rows speak of is not known: mend them and import the file again"));
        } else {
            say(format_args!("no longer in the file: {} of {} deleted, {} back", gone.deleted, gone.of, gone.restored));
        }
        if gone.too_many && dry_run {
            say(format_args!("more than a tenth is gone: that is believed with --yes only"));
        }
    }
    for doubt in &summary.doubts {
        say(format_args!("look: {}", doubt.text));
    }
    if let Some(file) = &summary.rejected_file {
        say(format_args!("refused rows and why: {}", file.display()));
    }
}
