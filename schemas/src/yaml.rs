//! YAML as a tree whose every node knows its line, so that every complaint does.
//!
//! In: a file's text. Out: [`Node`]s, read as mappings, lists and texts; a number is the text it was written as. Refused here:
//! keys that nobody knows or that stand twice, texts that are empty or hold control characters. Never here: files, floats, meaning.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use crate::{Mistake, did_you_mean, time};

/// Where something stands and what it is.
pub struct Node {
    /// Its line in the file, from 1.
    pub line: usize,
    bytes: Option<std::ops::Range<usize>>,
    value: Value,
}

enum Value {
    Nothing,
    /// A number or a truth value: its text is the file's own, for `0.10` and `NO` mean more than what YAML takes them for.
    Plain,
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// A text and its line.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// Its line in the file, from 1.
    pub line: usize,
    /// What it says.
    pub text: &'a str,
}

/// A mapping whose keys are all known.
pub struct Fields<'a> {
    /// Its line in the file, from 1.
    pub line: usize,
    what: &'a str,
    fields: Vec<(&'a str, &'a Node)>,
}

/// Reads a file of one document.
///
/// # Errors
/// It is no YAML, or more than one document.
pub fn read(yaml: &str) -> Result<Node, Mistake> {
    // A large company's roster passes what the parser takes for hostile; aliases stay bounded.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 4_000_000, max_events: 10_000_000 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let yaml = yaml.strip_prefix('\u{feff}').unwrap_or(yaml);
    let mut root: Node = serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line() as usize);
        let cause = error.without_snippet().to_string();
        let cause = cause.lines().next().unwrap_or_default();
        Mistake::at(line.max(1), format!("this can't be read as YAML: {cause}; look for a bracket, a quote or an indent that is off"))
    })?;
    root.take_text(yaml);
    if let Value::Nothing = root.value {
        // Nothing stands at the file's end; what it lacks belongs at its beginning.
        root.line = 1;
    }
    Ok(root)
}

/// `; did you mean …`, or a list where it is short, or else what the caller says.
pub fn hint<'a>(given: &str, known: impl Iterator<Item = &'a str> + Clone, otherwise: &str) -> String {
    const MOST_LISTED: usize = 12;
    let hint = did_you_mean(given, known.clone());
    match known.count() {
        1..=MOST_LISTED => hint,
        1.. if hint.starts_with("; did you mean") => hint,
        _ => format!("; {otherwise}"),
    }
}

impl Node {
    fn take_text(&mut self, yaml: &str) {
        match &mut self.value {
            Value::Plain => {
                let text = self.bytes.clone().and_then(|bytes| yaml.get(bytes)).unwrap_or_default();
                self.value = Value::Text(text.trim().to_owned());
            }
            Value::List(nodes) => nodes.iter_mut().for_each(|node| node.take_text(yaml)),
            Value::Mapping(fields) => fields.iter_mut().for_each(|(key, node)| {
                key.take_text(yaml);
                node.take_text(yaml);
            }),
            Value::Nothing | Value::Text(_) => {}
        }
    }

    fn kind(&self) -> &'static str {
        match &self.value {
            Value::Nothing => "nothing",
            Value::Plain | Value::Text(_) => "a text or number",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// A complaint about this node.
    pub fn mistake(&self, cause: impl Into<String>) -> Mistake {
        Mistake::at(self.line, cause)
    }

    /// Whether it is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    /// The mapping it is, of known keys; `what` is its name in messages, `a person`.
    ///
    /// # Errors
    /// It is something else, has a key that isn't known, or one twice.
    pub fn fields<'a>(&'a self, what: &'a str, known: &[&str]) -> Result<Fields<'a>, Mistake> {
        let written = match &self.value {
            Value::Mapping(written) => written.as_slice(),
            Value::Nothing => &[],
            _ => return Err(self.mistake(format!("{what} is a mapping with {}; this is {}", listed(known), self.kind()))),
        };
        let mut fields: Vec<(&str, &Node)> = Vec::with_capacity(written.len());
        let mut lines = Vec::with_capacity(written.len());
        for (key, node) in written {
            let name = key.text("a key")?.text;
            if !known.contains(&name) {
                return Err(key.mistake(format!(
                    "{what} has no `{name}`{}",
                    hint(name, known.iter().copied(), &format!("it has {}", listed(known)))
                )));
            }
            if let Some(first) = fields.iter().position(|(other, _)| *other == name) {
                let cause = format!("`{name}` of {what} stands here and on line {}; keep one of the two", lines[first]);
                return Err(key.mistake(cause));
            }
            fields.push((name, node));
            lines.push(key.line);
        }
        Ok(Fields { line: self.line, what, fields })
    }

    /// The mapping it is, from names of somebody's own choice, in the order in which they stand; `what` is its name in messages.
    ///
    /// # Errors
    /// It is something else, or has a name twice.
    pub fn entries(&self, what: &str) -> Result<Vec<(Text<'_>, &Node)>, Mistake> {
        let written = match &self.value {
            Value::Mapping(written) => written.as_slice(),
            Value::Nothing => &[],
            _ => return Err(self.mistake(format!("{what} is a mapping from names; this is {}", self.kind()))),
        };
        let mut entries: Vec<(Text<'_>, &Node)> = Vec::with_capacity(written.len());
        for (key, node) in written {
            let name = key.text("a name")?;
            if let Some((first, _)) = entries.iter().find(|(other, _)| other.text == name.text) {
                return Err(name.mistake(format!("`{}` stands here and on line {}; keep one of the two", name.text, first.line)));
            }
            entries.push((name, node));
        }
        Ok(entries)
    }

    /// The list it is; `name` is the key it stands under.
    ///
    /// # Errors
    /// It is something else.
    pub fn list(&self, name: &str) -> Result<&[Node], Mistake> {
        match &self.value {
            Value::List(nodes) => Ok(nodes),
            Value::Nothing => Ok(&[]),
            _ => Err(self.mistake(format!("`{name}` is a list, in brackets or with a dash before each; this is {}", self.kind()))),
        }
    }

    /// The text or number it is, empty ones and those of several lines too; `None` where it is neither.
    pub fn said(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text or number it is; `name` is its name in messages.
    ///
    /// # Errors
    /// It is something else, empty, or holds a control character.
    pub fn text(&self, name: &str) -> Result<Text<'_>, Mistake> {
        let Value::Text(text) = &self.value else {
            return Err(self.mistake(format!("{name} is one text or number; this is {}", self.kind())));
        };
        if text.trim().is_empty() {
            return Err(self.mistake(format!("{name} is empty; write something, or leave it out")));
        }
        if let Some(control) = text.chars().find(|char| char.is_control()) {
            return Err(self.mistake(format!("{name} holds the control character {}; take it out", control.escape_default())));
        }
        Ok(Text { line: self.line, text })
    }
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl<'a> Fields<'a> {
    /// A complaint about the mapping as a whole.
    pub fn mistake(&self, cause: impl Into<String>) -> Mistake {
        Mistake::at(self.line, cause)
    }

    /// What stands under a key, unless that is nothing.
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        let (_, node) = self.fields.iter().find(|(name, _)| *name == key)?;
        (!matches!(node.value, Value::Nothing)).then_some(node)
    }

    /// The text under a key, if there is one.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn text(&self, key: &str) -> Result<Option<Text<'a>>, Mistake> {
        self.get(key).map(|node| node.text(&format!("`{key}`"))).transpose()
    }

    /// The text under a key that must be there; `why` ends the complaint, `such as …`.
    ///
    /// # Errors
    /// Nothing stands there, or something else.
    pub fn needed(&self, key: &str, why: &str) -> Result<Text<'a>, Mistake> {
        self.text(key)?.ok_or_else(|| self.mistake(format!("{} needs `{key}`, {why}", self.what)))
    }

    /// The text under a key, if there is one, as a copy.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn owned(&self, key: &str) -> Result<Option<String>, Mistake> {
        Ok(self.text(key)?.map(|text| text.text.to_owned()))
    }

    /// The list under a key, empty where nothing stands there.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn list(&self, key: &str) -> Result<&'a [Node], Mistake> {
        self.get(key).map_or(Ok(&[]), |node| node.list(key))
    }

    /// `true` or `false` under a key, if it is there.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Mistake> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let flag = text.flag().ok_or_else(|| text.mistake(format!("`{key}` is true or false, not `{}`", text.text)))?;
        Ok(Some(flag))
    }

    /// The date under a key, if there is one, in days since 1970-01-01.
    ///
    /// # Errors
    /// Something else stands there, or a date that no company plans by.
    pub fn date(&self, key: &str) -> Result<Option<i32>, Mistake> {
        self.text(key)?.map(|text| text.date()).transpose()
    }
}

impl Text<'_> {
    /// A complaint about this text.
    pub fn mistake(&self, cause: impl Into<String>) -> Mistake {
        Mistake::at(self.line, cause)
    }

    /// Whether it is a name that can be written anywhere: of a–z, 0–9 and _, beginning with a letter.
    pub fn is_name(&self) -> bool {
        let letters = self.text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        letters && self.text.starts_with(|first: char| first.is_ascii_lowercase())
    }

    /// `true` or `false`, in the three ways in which YAML writes them.
    pub fn flag(&self) -> Option<bool> {
        match self.text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// One of a closed set; `what` is what each is.
    ///
    /// # Errors
    /// None of them.
    pub fn one_of<T: Copy>(&self, what: &str, known: &[(&'static str, T)]) -> Result<T, Mistake> {
        let found = known.iter().find(|(name, _)| *name == self.text).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let hint = did_you_mean(self.text, known.iter().map(|(name, _)| *name));
            self.mistake(format!("`{}` is no {what}{hint}", self.text))
        })
    }

    /// Days since 1970-01-01; a date no company plans by is taken for a slip.
    ///
    /// # Errors
    /// It is no date, or such a one.
    pub fn date(&self) -> Result<i32, Mistake> {
        let day = time::parse_date(self.text).map_err(|cause| self.mistake(cause))?;
        match time::date_of(day).year() {
            1970..=2200 => Ok(day),
            _ => Err(self.mistake(format!("{} is out of reach; write a date between 1970 and 2200", self.text))),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Spanned::<Value>::deserialize(deserializer)?;
        let span = read.defined.span();
        let bytes = span.byte_offset().zip(span.byte_len()).map(|(start, length)| start as usize..(start + length) as usize);
        Ok(Node { line: (read.referenced.line() as usize).max(1), bytes, value: read.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = mapping.next_entry()? {
            fields.push(field);
        }
        Ok(Value::Mapping(fields))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn texts(yaml: &str) -> Vec<(usize, String)> {
        let root = read(yaml).unwrap();
        root.list("it").unwrap().iter().map(|node| node.text("it").map(|text| (text.line, text.text.to_owned())).unwrap()).collect()
    }

    #[test]
    fn a_number_is_the_text_it_was_written_as() {
        let yaml = "- é # ü\n- 0.10 # tenth\n- NO\r\n- 007\n- &a 1e999\n- *a\n- .nan\n- 30 %\n- 1_000\n- \"5\"\n- 12345678901234567890123\n- -3\n- 'it''s'\n";
        let written: Vec<_> = texts(yaml).into_iter().map(|(_, text)| text).collect();
        let expected = ["é", "0.10", "NO", "007", "1e999", "1e999", ".nan", "30 %", "1_000", "5", "12345678901234567890123", "-3", "it's"];
        assert_eq!(written, expected);
        assert_eq!(texts("\u{feff}- 0.10\n"), [(1, "0.10".to_owned())]);
    }

    #[test]
    fn every_node_knows_its_line() {
        assert_eq!(texts("\n# words\n- a\n\n- b"), [(3, "a".to_owned()), (5, "b".to_owned())]);
        assert_eq!(texts("[a,\n  1,\r\n 2]"), [(1, "a".to_owned()), (2, "1".to_owned()), (3, "2".to_owned())]);
        let root = read("a:\n  b: 1\nc: {d: 2,\n b: 3}\n").unwrap();
        let fields = root.fields("it", &["a", "c"]).unwrap();
        assert_eq!(fields.get("a").unwrap().line, 2);
        let inner = fields.get("c").unwrap().fields("it", &["b", "d"]).unwrap();
        assert_eq!((inner.line, inner.text("b").unwrap().unwrap().line), (3, 4));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |yaml: &str| -> String {
            let read = read(yaml).and_then(|root| {
                root.fields("a thing", &["name", "size"]).map(|fields| fields.text("name").map(|_| ())).and_then(|read| read)
            });
            read.unwrap_err().to_string()
        };
        assert_eq!(wrong("name: a\nsise: 1"), "line 2: a thing has no `sise`; did you mean `size`?");
        assert_eq!(wrong("name: a\nsize: 1\n\nname: b"), "line 4: `name` of a thing stands here and on line 1; keep one of the two");
        assert_eq!(wrong("- a"), "line 1: a thing is a mapping with `name`, `size`; this is a list");
        assert_eq!(wrong("\nname: ''"), "line 2: `name` is empty; write something, or leave it out");
        assert_eq!(wrong("name: \"a\\nb\""), "line 1: `name` holds the control character \\n; take it out");
        assert_eq!(wrong("name: [a]"), "line 1: `name` is one text or number; this is a list");
        assert!(wrong("name: a\nsize: [1\n").contains("this can't be read as YAML"));
        assert!(wrong("name: a\n---\nname: b\n").contains("this can't be read as YAML"));
        let deep = "[".repeat(5_000);
        assert!(wrong(&deep).contains("this can't be read as YAML"));
    }

    #[test]
    fn what_a_mapping_takes_over_gives_way_to_its_own() {
        let root = read("- &a {name: x, size: 1}\n- <<: *a\n  size: 2\n").unwrap();
        let fields = root.list("it").unwrap()[1].fields("a thing", &["name", "size"]).unwrap();
        assert_eq!((fields.text("name").unwrap().unwrap().text, fields.text("size").unwrap().unwrap().text), ("x", "2"));
    }

    #[test]
    fn an_empty_file_is_an_empty_mapping() {
        for empty in ["", "# nothing\n", "---\n", "null"] {
            assert!(read(empty).unwrap().fields("it", &[]).is_ok());
        }
    }
}
