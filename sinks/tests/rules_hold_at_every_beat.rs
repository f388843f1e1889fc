//! What `onpace rules` writes holds on the oldest and the newest Prometheus, by whatever beat up to a minute onpace is scraped:
//! nothing that counts lies on the left edge of a range, which Prometheus 2 takes in and Prometheus 3 leaves out; no group reads what
//! another writes too seldom; and one scrape that failed alarms nobody.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod company;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use onpace_kpis::Catalogue;
use onpace_kpis::objective::{Period, Scope};
use serde_yaml_ng::Value;

/// A small company, so that much can be played through: one of each rule, without its words, which play no part here.
fn written(folder: &Path) -> (Value, BTreeMap<String, String>) {
    let catalogue = Catalogue::built_in().unwrap();
    let mut roster = company::roster(1, "http://127.0.0.1:9/hook");
    roster.people[0].address = onpace_kpis::roster::Address::default();
    roster.managers.truncate(1);
    roster.teams.truncate(2);
    roster.operations = None;
    let objective = company::objective(&catalogue, "calls", "calls_made", Scope::Rep(0), Period::Week);
    let files: BTreeMap<_, _> = company::written(folder, &roster, &[objective]).into_iter().collect();
    let mut rules: Value = serde_yaml_ng::from_str(&files["onpace.rules.yml"]).unwrap();
    for group in rules["groups"].as_sequence_mut().unwrap() {
        for rule in group["rules"].as_sequence_mut().unwrap() {
            rule.as_mapping_mut().unwrap().remove("annotations");
        }
    }
    std::fs::write(folder.join("onpace.rules.yml"), serde_yaml_ng::to_string(&rules).unwrap()).unwrap();
    (rules, files)
}

/// `4m59s` in seconds, where it is a length of time.
fn seconds(text: &str) -> Option<u32> {
    let mut total = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, unit) = rest.split_at(rest.find(|letter: char| !letter.is_ascii_digit())?);
        let each = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        total += number.parse::<u32>().ok()? * each;
        rest = &unit[1..];
    }
    (!text.is_empty()).then_some(total)
}

#[test]
fn no_range_ends_on_a_beat() {
    let folder = tempfile::tempdir().unwrap();
    let (_, files) = written(folder.path());
    let text = &files["onpace.rules.yml"];
    let ranges: BTreeSet<&str> = text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(range, _)| range).collect();
    let ranges: BTreeMap<&str, u32> = ranges.into_iter().filter_map(|range| Some((range, seconds(range)?))).collect();
    assert!(ranges.len() > 2, "{ranges:?}");
    let on_a_beat: Vec<_> = ranges.iter().filter(|(_, seconds)| seconds.is_multiple_of(15)).collect();
    assert!(on_a_beat.is_empty(), "a sample of every 15, 30 or 60 s may lie on the left edge of {on_a_beat:?}");
}

/// The records that a text speaks of, and the alerts by their `alertname`.
fn reads(text: &str) -> BTreeSet<String> {
    let records = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'));
    let records = records.filter(|word| word.starts_with("onpace:")).map(str::to_owned);
    let alerts = text.split("alertname=").skip(1).map(|rest| rest.trim_start_matches(['~', '\\', '"']));
    let alerts = alerts.filter_map(|rest| rest.split(['"', '\\']).next()).flat_map(|names| names.split('|')).map(str::to_owned);
    records.chain(alerts).collect()
}

#[test]
fn what_one_group_reads_of_another_is_written_every_minute() {
    let folder = tempfile::tempdir().unwrap();
    let (_, files) = written(folder.path());
    let rules: Value = serde_yaml_ng::from_str(&files["onpace.rules.yml"]).unwrap();
    let groups = rules["groups"].as_sequence().unwrap();
    let mut written: BTreeMap<&str, (&str, u32)> = BTreeMap::new();
    for group in groups {
        let (name, every) = (group["name"].as_str().unwrap(), seconds(group["interval"].as_str().unwrap()).unwrap());
        for rule in group["rules"].as_sequence().unwrap() {
            written.insert(rule["record"].as_str().or(rule["alert"].as_str()).unwrap(), (name, every));
        }
    }
    let mut seen = 0;
    for group in groups {
        let reader = group["name"].as_str().unwrap();
        for rule in group["rules"].as_sequence().unwrap() {
            for name in reads(&serde_yaml_ng::to_string(rule).unwrap()) {
                let (writer, every) = written.get(name.as_str()).unwrap_or_else(|| panic!("nobody writes {name}"));
                assert!(*writer == reader || *every <= 60, "{reader} reads {name}, which {writer} writes every {every} s only");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// When onpace is scraped: every so many seconds, so many after the full minute.
#[derive(Clone, Copy, Debug)]
struct Beat {
    every: usize,
    phase: usize,
}

/// What a scrape finds in promtool's writing of values, one a minute: a value, `stale`, or `_` for nothing.
fn minutes(values: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for word in values.split_whitespace() {
        match word.split_once('x') {
            // Nothing, so many times; a value, and the same so many times more.
            Some(("_", times)) => out.extend(std::iter::repeat_n("_", times.parse().unwrap())),
            Some((value, times)) => out.extend(std::iter::repeat_n(value, times.parse::<usize>().unwrap() + 1)),
            None => out.push(word),
        }
    }
    out
}

/// The same, scraped by a beat: between two samples lie `unit` seconds.
fn scraped(values: &str, beat: Beat) -> (usize, String) {
    let unit = if beat.phase == 0 {
        beat.every
    } else {
        (1..=beat.phase).rev().find(|unit| beat.phase.is_multiple_of(*unit) && beat.every.is_multiple_of(*unit)).unwrap()
    };
    let minutes = minutes(values);
    let at = |second: usize| -> &str {
        let due = second >= beat.phase && (second - beat.phase).is_multiple_of(beat.every);
        let found = minutes[second / 60];
        // That something is gone is noticed once.
        let again = found == "stale" && second % 60 >= beat.every;
        if due && !again { found } else { "_" }
    };
    let mut out = String::new();
    let all: Vec<&str> = (0..minutes.len() * 60 / unit).map(|slot| at(slot * unit)).collect();
    for run in all.chunk_by(|one, other| one == other) {
        let _ = match (run[0], run.len()) {
            ("stale", times) => write!(out, "{}", "stale ".repeat(times)),
            ("_", times) => write!(out, "_x{times} "),
            (value, times) => write!(out, "{value}x{} ", times - 1),
        };
    }
    (unit, out.trim_end().to_owned())
}

#[test]
fn a_beat_scrapes_what_there_is() {
    let at = |every, phase| scraped("1x1 stale _x1 0", Beat { every, phase });
    assert_eq!(minutes("1x1 stale _x1 0"), ["1", "1", "stale", "_", "0"]);
    assert_eq!(at(60, 0), (60, "1x1 stale _x1 0x0".into()));
    assert_eq!(at(30, 0), (30, "1x3 stale _x3 0x1".into()));
    assert_eq!(at(30, 10), (10, "_x1 1x0 _x2 1x0 _x2 1x0 _x2 1x0 _x2 stale _x11 0x0 _x2 0x0 _x1".into()));
    assert_eq!(at(60, 20), (20, "_x1 1x0 _x2 1x0 _x2 stale _x5 0x0 _x1".into()));
}

/// Plays a file of tests by another beat of scrapes.
fn holds(version: &str, folder: &Path, file: &str, text: &str, beat: Beat) {
    let mut tests: Value = serde_yaml_ng::from_str(text).unwrap();
    for test in tests["tests"].as_sequence_mut().unwrap() {
        let mut between = 0;
        for series in test["input_series"].as_sequence_mut().unwrap() {
            let (unit, values) = scraped(series["values"].as_str().unwrap(), beat);
            series["values"] = values.into();
            between = unit;
        }
        test["interval"] = format!("{between}s").into();
    }
    let name = format!("{}-{}-{}.yml", file.trim_end_matches(".yml"), beat.every, beat.phase);
    std::fs::write(folder.join(&name), serde_yaml_ng::to_string(&tests).unwrap()).unwrap();
    company::accepted(version, "promtool", &["test", "rules", &name], folder);
}

#[test]
fn every_situation_is_told_alike_at_every_beat() {
    let folder = tempfile::tempdir().unwrap();
    let (_, files) = written(folder.path());
    let [newest, oldest] = company::VERSIONS;
    // Every minute, on the minute, is what the files themselves have.
    for (version, every, phase) in [(newest, 15, 0), (newest, 60, 20), (oldest, 30, 0)] {
        for file in ["onpace_hours_test.yml", "onpace_minutes_test.yml"] {
            holds(version, folder.path(), file, &files[file], Beat { every, phase });
        }
    }
}

/// The pipeline's rules alone, and how often they are evaluated.
fn pipeline(folder: &Path, rules: &Value) -> String {
    let groups = rules["groups"].as_sequence().unwrap();
    let needed = |group: &&Value| ["onpace_facts", "onpace_pipeline"].contains(&group["name"].as_str().unwrap());
    let groups: Vec<&Value> = groups.iter().filter(needed).collect();
    let text = serde_yaml_ng::to_string(&BTreeMap::from([("groups", &groups)])).unwrap();
    std::fs::write(folder.join("onpace.rules.yml"), text).unwrap();
    groups.last().unwrap()["interval"].as_str().unwrap().to_owned()
}

#[test]
fn a_failed_scrape_alarms_nobody_and_a_second_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (rules, _) = written(folder);
    let every = pipeline(folder, &rules);
    let mut tests = String::new();
    for (series, alert) in [("onpace_store_up", "OnpaceStoreDown"), ("onpace_log_up", "OnpacePipelineDown")] {
        // At every fourth second of a minute; what comes after a failure comes late, as a large answer after a quick refusal does.
        for (phase, late, failed) in (0..60).step_by(4).flat_map(|phase| [(phase, 0, 1), (phase, 5, 1), (phase, 5, 2)]) {
            let nothing = |times: usize| if times == 0 { String::new() } else { format!("_x{times} ") };
            let minutes = |value: &str, times| format!("{value} _x59 ").repeat(times);
            let values = nothing(phase) + &minutes("1", 3) + &minutes("0", failed) + &nothing(late) + &minutes("1", 3);
            let _ = writeln!(
                tests,
                r#"- name: {alert}, {failed} failed at {phase} s, the next {late} s late
  interval: 1s
  input_series:
  - {{ series: {series}, values: '{values}' }}
  - {{ series: onpace_pipeline_up, values: '1x400' }}
  - {{ series: 'up{{job="onpace"}}', values: '1x400' }}
  promql_expr_test:
  - expr: max_over_time(count(ALERTS{{alertstate="firing",alertname="{alert}"}})[6m:1s]) or vector(0)
    eval_time: 400s
    exp_samples: [{{ value: {}, labels: '{{}}' }}]"#,
                failed - 1
            );
        }
    }
    let text = format!("rule_files: [onpace.rules.yml]\nevaluation_interval: {every}\ntests:\n{tests}");
    std::fs::write(folder.join("late.yml"), text).unwrap();
    for version in company::VERSIONS {
        company::accepted(version, "promtool", &["test", "rules", "late.yml"], folder);
    }
}
