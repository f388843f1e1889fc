//! What can be asked about objectives: `/v1/objectives?…` and the flags of `onpace objectives`.

use std::sync::Arc;

use onpace_kpis::objective::Standing;

use super::{Wrong, instant, meant, push_new};
use crate::evaluation::Evaluation;

const PARAMETERS: [&str; 3] = ["at", "rep", "team"];

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectivesAsked {
    /// At this instant, microseconds since 1970; `None`: now.
    pub at_us: Option<i64>,
    /// Only these people's, by id.
    pub reps: Vec<String>,
    /// Only these teams' own, by id.
    pub teams: Vec<String>,
}

impl ObjectivesAsked {
    /// Reads the parameters of a question.
    ///
    /// # Errors
    /// The first that is unknown, given twice where once is meant, or has a value that nobody has.
    pub fn read(pairs: &[(String, String)], evaluation: &Evaluation) -> Result<ObjectivesAsked, Wrong> {
        let mut asked = ObjectivesAsked::default();
        let roster = &evaluation.roster;
        for (name, value) in pairs {
            match name.as_str() {
                "at" if asked.at_us.is_none() => {
                    asked.at_us = Some(instant(value, &roster.schedule.zone).map_err(|why| Wrong::of("at", why))?);
                }
                "at" => return Err(Wrong::of("at", "`at` can be given once")),
                "rep" if evaluation.known(value).is_some() => push_new(&mut asked.reps, value.clone()),
                "rep" => {
                    let known: Vec<Arc<str>> = roster.people.iter().map(|person| person.id.clone()).collect();
                    return Err(Wrong::of("rep", format!("the roster has nobody with the id `{value}`{}", meant(value, &known))));
                }
                "team" if roster.team(value).is_some() => push_new(&mut asked.teams, value.clone()),
                "team" => {
                    let known: Vec<Arc<str>> = roster.teams.iter().map(|team| team.id.clone()).collect();
                    return Err(Wrong::of("team", format!("the roster has no team `{value}`{}", meant(value, &known))));
                }
                _ => {
                    let known = onpace_schemas::did_you_mean(name, PARAMETERS.into_iter());
                    return Err(Wrong::of(name, format!("there is no parameter `{name}`{known}; there are at, rep and team")));
                }
            }
        }
        Ok(asked)
    }

    /// Whether a standing is asked about.
    pub fn wants(&self, standing: &Standing) -> bool {
        let named = |names: &[String], by: &str| {
            standing.key.as_ref().is_some_and(|(of, key)| of.name() == by && names.iter().any(|name| **name == **key))
        };
        self.is_everybody() || named(&self.reps, "rep") || named(&self.teams, "team")
    }

    /// Whether nobody is named.
    pub fn is_everybody(&self) -> bool {
        self.reps.is_empty() && self.teams.is_empty()
    }
}
