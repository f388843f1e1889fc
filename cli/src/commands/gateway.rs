//! `onpace gateway`: takes events over HTTP and writes them to Kafka.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use onpace_producers::{gateway, heartbeat};
use onpace_sinks::http;

use crate::shutdown::Shutdown;
use crate::{args, engine, serving};

pub fn run(args: args::Gateway) -> Result<ExitCode> {
    if args.kafka.kafka.is_none() {
        bail!("a gateway alone writes to Kafka: name it, `--kafka host:9092`; without servers `onpace up` does everything in one process");
    }
    let log = engine::log(None, &args.kafka, None)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let registry = gateway::registry()?;
        let settings = gateway::GatewaySettings::default();
        let limits = settings.limits.clone();
        let health = serving::health(|| Ok("it answers".into()), Arc::clone(&log));
        let router = gateway::router(settings, Arc::clone(&log), &registry)?.merge(http::ops::router(registry.clone(), health));
        tracing::info!(address = %listener.local_addr()?, "taking events at POST /v1/events");
        let beating = tokio::spawn(heartbeat::run(log, heartbeat::QUIET, gateway::system_clock, shutdown.token.clone()));
        gateway::serve(listener, gateway::layered(router, &registry)?, limits, shutdown.token.clone()).await?;
        beating.await?;
        Ok(ExitCode::SUCCESS)
    })
}
