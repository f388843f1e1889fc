//! Leaf rows: each KPI of each rep while he was in a team, so that `sum by (team)` and `sum()` are right after he has moved.
//!
//! In: a round. Out: a family for each KPI, and the reps there was room for. Never here: what does not belong to a rep.

use std::collections::BTreeSet;
use std::sync::Arc;

use onpace_kpis::catalogue::Dimension;
use onpace_kpis::roster::{TeamNo, UNROSTERED};
use onpace_kpis::{By, Kpi, KpiNo, Question, Row, Window, Within};
use onpace_schemas::{Currency, to_major};

use super::exposition::{Family, FamilyKind, labels};
use super::kpis::{Round, help_of, name_of, value_of};

const STAGE: Dimension = Dimension::Entered("stage");

/// A rep while he was in a team, with what is counted of that.
struct Post {
    rep: Arc<str>,
    /// `None`: in none.
    team: Option<TeamNo>,
    rows: Vec<Row>,
}

/// Every KPI by rep and team, and the reps that have rows, sorted.
pub fn families(round: &mut Round<'_>) -> (Vec<Family>, Vec<Arc<str>>) {
    let catalogue = &round.evaluation.catalogue;
    let (posts, beyond) = posts(round);
    let currencies: BTreeSet<Currency> = posts.iter().flat_map(|post| &post.rows).filter_map(|row| row.currency).collect();
    let family = |kpi: &Kpi| Family::new(format!("onpace_{}", name_of(kpi)), FamilyKind::Gauge, help_of(kpi, "by rep"));
    let mut families: Vec<Family> = catalogue.kpis.iter().map(family).collect();
    let mut dropped = vec![0; families.len()];
    let staged: Vec<usize> = (0..catalogue.kpis.len()).filter(|number| is_staged(round, &catalogue.kpis[*number])).collect();
    for post in &posts {
        let team = round.team(post.team);
        let by_window: Vec<String> =
            round.windows().iter().map(|window| labels(&[("rep", &post.rep), ("team", team), ("window", window.name())])).collect();
        let place = |window: Window| round.windows().iter().position(|known| *known == window).unwrap_or_default();
        let mut own = post.rows.iter().peekable();
        for (number, kpi) in catalogue.kpis.iter().enumerate() {
            let family = &mut families[number];
            let mut add = |labels: &str, value: &str| {
                if family.series < round.cap {
                    family.sample_with(labels, value);
                } else {
                    dropped[number] += 1;
                }
            };
            let skipped = staged.contains(&number);
            let mut seen = Vec::new();
            while let Some(row) = own.next_if(|row| usize::from(row.number) == number) {
                let with = &by_window[place(row.window)];
                match row.currency {
                    _ if skipped => {}
                    None => add(with, &value_of(row)),
                    Some(currency) => {
                        seen.push(currency);
                        add(&with_label(with, "currency", currency.code()), &value_of(row));
                    }
                }
            }
            if kpi.per_currency {
                let adds_up = catalogue.adds_up(kpi);
                for currency in currencies.iter().filter(|currency| !seen.contains(currency)) {
                    for with in &by_window {
                        add(&with_label(with, "currency", currency.code()), &nothing(adds_up, *currency));
                    }
                }
            }
        }
    }
    for number in staged {
        dropped[number] += stages(round, number as KpiNo, &posts, &mut families[number]);
    }
    for (number, family) in families.iter().enumerate() {
        let per_post = family.series.checked_div(posts.len()).unwrap_or_default();
        round.dropped.push((family.name().to_owned(), dropped[number] + beyond * per_post));
    }
    let mut reps: Vec<Arc<str>> = posts.into_iter().map(|post| post.rep).collect();
    reps.dedup();
    (families, reps)
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

    /// What reps did for one team itself (`None`: for none), one of them or all.
    fn done(&self, team: Option<TeamNo>, rep: Option<&str>) -> Vec<Row> {
        self.rows(Question { key: rep, within: Within::Just(team), ..self.question(By::Rep) })
    }
}

/// Whom there is a row of in each team, by rep and team, and how many there is no room for.
///
/// A person has rows in every team that he was ever in, and in none only if he never was in any or something is counted of him then.
fn posts(round: &Round<'_>) -> (Vec<Post>, usize) {
    let roster = &round.evaluation.roster;
    let mut places: Vec<(Arc<str>, Option<TeamNo>)> = Vec::new();
    for rep in round.evaluation.reps(round.tally) {
        let stays = round.evaluation.known(&rep).map_or(&[][..], |person| &roster.people[person].teams);
        if stays.is_empty() {
            places.push((rep.clone(), None));
        }
        let teams: BTreeSet<TeamNo> = stays.iter().map(|stay| stay.team).collect();
        places.extend(teams.into_iter().map(|team| (rep.clone(), Some(team))));
    }
    let room = (round.cap / round.windows().len().max(1)).max(1);
    let mut beyond = places.len().saturating_sub(room);
    let mut posts: Vec<Post> = Vec::with_capacity(places.len().min(room));
    if beyond > 0 {
        for (rep, team) in places.into_iter().take(room) {
            let rows = round.done(team, Some(&rep));
            posts.push(Post { rep, team, rows });
        }
        return (posts, beyond);
    }
    let mut teams: Vec<Option<TeamNo>> = places.iter().map(|(_, team)| *team).collect();
    teams.sort_unstable();
    teams.dedup();
    if teams.first().is_some_and(Option::is_some) {
        teams.insert(0, None);
    }
    for team in teams {
        let mut rows = round.done(team, None).into_iter().peekable();
        while let Some(first) = rows.next() {
            let key = first.key.clone();
            let Some((_, rep)) = key.clone() else { continue };
            let mut own = vec![first];
            while let Some(row) = rows.next_if(|row| row.key == key) {
                own.push(row);
            }
            let is_place = places.binary_search_by(|place| place.cmp(&(rep.clone(), team))).is_ok();
            let counts = || own.iter().any(|row| row.value.as_ref().is_some_and(|value| !value.is_zero()));
            if is_place || counts() {
                posts.push(Post { rep, team, rows: own });
            }
        }
    }
    posts.sort_by(|a, b| (&a.rep, round.team(a.team)).cmp(&(&b.rep, round.team(b.team))));
    beyond += posts.len().saturating_sub(room);
    posts.truncate(room);
    (posts, beyond)
}

/// Whether a KPI is a measure of values entered: its leaf rows are by that value too.
fn is_staged(round: &Round<'_>, kpi: &Kpi) -> bool {
    let catalogue = &round.evaluation.catalogue;
    match kpi.measures[..] {
        [measure] => *catalogue.measures[usize::from(measure)].name == *kpi.name && catalogue.dimension(measure, STAGE).is_some(),
        _ => false,
    }
}

/// Writes a KPI by rep, team and stage; how many series there was no room for.
fn stages(round: &Round<'_>, kpi: KpiNo, posts: &[Post], family: &mut Family) -> usize {
    let kpis = [kpi];
    let of = |post: &Post| {
        let question = Question { kpis: &kpis, rep: Some(&post.rep), within: Within::Just(post.team), ..round.question(By::Stage) };
        round.rows(question)
    };
    let rows: Vec<Vec<Row>> = posts.iter().map(of).collect();
    let stages: BTreeSet<Arc<str>> = rows.iter().flatten().filter_map(|row| Some(row.key.as_ref()?.1.clone())).collect();
    let mut dropped = 0;
    for (post, rows) in posts.iter().zip(&rows) {
        for window in round.windows() {
            for stage in &stages {
                let row = rows.iter().find(|row| row.window == *window && row.key.as_ref().is_some_and(|(_, key)| key == stage));
                let value = row.map_or_else(|| "0".into(), value_of);
                if family.series < round.cap {
                    let team = round.team(post.team);
                    family.sample(&[("rep", &post.rep), ("team", team), ("window", window.name()), ("deal_stage", stage)], &value);
                } else {
                    dropped += 1;
                }
            }
        }
    }
    dropped
}

/// Labels with one more.
fn with_label(with: &str, name: &str, value: &str) -> String {
    format!("{},{name}=\"{value}\"}}", with.strip_suffix('}').unwrap_or(with))
}
