//! `onpace processor`: folds the log's events into the store.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use onpace_processors::{Metrics, Settings};
use onpace_producers::log::EventLog;
use onpace_sinks::http::{self, Health};
use prometheus::Registry;

use crate::runtime::block_on;
use crate::shutdown::Shutdown;
use crate::work::{Beat, Until, Work, start, wait};
use crate::{args, engine, serving};

pub fn run(args: args::Processor) -> Result<ExitCode> {
    let catalogue = engine::catalogue(&args.definitions)?;
    let embedded = engine::is_embedded(&args.engine);
    // Who works up to an end needs one; who goes on waits for its servers.
    let (log, store) = if args.until_caught_up {
        let (log, store) = engine::both(&args.engine, &catalogue)?;
        engine::settle(&*log, &*store, &catalogue, embedded)?;
        (log, store)
    } else {
        engine::both_whenever(&args.engine, &catalogue)?
    };
    let registry = onpace_producers::http::registry()?;
    let patrol = Duration::from_secs(args.care.patrol.into());
    let settings = Settings { batch: args.batch as usize, patrol, ..Settings::default() };
    let threads = if embedded { 1 } else { args.threads };
    block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let metrics = Metrics::register(&registry)?;
        let beat = Beat::of(&metrics);
        if !args.until_caught_up {
            serve(args.listen, &args.doors, registry.clone(), beat.clone(), Arc::clone(&log), &shutdown).await?;
            tokio::task::block_in_place(|| engine::settle_whenever(&*log, &*store, &catalogue, embedded))?;
        }
        let until = if args.until_caught_up { Until::CaughtUp } else { Until::Asked };
        let mut working = start(
            Work { log, store, catalogue: &catalogue, settings, buried: args.unread.bury_schema, threads, until, beat, metrics },
            &shutdown,
        );
        wait(&mut working, &shutdown).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn serve(
    listen: SocketAddr,
    doors: &args::Doors,
    registry: Registry,
    beat: Beat,
    log: Arc<dyn EventLog>,
    shutdown: &Shutdown,
) -> Result<()> {
    let listener = serving::bind(listen).await?;
    tracing::info!(address = %listener.local_addr()?, "serving /metrics, /healthz and /readyz");
    let doors = serving::doors(doors, None, &listener, &registry)?;
    let (live, ready) = (beat.clone(), beat);
    let router = http::ops::router(
        registry,
        Health::new(move || live.health(), move || ready.ready().and_then(|how| serving::takes_events(&*log).map(|_| how))),
    );
    let token = shutdown.token.clone();
    tokio::spawn(async move { http::run(listener, router, doors, token).await });
    Ok(())
}
