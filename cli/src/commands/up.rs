//! `onpace up`: gateway, processor and sink in one process.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use onpace_sinks::view::Past;

use crate::floor::{self, Floor};
use crate::runtime::block_on;
use crate::shutdown::Shutdown;
use crate::{args, engine, place, serving};

pub fn run(args: args::Up) -> Result<ExitCode> {
    let configuration = engine::configuration(&args.definitions, &args.company)?;
    let catalogue = Arc::clone(&configuration.now().catalogue);
    let embedded = engine::is_embedded(&args.engine);
    block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let (log, store, _claim) = tokio::task::block_in_place(|| {
            let claim = embedded.then(|| place::claim(args.engine.data.as_deref())).transpose()?;
            let (log, store) = engine::both_whenever(&args.engine, &catalogue)?;
            engine::settle_whenever(&*log, &*store, &catalogue, embedded)?;
            anyhow::Ok((log, store, claim))
        })?;
        let address = listener.local_addr()?;
        tracing::info!("page http://{address}/ · events POST http://{address}/v1/events · metrics http://{address}/metrics");
        let threads = if embedded { 1 } else { args.threads };
        let floor = Floor {
            command: "up",
            log,
            store,
            embedded,
            configuration,
            catalogue: args.definitions.catalogue,
            threads,
            past: Past::default(),
            patrol: Duration::from_secs(args.care.patrol.into()),
            page: engine::page(&args.page),
            doors: args.doors,
            questions: Some(args.questions),
            bodies: Some(args.bodies),
        };
        floor::run(floor, listener, &shutdown).await?;
        Ok(ExitCode::SUCCESS)
    })
}
