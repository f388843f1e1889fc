//! A mistake on the command line that only a command itself can see: it ends the program with 2, as those that the parser sees.

use std::fmt;

/// What is wrong with which flag.
#[derive(Debug)]
pub struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error that begins with the flag and says what would be right.
pub fn usage(what: impl Into<String>) -> anyhow::Error {
    Usage(what.into()).into()
}
