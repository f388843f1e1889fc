//! The table as documentation has it.

use std::fmt::Write;

use crate::table::ALL;
use crate::{Metric, Part, Type};

/// All metrics in Markdown, a row each.
pub fn page() -> String {
    let mut page = String::from("| metric | type | labels | told by | what |\n|---|---|---|---|---|\n");
    ALL.iter().for_each(|metric| row(metric, &mut page));
    page
}

fn row(metric: &Metric, out: &mut String) {
    let Metric { name, kind, labels, by, help } = metric;
    let kind = match kind {
        Type::Counter => "counter",
        Type::Gauge => "gauge",
        Type::Histogram => "histogram",
        Type::Info => "info",
    };
    let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    let by = if by.len() == Part::ALL.len() { "all".to_owned() } else { by.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ") };
    // Writing to a text never fails.
    _ = writeln!(out, "| `{name}` | {kind} | {labels} | {by} | {help} |");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::collections::BTreeSet;

    use super::*;

    /// What the table stands between in the document.
    const AROUND: [&str; 2] = ["<!-- from metrics/src/table.rs -->\n", "<!-- to here -->\n"];

    #[test]
    fn docs_metrics_md_has_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let kept = std::fs::read_to_string(path).unwrap();
        let (before, rest) = kept.split_once(AROUND[0]).unwrap();
        let (_, after) = rest.split_once(AROUND[1]).unwrap();
        let wanted = [before, AROUND[0], &page(), AROUND[1], after].concat();
        if std::env::var_os("ONPACE_BLESS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        } else {
            assert!(kept == wanted, "docs/metrics.md is out of date; run `ONPACE_BLESS=1 cargo test -p onpace-metrics docs` and commit it");
        }
    }

    #[test]
    fn names_are_told_apart_and_say_what_they_count() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len(), "two metrics have one name");
        for Metric { name, kind, help, .. } in ALL {
            assert_eq!(name.ends_with("_total"), *kind == Type::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), *kind == Type::Info, "{name}");
            assert!(name.starts_with("onpace_") && !help.ends_with('.') && !help.is_empty(), "{name}");
        }
    }
}
