//! Whom there are rows of: each rep in each team that something of his can count for, and the currencies that he has anything in.
//!
//! In: catalogue, tally, roster. Out: [`Post`]s, known before any value is worked out, so that it can be counted how many rows there will be.
//! Never here: windows, values.

use std::sync::Arc;

use onpace_schemas::Currency;

use super::sheet::{self, Sheet};
use super::whose::{Rep, everybody};
use crate::MeasureNo;
use crate::catalogue::{Catalogue, Dimension};
use crate::roster::{Roster, TeamNo};
use crate::tally::{Group, PAST, Tally};

/// A rep while he was in a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The rep: a person by his id.
    pub rep: Arc<str>,
    /// The team; `None`: none.
    pub team: Option<TeamNo>,
    /// The currencies that he has anything in, at any time and in whatever team, sorted.
    pub currencies: Vec<Currency>,
}

/// The posts of [`everybody`], by rep and team. A person has one in every team that he was ever in, and in none only if he never was in any
/// or something is counted of him then. Past so many reps whom no roster knows, all others have one together.
pub fn posts(catalogue: &Catalogue, tally: &Tally, roster: &Roster, strangers: usize) -> Vec<Post> {
    let mut posts = Vec::new();
    for rep in everybody(roster, tally, strangers) {
        let currencies = currencies(catalogue, &rep);
        let mut teams: Vec<Option<TeamNo>> =
            rep.person.map_or(Vec::new(), |person| roster.people[person].teams.iter().map(|stay| Some(stay.team)).collect());
        teams.sort_unstable();
        teams.dedup();
        if teams.is_empty() || counts_in_none(catalogue, roster, &rep) {
            teams.insert(0, None);
        }
        posts.extend(teams.into_iter().map(|team| Post { rep: rep.name.clone(), team, currencies: currencies.clone() }));
    }
    posts.sort_by(|a, b| (&a.rep, a.team).cmp(&(&b.rep, b.team)));
    posts
}

fn currencies(catalogue: &Catalogue, rep: &Rep<'_>) -> Vec<Currency> {
    sheet::currencies(catalogue, |measure| rep.counters.iter().flat_map(move |counters| Sheet::lines(counters, measure, Group::Total)))
}

/// Whether anything of somebody's lies on days on which he was in no team.
fn counts_in_none(catalogue: &Catalogue, roster: &Roster, rep: &Rep<'_>) -> bool {
    let stays = rep.stays(roster, |team| team.is_none());
    let Some(ranges) = stays.ranges(rep.zone(roster)) else { return true };
    if ranges.is_empty() {
        return false;
    }
    let lines = |measure| rep.counters.iter().flat_map(move |counters| Sheet::lines(counters, measure, Group::Total));
    let mut all = (0..catalogue.measures.len() as MeasureNo).flat_map(lines);
    all.any(|(_, line)| ranges.iter().any(|ranges| line.first(ranges) != (None, None)))
}

/// The values of a dimension that anything is counted under, those past so many as one; sorted.
pub fn values(catalogue: &Catalogue, tally: &Tally, dimension: Dimension, apart: usize) -> Vec<Arc<str>> {
    let mut seen = hashbrown::HashSet::new();
    for measure in 0..catalogue.measures.len() as MeasureNo {
        let Some(place) = catalogue.dimension(measure, dimension) else { continue };
        for (id, line) in tally.everybody().flat_map(|rep| rep.lines(measure)) {
            if let Group::Dim(at, value) = id.group
                && at == place
                && !line.is_nothing()
            {
                seen.insert(if value as usize > apart { PAST } else { value });
            }
        }
    }
    let folded = super::folded_values(tally, dimension, apart);
    let names = tally.values(dimension);
    let mut values: Vec<Arc<str>> =
        seen.into_iter().map(|value| if value == PAST { folded.clone() } else { names.text(value).into() }).collect();
    values.sort_unstable();
    values
}
