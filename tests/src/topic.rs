//! What a topic holds, read without onpace. In: a broker, a topic. Out: its messages' bytes. Never here: what they mean.

use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of a client of a Kafka.
pub fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "nobody");
    config
}

/// Everything that a topic holds.
///
/// # Panics
/// It can't be read.
pub fn held(brokers: &str, topic: &str) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = client(brokers).create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the topic is there");
    let mut from = TopicPartitionList::new();
    let mut there = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).expect("the partition's ends");
        there += (high - low) as usize;
        from.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
    }
    consumer.assign(&from).expect("an assignment");
    let (mut last, mut values) = (Instant::now(), Vec::new());
    while values.len() < there {
        assert!(last.elapsed() < PATIENCE, "{} of {there} read", values.len());
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            values.push(message.expect("a message").payload().unwrap_or_default().to_vec());
            last = Instant::now();
        }
    }
    values
}
