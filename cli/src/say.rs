//! What a command tells the person who called it, on stderr. Whoever closed stderr does not want to hear it: that ends nothing.

use std::fmt::Arguments;
use std::io::Write;

/// Writes a line to stderr, if anybody listens.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
