//! The Alertmanager configuration: routes, inhibitions, receivers, and the templates of subjects and texts.
//!
//! In: a plan. Out: YAML and templates that Alertmanager 0.25 reads. What always holds: nobody is told that all is well because an alert
//! ended (that an objective is met, mended or on pace again is an alert of its own); an inhibition names its sides by labels that
//! both have. Never here: words about an objective: they come with the alert.

use onpace_kpis::roster::Language;
use onpace_schemas::Kind;

use super::receivers::{Receiver, within};
use super::{Plan, yaml};
use crate::expressions::{STANDSTILL, any_of};

/// News is sent once: it fires for an hour. Alertmanager remembers for 120 hours, and warns of what would be repeated later than that.
const NEVER_AGAIN: &str = "96h";
const NEWS: &str = "ObjectiveMissed|ObjectiveMet|ObjectiveMended|ObjectiveRecovered|PersonalBest";
const BEHIND: &str = "ObjectiveBehind|ObjectiveBehindUrgent";
const OPERATIONS: &str = "operations";

/// The configuration.
///
/// # Errors
/// A receiver that can't be written.
pub fn configuration(plan: &Plan<'_>) -> Result<String, String> {
    let mut out = String::from("# Written by `onpace rules`: change the roster or the objectives, then run it again.\n");
    out += &smtp(plan);
    out += "templates:\n- onpace.tmpl\n";
    let operations = operations(plan);
    out += &routes(plan, &operations.name);
    out += "inhibit_rules:\n";
    for rule in inhibitions(plan) {
        out += &rule;
    }
    out += "receivers:\n";
    out += &operations.write(plan)?;
    out += "# Always fires: give this receiver what misses it, such as a dead man's switch.\n- name: \"watchdog\"\n";
    for manager in &plan.roster.managers {
        let receiver = Receiver {
            name: format!("manager {}", manager.id),
            who: format!("the manager `{}`", manager.id),
            address: Some(&manager.address),
            language: manager.language,
            resolved: false,
        };
        out += &receiver.write(plan)?;
    }
    for person in plan.people_with_an_address() {
        let receiver = Receiver {
            name: format!("rep {}", person.id),
            who: format!("`{}`", person.id),
            address: Some(&person.address),
            language: person.language,
            resolved: false,
        };
        out += &receiver.write(plan)?;
    }
    Ok(out)
}

fn smtp(plan: &Plan<'_>) -> String {
    let Some(smtp) = &plan.roster.smtp else { return String::new() };
    let mut out = format!("global:\n  smtp_smarthost: {}\n  smtp_from: {}\n", yaml::quoted(&smtp.host), yaml::quoted(&smtp.from));
    if let Some(user) = &smtp.user {
        out += &format!("  smtp_auth_username: {}\n", yaml::quoted(user));
    }
    if let Some(file) = &smtp.password_file {
        out += &format!("  smtp_auth_password_file: {}\n", yaml::quoted(&within(&plan.settings.secrets_folder, file)));
    }
    out
}

/// Who hears of the pipeline: a manager by his address, or whoever is set up elsewhere.
fn operations<'a>(plan: &Plan<'a>) -> Receiver<'a> {
    let id = plan.roster.operations.as_deref();
    let manager = plan.roster.managers.iter().find(|manager| Some(manager.id.as_str()) == id);
    Receiver {
        name: match (manager, id) {
            (None, Some(id)) if id != "watchdog" => id.to_owned(),
            _ => OPERATIONS.to_owned(),
        },
        who: OPERATIONS.to_owned(),
        address: manager.map(|manager| &manager.address),
        language: manager.map_or(plan.roster.language, |manager| manager.language),
        resolved: true,
    }
}

fn routes(plan: &Plan<'_>, operations: &str) -> String {
    let mut out = format!(
        "route:\n  receiver: {operations}\n  group_by: [alertname]\n  group_wait: 30s\n  group_interval: 5m\n  repeat_interval: 4h\n  routes:\n  \
         - matchers: ['alertname=\"Watchdog\"']\n    receiver: watchdog\n    group_wait: 0s\n    group_interval: 1m\n    repeat_interval: 5m\n  \
         - matchers: ['audience=\"operations\"']\n    receiver: {operations}\n    group_by: [alertname, source, objective]\n    group_wait: 10s\n    \
         group_interval: 1m\n    repeat_interval: 4h\n",
        operations = yaml::quoted(operations)
    );
    let managers = plan.roster.managers.iter().map(|manager| ("manager", manager.id.as_str()));
    let people = plan.people_with_an_address();
    let people = people.iter().map(|person| ("rep", &*person.id));
    for (label, id) in managers.chain(people) {
        let matcher = |text: String| yaml::quoted(&text);
        out += &format!(
            "  - matchers: [{}, {}]\n    receiver: {}\n    group_by: [{label}, objective]\n    group_wait: 2m\n    group_interval: 15m\n    repeat_interval: 24h\n    routes:\n    \
             - matchers: ['alertname=\"PersonalBest\"']\n      group_by: [alertname, {label}]\n      group_wait: 2m\n      group_interval: 10m\n      repeat_interval: {NEVER_AGAIN}\n    \
             - matchers: ['alertname=~\"{NEWS}\"']\n      group_by: [alertname, {label}, objective]\n      group_wait: 2m\n      group_interval: 10m\n      repeat_interval: {NEVER_AGAIN}\n    \
             - matchers: ['importance=\"high\"']\n      group_wait: 30s\n      group_interval: 5m\n      repeat_interval: 8h\n",
            matcher(format!("audience=\"{label}\"")),
            matcher(format!("{label}={}", matched(id))),
            matcher(format!("{label} {id}")),
        );
    }
    out
}

/// A matcher's value.
fn matched(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn inhibition(why: &str, source: &[String], target: &[String], equal: &[&str]) -> String {
    let list = |matchers: &[String]| matchers.iter().map(|matcher| yaml::quoted(matcher)).collect::<Vec<_>>().join(", ");
    let equal = if equal.is_empty() { String::new() } else { format!("  equal: [{}]\n", equal.join(", ")) };
    format!("# {why}\n- source_matchers: [{}]\n  target_matchers: [{}]\n{equal}", list(source), list(target))
}

/// Which alert keeps which quiet. A missing label equals a missing one, so `equal` names none that both sides could lack, unless
/// others that both have say enough already: `objective` is on each of an objective's alerts.
fn inhibitions(plan: &Plan<'_>) -> Vec<String> {
    let name = |names: &str| format!("alertname=~\"{names}\"");
    let mut rules = vec![
        inhibition(
            "Urgent instead of plain.",
            &[name("ObjectiveBehindUrgent")],
            &[name("ObjectiveBehind")],
            &["audience", "manager", "objective", "rep", "team", "period"],
        ),
        inhibition(
            "A verdict ends a warning.",
            &[name("ObjectiveMissed|ObjectiveMet|ObjectiveMended")],
            &[name(BEHIND)],
            &["audience", "manager", "objective", "rep", "team", "period"],
        ),
        inhibition(
            "A rep's by his team's on the same KPI. What he is told himself is not: he doesn't hear of his team.",
            &[name(BEHIND), "scope=\"team\"".into(), "audience=\"manager\"".into(), "team!=\"\"".into()],
            &[name(BEHIND), "scope=\"rep\"".into(), "audience=\"manager\"".into()],
            &["kpi", "team"],
        ),
        inhibition(
            "Nobody hears of objectives because the pipeline stands still.",
            &[name(STANDSTILL)],
            &[name(&format!("{BEHIND}|{NEWS}|OnpaceSourceSilent|OnpaceObjectiveAbsent|OnpaceRulesOutdated"))],
            &[],
        ),
    ];
    for (number, team) in plan.roster.teams.iter().enumerate() {
        // A team holds its descendants. Where another manager hears of them, he still does.
        let same_manager = |at: usize| plan.roster.manager_of(Some(at)) == plan.roster.manager_of(Some(number));
        let within = (0..plan.roster.teams.len()).filter(|at| *at != number && plan.roster.is_within(*at, number) && same_manager(*at));
        let below: Vec<&str> = within.map(|at| &*plan.roster.teams[at].id).collect();
        if !below.is_empty() {
            rules.push(inhibition(
                "The same for the teams below one.",
                &[name(BEHIND), "scope=\"team\"".into(), "audience=\"manager\"".into(), format!("team={}", matched(&team.id))],
                &[
                    name(BEHIND),
                    "scope=\"rep\"".into(),
                    "audience=\"manager\"".into(),
                    format!("team=~{}", matched(&any_of(below.iter().copied()))),
                ],
                &["kpi"],
            ));
        }
    }
    for kind in Kind::ALL {
        let kind = kind.name();
        rules.push(inhibition(
            "A silent source keeps those quiet that it feeds.",
            &[name("OnpaceSourceSilent"), format!("kind=\"{kind}\"")],
            &[name(&format!("{BEHIND}|{NEWS}")), format!("kinds=~\"(.+,)?{kind}(,.+)?\"")],
            &[],
        ));
    }
    rules
}

/// Subjects and texts, by language.
pub fn templates() -> String {
    let flags = flags();
    let mut out = format!("{{{{ define \"onpace.priority\" }}}}{flags}{PRIORITY}{{{{ end }}}}\n");
    for language in [Language::En, Language::Fr] {
        let over = match language {
            Language::En => "Over",
            Language::Fr => "Terminé",
        };
        out += &format!(
            "{{{{ define \"onpace.{name}.title\" }}}}{flags}{{{{ if eq .Status \"resolved\" }}}}[{over}] {{{{ else if and $urgent $important }}}}[Urgent, important] \
             {{{{ else if $urgent }}}}[Urgent] {{{{ else if $important }}}}[Important] {{{{ end }}}}{SUBJECT}{{{{ end }}}}\n\
             {{{{ define \"onpace.{name}.text\" }}}}{BODY}{{{{ end }}}}\n",
            name = language.name(),
        );
    }
    out
}

/// Eisenhower's two sides. Urgent is an objective that says so, and whatever keeps all others from being judged.
fn flags() -> String {
    let urgent = STANDSTILL.replace('|', "\" \"");
    format!(
        "{{{{ $urgent := false }}}}{{{{ $important := false }}}}{{{{ range .Alerts.Firing }}}}\
         {{{{ if eq .Labels.alertname \"ObjectiveBehindUrgent\" \"{urgent}\" }}}}{{{{ $urgent = true }}}}{{{{ end }}}}\
         {{{{ if or (eq .Labels.importance \"high\") (eq .Labels.severity \"critical\") }}}}{{{{ $important = true }}}}{{{{ end }}}}{{{{ end }}}}"
    )
}
/// Urgent and important first, then what is important, then what is urgent.
const PRIORITY: &str = "{{ if and $urgent $important }}1{{ else if $important }}2{{ else if $urgent }}3{{ else }}4{{ end }}";
/// The first alert's title, and of how many it is one.
const SUBJECT: &str = "{{ range $at, $alert := .Alerts }}{{ if eq $at 0 }}{{ if $alert.Annotations.title }}{{ $alert.Annotations.title }}\
    {{ else }}{{ $alert.Annotations.summary }}{{ end }}{{ end }}{{ end }}{{ if gt (len .Alerts) 1 }} ({{ len .Alerts }}){{ end }}";
/// The title and the newest list of reps, or what each alert says; then where to look. What a person is told of himself begins with its summary.
const BODY: &str = "{{ $newest := \"\" }}{{ $list := \"\" }}{{ $title := \"\" }}{{ range .Alerts.Firing }}{{ if gt .Annotations.rendered_at $newest }}\
    {{ $newest = .Annotations.rendered_at }}{{ $list = .Annotations.list }}{{ $title = .Annotations.title }}{{ end }}{{ end }}{{ if $list }}{{ $title }}\n{{ $list }}\n\
    {{ else }}{{ range .Alerts }}{{ if and (ne .Labels.audience \"rep\") (ne .Annotations.description .Annotations.summary) }}{{ .Annotations.summary }}\n{{ end }}{{ .Annotations.description }}\n\
    {{ end }}{{ end }}{{ .CommonAnnotations.dashboard_url }}\n";
