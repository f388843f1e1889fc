//! Messages as version 1 wrote them, for ever: today's reader reads them to the same JSON, and while a version is the
//! newest, today's writer writes the same bytes.
//!
//! A new message is written down as JSON; then `ONPACE_WRITE_GOLDEN=1 cargo test -p onpace-schemas golden` adds its
//! bytes. Bytes that are there are never written again.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use onpace_schemas::{Kind, Value, avro, json, time};
use serde_json::{Value as Json, json};

use crate::NOW_US;
use crate::avro_elsewhere::there_and_back;

/// The schema's newest version, whose bytes the writer writes.
fn newest() -> String {
    format!("v{}", avro::NEWEST.version)
}

/// Every golden message: its version, its name, what it says and the file of its bytes.
fn golden() -> Vec<(String, String, Json, PathBuf)> {
    let mut golden = Vec::new();
    for version in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/golden")).unwrap() {
        let version = version.unwrap();
        for file in fs::read_dir(version.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let said = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                golden.push((version.file_name().to_str().unwrap().to_owned(), name, said, path.with_extension("avro")));
            } else {
                assert!(path.with_extension("json").exists(), "{} says nothing", path.display());
            }
        }
    }
    golden
}

fn written(said: &Json) -> Vec<u8> {
    let mut message = Vec::new();
    match said.get("heartbeat") {
        Some(at) => avro::write_heartbeat(time::parse_instant(at.as_str().unwrap()).unwrap(), &mut message),
        None => avro::write(&json::read(&said.to_string(), NOW_US).unwrap(), &mut message),
    }
    message
}

#[test]
fn golden_messages_are_read_and_written_as_ever() {
    for (version, name, said, file) in golden() {
        if !file.exists() && std::env::var_os("ONPACE_WRITE_GOLDEN").is_some() {
            fs::write(&file, written(&said)).unwrap();
        }
        let message = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let read = match avro::read(&message).unwrap() {
            avro::Message::Heartbeat { at_us } => json!({"heartbeat": time::show_instant(at_us)}),
            avro::Message::Event(event) => json::write(&event),
        };
        assert_eq!(read, said, "{version} {name}");
        if version == newest() {
            assert_eq!(written(&said), message, "{version} {name}");
            there_and_back(&message).unwrap();
        }
    }
}

#[test]
fn golden_messages_say_every_field_of_every_kind() {
    let (mut set, mut cleared, mut heartbeats, mut later) = (BTreeSet::new(), BTreeSet::new(), 0, 0);
    for (version, _, said, _) in golden() {
        let text = said.to_string();
        if version != newest() {
            continue;
        }
        if said.get("heartbeat").is_some() {
            heartbeats += 1;
            continue;
        }
        let event = json::read(&text, NOW_US).unwrap();
        later += usize::from(event.said_at > event.occurred_at);
        for (no, value) in &event.patch {
            let said = if *value == Value::Cleared { &mut cleared } else { &mut set };
            said.insert((event.kind, *no));
        }
    }
    for kind in Kind::ALL {
        for (no, field) in kind.fields().iter().enumerate() {
            let key = (kind, no as u8);
            assert!(set.contains(&key), "{}.{} is nowhere set", kind.name(), field.name);
            let can_clear = field.keep != onpace_schemas::Keep::First;
            assert_eq!(cleared.contains(&key), can_clear, "{}.{}", kind.name(), field.name);
        }
    }
    assert_eq!(heartbeats, 1);
    assert!(later > 0, "`said_at` is nowhere said");
}
