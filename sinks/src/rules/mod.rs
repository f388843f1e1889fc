//! Alerts as files: Prometheus rules, their tests, the Alertmanager configuration and its templates.
//!
//! ```text
//! Roster, objectives, catalogue ─Plan─► onpace.rules.yml and its tests, alertmanager.yml, onpace.tmpl
//! ```
//!
//! In: what a company wants and who hears of it. Out: the files' texts, the same to the byte for the same input. What always holds: no
//! value, state or urgency is in an alert's labels; the number of rules grows with objectives and teams, never with people; no secret
//! is in the output, only the names of the files that hold them.
//! Never here: files, clocks; which state an objective is in.

mod alertmanager;
mod audience;
mod prometheus;
mod promtool;
mod receivers;
mod situations;
mod yaml;

use onpace_kpis::objective::{Direction, Importance, Objective, Scope};
use onpace_kpis::roster::{Person, Roster};
use onpace_kpis::{Catalogue, Kpi};

use audience::Audience;

/// How the files are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For how long an objective is behind before anybody is told, s.
    pub wait_s: u32,
    /// Where to look: the dashboard's address.
    pub dashboard_url: String,
    /// Where it is written what to do about an alert; the alert's name follows after `#`.
    pub runbook_url: String,
    /// What is put before the names of files with secrets that don't begin with `/`: the roster's folder. Where it is empty,
    /// Alertmanager looks for them beside its configuration.
    pub secrets_folder: String,
    /// What will read the configuration.
    pub alertmanager: Alertmanager,
}

/// What an Alertmanager can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alertmanager {
    /// 0.25 and later.
    #[default]
    V0_25,
    /// 0.26 and later, which read the address of a webhook from a file.
    V0_26,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            wait_s: 600,
            dashboard_url: "http://localhost:8080/".into(),
            runbook_url: "https://github.com/onpace/onpace/blob/main/docs/alerts.md".into(),
            secrets_folder: String::new(),
            alertmanager: Alertmanager::V0_25,
        }
    }
}

/// The files of these objectives: names and texts.
///
/// # Errors
/// A receiver that this Alertmanager can't be given, and what would do instead.
pub fn generate(
    roster: &Roster,
    objectives: &[Objective],
    catalogue: &Catalogue,
    settings: &Settings,
) -> Result<Vec<(String, String)>, String> {
    let plan = Plan { roster, objectives, catalogue, settings };
    let mut files = vec![
        ("alertmanager.yml".into(), alertmanager::configuration(&plan)?),
        ("onpace.rules.yml".into(), prometheus::rules(&plan)),
        ("onpace.tmpl".into(), alertmanager::templates()),
    ];
    files.extend(promtool::tests(&plan));
    Ok(files)
}

/// What the files are written from.
struct Plan<'a> {
    roster: &'a Roster,
    objectives: &'a [Objective],
    catalogue: &'a Catalogue,
    settings: &'a Settings,
}

impl<'a> Plan<'a> {
    fn kpi(&self, objective: &Objective) -> &'a Kpi {
        &self.catalogue.kpis[usize::from(objective.kpi)]
    }

    /// The kinds of entity that a KPI is made of, in a label: `call,deal`.
    fn kinds(&self, objective: &Objective) -> String {
        let mut kinds: Vec<_> =
            self.kpi(objective).measures.iter().map(|measure| self.catalogue.measures[usize::from(*measure)].kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
    }

    /// The id of whoever hears of what has no manager.
    fn company_manager(&self) -> Option<&'a str> {
        self.roster.manager.map(|manager| self.roster.managers[manager].id.as_str())
    }

    /// Everybody who hears: managers by language, people with an address by style and language.
    fn audiences(&self) -> Vec<Audience> {
        audience::all(self.roster)
    }

    fn people_with_an_address(&self) -> Vec<&'a Person> {
        self.roster.people.iter().filter(|person| audience::has_address(&person.address)).collect()
    }
}

/// Whose an objective is, in a label.
fn scope(objective: &Objective) -> &'static str {
    match objective.scope {
        Scope::Company => "company",
        Scope::Team(_) => "team",
        Scope::Rep(_) | Scope::EachRepOf(_) => "rep",
    }
}

fn importance(objective: &Objective) -> &'static str {
    match objective.importance {
        Importance::High => "high",
        Importance::Normal => "normal",
    }
}

fn direction(objective: &Objective) -> &'static str {
    match objective.direction {
        Direction::AtLeast => "at_least",
        Direction::AtMost => "at_most",
    }
}
