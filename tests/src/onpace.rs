//! Drives the program as a user does. In: files of events and questions; out: its answers as JSON. Nothing
//! here knows what a right answer is; every failure carries the command line, the exit code and
//! what the program said.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::Timestamp;
use serde_json::Value;

use crate::oracle::Question;

/// The program and the place where it keeps its numbers.
#[derive(Clone, Debug)]
pub struct Onpace {
    binary: PathBuf,
    place: Vec<OsString>,
}

/// The `onpace` binary: `ONPACE_BIN`, or the one built beside the running test.
///
/// Fails with what to do when there is none.
pub fn binary() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("ONPACE_BIN") {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(format!("ONPACE_BIN names {}, which is no file: correct it or unset it", named.display()))
        };
    }
    let test = std::env::current_exe().map_err(|error| format!("where is this test? {error}"))?;
    // A test lies in target/PROFILE/deps, the binary in target/PROFILE.
    let folders = test.ancestors().skip(1).take(2);
    let name = format!("onpace{}", std::env::consts::EXE_SUFFIX);
    folders.map(|folder| folder.join(&name)).find(|binary| binary.is_file()).ok_or_else(|| {
        format!(
            "no onpace binary beside {}: build it with `cargo build -p onpace` (in the same \
                 profile), or set ONPACE_BIN",
            test.display()
        )
    })
}

impl Onpace {
    /// With everything embedded in a folder.
    pub fn embedded(data: &Path) -> Result<Onpace, String> {
        Ok(Onpace { binary: binary()?, place: vec!["--data".into(), data.into()] })
    }

    /// With a log on Kafka and a store on Redis.
    pub fn on_servers(kafka: &str, redis: &str) -> Result<Onpace, String> {
        Ok(Onpace { binary: binary()?, place: vec!["--kafka".into(), kafka.into(), "--redis".into(), redis.into()] })
    }

    /// With a store on Redis, for questions only.
    pub fn on_redis(redis: &str) -> Result<Onpace, String> {
        Ok(Onpace { binary: binary()?, place: vec!["--redis".into(), redis.into()] })
    }

    /// A command for the program, its place given, and nothing of the surrounding environment's
    /// configuration.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = alone(&self.binary, subcommand);
        command.args(&self.place);
        command
    }

    /// Imports a file of events, all of which must be taken.
    pub fn import(&self, file: &Path) -> Result<(), String> {
        let mut command = self.command("import");
        command.arg(file);
        run(&mut command).map(|_| ()).map_err(|mut error| {
            let mut rejected = file.as_os_str().to_owned();
            rejected.push(".rejected.ndjson");
            if let Ok(rows) = std::fs::read_to_string(&rejected) {
                for row in rows.lines().take(10) {
                    let _ = write!(error, "\nrefused: {row}");
                }
            }
            error
        })
    }

    /// Folds what the log holds into the store and returns at its present end.
    pub fn catch_up(&self) -> Result<(), String> {
        run(self.command("processor").arg("--until-caught-up")).map(|_| ())
    }

    /// Asks for KPIs; the answer is what `--format json` printed.
    ///
    /// The zones of reps and the calendar's settings come from a roster, which is not written here: the
    /// question must be one without.
    pub fn kpis(&self, question: &Question) -> Result<Value, String> {
        if !question.rep_zones.is_empty() || question.roster.is_some() {
            return Err("a question with a roster needs its file".to_owned());
        }
        let zone = question.zone.iana_name().ok_or("a zone without a name")?;
        self.ask_kpis(question, &["--time-zone".into(), zone.into()])
    }

    /// The same, of a company whose roster has been written to a file.
    pub fn kpis_of(&self, question: &Question, roster: &Path) -> Result<Value, String> {
        self.ask_kpis(question, &["--roster".into(), roster.into()])
    }

    fn ask_kpis(&self, question: &Question, more: &[OsString]) -> Result<Value, String> {
        let mut command = self.command("kpis");
        command.args(["--by", question.by.name()]).args(["--at", &question.at.to_string()]).args(more).args(["--format", "json"]);
        for window in &question.windows {
            command.args(["--window", window.name()]);
        }
        json_of(&mut command)
    }

    /// Asks how objectives stand at an instant; the answer is what `--format json` printed.
    pub fn objectives(&self, roster: &Path, objectives: &Path, at: Timestamp) -> Result<Value, String> {
        let mut command = self.command("objectives");
        command.arg("--roster").arg(roster).arg("--objectives").arg(objectives);
        command.args(["--at", &at.to_string(), "--format", "json"]);
        json_of(&mut command)
    }
}

fn json_of(command: &mut Command) -> Result<Value, String> {
    let output = run(command)?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let printed = String::from_utf8_lossy(&output.stdout);
        let beginning: String = printed.chars().take(2_000).collect();
        format!("{command:?}\nprinted no JSON ({error}): {beginning}")
    })
}

/// A command for the program with nothing of the surrounding environment's configuration.
///
/// # Panics
/// There is no binary.
pub fn bare(subcommand: &str) -> Command {
    alone(&binary().unwrap_or_else(|error| panic!("{error}")), subcommand)
}

fn alone(binary: &Path, subcommand: &str) -> Command {
    let mut command = Command::new(binary);
    command.arg(subcommand);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONPACE_") {
            command.env_remove(name);
        }
    }
    command
}

/// All that a program said: what it printed, then its complaints.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command to its end; fails when it does, with all that it said.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}\ncould not be started: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!(
        "{command:?}\nended with {}\nstdout: {}\nstderr: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}
