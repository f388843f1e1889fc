//! `onpace import`: writes a file's history into the log.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, Result};
use onpace_producers::gateway::system_clock;
use onpace_producers::import::{ImportSettings, ProgressBar, import, progress_bar};
use onpace_schemas::counted;

use crate::runtime::runtime;
use crate::say::say;
use crate::shutdown::Shutdown;
use crate::{args, engine};

pub fn run(args: args::Import) -> Result<ExitCode> {
    let log = engine::log(args.data.as_deref(), &args.kafka, None)?;
    let settings =
        ImportSettings { file: args.file.clone(), map: args.map, arguments: args.args, delimiter: args.delimiter, now: system_clock };
    let progress = if std::io::stderr().is_terminal() { progress_bar() } else { ProgressBar::hidden() };
    let summary = runtime()?.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        import(settings, log, progress, shutdown.token).await.with_context(|| args.file.display().to_string())
    })?;
    say(format_args!(
        "{}: {} accepted ({}), {} without an event, {} refused",
        counted(summary.rows, "row"),
        summary.accepted,
        counted(summary.events, "event"),
        summary.skipped,
        summary.rejected
    ));
    if let Some(file) = &summary.rejected_file {
        say(format_args!("refused rows and why: {}", file.display()));
    }
    let failed = summary.rejected > 0 && !args.allow_rejected;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
