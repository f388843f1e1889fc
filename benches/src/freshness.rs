//! From a POST to the number on `/metrics`: gateway, Kafka, processor, Redis and sink as processes of their own, or all in one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::row;
use crate::servers::{Process, Redis, free_port, kafka, onpace, unique, wait};

const POSTS: usize = 100;

/// Measures it.
pub fn run() -> Result<()> {
    let (redis, topic, group) = (Redis::start("no")?, unique("onpace.bench"), unique("bench"));
    let (gateway_port, processor_port, sink_port) = (free_port()?, free_port()?, free_port()?);
    let at = |port: u16| format!("127.0.0.1:{port}");
    let brokers = kafka()?;
    let log = ["--kafka", &brokers, "--topic", &topic];
    let _gateway = Process::start(onpace(&["gateway", "--listen", &at(gateway_port)])?.args(log))?;
    wait(gateway_port)?;
    let _processor =
        Process::start(onpace(&["processor", "--group", &group, "--redis", &redis.url(), "--listen", &at(processor_port)])?.args(log))?;
    let _sink = Process::start(&mut onpace(&["sink", "--redis", &redis.url(), "--listen", &at(sink_port)])?)?;
    wait(sink_port)?;
    let (events, metrics) = (format!("http://{}/v1/events", at(gateway_port)), format!("http://{}/metrics", at(sink_port)));
    seen(&events, &metrics, 0)?;
    let mut took: Vec<f64> = (1..=POSTS).map(|call| seen(&events, &metrics, call)).collect::<Result<_>>()?;
    took.sort_by(f64::total_cmp);
    row(
        "POST → `/metrics`",
        &format!("p50 {:.0} ms, p99 {:.0} ms", took[POSTS / 2] * 1e3, took[POSTS * 99 / 100] * 1e3),
        &format!("{POSTS} events one after the other; four processes and two servers; asked every 10 ms"),
    );
    Ok(())
}

/// Posts the n-th call of the rep and waits until he has n; the seconds between.
fn seen(events: &str, metrics: &str, call: usize) -> Result<f64> {
    let now = jiff::Timestamp::now();
    let event = format!(r#"{{"source":"bench","kind":"call","entity":"bench:{call}","occurred_at":"{now}","data":{{"rep":"marie"}}}}"#);
    let begun = Instant::now();
    let answer = ureq::post(events).header("Content-Type", "application/json").send(&event)?;
    if answer.status() != 202 {
        bail!("the gateway answered {}", answer.status());
    }
    let wanted = format!(" {}", call + 1);
    while begun.elapsed() < Duration::from_secs(60) {
        let page = ureq::get(metrics).call()?.body_mut().read_to_string()?;
        let line = page
            .lines()
            .find(|line| line.starts_with("onpace_calls_made{") && line.contains("rep=\"marie\"") && line.contains("window=\"today\""));
        if line.is_some_and(|line| line.ends_with(&wanted)) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(anyhow::anyhow!("call {call} is not on {metrics} after 60 s")).context("freshness")
}
