//! `onpace sink`: serves the KPIs of a store.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use onpace_sinks::{Metrics, View, http, publish};

use crate::runtime::block_on;
use crate::shutdown::Shutdown;
use crate::{args, engine, serving};

pub fn run(args: args::Sink) -> Result<ExitCode> {
    let configuration = engine::configuration(&args.definitions, &args.company)?;
    let catalogue = Arc::clone(&configuration.now().catalogue);
    let store = engine::store_to_serve(args.store.data.as_deref(), &args.store.redis, &catalogue)?;
    block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let view = View::follow(Arc::clone(&store), configuration.clone(), shutdown.token.clone())?;
        configuration.watch(shutdown.token.clone())?;
        publish::start(Arc::clone(&store), view.clone(), configuration.clone(), shutdown.token.clone())?;
        let file = args.definitions.catalogue;
        let note = onpace_sinks::serving::start(store, configuration.clone(), "sink", file, shutdown.token.clone())?;
        let registry = onpace_producers::http::registry()?;
        let doors = serving::doors(&args.doors, Some(args.questions), &listener, &registry)?;
        let metrics = Metrics::start(view, configuration, registry, engine::page(&args.page), shutdown.token.clone())?;
        tracing::info!(address = %listener.local_addr()?, "serving the page, /v1/kpis and /metrics");
        http::run(listener, http::router(metrics), doors, shutdown.token.clone()).await?;
        tokio::task::block_in_place(|| note.end());
        Ok(ExitCode::SUCCESS)
    })
}
