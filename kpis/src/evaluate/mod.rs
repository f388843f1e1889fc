//! From counters to KPI values: the one function behind every screen.
//!
//! In: the catalogue, the tally, the roster, a question. Out: a [`Row`] per KPI, window, key and currency.
//! Never here: a clock (`at` is asked for), a float, a choice that one screen makes and another doesn't.

mod posts;
pub(crate) mod sheet;
pub(crate) mod whose;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::tz::TimeZone;
use onpace_schemas::Currency;

use crate::catalogue::{Catalogue, Dimension, Kpi, KpiNo};
use crate::roster::{MissingRate, Roster, TeamNo, UNROSTERED};
use crate::row::{By, Row};
use crate::tally::{Group, PAST, RepTally, Tally, other};
use crate::window::Window;
use crate::{MeasureNo, NameId};
pub use posts::{Post, posts, values};
use sheet::{Cell, Conversion, Part, Sheet};
use whose::{Rep, Stays, Stretch, Stretches, everybody, somebody};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The instant it is asked for, microseconds since 1970.
    pub at_us: i64,
    /// By what the values are broken down.
    pub by: By,
    /// For which windows.
    pub windows: &'a [Window],
    /// Which KPIs, see [`Catalogue::select`]; all of them where empty. One that can't be broken down so gives no row.
    pub kpis: &'a [KpiNo],
    /// Only this rep, team, product…
    pub key: Option<&'a str>,
    /// Only what this rep did; a person by his id.
    pub rep: Option<&'a str>,
    /// Only what was done for some teams.
    pub within: Within,
    /// The currency that all money is converted into; `None`: a value per currency.
    pub currency: Option<Currency>,
    /// At most so many reps whom no roster knows are apart, those that came first; the rest are together, as [`crate::tally::other`] is called.
    pub strangers: usize,
    /// At most so many values of a dimension are apart, those that came first; the rest are together.
    pub apart: usize,
}

impl<'a> Question<'a> {
    /// All KPIs of everybody, in some windows.
    pub fn new(at_us: i64, by: By, windows: &'a [Window]) -> Question<'a> {
        Question {
            at_us,
            by,
            windows,
            kpis: &[],
            key: None,
            rep: None,
            within: Within::Company,
            currency: None,
            strangers: usize::MAX,
            apart: usize::MAX,
        }
    }
}

/// For which teams something was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Within {
    /// For any, and for none.
    #[default]
    Company,
    /// For a team or one below it.
    Team(TeamNo),
    /// For a team itself; `None`: for none, `unrostered`.
    Just(Option<TeamNo>),
}

impl Within {
    /// Whether what is done for a team (`None`: for none) is meant.
    pub fn holds(self, roster: &Roster, team: Option<TeamNo>) -> bool {
        match self {
            Within::Company => true,
            Within::Team(wanted) => team.is_some_and(|team| roster.is_within(team, wanted)),
            Within::Just(wanted) => team == wanted,
        }
    }
}

/// Why money can't be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconvertible {
    /// There is no table of rates.
    #[error(
        "there is no rate from {currency}: name a table of daily rates with `rates:` in the roster, or ask for values per currency (wanted in {to})"
    )]
    NoRates {
        /// The currency without a rate.
        currency: Currency,
        /// The currency wanted.
        to: Currency,
    },
    /// The table has none for a day.
    #[error(transparent)]
    Missing(#[from] MissingRate),
    /// A rate is 0.
    #[error("{to} is worth nothing on {day}, so {from} can't be converted into it")]
    Nothing {
        /// The currency to be converted.
        from: Currency,
        /// The currency wanted.
        to: Currency,
        /// The day.
        day: String,
    },
}

impl Catalogue {
    /// Whether a KPI can be broken down so.
    pub fn available(&self, kpi: &Kpi, by: By) -> bool {
        by.dimension().is_none_or(|dimension| kpi.measures.iter().all(|measure| self.dimension(*measure, dimension).is_some()))
    }
}

/// Works out every value that answers a question, sorted by key, KPI, window and currency.
///
/// A KPI per currency has a row for each currency that the key has anything in, at any time; none where there is none. Converted
/// it has one row. The roster's people and teams have rows whether or not anything is counted of them.
///
/// # Errors
/// Money is to be converted and a rate is missing.
pub fn evaluate(catalogue: &Catalogue, tally: &Tally, roster: &Roster, question: &Question<'_>) -> Result<Vec<Row>, Unconvertible> {
    let mut asked = Asked::of(catalogue, tally, roster, question);
    let scopes = asked.scopes();
    let mut rows = Vec::with_capacity(scopes.len() * asked.kpis.len() * question.windows.len());
    for scope in scopes {
        asked.answer(scope, &mut rows)?;
    }
    Ok(rows)
}

/// The reps, teams, products… that a question has rows of, sorted, whichever KPIs and windows it asks for; none by company.
pub fn keys(catalogue: &Catalogue, tally: &Tally, roster: &Roster, question: &Question<'_>) -> Vec<Arc<str>> {
    let question = Question { windows: &[], ..question.clone() };
    Asked::of(catalogue, tally, roster, &question).scopes().into_iter().filter_map(|scope| scope.key).collect()
}

/// As [`evaluate`], but the rows of one key at a time, and only of keys that are `wanted`: for answers too large to be held as rows.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_each(
    catalogue: &Catalogue,
    tally: &Tally,
    roster: &Roster,
    question: &Question<'_>,
    wanted: &mut dyn FnMut(&str) -> bool,
    each: &mut dyn FnMut(&[Row]),
) -> Result<(), Unconvertible> {
    let mut asked = Asked::of(catalogue, tally, roster, question);
    let mut rows = Vec::new();
    for scope in asked.scopes() {
        if scope.key.as_deref().is_none_or(&mut *wanted) {
            rows.clear();
            asked.answer(scope, &mut rows)?;
            each(&rows);
        }
    }
    Ok(())
}

/// What those past the tally's bound are called where reps are asked for; `None` where there are none.
pub fn folded_reps(tally: &Tally, roster: &Roster) -> Option<Arc<str>> {
    tally.other().map(|_| whose::others(roster, tally))
}

/// What a dimension's values past so many are called.
pub fn folded_values(tally: &Tally, dimension: Dimension, apart: usize) -> Arc<str> {
    let names = tally.values(dimension);
    other(|name| names.find(name).is_some_and(|value| value as usize <= apart))
}

/// What one set of rows is about.
struct Scope<'a> {
    key: Option<Arc<str>>,
    /// The values of the dimension that it is about.
    values: RangeInclusive<NameId>,
    /// The zone in which its windows are shown.
    zone: TimeZone,
    parts: Vec<Counted<'a>>,
}

/// A rep's counters, and the slots of each window in which they count.
struct Counted<'a> {
    counters: &'a RepTally,
    stretches: Arc<[Stretch]>,
}

struct Asked<'a> {
    catalogue: &'a Catalogue,
    tally: &'a Tally,
    roster: &'a Roster,
    question: &'a Question<'a>,
    kpis: Vec<(KpiNo, &'a Kpi)>,
    sheet: Sheet<'a>,
    stretches: Stretches,
}

/// Where there is no dimension.
const NO_VALUES: RangeInclusive<NameId> = 0..=0;

impl<'a> Asked<'a> {
    fn of(catalogue: &'a Catalogue, tally: &'a Tally, roster: &'a Roster, question: &'a Question<'a>) -> Asked<'a> {
        let all: Vec<KpiNo> = (0..catalogue.kpis.len() as KpiNo).collect();
        let wanted = if question.kpis.is_empty() { &all } else { question.kpis };
        let kpis = wanted.iter().filter_map(|number| Some((*number, catalogue.kpis.get(usize::from(*number))?)));
        let kpis: Vec<_> = kpis.filter(|(_, kpi)| catalogue.available(kpi, question.by)).collect();
        let conversion = question.currency.map(|to| Conversion { to, roster });
        let sheet = Sheet::of(catalogue, kpis.iter().map(|(_, kpi)| *kpi), conversion);
        let (at_us, settings, windows) = (question.at_us, roster.settings, question.windows.to_vec());
        let bounds = move |zone: &TimeZone| windows.iter().map(|window| window.bounds(at_us, zone, settings)).collect();
        Asked { catalogue, tally, roster, question, kpis, sheet, stretches: Stretches::new(bounds) }
    }

    /// A rep's counters on some days.
    fn parts(&mut self, rep: &Rep<'a>, stays: &Stays, into: &mut Vec<Counted<'a>>) {
        if !stays.is_never() && !rep.counters.is_empty() {
            let stretches = self.stretches.of(rep.zone(self.roster), stays);
            into.extend(rep.counters.iter().map(|counters| Counted { counters, stretches: stretches.clone() }));
        }
    }

    fn scopes(&mut self) -> Vec<Scope<'a>> {
        let (roster, tally, question) = (self.roster, self.tally, self.question);
        let wanted = |key: &str| question.key.is_none_or(|only| only == key);
        let held = |team: Option<TeamNo>| question.within.holds(roster, team);
        let only = question.rep.or(question.key.filter(|_| question.by == By::Rep));
        let reps = match only {
            Some(_) if question.by == By::Rep && !only.is_some_and(wanted) => Vec::new(),
            Some(only) if question.strangers == usize::MAX => somebody(roster, tally, only).into_iter().collect(),
            // Whoever is together with others is found among all.
            Some(only) => everybody(roster, tally, question.strangers).into_iter().filter(|rep| *rep.name == *only).collect(),
            None => everybody(roster, tally, question.strangers),
        };
        let company = || roster.schedule.zone.clone();
        if question.by == By::Team {
            let teams = roster.teams.iter().enumerate().map(|(number, team)| (team.id.clone(), Within::Team(number)));
            let mut teams: Vec<_> = teams.chain([(UNROSTERED.into(), Within::Just(None))]).filter(|(id, _)| wanted(id)).collect();
            teams.sort_by(|a, b| a.0.cmp(&b.0));
            let mut scopes = Vec::with_capacity(teams.len());
            for (id, of) in teams {
                let mut parts = Vec::new();
                for rep in &reps {
                    self.parts(rep, &rep.stays(roster, |team| held(team) && of.holds(roster, team)), &mut parts);
                }
                scopes.push(Scope { key: Some(id), values: NO_VALUES, zone: company(), parts });
            }
            return scopes;
        }
        let mut scopes: BTreeMap<Arc<str>, Scope<'a>> = BTreeMap::new();
        let mut all = Vec::new();
        let mut by_value: BTreeMap<NameId, Vec<Counted<'a>>> = BTreeMap::new();
        for rep in &reps {
            let stays = rep.stays(roster, held);
            if stays.is_never() {
                continue;
            }
            let mut parts = Vec::with_capacity(rep.counters.len());
            self.parts(rep, &stays, &mut parts);
            match question.by.dimension() {
                None if question.by == By::Rep => {
                    let scope = Scope { key: Some(rep.name.clone()), values: NO_VALUES, zone: rep.zone(roster).clone(), parts };
                    scopes.insert(rep.name.clone(), scope);
                }
                None => all.append(&mut parts),
                Some(dimension) => {
                    for part in parts {
                        for value in self.values(part.counters, dimension) {
                            let known = by_value.entry(value).or_default();
                            if known.last().is_none_or(|last| !std::ptr::eq(last.counters, part.counters)) {
                                known.push(Counted { counters: part.counters, stretches: part.stretches.clone() });
                            }
                        }
                    }
                }
            }
        }
        if question.by == By::Company {
            return vec![Scope { key: None, values: NO_VALUES, zone: company(), parts: all }];
        }
        if let Some(dimension) = question.by.dimension() {
            let names = tally.values(dimension);
            let folded = folded_values(tally, dimension, question.apart);
            for (value, parts) in by_value {
                let (key, values): (Arc<str>, _) = match value == PAST {
                    true => (folded.clone(), PAST..=PAST),
                    false => (names.text(value).into(), value..=value),
                };
                if wanted(&key) {
                    scopes.insert(key.clone(), Scope { key: Some(key), values, zone: company(), parts });
                }
            }
        }
        scopes.into_values().collect()
    }

    /// The values that something of a rep's is counted under along a dimension, some more than once; those that are to be together are [`PAST`].
    fn values(&self, rep: &'a RepTally, dimension: Dimension) -> impl Iterator<Item = NameId> + use<'a> {
        let (catalogue, apart) = (self.catalogue, self.question.apart);
        // Of all measures, not just those asked for: the keys don't depend on which KPIs are.
        (0..catalogue.measures.len() as MeasureNo).flat_map(move |measure| {
            let place = catalogue.dimension(measure, dimension);
            rep.lines(measure).iter().filter_map(move |(id, line)| match id.group {
                Group::Dim(at, value) if Some(at) == place && !line.is_nothing() => Some(if value as usize > apart { PAST } else { value }),
                _ => None,
            })
        })
    }

    /// The part of a measure that a scope is about.
    fn part(&self, scope: &Scope<'_>, measure: MeasureNo) -> Option<Part> {
        match self.question.by.dimension() {
            None => Some(Group::Total.into()),
            Some(dimension) => {
                let place = self.catalogue.dimension(measure, dimension)?;
                // Whatever is together has the last numbers.
                let first = if *scope.values.start() == PAST {
                    self.question.apart.saturating_add(1).min(PAST as usize) as NameId
                } else {
                    *scope.values.start()
                };
                Some(Part::values(place, first..=*scope.values.end()))
            }
        }
    }

    fn answer(&mut self, scope: Scope<'a>, rows: &mut Vec<Row>) -> Result<(), Unconvertible> {
        let lasts: Vec<i32> = self.stretches.of(&scope.zone, &Stays::Always).iter().map(|stretch| stretch.last).collect();
        let (sheet, windows) = (&self.sheet, self.question.windows.len());
        let columns = sheet.measures.len();
        let mut cells = vec![Cell::default(); windows * columns];
        for (column, measure) in sheet.measures.iter().enumerate() {
            if let Some(counted) = self.part(&scope, *measure) {
                for part in &scope.parts {
                    for (window, stretch) in part.stretches.iter().enumerate() {
                        sheet.add(&mut cells[window * columns + column], part.counters, column, counted, stretch, lasts[window])?;
                    }
                }
            }
        }
        let currencies = match self.question.currency {
            Some(to) => vec![Some(to)],
            None if self.kpis.iter().any(|(_, kpi)| kpi.per_currency) => self.currencies(&scope).into_iter().map(Some).collect(),
            None => Vec::new(),
        };
        let bounds = self.stretches.bounds(&scope.zone);
        for (number, kpi) in &self.kpis {
            for (at, window) in self.question.windows.iter().enumerate() {
                for currency in if kpi.per_currency { &currencies[..] } else { &[None] } {
                    let (value, sides) = self.sheet.value(kpi, &cells[at * columns..(at + 1) * columns], *currency);
                    rows.push(Row {
                        kpi: kpi.name.clone(),
                        number: *number,
                        window: *window,
                        bounds: bounds[at],
                        key: scope.key.clone().map(|key| (self.question.by, key)),
                        currency: *currency,
                        unit: kpi.unit,
                        value,
                        sides,
                    });
                }
            }
        }
        Ok(())
    }

    /// Every currency that a scope has anything in, at any time, sorted.
    fn currencies(&self, scope: &Scope<'_>) -> Vec<Currency> {
        sheet::currencies(self.catalogue, |measure| {
            let counted = self.part(scope, measure);
            counted
                .into_iter()
                .flat_map(move |counted| scope.parts.iter().flat_map(move |part| Sheet::lines(part.counters, measure, counted)))
        })
    }
}
