//! `onpace gateway`: takes events over HTTP and writes them to Kafka.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use onpace_producers::{gateway, heartbeat};
use onpace_sinks::http;

use crate::runtime::block_on;
use crate::shutdown::Shutdown;
use crate::{args, engine, serving};

pub fn run(args: args::Gateway) -> Result<ExitCode> {
    if args.kafka.kafka.is_none() {
        bail!("a gateway alone writes to Kafka: name it, `--kafka host:9092`; without servers `onpace up` does everything in one process");
    }
    let words = Arc::new(engine::words(&engine::catalogue(&args.definitions)?));
    let log = engine::log_whenever(None, &args.kafka, None)?;
    block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let registry = onpace_producers::http::registry()?;
        let doors = serving::doors(&args.doors, None, &listener, &registry)?;
        let settings = gateway::GatewaySettings { words, ..serving::gateway_settings(Some(args.bodies)) };
        let health = serving::health(|| Ok("it answers".into()), Arc::clone(&log));
        let router = gateway::router(settings, Arc::clone(&log), &registry)?.merge(http::ops::router(registry.clone(), health));
        tracing::info!(address = %listener.local_addr()?, "taking events at POST /v1/events");
        let opening = tokio::spawn(serving::opened(Arc::clone(&log), shutdown.clone()));
        let beating = tokio::spawn(heartbeat::run(log, heartbeat::QUIET, gateway::system_clock, shutdown.token.clone()));
        http::run(listener, router, doors, shutdown.token.clone()).await?;
        beating.await?;
        opening.await??;
        Ok(ExitCode::SUCCESS)
    })
}
