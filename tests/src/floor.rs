//! A sales floor on real servers: a topic of its own on Kafka, a Redis of its own, `onpace` processes between them.
//!
//! In: events as posted. Out: whether, after whatever was done to the processes and servers, every number equals the oracle's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::Value;
use tempfile::TempDir;

use crate::compare::compare_all;
use crate::generate::{Moment, adversarial_set, deliveries};
use crate::onpace::{Onpace, bare, said};
use crate::servers::{Process, Redis, provided, unique, wait_until};
use crate::serving::Serving;

/// How long a processor may be silent before its partitions go to another.
pub const SESSION: Duration = Duration::from_millis(1_500);
/// Long enough for any of the steps here on a slow machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Events hostile enough that a fold done twice, skipped or torn shows in some number, many enough that
/// whatever is done to a processor falls between many commits.
pub struct Torture {
    /// What there is to know.
    pub events: Vec<Value>,
    /// The same as an at-least-once sender delivers them, several times over.
    pub delivered: Vec<Value>,
    /// When to ask.
    pub moments: Vec<Moment>,
}

impl Torture {
    /// Made from a seed, every event delivered `times` and more.
    pub fn new(seed: u64, times: usize) -> Torture {
        let sets: Vec<_> = (seed..seed + 40).map(adversarial_set).collect();
        let events: Vec<Value> = sets.iter().flat_map(|set| set.events.clone()).collect();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut delivered: Vec<Value> = (0..times).flat_map(|_| deliveries(&events, &mut rng)).collect();
        delivered.shuffle(&mut rng);
        let moments = sets.into_iter().flat_map(|set| set.moments).take(3).collect();
        Torture { events, delivered, moments }
    }
}

/// Kafka, Redis and what is needed to reach them.
pub struct Floor {
    folder: TempDir,
    /// The Redis.
    pub redis: Redis,
    brokers: String,
    topic: String,
    group: String,
}

impl Floor {
    /// A floor on a Kafka; see [`kafka`].
    ///
    /// # Panics
    /// There is no room for a temporary folder.
    pub fn on(brokers: String) -> Floor {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let redis = Redis::start(folder.path());
        Floor { redis, brokers, topic: unique("onpace.test"), group: unique("onpace-test"), folder }
    }

    /// The folder of everything on this floor.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file on this floor.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The topic of its events.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The group of its processors.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Kafka's address.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// An `onpace` command with this floor's log.
    ///
    /// # Panics
    /// There is no binary.
    pub fn onpace(&self, subcommand: &str) -> Command {
        let mut command = bare(subcommand);
        command.current_dir(self.folder.path());
        command.args(["--kafka", &self.brokers, "--topic", &self.topic, "--partitions", "4"]);
        command
    }

    /// Writes events into the log by `onpace import`.
    ///
    /// # Panics
    /// Not all of them were taken.
    pub fn import(&self, name: &str, events: &[Value]) {
        let mut process = self.importing(name, events);
        let status = process.wait(LIMIT);
        assert!(status.success(), "the import failed: {}", process.tail());
    }

    /// Begins to write events into the log.
    ///
    /// # Panics
    /// The file can't be written.
    pub fn importing(&self, name: &str, events: &[Value]) -> Process {
        let file = self.file(&format!("{name}.ndjson"));
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        std::fs::write(&file, lines).expect("a file of events");
        let mut command = self.onpace("import");
        command.arg(&file);
        Process::start(command, self.folder.path(), name)
    }

    /// Starts a processor with small commits, so that whatever is done to it falls between many.
    pub fn processor(&self, name: &str) -> Process {
        Process::start(self.processor_command(&["--listen", "127.0.0.1:0", "--batch", "50"]), self.folder.path(), name)
    }

    /// Starts a processor with more arguments, that can be asked for its metrics and its health.
    pub fn processor_that(&self, name: &str, more: &[&str]) -> Serving {
        Serving::start(self.processor_command(more), self.folder.path(), name)
    }

    /// Starts a processor that can be asked for its metrics at a port.
    pub fn processor_at(&self, port: u16) -> Serving {
        Serving::start_at(self.processor_command(&[]), self.folder.path(), "processor", port)
    }

    /// The same with small commits, which goes round its lanes in 10 s looking for damage, at a free port.
    pub fn processor_serving(&self, name: &str) -> Serving {
        Serving::start(self.processor_command(&["--batch", "50", "--patrol", "10s"]), self.folder.path(), name)
    }

    fn processor_command(&self, more: &[&str]) -> Command {
        let mut command = self.onpace("processor");
        command.args(["--redis", &self.redis.url(), "--group", &self.group]);
        command.args(["--session-timeout-ms", &SESSION.as_millis().to_string()]).args(more);
        command
    }

    /// How many messages the store has folded, all lanes together.
    ///
    /// # Panics
    /// Redis does not answer.
    pub fn folded(&self) -> u64 {
        let offset = |lane| {
            let head = self.redis.command(&format!("GET onpace:{{{lane}}}:head"));
            let offset = head.split_whitespace().find_map(|part| part.strip_prefix("offset=")?.parse::<u64>().ok());
            offset.unwrap_or_default()
        };
        (0..4).map(offset).sum()
    }

    /// Waits, by a processor that joins the others, until everything in the log is folded.
    ///
    /// # Panics
    /// It isn't within minutes.
    pub fn catch_up(&self) {
        let mut process =
            Process::start(self.processor_command(&["--listen", "127.0.0.1:0", "--until-caught-up"]), self.folder.path(), "catch-up");
        let status = process.wait(LIMIT);
        assert!(status.success(), "catching up failed: {}", process.tail());
    }

    /// Starts a sink.
    pub fn sink(&self) -> Serving {
        let mut command = bare("sink");
        command.args(["--redis", &self.redis.url()]);
        Serving::start(command, self.folder.path(), "sink")
    }

    /// What `onpace check` says of log and store, and whether it found nothing wrong.
    pub fn check(&self) -> (bool, String) {
        let mut command = self.onpace("check");
        command.args(["--redis", &self.redis.url()]);
        outcome(command)
    }

    /// What a processor says that is to fold to the log's end, and whether it did.
    pub fn tried_to_catch_up(&self) -> (bool, String) {
        outcome(self.processor_command(&["--listen", "127.0.0.1:0", "--until-caught-up"]))
    }

    /// Whether every place says that the log is not the one that was folded, and none shows a number.
    ///
    /// # Panics
    /// One doesn't within minutes.
    pub fn assert_refused(&self, sink: &Serving, processor: Option<&Serving>) {
        wait_until("the sink says it", LIMIT, || sink.metric_sum("onpace_log_replaced").is_some_and(|sum| sum >= 1.0));
        for path in ["/readyz", "/v1/kpis"] {
            let answer = sink.get(path);
            assert!(answer.status == 503 && answer.body.contains("onpace rebuild"), "{path}: {answer:?}");
        }
        let page = sink.get("/metrics").body;
        assert!(!page.contains("onpace_calls_made{") && !page.contains("onpace_team_calls_made{"), "a number is shown");
        if let Some(processor) = processor {
            // It may be without lanes for a moment: others come and go.
            wait_until("the processor says it", LIMIT, || {
                let answer = processor.get("/readyz");
                let counted = processor.metric_sum("onpace_log_replaced").is_some_and(|sum| sum >= 1.0);
                answer.status == 503 && answer.body.contains("onpace rebuild") && counted
            });
        }
        let mut asking = bare("kpis");
        asking.args(["--redis", &self.redis.url()]);
        for (what, (done, text)) in [("check", self.check()), ("catching up", self.tried_to_catch_up()), ("kpis", outcome(asking))] {
            assert!(!done && text.contains("onpace rebuild"), "{what}: {text}");
        }
    }

    /// Holds every number against the oracle's.
    ///
    /// # Panics
    /// One differs: it is named with the events that feed it.
    pub fn assert_equals_oracle(&self, torture: &Torture) {
        let compared = Onpace::on_redis(&self.redis.url()).and_then(|onpace| compare_all(&onpace, &torture.events, &torture.moments));
        compared.unwrap_or_else(|difference| panic!("{difference}"));
    }
}

/// Runs a command to its end: whether it went well, and all that it said.
pub fn outcome(mut command: Command) -> (bool, String) {
    let output = command.output().expect("it can be started");
    (output.status.success(), said(&output))
}

/// The Kafka that `tests/run` started.
pub fn kafka() -> String {
    provided("ONPACE_TEST_KAFKA")
}
