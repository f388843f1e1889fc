//! Revenue in one currency: the reporting currency of a roster that has daily rates.
//!
//! In: a round. Out: one KPI by rep, by team and of the company, converted. What always holds: all of it or nothing: where one rate is missing
//! no part of the sum is shown. Never here: a rate that nobody gave.

use std::collections::HashMap;

use onpace_kpis::{By, KpiNo, Post, Question, Row, Unconvertible, Within};
use onpace_metrics::Type;
use onpace_schemas::Currency;

use super::budget::Metric;
use super::exposition::Family;
use super::leaves::Leaves;
use super::round::{Round, help_of, name_of, value_of};

/// The KPI that is converted.
const KPI: &str = "revenue_won";

/// What is converted into what; nothing without a reporting currency, rates, or that KPI.
pub struct Converted(Option<(KpiNo, Currency)>);

impl Converted {
    pub fn of(round: &Round<'_>) -> Converted {
        let roster = &round.evaluation.roster;
        let number = round.evaluation.catalogue.kpis.iter().position(|kpi| *kpi.name == *KPI && kpi.unit.is_money() && kpi.per_currency);
        let currency = roster.currency.filter(|_| roster.rates.is_some());
        Converted(number.map(|number| number as KpiNo).zip(currency))
    }

    fn name(&self, round: &Round<'_>, prefix: &str) -> Option<String> {
        let (number, _) = self.0?;
        Some(format!("{prefix}{}_converted", name_of(&round.evaluation.catalogue.kpis[usize::from(number)])))
    }

    /// What is by rep and by team.
    pub fn metrics(&self, round: &Round<'_>, leaves: &Leaves) -> Vec<Metric> {
        let rep = self.name(round, "onpace_").map(|name| Metric { name, each: leaves.posts.len() });
        let team = self.name(round, "onpace_team_").map(|name| Metric { name, each: round.evaluation.roster.teams.len() + 1 });
        rep.into_iter().chain(team).collect()
    }

    /// The families.
    ///
    /// # Errors
    /// A rate is missing: there is none.
    pub fn families(&self, round: &Round<'_>, leaves: &Leaves, out: &mut Vec<Family>) -> Result<(), Unconvertible> {
        let Some((number, currency)) = self.0 else { return Ok(()) };
        let (kpis, kpi) = ([number], &round.evaluation.catalogue.kpis[usize::from(number)]);
        let question = |by| Question { kpis: &kpis, currency: Some(currency), strangers: round.strangers(), ..round.question(by) };
        let family = |prefix: &str, whose: &str| {
            let name = self.name(round, prefix).unwrap_or_default();
            Family::new(name, Type::Gauge, help_of(kpi, &format!("{whose}, each day at its rate")))
        };
        let ask = |question: Question<'_>, wanted: &mut dyn FnMut(&str) -> bool, each: &mut dyn FnMut(&[Row])| {
            round.evaluation.each(round.tally, &question, wanted, each)
        };
        // Whatever a rep or a team needs a rate for, the company does too.
        let mut company = family("onpace_company_", "the company");
        ask(Question { windows: round.all, ..question(By::Company) }, &mut |_| true, &mut |rows| add(&mut company, &[], "", rows))?;
        let mut teams = family("onpace_team_", "by team, those below it included");
        if round.plan.has(teams.name()) {
            ask(question(By::Team), &mut |_| true, &mut |rows| add(&mut teams, &[], "team", rows))?;
        }
        let mut reps = family("onpace_", "by rep");
        if round.plan.has(reps.name()) {
            let mut by_team: HashMap<Option<usize>, HashMap<&str, &Post>> = HashMap::new();
            for post in &leaves.posts {
                by_team.entry(post.team).or_default().insert(&post.rep, post);
            }
            let mut teams: Vec<_> = by_team.into_iter().collect();
            teams.sort_unstable_by_key(|(team, _)| *team);
            for (team, posts) in teams {
                let with = [("team", round.team(team))];
                let question = Question { within: Within::Just(team), ..question(By::Rep) };
                ask(question, &mut |rep| posts.contains_key(rep), &mut |rows| add(&mut reps, &with, "rep", rows))?;
            }
        }
        out.extend([company, teams, reps]);
        Ok(())
    }
}

fn add(family: &mut Family, with: &[(&str, &str)], label: &str, rows: &[Row]) {
    for row in rows {
        let mut labels: Vec<(&str, &str)> = row.key.iter().map(|(_, key)| (label, &**key)).chain(with.iter().copied()).collect();
        labels.push(("window", row.window.name()));
        if let Some(currency) = &row.currency {
            labels.push(("currency", currency.code()));
        }
        family.sample(&labels, &value_of(row));
    }
}
