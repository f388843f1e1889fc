//! `onpace kpis` on terminals of any width: names instead of ids, KPIs as columns, no line wider than the terminal, no number cut; piped, a
//! line a rep and nothing left out.

use std::path::Path;
use std::process::Command;

use onpace_tests::onpace::{bare, binary, run};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

const ROSTER: &str = "time_zone: Europe/Paris\nteams: [{ id: t1, name: Équipe de Paris }]\npeople:\n  \
    - { id: p1, name: Marie Curie, identities: [\"crm:1\"], teams: [{ team: t1 }] }\n  \
    - { id: p2, name: Wolfeschlegelsteinhausenbergerdorff-Müller-Lüdenscheidt the Third of That Name, teams: [{ team: t1 }] }\n  \
    - { id: p3, name: זאב לב, teams: [{ team: t1 }] }\n  - { id: p4, name: 李雷与韩梅梅, teams: [{ team: t1 }] }\n  \
    - { id: p5, name: \"Esc\\u202eape\", teams: [{ team: t1 }] }\n";
const NAMES: [&str; 4] = ["Marie Curie", "Wolfe", "זאב לב", "李雷与韩梅梅"];
const KINDS: [(&str, &str); 3] = [("call", "started_at"), ("meeting", "starts_at"), ("email", "sent_at")];

fn events() -> String {
    let mut lines = String::new();
    for (at, rep) in ["crm:1", "p2", "p3", "p4", "p5"].iter().enumerate() {
        for n in 0..(at + 1) * 3 {
            for (kind, when) in KINDS {
                let mut data = json!({ "rep": rep, when: format!("2025-0{}-05T10:00:00+01:00", n % 3 + 1) });
                match kind {
                    "call" => data["outcome"] = "connected".into(),
                    "meeting" => data["status"] = "held".into(),
                    _ => data["replied_at"] = "2025-03-06T10:00:00+01:00".into(),
                }
                let entity = format!("{kind}-{at}-{n}");
                lines += &format!(
                    "{}\n",
                    json!({ "source": "a", "kind": kind, "entity": entity, "occurred_at": "2025-01-01T10:00:00Z", "data": data })
                );
            }
            let deal = json!({ "rep": rep, "status": "won", "closed_at": format!("2025-0{}-15", n % 3 + 1), "product": "Pro",
                "amount": { "value": "1234567.89", "currency": if n % 2 == 0 { "EUR" } else { "USD" } } });
            lines += &format!(
                "{}\n",
                json!({ "source": "a", "kind": "deal", "entity": format!("d-{at}-{n}"), "occurred_at": "2025-01-01T10:00:00Z", "data": deal })
            );
        }
    }
    lines
}

/// What a command prints on a terminal of so many columns, line by line.
fn on_terminal(folder: &Path, columns: usize, words: &str) -> Vec<String> {
    let line = format!("stty cols {columns} rows 50; exec {} {words}", binary().expect("a binary").display());
    let output =
        Command::new("script").args(["-qec", &line, "/dev/null"]).current_dir(folder).env_remove("COLUMNS").output().expect("script runs");
    assert!(output.status.success(), "{words}: {output:?}");
    String::from_utf8(output.stdout).expect("text").replace('\r', "").lines().map(str::to_owned).collect()
}

#[test]
fn the_table_fits_the_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("roster.yaml", ROSTER), ("events.ndjson", &events())] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    run(bare("import").args(["events.ndjson", "--data", "data"]).current_dir(folder.path())).expect("imported");
    let kpis = "kpis --data data --roster roster.yaml --at 2025-03-31";
    for columns in [60, 80, 120, 200] {
        for (what, more) in [
            ("by rep", "--by rep"),
            ("by rep, wide", "--by rep --wide --zeros --window year --window today"),
            ("by team", "--by team --window quarter"),
            ("by product", "--by product --window all"),
            ("a year of months", "--by rep --period 2025 --every month --kpi revenue_won --kpi calls_made"),
            ("days", "--window month --every day"),
            ("the company", "--window all --window 7d"),
        ] {
            let lines = on_terminal(folder.path(), columns, &format!("{kpis} {more}"));
            let wide = lines.iter().find(|line| line.width() > columns);
            assert!(wide.is_none(), "{what} at {columns}: {} columns: {wide:?}", wide.map_or(0, |line| line.width()));
            assert!(!lines.iter().any(|line| line.contains('\u{1b}')), "{what}: {lines:?}");
            assert!(lines.len() > 4, "{what} at {columns}: {lines:?}");
        }
        let lines = on_terminal(folder.path(), columns, &format!("{kpis} --by rep --window quarter"));
        let text = lines.join("\n");
        for name in NAMES {
            assert!(text.contains(name), "{name} at {columns}:\n{text}");
        }
        for cell in ["3,703,703.67 EUR", "6,172,839.45 EUR", "7,407,407.34", "100.0 %", "Esc\u{fffd}ape"] {
            assert!(text.contains(cell), "{cell} at {columns}:\n{text}");
        }
        assert!(!text.contains("p1") && !text.contains("crm:1") && !text.contains("calls_made"), "names, not ids:\n{text}");
        // A rule stands under the headings, none after each row.
        let rules = lines.iter().filter(|line| line.starts_with('─')).count();
        assert!(rules * 4 < lines.len(), "{rules} rules in {} lines:\n{text}", lines.len());
    }
    let narrow = on_terminal(folder.path(), 60, &format!("{kpis} --by rep --window quarter")).len();
    assert!(
        narrow > on_terminal(folder.path(), 200, &format!("{kpis} --by rep --window quarter")).len(),
        "columns that don't fit stand below"
    );

    // Piped: a line a rep, whole names, every column that was asked for.
    let piped = |more: &[&str]| {
        let output = run(bare("kpis")
            .args(["--data", "data", "--roster", "roster.yaml", "--at", "2025-03-31"])
            .args(more)
            .current_dir(folder.path()))
        .expect("kpis");
        String::from_utf8(output.stdout).expect("text")
    };
    let text = piped(&["--by", "rep", "--window", "quarter"]);
    let line = text.lines().find(|line| line.contains("of That Name")).unwrap_or_else(|| panic!("a whole name:\n{text}"));
    assert!(line.contains(" + ") && line.contains("EUR") && line.contains("USD"), "{line}");
    assert_eq!(text.lines().filter(|line| line.contains("Marie Curie")).count(), 1, "{text}");
    // A series adds up to its whole, in the order of time; CSV and JSON say everything by ids.
    let csv = piped(&["--by", "rep", "--rep", "p1", "--period", "2025-Q1", "--every", "month", "--kpi", "calls_made", "--format", "csv"]);
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(
        rows.iter().map(|row| row.split(',').nth(1).unwrap_or_default()).collect::<Vec<_>>(),
        ["2025-01", "2025-02", "2025-03"],
        "{csv}"
    );
    assert!(rows.iter().all(|row| row.contains(",p1,") && row.ends_with(",1,count")), "{csv}");
    let everything = piped(&["--by", "rep", "--format", "csv"]);
    let measured: std::collections::BTreeSet<&str> = everything.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert!(measured.len() > 30 && everything.contains(",today,") && everything.contains(",month,"), "{measured:?}");
}
