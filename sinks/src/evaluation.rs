//! What every number here is worked out by: one catalogue, one calendar, the one `evaluate`.

use onpace_kpis::catalogue::Leaf;
use onpace_kpis::formula::{Formula, Op};
use onpace_kpis::{By, Calendar, Catalogue, Kpi, KpiNo, Question, Row, Tally, Window, evaluate};

/// A catalogue and a company's calendar.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Every measure, KPI and window.
    pub catalogue: Catalogue,
    /// When days, weeks and years begin.
    pub calendar: Calendar,
}

impl Evaluation {
    /// The values of some KPIs (all where empty) by something, at an instant in microseconds since 1970.
    pub fn rows(&self, tally: &Tally, at_us: i64, by: By, windows: &[Window], kpis: &[KpiNo], key: Option<&str>) -> Vec<Row> {
        evaluate(&self.catalogue, tally, &self.calendar, &Question { at_us, by, windows, kpis, key })
    }

    /// The company's time zone by its IANA name.
    pub fn zone(&self) -> &str {
        self.calendar.zone.iana_name().unwrap_or("UTC")
    }

    /// Whether a KPI of several reps is the sum of theirs: only then may a leaf metric of it be summed.
    pub fn adds_up(&self, kpi: &Kpi) -> bool {
        self.formula_adds_up(&kpi.formula)
    }

    fn formula_adds_up(&self, formula: &Formula<Leaf>) -> bool {
        match formula {
            Formula::Of(Leaf::Measure(_)) => true,
            Formula::Of(Leaf::Kpi(number)) => self.catalogue.kpis.get(usize::from(*number)).is_some_and(|kpi| self.adds_up(kpi)),
            Formula::Negative(inner) => self.formula_adds_up(inner),
            Formula::Join(Op::Add | Op::Subtract, sides) => self.formula_adds_up(&sides.0) && self.formula_adds_up(&sides.1),
            Formula::Join(Op::Multiply | Op::Divide, _) | Formula::Number(_) | Formula::Quantile(..) => false,
        }
    }
}
