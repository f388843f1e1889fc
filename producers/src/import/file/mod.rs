//! A file's rows, one after the other, whatever the file looks like.
//!
//! In: a file, and what was said of it (delimiter, columns, encoding, sheet). Out: rows with their numbers, or why one can't be read.
//! What a file is is told from its name, its encoding from its mark, its delimiter from its first line; what these don't say has to
//! be said. Memory is bounded by a row's, a spreadsheet's by its texts. Never here: what a row means.

mod delimited;
mod lines;
mod sheet;
mod text;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ImportError;
use delimited::Delimited;
use lines::Lines;
use sheet::Sheet;
#[cfg(test)]
pub(super) use sheet::tests::workbook;

/// What is said of a file's form; what isn't is seen from the file.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// What stands between a row's fields: a character, or a word for one ([`parse_delimiter`]).
    pub delimiter: Option<u8>,
    /// The columns' names, of a file without a header.
    pub columns: Option<Vec<String>>,
    /// How the file's letters are written, by a name such as `windows-1252`.
    pub encoding: Option<String>,
    /// Which sheet of a spreadsheet.
    pub sheet: Option<String>,
}

/// Parses a delimiter: one ASCII character, or its name.
///
/// # Errors
/// What would be right.
pub fn parse_delimiter(text: &str) -> Result<u8, String> {
    let named = match text {
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "tab" | "\\t" => Some(b'\t'),
        "pipe" => Some(b'|'),
        "blank" | "space" => Some(b' '),
        _ => None,
    };
    match (named, text.as_bytes()) {
        (Some(named), _) => Ok(named),
        (None, [one]) if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n' | 0) => Ok(*one),
        _ => Err(format!("{text:?} can't stand between fields; use one ASCII character such as ;, or comma, semicolon, tab, pipe, blank")),
    }
}

/// Parses the columns' names, with commas between.
///
/// # Errors
/// What would be right.
pub fn parse_columns(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    distinct(&names).map_err(|name| format!("`{name}` is there twice; give each column a name of its own"))?;
    if names.iter().all(String::is_empty) {
        return Err("there is no name in it; write such as id,rep,amount; a column without a name is passed over".into());
    }
    Ok(names)
}

/// The first name that stands twice.
fn distinct(names: &[String]) -> Result<(), &str> {
    match names.iter().enumerate().find(|(at, name)| !name.is_empty() && names[..*at].contains(name)) {
        Some((_, name)) => Err(name),
        None => Ok(()),
    }
}

/// A row as it was read.
pub(super) struct Row {
    /// From 1, without blank rows and the header.
    pub(super) number: u64,
    /// The line of an NDJSON file on which it stands.
    pub(super) line: Option<u64>,
    /// What it says, or what it looks like and why it can't be read.
    pub(super) content: Result<Content, (String, String)>,
}

/// What a row says.
pub(super) enum Content {
    /// A line of NDJSON.
    Json(String),
    /// The values, a column each.
    Fields(Vec<String>),
}

/// Where the rows come from.
pub(super) enum Rows {
    /// NDJSON.
    Lines(Lines<Box<dyn Read>>),
    /// CSV and its kin.
    Delimited(Box<Delimited<Box<dyn Read>>>),
    /// A spreadsheet.
    Sheet(Box<Sheet>),
}

impl Rows {
    /// The next row.
    ///
    /// # Errors
    /// The file can't be read on.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ImportError> {
        match self {
            Rows::Lines(lines) => Ok(lines.next()?),
            Rows::Delimited(delimited) => delimited.next(),
            Rows::Sheet(sheet) => sheet.next(),
        }
    }

    /// The columns that have a name; an NDJSON has none.
    pub(super) fn columns(&self) -> Arc<[String]> {
        match self {
            Rows::Lines(_) => Arc::new([]),
            Rows::Delimited(delimited) => delimited.columns().named(),
            Rows::Sheet(sheet) => sheet.columns().named(),
        }
    }
}

/// A file that is being read.
pub(super) struct Opened {
    pub(super) rows: Rows,
    /// How many bytes of the file were read so far, of how many.
    pub(super) read: Arc<AtomicU64>,
    pub(super) length: u64,
    /// When it was last written, in microseconds since 1970.
    pub(super) modified_us: i64,
}

/// What a file holds, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lines,
    Delimited,
    Sheet,
}

impl Kind {
    /// What a file of that name holds, and whether it is compressed.
    ///
    /// # Errors
    /// What the name would have to end in.
    pub(super) fn of(path: &Path) -> Result<(Kind, bool), ImportError> {
        let extension = |path: &Path| path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let (inner, zipped): (PathBuf, bool) = match extension(path).as_deref() {
            Some("gz") => (path.with_extension(""), true),
            _ => (path.to_owned(), false),
        };
        match (extension(&inner).as_deref(), zipped) {
            (Some("ndjson" | "jsonl"), _) => Ok((Kind::Lines, zipped)),
            (Some("csv" | "tsv" | "txt"), _) => Ok((Kind::Delimited, zipped)),
            (Some("xlsx" | "xlsm"), false) => Ok((Kind::Sheet, false)),
            (Some("xls" | "xlsb" | "ods"), _) => Err(ImportError::Settings("of spreadsheets .xlsx is read; save the file as one, or as .csv".into())),
            _ => Err(ImportError::Settings(
                "what a file holds is told from its name, which must end in .ndjson, .csv, .tsv, .txt (all perhaps with .gz behind) or .xlsx"
                    .into(),
            )),
        }
    }
}

/// Opens a file.
///
/// # Errors
/// It can't be read, is not what its name says, or not what is said of it.
pub(super) fn open(path: &Path, layout: &Layout) -> Result<Opened, ImportError> {
    let (kind, zipped) = Kind::of(path)?;
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(ImportError::File("is a folder; name a file in it".into()));
    }
    let modified_us =
        about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |since| since.as_micros() as i64);
    let read = Arc::new(AtomicU64::new(0));
    layout.fits(kind)?;
    let rows = if kind == Kind::Sheet {
        Rows::Sheet(Box::new(Sheet::open(file, layout)?))
    } else {
        let counted = Counted { from: file, read: Arc::clone(&read) };
        let plain: Box<dyn Read> = if zipped { Box::new(flate2::read::MultiGzDecoder::new(counted)) } else { Box::new(counted) };
        let text = text::utf8(plain, layout.encoding.as_deref())?;
        match kind {
            Kind::Lines => Rows::Lines(Lines::new(text)),
            _ => {
                let tab = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv")).then_some(b'\t');
                Rows::Delimited(Box::new(Delimited::new(text, layout.delimiter.or(tab), layout.columns.clone())?))
            }
        }
    };
    Ok(Opened { rows, read, length: about.len(), modified_us })
}

impl Layout {
    /// Whether what is said can be said of such a file.
    fn fits(&self, kind: Kind) -> Result<(), ImportError> {
        let said = [
            ("--delimiter", self.delimiter.is_some(), kind == Kind::Delimited),
            ("--columns", self.columns.is_some(), kind != Kind::Lines),
            ("--encoding", self.encoding.is_some(), kind != Kind::Sheet),
            ("--sheet", self.sheet.is_some(), kind == Kind::Sheet),
        ];
        match said.into_iter().find(|(_, given, fits)| *given && !fits) {
            Some((flag, ..)) => Err(ImportError::Settings(format!("{flag} says nothing of such a file; leave it out"))),
            None => Ok(()),
        }
    }
}

/// Counts what is read.
struct Counted<R> {
    from: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The columns of a table, of which those without a name are passed over.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    all: Vec<String>,
    named: Arc<[String]>,
}

impl Columns {
    /// Of a header's names, or of names that were given.
    ///
    /// # Errors
    /// There is none, or two have one name.
    fn new(names: Vec<String>) -> Result<Columns, ImportError> {
        if names.iter().all(String::is_empty) {
            return Err(ImportError::File(
                "the file has no header; its first line must name the columns, or --columns id,rep,… does".into(),
            ));
        }
        distinct(&names).map_err(|name| ImportError::File(format!("two columns are called `{name}`; give each a name of its own")))?;
        let named = names.iter().filter(|name| !name.is_empty()).cloned().collect();
        Ok(Columns { all: names, named })
    }

    pub(super) fn named(&self) -> Arc<[String]> {
        Arc::clone(&self.named)
    }

    /// Of names that were given, the file's first row being `first`.
    ///
    /// # Errors
    /// The first row is these names.
    fn given(names: Vec<String>, first: &[String]) -> Result<Columns, ImportError> {
        if names.len() == first.len() && names.iter().zip(first).all(|(name, value)| name.eq_ignore_ascii_case(value.trim())) {
            return Err(ImportError::File("the first row is the header that --columns names; leave --columns out".into()));
        }
        Columns::new(names)
    }
}
