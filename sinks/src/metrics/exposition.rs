//! The page that Prometheus reads, in either of its two text formats.
//!
//! In: families of samples. Out: Prometheus text 0.0.4, or OpenMetrics 1.0 when it is asked for. Samples are written once
//! and serve both formats and every scrape; only the headers differ. Never here: what a value means; timestamps on samples.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use onpace_metrics::{Metric, Type};
use onpace_producers::http::Weight;

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The format that an `Accept` header asks for: OpenMetrics 1.x where it is named and not weighed below the plain text.
    pub fn accepted(accept: &str) -> Format {
        let (mut open, mut text) = (0.0, 0.0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut weight, mut version) = (1.0, None);
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => weight = value.trim().parse().unwrap_or(0.0),
                    "version" => version = Some(value.trim().trim_matches('"').to_owned()),
                    _ => {}
                }
            }
            match kind.as_str() {
                "application/openmetrics-text" if version.as_deref().is_none_or(|version| version.starts_with("1.")) => {
                    open = f64::max(open, weight)
                }
                "text/plain" => text = f64::max(text, weight),
                _ => {}
            }
        }
        if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// One metric with its samples.
#[derive(Clone, Debug)]
pub struct Family {
    name: String,
    help: String,
    unit: Option<&'static str>,
    kind: Type,
    samples: String,
    /// How many samples it has.
    pub series: usize,
}

/// The units that may stand at the end of a name.
const UNITS: [&str; 3] = ["seconds", "ratio", "bytes"];

impl Family {
    /// An empty family of the table.
    pub fn of(metric: &Metric) -> Family {
        Family::new(metric.name, metric.kind, metric.help)
    }

    /// One sample, without labels.
    pub fn just(metric: &Metric, value: &str) -> Family {
        let mut family = Family::of(metric);
        family.sample(&[], value);
        family
    }

    /// An empty family; `name` as its samples carry it (with `_total` or `_info`).
    pub fn new(name: impl Into<String>, kind: Type, help: impl Into<String>) -> Family {
        let name = name.into();
        let base = base(&name, kind);
        let unit = UNITS.into_iter().find(|unit| base.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')));
        Family { help: help.into(), unit: unit.filter(|_| kind != Type::Info), kind, samples: String::new(), series: 0, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a sample whose value is already text: a number, `NaN`, `+Inf` or `-Inf`.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: &str) {
        self.suffixed("", labels, value);
        self.series += 1;
    }

    /// Adds a sample whose labels were written by [`labels`] before, which saves doing it for every metric.
    pub fn sample_with(&mut self, labels: &str, value: &str) {
        self.samples.reserve(self.name.len() + labels.len() + value.len() + 2);
        self.samples.push_str(&self.name);
        self.samples.push_str(labels);
        self.samples.push(' ');
        self.samples.push_str(value);
        self.samples.push('\n');
        self.series += 1;
    }

    /// Adds a histogram: its cumulative buckets but the infinite one, its sum, its count.
    pub fn histogram(&mut self, labels: &[(&str, &str)], buckets: &[(f64, u64)], sum: f64, count: u64) {
        let mut bucket = |bound: &str, cumulative: u64| {
            let with_bound = [labels, &[("le", bound)]].concat();
            self.suffixed("_bucket", &with_bound, &cumulative.to_string());
        };
        for (bound, cumulative) in buckets.iter().filter(|(bound, _)| bound.is_finite()) {
            // OpenMetrics wants bounds written as floats: 1.0.
            bucket(&format!("{bound:?}"), *cumulative);
        }
        bucket("+Inf", count);
        self.suffixed("_sum", labels, &number(sum));
        self.suffixed("_count", labels, &count.to_string());
        self.series += 1;
    }

    fn suffixed(&mut self, suffix: &str, with: &[(&str, &str)], value: &str) {
        self.samples.push_str(&self.name);
        self.samples.push_str(suffix);
        write_labels(&mut self.samples, with);
        self.samples.push(' ');
        self.samples.push_str(value);
        self.samples.push('\n');
    }
}

/// A family that is finished: cheap to clone, and to put on any number of pages at a time.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The headers of text, and of OpenMetrics.
    heads: [Bytes; 2],
    samples: Bytes,
    /// Its name.
    pub name: String,
    /// How many samples it has.
    pub series: usize,
}

impl From<Family> for Finished {
    fn from(family: Family) -> Finished {
        let heads = [Format::Text, Format::OpenMetrics].map(|format| Bytes::from(family.head(format)));
        Finished { heads, samples: family.samples.into(), name: family.name, series: family.series }
    }
}

/// A page, in pieces that others may share.
#[derive(Clone, Debug)]
pub struct Page(Vec<Bytes>);

impl Page {
    /// A page of families, those without samples left out.
    pub fn of<'a>(families: impl IntoIterator<Item = &'a Finished>, format: Format) -> Page {
        let mut pieces = Vec::new();
        for family in families.into_iter().filter(|family| !family.samples.is_empty()) {
            pieces.push(family.heads[format as usize].clone());
            pieces.push(family.samples.clone());
        }
        if format == Format::OpenMetrics {
            pieces.push(Bytes::from_static(b"# EOF\n"));
        }
        Page(pieces)
    }

    /// How many bytes it has.
    pub fn weight(&self) -> Weight {
        Weight(self.0.iter().map(|piece| piece.len() as u64).sum())
    }

    /// As the body of an answer.
    pub fn into_body(self) -> Body {
        Body::from_stream(futures_util::stream::iter(self.0.into_iter().map(Ok::<Bytes, std::convert::Infallible>)))
    }

    /// As text.
    pub fn text(&self) -> String {
        let whole: Vec<u8> = self.0.concat();
        // It was made of text.
        String::from_utf8(whole).unwrap_or_default()
    }
}

/// A page of families as text, those without samples left out.
pub fn page<'a>(families: impl IntoIterator<Item = &'a Family>, format: Format) -> String {
    let finished: Vec<Finished> = families.into_iter().cloned().map(Finished::from).collect();
    Page::of(&finished, format).text()
}

impl Family {
    fn head(&self, format: Format) -> String {
        let (name, kind) = match (format, self.kind) {
            (Format::Text, Type::Gauge | Type::Info) => (self.name.as_str(), "gauge"),
            (Format::OpenMetrics, Type::Gauge) => (self.name.as_str(), "gauge"),
            (Format::OpenMetrics, Type::Info) => (base(&self.name, self.kind), "info"),
            (Format::Text, Type::Counter) => (self.name.as_str(), "counter"),
            (Format::OpenMetrics, Type::Counter) => (base(&self.name, self.kind), "counter"),
            (_, Type::Histogram) => (self.name.as_str(), "histogram"),
        };
        let help = match format {
            Format::Text => self.help.replace('\\', r"\\").replace('\n', r"\n"),
            Format::OpenMetrics => escaped(&self.help),
        };
        let mut head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        if let (Format::OpenMetrics, Some(unit)) = (format, self.unit) {
            // Writing into a String can't fail.
            let _ = writeln!(head, "# UNIT {name} {unit}");
        }
        head
    }
}

fn base(name: &str, kind: Type) -> &str {
    match kind {
        Type::Counter => name.strip_suffix("_total").unwrap_or(name),
        Type::Info => name.strip_suffix("_info").unwrap_or(name),
        Type::Gauge | Type::Histogram => name,
    }
}

/// Labels in braces, escaped; nothing where there are none.
pub fn labels(with: &[(&str, &str)]) -> String {
    let mut out = String::new();
    write_labels(&mut out, with);
    out
}

fn write_labels(out: &mut String, with: &[(&str, &str)]) {
    for (at, (name, value)) in with.iter().enumerate() {
        out.push(if at == 0 { '{' } else { ',' });
        out.push_str(name);
        out.push_str("=\"");
        out.push_str(&escaped(value));
        out.push('"');
    }
    if !with.is_empty() {
        out.push('}');
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str(r"\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str(r"\n"),
            other => out.push(other),
        }
    }
    out
}

/// A float as both formats write it.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_inside_their_quotes() {
        let mut family = Family::new("onpace_calls_made", Type::Gauge, "Calls \\ \"made\"\nby a rep");
        family.sample(&[("rep", "a\"b\\c\nd\r{}=,\u{202e}"), ("window", "7d")], "3");
        let text = page([&family], Format::Text);
        assert_eq!(
            text,
            "# HELP onpace_calls_made Calls \\\\ \"made\"\\nby a rep\n# TYPE onpace_calls_made gauge\nonpace_calls_made{rep=\"a\\\"b\\\\c\\nd\r{}=,\u{202e}\",window=\"7d\"} 3\n"
        );
        assert!(page([&family], Format::OpenMetrics).starts_with("# HELP onpace_calls_made Calls \\\\ \\\"made\\\"\\nby"));
    }

    #[test]
    fn openmetrics_names_units_and_ends() {
        let mut ratio = Family::new("onpace_win_rate_ratio", Type::Gauge, "Won.");
        ratio.sample(&[], "0.5");
        let mut counter = Family::new("onpace_scrapes_total", Type::Counter, "Scrapes.");
        counter.sample(&[], "2");
        let mut info = Family::new("onpace_build_info", Type::Info, "Build.");
        info.sample(&[("version", "1")], "1");
        let mut histogram = Family::new("onpace_wait_seconds", Type::Histogram, "Wait.");
        histogram.histogram(&[("lane", "0")], &[(1.0, 2), (2.5, 3)], 4.25, 4);
        let empty = Family::new("onpace_absent", Type::Gauge, "Not there.");
        let open = page([&ratio, &counter, &info, &histogram, &empty], Format::OpenMetrics);
        assert_eq!(
            open,
            "# HELP onpace_win_rate_ratio Won.\n# TYPE onpace_win_rate_ratio gauge\n# UNIT onpace_win_rate_ratio ratio\nonpace_win_rate_ratio 0.5\n\
             # HELP onpace_scrapes Scrapes.\n# TYPE onpace_scrapes counter\nonpace_scrapes_total 2\n\
             # HELP onpace_build Build.\n# TYPE onpace_build info\nonpace_build_info{version=\"1\"} 1\n\
             # HELP onpace_wait_seconds Wait.\n# TYPE onpace_wait_seconds histogram\n# UNIT onpace_wait_seconds seconds\n\
             onpace_wait_seconds_bucket{lane=\"0\",le=\"1.0\"} 2\nonpace_wait_seconds_bucket{lane=\"0\",le=\"2.5\"} 3\n\
             onpace_wait_seconds_bucket{lane=\"0\",le=\"+Inf\"} 4\nonpace_wait_seconds_sum{lane=\"0\"} 4.25\nonpace_wait_seconds_count{lane=\"0\"} 4\n# EOF\n"
        );
        let text = page([&counter, &info], Format::Text);
        assert!(
            text.contains("# TYPE onpace_scrapes_total counter\n")
                && text.contains("# TYPE onpace_build_info gauge\n")
                && !text.contains("EOF"),
            "{text}"
        );
    }

    #[test]
    fn the_format_is_the_one_asked_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
                          text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        assert_eq!(Format::accepted("text/plain;version=0.0.4,application/openmetrics-text;q=0.1"), Format::Text);
        assert_eq!(Format::accepted("application/openmetrics-text;version=2.0.0"), Format::Text);
        assert_eq!(Format::accepted("*/*"), Format::Text);
        assert_eq!(Format::accepted("application/openmetrics-text;q=0"), Format::Text);
    }
}
