//! A company whose names are patterns, quotes and templates, and what `onpace rules` writes for it.

use onpace_tests::onpace::{bare, run};
use tempfile::TempDir;

/// A rep.
pub const REP: &str = r#"o"neil|.*\{{x}}"#;
/// A manager.
pub const MANAGER: &str = r#"an"na|.*\$1{{x}}"#;

/// What stands in each file of secrets.
pub const SECRET: &str = "https://hooks.example/hunter2";

const ROSTER: &str = r##"company: "Acme {{ template }} \"&\" Söhne"
time_zone: Europe/Paris
managers:
  - { id: luc, name: Luc, webhook: "http://127.0.0.1:9/luc", credentials_file: token, email: luc@acme.test, slack_file: slack, slack_channel: "#luc", language: fr }
  - { id: 'MANAGER', name: Anna, webhook: "http://127.0.0.1:9/anna", language: en }
  - { id: quiet, name: Without an address }
  - { id: ops, name: Operations, webhook: "http://127.0.0.1:9/ops" }
manager: luc
operations: ops
smtp: { host: "mail.acme.test:587", from: onpace@acme.test, user: 'on"pace', password_file: password }
teams:
  - { id: france, name: France }
  - { id: paris, name: Paris, parent: france }
  - { id: lyon, name: Lyon, parent: france }
  - { id: corsica, name: Corsica, parent: france, manager: 'MANAGER' }
  - { id: berlin, name: Berlin, manager: 'MANAGER' }
  - { id: '.*', name: Everything }
  - { id: 'x|y', name: Either, parent: '.*' }
  - { id: x, name: One }
people:
  - { id: marie, name: Marie, teams: [{ team: paris }], webhook: "http://127.0.0.1:9/marie" }
  - { id: 'REP', name: O'Neil, teams: [{ team: paris }], webhook: "http://127.0.0.1:9/oneil" }
  - { id: paul, name: Paul, teams: [{ team: lyon }] }
"##;
const OBJECTIVES: &str = "objectives:
  - { id: calls, kpi: calls_made, scope: { each_rep_of: france }, target: 40, period: week }
";

/// The folder with the files.
pub fn written() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file
    };
    let roster = file("roster.yaml", &ROSTER.replace("MANAGER", MANAGER).replace("REP", REP));
    let objectives = file("objectives.yaml", OBJECTIVES);
    for secret in ["token", "slack", "password"] {
        file(secret, SECRET);
    }
    let mut command = bare("rules");
    command.arg("--out").arg(folder.path()).arg("--roster").arg(roster).arg("--objectives").arg(objectives);
    run(&mut command).unwrap_or_else(|error| panic!("{error}"));
    folder
}
