//! Redis is emptied under a working processor, twice: once in the middle, once when all was folded and nothing happens any more.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::wait_until;

#[test]
fn a_wiped_redis_is_folded_anew() {
    let torture = Torture::new(400, 6);
    let floor = Floor::on(kafka());
    let mut importing = floor.importing("events", &torture.delivered);
    let processor = floor.processor("processor");
    wait_until("the processor works", Duration::from_secs(60), || processor.output().contains("lane taken over"));
    std::thread::sleep(Duration::from_millis(500));
    assert!(floor.redis.command("FLUSHALL").starts_with("+OK"));
    assert!(importing.wait(Duration::from_secs(120)).success(), "{}", importing.tail());
    floor.catch_up();
    floor.assert_equals_oracle(&torture);

    assert!(floor.redis.command("FLUSHALL").starts_with("+OK"));
    // Nothing is posted any more: the processor finds out by itself.
    wait_until("the store is begun again", Duration::from_secs(30), || !floor.redis.command("DBSIZE").starts_with(":0"));
    floor.catch_up();
    floor.assert_equals_oracle(&torture);
}
