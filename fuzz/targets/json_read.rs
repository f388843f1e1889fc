//! Any text at all: an event or a refusal in few words; and an event says the same through Avro and through its own JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onpace_schemas::avro::{self, Message};
use onpace_schemas::json;

/// 2100-01-01: late enough that few mutations of a year lie in the future.
const NOW_US: i64 = 4_102_444_800_000_000;

fuzz_target!(|text: &str| {
    let event = match json::read(text, NOW_US) {
        Ok(event) => event.into_owned(),
        Err(refusal) => {
            assert!(!refusal.error.is_empty() && refusal.to_string().len() < 1_000, "{refusal}");
            return;
        }
    };
    let mut message = Vec::new();
    avro::write(&event, &mut message);
    match avro::read(&message) {
        Ok(Message::Event(read)) => assert_eq!(read.into_owned(), event, "by Avro"),
        other => panic!("{other:?}"),
    }
    let again = json::write(&event).to_string();
    match json::read(&again, NOW_US) {
        Ok(read) => assert_eq!(read.into_owned(), event, "by JSON"),
        Err(refusal) => panic!("{refusal}: {again}"),
    }
});
