//! A jq program that turns a CSV's row into events.
//!
//! In: a row as an object of strings, and the variables given on the command line. Out: JSON texts, which are checked like any
//! event; or why the row is refused, in the map's own words. There is no `now` here: the same row makes the same events
//! whenever it is imported.

use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, compile, data::JustLut};
use jaq_json::{Val, write};

/// The most events of one row: a map that makes more has lost its way.
const MAX_EVENTS: usize = 1_000;

/// A compiled map.
pub(super) struct Map {
    filter: Filter<JustLut<Val>>,
    variables: Vars<Val>,
}

impl Map {
    /// Compiles a program. Its variables are `$NAME` for each of `arguments`, all of them in `$ARGS.named`, and `$file`.
    ///
    /// # Errors
    /// Where in the program and what is wrong there.
    pub(super) fn compile(code: &str, file: &str, arguments: &[(String, String)]) -> Result<Map, String> {
        let string = |text: &str| Val::from(text.to_owned());
        let named: Vec<(Val, Val)> = arguments.iter().map(|(name, value)| (string(name), string(value))).collect();
        let all = Val::obj([(string("named"), Val::obj(named.iter().cloned().collect()))].into_iter().collect());
        let mut names = vec!["$ARGS".to_owned(), "$file".to_owned()];
        let mut values = vec![all, string(file)];
        for ((name, _), (_, value)) in arguments.iter().zip(named) {
            names.push(format!("${name}"));
            values.push(value);
        }

        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let natives = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).filter(|(name, ..)| *name != "now");
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code, path: () }).map_err(|errors| unloaded(code, &errors))?;
        let compiler = Compiler::default().with_funs(natives).with_global_vars(names.iter().map(String::as_str));
        let filter = compiler.compile(modules).map_err(|errors| uncompiled(code, &errors))?;
        Ok(Map { filter, variables: Vars::new(values) })
    }

    /// The events that a row yields, as JSON; perhaps none.
    ///
    /// # Errors
    /// What the map says against the row.
    pub(super) fn run(&self, row: &[(String, String)]) -> Result<Vec<String>, String> {
        let string = |text: &String| Val::from(text.clone());
        let row = Val::obj(row.iter().map(|(name, value)| (string(name), string(value))).collect());
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, self.variables.clone());
        let mut events = Vec::new();
        for yielded in self.filter.id.run((context, row)) {
            let value = yielded.map_err(|exception| match exception.get_err() {
                Ok(error) => text(&error.into_val()),
                Err(_) => "the map halted; say `error(\"why\")` to refuse a row, `empty` to pass it over".to_owned(),
            })?;
            if events.len() == MAX_EVENTS {
                return Err(format!("the map makes more than {MAX_EVENTS} events of this row"));
            }
            events.push(json(&value)?);
        }
        Ok(events)
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

fn unloaded(code: &str, errors: &load::Errors<&str, ()>) -> String {
    let said = errors.iter().flat_map(|(_, error)| match error {
        load::Error::Io(errors) => errors.iter().map(|(at, error)| format!("{}: {error}", place(code, at))).collect::<Vec<_>>(),
        load::Error::Lex(errors) => errors.iter().map(|(expected, at)| wanted(code, expected.as_str(), at)).collect(),
        load::Error::Parse(errors) => errors.iter().map(|(expected, at)| wanted(code, expected.as_str(), at)).collect(),
    });
    said.collect::<Vec<_>>().join("; ")
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

fn uncompiled(code: &str, errors: &compile::Errors<&str, ()>) -> String {
    let said = errors.iter().flat_map(|(_, errors)| errors).map(|(at, undefined)| {
        let hint = match at.strip_prefix('$') {
            Some(name) => format!("; give it by --arg {name}=VALUE"),
            None if *at == "now" => "; a map must make the same events of a row whenever it is imported".to_owned(),
            None => String::new(),
        };
        format!("{}: `{at}` is no known {}{hint}", place(code, at), undefined.as_str())
    });
    said.collect::<Vec<_>>().join("; ")
}

fn wanted(code: &str, expected: &str, at: &str) -> String {
    let found: String = at.chars().take(20).take_while(|c| *c != '\n').collect();
    let found = if found.is_empty() { "nothing more".to_owned() } else { format!("`{found}`") };
    format!("{}: {expected} was expected, {found} stands there", place(code, at))
}

/// The line and column at which a part of the code stands.
fn place(code: &str, part: &str) -> String {
    let offset = (part.as_ptr() as usize).wrapping_sub(code.as_ptr() as usize);
    match code.get(..offset) {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}")
        }
        None => "in the map".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn row() -> Vec<(String, String)> {
        [("a b", "1"), ("é", "say \"x\"\n")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn run(code: &str) -> Result<Vec<String>, String> {
        Map::compile(code, "f.csv", &[("zone".into(), "+01:00".into())]).unwrap().run(&row())
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
        let wrong = |code: &str| Map::compile(code, "f.csv", &[]).err().unwrap();
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
