//! Makes objectives. In: a roster and an instant; out: objectives of every period, pace and sort of KPI, with targets that
//! are reached, missed and neither. Never one that the contract refuses.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::oracle::{Every, For, Objective, Pace, Roster, Unit, local_date, plus_days};

const SUMS: &[&str] = &[
    "calls_made",
    "prospecting_calls",
    "calls_connected",
    "talk_time_s",
    "meetings_booked",
    "meetings_held",
    "meetings_no_show",
    "emails_sent",
    "deals_created",
    "deals_won",
    "revenue_won",
    "revenue_won",
    "revenue_lost",
];
const RATES: &[&str] =
    &["connect_rate", "no_show_rate", "bounce_rate", "win_rate", "win_rate_by_value", "average_deal", "sales_cycle_days"];
const LEVELS: &[&str] = &["open_deals", "open_pipeline"];

fn pick<T: Clone>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}

/// Some objectives, most of them sums.
pub fn objectives(rng: &mut StdRng, base: i64, roster: &Roster) -> Vec<Objective> {
    let count = rng.random_range(8..14);
    (0..count).map(|number| objective(rng, number, base, roster)).collect()
}

fn objective(rng: &mut StdRng, number: usize, base: i64, roster: &Roster) -> Objective {
    let today = local_date(base, &roster.zone);
    let kpi = match rng.random_range(0..10) {
        0 | 1 => pick(rng, RATES),
        2 => pick(rng, LEVELS),
        _ => pick(rng, SUMS),
    };
    let team = || roster.teams[number % roster.teams.len()].id.clone();
    let scope = match rng.random_range(0..8) {
        0 | 1 => For::Rep(pick(rng, &roster.people).id),
        2 | 3 => For::Team(team()),
        4 => For::Company,
        _ => For::EachRepOf(team()),
    };
    let every = match rng.random_range(0..12) {
        0 => Every::Day,
        1..4 => Every::Week,
        4..7 => Every::Month,
        7 | 8 => Every::Quarter,
        9 => Every::Year,
        _ => {
            let first = plus_days(today, rng.random_range(-40..30));
            Every::Between(first, plus_days(first, rng.random_range(0..110)))
        }
    };
    let mut objective = Objective::new(&format!("objective-{number}"), kpi, scope, "0", every);
    objective.currency = currency(rng, &objective, roster);
    objective.target = target(rng, &objective, objective.currency.as_deref().unwrap_or(&roster.currency));
    objective.pace = match (every, rng.random_range(0..5)) {
        (_, 0) => Pace::Linear,
        (Every::Quarter, 1..3) => Pace::Months(shares(rng, 3)),
        (Every::Year, 1..4) => Pace::Months(shares(rng, 12)),
        (Every::Week, 1) => Pace::Weeks(vec![100]),
        (Every::Month, 1) => Pace::Weeks(shares(rng, 5)),
        (Every::Quarter, 3) => Pace::Weeks(shares(rng, 14)),
        (Every::Year, 4) => Pace::Weeks(shares(rng, 53)),
        (Every::Between(first, last), 1..4) => {
            let days = (last - first).get_days() as usize + 1;
            Pace::Weeks(shares(rng, days.div_ceil(7)))
        }
        _ => Pace::WorkingTime,
    };
    if !matches!(every, Every::Between(..)) && rng.random_bool(0.3) {
        objective.from = Some(plus_days(today, -rng.random_range(0..200)));
    }
    objective.at_most = rng.random_bool(if kpi == "sales_cycle_days" { 0.8 } else { 0.25 });
    objective.tolerance = pick(rng, &["0.10", "0.10", "0", "0.25"]).to_owned();
    objective.min_sample = pick(rng, &[20, 1, 3, 5]);
    objective.prorate_absences = rng.random_bool(0.3);
    objective.prorate_holidays = rng.random_bool(0.3);
    objective.name = rng.random_bool(0.3).then(|| format!("Objective {number}: « l'\"été\" »"));
    objective
}

fn currency(rng: &mut StdRng, objective: &Objective, roster: &Roster) -> Option<String> {
    if !objective.kpi.is_per_currency() || rng.random_bool(0.4) {
        return None;
    }
    // Only what has rates, if only in the end its own.
    let rated = roster.rates.iter().map(|rate| rate.currency.clone());
    let currencies: Vec<String> = rated.chain([roster.currency.clone()]).collect();
    Some(pick(rng, &currencies))
}

fn target(rng: &mut StdRng, objective: &Objective, currency: &str) -> String {
    let whole_units = matches!(currency, "JPY" | "KRW" | "CLP" | "VND");
    let from: &[&str] = match objective.kpi.unit {
        Unit::Ratio => &["0", "0.35", "0.5", "0.4", "1"],
        Unit::Days => &["10", "30.5", "60"],
        Unit::Seconds => &["0", "3600", "20000", "200000"],
        Unit::Money if whole_units => &["0", "1000", "250000", "2500000"],
        Unit::Money => &["0", "1000", "25000.50", "250000", "2500000"],
        _ => &["0", "1", "3", "5", "8", "12", "20", "40", "60", "100", "400"],
    };
    pick(rng, from).to_owned()
}

/// So many percentages that add to 100.
fn shares(rng: &mut StdRng, count: usize) -> Vec<u32> {
    let mut shares = vec![1_u32; count];
    for _ in count..100 {
        shares[rng.random_range(0..count)] += 1;
    }
    shares
}
