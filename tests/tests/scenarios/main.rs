//! Whole-pipeline scenarios, one to a file, each named for what must hold. In: the built `onpace` binary; out:
//! whether its numbers are true. Nothing here calls the crates under test.

mod truth_embedded;
mod a_broker_restart_loses_nothing;
mod a_frozen_processor_wakes_and_changes_nothing;
mod a_killed_processor_counts_every_event_once;
mod a_poisonous_message_stops_nobody;
mod a_redis_set_back_catches_up;
mod a_wiped_redis_is_folded_anew;
mod kafka_and_redis_equal_the_oracle;
mod partitions_change_hands_without_a_trace;
