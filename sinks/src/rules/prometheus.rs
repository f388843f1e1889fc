//! The Prometheus rules.
//!
//! In: a plan. Out: one file of rule groups: what is known of objectives, KPIs and teams; what is recorded of rows; verdicts; alerts.
//! Never here: expressions and words, which have modules of their own.

use onpace_kpis::objective::Objective;

use super::audience::Audience;
use super::{Plan, direction, importance, scope, yaml};
use crate::expressions;
use crate::messages::{self, News, RENDERED_AT, Texts};

/// The groups in the order in which one needs the other.
///
/// Prometheus evaluates each at moments of its own. So what one group reads of another is written every minute: a record of five
/// minutes is as old as what an expression looks back, or older while it is being worked out, and its readers are in its own group.
pub const GROUPS: [&str; 5] = ["onpace_facts", "onpace_rows", "onpace_verdicts", "onpace_objectives", "onpace_pipeline"];
/// The most of a file's seconds that a group may take is its interval; these are small. The pipeline's: what one scrape of a minute
/// said is seen three times at most, which is less than a minute from the first to the last, even if the next scrape is 6 s late.
const INTERVALS: [&str; 5] = ["1m", "1m", "5m", "1m", "22s"];

/// A rule, ready to be written.
struct Rule {
    head: String,
    expression: String,
    wait: Option<String>,
    keep: Option<&'static str>,
    labels: Vec<(&'static str, String)>,
    annotations: Vec<(&'static str, String)>,
}

impl Rule {
    fn record(name: &str, expression: String, labels: Vec<(&'static str, String)>) -> Rule {
        Rule { head: format!("record: {}", yaml::quoted(name)), expression, wait: None, keep: None, labels, annotations: Vec::new() }
    }

    fn write(&self) -> String {
        let mut out = format!("  - {}\n    expr: {}\n", self.head, yaml::text(&self.expression, 6));
        if let Some(wait) = &self.wait {
            out += &format!("    for: {wait}\n");
        }
        if let Some(keep) = self.keep {
            out += &format!("    keep_firing_for: {keep}\n");
        }
        for (name, pairs) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !pairs.is_empty() {
                out += &format!("    {name}:\n");
                for (key, value) in pairs {
                    out += &format!("      {key}: {}\n", yaml::text(value, 8));
                }
            }
        }
        out
    }
}

/// The file of rules.
pub fn rules(plan: &Plan<'_>) -> String {
    let recorded = |rules: Vec<(&'static str, String)>| -> Vec<Rule> {
        rules.into_iter().map(|(name, expression)| Rule::record(name, expression, Vec::new())).collect()
    };
    let audiences = plan.audiences();
    let groups = [
        facts(plan),
        recorded(expressions::rows(plan.company_manager())),
        recorded(expressions::verdicts(plan.company_manager()))
            .into_iter()
            .chain(audiences.iter().flat_map(|audience| news(plan, audience)))
            .collect(),
        audiences.iter().flat_map(|audience| behind(plan, audience)).collect(),
        pipeline(plan),
    ];
    let mut out = String::from("# Written by `onpace rules`: change the roster or the objectives, then run it again.\ngroups:\n");
    for ((name, interval), rules) in GROUPS.iter().zip(INTERVALS).zip(groups) {
        out += &format!("- name: {name}\n  interval: {interval}\n  rules:\n");
        rules.iter().for_each(|rule| out += &rule.write());
    }
    out
}

/// What the rules know of objectives, KPIs and teams, each a series of its own.
fn facts(plan: &Plan<'_>) -> Vec<Rule> {
    let one = || "vector(1)".to_owned();
    let about = |objective: &Objective| {
        let kpi = plan.kpi(objective);
        let currency = objective.currency.or(plan.roster.currency).filter(|_| kpi.unit.is_money());
        let labels = vec![
            ("objective", objective.id.to_string()),
            ("scope", scope(objective).to_owned()),
            ("importance", importance(objective).to_owned()),
            ("kinds", plan.kinds(objective)),
            ("direction", direction(objective).to_owned()),
            ("cycle", objective.period.name().to_owned()),
            ("currency", currency.map(|currency| currency.code().to_owned()).unwrap_or_default()),
        ];
        Rule::record("onpace:objective_about", one(), labels)
    };
    let mut rules: Vec<Rule> = plan.objectives.iter().map(about).collect();
    for (number, kpi) in plan.catalogue.kpis.iter().enumerate() {
        let wanted = plan.objectives.iter().any(|objective| usize::from(objective.kpi) == number);
        // A personal best, too, is only of what an objective wants.
        if wanted {
            let currency = plan.roster.currency.filter(|_| kpi.unit.is_money());
            let labels = vec![
                ("kpi", kpi.name.to_string()),
                ("unit", kpi.unit.name().to_owned()),
                ("en", messages::kpi(&kpi.name, onpace_kpis::roster::Language::En)),
                ("fr", messages::kpi(&kpi.name, onpace_kpis::roster::Language::Fr)),
                ("currency", currency.map(|currency| currency.code().to_owned()).unwrap_or_default()),
            ];
            rules.push(Rule::record("onpace:kpi_about", one(), labels));
        }
    }
    for (number, team) in plan.roster.teams.iter().enumerate() {
        let manager = plan.roster.manager_of(Some(number)).map(|manager| plan.roster.managers[manager].id.clone());
        let labels = vec![("team", team.id.to_string()), ("manager", manager.unwrap_or_default()), ("name", team.name.clone())];
        rules.push(Rule::record("onpace:team_manager", one(), labels));
    }
    rules
}

/// Prometheus's way to write a time: `10m`, `90s`.
pub fn duration(seconds: u32) -> String {
    if seconds > 0 && seconds.is_multiple_of(60) { format!("{}m", seconds / 60) } else { format!("{seconds}s") }
}

fn alert(plan: &Plan<'_>, audience: &Audience, name: &str, news: News, expression: String) -> Rule {
    let Texts { title, summary, description, list } = match audience.own {
        true => messages::to_person(news, audience.language, audience.style),
        false => messages::to_manager(news, audience.language, &plan.roster.company),
    };
    let mut annotations = vec![("title", title), ("summary", summary), ("description", description)];
    if let Some(list) = list {
        annotations.push(("list", list));
        annotations.push(("rendered_at", RENDERED_AT.to_owned()));
    }
    annotations.push(("dashboard_url", messages::address(&plan.settings.dashboard_url)));
    annotations.push(("runbook_url", messages::address(&format!("{}#{}", plan.settings.runbook_url, name.to_lowercase()))));
    Rule { head: format!("alert: {name}"), expression, wait: None, keep: None, labels: audience.labels(), annotations }
}

fn behind(plan: &Plan<'_>, audience: &Audience) -> Vec<Rule> {
    let rule = |name: &str, news| {
        let expression = expressions::behind(name, audience.name(), &audience.matcher, audience.by(), news == News::Urgent);
        let mut rule = alert(plan, audience, name, news, expression);
        rule.wait = Some(duration(plan.settings.wait_s));
        rule.keep = Some("1h");
        rule
    };
    let mut rules = vec![rule("ObjectiveBehind", News::Behind)];
    if !audience.own {
        rules.push(rule("ObjectiveBehindUrgent", News::Urgent));
    }
    rules
}

fn news(plan: &Plan<'_>, audience: &Audience) -> Vec<Rule> {
    let Audience { own, matcher, .. } = audience;
    let by = audience.by();
    let rule = |name: &str, news, expression| alert(plan, audience, name, news, expression);
    let mut rules = vec![
        rule("ObjectiveMissed", News::Missed, expressions::verdict("missed", matcher, by, false)),
        rule("ObjectiveMet", News::Met, expressions::verdict("met", matcher, by, !own)),
        rule("PersonalBest", News::Best, expressions::best(matcher, *own)),
    ];
    if !own {
        rules.push(rule("ObjectiveMended", News::Mended, expressions::turn("onpace:objective_mended_since", matcher, by)));
        rules.push(rule("ObjectiveRecovered", News::Recovered, expressions::turn("onpace:objective_recovered_since", matcher, by)));
    }
    rules
}

fn pipeline(plan: &Plan<'_>) -> Vec<Rule> {
    let language = plan.roster.language;
    let rule = |(name, expression): (&'static str, String)| {
        let (summary, description) = messages::to_operations(name, language);
        let (severity, wait, keep) = match name {
            "Watchdog" => ("none", None, None),
            "OnpaceObjectiveAbsent" | "OnpaceRulesOutdated" | "OnpaceMetricsIncomplete" => ("warning", Some("15m"), None),
            // What is found was looked at twice already.
            "OnpaceLogReplaced" | "OnpaceProcessorOutdated" => ("critical", None, Some("2m")),
            "OnpaceLogFoldedAnew" => ("warning", None, None),
            // Kept while the first scrapes after an outage come in.
            _ => ("critical", Some("1m"), Some("2m")),
        };
        Rule {
            head: format!("alert: {name}"),
            expression,
            wait: wait.map(str::to_owned),
            keep,
            labels: vec![("audience", "operations".into()), ("severity", severity.into())],
            annotations: vec![
                ("summary", summary.to_owned()),
                ("description", description),
                ("dashboard_url", messages::address(&plan.settings.dashboard_url)),
                ("runbook_url", messages::address(&format!("{}#{}", plan.settings.runbook_url, name.to_lowercase()))),
            ],
        }
    };
    expressions::pipeline().into_iter().map(rule).collect()
}
