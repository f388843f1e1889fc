//! A broker is put back from a copy of its data, and written on otherwise than before, under a running processor.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture};
use onpace_tests::servers::{Kafka, copy_folder};

#[test]
fn a_broker_put_back_from_a_backup_is_folded_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut kafka = Kafka::start(folder.path());
    let limit = Duration::from_secs(240);
    let (monday, tuesday, other) = (Torture::new(1_400, 1), Torture::new(1_450, 1), Torture::new(1_500, 4));
    let floor = Floor::on(kafka.brokers());
    let sink = floor.sink();
    floor.import("monday", &monday.delivered);
    let mut processor = floor.processor_serving("processor");
    floor.catch_up();

    kafka.stop();
    let backup = folder.path().join("backup");
    copy_folder(&kafka.data(), &backup);
    kafka.resume();
    floor.import("tuesday", &tuesday.delivered);
    floor.catch_up();
    sink.ready(limit);

    kafka.kill();
    std::fs::remove_dir_all(kafka.data()).expect("the data removed");
    copy_folder(&backup, &kafka.data());
    kafka.resume();
    // Nothing was written yet: it ends before what was counted.
    floor.assert_refused(&sink, Some(&processor));
    let few = other.delivered.len() / 20;
    floor.import("few", &other.delivered[..few]);
    floor.assert_refused(&sink, Some(&processor));
    floor.import("rest", &other.delivered[few..]);
    sink.ready(limit);
    assert!(processor.process.ended().is_none(), "{}", processor.process.tail());
    floor.catch_up();
    let held = Torture { events: [monday.events, other.events].concat(), delivered: Vec::new(), moments: other.moments };
    floor.assert_equals_oracle(&held);
    assert!(floor.check().0, "{}", floor.check().1);
}
