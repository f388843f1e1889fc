//! `onpace objectives`: how every objective stands, and whether it is worth having. In: flags. Out: a table or JSON.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use onpace_kpis::objective::{Checked, Completeness, Direction, Office, Scope, Standing, Watched, check, watched};
use onpace_kpis::row::shown;
use onpace_kpis::{Exact, Roster, Unit};
use onpace_schemas::printable;
use onpace_schemas::time::{show_date, show_instant};
use onpace_sinks::Evaluation;
use onpace_sinks::question::ObjectivesAsked;
use onpace_sinks::view::{Once, now_ms};
use serde::Serialize;

use crate::args::{Objectives, ObjectivesWhat, TableOrJson};
use crate::as_served::as_served;
use crate::commands::kpis::{name, refused};
use crate::say::say;
use crate::{engine, json};

/// What HTTP gives too.
#[derive(Serialize)]
struct Answer<'a> {
    at: String,
    time_zone: &'a str,
    configuration: String,
    objectives: &'a [Standing],
}

pub fn run(args: Objectives) -> Result<ExitCode> {
    let served = as_served(args.store.data.as_deref(), &args.store.redis, &args.definitions, &args.company)?;
    let evaluation = served.configuration.now();
    let roster = &evaluation.roster;
    let asked = ObjectivesAsked::read(&pairs(&args), &evaluation).map_err(refused)?;
    served.say()?;
    anyhow::ensure!(
        served.configuration.files().objectives.is_some(),
        "no objectives are named, and none are served: give their file with --objectives, and that of the people they speak of with --roster; \
         examples/ has one of each"
    );
    let at_us = asked.at_us.unwrap_or_else(|| Timestamp::now().as_microsecond());
    let once = engine::read(args.store.data.as_deref(), &args.store.redis, &evaluation)?;
    let mut out = std::io::stdout().lock();
    if args.what == Some(ObjectivesWhat::Check) {
        let office = Office::of(roster, &evaluation.objectives, at_us);
        let checked = check(&evaluation.catalogue, &once.tally, roster, &evaluation.objectives, &office, at_us)?;
        writeln!(out, "At {}, days and months of {}{}.", show_instant(at_us), evaluation.zone(), served.how())?;
        writeln!(out, "{}\n{SMART_LEGEND}", smart(&evaluation, &checked))?;
        return Ok(if checked.iter().any(|checked| checked.smart.fails()) { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let known = Known::of(&once, &args, roster, at_us);
    let mut standings = evaluation.standings(&once.tally, at_us, &Completeness::of(known.behind, &known.watched));
    standings.rows.retain(|row| asked.wants(row));
    match args.format {
        TableOrJson::Json => {
            let answer = Answer {
                at: show_instant(at_us),
                time_zone: evaluation.zone(),
                configuration: evaluation.configuration(),
                objectives: &standings.rows,
            };
            json::write(&answer, &mut out)?;
        }
        TableOrJson::Table => {
            writeln!(out, "At {}, days and months of {}{}.", show_instant(at_us), evaluation.zone(), served.how())?;
            if standings.rows.is_empty() {
                writeln!(out, "{}", nothing(&evaluation, &asked))?;
            } else {
                writeln!(out, "{}\n{LEGEND}", table(&standings.rows, roster))?;
            }
        }
    }
    known.say();
    for (objective, why) in &standings.unconvertible {
        say(format_args!("onpace: {objective} can't be judged: {why}"));
    }
    Ok(if standings.unconvertible.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The question as HTTP would have it.
fn pairs(args: &Objectives) -> Vec<(String, String)> {
    let pair = |name: &str, value: &String| (name.to_owned(), value.clone());
    let at = args.at.iter().map(|at| pair("at", at));
    let reps = args.reps.iter().map(|rep| pair("rep", rep));
    at.chain(reps).chain(args.teams.iter().map(|team| pair("team", team))).collect()
}

/// What is known of the pipeline that the numbers came through.
struct Known<'a> {
    behind: bool,
    watched: Vec<Watched<'a>>,
}

impl<'a> Known<'a> {
    /// An embedded store was folded to the log's end just now: all that was recorded is known. One on Redis is as far as it says.
    fn of(once: &Once, args: &Objectives, roster: &'a Roster, at_us: i64) -> Known<'a> {
        let now_ms = now_ms();
        let now_us = now_ms * 1_000;
        let far_us = if args.store.redis.redis.is_some() { once.as_of_us().unwrap_or(now_us) } else { now_us };
        Known {
            behind: args.store.redis.redis.is_some() && once.behind(now_ms),
            // What is yet to come is no silence.
            watched: watched(roster, &once.sources, far_us.min(at_us)),
        }
    }

    /// Why something is incomplete.
    fn say(&self) {
        if self.behind {
            say(format_args!(
                "onpace: the processors are more than a minute behind, or nothing comes through: every objective is incomplete"
            ));
        }
        for source in self.watched.iter().filter(|source| source.silent) {
            let name = printable(source.source);
            match source.heard_ms() {
                None => say(format_args!(
                    "onpace: the live source {name} was never heard of; in the roster it must be called what its events have in `source`"
                )),
                Some(heard_ms) => {
                    let kinds: Vec<&str> = source.kinds.iter().map(|(kind, _)| kind.name()).collect();
                    say(format_args!(
                        "onpace: {name} has recorded nothing since {}, longer than its max_silence: what counts its {}s is incomplete",
                        show_instant(heard_ms * 1_000),
                        kinds.join("s, ")
                    ));
                }
            }
        }
    }
}

const LEGEND: &str = "\
expected: by now, on pace · forecast: at the end, if it goes on as in the last 12 weeks · chance: of ending on the right side
needed a day: from now on, for the target · ≤: not to be passed · `onpace objectives --help` says what the states mean";

const SMART_LEGEND: &str = "\
as usual: what such a period comes to, going by the last 12 weeks · measurable: there is data · ambitious: no less than as usual
realistic: at most half as much again · time-bound: its period ends · –: too little history, or a rate or a level";

/// Why there is no line.
fn nothing(evaluation: &Evaluation, asked: &ObjectivesAsked) -> &'static str {
    match (evaluation.objectives.is_empty(), asked.is_everybody()) {
        (true, _) => "The file has no objectives.",
        (false, true) => "Nothing to judge yet: no event has come, or every period began before the first one did (or before `from`).",
        (false, false) => "None of the objectives is theirs.",
    }
}

/// A line a standing.
fn table(rows: &[Standing], roster: &Roster) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "who",
        "objective",
        "KPI",
        "from",
        "to",
        "target",
        "attained",
        "expected",
        "forecast",
        "chance",
        "needed a day",
        "state",
    ]);
    for row in rows {
        let show = |value: &Option<Exact>| value.as_ref().map_or_else(|| "–".to_owned(), |value| amount(value, row));
        table.add_row([
            row.key.as_ref().map_or_else(|| "company".to_owned(), |(by, key)| name(roster, *by, key)),
            printable(&row.name).into_owned(),
            printable(&row.kpi).into_owned(),
            show_date(row.days.start),
            show_date(row.days.end - 1),
            format!("{}{}", if row.direction == Direction::AtMost { "≤ " } else { "" }, amount(&row.target, row)),
            show(&row.attained),
            show(&row.expected),
            show(&row.forecast),
            row.chance.map_or_else(|| "–".to_owned(), |chance| format!("{:.0} %", chance * 100.0)),
            show(&row.needed),
            if row.complete { row.state.name().to_owned() } else { format!("{} (incomplete)", row.state.name()) },
        ]);
    }
    for column in table.column_iter_mut().skip(5).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A value as people read it; a count that is not whole to a tenth.
fn amount(value: &Exact, row: &Standing) -> String {
    match (row.unit, value.to_integer()) {
        (Unit::Count, None) => format!("{:.1}", value.to_f64()),
        _ => shown(value, row.unit, row.currency),
    }
}

/// A line an objective, a column a letter.
fn smart(evaluation: &Evaluation, checked: &[Checked]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["objective", "whose", "target", "as usual", "specific", "measurable", "ambitious", "realistic", "time-bound"]);
    let roster = &evaluation.roster;
    for one in checked {
        let objective = &evaluation.objectives[one.number];
        let kpi = &evaluation.catalogue.kpis[usize::from(objective.kpi)];
        let whose = match objective.scope {
            Scope::Company => "company".to_owned(),
            Scope::Team(team) => roster.teams[team].id.to_string(),
            Scope::EachRepOf(team) => format!("each rep of {}", roster.teams[team].id),
            Scope::Rep(person) => roster.people[person].id.to_string(),
        };
        let yes = |yes: bool| if yes { "yes" } else { "NO" }.to_owned();
        let maybe = |verdict: Option<bool>| verdict.map_or_else(|| "–".to_owned(), yes);
        let usual = |value: &Exact| match kpi.unit {
            Unit::Count => format!("{:.1}", value.to_f64()),
            unit => shown(value, unit, objective.currency),
        };
        table.add_row([
            printable(&objective.name).into_owned(),
            printable(&whose).into_owned(),
            shown(&objective.target, kpi.unit, objective.currency),
            one.usual.as_ref().map_or_else(|| "–".to_owned(), usual),
            yes(one.smart.specific),
            yes(one.smart.measurable),
            maybe(one.smart.ambitious),
            maybe(one.smart.realistic),
            yes(one.smart.time_bound),
        ]);
    }
    table
}
