//! `onpace check`: reads all configuration, reaches every server, says what is wrong and how to put it right.

use std::process::ExitCode;

use anyhow::Result;

use crate::args::Check;
use crate::engine;

pub fn run(args: Check) -> Result<ExitCode> {
    let mut wrong = 0;
    let mut say = |what: &str, outcome: Result<String>| match outcome {
        Ok(how) => println!("ok     {what}: {how}"),
        Err(error) => {
            wrong += 1;
            println!("wrong  {what}: {error:#}");
        }
    };
    let catalogue = engine::catalogue(&args.definitions);
    say(
        "catalogue",
        catalogue
            .as_ref()
            .map(|catalogue| format!("{} measures, {} KPIs", catalogue.measures.len(), catalogue.kpis.len()))
            .map_err(|error| anyhow::anyhow!("{error:#}")),
    );
    say("calendar", engine::calendar(&args.calendar).map(|calendar| format!("days of {}", calendar.zone.iana_name().unwrap_or("UTC"))));
    let data = args.engine.data.as_deref();
    let place = |server: Option<&String>| server.cloned().unwrap_or_else(|| engine::folder(data).display().to_string());
    let log = engine::log(data, &args.engine.kafka);
    let log_place = place(args.engine.kafka.kafka.as_ref());
    say(
        "log",
        log.as_ref().map_err(|error| anyhow::anyhow!("{error:#}")).and_then(|log| {
            let messages: i64 = log.ends()?.iter().sum();
            Ok(format!("{log_place}, {} partitions, {messages} messages", log.partitions()))
        }),
    );
    if let Ok(catalogue) = &catalogue {
        let store_place = place(args.engine.redis.redis.as_ref());
        say(
            "store",
            engine::store(data, &args.engine.redis, catalogue).and_then(|store| {
                store.verify()?;
                let Some(there) = store.settings()? else { return Ok(format!("{store_place}, empty")) };
                if let Ok(log) = &log {
                    let wanted = engine::settings(&**log, catalogue);
                    if there.lanes != wanted.lanes {
                        anyhow::bail!(
                            "{store_place} was built for {} partitions, the log has {}; run `onpace rebuild`",
                            there.lanes,
                            wanted.lanes
                        );
                    }
                    if there.fingerprint != wanted.fingerprint {
                        anyhow::bail!("{store_place} was built with other measures than the catalogue has; run `onpace rebuild`");
                    }
                    let behind = engine::is_behind(&**log, &*store)?;
                    return Ok(format!("{store_place}, {}", if behind { "behind the log" } else { "folded to the log's end" }));
                }
                Ok(format!("{store_place}, {} lanes", there.lanes))
            }),
        );
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
