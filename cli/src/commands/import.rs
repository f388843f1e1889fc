//! `onpace import`: writes a file's history into the log.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use onpace_producers::gateway::system_clock;
use onpace_producers::import::{ImportSettings, ProgressBar, import, parse_argument, progress_bar};

use crate::say::say;
use crate::{args, engine};

pub fn run(args: args::Import) -> Result<ExitCode> {
    let arguments = args.args.iter().map(|text| parse_argument(text).map_err(|error| anyhow!(error))).collect::<Result<Vec<_>>>()?;
    let log = engine::log(args.data.as_deref(), &args.kafka)?;
    let settings = ImportSettings { file: args.file.clone(), map: args.map, arguments, delimiter: args.delimiter, now: system_clock };
    let progress = if std::io::stderr().is_terminal() { progress_bar() } else { ProgressBar::hidden() };
    let summary =
        tokio::runtime::Runtime::new()?.block_on(import(settings, log, progress)).with_context(|| args.file.display().to_string())?;
    say(format_args!(
        "{} rows: {} accepted ({} events), {} without an event, {} refused",
        summary.rows, summary.accepted, summary.events, summary.skipped, summary.rejected
    ));
    if let Some(file) = &summary.rejected_file {
        say(format_args!("refused rows and why: {}", file.display()));
    }
    let failed = summary.rejected > 0 && !args.allow_rejected;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
