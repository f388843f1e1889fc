//! The files of configuration as texts, and which of them make a whole: pure but for the reading.
//!
//! In: paths; what was in force. Out: a roster and objectives that go together, and what is wrong with each file that is not in
//! force. What always holds: objectives are read against the very roster that they are judged by. Never here: clocks, threads, logs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use onpace_kpis::objective::{self, Objective};
use onpace_kpis::{Catalogue, Mistake, Roster};

use super::{Files, Overrides};
use crate::evaluation::{Read, digest};

/// A text, or why there is none.
type Text = Result<String, String>;

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

fn text(path: &Path) -> Text {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

impl Texts {
    /// Reads the files, and the others that the roster named when it was last read.
    pub fn read(files: &Files, before: &Texts) -> Texts {
        let mut texts =
            Texts { roster: files.roster.as_deref().map(text), named: BTreeMap::new(), objectives: files.objectives.as_deref().map(text) };
        for name in before.named.keys() {
            texts.named.insert(name.clone(), text(&beside(files, name)));
        }
        texts
    }

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
                    let known = before.get(name).cloned().unwrap_or_else(|| text(&beside(self.files, name)));
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
