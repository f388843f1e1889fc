//! From a body to the log's entries: pure, in one pass, borrowing from the body until the Avro is written.
//!
//! In: bytes, their form, the gateway's clock. Out: a [`Batch`], whose every event is either an entry or a rejection;
//! or why the body as a whole can't be read. Memory is bounded by the body's size and [`MAX_ITEMS`].
//! Never here: I/O; an entry for an event that was refused.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use axum::http::StatusCode;
use onpace_schemas::{Kind, MAX_EVENT_BYTES, Reason, Refusal, json};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::media::Form;
use crate::doubts::{Tally, Words};
use crate::entry;
use crate::http::Problem;
use crate::log::Entry;

/// The most events of one request: more than fit in a body if they are valid.
pub(super) const MAX_ITEMS: usize = 100_000;
/// The most rejections spelled out in an answer; the rest is counted.
pub(super) const MAX_SHOWN: usize = 1_000;

/// A body's events, each taken or refused.
#[derive(Default)]
pub(super) struct Batch {
    /// What goes into the log.
    pub(super) entries: Vec<Entry>,
    /// The events taken, by source and by the kind's number.
    pub(super) accepted: Counts<[u64; Kind::ALL.len()]>,
    /// The first [`MAX_SHOWN`] refused.
    pub(super) rejections: Vec<Rejection>,
    /// What of the events taken looks wrong.
    pub(super) seen: Tally,
    /// How many were refused.
    pub(super) rejected: usize,
    /// The events refused, by source and reason.
    pub(super) refused: Counts<[u64; Reason::ALL.len()]>,
}

/// Numbers by source.
#[derive(Default)]
pub(super) struct Counts<T> {
    /// Each source once.
    pub(super) rows: Vec<(String, T)>,
    places: HashMap<String, usize>,
    /// Where the last event was counted: most often the next one's place too.
    last: usize,
}

impl<T: Default> Counts<T> {
    fn of(&mut self, source: &str) -> &mut T {
        if self.rows.get(self.last).is_none_or(|(last, _)| last != source) {
            self.last = match self.places.get(source) {
                Some(place) => *place,
                None => {
                    self.places.insert(source.to_owned(), self.rows.len());
                    self.rows.push((source.to_owned(), T::default()));
                    self.rows.len() - 1
                }
            };
        }
        &mut self.rows[self.last].1
    }
}

/// An event refused, as the answer says it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Rejection {
    /// Its place among the request's events, from 0; blank lines don't count.
    pub(super) index: usize,
    /// The field at fault; empty where it is the event as a whole.
    pub(super) field: String,
    /// What is wrong and what would be right.
    pub(super) error: String,
}

/// Reads all events of a body as posted at `now_us` (microseconds since 1970).
///
/// # Errors
/// 400 where the body as a whole is not JSON, 413 where it has too many events.
pub(super) fn decode(form: Form, body: &[u8], now_us: i64, words: &Words) -> Result<Batch, Problem> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let mut batch = Batch { seen: Tally::new(words), ..Batch::default() };
    match form {
        Form::Lines => batch.lines(body, now_us)?,
        Form::Json => batch.json(body, now_us)?,
    }
    Ok(batch)
}

impl Batch {
    /// One bad line is that line's affair.
    fn lines(&mut self, body: &[u8], now_us: i64) -> Result<(), Problem> {
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        // All at once is faster than line by line, and nearly always right.
        if let Ok(text) = std::str::from_utf8(body) {
            let lines = text.split('\n').map(|line| line.trim_matches([' ', '\t', '\r'])).filter(|line| !line.is_empty());
            for (index, line) in lines.enumerate() {
                within(index)?;
                self.take(index, line, now_us);
            }
            return Ok(());
        }
        for (index, line) in lines.enumerate() {
            within(index)?;
            match std::str::from_utf8(line) {
                Ok(line) => self.take(index, line, now_us),
                Err(error) => {
                    let error = format!("byte {} of the line is not UTF-8; write JSON in UTF-8", error.valid_up_to() + 1);
                    self.refuse(index, "", Refusal::new(Reason::Malformed, "", error));
                }
            }
        }
        Ok(())
    }

    fn json(&mut self, body: &[u8], now_us: i64) -> Result<(), Problem> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let detail = format!("byte {} of the body is not UTF-8; write JSON in UTF-8", error.valid_up_to() + 1);
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })?;
        if text.trim_ascii_start().starts_with('[') {
            return self.array(text, now_us);
        }
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        self.take(0, whole.get(), now_us);
        Ok(())
    }

    fn array(&mut self, text: &str, now_us: i64) -> Result<(), Problem> {
        let mut input = serde_json::Deserializer::from_str(text);
        let mut too_many = None;
        let read = (&mut input).deserialize_seq(Elements { batch: self, now_us, too_many: &mut too_many });
        match (read.and_then(|()| input.end()), too_many) {
            (_, Some(problem)) => Err(problem),
            (Err(error), None) => Err(malformed(&error)),
            (Ok(()), None) => Ok(()),
        }
    }

    fn take(&mut self, index: usize, text: &str, now_us: i64) {
        match json::read(text, now_us) {
            Ok(event) => {
                self.accepted.of(&event.source)[usize::from(event.kind.number())] += 1;
                self.seen.see(std::slice::from_ref(&event));
                self.entries.push(entry(&event));
            }
            Err(refusal) => {
                let source = if text.len() > MAX_EVENT_BYTES { Cow::Borrowed("") } else { source_of(text) };
                self.refuse(index, &source, refusal);
            }
        }
    }

    fn refuse(&mut self, index: usize, source: &str, refusal: Refusal) {
        self.refused.of(source)[refusal.reason as usize] += 1;
        self.rejected += 1;
        if self.rejections.len() < MAX_SHOWN {
            self.rejections.push(Rejection { index, field: refusal.field, error: refusal.error });
        }
    }
}

fn within(index: usize) -> Result<(), Problem> {
    if index < MAX_ITEMS {
        return Ok(());
    }
    let detail = format!(
        "the body has more than {MAX_ITEMS} events, which is more than it can hold if they are valid; post them in several requests"
    );
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
}

fn malformed(error: &serde_json::Error) -> Problem {
    let hint = if error.to_string().starts_with("trailing characters") {
        "; several events are posted as an array, or a line each as `application/x-ndjson`"
    } else {
        ""
    };
    Problem::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}{hint}"))
        .with("line", error.line())
        .with("column", error.column())
}

/// Who sent a refused event, as far as it says.
fn source_of(text: &str) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Who<'a> {
        #[serde(borrow)]
        source: Cow<'a, str>,
    }
    serde_json::from_str::<Who<'_>>(text).map(|who| who.source).unwrap_or_default()
}

/// An array's elements, taken one by one as they are read.
struct Elements<'b> {
    batch: &'b mut Batch,
    now_us: i64,
    too_many: &'b mut Option<Problem>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(element) = elements.next_element_seed(Raw)? {
            if let Err(problem) = within(index) {
                *self.too_many = Some(problem);
                return Err(serde::de::Error::custom("too many"));
            }
            self.batch.take(index, element.get(), self.now_us);
            index += 1;
        }
        Ok(())
    }
}

struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = &'de RawValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        <&RawValue>::deserialize(deserializer)
    }
}
