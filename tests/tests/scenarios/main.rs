//! Whole-pipeline scenarios, one to a file, each named for what must hold. In: the built `onpace` binary; out:
//! whether its numbers are true. Nothing here calls the crates under test.

mod a_broken_configuration_is_refused_in_words;
mod a_broker_restart_loses_nothing;
mod a_catalogue_may_credit_whoever_has_the_deal_now;
mod a_frozen_processor_wakes_and_changes_nothing;
mod a_full_disk_is_said_by_readyz;
mod a_half_written_roster_is_not_taken;
mod a_killed_processor_counts_every_event_once;
mod a_mistyped_flag_ends_with_2;
mod a_newcomers_first_minutes;
mod a_poisonous_message_stops_nobody;
mod a_real_call_centre_imports_as_it_is;
mod a_real_crm_imports_as_it_is;
mod a_redis_set_back_catches_up;
mod a_roster_that_is_no_file_stops_nothing;
mod a_wiped_redis_is_folded_anew;
mod another_sites_page_can_neither_read_nor_post;
mod answers_nobody_reads_are_bounded;
mod bad_input_is_refused_in_words;
mod compose_speaks_the_clis_language;
mod heavy_questions_hold_up_no_scrape;
mod kafka_and_redis_equal_the_oracle;
mod objectives_equal_the_oracle;
mod out_of_files_is_told_as_it_is;
mod partitions_change_hands_without_a_trace;
mod prometheus_scrapes_what_is_posted;
mod seeds;
mod slow_bodies_starve_nobody;
mod teams_add_up;
mod the_deployed_alerts_are_those_of_the_company;
mod the_look_alikes_import_as_they_are;
mod the_page_shows_the_objectives_the_api_says;
mod the_page_shows_what_the_api_says;
mod truth_embedded;
mod what_compose_names_is_what_was_tested;
