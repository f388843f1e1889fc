//! The Kafka log against the shared suite on a real broker, and what only Kafka can do: hand partitions over, lose offsets, go away.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::log::suite::{self, Place, Read, append, assigned, entry, poll, read, wait};
use crate::log::{Polled, Route, partition_of};

fn brokers() -> String {
    std::env::var("ONPACE_TEST_KAFKA")
        .unwrap_or_else(|_| panic!("these tests need a Kafka broker in ONPACE_TEST_KAFKA (host:port); `tests/run` starts one"))
}

/// Settings of topics and a group that nobody else has.
fn settings(partitions: u32) -> KafkaSettings {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let mine = format!("{}-{}-{}", std::process::id(), crate::log::now_ms(), MADE.fetch_add(1, Relaxed));
    KafkaSettings {
        topic: format!("events-{mine}"),
        dead_letter_topic: format!("dead-letters-{mine}"),
        group: format!("group-{mine}"),
        partitions,
        session_timeout: Duration::from_secs(6),
        ..KafkaSettings::new(brokers())
    }
}

fn admin(settings: &KafkaSettings) -> AdminClient<DefaultClientContext> {
    settings.client().create().unwrap()
}

fn make_topic(settings: &KafkaSettings, name: &str, partitions: i32, property: (&str, &str)) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1)).set(property.0, property.1);
    wait(admin(settings).create_topics([&topic], &AdminOptions::new())).unwrap()[0].clone().unwrap();
}

/// A log in topics of its own, deleted in the end.
struct Temporary {
    log: KafkaLog,
}

impl Temporary {
    fn new(partitions: u32) -> Self {
        Temporary { log: KafkaLog::open(settings(partitions)).unwrap() }
    }

    fn settings(&self) -> &KafkaSettings {
        &self.log.settings
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let topics = [self.settings().topic.as_str(), self.settings().dead_letter_topic.as_str()];
        let _ = wait(admin(self.settings()).delete_topics(&topics, &AdminOptions::new()));
    }
}

impl Place for Temporary {
    fn log(&self) -> &dyn EventLog {
        &self.log
    }

    fn forget(&self, partition: u32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.settings().topic, partition as i32, Offset::Offset(before)).unwrap();
        wait(admin(self.settings()).delete_records(&list, &AdminOptions::new())).unwrap();
    }

    fn letters(&self) -> Vec<DeadLetter> {
        let topic = self.settings().dead_letter_topic.as_str();
        let consumer: BaseConsumer = self.settings().client().set("group.id", "letters").create().unwrap();
        let (_, end) = consumer.fetch_watermarks(topic, 0, ASK).unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Offset(0)).unwrap();
        consumer.assign(&list).unwrap();
        let mut letters = Vec::new();
        while (letters.len() as i64) < end {
            let Some(message) = consumer.poll(ASK) else { continue };
            let message = message.unwrap();
            let header = |name: &str| {
                let header = message.headers().unwrap().iter().find(|header| header.key == name).unwrap();
                String::from_utf8(header.value.unwrap().to_vec()).unwrap()
            };
            letters.push(DeadLetter {
                partition: header("onpace-partition").parse().unwrap(),
                offset: header("onpace-offset").parse().unwrap(),
                reason: header("onpace-reason"),
                key: message.key().unwrap_or_default().to_vec(),
                value: message.payload().unwrap_or_default().to_vec(),
            });
        }
        letters
    }
}

suite::tests!(Temporary::new);

#[test]
fn keys_go_where_the_java_clients_put_them() {
    let place = Temporary::new(7);
    let keys: Vec<String> = (0..200).map(|number| format!("call:{number}é")).collect();
    let plain: BaseProducer = place.settings().client().set("partitioner", "murmur2_random").create().unwrap();
    for key in &keys {
        plain.send(BaseRecord::to(&place.settings().topic).key(key.as_bytes()).payload("theirs")).map_err(|(error, _)| error).unwrap();
    }
    plain.flush(ASK).unwrap();
    append(&place.log, keys.iter().map(|key| entry(key, "ours")).collect());
    let mut reader = assigned(&place.log);
    (0..7).for_each(|partition| reader.start(partition, 0).unwrap());
    let read = read(reader.as_mut(), 400);
    for key in &keys {
        let places: Vec<u32> = read.iter().filter(|read| read.key == key.as_bytes()).map(|read| read.partition).collect();
        assert_eq!(places, [partition_of(key.as_bytes(), 7); 2], "{key}");
    }
}

#[test]
fn two_readers_share_the_partitions_and_hand_them_over() {
    let place = Temporary::new(4);
    append(&place.log, (0..400).map(|number| Entry { route: Route::Partition(number % 4), value: vec![number as u8] }).collect());
    let mut first = assigned(&place.log);
    (0..4).for_each(|partition| first.start(partition, 0).unwrap());
    assert_eq!(read(first.as_mut(), 400).len(), 400);

    // A second reader: the first loses all and gets some back, in that order, and reads nothing meanwhile.
    let mut second = place.log.reader().unwrap();
    let (mut firsts, mut seconds): (Vec<u32>, Vec<u32>) = (vec![0, 1, 2, 3], Vec::new());
    let mut revoked = false;
    let until = Instant::now() + Duration::from_secs(60);
    while firsts.len() != 2 || seconds.len() != 2 {
        assert!(Instant::now() < until, "shared out as {firsts:?} and {seconds:?}");
        match poll(first.as_mut(), 100, &mut Vec::new()).unwrap() {
            Polled::Revoked(partitions) => {
                assert_eq!(partitions, [0, 1, 2, 3]);
                firsts.clear();
                revoked = true;
                assert!(first.start(0, 0).is_err(), "a revoked partition was started");
            }
            Polled::Assigned(partitions) => firsts.extend(partitions),
            polled => assert_eq!(polled, Polled::Messages(0)),
        }
        match poll(second.as_mut(), 100, &mut Vec::new()).unwrap() {
            Polled::Assigned(partitions) => seconds.extend(partitions),
            polled => assert_eq!(polled, Polled::Messages(0)),
        }
    }
    assert!(revoked);
    let mut all: Vec<u32> = firsts.iter().chain(&seconds).copied().collect();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);

    // Each reads its own, from where it is told.
    for (reader, partitions) in [(&mut first, &firsts), (&mut second, &seconds)] {
        partitions.iter().for_each(|partition| reader.start(*partition, 90).unwrap());
        let read = read(reader.as_mut(), 20);
        assert!(read.iter().all(|read| partitions.contains(&read.partition) && read.offset >= 90));
    }

    // The second leaves: the first gets everything.
    drop(second);
    let mut back = Vec::new();
    while back.len() < 4 {
        assert!(Instant::now() < until, "got back only {back:?}");
        match poll(first.as_mut(), 100, &mut Vec::new()).unwrap() {
            Polled::Assigned(partitions) => back.extend(partitions),
            Polled::Revoked(_) => back.clear(),
            polled => assert_eq!(polled, Polled::Messages(0)),
        }
    }
    (0..4).for_each(|partition| first.start(partition, 99).unwrap());
    assert_eq!(read(first.as_mut(), 4).len(), 4);
}

#[test]
fn holes_of_other_producers_transactions_are_passed_over() {
    let place = Temporary::new(1);
    let theirs: BaseProducer = place.settings().client().set("transactional.id", &place.settings().group).create().unwrap();
    theirs.init_transactions(ASK).unwrap();
    for round in 0..3 {
        theirs.begin_transaction().unwrap();
        for number in 0..5 {
            let value = format!("{round}-{number}");
            theirs.send(BaseRecord::<(), _>::to(&place.settings().topic).payload(&value)).map_err(|(error, _)| error).unwrap();
        }
        theirs.commit_transaction(ASK).unwrap();
    }
    // The broker writes the last mark after it has answered.
    let until = Instant::now() + Duration::from_secs(30);
    while place.log.ends().unwrap() != [18] {
        assert!(Instant::now() < until, "the log ends at {:?}", place.log.ends());
        std::thread::sleep(Duration::from_millis(10));
    }
    append(&place.log, vec![entry("call:1", "last")]);
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    // After every five comes the mark of a commit.
    let offsets: Vec<i64> = read(reader.as_mut(), 16).iter().map(|read| read.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 18]);
}

#[test]
fn refuses_a_topic_that_is_not_as_configured() {
    let place = Temporary::new(2);
    let why = |settings: KafkaSettings| match KafkaLog::open(settings).err().unwrap() {
        LogError::Settings(why) => why,
        other => panic!("{other}"),
    };
    let open = |partitions| KafkaSettings { partitions, ..place.settings().clone() };
    KafkaLog::open(open(2)).unwrap();
    let three = why(open(3));
    assert!(three.contains("has 2 partitions and 3 are configured; configure 2"), "{three}");
    assert!(why(open(0)).contains("at least 1"));

    let missing = why(KafkaSettings { create_topics: false, ..settings(2) });
    assert!(missing.contains("there is no topic events-"), "{missing}");

    let compacted = settings(1);
    make_topic(&compacted, &compacted.topic, 1, ("cleanup.policy", "compact"));
    assert!(why(compacted).contains("is compacted"));

    let nonsense = KafkaSettings { properties: vec![("no.such.property".into(), "1".into())], ..settings(1) };
    assert!(why(nonsense).contains("no.such.property"));
}

#[test]
fn a_topic_made_anew_under_a_reader_is_a_gap() {
    let place = Temporary::new(1);
    append(&place.log, (0..50).map(|number| entry("call:1", number.to_string())).collect());
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    assert_eq!(read(reader.as_mut(), 50).len(), 50);
    wait(admin(place.settings()).delete_topics(&[&place.settings().topic], &AdminOptions::new())).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let again = loop {
        assert!(Instant::now() < until);
        // The name is free once the brokers have forgotten the old topic.
        std::thread::sleep(Duration::from_millis(200));
        if let Ok(log) = KafkaLog::open(place.settings().clone()) {
            break log;
        }
    };
    append(&again, vec![entry("call:1", "new")]);
    let mut all: Vec<Read> = Vec::new();
    loop {
        assert!(Instant::now() < until, "no gap was reported; read {all:?}");
        match poll(reader.as_mut(), 100, &mut all) {
            Err(LogError::Gap { partition: 0, offset: 50, why }) => {
                assert!(why.contains("ends at 1"), "{why}");
                break;
            }
            Err(LogError::Away(_) | LogError::Settings(_)) | Ok(_) => {}
            Err(other) => panic!("{other}"),
        }
        // The group may hand the partition out again.
        let _ = reader.start(0, 50);
    }
    assert!(all.is_empty(), "{all:?}");
}

#[test]
fn a_message_too_large_is_refused_and_the_rest_goes_on() {
    let place = Temporary::new(1);
    let error = wait(place.log.append(vec![entry("call:1", vec![0; 3_000_000])])).unwrap_err();
    assert!(matches!(error, LogError::Refused(_)), "{error}");
    append(&place.log, vec![entry("call:1", "small")]);
    assert!(place.log.ready().is_ok());
}

/// A log in librdkafka's own mock of a broker, which can be switched off.
fn mocked() -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, KafkaLog) {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("events", 2, 1).unwrap();
    cluster.create_topic("dead", 1, 1).unwrap();
    let settings = KafkaSettings {
        topic: "events".into(),
        dead_letter_topic: "dead".into(),
        partitions: 2,
        create_topics: false,
        ..KafkaSettings::new(cluster.bootstrap_servers())
    };
    let log = KafkaLog::open(settings).unwrap();
    (cluster, log)
}

#[test]
fn an_append_while_kafka_is_away_fails_and_works_when_it_is_back() {
    let (cluster, log) = mocked();
    append(&log, vec![entry("call:1", "one")]);
    assert!(log.ready().is_ok());
    cluster.broker_down(1).unwrap();
    let error = wait(log.append(vec![entry("call:1", "two")])).unwrap_err();
    assert!(matches!(error, LogError::Away(_)), "{error}");
    assert!(matches!(log.ready(), Err(LogError::Away(_))));
    // What follows does not wait in vain.
    let letter = DeadLetter { partition: 0, offset: 0, reason: "x".into(), key: Vec::new(), value: Vec::new() };
    assert!(matches!(log.bury(letter), Err(LogError::Away(_))));
    cluster.broker_up(1).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while log.ready().is_err() {
        assert!(Instant::now() < until, "never ready again");
        std::thread::sleep(Duration::from_millis(100));
    }
    append(&log, vec![entry("call:1", "three")]);
}

#[test]
fn nobody_there_is_said_at_once_on_opening() {
    let error = KafkaLog::open(KafkaSettings::new("127.0.0.1:1")).err().unwrap();
    assert!(matches!(&error, LogError::Away(why) if why.contains("127.0.0.1:1")), "{error}");
}

#[test]
fn an_offset_that_kafka_lacks_is_a_gap_and_nothing_is_read_in_its_place() {
    let (_cluster, log) = mocked();
    let number = |number: u8| Entry { route: Route::Partition(0), value: vec![number] };
    append(&log, (0..3).map(number).collect());
    let mut reader = assigned(&log);
    reader.start(0, 1_000).unwrap();
    let (mut numbers, mut all) = (3..50, Vec::new());
    let why = loop {
        match poll(reader.as_mut(), 10, &mut all) {
            Err(LogError::Gap { partition: 0, offset: 1_000, why }) => break why,
            Err(other) => panic!("{other}"),
            // Neither from the beginning nor from whatever comes next.
            Ok(_) => append(&log, vec![number(numbers.next().expect("no gap was reported"))]),
        }
        assert!(all.is_empty(), "{all:?}");
    };
    assert!(why.contains("onpace rebuild"), "{why}");
}

#[test]
fn a_reader_says_that_kafka_is_away_and_reads_on_when_it_is_back() {
    let (cluster, log) = mocked();
    append(&log, vec![entry("call:1", "one")]);
    let mut reader = assigned(&log);
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    assert_eq!(read(reader.as_mut(), 1)[0].value, b"one");
    cluster.broker_down(1).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < until, "nothing was said");
        match poll(reader.as_mut(), 10, &mut Vec::new()) {
            // Its session may have ended meanwhile.
            Ok(polled) => assert!(matches!(polled, Polled::Messages(0) | Polled::Revoked(_)), "{polled:?}"),
            Err(LogError::Away(why)) => break assert!(why.contains("nothing could be read"), "{why}"),
            Err(other) => panic!("{other}"),
        }
    }
    cluster.broker_up(1).unwrap();
    while wait(log.append(vec![entry("call:1", "two")])).is_err() {
        assert!(Instant::now() < until, "no append works any more");
    }
    let mut all = Vec::new();
    while all.is_empty() {
        assert!(Instant::now() < until, "nothing is read any more");
        match poll(reader.as_mut(), 10, &mut all) {
            Ok(Polled::Assigned(partitions)) => {
                // After the first message, where there is one.
                let ends = log.ends().unwrap();
                partitions.iter().for_each(|partition| reader.start(*partition, ends[*partition as usize].min(1)).unwrap());
            }
            Ok(_) | Err(LogError::Away(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(all[0].value, b"two");
}

#[test]
fn a_broker_that_answers_but_takes_no_message_makes_it_unready_until_it_takes_one() {
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    let (cluster, log) = mocked();
    append(&log, vec![entry("call:1", "one")]);
    assert!(log.ready().is_ok());
    // As with a full disk: it can be asked about its topics all the while.
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR; 200]);
    let error = wait(log.append(vec![entry("call:1", "two")])).unwrap_err();
    assert!(matches!(error, LogError::Away(_)), "{error}");
    for _ in 0..30 {
        assert!(matches!(log.ready(), Err(LogError::Away(_))), "no message was taken since");
        std::thread::sleep(Duration::from_millis(100));
    }
    cluster.clear_request_errors(RDKafkaApiKey::Produce);
    let until = Instant::now() + Duration::from_secs(60);
    while wait(log.append(vec![entry("call:1", "three")])).is_err() {
        assert!(Instant::now() < until, "no message is taken again");
    }
    assert!(log.ready().is_ok());
}
