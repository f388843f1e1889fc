//! What can be asked about KPIs, the same on every surface: `/v1/kpis?…` and the flags of `onpace kpis` are pairs of these names and values.
//!
//! In: pairs, the configuration in force; then the counters. Out: what is asked for and its rows, or what is wrong and what was perhaps
//! meant, in the same words everywhere. What always holds: a name that nobody and nothing has is refused, never answered with nothing.
//! Never here: HTTP, flags, clocks.

mod objectives;

use std::sync::Arc;

use jiff::tz::TimeZone;
use onpace_kpis::roster::UNROSTERED;
use onpace_kpis::slot::{SLOT_S, round_up};
use onpace_kpis::tally::UNASSIGNED;
use onpace_kpis::window::{Window, first_instant, local_date};
use onpace_kpis::{By, Every, KpiNo, NamedPeriod, Question, Row, Tally, Unconvertible, Within, keys};
use onpace_schemas::time::{Time, US, date_of, day_of, parse_time};
use onpace_schemas::{Currency, did_you_mean};

use crate::evaluation::Evaluation;
pub use objectives::ObjectivesAsked;

/// Every parameter.
const PARAMETERS: [&str; 10] = ["by", "window", "period", "every", "kpi", "rep", "team", "only", "currency", "at"];
/// A series has at most so many parts: ten years of days.
const MOST_PARTS: usize = 4_000;
/// More names than this are counted rather than listed.
const MOST_LISTED: usize = 12;
/// So many names are looked at for the one that was meant.
const MOST_COMPARED: usize = 5_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A row for each of what.
    pub by: By,
    /// In these windows.
    pub windows: Vec<Window>,
    /// In the parts of the one window that there is.
    pub every: Option<Every>,
    /// These KPIs; empty: all.
    pub kpis: Vec<KpiNo>,
    /// Only these reps, teams, products…, as `by` says; empty: all.
    pub keys: Vec<Key>,
    /// What was done for a team.
    pub within: Within,
    /// Money in this currency; `None`: as it is.
    pub currency: Option<Currency>,
    /// At this instant, microseconds since 1970; `None`: now.
    pub at_us: Option<i64>,
}

/// One rep, team, product… that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// The parameter that names it.
    parameter: &'static str,
}

/// What is wrong with a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which.
    pub parameter: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl Wrong {
    fn of(parameter: &str, why: impl Into<String>) -> Wrong {
        Wrong { parameter: parameter.into(), why: why.into() }
    }
}

/// Why a question that can be read has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A parameter's value is wrong, going by what is counted.
    Wrong(Wrong),
    /// Money can't be converted.
    Unconvertible(Unconvertible),
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Refused {
        Refused::Wrong(wrong)
    }
}

/// The parameters as they are written, before they mean anything together.
#[derive(Default)]
struct Read {
    by: Option<By>,
    windows: Vec<Window>,
    every: Option<Every>,
    kpis: Vec<String>,
    reps: Vec<String>,
    teams: Vec<String>,
    only: Vec<String>,
    currency: Option<Currency>,
    at_us: Option<i64>,
}

impl Asked {
    /// Reads the parameters of a question.
    ///
    /// # Errors
    /// The first that is unknown, given twice where once is meant, or has a value that can't be read.
    pub fn read(pairs: &[(String, String)], evaluation: &Evaluation) -> Result<Asked, Wrong> {
        let mut read = Read::default();
        for (name, value) in pairs {
            read.take(name, value, evaluation)?;
        }
        read.asked(evaluation)
    }

    /// The rows that answer it at an instant; at most so many values.
    ///
    /// # Errors
    /// A name that nobody and nothing has, a period that has not begun, more values than that; money that can't be converted.
    pub fn rows(&self, evaluation: &Evaluation, tally: &Tally, at_us: i64, most: usize) -> Result<Vec<Row>, Refused> {
        let windows = self.spread(evaluation, tally, at_us)?;
        let question =
            Question { kpis: &self.kpis, within: self.within, currency: self.currency, ..Question::new(at_us, self.by, &windows) };
        for key in &self.keys {
            self.known(evaluation, tally, &question, key)?;
        }
        let keys: Vec<Option<&str>> =
            if self.keys.is_empty() { vec![None] } else { self.keys.iter().map(|key| Some(&*key.name)).collect() };
        let mut values: Vec<Row> = Vec::new();
        let count = std::cell::Cell::new(0);
        for key in keys {
            // Past the bound nothing more is worked out.
            let mut wanted = |_: &str| count.get() <= most;
            let mut take = |rows: &[Row]| {
                count.set(count.get() + rows.len());
                values.extend_from_slice(rows);
            };
            let question = Question { key, ..question.clone() };
            evaluation.each(tally, &question, &mut wanted, &mut take).map_err(Refused::Unconvertible)?;
        }
        if values.len() > most {
            let why = format!("that would be more than {most} values; name fewer with `kpi`, `window`, `rep` or `team`");
            return Err(Wrong::of(if self.every.is_some() { "every" } else { "by" }, why).into());
        }
        Ok(values)
    }

    /// The windows, or the parts of the one that there is.
    ///
    /// # Errors
    /// A period that has not begun, too many parts.
    pub fn spread(&self, evaluation: &Evaluation, tally: &Tally, at_us: i64) -> Result<Vec<Window>, Wrong> {
        let (company, settings) = (&evaluation.roster.schedule.zone, evaluation.roster.settings);
        for window in &self.windows {
            if let Window::Period(period) = window
                && first_instant(date_of(period.days().start), company) >= round_up(at_us)
            {
                let why = format!("{period} begins on {}, after the instant asked for", date_of(period.days().start));
                return Err(Wrong::of("period", why));
            }
        }
        let (Some(every), [window]) = (self.every, &self.windows[..]) else { return Ok(self.windows.clone()) };
        let mut zones: Vec<&TimeZone> = vec![company];
        for zone in evaluation.roster.people.iter().map(|person| &person.schedule.zone) {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        let parts = window.parts(every, at_us, settings, zones.into_iter(), first_day(tally, company), MOST_PARTS);
        parts.ok_or_else(|| {
            Wrong::of("every", format!("`{window}` has more than {MOST_PARTS} parts, a {every} each; ask for longer ones, or for less"))
        })
    }

    /// Whether there is such a rep, team, product…
    fn known(&self, evaluation: &Evaluation, tally: &Tally, question: &Question<'_>, key: &Key) -> Result<(), Wrong> {
        let Key { name: key, parameter } = key;
        let (catalogue, roster, by) = (&evaluation.catalogue, &evaluation.roster, self.by);
        let among = |question: &Question<'_>| keys(catalogue, tally, roster, question);
        let wrong = |why: String| Err(Wrong::of(parameter, why));
        if (by == By::Rep && key == UNASSIGNED) || !among(&Question { key: Some(key), ..question.clone() }).is_empty() {
            return Ok(());
        }
        if by == By::Rep
            && let Some(person) = roster.person(key).map(|person| &roster.people[person])
            && *person.id != *key
        {
            return wrong(format!("`{key}` is what events call `{}`; ask for that id", person.id));
        }
        let everywhere = Question { within: Within::Company, ..question.clone() };
        if !among(&Question { key: Some(key), ..everywhere.clone() }).is_empty() {
            return wrong(format!("nothing of the {by} `{key}` was done for that team; leave `team` out"));
        }
        let known = among(&everywhere);
        wrong(format!("there is no {by} `{key}`{}", meant(key, &known)))
    }
}

/// What was perhaps meant, of names that may be many.
fn meant(given: &str, known: &[Arc<str>]) -> String {
    if known.is_empty() {
        return "; there is none yet".into();
    }
    let hint = did_you_mean(given, known.iter().take(MOST_COMPARED).map(|name| &**name));
    if hint.contains("did you mean") || known.len() <= MOST_LISTED {
        return hint;
    }
    let first = known.iter().take(MOST_LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    format!("; known are {} and {} more", first.join(", "), known.len() - MOST_LISTED)
}

impl Read {
    fn take(&mut self, name: &str, value: &str, evaluation: &Evaluation) -> Result<(), Wrong> {
        let wrong = |why: String| Wrong::of(name, why);
        let roster = &evaluation.roster;
        match name {
            "by" if self.by.is_none() => self.by = Some(value.parse().map_err(wrong)?),
            "at" if self.at_us.is_none() => self.at_us = Some(instant(value, &roster.schedule.zone).map_err(wrong)?),
            "currency" if self.currency.is_none() => self.currency = Some(Currency::parse(value).map_err(wrong)?),
            "every" if self.every.is_none() => self.every = Some(value.parse().map_err(wrong)?),
            "by" | "at" | "currency" | "every" => return Err(wrong(format!("`{name}` can be given once"))),
            "window" => push_new(&mut self.windows, value.parse().map_err(wrong)?),
            "period" => push_new(&mut self.windows, Window::Period(NamedPeriod::parse(value, roster.settings).map_err(wrong)?)),
            "kpi" => push_new(&mut self.kpis, value.to_owned()),
            "rep" => push_new(&mut self.reps, value.to_owned()),
            "team" => push_new(&mut self.teams, value.to_owned()),
            "only" => push_new(&mut self.only, value.to_owned()),
            _ => return Err(wrong(format!("there is no parameter `{name}`{}", did_you_mean(name, PARAMETERS.into_iter())))),
        }
        Ok(())
    }

    fn asked(mut self, evaluation: &Evaluation) -> Result<Asked, Wrong> {
        let by = self.by.unwrap_or(match (&self.reps[..], &self.teams[..]) {
            ([], []) => By::Company,
            ([], _) => By::Team,
            _ => By::Rep,
        });
        if !self.reps.is_empty() && by != By::Rep {
            return Err(Wrong::of("rep", "`rep` picks rows by rep; leave it out, or ask by rep"));
        }
        if !self.only.is_empty() && by == By::Company {
            return Err(Wrong::of("only", "`only` names one of many: say of what with `by`: rep, team, product, origin or stage"));
        }
        for team in &self.teams {
            within(evaluation, team)?;
        }
        let mut keys: Vec<Key> = Vec::new();
        let mut name = |parameter: &'static str, names: &[String]| {
            for name in names {
                if !keys.iter().any(|key| key.name == *name) {
                    keys.push(Key { name: name.clone(), parameter });
                }
            }
        };
        name("only", &self.only);
        name("rep", &self.reps);
        let mut held = Within::Company;
        match (by, &self.teams[..]) {
            (By::Team, teams) => name("team", teams),
            (_, []) => {}
            (By::Company, _) => {
                return Err(Wrong::of("team", "`team` is not for the whole company; leave it out, or ask by team (by=team)"));
            }
            (_, [team]) => held = within(evaluation, team)?,
            _ => return Err(Wrong::of("team", "`team` can be given once, but by team")),
        }
        if self.windows.is_empty() {
            if self.every.is_some() {
                return Err(Wrong::of(
                    "every",
                    "`every` divides a window or a period: name one, such as the window `year` or the period 2025",
                ));
            }
            self.windows = vec![Window::Today, Window::Month];
        }
        if self.every.is_some() && self.windows.len() > 1 {
            return Err(Wrong::of("every", "`every` divides one window or one period; name just one"));
        }
        let kpis = evaluation.catalogue.select(self.kpis.iter().map(String::as_str)).map_err(|why| Wrong::of("kpi", why))?;
        for kpi in kpis.iter().map(|number| &evaluation.catalogue.kpis[usize::from(*number)]) {
            if !evaluation.catalogue.available(kpi, by) {
                let can = ["company", "rep", "team"].into_iter().chain(evaluation.catalogue.breakdowns(kpi));
                let why = format!("`{}` is not counted by {by}; it can be asked by {}", kpi.name, can.collect::<Vec<_>>().join(", "));
                return Err(Wrong::of("kpi", why));
            }
        }
        Ok(Asked { by, windows: self.windows, every: self.every, kpis, keys, within: held, currency: self.currency, at_us: self.at_us })
    }
}

/// What was done for a team.
fn within(evaluation: &Evaluation, team: &str) -> Result<Within, Wrong> {
    if team == UNROSTERED {
        return Ok(Within::Just(None));
    }
    let roster = &evaluation.roster;
    roster.team(team).map(Within::Team).ok_or_else(|| {
        let known: Vec<Arc<str>> = roster.teams.iter().map(|team| team.id.clone()).chain([UNROSTERED.into()]).collect();
        Wrong::of("team", format!("there is no team `{team}`{}", meant(team, &known)))
    })
}

fn push_new<T: PartialEq>(to: &mut Vec<T>, value: T) {
    if !to.contains(&value) {
        to.push(value);
    }
}

/// An instant, or a date: the last second of that day in the company's zone. Microseconds since 1970.
///
/// # Errors
/// What would be right.
pub fn instant(text: &str, zone: &TimeZone) -> Result<i64, String> {
    // A bare + in a query is a space.
    let plus = if text.get(19..).is_some_and(|rest| rest.contains(' ')) { " (in an address, write the + of an offset as %2B)" } else { "" };
    match parse_time(text).map_err(|why| format!("{why}{plus}"))? {
        Time::Instant(us) => Ok(us),
        Time::Date(day) => Ok(first_instant(date_of(day + 1), zone) - US),
    }
}

/// The first day on which anything is counted, in a zone.
fn first_day(tally: &Tally, zone: &TimeZone) -> Option<i32> {
    let (quarter, date) = tally.first();
    let of_quarter = quarter.map(|slot| day_of(local_date(i64::from(slot) * SLOT_S * US, zone)));
    of_quarter.into_iter().chain(date).min()
}

#[cfg(test)]
mod tests;
