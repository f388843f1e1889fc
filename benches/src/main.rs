//! What onpace costs, measured on this machine, in one table.
//!
//! `benches/run` starts Kafka and calls this; a section's name as an argument measures that one alone.

mod cost;
mod demo;
mod disk;
mod floor;
mod fold;
mod freshness;
mod gateway;
mod objectives;
mod pipeline;
mod scrape;
mod servers;

use std::sync::Arc;

use anyhow::Result;
use onpace_kpis::Catalogue;
use onpace_kpis::fold::Rules;

/// Calls on the floor; each is said in two events.
const CALLS: usize = 1_000_000;

fn main() -> Result<()> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let wanted = |section: &str| only.is_empty() || only == section;
    let catalogue = Catalogue::built_in()?;
    let rules = Arc::new(Rules::from(&catalogue));
    println!("| what | measured | beside |");
    println!("|---|---|---|");
    if wanted("fold") {
        for batch in [1_000, 10_000] {
            let (cost, events) = fold::run(&rules, CALLS / 4, batch)?;
            row(
                &format!("the fold alone, batches of {batch}"),
                &format!("{:.2} µs of CPU per event", cost.own_s / events as f64 * 1e6),
                "decode, merge, contributions, packing; no log, no store",
            );
        }
    }
    if wanted("objectives") {
        objectives::run(&catalogue)?;
    }
    if wanted("demo") {
        demo::run()?;
    }
    if wanted("disk") {
        disk::run()?;
    }
    if wanted("pipeline") {
        pipeline::run(&catalogue, &rules, CALLS)?;
    }
    if wanted("gateway") {
        gateway::run()?;
    }
    if wanted("freshness") {
        freshness::run()?;
    }
    if wanted("scrape") {
        scrape::run()?;
    }
    Ok(())
}

/// A line of the table.
fn row(what: &str, measured: &str, beside: &str) {
    println!("| {what} | {measured} | {beside} |");
}
