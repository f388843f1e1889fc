//! A page of metrics as Prometheus reads it: names, labels, values.
//!
//! In: the text of `/metrics`. Out: its samples. Never here: what a value should be.

use std::collections::BTreeMap;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its metric.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value; empty where there is none, as Prometheus has it.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// A page's samples.
#[derive(Clone, Debug, Default)]
pub struct Scraped(pub Vec<Sample>);

impl Scraped {
    /// Reads a page.
    ///
    /// # Panics
    /// A line is not what the text format allows.
    pub fn read(page: &str) -> Scraped {
        let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Scraped(lines.map(|line| sample(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect())
    }

    /// The samples of a metric.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    /// The value of a metric's only sample.
    pub fn value(&self, name: &str) -> Option<f64> {
        let mut of = self.of(name);
        of.next().filter(|_| of.next().is_none()).map(|sample| sample.value)
    }

    /// The sums of a metric over all labels but some, in hundredths, by those labels.
    pub fn sums(&self, name: &str, by: &[&str]) -> BTreeMap<Vec<String>, i64> {
        let mut sums = BTreeMap::new();
        for sample in self.of(name).filter(|sample| !sample.value.is_nan()) {
            let key = by.iter().map(|label| sample.label(label).to_owned()).collect();
            *sums.entry(key).or_default() += (sample.value * 100.0).round() as i64;
        }
        sums
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, quoted) = rest.split_once("=\"")?;
            let (value, after) = unquoted(quoted)?;
            labels.insert(label.to_owned(), value);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
    }
    let value = match rest.strip_prefix(' ')? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    Some(Sample { name: name.to_owned(), labels, value })
}

/// A label's value up to its closing quote, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_they_were_meant() {
        let page = Scraped::read("# TYPE a gauge\na{rep=\"x\\\"y,}\\n\\\\\",window=\"7d\"} 3\na{rep=\"\"} NaN\nb 0.25\n");
        assert_eq!((page.0[0].label("rep"), page.0[0].label("window"), page.0[0].value), ("x\"y,}\n\\", "7d", 3.0));
        assert_eq!((page.0[1].value.is_nan(), page.value("b"), page.value("a")), (true, Some(0.25), None));
        assert_eq!(page.sums("a", &["window"]), BTreeMap::from([(vec!["7d".to_owned()], 300)]));
    }
}
