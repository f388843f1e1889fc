//! `onpace rules`: alerts as files, for Prometheus and Alertmanager. In: roster and objectives. Out: files in a folder.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use onpace_sinks::rules::{Alertmanager, Settings, generate};

use crate::args::{self, Rules};
use crate::engine;

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
    std::fs::create_dir_all(&args.out).with_context(|| format!("can't make the folder {}", args.out.display()))?;
    for (name, text) in files {
        let file = args.out.join(name);
        std::fs::write(&file, text).with_context(|| format!("can't write {}", file.display()))?;
        println!("{}", file.display());
    }
    Ok(ExitCode::SUCCESS)
}
