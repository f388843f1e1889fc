//! Which log and store the flags name: Kafka and Redis, or one SQLite file in a folder.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use onpace_kpis::fold::Rules;
use onpace_kpis::{Catalogue, Test, Window};
use onpace_processors::store::{EmbeddedStore, KpiStore, RedisStore, Settings, StoreError};
use onpace_processors::{Metrics, Processor, vouch};
use onpace_producers::doubts::Words;
use onpace_producers::log::embedded::{EmbeddedLog, file};
use onpace_producers::log::kafka::{KafkaLog, KafkaSettings};
use onpace_producers::log::{EventLog, LogError, Seen};
use onpace_schemas::without_secret;
use onpace_sinks::Evaluation;
use onpace_sinks::configuration::{Configuration, Files, Overrides, text};
use onpace_sinks::view::{Once, read_once};

use crate::say::say;
use crate::usage::usage;
use crate::{args, place};

/// The embedded log needs no more: one thread folds it.
pub const EMBEDDED_PARTITIONS: u32 = 1;

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
                let known: &mut Vec<String> =
                    words.entry((measure.kind, measure.kind.fields()[usize::from(condition.field)].name)).or_default();
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

/// What of the KPIs is on `/metrics`.
pub fn page(page: &args::Page) -> onpace_sinks::metrics::Settings {
    let mut windows: Vec<Window> = Vec::with_capacity(page.metric_windows.len());
    for window in &page.metric_windows {
        if !windows.contains(window) {
            windows.push(*window);
        }
    }
    onpace_sinks::metrics::Settings { series: page.metric_series, windows: Some(windows).filter(|windows| !windows.is_empty()) }
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

/// Kafka as the flags describe it; `None` where no brokers are named. Who only writes has no readers.
fn kafka(kafka: &args::Kafka, readers: Option<&args::Readers>) -> Result<Option<KafkaSettings>> {
    let Some(brokers) = &kafka.kafka else { return Ok(None) };
    if brokers.contains('@') {
        // What goes on to the client comes back in its messages.
        let shown = without_secret(brokers);
        return Err(usage(format!(
            "--kafka {shown}: an address is host:port, with commas between several; a user or password has no place in it"
        )));
    }
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
    Ok(Some(settings))
}

/// The log: Kafka where brokers are named, else the embedded one.
pub fn log(data: Option<&Path>, flags: &args::Kafka, readers: Option<&args::Readers>) -> Result<Arc<dyn EventLog>> {
    match kafka(flags, readers)? {
        Some(settings) => Ok(Arc::new(KafkaLog::open(settings)?)),
        None => embedded_log(data),
    }
}

/// The log of a process that goes on: one whose brokers are not there yet is waited for, in the background.
pub fn log_whenever(data: Option<&Path>, flags: &args::Kafka, readers: Option<&args::Readers>) -> Result<Arc<dyn EventLog>> {
    match kafka(flags, readers)? {
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

/// Makes sure that the log, of so many partitions, is the one that the store was folded from; `look` looks at one.
///
/// # Errors
/// It is another, or ends before: which partitions, and what to do.
#[expect(clippy::type_complexity, reason = "a question that is named nowhere else")]
pub fn vouch_for(partitions: u32, store: &dyn KpiStore, look: &dyn Fn(u32, &[i64]) -> Result<Seen, LogError>) -> Result<()> {
    let mut reader = store.reader()?;
    let mut heads = Vec::new();
    for partition in 0..partitions {
        match reader.head(partition) {
            Ok(head) => heads.extend(head.map(|head| (partition, head))),
            // Whoever takes the lane over folds it anew.
            Err(StoreError::Damaged { .. }) => {}
            Err(why) => return Err(why.into()),
        }
    }
    let wrong = vouch::all_wrong(heads.into_iter(), look)?;
    if wrong.is_empty() { Ok(()) } else { bail!(wrong.join("; ")) }
}

/// How processors work on an engine.
pub fn work(embedded: bool) -> onpace_processors::Settings {
    if embedded { onpace_processors::Settings::embedded() } else { onpace_processors::Settings::default() }
}

/// Folds what isn't folded yet, on this thread.
pub fn fold_all(
    log: &dyn EventLog,
    store: &dyn KpiStore,
    catalogue: &Catalogue,
    embedded: bool,
    buried: &[u64],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    let metrics = Metrics::register(&prometheus::Registry::new())?;
    let rules = Arc::new(Rules::from(catalogue));
    let processor = Processor::new(log, store, rules, catalogue.fingerprint(), work(embedded), metrics)?;
    processor.burying(buried.iter().copied()).catch_up(&AtomicBool::new(false), progress)?;
    Ok(())
}

/// Whether the store is behind the log, whose ends these are.
pub fn is_behind(ends: &[i64], store: &dyn KpiStore) -> Result<bool, StoreError> {
    let mut reader = store.reader()?;
    for (lane, end) in (0..).zip(ends) {
        if reader.head(lane)?.map_or(0, |head| head.offset) < *end {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads a store whole, for a question on the terminal; an embedded one is first folded to the log's end, if it can be written to.
pub fn read(data: Option<&Path>, redis: &args::Redis, evaluation: &Evaluation) -> Result<Once> {
    let catalogue = &*evaluation.catalogue;
    if redis.redis.is_some() {
        return Ok(read_once(&*store(data, redis, catalogue)?, evaluation)?);
    }
    let file = place::existing(data)?;
    if !file::is_writable(&file) {
        return read_as_it_is(&file, evaluation);
    }
    let (store, log) = (embedded_store(data, catalogue)?, embedded_log(data)?);
    let wanted = settings(&*log, catalogue);
    if store.settings()?.is_some_and(|there| there != wanted) {
        // Held until everything is folded anew, so that nobody begins to serve meanwhile.
        let _claim = place::claim(data).context(
            "the catalogue has other measures than the store, which would have to be folded anew; give the --catalogue that is served",
        )?;
        settle(&*log, &*store, catalogue, true)?;
        fold_all(&*log, &*store, catalogue, true, &[], &mut |_, _| {})?;
    }
    settle(&*log, &*store, catalogue, true)?;
    vouch_for(log.partitions(), &*store, &|partition, offsets| log.look(partition, offsets))?;
    let behind = match is_behind(&log.ends()?, &*store) {
        // Whoever takes the lane over folds it anew.
        Err(StoreError::Damaged { .. }) => true,
        behind => behind?,
    };
    if behind {
        fold_all(&*log, &*store, catalogue, true, &[], &mut |_, _| {})?;
    }
    match read_once(&*store, evaluation) {
        Err(damaged @ StoreError::Damaged { .. }) => {
            tracing::warn!(%damaged, "the store is damaged; it is folded anew from the log");
            fold_all(&*log, &*store, catalogue, true, &[], &mut |_, _| {})?;
        }
        read => return Ok(read?),
    }
    Ok(read_once(&*store, evaluation)?)
}

/// Reads an embedded store that can't be written to.
fn read_as_it_is(file: &Path, evaluation: &Evaluation) -> Result<Once> {
    let catalogue = &*evaluation.catalogue;
    let store = EmbeddedStore::open_to_read(file, measures(catalogue))?;
    let ends = EmbeddedLog::ends_of(file)?;
    let nothing = || format!("nothing in {} is folded yet, and it can't be written to: run this where it can", file.display());
    let there = store.settings()?.with_context(nothing)?;
    anyhow::ensure!(
        there.fingerprint == catalogue.fingerprint(),
        "{} was folded with other measures than the catalogue has, and it can't be written to: give the --catalogue it was folded with",
        file.display()
    );
    vouch_for(ends.len() as u32, &store, &|partition, offsets| EmbeddedLog::look_into(file, partition, offsets))?;
    if is_behind(&ends, &store)? {
        say(format_args!("onpace: {} can't be written to, so what isn't folded yet is not in these numbers", file.display()));
    }
    Ok(read_once(&store, evaluation)?)
}

/// The store, only to be asked: nothing is made, nothing is changed.
pub fn store_to_read(data: Option<&Path>, redis: &args::Redis, measures: Vec<String>) -> Result<Arc<dyn KpiStore>> {
    match &redis.redis {
        Some(url) => Ok(Arc::new(RedisStore::open(url, &redis.redis_prefix)?.with_measures(measures))),
        None => Ok(Arc::new(EmbeddedStore::open_to_read(place::existing(data)?, measures)?)),
    }
}

/// The store, to be asked who serves it.
pub fn store_to_ask(data: Option<&Path>, redis: &args::Redis) -> Result<Arc<dyn KpiStore>> {
    store_to_read(data, redis, Vec::new())
}

/// The store, to be served: an embedded one must be there, and need not be one that can be written to.
pub fn store_to_serve(data: Option<&Path>, redis: &args::Redis, catalogue: &Catalogue) -> Result<Arc<dyn KpiStore>> {
    if redis.redis.is_none() && !file::is_writable(&place::existing(data)?) {
        return store_to_read(data, redis, measures(catalogue));
    }
    store(data, redis, catalogue)
}

/// The embedded log.
pub fn embedded_log(data: Option<&Path>) -> Result<Arc<dyn EventLog>> {
    Ok(Arc::new(EmbeddedLog::open(place::made(data)?, EMBEDDED_PARTITIONS)?))
}

/// The embedded store.
pub fn embedded_store(data: Option<&Path>, catalogue: &Catalogue) -> Result<Arc<dyn KpiStore>> {
    Ok(Arc::new(EmbeddedStore::open(place::made(data)?, measures(catalogue))?))
}

/// Log and store in a folder of which nothing is to outlive this process.
pub fn fleeting(folder: &Path, catalogue: &Catalogue) -> Result<(Arc<dyn EventLog>, Arc<dyn KpiStore>)> {
    let file = place::made(Some(folder))?;
    let log = EmbeddedLog::open_fleeting(&file, EMBEDDED_PARTITIONS)?;
    Ok((Arc::new(log), Arc::new(EmbeddedStore::open(file, measures(catalogue))?.fleeting())))
}

/// The measures' names by number, for whoever reads the store itself.
pub fn measures(catalogue: &Catalogue) -> Vec<String> {
    catalogue.measures.iter().map(|measure| measure.name.clone()).collect()
}
