//! The gateway: NDJSON batches of 1,000 over HTTP into Kafka, by as many clients as keep it busy.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cost::cpu_s;
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
        &format!("{:.2} M events/s", events / wall_s / 1e6),
        &format!(
            "{:.2} µs of CPU per event in the gateway; {CLIENTS} clients, {} bytes an event",
            (cpu_s(&gateway.id()) - before) / events * 1e6,
            body.len() / BATCH
        ),
    );
    Ok(())
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
