//! The broker is restarted, once politely and once by SIGKILL, while events are written and folded.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture};
use onpace_tests::servers::{Kafka, wait_until};

#[test]
fn a_broker_restart_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut kafka = Kafka::start(folder.path());
    let torture = Torture::new(600, 8);
    let floor = Floor::on(kafka.brokers());
    let third = torture.delivered.len() / 3;

    floor.import("first third", &torture.delivered[..third]);
    let mut processor = floor.processor("processor");
    wait_until("the processor works", Duration::from_secs(60), || processor.output().contains("lane taken over"));
    let mut importing = floor.importing("second third", &torture.delivered[third..2 * third]);
    std::thread::sleep(Duration::from_millis(300));
    kafka.stop();
    kafka.resume();
    let status = importing.wait(Duration::from_secs(120));
    if !status.success() {
        // Told that the log was away, a sender sends again.
        floor.import("second third again", &torture.delivered[third..2 * third]);
    }

    kafka.kill();
    kafka.resume();
    floor.import("last third", &torture.delivered[2 * third..]);
    floor.catch_up();
    assert!(processor.ended().is_none(), "the processor gave up: {}", processor.tail());
    floor.assert_equals_oracle(&torture);
}
