//! What can't be decoded, in the middle of the topic, goes to the dead letters; everything before and after it counts.

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::topic::{self, held};
use rdkafka::producer::BaseRecord;

#[test]
fn a_poisonous_message_stops_nobody() {
    let torture = Torture::new(700, 1);
    let floor = Floor::on(kafka());
    let half = torture.delivered.len() / 2;
    floor.import("before", &torture.delivered[..half]);
    // A schema that is known, and a body that isn't of it: C3 01, eight bytes of the schema's fingerprint, whatever.
    let torn = [&held(floor.brokers(), floor.topic())[0][..10], b"\xFF"].concat();
    let poison: [(&str, &[u8]); 3] = [("deal:poison", b"not Avro at all"), ("call:x", &torn), ("call:y", b"\xC3")];
    topic::write(floor.brokers(), poison.map(|(key, value)| BaseRecord::to(floor.topic()).key(key).payload(value)));
    floor.import("after", &torture.delivered[half..]);
    floor.catch_up();
    floor.assert_equals_oracle(&torture);

    let mut letters = held(floor.brokers(), &format!("{}.dead-letters", floor.topic()));
    let mut sent: Vec<Vec<u8>> = poison.iter().map(|(_, value)| value.to_vec()).collect();
    letters.sort();
    sent.sort();
    assert_eq!(letters, sent, "the dead letters hold what was sent, each once");
}
