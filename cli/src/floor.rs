//! Everything in one process: gateway, processor threads and sink around one log and one store, behind one address.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use onpace_processors::store::KpiStore;
use onpace_processors::{self as processors, Settings};
use onpace_producers::log::EventLog;
use onpace_producers::{gateway, heartbeat};
use onpace_sinks::view::Past;
use onpace_sinks::{Configuration, Health, Metrics, View, http, metrics, publish};
use tokio::net::TcpListener;

use crate::shutdown::Shutdown;
use crate::work::{self, Beat, Until, Work};
use crate::{args, engine, serving};

/// What runs together.
pub struct Floor {
    /// Which command it is.
    pub command: &'static str,
    pub log: Arc<dyn EventLog>,
    pub store: Arc<dyn KpiStore>,
    /// Both are in one file.
    pub embedded: bool,
    pub configuration: Configuration,
    /// The file of the user's own catalogue.
    pub catalogue: Option<PathBuf>,
    pub threads: u32,
    /// What is yet to be written into the log before there is a number to show.
    pub past: Past,
    /// How long a round through the store takes.
    pub patrol: Duration,
    pub page: metrics::Settings,
    pub doors: args::Doors,
    pub questions: Option<args::Questions>,
    pub bodies: Option<args::Bodies>,
}

/// Runs until it is asked to stop or a part fails.
pub async fn run(floor: Floor, listener: TcpListener, shutdown: &Shutdown) -> Result<()> {
    let Floor { command, log, store, embedded, configuration, catalogue: file, threads, past, patrol, page, doors, questions, bodies } =
        floor;
    let catalogue = Arc::clone(&configuration.now().catalogue);
    let registry = onpace_producers::http::registry()?;
    let processing = processors::Metrics::register(&registry)?;
    let beat = Beat::of(&processing);
    let work = Work {
        log: Arc::clone(&log),
        store: Arc::clone(&store),
        catalogue: &catalogue,
        settings: Settings { patrol, ..engine::work(embedded) },
        // One program writes and reads here: what it doesn't know a newer one wrote.
        buried: Vec::new(),
        threads,
        until: Until::Asked,
        beat: beat.clone(),
        metrics: processing,
    };
    let words = Arc::new(engine::words(&catalogue));
    let mut working = work::start(work, shutdown);
    let view = View::follow_after(past, Arc::clone(&store), configuration.clone(), shutdown.token.clone())?;
    configuration.watch(shutdown.token.clone())?;
    publish::start(Arc::clone(&store), view.clone(), configuration.clone(), shutdown.token.clone())?;
    let note = onpace_sinks::serving::start(store, configuration.clone(), command, file, shutdown.token.clone())?;
    let metrics = Metrics::start(view, configuration, registry.clone(), page, shutdown.token.clone())?;

    let (live, ready, taking) = (beat.clone(), beat, Arc::clone(&log));
    let health =
        metrics.health().and(Health::new(move || live.health(), move || ready.ready().and_then(|_| serving::takes_events(&*taking))));
    let doors = serving::doors(&doors, questions, &listener, &registry)?;
    let settings = gateway::GatewaySettings { words, ..serving::gateway_settings(bodies) };
    let router = gateway::router(settings, Arc::clone(&log), &registry)?.merge(http::router_with_health(metrics, health));
    let beating = tokio::spawn(heartbeat::run(log, heartbeat::QUIET, gateway::system_clock, shutdown.token.clone()));
    let token = shutdown.token.clone();
    let served = tokio::spawn(http::run(listener, router, doors, token));

    let worked = work::wait(&mut working, shutdown).await;
    shutdown.request();
    served.await??;
    beating.await?;
    tokio::task::block_in_place(|| note.end());
    worked
}
