//! `onpace simulate`: believable live activity, into a log or to a gateway.

use std::process::ExitCode;

use anyhow::Result;
use onpace_producers::gateway::system_clock;
use onpace_producers::simulate::{Destination, Pace, Simulation, live};
use onpace_schemas::counted;

use crate::crew::workers;
use crate::runtime::block_on;
use crate::say::say;
use crate::shutdown::Shutdown;
use crate::{args, engine};

pub fn run(args: args::Simulate) -> Result<ExitCode> {
    let destination = match args.url {
        Some(url) => Destination::Gateway(url),
        None => Destination::Log(engine::log(args.log.data.as_deref(), &args.log.kafka, None)?),
    };
    let now_us = system_clock();
    let mut simulation = match args.roster {
        None => Simulation::new(args.seed, args.reps, now_us),
        Some(file) => {
            let company = args::Company { roster: Some(file.clone()), ..args::Company::default() };
            let roster = &engine::configuration(&args::Definitions { catalogue: None }, &company)?.now().roster;
            let workers = workers(roster, now_us);
            anyhow::ensure!(!workers.is_empty(), "{} has no people: nobody would do anything", file.display());
            Simulation::of(args.seed, workers, now_us)
        }
    };
    block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let pace = Pace { rate: args.rate, count: args.count, now: system_clock };
        let sent = live(&mut simulation, &pace, &destination, &shutdown.token).await?;
        say(format_args!("{} sent", counted(sent, "event")));
        Ok(ExitCode::SUCCESS)
    })
}
