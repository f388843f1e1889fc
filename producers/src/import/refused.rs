//! `FILE.rejected.ndjson`: every refused row with its number and why.
//!
//! In: refused rows. Out: a line of JSON for each. The file is there only if a row was refused; one of an earlier import is removed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The longest name of a file that file systems take, in bytes.
const MOST_NAME: usize = 255;
const ENDING: &str = ".rejected.ndjson";

/// Where the refused rows of a file are written: beside it, under its name; of a name too long for that, under its beginning and a
/// number that tells it from others.
pub(super) fn path(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.len() + ENDING.len() <= MOST_NAME {
        let mut whole = file.as_os_str().to_owned();
        whole.push(ENDING);
        return whole.into();
    }
    let number = format!("~{:08x}", crc(name.as_bytes()));
    let most = MOST_NAME - ENDING.len() - number.len();
    let end = (0..=most).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    file.with_file_name(format!("{}{number}{ENDING}", &name[..end]))
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The refused rows of one import.
pub(super) struct Refused {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    /// How many.
    pub(super) rows: u64,
}

/// Why a row is refused.
pub(super) struct Why {
    /// The field at fault; empty where it is the row as a whole.
    pub(super) field: String,
    /// What is wrong and what would be right.
    pub(super) reason: String,
}

impl Refused {
    pub(super) fn new(path: PathBuf) -> io::Result<Refused> {
        match fs::remove_file(&path) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ReadOnlyFilesystem) => return Err(error),
            _ => {}
        }
        Ok(Refused { path, file: None, rows: 0 })
    }

    pub(super) fn add(&mut self, number: u64, line: Option<u64>, content: Value, why: &Why) -> io::Result<()> {
        self.rows += 1;
        let mut said = json!({ "row": number, "field": why.field, "reason": why.reason, "content": content });
        if let Some(line) = line {
            said["line"] = line.into();
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = self.create()?;
                self.file.insert(BufWriter::new(file))
            }
        };
        writeln!(file, "{said}")
    }

    /// Beside the imported file; where nothing can be written there, in the folder at hand.
    fn create(&mut self) -> io::Result<File> {
        match (File::create(&self.path), self.path.file_name()) {
            (Err(error), Some(name)) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                self.path = name.into();
                File::create(&self.path)
            }
            (created, _) => created,
        }
    }

    /// The file, if a row was refused, with everything in it.
    pub(super) fn finish(mut self) -> io::Result<Option<PathBuf>> {
        match &mut self.file {
            Some(file) => file.flush().map(|()| Some(self.path)),
            None => Ok(None),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_told_from_others() {
        assert_eq!(path(Path::new("a/b.csv")), Path::new("a/b.csv.rejected.ndjson"));
        let long = |end: &str| path(Path::new(&format!("a/{}{end}.csv", "é".repeat(123))));
        let (one, two) = (long("1"), long("2"));
        assert_ne!(one, two);
        for path in [one, two] {
            let name = path.file_name().map(|name| name.len()).unwrap_or_default();
            assert!((250..=MOST_NAME).contains(&name) && path.starts_with("a"), "{} {name}", path.display());
        }
    }
}
