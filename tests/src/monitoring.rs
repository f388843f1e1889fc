//! A Prometheus and an Alertmanager of the scenario's own, on free loopback ports, their data in the scenario's folder.
//!
//! In: their configuration, and which version. Out: what they know. Never here: rules, and what should be known.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::onpace::said;
use crate::servers::{Process, free_port, provided, wait_until};

/// Long enough for either to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Which Prometheus and Alertmanager, with their tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Those that `docker-compose.yml` names.
    Newest,
    /// The oldest that are supported.
    Oldest,
}

impl Version {
    /// Both.
    pub const EVERY: [Version; 2] = [Version::Newest, Version::Oldest];

    /// A program of this version: `prometheus`, `promtool`, `alertmanager`, `amtool`.
    ///
    /// # Panics
    /// `tests/run` didn't provide it.
    pub fn program(self, name: &str) -> String {
        let end = if self == Version::Oldest { "_OLD" } else { "" };
        provided(&format!("ONPACE_TEST_{}{end}", name.to_uppercase()))
    }

    /// Holds that a tool of this version accepts what is in a folder.
    ///
    /// # Panics
    /// It doesn't.
    pub fn accepts(self, tool: &str, arguments: &[&str], folder: &Path) {
        let program = self.program(tool);
        let output = Command::new(&program).args(arguments).current_dir(folder).output();
        let output = output.unwrap_or_else(|error| panic!("{program} can't be run: {error}"));
        let said = said(&output);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
    }
}

/// Holds that promtool has nothing to say about a page of metrics.
///
/// # Panics
/// It has.
pub fn promtool_is_content(page: &str) {
    let mut promtool = Command::new(Version::Newest.program("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    promtool.stdin.take().expect("its input").write_all(page.as_bytes()).expect("it reads");
    let said = promtool.wait_with_output().expect("it ends");
    assert!(said.status.success() && said.stdout.is_empty() && said.stderr.is_empty(), "{said:?}");
}

fn asked(url: &str, query: &[(&str, &str)]) -> Option<Value> {
    let mut answer = ureq::get(url).query_pairs(query.iter().copied()).call().ok()?;
    serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()
}

/// A Prometheus.
pub struct Prometheus {
    /// Its process.
    pub process: Process,
    port: u16,
}

impl Prometheus {
    /// Starts one on its configuration and flags.
    ///
    /// # Panics
    /// It doesn't answer.
    pub fn start(version: Version, folder: &Path, configuration: &str, flags: &[&str]) -> Prometheus {
        let port = free_port();
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, configuration).expect("Prometheus's settings");
        let mut command = Command::new(version.program("prometheus"));
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).args(flags);
        let prometheus = Prometheus { process: Process::start(command, folder, "prometheus"), port };
        let ready = format!("http://127.0.0.1:{port}/-/ready");
        wait_until("Prometheus is ready", START, || ureq::get(&ready).call().is_ok());
        prometheus
    }

    /// The series that an expression has now, as Prometheus writes them.
    pub fn series(&self, query: &str) -> Vec<Value> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let answer = asked(&url, &[("query", query)]).unwrap_or_default();
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// The value of the first series that an expression has now.
    pub fn value(&self, query: &str) -> Option<f64> {
        self.series(query).first()?["value"][1].as_str()?.parse().ok()
    }

    /// The expressions of rules that could not be evaluated, and why.
    pub fn broken_rules(&self) -> Vec<String> {
        let answer = asked(&format!("http://127.0.0.1:{}/api/v1/rules", self.port), &[]).unwrap_or_default();
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        rules.filter(|rule| rule["health"] == "err").map(|rule| format!("{}: {}", rule["name"], rule["lastError"])).collect()
    }
}

/// An Alertmanager, whose data outlives its process.
pub struct Alertmanager {
    version: Version,
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Alertmanager {
    /// Starts one with the configuration `alertmanager.yml` of a folder.
    ///
    /// # Panics
    /// It doesn't answer.
    pub fn start(version: Version, folder: &Path) -> Alertmanager {
        let mut alertmanager = Alertmanager { version, folder: folder.to_owned(), port: free_port(), process: None };
        alertmanager.resume();
        alertmanager
    }

    /// Starts it (again) on the data it has.
    ///
    /// # Panics
    /// It doesn't answer.
    pub fn resume(&mut self) {
        let mut command = Command::new(self.version.program("alertmanager"));
        command.arg(format!("--config.file={}", self.folder.join("alertmanager.yml").display()));
        command.arg(format!("--storage.path={}", self.folder.join("alertmanager-data").display()));
        // An empty address: no cluster.
        command.arg(format!("--web.listen-address=127.0.0.1:{}", self.port)).arg("--cluster.listen-address=");
        let process = self.process.insert(Process::start(command, &self.folder, "alertmanager"));
        let ready = format!("http://127.0.0.1:{}/-/ready", self.port);
        wait_until("Alertmanager is ready", START, || {
            assert!(process.ended().is_none(), "Alertmanager ended: {}", process.tail());
            ureq::get(&ready).call().is_ok()
        });
    }

    /// Stops it by SIGTERM and waits for its end.
    ///
    /// # Panics
    /// It doesn't end.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM");
            process.wait(START);
        }
    }

    /// Its address, `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The alerts it has, as its API writes them.
    pub fn alerts(&self) -> Vec<Value> {
        let answer = asked(&format!("http://{}/api/v2/alerts", self.address()), &[]).unwrap_or_default();
        answer.as_array().cloned().unwrap_or_default()
    }

    /// Posts alerts as Prometheus does.
    ///
    /// # Panics
    /// They are refused.
    pub fn post(&self, alerts: &Value) {
        let url = format!("http://{}/api/v2/alerts", self.address());
        let answer = ureq::post(&url).header("content-type", "application/json").send(alerts.to_string());
        answer.unwrap_or_else(|error| panic!("Alertmanager refuses alerts: {error}"));
    }
}
