//! What is wrong with a file of configuration: which file, which line, why, and what would be right.

/// A file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}line {line}: {cause}", file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default())]
pub struct Mistake {
    /// The file, where it is another than the one being read.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub cause: String,
}

impl Mistake {
    /// A mistake in the file being read.
    pub fn at(line: usize, cause: impl Into<String>) -> Mistake {
        Mistake { file: None, line, cause: cause.into() }
    }
}
