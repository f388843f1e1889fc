//! From counters to KPI values: the one function behind every screen.
//!
//! In: the catalogue, the tally, the company's calendar, a question. Out: a [`Row`] per KPI, window, key and currency.
//! Never here: a clock (`at` is asked for), a float, a choice that one screen makes and another doesn't.
//!
//! Money is given per currency. Converting it with daily rates, and teams (everybody is `unrostered`), come with the roster.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use num_rational::Ratio;
use onpace_schemas::Currency;

use crate::catalogue::{Catalogue, Dimension, Kpi, KpiNo, Leaf};
use crate::exact::Exact;
use crate::formula::{Formula, Op, Values};
use crate::row::{By, Row, Sides};
use crate::tally::{Group, RepTally, Tally, UNASSIGNED};
use crate::window::{Bounds, Ranges, Settings, Window};
use crate::{MeasureNo, histogram};

/// The team of whoever is in none.
pub const UNROSTERED: &str = "unrostered";

/// When a company's days, weeks and years begin.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The company's time zone.
    pub zone: TimeZone,
    /// The reps who have another.
    pub rep_zones: HashMap<String, TimeZone>,
    /// Its weeks and its fiscal year.
    pub settings: Settings,
}

impl Calendar {
    /// The calendar of a company in one zone, with weeks from Monday and years from January.
    pub fn of(zone: TimeZone) -> Calendar {
        Calendar { zone, rep_zones: HashMap::new(), settings: Settings::default() }
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Calendar::of(TimeZone::UTC)
    }
}

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
}

impl Catalogue {
    /// Whether a KPI can be broken down so.
    pub fn available(&self, kpi: &Kpi, by: By) -> bool {
        by.dimension().is_none_or(|dimension| kpi.measures.iter().all(|measure| self.dimension(*measure, dimension).is_some()))
    }
}

/// Works out every value that answers a question, sorted by key, KPI, window and currency.
///
/// A KPI per currency has a row for each currency that the key has anything in, at any time; none where there is none.
pub fn evaluate(catalogue: &Catalogue, tally: &Tally, calendar: &Calendar, question: &Question<'_>) -> Vec<Row> {
    let all: Vec<KpiNo> = (0..catalogue.kpis.len() as KpiNo).collect();
    let wanted = if question.kpis.is_empty() { &all } else { question.kpis };
    let kpis = wanted.iter().filter_map(|number| Some((*number, catalogue.kpis.get(usize::from(*number))?)));
    let kpis: Vec<_> = kpis.filter(|(_, kpi)| catalogue.available(kpi, question.by)).collect();
    let mut measures: Vec<MeasureNo> = kpis.iter().flat_map(|(_, kpi)| kpi.measures.iter().copied()).collect();
    measures.sort_unstable();
    measures.dedup();
    let mut columns = vec![usize::MAX; catalogue.measures.len()];
    for (column, measure) in measures.iter().enumerate() {
        columns[usize::from(*measure)] = column;
    }
    let zones = Zones::of(calendar, tally, question);
    let asked = Asked { catalogue, tally, question, kpis, measures, columns, zones };
    let scopes = asked.scopes();
    let mut rows = Vec::with_capacity(scopes.len() * asked.kpis.len() * question.windows.len());
    for scope in scopes {
        asked.answer(scope, &mut rows);
    }
    rows
}

/// The windows in each zone that somebody lives in, worked out once.
struct Zones {
    /// By zone, then by window; the company's first.
    windows: Vec<Vec<Stretch>>,
    of_rep: HashMap<String, usize>,
}

/// A window in a zone.
struct Stretch {
    bounds: Bounds,
    /// The slots that a flow is summed over.
    flow: Ranges,
    /// The slots that a level is summed over.
    level: Ranges,
}

impl Zones {
    fn of(calendar: &Calendar, tally: &Tally, question: &Question<'_>) -> Zones {
        let mut known = vec![calendar.zone.clone()];
        let mut of_rep = HashMap::new();
        // Where nobody has a zone of his own nobody is looked at: a question about one of 100,000 reps stays quick.
        let reps = if calendar.rep_zones.is_empty() { 0 } else { usize::MAX };
        for rep in tally.reps().take(reps) {
            // `unassigned` is nobody's name, and lives where the company does.
            if let Some(zone) = calendar.rep_zones.get(&**rep.name()).filter(|_| &**rep.name() != UNASSIGNED) {
                let at = known.iter().position(|other| other == zone).unwrap_or_else(|| {
                    known.push(zone.clone());
                    known.len() - 1
                });
                of_rep.insert(rep.name().to_string(), at);
            }
        }
        let stretch = |zone: &TimeZone, window: &Window| {
            let bounds = window.bounds(question.at_us, zone, calendar.settings);
            let flow = bounds.ranges(zone);
            let level = Ranges { quarters: i32::MIN..flow.quarters.end, dates: i32::MIN..flow.dates.end };
            Stretch { bounds, flow, level }
        };
        let windows = known.iter().map(|zone| question.windows.iter().map(|window| stretch(zone, window)).collect()).collect();
        Zones { windows, of_rep }
    }

    fn of_rep(&self, rep: &RepTally) -> usize {
        self.of_rep.get(&**rep.name()).copied().unwrap_or(0)
    }
}

/// What one set of rows is about: some reps, and what part of their measures.
struct Scope<'a> {
    key: Option<Arc<str>>,
    reps: Vec<&'a RepTally>,
}

/// A measure's value in a window: a number, or one per currency or bucket.
#[derive(Clone, Default)]
struct Cell {
    plain: i128,
    /// Sorted by currency or bucket.
    extra: Vec<(u32, i128)>,
}

struct Asked<'a> {
    catalogue: &'a Catalogue,
    tally: &'a Tally,
    question: &'a Question<'a>,
    kpis: Vec<(KpiNo, &'a Kpi)>,
    /// The measures that the KPIs are made of, sorted.
    measures: Vec<MeasureNo>,
    /// The place of a measure in `measures`.
    columns: Vec<usize>,
    zones: Zones,
}

impl<'a> Asked<'a> {
    fn scopes(&self) -> Vec<Scope<'a>> {
        let wanted = |key: &str| self.question.key.is_none_or(|only| only == key);
        let mut scopes: BTreeMap<Arc<str>, Vec<&'a RepTally>> = BTreeMap::new();
        match (self.question.by, self.question.by.dimension()) {
            (By::Company, _) => return vec![Scope { key: None, reps: self.tally.reps().collect() }],
            (By::Rep, _) => {
                let each = |rep: &'a RepTally| (rep.name().clone(), vec![rep]);
                match self.question.key {
                    Some(only) => scopes.extend(self.tally.rep(only).map(each)),
                    None => scopes.extend(self.tally.reps().map(each)),
                }
            }
            // Who was in which team at which slot is the roster's to say; without one everybody is in this.
            (_, None) => {
                if wanted(UNROSTERED) {
                    scopes.insert(UNROSTERED.into(), self.tally.reps().collect());
                }
            }
            (_, Some(dimension)) => {
                for rep in self.tally.reps() {
                    for value in self.values(rep, dimension).filter(|value| wanted(value)) {
                        let reps = match scopes.get_mut(value) {
                            Some(reps) => reps,
                            None => scopes.entry(value.into()).or_default(),
                        };
                        if reps.last().is_none_or(|last| !std::ptr::eq(*last, rep)) {
                            reps.push(rep);
                        }
                    }
                }
            }
        }
        scopes.into_iter().map(|(key, reps)| Scope { key: Some(key), reps }).collect()
    }

    /// The values that something of a rep's is counted under along a dimension, some more than once.
    fn values(&self, rep: &'a RepTally, dimension: Dimension) -> impl Iterator<Item = &'a str> {
        // Of all measures, not just those asked for: the keys don't depend on which KPIs are.
        (0..self.catalogue.measures.len() as MeasureNo).flat_map(move |measure| {
            let place = self.catalogue.dimension(measure, dimension);
            rep.lines(measure).iter().filter_map(move |(id, line)| match id.group {
                Group::Dim(at, value) if Some(at) == place && !line.is_nothing() => Some(self.tally.value(value)),
                _ => None,
            })
        })
    }

    /// The part of a measure that a scope is about.
    fn group(&self, scope: &Scope<'_>, measure: MeasureNo) -> Option<Group> {
        match self.question.by.dimension() {
            None => Some(Group::Total),
            Some(dimension) => {
                let place = self.catalogue.dimension(measure, dimension)?;
                Some(Group::Dim(place, self.tally.number(scope.key.as_deref()?)?))
            }
        }
    }

    fn answer(&self, scope: Scope<'_>, rows: &mut Vec<Row>) {
        let windows = self.question.windows.len();
        let mut cells = vec![Cell::default(); windows * self.measures.len()];
        for (column, measure) in self.measures.iter().enumerate() {
            if let Some(group) = self.group(&scope, *measure) {
                for rep in &scope.reps {
                    self.add(rep, *measure, group, &mut cells, column);
                }
            }
        }
        let currencies = if self.kpis.iter().any(|(_, kpi)| kpi.per_currency) { self.currencies(&scope) } else { Vec::new() };
        let zone = match (self.question.by, scope.reps.first()) {
            (By::Rep, Some(rep)) => self.zones.of_rep(rep),
            _ => 0,
        };
        for (number, kpi) in &self.kpis {
            let once = [None];
            let each: Vec<_> = currencies.iter().copied().map(Some).collect();
            for (at, window) in self.question.windows.iter().enumerate() {
                for currency in if kpi.per_currency { &each[..] } else { &once[..] } {
                    let cells = &cells[at * self.measures.len()..(at + 1) * self.measures.len()];
                    let mut point = Point { asked: self, cells, currency: currency.map(Currency::to_number) };
                    let sides = point.sides(kpi);
                    let value = match &sides {
                        Some(sides) => sides.numerator.div(&sides.denominator),
                        None => kpi.formula.value(&mut point),
                    };
                    rows.push(Row {
                        kpi: kpi.name.clone(),
                        number: *number,
                        window: *window,
                        bounds: self.zones.windows[zone][at].bounds,
                        key: scope.key.clone().map(|key| (self.question.by, key)),
                        currency: *currency,
                        unit: kpi.unit,
                        value,
                        sides,
                    });
                }
            }
        }
    }

    /// Adds a rep's part of a measure to its column, in every window.
    fn add(&self, rep: &RepTally, measure: MeasureNo, group: Group, cells: &mut [Cell], column: usize) {
        let what = &self.catalogue.measures[usize::from(measure)].what;
        let stretches = &self.zones.windows[self.zones.of_rep(rep)];
        let lines = rep.lines(measure);
        let from = lines.partition_point(|(id, _)| id.group < group);
        for (id, line) in lines[from..].iter().take_while(|(id, _)| id.group == group) {
            for (at, stretch) in stretches.iter().enumerate() {
                let sum = line.sum(if what.is_level() { &stretch.level } else { &stretch.flow });
                let cell = &mut cells[at * self.measures.len() + column];
                if !what.has_currency() && !what.is_histogram() {
                    cell.plain += sum;
                } else if sum != 0 {
                    match cell.extra.binary_search_by_key(&id.extra, |(extra, _)| *extra) {
                        Ok(known) => cell.extra[known].1 += sum,
                        Err(new) => cell.extra.insert(new, (id.extra, sum)),
                    }
                }
            }
        }
    }

    /// Every currency that a scope has anything in, at any time, sorted.
    fn currencies(&self, scope: &Scope<'_>) -> Vec<Currency> {
        let mut seen: Vec<Currency> = Vec::new();
        for (number, _) in self.catalogue.measures.iter().enumerate().filter(|(_, measure)| measure.what.has_currency()) {
            let Some(group) = self.group(scope, number as MeasureNo) else { continue };
            for (id, line) in scope.reps.iter().flat_map(|rep| rep.lines(number as MeasureNo)).filter(|(id, _)| id.group == group) {
                if let Some(currency) = Currency::from_number(id.extra)
                    && !seen.contains(&currency)
                    && !line.is_nothing()
                {
                    seen.push(currency);
                }
            }
        }
        seen.sort_unstable();
        seen
    }
}

/// The measures' values of one scope in one window, in one currency.
struct Point<'a> {
    asked: &'a Asked<'a>,
    cells: &'a [Cell],
    currency: Option<u32>,
}

impl Point<'_> {
    fn cell(&self, measure: MeasureNo) -> Option<&Cell> {
        self.cells.get(*self.asked.columns.get(usize::from(measure))?)
    }

    /// The two sides of a rate.
    fn sides(&mut self, kpi: &Kpi) -> Option<Sides> {
        let of = kpi.rate?;
        let Formula::Join(Op::Divide, sides) = &kpi.formula else { return None };
        Some(Sides { numerator: sides.0.value(self)?, denominator: sides.1.value(self)?, of })
    }
}

impl Values<Leaf> for Point<'_> {
    fn of(&mut self, leaf: &Leaf) -> Option<Exact> {
        match *leaf {
            Leaf::Kpi(number) => {
                let catalogue = self.asked.catalogue;
                catalogue.kpis.get(usize::from(number))?.formula.value(self)
            }
            Leaf::Measure(measure) => {
                let cell = self.cell(measure)?;
                if !self.asked.catalogue.measures[usize::from(measure)].what.has_currency() {
                    return Some(cell.plain.into());
                }
                let currency = self.currency?;
                let at = cell.extra.binary_search_by_key(&currency, |(extra, _)| *extra);
                Some(at.map_or(0, |at| cell.extra[at].1).into())
            }
        }
    }

    fn quantile(&mut self, leaf: &Leaf, q: Ratio<i128>) -> Option<Exact> {
        let Leaf::Measure(measure) = *leaf else { return None };
        let buckets = &self.cell(measure)?.extra;
        let n: i128 = buckets.iter().map(|(_, count)| count).sum();
        let rank = (q * n).ceil().to_integer();
        let mut upto = 0;
        let found = buckets.iter().find(|(_, count)| {
            upto += count;
            upto >= rank && n > 0
        });
        found.map(|(bucket, _)| i128::from(histogram::middle(*bucket)).into())
    }
}
