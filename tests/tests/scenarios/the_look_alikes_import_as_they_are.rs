//! The exports in `examples/`, as they are, on either engine: every number is what the CSV alone adds up to.

use std::path::{Path, PathBuf};

use onpace_tests::engine::{Engine, root};
use onpace_tests::exports::{Deals, answered, refused, undated};
use serde_json::json;

/// The zones in which the same dates are asked for. At 10:30 UTC it is the same day in all of them, and 30 days before that
/// the first of the dates has begun in all of them.
pub const ZONES: [&str; 4] = ["America/New_York", "Europe/Paris", "Asia/Kolkata", "Pacific/Auckland"];

/// What an export of deals must show at the end of a year.
pub struct Expected<'a> {
    /// The year.
    pub year: &'a str,
    /// Since ever.
    pub all: Deals,
    /// In the year's last quarter.
    pub quarter: Deals,
    /// In the 30 days that end with the year.
    pub month: Deals,
    /// A rep.
    pub rep: &'a str,
    /// The rep's own, since ever.
    pub of_rep: Deals,
    /// Rows without a date.
    pub undated: usize,
}

impl<'a> Expected<'a> {
    /// What the file alone says.
    pub fn of(file: &Path, year: &'a str, rep: &'a str) -> Expected<'a> {
        let end = format!("{year}-12-31");
        let closed = |from: &str, rep| Deals::closed(file, from, &end, rep);
        let (quarter, month) = (closed(&format!("{year}-10-01"), None), closed(&format!("{year}-12-02"), None));
        Expected { year, all: closed("", None), quarter, month, rep, of_rep: closed("", Some(rep)), undated: undated(file).len() }
    }
}

/// A copy of an export, beside which the import may write.
pub fn copied(file: &Path, engine: &Engine) -> PathBuf {
    let copy = engine.folder().join(file.file_name().expect("a file's name"));
    std::fs::copy(file, &copy).expect("a copy of the export");
    copy
}

/// Imports deals and holds all answers against what is expected.
pub fn deals_import(file: &Path, expected: &Expected<'_>) {
    let windows = ["all", "quarter", "30d"];
    for engine in Engine::both() {
        let copy = copied(file, &engine);
        let said = engine.import(&copy, "pipeline.jq", &[]);
        assert_eq!(said.status.code(), Some(1), "rows were refused: {}", String::from_utf8_lossy(&said.stderr));
        assert!(String::from_utf8_lossy(&said.stderr).contains(&format!("{} refused", expected.undated)));
        assert_eq!(refused(&copy), undated(&copy), "the rows without a date are refused by name");
        assert_eq!(undated(&copy).len(), expected.undated);

        let check = || {
            let (end, forenoon) = (format!("{}-12-31T23:59:59Z", expected.year), format!("{}-12-31T10:30:00Z", expected.year));
            for (at, zone) in std::iter::once((&end, "UTC")).chain(ZONES.map(|zone| (&forenoon, zone))) {
                let numbers = engine.kpis(at, zone, "company", &windows);
                expected.all.assert_shown(&numbers, "all", None, zone);
                expected.quarter.assert_shown(&numbers, "quarter", None, zone);
                expected.month.assert_shown(&numbers, "30d", None, zone);
                let by_rep = engine.kpis(at, zone, "rep", &["all"]);
                expected.of_rep.assert_shown(&by_rep, "all", Some(expected.rep), zone);
            }
            engine.kpis(&end, "UTC", "rep", &windows)
        };
        let once = check();
        engine.import(&copy, "pipeline.jq", &[]);
        assert_eq!(check(), once, "importing it again changes nothing");

        let open = engine.kpis(&format!("{}-12-31T23:59:59Z", expected.year), "UTC", "company", &["all"]);
        let created = open.get("deals_created", "all", None).as_u64().expect("a count");
        let date = format!("undated={}-12-31", expected.year);
        let said = engine.import(&copy, "pipeline.jq", &["--arg", &date]);
        assert!(said.status.success(), "given a date they are taken: {}", String::from_utf8_lossy(&said.stderr));
        let open = engine.kpis(&format!("{}-12-31T23:59:59Z", expected.year), "UTC", "company", &["all"]);
        assert_eq!(open.get("deals_created", "all", None), json!(created + expected.undated as u64));
        expected.all.assert_shown(&open, "all", None, "with the undated");
    }
}

/// Imports calls and holds the answer at an instant against what is expected.
pub fn calls_import(file: &Path, at: &str, (connected, talk_s): (u64, u64)) {
    for engine in Engine::both() {
        let copy = copied(file, &engine);
        for _again in 0..2 {
            let said = engine.import(&copy, "calls.jq", &[]);
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            let numbers = engine.kpis(at, "UTC", "company", &["all"]);
            assert_eq!(numbers.get("calls_connected", "all", None), json!(connected));
            assert_eq!(numbers.get("talk_time_s", "all", None), json!(talk_s));
        }
    }
}

#[test]
fn the_look_alike_deals_import_as_they_are() {
    let file = root().join("examples/pipeline.csv");
    let expected = Expected::of(&file, "2024", "Greta Lindqvist");
    assert!(expected.quarter.won > 0 && expected.month.won > 0 && expected.undated > 0, "the look-alike shows too little");
    deals_import(&file, &expected);
}

#[test]
fn the_look_alike_calls_import_as_they_are() {
    let file = root().join("examples/calls.csv");
    let sums = answered(&file);
    assert_eq!(sums, (244, 57_075), "as examples/README.md says");
    calls_import(&file, "2025-12-31T23:59:59Z", sums);
}
