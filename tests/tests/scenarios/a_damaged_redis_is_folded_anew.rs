//! What Redis keeps is damaged behind onpace's back: names, counters and entities deleted, a byte changed, a head written over; under a running processor, and
//! while none runs. It is named, in the log, at `/readyz`, as a metric and by `check`, and mended unasked: every number equals the oracle's.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::{Redis, wait_until};

const LIMIT: Duration = Duration::from_secs(120);
const MENDED: &str = "its numbers are right again";

/// A key of a lane that begins so; the one with the smallest number.
fn key(redis: &Redis, lane: u32, beginning: &str) -> String {
    let found = redis.command(&format!("KEYS onpace:{{{lane}}}:{beginning}*"));
    let mut keys: Vec<&str> = found.lines().map(str::trim).filter(|line| line.starts_with("onpace:")).collect();
    keys.sort_by_key(|key| (key.len(), *key));
    (*keys.first().unwrap_or_else(|| panic!("lane {lane} has no {beginning}: {found}"))).to_owned()
}

/// Changes the last byte of some value of a hash.
fn change_a_byte(redis: &Redis, key: &str) {
    let script = "local all = redis.call('HGETALL', KEYS[1]) for at = 1, #all, 2 do local value = all[at + 1] if #value > 3 then \
                  local byte = string.byte(value, #value) redis.call('HSET', KEYS[1], all[at], string.sub(value, 1, #value - 1) .. string.char(bit.bxor(byte, 1))) \
                  return 1 end end return 0";
    assert_eq!(redis.command(&format!("EVAL \"{script}\" 1 {key}")).trim(), ":1", "{key}");
}

fn delete(redis: &Redis, key: &str) {
    assert_eq!(redis.command(&format!("DEL {key}")).trim(), ":1", "{key}");
}

#[test]
fn a_damaged_redis_is_folded_anew() {
    let torture = Torture::new(700, 2);
    let floor = Floor::on(kafka());
    floor.import("events", &torture.delivered);
    floor.catch_up();
    let total = floor.folded();
    floor.assert_equals_oracle(&torture);

    // While a processor runs that goes round in a second.
    let mut processor = floor.processor_that("running", &["--patrol", "1s"]);
    wait_until("the processor owns the lanes", LIMIT, || processor.process.output().matches("lane taken over").count() >= 4);
    let redis = &floor.redis;
    delete(redis, &key(redis, 0, "names"));
    delete(redis, &key(redis, 1, "c:"));
    delete(redis, &key(redis, 2, "e:"));
    change_a_byte(redis, &key(redis, 3, "c:"));
    wait_until("all four are mended", LIMIT, || processor.process.output().matches(MENDED).count() >= 4);
    wait_until("all is folded", LIMIT, || floor.folded() == total);
    assert_eq!(processor.process.output().matches("the lane is damaged in the store: it is folded anew").count(), 4);
    let metrics = processor.get("/metrics").body;
    for lane in 0..4 {
        assert!(metrics.contains(&format!("onpace_store_damage_total{{partition=\"{lane}\"}} 1")), "{metrics}");
    }
    assert_eq!(processor.get("/readyz").status, 200, "what is mended is no trouble any more");
    floor.assert_equals_oracle(&torture);
    processor.process.kill();

    // While none runs.
    let check = || floor.onpace("check").args(["--redis", &redis.url()]).output().expect("check runs");
    let sound = check();
    assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stdout));
    change_a_byte(redis, &key(redis, 0, "e:"));
    delete(redis, &key(redis, 1, "sources"));
    redis.command("SET onpace:{2}:head \"birth=1 epoch=9 offset=9999999\"");
    redis.command("LPUSH onpace:{3}:names stranger");
    let found = check();
    let words = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.status.code() == Some(1) && words.contains("the store is damaged at"), "{words}");
    floor.catch_up();
    floor.assert_equals_oracle(&torture);
    assert!(check().status.success());
}
