//! `onpace kpis`: the numbers on a terminal. In: a question as flags. Out: a table, JSON or CSV.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use onpace_kpis::{Answer, By, Question, Row, Window, evaluate};
use onpace_schemas::time::{parse_instant, show_instant};
use onpace_sinks::view::read_once;

use crate::args::{Format, Kpis};
use crate::engine;

pub fn run(args: Kpis) -> Result<ExitCode> {
    let catalogue = engine::catalogue(&args.definitions)?;
    let calendar = engine::calendar(&args.calendar)?;
    let by: By = args.by.parse().map_err(|error| anyhow!("--by: {error}"))?;
    let windows =
        args.windows.iter().map(|window| window.parse().map_err(|error| anyhow!("--window: {error}"))).collect::<Result<Vec<Window>>>()?;
    let windows: Vec<Window> =
        windows.iter().enumerate().filter(|(at, window)| !windows[..*at].contains(window)).map(|(_, window)| *window).collect();
    anyhow::ensure!(
        args.only.is_empty() || by != By::Company,
        "--only names one of many: say of what with --by rep, team, product, origin or stage"
    );
    let kpis = catalogue.select(args.kpis.iter().map(String::as_str)).map_err(|error| anyhow!("--kpi: {error}"))?;
    let at_us = match &args.at {
        Some(at) => parse_instant(at).map_err(|error| anyhow!("--at: {error}"))?,
        None => Timestamp::now().as_microsecond(),
    };

    if args.redis.redis.is_none() {
        engine::must_exist(args.data.as_deref())?;
    }
    let store = engine::store(args.data.as_deref(), &args.redis, &catalogue)?;
    if args.redis.redis.is_none() {
        let log = engine::embedded_log(args.data.as_deref())?;
        engine::settle(&*log, &*store, &catalogue, true)?;
        if engine::is_behind(&*log, &*store)? {
            engine::fold_all(&*log, &*store, &catalogue, &mut |_, _| {})?;
        }
    }
    let once = read_once(&*store, &catalogue)?;

    let mut values = Vec::new();
    let keys: Vec<Option<&str>> = if args.only.is_empty() { vec![None] } else { args.only.iter().map(|key| Some(key.as_str())).collect() };
    for key in keys {
        let rows = evaluate(&catalogue, &once.tally, &calendar, &Question { at_us, by, windows: &windows, kpis: &kpis, key });
        if let (Some(key), true) = (key, rows.is_empty()) {
            anyhow::bail!("no {by} is named `{key}`; `onpace kpis --by {by} --window all` lists those there are");
        }
        values.extend(rows);
    }
    let as_of = once.heads.iter().flatten().map(|head| head.recorded_ms).filter(|ms| *ms > 0).min();
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &Answer { at_us, values }).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Csv => csv(&values, by, &mut out)?,
        Format::Table => {
            let zone = calendar.zone.iana_name().unwrap_or("UTC");
            writeln!(out, "At {}, days and months of {zone}.", show_instant(at_us))?;
            match as_of {
                Some(ms) => writeln!(out, "From events recorded up to {}.", show_instant(ms * 1_000))?,
                None => writeln!(out, "No events yet: `onpace import` brings history, `onpace up` takes events.")?,
            }
            writeln!(out, "{}", table(&values, by, &windows, args.zeros))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line a KPI and key, a column a window.
fn table(values: &[Row], by: By, windows: &[Window], zeros: bool) -> Table {
    let mut lines: BTreeMap<_, Vec<Option<&Row>>> = BTreeMap::new();
    for row in values {
        let key = row.key.as_ref().map(|(_, key)| key.clone());
        let line = lines.entry((key, row.number, row.currency)).or_insert_with(|| vec![None; windows.len()]);
        if let Some(place) = windows.iter().position(|window| *window == row.window) {
            line[place] = Some(row);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    let key_column = (by != By::Company).then(|| by.name().to_owned());
    table.set_header(key_column.into_iter().chain(["kpi".to_owned()]).chain(windows.iter().map(ToString::to_string)));
    for ((key, _, _), line) in lines {
        let something = line.iter().flatten().any(|row| row.value.as_ref().is_some_and(|value| !value.is_zero()));
        let Some(first) = line.iter().flatten().next() else { continue };
        if something || zeros {
            let key = key.map(|key| printable(&key));
            let shown = line.iter().map(|row| row.map_or_else(String::new, Row::shown));
            table.add_row(key.into_iter().chain([first.kpi.to_string()]).chain(shown));
        }
    }
    let names = usize::from(by != By::Company) + 1;
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A name as a terminal may show it: one that holds control characters could move its cursor.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn csv(values: &[Row], by: By, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["kpi", "window", "start", "end", by.name(), "currency", "value", "unit"]).context("can't write CSV")?;
    for row in values {
        let key = row.key.as_ref().map_or_else(String::new, |(_, key)| defused(key));
        let currency = row.currency.map_or_else(String::new, |currency| currency.to_string());
        let start = row.bounds.start.map_or_else(String::new, show_instant);
        csv.write_record([
            &row.kpi,
            row.window.name(),
            &start,
            &show_instant(row.bounds.end),
            &key,
            &currency,
            &row.plain(),
            row.unit.name(),
        ])?;
    }
    csv.flush()?;
    Ok(())
}

/// A text that a spreadsheet does not take for a formula.
fn defused(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_do_nothing() {
        assert_eq!(defused("=cmd|'/C calc'!A0"), "'=cmd|'/C calc'!A0");
        assert_eq!(defused("Zoé"), "Zoé");
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
