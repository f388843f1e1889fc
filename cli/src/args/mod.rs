//! The command line: every command, flag, environment twin and default, and the help that teaches them.
//!
//! Here the commands; flags that several have are in [`parts`], what their texts mean in [`values`]. Never here: what a command does.

mod parts;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use parts::*;
pub use values::Columns;
use values::{columns, duration, instant, kind, rate};

/// Are your sales on pace? Events in, right numbers out.
#[derive(Debug, Parser)]
#[command(
    name = "onpace",
    version,
    about = "Are your sales on pace? Events in, right numbers out.",
    long_about = "Calls, meetings, e-mails and deals come in as events; onpace folds them, exactly once, into KPIs that \
any screen can show and any number of which can be traced to its events.\n\n\
Begin with `onpace demo`: it needs nothing and leaves nothing behind.",
    after_help = "A flag wins over its environment twin, that over the file of --config, that over the default.\n\
Exit status: 0 done, 1 failed (the last line says why and what to do), 2 the command line can't be understood."
)]
pub struct Cli {
    /// A YAML file of settings, named as the flags are: `kafka: localhost:9092`.
    #[arg(long, global = true, hide_env_values = true, env = "ONPACE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to log to stderr: error, warn, info, debug, trace, or filters such as `onpace_processors=debug`. The default is
    /// info for what runs for long, warn for what answers one question.
    #[arg(long, global = true, hide_env_values = true, env = "ONPACE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a living sales floor in a browser: three months of history, live activity, nothing to install.
    Demo(Demo),
    /// Run everything in one process: gateway, processor and sink.
    Up(Up),
    /// Take events over HTTP and write them to Kafka.
    Gateway(Gateway),
    /// Fold the log's events into the store; run as many as you like.
    Processor(Processor),
    /// Serve the KPIs: live page, JSON, Prometheus metrics.
    Sink(Sink),
    /// Write history from a file into the log: NDJSON as it is, CSV and spreadsheets through a jq map.
    Import(Import),
    /// What `import` runs a map in: reads rows, writes events.
    #[command(hide = true)]
    ImportMap,
    /// Make believable live activity.
    Simulate(Simulate),
    /// Print the numbers.
    Kpis(Kpis),
    /// Print how every objective stands; `check` says whether they are worth having.
    Objectives(Objectives),
    /// Write Prometheus rules with their tests, and the Alertmanager configuration.
    Rules(Rules),
    /// Print every measure and KPI with its definition.
    Catalogue(Catalogue),
    /// Print any key of the store in words; without a key, the keys there are.
    Inspect(Inspect),
    /// Empty the store, so that it is folded anew from the log.
    Rebuild(Rebuild),
    /// Read all configuration, reach every server, and say what is wrong and how to put it right.
    Check(Check),
}

/// `onpace demo`
#[derive(Debug, Args)]
#[command(after_help = "\
The company's roster and objectives are made up around now, written into the folder of --data (or a temporary one, which is named) and
read again whenever they change. With --roster it is your own people who are at work.")]
pub struct Demo {
    /// Keep the sales floor here, with its roster and objectives, to go on with it later; otherwise nothing is left behind.
    #[arg(long, hide_env_values = true, env = "ONPACE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to serve.
    #[arg(long, hide_env_values = true, env = "ONPACE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub doors: Doors,
    /// How many people the made-up company has, in its two teams. The past of more than 350 is shorter than three months: from 500 on nine weeks.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=1000))]
    pub reps: u32,
    /// What chance begins with: the same seed makes the same people, who do the same.
    #[arg(long, default_value_t = 7, value_name = "SEED")]
    pub seed: u64,
    /// Live events a second; at 1, a minute is about an hour of twelve people's work.
    #[arg(long, default_value_t = 1.0, value_name = "PER_SECOND", value_parser = rate)]
    pub rate: f64,
    #[command(flatten)]
    pub company: Company,
}

/// `onpace up`
#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub engine: Engine,
    #[command(flatten)]
    pub definitions: Definitions,
    #[command(flatten)]
    pub company: Company,
    /// Where to serve.
    #[arg(long, hide_env_values = true, env = "ONPACE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub doors: Doors,
    #[command(flatten)]
    pub questions: Questions,
    #[command(flatten)]
    pub bodies: Bodies,
    #[command(flatten)]
    pub page: Page,
    /// Processor threads; with Kafka they share the partitions.
    #[arg(long, hide_env_values = true, env = "ONPACE_THREADS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    #[command(flatten)]
    pub care: Care,
}

/// `onpace gateway`
#[derive(Debug, Args)]
pub struct Gateway {
    #[command(flatten)]
    pub kafka: Kafka,
    #[command(flatten)]
    pub definitions: Definitions,
    /// Where to serve.
    #[arg(long, hide_env_values = true, env = "ONPACE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub doors: Doors,
    #[command(flatten)]
    pub bodies: Bodies,
}

/// `onpace processor`
#[derive(Debug, Args)]
pub struct Processor {
    #[command(flatten)]
    pub engine: Engine,
    #[command(flatten)]
    pub definitions: Definitions,
    /// Fold to the present end of the log, then exit.
    #[arg(long)]
    pub until_caught_up: bool,
    /// Threads; with Kafka they share the partitions.
    #[arg(long, hide_env_values = true, env = "ONPACE_THREADS", default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// At most so many events of a partition to a commit.
    #[arg(long, hide_env_values = true, env = "ONPACE_BATCH", default_value_t = 5_000, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: u32,
    #[command(flatten)]
    pub care: Care,
    #[command(flatten)]
    pub unread: Unread,
    /// Where to serve /metrics, /healthz and /readyz.
    #[arg(long, hide_env_values = true, env = "ONPACE_LISTEN", default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub doors: Doors,
}

/// `onpace sink`
#[derive(Debug, Args)]
pub struct Sink {
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub definitions: Definitions,
    #[command(flatten)]
    pub company: Company,
    /// Where to serve.
    #[arg(long, hide_env_values = true, env = "ONPACE_LISTEN", default_value = "127.0.0.1:8082", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub doors: Doors,
    #[command(flatten)]
    pub questions: Questions,
    #[command(flatten)]
    pub page: Page,
}

/// `onpace import`
#[derive(Debug, Args)]
#[command(after_help = "\
A map is a jq program that gets each row as an object of strings and yields any number of events, or error(\"why\"), which refuses the row:

  { source: \"crm\", kind: \"call\", entity: \"crm:\\(.Id)\",
    data: { rep: (.Owner | tidy), started_at: (.Start | day_first | in_zone(\"Europe/Paris\")), duration_s: (.Talk | duration) } }

Its own functions read days (day_first, month_first, year_first), local times (in_zone), spreadsheets' numbers of days (excel), epochs,
durations, decimal commas, and make names alike (tidy); each refuses what it can't read, with the column and what would be right.
An export says what is, not since when: what has no time of its own is said with occurred_at: always, and a later export replaces it.
All of it, each with an example: docs/importing.md. Two files and their maps: examples/.

onpace import calls.csv --map calls.jq --dry-run
onpace import deals-friday.csv --map deals.jq --as-of 2026-03-06T18:00:00+01:00 --complete deal")]
pub struct Import {
    /// The file: `.ndjson` with an event a line; `.csv`, `.tsv` or `.txt`, with a header, perhaps compressed (`.csv.gz`); or `.xlsx`.
    pub file: PathBuf,
    /// The jq program that turns a row (an object of strings) into events.
    #[arg(long, value_name = "MAP.jq")]
    pub map: Option<PathBuf>,
    /// A variable of the map: `--arg undated=2017-12-31` is `$undated` there.
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = onpace_producers::import::parse_argument)]
    pub args: Vec<(String, String)>,
    /// When the file was exported, RFC 3339 with offset: `$as_of` in the map. The default is when the file was last written.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub as_of: Option<i64>,
    /// The file has all there is of this kind: what earlier files of the same source had and this one has not is deleted.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub complete: Option<onpace_schemas::Kind>,
    /// With --complete: even if more than a tenth is gone, or the log has messages that only a newer version can read.
    #[arg(long, requires = "complete")]
    pub yes: bool,
    /// Only tell what would become of the file: counts, what looks wrong, the first events and refusals. Nothing is written.
    #[arg(long)]
    pub dry_run: bool,
    /// What stands between fields, where it isn't seen by itself: a character, or comma, semicolon, tab, pipe, blank.
    #[arg(long, value_name = "CHAR", value_parser = onpace_producers::import::parse_delimiter)]
    pub delimiter: Option<u8>,
    /// The columns' names, where the file has no header: `id,rep,amount`. A column without a name is passed over.
    #[arg(long, value_name = "NAMES", value_parser = columns)]
    pub columns: Option<Columns>,
    /// How the letters are written, where it is neither UTF-8 nor marked: windows-1252 for what an older Excel saves as CSV.
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Which sheet of an .xlsx that has several.
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// Exit with 0 even if rows were refused.
    #[arg(long)]
    pub allow_rejected: bool,
    #[command(flatten)]
    pub log: Log,
    #[command(flatten)]
    pub definitions: Definitions,
}

/// `onpace simulate`
#[derive(Debug, Args)]
pub struct Simulate {
    /// Events a second.
    #[arg(long, default_value_t = 10.0, value_name = "PER_SECOND", value_parser = rate)]
    pub rate: f64,
    /// Whose activity: the people of this roster, in their zones and hours, but for whoever is on leave; otherwise --reps invented ones.
    #[arg(long, hide_env_values = true, env = "ONPACE_ROSTER", value_name = "FILE")]
    pub roster: Option<PathBuf>,
    /// How many invented people, where there is no roster.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub reps: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = 7, value_name = "SEED")]
    pub seed: u64,
    /// Stop after so many events; otherwise at Ctrl-C.
    #[arg(long, value_name = "EVENTS")]
    pub count: Option<u64>,
    /// Post them to this gateway, `http://127.0.0.1:8080`.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    #[command(flatten)]
    pub log: Log,
}

/// `onpace kpis`
#[derive(Debug, Args)]
#[command(after_help = "\
onpace kpis                                       the company, today and this month
onpace kpis --by rep --window week                everybody's week
onpace kpis --team paris --period 2025-Q1         a team's quarter
onpace kpis --rep marie --period 2025 --every month
onpace kpis --by product --at 2025-03-31          as it stood at the end of that day
onpace kpis --by rep --format csv > reps.csv      every KPI, for a spreadsheet

Without flags for them, zone, week, fiscal year and files are those of the `onpace up` or `sink` that serves the store; a line on
stderr says in what an answer differs from theirs. What each KPI means: `onpace catalogue`.")]
pub struct Kpis {
    /// A row for each: company, rep, team, product, origin or stage. The default is rep with --rep, team with --team, else company.
    #[arg(long, value_name = "WHAT")]
    pub by: Option<String>,
    /// A window that follows --at, as often as you like: 1h 24h 7d 30d 90d 365d, today week month quarter year (so far), yesterday last_week
    /// last_month last_quarter last_year, all. The default is today and month.
    #[arg(long = "window", value_name = "WINDOW")]
    pub windows: Vec<String>,
    /// A period by name, as often as you like: 2025, 2025-Q1, 2025-03, 2025-W14, 2025-03-07. Years and quarters are fiscal; a year is called
    /// after the calendar year that it begins in.
    #[arg(long = "period", value_name = "PERIOD")]
    pub periods: Vec<String>,
    /// A series: the one window or period day by day, or by week, month, quarter, year.
    #[arg(long, value_name = "LENGTH")]
    pub every: Option<String>,
    /// Only these KPIs, in this order.
    #[arg(long = "kpi", value_name = "KPI")]
    pub kpis: Vec<String>,
    /// Only this person, by the id in the roster, or the name that events give; as often as you like.
    #[arg(long = "rep", value_name = "ID")]
    pub reps: Vec<String>,
    /// By team: only this team. By rep, product, origin or stage: only what was done for this team or one below it.
    #[arg(long = "team", value_name = "ID")]
    pub teams: Vec<String>,
    /// Only this rep, team, product, origin or stage, as --by says.
    #[arg(long = "only", value_name = "NAME")]
    pub only: Vec<String>,
    /// All money in this currency, at the roster's daily rates; otherwise a value per currency.
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// The instant asked for, RFC 3339, or a date, which is its end; now where it isn't given.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// How to print it. A table shows eight KPIs at most, names and separators; json and csv have everything, by ids.
    #[arg(long, default_value = "table", value_name = "FORMAT")]
    pub format: Format,
    /// In a table, all KPIs that have a value.
    #[arg(long)]
    pub wide: bool,
    /// In a table, whatever is 0 or has no value too.
    #[arg(long)]
    pub zeros: bool,
    #[command(flatten)]
    pub company: Company,
    #[command(flatten)]
    pub definitions: Definitions,
    #[command(flatten)]
    pub store: Store,
}

/// `onpace objectives`
#[derive(Debug, Args)]
#[command(after_help = "\
States, of which exactly one is true:
  pending       its period has not begun
  no_value      no working time in it, or too little to judge a rate by
  met           reached, or over and on the right side
  missed        over and on the wrong side, or past its limit
  out_of_reach  less than 1 chance in 100, a tenth of the working time being over
  at_risk       behind by more than its tolerance, with less than 1 chance in 4
  on_pace       everything else

onpace objectives --roster examples/roster.yaml --objectives examples/objectives.yaml
onpace objectives check --roster examples/roster.yaml --objectives examples/objectives.yaml

What can stand in the two files: docs/objectives.md.")]
pub struct Objectives {
    /// Judge the objectives themselves, by what is usual: specific, measurable, ambitious, realistic, time-bound. Exits with 1 where one is
    /// not specific, measurable and time-bound.
    #[arg(value_name = "check")]
    pub what: Option<ObjectivesWhat>,
    /// The instant asked for, RFC 3339, or a date, which is its end; now where it isn't given.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Only this person's, by the id in the roster; as often as you like.
    #[arg(long = "rep", value_name = "ID")]
    pub reps: Vec<String>,
    /// Only this team's own, by its id; as often as you like.
    #[arg(long = "team", value_name = "ID")]
    pub teams: Vec<String>,
    /// How to print it.
    #[arg(long, default_value = "table", value_name = "FORMAT")]
    pub format: TableOrJson,
    #[command(flatten)]
    pub company: Company,
    #[command(flatten)]
    pub definitions: Definitions,
    #[command(flatten)]
    pub store: Store,
}

/// `onpace rules`
#[derive(Debug, Args)]
#[command(after_help = "\
Written are onpace.rules.yml for Prometheus with its tests for promtool, alertmanager.yml and onpace.tmpl for Alertmanager; the same
files, the same bytes. Give the same --roster and --objectives to the sink, and write the files anew when these change.
What each alert means: docs/alerts.md. A working set: deploy/.")]
pub struct Rules {
    /// The folder to write to; files of the same names are replaced.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// For how long an objective is behind before anybody is told: 0s, 10m, 2h.
    #[arg(long = "for", default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub wait_s: u32,
    /// Where people look: the live page's address.
    #[arg(long, default_value = "http://localhost:8080/", value_name = "URL")]
    pub dashboard: String,
    /// Where it is written what to do about an alert; its name follows after `#`. The default is onpace's own page.
    #[arg(long, value_name = "URL")]
    pub runbook: Option<String>,
    /// What will read the configuration: from 0.26 on, a webhook's address can stay in a file.
    #[arg(long, default_value = "0.25", value_name = "VERSION")]
    pub alertmanager: Alertmanager,
    #[command(flatten)]
    pub company: Company,
    #[command(flatten)]
    pub definitions: Definitions,
}

/// An Alertmanager, by the oldest version that reads what is written for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Alertmanager {
    #[value(name = "0.25")]
    V0_25,
    #[value(name = "0.26")]
    V0_26,
}

/// What of objectives is printed, beside how they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ObjectivesWhat {
    /// Whether they are SMART.
    Check,
}

/// How objectives are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableOrJson {
    /// For reading.
    Table,
    /// As the HTTP API has it.
    Json,
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading.
    Table,
    /// As the HTTP API has it.
    Json,
    /// For a spreadsheet.
    Csv,
}

/// `onpace catalogue`
#[derive(Debug, Args)]
pub struct Catalogue {
    #[command(flatten)]
    pub definitions: Definitions,
    /// How to print it: table for a terminal, json as the HTTP API has it, markdown as docs/kpis.md.
    #[arg(long, default_value = "table", value_name = "FORMAT")]
    pub format: CatalogueFormat,
}

/// How the catalogue is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CatalogueFormat {
    /// For reading.
    Table,
    /// As the HTTP API has it.
    Json,
    /// As docs/kpis.md.
    Markdown,
}

/// `onpace inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The key.
    pub key: Option<String>,
    #[command(flatten)]
    pub definitions: Definitions,
    #[command(flatten)]
    pub store: Store,
}

/// `onpace rebuild`
#[derive(Debug, Args)]
pub struct Rebuild {
    #[command(flatten)]
    pub engine: Engine,
    #[command(flatten)]
    pub definitions: Definitions,
    /// Only empty the store; running processors fold it anew.
    #[arg(long)]
    pub no_fold: bool,
    #[command(flatten)]
    pub unread: Unread,
}

/// `onpace check`
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub engine: Engine,
    #[command(flatten)]
    pub definitions: Definitions,
    #[command(flatten)]
    pub company: Company,
    #[command(flatten)]
    pub page: Page,
}
