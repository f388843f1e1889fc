//! The topic is deleted and made anew under running processors. While it holds less than was counted every place says so and none shows a
//! number; once it holds no less, all that is shown is what it holds.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::wait_until;
use onpace_tests::topic;

#[test]
fn a_topic_made_anew_under_processors_is_folded_anew() {
    let (old, new) = (Torture::new(1_000, 1), Torture::new(1_100, 4));
    let floor = Floor::on(kafka());
    let limit = Duration::from_secs(240);
    floor.import("old", &old.delivered);
    let (mut processor, sink) = (floor.processor_serving("processor"), floor.sink());
    floor.catch_up();
    floor.assert_equals_oracle(&old);
    processor.ready(limit);
    sink.ready(limit);
    assert!(floor.check().0, "{}", floor.check().1);

    topic::delete(floor.brokers(), floor.topic());
    // It is gone for so long that it is missed: that is told, and waited for.
    wait_until("the processor says it", limit, || processor.get("/readyz").status == 503);
    let few = new.delivered.len() / 20;
    floor.import("few", &new.delivered[..few]);
    floor.assert_refused(&sink, Some(&processor));

    floor.import("rest", &new.delivered[few..]);
    wait_until("the sink shows it", limit, || sink.get("/readyz").status == 200);
    assert_eq!(processor.get("/readyz").status, 200);
    assert!(processor.process.ended().is_none(), "{}", processor.process.tail());
    floor.catch_up();
    floor.assert_equals_oracle(&new);
    assert!(sink.metric_sum("onpace_log_replaced") == Some(0.0), "{}", sink.get("/metrics").body);
    assert!(sink.metric_sum("onpace_log_replaced_timestamp_seconds").is_some(), "that it was replaced is known afterwards");
    assert!(floor.check().0, "{}", floor.check().1);
}
