//! `onpace check`: reads all configuration, reaches every server, says what is wrong and how to put it right.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use onpace_kpis::Catalogue;
use onpace_processors::store::{KpiStore, StoreError};
use onpace_producers::doubts::{Reps, nearly};
use onpace_producers::log::embedded::EmbeddedLog;
use onpace_producers::log::{LogError, Seen};
use onpace_producers::names::knows_no_summer;
use onpace_schemas::{counted, without_secret};
use onpace_sinks::metrics::{Settings, page};
use onpace_sinks::{Evaluation, read_once};

use crate::args::{self, Check};
use crate::as_served::{AsServed, as_served};
use crate::say::{indented, out_of_files, tell};
use crate::{engine, place};

/// How many names are looked at.
const MOST_NAMES: usize = 10_000;

pub fn run(args: Check) -> Result<ExitCode> {
    let mut findings = Findings::default();
    let engine = &args.engine;
    let data = engine.data.as_deref();
    let own = engine::catalogue(&args.definitions);
    let counts =
        |catalogue: &Catalogue| format!("{}, {}", counted(catalogue.measures.len(), "measure"), counted(catalogue.kpis.len(), "KPI"));
    let served = own.is_ok().then(|| as_served(data, &engine.redis, &args.definitions, &args.company));
    let catalogue = match &served {
        Some(Ok(served)) => Some(Arc::clone(&served.configuration.now().catalogue)),
        _ => own.as_ref().ok().cloned().map(Arc::new),
    };
    findings.say("catalogue", own.map(|own| catalogue.as_deref().map_or_else(|| counts(&own), counts)));
    if let Some(served) = &served {
        let now = served.as_ref().map(|served| served.configuration.now());
        findings.doubts.extend(now.as_ref().map(|now| zones(now)).unwrap_or_default());
        findings.say("company", now.map(|now| company(&now)).map_err(|error| anyhow::anyhow!("{error:#}")));
    }
    let is_embedded = engine.kafka.kafka.is_none();
    if is_embedded && data.is_none() && !place::folder(None).exists() {
        findings.say("log", Ok(format!("{} isn't there yet: `onpace up` and `onpace import` make it", place::folder(None).display())));
        if engine.redis.redis.is_none() {
            return Ok(findings.code());
        }
    }
    let log = if is_embedded { embedded_log(data) } else { kafka(engine) };
    let (how, log) = match log {
        Ok(log) => (Ok(log.how.clone()), Some(log)),
        Err(error) => (Err(error), None),
    };
    findings.doubts.extend(log.iter().flat_map(|log| &log.remarks).map(|remark| format!("log: {remark}")));
    findings.say("log", how);
    let mut filled = None;
    if let Some(catalogue) = &catalogue {
        let outcome = store(engine, catalogue, log.as_ref(), &mut findings.doubts, &mut filled);
        findings.say("store", outcome);
    }
    // What the store holds decides how much there is to show.
    if let (Some(store), Some(Ok(served))) = (filled, &served) {
        findings.say("metrics", metrics(&*store, &served.configuration.now(), &engine::page(&args.page)));
    }
    if engine.redis.redis.is_none()
        && is_embedded
        && let Ok(file) = place::existing(data)
    {
        match place::open_to_others(&file) {
            Some(open) => findings.say("privacy", Err(anyhow::anyhow!(open))),
            None => findings.say("privacy", Ok("nobody else on this machine can read the file".into())),
        }
    }
    if let Some(Ok(served)) = &served {
        findings.serving(served);
    }
    Ok(findings.code())
}

/// What was found, line by line.
#[derive(Default)]
struct Findings {
    wrong: usize,
    /// What may be meant, and should be looked at.
    doubts: Vec<String>,
}

impl Findings {
    fn say(&mut self, what: &str, outcome: Result<String>) {
        match outcome {
            Ok(how) => tell(format_args!("ok     {what}: {}", indented(&how))),
            Err(error) => {
                self.wrong += 1;
                tell(format_args!("wrong  {what}: {}{}", indented(&format!("{error:#}")), advice(&error)));
            }
        }
    }

    /// Who serves, and whether all do so alike.
    fn serving(&mut self, served: &AsServed) {
        let Some(by) = &served.by else { return };
        let when = if by.live { "serves".to_owned() } else { format!("served last, {}", ago(by.age_s)) };
        if served.notes.is_empty() {
            let calendar = &by.served;
            self.say("served", Ok(format!("the {calendar} {when}, with the days of {}", calendar.time_zone)));
        }
        for note in &served.notes {
            self.say("served", Err(anyhow::anyhow!("{note}")));
        }
    }

    /// The doubts, then how it all ends.
    fn code(&self) -> ExitCode {
        for doubt in &self.doubts {
            tell(format_args!("look   {}", indented(doubt)));
        }
        if self.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} minutes ago", seconds / 60),
        7_200..172_800 => format!("{} hours ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn lengths(place: &str, ends: &[i64]) -> String {
    format!("{place}, {}, {}", counted(ends.len() as u64, "partition"), counted(ends.iter().sum::<i64>(), "message"))
}

/// A log as it is found.
struct Log {
    /// In a line.
    how: String,
    ends: Vec<i64>,
    remarks: Vec<String>,
    /// What lies at some offsets of a partition.
    #[expect(clippy::type_complexity, reason = "a question that is named nowhere else")]
    look: Box<dyn Fn(u32, &[i64]) -> Result<Seen, LogError>>,
}

/// The embedded log, which is only read.
fn embedded_log(data: Option<&Path>) -> Result<Log> {
    let file = place::existing(data)?;
    let ends = EmbeddedLog::ends_of(&file)?;
    with_progress("reading the log", |progress| EmbeddedLog::verify_file(&file, progress))?;
    let how = lengths(&place::folder(data).display().to_string(), &ends);
    let look = Box::new(move |partition, offsets: &[i64]| EmbeddedLog::look_into(&file, partition, offsets));
    Ok(Log { how, ends, remarks: Vec::new(), look })
}

fn kafka(engine: &args::Engine) -> Result<Log> {
    let log = engine::log(None, &engine.kafka, Some(&engine.readers))?;
    let (ends, remarks) = (log.ends()?, log.remarks());
    let how = lengths(engine.kafka.kafka.as_deref().unwrap_or_default(), &ends);
    Ok(Log { how, ends, remarks, look: Box::new(move |partition, offsets: &[i64]| log.look(partition, offsets)) })
}

fn store(
    engine: &args::Engine,
    catalogue: &Catalogue,
    log: Option<&Log>,
    doubts: &mut Vec<String>,
    filled: &mut Option<Arc<dyn KpiStore>>,
) -> Result<String> {
    let data = engine.data.as_deref();
    let place = match &engine.redis.redis {
        Some(url) => without_secret(url).into_owned(),
        None => place::folder(data).display().to_string(),
    };
    let store = engine::store_to_read(data, &engine.redis, engine::measures(catalogue))?;
    let moving = verified(&*store)?;
    let Some(built) = store.settings()? else { return Ok(format!("{place}, empty")) };
    *filled = Some(Arc::clone(&store));
    let Some(Log { ends, look, .. }) = log else { return Ok(format!("{place}, {}{moving}", counted(built.lanes, "lane"))) };
    if built.lanes as usize != ends.len() {
        anyhow::bail!("{place} was built for {}, the log has {}; run `onpace rebuild`", counted(built.lanes, "partition"), ends.len());
    }
    if built.fingerprint != catalogue.fingerprint() {
        anyhow::bail!("{place} was built with other measures than the catalogue has; run `onpace rebuild`");
    }
    engine::vouch_for(built.lanes, &*store, look)?;
    doubts.extend(names(&*store, built.lanes, catalogue)?);
    let behind = engine::is_behind(ends, &*store)?;
    Ok(format!("{place}, {}{moving}", if behind { "behind the log" } else { "folded to the log's end" }))
}

/// What of the KPIs would be on `/metrics` now.
fn metrics(store: &dyn KpiStore, evaluation: &Evaluation, settings: &Settings) -> Result<String> {
    let tally = read_once(store, evaluation)?.tally;
    let page = page(&tally, evaluation, Timestamp::now().as_microsecond(), settings);
    if !page.wrong.is_empty() {
        anyhow::bail!("{}", page.wrong.join("; "));
    }
    let series = format!("{} series of KPIs by rep and team", page.series);
    Ok(std::iter::once(series).chain(page.notes).collect::<Vec<_>>().join("; "))
}

/// Which of the names that the store has look alike, or are nearly words that measures look for.
fn names(store: &dyn KpiStore, lanes: u32, catalogue: &Catalogue) -> Result<Vec<String>, StoreError> {
    let mut names = BTreeSet::new();
    let mut reader = store.reader()?;
    for lane in 0..lanes {
        reader.names(lane, 1, &mut |name| {
            if names.len() < MOST_NAMES {
                names.insert(name.to_owned());
            }
        })?;
    }
    // The store has names, and not of which field each is.
    let mut almost = Vec::new();
    for ((kind, field), words) in engine::words(catalogue) {
        for name in &names {
            if let Some(known) = nearly(name, words.iter().map(String::as_str)) {
                let kind = kind.name();
                almost.push(format!("names: `{name}`, if it is the {field} of a {kind}, matches nothing: measures look for `{known}`"));
            }
        }
    }
    let alike = Reps::alike(names.iter().map(String::as_str)).into_iter().map(|text| format!("names: {text}"));
    Ok(almost.into_iter().chain(alike).collect())
}

/// Zones that know no summer.
fn zones(evaluation: &Evaluation) -> Vec<String> {
    let zone = evaluation.zone().to_string();
    let text = |zone: &String| format!("company: the zone `{zone}` is winter all the year; name the place, such as America/New_York");
    std::iter::once(zone).filter(|zone| knows_no_summer(zone)).map(|zone| text(&zone)).collect()
}

/// Reads all of the store, with progress where that takes a while; which lanes could not be held against their heads, in words.
fn verified(store: &dyn KpiStore) -> Result<String> {
    let moving = with_progress("reading the store", |progress| store.verify(progress))?;
    let moving: Vec<String> = moving.iter().map(u32::to_string).collect();
    Ok(match moving.len() {
        0 => ", every value as it was written".into(),
        _ => format!(
            ", but written to all the while in {} {}: there its processor alone looks for damage",
            lanes(moving.len()),
            moving.join(", ")
        ),
    })
}

/// Does what may take a while, with a bar.
fn with_progress<T, E>(what: &str, run: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, E>) -> Result<T, E> {
    let bar = ProgressBar::new(0).with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}, {eta} left") {
        bar.set_style(style);
    }
    let done = run(&mut |done, total| {
        if done.is_multiple_of(4_096) {
            bar.set_length(total);
            bar.set_position(done);
        }
    });
    bar.finish_and_clear();
    done
}

fn lanes(count: usize) -> &'static str {
    if count == 1 { "lane" } else { "lanes" }
}

/// The company in a line.
fn company(evaluation: &Evaluation) -> String {
    let roster = &evaluation.roster;
    let zone = format!("days of {}", evaluation.zone());
    if roster.people.is_empty() {
        return zone;
    }
    let (people, teams) = (roster.people.len(), counted(roster.teams.len(), "team"));
    let people = if people == 1 { "1 person".to_owned() } else { format!("{people} people") };
    format!("{zone}, {people} in {teams}, {}", counted(evaluation.objectives.len(), "objective"))
}

/// What to do about a server that does not answer.
fn advice(error: &Error) -> &'static str {
    let said = format!("{error:#}");
    if said.contains("ulimit -n") || !out_of_files(&said).is_empty() {
        return out_of_files(&said);
    }
    match (error.downcast_ref::<LogError>(), error.downcast_ref::<StoreError>()) {
        (Some(LogError::Away(_)), _) => {
            "; is Kafka running there, is the address right (`--kafka host:port`), and does no firewall stand between?"
        }
        (_, Some(StoreError::Away(_))) => {
            "; is Redis running there, are address and password right (`--redis redis://user:password@host:port/db`), \
             and does no firewall stand between?"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_away_comes_with_advice() {
        assert!(advice(&LogError::Away("no broker".into()).into()).contains("`--kafka host:port`"));
        assert!(advice(&StoreError::Away("refused".into()).into()).contains("is Redis running"));
        assert_eq!(advice(&anyhow::anyhow!("another trouble")), "");
    }
}
