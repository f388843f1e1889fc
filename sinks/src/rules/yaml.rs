//! YAML, as much of it as is written here.
//!
//! In: text, whatever it holds. Out: scalars that every YAML reader takes for that text. Never here: what is said.

use std::fmt::Write as _;

/// A text in double quotes, on one line.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Not printable to YAML, or taken for the end of a line.
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing into a String can't fail.
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A text after its key: as a block of lines where it has several and all can stand there as they are, else quoted.
pub fn text(text: &str, indent: usize) -> String {
    let plain = |line: &str| !line.ends_with(' ') && line.chars().all(|character| character == '\t' || !hidden(character));
    let blocky = text.contains('\n') && !text.starts_with([' ', '\n']) && !text.ends_with('\n') && text.split('\n').all(plain);
    if !blocky {
        return quoted(text);
    }
    let pad = " ".repeat(indent);
    let lines: Vec<String> = text.split('\n').map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") }).collect();
    format!("|-\n{}", lines.join("\n"))
}

fn hidden(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_it() {
        assert_eq!(quoted("a \"b\" \\ \n\u{7f}é"), "\"a \\\"b\\\" \\\\ \\n\\u007Fé\"");
        assert_eq!(text("one: {two}", 4), "\"one: {two}\"");
        assert_eq!(text("one\n  two", 4), "|-\n    one\n      two");
        assert_eq!(text("one \ntwo", 4), "\"one \\ntwo\"");
    }
}
