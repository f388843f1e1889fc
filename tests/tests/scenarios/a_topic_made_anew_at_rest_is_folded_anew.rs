//! The topic is deleted and made anew while no processor runs, and is longer than what was counted before anybody looks. Whoever folds to
//! an end says that it is another; a processor that stays folds it anew, unasked; a topic that holds less is taken by `onpace rebuild` alone.

use std::time::Duration;

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::onpace::run;
use onpace_tests::topic;

#[test]
fn a_topic_made_anew_at_rest_is_folded_anew() {
    let (old, new) = (Torture::new(1_200, 1), Torture::new(1_300, 4));
    let floor = Floor::on(kafka());
    let limit = Duration::from_secs(240);
    floor.import("old", &old.delivered);
    floor.catch_up();
    let sink = floor.sink();
    sink.ready(limit);

    topic::delete(floor.brokers(), floor.topic());
    floor.import("new", &new.delivered);
    for (what, (done, text)) in [("check", floor.check()), ("catching up", floor.tried_to_catch_up())] {
        assert!(!done && text.contains("not the log that the store was folded from"), "{what}: {text}");
    }
    floor.assert_refused(&sink, None);
    let processor = floor.processor_serving("processor");
    // Ready as soon as it works: the sink, once all of it is folded anew.
    sink.ready(limit);
    floor.catch_up();
    floor.assert_equals_oracle(&new);
    drop(processor);

    // What holds less replaces nothing unasked.
    topic::delete(floor.brokers(), floor.topic());
    floor.import("less", &old.delivered);
    let processor = floor.processor_serving("processor again");
    floor.assert_refused(&sink, Some(&processor));
    let mut rebuild = floor.onpace("rebuild");
    rebuild.args(["--redis", &floor.redis.url(), "--group", floor.group(), "--no-fold"]);
    run(&mut rebuild).unwrap_or_else(|error| panic!("{error}"));
    sink.ready(limit);
    floor.catch_up();
    floor.assert_equals_oracle(&old);
    assert!(floor.check().0, "{}", floor.check().1);
}
