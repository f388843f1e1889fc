//! JSON → event → Avro → event → JSON loses nothing, and an id made from the content is RFC 8785's.

use onpace_schemas::{avro, json};
use proptest::prelude::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::NOW_US;
use crate::any_event::{AnyEvent, any_event};

proptest! {
    #[test]
    fn what_is_posted_comes_back_from_the_log(AnyEvent { posted, written } in any_event()) {
        let posted = posted.to_string();
        let event = json::read(&posted, NOW_US).unwrap().into_owned();
        prop_assert_eq!(json::write(&event), written);

        let mut message = Vec::new();
        avro::write(&event, &mut message);
        let avro::Message::Event(read) = avro::read(&message).unwrap() else { panic!("no event") };
        let read = read.into_owned();
        prop_assert_eq!(&read, &event);

        let text: Json = serde_json::from_str(&json::write_data_text(&event)).unwrap();
        prop_assert_eq!(text, Json::from(json::write_data(&event)));

        let again = json::write(&read).to_string();
        prop_assert_eq!(json::read(&again, NOW_US).unwrap().into_owned(), event);
    }

    #[test]
    fn what_is_taken_apart_is_put_together_to_the_byte(AnyEvent { posted, .. } in any_event(), at in any::<prop::sample::Index>(), noise: u8) {
        let mut message = Vec::new();
        avro::write(&json::read(&posted.to_string(), NOW_US).unwrap(), &mut message);
        prop_assert!(avro::Parts::of(&message).is_some());
        let at = at.index(message.len());
        let (mut noisy, mut longer) = (message.clone(), message.clone());
        noisy[at] = noise;
        // A byte more for a number says the same.
        longer.splice(at..=at, [message[at] | 0x80, 0]);
        for message in [message, noisy, longer] {
            if let Some(parts) = avro::Parts::of(&message) {
                let mut again = Vec::new();
                parts.write(&mut again);
                prop_assert_eq!(again, message);
            }
        }
    }

    #[test]
    fn an_absent_id_is_the_hash_of_the_rest_however_it_is_laid_out(AnyEvent { posted, .. } in any_event()) {
        let mut rest = posted.as_object().unwrap().clone();
        rest.remove("id");
        let compact = Json::from(rest.clone()).to_string();
        let pretty = serde_json::to_string_pretty(&rest).unwrap();
        let backwards = backwards(&rest.clone().into());

        rest.retain(|_, value| !value.is_null());
        let canonical = serde_json_canonicalizer::to_vec(&rest).unwrap();
        let expected: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
        for layout in [compact, format!("\n{pretty}\t"), backwards] {
            let event = json::read(&layout, NOW_US).unwrap();
            prop_assert_eq!(event.id.as_ref(), expected.as_str());
        }
    }

    #[test]
    fn no_text_whatever_makes_the_reader_panic(text in ".*", cut in any::<prop::sample::Index>()) {
        let _ = json::read(&text, NOW_US);
        let event = serde_json::json!({"source": text, "kind": "call", "entity": text, "occurred_at": text, "data": {"rep": text}});
        let event = event.to_string();
        let _ = json::read(&event, NOW_US);
        let _ = json::read(&event[..floor(&event, cut.index(event.len()))], NOW_US);
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The same JSON with every object's members in reverse, and every character of a text escaped.
fn backwards(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members: Vec<_> = members.iter().rev().map(|(name, value)| format!("{} : {}", escaped(name), backwards(value))).collect();
            format!("{{ {} }}", members.join(" , "))
        }
        Json::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    format!("\"{units}\"")
}

#[test]
fn an_id_made_from_the_content_is_stable_for_ever() {
    // SHA-256 of {"data":{"duration_s":60,"rep":"marie"},"entity":"aircall:1","kind":"call",
    // "occurred_at":"2026-03-02T09:00:00Z","source":"aircall"}, made with another program.
    let text = r#"{"source":"aircall","kind":"call","entity":"aircall:1","occurred_at":"2026-03-02T09:00:00Z","id":null,
        "deleted":null,"data":{"rep":"marie","duration_s":60}}"#;
    let event = json::read(text, NOW_US).unwrap();
    assert_eq!(event.id, "d5482a3c22f635e6a93f0f8a7426209065016ba20e4c94242675d0f6fcbfc3a4");
}

#[test]
fn what_was_said_later_has_another_id() {
    // SHA-256 of {"data":{"duration_s":60,"rep":"marie"},"entity":"aircall:1","kind":"call",
    // "occurred_at":"2026-03-02T09:00:00Z","said_at":"2026-03-02T09:05:00Z","source":"aircall"}, made with another program.
    let text = |said_at: &str| {
        format!(
            r#"{{"source":"aircall","said_at":{said_at},"kind":"call","entity":"aircall:1","occurred_at":"2026-03-02T09:00:00Z",
            "data":{{"rep":"marie","duration_s":60}}}}"#
        )
    };
    let id = |said_at: &str| json::read(&text(said_at), NOW_US).unwrap().id.into_owned();
    assert_eq!(id(r#""2026-03-02T09:05:00Z""#), "6d0f55f77de8755ce2dd6070652bd647aa26bd08fdfcd36c6f2a502cebb88ea7");
    assert_eq!(id("null"), "d5482a3c22f635e6a93f0f8a7426209065016ba20e4c94242675d0f6fcbfc3a4");
}
