//! NDJSON: an event a line.
//!
//! In: UTF-8, as far as it is. Out: lines with their numbers. A line past the limit is read over. Never here: what it says.

use std::io::{self, BufRead, BufReader, Read};

use onpace_schemas::MAX_EVENT_BYTES;

use super::text::not_utf8;
use super::{Content, Row};

/// How much is read at a time.
const HEAD: usize = 64 * 1024;

/// Rows of NDJSON.
pub(in crate::import) struct Lines<R> {
    from: BufReader<R>,
    number: u64,
    line: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Lines { from: BufReader::with_capacity(HEAD, from), number: 0, line: 0 }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
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
            if end.is_some() {
                return Ok(Some((kept, length)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn lines_are_bounded_and_numbered() {
        let long = [b"{}\n\n".to_vec(), vec![b'x'; MAX_EVENT_BYTES + 1], b"\r\n\xFF\n {\"a\":1} \r\n{".to_vec()].concat();
        let mut rows = Lines::new(long.as_slice());
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
            (3, 4, format!("! 3 {}", not_utf8(0))),
            (4, 5, "{\"a\":1}".to_owned()),
            (5, 6, "{".to_owned()),
        ];
        assert_eq!(seen, expected);
    }
}
