//! Who there is: names and texts that may change, as labels of a 1, to be joined in queries.
//!
//! In: an evaluation, the reps that have rows. Out: `onpace_rep_info`, `onpace_team_info`. Never here: values.

use std::sync::Arc;

use onpace_kpis::roster::{TeamNo, UNROSTERED};
use onpace_metrics::table;

use super::exposition::Family;
use crate::evaluation::Evaluation;

/// The reps, each with the team that he is in now. Where no roster knows him a rep's name is what the events call him.
pub fn reps<'a>(evaluation: &Evaluation, at_us: i64, reps: impl Iterator<Item = &'a Arc<str>>) -> Family {
    let roster = &evaluation.roster;
    let mut family = Family::of(&table::REP_INFO);
    let mut last = None;
    for rep in reps {
        // Whoever was in several teams comes as often.
        if last.replace(rep) == Some(rep) {
            continue;
        }
        let person = evaluation.known(rep).map(|number| &roster.people[number]);
        let team = evaluation.team_of(rep, at_us);
        let labels = [
            ("rep", &**rep),
            ("team", team.map_or(UNROSTERED, |team| &roster.teams[team].id)),
            ("display_name", person.map_or(rep, |person| &person.name)),
            ("manager", manager(evaluation, team)),
            ("language", person.map_or(roster.language, |person| person.language).name()),
        ];
        family.sample(&labels, "1");
    }
    family
}

/// The teams, each with the one that holds it and who hears of it; `unrostered` among them.
pub fn teams(evaluation: &Evaluation) -> Family {
    let roster = &evaluation.roster;
    let mut family = Family::of(&table::TEAM_INFO);
    for (number, team) in roster.teams.iter().enumerate() {
        let parent = team.parent.map_or("", |parent| &*roster.teams[parent].id);
        let labels =
            [("team", &*team.id), ("parent", parent), ("manager", manager(evaluation, Some(number))), ("display_name", &team.name)];
        family.sample(&labels, "1");
    }
    let labels = [("team", UNROSTERED), ("parent", ""), ("manager", manager(evaluation, None)), ("display_name", UNROSTERED)];
    family.sample(&labels, "1");
    family
}

/// The id of who hears of a team.
fn manager(evaluation: &Evaluation, team: Option<TeamNo>) -> &str {
    let roster = &evaluation.roster;
    roster.manager_of(team).map_or("", |manager| &roster.managers[manager].id)
}
