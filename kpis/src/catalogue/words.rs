//! The catalogue in words: a measure's exact definition on one line, the page `docs/kpis.md`, and JSON.

use std::fmt::Write;

use onpace_schemas::Shape;
use serde::Serialize;

use super::{Catalogue, Kpi, Leaf};
use crate::formula::Formula;
use crate::window::Window;
use crate::{At, Credit, Measure, MeasureNo, Test, What};

/// A measure's definition on one line, in full: two measures that read alike count alike.
pub(super) fn canonical(measure: &Measure) -> String {
    format!("{} = {}", measure.name, definition(measure))
}

fn definition(measure: &Measure) -> String {
    let fields = measure.kind.fields();
    let name = |no: u8| fields.get(usize::from(no)).map_or("?", |field| field.name);
    let at = |at: &At| match at {
        At::Fields(named) => {
            let named: Vec<_> = named.iter().map(|no| name(*no)).chain(["first_seen"]).collect();
            named.join(", else ")
        }
        At::Created => "created".to_owned(),
        At::Closed => "closed".to_owned(),
    };
    let kind = measure.kind.name();
    let mut text = match &measure.what {
        What::Count(when) => format!("count of {kind}s at {}", at(when)),
        What::Sum(field, when) => format!("sum of {} of {kind}s at {}", name(*field), at(when)),
        What::Money(field, when) => format!("sum of {} of {kind}s at {}, per currency", name(*field), at(when)),
        What::CountValued(field, when) => format!("count of {kind}s with {} at {}, per currency", name(*field), at(when)),
        What::Cycle => format!("histogram of seconds from created to closed of {kind}s at closed"),
        What::Level => format!("level of {kind}s from created to closed"),
        What::LevelMoney(field) => format!("level of {} of {kind}s from created to closed, per currency", name(*field)),
        What::Entered(field) => format!("count of each {} of {kind}s when first named", name(*field)),
    };
    for (number, condition) in measure.conditions.iter().enumerate() {
        let field = name(condition.field);
        text.push_str(if number == 0 { ", where " } else { " and " });
        let _ = match &condition.test {
            Test::Choice(places) => {
                let Shape::Choice(set) = fields[usize::from(condition.field)].shape else { continue };
                let wanted: Vec<_> = places.iter().map(|place| set.get(usize::from(*place)).copied().unwrap_or("?")).collect();
                write!(text, "{field} is {}", wanted.join(" or "))
            }
            Test::Text(wanted) => {
                write!(text, "{field} is {}", wanted.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(" or "))
            }
            Test::Flag(wanted) => write!(text, "{field} is {wanted}"),
            Test::Set => write!(text, "{field} is set"),
            Test::Unset => write!(text, "{field} is not set"),
        };
    }
    if !measure.by.is_empty() {
        let by: Vec<_> = measure.by.iter().map(|no| name(*no)).collect();
        let _ = write!(text, "; by {}", by.join(", "));
    }
    if measure.credit == Credit::Current {
        text.push_str("; credited to the current rep");
    }
    text
}

impl Catalogue {
    /// A measure's definition on one line, without its name.
    pub fn definition(&self, measure: MeasureNo) -> String {
        self.measures.get(usize::from(measure)).map_or_else(String::new, definition)
    }

    /// The fields along which a KPI can be broken down, beside rep and team.
    pub fn breakdowns(&self, kpi: &Kpi) -> Vec<&'static str> {
        let names = |number: MeasureNo| -> Vec<&'static str> {
            let Some(measure) = self.measures.get(usize::from(number)) else { return Vec::new() };
            let fields = measure.kind.fields();
            match &measure.what {
                What::Entered(field) => vec![fields[usize::from(*field)].name],
                _ => measure.by.iter().map(|field| fields[usize::from(*field)].name).collect(),
            }
        };
        let mut all = kpi.measures.iter().map(|number| names(*number));
        let first = all.next().unwrap_or_default();
        all.fold(first, |kept, names| kept.into_iter().filter(|name| names.contains(name)).collect())
    }

    /// A KPI's definition on one line: its formula, or that of the measure that it is by itself.
    pub fn kpi_definition(&self, kpi: &Kpi) -> String {
        match kpi.formula {
            Formula::Of(Leaf::Measure(number))
                if self.measures.get(usize::from(number)).is_some_and(|measure| measure.name == *kpi.name) =>
            {
                self.definition(number)
            }
            _ => kpi.text.clone(),
        }
    }

    /// The page about every measure and KPI, in Markdown.
    pub fn to_markdown(&self) -> String {
        let mut page = String::from(PREFACE);
        let listed = |windows: &[Window]| windows.iter().map(|window| format!("`{window}`")).collect::<Vec<_>>().join(" ");
        let others: Vec<Window> = Window::ALL.into_iter().filter(|window| !self.windows.contains(window)).collect();
        let asked = if others.is_empty() { String::new() } else { format!(", and to be asked for {}", listed(&others)) };
        let _ = writeln!(page, "Published for the windows {}{asked}; there are no others, but periods by name.\n", listed(&self.windows));
        let _ = writeln!(page, "## What is counted\n");
        for (number, measure) in self.measures.iter().enumerate() {
            let about = &self.about[number];
            let unit = self.kpi(&measure.name).map_or("seconds; seen through the KPIs that are worked out from it", |kpi| kpi.unit.name());
            let currency = if measure.what.has_currency() { ", per currency" } else { "" };
            let level = if measure.what.is_level() { " (a level: how it stands at the end of the window)" } else { "" };
            let _ = writeln!(page, "### `{}`\n\n{}\n\n*{}*\n", measure.name, about.en, about.fr);
            let _ = writeln!(page, "- Unit: {unit}{currency}{level}\n- Exactly: {}\n", definition(measure));
        }
        let _ = writeln!(page, "## What is worked out from it\n");
        for kpi in self.kpis.iter().filter(|kpi| !self.measures.iter().any(|measure| measure.name == *kpi.name)) {
            let currency = if kpi.per_currency { ", per currency" } else { "" };
            let _ = writeln!(page, "### `{}`\n\n{}\n\n*{}*\n", kpi.name, kpi.about.en, kpi.about.fr);
            let _ = writeln!(page, "- Unit: {}{currency}\n- Formula: `{}`", kpi.unit, kpi.text);
            let by = self.breakdowns(kpi);
            let _ = if by.is_empty() { writeln!(page) } else { writeln!(page, "- Also by {}\n", by.join(" and by ")) };
        }
        page.truncate(page.trim_end().len());
        page.push('\n');
        page
    }

    /// Every measure and KPI as data, for the API and for `--format json`.
    pub fn described(&self) -> Described<'_> {
        let measures = self.measures.iter().zip(&self.about).map(|(measure, about)| DescribedMeasure {
            measure: &measure.name,
            of: measure.kind.name(),
            definition: definition(measure),
            en: &about.en,
            fr: &about.fr,
        });
        let kpis = self.kpis.iter().map(|kpi| DescribedKpi {
            kpi: &kpi.name,
            unit: kpi.unit.name(),
            formula: &kpi.text,
            per_currency: kpi.per_currency,
            by: self.breakdowns(kpi),
            en: &kpi.about.en,
            fr: &kpi.about.fr,
        });
        Described { windows: self.windows.iter().map(|window| window.name()).collect(), measures: measures.collect(), kpis: kpis.collect() }
    }
}

/// A catalogue as data.
#[derive(Clone, Debug, Serialize)]
pub struct Described<'a> {
    /// The published windows.
    pub windows: Vec<&'static str>,
    /// The measures, in order.
    pub measures: Vec<DescribedMeasure<'a>>,
    /// The KPIs, in order.
    pub kpis: Vec<DescribedKpi<'a>>,
}

/// A measure as data.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedMeasure<'a> {
    /// Its name.
    pub measure: &'a str,
    /// The kind of entity it counts.
    pub of: &'static str,
    /// Its exact definition.
    pub definition: String,
    /// Its meaning in English.
    pub en: &'a str,
    /// Its meaning in French.
    pub fr: &'a str,
}

/// A KPI as data.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedKpi<'a> {
    /// Its name.
    pub kpi: &'a str,
    /// The unit of its values.
    pub unit: &'static str,
    /// How it is worked out.
    pub formula: &'a str,
    /// Whether it has a value per currency.
    pub per_currency: bool,
    /// What else it can be broken down by.
    pub by: Vec<&'static str>,
    /// Its meaning in English.
    pub en: &'a str,
    /// Its meaning in French.
    pub fr: &'a str,
}

const PREFACE: &str = "# What the numbers mean

Every number that onpace shows, in plain words, in English and in French, with its exact definition. This page is generated from
[the catalogue](../kpis/catalogue.yaml) (`ONPACE_BLESS=1 cargo test -p onpace-kpis docs`); [catalogue.md](catalogue.md) says how to add your own.

- A number belongs to the rep who did it, at the time it happened: never to the time somebody edited or imported it.
- A rate shows what it was divided by. Where there is nothing to divide by there is no value, shown as “–”; that is not 0 %.
- Money is never mixed: every currency has its own number.
- What is corrected at the source is corrected here, in the period it belongs to.

";

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may look at files and the environment")]
    fn docs_kpis_md_says_what_the_catalogue_says() {
        let page = Catalogue::built_in().unwrap().to_markdown();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/kpis.md");
        if std::env::var_os("ONPACE_BLESS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == page, "docs/kpis.md is out of date; run `ONPACE_BLESS=1 cargo test -p onpace-kpis docs` and commit it");
    }

    #[test]
    fn every_built_in_is_explained_in_both_languages() {
        let catalogue = Catalogue::built_in().unwrap();
        let measures = catalogue.measures.iter().map(|measure| measure.name.as_str()).zip(&catalogue.about);
        for (name, about) in measures.chain(catalogue.kpis.iter().map(|kpi| (&*kpi.name, &kpi.about))) {
            assert!(about.en.len() > 20 && about.fr.len() > 20, "{name} isn't explained");
        }
    }
}
