//! The catalogue: every measure, KPI and published window, read from YAML.
//!
//! In: the built-in YAML and a user's own, in one language. Out: measures ready to be applied, KPIs ready to be
//! worked out, and what both mean in words. Never here: counters, files (a caller reads them), silent choices: what
//! isn't understood is refused with its line.

mod document;
mod measures;
mod words;

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;
use std::sync::Arc;

use onpace_schemas::{Kind, Mistake, did_you_mean, yaml};
use siphasher::sip::SipHasher13;

use crate::contributions::life_fields;
use crate::formula::{self, Formula, Op};
use crate::window::Window;
use crate::{At, Measure, MeasureNo, What};
use document::{Document, Entry};

/// The YAML that the built-in catalogue is written in.
pub const BUILT_IN: &str = include_str!("../../catalogue.yaml");

/// How states are joined and packed: another number for each way there ever was.
const STATES: &[u8] = b"2";

/// A KPI's place in its catalogue.
pub type KpiNo = u16;

/// Every measure, KPI and published window.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The windows that are published; any other can be asked for.
    pub windows: Vec<Window>,
    /// Whether it is a user's own catalogue that lists them.
    pub own_windows: bool,
    /// The measures, by their number.
    pub measures: Vec<Measure>,
    /// The KPIs, by their number: one for each measure that isn't a histogram, then the formulas.
    pub kpis: Vec<Kpi>,
    /// What each measure means, by its number.
    pub about: Vec<About>,
}

/// A KPI.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// Its name, `win_rate`.
    pub name: Arc<str>,
    /// The unit of its values.
    pub unit: Unit,
    /// How it is worked out.
    pub formula: Formula<Leaf>,
    /// The formula as it was written.
    pub text: String,
    /// Whether it has a value per currency.
    pub per_currency: bool,
    /// What its two sides are, if it is a rate: one sum of measures divided by another.
    pub rate: Option<Rate>,
    /// The measures that it is made of, sorted, those of the KPIs in its formula too.
    pub measures: Vec<MeasureNo>,
    /// What it means.
    pub about: About,
}

/// What the two sides of a rate are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Whether the numerator is money, in minor units.
    pub numerator_is_money: bool,
    /// Whether the denominator is.
    pub denominator_is_money: bool,
}

/// What a formula is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// A measure.
    Measure(MeasureNo),
    /// Another KPI.
    Kpi(KpiNo),
}

/// A meaning in words that a manager understands; empty where nobody wrote any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// In English.
    pub en: String,
    /// In French.
    pub fr: String,
}

/// The unit of a KPI's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// How many.
    Count,
    /// Seconds.
    Seconds,
    /// A share, 1 being all.
    Ratio,
    /// Money, kept in minor units.
    Money,
    /// Days of 86,400 seconds.
    Days,
    /// Money, kept in minor units, a day.
    MoneyPerDay,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Unit; 6] = [Unit::Count, Unit::Seconds, Unit::Ratio, Unit::Money, Unit::Days, Unit::MoneyPerDay];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Seconds => "seconds",
            Unit::Ratio => "ratio",
            Unit::Money => "money",
            Unit::Days => "days",
            Unit::MoneyPerDay => "money per day",
        }
    }

    /// Whether its values are in minor units of a currency.
    pub const fn is_money(self) -> bool {
        matches!(self, Unit::Money | Unit::MoneyPerDay)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Unit, String> {
        Unit::ALL.into_iter().find(|unit| unit.name() == text).ok_or_else(|| {
            let known = did_you_mean(text, Unit::ALL.iter().map(|unit| unit.name()));
            format!("there is no unit `{text}`{known}")
        })
    }
}

/// A dimension that KPIs can be broken down by, beside who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// A text field that the measures are counted `by`.
    Field(&'static str),
    /// The value that a measure of `each` value was entered with.
    Entered(&'static str),
}

impl Dimension {
    /// The field that its values come from.
    pub const fn name(self) -> &'static str {
        match self {
            Dimension::Field(name) | Dimension::Entered(name) => name,
        }
    }
}

impl Catalogue {
    /// Reads a catalogue that stands alone.
    ///
    /// # Errors
    /// YAML that is none, an unknown key, field, measure, unit or window, a name given twice, a formula that can't be read or
    /// goes round in a circle: the line, the cause, and what would be right.
    pub fn parse(yaml: &str) -> Result<Catalogue, Mistake> {
        Catalogue { windows: Vec::new(), own_windows: false, measures: Vec::new(), kpis: Vec::new(), about: Vec::new() }.with(yaml)
    }

    /// The measures and KPIs that the program comes with.
    ///
    /// # Errors
    /// Never in a released program: a test reads it.
    pub fn built_in() -> Result<Catalogue, Mistake> {
        Catalogue::parse(BUILT_IN)
    }

    /// This catalogue with a user's own measures and KPIs; his list of windows, if he has one, replaces this one's.
    ///
    /// # Errors
    /// As [`Catalogue::parse`]; a name that is already taken is refused too.
    pub fn with(mut self, yaml: &str) -> Result<Catalogue, Mistake> {
        let root = yaml::read(yaml)?;
        let document = Document::of(&root)?;
        if let Some(windows) = document.windows()? {
            self.own_windows = !self.windows.is_empty();
            self.windows = windows;
        }
        for entry in document.entries("measures", "a measure", &measures::KEYS)? {
            self.refuse_taken(&entry, "measures")?;
            let (measure, unit, about) = measures::read(&entry)?;
            let number = MeasureNo::try_from(self.measures.len()).map_err(|_| entry.mistake("there are too many measures"))?;
            if let Some(unit) = unit {
                self.kpis.push(Kpi {
                    name: measure.name.as_str().into(),
                    unit,
                    formula: Formula::Of(Leaf::Measure(number)),
                    text: measure.name.clone(),
                    per_currency: measure.what.has_currency(),
                    rate: None,
                    measures: vec![number],
                    about: about.clone(),
                });
            }
            self.measures.push(measure);
            self.about.push(about);
        }
        self.add_formulas(&document)?;
        Ok(self)
    }

    fn refuse_taken(&self, entry: &Entry<'_>, section: &str) -> Result<(), Mistake> {
        let name = entry.name.text;
        let taken = self.measures.iter().any(|measure| measure.name == name) || self.kpi(name).is_some();
        match taken {
            true => Err(entry.mistake(format!("the name `{name}` under `{section}` is already taken; choose another"))),
            false => Ok(()),
        }
    }

    fn add_formulas(&mut self, document: &Document<'_>) -> Result<(), Mistake> {
        let entries = document.entries("kpis", "a KPI", &["formula", "unit", "en", "fr"])?;
        let mut written = Vec::with_capacity(entries.len());
        for entry in &entries {
            self.refuse_taken(entry, "kpis")?;
            let text = entry.needed_lines("formula")?;
            let formula = formula::parse(text.text).map_err(|cause| text.mistake(cause))?;
            let unit = entry.needed("unit")?;
            let unit: Unit = unit.text.parse().map_err(|cause: String| unit.mistake(cause))?;
            written.push((entry, text, formula, unit));
        }
        let first = self.kpis.len();
        // Numbers before formulas, so that a KPI may be built on one that is written further down.
        let mut resolved = Vec::with_capacity(written.len());
        for (_, text, formula, _) in &written {
            let mut resolve = |name: &String, in_quantile: bool| self.leaf(name, in_quantile, first, &entries);
            let wrong = |cause: String| text.mistake(format!("in the formula `{}`: {cause}", text.text));
            resolved.push(formula.resolve(&mut resolve).map_err(wrong)?);
        }
        for at in order(first, &resolved).map_err(|circle| {
            let names: Vec<_> = circle.iter().map(|at| format!("`{}`", entries[*at].name.text)).collect();
            let cause = format!("{} go round in a circle: each is worked out from the next", names.join(" → "));
            entries[circle[0]].mistake_at("formula", cause)
        })? {
            let (entry, _, _, unit) = &written[at];
            self.check_unit(&resolved[at], *unit, first, &resolved).map_err(|cause| entry.mistake_at("unit", cause))?;
        }
        for ((entry, text, _, unit), formula) in written.iter().zip(&resolved) {
            let mut measures = Vec::new();
            self.collect(formula, first, &resolved, &mut measures);
            measures.sort_unstable();
            measures.dedup();
            let per_currency = measures.iter().any(|number| self.measures[usize::from(*number)].what.has_currency());
            let rate = match formula {
                Formula::Join(Op::Divide, sides) if is_sum(&sides.0) && is_sum(&sides.1) => {
                    let is_money = |side| self.money(side, first, &resolved).is_ok_and(|money| money == 1);
                    Some(Rate { numerator_is_money: is_money(&sides.0), denominator_is_money: is_money(&sides.1) })
                }
                _ => None,
            };
            let (name, text, about) = (entry.name.text.into(), text.text.to_owned(), entry.about()?);
            self.kpis.push(Kpi { name, unit: *unit, formula: formula.clone(), text, per_currency, rate, measures, about });
        }
        Ok(())
    }

    /// What a name in a formula stands for.
    fn leaf(&self, name: &str, in_quantile: bool, first: usize, entries: &[Entry<'_>]) -> Result<Leaf, String> {
        let wrong = |cause: String| Err(cause);
        if let Some(number) = self.measures.iter().position(|measure| measure.name == name) {
            return match (self.measures[number].what.is_histogram(), in_quantile) {
                (true, false) => wrong(format!("`{name}` is a histogram and has no value by itself; write quantile({name}, 0.5)")),
                (false, true) => wrong(format!("`{name}` is no histogram, so it has no quantile; only a measure with `value: cycle` has")),
                _ => Ok(Leaf::Measure(number as MeasureNo)),
            };
        }
        if in_quantile {
            let histograms = self.measures.iter().filter(|measure| measure.what.is_histogram()).map(|measure| measure.name.as_str());
            return wrong(format!("`{name}` is no histogram measure{}", did_you_mean(name, histograms)));
        }
        if let Some(number) = self.kpis.iter().position(|kpi| &*kpi.name == name) {
            return Ok(Leaf::Kpi(number as KpiNo));
        }
        match entries.iter().position(|entry| entry.name.text == name) {
            Some(at) => Ok(Leaf::Kpi((first + at) as KpiNo)),
            None => {
                let known = self.kpis.iter().map(|kpi| &*kpi.name).chain(entries.iter().map(|entry| entry.name.text));
                wrong(format!("there is no measure and no KPI `{name}`{}", did_you_mean(name, known)))
            }
        }
    }

    /// The measures under a formula, some of whose KPIs may only just have been read.
    fn collect(&self, formula: &Formula<Leaf>, first: usize, new: &[Formula<Leaf>], out: &mut Vec<MeasureNo>) {
        for_each_leaf(formula, &mut |leaf| match leaf {
            Leaf::Measure(number) => out.push(number),
            Leaf::Kpi(number) => match self.kpis.get(usize::from(number)) {
                Some(kpi) => out.extend(&kpi.measures),
                None => self.collect(&new[usize::from(number) - first], first, new, out),
            },
        });
    }

    /// Refuses a formula that adds money to what is none, or whose unit says money where there is none, or none where there is.
    fn check_unit(&self, formula: &Formula<Leaf>, unit: Unit, first: usize, new: &[Formula<Leaf>]) -> Result<(), String> {
        match (self.money(formula, first, new)?, unit.is_money()) {
            (0, false) | (1, true) => Ok(()),
            (0, true) => Err(format!("the formula gives no money, so its unit isn't `{unit}`")),
            (1, false) => Err(format!("the formula gives money, so its unit isn't `{unit}`; write `money` or `money per day`")),
            _ => Err("the formula multiplies or divides by money in a way that has no unit".to_owned()),
        }
    }

    /// How many times money stands in the unit of a formula: 0 for a count, 1 for money, −1 for something per money.
    fn money(&self, formula: &Formula<Leaf>, first: usize, new: &[Formula<Leaf>]) -> Result<i32, String> {
        Ok(match formula {
            Formula::Number(_) | Formula::Quantile(..) => 0,
            Formula::Of(Leaf::Measure(number)) => {
                matches!(self.measures[usize::from(*number)].what, What::Money(..) | What::LevelMoney(_)).into()
            }
            Formula::Of(Leaf::Kpi(number)) => match self.kpis.get(usize::from(*number)) {
                Some(kpi) => kpi.unit.is_money().into(),
                None => self.money(&new[usize::from(*number) - first], first, new)?,
            },
            Formula::Negative(inner) => self.money(inner, first, new)?,
            Formula::Join(op, sides) => {
                let (left, right) = (self.money(&sides.0, first, new)?, self.money(&sides.1, first, new)?);
                match op {
                    Op::Multiply => left + right,
                    Op::Divide => left - right,
                    Op::Add | Op::Subtract if left == right => left,
                    Op::Add | Op::Subtract => return Err("the formula adds up, or subtracts, money and something that is none".to_owned()),
                }
            }
        })
    }

    /// Whether a KPI of several reps is the sum of theirs.
    pub fn adds_up(&self, kpi: &Kpi) -> bool {
        self.formula_adds_up(&kpi.formula)
    }

    fn formula_adds_up(&self, formula: &Formula<Leaf>) -> bool {
        match formula {
            Formula::Of(Leaf::Measure(_)) => true,
            Formula::Of(Leaf::Kpi(number)) => self.kpis.get(usize::from(*number)).is_some_and(|kpi| self.adds_up(kpi)),
            Formula::Negative(inner) => self.formula_adds_up(inner),
            Formula::Join(Op::Add | Op::Subtract, sides) => self.formula_adds_up(&sides.0) && self.formula_adds_up(&sides.1),
            Formula::Join(Op::Multiply | Op::Divide, _) | Formula::Number(_) | Formula::Quantile(..) => false,
        }
    }

    /// The KPI of that name.
    pub fn kpi(&self, name: &str) -> Option<&Kpi> {
        self.kpis.iter().find(|kpi| &*kpi.name == name)
    }

    /// The numbers of the KPIs of those names.
    ///
    /// # Errors
    /// A name that no KPI has: with the nearest that there is.
    pub fn select<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Vec<KpiNo>, String> {
        let number = |name: &str| {
            let at = self.kpis.iter().position(|kpi| &*kpi.name == name);
            at.map(|at| at as KpiNo).ok_or_else(|| {
                let known = did_you_mean(name, self.kpis.iter().map(|kpi| &*kpi.name));
                format!("there is no KPI `{name}`{known}")
            })
        };
        names.into_iter().map(number).collect()
    }

    /// The place of a dimension among those of a measure.
    pub fn dimension(&self, measure: MeasureNo, dimension: Dimension) -> Option<u8> {
        self.measures.get(usize::from(measure))?.dimensions().position(|known| known == dimension).map(|at| at as u8)
    }

    /// A number that differs where the measures do, and where this onpace joins or packs states otherwise than another, the same in
    /// every run: counters and states made under another are not these measures'. Names of KPIs, formulas and words play no part.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(0x6f6e_7061_6365, 0x6d65_6173_7572_6573);
        hasher.write(STATES);
        for measure in &self.measures {
            hasher.write(words::canonical(measure).as_bytes());
            hasher.write_u8(0xFF);
        }
        hasher.finish()
    }

    /// The fields of a kind that some measure looks at, a bit for each: what an entity's state must keep.
    pub fn kept(&self, kind: Kind) -> u32 {
        self.measures.iter().filter(|measure| measure.kind == kind).fold(life_fields(kind), |kept, measure| kept | looked_at(measure))
    }
}

fn looked_at(measure: &Measure) -> u32 {
    let at = |at: &At| match at {
        At::Fields(fields) => fields.iter().fold(0, |bits, field| bits | 1 << field),
        At::Created | At::Closed => 0,
    };
    let what = match &measure.what {
        What::Count(when) => at(when),
        What::Sum(field, when) | What::Money(field, when) | What::CountValued(field, when) => 1 << field | at(when),
        What::LevelMoney(field) | What::Entered(field) => 1 << field,
        What::Cycle | What::Level => 0,
    };
    let conditions = measure.conditions.iter().fold(0, |bits, condition| bits | 1 << condition.field);
    measure.by.iter().fold(what | conditions, |bits, field| bits | 1 << field)
}

fn for_each_leaf(formula: &Formula<Leaf>, see: &mut impl FnMut(Leaf)) {
    match formula {
        Formula::Number(_) => {}
        Formula::Of(leaf) | Formula::Quantile(leaf, _) => see(*leaf),
        Formula::Negative(inner) => for_each_leaf(inner, see),
        Formula::Join(_, sides) => {
            for_each_leaf(&sides.0, see);
            for_each_leaf(&sides.1, see);
        }
    }
}

/// Whether a formula only adds measures up.
fn is_sum(formula: &Formula<Leaf>) -> bool {
    match formula {
        Formula::Of(Leaf::Measure(_)) => true,
        Formula::Negative(inner) => is_sum(inner),
        Formula::Join(Op::Add | Op::Subtract, sides) => is_sum(&sides.0) && is_sum(&sides.1),
        Formula::Number(_) | Formula::Of(Leaf::Kpi(_)) | Formula::Quantile(..) | Formula::Join(..) => false,
    }
}

/// An order in which each new formula comes after those it is built on, or a circle.
fn order(first: usize, formulas: &[Formula<Leaf>]) -> Result<Vec<usize>, Vec<usize>> {
    fn visit(at: usize, first: usize, formulas: &[Formula<Leaf>], path: &mut Vec<usize>, done: &mut Vec<usize>) -> Result<(), Vec<usize>> {
        if done.contains(&at) {
            return Ok(());
        }
        if let Some(from) = path.iter().position(|on| *on == at) {
            let mut circle = path[from..].to_vec();
            circle.push(at);
            return Err(circle);
        }
        path.push(at);
        let mut on = Vec::new();
        for_each_leaf(&formulas[at], &mut |leaf| match leaf {
            Leaf::Kpi(number) => on.extend(usize::from(number).checked_sub(first)),
            Leaf::Measure(_) => {}
        });
        for next in on {
            visit(next, first, formulas, path, done)?;
        }
        path.pop();
        done.push(at);
        Ok(())
    }
    let mut done = Vec::with_capacity(formulas.len());
    for at in 0..formulas.len() {
        visit(at, first, formulas, &mut Vec::new(), &mut done)?;
    }
    Ok(done)
}
