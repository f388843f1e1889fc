//! `onpace demo`: a living sales floor on the embedded engine, with nothing installed and nothing left behind.

mod past;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use onpace_kpis::{Catalogue, Roster};
use onpace_processors::processor::PATROL;
use onpace_producers::gateway::system_clock;
use onpace_producers::log::EventLog;
use onpace_producers::simulate::{Company, Destination, Pace, Simulation, live};
use onpace_schemas::counted;
use onpace_schemas::time::DAY_US;
use onpace_sinks::view::Past;
use onpace_sinks::{Configuration, metrics};
use tokio_util::sync::CancellationToken;

use crate::crew::workers;
use crate::floor::{self, Floor};
use crate::runtime::block_on;
use crate::say::say;
use crate::shutdown::Shutdown;
use crate::{args, engine, files, place, serving};
use past::{Making, Note, Origin};

const ROSTER: &str = "roster.yaml";
const RATES: &str = "rates.csv";
const OBJECTIVES: &str = "objectives.yaml";

pub fn run(args: args::Demo) -> Result<ExitCode> {
    let temporary = match &args.data {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new().prefix("onpace-demo-").tempdir().context("no room for a temporary folder; name one with --data")?,
        ),
    };
    let data = args.data.as_deref().or(temporary.as_ref().map(tempfile::TempDir::path));
    block_on(async {
        let shutdown = Shutdown::on_signals()?;
        let listener = serving::bind(args.listen).await?;
        let address = listener.local_addr()?;
        let now_us = system_clock();
        let folder = place::folder(data);
        let note = Note::of(&folder);
        let (log, store, scene, begun, _claim) = tokio::task::block_in_place(|| {
            let claim = place::claim(data)?;
            let begun = note.read()?;
            let scene = Scene::set(&args, &folder, now_us, begun)?;
            let catalogue = &scene.configuration.now().catalogue;
            let (log, store) = match &temporary {
                Some(folder) => engine::fleeting(folder.path(), catalogue)?,
                None => (engine::embedded_log(data)?, engine::embedded_store(data, catalogue)?),
            };
            engine::settle(&*log, &*store, catalogue, true)?;
            anyhow::Ok((log, store, scene, begun.is_some(), claim))
        })?;
        let past = if begun || log.ends()?.iter().all(|end| *end == 0) {
            let days = (now_us - scene.origin.start_us) / DAY_US;
            Past::awaited(format!("{} of {}", length(days), counted(scene.people, "rep")))
        } else {
            Past::default()
        };
        say(format_args!(
            "\n  The sales floor, live:   http://{address}/\n  KPIs as JSON:            http://{address}/v1/kpis?by=rep&window=month\n  \
             Objectives as JSON:      http://{address}/v1/objectives\n  Prometheus metrics:      http://{address}/metrics\n"
        ));
        scene.say_files();
        say(format_args!(
            "Days and months are those of {} (--time-zone). Ctrl-C ends it{}.\n",
            scene.configuration.now().zone(),
            if temporary.is_some() { " and leaves nothing behind" } else { "" }
        ));
        let Scene { configuration, simulation, origin, .. } = scene;
        let making =
            Making { simulation, origin, until_us: now_us, note, past: past.clone() }.start(Arc::clone(&log), shutdown.token.clone());
        let telling = tokio::spawn(past::tell(past.clone(), shutdown.token.clone()));
        let floor = Floor {
            command: "demo",
            log: Arc::clone(&log),
            store,
            embedded: true,
            configuration,
            catalogue: None,
            threads: 1,
            past,
            patrol: PATROL,
            page: metrics::Settings::default(),
            doors: args.doors.clone(),
            questions: None,
            bodies: None,
        };
        let pace = Pace { rate: args.rate, count: None, now: system_clock };
        let asked = shutdown.clone();
        let living = tokio::spawn(async move {
            let lived = live_on(making, &pace, log, &asked.token).await;
            if lived.is_err() {
                asked.request();
            }
            lived
        });
        floor::run(floor, listener, &shutdown).await?;
        telling.await?;
        living.await??;
        Ok(ExitCode::SUCCESS)
    })
}

/// Lives on from the past, once that is made up.
async fn live_on(
    making: tokio::task::JoinHandle<Result<Option<Simulation>>>,
    pace: &Pace,
    log: Arc<dyn EventLog>,
    stop: &CancellationToken,
) -> Result<()> {
    if let Some(mut simulation) = making.await?? {
        live(&mut simulation, pace, &Destination::Log(log), stop).await?;
    }
    Ok(())
}

/// How much of a past so many people have, in microseconds: a whole quarter, on its last day too. Of a large company it is shorter, so that 500 people are not
/// waited for longer than 315; never so short that a forecast has too few weeks to go by.
fn history_us(people: usize) -> i64 {
    (31_500 / people.max(1) as i64).clamp(63, 100) * DAY_US
}

/// So many days in words.
fn length(days: i64) -> String {
    if days < 90 { counted(days / 7, "week") } else { "three months".into() }
}

/// Who is on the floor and what is wanted of them.
struct Scene {
    configuration: Configuration,
    simulation: Simulation,
    origin: Origin,
    people: usize,
    /// The files that it comes from.
    files: args::Company,
}

impl Scene {
    /// The company of the files that are named; else that of the folder; else one that is made up and written there.
    fn set(args: &args::Demo, folder: &Path, now_us: i64, begun: Option<Origin>) -> Result<Scene> {
        let catalogue = engine::catalogue(&args::Definitions { catalogue: None })?;
        let mut files = args.company.clone();
        let mut made_up = None;
        if files.roster.is_none() {
            let [roster, rates] = [ROSTER, RATES].map(|name| folder.join(name));
            if !roster.exists() {
                let zone = engine::zone(&files)?.map_or_else(|| TimeZone::get(Company::ZONE), Ok)?;
                let company = Company::around(now_us, &zone, args.seed, args.reps);
                write(&rates, &company.rates())?;
                write(&roster, &company.roster())?;
                made_up = Some(company);
            }
            files.roster = Some(roster);
        }
        let roster = known_roster(&catalogue, &files)?;
        let workers = workers(&roster, now_us);
        let people = if workers.is_empty() { args.reps as usize } else { workers.len() };
        let origin = begun.unwrap_or(Origin { seed: args.seed, start_us: now_us - history_us(people) });
        let Origin { seed, start_us } = origin;
        let simulation = match workers.is_empty() {
            true => Simulation::new(seed, args.reps, start_us),
            false => Simulation::of(seed, workers, start_us),
        };
        if args.company.roster.is_none() && files.objectives.is_none() {
            let objectives = folder.join(OBJECTIVES);
            if let Some(company) = made_up {
                write(&objectives, &company.objectives(&simulation))?;
            }
            files.objectives = objectives.exists().then_some(objectives);
        }
        Ok(Scene { configuration: engine::configured(catalogue, &files)?, simulation, origin, people, files })
    }

    fn say_files(&self) {
        let name =
            |what: &str, file: &Option<PathBuf>| file.as_ref().map(|file| format!("  {what:<24} {}\n", file.display())).unwrap_or_default();
        let (roster, objectives) = (name("Who is who:", &self.files.roster), name("What is wanted:", &self.files.objectives));
        say(format_args!("{roster}{objectives}  Change these files: the page follows within seconds.\n"));
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    files::write(folder, &[(file.to_owned(), text)])
}

/// The roster alone: the objectives may be yet to be written.
fn known_roster(catalogue: &Catalogue, files: &args::Company) -> Result<Roster> {
    let alone = args::Company { objectives: None, ..files.clone() };
    Ok(engine::configured(catalogue.clone(), &alone)?.now().roster.clone())
}

#[cfg(test)]
mod tests;
