//! A question on a terminal is answered as the process that serves the store would answer it: in its zone, with its week and fiscal year, its
//! catalogue, roster and objectives, where these can be read here. A flag wins; whatever then differs is said.
//!
//! In: flags, what is noted in the store. Out: a configuration, and lines about in what it differs. Never here: silence about a difference.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use onpace_sinks::serving::{Known, ServedAs, Source, known};
use onpace_sinks::{Configuration, Evaluation};

use crate::args::{Company, Day, Definitions, Redis};
use crate::engine;
use crate::say::say;

/// How a question is answered.
pub struct AsServed {
    /// With what.
    pub configuration: Configuration,
    /// Who serves, or served last.
    pub by: Option<Known>,
    /// In what this differs from that, a line each.
    pub notes: Vec<String>,
    /// Why nobody could be asked how the store is served.
    unknown: Option<anyhow::Error>,
}

impl AsServed {
    /// Says in what the answer will differ from what is served.
    ///
    /// # Errors
    /// The store can't be asked: then it can't answer either.
    pub fn say(&self) -> Result<()> {
        if let Some(error) = &self.unknown {
            return Err(anyhow::anyhow!("{error:#}"));
        }
        self.notes.iter().for_each(|note| say(format_args!("onpace: {note}")));
        Ok(())
    }

    /// For the line above a table: whose zone and files these are.
    pub fn how(&self) -> String {
        match &self.by {
            Some(known) if self.notes.is_empty() => {
                format!(", as `onpace {}` {} them", known.served.command, if known.live { "serves" } else { "served" })
            }
            _ => String::new(),
        }
    }
}

/// The configuration of the flags, filled up from what is noted of whoever serves the store.
///
/// # Errors
/// A flag's value, a file.
pub fn as_served(data: Option<&Path>, redis: &Redis, definitions: &Definitions, company: &Company) -> Result<AsServed> {
    let (all, unknown) = match engine::store_to_ask(data, redis).and_then(|store| Ok(known(&*store)?)) {
        Ok(all) => (all, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let Some(by) = all.first().cloned() else {
        return Ok(AsServed { configuration: engine::configuration(definitions, company)?, by: None, notes: Vec::new(), unknown });
    };
    let (served, verb) = (&by.served, if by.live { "serves" } else { "last served" });
    // What is wrong with a flag is no matter of who serves.
    engine::zone(company)?;
    let mut files = (definitions.clone(), company.clone());
    let mut unreadable = Vec::new();
    let mut take = |what: &'static str, given: &mut Option<PathBuf>, source: &Source| {
        if let Err(why) = adopt(given, source) {
            unreadable.push(format!("the {what} can't be read here ({why}), so name a copy of it with --{what}"));
        }
    };
    take("catalogue", &mut files.0.catalogue, &served.catalogue);
    take("roster", &mut files.1.roster, &served.roster);
    // Objectives speak of one roster's people.
    if company.roster.is_none() && files.1.roster.is_some() {
        take("objectives", &mut files.1.objectives, &served.objectives);
    }
    let read = |files: &(Definitions, Company)| {
        engine::configuration(&files.0, &files.1).with_context(|| format!("as the {served} {verb} this store"))
    };
    let is_own = files.0.catalogue == definitions.catalogue && files.1.roster == company.roster && files.1.objectives == company.objectives;
    let mut configuration = if is_own { engine::configuration(definitions, company)? } else { read(&files)? };
    if is_calendar_served(company, &configuration.now(), served) {
        let of = &mut files.1;
        of.time_zone.get_or_insert_with(|| served.time_zone.clone());
        of.week_starts = of.week_starts.or_else(|| Day::from_str(&served.week_starts, true).ok());
        of.fiscal_year_starts = of.fiscal_year_starts.or(Some(served.fiscal_year_starts));
        configuration = read(&files)?;
    }
    let here = ServedAs::now("", &configuration.now(), files.0.catalogue.as_deref(), &configuration, 0);
    let differences: Vec<String> = served.differences(&here).into_iter().chain(unreadable).collect();
    let mut notes = Vec::new();
    if !differences.is_empty() {
        notes.push(format!("this is not the configuration of the {served}, which {verb} this store with: {}", differences.join("; ")));
    }
    let others: Vec<String> = all[1..]
        .iter()
        .filter(|other| other.live && other.served.configuration != served.configuration)
        .map(|other| format!("{}: {}", other.served, other.served.differences(&here).join("; ")))
        .collect();
    if !others.is_empty() {
        notes.push(format!("this store is served differently elsewhere, so the same question has two answers: {}", others.join(" · ")));
    }
    Ok(AsServed { configuration, by: Some(by), notes, unknown })
}

/// Takes a file over where none is given; why it can't be.
fn adopt(given: &mut Option<PathBuf>, source: &Source) -> Result<(), String> {
    let (None, Some(path)) = (&given, &source.path) else { return Ok(()) };
    match std::fs::File::open(path) {
        Ok(_) => {
            *given = Some(path.clone());
            Ok(())
        }
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// Whether zone, week and fiscal year are those that are served, where no flag says another: another roster has its own.
fn is_calendar_served(company: &Company, here: &Evaluation, served: &ServedAs) -> bool {
    company.roster.is_none() || here.read.roster.as_deref().unwrap_or_default() == served.roster.digest
}
