//! The brute-force oracle. In: valid events as they are posted; out: every KPI, exact. It is written from
//! the contract alone, is naive on purpose, and never shares code with the program it judges.
//!
//! Where the contract leaves a choice, the oracle decides as follows.
//! 1. A deal's rep "in force at closed" is taken at closed as it finally stands, after it was held
//!    against created.
//! 2. Where `created_at` is missing, created is the earlier of `first_seen` and closed as it was
//!    before it was held against created.
//! 3. History means the 256 entries kept, everywhere: in force, the run of a status, the last other status.
//! 4. `stage_entered` for a company, team or rep is the sum over all stages.
//! 5. Yesterday is the day before on the calendar, also where the zone skipped it: then it is empty.
//! 6. A median sales cycle of 0 is a denominator of 0: `sales_velocity` has no value.
//! 7. An event of any sort counts for `first_seen`: one that only deletes, one without any field.
//! 8. A rep whom somebody named `unassigned` is the rep of what has none.

mod contribute;
mod entity;
mod formula;
mod judge;
mod moment;
mod money;
mod objective;
mod roster;
mod silence;
mod verdict;
mod window;
mod worktime;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod objective_cases;
#[cfg(test)]
mod verdict_cases;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use num_rational::BigRational;
use serde_json::Value;

pub use contribute::{Contribution, Life};
pub use entity::Entity;
pub use formula::{By, KPIS, Kpi, Scope, Unit, minor_per_major};
pub use judge::{Judged, judge};
pub use moment::{DAY, HOUR, SECOND, SLOT, When, first_instant, local_date, parse_instant, plus_days};
pub use money::{CURRENCIES, exponent};
pub use objective::{Every, For, Objective, Pace, Period, objectives_yaml};
pub use roster::{Hours, Person, Rate, Roster, Stay, Team, UNROSTERED, decimal};
pub use silence::{Source, Word, kind_of, silent_kinds, worked_between};
pub use window::{Bounds, Calendar, Window};

/// What is asked: the numbers by what, of which windows, at which instant, in which zones.
#[derive(Clone, Debug)]
pub struct Question {
    /// The instant asked about.
    pub at: Timestamp,
    /// Rows by what.
    pub by: By,
    /// The windows wanted.
    pub windows: Vec<Window>,
    /// The company's zone.
    pub zone: TimeZone,
    /// The zones of those reps that have their own.
    pub rep_zones: BTreeMap<String, TimeZone>,
    /// How weeks and years are counted.
    pub calendar: Calendar,
    /// Who belongs where; without one everybody is `unrostered`.
    pub roster: Option<Roster>,
}

impl Question {
    /// Every window, everybody in the company's zone, weeks from Monday, years from January.
    ///
    /// Panics where the zone is unknown.
    pub fn new(at: Timestamp, by: By, zone: &str) -> Question {
        Question {
            at,
            by,
            windows: Window::EVERY.to_vec(),
            zone: TimeZone::get(zone).unwrap_or_else(|error| panic!("{zone}: {error}")),
            rep_zones: BTreeMap::new(),
            calendar: Calendar::default(),
            roster: None,
        }
    }

    /// Every window, of a company with a roster.
    pub fn of(roster: &Roster, at: Timestamp, by: By) -> Question {
        Question {
            at,
            by,
            windows: Window::EVERY.to_vec(),
            zone: roster.zone.clone(),
            rep_zones: BTreeMap::new(),
            calendar: roster.calendar,
            roster: Some(roster.clone()),
        }
    }

    /// The zone in which a rep's days begin.
    pub fn zone_of(&self, rep: &str) -> &TimeZone {
        if let Some(roster) = &self.roster {
            return roster.zone_of(roster.person(rep));
        }
        let own = self.rep_zones.get(rep).filter(|_| rep != "unassigned");
        own.unwrap_or(&self.zone)
    }

    fn at_us(&self) -> i64 {
        // Rounded up, as its slot will be.
        let nanoseconds = self.at.as_nanosecond();
        i64::try_from(-(-nanoseconds).div_euclid(1_000)).expect("an instant within years 1 to 9999")
    }

    /// Where a window lies, for a rep or, without one, for the company.
    pub fn bounds(&self, window: Window, rep: Option<&str>) -> Bounds {
        let zone = rep.map_or(&self.zone, |rep| self.zone_of(rep));
        window.bounds(self.at_us(), zone, self.calendar)
    }
}

/// One number.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The KPI's name.
    pub kpi: &'static Kpi,
    /// The window.
    pub window: Window,
    /// The window's first instant, µs; none for `all`.
    pub start: Option<i64>,
    /// The first instant past it, µs.
    pub end: i64,
    /// Which rep, team, product, origin or stage; none for the company.
    pub key: Option<String>,
    /// The currency of a KPI that has one.
    pub currency: Option<String>,
    /// The exact value, in the KPI's unit (money in major units); none where a denominator is 0.
    pub value: Option<BigRational>,
    /// What a quotient of measures divides.
    pub numerator: Option<BigRational>,
    /// By what it divides.
    pub denominator: Option<BigRational>,
}

impl PartialEq for Kpi {
    fn eq(&self, other: &Kpi) -> bool {
        self.name == other.name
    }
}

/// Everything the events say, counted by brute force.
pub struct Oracle {
    events: Vec<Value>,
    entities: Vec<Entity>,
    contributions: Vec<Contribution>,
}

impl Oracle {
    /// Reads events as they are posted; their order and any doubles mean nothing.
    ///
    /// Panics on an event that the contract refuses.
    pub fn new(events: &[Value]) -> Oracle {
        let entities = Entity::collect(events);
        let contributions = entities.iter().enumerate().flat_map(|(index, entity)| contribute::contributions(index, entity)).collect();
        Oracle { events: events.to_vec(), entities, contributions }
    }

    /// The same with every number of a deal credited to whoever has the deal now: `credit: current` of a measure.
    pub fn crediting_current(mut self) -> Oracle {
        for one in &mut self.contributions {
            let entity = &self.entities[one.entity];
            if entity.kind == "deal" {
                let rep = entity.text("rep");
                one.rep = if rep.is_empty() { "unassigned" } else { rep }.to_owned();
            }
        }
        self
    }

    /// Every number there is to an answer, also those that are zero or have no value: for each key
    /// that contributes anything, each KPI that exists by it, each window, each currency of the key.
    pub fn kpis(&self, question: &Question) -> Vec<Row> {
        let mut rows = Vec::new();
        let falls = self.falls(question);
        for key in self.keys(question) {
            let of_key = |one: &Contribution| question.may_hold(one, key.as_deref());
            let currencies: BTreeSet<&str> =
                self.contributions.iter().filter(|one| of_key(one)).filter_map(|one| one.currency.as_deref()).collect();
            for &window in &question.windows {
                let scope = self.scope(question, window, key.as_deref(), &falls);
                let rep = key.as_deref().filter(|_| question.by == By::Rep);
                let bounds = question.bounds(window, rep);
                for kpi in KPIS.iter().filter(|kpi| kpi.exists_by(question.by)) {
                    let currencies: Vec<Option<&str>> =
                        if kpi.is_per_currency() { currencies.iter().map(|code| Some(*code)).collect() } else { vec![None] };
                    for currency in currencies {
                        let evaluated = kpi.evaluate(&scope, currency);
                        let (numerator, denominator) = evaluated.quotient.unzip();
                        rows.push(Row {
                            kpi,
                            window,
                            start: bounds.start,
                            end: bounds.end,
                            key: key.clone(),
                            currency: currency.map(str::to_owned),
                            value: evaluated.value,
                            numerator,
                            denominator,
                        });
                    }
                }
            }
        }
        rows
    }

    /// The contributions that a number is made of.
    pub fn feeding(&self, question: &Question, row: &Row) -> Vec<&Contribution> {
        let falls = self.falls(question);
        let scope = self.scope(question, row.window, row.key.as_deref(), &falls);
        let measures = row.kpi.measures().into_iter();
        measures.flat_map(|measure| scope.of(measure, row.currency.as_deref())).collect()
    }

    /// All contributions, of all entities.
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }

    /// All entities.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// An entity's events as they were given, by time.
    pub fn events_of(&self, entity: usize) -> Vec<&Value> {
        let mut patches: Vec<_> = self.entities[entity].patches.iter().collect();
        patches.sort_by_key(|patch| (patch.stamp, patch.said_at));
        patches.iter().map(|patch| &self.events[patch.event]).collect()
    }

    fn keys(&self, question: &Question) -> BTreeSet<Option<String>> {
        let keys = self.contributions.iter().filter_map(|one| question.key_of(one));
        let keys = keys.map(|key| Some(key.to_owned()));
        let of_roster = |key: fn(&Roster) -> Vec<String>| question.roster.iter().flat_map(key).map(Some).collect::<Vec<_>>();
        match question.by {
            By::Company => BTreeSet::from([None]),
            By::Team => {
                let teams = of_roster(|roster| roster.teams.iter().map(|team| team.id.clone()).collect());
                teams.into_iter().chain([Some(UNROSTERED.to_owned())]).collect()
            }
            By::Rep => keys.chain(of_roster(|roster| roster.people.iter().map(|person| person.id.clone()).collect())).collect(),
            _ => keys.collect(),
        }
    }

    /// Where each contribution falls for its own rep, µs.
    fn falls(&self, question: &Question) -> Vec<i64> {
        self.contributions.iter().map(|one| one.at.falls(question.zone_of(&one.rep))).collect()
    }

    fn scope(&self, question: &Question, window: Window, key: Option<&str>, falls: &[i64]) -> Scope<'_> {
        let mut scope = Scope { flows: Vec::new(), stock: Vec::new() };
        let mut bounds_of: BTreeMap<&str, Bounds> = BTreeMap::new();
        for (one, &t) in self.contributions.iter().zip(falls) {
            if !question.may_hold(one, key) {
                continue;
            }
            let bounds = bounds_of.entry(&one.rep).or_insert_with(|| question.bounds(window, Some(&one.rep)));
            if bounds.hold(t) && question.is_in_team_at(one, t, key) {
                scope.flows.push(one);
            }
            // A level belongs wholly to the team of the window's last slot.
            if t < bounds.end && question.is_in_team_at(one, bounds.end - SLOT, key) {
                scope.stock.push(one);
            }
        }
        scope
    }
}

impl Question {
    fn key_of<'a>(&'a self, one: &'a Contribution) -> Option<&'a str> {
        match self.by {
            By::Company => None,
            By::Rep => Some(self.roster.as_ref().map_or(one.rep.as_str(), |roster| roster.rep(&one.rep))),
            By::Team => Some(UNROSTERED),
            By::Product => one.product.as_deref(),
            By::Origin => one.origin.as_deref(),
            By::Stage => one.stage.as_deref(),
        }
    }

    /// Whether a contribution counts for a key; of a team, whether it may.
    fn may_hold(&self, one: &Contribution, key: Option<&str>) -> bool {
        let is_dated = self.by == By::Team && self.roster.is_some();
        self.by == By::Company || is_dated || self.key_of(one) == key
    }

    /// Whether a contribution's rep is in the team asked about at a slot (µs); true where no team is.
    fn is_in_team_at(&self, one: &Contribution, slot: i64, key: Option<&str>) -> bool {
        match (&self.roster, self.by, key) {
            (Some(roster), By::Team, Some(team)) => roster.is_in_at(roster.person(&one.rep), slot, team),
            _ => true,
        }
    }
}
