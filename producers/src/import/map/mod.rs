//! A jq program that turns a file's row into events.
//!
//! In: a row as an object of strings, the variables given on the command line, and when the file was exported. Out: JSON texts, which
//! are checked like any event; or why the row is refused, in the map's own words. Nothing here depends on when or where it runs: the
//! same row makes the same events whenever it is imported.

mod cells;
pub(super) mod columns;
mod functions;
mod numbers;
mod times;
mod wording;

use std::sync::Arc;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::{Val, write};
use onpace_schemas::time::{parse_instant, show_instant};
use serde::{Deserialize, Serialize};

use cells::Cells;
use functions::{At, FORBIDDEN, OfRow};
pub(super) use wording::place_at;

/// The names of the functions that the language has beside jq.
#[cfg(test)]
pub(super) fn functions_beside_jq() -> std::collections::BTreeSet<&'static str> {
    functions::natives().map(|(name, ..)| name).chain(functions::definitions().map(|definition| definition.name)).collect()
}

/// Whether there is a zone of that name.
///
/// # Errors
/// There is none.
pub(super) fn zone_is_known(name: &str) -> Result<(), String> {
    times::zone_of(name).map(drop)
}

/// The most events of one row: a map that makes more has lost its way.
const MAX_EVENTS: usize = 1_000;
/// What can't be the name of a variable that is given on the command line.
pub(super) const RESERVED: [&str; 4] = ["ARGS", "ENV", "file", "as_of"];

/// A map and all that it depends on beside the row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Program {
    /// The jq program.
    pub(super) code: String,
    /// The imported file's name: `$file`.
    pub(super) file: String,
    /// When the file was exported, in microseconds since 1970: `$as_of`.
    pub(super) as_of: i64,
    /// The variables, by name.
    pub(super) arguments: Vec<(String, String)>,
}

/// A compiled map.
pub(super) struct Map {
    filter: Filter<OfRow>,
    variables: Vars<Val>,
    as_of: i64,
}

impl Map {
    /// Compiles a program. Its variables are `$NAME` for each of the arguments, all of them in `$ARGS.named`, `$file` and `$as_of`.
    ///
    /// # Errors
    /// Where in the program and what is wrong there.
    pub(super) fn compile(program: &Program) -> Result<Map, String> {
        let Program { code, file, as_of, arguments } = program;
        let string = |text: &str| Val::from(text.to_owned());
        let named: Vec<(Val, Val)> = arguments.iter().map(|(name, value)| (string(name), string(value))).collect();
        let all = Val::obj([(string("named"), Val::obj(named.iter().cloned().collect()))].into_iter().collect());
        let mut names = vec!["$ARGS".to_owned(), "$file".to_owned(), "$as_of".to_owned()];
        let mut values = vec![all, string(file), string(&show_instant(*as_of))];
        for ((name, _), (_, value)) in arguments.iter().zip(named) {
            names.push(format!("${name}"));
            values.push(value);
        }

        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(functions::definitions());
        let natives = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).filter(|(name, ..)| !FORBIDDEN.contains(name));
        let natives = natives.chain(functions::natives());
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code: code.as_str(), path: () });
        let modules = modules.map_err(|errors| wording::unloaded(code, &errors))?;
        let compiler = Compiler::default().with_funs(natives).with_global_vars(names.iter().map(String::as_str));
        let filter = compiler.compile(modules).map_err(|errors| wording::uncompiled(code, &errors))?;
        Ok(Map { filter, variables: Vars::new(values), as_of: *as_of })
    }

    /// The events that a row yields, as JSON; perhaps none.
    ///
    /// # Errors
    /// What the map says against the row.
    pub(super) fn run(&self, columns: &Arc<[String]>, values: &[String]) -> Result<Vec<String>, String> {
        let cells = Cells::new(Arc::clone(columns), values);
        let context = Ctx::<OfRow>::new(At { lut: &self.filter.lut, cells: &cells }, self.variables.clone());
        let mut events = Vec::new();
        for yielded in self.filter.id.run((context, cells.object())) {
            let value = yielded.map_err(|exception| match exception.get_err() {
                Ok(error) => text(&error.into_val()),
                Err(_) => "the map halted; say `error(\"why\")` to refuse a row, `empty` to pass it over".to_owned(),
            })?;
            if events.len() == MAX_EVENTS {
                return Err(format!("the map makes more than {MAX_EVENTS} events of this row"));
            }
            events.push(json(&self.stamped(value))?);
        }
        Ok(events)
    }

    /// An event with the instants that it leaves to the export: it happened when the file was exported, and that is when whatever
    /// happened before was said.
    fn stamped(&self, mut event: Val) -> Val {
        let Val::Obj(members) = &mut event else { return event };
        let key = |name: &str| Val::from(name.to_owned());
        if !members.contains_key(&key("kind")) {
            return event;
        }
        let as_of = || Val::from(show_instant(self.as_of));
        let occurred_at = match members.get(&key("occurred_at")) {
            None | Some(Val::Null) => None,
            Some(Val::TStr(text)) => std::str::from_utf8(text).ok().and_then(|text| parse_instant(text).ok()).or(Some(i64::MAX)),
            Some(_) => Some(i64::MAX),
        };
        let members = std::rc::Rc::make_mut(members);
        if occurred_at.is_none() {
            members.insert(key("occurred_at"), as_of());
        }
        if occurred_at.is_some_and(|occurred_at| occurred_at < self.as_of) && !members.contains_key(&key("said_at")) {
            members.insert(key("said_at"), as_of());
        }
        event
    }
}

/// A value as JSON, as far as it can be: what is no JSON is refused when it is read.
fn json(value: &Val) -> Result<String, String> {
    let mut written = Vec::new();
    let wrong = |error: &dyn std::fmt::Display| format!("the map yields what can't be written as JSON: {error}");
    write::write(&mut written, &write::Pp::default(), 0, value).map_err(|error| wrong(&error))?;
    String::from_utf8(written).map_err(|error| wrong(&error))
}

/// An error's value: a string as it is, anything else as JSON.
fn text(value: &Val) -> String {
    match value {
        Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
        other => other.to_string(),
    }
}

/// The variables that a map asks for by `$ARGS.named.NAME`, in the order in which it does.
pub(super) fn variables(code: &str) -> Vec<&str> {
    let mut found: Vec<&str> = spoken(code).flat_map(|line| line.split("$ARGS.named.").skip(1).map(word)).collect();
    found.dedup();
    found
}

/// Whether a map can see a variable: it names it, or takes all of them as they come.
pub(super) fn asks_for(code: &str, name: &str) -> bool {
    let named = spoken(code).any(|line| line.split('$').skip(1).any(|rest| word(rest) == name));
    let quoted = format!("\"{name}\"");
    let as_they_come = |rest: &str| match rest.strip_prefix(".named.") {
        Some(one) => word(one) == name,
        None => !rest.starts_with(".named[\"") || rest.contains(&quoted),
    };
    named || spoken(code).any(|line| line.split("$ARGS").skip(1).any(as_they_come))
}

/// The lines that are no comment.
fn spoken(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter(|line| !line.trim_start().starts_with('#'))
}

/// The name that a text begins with.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn run(code: &str) -> Result<Vec<String>, String> {
        let columns = ["a b".to_owned(), "é".to_owned()].into();
        compiled(code, &[("zone", "+01:00")]).unwrap().run(&columns, &["1".to_owned(), "say \"x\"\n".to_owned()])
    }

    fn compiled(code: &str, arguments: &[(&str, &str)]) -> Result<Map, String> {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Map::compile(&Program { code: code.into(), file: "f.csv".into(), as_of: 1_772_442_600_000_000, arguments })
    }

    /// What a map makes of one cell, in the column `cell`.
    fn of_cell(code: &str, cell: &str) -> Result<String, String> {
        let columns = ["first", "cell", "last"].map(str::to_owned).to_vec().into();
        compiled(code, &[])?.run(&columns, &[String::new(), cell.to_owned(), "x".to_owned()]).map(|made| made.join(" "))
    }

    #[test]
    fn a_function_names_the_column_the_value_and_what_would_be_right() {
        let error = of_cell(".cell | day_first", "12/31/2026").unwrap_err();
        assert_eq!(
            error,
            "column `cell`: `12/31/2026` is not written day first, such as 31.12.2026 or 31/12/2026 14:30; there is no month 31"
        );
        // A part of a cell is of its column, an empty cell too; what the map has put together is of none.
        assert!(of_cell(".cell | .[2:] | decimal_comma", "  x1").unwrap_err().starts_with("column `cell`: `x1` is no number"));
        assert_eq!(of_cell(".cell | required", " ").unwrap_err(), "column `cell`: ` ` is empty, and the map can't do without it");
        assert!(of_cell(".first | required", "1").unwrap_err().starts_with("column `first`: ``"));
        assert!(of_cell("(.cell + \"x\") | epoch", "1").unwrap_err().starts_with("`1x` is no number of seconds"));
        assert!(of_cell("{} | tidy", "").unwrap_err().contains("is no text"));
        assert_eq!(
            of_cell(".cell | among({\"Won\": \"won\"})", "won ").unwrap_err(),
            "column `cell`: `won ` is none of those that the map knows; did you mean `Won`?"
        );
    }

    #[test]
    fn a_blank_cell_is_null_and_null_clears_a_field() {
        for function in ["day_first", "in_zone(\"UTC\")", "excel", "epoch", "decimal_comma", "duration", "tidy", "among({a: 1})", "clock"] {
            assert_eq!(of_cell(&format!(".cell | {function}"), " \u{a0} "), Ok("null".into()), "{function}");
            assert_eq!(of_cell(&format!(".nosuch | {function}"), ""), Ok("null".into()), "{function}");
        }
        assert_eq!(of_cell(".cell | among({\"\": \"none\", a: 1})", " "), Ok("\"none\"".into()));
        assert_eq!(of_cell(".cell | among({a: 1})", " a"), Ok("1".into()));
    }

    #[test]
    fn what_an_event_leaves_unsaid_of_time_the_export_says() {
        let (as_of, before, after) = ("2026-03-02T09:10:00Z", "2026-03-02T09:09:59Z", "2026-03-02T10:10:00+00:30");
        for (event, made) in [
            ("{kind: 1}".to_owned(), format!("{{\"kind\":1,\"occurred_at\":\"{as_of}\"}}")),
            ("{kind: 1, occurred_at: null}".to_owned(), format!("{{\"kind\":1,\"occurred_at\":\"{as_of}\"}}")),
            (
                format!("{{kind: 1, occurred_at: \"{before}\"}}"),
                format!("{{\"kind\":1,\"occurred_at\":\"{before}\",\"said_at\":\"{as_of}\"}}"),
            ),
            (format!("{{kind: 1, occurred_at: \"{after}\"}}"), format!("{{\"kind\":1,\"occurred_at\":\"{after}\"}}")),
            (
                format!("{{kind: 1, occurred_at: \"{before}\", said_at: null}}"),
                format!("{{\"kind\":1,\"occurred_at\":\"{before}\",\"said_at\":null}}"),
            ),
            ("{kind: 1, occurred_at: \"soon\"}".to_owned(), "{\"kind\":1,\"occurred_at\":\"soon\"}".to_owned()),
        ] {
            assert_eq!(of_cell(&event, ""), Ok(made), "{event}");
        }
    }

    #[test]
    fn a_map_sees_when_the_file_was_exported_and_nothing_of_the_machine() {
        assert_eq!(of_cell("$as_of, always", ""), Ok("\"2026-03-02T09:10:00Z\" \"1970-01-01T00:00:00Z\"".into()));
        for code in ["env", "localtime", "now", "\"%H\" as $f | 0 | strflocaltime($f)"] {
            let error = of_cell(code, "").unwrap_err();
            assert!(error.contains("wherever it is imported"), "{code}: {error}");
        }
    }

    #[test]
    fn a_row_yields_any_number_of_events() {
        assert_eq!(run("empty"), Ok(vec![]));
        assert_eq!(
            run("{id: .[\"a b\"]}, {v: .[\"é\"], n: (.[\"a b\"] | tonumber * 60), $zone, $file}").unwrap(),
            [r#"{"id":"1"}"#, r#"{"v":"say \"x\"\n","n":60,"zone":"+01:00","file":"f.csv"}"#,]
        );
        assert_eq!(run("$ARGS.named.zone, $ARGS.named.other"), Ok(vec!["\"+01:00\"".into(), "null".into()]));
    }

    #[test]
    fn a_row_is_refused_in_the_maps_words() {
        assert_eq!(run("error(\"no date\")"), Err("no date".into()));
        assert_eq!(run("{a: 1}, error({x: 1})"), Err("{\"x\":1}".into()));
        assert!(run(".[\"é\"] | tonumber").unwrap_err().contains("say"));
        assert!(run("halt").unwrap_err().contains("halted"));
        assert!(run("range(5000)").unwrap_err().contains("more than 1000"));
        assert!(run("nan | .").is_ok(), "refused when it is read as JSON");
    }

    #[test]
    fn a_variable_is_asked_for_by_its_name() {
        assert!(asks_for(". + $undated", "undated") && asks_for("$ARGS.named.undated // .", "undated"));
        assert!(asks_for("$ARGS.named[\"a b\"], $ARGS.named[\"undated\"]", "undated"));
        assert!(asks_for("$ARGS.named | to_entries", "undated") && asks_for("$ARGS as $all | .", "undated"), "all as they come");
        assert!(!asks_for("# $undated\n$undated_too", "undated") && !asks_for("$ARGS.named.undated_too", "undated"));
        assert!(!asks_for("$ARGS.named[\"zone\"]", "undated"));
        assert_eq!(variables("$ARGS.named.zone // $ARGS.named.direction"), ["zone", "direction"]);
    }

    #[test]
    fn what_does_not_compile_says_where() {
        let wrong = |code: &str| compiled(code, &[]).err().unwrap();
        assert!(wrong("{a: 1,\n  b: }").starts_with("line 2, column 6"), "{}", wrong("{a: 1,\n  b: }"));
        assert!(
            wrong("# é\n. | $undated").contains("line 2, column 5: `$undated` is no known variable; give it by --arg undated="),
            "{}",
            wrong("# é\n. | $undated")
        );
        assert!(wrong("nosuch(1)").contains("line 1, column 1: `nosuch`"), "{}", wrong("nosuch(1)"));
        assert!(wrong(". | now").contains("same events"), "{}", wrong(". | now"));
        assert!(wrong("(. ").contains("line 1"), "{}", wrong("(. "));
        assert!(wrong("").contains("nothing more"), "{}", wrong(""));
        assert!(wrong("import \"x\" as x; .").contains("line 1"), "{}", wrong("import \"x\" as x; ."));
    }
}
