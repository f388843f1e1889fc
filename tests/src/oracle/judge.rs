//! What becomes of objectives at an instant. In: the contributions of all events, a roster, objectives; out: every row that
//! `onpace objectives` should show, exact. Naive on purpose: every number is counted anew from the contributions.
//!
//! Where the contract leaves a choice, the oracle decides as follows.
//! 1. Working time has passed up to `at` exactly; attained counts to `at` rounded up to a slot.
//! 2. A person's id is one of his identities. His own `holidays` take the place of the company's.
//! 3. A level KPI is one with a level measure; additive is a sum of other measures; all else is a rate.
//! 4. `min_sample` is held against the denominator of a quotient of measures; where that is money, against the deals won and
//!    lost, with an amount or without. A quantile has none and is without value only where it is null.
//! 5. For a member the period is the days, his own, on which he is in the team or below; a row begins with the first
//!    such day and ends with the last. In a gap between two stays nothing counts; a level is all of his, at the end.
//! 6. A row of a team or of the company begins and ends in the company's zone. It is over when the whole period, not only
//!    the stays, is over for everybody who was a member on any of its days; without members, in the company's zone.
//! 7. {from, to} is shown from the first on, as long as it began no earlier than the company's first contribution; but of
//!    each_rep_of nobody's row that hasn't begun.
//! 8. `from` is by default the local day, in the scope's zone, of the company's earliest contribution. A period counts if
//!    its first day, unclipped, isn't before it.
//! 9. The last period that had working time is looked for among the 60 before the running one. The running one's age
//!    counts from where it begins for the scope: clipped.
//! 10. A part of a profile with a day of a member keeps its whole percentage.
//! 11. The factors of `prorate_absences` and `prorate_holidays` are of the whole period, and of each_rep_of only. Together
//!     they are working time ÷ what it would be without absences, holidays and half days.
//! 12. Blocks are cut at the scope's zone's midnights, for slots by their instant, for dates by the date; working days are
//!     the member's own days of these dates, half days whole ones. A block begins no earlier than the slot of the first
//!     contribution of the scope, or than the date of one that has a date: of each_rep_of, while a member. Contributions of
//!     one slot that come to 0 are none.
//! 13. Days left are each member's own; people with time left are those who have any; a team without members has none.
//! 14. Money is converted at the rate of the day, in the company's zone, of a slot's instant; of a date, of that date;
//!     levels at the rate of the day of the row's last slot. It is rounded for show only.
//! 15. share is null where there is no working time, whatever the pace; expected of an additive KPI then too.
//! 16. Before and after a period all is computed as within it: days left are all or none.
//! 17. Urgent is what is out of reach, or at risk with less than a fifth of the share left; never what nobody has working
//!     time left for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};

use super::Oracle;
use super::contribute::Contribution;
use super::formula::{Kpi, Scope, Unit, minor_per_major};
use super::moment::{SLOT, When, local_date, plus_days};
use super::objective::{Every, For, Objective, Period};
use super::roster::{Roster, decimal};
use super::silence::{Word, kind_of, silent_kinds};
use super::verdict::{Facts, Nature, chance, state};
use super::worktime::{Who, Worktime};

/// A row of the answer.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The objective's id.
    pub objective: String,
    /// What people call it.
    pub name: String,
    /// Whether something must be done at once; nothing where the value is exact to 1 % only.
    pub urgent: Option<bool>,
    /// Its KPI.
    pub kpi: &'static Kpi,
    /// Whose row it is, where it is a person's.
    pub rep: Option<String>,
    /// Whose row it is, where it is a team's.
    pub team: Option<String>,
    /// The first instant, µs.
    pub start: i64,
    /// The first instant past it, µs.
    pub end: i64,
    /// The state; several where the value is exact to 1 % only.
    pub states: Vec<&'static str>,
    /// Whether no source that feeds its KPI is silent.
    pub complete: bool,
    /// The target, scaled for a membership.
    pub target: BigRational,
    /// The KPI's value; none where a denominator is 0.
    pub attained: Option<BigRational>,
    /// The share of the period that has passed.
    pub share: Option<BigRational>,
    /// What should be attained by now.
    pub expected: Option<BigRational>,
    /// What will be attained at this pace.
    pub forecast: Option<BigRational>,
    /// How likely it is to end on the right side.
    pub chance: Option<f64>,
    /// What is needed a day.
    pub needed: Option<BigRational>,
    /// The currency, of a KPI that has one.
    pub currency: Option<String>,
    /// What the row is made of, in words.
    pub facts: String,
}

/// Every row that should be shown at an instant (µs), of sources that said these words.
pub fn judge(oracle: &Oracle, roster: &Roster, objectives: &[Objective], words: &[Word], at: i64) -> Vec<Judged> {
    let bench = Bench::new(oracle, roster, words, at);
    objectives.iter().flat_map(|objective| bench.rows(objective)).collect()
}

/// Whose row it is.
#[derive(Clone, Copy, Debug)]
enum Subject<'a> {
    Rep(usize),
    /// While in the team.
    Each(usize, &'a str),
    Team(&'a str),
    Company,
}

/// A contribution with its place.
struct Placed<'a> {
    one: &'a Contribution,
    person: Who,
    /// The start of its slot, or the first instant of its date for its own rep, µs.
    t: i64,
}

struct Bench<'a> {
    roster: &'a Roster,
    work: Worktime<'a>,
    placed: Vec<Placed<'a>>,
    at: i64,
    /// `at` rounded up to a slot.
    until: i64,
    /// Kinds of which something may be missing.
    silent: BTreeSet<String>,
}

impl<'a> Bench<'a> {
    fn new(oracle: &'a Oracle, roster: &'a Roster, words: &[Word], at: i64) -> Bench<'a> {
        let place = |one: &'a Contribution| {
            let person = roster.person(&one.rep);
            Placed { one, person, t: one.at.falls(roster.zone_of(person)) }
        };
        let placed = oracle.contributions().iter().map(place).collect();
        Bench {
            roster,
            work: Worktime::new(roster),
            placed,
            at,
            until: -(-at).div_euclid(SLOT) * SLOT,
            silent: silent_kinds(roster, words, at),
        }
    }

    fn rows(&self, objective: &Objective) -> Vec<Judged> {
        let person = |id: &str| self.roster.people.iter().position(|one| one.id == id).expect("a person of the roster");
        let subjects = match &objective.scope {
            For::Rep(id) => vec![Subject::Rep(person(id))],
            For::Team(id) => vec![Subject::Team(id)],
            For::Company => vec![Subject::Company],
            For::EachRepOf(id) => (0..self.roster.people.len()).map(|person| Subject::Each(person, id)).collect(),
        };
        let rows = subjects.into_iter().flat_map(|subject| {
            let shown = self.shown(objective, subject);
            shown.into_iter().map(move |period| self.row(objective, subject, period))
        });
        rows.collect()
    }

    /// The periods of which there is a row.
    fn shown(&self, objective: &Objective, subject: Subject<'_>) -> Vec<Period> {
        let zone = self.roster.zone_of(home(subject));
        let today = local_date(self.at, zone);
        let calendar = self.roster.calendar;
        let running = objective.every.holding(today, calendar);
        // Nobody's row that hasn't begun, of each_rep_of; nor of somebody who was no member on any of its days.
        let has_row = |period: Period| match subject {
            Subject::Each(..) => self.clipped(subject, period).is_some_and(|clipped| self.begin(subject, clipped) <= self.at),
            _ => true,
        };
        let first_of_all = || {
            let earliest = self.placed.iter().map(|placed| placed.t).min();
            earliest.map(|t| local_date(t, zone))
        };
        let Some(from) = objective.from.or_else(first_of_all) else { return Vec::new() };
        if matches!(objective.every, Every::Between(..)) {
            return if has_row(running) && running.first >= from { vec![running] } else { Vec::new() };
        }

        let mut shown = Vec::new();
        if has_row(running) {
            shown.push(running);
        }
        let clipped = self.clipped(subject, running).filter(|_| has_row(running));
        let age = (today - clipped.unwrap_or(running).first).get_days();
        let running_is_over = clipped.is_some() && self.is_over(subject, running);
        if age < 7 && !running_is_over {
            let mut before = running;
            for _ in 0..60 {
                before = objective.every.holding(plus_days(before.first, -1), calendar);
                if self.work_in(subject, before) > 0 {
                    shown.push(before);
                    break;
                }
            }
        }
        shown.retain(|period| period.first >= from);
        shown
    }

    /// The period from the first to the last day that counts for the scope; nothing where none does.
    fn clipped(&self, subject: Subject<'_>, period: Period) -> Option<Period> {
        match subject {
            Subject::Each(person, _) => {
                let days = self.days(subject, person, &period.days());
                Some(Period { first: *days.first()?, last: *days.last()? })
            }
            _ => Some(period),
        }
    }

    fn begin(&self, subject: Subject<'_>, clipped: Period) -> i64 {
        self.work.midnight(home(subject), clipped.first)
    }

    fn is_over(&self, subject: Subject<'_>, period: Period) -> bool {
        let end = match subject {
            Subject::Team(_) | Subject::Company => {
                let members = self.members(subject, &period.days());
                let ends = members.iter().map(|(who, _)| self.work.midnight(*who, plus_days(period.last, 1)));
                ends.max().unwrap_or_else(|| self.work.midnight(None, plus_days(period.last, 1)))
            }
            _ => {
                let last = self.clipped(subject, period).map_or(period.last, |clipped| clipped.last);
                self.work.midnight(home(subject), plus_days(last, 1))
            }
        };
        self.at >= end
    }

    fn is_member_on(&self, subject: Subject<'_>, person: usize, date: Date) -> bool {
        match subject {
            Subject::Rep(one) => person == one,
            Subject::Each(one, team) => person == one && self.roster.is_in_on(person, date, team),
            Subject::Team(team) => self.roster.is_in_on(person, date, team),
            Subject::Company => true,
        }
    }

    fn days(&self, subject: Subject<'_>, person: usize, days: &[Date]) -> Vec<Date> {
        days.iter().copied().filter(|day| self.is_member_on(subject, person, *day)).collect()
    }

    /// Who is a member on any of these days, with the days on which he is.
    fn members(&self, subject: Subject<'_>, days: &[Date]) -> Vec<(Who, Vec<Date>)> {
        let people = 0..self.roster.people.len();
        let members = people.map(|person| (Some(person), self.days(subject, person, days)));
        members.filter(|(_, days)| !days.is_empty()).collect()
    }

    /// The members, or the company's calendar where there are none.
    fn calendars(&self, subject: Subject<'_>, days: &[Date]) -> Vec<(Who, Vec<Date>)> {
        let members = self.members(subject, days);
        match subject {
            Subject::Team(_) | Subject::Company if members.is_empty() => vec![(None, days.to_vec())],
            _ => members,
        }
    }

    fn work_in(&self, subject: Subject<'_>, period: Period) -> i64 {
        let calendars = self.calendars(subject, &period.days());
        calendars.iter().map(|(who, days)| self.work.total(*who, days)).sum()
    }

    /// The share of the period that has passed, by its pace.
    fn share(&self, objective: &Objective, subject: Subject<'_>, period: Period) -> Option<BigRational> {
        if self.work_in(subject, period) == 0 {
            return None;
        }
        let calendars = self.calendars(subject, &period.days());
        let Some(parts) = period.parts(&objective.pace) else {
            let by_work = objective.pace == super::objective::Pace::WorkingTime;
            return self.passed(&calendars, by_work);
        };
        let (mut spent, mut whole) = (BigRational::zero(), BigRational::zero());
        for (percent, part) in parts {
            let within: Vec<(Who, Vec<Date>)> =
                calendars.iter().map(|(who, days)| (*who, days.iter().copied().filter(|day| part.contains(day)).collect())).collect();
            if within.iter().all(|(_, days): &(Who, Vec<Date>)| days.is_empty()) {
                continue;
            }
            let passed = self.passed(&within, true).or_else(|| self.passed(&within, false));
            spent += integer(i64::from(percent)) * passed?;
            whole += integer(i64::from(percent));
        }
        (!whole.is_zero()).then(|| spent / whole)
    }

    /// What of these days has passed, by working or plain time; nothing where they have none.
    fn passed(&self, calendars: &[(Who, Vec<Date>)], by_work: bool) -> Option<BigRational> {
        let time = |who: Who, days: &[Date], until: i64| {
            if by_work { self.work.worked(who, days, until) } else { self.work.passed(who, days, until) }
        };
        let passed: i64 = calendars.iter().map(|(who, days)| time(*who, days, self.at)).sum();
        let whole: i64 = calendars.iter().map(|(who, days)| time(*who, days, i64::MAX)).sum();
        (whole > 0).then(|| integer(passed) / integer(whole))
    }

    /// The target, for a member scaled to his membership.
    fn target(&self, objective: &Objective, subject: Subject<'_>, period: Period) -> BigRational {
        let mut target = decimal(&objective.target);
        if let Subject::Each(person, _) = subject
            && objective.kpi.is_additive()
            && !objective.kpi.is_level()
        {
            let who = Some(person);
            let all = period.days();
            let whole = self.work.total(who, &all);
            if whole > 0 {
                target *= integer(self.work.total(who, &self.days(subject, person, &all))) / integer(whole);
            }
            let never_away = self.work.total_but_for_absences(who, &all);
            if objective.prorate_absences && never_away > 0 {
                target *= integer(whole) / integer(never_away);
            }
            let never_off = self.work.total_but_for_days_off(who, &all);
            if objective.prorate_holidays && never_off > 0 {
                target *= integer(never_away) / integer(never_off);
            }
        }
        target
    }

    /// Whether what falls on a slot counts for the scope.
    fn counts(&self, subject: Subject<'_>, placed: &Placed<'_>) -> bool {
        match subject {
            Subject::Rep(person) => placed.person == Some(person),
            Subject::Each(person, team) => placed.person == Some(person) && self.roster.is_in_at(placed.person, placed.t, team),
            Subject::Team(team) => self.roster.is_in_at(placed.person, placed.t, team),
            Subject::Company => true,
        }
    }

    /// What flows in the period, and what stands at its end.
    fn scope(&self, subject: Subject<'_>, kpi: &Kpi, period: Period) -> Scope<'a> {
        let mut scope = Scope { flows: Vec::new(), stock: Vec::new() };
        let measures = kpi.measures();
        let last = match subject {
            // His row ends with his last stay.
            Subject::Each(..) => self.clipped(subject, period).map_or(period.last, |clipped| clipped.last),
            _ => period.last,
        };
        for placed in self.placed.iter().filter(|placed| measures.contains(&placed.one.measure)) {
            let start = self.work.midnight(placed.person, period.first);
            let end = self.until.min(self.work.midnight(placed.person, plus_days(last, 1)));
            if start <= placed.t && placed.t < end && self.counts(subject, placed) {
                scope.flows.push(placed.one);
            }
            let holds = match subject {
                Subject::Rep(person) | Subject::Each(person, _) => placed.person == Some(person),
                Subject::Team(team) => self.roster.is_in_at(placed.person, end - SLOT, team),
                Subject::Company => true,
            };
            if placed.t < end && holds {
                scope.stock.push(placed.one);
            }
        }
        scope
    }

    /// A contribution in its KPI's unit, money converted at the rate of its own day or of the one given.
    fn worth(&self, one: &Contribution, currency: Option<&str>, at_rate_of: Option<Date>) -> BigRational {
        let value = BigRational::from_integer(one.value.into());
        let (Some(to), Some(from)) = (currency, one.currency.as_deref()) else { return value };
        if one.measure == "deals_won_valued" {
            return value;
        }
        let major = value / minor_per_major(from);
        if from == to {
            return major;
        }
        let day = at_rate_of.unwrap_or_else(|| match one.at {
            When::Date(date) => date,
            When::Instant(t) => local_date(t, &self.roster.zone),
        });
        major * self.roster.rate(from, day) / self.roster.rate(to, day)
    }

    /// Value and denominator of a KPI.
    fn evaluate(&self, kpi: &Kpi, scope: &Scope<'_>, currency: Option<&str>, level_day: Date) -> Value {
        let sum = |measure: &str| -> BigRational {
            let (among, day) = if kpi.is_level() { (&scope.stock, Some(level_day)) } else { (&scope.flows, None) };
            let values = among.iter().filter(|one| one.measure == measure);
            values.map(|one| self.worth(one, currency, day)).sum()
        };
        if kpi.is_additive() {
            return (Some(sum(kpi.name)), None);
        }
        let Some((over, under)) = kpi.quotient() else {
            return (kpi.evaluate(scope, None).value, None);
        };
        let over: BigRational = over.iter().map(|(measure, sign)| integer(i64::from(*sign)) * sum(measure)).sum();
        let under: BigRational = under.iter().map(|measure| sum(measure)).sum();
        ((!under.is_zero()).then(|| over / &under), Some(under))
    }

    /// The last 12 blocks: what the KPI came to and how many days were worked, those without any left out.
    fn blocks(&self, subject: Subject<'_>, kpi: &Kpi, currency: Option<&str>) -> Vec<(BigRational, i64)> {
        let of_kpi: Vec<&Placed<'_>> =
            self.placed.iter().filter(|placed| placed.one.measure == kpi.name && self.counts(subject, placed)).collect();
        let mut by_slot: BTreeMap<(i64, &str, Option<&str>), i128> = BTreeMap::new();
        for placed in &of_kpi {
            // A date is one of the scope's own, wherever its rep lives.
            let t = match placed.one.at {
                When::Date(date) => self.work.midnight(home(subject), date),
                When::Instant(_) => placed.t,
            };
            *by_slot.entry((t, &placed.one.rep, placed.one.currency.as_deref())).or_default() += placed.one.value;
        }
        let Some(((first, ..), _)) = by_slot.into_iter().find(|(_, sum)| *sum != 0) else { return Vec::new() };

        let zone = self.roster.zone_of(home(subject));
        let today = local_date(self.at, zone);
        let mut blocks = Vec::new();
        for back in 1..=12 {
            let block = Period { first: plus_days(today, -7 * back), last: plus_days(today, 6 - 7 * back) };
            if self.work.midnight(home(subject), block.first) < first {
                continue;
            }
            let date_of = |placed: &Placed<'_>| match placed.one.at {
                When::Date(date) => date,
                When::Instant(_) => local_date(placed.t, zone),
            };
            let within = of_kpi.iter().filter(|placed| block.first <= date_of(placed) && date_of(placed) <= block.last);
            let sum: BigRational = within.map(|placed| self.worth(placed.one, currency, None)).sum();
            let members = self.members(subject, &block.days());
            let days = members.iter().flat_map(|(who, days)| days.iter().filter(|day| self.work.is_working_day(*who, **day)));
            let days = days.count() as i64;
            if days > 0 {
                blocks.push((sum, days));
            }
        }
        blocks
    }

    /// The days left of each member.
    fn days_left(&self, subject: Subject<'_>, period: Period) -> Vec<BigRational> {
        let left_of = |who: Who, day: Date| {
            let whole = self.work.total(who, &[day]);
            let left = whole - self.work.worked(who, &[day], self.at);
            if whole == 0 { BigRational::zero() } else { integer(left) / integer(whole) }
        };
        let members = self.members(subject, &period.days());
        members.iter().map(|(who, days)| days.iter().map(|day| left_of(*who, *day)).sum()).collect()
    }

    fn row(&self, objective: &Objective, subject: Subject<'_>, period: Period) -> Judged {
        let kpi = objective.kpi;
        let clipped = self.clipped(subject, period).expect("a row has days");
        let start = self.begin(subject, clipped);
        let end = self.work.midnight(home(subject), plus_days(clipped.last, 1));
        let currency = kpi.is_per_currency().then(|| objective.currency.clone().unwrap_or_else(|| self.roster.currency.clone()));
        let currency = currency.as_deref();

        let target = self.target(objective, subject, period);
        let share = self.share(objective, subject, period);
        let scope = self.scope(subject, kpi, period);
        let level_day = local_date(self.until.min(end) - SLOT, &self.roster.zone);
        let (attained, denominator) = self.evaluate(kpi, &scope, currency, level_day);
        let nature = if kpi.is_level() {
            Nature::Level
        } else if kpi.is_additive() {
            Nature::Sum
        } else {
            Nature::Rate
        };

        let sample = match kpi.name {
            "win_rate_by_value" => {
                let by_number = Kpi::named("win_rate").expect("a KPI of the contract");
                self.evaluate(by_number, &self.scope(subject, by_number, period), None, level_day).1
            }
            _ => denominator.clone(),
        };
        let left = self.days_left(subject, period);
        let mut facts = format!("{} contributions in the period; denominator {denominator:?}\n", scope.flows.len());
        let (mut expected, mut forecast, mut probability, mut needed) = (Some(target.clone()), None, None, None);
        if let (Nature::Sum, Some(attained)) = (nature, &attained) {
            expected = share.as_ref().map(|share| &target * share);
            let people = left.iter().filter(|days| !days.is_zero()).count() as i64;
            let days: BigRational = left.iter().sum();
            let blocks = self.blocks(subject, kpi, currency);
            let told: Vec<String> = blocks.iter().map(|(sum, worked)| format!("{sum} in {worked} d")).collect();
            facts.push_str(&format!("days left {days} of {people} people; blocks, last first: {}\n", told.join(", ")));
            if let Some((mean, variance)) = spread(&blocks, kpi.unit == Unit::Count) {
                let end = attained + &mean * &days;
                probability = Some(chance(&end, &target, &(variance * &days), objective.at_most));
                forecast = Some(end);
            }
            if !objective.at_most && !days.is_zero() && *attained < target {
                let each = (&days / integer(people.max(1))).max(integer(1));
                needed = Some((&target - attained) / each);
            }
        }
        let verdict = |attained: Option<&BigRational>| {
            state(&Facts {
                nature,
                counts: kpi.unit == Unit::Count,
                at_most: objective.at_most,
                tolerance: decimal(&objective.tolerance),
                begun: self.at >= start,
                over: self.is_over(subject, period),
                worked: self.work_in(subject, period) > 0,
                sample_is_small: sample.as_ref().is_some_and(|under| *under < integer(objective.min_sample.into())),
                target: &target,
                attained,
                share: share.as_ref(),
                expected: expected.as_ref(),
                chance: probability,
            })
        };
        let mut states = vec![verdict(attained.as_ref())];
        if let (Unit::Days, Some(exact)) = (kpi.unit, &attained) {
            for percent in [99, 101] {
                states.push(verdict(Some(&(exact * integer(percent) / integer(100)))));
            }
        }
        let is_late = share.as_ref().is_some_and(|share| *share > BigRational::new(4.into(), 5.into()));
        let can_change = left.iter().any(|days| !days.is_zero());
        let urgent = can_change && (states[0] == "out_of_reach" || (states[0] == "at_risk" && is_late));
        let id = |person: usize| self.roster.people[person].id.clone();
        Judged {
            objective: objective.id.clone(),
            name: objective.name.clone().unwrap_or_else(|| objective.id.clone()),
            urgent: states.iter().all(|state| *state == states[0]).then_some(urgent),
            kpi,
            rep: match subject {
                Subject::Rep(person) | Subject::Each(person, _) => Some(id(person)),
                _ => None,
            },
            team: match subject {
                Subject::Team(team) => Some(team.to_owned()),
                _ => None,
            },
            start,
            end,
            states,
            complete: kpi.measures().into_iter().all(|measure| !self.silent.contains(kind_of(measure))),
            target,
            attained,
            share,
            expected,
            forecast,
            chance: probability,
            needed,
            currency: currency.map(str::to_owned),
            facts,
        }
    }
}

/// A value, and what it was divided by where it is a quotient of measures.
type Value = (Option<BigRational>, Option<BigRational>);

/// Whose zone a scope has: the person's, else the company's.
fn home(subject: Subject<'_>) -> Who {
    match subject {
        Subject::Rep(person) | Subject::Each(person, _) => Some(person),
        Subject::Team(_) | Subject::Company => None,
    }
}

/// What a working day comes to, and its variance; nothing of fewer than 4 blocks.
fn spread(blocks: &[(BigRational, i64)], counts: bool) -> Option<(BigRational, BigRational)> {
    if blocks.len() < 4 {
        return None;
    }
    let sum: BigRational = blocks.iter().map(|(sum, _)| sum.clone()).sum();
    let days: i64 = blocks.iter().map(|(_, days)| days).sum();
    let mean = sum / integer(days);
    let squares = blocks.iter().map(|(sum, days)| {
        let off = sum - &mean * integer(*days);
        &off * &off / integer(*days)
    });
    let variance = squares.sum::<BigRational>() / integer(blocks.len() as i64 - 1);
    let variance = if counts && variance < mean { mean.clone() } else { variance };
    Some((mean, variance))
}

fn integer(value: i64) -> BigRational {
    BigRational::from_integer(value.into())
}

/// A rational as the nearest float, for show and for the chance.
pub fn float(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}
