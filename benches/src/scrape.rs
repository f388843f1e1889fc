//! A scrape of a hundred thousand series.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cost::cpu_s;
use crate::row;
use crate::servers::{Process, free_port, onpace, wait};

const REPS: usize = 165;
const SCRAPES: usize = 20;

/// Measures it.
pub fn run() -> Result<()> {
    let (port, folder) = (free_port()?, tempfile::tempdir()?);
    let listen = format!("127.0.0.1:{port}");
    let data = folder.path().display().to_string();
    let up =
        Process::start(onpace(&["up", "--data", &data, "--listen", &listen, "--metric-series", "10000000"])?.env_remove("ONPACE_KAFKA"))?;
    wait(port)?;
    let events: String = (0..REPS * 40)
        .map(|n| {
            let kind = ["call", "deal", "email", "meeting"][n % 4];
            let data = match kind {
                "deal" => {
                    format!(r#"{{"rep":"rep {:04}","status":"won","amount":{{"value":"100.00","currency":"EUR"}},"product":"p"}}"#, n / 40)
                }
                _ => format!(r#"{{"rep":"rep {:04}"}}"#, n / 40),
            };
            format!(r#"{{"source":"bench","kind":"{kind}","entity":"bench:{n}","occurred_at":"2026-03-02T09:30:00Z","data":{data}}}"#)
                + "\n"
        })
        .collect();
    let answer = ureq::post(format!("http://{listen}/v1/events")).header("Content-Type", "application/x-ndjson").send(&events)?;
    if answer.status() != 202 {
        bail!("the gateway answered {}", answer.status());
    }
    let metrics = format!("http://{listen}/metrics");
    let mut page = String::new();
    let begun = Instant::now();
    while !page.contains(&format!("rep {:04}", REPS - 1)) {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("the reps are not on {metrics} after 60 s");
        }
        std::thread::sleep(Duration::from_millis(300));
        page = read(&metrics)?;
    }
    let mut took = Vec::new();
    let before = cpu_s(&up.id());
    for _ in 0..SCRAPES {
        let begun = Instant::now();
        page = read(&metrics)?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    row(
        &format!("a scrape of {series} series"),
        &format!("median {:.0} ms, slowest {:.0} ms", took[SCRAPES / 2], took[SCRAPES - 1]),
        &format!(
            "{:.1} MB; {:.0} ms of CPU a scrape, the recomputing in the background included",
            page.len() as f64 / 1e6,
            (cpu_s(&up.id()) - before) / SCRAPES as f64 * 1e3
        ),
    );
    Ok(())
}

fn read(url: &str) -> Result<String> {
    Ok(ureq::get(url).call()?.body_mut().with_config().limit(256 << 20).read_to_string()?)
}
