//! `onpace rules`: alerts as files, for Prometheus and Alertmanager. In: roster and objectives. Out: files in a folder.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use onpace_sinks::rules::{Alertmanager, Settings, generate};

use crate::args::{self, Rules};
use crate::say::tell;
use crate::{engine, files};

pub fn run(args: Rules) -> Result<ExitCode> {
    anyhow::ensure!(
        args.company.objectives.is_some(),
        "no objectives are named: give their file with --objectives, and that of the people they speak of with --roster"
    );
    let evaluation = engine::configuration(&args.definitions, &args.company)?.now();
    let secrets = args.company.roster.as_deref().and_then(Path::parent).and_then(|folder| std::path::absolute(folder).ok());
    let known = Settings::default();
    let settings = Settings {
        wait_s: args.wait_s,
        dashboard_url: args.dashboard,
        runbook_url: args.runbook.unwrap_or(known.runbook_url),
        secrets_folder: secrets.map_or_else(String::new, |folder| folder.display().to_string()),
        alertmanager: match args.alertmanager {
            args::Alertmanager::V0_25 => Alertmanager::V0_25,
            args::Alertmanager::V0_26 => Alertmanager::V0_26,
        },
    };
    let files = generate(&evaluation.roster, &evaluation.objectives, &evaluation.catalogue, &settings).map_err(|why| anyhow!(why))?;
    let files: Vec<_> = files.iter().map(|(name, text)| (args.out.join(name), &**text)).collect();
    files::write(&args.out, &files)?;
    for (file, _) in files {
        tell(format_args!("{}", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}
