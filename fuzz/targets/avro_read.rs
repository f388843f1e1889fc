//! Any bytes at all: a message or a reason; and a message says the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onpace_schemas::avro::{self, Message};

fuzz_target!(|message: &[u8]| {
    let mut again = Vec::new();
    let read = match avro::read(message) {
        Ok(read) => read,
        Err(reason) => {
            assert!(!reason.to_string().is_empty());
            return;
        }
    };
    match &read {
        Message::Event(event) => avro::write(event, &mut again),
        Message::Heartbeat { at_us } => avro::write_heartbeat(*at_us, &mut again),
    }
    assert_eq!(avro::read(&again).as_ref(), Ok(&read));
});
