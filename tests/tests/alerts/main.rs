//! Who is told what, end to end: onpace on Kafka and Redis, a real Prometheus and a real Alertmanager with what `onpace rules` writes, and a
//! receiver that notes what comes. One scenario to a file, each named for what must hold.
//!
//! They wait more than they work, so they run side by side, all at once unless `--test-threads` says otherwise.

mod a_late_event_mends_a_miss;
mod a_restarted_alertmanager_repeats_nothing;
mod a_scrape_gap_is_no_recovery;
mod an_alert_mutes_what_it_should_and_nothing_else;
mod behind_and_back_is_told_once_each;
mod everybody_has_a_route_of_his_own;
mod good_news_goes_out_too;
mod hostile;
mod no_manager_hears_of_a_broken_pipe;
mod reps_behind_together_are_one_notification;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let scenarios: Vec<(&str, fn())> = vec![
        ("a_late_event_mends_a_miss", a_late_event_mends_a_miss::holds),
        ("a_restarted_alertmanager_repeats_nothing", a_restarted_alertmanager_repeats_nothing::holds),
        ("a_scrape_gap_is_no_recovery", a_scrape_gap_is_no_recovery::holds),
        ("an_alert_mutes_what_it_should_and_nothing_else", an_alert_mutes_what_it_should_and_nothing_else::holds),
        ("behind_and_back_is_told_once_each::on_the_newest", behind_and_back_is_told_once_each::on_the_newest),
        ("behind_and_back_is_told_once_each::on_the_oldest", behind_and_back_is_told_once_each::on_the_oldest),
        ("everybody_has_a_route_of_his_own", everybody_has_a_route_of_his_own::holds),
        ("good_news_goes_out_too", good_news_goes_out_too::holds),
        ("no_manager_hears_of_a_broken_pipe::kafka_down", no_manager_hears_of_a_broken_pipe::kafka_down),
        ("no_manager_hears_of_a_broken_pipe::redis_down", no_manager_hears_of_a_broken_pipe::redis_down),
        ("no_manager_hears_of_a_broken_pipe::processor_stopped", no_manager_hears_of_a_broken_pipe::processor_stopped),
        ("no_manager_hears_of_a_broken_pipe::sink_stopped", no_manager_hears_of_a_broken_pipe::sink_stopped),
        ("no_manager_hears_of_a_broken_pipe::source_silent", no_manager_hears_of_a_broken_pipe::source_silent),
        ("reps_behind_together_are_one_notification", reps_behind_together_are_one_notification::holds),
    ];
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(scenarios.len());
    let trial = |(name, holds): (&str, fn())| {
        Trial::test(name, move || {
            holds();
            Ok(())
        })
    };
    libtest_mimic::run(&arguments, scenarios.into_iter().map(trial).collect()).exit();
}
