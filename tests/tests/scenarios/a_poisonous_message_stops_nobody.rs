//! What can't be decoded, in the middle of the topic, goes to the dead letters; everything before and after it counts.

use std::time::{Duration, Instant};

use onpace_tests::floor::{Floor, Torture, kafka};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(60);

fn client(floor: &Floor) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", floor.brokers()).set("group.id", "nobody");
    config
}

/// Everything that a topic holds.
fn held(floor: &Floor, topic: &str) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = client(floor).create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the topic is there");
    let mut from = TopicPartitionList::new();
    let mut there = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).expect("the partition's ends");
        there += (high - low) as usize;
        from.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
    }
    consumer.assign(&from).expect("an assignment");
    let (begun, mut values) = (Instant::now(), Vec::new());
    while values.len() < there {
        assert!(begun.elapsed() < PATIENCE, "{} of {there} read", values.len());
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            values.push(message.expect("a message").payload().unwrap_or_default().to_vec());
        }
    }
    values
}

#[test]
fn a_poisonous_message_stops_nobody() {
    let torture = Torture::new(700, 1);
    let floor = Floor::on(kafka());
    let half = torture.delivered.len() / 2;
    floor.import("before", &torture.delivered[..half]);
    let poison: [(&str, &[u8]); 3] =
        [("deal:poison", b"not Avro at all"), ("call:x", b"\xC3\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), ("call:y", b"\xC3")];
    let producer: BaseProducer = client(&floor).create().expect("a producer");
    for (key, value) in poison {
        producer.send(BaseRecord::to(floor.topic()).key(key).payload(value)).map_err(|(error, _)| error).expect("poison sent");
    }
    producer.flush(PATIENCE).expect("poison written");
    floor.import("after", &torture.delivered[half..]);
    floor.catch_up();
    floor.assert_equals_oracle(&torture);

    let mut letters = held(&floor, &format!("{}.dead-letters", floor.topic()));
    let mut sent: Vec<Vec<u8>> = poison.iter().map(|(_, value)| value.to_vec()).collect();
    letters.sort();
    sent.sort();
    assert_eq!(letters, sent, "the dead letters hold what was sent, each once");
}
