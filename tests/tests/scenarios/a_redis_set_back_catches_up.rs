//! Redis comes back with an older snapshot under a running processor: it is folded on from there, as if time had gone back.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::{copy_folder, wait_until};

/// Long enough for a group to settle on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_redis_set_back_catches_up() {
    let torture = Torture::new(500, 6);
    let mut floor = Floor::on(kafka());
    let data = floor.redis.folder().join("appendonlydir");
    let snapshot = floor.file("snapshot");
    let third = torture.delivered.len() / 3;

    floor.import("first third", &torture.delivered[..third]);
    floor.catch_up();
    let processor = floor.processor_serving("processor");
    // Whoever owns no lane at the moment has nothing to lose with Redis.
    let owns_all = || wait_until("the processor owns every lane", LIMIT, || processor.metric_sum("onpace_lane_owned") == Some(4.0));
    owns_all();
    floor.redis.kill();
    copy_folder(&data, &snapshot);
    floor.redis.resume();

    floor.import("second third", &torture.delivered[third..2 * third]);
    floor.catch_up();
    owns_all();
    let ahead = floor.redis.command("DBSIZE");
    floor.redis.kill();
    std::fs::remove_dir_all(&data).expect("the newer data removed");
    copy_folder(&snapshot, &data);
    floor.redis.resume();
    assert_ne!(floor.redis.command("DBSIZE"), ahead, "the snapshot is no older");

    std::thread::sleep(Duration::from_secs(3));
    floor.import("last third", &torture.delivered[2 * third..]);
    floor.catch_up();
    assert!(processor.process.output().contains("the store is away"), "the processor never noticed: {}", processor.process.tail());
    floor.assert_equals_oracle(&torture);
}
