//! From an event to what the log takes. In: a valid [`Event`]. Out: an [`Entry`]. Never here: I/O.

use onpace_schemas::{Event, avro};

use crate::log::{Entry, Route};

/// The log's entry for an event: keyed so that an entity stays in one partition, written as Avro.
pub fn entry(event: &Event<'_>) -> Entry {
    let mut value = Vec::with_capacity(160 + event.id.len() + event.source.len() + event.entity.len());
    avro::write(event, &mut value);
    Entry { route: Route::Key(event.key()), value }
}
