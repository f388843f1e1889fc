//! Redis comes back with an older snapshot under a running processor: it is folded on from there, as if time had gone back.

use std::path::Path;
use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder for the copy");
    for entry in std::fs::read_dir(from).expect("the folder to copy") {
        let entry = entry.expect("an entry of the folder");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file copied");
        }
    }
}

#[test]
fn a_redis_set_back_catches_up() {
    let torture = Torture::new(500, 6);
    let mut floor = Floor::on(kafka());
    let data = floor.redis.folder().join("appendonlydir");
    let snapshot = floor.file("snapshot");
    let third = torture.delivered.len() / 3;

    floor.import("first third", &torture.delivered[..third]);
    floor.catch_up();
    let processor = floor.processor("processor");
    floor.redis.kill();
    copy(&data, &snapshot);
    floor.redis.resume();

    floor.import("second third", &torture.delivered[third..2 * third]);
    floor.catch_up();
    let ahead = floor.redis.command("DBSIZE");
    floor.redis.kill();
    std::fs::remove_dir_all(&data).expect("the newer data removed");
    copy(&snapshot, &data);
    floor.redis.resume();
    assert_ne!(floor.redis.command("DBSIZE"), ahead, "the snapshot is no older");

    std::thread::sleep(Duration::from_secs(3));
    floor.import("last third", &torture.delivered[2 * third..]);
    floor.catch_up();
    assert!(processor.output().contains("the store is away"), "the processor never noticed: {}", processor.tail());
    floor.assert_equals_oracle(&torture);
}
