//! Letters: whatever a file is written in, read as UTF-8.
//!
//! In: bytes, perhaps with a byte order mark, and what was said of them. Out: UTF-8 without the mark. Never here: a guess at letters
//! of one byte (Windows-1252, Latin-1), which any bytes could be: these have to be said.

use std::io::{BufRead, BufReader, Read};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::ImportError;

/// How much of the file is looked at for what it is.
const HEAD: usize = 64 * 1024;

/// Reads bytes as UTF-8; without a mark and without a word they are taken for it, and whoever reads them sees whether they are.
///
/// # Errors
/// There is no such encoding, or the bytes are of two.
pub(super) fn utf8(from: Box<dyn Read>, said: Option<&str>) -> Result<Box<dyn Read>, ImportError> {
    let encoding = match said {
        Some(name) => Some(Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| {
            ImportError::Settings(format!("--encoding {name}: no such encoding; write one such as windows-1252, iso-8859-15 or utf-16le"))
        })?),
        None => None,
    };
    let mut from = BufReader::with_capacity(HEAD, from);
    let head = from.fill_buf()?;
    if encoding.is_none() && Encoding::for_bom(head).is_none() && head.iter().take(64).any(|byte| *byte == 0) {
        let guess = if head.first() == Some(&0) { "utf-16be" } else { "utf-16le" };
        return Err(ImportError::File(format!("has bytes of 0 and no byte order mark; if it is UTF-16, say so: --encoding {guess}")));
    }
    // What is marked is what its mark says; UTF-8 goes through as it is, so that its errors are found in their row.
    let decoder = DecodeReaderBytesBuilder::new().encoding(encoding).bom_override(true).strip_bom(true).utf8_passthru(true).build(from);
    Ok(Box::new(decoder))
}

/// Why a text is not UTF-8, and what to do about it.
pub(super) fn not_utf8(valid: usize) -> String {
    format!("byte {} is not UTF-8; if the file was saved by Excel or on an older Windows, say --encoding windows-1252", valid + 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Cursor;

    use super::*;

    fn read(bytes: &[u8], said: Option<&str>) -> Result<String, String> {
        let mut text = Vec::new();
        let mut from = utf8(Box::new(Cursor::new(bytes.to_vec())), said).map_err(|error| error.to_string())?;
        from.read_to_end(&mut text).unwrap();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn marks_are_believed_and_encodings_are_said() {
        let utf16 = |big: bool| {
            let units = "\u{feff}é;1€\n".encode_utf16();
            units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
        };
        assert_eq!(read(b"\xEF\xBB\xBFa\xC3\xA9", None), Ok("aé".into()));
        assert_eq!(read(&utf16(false), None), Ok("é;1€\n".into()));
        assert_eq!(read(&utf16(true), None), Ok("é;1€\n".into()));
        assert_eq!(read(&utf16(true), Some("windows-1252")), Ok("é;1€\n".into()), "the mark wins");
        assert_eq!(read(&utf16(false)[2..], Some("utf-16le")), Ok("é;1€\n".into()));
        assert_eq!(read(b"\xE9;1\x80\n", Some("windows-1252")), Ok("é;1€\n".into()));
        assert!(read(&utf16(false)[2..], None).unwrap_err().contains("--encoding utf-16le"));
        assert!(read(&utf16(true)[2..], None).unwrap_err().contains("--encoding utf-16"));
        assert!(read(b"", Some("klingon")).unwrap_err().contains("no such encoding"));
        assert_eq!(read(b"", None), Ok(String::new()));
    }
}
