//! A topic, without onpace: what it holds, made and deleted. In: a broker, a topic. Out: its messages' bytes. Never here: what they mean.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
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

/// Writes records as they are, and returns once they are in the log.
///
/// # Panics
/// They can't be written.
pub fn write<'a>(brokers: &str, records: impl IntoIterator<Item = BaseRecord<'a, str, [u8]>>) {
    let producer: BaseProducer = client(brokers).create().expect("a producer");
    for record in records {
        producer.send(record).map_err(|(error, _)| error).expect("it is sent");
    }
    producer.flush(PATIENCE).expect("it is written");
}

/// Waits for an answer of the admin client, on this thread.
fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(answer)
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    client(brokers).create().expect("an admin client")
}

/// Deletes a topic, and returns once its name is free.
///
/// # Panics
/// It can't be deleted.
pub fn delete(brokers: &str, topic: &str) {
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let deleted = wait(admin(brokers).delete_topics(&[topic], &options)).expect("an answer");
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    let begun = Instant::now();
    let there = || {
        let found = client(brokers).create::<BaseConsumer>().expect("a consumer").fetch_metadata(Some(topic), PATIENCE);
        found.expect("the broker answers").topics().iter().any(|found| found.name() == topic && found.error().is_none())
    };
    while there() {
        assert!(begun.elapsed() < PATIENCE, "{topic} is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Makes a topic with these settings.
///
/// # Panics
/// It can't be made.
pub fn make(brokers: &str, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let new =
        settings.iter().fold(NewTopic::new(topic, partitions, TopicReplication::Fixed(-1)), |new, (name, value)| new.set(name, value));
    let made = wait(admin(brokers).create_topics([&new], &AdminOptions::new().operation_timeout(Some(PATIENCE)))).expect("an answer");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}
