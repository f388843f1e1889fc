//! CSV and its kin: a row a line, fields with something between them.
//!
//! In: UTF-8, as far as it is. Out: rows with their numbers, a value for each column that has a name. A row of nothing but delimiters
//! is blank, wherever it stands; a row past the limit ends the reading. Never here: what a value says.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use super::text::not_utf8;
use super::{Columns, Content, ImportError, Row};

/// The longest row, in bytes: past it a quote was left open.
const MAX_ROW: usize = 4 << 20;
/// How much of the file is looked at for its delimiter.
const HEAD: usize = 64 * 1024;

/// What was looked at, and what follows it.
type Chained<R> = BufReader<io::Chain<io::Cursor<Vec<u8>>, R>>;

/// Rows with something between their fields.
pub(in crate::import) struct Delimited<R> {
    reader: csv::Reader<Bounded<Squeezed<Chained<R>>>>,
    columns: Columns,
    /// How many bytes the row at hand may still take.
    room: Rc<Cell<usize>>,
    record: csv::ByteRecord,
    /// Whether `record` holds a row that was read and not yet handed out.
    waiting: bool,
    number: u64,
}

impl<R: Read> Delimited<R> {
    /// Reads the header, unless `columns` are given; the delimiter is `delimiter`, what a first line `sep=;` says, or else what the
    /// header has most of: `,`, `;`, `|` or a tab.
    pub(super) fn new(from: R, delimiter: Option<u8>, columns: Option<Vec<String>>) -> Result<Self, ImportError> {
        let mut from = from;
        let mut head = Vec::new();
        (&mut from).take(HEAD as u64).read_to_end(&mut head)?;
        let said = excels_line(&head);
        let delimiter = delimiter.or(said.map(|(delimiter, _)| delimiter)).unwrap_or_else(|| sniff(&head));
        let mut from = BufReader::with_capacity(HEAD, io::Cursor::new(head).chain(from));
        from.fill_buf()?;
        from.consume(said.map_or(0, |(_, length)| length));
        let room = Rc::new(Cell::new(MAX_ROW));
        // Columns are set apart by as many blanks as look well.
        let squeezed = Squeezed { from, blanks: delimiter == b' ', quoted: false, last: b'\n' };
        let bounded = Bounded { from: squeezed, room: Rc::clone(&room) };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(bounded);
        let mut record = csv::ByteRecord::new();
        let there = filled_row(&mut reader, &room, &mut record)?;
        let text = |field: &[u8]| std::str::from_utf8(field).map(|name| name.trim().to_owned());
        let first: Result<Vec<String>, _> = record.iter().map(text).collect();
        let (columns, waiting) = match columns {
            Some(names) => (Columns::given(names, &first.unwrap_or_default())?, there),
            None => {
                let names = first.map_err(|error| ImportError::File(format!("the header: {}", not_utf8(error.valid_up_to()))))?;
                (Columns::new(names)?, false)
            }
        };
        Ok(Delimited { reader, columns, room, record, waiting, number: 0 })
    }

    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, ImportError> {
        if !std::mem::take(&mut self.waiting) && !filled_row(&mut self.reader, &self.room, &mut self.record)? {
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
        let (fields, columns) = (self.record.len(), self.columns.all.len());
        // What hangs over and is blank was left there by a spreadsheet.
        let blank = |mut fields: std::iter::Skip<csv::ByteRecordIter<'_>>| fields.all(<[u8]>::is_empty);
        if fields < columns || !blank(self.record.iter().skip(columns)) {
            return Err((shown(), format!("the row has {fields} fields, the header {columns}")));
        }
        let mut values = Vec::with_capacity(columns);
        for (name, field) in self.columns.all.iter().zip(&self.record) {
            let field =
                std::str::from_utf8(field).map_err(|error| (shown(), format!("column `{name}`: {}", not_utf8(error.valid_up_to()))))?;
            if !name.is_empty() {
                values.push(field.to_owned());
            }
        }
        Ok(Content::Fields(values))
    }
}

/// Reads on to the next row that isn't blank.
fn filled_row<R: Read>(reader: &mut csv::Reader<R>, room: &Cell<usize>, record: &mut csv::ByteRecord) -> Result<bool, ImportError> {
    loop {
        room.set(MAX_ROW);
        if !reader.read_byte_record(record).map_err(broken)? {
            return Ok(false);
        }
        if record.iter().any(|field| !field.trim_ascii().is_empty()) {
            return Ok(true);
        }
    }
}

/// The delimiter of a first line `sep=;`, by which Excel is told it, and the line's length.
fn excels_line(head: &[u8]) -> Option<(u8, usize)> {
    let rest = head.strip_prefix(b"sep=").or_else(|| head.strip_prefix(b"\"sep=").filter(|rest| rest.get(1) == Some(&b'"')))?;
    let quote = usize::from(head.starts_with(b"\""));
    let (delimiter, rest) = rest.split_first()?;
    let rest = &rest[quote.min(rest.len())..];
    let end = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => return None,
    };
    Some((*delimiter, 5 + 2 * quote + end))
}

/// Puts one blank where there are several, none at a line's begin and end; outside quotes, and only where blanks are delimiters.
struct Squeezed<R> {
    from: R,
    blanks: bool,
    quoted: bool,
    last: u8,
}

impl<R: BufRead> Read for Squeezed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.blanks {
            return self.from.read(into);
        }
        loop {
            let there = self.from.fill_buf()?;
            if there.is_empty() || into.is_empty() {
                return Ok(0);
            }
            let (mut used, mut written) = (0, 0);
            for byte in there {
                // A blank is written once it is seen that something follows it on the line.
                let pending = !self.quoted && self.last == b' ';
                let room = into.len() - written;
                if room < 2 {
                    break;
                }
                used += 1;
                match byte {
                    b' ' if !self.quoted && matches!(self.last, b'\n' | b' ') => continue,
                    b' ' if !self.quoted => {}
                    _ => {
                        if pending && !matches!(byte, b'\r' | b'\n') {
                            into[written] = b' ';
                            written += 1;
                        }
                        if *byte == b'"' {
                            self.quoted = !self.quoted;
                        }
                        into[written] = *byte;
                        written += 1;
                    }
                }
                self.last = *byte;
            }
            self.from.consume(used);
            if written > 0 {
                return Ok(written);
            }
        }
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

/// The delimiter that the first line has most of, outside quotes. A blank is none of them: names have blanks too.
fn sniff(head: &[u8]) -> u8 {
    let mut counts = [(0usize, b','), (0, b';'), (0, b'\t'), (0, b'|')];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted && counts.iter().any(|(count, _)| *count > 0) => break,
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

    type Seen = Vec<(u64, Result<Vec<String>, String>)>;

    fn table(bytes: &[u8], delimiter: Option<u8>, columns: Option<&str>) -> Result<Seen, String> {
        let columns = columns.map(|names| super::super::parse_columns(names).unwrap());
        let mut rows = Delimited::new(bytes, delimiter, columns).map_err(|error| error.to_string())?;
        let names = rows.columns().named();
        let mut seen = Vec::new();
        while let Some(row) = rows.next().map_err(|error| error.to_string())? {
            let content = match row.content {
                Ok(Content::Fields(fields)) => Ok(names.iter().zip(fields).map(|(name, value)| format!("{name}={value}")).collect()),
                Ok(Content::Json(_)) => panic!("JSON in a CSV"),
                Err((_, reason)) => Err(reason),
            };
            seen.push((row.number, content));
        }
        Ok(seen)
    }

    fn csv(bytes: &[u8]) -> Seen {
        table(bytes, None, None).unwrap()
    }

    fn fields<const N: usize>(fields: [&str; N]) -> Result<Vec<String>, String> {
        Ok(fields.map(str::to_owned).to_vec())
    }

    #[test]
    fn delimiters_and_quotes_are_understood() {
        assert_eq!(csv(b"a;b\r\n1;\"2;\r\n\"\"x\"\"\"\r\n\r\n3;4"), [(1, fields(["a=1", "b=2;\r\n\"x\""])), (2, fields(["a=3", "b=4"]))]);
        assert_eq!(csv(b"a\tb\n1\t2\n"), [(1, fields(["a=1", "b=2"]))]);
        assert_eq!(csv(b"a|b c|d\n1|2,3|4\n"), [(1, fields(["a=1", "b c=2,3", "d=4"]))]);
        assert_eq!(csv(b"\"a;;;\",b\n1,2\n"), [(1, fields(["a;;;=1", "b=2"]))]);
        // A column without a name is passed over.
        assert_eq!(csv(b"a,b,\n1,2,3\n"), [(1, fields(["a=1", "b=2"]))]);
        assert_eq!(csv(b"a,b\n"), []);
        assert_eq!(csv(b"only names\nZoe Martin\n"), [(1, fields(["only names=Zoe Martin"]))]);
    }

    #[test]
    fn blanks_stand_between_fields_where_that_is_said() {
        let text = b"  id   rep  \r\n 1  \"Zoe  Martin\"\n\n2 Ben   \n";
        assert_eq!(table(text, Some(b' '), None), Ok(vec![(1, fields(["id=1", "rep=Zoe  Martin"])), (2, fields(["id=2", "rep=Ben"]))]));
    }

    #[test]
    fn the_line_by_which_excel_is_told_the_delimiter_tells_it_here_too() {
        assert_eq!(csv(b"sep=;\r\na;b,c\r\n1;2\r\n"), [(1, fields(["a=1", "b,c=2"]))]);
        assert_eq!(csv(b"\"sep=|\"\na|b\n1|2\n"), [(1, fields(["a=1", "b=2"]))]);
        assert_eq!(csv(b"sep=,b\n1,2\n"), [(1, fields(["sep==1", "b=2"]))], "a header that begins like it");
    }

    #[test]
    fn rows_of_nothing_but_delimiters_are_blank() {
        assert_eq!(
            csv(b";;\na;b;c\n;;\n1;2;3\n ; ;\n;;;;;\n4;5;6;;\n"),
            [(1, fields(["a=1", "b=2", "c=3"])), (2, fields(["a=4", "b=5", "c=6"]))]
        );
    }

    #[test]
    fn columns_can_be_named_where_there_is_no_header() {
        assert_eq!(table(b"\n1,2,3\n4,5,6\n", None, Some("a,,c")), Ok(vec![(1, fields(["a=1", "c=3"])), (2, fields(["a=4", "c=6"]))]));
        assert!(table(b"A,b\n1,2\n", None, Some("a,b")).unwrap_err().contains("leave --columns out"));
        assert_eq!(table(b"1,2\n", None, Some("a,b,c")), Ok(vec![(1, Err("the row has 2 fields, the header 3".into()))]));
        assert!(super::super::parse_columns("a,b,a").is_err() && super::super::parse_columns(" , ").is_err());
        assert_eq!(table(b"", None, Some("a")), Ok(vec![]));
        assert_eq!(super::super::parse_delimiter("pipe"), Ok(b'|'));
        assert!(super::super::parse_delimiter("ab").is_err() && super::super::parse_delimiter("é").is_err());
    }

    #[test]
    fn a_bad_row_is_that_rows_affair() {
        let seen = csv(b"a,b\n1\n1,2,3\n\xFF,2\n5,6\n");
        let reasons: Vec<_> = seen.iter().map(|(number, content)| (*number, content.as_ref().err().map_or("", String::as_str))).collect();
        assert_eq!(reasons[0], (1, "the row has 1 fields, the header 2"));
        assert_eq!(reasons[1], (2, "the row has 3 fields, the header 2"));
        assert!(reasons[2].1.starts_with("column `a`: byte 1 is not UTF-8") && reasons[2].1.contains("--encoding windows-1252"));
        assert_eq!(reasons[3], (4, ""));
    }

    #[test]
    fn what_is_no_csv_is_said_at_once() {
        let wrong = |bytes: &[u8]| table(bytes, None, None).unwrap_err();
        assert!(wrong(b"").contains("no header"));
        assert!(wrong(b"a,a\n").contains("two columns are called `a`"));
        assert!(wrong(b"a,\xE9\n").contains("not UTF-8"));
    }

    #[test]
    fn an_open_quote_does_not_swallow_memory() {
        let endless = b"a,b\n\"1,".chain(io::repeat(b'x'));
        let mut rows = Delimited::new(endless, None, None).unwrap();
        assert!(rows.next().err().unwrap().to_string().contains("is a quote left open"));
    }
}
