//! Objectives as metrics: what is wanted, what there is, and the state as a state set.
//!
//! In: standings. Out: families whose labels are {objective, kpi, period, rep, team}, `rep` and `team` empty where they don't apply.
//! Values that don't exist have no series. Never here: a value in a label.

use onpace_kpis::objective::{Importance, Scope, Standing, State, Subject};
use onpace_kpis::row::float_of;
use onpace_kpis::window::local_date;
use onpace_kpis::{Exact, Unit};
use onpace_metrics::table;
use onpace_schemas::time::{day_of, show_date};

use super::exposition::{Family, labels, number};
use crate::evaluation::Evaluation;

/// Every objective's figures and states.
pub fn families(standings: &[Standing], evaluation: &Evaluation) -> Vec<Family> {
    if evaluation.objectives.is_empty() {
        return Vec::new();
    }
    let mut target = Family::of(&table::OBJECTIVE_TARGET);
    let mut attained = Family::of(&table::OBJECTIVE_ATTAINED);
    let mut expected = Family::of(&table::OBJECTIVE_EXPECTED);
    let mut forecast = Family::of(&table::OBJECTIVE_FORECAST);
    let mut chance = Family::of(&table::OBJECTIVE_CHANCE);
    let mut needed = Family::of(&table::OBJECTIVE_NEEDED);
    let mut share = Family::of(&table::OBJECTIVE_SHARE);
    let mut complete = Family::of(&table::OBJECTIVE_COMPLETE);
    let mut urgent = Family::of(&table::OBJECTIVE_URGENT);
    let mut running = Family::of(&table::OBJECTIVE_RUNNING);
    let mut end = Family::of(&table::OBJECTIVE_END);
    let mut last_day = Family::of(&table::OBJECTIVE_LAST_DAY);
    let mut state = Family::of(&table::OBJECTIVE_STATE);
    for row in standings {
        let (rep, team) = who(row, evaluation);
        let period = show_date(row.days.start);
        let with = [("objective", &*row.objective), ("kpi", &*row.kpi), ("period", &*period), ("rep", rep), ("team", team)];
        let own = labels(&with);
        let add = |family: &mut Family, value: Option<&Exact>| {
            if let Some(value) = value {
                family.sample_with(&own, &base(value, row));
            }
        };
        add(&mut target, Some(&row.target));
        add(&mut attained, row.attained.as_ref());
        add(&mut expected, row.expected.as_ref());
        add(&mut forecast, row.forecast.as_ref());
        add(&mut needed, row.needed.as_ref());
        if let Some(value) = row.chance {
            chance.sample_with(&own, &number(value));
        }
        if let Some(value) = &row.share {
            share.sample_with(&own, &number(value.to_f64()));
        }
        let flag = |yes: bool| if yes { "1" } else { "0" };
        complete.sample_with(&own, flag(row.complete));
        urgent.sample_with(&own, flag(row.is_urgent()));
        running.sample_with(&own, flag(row.running));
        end.sample_with(&own, &number(row.end as f64 / 1e6));
        last_day.sample_with(&own, &number((f64::from(last_day_of(row, evaluation)) + 0.5) * 86_400.0));
        for one in State::ALL {
            let mut with = with.to_vec();
            with.push((table::OBJECTIVE_STATE.name, one.name()));
            state.sample(&with, flag(one == row.state));
        }
    }
    let mut families = vec![target, attained, expected, forecast, chance, needed, share, complete, urgent, running, end, last_day, state];
    families.push(info(evaluation));
    families
}

/// The last day, in days since 1970: of a rep, who may leave before the period ends, the date in his zone at its last instant.
fn last_day_of(row: &Standing, evaluation: &Evaluation) -> i32 {
    match row.subject {
        Subject::Rep(person) => day_of(local_date(row.end - 1, &evaluation.roster.people[person].schedule.zone)),
        Subject::Team(_) | Subject::Company => row.days.end - 1,
    }
}

/// A rep with the team he is in when the period ends or now, a team, or neither.
fn who<'a>(row: &Standing, evaluation: &'a Evaluation) -> (&'a str, &'a str) {
    let roster = &evaluation.roster;
    match row.subject {
        Subject::Company => ("", ""),
        Subject::Team(team) => ("", &roster.teams[team].id),
        Subject::Rep(person) => {
            let person = &roster.people[person];
            let team = person.teams.last().map(|stay| &*roster.teams[stay.team].id);
            (&person.id, team.unwrap_or(onpace_kpis::roster::UNROSTERED))
        }
    }
}

/// A value in base units: money in major units, days in seconds.
fn base(value: &Exact, row: &Standing) -> String {
    match row.unit {
        Unit::Days => number(value.mul(&Exact::from(86_400)).to_f64()),
        _ => number(float_of(value, row.unit, row.currency)),
    }
}

/// What objectives there are.
fn info(evaluation: &Evaluation) -> Family {
    let (roster, catalogue) = (&evaluation.roster, &evaluation.catalogue);
    let mut family = Family::of(&table::OBJECTIVE_INFO);
    for objective in &evaluation.objectives {
        let kpi = &catalogue.kpis[usize::from(objective.kpi)];
        let (scope, team) = match objective.scope {
            Scope::Company => ("company", None),
            Scope::Team(team) => ("team", Some(team)),
            Scope::EachRepOf(team) => ("each_rep_of", Some(team)),
            Scope::Rep(person) => ("rep", roster.people[person].teams.last().map(|stay| stay.team)),
        };
        let manager = roster.manager_of(team).map_or("", |manager| &*roster.managers[manager].id);
        let importance = if objective.importance == Importance::High { "high" } else { "normal" };
        let currency = objective.currency.as_ref().map_or("", |currency| currency.code());
        family.sample(
            &[
                ("objective", &*objective.id),
                ("display_name", &*objective.name),
                ("kpi", &*kpi.name),
                ("importance", importance),
                ("manager", manager),
                ("scope", scope),
                ("unit", kpi.unit.name()),
                ("currency", currency),
            ],
            "1",
        );
    }
    family
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_kpis::Tally;
    use onpace_kpis::objective::{Completeness, parse};
    use onpace_schemas::time::parse_instant;

    use super::super::exposition::{Format, page};
    use super::*;
    use crate::fixture::with_roster;

    #[test]
    fn the_last_day_is_that_of_whom_it_is_about_wherever_he_is() {
        let mut evaluation = with_roster(
            "time_zone: America/Los_Angeles\nteams: [{ id: all }]\npeople:\n  - { id: asha, time_zone: Asia/Kolkata, teams: [{ team: all }] }\n  \
             - { id: kiri, time_zone: Pacific/Kiritimati, teams: [{ team: all }] }\n  - { id: left, teams: [{ team: all, to: 2026-11-25 }] }\n",
        );
        let wanted = "objectives:\n  - { id: each, kpi: calls_made, scope: { each_rep_of: all }, target: 40, period: week, from: 2026-01-01 }\n  \
                      - { id: team, kpi: calls_made, scope: { team: all }, target: 40, period: month, from: 2026-01-01 }\n";
        evaluation.objectives = parse(wanted, &evaluation.catalogue, &evaluation.roster).unwrap();
        let at_us = parse_instant("2026-11-25T12:00:00Z").unwrap();
        let tally = Tally::new(&evaluation.catalogue.measures);
        let rows = evaluation.standings(&tally, at_us, &Completeness::default()).rows;
        let page = page(&families(&rows, &evaluation), Format::Text);
        let last_day = |objective: &str, rep: &str| {
            let of = format!("onpace_objective_last_day_timestamp_seconds{{objective=\"{objective}\",");
            let line =
                page.lines().find(|line| line.starts_with(&of) && line.contains(&format!("rep=\"{rep}\"")) && !line.contains("2026-11-16"));
            let seconds: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
            jiff::Timestamp::from_second(seconds as i64).unwrap().to_string()
        };
        for (objective, rep, day) in
            [("each", "asha", "2026-11-29"), ("each", "kiri", "2026-11-29"), ("each", "left", "2026-11-25"), ("team", "", "2026-11-30")]
        {
            assert_eq!(last_day(objective, rep), format!("{day}T12:00:00Z"), "{objective} {rep}");
        }
    }
}
