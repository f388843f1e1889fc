//! A processor is frozen past its session, another takes over and goes on, the first wakes: what it had in
//! hand is refused, and every number equals the oracle's.

use std::time::Duration;

use onpace_tests::floor::{Floor, SESSION, Torture, kafka};
use onpace_tests::servers::wait_until;

#[test]
fn a_frozen_processor_wakes_and_changes_nothing() {
    let torture = Torture::new(300, 8);
    let floor = Floor::on(kafka());
    let mut importing = floor.importing("events", &torture.delivered);
    let frozen = floor.processor("frozen");
    wait_until("the first processor works", Duration::from_secs(60), || frozen.output().contains("lane taken over"));
    std::thread::sleep(Duration::from_millis(300));
    frozen.signal("STOP");
    let second = floor.processor("second");
    wait_until("another takes over", SESSION * 20, || second.output().matches("lane taken over").count() >= 4);
    std::thread::sleep(SESSION);
    frozen.signal("CONT");
    wait_until("the first finds that it was replaced", Duration::from_secs(60), || {
        let said = frozen.output();
        said.contains("the lane moved under this processor") || said.contains("partitions revoked")
    });
    assert!(importing.wait(Duration::from_secs(120)).success(), "{}", importing.tail());
    floor.catch_up();
    floor.assert_equals_oracle(&torture);
}
