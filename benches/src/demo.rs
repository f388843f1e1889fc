//! `onpace demo` with many people: how long until it says how far it is, and until numbers are shown, all at once.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cost::cpu_s;
use crate::row;
use crate::servers::{Process, free_port, onpace};

const LIMIT: Duration = Duration::from_secs(600);
/// A look costs what it asks for, on two cores that are busy.
const LOOK: Duration = Duration::from_millis(100);

/// Measures it.
pub fn run() -> Result<()> {
    [12, 100, 500].into_iter().try_for_each(company)
}

fn company(reps: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let mut command = onpace(&["demo", "--listen", &format!("127.0.0.1:{port}"), "--reps", &reps.to_string()])?;
    let begun = Instant::now();
    // What is temporary is thrown away with the folder: the process is killed.
    let process = Process::start(command.env("TMPDIR", folder.path()))?;
    let since = || begun.elapsed().as_secs_f64();
    let ask = |path: &str| -> Option<(u16, String)> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30))).build();
        let mut answer = config.new_agent().get(format!("http://127.0.0.1:{port}{path}")).call().ok()?;
        Some((answer.status().as_u16(), answer.body_mut().with_config().limit(1 << 30).read_to_string().ok()?))
    };
    let (mut told, mut shown) = (None, None);
    while shown.is_none() {
        match ask("/v1/kpis?by=rep&window=month") {
            Some((200, _)) => shown = Some(since()),
            Some((503, body)) if told.is_none() && body.contains("% made up") => told = Some(since()),
            _ if begun.elapsed() > LIMIT => bail!("{reps} reps: no numbers after {} s", LIMIT.as_secs()),
            _ => std::thread::sleep(LOOK),
        }
    }
    let shown = shown.context("numbers")?;
    while !ask("/metrics").is_some_and(|(_, page)| page.contains("\nonpace_calls_made{")) {
        if begun.elapsed() > LIMIT {
            bail!("{reps} reps: nothing on /metrics after {} s", LIMIT.as_secs());
        }
        std::thread::sleep(LOOK);
    }
    let scraped = since();
    let cpu = cpu_s(&process.id());
    let progress = told.map_or("before them nothing is said".to_owned(), |told| format!("progress from {told:.1} s on"));
    row(
        &format!("`onpace demo --reps {reps}`, until all numbers are shown"),
        &format!("{shown:.1} s; on `/metrics` after {scraped:.1} s"),
        &format!("{progress}; {cpu:.1} s of CPU until then"),
    );
    Ok(())
}
