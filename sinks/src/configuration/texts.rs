//! The files of configuration as texts, and which of them make a whole: pure but for the reading.
//!
//! In: paths; what was in force. Out: a roster and objectives that go together, and what is wrong with each file that is not in
//! force. What always holds: objectives are read against the very roster that they are judged by. Never here: clocks, threads, logs.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use onpace_kpis::objective::{self, Objective};
use onpace_kpis::{Catalogue, Mistake, Roster};

use super::reading::{Reading, Stamp, Text};
use super::{Files, Overrides};
use crate::evaluation::{Read, digest};

/// What one look saw: the texts, and what the system says of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    pub texts: Texts,
    stamps: Vec<Option<Stamp>>,
}

impl Look {
    /// Reads the files, and the others that the roster named when it was last read.
    pub fn at(files: &Files, before: &Texts, reading: &Reading) -> Look {
        let mut stamps = Vec::new();
        let mut text = |path: &Path| {
            let (text, stamp) = reading.text(path);
            stamps.push(stamp);
            text
        };
        let roster = files.roster.as_deref().map(&mut text);
        let objectives = files.objectives.as_deref().map(&mut text);
        let named = before.named.keys().map(|name| (name.clone(), text(&beside(files, name)))).collect();
        Look { texts: Texts { roster, named, objectives }, stamps }
    }
}

/// What the files held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    roster: Option<Text>,
    /// What the roster names, by its way from the roster's folder.
    named: BTreeMap<String, Text>,
    objectives: Option<Text>,
}

/// What is in force, and the texts it came from.
#[derive(Clone, Debug)]
pub struct Good {
    pub roster: Roster,
    pub objectives: Vec<Objective>,
    pub texts: Texts,
}

/// What a reading came to.
#[derive(Debug)]
pub struct Outcome {
    /// What is to be in force from now on; `None`: what was.
    pub good: Option<Good>,
    /// What is wrong, each with its file and line.
    pub mistakes: Vec<String>,
}

impl Texts {
    /// Whether the roster is what another's is, with all that it names.
    pub fn same_roster(&self, other: &Texts) -> bool {
        self.roster == other.roster && self.named == other.named
    }

    /// Digests of what was read.
    pub fn read_from(&self) -> Read {
        let text = |text: &Text| text.clone().unwrap_or_default();
        let roster = self.roster.as_ref().map(|roster| {
            let named: Vec<String> = self.named.iter().flat_map(|(name, named)| [name.clone(), text(named)]).collect();
            digest(std::iter::once(&*text(roster)).chain(named.iter().map(String::as_str)))
        });
        Read { roster, objectives: self.objectives.as_ref().map(|objectives| digest([&*text(objectives)])) }
    }

    /// Whether the objectives are another's.
    pub fn same_objectives(&self, other: &Texts) -> bool {
        self.objectives == other.objectives
    }
}

/// Where a file is that the roster names.
fn beside(files: &Files, name: &str) -> PathBuf {
    files.roster.as_deref().and_then(Path::parent).map_or_else(|| name.into(), |folder| folder.join(name))
}

/// A mistake with the file it is in.
fn told(files: &Files, path: Option<&Path>, mistake: &Mistake) -> String {
    let path = mistake.file.as_ref().map(|file| beside(files, file)).or_else(|| path.map(Path::to_path_buf)).unwrap_or_default();
    format!("{}, line {}: {}", path.display(), mistake.line, mistake.cause)
}

/// The reader of one set of files.
pub struct Reader<'a> {
    pub files: &'a Files,
    pub catalogue: &'a Catalogue,
    pub overrides: &'a Overrides,
    pub reading: &'a Reading,
}

impl Reader<'_> {
    /// The best that can be made of what was read: all of it; else the new roster with the objectives in force, or the roster in force
    /// with the new objectives; else nothing new. What the roster names is added to the texts.
    pub fn make(&self, texts: &mut Texts, last: Option<&Good>) -> Outcome {
        let mut mistakes = Vec::new();
        let good = match self.roster(texts) {
            Ok(roster) => match self.objectives(texts, &roster) {
                Ok(objectives) => Some(Good { roster, objectives, texts: texts.clone() }),
                Err(why) => {
                    mistakes.push(why);
                    let kept = last.and_then(|last| Some((last, self.objectives(&last.texts, &roster).ok()?)));
                    kept.map(|(last, objectives)| {
                        let texts = Texts { objectives: last.texts.objectives.clone(), ..texts.clone() };
                        Good { roster, objectives, texts }
                    })
                }
            },
            Err(why) => {
                mistakes.push(why);
                last.filter(|last| !last.texts.same_objectives(texts)).and_then(|last| match self.objectives(texts, &last.roster) {
                    Ok(objectives) => {
                        let texts = Texts { objectives: texts.objectives.clone(), ..last.texts.clone() };
                        Some(Good { roster: last.roster.clone(), objectives, texts })
                    }
                    Err(why) => {
                        mistakes.push(why);
                        None
                    }
                })
            }
        };
        Outcome { good, mistakes }
    }

    fn roster(&self, texts: &mut Texts) -> Result<Roster, String> {
        let path = self.files.roster.as_deref();
        let mut roster = match &texts.roster {
            None => Roster::default(),
            Some(Err(why)) => return Err(format!("can't read the roster {}: {why}", path.unwrap_or(Path::new("")).display())),
            Some(Ok(yaml)) => {
                let before = std::mem::take(&mut texts.named);
                let named = &mut texts.named;
                let mut read = |name: &str| {
                    let known = before.get(name).cloned().unwrap_or_else(|| self.reading.text(&beside(self.files, name)).0);
                    named.entry(name.to_owned()).or_insert(known).clone()
                };
                let parsed = Roster::parse(yaml, &mut read);
                if parsed.is_err() {
                    // It may be mended by a file that was not asked for this time.
                    for (name, text) in before {
                        texts.named.entry(name).or_insert(text);
                    }
                }
                parsed.map_err(|mistake| told(self.files, path, &mistake))?
            }
        };
        self.overrides.apply(&mut roster);
        Ok(roster)
    }

    fn objectives(&self, texts: &Texts, roster: &Roster) -> Result<Vec<Objective>, String> {
        let path = self.files.objectives.as_deref();
        match &texts.objectives {
            None => Ok(Vec::new()),
            Some(Err(why)) => Err(format!("can't read the objectives {}: {why}", path.unwrap_or(Path::new("")).display())),
            Some(Ok(yaml)) => objective::parse(yaml, self.catalogue, roster).map_err(|mistake| told(self.files, path, &mistake)),
        }
    }
}

/// What a change takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// People who were in the roster and are not any more.
    pub people: Vec<String>,
    /// How many there were.
    pub of_people: usize,
    /// Objectives, likewise.
    pub objectives: Vec<String>,
    /// How many there were.
    pub of_objectives: usize,
}

impl Gone {
    /// What was in force and is not any more.
    pub fn between(before: &Good, after: &Good) -> Gone {
        let people = |good: &Good| good.roster.people.iter().map(|person| person.id.to_string()).collect::<Vec<_>>();
        let objectives = |good: &Good| good.objectives.iter().map(|objective| objective.id.to_string()).collect::<Vec<_>>();
        let gone = |before: Vec<String>, after: Vec<String>| {
            let after: HashSet<String> = after.into_iter().collect();
            (before.len(), before.into_iter().filter(|id| !after.contains(id)).collect())
        };
        let (of_people, people) = gone(people(before), people(after));
        let (of_objectives, objectives) = gone(objectives(before), objectives(after));
        Gone { people, of_people, objectives, of_objectives }
    }

    /// Whether more is gone than stays, as where a file is only half written.
    pub fn most(&self) -> bool {
        self.people.len() * 2 > self.of_people || self.objectives.len() * 2 > self.of_objectives
    }

    /// What is gone, in words; `None` where nothing is.
    pub fn words(&self) -> Option<String> {
        let words = |gone: &[String], of: usize, one: &str, many: &str| {
            let named: Vec<&str> = gone.iter().take(5).map(String::as_str).collect();
            let rest = if gone.len() > named.len() { ", …" } else { "" };
            (!gone.is_empty())
                .then(|| format!("{} of {of} {} gone: {}{rest}", gone.len(), if of == 1 { one } else { many }, named.join(", ")))
        };
        let people = words(&self.people, self.of_people, "person is", "people are");
        let objectives = words(&self.objectives, self.of_objectives, "objective is", "objectives are");
        let both: Vec<String> = people.into_iter().chain(objectives).collect();
        (!both.is_empty()).then(|| both.join("; "))
    }
}
