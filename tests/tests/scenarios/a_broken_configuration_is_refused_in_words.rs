//! Rosters, objectives and rates with a mistake in them: each is refused with its file, its line, the cause and the cure, by every
//! command that reads it; nothing is printed as if it were an answer.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::Output;

use onpace_tests::onpace::bare;
use serde_json::json;

const ROSTER: &str = "company: Acme
time_zone: Europe/Paris
currency: EUR
rates: rates.csv
teams:
  - { id: france, name: France }
  - { id: paris, name: Paris, parent: france }
people:
  - { id: marie, name: Marie, identities: [\"crm:1\"] }
  - { id: paul, name: Paul, identities: [\"crm:2\"] }
";
const OBJECTIVES: &str = "objectives:
  - id: calls
    kpi: prospecting_calls
    scope: { team: paris }
    target: 40
    period: quarter
    pace: { months: [30, 30, 40] }
  - { id: revenue, kpi: revenue_won, scope: company, target: 1000, period: month, from: 2026-01-01 }
";
const RATES: &str = "date,currency,rate\n2026-03-10,USD,0.9\n2026-03-17,USD,0.9\n";

/// A dollar deal, seven days after the last rate.
fn deal() -> String {
    json!({ "source": "crm", "kind": "deal", "entity": "crm:1", "occurred_at": "2026-03-24T10:00:00Z",
        "data": { "rep": "marie", "status": "won", "closed_at": "2026-03-24", "amount": { "value": "100", "currency": "USD" } } })
    .to_string()
}

/// A folder with the company's files and its one deal.
fn company() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("roster.yaml", ROSTER), ("objectives.yaml", OBJECTIVES), ("rates.csv", RATES), ("deal.ndjson", &format!("{}\n", deal()))]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let imported = run(folder.path(), &["import", "deal.ndjson", "--data", "data"]);
    assert!(imported.status.success(), "{imported:?}");
    folder
}

fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = bare(words[0]);
    command.args(&words[1..]).current_dir(folder).output().unwrap()
}

fn asked(folder: &Path, command: &[&str]) -> (bool, String, String) {
    let files = ["--roster", "roster.yaml", "--objectives", "objectives.yaml"];
    let output = run(folder, &[command, &files].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

const READERS: [&[&str]; 4] = [
    &["objectives", "--data", "data", "--at", "2026-03-25T10:00:00Z"],
    &["objectives", "check", "--data", "data"],
    &["rules", "--out", "out"],
    &["check", "--data", "data"],
];

#[test]
fn a_broken_configuration_is_refused_in_words() {
    let folder = company();
    for reader in READERS {
        // Whether the objectives are smart is another matter.
        let (good, _, said) = asked(folder.path(), reader);
        assert!((good || reader[1] == "check") && !said.contains(", line "), "{reader:?}: {said}");
    }
    for (file, from, to, words) in [
        (
            "objectives.yaml",
            "kpi: prospecting_calls",
            "kpi: prospecting_call",
            "objectives.yaml, line 3: there is no KPI `prospecting_call`; did you mean `prospecting_calls`?",
        ),
        (
            "objectives.yaml",
            "period: month",
            "period: { from: 2026-01-05 }",
            "objectives.yaml, line 8: a period needs an end: write `to`, its last day, as in { from: 2026-01-05, to: 2026-03-31 }; both days are included",
        ),
        (
            "objectives.yaml",
            "    period: quarter\n    pace: { months: [30, 30, 40] }\n",
            "",
            "objectives.yaml, line 2: an objective needs `period`, for a period needs an end: day, week, month, quarter, year, or { from: …, to: … }",
        ),
        (
            "objectives.yaml",
            "30, 30, 40",
            "30, 30, 39",
            "objectives.yaml, line 7: the shares of `months` add to 99 %; make them add to exactly 100 %",
        ),
        (
            "roster.yaml",
            "Europe/Paris",
            "Europe/Pari",
            "roster.yaml, line 2: there is no time zone `Europe/Pari`; did you mean `Europe/Paris`?",
        ),
        (
            "roster.yaml",
            "name: France }",
            "name: France, parent: paris }",
            "roster.yaml, line 6: teams hold each other in a circle: `france` (line 6) → `paris` (line 7) → `france`; take one `parent` out",
        ),
        (
            "roster.yaml",
            "crm:2",
            "crm:1",
            "roster.yaml, line 10: `crm:1` is `paul` here and `marie` on line 9; a name in `rep` is one person's: take it out of one of the two",
        ),
    ] {
        let folder = company();
        let path = folder.path().join(file);
        let good = std::fs::read_to_string(&path).unwrap();
        assert!(good.contains(from), "{from}");
        std::fs::write(&path, good.replacen(from, to, 1)).unwrap();
        for reader in READERS {
            let (good, printed, said) = asked(folder.path(), reader);
            let told = if reader[0] == "check" { &printed } else { &said };
            assert!(!good && told.contains(words), "{reader:?}\n{printed}{said}\nshould say: {words}");
            assert!(reader[0] == "check" || printed.is_empty(), "{reader:?} printed {printed}");
        }
    }
}

#[test]
fn a_rate_that_is_missing_for_more_than_a_week_is_named_with_file_line_day_and_cure() {
    let folder = company();
    let at = ["--data", "data", "--at", "2026-03-25T10:00:00Z"];
    let objectives = || asked(folder.path(), &[&["objectives"], &at[..]].concat());
    let kpis =
        || run(folder.path(), &[&["kpis", "--roster", "roster.yaml", "--currency", "EUR", "--kpi", "revenue_won"], &at[..]].concat());
    let (good, printed, _) = objectives();
    assert!(good && printed.contains("90.00 EUR"), "seven days before still serve: {printed}");
    assert!(kpis().status.success());
    // A day earlier, the rate is eight days old.
    std::fs::write(folder.path().join("rates.csv"), RATES.replace("2026-03-17", "2026-03-16")).unwrap();
    let words = "rates.csv has no rate of USD for 2026-03-24: the last one before is of 2026-03-16 (line 3), and a rate serves for 7 days; \
                 add a line `2026-03-24,USD,` with the rate";
    let (good, printed, said) = objectives();
    assert!(!good && said.contains(&format!("revenue can't be judged: {words}")), "{said}");
    assert!(!printed.contains("revenue"), "what can't be judged has no row: {printed}");
    let output = kpis();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(words) && output.stdout.is_empty(), "{said}");
}
