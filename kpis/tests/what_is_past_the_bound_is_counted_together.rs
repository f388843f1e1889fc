//! Reps whom no roster knows, and values of a dimension, are kept apart up to a bound; what is past it is one row, and every total is what it
//! would be without the bound.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;

use onpace_kpis::block::BlockId;
use onpace_kpis::{Block, By, Catalogue, Counter, Names, Question, Room, Roster, Row, Slot, Tally, Window, evaluate, folded_reps, posts};
use onpace_schemas::{Currency, Time};
use proptest::prelude::*;

const AT_US: i64 = 1_772_000_000_000_000;
const ROOM: Room = Room { strangers: 2, values: 2 };
/// Among them one that the roster knows by an identity, and ones that are called as the fold is.
const REPS: [&str; 9] = ["", "marie", "paul", "other", "zoë", "hub:7", "other (folded)", "x", "y"];
const PRODUCTS: [&str; 6] = ["", "a", "other", "b", "c", "d"];

/// A counter: rep, measure, product, currency or not, slots back, value.
type Said = (usize, usize, usize, bool, i32, i64);

fn said() -> impl Strategy<Value = Vec<Said>> {
    prop::collection::vec((0..REPS.len(), 0..3usize, 0..PRODUCTS.len(), any::<bool>(), 0..200i32, -3..9i64), 0..60)
}

fn apply(tally: &mut Tally, catalogue: &Catalogue, said: &[Said]) {
    for (rep, measure, product, euros, back, value) in said {
        let name = ["deals_won", "revenue_won", "stage_entered"][*measure];
        let number = catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as u16;
        let currency = |code: &[u8; 3]| Currency::from_bytes(code).unwrap().to_number();
        let extra = if *measure == 1 { currency(if *euros { b"EUR" } else { b"USD" }) } else { 0 };
        let slot = Slot::of(Time::Instant(AT_US - i64::from(*back) * 900_000_000));
        tally.apply(REPS[*rep], number, [PRODUCTS[*product], "web"], extra, slot, (*value).into());
    }
}

fn rows(catalogue: &Catalogue, tally: &Tally, roster: &Roster, question: Question<'_>) -> Vec<Row> {
    evaluate(catalogue, tally, roster, &question).unwrap()
}

/// What each KPI, window and currency comes to over all rows: of what adds up, in whole numbers.
fn sums(catalogue: &Catalogue, rows: &[Row]) -> BTreeMap<(String, &'static str, String), i128> {
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| catalogue.adds_up(catalogue.kpi(&row.kpi).unwrap())) {
        let value = row.value.as_ref().unwrap().to_integer().unwrap();
        let key = (row.kpi.to_string(), row.window.name(), row.currency.map(|currency| currency.code().to_owned()).unwrap_or_default());
        if value != 0 {
            *sums.entry(key).or_default() += value;
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn keys(rows: &[Row]) -> Vec<String> {
    let mut keys: Vec<String> = rows.iter().map(|row| row.key.as_ref().unwrap().1.to_string()).collect();
    keys.dedup();
    keys
}

fn roster() -> Roster {
    Roster::parse("time_zone: UTC\npeople: [{ id: anna, identities: [\"hub:7\"] }]\n", &mut |path| panic!("{path}")).unwrap()
}

proptest! {
    #[test]
    fn every_total_is_what_it_is_without_a_bound(said in said(), with_roster in any::<bool>(), cap in 0..4usize) {
        let catalogue = Catalogue::built_in().unwrap();
        let roster = if with_roster { roster() } else { Roster::default() };
        let mut free = Tally::new(&catalogue.measures);
        let mut bound = Tally::with_room(&catalogue.measures, ROOM);
        bound.know(roster.identities.keys().cloned().collect());
        apply(&mut free, &catalogue, &said);
        apply(&mut bound, &catalogue, &said);
        let windows = [Window::H24, Window::Week, Window::All];
        let asked = |by, cap| Question { strangers: cap, apart: cap, ..Question::new(AT_US, by, &windows) };
        let company = rows(&catalogue, &free, &roster, asked(By::Company, usize::MAX));
        prop_assert_eq!(&rows(&catalogue, &bound, &roster, asked(By::Company, usize::MAX)), &company);
        prop_assert_eq!(&rows(&catalogue, &bound, &roster, asked(By::Team, usize::MAX)), &rows(&catalogue, &free, &roster, asked(By::Team, usize::MAX)));
        for by in [By::Rep, By::Product, By::Origin, By::Stage] {
            let apart = rows(&catalogue, &free, &roster, asked(by, usize::MAX));
            for (tally, cap) in [(&bound, usize::MAX), (&free, cap), (&bound, cap)] {
                let some = rows(&catalogue, tally, &roster, asked(by, cap));
                prop_assert_eq!(sums(&catalogue, &some), sums(&catalogue, &apart), "{} {}", by, cap);
                let keys = keys(&some);
                let mut once = keys.clone();
                once.sort();
                once.dedup();
                prop_assert_eq!(keys.len(), once.len(), "each row is somebody else's: {:?}", keys);
                // Whoever is apart is what he is without a bound.
                let is_fold = |key: &str| key.starts_with("other");
                for row in some.iter().filter(|row| !is_fold(&row.key.as_ref().unwrap().1)) {
                    prop_assert!(apart.contains(row), "{:?}", row);
                }
            }
        }
        // One by one, by key: the same rows.
        let all = rows(&catalogue, &bound, &roster, asked(By::Rep, usize::MAX));
        let one_by_one: Vec<Row> = keys(&all)
            .iter()
            .flat_map(|key| rows(&catalogue, &bound, &roster, Question { key: Some(key), ..asked(By::Rep, usize::MAX) }))
            .collect();
        prop_assert_eq!(one_by_one, all);
    }

    #[test]
    fn whoever_joins_the_roster_is_taken_out_of_the_rest(said in said(), settle in any::<bool>()) {
        let catalogue = Catalogue::built_in().unwrap();
        let roster = roster();
        let mut tally = Tally::with_room(&catalogue.measures, ROOM);
        apply(&mut tally, &catalogue, &said);
        if settle {
            tally.settle();
        }
        let (folded, before) = (tally.folded(), tally.clone());
        let mut lane = Names::default();
        let mut blocks: BTreeMap<BlockId, Block> = BTreeMap::new();
        for one in said.iter().filter(|one| REPS[one.0] == "hub:7") {
            let mut alone = Tally::new(&catalogue.measures);
            apply(&mut alone, &catalogue, &[*one]);
            let (_, measure, product, euros, back, value) = *one;
            let name = ["deals_won", "revenue_won", "stage_entered"][measure];
            let number = catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as u16;
            let code = if euros { b"EUR" } else { b"USD" };
            let extra = if measure == 1 { Currency::from_bytes(code).unwrap().to_number() } else { 0 };
            let slot = Slot::of(Time::Instant(AT_US - i64::from(back) * 900_000_000));
            let second = if measure == 2 { 0 } else { lane.intern("web") };
            let counter = Counter { measure: number, dims: [lane.intern(PRODUCTS[product]), second], extra, slot };
            blocks.entry(BlockId { rep: 1, day: slot.day() }).or_default().add(counter, value.into());
        }
        let names: Vec<Arc<str>> = tally.know(roster.identities.keys().cloned().collect());
        for name in &names {
            tally.part(name, blocks.values().map(|block| (&lane, block.clone())));
        }
        let mut known = Tally::new(&catalogue.measures);
        apply(&mut known, &catalogue, &said);
        let windows = [Window::Week, Window::All];
        let anna = |tally: &Tally| rows(&catalogue, tally, &roster, Question { key: Some("anna"), ..Question::new(AT_US, By::Rep, &windows) });
        prop_assert_eq!(anna(&tally), anna(&known));
        prop_assert_eq!(tally.folded(), folded - names.len());
        let company = |tally: &Tally| rows(&catalogue, tally, &roster, Question::new(AT_US, By::Company, &windows));
        prop_assert_eq!(company(&tally), company(&known));
        // What a reader took before stays as it was.
        prop_assert_eq!(before.folded(), folded);
        prop_assert_eq!(company(&before), company(&known));
    }

    #[test]
    fn posts_are_known_before_any_value(said in said(), cap in 0..4usize) {
        let catalogue = Catalogue::built_in().unwrap();
        let yaml = "time_zone: UTC\nteams: [{ id: paris }]\npeople:\n  - { id: marie, teams: [{ team: paris, from: 2026-02-24 }] }\n  - { id: anna, identities: [paul] }\n";
        let roster = Roster::parse(yaml, &mut |path| panic!("{path}")).unwrap();
        let mut tally = Tally::new(&catalogue.measures);
        apply(&mut tally, &catalogue, &said);
        let posts = posts(&catalogue, &tally, &roster, cap);
        let windows = [Window::Today, Window::All];
        for team in [None, Some(0)] {
            let within = onpace_kpis::Within::Just(team);
            let all = rows(&catalogue, &tally, &roster, Question { within, strangers: cap, ..Question::new(AT_US, By::Rep, &windows) });
            for row in all.iter().filter(|row| row.value.as_ref().is_some_and(|value| !value.is_zero())) {
                let rep = &row.key.as_ref().unwrap().1;
                let post = posts.iter().find(|post| post.rep == *rep && post.team == team);
                let post = post.unwrap_or_else(|| panic!("{rep} has something for {team:?} and no post: {row:?}"));
                prop_assert!(row.currency.is_none_or(|currency| post.currencies.contains(&currency)));
            }
        }
    }
}

#[test]
fn a_rep_who_is_called_other_is_not_the_rest() {
    let catalogue = Catalogue::built_in().unwrap();
    let calls = catalogue.measures.iter().position(|measure| measure.name == "calls_made").unwrap() as u16;
    let of = |reps: &[&str]| {
        let mut tally = Tally::with_room(&catalogue.measures, ROOM);
        for rep in reps {
            tally.apply(rep, calls, ["", ""], 0, Slot::of(Time::Instant(AT_US - 1)), 1);
        }
        let kpis = catalogue.select(["calls_made"]).unwrap();
        let all = rows(&catalogue, &tally, &Roster::default(), Question { kpis: &kpis, ..Question::new(AT_US, By::Rep, &[Window::All]) });
        let shown: Vec<String> = all.iter().map(|row| format!("{} {}", row.key.as_ref().unwrap().1, row.plain())).collect();
        (shown.join(", "), folded_reps(&tally, &Roster::default()).map(|name| name.to_string()))
    };
    assert_eq!(of(&["a", "b"]), ("a 1, b 1".into(), None));
    assert_eq!(of(&["a", "b", "c", "d", "c"]), ("a 1, b 1, other 3".into(), Some("other".into())));
    assert_eq!(of(&["other", "b", "c", "d"]), ("b 1, other 1, other (folded) 2".into(), Some("other (folded)".into())));
    assert_eq!(of(&["other", "other (folded)", "c", "", "d"]).0, "other 1, other (folded 2) 2, other (folded) 1, unassigned 1");
    assert_eq!(
        of(&["a", "b", "other", "d"]),
        ("a 1, b 1, other 2".into(), Some("other".into())),
        "whoever is past the bound is among the rest"
    );
}
