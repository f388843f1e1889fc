//! `credit: current` of a measure: every number of deals by whoever has them now, in every window, on events whose owners are
//! corrected, moved and cleared, equals the oracle's; and the built-in numbers beside it stay who had them then.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use onpace_tests::compare::compare;
use onpace_tests::generate::adversarial_set;
use onpace_tests::onpace::{Onpace, run};
use onpace_tests::oracle::{By, Oracle, Question};
use serde_json::{Value, json};

use crate::seeds::seeds;

/// A twin of every built-in measure and KPI, those of deals credited to the current rep.
fn twins() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../kpis/catalogue.yaml");
    let built_in: Value = serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let twin = |name: &str| format!("{name}{TWIN}");
    let section = |name: &str| built_in[name].as_object().unwrap().clone();
    let (mut measures, mut kpis) = (json!({}), json!({}));
    for (name, mut measure) in section("measures") {
        if measure["of"] == "deal" {
            measure["credit"] = json!("current");
        }
        measures[twin(&name)] = measure;
    }
    let names: Vec<String> = section("measures").into_iter().chain(section("kpis")).map(|(name, _)| name).collect();
    for (name, mut kpi) in section("kpis") {
        let mut formula = String::new();
        // A word of the formula that is a name becomes its twin.
        for word in kpi["formula"].as_str().unwrap().split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
            let bare = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            formula += &if names.iter().any(|name| name == bare) { word.replacen(bare, &twin(bare), 1) } else { word.to_owned() };
        }
        kpi["formula"] = formula.into();
        kpis[twin(&name)] = kpi;
    }
    // YAML is a superset of JSON.
    json!({"measures": measures, "kpis": kpis}).to_string()
}

const TWIN: &str = "_by_owner";

#[test]
fn a_catalogue_may_credit_whoever_has_the_deal_now() {
    for seed in seeds(4) {
        let set = adversarial_set(seed);
        let folder = tempfile::tempdir().unwrap();
        let (events, catalogue) = (folder.path().join("events.ndjson"), folder.path().join("own.yaml"));
        std::fs::write(&events, set.events.iter().map(|event| format!("{event}\n")).collect::<String>()).unwrap();
        std::fs::write(&catalogue, twins()).unwrap();
        let onpace = Onpace::embedded(&folder.path().join("data")).unwrap();
        onpace.import(&events).unwrap();

        let (now, then) = (Oracle::new(&set.events).crediting_current(), Oracle::new(&set.events));
        // Small sets may have no deal that changed hands.
        let differs = now.contributions() != then.contributions();
        assert!(differs || set.events.len() < 100, "seed {seed}: nobody's deals changed hands");
        for moment in &set.moments[..2] {
            for by in By::EVERY {
                let question = Question::new(moment.at, by, moment.zone);
                let answer = ask(&onpace, &question, &catalogue);
                let rows = answer["values"].as_array().unwrap();
                let (twins, built_in): (Vec<Value>, Vec<Value>) =
                    rows.iter().cloned().partition(|row| row["kpi"].as_str().unwrap().ends_with(TWIN));
                let twins: Vec<Value> = twins.into_iter().map(untwinned).collect();
                for (oracle, rows) in [(&now, twins), (&then, built_in)] {
                    let answer = json!({"at": answer["at"], "values": rows});
                    compare(oracle, &question, &answer).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                }
            }
        }
    }
}

fn untwinned(mut row: Value) -> Value {
    let name = row["kpi"].as_str().unwrap().trim_end_matches(TWIN).to_owned();
    row["kpi"] = name.into();
    row
}

fn ask(onpace: &Onpace, question: &Question, catalogue: &Path) -> Value {
    let mut command = onpace.command("kpis");
    command.args(["--by", question.by.name(), "--at", &question.at.to_string(), "--format", "json"]);
    command.args(["--time-zone", question.zone.iana_name().unwrap()]).arg("--catalogue").arg(catalogue);
    for window in &question.windows {
        command.args(["--window", window.name()]);
    }
    serde_json::from_slice(&run(&mut command).unwrap().stdout).unwrap()
}
