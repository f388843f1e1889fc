//! The facts behind every objective, gathered from roster and counters; the decision about each is `decide`'s.
//!
//! In: catalogue, tally, roster, objectives, the office's working time, `at`, what is known of the pipeline's health. Out:
//! [`Standings`]. Never here: how a state is decided, how a KPI is worked out.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use onpace_schemas::Currency;
use onpace_schemas::time::{US, date_of, day_of};
use smallvec::SmallVec;

use super::decide::{Block, Class, Facts, decide};
use super::office::{BLOCKS, LOOK_BACK, Office};
use super::pace::{self, Member};
use super::sample::Sample;
use super::standing::{Completeness, Standing, Standings, Subject};
use super::{Objective, Period, Scope};
use crate::MeasureNo;
use crate::catalogue::{Catalogue, Kpi, KpiNo, Unit};
use crate::evaluate::Unconvertible;
use crate::evaluate::sheet::{Cell, Conversion, Sheet};
use crate::evaluate::whose::{Rep, Stays, Stretch, everybody};
use crate::exact::Exact;
use crate::period::run;
use crate::roster::{PersonNo, Roster, TeamNo};
use crate::row::{By, Sides};
use crate::slot::{SLOT_S, round_up};
use crate::tally::{Group, Tally};
use crate::window::{Bounds, Ranges, first_instant, local_date};

/// Judges every objective at an instant, microseconds since 1970. The office must serve it.
pub fn standings(
    catalogue: &Catalogue,
    tally: &Tally,
    roster: &Roster,
    objectives: &[Objective],
    office: &Office,
    at_us: i64,
    completeness: &Completeness,
) -> Standings {
    let reps = everybody(roster, tally, usize::MAX);
    let mut judge = Judge::of(catalogue, tally, roster, office, at_us, &reps);
    let mut out = Standings::default();
    for (number, objective) in objectives.iter().enumerate() {
        let Some(kpi) = catalogue.kpis.get(usize::from(objective.kpi)) else { continue };
        let complete = completeness.covers(catalogue, kpi);
        let from = out.rows.len();
        if let Err(why) = judge.objective(number, objective, kpi, complete, &mut out.rows) {
            out.rows.truncate(from);
            out.unconvertible.push((objective.id.clone(), why));
        }
    }
    out
}

/// How a KPI is judged.
pub(super) fn class_of(catalogue: &Catalogue, kpi: &Kpi) -> Class {
    let level = |measure: &MeasureNo| catalogue.measures[usize::from(*measure)].what.is_level();
    if kpi.measures.iter().any(level) {
        Class::Level
    } else if catalogue.adds_up(kpi) {
        Class::Additive
    } else {
        Class::Rate
    }
}

/// When the company's first event counts: an instant, and a date.
fn first_day(tally: &Tally) -> (Option<i64>, Option<i32>) {
    let (quarter, date) = tally.first();
    (quarter.map(|slot| i64::from(slot) * SLOT_S * US), date)
}

fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Somebody whose counters are judged: his place among the reps, the days on which he counts, his calendar.
pub(super) struct Counted<'a> {
    pub rep: &'a Rep<'a>,
    pub stays: Stays,
}

pub(super) struct Judge<'a> {
    catalogue: &'a Catalogue,
    pub roster: &'a Roster,
    pub office: &'a Office,
    at_us: i64,
    pub reps: &'a [Rep<'a>],
    begun: (Option<i64>, Option<i32>),
    /// A period's slots so far, by schedule, days and stays.
    stretches: HashMap<(usize, Range<i32>, Stays), Arc<Stretch>>,
    /// The blocks of a forecast, by the scope's schedule, newest first.
    blocks: HashMap<usize, Arc<[BlockDays]>>,
    /// What a KPI came to in them: the same for every period, and every objective on it.
    histories: HashMap<(KpiNo, Option<Currency>, Whose), Arc<[Block]>>,
}

/// Whose history it is: a subject's, and of a member only what he did for a team.
type Whose = (Option<PersonNo>, Option<TeamNo>);

/// 7 days as a zone cuts them.
struct BlockDays {
    days: Range<i32>,
    begins: i64,
    ranges: Ranges,
}

impl<'a> Judge<'a> {
    pub fn of(
        catalogue: &'a Catalogue,
        tally: &Tally,
        roster: &'a Roster,
        office: &'a Office,
        at_us: i64,
        reps: &'a [Rep<'a>],
    ) -> Judge<'a> {
        let begun = first_day(tally);
        Judge {
            catalogue,
            roster,
            office,
            at_us,
            reps,
            begun,
            stretches: HashMap::new(),
            blocks: HashMap::new(),
            histories: HashMap::new(),
        }
    }

    /// An objective about to be judged.
    pub fn ask<'j>(&'j mut self, number: usize, objective: &'j Objective, kpi: &'a Kpi, complete: bool) -> Asked<'j, 'a> {
        let conversion = objective.currency.map(|to| Conversion { to, roster: self.roster });
        let sample = Sample::of(self.catalogue, kpi);
        let sheet = Sheet::of(self.catalogue, std::iter::once(kpi), conversion).with(sample.measures());
        Asked { judge: self, number, objective, kpi, sheet, sample, complete }
    }

    fn objective(
        &mut self,
        number: usize,
        objective: &Objective,
        kpi: &'a Kpi,
        complete: bool,
        rows: &mut Vec<Standing>,
    ) -> Result<(), Unconvertible> {
        let mut asked = self.ask(number, objective, kpi, complete);
        match objective.scope {
            Scope::Company => asked.subject(Subject::Company, asked.judge.members(|_| Stays::Always), rows),
            Scope::Team(team) => {
                let members = asked.judge.team(team);
                asked.subject(Subject::Team(team), members, rows)
            }
            Scope::Rep(person) => {
                let rep = &asked.judge.reps[person];
                asked.subject(Subject::Rep(person), vec![Counted { rep, stays: Stays::Always }], rows)
            }
            Scope::EachRepOf(team) => {
                for counted in asked.judge.team(team) {
                    let Some(person) = counted.rep.person else { continue };
                    asked.subject(Subject::Rep(person), vec![counted], rows)?;
                }
                Ok(())
            }
        }
    }

    /// Everybody who was ever in a team or below it, while he was.
    pub fn team(&self, team: TeamNo) -> Vec<Counted<'a>> {
        let roster = self.roster;
        self.members(|rep| rep.stays(roster, |of| of.is_some_and(|of| roster.is_within(of, team))))
    }

    pub fn members(&self, stays: impl Fn(&Rep<'a>) -> Stays) -> Vec<Counted<'a>> {
        self.reps.iter().map(|rep| Counted { rep, stays: stays(rep) }).filter(|counted| !counted.stays.is_never()).collect()
    }

    /// A period's slots up to `at`, for somebody who counts on some days.
    fn stretch(&mut self, schedule: usize, days: &Range<i32>, stays: &Stays) -> Arc<Stretch> {
        let (office, at_us) = (self.office, self.at_us);
        let make = || {
            let zone = office.zone(schedule);
            let first = |day: i32| first_instant(date_of(day), zone);
            Arc::new(Stretch::of(Bounds { start: Some(first(days.start)), end: round_up(at_us).min(first(days.end)) }, zone, stays))
        };
        self.stretches.entry((schedule, days.clone(), stays.clone())).or_insert_with(make).clone()
    }

    fn blocks(&mut self, schedule: usize) -> Arc<[BlockDays]> {
        let (office, at_us) = (self.office, self.at_us);
        let make = || {
            let zone = office.zone(schedule);
            let today = day_of(local_date(at_us, zone));
            let block = |back: i32| {
                let days = today - 7 * (back + 1)..today - 7 * back;
                let (begins, ends) = (first_instant(date_of(days.start), zone), first_instant(date_of(days.end), zone));
                let quarters = Bounds { start: Some(begins), end: ends }.ranges(zone).quarters;
                BlockDays { ranges: Ranges { quarters, dates: days.clone() }, days, begins }
            };
            (0..BLOCKS).map(block).collect()
        };
        self.blocks.entry(schedule).or_insert_with(make).clone()
    }
}

/// One objective at work.
pub(super) struct Asked<'j, 'a> {
    pub judge: &'j mut Judge<'a>,
    number: usize,
    objective: &'j Objective,
    kpi: &'a Kpi,
    sheet: Sheet<'a>,
    sample: Sample,
    complete: bool,
}

/// What a KPI comes to.
struct Attained {
    value: Option<Exact>,
    sides: Option<Sides>,
    /// What is held against `min_sample`.
    sample: Option<Exact>,
}

impl<'a> Asked<'_, 'a> {
    /// Judges the objective for one subject, in the periods that are shown.
    fn subject(&mut self, subject: Subject, members: Vec<Counted<'a>>, rows: &mut Vec<Standing>) -> Result<(), Unconvertible> {
        let person = match subject {
            Subject::Rep(person) => Some(person),
            Subject::Company | Subject::Team(_) => None,
        };
        let (settings, office) = (self.judge.roster.settings, self.judge.office);
        let zone = self.judge.office.zone(self.judge.office.schedule(person));
        let today = day_of(local_date(self.judge.at_us, zone));
        let counts_from = self.objective.from.or_else(|| {
            let (quarter, date) = self.judge.begun;
            earlier(quarter.map(|us| day_of(local_date(us, zone))), date)
        });
        let counts = |days: &Range<i32>| counts_from.is_some_and(|from| from <= days.start);
        let Some(running) = run::holding(self.objective.period, settings, today) else { return Ok(()) };
        let once = matches!(self.objective.period, Period::Once(..));
        if counts(&running) {
            self.period(office, subject, person, &members, &running, !once || today < running.end, rows)?;
        }
        // The last period is news until the running one is 7 days old, or over, for whom it is about.
        let people = self.stays(office, &members, &running);
        let over = self.is_over(subject, &running, &people);
        let begun = match subject {
            Subject::Rep(_) => people
                .iter()
                .flat_map(|member| &member.stays)
                .map(|stay| stay.start)
                .min()
                .filter(|start| *start <= today)
                .unwrap_or(running.start),
            Subject::Company | Subject::Team(_) => running.start,
        };
        if once || over || today - begun >= 7 {
            return Ok(());
        }
        let mut first = running.start;
        for _ in 0..LOOK_BACK {
            let Some(days) = run::before(self.objective.period, settings, first) else { break };
            if !counts(&days) {
                break;
            }
            first = days.start;
            if days.start >= office.days().start {
                if pace::working_us(&days, &self.stays(office, &members, &days)) > 0 {
                    self.period(office, subject, person, &members, &days, false, rows)?;
                    break;
                }
            } else if self.worked_in(&members, &days) {
                let then = members.iter().filter(|member| !member.stays.within(&days).is_empty()).map(|member| member.rep.person);
                let schedules: Vec<usize> = then.chain([None, person]).map(|person| office.schedule(person)).collect();
                let older = office.reaching(days.clone(), &schedules);
                self.period(&older, subject, person, &members, &days, false, rows)?;
                break;
            }
        }
        Ok(())
    }

    /// Whether there was working time in a run of days, however long ago.
    fn worked_in(&self, members: &[Counted<'a>], days: &Range<i32>) -> bool {
        let (office, roster) = (self.judge.office, self.judge.roster);
        let mut known = members.iter().filter(|member| member.rep.person.is_some() && !member.stays.within(days).is_empty()).peekable();
        match known.peek() {
            None => matches!(self.objective.scope, Scope::Company | Scope::Team(_)) && office.works_in(roster, None, days),
            Some(_) => known.any(|member| member.stays.within(days).iter().any(|stay| office.works_in(roster, member.rep.person, stay))),
        }
    }

    /// Whether a period is over for the last of its members: a rep's with his stay, a team's with its last day, wherever they live.
    fn is_over(&self, subject: Subject, days: &Range<i32>, people: &[Member<'_>]) -> bool {
        let end = |member: &Member<'_>| match subject {
            Subject::Rep(_) => member.stays.last().map(|stay| member.calendar.begins(stay.end)),
            Subject::Company | Subject::Team(_) => Some(member.calendar.begins(days.end)),
        };
        !people.is_empty() && people.iter().all(|member| end(member).is_some_and(|end| self.judge.at_us >= end))
    }

    /// The people who count in a run of days, with their working time; the company's where there are none.
    pub fn stays<'o>(&self, office: &'o Office, members: &[Counted<'a>], days: &Range<i32>) -> Vec<Member<'o>>
    where
        'a: 'o,
    {
        let roster = self.judge.roster;
        let known = members.iter().filter(|member| member.rep.person.is_some());
        let mut people: Vec<Member<'o>> = known
            .map(|member| Member { calendar: office.calendar(roster, member.rep.person), stays: member.stays.within(days) })
            .filter(|member| !member.stays.is_empty())
            .collect();
        if people.is_empty() && matches!(self.objective.scope, Scope::Company | Scope::Team(_)) {
            people.push(Member { calendar: office.calendar(roster, None), stays: std::iter::once(days.clone()).collect() });
        }
        people
    }

    /// Judges one period, whose days the office knows.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of its own")]
    fn period(
        &mut self,
        office: &Office,
        subject: Subject,
        person: Option<PersonNo>,
        members: &[Counted<'a>],
        days: &Range<i32>,
        running: bool,
        rows: &mut Vec<Standing>,
    ) -> Result<(), Unconvertible> {
        let (objective, at_us) = (self.objective, self.judge.at_us);
        let people = self.stays(office, members, days);
        let (Some(first), Some(last)) = (people.first(), people.last()) else { return Ok(()) };
        let ends = |member: &Member<'_>| member.stays.last().map(|stay| member.calendar.begins(stay.end));
        let (start, end) = match subject {
            // What is a rep's own is clipped to his stays.
            Subject::Rep(_) => (first.stays.first().map(|stay| first.calendar.begins(stay.start)), ends(last)),
            Subject::Company | Subject::Team(_) => {
                let calendar = office.calendar(self.judge.roster, None);
                (Some(calendar.begins(days.start)), Some(calendar.begins(days.end)))
            }
        };
        let (Some(start), Some(end)) = (start, end) else { return Ok(()) };
        // A member's period that has not begun has no row.
        let coming = matches!(objective.period, Period::Once(..)) && !matches!(objective.scope, Scope::EachRepOf(_));
        if at_us < start && !coming {
            return Ok(());
        }
        let class = self.class();
        let Attained { value: attained, sides, sample } = self.attained(members, days)?;
        let blocks = if class == Class::Additive { self.history(person, members)? } else { Arc::new([]) };
        // The company's calendar stands in for a team without members where time passes, not where somebody is to work.
        let nobody = matches!(objective.scope, Scope::Team(_))
            && members.iter().all(|member| member.stays.within(days).is_empty() || member.rep.person.is_none());
        let (days_left, people_left) = if nobody { (Exact::from(0), 0) } else { pace::days_left(days, &people, at_us) };
        let facts = Facts {
            begun: at_us >= start,
            over: self.is_over(subject, days, &people),
            has_working_time: pace::working_us(days, &people) > 0,
            share: pace::share(&objective.pace, days, &people, at_us),
            target: self.target(office, person, &people, days, class),
            class,
            is_count: self.kpi.unit == Unit::Count,
            attained: attained.clone(),
            sample,
            blocks: &blocks,
            days_left,
            people_left,
        };
        let judgement = decide(objective, &facts);
        rows.push(Standing {
            number: self.number,
            objective: objective.id.clone(),
            name: objective.name.clone(),
            kpi: self.kpi.name.clone(),
            subject,
            key: self.key(subject),
            period: objective.period,
            direction: objective.direction,
            importance: objective.importance,
            days: days.clone(),
            start,
            end,
            running,
            state: judgement.state,
            complete: self.complete,
            unit: self.kpi.unit,
            currency: objective.currency,
            target: facts.target,
            attained,
            sides,
            share: facts.share,
            expected: judgement.expected,
            forecast: judgement.forecast,
            chance: judgement.chance,
            needed: judgement.needed,
            can_change: people_left > 0,
        });
        Ok(())
    }

    fn key(&self, subject: Subject) -> Option<(By, Arc<str>)> {
        let roster = self.judge.roster;
        match subject {
            Subject::Company => None,
            Subject::Team(team) => Some((By::Team, roster.teams[team].id.clone())),
            Subject::Rep(person) => Some((By::Rep, roster.people[person].id.clone())),
        }
    }

    pub fn class(&self) -> Class {
        class_of(self.judge.catalogue, self.kpi)
    }

    /// The target of a subject: of somebody who was a member for a part of the period, that part of it.
    fn target(&self, office: &Office, person: Option<PersonNo>, people: &[Member<'_>], days: &Range<i32>, class: Class) -> Exact {
        let mut target = self.objective.target.clone();
        let (Scope::EachRepOf(_), Class::Additive, Some(_)) = (self.objective.scope, class, person) else { return target };
        let calendar = office.calendar(self.judge.roster, person);
        let part = |of: i64, whole: i64| Exact::ratio(of.into(), whole.into()).unwrap_or_else(|| 1.into());
        let whole = calendar.work_us(days);
        target = target.mul(&part(pace::working_us(days, people), whole));
        if self.objective.prorate_absences {
            target = target.mul(&part(whole, calendar.without_absences().work_us(days)));
        }
        if self.objective.prorate_holidays {
            // Both together: his working time ÷ what it would be without absences and holidays.
            target = target.mul(&part(calendar.without_absences().work_us(days), calendar.usual_us(days)));
        }
        target
    }

    /// The KPI from the period's start to `at`, or to its end.
    fn attained(&mut self, members: &[Counted<'a>], days: &Range<i32>) -> Result<Attained, Unconvertible> {
        let mut cells = self.sheet.row();
        let scope = match self.objective.scope {
            Scope::Rep(person) => Some(person),
            Scope::EachRepOf(_) => members.first().and_then(|member| member.rep.person),
            Scope::Company | Scope::Team(_) => None,
        };
        let mut last = self.judge.stretch(self.judge.office.schedule(scope), days, &Stays::Always).last;
        for member in members.iter().filter(|member| !member.rep.counters.is_empty()) {
            let schedule = self.judge.office.schedule(member.rep.person);
            let mut stretch = self.judge.stretch(schedule, days, &member.stays);
            if matches!(self.objective.scope, Scope::EachRepOf(_)) {
                // A level is his own, to the end of his stay.
                let stays = member.stays.within(days);
                let upto = days.start..stays.last().map_or(days.end, |stay| stay.end);
                let own = self.judge.stretch(schedule, &upto, &Stays::Always);
                last = own.last;
                stretch = Arc::new(Stretch { level: own.level.clone(), ..(*stretch).clone() });
            }
            for counters in &member.rep.counters {
                for (column, cell) in cells.iter_mut().enumerate() {
                    self.sheet.add(cell, counters, column, Group::Total, &stretch, last)?;
                }
            }
        }
        let (value, sides) = self.sheet.value(self.kpi, &cells, self.objective.currency);
        let sample = match &self.sample {
            Sample::Denominator => sides.as_ref().map(|sides| sides.denominator.clone()),
            Sample::Counted(measures) if measures.is_empty() => None,
            Sample::Counted(measures) => Some(measures.iter().map(|measure| self.sheet.count(*measure, &cells)).sum::<i128>().into()),
        };
        Ok(Attained { value, sides, sample })
    }

    /// The last blocks of 7 days, none of which begins before the KPI's first contribution.
    pub fn history(&mut self, person: Option<PersonNo>, members: &[Counted<'a>]) -> Result<Arc<[Block]>, Unconvertible> {
        let team = match self.objective.scope {
            Scope::Team(team) | Scope::EachRepOf(team) => Some(team),
            Scope::Company | Scope::Rep(_) => None,
        };
        let key = (self.objective.kpi, self.objective.currency, (person, team));
        if let Some(known) = self.judge.histories.get(&key) {
            return Ok(known.clone());
        }
        let history: Arc<[Block]> = self.add_up(person, members)?.as_slice().into();
        self.judge.histories.insert(key, history.clone());
        Ok(history)
    }

    fn add_up(&mut self, person: Option<PersonNo>, members: &[Counted<'a>]) -> Result<SmallVec<[Block; 12]>, Unconvertible> {
        let (office, roster) = (self.judge.office, self.judge.roster);
        let schedule = office.schedule(person);
        let (blocks, home) = (self.judge.blocks(schedule), office.zone(schedule));
        let mut clipped: Vec<(&Counted<'a>, Option<SmallVec<[Ranges; 1]>>)> = Vec::with_capacity(members.len());
        let mut first: Option<i64> = None;
        for member in members {
            let zone = member.rep.zone(roster);
            let stays = member.stays.ranges(zone);
            let ever = [Ranges { quarters: i32::MIN..i32::MAX, dates: i32::MIN..i32::MAX }];
            for (counters, measure) in
                member.rep.counters.iter().flat_map(|counters| self.sheet.measures.iter().map(move |m| (counters, *m)))
            {
                for (_, line) in Sheet::lines(counters, measure, Group::Total) {
                    for ranges in stays.as_deref().unwrap_or(&ever) {
                        let (quarter, date) = line.first(ranges);
                        first = earlier(first, quarter.map(|slot| i64::from(slot) * SLOT_S * US));
                        // A date belongs to the block that holds it, wherever its rep lives.
                        first = earlier(first, date.map(|day| first_instant(date_of(day), home)));
                    }
                }
            }
            clipped.push((member, stays));
        }
        let Some(first) = first else { return Ok(SmallVec::new()) };
        // Where nobody is known the company's working days stand for theirs.
        let nobody = !members.iter().any(|member| member.rep.person.is_some());
        let mut out = SmallVec::new();
        let mut cells = self.sheet.row();
        for block in blocks.iter().take_while(|block| block.begins >= first) {
            let mut working_days = if nobody { office.calendar(roster, None).working_days(&block.days) } else { 0 };
            cells.fill(Cell::default());
            for (member, stays) in &clipped {
                if member.rep.person.is_some() {
                    let calendar = office.calendar(roster, member.rep.person);
                    working_days += member.stays.within(&block.days).iter().map(|days| calendar.working_days(days)).sum::<i64>();
                }
                let stretch = Stretch {
                    flow: match stays {
                        None => std::iter::once(block.ranges.clone()).collect(),
                        Some(stays) => stays.iter().map(|stay| both(stay, &block.ranges)).collect(),
                    },
                    level: None,
                    last: block.ranges.quarters.end - 1,
                };
                for counters in &member.rep.counters {
                    for (column, cell) in cells.iter_mut().enumerate() {
                        self.sheet.add(cell, counters, column, Group::Total, &stretch, stretch.last)?;
                    }
                }
            }
            let (value, _) = self.sheet.value(self.kpi, &cells, self.objective.currency);
            out.push(Block { total: value.unwrap_or_else(|| 0.into()), days: working_days });
        }
        Ok(out)
    }
}

/// What two runs of slots have in common.
fn both(a: &Ranges, b: &Ranges) -> Ranges {
    let both = |a: &Range<i32>, b: &Range<i32>| a.start.max(b.start)..a.end.min(b.end);
    Ranges { quarters: both(&a.quarters, &b.quarters), dates: both(&a.dates, &b.dates) }
}
