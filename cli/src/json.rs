//! JSON on a terminal: the same data as ever, with what could move a cursor written as an escape.

use std::io::{self, Write};

use onpace_schemas::is_unsafe;
use serde::Serialize;

/// Writes a value, indented, and ends the line.
pub fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    // Such characters stand in strings alone, but for the ends of lines, which are ours: a string has none that isn't escaped already.
    let obeyed = |c: char| c != '\n' && is_unsafe(c);
    for part in text.split_inclusive(obeyed) {
        match part.chars().next_back().filter(|c| obeyed(*c)) {
            // All of them have four digits.
            Some(c) => write!(out, "{}\\u{:04x}", &part[..part.len() - c.len_utf8()], u32::from(c))?,
            None => out.write_all(part.as_bytes())?,
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn it_is_the_same_data_and_moves_no_cursor() {
        let value = json!({ "a\u{9b}b": ["\u{202e}x\u{1b}[2J\n\u{7f}", "Zoé \"q\" \\ 李雷", 1.5, null, [], {}], "c": { "d": true } });
        let mut out = Vec::new();
        write(&value, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)) && text.contains("\\u009bb") && text.contains("\\u007f"), "{text}");
        // Where nothing is unsafe it is as it always was.
        let plain = json!({ "rep": "Zoé", "values": [{ "kpi": "calls_made" }] });
        let mut out = Vec::new();
        write(&plain, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string_pretty(&plain).unwrap() + "\n");
    }
}
