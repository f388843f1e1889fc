//! Tests of the rules, for promtool.
//!
//! In: a plan. Out: two files: the situations of an objective, of a personal best and of the pipeline, those of hours stepped through by
//! four minutes (what one evaluation says of itself to the next must not be 5 minutes old); and that each objective's alert comes up for its own manager. Never here: what may happen ([`super::situations`]).

use std::collections::BTreeMap;

use onpace_kpis::objective::{Objective, Scope, State};
use onpace_kpis::roster::{Person, UNROSTERED};
use onpace_metrics::Metric;
use onpace_metrics::table::{
    LOG_REPLACED, LOG_REPLACED_AT, LOG_UP, METRICS_WHOLE, OBJECTIVE_ATTAINED, OBJECTIVE_COMPLETE, OBJECTIVE_END, OBJECTIVE_EXPECTED,
    OBJECTIVE_INFO, OBJECTIVE_STATE, OBJECTIVE_TARGET, OBJECTIVE_URGENT, PERSONAL_BEST, PIPELINE_UP, PROCESSOR_OUTDATED, REP_INFO,
    SOURCE_SILENT, STORE_DAMAGED_AT, STORE_ROUNDS, STORE_UP, VIEW_WHOLE,
};

use super::situations::{Span, of_an_objective};
use super::{Plan, prometheus, yaml};
use crate::expressions::{STATE, string};

/// Values over time, in promtool's writing: `(minutes, value)`, `None` where there is none.
fn values<'v>(spans: impl IntoIterator<Item = (u32, Option<&'v str>)>) -> String {
    let mut out = Vec::new();
    for (minutes, value) in spans {
        match (minutes, value) {
            (0, _) => {}
            (1, Some(value)) => out.push(value.to_owned()),
            (minutes, Some(value)) => out.push(format!("{value}x{}", minutes - 1)),
            (1, None) => out.push("stale".into()),
            (minutes, None) => out.push(format!("stale _x{}", minutes - 1)),
        }
    }
    out.join(" ")
}

/// A row of an objective: its rep and team.
struct Row<'a> {
    rep: &'a str,
    team: &'a str,
}

/// The files of tests: names and texts.
pub fn tests(plan: &Plan<'_>) -> Vec<(String, String)> {
    let wait = plan.settings.wait_s.div_ceil(60);
    let (mut minutes, mut hours) = (String::new(), String::new());
    if let Some(objective) = plan.objectives.first() {
        if let Some(row) = rows(plan, objective).first() {
            for situation in of_an_objective(wait) {
                let end = situation.end.saturating_mul(60).to_string();
                let series = series(plan, objective, row, &situation.spans, &end);
                let lasts: u32 = situation.spans.iter().map(|span| span.minutes).sum();
                let file = if lasts > wait + 60 { &mut hours } else { &mut minutes };
                *file += &test(situation.name, &series, "manager", &situation.checks);
            }
        }
        minutes += &reaches_its_manager(plan, wait);
    }
    hours += &bests(plan);
    minutes += &pipeline(plan);
    let file = |name: &str, step: &str, tests: String| {
        let head = format!(
            "# Written by `onpace rules`. Run: promtool test rules {name}\nrule_files: [onpace.rules.yml]\nevaluation_interval: {step}\n\
             group_eval_order: [{}]\ntests:\n",
            prometheus::GROUPS.join(", ")
        );
        (name.to_owned(), head + &tests)
    };
    vec![file("onpace_hours_test.yml", "4m", hours), file("onpace_minutes_test.yml", "1m", minutes)]
}

fn test(name: &str, series: &[(String, String)], audience: &str, checks: &[(u32, Vec<&str>)]) -> String {
    let asked = format!("count by (alertname) (ALERTS{{alertstate=\"firing\",audience=\"{audience}\"}})");
    let checks = checks.iter().map(|(minute, names)| {
        let samples = names.iter().map(|name| (format!("{{alertname=\"{name}\"}}"), 1));
        (*minute, asked.clone(), samples.collect())
    });
    written(name, series, checks)
}

type Samples = Vec<(String, usize)>;

fn written(name: &str, series: &[(String, String)], checks: impl IntoIterator<Item = (u32, String, Samples)>) -> String {
    let mut out = format!("- name: {}\n  interval: 1m\n  input_series:\n", yaml::quoted(name));
    for (selector, values) in series {
        out += &format!("  - series: {}\n    values: {}\n", yaml::quoted(selector), yaml::quoted(values));
    }
    out += "  promql_expr_test:\n";
    for (minute, asked, samples) in checks {
        out += &format!("  - expr: {}\n    eval_time: {minute}m\n    exp_samples:\n", yaml::quoted(&asked));
        if samples.is_empty() {
            out.truncate(out.len() - "    exp_samples:\n".len());
        }
        for (labels, value) in samples {
            out += &format!("    - labels: {}\n      value: {value}\n", yaml::quoted(&labels));
        }
    }
    out
}

fn labels(plan: &Plan<'_>, objective: &Objective, row: &Row<'_>) -> String {
    format!(
        "objective={},kpi={},period=\"1970-01-01\",rep={},team={}",
        string(&objective.id),
        string(&plan.kpi(objective).name),
        string(row.rep),
        string(row.team)
    )
}

fn series(plan: &Plan<'_>, objective: &Objective, row: &Row<'_>, spans: &[Span], end: &str) -> Vec<(String, String)> {
    let labels = labels(plan, objective, row);
    let flag = |flag: bool| if flag { "1" } else { "0" };
    let over = |value: &dyn Fn(&Span) -> Option<&'static str>| values(spans.iter().map(|span| (span.minutes, value(span))));
    let end = values(spans.iter().map(|span| (span.minutes, span.row.map(|_| end))));
    let mut series = vec![
        (PIPELINE_UP.name.to_owned(), over(&|span| span.scraped.then(|| flag(span.moving)))),
        (
            format!("{OBJECTIVE_INFO}{{objective={},kpi={}}}", string(&objective.id), string(&plan.kpi(objective).name)),
            over(&|span| span.scraped.then_some("1")),
        ),
        (format!("{OBJECTIVE_COMPLETE}{{{labels}}}"), over(&|span| span.row.map(|_| flag(span.complete)))),
        (format!("{OBJECTIVE_URGENT}{{{labels}}}"), over(&|span| span.row.map(|_| flag(span.urgent)))),
        (format!("{OBJECTIVE_END}{{{labels}}}"), end),
        (format!("{OBJECTIVE_ATTAINED}{{{labels}}}"), over(&|span| span.row.map(|_| "12"))),
        (format!("{OBJECTIVE_EXPECTED}{{{labels}}}"), over(&|span| span.row.map(|_| "20"))),
        (format!("{OBJECTIVE_TARGET}{{{labels}}}"), over(&|span| span.row.map(|_| "40"))),
    ];
    for state in State::ALL {
        let name = state.name();
        series.push((format!("{OBJECTIVE_STATE}{{{labels},{STATE}=\"{name}\"}}"), over(&|span| span.row.map(|now| flag(now == state)))));
    }
    series
}

/// The rows that stand for an objective: a rep for each team that it reaches.
fn rows<'a>(plan: &Plan<'a>, objective: &Objective) -> Vec<Row<'a>> {
    let roster = plan.roster;
    let last_team = |person: &Person| person.teams.last().map(|stay| stay.team);
    match objective.scope {
        Scope::Company => vec![Row { rep: "", team: "" }],
        Scope::Team(team) => vec![Row { rep: "", team: &roster.teams[team].id }],
        Scope::Rep(number) => {
            let person = &roster.people[number];
            let team = last_team(person).map_or(UNROSTERED, |team| &*roster.teams[team].id);
            vec![Row { rep: &person.id, team }]
        }
        Scope::EachRepOf(scope) => {
            let one_of = |team| roster.people.iter().find(|person| last_team(person) == Some(team));
            let within = (0..roster.teams.len()).filter(|team| roster.is_within(*team, scope));
            within.filter_map(|team| Some(Row { rep: &one_of(team)?.id, team: &roster.teams[team].id })).collect()
        }
    }
}

fn manager_of<'a>(plan: &Plan<'a>, row: &Row<'_>) -> &'a str {
    let manager = plan.roster.manager_of(plan.roster.team(row.team));
    manager.map_or("", |manager| plan.roster.managers[manager].id.as_str())
}

fn reaches_its_manager(plan: &Plan<'_>, wait: u32) -> String {
    let minutes = wait + 5;
    let spans = [Span { minutes, row: Some(State::AtRisk), complete: true, urgent: false, scraped: true, moving: true }];
    let mut all = vec![(PIPELINE_UP.name.to_owned(), values([(minutes, Some("1"))]))];
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for objective in plan.objectives {
        for row in rows(plan, objective) {
            all.extend(series(plan, objective, &row, &spans, "604800").into_iter().filter(|(name, values)| {
                // What isn't true plays no part here.
                !values.starts_with('0') && !name.contains("_target") && !name.contains("_info") && !name.contains("_pipeline")
            }));
            let manager = manager_of(plan, &row);
            let manager = if manager.is_empty() { String::new() } else { format!("manager={},", string(manager)) };
            *expected.entry(format!("{{{manager}objective={}}}", string(&objective.id))).or_default() += 1;
        }
    }
    let asked = "count by (manager, objective) (ALERTS{alertname=\"ObjectiveBehind\",alertstate=\"firing\",audience=\"manager\"})";
    written("each objective reaches its manager", &all, [(wait + 2, asked.to_owned(), expected.into_iter().collect())])
}

/// At a minute, the alerts that fire.
type Check = (u32, Vec<&'static str>);
/// What it is called, the series it is made of, and what must be seen when.
type Situation<'a> = (&'a str, Vec<(String, String)>, Vec<Check>);

fn bests(plan: &Plan<'_>) -> String {
    let person = plan.roster.people.first().map_or("marie", |person| &*person.id);
    let Some(kpi) = plan.catalogue.kpis.first() else { return String::new() };
    let best = |period: &str, spans: &[(u32, Option<&'static str>)]| {
        let labels = format!("rep={},team=\"{UNROSTERED}\",kpi={},span=\"day\",period=\"{period}\"", string(person), string(&kpi.name));
        (format!("{PERSONAL_BEST}{{{labels}}}"), values(spans.iter().copied()))
    };
    let (none, news) = (None, Some("52"));
    let told = || vec!["PersonalBest"];
    let situations: Vec<Situation<'_>> = vec![
        (
            "a personal best is told once, in the next hour",
            vec![best("1970-01-01", &[(20, none), (300, news)])],
            vec![(50, vec![]), (65, told()), (118, told()), (125, vec![]), (310, vec![])],
        ),
        (
            "a personal best that was none",
            vec![best("1970-01-01", &[(20, none), (10, news), (60, none)])],
            vec![(50, vec![]), (65, vec![])],
        ),
        (
            "a personal best and a gap",
            vec![best("1970-01-01", &[(20, none), (60, news), (90, none), (120, news)])],
            vec![(65, told()), (185, vec![]), (245, vec![])],
        ),
        (
            "one personal best after another",
            vec![best("1970-01-01", &[(20, none), (100, news)]), best("1970-01-02", &[(130, none), (100, news)])],
            vec![(65, told()), (125, vec![]), (185, told())],
        ),
        ("no personal best", vec![(format!("{REP_INFO}{{rep={}}}", string(person)), "1x70".to_owned())], vec![(65, vec![])]),
    ];
    situations.iter().map(|(name, series, checks)| test(name, series, "manager", checks)).collect()
}

fn pipeline(plan: &Plan<'_>) -> String {
    let up =
        |values: &str| vec![(PIPELINE_UP.name.to_owned(), values.to_owned()), ("up{job=\"onpace-sink\"}".to_owned(), "1x120".to_owned())];
    let with = |name: &str, values: &str| {
        let mut series = up("1x120");
        series.push((name.to_owned(), values.to_owned()));
        series
    };
    // For a cause that has an alert of its own.
    let standing_still = |cause: &str| {
        let moves = (PIPELINE_UP.name.to_owned(), "1x9 0x20 1x30".to_owned());
        vec![moves, (cause.to_owned(), "0x9 1x20 0x30".to_owned()), ("up{job=\"onpace-sink\"}".to_owned(), "1x120".to_owned())]
    };
    let silent = |kind: &str| format!("{SOURCE_SILENT}{{source=\"aircall\",kind=\"{kind}\"}}");
    let check = |minute, name: &'static str| -> Check { (minute, if name.is_empty() { vec!["Watchdog"] } else { vec!["Watchdog", name] }) };
    let of_partition = |metric: Metric| format!("{metric}{{partition=\"2\"}}");
    let (damage, damaged) = (&of_partition(STORE_DAMAGED_AT), "OnpaceStoreDamaged");
    let (waits, another) = (&of_partition(LOG_REPLACED), "OnpaceLogReplaced");
    let (old, outdated) = (&of_partition(PROCESSOR_OUTDATED), "OnpaceProcessorOutdated");
    let (replaced, anew) = (&of_partition(LOG_REPLACED_AT), "OnpaceLogFoldedAnew");
    let (store, pipe, source) = ("OnpaceStoreDown", "OnpacePipelineDown", "OnpaceSourceSilent");
    let mut situations: Vec<Situation<'_>> = vec![
        ("all is well", with(STORE_UP.name, "1x60"), vec![check(50, "")]),
        ("the store is away", with(STORE_UP.name, "1x9 0x20"), vec![check(9, ""), check(13, store)]),
        ("the store is back", with(STORE_UP.name, "1x9 0x9 1x30"), vec![check(21, store), check(25, "")]),
        ("the store stumbles", with(STORE_UP.name, "1x9 0 1x30"), vec![check(10, ""), check(12, "")]),
        (
            "one sink of two lost the store",
            {
                let mut series = with(&format!("{STORE_UP}{{instance=\"a\"}}"), "0x20");
                series.push((format!("{STORE_UP}{{instance=\"b\"}}"), "1x20".into()));
                series
            },
            vec![check(10, store)],
        ),
        ("nothing says how the store is", up("1x60"), vec![check(50, "")]),
        (
            "without a store nothing moves: told once",
            vec![
                (PIPELINE_UP.name.into(), "1x9 0x10 1x30".into()),
                (STORE_UP.name.into(), "1x9 0x9 1x31".into()),
                ("up{job=\"onpace-sink\"}".into(), "1x120".into()),
            ],
            vec![check(9, ""), check(13, store), check(20, store), check(25, "")],
        ),
        ("the pipeline stands still", up("1x9 0x20"), vec![check(9, ""), check(13, pipe)]),
        ("the pipeline moves again", up("1x9 0x9 1x30"), vec![check(21, pipe), check(25, "")]),
        ("the pipeline stumbles", up("1x9 0 1x30"), vec![check(10, ""), check(12, "")]),
        ("nothing says how the pipeline is", vec![("up{job=\"onpace-sink\"}".into(), "1x60".into())], vec![check(10, pipe)]),
        (
            "a part does not answer",
            {
                let mut series = up("1x120");
                series.push(("up{job=\"onpace-gateway\"}".into(), "1x9 0x20".into()));
                series
            },
            vec![check(9, ""), check(13, pipe)],
        ),
        ("the log takes no events", with(LOG_UP.name, "1x9 0x20"), vec![check(9, ""), check(13, pipe)]),
        ("the log takes events again", with(LOG_UP.name, "1x9 0x9 1x30"), vec![check(21, pipe), check(25, "")]),
        ("another program does not answer", with("up{job=\"node\"}", "0x20"), vec![check(10, "")]),
        ("the log is the one that was counted", with(waits, "0x60"), vec![check(50, "")]),
        ("the log is another", with(waits, "0x9 1x20"), vec![check(9, ""), check(12, another), check(28, another)]),
        ("the log is the right one again", with(waits, "0x9 1x9 0x40"), vec![check(15, another), check(30, "")]),
        ("the log is another, then missed scrapes", with(waits, "0x9 1x9 _x3 1x30"), vec![check(21, another), check(40, another)]),
        (
            "a log that is another moves nothing: told once",
            standing_still(waits),
            vec![check(9, ""), check(13, another), check(25, another), check(45, "")],
        ),
        ("processors know all that is written", with(old, "0x60"), vec![check(50, "")]),
        ("processors older than what writes", with(old, "0x9 1x20"), vec![check(9, ""), check(12, outdated), check(28, outdated)]),
        ("processors were upgraded", with(old, "0x9 1x9 stale 0x40"), vec![check(15, outdated), check(30, "")]),
        (
            "what waits for an upgrade does not move: told once",
            standing_still(old),
            vec![check(9, ""), check(13, outdated), check(25, outdated), check(45, "")],
        ),
        ("the log was replaced, and is counted anew", with(replaced, "_x9 540x40"), vec![check(8, ""), check(12, anew), check(45, anew)]),
        ("a log that was replaced an hour ago", with(replaced, "_x9 540x110"), vec![check(60, anew), check(75, "")]),
        (
            "a log that is replaced again and again",
            with(replaced, "_x9 540x19 1800x80"),
            vec![check(65, anew), check(85, anew), check(100, "")],
        ),
        ("nothing was ever damaged", with(&format!("{STORE_ROUNDS}{{partition=\"2\"}}"), "0+1x60"), vec![check(50, "")]),
        ("a partition of the store was damaged", with(damage, "_x9 540x40"), vec![check(8, ""), check(12, damaged), check(45, damaged)]),
        ("damage of an hour ago", with(damage, "_x9 540x110"), vec![check(60, damaged), check(75, "")]),
        ("damage again and again", with(damage, "_x9 540x19 1800x80"), vec![check(65, damaged), check(85, damaged), check(100, "")]),
        ("damage, then missed scrapes", with(damage, "_x9 540x9 _x3 540x30"), vec![check(21, damaged)]),
        ("damage, and the processor is started anew", with(damage, "_x9 540x9 stale _x50"), vec![check(17, damaged), check(30, "")]),
        ("a source is silent", with(&silent("call"), "0x9 1x30"), vec![check(9, ""), check(13, source)]),
        ("a source was never heard of", with(&silent(""), "1x30"), vec![check(3, source)]),
        ("a source is heard for the first time", with(&silent(""), "1x9 stale _x30"), vec![check(9, source), check(20, "")]),
        ("a source speaks", with(&silent("call"), "0x60"), vec![check(50, "")]),
        ("a source speaks again", with(&silent("call"), "1x19 0x30"), vec![check(15, source), check(25, "")]),
        ("a source was silent for one scrape", with(&silent("call"), "0x9 1 0x30"), vec![check(12, "")]),
        ("a silent source, then a gap", with(&silent("call"), "1x19 stale _x30"), vec![check(23, source), check(40, "")]),
    ];
    if let Some(objective) = plan.objectives.first() {
        let name = format!("{OBJECTIVE_INFO}{{objective={}}}", string(&objective.id));
        let others: Vec<(String, String)> = plan.objectives[1..]
            .iter()
            .map(|objective| (format!("{OBJECTIVE_INFO}{{objective={}}}", string(&objective.id)), "1x120".to_owned()))
            .collect();
        let of = |whole: &str, spans: &str| {
            let mut series = with(VIEW_WHOLE.name, whole);
            series.extend(others.clone());
            if !spans.is_empty() {
                series.push((name.clone(), spans.to_owned()));
            }
            series
        };
        let absent = "OnpaceObjectiveAbsent";
        situations.extend([
            ("every objective is evaluated", of("1x60", "1x60"), vec![check(50, "")]),
            ("an objective is not evaluated", of("1x60", ""), vec![check(10, ""), check(20, absent)]),
            ("an objective is no longer evaluated", of("1x60", "1x9 stale _x50"), vec![check(25, ""), check(35, absent)]),
            ("an objective is evaluated again", of("1x60", "_x20 1x30"), vec![check(18, absent), check(25, "")]),
            ("numbers that are not whole name no objective", of("0x60", ""), vec![check(50, "")]),
        ]);
    }
    let incomplete = "OnpaceMetricsIncomplete";
    situations.extend([
        ("the page has everything", with(METRICS_WHOLE.name, "1x60"), vec![check(50, "")]),
        ("the page lacks a window", with(METRICS_WHOLE.name, "1x9 0x40"), vec![check(20, ""), check(30, incomplete)]),
        ("the page has everything again", with(METRICS_WHOLE.name, "0x29 1x30"), vec![check(25, incomplete), check(35, "")]),
        ("the page lacks a window for a moment", with(METRICS_WHOLE.name, "1x9 0 1x50"), vec![check(12, ""), check(40, "")]),
        (
            "one page of two lacks a window",
            {
                let mut series = with(&format!("{METRICS_WHOLE}{{instance=\"a\"}}"), "0x40");
                series.push((format!("{METRICS_WHOLE}{{instance=\"b\"}}"), "1x40".into()));
                series
            },
            vec![check(30, incomplete)],
        ),
        ("nothing says what the page has", up("1x60"), vec![check(50, "")]),
    ]);
    let stranger = &format!("{OBJECTIVE_INFO}{{objective=\"not in the rules\"}}");
    let outdated = "OnpaceRulesOutdated";
    situations.extend([
        ("an objective without rules", with(stranger, "1x60"), vec![check(10, ""), check(20, outdated)]),
        ("an objective without rules, for a moment", with(stranger, "1x3 stale _x50"), vec![check(30, "")]),
        ("an objective without rules, and a missed scrape", with(stranger, "1x9 _x3 1x30"), vec![check(17, outdated)]),
        ("an objective without rules is taken back", with(stranger, "1x20 stale _x50"), vec![check(18, outdated), check(40, "")]),
        ("no objective but those of the rules", up("1x60"), vec![check(50, "")]),
    ]);
    situations.iter().map(|(name, series, checks)| test(name, series, "operations", checks)).collect()
}
