//! SMART for every objective: is it worth having, going by what its scope usually does?
//!
//! In: what [`super::standings`] takes. Out: a [`Checked`] each. Never here: words, tables.

use onpace_schemas::time::day_of;

use super::decide::{Class, mu};
use super::judge::{Counted, Judge};
use super::office::Office;
use super::smart::{Aim, Smart, judge};
use super::{Objective, Scope};
use crate::catalogue::Catalogue;
use crate::evaluate::Unconvertible;
use crate::evaluate::whose::{Stays, everybody};
use crate::exact::Exact;
use crate::period::run;
use crate::roster::Roster;
use crate::tally::Tally;
use crate::window::local_date;

/// An objective, judged before its period tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The objective's place among those asked about.
    pub number: usize,
    /// The five verdicts.
    pub smart: Smart,
    /// What such a period usually comes to, of each rep where the objective is each one's; `None` where that isn't known.
    pub usual: Option<Exact>,
}

/// Judges each objective by the last 12 weeks of its scope.
///
/// # Errors
/// Money is to be converted and a rate is missing.
pub fn check(
    catalogue: &Catalogue,
    tally: &Tally,
    roster: &Roster,
    objectives: &[Objective],
    office: &Office,
    at_us: i64,
) -> Result<Vec<Checked>, Unconvertible> {
    let reps = everybody(roster, tally, usize::MAX);
    let mut asking = Judge::of(catalogue, tally, roster, office, at_us, &reps);
    let mut out = Vec::with_capacity(objectives.len());
    for (number, objective) in objectives.iter().enumerate() {
        let Some(kpi) = catalogue.kpis.get(usize::from(objective.kpi)) else { continue };
        let (members, person) = match objective.scope {
            Scope::Company => (asking.members(|_| Stays::Always), None),
            Scope::Team(team) | Scope::EachRepOf(team) => (asking.team(team), None),
            Scope::Rep(person) => (vec![Counted { rep: &reps[person], stays: Stays::Always }], Some(person)),
        };
        let has_data = members
            .iter()
            .flat_map(|member| &member.rep.counters)
            .any(|counters| kpi.measures.iter().any(|measure| counters.lines(*measure).iter().any(|(_, line)| !line.is_nothing())));
        let today = day_of(local_date(at_us, office.zone(office.schedule(person))));
        let run = run::holding(objective.period, roster.settings, today);
        let mut asked = asking.ask(number, objective, kpi, true);
        let mut usual = None;
        if let (Class::Additive, Some(run)) = (asked.class(), &run) {
            let a_day = mu(&asked.history(person, &members)?);
            let people = asked.stays(office, &members, run);
            // Each one's target is for one who is there for the whole period.
            let days: i64 = match objective.scope {
                Scope::EachRepOf(_) => people.iter().map(|member| member.calendar.working_days(run)).max().unwrap_or(0),
                _ => people.iter().flat_map(|member| member.stays.iter().map(|stay| member.calendar.working_days(stay))).sum(),
            };
            usual = a_day.map(|a_day| a_day.mul(&Exact::from(i128::from(days))));
        }
        let aim = Aim {
            is_known: true,
            has_data,
            ends: run.is_some(),
            direction: objective.direction,
            target: objective.target.clone(),
            usual: usual.clone(),
        };
        out.push(Checked { number, smart: judge(&aim), usual });
    }
    Ok(out)
}
