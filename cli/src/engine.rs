//! Which log and store the flags name: Kafka and Redis, or one SQLite file in a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use onpace_kpis::{Catalogue, Test};
use onpace_kpis::fold::Rules;
use onpace_processors::store::{EmbeddedStore, KpiStore, RedisStore, Settings, StoreError};
use onpace_processors::{Metrics, Processor, vouch};
use onpace_producers::doubts::Words;
use onpace_producers::log::EventLog;
use onpace_producers::log::embedded::EmbeddedLog;
use onpace_producers::log::kafka::{KafkaLog, KafkaSettings};
use onpace_sinks::configuration::{Configuration, Files, Overrides, text};
use onpace_sinks::view::{Once, read_once};

use crate::args;
use crate::usage::usage;

/// The folder of the embedded engine where none is named.
const DEFAULT_DATA: &str = "onpace-data";
/// The embedded engine's one file, in its folder.
const FILE: &str = "onpace.db";
/// The embedded log needs no more: one thread folds it.
const EMBEDDED_PARTITIONS: u32 = 1;

/// Measures and KPIs: the built-in ones and the user's own.
pub fn catalogue(definitions: &args::Definitions) -> Result<Catalogue> {
    let built_in = Catalogue::built_in().context("the built-in catalogue")?;
    let Some(file) = &definitions.catalogue else { return Ok(built_in) };
    let yaml = text(file).map_err(|why| anyhow::anyhow!("can't read the catalogue {}: {why}", file.display()))?;
    built_in.with(&yaml).with_context(|| file.display().to_string())
}

/// The words that some measure looks for, by kind and field.
pub fn words(catalogue: &Catalogue) -> Words {
    let mut words = Words::new();
    for measure in &catalogue.measures {
        for condition in &measure.conditions {
            if let Test::Text(texts) = &condition.test {
                let known: &mut Vec<String> = words.entry((measure.kind, measure.kind.fields()[usize::from(condition.field)].name)).or_default();
                for text in texts.iter().filter(|text| !text.is_empty()) {
                    if !known.contains(text) {
                        known.push(text.clone());
                    }
                }
            }
        }
    }
    words
}

/// Catalogue, roster and objectives as their files have them.
pub fn configuration(definitions: &args::Definitions, company: &args::Company) -> Result<Configuration> {
    configured(catalogue(definitions)?, company)
}

/// Roster and objectives as their files have them, with a catalogue that was read before.
pub fn configured(catalogue: Catalogue, company: &args::Company) -> Result<Configuration> {
    if let (Some(objectives), None) = (&company.objectives, &company.roster) {
        bail!("--objectives {} needs --roster: objectives speak of its people and teams", objectives.display());
    }
    let files = Files { roster: company.roster.clone(), objectives: company.objectives.clone() };
    Ok(Configuration::read(catalogue, files, overrides(company)?)?)
}

/// What the flags say of days, weeks and years.
fn overrides(company: &args::Company) -> Result<Overrides> {
    use jiff::civil::Weekday;
    let week_start = company.week_starts.map(|day| match day {
        args::Day::Monday => Weekday::Monday,
        args::Day::Tuesday => Weekday::Tuesday,
        args::Day::Wednesday => Weekday::Wednesday,
        args::Day::Thursday => Weekday::Thursday,
        args::Day::Friday => Weekday::Friday,
        args::Day::Saturday => Weekday::Saturday,
        args::Day::Sunday => Weekday::Sunday,
    });
    Ok(Overrides { zone: zone(company)?, week_start, fiscal_month: company.fiscal_year_starts })
}

/// The company's zone, where the flags say it.
pub fn zone(company: &args::Company) -> Result<Option<jiff::tz::TimeZone>> {
    let zone = company.time_zone.as_ref().map(|name| {
        jiff::tz::TimeZone::get(name)
            .map_err(|error| usage(format!("--time-zone {name}: no such zone; write an IANA name such as Europe/Paris: {error}")))
    });
    zone.transpose()
}

/// The folder of the embedded engine.
pub fn folder(data: Option<&Path>) -> PathBuf {
    data.map_or_else(|| DEFAULT_DATA.into(), Path::to_path_buf)
}

/// The folder of the embedded engine, made where it isn't there.
fn made_folder(data: Option<&Path>) -> Result<PathBuf> {
    let folder = folder(data);
    std::fs::create_dir_all(&folder).with_context(|| format!("can't make the folder {}; name another with --data", folder.display()))?;
    Ok(folder)
}

fn embedded_file(data: Option<&Path>) -> Result<PathBuf> {
    Ok(made_folder(data)?.join(FILE))
}

/// Kafka as the flags describe it; `None` where no brokers are named. Who only writes has no readers.
fn kafka(kafka: &args::Kafka, readers: Option<&args::Readers>) -> Option<KafkaSettings> {
    let brokers = kafka.kafka.as_ref()?;
    let stem = kafka.topic.strip_suffix(".events").unwrap_or(&kafka.topic);
    let mut settings = KafkaSettings {
        topic: kafka.topic.clone(),
        dead_letter_topic: format!("{stem}.dead-letters"),
        partitions: kafka.partitions,
        ..KafkaSettings::new(brokers)
    };
    if let Some(readers) = readers {
        settings.group.clone_from(&readers.group);
        settings.session_timeout = Duration::from_millis(readers.session_timeout_ms.into());
    }
    Some(settings)
}

/// The log: Kafka where brokers are named, else the embedded one.
pub fn log(data: Option<&Path>, flags: &args::Kafka, readers: Option<&args::Readers>) -> Result<Arc<dyn EventLog>> {
    match kafka(flags, readers) {
        Some(settings) => Ok(Arc::new(KafkaLog::open(settings)?)),
        None => embedded_log(data),
    }
}

/// The log of a process that goes on: one whose brokers are not there yet is waited for, in the background.
pub fn log_whenever(data: Option<&Path>, flags: &args::Kafka, readers: Option<&args::Readers>) -> Result<Arc<dyn EventLog>> {
    match kafka(flags, readers) {
        Some(settings) => Ok(Arc::new(KafkaLog::open_whenever(settings)?)),
        None => embedded_log(data),
    }
}

/// The store: Redis where it is named, else the embedded one.
pub fn store(data: Option<&Path>, flags: &args::Redis, catalogue: &Catalogue) -> Result<Arc<dyn KpiStore>> {
    match &flags.redis {
        Some(url) => Ok(Arc::new(RedisStore::open(url, &flags.redis_prefix)?.with_measures(measures(catalogue)))),
        None => embedded_store(data, catalogue),
    }
}

/// Log and store together: both on servers, or both in one file.
pub fn both(engine: &args::Engine, catalogue: &Catalogue) -> Result<(Arc<dyn EventLog>, Arc<dyn KpiStore>)> {
    together(engine)?;
    let data = engine.data.as_deref();
    Ok((log(data, &engine.kafka, Some(&engine.readers))?, store(data, &engine.redis, catalogue)?))
}

/// The same for a process that goes on: servers that are not there yet are waited for, in the background.
pub fn both_whenever(engine: &args::Engine, catalogue: &Catalogue) -> Result<(Arc<dyn EventLog>, Arc<dyn KpiStore>)> {
    together(engine)?;
    let data = engine.data.as_deref();
    Ok((log_whenever(data, &engine.kafka, Some(&engine.readers))?, store(data, &engine.redis, catalogue)?))
}

/// Refuses a log on servers beside a store in a file, and the other way round.
fn together(engine: &args::Engine) -> Result<()> {
    match (&engine.kafka.kafka, &engine.redis.redis) {
        (Some(_), None) => {
            Err(usage("--kafka is given but not --redis: name the store too, `--redis redis://host:6379`, or leave both out"))
        }
        (None, Some(_)) => Err(usage("--redis is given but not --kafka: name the log too, `--kafka host:9092`, or leave both out")),
        _ => Ok(()),
    }
}

/// Whether the engine is the embedded one.
pub fn is_embedded(engine: &args::Engine) -> bool {
    engine.kafka.kafka.is_none() && engine.redis.redis.is_none()
}

/// What the store must have been built for.
pub fn settings(log: &dyn EventLog, catalogue: &Catalogue) -> Settings {
    Settings { lanes: log.partitions(), fingerprint: catalogue.fingerprint() }
}

/// Settles what the store is for. An embedded store that was built with other measures is emptied, to be folded anew: nobody
/// else uses it. One on servers is refused: another release may be at work on it.
pub fn settle(log: &dyn EventLog, store: &dyn KpiStore, catalogue: &Catalogue, embedded: bool) -> Result<()> {
    let wanted = settings(log, catalogue);
    if embedded && store.settings()?.is_some_and(|there| there != wanted) {
        tracing::info!("the measures have changed: folding everything anew");
        store.wipe(wanted)?;
    }
    Ok(store.settle(wanted)?)
}

/// The same of a process that goes on: a store that is away is settled when a lane of it is taken over.
pub fn settle_whenever(log: &dyn EventLog, store: &dyn KpiStore, catalogue: &Catalogue, embedded: bool) -> Result<()> {
    match settle(log, store, catalogue, embedded) {
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Away(_))) => {
            tracing::warn!("waiting for the store: {error:#}");
            Ok(())
        }
        settled => settled,
    }
}

/// Makes sure that the log is the one that the store was folded from.
///
/// # Errors
/// It is another, or ends before: which partitions, and what to do.
pub fn vouch_for(log: &dyn EventLog, store: &dyn KpiStore) -> Result<()> {
    let mut reader = store.reader()?;
    let mut wrong = Vec::new();
    for partition in 0..log.partitions() {
        let Some(head) = reader.head(partition)? else { continue };
        let (verdict, _) = vouch::look(log, partition, &head)?;
        wrong.extend(vouch::course(verdict, &head).map(|course| vouch::said(partition, &head, course)));
    }
    if wrong.is_empty() { Ok(()) } else { bail!(wrong.join("; ")) }
}

/// Folds what isn't folded yet, on this thread.
pub fn fold_all(log: &dyn EventLog, store: &dyn KpiStore, catalogue: &Catalogue, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let metrics = Metrics::register(&prometheus::Registry::new())?;
    let rules = Arc::new(Rules::from(catalogue));
    Processor::new(log, store, rules, catalogue.fingerprint(), onpace_processors::Settings::default(), metrics)?
        .catch_up(&AtomicBool::new(false), progress)?;
    Ok(())
}

/// Whether the store is behind the log.
pub fn is_behind(log: &dyn EventLog, store: &dyn KpiStore) -> Result<bool, StoreError> {
    let ends = log.ends().map_err(|why| StoreError::Away(why.to_string()))?;
    let mut reader = store.reader()?;
    for (lane, end) in (0..).zip(ends) {
        if reader.head(lane)?.map_or(0, |head| head.offset) < end {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads a store whole, for a question on the terminal; an embedded one is first folded to the log's end.
pub fn read(data: Option<&Path>, redis: &args::Redis, catalogue: &Catalogue) -> Result<Once> {
    if redis.redis.is_none() {
        must_exist(data)?;
    }
    let store = store(data, redis, catalogue)?;
    if redis.redis.is_none() {
        let log = embedded_log(data)?;
        settle(&*log, &*store, catalogue, true)?;
        vouch_for(&*log, &*store)?;
        if is_behind(&*log, &*store)? {
            fold_all(&*log, &*store, catalogue, &mut |_, _| {})?;
        }
    }
    Ok(read_once(&*store, catalogue)?)
}

/// The embedded log.
pub fn embedded_log(data: Option<&Path>) -> Result<Arc<dyn EventLog>> {
    Ok(Arc::new(EmbeddedLog::open(embedded_file(data)?, EMBEDDED_PARTITIONS)?))
}

/// The embedded store.
pub fn embedded_store(data: Option<&Path>, catalogue: &Catalogue) -> Result<Arc<dyn KpiStore>> {
    Ok(Arc::new(EmbeddedStore::open(embedded_file(data)?, measures(catalogue))?))
}

/// The measures' names by number, for whoever reads the store itself.
fn measures(catalogue: &Catalogue) -> Vec<String> {
    catalogue.measures.iter().map(|measure| measure.name.clone()).collect()
}

/// Refuses to read where nothing was ever written: a mistyped folder must not look like a company without events.
pub fn must_exist(data: Option<&Path>) -> Result<()> {
    let file = folder(data).join(FILE);
    anyhow::ensure!(
        file.exists(),
        "there is no {}: name the folder with --data, or write something first with `onpace import` or `onpace up`",
        file.display()
    );
    Ok(())
}

/// Keeps others from running on the same folder for as long as the file is held.
pub fn claim(data: Option<&Path>) -> Result<std::fs::File> {
    let folder = made_folder(data)?;
    let lock = folder.join("onpace.lock");
    let file = std::fs::File::create(&lock).with_context(|| format!("can't write {}", lock.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!("another onpace is at work on {}: stop it, or name another folder with --data", folder.display()),
    }
}
