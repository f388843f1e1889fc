//! A CRM's deals as they are corrected from day to day, its exports, and what the last of them alone adds up to.
//!
//! In: a seed. Out: a CSV for each day, its rows in any order, and sums read from one CSV alone. Never here: a map, an event, or
//! anything that knows of more than one export (but for the stages, which stay entered once an export has shown them).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

const REPS: [&str; 5] = ["Zoé Martin", "Ben Okafor", "Mei Chen", "Iris Brand", "Unai Etxeberria"];
const ACCOUNTS: [&str; 4] = ["Alder Mills", "Juniper-Labs", "Cancity", ""];
const PRODUCTS: [&str; 3] = ["Quill Studio", "Nimbus Basic", "GTXPro"];

/// A row of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Its id.
    pub id: String,
    rep: &'static str,
    product: &'static str,
    account: &'static str,
    stage: &'static str,
    engaged: String,
    closed: String,
    value: String,
}

/// An export: every deal that there is.
pub type Export = Vec<Deal>;

/// Exports of so many days, of which each corrects the one before.
pub fn exports(seed: u64, deals: usize, days: usize) -> Vec<Export> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut there: Export = (0..deals).map(|n| Deal::new(n, &mut rng)).collect();
    let (mut exports, mut gone, mut next) = (Vec::new(), Vec::<Deal>::new(), deals);
    for _day in 0..days {
        let mut shown = there.clone();
        shown.shuffle(&mut rng);
        exports.push(shown);
        // What happens until the next: all that exports do to one another.
        let mut kept = Vec::new();
        for deal in there.drain(..) {
            match rng.random_range(0..12) {
                0 => gone.push(deal),
                _ => kept.push(deal.corrected(&mut rng)),
            }
        }
        there = kept;
        while !gone.is_empty() && rng.random_range(0..3) == 0 {
            there.push(gone.remove(0).corrected(&mut rng));
        }
        for _new in 0..deals / 20 {
            there.push(Deal::new(next, &mut rng));
            next += 1;
        }
    }
    exports
}

impl Deal {
    fn new(n: usize, rng: &mut StdRng) -> Deal {
        let engaged = date(rng.random_range(0..60));
        let deal = Deal {
            id: format!("O{n:04}"),
            rep: pick(&REPS, rng),
            product: pick(&PRODUCTS, rng),
            account: pick(&ACCOUNTS, rng),
            stage: "Prospecting",
            engaged,
            closed: String::new(),
            value: String::new(),
        };
        if rng.random_bool(0.6) { deal.decided(rng) } else { deal }
    }

    /// Won or lost on some day, which may lie before the day of its engagement: a typing error, corrected later or not.
    fn decided(mut self, rng: &mut StdRng) -> Deal {
        self.stage = pick(&["Won", "Lost"], rng);
        self.closed = date(rng.random_range(30..150));
        self.value = if rng.random_range(0..8) == 0 { String::new() } else { rng.random_range(0..5_000).to_string() };
        self
    }

    fn reopened(mut self) -> Deal {
        (self.stage, self.closed, self.value) = ("Engaging", String::new(), String::new());
        self
    }

    /// What somebody changed about it.
    fn corrected(mut self, rng: &mut StdRng) -> Deal {
        let decided = !self.closed.is_empty();
        match rng.random_range(0..14) {
            0 => self.rep = pick(&REPS, rng),
            1 => self.account = pick(&ACCOUNTS, rng),
            2 => self.engaged = date(rng.random_range(0..60)),
            3 if decided => self.closed = date(rng.random_range(30..150)),
            4 if decided => self.value = rng.random_range(0..5_000).to_string(),
            5 if decided => self.value = String::new(),
            6 if decided => self = self.reopened(),
            7 if decided => self.stage = if self.stage == "Won" { "Lost" } else { "Won" },
            8 | 9 if !decided => self = self.decided(rng),
            10 if !decided => self.stage = "Engaging",
            11 if !decided => self.value = rng.random_range(0..5_000).to_string(),
            12 => (self.rep, self.product) = (pick(&REPS, rng), pick(&PRODUCTS, rng)),
            _ => {}
        }
        self
    }
}

fn pick(from: &[&'static str], rng: &mut StdRng) -> &'static str {
    from.choose(rng).copied().unwrap_or_default()
}

/// So many days after 1 January 2024.
fn date(days: i64) -> String {
    (jiff::civil::date(2024, 1, 1) + jiff::Span::new().days(days)).to_string()
}

/// An export as its CSV.
pub fn csv(export: &Export) -> String {
    let mut text = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n".to_owned();
    for deal in export {
        let Deal { id, rep, product, account, stage, engaged, closed, value } = deal;
        let _ = writeln!(text, "{id},{rep},{product},{account},{stage},{engaged},{closed},{value}");
    }
    text
}

/// What one export alone adds up to, for one rep or for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Deals there are.
    pub created: i64,
    /// Deals won and lost.
    pub won: i64,
    /// Deals lost.
    pub lost: i64,
    /// What the won ones are worth, in dollars.
    pub revenue: i64,
    /// Deals neither won nor lost.
    pub open: i64,
    /// What these are worth.
    pub pipeline: i64,
    /// Deals closed in May, won.
    pub won_in_may: i64,
}

/// The sums of an export, for all and by rep.
pub fn sums(export: &Export) -> BTreeMap<Option<&'static str>, Sums> {
    let mut all: BTreeMap<Option<&'static str>, Sums> = BTreeMap::new();
    all.insert(None, Sums::default());
    all.extend(REPS.iter().map(|rep| (Some(*rep), Sums::default())));
    for deal in export {
        let value: i64 = deal.value.parse().unwrap_or_default();
        for of in [None, Some(deal.rep)] {
            let sums = all.entry(of).or_default();
            sums.created += 1;
            match deal.stage {
                "Won" => {
                    sums.won += 1;
                    sums.revenue += value;
                    // A deal that closed before it was engaged closed when it was.
                    let closed = deal.closed.clone().max(deal.engaged.clone());
                    sums.won_in_may += i64::from(closed.starts_with("2024-05"));
                }
                "Lost" => sums.lost += 1,
                _ => {
                    sums.open += 1;
                    sums.pipeline += value;
                }
            }
        }
    }
    all
}

/// How many stages the deals of the last export have entered: those that any export has shown them in.
pub fn stages_entered(exports: &[Export]) -> i64 {
    let there: BTreeSet<&str> = exports.last().map(|last| last.iter().map(|deal| deal.id.as_str()).collect()).unwrap_or_default();
    let shown = exports.iter().flatten().filter(|deal| there.contains(deal.id.as_str()));
    shown.map(|deal| (&deal.id, deal.stage)).collect::<BTreeSet<_>>().len() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_do_all_that_exports_do() {
        let days = exports(1, 200, 3);
        let by_id = |export: &Export| export.iter().map(|deal| (deal.id.clone(), deal.clone())).collect::<BTreeMap<_, _>>();
        let (first, last) = (by_id(&days[0]), by_id(&days[2]));
        let both = || first.iter().filter_map(|(id, deal)| Some((deal, last.get(id)?)));
        let any = |what: &dyn Fn(&Deal, &Deal) -> bool| both().any(|(before, after)| what(before, after));
        assert!(any(&|a, b| a.stage == "Won" && b.stage == "Lost"), "a win that was none");
        assert!(any(&|a, b| a.stage == "Won" && b.stage == "Engaging" && b.closed.is_empty()), "reopened");
        assert!(any(&|a, b| a.stage == "Won" && b.stage == "Won" && b.closed < a.closed), "closed earlier");
        assert!(any(&|a, b| a.stage == "Won" && b.stage == "Won" && b.closed > a.closed), "closed later");
        assert!(any(&|a, b| b.engaged < a.engaged) && any(&|a, b| b.engaged > a.engaged), "engaged on another day");
        assert!(any(&|a, b| a.rep != b.rep && b.stage == "Won"), "another owner of a won deal");
        assert!(any(&|a, b| !a.value.is_empty() && b.value.is_empty() && b.stage == "Won"), "an amount cleared");
        assert!(first.keys().any(|id| !last.contains_key(id)), "gone");
        assert!(last.keys().any(|id| !first.contains_key(id)), "new");
        let middle = by_id(&days[1]);
        assert!(exports(7, 400, 3).len() == 3 && first.keys().any(|id| !middle.contains_key(id)), "away on Wednesday");
    }
}
