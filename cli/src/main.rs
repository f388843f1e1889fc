//! The one binary. In: a command line. Out: what the command prints, and an exit status: 0 done, 1 failed, 2 not understood.
//! A command is a thin call into a crate.

mod args;
mod as_served;
mod commands;
mod crew;
mod engine;
mod files;
mod floor;
mod json;
mod place;
mod runtime;
mod say;
mod serving;
mod settings;
mod shutdown;
mod table;
mod usage;
mod work;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use args::{Cli, Command};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches};
use onpace_schemas::printable;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        // Whoever read our output has seen enough.
        Err(error) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let said = format!("{error:#}");
            say::say(format_args!("onpace: {}{}", say::indented(&said), say::out_of_files(&said)));
            if error.is::<usage::Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let (mut command, mut settings) = (Cli::command(), None);
    if let Some(file) = settings::named_file(&arguments, std::env::var("ONPACE_CONFIG").ok()) {
        let (with_file, read) = settings::with_file(command, &file)?;
        (command, settings) = (with_file, Some(read));
    }
    let matches = match command.try_get_matches_from(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => {
            let without = || Cli::command().try_get_matches_from(std::env::args_os());
            match settings.as_ref().and_then(|settings| settings.at_fault(&error, without())) {
                Some(said) => anyhow::bail!(said),
                None => misunderstood(error),
            }
        }
    };
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| misunderstood(error));
    let outcome = log_to_stderr(cli.log.as_deref().unwrap_or(usual_log(&cli.command))).and_then(|()| obey(cli.command));
    outcome.map_err(|error| match &settings {
        Some(settings) => settings.named(error, &matches),
        None => error,
    })
}

fn obey(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(demo) => commands::demo::run(demo),
        Command::Up(up) => commands::up::run(up),
        Command::Gateway(gateway) => commands::gateway::run(gateway),
        Command::Processor(processor) => commands::processor::run(processor),
        Command::Sink(sink) => commands::sink::run(sink),
        Command::Import(import) => commands::import::run(import),
        Command::ImportMap => commands::import::serve_map(),
        Command::Simulate(simulate) => commands::simulate::run(simulate),
        Command::Kpis(kpis) => commands::kpis::run(kpis),
        Command::Objectives(objectives) => commands::objectives::run(objectives),
        Command::Rules(rules) => commands::rules::run(rules),
        Command::Catalogue(catalogue) => commands::catalogue::run(catalogue),
        Command::Inspect(inspect) => commands::inspect::run(inspect),
        Command::Rebuild(rebuild) => commands::rebuild::run(rebuild),
        Command::Check(check) => commands::check::run(check),
    }
}

/// Who runs for long says what happens; who answers one question says only what is wrong.
fn usual_log(command: &Command) -> &'static str {
    match command {
        Command::Demo(_) | Command::Up(_) | Command::Gateway(_) | Command::Processor(_) | Command::Sink(_) => "info",
        _ => "warn",
    }
}

/// For people on a terminal, as JSON for whatever else reads it.
fn log_to_stderr(filter: &str) -> Result<()> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let plain = |part: &str| part.contains(['=', '[']) || levels.contains(&part.trim().to_lowercase().as_str());
    anyhow::ensure!(
        filter.split(',').all(plain),
        "--log {filter}: write a level ({}), or filters such as `onpace_processors=debug`",
        levels.join(", ")
    );
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("--log {filter}: {error}; write one such as `info` or `onpace_processors=debug`"))?;
    // A log that nobody reads any more must not end the program.
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    if std::io::stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().init();
    }
    Ok(())
}

/// Ends the program as the parser would, unless what was typed could do more on a terminal than be seen.
fn misunderstood(mut error: clap::Error) -> ! {
    let context: Vec<(ContextKind, ContextValue)> = error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in context {
        let shown = match value {
            ContextValue::String(text) => ContextValue::String(printable(&text).into_owned()),
            ContextValue::Strings(texts) => ContextValue::Strings(texts.iter().map(|text| printable(text).into_owned()).collect()),
            _ => continue,
        };
        error.insert(kind, shown);
    }
    error.exit()
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe))
}
