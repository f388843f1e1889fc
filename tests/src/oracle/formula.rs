//! KPIs. In: the contributions of one scope that lie in one window; out: exact values. Rounding, floats and
//! histograms never come in: a value is a rational number or there is none.

use num_rational::BigRational;
use num_traits::{One, Zero};

use super::contribute::Contribution;
use super::money::exponent;

/// What a KPI's value is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Major units of a currency.
    Money,
    /// A share of one.
    Ratio,
    /// Days of 86,400 seconds.
    Days,
    /// Major units of a currency, a day.
    MoneyPerDay,
}

impl Unit {
    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Seconds => "seconds",
            Unit::Money => "money",
            Unit::Ratio => "ratio",
            Unit::Days => "days",
            Unit::MoneyPerDay => "money per day",
        }
    }
}

/// By what a KPI is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// Everybody together.
    Company,
    /// Each person.
    Rep,
    /// Each team; without a roster everybody is in `unrostered`.
    Team,
    /// Each product.
    Product,
    /// Each lead source.
    Origin,
    /// Each stage of a deal.
    Stage,
}

impl By {
    /// All of them.
    pub const EVERY: [By; 6] = [By::Company, By::Rep, By::Team, By::Product, By::Origin, By::Stage];

    /// The name by which it is asked for, and under which a row carries its key.
    pub fn name(self) -> &'static str {
        match self {
            By::Company => "company",
            By::Rep => "rep",
            By::Team => "team",
            By::Product => "product",
            By::Origin => "origin",
            By::Stage => "stage",
        }
    }
}

/// Which dimensions a measure has besides the rep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dims {
    currency: bool,
    /// By product and by origin: no measure has only one of them.
    product: bool,
    stage: bool,
}

fn dims(measure: &str) -> Dims {
    let is = |names: &[&str]| names.contains(&measure);
    Dims {
        currency: is(&["deals_won_valued", "revenue_won", "revenue_lost", "open_pipeline"]),
        product: is(&["deals_won", "deals_lost", "deals_won_valued", "revenue_won", "revenue_lost"]),
        stage: measure == "stage_entered",
    }
}

fn is_level(measure: &str) -> bool {
    matches!(measure, "open_deals" | "open_pipeline")
}

/// The formula of a KPI.
#[derive(Clone, Copy, Debug)]
enum Formula {
    /// The measure of the KPI's own name.
    Measure,
    /// Σ of measures, each with its sign, over Σ of measures.
    Ratio(&'static [(&'static str, i8)], &'static [&'static str]),
    /// The sales cycle of rank ⌈n × a ÷ b⌉, in days.
    Cycle(usize, usize),
    /// open_deals × win_rate × average_deal ÷ sales_cycle_days.
    Velocity,
}

/// Measures, each with its sign, and those by the sum of which theirs is divided.
pub type Quotient = (&'static [(&'static str, i8)], &'static [&'static str]);

/// One KPI.
#[derive(Clone, Copy, Debug)]
pub struct Kpi {
    /// By the contract's name.
    pub name: &'static str,
    /// What its value is counted in.
    pub unit: Unit,
    formula: Formula,
}

const fn measure(name: &'static str, unit: Unit) -> Kpi {
    Kpi { name, unit, formula: Formula::Measure }
}

const fn ratio(name: &'static str, unit: Unit, over: &'static [(&'static str, i8)], under: &'static [&'static str]) -> Kpi {
    Kpi { name, unit, formula: Formula::Ratio(over, under) }
}

/// Every KPI of the contract.
pub const KPIS: &[Kpi] = &[
    measure("calls_made", Unit::Count),
    measure("prospecting_calls", Unit::Count),
    measure("calls_connected", Unit::Count),
    measure("calls_received", Unit::Count),
    measure("talk_time_s", Unit::Seconds),
    measure("meetings_booked", Unit::Count),
    measure("meetings_held", Unit::Count),
    measure("meetings_no_show", Unit::Count),
    measure("meetings_cancelled", Unit::Count),
    measure("emails_sent", Unit::Count),
    measure("emails_delivered", Unit::Count),
    measure("emails_opened", Unit::Count),
    measure("emails_machine_opened", Unit::Count),
    measure("emails_clicked", Unit::Count),
    measure("emails_replied", Unit::Count),
    measure("emails_received", Unit::Count),
    measure("deals_created", Unit::Count),
    measure("deals_won", Unit::Count),
    measure("deals_lost", Unit::Count),
    measure("deals_won_valued", Unit::Count),
    measure("revenue_won", Unit::Money),
    measure("revenue_lost", Unit::Money),
    measure("open_deals", Unit::Count),
    measure("open_pipeline", Unit::Money),
    measure("stage_entered", Unit::Count),
    ratio("connect_rate", Unit::Ratio, &[("calls_connected", 1)], &["calls_made"]),
    ratio("no_show_rate", Unit::Ratio, &[("meetings_no_show", 1)], &["meetings_held", "meetings_no_show"]),
    ratio("open_rate", Unit::Ratio, &[("emails_opened", 1)], &["emails_delivered"]),
    ratio("click_rate", Unit::Ratio, &[("emails_clicked", 1)], &["emails_delivered"]),
    ratio("reply_rate", Unit::Ratio, &[("emails_replied", 1)], &["emails_delivered"]),
    ratio("bounce_rate", Unit::Ratio, &[("emails_sent", 1), ("emails_delivered", -1)], &["emails_sent"]),
    ratio("win_rate", Unit::Ratio, &[("deals_won", 1)], &["deals_won", "deals_lost"]),
    ratio("win_rate_by_value", Unit::Ratio, &[("revenue_won", 1)], &["revenue_won", "revenue_lost"]),
    ratio("average_deal", Unit::Money, &[("revenue_won", 1)], &["deals_won_valued"]),
    Kpi { name: "sales_cycle_days", unit: Unit::Days, formula: Formula::Cycle(1, 2) },
    Kpi { name: "sales_cycle_days_p90", unit: Unit::Days, formula: Formula::Cycle(9, 10) },
    Kpi { name: "sales_velocity", unit: Unit::MoneyPerDay, formula: Formula::Velocity },
];

/// A KPI's value in one scope and window, in its unit (money in major units).
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Nothing where a denominator is 0.
    pub value: Option<BigRational>,
    /// Over and under of a quotient of measures.
    pub quotient: Option<(BigRational, BigRational)>,
}

impl Kpi {
    /// The KPI of that name.
    pub fn named(name: &str) -> Option<&'static Kpi> {
        KPIS.iter().find(|kpi| kpi.name == name)
    }

    /// The measures it is made of.
    pub fn measures(&self) -> Vec<&'static str> {
        match self.formula {
            Formula::Measure => vec![self.name],
            Formula::Ratio(over, under) => {
                let over = over.iter().map(|(measure, _)| *measure);
                over.chain(under.iter().copied()).collect()
            }
            Formula::Cycle(..) => vec!["sales_cycle_s"],
            Formula::Velocity => vec!["open_deals", "deals_won", "deals_lost", "revenue_won", "deals_won_valued", "sales_cycle_s"],
        }
    }

    /// Whether it has a value per currency.
    pub fn is_per_currency(&self) -> bool {
        self.measures().iter().any(|measure| dims(measure).currency)
    }

    /// Whether reps' values add up to the company's.
    pub fn is_additive(&self) -> bool {
        matches!(self.formula, Formula::Measure)
    }

    /// Whether it is what stands at an instant rather than what flows in a window.
    pub fn is_level(&self) -> bool {
        self.measures().iter().any(|measure| is_level(measure))
    }

    /// What a quotient of measures divides, each measure with its sign, and by the sum of which; nothing of other KPIs.
    pub fn quotient(&self) -> Option<Quotient> {
        match self.formula {
            Formula::Ratio(over, under) => Some((over, under)),
            _ => None,
        }
    }

    /// Whether it can be asked for by that: all its measures must have the dimension.
    pub fn exists_by(&self, by: By) -> bool {
        let has = |measure: &&str| match by {
            By::Company | By::Rep | By::Team => true,
            By::Product | By::Origin => dims(measure).product,
            By::Stage => dims(measure).stage,
        };
        self.measures().iter().all(has)
    }

    /// Its value in a scope, in one currency where it has a value per currency.
    pub fn evaluate(&self, scope: &Scope<'_>, currency: Option<&str>) -> Evaluated {
        let value = |value| Evaluated { value, quotient: None };
        match self.formula {
            Formula::Measure => value(Some(scope.sum(self.name, currency))),
            Formula::Ratio(over, under) => {
                let over = over
                    .iter()
                    .map(|(measure, sign)| {
                        let sum = scope.sum(measure, currency);
                        if *sign < 0 { -sum } else { sum }
                    })
                    .sum();
                let under = under.iter().map(|measure| scope.sum(measure, currency)).sum();
                Evaluated { value: divide(&over, &under), quotient: Some((over, under)) }
            }
            Formula::Cycle(a, b) => value(scope.cycle_days(a, b)),
            Formula::Velocity => value(velocity(scope, currency)),
        }
    }
}

fn divide(over: &BigRational, under: &BigRational) -> Option<BigRational> {
    (!under.is_zero()).then(|| over / under)
}

fn velocity(scope: &Scope<'_>, currency: Option<&str>) -> Option<BigRational> {
    let won = scope.sum("deals_won", None);
    let decided = &won + scope.sum("deals_lost", None);
    let win_rate = divide(&won, &decided)?;
    let revenue = scope.sum("revenue_won", currency);
    let average = divide(&revenue, &scope.sum("deals_won_valued", currency))?;
    let cycle = scope.cycle_days(1, 2)?;
    divide(&(scope.sum("open_deals", None) * win_rate * average), &cycle)
}

/// The contributions of one scope that a window can see.
pub struct Scope<'a> {
    /// Those in the window.
    pub flows: Vec<&'a Contribution>,
    /// Those before its end, which levels are made of.
    pub stock: Vec<&'a Contribution>,
}

impl<'a> Scope<'a> {
    /// The contributions that make up a measure; of one currency where the measure has one.
    pub fn of(&self, measure: &str, currency: Option<&str>) -> Vec<&'a Contribution> {
        let seen = if is_level(measure) { &self.stock } else { &self.flows };
        let wanted = currency.filter(|_| dims(measure).currency);
        let matches = |one: &&&Contribution| one.measure == measure && (wanted.is_none() || one.currency.as_deref() == wanted);
        seen.iter().filter(matches).copied().collect()
    }

    /// A measure's value, money in major units.
    fn sum(&self, measure: &str, currency: Option<&str>) -> BigRational {
        let values = self.of(measure, currency);
        let sum: i128 = values.iter().map(|one| one.value).sum();
        let whole = BigRational::from_integer(sum.into());
        match currency {
            Some(code) if is_money(measure) => whole / minor_per_major(code),
            _ => whole,
        }
    }

    /// The sales cycle of rank ⌈n × a ÷ b⌉, counting from 1, in days.
    fn cycle_days(&self, a: usize, b: usize) -> Option<BigRational> {
        let mut seconds: Vec<i128> = self.of("sales_cycle_s", None).iter().map(|one| one.value).collect();
        seconds.sort_unstable();
        let rank = (seconds.len() * a).div_ceil(b);
        let value = seconds.get(rank.checked_sub(1)?)?;
        Some(BigRational::new((*value).into(), 86_400.into()))
    }
}

fn is_money(measure: &str) -> bool {
    dims(measure).currency && measure != "deals_won_valued"
}

/// How many minor units a major unit of a currency has.
pub fn minor_per_major(currency: &str) -> BigRational {
    let ten = BigRational::from_integer(10.into());
    (0..exponent(currency)).fold(BigRational::one(), |product, _| product * &ten)
}
