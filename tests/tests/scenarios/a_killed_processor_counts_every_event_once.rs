//! The processor is killed with SIGKILL at 20 random moments; every number equals the oracle's all the same.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[test]
fn a_killed_processor_counts_every_event_once() {
    let torture = Torture::new(100, 12);
    let floor = Floor::on(kafka());
    let mut importing = floor.importing("events", &torture.delivered);
    let mut rng = StdRng::seed_from_u64(1);
    let mut mid_work = 0;
    for life in 0..20 {
        let name = format!("life {life}");
        let mut processor = floor.processor(&name);
        std::thread::sleep(Duration::from_millis(rng.random_range(50..2_500)));
        assert!(processor.ended().is_none(), "it ended by itself: {}", processor.tail());
        processor.kill();
        mid_work += usize::from(processor.output().contains("lane taken over"));
    }
    assert!(mid_work >= 5, "only {mid_work} of 20 processors were killed at work: the scenario shows too little");
    assert!(importing.wait(Duration::from_secs(120)).success(), "{}", importing.tail());
    floor.catch_up();
    floor.assert_equals_oracle(&torture);
}
