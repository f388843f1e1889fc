//! One KPI's value, and how it is written: the same JSON from the command line and over HTTP, the same text in tables.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use num_traits::ToPrimitive;
use onpace_schemas::time::show_instant;
use onpace_schemas::{Currency, did_you_mean, to_major};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::catalogue::{Dimension, KpiNo, Rate, Unit};
use crate::exact::Exact;
use crate::window::{Bounds, Window};

/// What KPIs are broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// Not at all: the whole company.
    Company,
    /// Who did it.
    Rep,
    /// The team of who did it.
    Team,
    /// The deal's product.
    Product,
    /// Where the deal came from.
    Origin,
    /// The stage that a deal reached.
    Stage,
}

impl By {
    /// Every breakdown.
    pub const ALL: [By; 6] = [By::Company, By::Rep, By::Team, By::Product, By::Origin, By::Stage];

    /// Its name, which is also the key that a row has in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            By::Company => "company",
            By::Rep => "rep",
            By::Team => "team",
            By::Product => "product",
            By::Origin => "origin",
            By::Stage => "stage",
        }
    }

    /// The dimension that a KPI's measures must all have.
    pub const fn dimension(self) -> Option<Dimension> {
        match self {
            By::Company | By::Rep | By::Team => None,
            By::Product => Some(Dimension::Field("product")),
            By::Origin => Some(Dimension::Field("origin")),
            By::Stage => Some(Dimension::Entered("stage")),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<By, String> {
        By::ALL.into_iter().find(|by| by.name() == text).ok_or_else(|| {
            let known = did_you_mean(text, By::ALL.iter().map(|by| by.name()));
            format!("nothing is broken down by `{text}`{known}")
        })
    }
}

/// A KPI's value in a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The KPI's name.
    pub kpi: Arc<str>,
    /// Its number in the catalogue.
    pub number: KpiNo,
    /// The window asked for.
    pub window: Window,
    /// Where the window lay, in the rep's zone, or the company's where several are summed.
    pub bounds: Bounds,
    /// Of which rep, team…; `None` for the company.
    pub key: Option<(By, Arc<str>)>,
    /// The currency, of a KPI that has a value per currency.
    pub currency: Option<Currency>,
    /// The value's unit; money is in minor units, not yet rounded.
    pub unit: Unit,
    /// The value; `None` where something would be divided by 0.
    pub value: Option<Exact>,
    /// The two sides of a rate.
    pub sides: Option<Sides>,
}

/// The two sides of a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Sides {
    /// What is divided.
    pub numerator: Exact,
    /// What it is divided by.
    pub denominator: Exact,
    /// What they are.
    pub of: Rate,
}

/// All values that answer a question, as the command line and HTTP give them.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The instant asked for, microseconds since 1970.
    pub at_us: i64,
    /// The values.
    pub values: Vec<Row>,
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("at", &show_instant(self.at_us))?;
        map.serialize_entry("values", &self.values)?;
        map.end()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kpi", &*self.kpi)?;
        map.serialize_entry("window", &self.window.to_string())?;
        map.serialize_entry("start", &self.bounds.start.map(show_instant))?;
        map.serialize_entry("end", &show_instant(self.bounds.end))?;
        if let Some((by, key)) = &self.key {
            map.serialize_entry(by.name(), &**key)?;
        }
        map.serialize_entry("value", &self.value.as_ref().map(|value| self.number(value, self.unit)))?;
        if let Some(sides) = &self.sides {
            let unit = |is_money| if is_money { Unit::Money } else { Unit::Count };
            map.serialize_entry("numerator", &self.number(&sides.numerator, unit(sides.of.numerator_is_money)))?;
            map.serialize_entry("denominator", &self.number(&sides.denominator, unit(sides.of.denominator_is_money)))?;
        }
        map.serialize_entry("unit", self.unit.name())?;
        if let Some(currency) = &self.currency {
            map.serialize_entry("currency", currency.code())?;
        }
        map.end()
    }
}

/// A number as JSON has it: money a decimal text, whole numbers whole.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Whole(i64),
    Float(f64),
    Text(String),
}

/// A value of a unit, as JSON has it.
pub(crate) fn number_of(value: &Exact, unit: Unit, currency: Option<Currency>) -> Number {
    if unit.is_money() {
        return Number::Text(money(value, currency));
    }
    match (unit, value.to_integer().map(i64::try_from)) {
        (Unit::Count | Unit::Seconds, Some(Ok(whole))) => Number::Whole(whole),
        _ => Number::Float(value.to_f64()),
    }
}

/// Minor units as a decimal text in major units, rounded once.
fn money(minor: &Exact, currency: Option<Currency>) -> String {
    let rounded = minor.round_half_even();
    match (rounded.to_i128(), currency) {
        (Some(minor), Some(currency)) => to_major(minor, currency),
        // Past 128 bits of cents, or a currency that got lost: minor units, in full.
        _ => rounded.to_string(),
    }
}

/// A value of a unit as a float in its own unit (major units of money); for show only.
pub fn float_of(value: &Exact, unit: Unit, currency: Option<Currency>) -> f64 {
    match currency.filter(|_| unit.is_money()) {
        None => value.to_f64(),
        // Through the decimal text, so that the float is the nearest to the rounded amount.
        Some(_) => money(value, currency).parse().unwrap_or(f64::NAN),
    }
}

/// A value of a unit as people read it, `62.0 %`, `104312.00 USD`, `57.2 days`.
pub fn shown(value: &Exact, unit: Unit, currency: Option<Currency>) -> String {
    let code = currency.as_ref().map_or("", Currency::code);
    match unit {
        Unit::Ratio => format!("{:.1} %", value.to_f64() * 100.0),
        Unit::Days => format!("{:.1} days", value.to_f64()),
        Unit::Money => format!("{} {code}", money(value, currency)),
        Unit::MoneyPerDay => format!("{} {code}/day", money(value, currency)),
        Unit::Seconds => show_seconds(value),
        Unit::Count => match value.to_integer() {
            Some(whole) => whole.to_string(),
            None => format!("{:.2}", value.to_f64()),
        },
    }
}

impl Row {
    fn number(&self, value: &Exact, unit: Unit) -> Number {
        number_of(value, unit, self.currency)
    }

    /// The value as a float in base units (major units of money), for metrics; not a number where there is none.
    pub fn to_f64(&self) -> f64 {
        self.value.as_ref().map_or(f64::NAN, |value| float_of(value, self.unit, self.currency))
    }

    /// The value as plain text without its unit, for CSV: empty where there is none.
    pub fn plain(&self) -> String {
        match self.value.as_ref().map(|value| self.number(value, self.unit)) {
            None => String::new(),
            Some(Number::Whole(whole)) => whole.to_string(),
            Some(Number::Float(float)) => float.to_string(),
            Some(Number::Text(text)) => text,
        }
    }

    /// The value as people read it, `62.0 %`, `104312.00 USD`, `57.2 days`, `–` where there is none.
    pub fn shown(&self) -> String {
        self.value.as_ref().map_or_else(|| "–".to_owned(), |value| shown(value, self.unit, self.currency))
    }
}

/// Hours, minutes and seconds, `253:17:17`.
fn show_seconds(value: &Exact) -> String {
    match value.to_integer() {
        Some(seconds) if seconds >= 0 => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        _ => format!("{:.1} s", value.to_f64()),
    }
}
