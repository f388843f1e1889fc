//! Our Avro is everybody's Avro: the `apache-avro` crate, given the schema's file, reads what we write and writes what we read.

use std::collections::BTreeMap;

use apache_avro::rabin::Rabin;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{GenericSingleObjectReader, Schema};
use onpace_schemas::{Currency, Kind, Shape, avro, json, time, to_major};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sha2::Digest;

use crate::NOW_US;
use crate::any_event::{AnyEvent, any_event};

fn schema() -> Schema {
    Schema::parse_str(avro::NEWEST.schema).unwrap()
}

#[test]
fn the_fingerprint_is_the_files() {
    let canonical = canonical(&serde_json::from_str(avro::NEWEST.schema).unwrap());
    assert!(canonical.starts_with(r#"{"name":"onpace.Event","type":"record","fields":[{"name":"id","type":"string"},"#));
    for plan in &avro::PLANS {
        assert_eq!(fingerprint(plan.schema), plan.fingerprint, "version {}", plan.version);
    }
}

/// The fingerprint of a schema, as it stands in a message's frame.
pub fn fingerprint(schema: &str) -> u64 {
    let digest: [u8; 8] = Rabin::digest(canonical(&serde_json::from_str(schema).unwrap())).into();
    u64::from_le_bytes(digest)
}

/// The parsing canonical form as Java and Python make it. `Schema::canonical_form` leaves `{"type":"long"}` where a
/// logical type was stripped, against the specification's [PRIMITIVES], and so comes to another fingerprint.
fn canonical(schema: &Json) -> String {
    let list = |items: &Json, each: &dyn Fn(&Json) -> String| items.as_array().unwrap().iter().map(each).collect::<Vec<_>>().join(",");
    match schema {
        Json::Array(_) => format!("[{}]", list(schema, &canonical)),
        Json::Object(object) if object["type"] == "record" => {
            let field = |field: &Json| format!(r#"{{"name":{},"type":{}}}"#, field["name"], canonical(&field["type"]));
            let name = object["name"].as_str().unwrap();
            format!(r#"{{"name":"onpace.{name}","type":"record","fields":[{}]}}"#, list(&object["fields"], &field))
        }
        Json::Object(object) if object["type"] == "array" => {
            format!(r#"{{"type":"array","items":{}}}"#, canonical(&object["items"]))
        }
        Json::Object(object) => canonical(&object["type"]),
        Json::String(name) if name.starts_with(char::is_uppercase) => format!("\"onpace.{name}\""),
        name => name.to_string(),
    }
}

#[test]
fn the_file_has_the_fields_of_the_kinds_in_order_and_type() {
    let text = Json::String("string".into());
    let instant = json!({"type": "long", "logicalType": "timestamp-micros"});
    let date = json!({"type": "int", "logicalType": "date"});
    let file: Json = serde_json::from_str(avro::NEWEST.schema).unwrap();
    let fields = |record: &Json| record["fields"].as_array().unwrap().clone();

    let kinds: Vec<Json> = fields(&file).into_iter().filter(|field| field["type"][1]["type"] == "record").collect();
    assert_eq!(kinds.len(), Kind::ALL.len() + 1, "every kind, and the heartbeat");
    for kind in Kind::ALL {
        let said = kinds.iter().find(|said| said["name"] == kind.name()).unwrap();
        let mut said = fields(&said["type"][1]);
        let cleared = said.iter().position(|field| field["name"] == "cleared").unwrap();
        assert_eq!(said.remove(cleared)["type"], json!({"type": "array", "items": "string"}));
        assert_eq!(said.len(), kind.fields().len(), "{}", kind.name());
        for (field, said) in kind.fields().iter().zip(said) {
            assert_eq!(said["name"], field.name);
            let mut branches = said["type"].as_array().unwrap().clone();
            assert_eq!(branches.remove(0), "null", "{}", field.name);
            let right = match field.shape {
                Shape::Text | Shape::Choice(_) => branches == [text.clone()],
                Shape::Integer => branches == ["long"],
                Shape::Flag => branches == ["boolean"],
                Shape::Time => branches == [instant.clone(), date.clone()],
                Shape::Instant => branches == [instant.clone()],
                // A second one goes by the first one's name.
                Shape::Amount if branches[0].is_string() => branches[0].as_str().is_some_and(|name| name.ends_with("Amount")),
                Shape::Amount => fields(&branches[0]).iter().map(|field| &field["name"]).eq(["currency", "minor"]),
            };
            assert!(right, "{}.{}: {branches:?}", kind.name(), field.name);
        }
    }
}

#[test]
fn every_field_of_the_file_has_a_default() {
    fn check(schema: &Json) {
        match schema {
            Json::Array(branches) => branches.iter().for_each(check),
            Json::Object(object) if object["type"] == "record" => {
                for field in object["fields"].as_array().unwrap() {
                    assert!(field.get("default").is_some(), "{}.{}", object["name"], field["name"]);
                    check(&field["type"]);
                }
            }
            _ => {}
        }
    }
    check(&serde_json::from_str(avro::NEWEST.schema).unwrap());
}

#[test]
fn a_heartbeat_is_read_elsewhere() {
    let mut message = Vec::new();
    avro::write_heartbeat(NOW_US, &mut message);
    assert_eq!(avro::read(&message), Ok(avro::Message::Heartbeat { at_us: NOW_US }));
    let said = said(&there_and_back(&message).unwrap());
    assert_eq!(said["heartbeat"], json!({}));
    assert_eq!(said["occurred_at"], time::show_instant(NOW_US));
    assert_eq!(said.len(), 5, "{said:?}");
}

proptest! {
    #[test]
    fn what_we_write_is_read_elsewhere_and_written_the_same(AnyEvent { posted, written } in any_event()) {
        let posted = posted.to_string();
        let mut message = Vec::new();
        avro::write(&json::read(&posted, NOW_US).unwrap(), &mut message);
        let mut said = said(&there_and_back(&message).unwrap());

        let mut expected: BTreeMap<String, Json> = written.as_object().unwrap().clone().into_iter().collect();
        let kind = expected.remove("kind").unwrap();
        let mut data = said.remove(kind.as_str().unwrap()).unwrap();
        let cleared = data.as_object_mut().unwrap().remove("cleared").unwrap();
        for name in cleared.as_array().unwrap() {
            data[name.as_str().unwrap()] = Json::Null;
        }
        prop_assert_eq!(data, expected.remove("data").unwrap_or(json!({})));
        prop_assert_eq!(said, expected);
    }
}

/// What `apache-avro` reads from a message, once it has written the same bytes from it.
pub fn there_and_back(message: &[u8]) -> apache_avro::AvroResult<Value> {
    let header = [&[0xC3, 0x01], &avro::NEWEST.fingerprint.to_le_bytes()[..]].concat();
    let schema = schema();
    let reader = GenericSingleObjectReader::builder().schema(schema.clone()).header(header.clone()).build()?;
    let mut rest = message;
    let value = reader.read_value(&mut rest)?;
    assert!(rest.is_empty());
    let body = GenericDatumWriter::builder(&schema).build()?.write_value_to_vec(value.clone())?;
    assert_eq!([header, body].concat(), message);
    Ok(value)
}

/// A record's fields that aren't null, in the words of our JSON.
fn said(record: &Value) -> BTreeMap<String, Json> {
    let Value::Record(fields) = record else { panic!("{record:?}") };
    let said = fields.iter().map(|(name, value)| (name.clone(), in_json(value)));
    said.filter(|(_, value)| !value.is_null()).collect()
}

fn in_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Union(_, value) => in_json(value),
        Value::Boolean(flag) => (*flag).into(),
        Value::Long(long) => (*long).into(),
        Value::String(text) => text.as_str().into(),
        Value::TimestampMicros(us) => time::show_instant(*us).into(),
        Value::Date(day) => time::show_date(*day).into(),
        Value::Array(items) => items.iter().map(in_json).collect(),
        Value::Record(fields) => match fields.as_slice() {
            [(currency, Value::String(code)), (minor, Value::Long(units))] if currency == "currency" && minor == "minor" => {
                json!({"currency": code, "value": to_major((*units).into(), Currency::parse(code).unwrap())})
            }
            _ => said(value).into_iter().collect(),
        },
        other => panic!("{other:?}"),
    }
}
