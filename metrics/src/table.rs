//! The metrics, by who tells them and in the order in which the docs have them.

use crate::{Metric, Part, Type};

macro_rules! table {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $($part:ident)+: $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Metric =
                Metric { name: $name, kind: Type::$kind, labels: &[$($label),*], by: &[$(Part::$part),+], help: $help };
        )+
        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

table! {
    EVENTS_ACCEPTED = Counter "onpace_events_accepted_total" ["source", "kind"] Gateway: "Events taken: they are in the log";
    EVENTS_REJECTED = Counter "onpace_events_rejected_total" ["source", "reason"] Gateway: "Events refused, by why";
    DOUBTS = Counter "onpace_doubts_total" ["doubt"] Gateway: "What was taken and looks wrong, by what; the answer's `warnings` say more";
    LAST_EVENT = Gauge "onpace_last_event_timestamp_seconds" ["source"] Gateway:
        "When a source's latest event was taken, in seconds since 1970";
    LOG_UP = Gauge "onpace_log_up" [] Gateway: "1 while the log takes events; while it does not, events are refused";

    MESSAGES_FOLDED = Counter "onpace_messages_folded_total" [] Processor: "Messages of the log folded, heartbeats and repeats included";
    COMMIT_DURATION = Histogram "onpace_commit_duration_seconds" [] Processor: "Time from submitting a commit to its answer";
    COMMITS_FENCED = Counter "onpace_commits_fenced_total" [] Processor:
        "Commits refused because the lane had moved under this processor";
    DEAD_LETTERS = Counter "onpace_dead_letters_total" ["reason"] Processor:
        "Messages that could not be read, kept among the dead letters";
    PROCESSOR_FAILURES = Counter "onpace_processor_failures_total" ["where"] Processor:
        "Times the log or the store was away, by which of them";
    FULL_HISTORIES = Counter "onpace_full_histories_total" [] Processor:
        "Times that an entity was folded that had been given more stages than are kept (1,000): the later ones are not counted";
    LANE_OWNED = Gauge "onpace_lane_owned" ["partition"] Processor: "1 for each lane that this processor writes";
    PROCESSOR_OUTDATED = Gauge "onpace_processor_outdated" ["partition"] Processor:
        "1 for each lane that waits since its next message is written with a schema that this version does not know";
    STORE_ROUNDS = Counter "onpace_store_rounds_total" ["partition"] Processor:
        "Rounds through a lane of the store that found everything as it was written";
    STORE_DAMAGE = Counter "onpace_store_damage_total" ["partition"] Processor:
        "Times a lane of the store was found damaged, and folded anew from the log";
    STORE_DAMAGED_AT = Gauge "onpace_store_damage_timestamp_seconds" ["partition"] Processor:
        "When a lane of the store was last found damaged, in seconds since 1970";
    PROCESSOR_LAG = Gauge "onpace_processor_lag_events" ["partition"] Processor Sink: "Messages of the log not folded yet";
    LOG_REPLACED = Gauge "onpace_log_replaced" ["partition"] Processor Sink:
        "1 for each lane that waits since its partition of the log is not the one that it was folded from";
    LOG_REPLACED_AT = Gauge "onpace_log_replaced_timestamp_seconds" ["partition"] Processor Sink:
        "When a lane was emptied to be folded anew, its partition of the log having been replaced, in seconds since 1970";

    STORE_UP = Gauge "onpace_store_up" [] Sink: "1 while the store answers; while it does not, no KPI is shown";
    VIEW_WHOLE = Gauge "onpace_view_whole" [] Sink: "1 while the numbers are whole; while they are read or folded anew, no KPI is shown";
    PIPELINE_UP = Gauge "onpace_pipeline_up" [] Sink:
        "1 while events or heartbeats come through and no lane is more than a minute behind the log's end";
    DATA_AT = Gauge "onpace_data_timestamp_seconds" [] Sink:
        "When the newest event or heartbeat was recorded up to which everything is in the numbers, in seconds since 1970";
    SOURCE_SILENT = Gauge "onpace_source_silent" ["source", "kind"] Sink:
        "1 where a live source has recorded nothing for longer than its max_silence of working time, by each kind that it feeds";
    SOURCE_LAST_EVENT = Gauge "onpace_source_last_event_timestamp_seconds" ["source", "kind"] Sink:
        "When the last counted event of a live source and kind was recorded, in seconds since 1970";
    CONFIG_SUCCESSFUL = Gauge "onpace_config_last_reload_successful" ["file"] Sink:
        "1 where what the file holds is in force, 0 where it was refused and what was in force before stays";
    CONFIG_LOADED_AT = Gauge "onpace_config_last_reload_success_timestamp_seconds" ["file"] Sink:
        "When what is in force was read from the file, in seconds since 1970";

    KPI_SERIES = Gauge "onpace_kpi_series" [] Sink: "Series of KPIs by rep and team on this page";
    KPI_SERIES_LIMIT = Gauge "onpace_kpi_series_limit" [] Sink:
        "So many series of KPIs by rep and team may be on this page (--metric-series)";
    METRICS_WHOLE = Gauge "onpace_metrics_whole" [] Sink:
        "1 while this page has every KPI by rep and team in every window that it should have, else 0";
    SERIES_DROPPED = Gauge "onpace_series_dropped" ["metric", "window"] Sink:
        "Series of KPIs by rep and team that this page lacks because it would have too many, by metric and window";
    FOLDED_REPS = Gauge "onpace_folded_reps" [] Sink:
        "Reps whom no roster knows and who have no series of their own on this page: they are counted together as other";
    FOLDED_VALUES = Gauge "onpace_folded_values" ["dimension"] Sink:
        "Values of a dimension past those that are kept apart: they are counted together as other";
    RATES_COMPLETE = Gauge "onpace_rates_complete" [] Sink:
        "1 while every amount can be converted into the reporting currency, else 0, and nothing is shown converted; only where there are rates";
    KPI_ROUND_AT = Gauge "onpace_kpi_round_timestamp_seconds" [] Sink:
        "When the counters were taken that the KPIs were last worked out from, in seconds since 1970; past a minute no KPI is shown";
    KPI_ROUND_DURATION = Histogram "onpace_kpi_round_duration_seconds" [] Sink: "Time to work out every KPI of the metrics page anew";
    EVENT_TO_METRIC = Histogram "onpace_event_to_metric_seconds" [] Sink:
        "Time from recording an event or heartbeat to its being counted on the metrics page";
    REP_INFO = Info "onpace_rep_info" ["rep", "team", "display_name", "manager", "language"] Sink:
        "The reps there are, with what may change about them";
    TEAM_INFO = Info "onpace_team_info" ["team", "parent", "manager", "display_name"] Sink:
        "The teams there are, with what may change about them";

    OBJECTIVE_TARGET = Gauge "onpace_objective_target" ["objective", "kpi", "period", "rep", "team"] Sink:
        "What is wanted over the period, in base units (money in major units)";
    OBJECTIVE_ATTAINED = Gauge "onpace_objective_attained" ["objective", "kpi", "period", "rep", "team"] Sink:
        "What there is, in base units (money in major units)";
    OBJECTIVE_EXPECTED = Gauge "onpace_objective_expected" ["objective", "kpi", "period", "rep", "team"] Sink:
        "What there should be by now, in base units (money in major units)";
    OBJECTIVE_FORECAST = Gauge "onpace_objective_forecast" ["objective", "kpi", "period", "rep", "team"] Sink:
        "What there will be at the end if things go on so, in base units (money in major units)";
    OBJECTIVE_CHANCE = Gauge "onpace_objective_chance_ratio" ["objective", "kpi", "period", "rep", "team"] Sink:
        "How likely the period is to end on the right side";
    OBJECTIVE_NEEDED = Gauge "onpace_objective_needed_per_day" ["objective", "kpi", "period", "rep", "team"] Sink:
        "What is needed a day to reach the target, in base units (money in major units)";
    OBJECTIVE_SHARE = Gauge "onpace_objective_share_ratio" ["objective", "kpi", "period", "rep", "team"] Sink:
        "The part of the period that is past";
    OBJECTIVE_COMPLETE = Gauge "onpace_objective_complete" ["objective", "kpi", "period", "rep", "team"] Sink:
        "1 where all that the objective is judged by has arrived, else 0";
    OBJECTIVE_URGENT = Gauge "onpace_objective_urgent" ["objective", "kpi", "period", "rep", "team"] Sink:
        "1 where it is out of reach, or at risk with less than a fifth of the period left, and somebody has working time left in it, else 0";
    OBJECTIVE_RUNNING = Gauge "onpace_objective_running" ["objective", "kpi", "period", "rep", "team"] Sink:
        "1 for the running period, 0 for the last one";
    OBJECTIVE_END = Gauge "onpace_objective_end_timestamp_seconds" ["objective", "kpi", "period", "rep", "team"] Sink:
        "When the period ends, in seconds since 1970";
    OBJECTIVE_LAST_DAY = Gauge "onpace_objective_last_day_timestamp_seconds" ["objective", "kpi", "period", "rep", "team"] Sink:
        "Noon, in UTC, of the period's last day, in seconds since 1970";
    OBJECTIVE_STATE = Gauge "onpace_objective_state" ["objective", "kpi", "period", "rep", "team", "onpace_objective_state"] Sink:
        "1 for the state that is true, 0 for every other";
    OBJECTIVE_INFO = Info "onpace_objective_info"
        ["objective", "display_name", "kpi", "importance", "manager", "scope", "unit", "currency"] Sink:
        "The objectives there are, with what may change about them";
    PERSONAL_BEST = Gauge "onpace_personal_best" ["rep", "team", "kpi", "span", "period"] Sink:
        "A rep's last day or week that is over, where it is above every earlier one of at least 20, in base units (money in major units)";

    HTTP_REQUESTS = Counter "onpace_http_requests_total" ["route", "code"] Gateway Processor Sink:
        "Requests answered, by route (its template, or `unrouted`) and class of status (or `abandoned`)";
    HTTP_REQUEST_DURATION = Histogram "onpace_http_request_duration_seconds" ["route"] Gateway Processor Sink:
        "Time from a request's headers to the last byte of its answer, by route";
    HTTP_REQUESTS_IN_FLIGHT = Gauge "onpace_http_requests_in_flight" [] Gateway Processor Sink: "Requests that are being answered";
    HTTP_CONNECTIONS = Gauge "onpace_http_connections" [] Gateway Processor Sink: "Connections that are open";
    HTTP_TURNED_AWAY = Counter "onpace_http_turned_away_total" ["reason"] Gateway Processor Sink:
        "Requests that were refused and connections that were cut, by which limit: docs/limits.md";
    BUILD_INFO = Info "onpace_build_info" ["version"] Gateway Processor Sink: "The build of onpace that serves this page";
}
