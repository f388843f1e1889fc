//! Whatever is counted, whoever did it, in whatever zone: the reps add up to the company, in every window; and a period is
//! the sum of its days. Every number is compared with a sum over the plain list of counters.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use onpace_kpis::roster::{Address, Language, Person};
use onpace_kpis::window::{first_instant, local_date};
use onpace_kpis::worktime::Schedule;
use onpace_kpis::{By, Catalogue, Question, Roster, Row, Slot, Tally, Window, evaluate};
use onpace_schemas::Currency;
use onpace_schemas::time::{US, date_of};
use proptest::prelude::*;

const ZONES: [&str; 5] = ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Apia"];
const REPS: [&str; 4] = ["", "marie", "Zoë \"Z\" O'Neil: 研", "unassigned"];
const PRODUCTS: [&str; 3] = ["", "GTX Basic", "MG Special"];
/// 2011-12-29T00:00Z: two days before Samoa had no 30th.
const FROM_DAY: i32 = 15_337;

#[derive(Clone, Debug)]
struct Count {
    rep: usize,
    measure: usize,
    product: usize,
    extra: u32,
    slot: Slot,
    value: i128,
}

prop_compose! {
    fn count(measures: usize)(rep in 0..REPS.len(), measure in 0..measures, product in 0..PRODUCTS.len(), other in any::<bool>(),
        place in 0..40 * 96i32, dated in any::<bool>(), value in -3..10i128) -> Count {
        let slot = if dated { Slot::Date(FROM_DAY + place / 96) } else { Slot::Quarter(FROM_DAY * 96 + place) };
        Count { rep, measure, product, extra: other.into(), slot, value }
    }
}

struct World {
    catalogue: Catalogue,
    tally: Tally,
    roster: Roster,
}

fn world(counts: &[Count], zones: [usize; 3]) -> World {
    let catalogue = Catalogue::built_in().unwrap();
    let mut tally = Tally::new(&catalogue.measures);
    for count in counts {
        let what = &catalogue.measures[count.measure].what;
        let product = if catalogue.measures[count.measure].by.is_empty() { "" } else { PRODUCTS[count.product] };
        let extra = if what.has_currency() { currency(count.extra).to_number() } else { 0 };
        tally.apply(REPS[count.rep], count.measure as u16, [product, "web"], extra, count.slot, count.value);
    }
    let zone = |at: usize| TimeZone::get(ZONES[at]).unwrap();
    let mut roster = Roster::of(zone(zones[0]));
    for at in [1, 2] {
        roster.add(person(REPS[at], zone(zones[at])));
    }
    World { catalogue, tally, roster }
}

/// Somebody in no team who lives in a zone.
fn person(id: &str, zone: TimeZone) -> Person {
    Person {
        id: id.into(),
        name: id.to_owned(),
        identities: Vec::new(),
        teams: Vec::new(),
        schedule: Schedule::office(zone),
        absences: Vec::new(),
        style: None,
        language: Language::En,
        address: Address::default(),
    }
}

fn currency(extra: u32) -> Currency {
    Currency::parse(["EUR", "JPY"][extra as usize]).unwrap()
}

impl World {
    fn zone(&self, rep: &str) -> &TimeZone {
        self.roster.person(rep).map_or(&self.roster.schedule.zone, |person| &self.roster.people[person].schedule.zone)
    }

    fn ask(&self, at_us: i64, by: By, windows: &[Window]) -> Vec<Row> {
        evaluate(&self.catalogue, &self.tally, &self.roster, &Question::new(at_us, by, windows)).unwrap()
    }

    /// Σ of the rows of each measure, by window and currency.
    fn sums(&self, rows: &[Row]) -> BTreeMap<(String, Window, Option<Currency>), i128> {
        let mut sums = BTreeMap::new();
        for row in rows.iter().filter(|row| self.catalogue.measures.iter().any(|measure| measure.name == *row.kpi)) {
            *sums.entry((row.kpi.to_string(), row.window, row.currency)).or_insert(0) += row.value.as_ref().unwrap().to_integer().unwrap();
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }

    /// The value of a measure by plain addition.
    fn added(
        &self,
        counts: &[Count],
        measure: usize,
        at_us: i64,
        window: Window,
        currency_no: Option<u32>,
        product: Option<usize>,
    ) -> i128 {
        let level = self.catalogue.measures[measure].what.is_level();
        let counted = |count: &&Count| {
            let zone = self.zone(REPS[count.rep]);
            let bounds = window.bounds(at_us, zone, self.roster.settings);
            let first = match count.slot {
                Slot::Quarter(slot) => i64::from(slot) * 900 * US,
                Slot::Date(day) => first_instant(date_of(day), zone),
            };
            first < bounds.end && (level || bounds.start.is_none_or(|start| start <= first))
        };
        let of = counts.iter().filter(|count| {
            count.measure == measure
                && currency_no.is_none_or(|extra| extra == count.extra)
                && product.is_none_or(|product| product == count.product)
        });
        of.filter(counted).map(|count| count.value).sum()
    }
}

proptest! {
    #[test]
    fn reps_teams_and_company_are_one_sum(counts in prop::collection::vec(count(26), 0..120), zones in prop::array::uniform3(0..ZONES.len()),
        minute in 0..45 * 1440i64) {
        let at_us = (i64::from(FROM_DAY) * 1440 + minute) * 60 * US;
        let world = world(&counts, zones);
        let company = world.sums(&world.ask(at_us, By::Company, &Window::ALL));
        prop_assert_eq!(&world.sums(&world.ask(at_us, By::Rep, &Window::ALL)), &company);
        prop_assert_eq!(&world.sums(&world.ask(at_us, By::Team, &Window::ALL)), &company);
        for (measure, about) in world.catalogue.measures.iter().enumerate().filter(|(_, measure)| !measure.what.is_histogram()) {
            for window in Window::ALL {
                let currencies: &[Option<u32>] = if about.what.has_currency() { &[Some(0), Some(1)] } else { &[None] };
                for extra in currencies {
                    let key = (about.name.clone(), window, extra.map(currency));
                    let added = world.added(&counts, measure, at_us, window, *extra, None);
                    prop_assert_eq!(company.get(&key).copied().unwrap_or(0), added, "{:?}", key);
                }
            }
        }
        for row in world.ask(at_us, By::Product, &Window::ALL).iter().filter(|row| &*row.kpi == "deals_won") {
            let measure = world.catalogue.measures.iter().position(|measure| measure.name == "deals_won").unwrap();
            let product = PRODUCTS.iter().position(|product| **product == *row.key.as_ref().unwrap().1).unwrap();
            let added = world.added(&counts, measure, at_us, row.window, None, Some(product));
            prop_assert_eq!(row.value.as_ref().unwrap().to_integer(), Some(added));
        }
    }

    #[test]
    fn a_period_is_the_sum_of_its_days(counts in prop::collection::vec(count(26), 0..60), zones in prop::array::uniform3(0..ZONES.len())) {
        let world = world(&counts, zones);
        let flows = |mut sums: BTreeMap<(String, Window, Option<Currency>), i128>| {
            sums.retain(|(kpi, ..), _| !kpi.starts_with("open_"));
            sums.into_iter().map(|((kpi, _, currency), sum)| ((kpi, currency), sum)).collect::<BTreeMap<_, _>>()
        };
        // January 2012, and all there is around it, day by day, in everybody's own zone.
        let mut days = BTreeMap::new();
        let mut all = BTreeMap::new();
        for day in FROM_DAY - 3..FROM_DAY + 45 {
            let (from, to) = (FROM_DAY + 3, FROM_DAY + 33);
            for rep in world.tally.reps() {
                let zone = world.zone(rep.name());
                // The last moment of the day; a day that was skipped has none.
                let at_us = first_instant(date_of(day + 1), zone) - 1;
                if local_date(at_us, zone) != date_of(day) {
                    continue;
                }
                let question = Question { key: Some(rep.name()), ..Question::new(at_us, By::Rep, &[Window::Today]) };
                let rows = evaluate(&world.catalogue, &world.tally, &world.roster, &question).unwrap();
                for (key, sum) in flows(world.sums(&rows)) {
                    *all.entry(key.clone()).or_insert(0) += sum;
                    if (from..to + 1).contains(&day) {
                        *days.entry(key).or_insert(0) += sum;
                    }
                }
            }
        }
        days.retain(|_, sum| *sum != 0);
        all.retain(|_, sum| *sum != 0);
        let february = (i64::from(FROM_DAY) + 45) * 86_400 * US;
        prop_assert_eq!(flows(world.sums(&world.ask(february, By::Company, &[Window::LastMonth]))), days);
        prop_assert_eq!(flows(world.sums(&world.ask(february, By::Company, &[Window::All]))), all);
    }
}
