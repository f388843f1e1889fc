//! `onpace simulate`: believable live activity, into a log or to a gateway.

use std::process::ExitCode;

use anyhow::Result;
use onpace_producers::gateway::system_clock;
use onpace_producers::simulate::{Destination, Pace, Simulation, live};
use onpace_schemas::counted;

use crate::say::say;
use crate::shutdown::Shutdown;
use crate::{args, engine};

pub fn run(args: args::Simulate) -> Result<ExitCode> {
    let destination = match args.url {
        Some(url) => Destination::Gateway(url),
        None => Destination::Log(engine::log(args.data.as_deref(), &args.kafka, None)?),
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let mut simulation = Simulation::new(args.seed, args.reps, system_clock());
        let pace = Pace { rate: args.rate, count: args.count, now: system_clock };
        let sent = live(&mut simulation, &pace, &destination, &shutdown.token).await?;
        say(format_args!("{} sent", counted(sent, "event")));
        Ok(ExitCode::SUCCESS)
    })
}
