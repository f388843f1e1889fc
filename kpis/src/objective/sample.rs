//! How much a rate says: of how many things it is.
//!
//! In: a KPI and the catalogue. Out: what is held against an objective's `min_sample`. Never here: counters, verdicts.

use crate::catalogue::{Catalogue, Kpi, Leaf};
use crate::formula::{Formula, Op};
use crate::{MeasureNo, What};

/// What is held against `min_sample`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// The denominator, where there is one.
    Denominator,
    /// Where that is money: the entities whose amounts it adds up, counted by these measures.
    Counted(Vec<MeasureNo>),
}

impl Sample {
    /// Of a KPI. Money of which no measure counts the entities is no sample: whatever it is, it is enough.
    pub fn of(catalogue: &Catalogue, kpi: &Kpi) -> Sample {
        match (&kpi.formula, kpi.rate) {
            (Formula::Join(Op::Divide, sides), Some(rate)) if rate.denominator_is_money => {
                let mut counted = Vec::new();
                collect(catalogue, &sides.1, &mut counted);
                counted.sort_unstable();
                counted.dedup();
                Sample::Counted(counted)
            }
            _ => Sample::Denominator,
        }
    }

    /// The measures that it is counted by, beside the KPI's own.
    pub fn measures(&self) -> &[MeasureNo] {
        match self {
            Sample::Denominator => &[],
            Sample::Counted(measures) => measures,
        }
    }
}

fn collect(catalogue: &Catalogue, formula: &Formula<Leaf>, out: &mut Vec<MeasureNo>) {
    match formula {
        Formula::Of(Leaf::Measure(measure)) => out.extend(counting(catalogue, *measure)),
        Formula::Negative(inner) => collect(catalogue, inner, out),
        Formula::Join(_, sides) => {
            collect(catalogue, &sides.0, out);
            collect(catalogue, &sides.1, out);
        }
        Formula::Number(_) | Formula::Of(Leaf::Kpi(_)) | Formula::Quantile(..) => {}
    }
}

/// The measure that counts, one by one, the entities whose amounts another adds up: same kind, conditions, time and credit.
fn counting(catalogue: &Catalogue, money: MeasureNo) -> Option<MeasureNo> {
    let money = catalogue.measures.get(usize::from(money))?;
    let same = |what: &What| match (&money.what, what) {
        (What::Money(_, at), What::Count(other)) => at == other,
        _ => false,
    };
    let counts = |other: &crate::Measure| {
        other.kind == money.kind && other.conditions == money.conditions && other.credit == money.credit && same(&other.what)
    };
    catalogue.measures.iter().position(counts).map(|at| at as MeasureNo)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn money_is_a_sample_of_the_deals_that_brought_it() {
        let own = "
measures:
  small_revenue: { of: deal, where: { status: won, product: small }, at: closed, value: { amount: amount } }
kpis:
  small_share: { formula: small_revenue / small_revenue, unit: ratio }
";
        let catalogue = Catalogue::built_in().unwrap().with(own).unwrap();
        let sample = |name: &str| Sample::of(&catalogue, catalogue.kpi(name).unwrap());
        let number = |name: &str| catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as MeasureNo;
        assert_eq!(sample("win_rate_by_value"), Sample::Counted(vec![number("deals_won"), number("deals_lost")]));
        for name in ["win_rate", "average_deal", "connect_rate", "sales_cycle_days", "deals_won"] {
            assert_eq!(sample(name), Sample::Denominator, "{name}");
        }
        assert_eq!(sample("small_share"), Sample::Counted(Vec::new()));
    }
}
