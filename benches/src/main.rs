//! What onpace costs, measured on this machine.

mod cost;
mod floor;
mod fold;

use std::sync::Arc;

use anyhow::Result;
use onpace_kpis::catalogue::Catalogue;
use onpace_kpis::fold::Rules;

fn main() -> Result<()> {
    let catalogue = Catalogue::built_in()?;
    let rules = Arc::new(Rules::from(&catalogue));
    for batch in [1_000, 10_000] {
        let (cost, events) = fold::run(&rules, 250_000, batch)?;
        println!("fold, batches of {batch}: {:.2} µs of CPU per event", cost.own_s / events as f64 * 1e6);
    }
    Ok(())
}
