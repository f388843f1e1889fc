//! Processors come and go while events flow, so that partitions are handed over in the middle; every number
//! equals the oracle's.

use std::time::Duration;

use onpace_tests::floor::{Floor, SESSION, Torture, kafka};

#[test]
fn partitions_change_hands_without_a_trace() {
    let torture = Torture::new(200, 8);
    let floor = Floor::on(kafka());
    let half = torture.delivered.len() / 2;
    floor.import("first half", &torture.delivered[..half]);
    let mut first = floor.processor("first");
    std::thread::sleep(Duration::from_millis(700));
    let mut importing = floor.importing("second half", &torture.delivered[half..]);
    let second = floor.processor("second");
    std::thread::sleep(SESSION * 3);
    first.signal("TERM");
    let status = first.wait(Duration::from_secs(15));
    assert!(status.success(), "SIGTERM drains and exits with 0, not {status}: {}", first.tail());
    assert!(first.output().contains("partitions revoked"), "nothing was handed over: {}", first.tail());
    assert!(importing.wait(Duration::from_secs(120)).success(), "{}", importing.tail());
    floor.catch_up();
    drop(second);
    floor.assert_equals_oracle(&torture);
}
