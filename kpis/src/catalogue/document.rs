//! A catalogue's YAML as sections of named entries.
//!
//! In: a file. Out: its windows, and entries whose keys are all known. Every complaint has the line of what it is about. Never here: what a key means.

use onpace_schemas::Mistake;
use onpace_schemas::yaml::{Fields, Node, Text};

use super::About;
use crate::window::Window;

/// A catalogue's YAML.
pub(super) struct Document<'a> {
    sections: Fields<'a>,
}

/// A measure or a KPI as written.
pub(super) struct Entry<'a> {
    pub(super) name: Text<'a>,
    pub(super) keys: Fields<'a>,
}

impl<'a> Document<'a> {
    pub(super) fn of(root: &'a Node) -> Result<Document<'a>, Mistake> {
        Ok(Document { sections: root.fields("a catalogue", &["windows", "measures", "kpis"])? })
    }

    /// The windows, if the catalogue lists them.
    pub(super) fn windows(&self) -> Result<Option<Vec<Window>>, Mistake> {
        if self.sections.get("windows").is_none() {
            return Ok(None);
        }
        let mut read: Vec<Window> = Vec::new();
        for node in self.sections.list("windows")? {
            let name = node.text("a window")?;
            let window = name.text.parse().map_err(|cause: String| name.mistake(cause))?;
            if read.contains(&window) {
                return Err(name.mistake(format!("the window `{}` is listed twice", name.text)));
            }
            read.push(window);
        }
        Ok(Some(read))
    }

    /// The entries of a section, in the order in which they stand; `what` is what each is, of these keys.
    pub(super) fn entries(&self, section: &str, what: &'a str, keys: &[&str]) -> Result<Vec<Entry<'a>>, Mistake> {
        let named = self.sections.get(section).map_or(Ok(Vec::new()), |node| node.entries(&format!("`{section}`")))?;
        named.into_iter().map(|(name, node)| Ok(Entry { name: named_well(name)?, keys: node.fields(what, keys)? })).collect()
    }
}

fn named_well(name: Text<'_>) -> Result<Text<'_>, Mistake> {
    if !name.is_name() || name.text == "quantile" {
        return Err(name.mistake(format!("`{}` is no name; write one of a–z, 0–9 and _ that begins with a letter", name.text)));
    }
    Ok(name)
}

impl<'a> Entry<'a> {
    /// A complaint about the entry as a whole.
    pub(super) fn mistake(&self, cause: impl Into<String>) -> Mistake {
        self.name.mistake(cause)
    }

    /// A complaint about what stands under a key, or about the entry where nothing does.
    pub(super) fn mistake_at(&self, key: &str, cause: impl Into<String>) -> Mistake {
        Mistake::at(self.keys.get(key).map_or(self.name.line, |node| node.line), cause)
    }

    /// The text under a key that must be there.
    pub(super) fn needed(&self, key: &str) -> Result<Text<'a>, Mistake> {
        self.keys.text(key)?.ok_or_else(|| self.mistake(format!("`{}` needs `{key}`", self.name.text)))
    }

    /// The same, which may go over several lines.
    pub(super) fn needed_lines(&self, key: &str) -> Result<Text<'a>, Mistake> {
        match self.keys.get(key).map(|node| (node.line, node.said().map(str::trim))) {
            Some((line, Some(text))) if !text.is_empty() => Ok(Text { line, text }),
            _ => self.needed(key),
        }
    }

    /// A text, or a list of texts, under a key.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<Text<'a>>, Mistake> {
        match self.keys.get(key) {
            None => Ok(Vec::new()),
            Some(node) if node.said().is_some() => Ok(vec![node.text(&format!("`{key}`"))?]),
            Some(node) if node.is_mapping() => Err(node.mistake(format!("`{key}` is a text, or a list of texts"))),
            Some(node) => node.list(key)?.iter().map(|node| node.text(&format!("each of `{key}`"))).collect(),
        }
    }

    /// What it means, in words.
    pub(super) fn about(&self) -> Result<About, Mistake> {
        let words = |key: &str| match self.keys.get(key) {
            None => Ok(String::new()),
            Some(node) => match node.said() {
                Some(words) => Ok(words.trim().to_owned()),
                None => node.text(&format!("`{key}`")).map(|text| text.text.to_owned()),
            },
        };
        Ok(About { en: words("en")?, fr: words("fr")? })
    }
}
