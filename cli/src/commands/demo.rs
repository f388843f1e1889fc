//! `onpace demo`: a living sales floor on the embedded engine, with nothing installed and nothing left behind.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use onpace_producers::gateway::system_clock;
use onpace_producers::simulate::{Destination, Pace, Simulation, live, record};
use onpace_schemas::counted;

use crate::floor::{self, Floor};
use crate::say::say;
use crate::shutdown::Shutdown;
use crate::{args, engine, serving};

/// How much of a past the floor has.
const HISTORY_US: i64 = 90 * 86_400 * 1_000_000;

pub fn run(args: args::Demo) -> Result<ExitCode> {
    let configuration = engine::configuration(&args::Definitions { catalogue: None }, &args.company)?;
    let evaluation = configuration.now();
    let catalogue = Arc::clone(&evaluation.catalogue);
    let temporary = match &args.data {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new().prefix("onpace-demo-").tempdir().context("no room for a temporary folder; name one with --data")?,
        ),
    };
    let data = args.data.as_deref().or(temporary.as_ref().map(tempfile::TempDir::path));
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let address = listener.local_addr()?;
        let (log, store, _claim) = tokio::task::block_in_place(|| {
            let claim = engine::claim(data)?;
            let log = engine::embedded_log(data)?;
            let store = engine::embedded_store(data, &catalogue)?;
            engine::settle(&*log, &*store, &catalogue, true)?;
            anyhow::Ok((log, store, claim))
        })?;
        let now_us = system_clock();
        let mut simulation = Simulation::in_zone(args.seed, args.reps, now_us - HISTORY_US, evaluation.roster.schedule.zone.clone());
        if log.ends()?.iter().all(|end| *end == 0) {
            say(format_args!("Making up three months of {}…", counted(args.reps, "rep")));
            let events = tokio::select! {
                events = record(&mut simulation, now_us, &*log) => events?,
                () = shutdown.token.cancelled() => return Ok(ExitCode::SUCCESS),
            };
            say(format_args!("{} written; folding now.", counted(events, "event")));
        } else {
            // An old floor goes on: what was made up before is in its log.
            simulation.history(now_us).for_each(drop);
        }
        let zone = evaluation.zone();
        let floor = Floor { log: Arc::clone(&log), store, configuration, threads: 1, series_per_metric: 10_000 };
        say(format_args!(
            "\n  The sales floor, live:   http://{address}/\n  KPIs as JSON:            http://{address}/v1/kpis?by=rep&window=month\n  Prometheus metrics:      http://{address}/metrics\n\n\
             Days and months are those of {zone} (--time-zone). Ctrl-C ends it{}.\n",
            if temporary.is_some() { " and leaves nothing behind" } else { "" }
        ));
        let pace = Pace { rate: args.rate, count: None, now: system_clock };
        let token = shutdown.token.clone();
        let living = tokio::spawn(async move { live(&mut simulation, &pace, &Destination::Log(log), &token).await });
        floor::run(floor, listener, &shutdown).await?;
        living.await??;
        Ok(ExitCode::SUCCESS)
    })
}
