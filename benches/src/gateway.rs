//! The gateway: NDJSON batches of 1,000 over HTTP into Kafka, by as many clients as keep it busy; beside it a bare producer that sends
//! the same events, packed already, to a topic of the same kind.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use onpace_schemas::{avro, json};

use crate::cost::cpu_s;
use crate::floor::Message;
use crate::pipeline::{make_topic, produce};
use crate::row;
use crate::servers::{Process, free_port, kafka, onpace, unique, wait};

const BATCH: usize = 1_000;
const REQUESTS: usize = 400;
const CLIENTS: usize = 4;

/// Measures it.
pub fn run() -> Result<()> {
    let port = free_port()?;
    let topic = unique("onpace.bench");
    let listen = format!("127.0.0.1:{port}");
    let gateway =
        Process::start(onpace(&["gateway", "--kafka", &kafka()?, "--topic", &topic, "--listen", &listen])?.stderr(Stdio::null()))?;
    wait(port)?;
    let url = format!("http://{listen}/v1/events");
    let body = batch();
    let packed: Vec<Message> = body.lines().map(packed).collect::<Result<_>>()?;
    let bare_topic = make_topic()?.topic;
    let messages =
        || (0..REQUESTS).flat_map(|_| packed.iter().map(|message| Message { key: message.key.clone(), value: message.value.clone() }));
    let bare = produce(&bare_topic, messages())?;
    // Connections and buffers are made before the clock starts.
    post(&url, &body)?;
    let (before, begun) = (cpu_s(&gateway.id()), Instant::now());
    std::thread::scope(|scope| -> Result<()> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    for _ in 0..REQUESTS / CLIENTS {
                        post(&url, &body)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        Ok(())
    })?;
    let events = (BATCH * REQUESTS) as f64;
    let wall_s = begun.elapsed().as_secs_f64();
    row(
        "gateway, NDJSON in batches of 1,000",
        &format!("{:.2} M events/s, {:.2} of a bare producer", events / wall_s / 1e6, bare.cost.wall_s / wall_s),
        &format!(
            "{:.2} µs of CPU per event in the gateway; {CLIENTS} clients, {} bytes an event; the bare producer: {:.2} M events/s",
            (cpu_s(&gateway.id()) - before) / events * 1e6,
            body.len() / BATCH,
            bare.events as f64 / bare.cost.wall_s / 1e6
        ),
    );
    Ok(())
}

/// An event as the gateway would log it.
fn packed(line: &str) -> Result<Message> {
    let event = json::read(line, i64::MAX).map_err(|why| anyhow::anyhow!("{}: {}", why.field, why.error))?;
    let mut value = Vec::with_capacity(120);
    avro::write(&event, &mut value);
    Ok(Message { key: event.key(), value })
}

fn post(url: &str, body: &str) -> Result<()> {
    let answer = ureq::post(url)
        .header("Content-Type", "application/x-ndjson")
        .config()
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .send(body)?;
    if answer.status() != 202 {
        bail!("the gateway answered {}", answer.status());
    }
    Ok(())
}

fn batch() -> String {
    (0..BATCH)
        .map(|call| {
            format!(
                r#"{{"id":"c{call}","source":"phone","kind":"call","entity":"phone:{call:012}","occurred_at":"2026-03-02T09:30:{:02}Z","data":{{"rep":"rep {:02}","purpose":"prospecting","outcome":"connected","duration_s":{}}}}}"#,
                call % 60,
                call % 40,
                call % 900
            ) + "\n"
        })
        .collect()
}
