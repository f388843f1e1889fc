//! What is above the reps: teams and the company, in metrics of their own; by product, origin and stage in further ones.
//!
//! In: a round. Out: families. A team's values are those of the API, whoever is in the teams below it included. What always holds: the company
//! has every window, whatever the plan says. Never here: a rep.

use std::collections::BTreeSet;
use std::sync::Arc;

use onpace_kpis::catalogue::Dimension;
use onpace_kpis::evaluate::values;
use onpace_kpis::{By, Catalogue, Kpi, KpiNo, Question, Row, Within};
use onpace_metrics::Type;
use onpace_schemas::Currency;

use super::budget::Metric;
use super::exposition::Family;
use super::leaves::is_staged;
use super::round::{Round, help_of, name_of, value_of};

/// So many products, origins and stages have rows of their own; the rest have one together.
const VALUES: usize = 50;
/// The KPIs that are by product and by origin.
const BY_VALUE: [&str; 3] = ["deals_won", "deals_lost", "revenue_won"];

/// The breakdowns and their values.
pub struct Above {
    breakdowns: Vec<Breakdown>,
    currencies: usize,
}

struct Breakdown {
    by: By,
    /// What its label is called: `stage` would be taken for a deployment's.
    label: &'static str,
    kpis: Vec<KpiNo>,
    values: Vec<Arc<str>>,
}

impl Above {
    pub fn of(round: &Round<'_>) -> Above {
        let catalogue = &round.evaluation.catalogue;
        let breakdown = |(by, label): (By, &'static str)| {
            let dimension = by.dimension()?;
            let wanted = |kpi: &Kpi| match dimension {
                Dimension::Field(_) => BY_VALUE.contains(&&*kpi.name) && catalogue.available(kpi, by),
                Dimension::Entered(_) => is_staged(catalogue, kpi),
            };
            let kpis: Vec<KpiNo> =
                (0..catalogue.kpis.len() as KpiNo).filter(|number| wanted(&catalogue.kpis[usize::from(*number)])).collect();
            Some(Breakdown { by, label, kpis, values: values(catalogue, round.tally, dimension, VALUES) })
        };
        let breakdowns = [(By::Product, "product"), (By::Origin, "origin"), (By::Stage, "deal_stage")];
        let measures = (0..).zip(&catalogue.measures).filter(|(_, measure)| measure.what.has_currency()).map(|(number, _)| number);
        let lines = measures.flat_map(|number| round.tally.everybody().flat_map(move |rep| rep.lines(number)));
        let currencies: BTreeSet<Option<Currency>> = lines.map(|(id, _)| Currency::from_number(id.extra)).collect();
        Above { breakdowns: breakdowns.into_iter().filter_map(breakdown).collect(), currencies: currencies.len() }
    }

    /// A team's metric of a KPI; none of one that is only by stage.
    pub fn team(&self, round: &Round<'_>, kpi: &Kpi) -> Option<Metric> {
        let catalogue = &round.evaluation.catalogue;
        let name = format!("onpace_team_{}", name_of(kpi));
        (!is_staged(catalogue, kpi)).then(|| Metric { name, each: self.teams(round) * self.per(kpi) })
    }

    /// The teams' metrics by product, origin and stage.
    pub fn by_values(&self, round: &Round<'_>) -> Vec<Metric> {
        let catalogue = &round.evaluation.catalogue;
        let of = |breakdown: &Breakdown| {
            let (teams, values) = (self.teams(round), breakdown.values.len());
            let metric = |number: &KpiNo| {
                let kpi = &catalogue.kpis[usize::from(*number)];
                Metric { name: breakdown.name(catalogue, "onpace_team_", kpi), each: teams * values * self.per(kpi) }
            };
            breakdown.kpis.iter().map(metric).collect::<Vec<_>>()
        };
        self.breakdowns.iter().rev().flat_map(of).collect()
    }

    fn teams(&self, round: &Round<'_>) -> usize {
        round.evaluation.roster.teams.len() + 1
    }

    fn per(&self, kpi: &Kpi) -> usize {
        if kpi.per_currency { self.currencies } else { 1 }
    }

    /// Every family of the plan, and all of the company.
    pub fn families(&self, round: &Round<'_>, out: &mut Vec<Family>) {
        let (catalogue, roster) = (&round.evaluation.catalogue, &round.evaluation.roster);
        let plain: Vec<KpiNo> =
            (0..catalogue.kpis.len() as KpiNo).filter(|number| !is_staged(catalogue, &catalogue.kpis[usize::from(*number)])).collect();
        let name = |prefix: &'static str| move |kpi: &Kpi| format!("{prefix}{}", name_of(kpi));
        let mut company = Families::new(round, &plain, name("onpace_company_"), "the company", |_| true);
        company.add(round, Question { windows: round.all, ..round.question(By::Company) }, &[], "");
        out.extend(company.families);
        let mut teams = Families::new(round, &plain, name("onpace_team_"), "by team, those below it included", |name| round.plan.has(name));
        teams.add(round, round.question(By::Team), &[], "team");
        out.extend(teams.families);
        let withins = || {
            let named = roster.teams.iter().enumerate().map(|(number, team)| (&*team.id, Within::Team(number)));
            named.chain([(onpace_kpis::roster::UNROSTERED, Within::Just(None))])
        };
        for breakdown in &self.breakdowns {
            let named = |prefix: &'static str| move |kpi: &Kpi| breakdown.name(catalogue, prefix, kpi);
            let of = |whose: &str| format!("{whose}, by {}", breakdown.by);
            let question = || Question { apart: VALUES, ..round.question(breakdown.by) };
            let mut company = Families::new(round, &breakdown.kpis, named("onpace_company_"), &of("the company"), |_| true);
            company.add(round, Question { windows: round.all, ..question() }, &[], breakdown.label);
            out.extend(company.families);
            let mut teams = Families::new(round, &breakdown.kpis, named("onpace_team_"), &of("by team, those below it included"), |name| {
                round.plan.has(name)
            });
            for (team, within) in withins() {
                teams.add(round, Question { within, ..question() }, &[("team", team)], breakdown.label);
            }
            out.extend(teams.families);
        }
    }
}

impl Breakdown {
    /// What is counted by stage alone needs no word for it.
    fn name(&self, catalogue: &Catalogue, prefix: &str, kpi: &Kpi) -> String {
        match is_staged(catalogue, kpi) {
            true => format!("{prefix}{}", name_of(kpi)),
            false => format!("{prefix}{}_by_{}", name_of(kpi), self.by),
        }
    }
}

/// A family for each of some KPIs.
struct Families {
    kpis: Vec<KpiNo>,
    families: Vec<Family>,
}

impl Families {
    fn new(round: &Round<'_>, kpis: &[KpiNo], name: impl Fn(&Kpi) -> String, whose: &str, wanted: impl Fn(&str) -> bool) -> Families {
        let catalogue = &round.evaluation.catalogue;
        let mut out = Families { kpis: Vec::new(), families: Vec::new() };
        for number in kpis {
            let kpi = &catalogue.kpis[usize::from(*number)];
            let name = name(kpi);
            if wanted(&name) {
                out.families.push(Family::new(name, Type::Gauge, help_of(kpi, whose)));
                out.kpis.push(*number);
            }
        }
        out
    }

    /// Adds the rows that answer a question; `label` is what their key is called.
    fn add(&mut self, round: &Round<'_>, question: Question<'_>, with: &[(&str, &str)], label: &str) {
        let Families { kpis, families } = self;
        if kpis.is_empty() {
            return;
        }
        let mut write = |rows: &[Row]| {
            for row in rows {
                let Ok(place) = kpis.binary_search(&row.number) else { continue };
                let mut labels = with.to_vec();
                if let Some((_, key)) = &row.key {
                    labels.push((label, key));
                }
                labels.push(("window", row.window.name()));
                if let Some(currency) = &row.currency {
                    labels.push(("currency", currency.code()));
                }
                families[place].sample(&labels, &value_of(row));
            }
        };
        round.each(Question { kpis, ..question }, &mut |_| true, &mut write);
    }
}
