//! Truth, on Kafka and Redis: hostile events in any order with any doubles; every KPI in every window equals the oracle's.

use onpace_tests::floor::{Floor, Torture, kafka};

#[test]
fn kafka_and_redis_equal_the_oracle() {
    for seed in [0, 1_000] {
        let torture = Torture::new(seed, 1);
        let floor = Floor::on(kafka());
        floor.import("events", &torture.delivered);
        floor.catch_up();
        floor.assert_equals_oracle(&torture);
    }
}
