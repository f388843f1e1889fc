//! A simulation at a steady pace, into a log or to a gateway.
//!
//! In: a simulation, a rate, a clock, where to. Out: how many events were taken. What always holds: nothing piles up; while
//! the receiver is slow or away the simulation waits, and what was missed meanwhile is left out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, poll_immediate};
use onpace_schemas::{Event, json, without_secret};
use tokio_util::sync::CancellationToken;

use super::Simulation;
use crate::entry;
use crate::log::{EventLog, LogError};

/// How many events are sent at a time at most.
const BATCH: usize = 5_000;
/// How many events of a past are written at a time.
const RECORDED: usize = 20_000;
/// How often events are sent at high rates.
const TICK: Duration = Duration::from_millis(50);
/// How long the first try after a failure waits, and the longest wait.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Where events go.
#[derive(Clone)]
pub enum Destination {
    /// Into a log.
    Log(Arc<dyn EventLog>),
    /// To a gateway: its address, `http://127.0.0.1:8080`.
    Gateway(String),
}

/// How fast and how long.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Events a second.
    pub rate: f64,
    /// Stop after so many; otherwise when told.
    pub count: Option<u64>,
    /// The clock, in microseconds since 1970.
    pub now: fn() -> i64,
}

/// Why a simulation ends early.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The command line asks for what can't be.
    #[error("{0}")]
    Settings(String),
    /// The receiver does not take these events, now or ever.
    #[error("{0}")]
    Refused(String),
    /// The log took not everything.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Sends what happens live until `stop` is cancelled or the count is reached; the number of events taken.
///
/// # Errors
/// A rate or an address that can't be, or a receiver that refuses what it is sent. One that is away is waited for.
pub async fn live(simulation: &mut Simulation, pace: &Pace, to: &Destination, stop: &CancellationToken) -> Result<u64, SimulateError> {
    if !(pace.rate > 0.0 && pace.rate <= 1e6) {
        return Err(SimulateError::Settings(format!("--rate {}: give events a second, more than 0 and at most 1,000,000", pace.rate)));
    }
    let sender = Sender::new(to)?;
    let mut ticks = tokio::time::interval(Duration::from_secs_f64((1.0 / pace.rate).max(TICK.as_secs_f64())));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let most = pace.count.unwrap_or(u64::MAX);
    let (mut sent, mut owed, mut since) = (0, 0.0, Instant::now());
    while sent < most {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        // What could not be sent within a second is not made up for.
        owed = (owed + since.elapsed().as_secs_f64() * pace.rate).min(pace.rate.max(1.0));
        since = Instant::now();
        let due = (owed as u64).min(most - sent).min(BATCH as u64);
        owed -= due as f64;
        if due == 0 {
            continue;
        }
        let now_us = (pace.now)();
        let events: Vec<Event<'static>> = (0..due).map_while(|_| simulation.at(now_us)).collect();
        if events.is_empty() {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            taken = sender.send(&events) => taken?,
        }
        sent += events.len() as u64;
    }
    Ok(sent)
}

/// Writes everything that was reported up to `until_us` (microseconds since 1970) into a log, as fast as it takes it, and makes up what comes next while it
/// does; the number of events. `told` hears after each batch up to when that is and how many events that are, and may stop it by `false`.
///
/// # Errors
/// The log did not take everything.
pub async fn record(
    simulation: &mut Simulation,
    until_us: i64,
    log: &dyn EventLog,
    told: &mut (dyn FnMut(i64, u64) -> bool + Send),
) -> Result<u64, LogError> {
    let (mut count, mut up_to_us) = (0, until_us);
    let mut under_way: Option<BoxFuture<'_, Result<(), LogError>>> = None;
    loop {
        let reports = std::iter::from_fn(|| simulation.report_by(until_us)).take(RECORDED);
        let batch: Vec<_> = reports.inspect(|(at_us, _)| up_to_us = *at_us).map(|(_, entry)| entry).collect();
        if let Some(append) = under_way.take() {
            append.await?;
        }
        if batch.is_empty() {
            return Ok(count);
        }
        count += batch.len() as u64;
        // A first look hands it over; it is written while the next one is made up.
        let mut append = log.append(batch);
        match poll_immediate(&mut append).await {
            Some(taken) => taken?,
            None => under_way = Some(append),
        }
        if !told(up_to_us, count) {
            return Ok(count);
        }
    }
}

enum Sender<'a> {
    Log(&'a dyn EventLog),
    Gateway { agent: ureq::Agent, url: String },
}

/// How a try to send went.
enum Tried {
    Taken,
    /// Why not; it may be tried again.
    Away(String),
}

impl<'a> Sender<'a> {
    fn new(to: &'a Destination) -> Result<Sender<'a>, SimulateError> {
        match to {
            Destination::Log(log) => Ok(Sender::Log(log.as_ref())),
            Destination::Gateway(url) if url.starts_with("http://") => {
                let url = url.trim_end_matches('/');
                let url = if url.ends_with("/v1/events") { url.to_owned() } else { format!("{url}/v1/events") };
                let config =
                    ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).http_status_as_error(false).build();
                Ok(Sender::Gateway { agent: config.new_agent(), url })
            }
            Destination::Gateway(url) => {
                let place = without_secret(url);
                Err(SimulateError::Settings(format!("--url {place} is no gateway's address; write one such as http://127.0.0.1:8080")))
            }
        }
    }

    /// Sends until it is taken: an event that is there twice counts once.
    async fn send(&self, events: &[Event<'static>]) -> Result<(), SimulateError> {
        let (mut wait, longest) = PATIENCE;
        loop {
            let why = match self.attempt(events).await? {
                Tried::Taken => return Ok(()),
                Tried::Away(why) => why,
            };
            tracing::warn!("{why}; trying again in {} ms", wait.as_millis());
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }

    async fn attempt(&self, events: &[Event<'static>]) -> Result<Tried, SimulateError> {
        match self {
            Sender::Log(log) => match log.append(events.iter().map(entry).collect()).await {
                Ok(()) => Ok(Tried::Taken),
                Err(LogError::Away(why)) => Ok(Tried::Away(why)),
                Err(error) => Err(error.into()),
            },
            Sender::Gateway { agent, url } => {
                let body: String = events.iter().map(|event| format!("{}\n", json::write(event))).collect();
                let (agent, url) = (agent.clone(), url.clone());
                let posted = tokio::task::spawn_blocking(move || post(&agent, &url, body)).await;
                posted.unwrap_or_else(|error| Ok(Tried::Away(error.to_string())))
            }
        }
    }
}

fn post(agent: &ureq::Agent, url: &str, body: String) -> Result<Tried, SimulateError> {
    let place = without_secret(url);
    let mut answer = match agent.post(url).header("Content-Type", "application/x-ndjson").send(body) {
        Ok(answer) => answer,
        Err(error) => return Ok(Tried::Away(format!("{place}: {error}"))),
    };
    let status = answer.status().as_u16();
    if status == 202 {
        return Ok(Tried::Taken);
    }
    let said = answer.body_mut().read_to_string().unwrap_or_default();
    let said: String = said.chars().take(500).collect();
    match status {
        429 | 500..=599 => Ok(Tried::Away(format!("{place} answers {status}: {said}"))),
        _ => Err(SimulateError::Refused(format!("{place} answers {status}, so it does not take these events: {said}"))),
    }
}
