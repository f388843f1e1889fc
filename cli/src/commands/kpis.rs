//! `onpace kpis`: the numbers on a terminal. In: a question as flags. Out: a table, JSON or CSV.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use onpace_kpis::slot::SLOT_S;
use onpace_kpis::window::{first_instant, local_date};
use onpace_kpis::{Answer, By, Catalogue, Question, Ranges, Row, Tally, Window, Within, evaluate};
use onpace_schemas::time::{parse_instant, show_instant};
use onpace_schemas::{Currency, did_you_mean};

use crate::args::{Format, Kpis};
use crate::engine;
use crate::usage::usage;

/// A slot's length in microseconds.
const SLOT_US: i64 = SLOT_S * 1_000_000;

pub fn run(args: Kpis) -> Result<ExitCode> {
    let evaluation = engine::configuration(&args.definitions, &args.company)?.now();
    let (catalogue, roster) = (&evaluation.catalogue, &evaluation.roster);
    let by: By = args.by.parse().map_err(|error| usage(format!("--by: {error}")))?;
    let windows = args
        .windows
        .iter()
        .map(|window| window.parse().map_err(|error| usage(format!("--window: {error}"))))
        .collect::<Result<Vec<Window>>>()?;
    let windows: Vec<Window> =
        windows.iter().enumerate().filter(|(at, window)| !windows[..*at].contains(window)).map(|(_, window)| *window).collect();
    if !args.only.is_empty() && by == By::Company {
        return Err(usage("--only names one of many: say of what with --by rep, team, product, origin or stage"));
    }
    let kpis = catalogue.select(args.kpis.iter().map(String::as_str)).map_err(|error| usage(format!("--kpi: {error}")))?;
    let at_us = match &args.at {
        Some(at) => parse_instant(at).map_err(|error| usage(format!("--at: {error}")))?,
        None => Timestamp::now().as_microsecond(),
    };

    let within = match &args.team {
        None => Within::Company,
        Some(team) if by != By::Team => {
            let known = roster.teams.iter().map(|team| &*team.id);
            Within::Team(
                roster.team(team).ok_or_else(|| usage(format!("--team: the roster has no team `{team}`{}", did_you_mean(team, known))))?,
            )
        }
        Some(team) => return Err(usage(format!("--team {team} limits other breakdowns; with --by team name it with --only {team}"))),
    };
    let currency = args.currency.as_deref().map(Currency::parse).transpose().map_err(|error| usage(format!("--currency: {error}")))?;
    let once = engine::read(args.data.as_deref(), &args.redis, &evaluation)?;

    let mut values = Vec::new();
    let keys: Vec<Option<&str>> = if args.only.is_empty() { vec![None] } else { args.only.iter().map(|key| Some(key.as_str())).collect() };
    for key in keys {
        let question = Question { kpis: &kpis, key, within, currency, ..Question::new(at_us, by, &windows) };
        let rows = evaluate(catalogue, &once.tally, roster, &question)?;
        if let (Some(key), true) = (key, rows.is_empty()) {
            anyhow::bail!("no {by} is named `{key}`; `onpace kpis --by {by} --window all` lists those there are");
        }
        values.extend(rows);
    }
    if let Some(folded) = evaluation.folded(&once.tally, by) {
        eprintln!("{}", folded.words());
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
            let zone = evaluation.zone();
            writeln!(out, "At {}, days and months of {zone}.", show_instant(at_us))?;
            match as_of {
                Some(ms) => writeln!(out, "From events recorded up to {}.", show_instant(ms * 1_000))?,
                None => writeln!(out, "No events yet: `onpace import` brings history, `onpace up` takes events.")?,
            }
            writeln!(out, "{}", table(&values, by, &windows, args.zeros))?;
            let starts = windows.iter().map(|window| window.bounds(at_us, &roster.schedule.zone, roster.settings).start);
            // No start is before every other.
            if let Some(hint) = hint(catalogue, &once.tally, &roster.schedule.zone, starts.min().flatten()) {
                writeln!(out, "{hint}")?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What to ask instead where everything counted lies before the windows asked for, the first of which begins at `start_us`.
fn hint(catalogue: &Catalogue, tally: &Tally, zone: &TimeZone, start_us: Option<i64>) -> Option<String> {
    let last_us = latest(catalogue, tally, zone)?;
    let date = local_date(last_us, zone);
    (last_us < start_us?).then(|| format!("The last event is of {date}: ask with --at {} or --window all.", show_instant(last_us)))
}

/// The last second of the last slot in which anything is counted, in microseconds since 1970; levels stand at any time and don't count.
fn latest(catalogue: &Catalogue, tally: &Tally, zone: &TimeZone) -> Option<i64> {
    let measures = (0..).zip(&catalogue.measures).filter(|(_, measure)| !measure.what.is_level());
    let (mut quarter, mut date) = (None, None);
    for (number, _) in measures {
        for (_, line) in tally.everybody().flat_map(|rep| rep.lines(number)) {
            quarter = quarter.max(last_slot(|from| line.sum(&Ranges { quarters: from..i32::MAX, dates: 0..0 })));
            date = date.max(last_slot(|from| line.sum(&Ranges { quarters: 0..0, dates: from..i32::MAX })));
        }
    }
    let of_quarter = quarter.map(|slot| (i64::from(slot) + 1) * SLOT_US);
    let of_date = date.and_then(|day| {
        let next = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(i64::from(day) + 1)).ok()?;
        Some(first_instant(next, zone))
    });
    of_quarter.max(of_date).map(|end| end - 1_000_000)
}

/// The last slot that isn't 0, of counters that are never negative: from there on the sum is above 0.
fn last_slot(sum_from: impl Fn(i32) -> i128) -> Option<i32> {
    let (mut something, mut nothing) = (i32::MIN, i32::MAX);
    if sum_from(something) == 0 {
        return None;
    }
    while nothing - 1 > something {
        let middle = ((i64::from(something) + i64::from(nothing)) / 2) as i32;
        if sum_from(middle) == 0 { nothing = middle } else { something = middle }
    }
    Some(something)
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

/// A name as a terminal or a spreadsheet may show it: control characters could move a cursor, and those that turn the direction
/// of writing could show one name, or the numbers beside it, as another.
pub(super) fn printable(name: &str) -> String {
    let dangerous = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().map(|c| if dangerous(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn csv(values: &[Row], by: By, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["kpi", "window", "start", "end", by.name(), "currency", "value", "unit"]).context("can't write CSV")?;
    for row in values {
        let key = row.key.as_ref().map_or_else(String::new, |(_, key)| defused(&printable(key)));
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
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_kpis::{MeasureNo, Roster, Slot};

    use super::*;

    #[test]
    fn names_can_do_nothing() {
        assert_eq!(defused("=cmd|'/C calc'!A0"), "'=cmd|'/C calc'!A0");
        assert_eq!(defused("Zoé"), "Zoé");
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c\u{2067}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        assert_eq!(printable("זאב\u{200f} 1"), "זאב\u{200f} 1", "a mark that a name may need");
    }

    fn written(name: &str) -> String {
        let catalogue = Catalogue::built_in().unwrap();
        let mut tally = Tally::new(&catalogue.measures);
        let calls = catalogue.measures.iter().position(|measure| measure.name == "calls_made").unwrap() as MeasureNo;
        tally.apply(name, calls, ["", ""], 0, Slot::Quarter(1_900_000), 1);
        tally.settle();
        let kpis = catalogue.select(["calls_made"]).unwrap();
        let question = Question { kpis: &kpis, ..Question::new(1_900_000 * SLOT_US + 1, By::Rep, &[Window::All]) };
        let mut out = Vec::new();
        csv(&evaluate(&catalogue, &tally, &Roster::default(), &question).unwrap(), By::Rep, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_window_that_is_none_is_answered_with_those_there_are() {
        let said = |text: &str| text.parse::<Window>().unwrap_err();
        assert!(said("8d").contains("`8d`; there are 1h, 24h, 7d") && said("0d").contains("there are") && said("2h").contains("there are"));
        assert!(said("mnth").contains("did you mean `month`?"), "{}", said("mnth"));
    }

    #[test]
    fn a_csv_holds_no_character_that_moves_or_turns() {
        let text = written("\u{1b}]0;x\u{7}\u{202e}Ann");
        assert!(text.contains("\u{fffd}]0;x\u{fffd}\u{fffd}Ann") && !text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn the_last_event_is_found_in_slots_and_in_dates() {
        let catalogue = Catalogue::built_in().unwrap();
        let measure = |name: &str| catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as MeasureNo;
        let mut tally = Tally::new(&catalogue.measures);
        let utc = jiff::tz::TimeZone::UTC;
        assert_eq!(latest(&catalogue, &tally, &utc), None);
        tally.apply("a", measure("open_deals"), ["", ""], 0, Slot::Date(20_000), 1);
        tally.settle();
        assert_eq!(latest(&catalogue, &tally, &utc), None, "a level stands at any time");
        tally.apply("a", measure("calls_made"), ["", ""], 0, Slot::Quarter(96), 1);
        tally.apply("b", measure("calls_made"), ["", ""], 0, Slot::Quarter(97), 1);
        tally.settle();
        assert_eq!(latest(&catalogue, &tally, &utc).map(show_instant).as_deref(), Some("1970-01-02T00:29:59Z"));
        tally.apply("b", measure("deals_won"), ["", ""], 0, Slot::Date(17_531), 1);
        tally.settle();
        assert_eq!(latest(&catalogue, &tally, &utc).map(show_instant).as_deref(), Some("2017-12-31T23:59:59Z"));
        let before = |start| hint(&catalogue, &tally, &utc, start);
        assert_eq!(
            before(Some(1_772_442_600_000_000)).as_deref(),
            Some("The last event is of 2017-12-31: ask with --at 2017-12-31T23:59:59Z or --window all.")
        );
        assert_eq!((before(Some(0)), before(None)), (None, None), "there is something in the windows");
    }
}
