//! What a reviewer would otherwise say again and again, of every file of the project: a header that says what it is for, a size that can be read in one go,
//! no circle of modules that know one another, no path in a document that leads nowhere.
//!
//! In: the checkout. Out: passing tests, or each place with its cause. Never here: what code does.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod circles;
mod metrics;

use std::path::{Path, PathBuf};

/// A file that is longer has two subjects.
const LINES: usize = 600;
/// Where code is that others build on.
const CRATES: [&str; 7] = ["metrics", "schemas", "kpis", "producers", "processors", "sinks", "cli"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files below a folder with this ending, by their path from the checkout, in order.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn none(wrong: Vec<String>, what: &str) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let all = files("", ".rs");
    assert!(all.len() > 300, "only {} files were found", all.len());
    none(all.into_iter().filter(|path| !text(path).starts_with("//!")).collect(), "files without a header");
}

#[test]
fn a_file_can_be_read_in_one_go() {
    let long = files("", ".rs").into_iter().map(|path| (text(&path).lines().count(), path)).filter(|(lines, _)| *lines > LINES);
    none(
        long.map(|(lines, path)| format!("{path}: {lines} lines")).collect(),
        &format!("files of more than {LINES} lines; part their subjects"),
    );
}

#[test]
fn modules_know_one_another_one_way() {
    let circles = CRATES.iter().flat_map(|name| {
        let sources: Vec<_> = files(&format!("{name}/src"), ".rs").into_iter().map(|path| (path.clone(), text(&path))).collect();
        circles::of(&format!("{name}/src"), &sources)
    });
    none(circles.collect(), "circles of modules; move what both need to a third");
}

#[test]
fn metrics_are_named_in_the_table_alone() {
    let wrong = CRATES
        .iter()
        .filter(|name| **name != "metrics")
        .flat_map(|name| files(&format!("{name}/src"), ".rs"))
        .filter(|path| !path.ends_with("/tests.rs"))
        .flat_map(|path| {
            let named = metrics::named_in(&text(&path));
            named.into_iter().map(move |(line, name)| format!("{path}:{line}: {name}"))
        });
    none(wrong.collect(), "metrics named outside of metrics/src/table.rs; take them from there");
}

#[test]
fn paths_in_documents_lead_somewhere() {
    let folders: Vec<String> = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut wrong = Vec::new();
    for document in files("", ".md").iter().filter(|document| !document.ends_with("CHANGELOG.md")) {
        let text = text(document);
        for quoted in text.split('`').skip(1).step_by(2) {
            let path = quoted.trim_end_matches('/');
            let is_path = |path: &str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
            let first = path.split('/').next().unwrap_or_default();
            if path.contains('/') && is_path(path) && folders.iter().any(|folder| folder == first) && !root().join(path).exists() {
                wrong.push(format!("{document}: {path}"));
            }
        }
    }
    none(wrong, "paths that lead nowhere");
}
