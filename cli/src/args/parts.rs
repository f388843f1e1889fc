//! Flags that several commands have: where the log and the store are, who the company is, what a process bears.
//!
//! Never here: a command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use onpace_kpis::Window;

use super::values::{duration, number, schema};

/// Where the log and the store are.
#[derive(Clone, Debug, Args)]
pub struct Engine {
    /// The folder of the embedded log and store, where no servers are named.
    #[arg(long, hide_env_values = true, env = "ONPACE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub kafka: Kafka,
    #[command(flatten)]
    pub readers: Readers,
    #[command(flatten)]
    pub redis: Redis,
}

/// Where the log is, of a command that needs no store.
#[derive(Clone, Debug, Args)]
pub struct Log {
    /// The folder of the embedded log, where no Kafka is named.
    #[arg(long, hide_env_values = true, env = "ONPACE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub kafka: Kafka,
}

/// Where the store is, of a command that needs no log.
#[derive(Clone, Debug, Args)]
pub struct Store {
    /// The folder of an embedded store, where no Redis is named.
    #[arg(long, hide_env_values = true, env = "ONPACE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub redis: Redis,
}

/// The distributed log.
#[derive(Clone, Debug, Args)]
pub struct Kafka {
    /// Kafka's bootstrap servers, `host:port` with commas between.
    #[arg(long, hide_env_values = true, env = "ONPACE_KAFKA", value_name = "BROKERS")]
    pub kafka: Option<String>,
    /// The topic of events.
    #[arg(long, hide_env_values = true, env = "ONPACE_TOPIC", default_value = "onpace.events", value_name = "TOPIC")]
    pub topic: String,
    /// The topic's partitions: used when it is created, compared when it is there.
    #[arg(long, hide_env_values = true, env = "ONPACE_PARTITIONS", default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub partitions: u32,
}

/// How those who read the distributed log share it.
#[derive(Clone, Debug, Args)]
pub struct Readers {
    /// The consumer group among which processors share the partitions.
    #[arg(long, hide_env_values = true, env = "ONPACE_GROUP", default_value = "onpace-processors", value_name = "GROUP")]
    pub group: String,
    /// After how long without a sign of life a processor's partitions go to another, in milliseconds.
    #[arg(
        long,
        hide_env_values = true,
        env = "ONPACE_SESSION_TIMEOUT_MS",
        default_value_t = 45_000,
        value_name = "MS",
        hide_short_help = true
    )]
    pub session_timeout_ms: u32,
}

/// The distributed store.
#[derive(Clone, Debug, Args)]
pub struct Redis {
    /// Redis, as `redis://user:password@host:port/db` or `unix:///path`.
    #[arg(long, hide_env_values = true, env = "ONPACE_REDIS", value_name = "URL")]
    pub redis: Option<String>,
    /// What every key in Redis begins with.
    #[arg(long, hide_env_values = true, env = "ONPACE_REDIS_PREFIX", default_value = "onpace", value_name = "PREFIX")]
    pub redis_prefix: String,
}

/// What is counted.
#[derive(Clone, Debug, Args)]
pub struct Definitions {
    /// Your own measures and KPIs, in YAML, beside the built-in ones.
    #[arg(long, hide_env_values = true, env = "ONPACE_CATALOGUE", value_name = "FILE")]
    pub catalogue: Option<PathBuf>,
}

/// Who the company is, and where its days, weeks and years begin.
#[derive(Clone, Debug, Default, Args)]
pub struct Company {
    /// The roster: people with their identities, teams, working time, managers, in YAML. A running process takes up changes.
    #[arg(long, hide_env_values = true, env = "ONPACE_ROSTER", value_name = "FILE")]
    pub roster: Option<PathBuf>,
    /// The objectives, in YAML; they speak of the roster's people and teams.
    #[arg(long, hide_env_values = true, env = "ONPACE_OBJECTIVES", value_name = "FILE")]
    pub objectives: Option<PathBuf>,
    /// The company's time zone, an IANA name such as Europe/Paris. The default is the roster's, else UTC.
    #[arg(long, hide_env_values = true, env = "ONPACE_TIME_ZONE", value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// The day a week starts on. The default is the roster's, else monday.
    #[arg(long, hide_env_values = true, env = "ONPACE_WEEK_STARTS", value_name = "DAY")]
    pub week_starts: Option<Day>,
    /// The month a fiscal year starts in, 1 to 12; quarters follow it. The default is the roster's, else 1.
    #[arg(long, hide_env_values = true, env = "ONPACE_FISCAL_YEAR_STARTS", value_name = "MONTH", value_parser = clap::value_parser!(i8).range(1..=12))]
    pub fiscal_year_starts: Option<i8>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// What to do about messages that this version can't read.
#[derive(Clone, Debug, Args)]
pub struct Unread {
    /// Put what was written with this schema among the dead letters: the fingerprint of a schema that this version doesn't know, as /readyz says it. Without it the
    /// lane waits for an upgrade, and nothing is lost. As often as you like.
    #[arg(long, hide_env_values = true, env = "ONPACE_BURY_SCHEMA", value_name = "FINGERPRINT", value_parser = schema, value_delimiter = ',', hide_short_help = true)]
    pub bury_schema: Vec<u64>,
}

/// How the store is looked after.
#[derive(Clone, Copy, Debug, Args)]
pub struct Care {
    /// How long it may take to go once round all that the store has, looking for damage: a lane that is damaged is folded anew from the log.
    #[arg(long, hide_env_values = true, env = "ONPACE_PATROL", default_value = "10m", value_name = "DURATION", value_parser = duration, hide_short_help = true)]
    pub patrol: u32,
}

/// Who may come in, and how many at once.
#[derive(Clone, Debug, Args)]
pub struct Doors {
    /// A further name that this process goes by, in `Host` and as the origin of pages: `onpace.example.com`, behind a proxy; as often as
    /// you like, or with commas. On the loopback only localhost and its addresses are known by themselves, elsewhere every address, names
    /// without a dot and the machine's own; `*` is any name. What asks by another gets 421, and another site's page 403.
    #[arg(long = "allowed-host", hide_env_values = true, env = "ONPACE_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// Connections at once. Past them whoever has been silent longest makes room, and health and metrics are still answered.
    #[arg(long, hide_env_values = true, env = "ONPACE_CONNECTIONS", default_value_t = 2048, value_name = "N", value_parser = number(4..=1_000_000), hide_short_help = true)]
    pub connections: usize,
    /// Connections of one address at once; the default is half of all. Behind a proxy all come from its address.
    #[arg(long, hide_env_values = true, env = "ONPACE_CONNECTIONS_PER_ADDRESS", value_name = "N", value_parser = number(1..=1_000_000), hide_short_help = true)]
    pub connections_per_address: Option<usize>,
    /// The memory of large answers that are not yet read by who asked, all together, in MiB. Past it whoever reads nothing is cut.
    #[arg(long, hide_env_values = true, env = "ONPACE_ANSWERS_MIB", default_value_t = 128, value_name = "MIB", value_parser = number(1..=65_536), hide_short_help = true)]
    pub answers_mib: usize,
}

/// How many questions at once.
#[derive(Clone, Copy, Debug, Args)]
pub struct Questions {
    /// Questions (`/v1/kpis`, `/v1/objectives`) worked on at once; 15 times as many wait, each for 5 seconds at most.
    #[arg(long, hide_env_values = true, env = "ONPACE_QUESTIONS", default_value_t = 4, value_name = "N", value_parser = number(1..=1_000), hide_short_help = true)]
    pub questions: usize,
}

/// How many bodies that come slowly.
#[derive(Clone, Copy, Debug, Args)]
pub struct Bodies {
    /// Bodies read at once that take longer than a second; half as many of one address.
    #[arg(long, hide_env_values = true, env = "ONPACE_SLOW_BODIES", default_value_t = 256, value_name = "N", value_parser = number(2..=1_000_000), hide_short_help = true)]
    pub slow_bodies: usize,
}

/// What of the KPIs is on `/metrics`.
#[derive(Clone, Debug, Args)]
pub struct Page {
    /// The windows on /metrics, with commas between, the most important first: where there would be too many series the last go first. The
    /// default is today,week,month,quarter,year,yesterday,last_week,last_month,last_quarter,last_year, or what a catalogue of your own lists.
    /// The API has all windows.
    #[arg(long, hide_env_values = true, env = "ONPACE_METRIC_WINDOWS", value_name = "WINDOWS", value_delimiter = ',')]
    pub metric_windows: Vec<Window>,
    /// At most so many series of KPIs by rep and team on /metrics: past it whole windows go, then whole metrics, never some of the reps; it is
    /// said in the log, by `onpace check`, /readyz and an alert. The default has room for 500 reps with three currencies.
    #[arg(long, hide_env_values = true, env = "ONPACE_METRIC_SERIES", default_value_t = onpace_sinks::metrics::Settings::SERIES, value_name = "N")]
    pub metric_series: usize,
}
