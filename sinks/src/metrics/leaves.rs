//! Leaf rows: each KPI of each rep while he was in a team, so that `sum by (team)` and `sum()` are right after he has moved.
//!
//! In: a round, its plan. Out: a family for each KPI that the plan has; one KPI converted. What always holds: every post has a row in every
//! metric and window of the plan. Work is linear in the rows that are written. Never here: what does not belong to a rep.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use onpace_kpis::catalogue::Dimension;
use onpace_kpis::roster::{TeamNo, UNROSTERED};
use onpace_kpis::tally::OTHER;
use onpace_kpis::{By, Catalogue, Kpi, KpiNo, Post, Question, Row, Within};
use onpace_metrics::Type;
use onpace_schemas::{Currency, to_major};

use super::exposition::{Family, labels};
use super::round::{Round, help_of, name_of, value_of};

/// What is entered.
pub const STAGE: Dimension = Dimension::Entered("stage");
/// So many stages have rows of their own by rep; the rest have one together.
pub const STAGES: usize = 20;
/// In so many currencies, those that most reps have anything in, everybody has rows; in another only who has anything in it.
const COMMON: usize = 3;

/// Whom there are rows of, and along what.
pub struct Leaves {
    pub posts: Vec<Post>,
    /// The currencies that everybody has rows in, sorted.
    common: Vec<Currency>,
    pub stages: Vec<Arc<str>>,
}

impl Leaves {
    pub fn of(round: &Round<'_>) -> Leaves {
        let evaluation = round.evaluation;
        let posts = onpace_kpis::posts(&evaluation.catalogue, round.tally, &evaluation.roster, round.strangers());
        let mut seen: BTreeMap<Currency, usize> = evaluation.roster.currency.map(|own| (own, posts.len())).into_iter().collect();
        let is_used = posts.iter().any(|post| !post.currencies.is_empty());
        for currency in posts.iter().flat_map(|post| &post.currencies) {
            *seen.entry(*currency).or_default() += 1;
        }
        let mut common: Vec<(Currency, usize)> = seen.into_iter().filter(|_| is_used).collect();
        common.sort_by_key(|(currency, reps)| (std::cmp::Reverse(*reps), *currency));
        let mut common: Vec<Currency> = common.into_iter().take(COMMON).map(|(currency, _)| currency).collect();
        common.sort_unstable();
        let stages = onpace_kpis::evaluate::values(&evaluation.catalogue, round.tally, STAGE, STAGES);
        Leaves { posts, common, stages }
    }

    /// The currencies that a post has rows in, sorted.
    fn currencies(&self, post: &Post) -> Vec<Currency> {
        let mut all: Vec<Currency> = self.common.iter().chain(&post.currencies).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How many series a KPI has in one window.
    pub fn each(&self, catalogue: &Catalogue, kpi: &Kpi) -> usize {
        if is_staged(catalogue, kpi) {
            return self.posts.len() * self.stages.len();
        }
        match kpi.per_currency {
            true => self.posts.iter().map(|post| self.currencies(post).len()).sum(),
            false => self.posts.len(),
        }
    }

    /// Every KPI of the plan by rep and team.
    pub fn families(&self, round: &Round<'_>) -> Vec<Family> {
        let catalogue = &round.evaluation.catalogue;
        let family = |kpi: &Kpi| Family::new(format!("onpace_{}", name_of(kpi)), Type::Gauge, help_of(kpi, "by rep"));
        let mut families: Vec<Family> = catalogue.kpis.iter().map(family).collect();
        let of = |wanted: bool| {
            let numbers = (0..catalogue.kpis.len() as KpiNo).filter(|number| round.plan.has(families[usize::from(*number)].name()));
            numbers.filter(|number| is_staged(catalogue, &catalogue.kpis[usize::from(*number)]) == wanted).collect::<Vec<KpiNo>>()
        };
        let (plain, staged) = (of(false), of(true));
        if !plain.is_empty() {
            for (team, posts) in self.by_team() {
                let question =
                    Question { kpis: &plain, within: Within::Just(team), strangers: round.strangers(), ..round.question(By::Rep) };
                round.each(question, &mut |rep| posts.contains_key(rep), &mut |rows| {
                    let Some(post) = key_of(rows).and_then(|rep| posts.get(rep)) else { return };
                    self.write(round, post, &plain, rows, &mut families);
                });
            }
        }
        for number in staged {
            self.stages(round, number, &mut families[usize::from(number)]);
        }
        families.retain(|family| round.plan.has(family.name()));
        families
    }

    /// The posts of each team by rep.
    fn by_team(&self) -> BTreeMap<Option<TeamNo>, HashMap<&str, &Post>> {
        let mut teams: BTreeMap<Option<TeamNo>, HashMap<&str, &Post>> = BTreeMap::new();
        for post in &self.posts {
            teams.entry(post.team).or_default().insert(&post.rep, post);
        }
        teams
    }

    /// Writes a post's rows, sorted by KPI, window and currency, each into its KPI's family.
    fn write(&self, round: &Round<'_>, post: &Post, kpis: &[KpiNo], rows: &[Row], families: &mut [Family]) {
        let catalogue = &round.evaluation.catalogue;
        let team = round.team(post.team);
        let in_window = |window: &onpace_kpis::Window| labels(&[("rep", &post.rep), ("team", team), ("window", window.name())]);
        let by_window: Vec<String> = round.plan.windows.iter().map(in_window).collect();
        let currencies = self.currencies(post);
        let by_currency: Vec<String> = by_window
            .iter()
            .flat_map(|with| currencies.iter().map(move |currency| with_label(with, "currency", currency.code())))
            .collect();
        let mut own = rows.iter().peekable();
        for number in kpis {
            let kpi = &catalogue.kpis[usize::from(*number)];
            let family = &mut families[usize::from(*number)];
            if !kpi.per_currency {
                for with in &by_window {
                    if let Some(row) = own.next_if(|row| row.number == *number) {
                        family.sample_with(with, &value_of(row));
                    }
                }
                continue;
            }
            let adds_up = catalogue.adds_up(kpi);
            for (window, of_window) in round.plan.windows.iter().zip(by_currency.chunks(currencies.len().max(1))) {
                for (currency, with) in currencies.iter().zip(of_window) {
                    let row = own.next_if(|row| row.number == *number && row.window == *window && row.currency == Some(*currency));
                    let value = row.map_or_else(|| nothing(adds_up, *currency), value_of);
                    family.sample_with(with, &value);
                }
            }
        }
    }

    /// Writes a KPI by rep, team and stage.
    fn stages(&self, round: &Round<'_>, kpi: KpiNo, family: &mut Family) {
        let kpis = [kpi];
        let windows = &round.plan.windows;
        for post in &self.posts {
            let own =
                Question { kpis: &kpis, rep: Some(&post.rep), within: Within::Just(post.team), apart: STAGES, ..round.question(By::Stage) };
            // To find those who are together takes a look at everybody.
            let strangers = if post.rep.starts_with(OTHER) { round.strangers() } else { usize::MAX };
            let mut values: Vec<Option<String>> = vec![None; self.stages.len() * windows.len()];
            let mut take = |rows: &[Row]| {
                let stage = key_of(rows).and_then(|key| self.stages.binary_search_by(|stage| (**stage).cmp(key)).ok());
                let Some(stage) = stage else { return };
                for (at, row) in rows.iter().enumerate() {
                    values[stage * windows.len() + at] = Some(value_of(row));
                }
            };
            round.each(Question { strangers, ..own }, &mut |_| true, &mut take);
            let team = round.team(post.team);
            for (stage, values) in self.stages.iter().zip(values.chunks(windows.len().max(1))) {
                for (window, value) in windows.iter().zip(values) {
                    let with = [("rep", &*post.rep), ("team", team), ("window", window.name()), ("deal_stage", &**stage)];
                    family.sample(&with, value.as_deref().unwrap_or("0"));
                }
            }
        }
    }
}

fn key_of(rows: &[Row]) -> Option<&str> {
    rows.first()?.key.as_ref().map(|(_, key)| &**key)
}

/// What evaluation would say of a rep who has nothing in a currency.
fn nothing(adds_up: bool, currency: Currency) -> String {
    if adds_up { to_major(0, currency) } else { "NaN".into() }
}

impl Round<'_> {
    /// A team's label.
    pub fn team(&self, team: Option<TeamNo>) -> &str {
        team.and_then(|team| self.evaluation.roster.teams.get(team)).map_or(UNROSTERED, |team| &team.id)
    }
}

/// Whether a KPI is a measure of values entered: its rows are by that value too.
pub fn is_staged(catalogue: &Catalogue, kpi: &Kpi) -> bool {
    match kpi.measures[..] {
        [measure] => *catalogue.measures[usize::from(measure)].name == *kpi.name && catalogue.dimension(measure, STAGE).is_some(),
        _ => false,
    }
}

/// Labels with one more.
fn with_label(with: &str, name: &str, value: &str) -> String {
    format!("{},{name}=\"{value}\"}}", with.strip_suffix('}').unwrap_or(with))
}
