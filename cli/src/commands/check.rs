//! `onpace check`: reads all configuration, reaches every server, says what is wrong and how to put it right.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Error, Result};
use jiff::Timestamp;
use onpace_processors::store::{KpiStore, StoreError};
use onpace_producers::log::LogError;
use onpace_schemas::counted;
use onpace_sinks::metrics::{Settings, page};
use onpace_sinks::{Evaluation, read_once};

use crate::args::Check;
use crate::engine;

pub fn run(args: Check) -> Result<ExitCode> {
    let mut wrong = 0;
    let mut say = |what: &str, outcome: Result<String>| match outcome {
        Ok(how) => println!("ok     {what}: {how}"),
        Err(error) => {
            wrong += 1;
            println!("wrong  {what}: {error:#}{}", advice(&error));
        }
    };
    let catalogue = engine::catalogue(&args.definitions);
    say(
        "catalogue",
        catalogue
            .as_ref()
            .map(|catalogue| format!("{}, {}", counted(catalogue.measures.len(), "measure"), counted(catalogue.kpis.len(), "KPI")))
            .map_err(|error| anyhow::anyhow!("{error:#}")),
    );
    if let Ok(catalogue) = &catalogue {
        say("company", engine::configured(catalogue.clone(), &args.company).map(|configuration| company(&configuration.now())));
    }
    let data = args.engine.data.as_deref();
    let place = |server: Option<&String>| server.cloned().unwrap_or_else(|| engine::folder(data).display().to_string());
    let log = engine::log(data, &args.engine.kafka, Some(&args.engine.readers));
    let mut there = None;
    let log_place = place(args.engine.kafka.kafka.as_ref());
    say(
        "log",
        log.and_then(|opened| {
            let messages: i64 = opened.ends()?.iter().sum();
            let how = format!("{log_place}, {}, {}", counted(opened.partitions(), "partition"), counted(messages, "message"));
            there = Some(opened);
            Ok(how)
        }),
    );
    let mut filled = None;
    if let Ok(catalogue) = &catalogue {
        let store_place = place(args.engine.redis.redis.as_ref());
        say(
            "store",
            engine::store(data, &args.engine.redis, catalogue).and_then(|store| {
                store.verify()?;
                let Some(built) = store.settings()? else { return Ok(format!("{store_place}, empty")) };
                filled = Some(Arc::clone(&store));
                if let Some(log) = &there {
                    let wanted = engine::settings(&**log, catalogue);
                    if built.lanes != wanted.lanes {
                        anyhow::bail!(
                            "{store_place} was built for {}, the log has {}; run `onpace rebuild`",
                            counted(built.lanes, "partition"),
                            wanted.lanes
                        );
                    }
                    if built.fingerprint != wanted.fingerprint {
                        anyhow::bail!("{store_place} was built with other measures than the catalogue has; run `onpace rebuild`");
                    }
                    let behind = engine::is_behind(&**log, &*store)?;
                    return Ok(format!("{store_place}, {}", if behind { "behind the log" } else { "folded to the log's end" }));
                }
                Ok(format!("{store_place}, {}", counted(built.lanes, "lane")))
            }),
        );
    }
    // What the store holds decides how much there is to show.
    if let (Some(store), Ok(catalogue)) = (filled, catalogue)
        && let Ok(configuration) = engine::configured(catalogue, &args.company)
    {
        say("metrics", metrics(&*store, &configuration.now(), &engine::page(&args.page)));
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
