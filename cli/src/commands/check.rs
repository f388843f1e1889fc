//! `onpace check`: reads all configuration, reaches every server, says what is wrong and how to put it right.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use onpace_kpis::Catalogue;
use onpace_processors::store::{KpiStore, StoreError};
use onpace_producers::doubts::{Reps, knows_no_summer, nearly};
use onpace_producers::log::LogError;
use onpace_schemas::counted;
use onpace_sinks::Evaluation;

use crate::args::Check;
use crate::engine;

/// How many names are looked at.
const MOST_NAMES: usize = 10_000;

pub fn run(args: Check) -> Result<ExitCode> {
    let (mut wrong, mut doubts) = (0, Vec::new());
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
        let configured = engine::configured(catalogue.clone(), &args.company);
        say(
            "company",
            configured.map(|configuration| {
                let now = configuration.now();
                doubts.extend(zones(&now));
                company(&now)
            }),
        );
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
            doubts.extend(opened.remarks().into_iter().map(|remark| format!("log: {remark}")));
            there = Some(opened);
            Ok(how)
        }),
    );
    if let Ok(catalogue) = &catalogue {
        let store_place = place(args.engine.redis.redis.as_ref());
        say(
            "store",
            engine::store(data, &args.engine.redis, catalogue).and_then(|store| {
                let moving = verified(&*store)?;
                let Some(built) = store.settings()? else { return Ok(format!("{store_place}, empty")) };
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
                    engine::vouch_for(&**log, &*store)?;
                    doubts.extend(names(&*store, built.lanes, catalogue)?);
                    let behind = engine::is_behind(&**log, &*store)?;
                    return Ok(format!("{store_place}, {}{moving}", if behind { "behind the log" } else { "folded to the log's end" }));
                }
                Ok(format!("{store_place}, {}{moving}", counted(built.lanes, "lane")))
            }),
        );
    }
    for doubt in doubts {
        println!("look   {doubt}");
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    let words = engine::words(catalogue);
    let known = || words.values().flatten().map(String::as_str);
    let nearly = names.iter().filter_map(|name| Some(format!("names: `{name}` matches nothing: measures look for `{}`", nearly(name, known())?)));
    let alike = Reps::alike(names.iter().map(String::as_str)).into_iter().map(|text| format!("names: {text}"));
    Ok(nearly.chain(alike).collect())
}

/// Zones that know no summer.
fn zones(evaluation: &Evaluation) -> Vec<String> {
    let zone = evaluation.zone().to_string();
    let text = |zone: &String| format!("company: the zone `{zone}` is winter all the year; name the place, such as America/New_York");
    std::iter::once(zone).filter(|zone| knows_no_summer(zone)).map(|zone| text(&zone)).collect()
}

/// Reads all of the store, with progress where that takes a while; which lanes could not be held against their heads, in words.
fn verified(store: &dyn KpiStore) -> Result<String> {
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("verifying the store {bar:40} {pos}/{len} values, {eta} left")?);
    let moving = store.verify(&mut |done, total| {
        if done.is_multiple_of(4_096) {
            bar.set_length(total);
            bar.set_position(done);
        }
    });
    bar.finish_and_clear();
    let moving: Vec<String> = moving?.iter().map(u32::to_string).collect();
    Ok(match moving.len() {
        0 => ", every value as it was written".into(),
        _ => format!(
            ", but written to all the while in {} {}: there its processor alone looks for damage",
            lanes(moving.len()),
            moving.join(", ")
        ),
    })
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
