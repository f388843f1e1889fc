//! Sums and formulas: the measures of some reps over some slots, and the KPIs that are made of them.
//!
//! In: lines of counters, stretches of slots, daily rates. Out: exact values. Never here: who counts, what is asked.

use std::ops::RangeInclusive;

use num_rational::Ratio;
use onpace_schemas::Currency;
use onpace_schemas::time::{US, date_of, day_of};

use super::Unconvertible;
use super::whose::Stretch;
use crate::catalogue::{Catalogue, Kpi, Leaf};
use crate::exact::Exact;
use crate::formula::{Formula, Op, Values};
use crate::roster::Roster;
use crate::row::Sides;
use crate::slot::SLOT_S;
use crate::tally::{Group, Line, LineId, RepTally};
use crate::window::{Ranges, local_date};
use crate::{MeasureNo, NameId, histogram};

/// A measure's value: a number, or one per currency or bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    plain: i128,
    /// Sorted by currency or bucket.
    extra: Vec<(u32, i128)>,
    /// What was converted, in minor units; not yet rounded.
    converted: Option<Exact>,
}

/// Into which currency money is converted, at whose rates.
#[derive(Clone, Copy)]
pub(crate) struct Conversion<'a> {
    pub to: Currency,
    pub roster: &'a Roster,
}

/// The part of a measure that is summed: one group of its lines, or some that follow one another.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    first: Group,
    last: Group,
}

impl From<Group> for Part {
    fn from(group: Group) -> Part {
        Part { first: group, last: group }
    }
}

impl Part {
    /// The values of a dimension from one number to another.
    pub fn values(place: u8, values: RangeInclusive<NameId>) -> Part {
        Part { first: Group::Dim(place, *values.start()), last: Group::Dim(place, *values.end()) }
    }
}

/// Some measures in columns.
pub(crate) struct Sheet<'a> {
    catalogue: &'a Catalogue,
    /// The measures, sorted.
    pub measures: Vec<MeasureNo>,
    /// The place of a measure in `measures`.
    columns: Vec<usize>,
    pub conversion: Option<Conversion<'a>>,
}

impl<'a> Sheet<'a> {
    /// A sheet for some KPIs.
    pub fn of(catalogue: &'a Catalogue, kpis: impl Iterator<Item = &'a Kpi>, conversion: Option<Conversion<'a>>) -> Sheet<'a> {
        let mut measures: Vec<MeasureNo> = kpis.flat_map(|kpi| kpi.measures.iter().copied()).collect();
        measures.sort_unstable();
        measures.dedup();
        let mut columns = vec![usize::MAX; catalogue.measures.len()];
        for (column, measure) in measures.iter().enumerate() {
            columns[usize::from(*measure)] = column;
        }
        Sheet { catalogue, measures, columns, conversion }
    }

    /// The same with more measures.
    pub fn with(mut self, more: &[MeasureNo]) -> Sheet<'a> {
        self.measures.extend(more);
        self.measures.sort_unstable();
        self.measures.dedup();
        for (column, measure) in self.measures.iter().enumerate() {
            self.columns[usize::from(*measure)] = column;
        }
        self
    }

    /// What a measure counts in a row of cells.
    pub fn count(&self, measure: MeasureNo, cells: &[Cell]) -> i128 {
        cells.get(self.columns[usize::from(measure)]).map_or(0, |cell| cell.plain)
    }

    /// A row of empty cells.
    pub fn row(&self) -> Vec<Cell> {
        vec![Cell::default(); self.measures.len()]
    }

    /// The lines of a rep that count a part of a measure.
    pub fn lines(rep: &RepTally, measure: MeasureNo, part: impl Into<Part>) -> impl Iterator<Item = &(LineId, Line)> {
        let (lines, part) = (rep.lines(measure), part.into());
        let from = lines.partition_point(|(id, _)| id.group < part.first);
        lines[from..].iter().take_while(move |(id, _)| id.group <= part.last)
    }

    /// Adds a rep's part of the measure in a column to its cell. A level is converted at the rate of the day of slot `last`.
    pub fn add(
        &self,
        cell: &mut Cell,
        rep: &RepTally,
        column: usize,
        part: impl Into<Part>,
        stretch: &Stretch,
        last: i32,
    ) -> Result<(), Unconvertible> {
        let measure = self.measures[column];
        let what = &self.catalogue.measures[usize::from(measure)].what;
        let level = what.is_level();
        if level && stretch.level.is_none() {
            return Ok(());
        }
        let ranges = if level { stretch.level.as_slice() } else { &stretch.flow[..] };
        for (id, line) in Self::lines(rep, measure, part) {
            if let (Some(conversion), true) = (&self.conversion, what.has_currency()) {
                let sum = conversion.sum(id.extra, line, ranges, last, what.is_money(), level)?;
                let so_far = cell.converted.get_or_insert_with(|| 0.into());
                *so_far = so_far.add(&sum);
                continue;
            }
            let sum: i128 = ranges.iter().map(|ranges| line.sum(ranges)).sum();
            if !what.has_currency() && !what.is_histogram() {
                cell.plain += sum;
            } else if sum != 0 {
                match cell.extra.binary_search_by_key(&id.extra, |(extra, _)| *extra) {
                    Ok(known) => cell.extra[known].1 += sum,
                    Err(new) => cell.extra.insert(new, (id.extra, sum)),
                }
            }
        }
        Ok(())
    }

    /// A KPI of a row of cells, and its two sides if it is a rate; in one currency, if it has one.
    pub fn value(&self, kpi: &Kpi, cells: &[Cell], currency: Option<Currency>) -> (Option<Exact>, Option<Sides>) {
        let mut point = Point { sheet: self, cells, currency: currency.map(Currency::to_number) };
        let sides = point.sides(kpi);
        let value = match &sides {
            Some(sides) => sides.numerator.div(&sides.denominator),
            None => kpi.formula.value(&mut point),
        };
        (value, sides)
    }
}

impl Conversion<'_> {
    /// A line's sum in minor units of the currency wanted; of a count, its sum.
    fn sum(&self, extra: u32, line: &Line, ranges: &[Ranges], last: i32, is_money: bool, level: bool) -> Result<Exact, Unconvertible> {
        let plain = || Exact::from(ranges.iter().map(|ranges| line.sum(ranges)).sum::<i128>());
        let Some(from) = Currency::from_number(extra).filter(|from| is_money && *from != self.to) else { return Ok(plain()) };
        let zone = &self.roster.schedule.zone;
        let day_of_slot = |slot: i32| day_of(local_date(i64::from(slot) * SLOT_S * US, zone));
        if level {
            let sum = plain();
            return if sum.is_zero() { Ok(sum) } else { Ok(sum.mul(&self.rate(from, day_of_slot(last))?)) };
        }
        let mut total = Exact::from(0);
        let mut day = (i32::MIN, 0);
        let each = ranges.iter().flat_map(|ranges| {
            let quarters = line.quarters(&ranges.quarters).map(|(slot, value)| (day_of_slot(slot), value));
            quarters.chain(line.dates(&ranges.dates))
        });
        for (on, value) in each.chain([(i32::MAX, 0)]) {
            if on != day.0 {
                if day.1 != 0 {
                    total = total.add(&Exact::from(day.1).mul(&self.rate(from, day.0)?));
                }
                day = (on, 0);
            }
            day.1 += value;
        }
        Ok(total)
    }

    /// What a minor unit of a currency is worth on a day, in minor units of the one wanted.
    fn rate(&self, from: Currency, day: i32) -> Result<Exact, Unconvertible> {
        let (from_worth, to_worth) = (self.worth(from, day)?, self.worth(self.to, day)?);
        let scale = |currency: Currency| Exact::from(10i128.pow(currency.exponent()));
        let worth = from_worth.mul(&scale(self.to)).div(&to_worth.mul(&scale(from)));
        // Rates are positive.
        worth.ok_or(Unconvertible::Nothing { from, to: self.to, day: date_of(day).to_string() })
    }

    /// What a major unit is worth on a day, in major units of the reporting currency.
    fn worth(&self, currency: Currency, day: i32) -> Result<Exact, Unconvertible> {
        if self.roster.currency == Some(currency) {
            return Ok(1.into());
        }
        match &self.roster.rates {
            Some(rates) => Ok(rates.rate(currency, day)?),
            None => Err(Unconvertible::NoRates { currency, to: self.to }),
        }
    }
}

/// The measures' values of one scope in one window, in one currency.
struct Point<'a> {
    sheet: &'a Sheet<'a>,
    cells: &'a [Cell],
    currency: Option<u32>,
}

impl Point<'_> {
    fn cell(&self, measure: MeasureNo) -> Option<&Cell> {
        self.cells.get(*self.sheet.columns.get(usize::from(measure))?)
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
                let catalogue = self.sheet.catalogue;
                catalogue.kpis.get(usize::from(number))?.formula.value(self)
            }
            Leaf::Measure(measure) => {
                let cell = self.cell(measure)?;
                if !self.sheet.catalogue.measures[usize::from(measure)].what.has_currency() {
                    return Some(cell.plain.into());
                }
                if self.sheet.conversion.is_some() {
                    return Some(cell.converted.clone().unwrap_or_else(|| 0.into()));
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

/// Every currency that anything is counted in, at any time, sorted; `lines` are those of a measure.
pub fn currencies<'l, L: Iterator<Item = &'l (LineId, Line)>>(catalogue: &Catalogue, lines: impl Fn(MeasureNo) -> L) -> Vec<Currency> {
    let mut seen: Vec<Currency> = Vec::new();
    for (number, _) in catalogue.measures.iter().enumerate().filter(|(_, measure)| measure.what.has_currency()) {
        for (id, line) in lines(number as MeasureNo) {
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
