//! What an import takes on the disk: a CSV of opportunities like the example's, imported and folded by the embedded engine.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;

use crate::row;
use crate::servers::onpace;

/// How often the example's rows are repeated, each time as other opportunities.
const TIMES: usize = 30;
/// A file of one's own is measured instead where this names it, with the map and the arguments of `onpace import` that follow it.
const OWN: &str = "ONPACE_BENCH_IMPORT";

/// Measures it.
pub fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let arguments = match std::env::var(OWN) {
        Ok(own) => own.split_whitespace().map(str::to_owned).collect(),
        Err(_) => {
            let csv = folder.path().join("pipeline.csv");
            std::fs::write(&csv, many(&std::fs::read_to_string(examples.join("pipeline.csv"))?)?)?;
            let map = examples.join("pipeline.jq");
            [&csv.display().to_string(), "--map", &map.display().to_string(), "--arg", "undated=2025-01-31"].map(str::to_owned).to_vec()
        }
    };
    let csv_bytes = std::fs::metadata(arguments.first().context("no file")?)?.len();
    let data = folder.path().join("data");
    let done = |command: &mut std::process::Command| -> Result<()> {
        let output = command.arg("--data").arg(&data).output()?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    done(onpace(&["import"])?.args(&arguments))?;
    done(&mut onpace(&["kpis", "--window", "all"])?)?;
    let times = |bytes: u64| format!("{:.1}", bytes as f64 / csv_bytes as f64);
    let held: u64 = std::fs::read_dir(&data)?.map(|file| Ok(file?.metadata()?.len())).sum::<std::io::Result<u64>>()?;
    row(
        "an import on the disk, folded",
        &format!("{} times the CSV", times(held)),
        &format!("{csv_bytes} bytes of CSV, {held} bytes in the folder: {}", tables(&data.join("onpace.db"))?.join(", ")),
    );
    Ok(())
}

/// The file many times over, each row as an opportunity of its own.
fn many(csv: &str) -> Result<String> {
    let (header, rows) = csv.split_once('\n').context("a header")?;
    let mut all = format!("{header}\n");
    for time in 0..TIMES {
        for row in rows.lines() {
            let (id, rest) = row.split_once(',').context("an id")?;
            writeln!(all, "{}{time:02},{rest}", &id[..id.len().min(6)])?;
        }
    }
    Ok(all)
}

/// The largest tables, with what they take.
fn tables(file: &Path) -> Result<Vec<String>> {
    let connection = Connection::open(file)?;
    let mut select = connection.prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 4")?;
    let rows = select.query_map([], |row| Ok(format!("{} {}", row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
