//! The processor is killed with SIGKILL at 20 random moments; every number equals the oracle's all the same.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::wait_until;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[test]
fn a_killed_processor_counts_every_event_once() {
    let torture = Torture::new(100, 16);
    let floor = Floor::on(kafka());
    let mut importing = floor.importing("events", &torture.delivered);
    let total = torture.delivered.len() as u64;
    let mut rng = StdRng::seed_from_u64(1);
    let mut at_work = 0;
    for life in 0..20 {
        let name = format!("life {life}");
        let before = floor.folded();
        let mut processor = floor.processor(&name);
        // Some are killed while they join and take over, some while they look at the log and read, the others once they have committed.
        let wait = match life % 5 {
            4 => rng.random_range(50..2_500),
            stage => {
                wait_until("a processor takes a lane over", Duration::from_secs(60), || processor.output().contains("lane taken over"));
                if stage > 0 {
                    wait_until("it commits", Duration::from_secs(60), || floor.folded() > before || floor.folded() >= total);
                }
                rng.random_range(0..300)
            }
        };
        std::thread::sleep(Duration::from_millis(wait));
        assert!(processor.ended().is_none(), "it ended by itself: {}", processor.tail());
        processor.kill();
        at_work += usize::from(floor.folded() > before);
    }
    assert!(at_work >= 8, "only {at_work} of 20 processors had folded something when they were killed: the scenario shows too little");
    assert!(importing.wait(Duration::from_secs(120)).success(), "{}", importing.tail());
    floor.catch_up();
    floor.assert_equals_oracle(&torture);
}
