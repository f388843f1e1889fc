//! Bytes that nobody meant: never a panic, never an allocation beyond the message's own size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use onpace_schemas::{avro, json};
use proptest::prelude::*;

use crate::NOW_US;
use crate::any_event::{AnyEvent, any_event};

/// Counts what the current thread asks for.
struct Counting;

thread_local! {
    static ASKED_BYTES: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED_BYTES.set(ASKED_BYTES.get() + layout.size());
        // SAFETY: the caller keeps the trait's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the trait's contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn asked_bytes<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ASKED_BYTES.get();
    let done = work();
    (ASKED_BYTES.get() - before, done)
}

/// Reads noise; what can be read must be written back to something that says the same.
fn read_noise(message: &[u8]) {
    let mut again = Vec::new();
    let (asked, read) = asked_bytes(|| avro::read(message));
    // A patch of more than ten fields moves to the heap.
    assert!(asked <= 4_096, "{asked} bytes for a message of {}", message.len());
    match &read {
        Ok(avro::Message::Event(event)) => avro::write(event, &mut again),
        Ok(avro::Message::Heartbeat { at_us }) => avro::write_heartbeat(*at_us, &mut again),
        Err(_) => return,
    }
    assert_eq!(avro::read(&again), read);
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&[0xC3, 0x01], &avro::NEWEST.fingerprint.to_le_bytes()[..], body].concat()
}

proptest! {
    #[test]
    fn a_message_cut_short_is_unreadable_and_a_flipped_one_harmless(
        AnyEvent { posted, .. } in any_event(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..4),
    ) {
        let posted = posted.to_string();
        let mut message = Vec::new();
        avro::write(&json::read(&posted, NOW_US).unwrap(), &mut message);
        for end in 0..message.len() {
            prop_assert!(avro::read(&message[..end]).is_err(), "cut to {end} bytes");
            read_noise(&message[..end]);
        }
        message.push(0);
        prop_assert_eq!(avro::read(&message), Err(avro::Unreadable::Long));
        message.pop();
        for (at, bit) in flips {
            let at = at.index(message.len());
            message[at] ^= 1 << bit;
        }
        read_noise(&message);
    }

    #[test]
    fn noise_is_harmless(body in prop::collection::vec(prop_oneof![Just(0_u8), Just(2_u8), Just(0xFF_u8), any::<u8>()], 0..80)) {
        read_noise(&body);
        read_noise(&framed(&body));
    }
}

#[test]
fn lengths_and_counts_that_lie_cost_nothing() {
    let most = [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
    let least = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
    for lie in [&most[..], &least[..], &[0xFF; 11]] {
        // A text's length, and the count of cleared fields behind nine silent ones of a call.
        read_noise(&framed(lie));
        let cleared = [&[2, b'i', 2, b's', 2, b'e', 0, 0, 0, 2][..], &[0; 9], lie].concat();
        read_noise(&framed(&cleared));
        assert!(avro::read(&framed(&cleared)).is_err());
    }
}

#[test]
fn a_plain_event_is_read_without_any_allocation() {
    let text = r#"{"id":"1","source":"aircall","kind":"call","entity":"aircall:1","occurred_at":"2026-03-02T09:00:00.5+01:00",
        "data":{"rep":"marie","account":"a","contact":"c","deal":"d","direction":"inbound","purpose":"p","outcome":"connected",
        "started_at":"2026-03-02T09:00:00Z","duration_s":60}}"#;
    let mut message = Vec::with_capacity(512);
    let (asked, event) = asked_bytes(|| json::read(text, NOW_US).unwrap());
    assert_eq!(asked, 0);
    let (asked, ()) = asked_bytes(|| avro::write(&event, &mut message));
    assert_eq!(asked, 0);
    let (asked, read) = asked_bytes(|| avro::read(&message).unwrap());
    assert_eq!(asked, 0);
    assert_eq!(read, avro::Message::Event(event));
}

#[test]
fn hostile_json_costs_a_bounded_multiple_of_its_size() {
    let deep = "[".repeat(60_000);
    let wide = format!("{{{}\"x\":0}}", "\"x\":0,".repeat(10_000));
    let fields = format!(r#"{{"source":"s","kind":"call","entity":"e","occurred_at":"2026-03-02T09:00:00Z","data":{wide}}}"#);
    let name = format!("{{\"{}\":1}}", "n".repeat(60_000));
    let digits = format!("{{\"occurred_at\":{}}}", "9".repeat(60_000));
    for hostile in [&deep, &wide, &fields, &name, &digits] {
        let (asked, read) = asked_bytes(|| json::read(hostile, NOW_US));
        let refusal = read.unwrap_err().to_string();
        assert!(refusal.len() < 400, "{refusal}");
        assert!(asked < 40 * 65_536, "{asked} bytes for {refusal}");
    }
}
