//! Objectives from their YAML.
//!
//! In: the text of `objectives.yaml`, the catalogue and the roster that its names are looked up in. Out: [`Objective`]s in the order in which they stand,
//! or the first mistake with its line, its cause and its cure. Never here: files, floats, how an objective stands.

use hashbrown::HashMap;
use onpace_schemas::{Currency, to_minor};

use super::profile::pace;
use super::{Direction, Importance, Objective, Period, Scope};
use crate::Mistake;
use crate::catalogue::{Catalogue, Kpi, KpiNo, Unit};
use crate::decimal::decimal;
use crate::exact::Exact;
use crate::roster::{PersonNo, Roster, TeamNo, UNROSTERED};
use onpace_schemas::yaml::{self, Fields, Node, Text, hint};

const KEYS: [&str; 15] = [
    "id",
    "name",
    "kpi",
    "scope",
    "target",
    "currency",
    "direction",
    "tolerance",
    "importance",
    "min_sample",
    "prorate_absences",
    "prorate_holidays",
    "period",
    "pace",
    "from",
];

const PERIODS: [(&str, Period); 5] = [
    (Period::Day.name(), Period::Day),
    (Period::Week.name(), Period::Week),
    (Period::Month.name(), Period::Month),
    (Period::Quarter.name(), Period::Quarter),
    (Period::Year.name(), Period::Year),
];

const MOST_ID_BYTES: usize = 100;
const MOST_NAME_BYTES: usize = 200;
/// A period that is longer is taken for a slip in a year.
const MOST_DAYS: i32 = 3_660;

/// Reads objectives.
///
/// # Errors
/// The first mistake: its line, its cause and what would be right.
pub fn parse(yaml: &str, catalogue: &Catalogue, roster: &Roster) -> Result<Vec<Objective>, Mistake> {
    let root = yaml::read(yaml)?;
    let fields = root.fields("a file of objectives", &["objectives"])?;
    let names = Names::of(catalogue, roster);
    let nodes = fields.list("objectives")?;
    let mut objectives: Vec<Objective> = Vec::with_capacity(nodes.len());
    let mut lines: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    for node in nodes {
        let fields = node.fields("an objective", &KEYS)?;
        let id = id(&fields)?;
        if let Some(line) = lines.insert(id.text, id.line) {
            return Err(
                id.mistake(format!("`{}` is the id of an objective here and on line {line}; choose another for one of them", id.text))
            );
        }
        objectives.push(names.objective(id, &fields)?);
    }
    Ok(objectives)
}

fn id<'a>(fields: &Fields<'a>) -> Result<Text<'a>, Mistake> {
    let id = fields.needed("id", "a short name of its own")?;
    let letters = id.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match letters && id.text.len() <= MOST_ID_BYTES {
        true => Ok(id),
        false => Err(id.mistake(format!("`{}` is no id; write at most {MOST_ID_BYTES} of a–z, A–Z, 0–9, -, _ and .", id.text))),
    }
}

/// What people call it.
fn name<'a>(fields: &Fields<'a>) -> Result<Option<&'a str>, Mistake> {
    let Some(name) = fields.text("name")? else { return Ok(None) };
    match name.text.trim().is_empty() || name.text.len() > MOST_NAME_BYTES {
        false => Ok(Some(name.text)),
        true => Err(name.mistake(format!("a `name` has 1 to {MOST_NAME_BYTES} bytes; write one, or leave it out and the id is shown"))),
    }
}

/// What names stand for, looked up once.
struct Names<'a> {
    catalogue: &'a Catalogue,
    roster: &'a Roster,
    kpis: HashMap<&'a str, KpiNo>,
    teams: HashMap<&'a str, TeamNo>,
}

impl<'a> Names<'a> {
    fn of(catalogue: &'a Catalogue, roster: &'a Roster) -> Names<'a> {
        let kpis = catalogue.kpis.iter().enumerate().map(|(number, kpi)| (&*kpi.name, number as KpiNo)).collect();
        let teams = roster.teams.iter().enumerate().map(|(number, team)| (&*team.id, number)).collect();
        Names { catalogue, roster, kpis, teams }
    }

    fn objective(&self, id: Text<'_>, fields: &Fields<'_>) -> Result<Objective, Mistake> {
        let (number, kpi) = self.kpi(fields.needed("kpi", "such as `prospecting_calls`")?)?;
        let scope = fields.get("scope").ok_or_else(|| {
            fields.mistake("an objective needs `scope`: company, or one of { rep: … }, { team: … } and { each_rep_of: … }")
        })?;
        let currency = self.currency(kpi, fields)?;
        let target = fields.needed("target", "the number to reach, or not to pass")?;
        let period = period(fields)?;
        let direction = fields
            .text("direction")?
            .map(|text| text.one_of("direction", &[("at_least", Direction::AtLeast), ("at_most", Direction::AtMost)]));
        let importance =
            fields.text("importance")?.map(|text| text.one_of("importance", &[("high", Importance::High), ("normal", Importance::Normal)]));
        let from = fields.date("from")?;
        if let (Some(from), Period::Once(begin, _), Some(text)) = (from, period, fields.text("from")?)
            && begin < from
        {
            let line = fields.get("period").map_or(text.line, |node| node.line);
            let cause = format!("the only period (line {line}) begins before `from`, so it would never be shown; leave `from` out");
            return Err(text.mistake(cause));
        }
        Ok(Objective {
            id: id.text.into(),
            name: name(fields)?.map_or_else(|| id.text.into(), Into::into),
            line: fields.line,
            kpi: number,
            scope: self.scope(scope)?,
            target: self::target(target, kpi, currency).map_err(|cause| target.mistake(cause))?,
            currency,
            direction: direction.transpose()?.unwrap_or(Direction::AtLeast),
            tolerance: tolerance(fields)?,
            importance: importance.transpose()?.unwrap_or(Importance::Normal),
            min_sample: min_sample(fields)?,
            prorate_absences: fields.flag("prorate_absences")?.unwrap_or(false),
            prorate_holidays: fields.flag("prorate_holidays")?.unwrap_or(false),
            period,
            pace: pace(fields.get("pace"), period)?,
            from,
        })
    }

    fn kpi(&self, name: Text<'_>) -> Result<(KpiNo, &'a Kpi), Mistake> {
        let number = self.kpis.get(name.text).copied();
        number.and_then(|number| Some((number, self.catalogue.kpis.get(usize::from(number))?))).ok_or_else(|| {
            let known = self.catalogue.kpis.iter().map(|kpi| &*kpi.name);
            let hint = hint(name.text, known, "`onpace catalogue` lists them");
            name.mistake(format!("there is no KPI `{}`{hint}", name.text))
        })
    }

    fn scope(&self, node: &Node) -> Result<Scope, Mistake> {
        if !node.is_mapping() {
            let named = node.text("`scope`")?;
            return match named.text {
                "rep" | "team" | "each_rep_of" => Err(named.mistake(format!("which {0}? Write {{ {0}: … }}", named.text))),
                _ => named.one_of("scope", &[("company", Scope::Company)]),
            };
        }
        let keys = ["rep", "team", "each_rep_of"];
        let fields = node.fields("`scope`", &keys)?;
        let said: Vec<&str> = keys.into_iter().filter(|key| fields.get(key).is_some()).collect();
        let [key] = said[..] else {
            return Err(fields.mistake("`scope` is company, or exactly one of { rep: … }, { team: … } and { each_rep_of: … }"));
        };
        let name = fields.needed(key, "by its id")?;
        match key {
            "rep" => self.person(name).map(Scope::Rep),
            "team" => self.team(name).map(Scope::Team),
            _ => self.team(name).map(Scope::EachRepOf),
        }
    }

    fn person(&self, name: Text<'_>) -> Result<PersonNo, Mistake> {
        self.roster.person(name.text).ok_or_else(|| {
            let hint = hint(name.text, self.roster.people.iter().map(|person| &*person.id), "add it to `people` in the roster");
            name.mistake(format!("there is no person `{}` in the roster{hint}", name.text))
        })
    }

    fn team(&self, name: Text<'_>) -> Result<TeamNo, Mistake> {
        if name.text == UNROSTERED {
            return Err(name.mistake(format!("`{UNROSTERED}` is whoever is in no team; put them into one to have an objective for them")));
        }
        self.teams.get(name.text).copied().ok_or_else(|| {
            let hint = hint(name.text, self.roster.teams.iter().map(|team| &*team.id), "add it to `teams` in the roster");
            name.mistake(format!("there is no team `{}` in the roster{hint}", name.text))
        })
    }

    fn currency(&self, kpi: &Kpi, fields: &Fields<'_>) -> Result<Option<Currency>, Mistake> {
        match (fields.text("currency")?, kpi.per_currency) {
            (None, false) => Ok(None),
            (Some(code), false) => Err(code.mistake(format!("`{}` has no currency; leave `currency` out", kpi.name))),
            (Some(code), true) => Currency::parse(code.text).map(Some).map_err(|cause| code.mistake(cause)),
            (None, true) => match self.roster.currency {
                Some(currency) => Ok(Some(currency)),
                None => {
                    let cause = format!("`{}` is counted by currency; write `currency: EUR` here, or in the roster for all", kpi.name);
                    Err(fields.mistake(cause))
                }
            },
        }
    }
}

/// A target in the KPI's unit; money in minor units.
fn target(text: Text<'_>, kpi: &Kpi, currency: Option<Currency>) -> Result<Exact, String> {
    let target = decimal(text.text)?;
    match (kpi.unit, currency) {
        (Unit::Money | Unit::MoneyPerDay, Some(currency)) => Ok(Exact::from(i128::from(to_minor(text.text, currency)?))),
        _ => Ok(target),
    }
}

fn tolerance(fields: &Fields<'_>) -> Result<Exact, Mistake> {
    let Some(text) = fields.text("tolerance")? else {
        return Ok(Exact::ratio(1, 10).unwrap_or_else(|| Exact::from(0)));
    };
    match decimal(text.text) {
        Ok(tolerance) if tolerance <= Exact::from(1) => Ok(tolerance),
        _ => Err(text.mistake(format!("`{}` is no tolerance; write from 0 to 1, 0.10 being a tenth of what is expected", text.text))),
    }
}

fn min_sample(fields: &Fields<'_>) -> Result<u32, Mistake> {
    const DEFAULT: u32 = 20;
    let Some(text) = fields.text("min_sample")? else { return Ok(DEFAULT) };
    let digits = text.text.bytes().all(|byte| byte.is_ascii_digit());
    match text.text.parse() {
        Ok(sample) if sample >= 1 && digits => Ok(sample),
        _ => Err(text.mistake(format!("`{}` is no `min_sample`; write a whole number from 1 on", text.text))),
    }
}

fn period(fields: &Fields<'_>) -> Result<Period, Mistake> {
    let Some(node) = fields.get("period") else {
        return Err(fields
            .mistake("an objective needs `period`, for a period needs an end: day, week, month, quarter, year, or { from: …, to: … }"));
    };
    if !node.is_mapping() {
        return node.text("`period`")?.one_of("period", &PERIODS);
    }
    let fields = node.fields("`period`", &["from", "to"])?;
    let example = "as in { from: 2026-01-05, to: 2026-03-31 }; both days are included";
    let from = fields.needed("from", &format!("the day it begins, {example}"))?;
    let to = match fields.text("to")? {
        Some(to) => to,
        None => return Err(fields.mistake(format!("a period needs an end: write `to`, its last day, {example}"))),
    };
    let (first, last) = (from.date()?, to.date()?);
    if first > last {
        return Err(to.mistake(format!("the period ends on {}, before it begins on {}", to.text, from.text)));
    }
    match last - first < MOST_DAYS {
        true => Ok(Period::Once(first, last)),
        false => Err(to.mistake(format!("the period from {} to {} is longer than ten years", from.text, to.text))),
    }
}
