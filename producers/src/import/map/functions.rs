//! What the map language has beside jq: functions of a cell.
//!
//! In: a cell's text (or a number). Out: what it says, in the form in which an event says it; of a blank cell `null`, which clears a
//! field. An error names the column, the value and what would be right. Never here: how a value is read.
//! Documented, each with an example that a test runs: `docs/importing.md`.

use jaq_core::load::{self, parse::Def};
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Bind, Cv, DataT, Error, Lut, ValXs, data::HasLut};
use jaq_json::Val;
use onpace_schemas::did_you_mean;

use super::cells::Cells;
use super::{numbers, times};
use crate::names;

/// What in jq depends on when or where it runs, or reads anything but the row.
pub(super) const FORBIDDEN: [&str; 5] = ["now", "env", "localtime", "strflocaltime", "input_filename"];

/// What natives know: the program, and the row at hand.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) lut: &'a Lut<OfRow>,
    pub(super) cells: &'a Cells,
}

/// A program over a row.
pub(super) struct OfRow;

impl DataT for OfRow {
    type V<'a> = Val;
    type Data<'a> = At<'a>;
}

impl<'a> HasLut<'a, OfRow> for At<'a> {
    fn lut(&self) -> &'a Lut<OfRow> {
        self.lut
    }
}

/// A function's name, how many arguments it takes, and itself.
type Written = (&'static str, Box<[Bind]>, jaq_core::RunPtr<OfRow>);
type Result<T> = std::result::Result<T, String>;

/// The functions written in jq.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    // The stamp of what has no time of its own: an export says what is, not since when, and a later export's word replaces it.
    load::parse(r#"def always: "1970-01-01T00:00:00Z";"#, |parser| parser.defs()).unwrap_or_default().into_iter()
}

/// The functions written in Rust.
pub(super) fn natives() -> impl Iterator<Item = Fun<OfRow>> {
    use times::Order::{Day, Month, Year};
    let all: [Written; 23] = [
        ("day_first", v(0), |cv| text(cv, |cell| times::day(cell, Day, None))),
        ("day_first", v(1), |cv| with(cv, |cell, [century]| times::day(cell, Day, Some(of_century(century)?)))),
        ("month_first", v(0), |cv| text(cv, |cell| times::day(cell, Month, None))),
        ("month_first", v(1), |cv| with(cv, |cell, [century]| times::day(cell, Month, Some(of_century(century)?)))),
        ("year_first", v(0), |cv| text(cv, |cell| times::day(cell, Year, None))),
        ("clock", v(0), |cv| text(cv, |cell| times::clock(cell).map(times::show_time))),
        ("in_zone", v(1), |cv| with(cv, |cell, [zone]| times::in_zone(cell, &word(zone)?, times::Choice::Refused))),
        ("in_zone", v(2), |cv| with(cv, |cell, [zone, choice]| times::in_zone(cell, &word(zone)?, times::Choice::of(&word(choice)?)?))),
        ("excel", v(0), |cv| text(cv, |cell| times::excel(cell, false))),
        ("excel_1904", v(0), |cv| text(cv, |cell| times::excel(cell, true))),
        ("day_fraction", v(0), |cv| text(cv, times::day_fraction)),
        ("epoch", v(0), |cv| text(cv, |cell| times::epoch(cell, false))),
        ("epoch_ms", v(0), |cv| text(cv, |cell| times::epoch(cell, true))),
        ("decimal_comma", v(0), |cv| text(cv, |cell| numbers::decimal(cell, ',', ""))),
        ("decimal_comma", v(1), |cv| with(cv, |cell, [around]| numbers::decimal(cell, ',', &word(around)?))),
        ("decimal_point", v(0), |cv| text(cv, |cell| numbers::decimal(cell, '.', ""))),
        ("decimal_point", v(1), |cv| with(cv, |cell, [around]| numbers::decimal(cell, '.', &word(around)?))),
        ("duration", v(0), |cv| cell(cv, |cell, []| seconds(cell, numbers::Form::Clear))),
        ("duration", v(1), |cv| cell(cv, |cell, [form]| seconds(cell, numbers::Form::of(&word(form)?)?))),
        ("tidy", v(0), |cv| text(cv, |cell| Ok(names::tidy(cell)))),
        ("alike", v(0), |cv| text(cv, |cell| Ok(names::alike(cell)))),
        ("among", v(1), |cv| {
            // A blank cell may be among them, so it isn't passed over.
            let blank = blank(&cv.1);
            given(cv, move |cell, [table]| among(cell.unwrap_or_default(), table, blank))
        }),
        ("required", v(0), |cv| {
            let value = cv.1.clone();
            given(cv, move |cell, []| match cell.is_none_or(|cell| cell.trim().is_empty()) {
                true => Err("is empty, and the map can't do without it".into()),
                false => Ok(value),
            })
        }),
    ];
    all.into_iter().map(|written| run::<OfRow>(written))
}

/// A function from a cell's text to a text.
fn text<'a>(cv: Cv<'a, OfRow>, read: impl FnOnce(&str) -> Result<String>) -> ValXs<'a, Val> {
    cell(cv, |cell, []| read(cell).map(Val::from))
}

/// The same with arguments.
fn with<'a, const N: usize>(cv: Cv<'a, OfRow>, read: impl FnOnce(&str, &[Val; N]) -> Result<String>) -> ValXs<'a, Val> {
    cell(cv, |cell, arguments: &[Val; N]| read(cell, arguments).map(Val::from))
}

/// A function of a cell that isn't blank; of a blank one it is null.
fn cell<'a, const N: usize>(cv: Cv<'a, OfRow>, read: impl FnOnce(&str, &[Val; N]) -> Result<Val>) -> ValXs<'a, Val> {
    if blank(&cv.1) {
        return bome(Ok(Val::Null));
    }
    given(cv, |cell, arguments| read(cell.unwrap_or_default(), arguments))
}

/// A function of a cell, whatever it holds.
fn given<'a, const N: usize>(mut cv: Cv<'a, OfRow>, read: impl FnOnce(Option<&str>, &[Val; N]) -> Result<Val>) -> ValXs<'a, Val> {
    let mut arguments = std::array::from_fn(|_| cv.0.pop_var());
    arguments.reverse();
    let number;
    let read = match &cv.1 {
        Val::Null => read(None, &arguments),
        Val::TStr(text) => match std::str::from_utf8(text) {
            Ok(text) => read(Some(text), &arguments),
            Err(_) => Err("is not UTF-8".into()),
        },
        Val::Num(_) => {
            number = cv.1.to_string();
            read(Some(&number), &arguments)
        }
        _ => Err("is no text".into()),
    };
    bome(read.map_err(|why| Error::str(cv.0.data().cells.wrong(&cv.1, &why))))
}

fn blank(value: &Val) -> bool {
    match value {
        Val::Null => true,
        Val::TStr(text) => std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()),
        _ => false,
    }
}

fn word(argument: &Val) -> Result<String> {
    match argument {
        Val::TStr(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        other => Err(format!("can't be read: the function's argument is {other}, and it takes a text")),
    }
}

fn of_century(argument: &Val) -> Result<i16> {
    let century = argument.to_string().parse::<i16>().ok();
    century.filter(|century| (1900..=2000).contains(century)).ok_or_else(|| {
        format!("can't be read: years of two digits count from 1900 to 2000, such as day_first(2000), and not from {argument}")
    })
}

fn seconds(cell: &str, form: numbers::Form) -> Result<Val> {
    numbers::duration(cell, form).map(|seconds| Val::from(seconds as isize))
}

/// The table's value for a cell.
fn among(cell: &str, table: &Val, blank: bool) -> Result<Val> {
    let Val::Obj(table) = table else {
        return Err(format!("can't be looked up: among takes an object such as {{\"Won\": \"won\"}}, and not {table}"));
    };
    let cell = cell.trim();
    if let Some(found) = table.get(&Val::from(cell.to_owned())) {
        return Ok(found.clone());
    }
    if blank {
        return Ok(Val::Null);
    }
    let known: Vec<String> = table
        .keys()
        .filter_map(|key| match key {
            Val::TStr(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        })
        .collect();
    Err(format!("is none of those that the map knows{}", did_you_mean(cell, known.iter().map(String::as_str))))
}
