//! A file's rows, one after the other.
//!
//! In: bytes. Out: rows with their numbers, or why one can't be read. Memory is bounded by a row's: a line past its limit is
//! read over, a CSV row past its limit ends the reading. Never here: what a row means.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use onpace_schemas::MAX_EVENT_BYTES;

use super::ImportError;

/// The longest CSV row, in bytes: past it a quote was left open.
const MAX_ROW: usize = 4 << 20;
/// How much of the file is looked at for its delimiter.
const HEAD: usize = 64 * 1024;

/// A row as it was read.
pub(super) struct Row {
    /// From 1, without blank lines and a CSV's header.
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
    /// A CSV's row: the columns' names and the values.
    Fields(Vec<(String, String)>),
}

/// Where the rows come from.
pub(super) enum Rows<R> {
    /// NDJSON.
    Lines(Lines<R>),
    /// CSV.
    Csv(Box<Csv<R>>),
}

impl<R: Read> Rows<R> {
    /// The next row.
    ///
    /// # Errors
    /// The file can't be read on.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ImportError> {
        match self {
            Rows::Lines(lines) => Ok(lines.next()?),
            Rows::Csv(csv) => csv.next(),
        }
    }

    /// How many bytes of the file were read so far, about.
    pub(super) fn read_bytes(&self) -> u64 {
        match self {
            Rows::Lines(lines) => lines.bytes,
            Rows::Csv(csv) => csv.reader.position().byte(),
        }
    }
}

/// Rows of NDJSON.
pub(super) struct Lines<R> {
    from: BufReader<R>,
    number: u64,
    line: u64,
    bytes: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(from: R) -> Result<Self, ImportError> {
        let mut from = BufReader::with_capacity(HEAD, from);
        let mark = byte_order_mark(from.fill_buf()?)?;
        from.consume(mark);
        Ok(Lines { from, number: 0, line: 0, bytes: 0 })
    }

    fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            let Some((line, length)) = self.line()? else { return Ok(None) };
            self.line += 1;
            let trimmed = line.trim_ascii();
            if trimmed.is_empty() && length <= MAX_EVENT_BYTES {
                continue;
            }
            self.number += 1;
            let shown = || String::from_utf8_lossy(trimmed).chars().take(1_000).collect::<String>();
            let content = if length > MAX_EVENT_BYTES {
                Err((shown(), format!("the line has {length} bytes; an event has at most {MAX_EVENT_BYTES}")))
            } else {
                match std::str::from_utf8(trimmed) {
                    Ok(text) => Ok(Content::Json(text.to_owned())),
                    Err(error) => Err((shown(), not_utf8(error.valid_up_to()))),
                }
            };
            return Ok(Some(Row { number: self.number, line: Some(self.line), content }));
        }
    }

    /// A line and its length, of which no more is kept than an event may have.
    fn line(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let (mut kept, mut length, mut any) = (Vec::new(), 0, false);
        loop {
            let there = match self.from.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if there.is_empty() {
                return Ok(any.then_some((kept, length)));
            }
            any = true;
            let end = there.iter().position(|byte| *byte == b'\n');
            let piece = &there[..end.unwrap_or(there.len())];
            let room = MAX_EVENT_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..piece.len().min(room)]);
            length += piece.len();
            let used = end.map_or(there.len(), |end| end + 1);
            self.from.consume(used);
            self.bytes += used as u64;
            if end.is_some() {
                return Ok(Some((kept, length)));
            }
        }
    }
}

/// Rows of CSV.
pub(super) struct Csv<R> {
    reader: csv::Reader<Bounded<BufReader<R>>>,
    /// The columns' names; those without one are passed over.
    columns: Vec<String>,
    /// How many bytes the row at hand may still take.
    room: Rc<Cell<usize>>,
    record: csv::ByteRecord,
    number: u64,
}

impl<R: Read> Csv<R> {
    /// Reads the header; the delimiter is `delimiter` or else what the header has most of: `,`, `;` or a tab.
    pub(super) fn new(from: R, delimiter: Option<u8>) -> Result<Self, ImportError> {
        let mut from = BufReader::with_capacity(HEAD, from);
        let head = from.fill_buf()?;
        let mark = byte_order_mark(head)?;
        let delimiter = delimiter.unwrap_or_else(|| sniff(&head[mark..]));
        from.consume(mark);
        let room = Rc::new(Cell::new(MAX_ROW));
        let bounded = Bounded { from, room: Rc::clone(&room) };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(true).from_reader(bounded);
        let header = reader.byte_headers().map_err(broken)?;
        let mut columns: Vec<String> = Vec::new();
        for name in header {
            let name = std::str::from_utf8(name)
                .map_err(|error| ImportError::File(format!("the header: {}", not_utf8(error.valid_up_to()))))?
                .trim();
            if !name.is_empty() && columns.iter().any(|known| known == name) {
                return Err(ImportError::File(format!("two columns are called `{name}`; give each a name of its own")));
            }
            columns.push(name.to_owned());
        }
        if columns.iter().all(String::is_empty) {
            return Err(ImportError::File("the file has no header; its first line must name the columns".into()));
        }
        Ok(Csv { reader, columns, room, record: csv::ByteRecord::new(), number: 0 })
    }

    fn next(&mut self) -> Result<Option<Row>, ImportError> {
        self.room.set(MAX_ROW);
        if !self.reader.read_byte_record(&mut self.record).map_err(broken)? {
            return Ok(None);
        }
        self.number += 1;
        // A record may span lines and the reader counts them differently for `\r\n`, so a row has its number only.
        Ok(Some(Row { number: self.number, line: None, content: self.content() }))
    }

    fn content(&self) -> Result<Content, (String, String)> {
        let shown = || {
            let fields: Vec<_> = self.record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
            fields.join(",").chars().take(1_000).collect::<String>()
        };
        let (fields, columns) = (self.record.len(), self.columns.len());
        if fields != columns {
            return Err((shown(), format!("the row has {fields} fields, the header {columns}")));
        }
        let mut named = Vec::with_capacity(columns);
        for (name, field) in self.columns.iter().zip(&self.record) {
            let field =
                std::str::from_utf8(field).map_err(|error| (shown(), format!("column `{name}`: {}", not_utf8(error.valid_up_to()))))?;
            if !name.is_empty() {
                named.push((name.clone(), field.to_owned()));
            }
        }
        Ok(Content::Fields(named))
    }
}

/// Hands out no more bytes than there is room for.
struct Bounded<R> {
    from: R,
    room: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = self.room.get();
        if room == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a row is longer than {} MiB; is a quote left open?", MAX_ROW >> 20),
            ));
        }
        let most = into.len().min(room);
        let read = self.from.read(&mut into[..most])?;
        self.room.set(room - read);
        Ok(read)
    }
}

fn broken(error: csv::Error) -> ImportError {
    let place = error.position().map_or(String::new(), |position| format!(" after line {}", position.line()));
    ImportError::File(format!("can't be read on{place}: {error}"))
}

fn not_utf8(valid: usize) -> String {
    format!("byte {} is not UTF-8; convert the file first, for example with `iconv -f latin1 -t utf8`", valid + 1)
}

/// The length of a UTF-8 byte order mark.
fn byte_order_mark(head: &[u8]) -> Result<usize, ImportError> {
    match head {
        [0xEF, 0xBB, 0xBF, ..] => Ok(3),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            Err(ImportError::File("the file is UTF-16; convert it to UTF-8 first, for example with `iconv -f utf16 -t utf8`".into()))
        }
        _ => Ok(0),
    }
}

/// The delimiter that the first line has most of, outside quotes.
fn sniff(head: &[u8]) -> u8 {
    let mut counts = [(0usize, b','), (0, b';'), (0, b'\t')];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            byte => {
                if let Some((count, _)) = counts.iter_mut().find(|(_, delimiter)| delimiter == byte) {
                    *count += 1;
                }
            }
        }
    }
    // The first of the greatest: a comma where there is none at all.
    counts.into_iter().rev().max_by_key(|(count, _)| *count).map_or(b',', |(_, delimiter)| delimiter)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn csv(bytes: &[u8]) -> Vec<(u64, Result<Vec<String>, String>)> {
        let mut rows = Rows::Csv(Box::new(Csv::new(bytes, None).unwrap()));
        let mut seen = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let content = match row.content {
                Ok(Content::Fields(fields)) => Ok(fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect()),
                Ok(Content::Json(_)) => panic!("JSON in a CSV"),
                Err((_, reason)) => Err(reason),
            };
            seen.push((row.number, content));
        }
        seen
    }

    #[test]
    fn delimiters_quotes_and_marks_are_understood() {
        let fields = |fields: [&str; 2]| Ok(fields.map(str::to_owned).to_vec());
        assert_eq!(
            csv(b"\xEF\xBB\xBFa;b\r\n1;\"2;\r\n\"\"x\"\"\"\r\n\r\n3;4"),
            [(1, fields(["a=1", "b=2;\r\n\"x\""])), (2, fields(["a=3", "b=4"]))]
        );
        assert_eq!(csv(b"a\tb\n1\t2\n"), [(1, fields(["a=1", "b=2"]))]);
        assert_eq!(csv(b"\"a;;;\",b\n1,2\n"), [(1, fields(["a;;;=1", "b=2"]))]);
        // A column without a name is passed over.
        assert_eq!(csv(b"a,b,\n1,2,3\n"), [(1, fields(["a=1", "b=2"]))]);
        assert_eq!(csv(b"a,b\n"), []);
    }

    #[test]
    fn a_bad_row_is_that_rows_affair() {
        let seen = csv(b"a,b\n1\n1,2,3\n\xFF,2\n5,6\n");
        let reasons: Vec<_> = seen.iter().map(|(number, content)| (*number, content.as_ref().err().map_or("", String::as_str))).collect();
        assert_eq!(reasons[0], (1, "the row has 1 fields, the header 2"));
        assert_eq!(reasons[1], (2, "the row has 3 fields, the header 2"));
        assert!(reasons[2].1.starts_with("column `a`: byte 1 is not UTF-8"));
        assert_eq!(reasons[3], (4, ""));
    }

    #[test]
    fn what_is_no_csv_is_said_at_once() {
        let wrong = |bytes: &[u8]| Csv::new(bytes, None).err().unwrap().to_string();
        assert!(wrong(b"").contains("no header"));
        assert!(wrong(b"a,a\n").contains("two columns are called `a`"));
        assert!(wrong(b"\xFF\xFEa\x00").contains("UTF-16"));
        assert!(wrong(b"a,\xE9\n").contains("not UTF-8"));
    }

    #[test]
    fn an_open_quote_does_not_swallow_memory() {
        let endless = b"a,b\n\"1,".chain(io::repeat(b'x'));
        let mut rows = Rows::Csv(Box::new(Csv::new(endless, None).unwrap()));
        assert!(rows.next().err().unwrap().to_string().contains("is a quote left open"));
    }

    #[test]
    fn lines_are_bounded_and_numbered() {
        let long = [b"{}\n\n".to_vec(), vec![b'x'; MAX_EVENT_BYTES + 1], b"\r\n\xFF\n {\"a\":1} \r\n{".to_vec()].concat();
        let mut rows = Rows::Lines(Lines::new(long.as_slice()).unwrap());
        let mut seen = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            seen.push((
                row.number,
                row.line.unwrap(),
                match row.content {
                    Ok(Content::Json(text)) => text,
                    Ok(Content::Fields(_)) => panic!("fields in a line"),
                    Err((shown, reason)) => format!("! {} {reason}", shown.len()),
                },
            ));
        }
        let expected = [
            (1, 1, "{}".to_owned()),
            (2, 3, format!("! 1000 the line has {} bytes; an event has at most {MAX_EVENT_BYTES}", MAX_EVENT_BYTES + 2)),
            (3, 4, "! 3 byte 1 is not UTF-8; convert the file first, for example with `iconv -f latin1 -t utf8`".to_owned()),
            (4, 5, "{\"a\":1}".to_owned()),
            (5, 6, "{".to_owned()),
        ];
        assert_eq!(seen, expected);
        assert_eq!(rows.read_bytes(), long.len() as u64);
    }
}
