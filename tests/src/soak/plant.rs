//! The whole way as real processes: a Kafka and a Redis of its own, gateways, processors, a sink.
//!
//! In: a company. Out: processes that can be hurt and asked. What always holds: the first gateway, the first processor and the sink are
//! never killed, so that what they hold can be watched from beginning to end. Never here: which fault comes when.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::floor::Floor;
use crate::generate::Company;
use crate::onpace::bare;
use crate::oracle::{By, Question, Window};
use crate::servers::{Kafka, Process};
use crate::serving::Serving;

/// Long enough for any start on a busy machine.
pub const START: Duration = Duration::from_secs(120);

/// The processes.
pub struct Plant {
    folder: tempfile::TempDir,
    /// The broker.
    pub kafka: Kafka,
    /// Redis, and how onpace is started.
    pub floor: Floor,
    /// Two; the first is never killed.
    pub gateways: Vec<Serving>,
    /// Three; the first is never killed.
    pub processors: Vec<Serving>,
    /// The sink, never killed.
    pub sink: Serving,
    started: usize,
}

impl Plant {
    /// Starts everything.
    ///
    /// # Panics
    /// Something doesn't get ready.
    pub fn start(company: &Company) -> Plant {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kafka = Kafka::start(folder.path());
        let floor = Floor::on(kafka.brokers());
        let roster = floor.file("roster.yaml");
        std::fs::write(&roster, company.roster.yaml()).expect("a roster");
        std::fs::write(floor.file("rates.csv"), company.roster.rates_csv()).expect("rates");
        let gateways: Vec<Serving> =
            (0..2).map(|n| Serving::start(floor.onpace("gateway"), floor.folder(), &format!("gateway-{n}"))).collect();
        gateways[0].ready(START);
        let processors = (0..3).map(|n| floor.processor_serving(&format!("processor-{n}"))).collect();
        let mut command = bare("sink");
        command.args(["--redis", &floor.redis.url()]).arg("--roster").arg(&roster);
        let sink = Serving::start(command, floor.folder(), "sink");
        let plant = Plant { folder, kafka, floor, gateways, processors, sink, started: 0 };
        plant.everything().for_each(|(_, serving)| serving.ready(START));
        plant
    }

    /// Takes the servers away once and gives them back: whatever a process makes when it first needs it, it has afterwards, and what it
    /// holds from then on is all that it should ever hold.
    ///
    /// # Panics
    /// Something doesn't get ready again.
    pub fn warm_up(&mut self) {
        self.kafka.kill();
        self.floor.redis.kill();
        self.floor.redis.resume();
        self.kafka.resume();
        self.everything().for_each(|(_, serving)| serving.ready(START));
    }

    /// Every process of onpace, by name.
    pub fn everything(&self) -> impl Iterator<Item = (String, &Serving)> {
        let gateways = self.gateways.iter().enumerate().map(|(n, serving)| (format!("gateway-{n}"), serving));
        let processors = self.processors.iter().enumerate().map(|(n, serving)| (format!("processor-{n}"), serving));
        gateways.chain(processors).chain([("sink".to_owned(), &self.sink)])
    }

    /// Those that are never killed.
    pub fn survivors(&self) -> [(&'static str, &Serving); 3] {
        [("gateway", &self.gateways[0]), ("processor", &self.processors[0]), ("sink", &self.sink)]
    }

    /// Kills a gateway and starts another in its place, at its port.
    pub fn new_gateway(&mut self, number: usize) {
        self.gateways[number].process.kill();
        let port = self.gateways[number].port;
        std::thread::sleep(Duration::from_secs(1));
        self.gateways[number] = Serving::start_at(self.floor.onpace("gateway"), self.floor.folder(), &format!("gateway-{number}"), port);
    }

    /// Kills a processor and starts another in its place.
    pub fn new_processor(&mut self, number: usize) {
        self.processors[number].process.kill();
        std::thread::sleep(Duration::from_secs(1));
        self.processors[number] = self.another_processor();
    }

    /// One more processor.
    pub fn another_processor(&mut self) -> Serving {
        self.started += 1;
        self.floor.processor_serving(&format!("processor-later-{}", self.started))
    }

    /// Puts a roster into the place of the one that is in force.
    ///
    /// # Panics
    /// It can't be written.
    pub fn roster(&self, text: &str) {
        let new = self.floor.file("roster.new");
        std::fs::write(&new, text).expect("a roster");
        std::fs::rename(new, self.roster_file()).expect("a roster in its place");
    }

    /// Where the roster is.
    pub fn roster_file(&self) -> PathBuf {
        self.floor.file("roster.yaml")
    }

    /// A folder for what is kept aside.
    pub fn aside(&self) -> &Path {
        self.folder.path()
    }

    /// What the sink answers.
    ///
    /// # Errors
    /// It doesn't, and what it said.
    pub fn asked(&self, by: By, question: &Question) -> Result<Value, String> {
        let windows: String = question.windows.iter().map(|window: &Window| format!("&window={}", window.name())).collect();
        let answer = self.sink.get(&format!("/v1/kpis?by={}&at={}{windows}", by.name(), question.at));
        if answer.status != 200 {
            return Err(format!("the sink answers {answer:?}"));
        }
        serde_json::from_str(&answer.body).map_err(|error| format!("the sink answers no JSON: {error}"))
    }

    /// Processes that ended by themselves, with their last words.
    pub fn ended(&mut self) -> Vec<String> {
        let all: Vec<(String, &mut Process)> = self
            .gateways
            .iter_mut()
            .enumerate()
            .map(|(n, serving)| (format!("gateway-{n}"), &mut serving.process))
            .chain(self.processors.iter_mut().enumerate().map(|(n, serving)| (format!("processor-{n}"), &mut serving.process)))
            .chain([("sink".to_owned(), &mut self.sink.process)])
            .collect();
        let ended = all.into_iter().filter_map(|(name, process)| process.ended().map(|how| (name, how, process.tail())));
        ended.map(|(name, how, words)| format!("{name} ended by itself with {how}: {words}")).collect()
    }
}
