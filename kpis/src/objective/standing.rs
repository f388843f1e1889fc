//! How an objective stands: the answer, and how it is written as JSON.
//!
//! In: what [`super::standings`] found. Out: the same JSON on a terminal and over HTTP. Never here: how it was found.

use std::ops::Range;
use std::sync::Arc;

use onpace_schemas::time::show_instant;
use onpace_schemas::{Currency, Kind};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Direction, Importance, Period, State};
use crate::catalogue::{Catalogue, Kpi, Unit};
use crate::evaluate::Unconvertible;
use crate::exact::Exact;
use crate::roster::{PersonNo, TeamNo};
use crate::row::{By, Sides, number_of};

/// With less than a fifth of a period left, being behind is urgent.
const LATE: (i128, i128) = (4, 5);

/// What is known of the pipeline that the counters came through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// The processors are more than a minute behind the log's end.
    pub behind: bool,
    /// Kinds of entities that are fed by a live source which has been silent for too long.
    pub silent: Vec<Kind>,
}

impl Completeness {
    /// Whether all that a KPI counts has arrived.
    pub fn covers(&self, catalogue: &Catalogue, kpi: &Kpi) -> bool {
        let kinds = kpi.measures.iter().map(|measure| catalogue.measures[usize::from(*measure)].kind);
        !self.behind && !kinds.into_iter().any(|kind| self.silent.contains(&kind))
    }
}

/// Whom a standing is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everybody together.
    Company,
    /// A team.
    Team(TeamNo),
    /// A person.
    Rep(PersonNo),
}

/// How an objective stands for somebody in a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The objective's place among those asked about.
    pub number: usize,
    /// Its id.
    pub objective: Arc<str>,
    /// What people call it.
    pub name: Arc<str>,
    /// The KPI's name.
    pub kpi: Arc<str>,
    /// Whom it is about.
    pub subject: Subject,
    /// As a row of KPIs is keyed; `None` for the company.
    pub key: Option<(By, Arc<str>)>,
    /// How often the period comes.
    pub period: Period,
    /// Which side of the target is the right one.
    pub direction: Direction,
    /// How much it matters.
    pub importance: Importance,
    /// The whole period's days, days since 1970-01-01, the end excluded.
    pub days: Range<i32>,
    /// When it begins for whom it is about, microseconds since 1970.
    pub start: i64,
    /// The first instant after it.
    pub end: i64,
    /// Whether it is the period that `at` lies in, or one to come; else it is the last one.
    pub running: bool,
    /// The state.
    pub state: State,
    /// Whether all that it is judged by has arrived; where not, nobody is to be alarmed.
    pub complete: bool,
    /// The unit of what follows; money is in minor units, not yet rounded.
    pub unit: Unit,
    /// The currency, of a KPI that has one.
    pub currency: Option<Currency>,
    /// What is wanted.
    pub target: Exact,
    /// What there is; `None` where something would be divided by 0.
    pub attained: Option<Exact>,
    /// The two sides of a rate.
    pub sides: Option<Sides>,
    /// The part of the period that is past, 1 being all.
    pub share: Option<Exact>,
    /// What there should be by now.
    pub expected: Option<Exact>,
    /// What there will be at the end if things go on so.
    pub forecast: Option<Exact>,
    /// How likely the period is to end on the right side, from 0 to 1.
    pub chance: Option<f64>,
    /// What is needed a day, for the subject as a whole.
    pub needed: Option<Exact>,
    /// Whether anybody has working time left in the period: where nobody has, nobody can change it.
    pub can_change: bool,
}

impl Standing {
    /// Whether something must be done at once, and can be: it is out of reach, or at risk with less than a fifth of the period left, and somebody
    /// has working time left in it.
    pub fn is_urgent(&self) -> bool {
        let late = || self.share.as_ref().zip(Exact::ratio(LATE.0, LATE.1)).is_some_and(|(share, late)| *share > late);
        self.can_change && (self.state == State::OutOfReach || (self.state == State::AtRisk && late()))
    }
}

/// How objectives stand.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// In the objectives' order, then by subject, the running period before the last.
    pub rows: Vec<Standing>,
    /// The objectives that can't be judged, for want of a rate.
    pub unconvertible: Vec<(Arc<str>, Unconvertible)>,
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let value = |value: &Option<Exact>| value.as_ref().map(|value| number_of(value, self.unit, self.currency));
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("objective", &*self.objective)?;
        map.serialize_entry("name", &*self.name)?;
        map.serialize_entry("kpi", &*self.kpi)?;
        if let Some((by, key)) = &self.key {
            map.serialize_entry(by.name(), &**key)?;
        }
        map.serialize_entry("period", self.period.name())?;
        map.serialize_entry("start", &show_instant(self.start))?;
        map.serialize_entry("end", &show_instant(self.end))?;
        map.serialize_entry("state", self.state.name())?;
        map.serialize_entry("complete", &self.complete)?;
        map.serialize_entry("urgent", &self.is_urgent())?;
        map.serialize_entry("importance", self.importance.name())?;
        map.serialize_entry("direction", self.direction.name())?;
        map.serialize_entry("target", &number_of(&self.target, self.unit, self.currency))?;
        map.serialize_entry("attained", &value(&self.attained))?;
        if let Some(sides) = &self.sides {
            let unit = |is_money| if is_money { Unit::Money } else { Unit::Count };
            map.serialize_entry("numerator", &number_of(&sides.numerator, unit(sides.of.numerator_is_money), self.currency))?;
            map.serialize_entry("denominator", &number_of(&sides.denominator, unit(sides.of.denominator_is_money), self.currency))?;
        }
        map.serialize_entry("share", &self.share.as_ref().map(Exact::to_f64))?;
        map.serialize_entry("expected", &value(&self.expected))?;
        map.serialize_entry("forecast", &value(&self.forecast))?;
        map.serialize_entry("chance", &self.chance)?;
        map.serialize_entry("needed_per_day", &value(&self.needed))?;
        map.serialize_entry("unit", self.unit.name())?;
        if let Some(currency) = &self.currency {
            map.serialize_entry("currency", currency.code())?;
        }
        map.end()
    }
}
