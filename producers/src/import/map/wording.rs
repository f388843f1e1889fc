//! What is wrong with a map's program, and where, in words.
//!
//! In: the compiler's errors. Out: line, column and what was expected there. Never here: what a row is refused for.

use jaq_core::compile;
use jaq_core::load;

use super::functions::FORBIDDEN;

pub(super) fn unloaded(code: &str, errors: &load::Errors<&str, ()>) -> String {
    let said = errors.iter().flat_map(|(_, error)| match error {
        load::Error::Io(errors) => errors.iter().map(|(at, error)| format!("{}: {error}", place(code, at))).collect::<Vec<_>>(),
        load::Error::Lex(errors) => errors.iter().map(|(expected, at)| wanted(code, expected.as_str(), at)).collect(),
        load::Error::Parse(errors) => errors.iter().map(|(expected, at)| wanted(code, expected.as_str(), at)).collect(),
    });
    said.collect::<Vec<_>>().join("; ")
}

pub(super) fn uncompiled(code: &str, errors: &compile::Errors<&str, ()>) -> String {
    let said = errors.iter().flat_map(|(_, errors)| errors).map(|(at, undefined)| {
        let hint = match at.strip_prefix('$') {
            Some(name) => format!("; give it by --arg {name}=VALUE"),
            None if FORBIDDEN.contains(at) => "; a map must make the same events of a row whenever and wherever it is imported".to_owned(),
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
    place_at(code, (part.as_ptr() as usize).wrapping_sub(code.as_ptr() as usize))
}

/// The line and column of a byte of the code.
pub(in crate::import) fn place_at(code: &str, offset: usize) -> String {
    match code.get(..offset) {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}")
        }
        None => "in the map".to_owned(),
    }
}
