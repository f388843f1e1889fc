//! What a command tells the person who called it. Whoever closed stdout or stderr does not want to hear it: that ends nothing.
//!
//! In: words of ours, in which a stranger's may stand. Out: lines that move no cursor.

use std::fmt::Arguments;
use std::io::Write;

use onpace_schemas::printable_lines;

/// Writes a line to stderr, if anybody listens.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{}", printable_lines(&line.to_string()));
}

/// Writes a line to stdout, if anybody listens.
pub fn tell(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{}", printable_lines(&line.to_string()));
}

/// A text whose lines after the first are indented, so that none that a stranger's text holds looks like one of ours.
pub fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// What to do about an error that the machine gives wherever it happens; nothing about any other, nor where it says so itself.
pub fn out_of_files(said: &str) -> &'static str {
    let is_out = said.contains("(os error 24)") || said.contains("(os error 23)");
    if is_out && !said.contains("ulimit -n") {
        "; this process, or the machine, has as many files open as it may: raise the limit (`ulimit -n`)"
    } else {
        ""
    }
}
