//! Whole-pipeline scenarios, one to a file, each named for what must hold. In: the built `onpace` binary; out:
//! whether its numbers are true. Nothing here calls the crates under test.

mod a_broken_configuration_is_refused_in_words;
mod a_broker_restart_loses_nothing;
mod a_closed_pipe_ends_quietly;
mod a_frozen_processor_wakes_and_changes_nothing;
mod a_killed_processor_counts_every_event_once;
mod a_mistyped_flag_ends_with_2;
mod a_newcomers_first_minutes;
mod a_password_is_never_printed;
mod a_poisonous_message_stops_nobody;
mod a_real_call_centre_imports_as_it_is;
mod a_real_crm_imports_as_it_is;
mod a_redis_set_back_catches_up;
mod a_strangers_text_moves_no_cursor;
mod a_wiped_redis_is_folded_anew;
mod bad_input_is_refused_in_words;
mod compose_speaks_the_clis_language;
mod ctrl_c_ends_it_promptly;
mod kafka_and_redis_equal_the_oracle;
mod objectives_equal_the_oracle;
mod partitions_change_hands_without_a_trace;
mod prometheus_scrapes_what_is_posted;
mod rules_are_written_whole_or_not_at_all;
mod seeds;
mod teams_add_up;
mod the_deployed_alerts_are_those_of_the_company;
mod the_look_alikes_import_as_they_are;
mod the_page_shows_the_objectives_the_api_says;
mod the_page_shows_what_the_api_says;
mod the_same_question_has_one_answer;
mod the_table_fits_the_terminal;
mod too_few_files_are_told_as_such;
mod truth_embedded;
mod what_is_kept_is_its_owners_alone;
mod who_only_reads_makes_nothing;
