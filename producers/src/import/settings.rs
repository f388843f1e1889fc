//! What is imported and how, and what became of it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use onpace_schemas::{Kind, counted};

use super::apart::Worker;
use super::file::Layout;
use super::map;
use crate::doubts::{Doubt, Words};
use crate::log::LogError;

/// What is imported, and how.
#[derive(Clone, Debug)]
pub struct ImportSettings {
    /// The file: `.ndjson`, `.csv` and its kin, `.xlsx`.
    pub file: PathBuf,
    /// What is said of its form.
    pub layout: Layout,
    /// The jq program that anything but NDJSON needs.
    pub map: Option<PathBuf>,
    /// The map's variables, by name.
    pub arguments: Vec<(String, String)>,
    /// When the file was exported, in microseconds since 1970; when it was last written, where this isn't given.
    pub as_of: Option<i64>,
    /// The kind of which the file has all that there is.
    pub complete: Option<Complete>,
    /// Only tell what would become of it.
    pub dry_run: bool,
    /// The words that some measure looks for.
    pub words: Arc<Words>,
    /// The program that runs the map, within bounds; in this process and without bounds where there is none.
    pub worker: Option<Worker>,
    /// The clock, in microseconds since 1970.
    pub now: fn() -> i64,
}

/// A file that has all that there is of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Complete {
    /// The kind.
    pub kind: Kind,
    /// Whether more than a tenth of what there was may be gone.
    pub whatever_is_gone: bool,
}

/// What became of a file. `rows = accepted + skipped + rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows read, without blank rows and the header.
    pub rows: u64,
    /// Rows whose every event is in the log.
    pub accepted: u64,
    /// Rows of which the map made no event.
    pub skipped: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Events in the log.
    pub events: u64,
    /// Where the refused rows are, if there are any.
    pub rejected_file: Option<PathBuf>,
    /// When the file was exported, in microseconds since 1970; `None` of an NDJSON, which says so itself.
    pub as_of: Option<i64>,
    /// What looks wrong and is not refused.
    pub doubts: Vec<Doubt>,
    /// What a complete file no longer has.
    pub gone: Option<Gone>,
    /// The first events as JSON, of a dry run.
    pub shown: Vec<String>,
    /// The first refusals in words, of a dry run.
    pub refusals: Vec<String>,
}

/// What a complete file no longer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// How many the exports before had and this one has not; they are deleted.
    pub deleted: u64,
    /// How many had been deleted, and are back.
    pub restored: u64,
    /// How many there were.
    pub of: u64,
    /// More than a tenth of what there was is gone.
    pub too_many: bool,
    /// Refused rows kept anything from being deleted.
    pub refused: bool,
}

/// Why an import ends early; which file it was the caller knows.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The command line asks for what can't be.
    #[error("{0}")]
    Settings(String),
    /// The file as a whole is no such file.
    #[error("{0}")]
    File(String),
    /// The file can't be read.
    #[error("can't be read")]
    Read(#[from] io::Error),
    /// The map can't be used.
    #[error("the map {path}: {error}")]
    Map {
        /// The map's file.
        path: String,
        /// Where in it and what is wrong.
        error: String,
    },
    /// The refused rows can't be written.
    #[error("refused rows can't be written to {path}: {error}; import a copy of the file from a folder that can be written to")]
    Rejected {
        /// Their file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The log did not take everything.
    #[error("{error}; the log has acknowledged {}: import the same file again, an event that is there twice counts once", counted(*events, "event"))]
    Log {
        /// Why not.
        error: LogError,
        /// How many events it has acknowledged.
        events: u64,
    },
    /// More is gone than a complete export is believed.
    #[error(
        "{gone} of {of} {kind}s that earlier exports had are not in this one, more than a tenth: was it cut off or filtered? \
         Its rows are imported and nothing is deleted; --yes deletes what is gone"
    )]
    TooManyGone {
        /// How many are gone.
        gone: u64,
        /// Of how many.
        of: u64,
        /// The kind.
        kind: &'static str,
    },
    /// The log has what only a newer version can read: what was there before isn't known.
    #[error(
        "the log holds messages that this version does not know (message {offset} of partition {partition} is written with the schema {schema:016x}), so \
         what a complete export no longer has can't be told. Its rows are imported and nothing is deleted: upgrade onpace and import it again; \
         --yes where such messages are of no worth"
    )]
    Newer {
        /// The schema's fingerprint.
        schema: u64,
        /// The partition of the first of them that was met.
        partition: u32,
        /// Its offset there.
        offset: i64,
    },
    /// It was asked to stop before the file's end.
    #[error(
        "stopped before the file's end: {} ({}) in the log; import the same file again to bring the rest, \
         an event that is there twice counts once",
        counted(*rows, "row"),
        counted(*events, "event")
    )]
    Stopped {
        /// How many rows were taken: all their events are in the log.
        rows: u64,
        /// How many events the log has acknowledged.
        events: u64,
    },
}

/// A bar on a terminal's stderr; elsewhere nothing is drawn.
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {eta} left  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Parses `NAME=VALUE`.
///
/// # Errors
/// What would be right.
pub fn parse_argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("there is no `=` in it; write --arg NAME=VALUE")?;
    let well_formed =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.is_empty() {
        return Err("there is no name before the `=`; write --arg NAME=VALUE".into());
    }
    if name == "as_of" {
        return Err("`as_of` is given by a flag of its own: --as-of INSTANT".into());
    }
    if !well_formed || map::RESERVED.contains(&name) {
        let reserved = map::RESERVED.join(", ");
        return Err(format!("`{name}` can't be a variable's name; use letters, digits and _, and none of {reserved}"));
    }
    Ok((name.to_owned(), value.to_owned()))
}
