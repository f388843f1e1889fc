//! What mutes what, by a real Alertmanager with what `onpace rules` writes: each inhibition at work, and what it must leave alone: other
//! reps, teams, managers, periods, KPIs, the rep's own message, alerts that both lack a label, names that are patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use onpace_tests::monitoring::{Alertmanager, Version};
use onpace_tests::servers::wait_until;
use serde_json::{Map, Value, json};

use crate::hostile::{MANAGER, REP, written};

/// Muted along with whatever is tried, so that it is seen when that is at work.
const CANARY: &str = "the canary";
const LIMIT: Duration = Duration::from_secs(60);

/// An alert's labels, as Prometheus sends them: none that is empty.
fn alert(name: &str, labels: &str) -> Value {
    let mut all = Map::new();
    all.insert("alertname".into(), name.into());
    for pair in labels.split(' ').filter(|pair| !pair.is_empty()) {
        let (label, value) = pair.split_once('=').expect("label=value");
        all.insert(label.into(), value.replace("REP", REP).replace("MANAGER", MANAGER).into());
    }
    Value::Object(all)
}

/// To the manager of Paris about Marie, but for what `labels` say.
fn about_marie(name: &str, labels: &str) -> Value {
    let ours = "audience=manager manager=luc objective=calls kpi=calls_made kinds=call period=2026-11-02 rep=marie team=paris scope=rep importance=normal";
    let mut all = alert(name, ours);
    let changes = alert(name, labels);
    for (label, value) in changes.as_object().into_iter().flatten() {
        all[label] = value.clone();
    }
    // `label=-` takes one away.
    let all = all.as_object().expect("labels").clone().into_iter().filter(|(_, value)| *value != "-");
    Value::Object(all.collect())
}

/// Whoever may be muted.
fn targets() -> BTreeMap<&'static str, Value> {
    let behind = |labels: &str| about_marie("ObjectiveBehind", labels);
    BTreeMap::from([
        (CANARY, behind("objective=canary kpi=canary kinds=- rep=- team=-")),
        ("marie", behind("")),
        ("marie's revenue", behind("objective=revenue kpi=revenue_won kinds=deal")),
        ("marie's velocity", behind("objective=velocity kpi=sales_velocity kinds=call,deal")),
        ("marie, the week after", behind("period=2026-11-09")),
        ("marie herself", behind("audience=rep manager=-")),
        ("a rep whose name is a pattern", behind("rep=REP")),
        ("a rep of lyon", behind("rep=paul team=lyon")),
        ("a rep of corsica, whose manager is another", behind("rep=zoe team=corsica manager=MANAGER")),
        ("a rep of berlin", behind("rep=bob team=berlin manager=MANAGER objective=calls-berlin")),
        ("a rep of x|y", behind("rep=anne team=x|y")),
        ("a rep of x", behind("rep=noe team=x")),
        ("a rep without a team", behind("rep=lea team=-")),
        ("a rep of unrostered", behind("rep=lea team=unrostered")),
        ("the company", behind("rep=- team=- scope=company objective=company-calls")),
        ("the company's other", behind("rep=- team=- scope=company objective=company-more")),
        ("team paris", behind("rep=- scope=team objective=team-meetings kpi=meetings_held kinds=meeting")),
        ("marie missed it", about_marie("ObjectiveMissed", "period=2026-10-26")),
        ("marie met it herself", about_marie("ObjectiveMet", "audience=rep manager=- period=2026-10-26")),
        (
            "marie's best",
            alert("PersonalBest", "audience=manager manager=luc rep=marie team=paris kpi=calls_made span=day period=2026-11-03"),
        ),
        ("a silent source", alert("OnpaceSourceSilent", "audience=operations source=mail kind=email severity=critical")),
        ("an absent objective", alert("OnpaceObjectiveAbsent", "audience=operations objective=calls severity=warning")),
        ("outdated rules", alert("OnpaceRulesOutdated", "audience=operations objective=calls severity=warning")),
        ("the watchdog", alert("Watchdog", "audience=operations severity=none")),
    ])
}

pub fn holds() {
    let folder = written();
    let alertmanager = Alertmanager::start(Version::Newest, folder.path());
    let targets = targets();
    let until = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
    let posted = |labels: &Value, ends: &str| json!({ "labels": labels, "endsAt": ends, "annotations": {} });
    alertmanager.post(&targets.values().map(|labels| posted(labels, &until)).collect());
    let muted = || -> BTreeSet<&str> {
        let alerts = alertmanager.alerts();
        let is_muted = |labels: &Value| {
            alerts
                .iter()
                .any(|alert| alert["labels"] == *labels && alert["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty()))
        };
        targets.iter().filter(|(_, labels)| is_muted(labels)).map(|(name, _)| *name).collect()
    };
    wait_until("all are there", LIMIT, || alertmanager.alerts().len() == targets.len());
    assert_eq!(muted(), BTreeSet::new(), "nothing is muted by itself");

    let objectives: Vec<&str> = targets
        .iter()
        .filter(|(_, labels)| !labels["alertname"].as_str().is_some_and(|name| name.starts_with("Onpace") || name == "Watchdog"))
        .map(|(name, _)| *name)
        .collect();
    let everything = [&objectives[..], &["a silent source", "an absent objective", "outdated rules"]].concat();
    let with_kind = |kind: &str| -> Vec<&str> {
        let fed = |name: &&str| targets[name]["kinds"].as_str().is_some_and(|kinds| kinds.split(',').any(|one| one == kind));
        objectives.iter().copied().filter(fed).collect()
    };
    let team = |labels: &str| about_marie("ObjectiveBehind", &format!("rep=- scope=team objective=a-team {labels}"));
    let paris = ["marie", "marie, the week after", "a rep whose name is a pattern"];
    let sources: Vec<(&str, Value, Vec<&str>)> = vec![
        ("urgent", about_marie("ObjectiveBehindUrgent", ""), vec!["marie"]),
        ("urgent, a name that is a pattern", about_marie("ObjectiveBehindUrgent", "rep=REP"), vec!["a rep whose name is a pattern"]),
        (
            "urgent for the company, which has neither rep nor team",
            about_marie("ObjectiveBehindUrgent", "rep=- team=- scope=company objective=company-calls"),
            vec!["the company"],
        ),
        (
            "urgent, of a manager whose name is a pattern",
            about_marie("ObjectiveBehindUrgent", "rep=bob team=berlin manager=MANAGER objective=calls-berlin"),
            vec!["a rep of berlin"],
        ),
        ("urgent, where nobody manages", about_marie("ObjectiveBehindUrgent", "manager=-"), vec![]),
        ("missed", about_marie("ObjectiveMissed", ""), vec!["marie"]),
        ("met", about_marie("ObjectiveMet", "period=2026-11-09"), vec!["marie, the week after"]),
        ("mended", about_marie("ObjectiveMended", ""), vec!["marie"]),
        ("met, told to herself", about_marie("ObjectiveMet", "audience=rep manager=-"), vec!["marie herself"]),
        ("team paris", team(""), paris.to_vec()),
        ("team paris, urgent", about_marie("ObjectiveBehindUrgent", "rep=- scope=team objective=a-team"), paris.to_vec()),
        ("team paris, another KPI", team("kpi=revenue_won kinds=deal"), vec!["marie's revenue"]),
        ("team france, with those below it of the same manager", team("team=france"), [&paris[..], &["a rep of lyon"]].concat()),
        ("team corsica", team("team=corsica manager=MANAGER"), vec!["a rep of corsica, whose manager is another"]),
        ("a team whose name is a pattern, with x|y below it", team("team=.*"), vec!["a rep of x|y"]),
        ("the log is away", alert("OnpacePipelineDown", "audience=operations severity=critical"), everything.clone()),
        ("the store is away", alert("OnpaceStoreDown", "audience=operations severity=critical"), everything),
        (
            "calls are silent",
            alert("OnpaceSourceSilent", "audience=operations source=phone kind=call severity=critical"),
            with_kind("call"),
        ),
        ("a team's that lacks its team", team("team=-"), vec![]),
        ("a rep's on the same KPI and team", about_marie("ObjectiveBehind", "rep=luc objective=another"), vec![]),
        ("team paris, told to somebody else", team("audience=rep"), vec![]),
        ("team paris missed it", about_marie("ObjectiveMissed", "rep=- scope=team objective=a-team"), vec![]),
        ("recovered", about_marie("ObjectiveRecovered", ""), vec![]),
        (
            "a best",
            alert("PersonalBest", "audience=manager manager=luc rep=marie team=paris kpi=calls_made span=day period=2026-11-02"),
            vec![],
        ),
        ("a source that lacks its kind", alert("OnpaceSourceSilent", "audience=operations source=phone severity=critical"), vec![]),
        ("an absent objective", alert("OnpaceObjectiveAbsent", "audience=operations objective=calls severity=critical"), vec![]),
        ("the watchdog", alert("Watchdog", "audience=operations objective=calls severity=none kind=call team=paris"), vec![]),
        ("deals are silent", alert("OnpaceSourceSilent", "audience=operations source=crm kind=deal severity=critical"), with_kind("deal")),
    ];
    let canary = about_marie("ObjectiveBehindUrgent", "objective=canary kpi=canary kinds=- rep=- team=-");
    for (what, labels, expected) in sources {
        let expected: BTreeSet<&str> = expected.into_iter().chain([CANARY]).collect();
        alertmanager.post(&json!([posted(&labels, &until), posted(&canary, &until)]));
        wait_until("it is at work", LIMIT, || muted().contains(CANARY));
        assert_eq!(muted(), expected, "{what}");
        let now = Timestamp::now().to_string();
        alertmanager.post(&json!([posted(&labels, &now), posted(&canary, &now)]));
        wait_until("it is over", LIMIT, || muted().is_empty());
    }
}
