//! Deals on the floor: found, moved from stage to stage, won and lost; handed over, corrected, reopened.

use jiff::{Span, ToSpan};
use onpace_schemas::{Currency, Kind, Money, Time, Value, time};
use rand::RngExt;

use super::deal::Deal;
use super::floor::{Act, Floor};
use super::people;
use super::say::{choice, text};

/// How many deals a rep has open when he looks for no more.
const FULL: usize = 18;
/// How many deals closed lately are remembered, to be corrected or reopened.
const REMEMBERED: usize = 64;

const STAGES: [&str; 4] = ["qualified", "discovery", "proposal", "negotiation"];
/// From this stage on a deal has an amount.
const PROPOSAL: usize = 2;
/// What is sold, and for how many minor units about.
const PRODUCTS: [(&str, i64); 6] = [
    ("Atlas Basic", 55_000),
    ("Atlas Pro", 480_000),
    ("Boréal", 120_000),
    ("Boréal Plus", 340_000),
    ("Cirrus 500", 2_600_000),
    ("Support", 24_000),
];
const ORIGINS: [&str; 6] = ["website", "referral", "outbound", "trade_show", "partner", "social"];
const LOST: [&str; 5] = ["price", "no_decision", "competitor", "timing", "no_budget"];

impl Floor {
    pub(super) fn deal(&mut self, rep: usize, act: &mut Act) {
        let open = self.reps[rep].deals.len();
        if self.chance(1.0 - open as f64 / FULL as f64) {
            return self.find(rep, act);
        }
        let at = self.dice.random_range(0..open);
        let mut deal = self.reps[rep].deals.swap_remove(at);
        if self.chance(0.02) {
            let to = self.another();
            self.tell(&deal, act, vec![("rep", self.name(to, Kind::DEAL))]);
            return self.reps[to].deals.push(deal);
        }
        let (stage, skill) = (deal.stage, self.reps[rep].skill);
        let lost = self.chance([0.12, 0.12, 0.15, 0.25][stage]);
        if lost || (stage + 1 == STAGES.len() && self.chance(0.7 * skill)) {
            return self.close(rep, deal, !lost, act);
        }
        deal.stage = (stage + 1).min(STAGES.len() - 1);
        let mut said = vec![("stage", text(STAGES[deal.stage]))];
        if deal.stage == PROPOSAL || (deal.stage > PROPOSAL && self.chance(0.3)) {
            deal.amount = self.around(deal.amount).max(1_000) / 100 * 100;
            said.push(self.amount(rep, &deal));
        }
        said.push(("expected_close", self.date(rep, act, 30)));
        self.tell(&deal, act, said);
        self.reps[rep].deals.push(deal);
    }

    fn find(&mut self, rep: usize, act: &mut Act) {
        let (product, price) = self.one_of(&PRODUCTS);
        let account = people::account(&mut self.dice);
        let amount = price * self.dice.random_range(1..6);
        let deal = Deal { entity: self.entity(Kind::DEAL), stage: 0, amount, won: false };
        let mut said = vec![
            ("rep", self.name(rep, Kind::DEAL)),
            ("contact", text(people::contact(&mut self.dice))),
            ("name", text(format!("{product} – {account}"))),
            ("account", text(account)),
            ("product", text(product)),
            ("origin", text(self.one_of(&ORIGINS))),
            ("stage", text(STAGES[0])),
            ("created_at", Value::Time(Time::Instant(act.at))),
            ("expected_close", self.date(rep, act, 60)),
        ];
        if self.chance(0.4) {
            said.push(self.amount(rep, &deal));
        }
        self.tell(&deal, act, said);
        self.reps[rep].deals.push(deal);
    }

    fn close(&mut self, rep: usize, mut deal: Deal, won: bool, act: &mut Act) {
        let status = if won { "won" } else { "lost" };
        // Contracts are signed on a date; the CRM knows when it was told.
        let closed_at = if self.chance(0.3) { self.date(rep, act, 0) } else { Value::Time(Time::Instant(act.at)) };
        let mut said = vec![
            ("status", choice(Kind::DEAL, "status", status)),
            ("stage", text(if won { "closed_won" } else { "closed_lost" })),
            ("closed_at", closed_at),
        ];
        if !won {
            said.push(("lost_reason", text(self.one_of(&LOST))));
        } else if self.chance(0.97) {
            said.push(self.amount(rep, &deal));
        }
        self.tell(&deal, act, said);
        deal.won = won;
        if self.closed.len() == REMEMBERED {
            self.closed.remove(0);
        }
        self.closed.push((rep, deal));
    }

    /// A closed deal's amount was wrong, or a lost deal comes back; where there is none, the rep finds a new one.
    pub(super) fn second_thought(&mut self, rep: usize, act: &mut Act) {
        if self.closed.is_empty() {
            return self.find(rep, act);
        }
        let at = self.dice.random_range(0..self.closed.len());
        if self.closed[at].1.won {
            let (rep, mut deal) = self.closed[at].clone();
            deal.amount = (deal.amount / 100 * self.dice.random_range(85..110)).max(1_000);
            let corrected = self.amount(rep, &deal);
            return self.tell(&deal, act, vec![corrected]);
        }
        let (rep, mut deal) = self.closed.remove(at);
        deal.stage = STAGES.len() - 1;
        let said = vec![
            ("status", choice(Kind::DEAL, "status", "open")),
            ("stage", text(STAGES[deal.stage])),
            ("closed_at", Value::Cleared),
            ("lost_reason", Value::Cleared),
        ];
        self.tell(&deal, act, said);
        self.reps[rep].deals.push(deal);
    }

    fn tell(&mut self, deal: &Deal, act: &mut Act, said: Vec<(&'static str, Value<'static>)>) {
        let told = self.say(Kind::DEAL, &deal.entity, act.at, said);
        act.report(told);
    }

    fn amount(&self, rep: usize, deal: &Deal) -> (&'static str, Value<'static>) {
        let currency: Currency = self.reps[rep].currency;
        ("amount", Value::Amount(Money { currency, minor: deal.amount }))
    }

    /// A date up to so many days after the act's.
    fn date(&mut self, rep: usize, act: &Act, days: i64) -> Value<'static> {
        let ahead: Span = self.dice.random_range(days / 2..=days).days();
        Value::Time(Time::Date(time::day_of(self.reps[rep].hours.date_of(act.at).saturating_add(ahead))))
    }
}
