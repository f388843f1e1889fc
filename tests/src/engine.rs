//! Where a history is imported and asked for, the same either way: everything embedded, or Kafka and Redis.
//!
//! In: a file, a map, a question. Out: what the program printed, as JSON. Never here: what a right answer is.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::floor::{Floor, kafka};
use crate::onpace::{bare, run};

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A place of one's own for events and numbers.
pub enum Engine {
    /// SQLite in a folder.
    Embedded(TempDir),
    /// Real servers.
    Servers(Box<Floor>),
}

impl Engine {
    /// One of each.
    ///
    /// # Panics
    /// There is no room, or there are no servers.
    pub fn both() -> [Engine; 2] {
        [Engine::embedded(), Engine::on_servers()]
    }

    /// SQLite in a folder of its own.
    ///
    /// # Panics
    /// There is no room.
    pub fn embedded() -> Engine {
        Engine::Embedded(tempfile::tempdir().expect("a temporary folder"))
    }

    /// On servers.
    ///
    /// # Panics
    /// There are none.
    pub fn on_servers() -> Engine {
        Engine::Servers(Box::new(Floor::on(kafka())))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        match self {
            Engine::Embedded(folder) => folder.path(),
            Engine::Servers(floor) => floor.folder(),
        }
    }

    /// Imports a file through a map of `examples/` and folds it; what the import said is not judged here.
    ///
    /// # Panics
    /// The program can't be started, or what was imported can't be folded.
    pub fn import(&self, file: &Path, map: &str, arguments: &[&str]) -> Output {
        let mut command = match self {
            Engine::Embedded(folder) => {
                let mut command = bare("import");
                command.arg("--data").arg(folder.path().join("data"));
                command
            }
            Engine::Servers(floor) => floor.onpace("import"),
        };
        let output =
            command.arg(file).arg("--map").arg(root().join("examples").join(map)).args(arguments).output().expect("the import runs");
        if let Engine::Servers(floor) = self {
            floor.catch_up();
        }
        output
    }

    /// What `kpis` answers.
    ///
    /// # Panics
    /// It doesn't.
    pub fn kpis(&self, at: &str, zone: &str, by: &str, windows: &[&str]) -> Numbers {
        let mut command = bare("kpis");
        match self {
            Engine::Embedded(folder) => command.arg("--data").arg(folder.path().join("data")),
            Engine::Servers(floor) => command.args(["--redis", &floor.redis.url()]),
        };
        command.args(["--format", "json", "--at", at, "--time-zone", zone, "--by", by]);
        for window in windows {
            command.args(["--window", window]);
        }
        let output = run(&mut command).unwrap_or_else(|error| panic!("{error}"));
        Numbers(serde_json::from_slice(&output.stdout).expect("JSON"))
    }
}

/// An answer of `kpis` or of the HTTP API.
#[derive(Debug, PartialEq)]
pub struct Numbers(pub Value);

impl Numbers {
    /// A KPI's value in a window, of the company or of a rep; null where there is no such row.
    pub fn get(&self, kpi: &str, window: &str, rep: Option<&str>) -> Value {
        let rows = self.0["values"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = rows.iter().find(|row| row["kpi"] == kpi && row["window"] == window && row["rep"].as_str() == rep);
        found.map_or(Value::Null, |row| row["value"].clone())
    }
}
