//! What every number here is worked out by: one catalogue, one roster, the one `evaluate`.

use std::sync::Arc;

use onpace_kpis::objective::{Completeness, Objective, Office, Standings, standings};
use onpace_kpis::roster::TeamNo;
use onpace_kpis::tally::UNASSIGNED;
use onpace_kpis::window::local_date;
use onpace_kpis::{By, Catalogue, Question, Roster, Row, Tally, Unconvertible, evaluate, evaluate_each};
use onpace_schemas::time::day_of;
use sha2::{Digest as _, Sha256};

/// So many reps whom no roster knows are kept apart, however many it knows.
const LEAST_STRANGERS: usize = 100;

/// A catalogue, a roster and what is wanted, all of one reading of their files.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Every measure, KPI and window.
    pub catalogue: Arc<Catalogue>,
    /// Who is who, and when days, weeks and years begin.
    pub roster: Roster,
    /// What is wanted of whom by when.
    pub objectives: Vec<Objective>,
    /// What roster and objectives were read from.
    pub read: Read,
    /// Raised whenever the files were read anew.
    pub version: u64,
}

/// Digests of the texts that a configuration was read from; `None` where there is no such file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The roster's, with all that it names.
    pub roster: Option<String>,
    /// The objectives'.
    pub objectives: Option<String>,
}

/// A digest of some texts: 16 hexadecimal digits, the same in every process.
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// So many that are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Of what.
    pub by: By,
    /// How many were met, those too of which nothing counts any more.
    pub count: usize,
    /// The key of their row.
    pub into: Arc<str>,
}

impl Folded {
    /// In words.
    pub fn words(&self) -> String {
        let Folded { by, count, into } = self;
        let whom = if *by == By::Rep { " whom no roster knows" } else { "" };
        format!("not all {by}s{whom} are kept apart: the others, of whom {count} were met, are one row, `{into}`; every total is right")
    }
}

impl Evaluation {
    /// A catalogue and a roster without objectives.
    pub fn new(catalogue: impl Into<Arc<Catalogue>>, roster: Roster) -> Evaluation {
        Evaluation { catalogue: catalogue.into(), roster, objectives: Vec::new(), read: Read::default(), version: 0 }
    }

    /// The values that answer a question.
    ///
    /// # Errors
    /// A rate is missing, where money is to be converted.
    pub fn rows(&self, tally: &Tally, question: &Question<'_>) -> Result<Vec<Row>, Unconvertible> {
        evaluate(&self.catalogue, tally, &self.roster, question)
    }

    /// As [`Evaluation::rows`], but the rows of one key at a time, and only of keys that are `wanted`.
    ///
    /// # Errors
    /// A rate is missing, where money is to be converted.
    pub fn each(
        &self,
        tally: &Tally,
        question: &Question<'_>,
        wanted: &mut dyn FnMut(&str) -> bool,
        each: &mut dyn FnMut(&[Row]),
    ) -> Result<(), Unconvertible> {
        evaluate_each(&self.catalogue, tally, &self.roster, question, wanted, each)
    }

    /// The values that answer a question, per currency whatever it asks: for metrics and hashes, which convert nothing.
    pub fn unconverted(&self, tally: &Tally, question: Question<'_>) -> Vec<Row> {
        // What converts nothing misses no rate, and nothing else is an error.
        self.rows(tally, &Question { currency: None, ..question }).unwrap_or_default()
    }

    /// As [`Evaluation::unconverted`], but the rows of one key at a time, and only of keys that are `wanted`.
    pub fn each_unconverted(
        &self,
        tally: &Tally,
        question: Question<'_>,
        wanted: &mut dyn FnMut(&str) -> bool,
        each: &mut dyn FnMut(&[Row]),
    ) {
        // As above.
        let _ = self.each(tally, &Question { currency: None, ..question }, wanted, each);
    }

    /// How many reps whom no roster knows are kept apart where there is room for so many reps: fewer beside a roster, but some in any case.
    pub fn strangers(&self, reps: usize) -> usize {
        reps.saturating_sub(self.roster.people.len()).max(LEAST_STRANGERS)
    }

    /// How every objective stands at an instant, microseconds since 1970.
    pub fn standings(&self, tally: &Tally, at_us: i64, completeness: &Completeness) -> Standings {
        if self.objectives.is_empty() {
            return Standings::default();
        }
        let office = Office::of(&self.roster, &self.objectives, at_us);
        standings(&self.catalogue, tally, &self.roster, &self.objectives, &office, at_us, completeness)
    }

    /// The company's time zone by its IANA name.
    pub fn zone(&self) -> &str {
        self.roster.schedule.zone.iana_name().unwrap_or("UTC")
    }

    /// What every number depends on beside the events, as a digest: measures and formulas, roster and rates, objectives, zone, week and fiscal
    /// year. Two that have the same give the same answer to a question.
    pub fn configuration(&self) -> String {
        let Read { roster, objectives } = &self.read;
        let file = |read: &Option<String>| read.clone().unwrap_or_default();
        let calendar = format!("{} {:?} {}", self.zone(), self.roster.settings.week_start, self.roster.settings.fiscal_month);
        digest([self.definitions(), file(roster), file(objectives), calendar].iter().map(String::as_str))
    }

    /// The catalogue's measures and formulas, as a digest.
    pub fn definitions(&self) -> String {
        let measures = format!("{:016x}", self.catalogue.fingerprint());
        let formulas = self.catalogue.kpis.iter().flat_map(|kpi| [&*kpi.name, &*kpi.text]);
        digest(std::iter::once(&*measures).chain(formulas))
    }

    /// The reps there are, sorted: the roster's people by their ids, and whoever else something is counted of;
    /// those past what is kept apart as one.
    pub fn reps(&self, tally: &Tally) -> Vec<Arc<str>> {
        let people = self.roster.people.iter().map(|person| person.id.clone());
        let others = tally.reps().map(|rep| rep.name()).filter(|name| &***name == UNASSIGNED || self.is_stranger(name));
        let folded = onpace_kpis::folded_reps(tally, &self.roster);
        let mut reps: Vec<Arc<str>> = people.chain(others.cloned()).chain(folded).collect();
        reps.sort_unstable();
        reps
    }

    /// The team that a rep is in at an instant, in microseconds since 1970.
    pub fn team_of(&self, rep: &str, at_us: i64) -> Option<TeamNo> {
        let person = &self.roster.people[self.known(rep)?];
        person.team_on(day_of(local_date(at_us, &person.schedule.zone)))
    }

    /// What is counted together where something is asked `by`; `None` where nothing is.
    pub fn folded(&self, tally: &Tally, by: By) -> Option<Folded> {
        let (count, into) = match by.dimension() {
            None if by == By::Rep => (tally.folded(), onpace_kpis::folded_reps(tally, &self.roster)?),
            None => return None,
            Some(dimension) => (tally.folded_values(dimension), onpace_kpis::folded_values(tally, dimension, usize::MAX)),
        };
        (count > 0).then_some(Folded { by, count, into })
    }

    /// Whether a name in the events is somebody whom the roster does not know.
    pub fn is_stranger(&self, rep: &str) -> bool {
        rep != UNASSIGNED && self.roster.person(rep).is_none()
    }

    /// A person by his id.
    pub fn known(&self, rep: &str) -> Option<usize> {
        self.roster.person(rep).filter(|number| *self.roster.people[*number].id == *rep && rep != UNASSIGNED)
    }
}
