//! `onpace kpis`: the numbers on a terminal. In: a question as flags. Out: tables, JSON or CSV.

mod show;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use onpace_kpis::slot::SLOT_S;
use onpace_kpis::window::{first_instant, local_date};
use onpace_kpis::{By, Catalogue, Ranges, Row, Tally};
use onpace_schemas::printable;
use onpace_schemas::time::show_instant;
use onpace_sinks::question::{Asked, Refused, Wrong};
use serde::Serialize;

use self::show::Shown;
use crate::args::{Format, Kpis};
use crate::as_served::as_served;
use crate::say::say;
use crate::table::{terminal_columns, wrapped};
use crate::usage::usage;
use crate::{engine, json};

pub(super) use self::show::name;

/// A slot's length in microseconds.
const SLOT_US: i64 = SLOT_S * 1_000_000;

/// What HTTP gives too.
#[derive(Serialize)]
struct Answer<'a> {
    at: String,
    time_zone: &'a str,
    configuration: String,
    values: &'a [Row],
}

pub fn run(args: Kpis) -> Result<ExitCode> {
    let served = as_served(args.store.data.as_deref(), &args.store.redis, &args.definitions, &args.company)?;
    let evaluation = served.configuration.now();
    let (catalogue, roster) = (&evaluation.catalogue, &evaluation.roster);
    let asked = Asked::read(&pairs(&args), &evaluation).map_err(refused)?;
    served.say()?;
    let at_us = asked.at_us.unwrap_or_else(|| Timestamp::now().as_microsecond());
    let once = engine::read(args.store.data.as_deref(), &args.store.redis, &evaluation)?;
    let values = asked.rows(&evaluation, &once.tally, at_us, usize::MAX).map_err(|why| match why {
        Refused::Wrong(wrong) => refused(wrong),
        Refused::Unconvertible(why) => why.into(),
    })?;
    if let Some(folded) = evaluation.folded(&once.tally, asked.by) {
        say(format_args!("onpace: {}", folded.words()));
    }
    let as_of = once.heads.iter().flatten().map(|head| head.recorded_ms).filter(|ms| *ms > 0).min();
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Json => {
            let answer = Answer {
                at: show_instant(at_us),
                time_zone: evaluation.zone(),
                configuration: evaluation.configuration(),
                values: &values,
            };
            json::write(&answer, &mut out)?;
        }
        Format::Csv => csv(&values, asked.by, &mut out)?,
        Format::Table => {
            let columns = terminal_columns();
            let when = format!("At {}, days and months of {}{}.", show_instant(at_us), evaluation.zone(), served.how());
            let as_of = match as_of {
                Some(ms) => format!("From events recorded up to {}.", show_instant(ms * 1_000)),
                None => "No events yet: `onpace import` brings history, `onpace up` takes events.".to_owned(),
            };
            writeln!(out, "{}\n{}\n", wrapped(&when, columns), wrapped(&as_of, columns))?;
            let shown = Shown {
                catalogue,
                roster,
                rows: &values,
                by: asked.by,
                kpis: &asked.kpis,
                is_series: asked.every.is_some(),
                is_wide: args.wide,
                zeros: args.zeros,
                everybody: args.zeros || !asked.keys.is_empty(),
                is_piped: columns.is_none(),
            };
            let (tables, told) = shown.tables();
            let tables: Vec<String> = tables.iter().map(|table| table.show(columns)).collect();
            write!(out, "{}", tables.join("\n"))?;
            let starts = values.iter().map(|row| row.bounds.start);
            // No start is before every other.
            let hint = hint(catalogue, &once.tally, &roster.schedule.zone, starts.min().flatten());
            let told: Vec<String> = told.into_iter().chain(hint).map(|line| wrapped(&line, columns)).collect();
            if !told.is_empty() {
                writeln!(out, "\n{}", told.join("\n"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The question as HTTP would have it.
fn pairs(args: &Kpis) -> Vec<(String, String)> {
    let one = |name: &str, value: &Option<String>| value.iter().map(|value| (name.to_owned(), value.clone())).collect::<Vec<_>>();
    let many = |name: &str, values: &[String]| values.iter().map(|value| (name.to_owned(), value.clone())).collect::<Vec<_>>();
    [
        one("by", &args.by),
        many("window", &args.windows),
        many("period", &args.periods),
        one("every", &args.every),
        many("kpi", &args.kpis),
        many("rep", &args.reps),
        many("team", &args.teams),
        many("only", &args.only),
        one("currency", &args.currency),
        one("at", &args.at),
    ]
    .concat()
}

/// A parameter's mistake as its flag's.
pub(super) fn refused(wrong: Wrong) -> anyhow::Error {
    usage(format!("--{}: {}", wrong.parameter, wrong.why))
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

fn csv(values: &[Row], by: By, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["kpi", "window", "start", "end", by.name(), "currency", "value", "unit"]).context("can't write CSV")?;
    for row in values {
        let key = row.key.as_ref().map_or_else(String::new, |(_, key)| defused(&printable(key)));
        let currency = row.currency.map_or_else(String::new, |currency| currency.to_string());
        let start = row.bounds.start.map_or_else(String::new, show_instant);
        csv.write_record([
            &*row.kpi,
            &row.window.to_string(),
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
    use onpace_kpis::{MeasureNo, Question, Roster, Slot, Window, evaluate};

    use super::*;

    #[test]
    fn names_can_do_nothing() {
        assert_eq!(defused("=cmd|'/C calc'!A0"), "'=cmd|'/C calc'!A0");
        assert_eq!(defused("Zoé"), "Zoé");
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
