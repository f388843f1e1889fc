//! Everything in one process: gateway, processor threads and sink around one log and one store, behind one address.

use std::sync::Arc;

use anyhow::Result;
use onpace_processors::Settings;
use onpace_processors::store::KpiStore;
use onpace_producers::log::EventLog;
use onpace_producers::{gateway, heartbeat};
use onpace_sinks::{Configuration, Metrics, View, http, metrics, publish};
use tokio::net::TcpListener;

use crate::commands::processor::{self, Beat, Until, Work};
use crate::serving;
use crate::shutdown::Shutdown;

/// What runs together.
pub struct Floor {
    pub log: Arc<dyn EventLog>,
    pub store: Arc<dyn KpiStore>,
    pub configuration: Configuration,
    pub threads: u32,
    pub page: metrics::Settings,
}

/// Runs until it is asked to stop or a part fails.
pub async fn run(floor: Floor, listener: TcpListener, shutdown: &Shutdown) -> Result<()> {
    let Floor { log, store, configuration, threads, page } = floor;
    let catalogue = Arc::clone(&configuration.now().catalogue);
    let registry = gateway::registry()?;
    let beat = Beat::default();
    let work = Work {
        log: Arc::clone(&log),
        store: Arc::clone(&store),
        catalogue: &catalogue,
        settings: Settings::default(),
        threads,
        until: Until::Asked,
        beat: beat.clone(),
    };
    let mut working = processor::start(work, &registry, shutdown)?;
    let view = View::follow(Arc::clone(&store), configuration.clone(), shutdown.token.clone())?;
    configuration.watch(shutdown.token.clone())?;
    publish::start(store, view.clone(), configuration.clone(), shutdown.token.clone())?;
    let metrics = Metrics::start(view, configuration, registry.clone(), page, shutdown.token.clone())?;

    let health = metrics.health().and(serving::health(move || beat.health(), Arc::clone(&log)));
    let settings = gateway::GatewaySettings::default();
    let limits = settings.limits.clone();
    let router = gateway::router(settings, Arc::clone(&log), &registry)?.merge(http::router_with_health(metrics, health));
    let beating = tokio::spawn(heartbeat::run(log, heartbeat::QUIET, gateway::system_clock, shutdown.token.clone()));
    let token = shutdown.token.clone();
    let router = gateway::layered(router, &registry)?;
    let served = tokio::spawn(async move { gateway::serve(listener, router, limits, token).await });

    let worked = processor::wait(&mut working, shutdown).await;
    shutdown.request();
    served.await??;
    beating.await?;
    worked
}
