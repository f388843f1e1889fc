//! Something newer writes to the log, with a schema that the processors don't know: nothing of it is thrown away. The partition waits, all say so within
//! seconds and nobody takes its numbers for today's; the others go on; who knows what to do about it goes on from there.

use std::time::{Duration, Instant};

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::wait_until;
use onpace_tests::topic::{self, held};
use rdkafka::producer::BaseRecord;

const PATIENCE: Duration = Duration::from_secs(60);
/// What is promised; and what a test allows for a machine that is busy with others.
const SECONDS: Duration = Duration::from_secs(30);
const NEWER: &[u8] = b"\xC3\x01\x01\0\0\0\0rewe whatever";
const FINGERPRINT: &str = "7765720000000001";

#[test]
fn a_newer_producer_than_processors_loses_nothing() {
    let torture = Torture::new(900, 1);
    let floor = Floor::on(kafka());
    let half = torture.delivered.len() / 2;
    floor.import("before", &torture.delivered[..half]);
    floor.catch_up();
    let (mut processor, sink) = (floor.processor_serving("older"), floor.sink());
    processor.ready(PATIENCE);
    sink.ready(PATIENCE);
    let (before, whole) = (floor.folded(), sink.get("/v1/kpis"));
    assert_eq!(whole.status, 200, "{whole:?}");

    topic::write(floor.brokers(), [BaseRecord::to(floor.topic()).partition(2).payload(NEWER)]);
    let written = Instant::now();
    wait_until("the processor says it", SECONDS, || {
        let ready = processor.get("/readyz");
        ready.status == 503 && ready.body.contains("upgrade") && ready.body.contains(FINGERPRINT)
    });
    println!("said after {:.1} s", written.elapsed().as_secs_f64());
    floor.import("after", &torture.delivered[half..]);
    let standing =
        |partition: u32| processor.get("/metrics").body.contains(&format!("onpace_processor_outdated{{partition=\"{partition}\"}} 1"));
    assert!(standing(2) && !standing(0), "{}", processor.get("/metrics").body);
    wait_until("the other partitions are folded", PATIENCE, || floor.folded() > before + half as u64 / 2);
    assert!(processor.process.ended().is_none(), "{}", processor.process.tail());
    // The sink has what came before, and says that there is more to come.
    wait_until("the sink says that there is more", PATIENCE, || {
        sink.get("/v1/kpis").json()["freshness"]["lag_events"].as_i64().is_some_and(|lag| lag > 0)
    });
    let (done, said) = {
        processor.process.kill();
        floor.tried_to_catch_up()
    };
    assert!(!done && said.contains("upgrade") && said.contains(FINGERPRINT), "{said}");
    assert!(held(floor.brokers(), &format!("{}.dead-letters", floor.topic())).is_empty(), "it was thrown away");

    // As an upgraded one would: it knows the schema, here as one that is of no worth.
    let again = floor.processor_that("newer", &["--bury-schema", FINGERPRINT]);
    let all = held(floor.brokers(), floor.topic()).len() as u64;
    wait_until("all is folded", PATIENCE, || floor.folded() == all);
    assert_eq!(again.get("/readyz").status, 200);
    floor.assert_equals_oracle(&torture);
    assert_eq!(held(floor.brokers(), &format!("{}.dead-letters", floor.topic())), [NEWER]);
}
