//! Short ways to write events.

use std::borrow::Cow;

use onpace_schemas::{Event, FieldNo, Kind, Patch, Stamp, Value};

/// Who speaks of what.
const SOURCES: [(Kind, &str); 4] = [(Kind::CALL, "phone"), (Kind::MEETING, "calendar"), (Kind::EMAIL, "mailer"), (Kind::DEAL, "crm")];

/// An event of the simulation.
pub(super) fn event(id: String, kind: Kind, entity: &str, at_us: Stamp, fields: Vec<(&'static str, Value<'static>)>) -> Event<'static> {
    let source = SOURCES.into_iter().find(|(spoken_of, _)| *spoken_of == kind).map_or("simulator", |(_, source)| source);
    let patch: Patch<'static> = fields.into_iter().filter_map(|(name, value)| Some((number(kind, name)?, value))).collect();
    let (id, source, entity) = (id.into(), source.into(), entity.to_owned().into());
    Event { id, source, kind, entity, occurred_at: at_us, said_at: at_us, deleted: None, patch }
}

/// A text.
pub(super) fn text(text: impl Into<Cow<'static, str>>) -> Value<'static> {
    Value::Text(text.into())
}

/// A value of a closed set, by its name.
pub(super) fn choice(kind: Kind, field: &str, name: &str) -> Value<'static> {
    let place = kind.fields().iter().find(|known| known.name == field).and_then(|known| match known.shape {
        onpace_schemas::Shape::Choice(set) => set.iter().position(|value| *value == name),
        _ => None,
    });
    Value::Choice(place.unwrap_or_default() as u8)
}

fn number(kind: Kind, name: &str) -> Option<FieldNo> {
    let number = kind.field(name);
    debug_assert!(number.is_some(), "a {} has no field {name}", kind.name());
    number
}
