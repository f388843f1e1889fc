//! `onpace sink`: serves the KPIs of a store.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use onpace_sinks::{Metrics, View, http, metrics, publish};
use prometheus::Registry;

use crate::shutdown::Shutdown;
use crate::{args, engine, serving};

pub fn run(args: args::Sink) -> Result<ExitCode> {
    let configuration = engine::configuration(&args.definitions, &args.company)?;
    let catalogue = Arc::clone(&configuration.now().catalogue);
    let store = engine::store(args.data.as_deref(), &args.redis, &catalogue)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let view = View::follow(Arc::clone(&store), &catalogue, shutdown.token.clone())?;
        configuration.watch(shutdown.token.clone())?;
        publish::start(store, view.clone(), configuration.clone(), shutdown.token.clone())?;
        let settings = metrics::Settings { series_per_metric: args.series.series_per_metric };
        let registry = Registry::new();
        let doors = serving::doors(&args.doors, Some(args.questions), &listener, &registry)?;
        let metrics = Metrics::start(view, configuration, registry, settings, shutdown.token.clone())?;
        tracing::info!(address = %listener.local_addr()?, "serving the page, /v1/kpis and /metrics");
        http::run(listener, http::router(metrics), doors, shutdown.token.clone()).await?;
        Ok(ExitCode::SUCCESS)
    })
}
