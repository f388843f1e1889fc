//! A catalogue's YAML as sections of named entries, with the line that each complaint is about.

use onpace_schemas::did_you_mean;
use serde_yaml_ng::{Mapping, Value};

use super::{About, CatalogueError};
use crate::window::Window;

const SECTIONS: [&str; 3] = ["windows", "measures", "kpis"];

/// A catalogue's YAML.
pub(super) struct Document<'a> {
    text: &'a str,
    root: Mapping,
}

/// A measure or a KPI as written.
pub(super) struct Entry {
    section: &'static str,
    pub(super) name: String,
    keys: Mapping,
}

impl<'a> Document<'a> {
    pub(super) fn read(text: &'a str) -> Result<Document<'a>, CatalogueError> {
        let root: Value = serde_yaml_ng::from_str(text).map_err(|error| CatalogueError {
            line: error.location().map_or(1, |location| location.line()),
            cause: format!("this is no YAML: {error}"),
        })?;
        let root = match root {
            Value::Null => Mapping::new(),
            Value::Mapping(root) => root,
            _ => return Err(CatalogueError { line: 1, cause: "a catalogue is a mapping of `windows`, `measures` and `kpis`".to_owned() }),
        };
        let document = Document { text, root };
        for key in document.root.keys() {
            let name = key.as_str().unwrap_or("…");
            if !SECTIONS.contains(&name) {
                let cause = format!("a catalogue has no `{name}`{}", did_you_mean(name, SECTIONS.into_iter()));
                return Err(CatalogueError { line: document.line_of(name, 0..usize::MAX).unwrap_or(1), cause });
            }
        }
        Ok(document)
    }

    /// The windows, if the catalogue lists them.
    pub(super) fn windows(&self) -> Result<Option<Vec<Window>>, CatalogueError> {
        let Some(windows) = self.root.get("windows") else { return Ok(None) };
        let lines = self.section("windows");
        let error =
            |token: &str, cause: String| CatalogueError { line: self.line_of(token, lines.clone()).unwrap_or(lines.start + 1), cause };
        let Some(windows) = windows.as_sequence() else {
            return Err(error("windows", "`windows` is a list, such as [today, 7d, month]".to_owned()));
        };
        let mut read: Vec<Window> = Vec::with_capacity(windows.len());
        for window in windows {
            let name = window.as_str().unwrap_or("…");
            let window = name.parse().map_err(|cause| error(name, cause))?;
            if read.contains(&window) {
                return Err(error(name, format!("the window `{name}` is listed twice")));
            }
            read.push(window);
        }
        Ok(Some(read))
    }

    /// The entries of a section, in the order in which they stand.
    pub(super) fn entries(&self, section: &'static str) -> Result<Vec<Entry>, CatalogueError> {
        let wrong = |cause: String| CatalogueError { line: self.section(section).start + 1, cause };
        let named = match self.root.get(section) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Mapping(named)) => named,
            Some(_) => return Err(wrong(format!("`{section}` is a mapping from names to definitions"))),
        };
        let mut entries = Vec::with_capacity(named.len());
        for (name, keys) in named {
            let name = name.as_str().unwrap_or_default().to_owned();
            let keys = keys.as_mapping().cloned();
            let entry = Entry { section, name, keys: keys.clone().unwrap_or_default() };
            let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            if !entry.name.starts_with(|first: char| first.is_ascii_lowercase()) || !letters(&entry.name) || entry.name == "quantile" {
                let cause = format!("`{}` is no name; write one of a–z, 0–9 and _ that begins with a letter", entry.name);
                return Err(self.error(&entry, "", cause));
            }
            if keys.is_none() {
                return Err(self.error(&entry, "", format!("`{}` has no definition under it", entry.name)));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// A complaint about an entry, at the first line of it that holds the token, or else its own.
    pub(super) fn error(&self, entry: &Entry, token: &str, cause: impl Into<String>) -> CatalogueError {
        let section = self.section(entry.section);
        let own = self.line_of(&entry.name, section.start + 1..section.end).unwrap_or(section.start + 1);
        let depth = self.depth(own);
        let lines = self.text.lines().enumerate().skip(own);
        let after = lines.filter(|(_, line)| !line.trim().is_empty()).find(|(at, _)| self.depth(at + 1) <= depth);
        let end = after.map_or(section.end, |(at, _)| at);
        let line = if token.is_empty() { None } else { self.line_of(token, own - 1..end.max(own)) };
        CatalogueError { line: line.unwrap_or(own), cause: cause.into() }
    }

    /// The lines of a section, from its heading on, counted from 0.
    fn section(&self, name: &str) -> std::ops::Range<usize> {
        let heading = |line: &str, name: &str| line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(':'));
        let start = self.text.lines().position(|line| heading(line, name)).unwrap_or(0);
        let next = self.text.lines().enumerate().skip(start + 1).find(|(_, line)| SECTIONS.iter().any(|other| heading(line, other)));
        start..next.map_or(usize::MAX, |(at, _)| at)
    }

    fn depth(&self, line: usize) -> usize {
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        text.len() - text.trim_start().len()
    }

    /// The first of some lines (counted from 0) that holds a word or words, outside comments; counted from 1.
    fn line_of(&self, token: &str, lines: std::ops::Range<usize>) -> Option<usize> {
        let in_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let holds = |line: &str| {
            let line = line.split(" #").next().unwrap_or_default();
            line.match_indices(token).any(|(at, _)| {
                let (before, after) = (line.as_bytes()[..at].last(), line.as_bytes().get(at + token.len()));
                !in_word(before) && !in_word(after)
            })
        };
        let mut numbered = self.text.lines().enumerate().filter(|(at, line)| lines.contains(at) && !line.trim_start().starts_with('#'));
        numbered.find(|(_, line)| holds(line)).map(|(at, _)| at + 1)
    }

    pub(super) fn refuse_unknown_keys(&self, entry: &Entry, known: &[&str]) -> Result<(), CatalogueError> {
        for key in entry.keys.keys() {
            let name = key.as_str().unwrap_or("…");
            if !known.contains(&name) {
                let cause = format!("`{}` has an unknown key `{name}`{}", entry.name, did_you_mean(name, known.iter().copied()));
                return Err(self.error(entry, name, cause));
            }
        }
        Ok(())
    }

    /// The text under a key, if there is one.
    pub(super) fn text(&self, entry: &Entry, key: &str) -> Result<Option<String>, CatalogueError> {
        match entry.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.error(entry, key, format!("`{key}` of `{}` is a text", entry.name))),
        }
    }

    pub(super) fn required_text(&self, entry: &Entry, key: &str) -> Result<String, CatalogueError> {
        self.text(entry, key)?.ok_or_else(|| self.error(entry, "", format!("`{}` needs `{key}`", entry.name)))
    }

    /// A text, or a list of texts, under a key.
    pub(super) fn texts(&self, entry: &Entry, key: &str) -> Result<Vec<String>, CatalogueError> {
        let wrong = || self.error(entry, key, format!("`{key}` of `{}` is a text or a list of texts", entry.name));
        match entry.get(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Sequence(texts)) => texts.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
            Some(_) => Err(wrong()),
        }
    }

    pub(super) fn about(&self, entry: &Entry) -> Result<About, CatalogueError> {
        let words = |key| Ok(self.text(entry, key)?.unwrap_or_default().trim().to_owned());
        Ok(About { en: words("en")?, fr: words("fr")? })
    }
}

impl Entry {
    /// What stands under a key; `null` is nothing.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }
}
