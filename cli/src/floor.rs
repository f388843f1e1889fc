//! Everything in one process: gateway, processor threads and sink around one log and one store, behind one address.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use onpace_processors::store::KpiStore;
use onpace_processors::{self as processors, Settings};
use onpace_producers::log::EventLog;
use onpace_producers::{gateway, heartbeat};
use onpace_sinks::{Configuration, Health, Metrics, View, http, metrics, publish};
use prometheus::Registry;
use tokio::net::TcpListener;

use crate::commands::processor::{self, Beat, Until, Work};
use crate::shutdown::Shutdown;
use crate::{args, engine, serving};

/// What runs together.
pub struct Floor {
    pub log: Arc<dyn EventLog>,
    pub store: Arc<dyn KpiStore>,
    pub configuration: Configuration,
    pub threads: u32,
    /// How long a round through the store takes.
    pub patrol: Duration,
    pub series_per_metric: usize,
    pub doors: args::Doors,
    pub questions: Option<args::Questions>,
    pub bodies: Option<args::Bodies>,
}

/// Runs until it is asked to stop or a part fails.
pub async fn run(floor: Floor, listener: TcpListener, shutdown: &Shutdown) -> Result<()> {
    let Floor { log, store, configuration, threads, patrol, series_per_metric, doors, questions, bodies } = floor;
    let catalogue = Arc::clone(&configuration.now().catalogue);
    let registry = Registry::new();
    let processing = processors::Metrics::register(&registry)?;
    let beat = Beat::of(&processing);
    let work = Work {
        log: Arc::clone(&log),
        store: Arc::clone(&store),
        catalogue: &catalogue,
        settings: Settings { patrol, ..Settings::default() },
        threads,
        until: Until::Asked,
        beat: beat.clone(),
        metrics: processing,
    };
    let words = Arc::new(engine::words(&catalogue));
    let mut working = processor::start(work, shutdown);
    let view = View::follow(Arc::clone(&store), &catalogue, shutdown.token.clone())?;
    configuration.watch(shutdown.token.clone())?;
    publish::start(store, view.clone(), configuration.clone(), shutdown.token.clone())?;
    let metrics =
        Metrics::start(view.clone(), configuration, registry.clone(), metrics::Settings { series_per_metric }, shutdown.token.clone())?;

    let (live_view, ready_view) = (view.clone(), view);
    let of_view = Health::new(move || live_view.live(), move || ready_view.ready());
    let (live, ready, taking) = (beat.clone(), beat, Arc::clone(&log));
    let health = of_view.and(Health::new(move || live.health(), move || ready.ready().and_then(|_| serving::takes_events(&*taking))));
    let doors = serving::doors(&doors, questions, &listener, &registry)?;
    let settings = gateway::GatewaySettings { words, ..serving::gateway_settings(bodies) };
    let router = gateway::router(settings, Arc::clone(&log), &registry)?.merge(http::router_with_health(metrics, health));
    let beating = tokio::spawn(heartbeat::run(log, heartbeat::QUIET, gateway::system_clock, shutdown.token.clone()));
    let token = shutdown.token.clone();
    let served = tokio::spawn(http::run(listener, router, doors, token));

    let worked = processor::wait(&mut working, shutdown).await;
    shutdown.request();
    served.await??;
    beating.await?;
    worked
}
