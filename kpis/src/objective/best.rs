//! Personal bests: a rep's last day or week that is over, where it is above every earlier one.
//!
//! In: catalogue, tally, roster, objectives, an instant. Out: the bests as of then. What always holds: there are at least
//! [`EARLIER`] earlier days (or weeks) on which anything was counted; nobody is praised for what nobody wants more of.
//! Never here: memory of an earlier evaluation: a best is one for as long as the day after it (or the week) lasts.

use std::ops::Range;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use onpace_schemas::time::{US, date_of, day_of};
use smallvec::smallvec;

use super::decide::Class;
use super::judge::class_of;
use super::{Direction, Objective, Period, Scope};
use crate::catalogue::{Catalogue, Kpi, KpiNo, Unit};
use crate::evaluate::Unconvertible;
use crate::evaluate::sheet::{Cell, Conversion, Sheet};
use crate::evaluate::whose::{Rep, Stretch, everybody};
use crate::exact::Exact;
use crate::period::run;
use crate::roster::{PersonNo, Roster, TeamNo};
use crate::slot::{SLOT_S, round_up};
use crate::tally::{Group, Line, Tally};
use crate::window::{Ranges, first_instant, local_date};

/// So many earlier days or weeks there must be.
pub const EARLIER: usize = 20;

/// A personal best.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// Whose.
    pub person: PersonNo,
    /// The team that he was in on its last day.
    pub team: Option<TeamNo>,
    /// Of what.
    pub kpi: KpiNo,
    /// [`Period::Day`] or [`Period::Week`].
    pub span: Period,
    /// The days, in his own zone, days since 1970-01-01, the end excluded.
    pub days: Range<i32>,
    /// How much; money in minor units of the reporting currency, each day at its own rate.
    pub value: Exact,
}

/// The bests at an instant, microseconds since 1970. A KPI plays a part where it adds up and an `at_least` objective on it counts him: his
/// own, one of his team then or of a team above, or the company's. Where a rate is missing there is no best.
pub fn bests(catalogue: &Catalogue, tally: &Tally, roster: &Roster, objectives: &[Objective], at_us: i64) -> Vec<Best> {
    let reps = everybody(roster, tally, usize::MAX);
    let mut zones = Zones::default();
    let mut out = Vec::new();
    for (kpi, number) in catalogue.kpis.iter().zip(0..) {
        let on_it = |objective: &&Objective| objective.kpi == number && objective.direction == Direction::AtLeast;
        let wanted: Vec<Scope> = objectives.iter().filter(on_it).map(|objective| objective.scope).collect();
        let has_currency = kpi.measures.iter().any(|measure| catalogue.measures[usize::from(*measure)].what.has_currency());
        let counts = matches!(kpi.unit, Unit::Count | Unit::Seconds | Unit::Money) && class_of(catalogue, kpi) == Class::Additive;
        if wanted.is_empty() || !counts || (has_currency && roster.currency.is_none()) {
            continue;
        }
        let conversion = roster.currency.map(|to| Conversion { to, roster });
        let sheet = Sheet::of(catalogue, std::iter::once(kpi), conversion);
        let mut cells = sheet.row();
        for rep in &reps {
            let Some(person) = rep.person else { continue };
            let zone = zones.number(rep.zone(roster));
            let today = day_of(local_date(at_us, &zones.zones[zone].0));
            for span in [Period::Day, Period::Week] {
                let over = run::holding(span, roster.settings, today).and_then(|running| run::before(span, roster.settings, running.start));
                let Some(days) = over else { continue };
                let team = roster.people[person].team_on(days.end - 1);
                if !wanted.iter().any(|scope| counts_him(*scope, roster, person, team)) {
                    continue;
                }
                let mut his = His { sheet: &sheet, cells: &mut cells, zones: &mut zones, zone, rep, kpi, roster };
                if let Ok(Some(value)) = his.best(span, &days) {
                    out.push(Best { person, team, kpi: number, span, days, value });
                }
            }
        }
    }
    out
}

/// Whether an objective of such a scope counts what somebody does for a team.
fn counts_him(scope: Scope, roster: &Roster, person: PersonNo, team: Option<TeamNo>) -> bool {
    match scope {
        Scope::Company => true,
        Scope::Rep(rep) => rep == person,
        Scope::Team(scope) | Scope::EachRepOf(scope) => team.is_some_and(|team| roster.is_within(team, scope)),
    }
}

/// The first quarter-hours of days, by zone, each worked out once.
#[derive(Default)]
struct Zones {
    zones: Vec<(TimeZone, HashMap<i32, i32>)>,
}

impl Zones {
    fn number(&mut self, zone: &TimeZone) -> usize {
        self.zones.iter().position(|(known, _)| known == zone).unwrap_or_else(|| {
            self.zones.push((zone.clone(), HashMap::new()));
            self.zones.len() - 1
        })
    }

    fn first_quarter(&mut self, zone: usize, day: i32) -> i32 {
        let (zone, known) = &mut self.zones[zone];
        *known.entry(day).or_insert_with(|| (round_up(first_instant(date_of(day), zone)) / (SLOT_S * US)) as i32)
    }

    fn ranges(&mut self, zone: usize, days: &Range<i32>) -> Ranges {
        Ranges { quarters: self.first_quarter(zone, days.start)..self.first_quarter(zone, days.end), dates: days.clone() }
    }
}

/// One rep and one KPI.
struct His<'a, 'b> {
    sheet: &'b Sheet<'a>,
    cells: &'b mut Vec<Cell>,
    zones: &'b mut Zones,
    zone: usize,
    rep: &'b Rep<'a>,
    kpi: &'b Kpi,
    roster: &'b Roster,
}

impl His<'_, '_> {
    /// The value of a run of days where it is a best.
    fn best(&mut self, span: Period, days: &Range<i32>) -> Result<Option<Exact>, Unconvertible> {
        let nothing = Exact::from(0);
        let value = self.value(days)?;
        if value <= nothing {
            return Ok(None);
        }
        let (mut earlier, mut before) = (0, days.start);
        // Most are no best, which is known after a few steps back.
        while let Some(day) = self.last_before(before) {
            let Some(run) = run::holding(span, self.roster.settings, day) else { break };
            let there = self.value(&run)?;
            if there >= value {
                return Ok(None);
            }
            earlier += usize::from(there != nothing);
            before = run.start;
        }
        Ok(Some(value).filter(|_| earlier >= EARLIER))
    }

    fn value(&mut self, days: &Range<i32>) -> Result<Exact, Unconvertible> {
        let ranges = self.zones.ranges(self.zone, days);
        let stretch = Stretch { last: ranges.quarters.end - 1, flow: smallvec![ranges], level: None };
        self.cells.fill(Cell::default());
        for counters in &self.rep.counters {
            for (column, cell) in self.cells.iter_mut().enumerate() {
                self.sheet.add(cell, counters, column, Group::Total, &stretch, stretch.last)?;
            }
        }
        Ok(self.sheet.value(self.kpi, self.cells, None).0.unwrap_or_else(|| 0.into()))
    }

    /// The last of his days before one on which anything may be counted.
    fn last_before(&mut self, day: i32) -> Option<i32> {
        let quarter = self.zones.first_quarter(self.zone, day);
        let lines = self.rep.counters.iter().flat_map(|counters| {
            let measures = self.sheet.measures.iter();
            measures.flat_map(|measure| Sheet::lines(counters, *measure, Group::Total)).map(|(_, line)| line)
        });
        let last = |(quarters, dates): (Option<i32>, Option<i32>), line: &Line| {
            let (of_quarters, of_dates) = line.last_before(quarter, day);
            (quarters.max(of_quarters), dates.max(of_dates))
        };
        let (slot, date) = lines.fold((None, None), last);
        let zone = &self.zones.zones[self.zone].0;
        date.max(slot.map(|slot| day_of(local_date(i64::from(slot) * SLOT_S * US, zone))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::collections::BTreeMap;

    use jiff::civil::Date;
    use jiff::{Timestamp, ToSpan};
    use onpace_schemas::time::parse_date;
    use onpace_schemas::{Currency, Time};

    use super::super::noise::Chance;
    use super::*;
    use crate::Slot;
    use crate::objective::parse;

    const ROSTER: &str = "
time_zone: Europe/Paris
currency: EUR
week_starts: sunday
rates: rates.csv
teams:
  - { id: sales, name: Sales }
  - { id: paris, name: Paris, parent: sales }
  - { id: lyon, name: Lyon, parent: sales }
  - { id: lab, name: Lab }
people:
  - { id: marie, name: Marie, identities: [m@acme, \"hub:1\"], teams: [{ team: paris, to: 2026-03-25 }, { team: lyon, from: 2026-03-26 }] }
  - { id: jean, name: Jean, time_zone: America/New_York, teams: [{ team: paris }] }
  - { id: priya, name: Priya, time_zone: Asia/Kolkata, identities: [\"hub:2\"], teams: [{ team: lab }] }
  - { id: mawson, name: Mawson, time_zone: Australia/Lord_Howe }
";
    const OBJECTIVES: &str = "
objectives:
  - { id: a, kpi: calls_made, scope: { each_rep_of: paris }, target: 1, period: week }
  - { id: b, kpi: revenue_won, scope: { team: sales }, target: 1, currency: USD, period: month }
  - { id: c, kpi: meetings_held, scope: company, target: 1, period: month }
  - { id: d, kpi: meetings_no_show, scope: company, target: 1, direction: at_most, period: month }
  - { id: e, kpi: win_rate, scope: company, target: 0.5, period: month }
  - { id: f, kpi: open_deals, scope: company, target: 5, period: month }
  - { id: g, kpi: deals_won, scope: { rep: priya }, target: 1, period: month }
";
    const NAMES: [&str; 9] = ["marie", "m@acme", "hub:1", "jean", "jean", "priya", "hub:2", "mawson", "a stranger"];

    fn company() -> (Catalogue, Roster, Vec<Objective>) {
        let catalogue = Catalogue::built_in().unwrap();
        let mut rates = "date,currency,rate\n".to_owned();
        for (day, rate) in (20_000..21_000).zip([1, 2, 4].into_iter().cycle()) {
            rates += &format!("{},USD,0.{rate}\n", date_of(day));
        }
        let roster = Roster::parse(ROSTER, &mut |_| Ok(rates.clone())).unwrap();
        let objectives = parse(OBJECTIVES, &catalogue, &roster).unwrap();
        (catalogue, roster, objectives)
    }

    /// Something counted: of whom, which measure, in which currency, at an instant's slot or on a date, how much.
    #[derive(Clone, Debug)]
    struct Count {
        name: &'static str,
        measure: &'static str,
        currency: Option<&'static str>,
        at: Result<i64, Date>,
        value: i128,
    }

    fn tallied(catalogue: &Catalogue, counts: &[Count]) -> Tally {
        let mut tally = Tally::new(&catalogue.measures);
        for Count { name, measure, currency, at, value } in counts {
            let measure = catalogue.measures.iter().position(|known| known.name == *measure).unwrap() as u16;
            let slot = Slot::of(at.map_or_else(|date| Time::Date(day_of(date)), Time::Instant));
            let extra = currency.map_or(0, |code| Currency::parse(code).unwrap().to_number());
            tally.apply(name, measure, ["", ""], extra, slot, *value);
        }
        tally
    }

    /// Rep, KPI, span, first day, value (of money in cents times ten).
    type Row = (String, String, &'static str, String, i128);

    /// Every day and week of everybody, added up one count after the other by the calendar on the wall.
    fn brute_force(counts: &[Count], at: Timestamp) -> Vec<Row> {
        let people: [(&str, &[&str], &str, &[&str]); 4] = [
            ("marie", &["marie", "m@acme", "hub:1"], "Europe/Paris", &["revenue_won", "meetings_held"]),
            ("jean", &["jean"], "America/New_York", &["calls_made", "revenue_won", "meetings_held"]),
            ("priya", &["priya", "hub:2"], "Asia/Kolkata", &["meetings_held", "deals_won"]),
            ("mawson", &["mawson"], "Australia/Lord_Howe", &["meetings_held"]),
        ];
        let mut rows = Vec::new();
        for (person, names, zone, kpis) in people {
            let on = |instant: Timestamp, zone: &str| instant.in_tz(zone).unwrap().date();
            let today = on(at, zone);
            // Marie's calls are wanted while she is in Paris, to the 25th of March, a Wednesday.
            let calls: fn(Date) -> bool = |last| last <= Date::constant(2026, 3, 25);
            let all = kpis.iter().map(|kpi| (*kpi, None)).chain((person == "marie").then_some(("calls_made", Some(calls))));
            for (kpi, only) in all {
                let sunday = |day: Date| day.checked_sub(i64::from(day.weekday().to_sunday_zero_offset()).days()).unwrap();
                let day_of_it: fn(Date) -> Date = |day| day;
                for (span, first_of, length) in [("day", &day_of_it as &dyn Fn(Date) -> Date, 1), ("week", &sunday, 7)] {
                    let mut runs: BTreeMap<Date, i128> = BTreeMap::new();
                    for count in counts.iter().filter(|count| count.measure == kpi && names.contains(&count.name)) {
                        let instant = |us: i64| Timestamp::from_microsecond(us.div_euclid(900_000_000) * 900_000_000).unwrap();
                        let his = count.at.map_or_else(|date| date, |us| on(instant(us), zone));
                        // What a currency is worth goes by the company's day.
                        let companys = count.at.map_or_else(|date| date, |us| on(instant(us), "Europe/Paris"));
                        let tenths = match count.currency {
                            Some("USD") => [1, 2, 4][(day_of(companys) - 20_000).rem_euclid(3) as usize],
                            Some(_) => 10,
                            None => 1,
                        };
                        *runs.entry(first_of(his)).or_default() += count.value * tenths;
                    }
                    runs.retain(|_, value| *value != 0);
                    let over = first_of(first_of(today).checked_sub(1.days()).unwrap());
                    if only.is_some_and(|only| !only(over.checked_add((length - 1).days()).unwrap())) {
                        continue;
                    }
                    let Some(value) = runs.get(&over).copied() else { continue };
                    let earlier: Vec<i128> = runs.range(..over).map(|(_, value)| *value).collect();
                    if value > 0 && earlier.len() >= 20 && earlier.iter().all(|earlier| *earlier < value) {
                        rows.push((person.to_owned(), kpi.to_owned(), span, over.to_string(), value));
                    }
                }
            }
        }
        rows.sort();
        rows
    }

    fn found(counts: &[Count], at: Timestamp) -> Vec<Row> {
        let (catalogue, roster, objectives) = company();
        let mut rows: Vec<Row> = bests(&catalogue, &tallied(&catalogue, counts), &roster, &objectives, at.as_microsecond())
            .into_iter()
            .map(|best| {
                let kpi = &catalogue.kpis[usize::from(best.kpi)];
                let value = if kpi.unit == Unit::Money { best.value.mul(&10.into()) } else { best.value };
                let person = roster.people[best.person].id.to_string();
                (person, kpi.name.to_string(), best.span.name(), date_of(best.days.start).to_string(), value.to_integer().unwrap())
            })
            .collect();
        rows.sort();
        rows
    }

    #[test]
    fn bests_are_those_of_a_brute_force() {
        let mut seen: BTreeMap<(String, String, &str), usize> = BTreeMap::new();
        for seed in 1..=250 {
            let mut chance = Chance::of(seed);
            let mut below = |limit: usize| (chance.next() * limit as f64) as usize;
            // Around the days on which clocks change, where weeks and months turn, and at midnights.
            let base: Timestamp = [
                "2026-03-29T10:00:00Z",
                "2026-03-29T22:00:00Z",
                "2026-03-08T05:00:00Z",
                "2026-04-05T12:00:00Z",
                "2026-03-30T04:00:00Z",
                "2026-10-25T23:30:00Z",
                "2026-01-01T00:00:00Z",
            ][below(7)]
            .parse()
            .unwrap();
            let at = base + (below(4) as i64 * 6).hours();
            let days = [30, 60, 250][below(3)];
            let mut counts = Vec::new();
            for _ in 0..[150, 700, 2_000][below(3)] {
                let measure = ["calls_made", "meetings_held", "revenue_won", "deals_won", "meetings_no_show"][below(5)];
                let back_us = (below(days * 96) as i64 - 96) * 900_000_000 + below(900) as i64 * 1_000_000;
                let instant = at.as_microsecond() - back_us;
                // The newer, the more, so that bests are no rarity.
                let value = 1 + below(3) as i128 + if back_us < 8 * 96 * 900_000_000 { below(9) as i128 } else { 0 };
                let at = if below(4) == 0 {
                    Err(Timestamp::from_microsecond(instant).unwrap().in_tz("UTC").unwrap().date())
                } else {
                    Ok(instant)
                };
                let currency = (measure == "revenue_won").then(|| ["EUR", "USD"][below(2)]);
                let value = if below(20) == 0 { -value } else { value };
                counts.push(Count { name: NAMES[below(NAMES.len())], measure, currency, at, value });
            }
            let expected = brute_force(&counts, at);
            assert_eq!(found(&counts, at), expected, "seed {seed} at {at}");
            for (person, kpi, span, ..) in expected {
                *seen.entry((person, kpi, span)).or_default() += 1;
            }
        }
        for who in ["marie", "jean", "priya", "mawson"] {
            for span in ["day", "week"] {
                let count: usize = seen.iter().filter(|((person, _, of), _)| person == who && *of == span).map(|(_, count)| count).sum();
                assert!(count >= 5, "{who}, {span}: {seen:?}");
            }
        }
    }

    /// One call on each of so many days before a day, and so many on it.
    fn calls(day: &str, before: i32, on_it: i128) -> Vec<Count> {
        let day = parse_date(day).unwrap();
        let count = |day: i32, value| Count { name: "jean", measure: "calls_made", currency: None, at: Err(date_of(day)), value };
        (1..=before).map(|back| count(day - back, 1)).chain([count(day, on_it)]).collect()
    }

    fn best_day(counts: &[Count], at: &str) -> Option<String> {
        let days: Vec<String> =
            found(counts, at.parse().unwrap()).into_iter().filter(|row| row.2 == "day").map(|row| format!("{} {}", row.3, row.4)).collect();
        assert!(days.len() < 2);
        days.into_iter().next()
    }

    #[test]
    fn a_best_is_above_all_of_at_least_twenty_once_it_is_over_and_until_the_next_is() {
        // Jean's Tuesday ends at four in the morning, UTC.
        let twenty = calls("2026-03-10", 20, 2);
        assert_eq!(best_day(&twenty, "2026-03-11T03:59:59.999999Z"), None);
        assert_eq!(best_day(&twenty, "2026-03-11T04:00:00Z").as_deref(), Some("2026-03-10 2"));
        assert_eq!(best_day(&twenty, "2026-03-12T03:59:59Z").as_deref(), Some("2026-03-10 2"));
        assert_eq!(best_day(&twenty, "2026-03-12T04:00:00Z"), None);
        assert_eq!(best_day(&calls("2026-03-10", 19, 2), "2026-03-11T04:00:00Z"), None);
        assert_eq!(best_day(&calls("2026-03-10", 30, 1), "2026-03-11T04:00:00Z"), None);
        // A late event of a day long ago.
        let mut late = twenty.clone();
        late.push(Count { at: Err(date_of(10_000)), value: 2, ..twenty[0].clone() });
        assert_eq!(best_day(&late, "2026-03-11T04:00:00Z"), None);
        // What comes after it takes nothing away.
        late.last_mut().unwrap().at = Err(Date::constant(2026, 3, 11));
        assert_eq!(best_day(&late, "2026-03-11T04:00:00Z").as_deref(), Some("2026-03-10 2"));
    }

    #[test]
    fn a_best_belongs_to_the_team_of_its_last_day() {
        let (catalogue, roster, objectives) = company();
        let count = |day: i32, value| Count { name: "hub:1", measure: "meetings_held", currency: None, at: Err(date_of(day)), value };
        let day = parse_date("2026-03-25").unwrap();
        let team = |last: i32| {
            let counts: Vec<Count> = (1..=20).map(|back| count(last - back, 1)).chain([count(last, 9)]).collect();
            let at_us = first_instant(date_of(last + 1), &TimeZone::get("Europe/Paris").unwrap());
            let bests = bests(&catalogue, &tallied(&catalogue, &counts), &roster, &objectives, at_us);
            let day = bests.into_iter().find(|best| best.span == Period::Day).unwrap();
            roster.teams[day.team.unwrap()].id.to_string()
        };
        assert_eq!((team(day), team(day + 1)), ("paris".into(), "lyon".into()));
    }

    #[test]
    fn without_a_rate_there_is_no_best_and_no_other_is_lost() {
        let money = |day: i32, value| Count { name: "jean", measure: "revenue_won", currency: Some("USD"), at: Err(date_of(day)), value };
        let day = parse_date("2026-03-10").unwrap();
        let mut counts = calls("2026-03-10", 20, 2);
        counts.extend((1..=20).map(|back| money(day - back, 1)).chain([money(day, 99)]));
        let kpis = |counts: &[Count]| -> Vec<String> {
            let rows = found(counts, "2026-03-11T04:00:00Z".parse().unwrap());
            rows.into_iter().filter(|row| row.2 == "day").map(|row| row.1).collect()
        };
        assert_eq!(kpis(&counts), ["calls_made", "revenue_won"]);
        counts.push(money(10_000, 1));
        assert_eq!(kpis(&counts), ["calls_made"]);
    }
}
