//! Receivers of the Alertmanager configuration: who is reached how.
//!
//! In: addresses. Out: webhooks, e-mails, Slack messages. What always holds: a secret is named by its file, never written; who has no
//! address has a receiver that says so. Never here: who hears of what.

use onpace_kpis::roster::{Address, Language};

use super::{Alertmanager, Plan, yaml};

/// A receiver: a name, whom it reaches, in which language, and whether it is told when all is well again.
pub struct Receiver<'a> {
    pub name: String,
    pub who: String,
    pub address: Option<&'a Address>,
    pub language: Language,
    pub resolved: bool,
}

impl Receiver<'_> {
    /// Its YAML.
    ///
    /// # Errors
    /// What this Alertmanager can't read, and what would do instead.
    pub fn write(&self, plan: &Plan<'_>) -> Result<String, String> {
        let mut out = format!("- name: {}\n", yaml::quoted(&self.name));
        let language = self.language.name();
        let resolved = self.resolved;
        let Some(address) = self.address.filter(|address| super::audience::has_address(address)) else {
            // Names are quoted: a line of a comment must stay one line.
            out += &format!("  # {} has no address in the roster: nothing is sent.\n", yaml::quoted(&self.who));
            return Ok(out);
        };
        let file = |name: &str| yaml::quoted(&within(&plan.settings.secrets_folder, name));
        let target = match (&address.webhook, &address.webhook_file, plan.settings.alertmanager) {
            (Some(url), _, _) => Some(format!("url: {}", yaml::quoted(url))),
            (None, Some(name), Alertmanager::V0_26) => Some(format!("url_file: {}", file(name))),
            (None, Some(_), Alertmanager::V0_25) => {
                return Err(format!(
                    "{} has a `webhook_file`, which Alertmanager reads from 0.26 on: write the address as `webhook` and keep its token in a `credentials_file`, or ask for the rules with `--alertmanager 0.26`",
                    self.who
                ));
            }
            (None, None, _) => None,
        };
        if let Some(target) = target {
            out += &format!("  webhook_configs:\n  - {target}\n    send_resolved: {resolved}\n");
            if let Some(credentials) = &address.credentials_file {
                out += &format!("    http_config:\n      authorization:\n        credentials_file: {}\n", file(credentials));
            }
        }
        if let Some(to) = &address.email {
            if plan.roster.smtp.is_none() {
                return Err(format!(
                    "{} is written to by e-mail, but the roster has no `smtp`: add `smtp: {{ host: …, from: … }}`",
                    self.who
                ));
            }
            out += &format!(
                "  email_configs:\n  - to: {}\n    send_resolved: {resolved}\n    headers:\n      Subject: '{{{{ template \"onpace.{language}.title\" . }}}}'\n      \
                 X-Priority: '{{{{ template \"onpace.priority\" . }}}}'\n    html: ''\n    text: '{{{{ template \"onpace.{language}.text\" . }}}}'\n",
                yaml::quoted(to)
            );
        }
        if let Some(name) = &address.slack_file {
            out += &format!("  slack_configs:\n  - api_url_file: {}\n    send_resolved: {resolved}\n", file(name));
            if let Some(channel) = &address.slack_channel {
                out += &format!("    channel: {}\n", yaml::quoted(channel));
            }
            out += &format!(
                "    title: '{{{{ template \"onpace.{language}.title\" . }}}}'\n    title_link: '{{{{ .CommonAnnotations.dashboard_url }}}}'\n    \
                 text: '{{{{ template \"onpace.{language}.text\" . }}}}'\n"
            );
        }
        Ok(out)
    }
}

/// A file's name as Alertmanager is to read it.
pub fn within(folder: &str, name: &str) -> String {
    match folder.is_empty() || name.starts_with('/') {
        true => name.to_owned(),
        false => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}
