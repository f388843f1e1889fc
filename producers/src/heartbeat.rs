//! Heartbeats: how "no calls today" and "the pipe is dead" become different things on every screen.
//!
//! In: a log, a clock. Out: a heartbeat on every partition that has not grown for a while, by whoever's doing; while the log takes
//! nothing, an attempt at every look, so that it is known when it does again.
//! Never here: an error that ends the task; while the log is away there is nothing to beat on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use onpace_schemas::avro;
use tokio_util::sync::CancellationToken;

use crate::Seldom;
use crate::log::{Entry, EventLog, LogError, Route};

/// How long a partition may be quiet before it gets a heartbeat.
pub const QUIET: Duration = Duration::from_secs(30);

/// Sends a heartbeat to every partition that has been quiet for `quiet`, until `stop` is cancelled. `now` is the clock in
/// microseconds since 1970.
pub async fn run(log: Arc<dyn EventLog>, quiet: Duration, now: fn() -> i64, stop: CancellationToken) {
    let mut watch = Watch::default();
    // Often enough that a partition is never quiet for much longer than it may.
    let mut ticks = tokio::time::interval((quiet / 6).max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = beat(&log, &mut watch, quiet, now).await {
            static UNSENT: Seldom = Seldom::new();
            if let Some(times) = UNSENT.again() {
                tracing::warn!(%error, times, "no heartbeat could be sent");
            }
        }
    }
}

async fn beat(log: &Arc<dyn EventLog>, watch: &mut Watch, quiet: Duration, now: fn() -> i64) -> Result<(), LogError> {
    let asked = Arc::clone(log);
    let ends = tokio::task::spawn_blocking(move || asked.ends()).await.map_err(|error| LogError::Away(error.to_string()))??;
    let mut due = watch.quiet(&ends, Instant::now(), quiet);
    if due.is_empty() && log.ready().is_err() {
        due.push(0);
    }
    if due.is_empty() {
        return Ok(());
    }
    let mut value = Vec::with_capacity(32);
    avro::write_heartbeat(now(), &mut value);
    let beats = due.into_iter().map(|partition| Entry { route: Route::Partition(partition), value: value.clone() }).collect();
    log.append(beats).await
}

/// Since when each partition ends where it does.
#[derive(Default)]
struct Watch(Vec<(i64, Instant)>);

impl Watch {
    /// The partitions that end where they did for `quiet` or longer; a partition seen for the first time is due at once, so that
    /// whoever reads it knows soon that the pipe stands.
    fn quiet(&mut self, ends: &[i64], at: Instant, quiet: Duration) -> Vec<u32> {
        let mut due = Vec::new();
        for (partition, end) in ends.iter().enumerate() {
            let fresh = self.0.len() == partition;
            if fresh {
                self.0.push((*end, at));
            }
            let (seen, since) = &mut self.0[partition];
            if *seen != *end {
                (*seen, *since) = (*end, at);
            } else if fresh || at.duration_since(*since) >= quiet {
                due.push(partition as u32);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_schemas::avro::Message as Said;

    use super::*;
    use crate::log::Polled;
    use crate::log::memory::MemoryLog;

    #[test]
    fn only_quiet_partitions_are_due() {
        let (mut watch, start, quiet) = (Watch::default(), Instant::now(), Duration::from_secs(30));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(watch.quiet(&[5, 7], at(0), quiet), [0, 1]);
        assert_eq!(watch.quiet(&[6, 8], at(5), quiet), Vec::<u32>::new());
        assert_eq!(watch.quiet(&[9, 8], at(20), quiet), Vec::<u32>::new());
        assert_eq!(watch.quiet(&[9, 8], at(35), quiet), [1]);
        // A log put back to an older copy has changed too.
        assert_eq!(watch.quiet(&[2, 9], at(50), quiet), Vec::<u32>::new());
        assert_eq!(watch.quiet(&[2, 9], at(80), quiet), [0, 1]);
    }

    #[tokio::test]
    async fn every_partition_gets_one_and_it_can_be_read() {
        let log = MemoryLog::new(3);
        let stop = CancellationToken::new();
        let shared: Arc<dyn EventLog> = Arc::new(log.clone());
        let task = tokio::spawn(run(shared, Duration::from_secs(3600), || 42, stop.clone()));
        while log.ends().unwrap() != [1, 1, 1] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        task.await.unwrap();
        let mut reader = log.reader().unwrap();
        assert_eq!(reader.poll(Duration::ZERO, 10, &mut |_| {}).unwrap(), Polled::Assigned(vec![0, 1, 2]));
        reader.start(1, 0).unwrap();
        let mut said = Vec::new();
        reader
            .poll(Duration::ZERO, 10, &mut |message| {
                said.push((message.key.to_vec(), avro::read(message.value) == Ok(Said::Heartbeat { at_us: 42 })))
            })
            .unwrap();
        assert_eq!(said, [(Vec::new(), true)]);
    }
}
