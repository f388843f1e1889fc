//! One measure, from its YAML.

use onpace_schemas::{Field, FieldNo, Keep, Kind, MAX_TEXT_BYTES, Shape, did_you_mean};
use serde_yaml_ng::Value;

use super::document::{Document, Entry};
use super::{About, CatalogueError, Unit};
use crate::contributions::REP;
use crate::{At, Condition, Credit, Measure, Test, What};

const KEYS: [&str; 11] = ["of", "where", "at", "value", "by", "level", "each", "credit", "unit", "en", "fr"];
const CREDITS: [(&str, Credit); 2] = [("in_force", Credit::InForce), ("current", Credit::Current)];
const VALUES: &str = "`count`, `cycle`, {sum: FIELD}, {amount: FIELD} or {count_valued: FIELD}";

/// Reads a measure, the unit of the KPI that it is by itself (a histogram is none), and its meaning.
pub(super) fn read(document: &Document<'_>, entry: &Entry) -> Result<(Measure, Option<Unit>, About), CatalogueError> {
    document.refuse_unknown_keys(entry, &KEYS)?;
    let of = document.required_text(entry, "of")?;
    let kind = Kind::named(&of).ok_or_else(|| {
        let known = did_you_mean(&of, Kind::ALL.iter().map(|kind| kind.name()));
        document.error(entry, "of", format!("there is no kind `{of}`{known}"))
    })?;
    let reader = Reader { document, entry, kind };
    let what = reader.what()?;
    let (conditions, by, credit) = (reader.conditions()?, reader.by(&what)?, reader.credit()?);
    let measure = Measure { name: entry.name.clone(), kind, conditions, what, by, credit };
    let unit = reader.unit(&measure.what)?;
    Ok((measure, unit, document.about(entry)?))
}

struct Reader<'a> {
    document: &'a Document<'a>,
    entry: &'a Entry,
    kind: Kind,
}

impl Reader<'_> {
    fn wrong<T>(&self, token: &str, cause: impl Into<String>) -> Result<T, CatalogueError> {
        Err(self.document.error(self.entry, token, cause))
    }

    fn field(&self, name: &str) -> Result<(FieldNo, Field), CatalogueError> {
        match self.kind.field(name) {
            Some(no) => Ok((no, self.kind.fields()[usize::from(no)])),
            None => {
                let known = did_you_mean(name, self.kind.fields().iter().map(|field| field.name));
                self.wrong(name, format!("{} has no field `{name}`{known}", self.kind.one()))
            }
        }
    }

    fn conditions(&self) -> Result<Vec<Condition>, CatalogueError> {
        let fields = match self.entry.get("where") {
            None => return Ok(Vec::new()),
            Some(Value::Mapping(fields)) => fields,
            Some(_) => return self.wrong("where", "`where` is a mapping from fields to what they must be"),
        };
        let mut conditions = Vec::with_capacity(fields.len());
        for (name, wanted) in fields {
            let (field, about) = self.field(name.as_str().unwrap_or("…"))?;
            conditions.push(Condition { field, test: self.test(&about, wanted)? });
        }
        Ok(conditions)
    }

    fn test(&self, field: &Field, wanted: &Value) -> Result<Test, CatalogueError> {
        let name = field.name;
        if let Value::Mapping(keys) = wanted {
            return match (keys.len(), keys.get("set")) {
                (1, Some(Value::Bool(true))) => Ok(Test::Set),
                (1, Some(Value::Bool(false))) => Ok(Test::Unset),
                _ => self.wrong(name, format!("`{name}: {{…}}` is {{set: true}} or {{set: false}}")),
            };
        }
        let texts: Option<Vec<&str>> = match wanted {
            Value::String(text) => Some(vec![text]),
            Value::Sequence(texts) => texts.iter().map(Value::as_str).collect(),
            _ => None,
        };
        match (field.shape, texts, wanted) {
            (Shape::Flag, _, Value::Bool(wanted)) => Ok(Test::Flag(*wanted)),
            (Shape::Flag, ..) => self.wrong(name, format!("`{name}` is true or false")),
            (Shape::Choice(set), Some(texts), _) if !texts.is_empty() => {
                let place = |text: &str| match set.iter().position(|choice| *choice == text) {
                    Some(place) => Ok(place as u8),
                    None => self.wrong(text, format!("`{name}` is never `{text}`{}", did_you_mean(text, set.iter().copied()))),
                };
                texts.into_iter().map(place).collect::<Result<_, _>>().map(Test::Choice)
            }
            (Shape::Text, Some(texts), _) if !texts.is_empty() => match texts.iter().find(|text| text.len() > MAX_TEXT_BYTES) {
                Some(_) => self.wrong(name, format!("no `{name}` is longer than {MAX_TEXT_BYTES} bytes")),
                None => Ok(Test::Text(texts.into_iter().map(str::to_owned).collect())),
            },
            (Shape::Choice(_) | Shape::Text, ..) => {
                self.wrong(name, format!("`{name}` must be a text, a list of texts, {{set: true}} or {{set: false}}"))
            }
            _ => self.wrong(name, format!("of `{name}` a measure can only ask {{set: true}} or {{set: false}}")),
        }
    }

    fn what(&self) -> Result<What, CatalogueError> {
        let level = match self.entry.get("level") {
            None => false,
            Some(Value::Bool(level)) => *level,
            Some(_) => return self.wrong("level", "`level` is true or false"),
        };
        if let Some(each) = self.document.text(self.entry, "each")? {
            return self.each(&each, level);
        }
        if level {
            return self.level();
        }
        let value = match self.entry.get("value") {
            None => return self.wrong("", format!("`{}` needs `value`: {VALUES}", self.entry.name)),
            Some(value) => value,
        };
        match value {
            Value::String(text) if text == "count" => Ok(What::Count(self.at()?)),
            Value::String(text) if text == "cycle" => {
                self.lives("value")?;
                self.no_at("a cycle counts when its entity is closed")?;
                Ok(What::Cycle)
            }
            Value::Mapping(keys) if keys.len() == 1 => {
                let (how, field) =
                    keys.iter().next().map_or(("", ""), |(how, field)| (how.as_str().unwrap_or(""), field.as_str().unwrap_or("")));
                match how {
                    "sum" => Ok(What::Sum(self.shaped(field, |shape| shape == Shape::Integer, "a whole number")?, self.at()?)),
                    "amount" => Ok(What::Money(self.amount(field)?, self.at()?)),
                    "count_valued" => Ok(What::CountValued(self.amount(field)?, self.at()?)),
                    _ => self.wrong("value", format!("`value` is {VALUES}")),
                }
            }
            _ => self.wrong("value", format!("`value` is {VALUES}")),
        }
    }

    fn each(&self, field: &str, level: bool) -> Result<What, CatalogueError> {
        let no = self.shaped(field, |shape| shape == Shape::Text, "a text")?;
        if self.kind.fields()[usize::from(no)].keep != Keep::Tracked {
            return self.wrong(field, format!("`{field}` keeps no history, so `each` can't count its values"));
        }
        let count = self.entry.get("value").is_none_or(|value| value.as_str() == Some("count"));
        if level || !count || self.entry.get("by").is_some() {
            return self.wrong("each", "a measure of `each` value counts: it has no `level`, no `by` and no other `value` than `count`");
        }
        self.no_at("a measure of `each` value counts when the value was first named")?;
        Ok(What::Entered(no))
    }

    fn level(&self) -> Result<What, CatalogueError> {
        self.lives("level")?;
        self.no_at("a level rises when its entity is created and falls when that is closed")?;
        match self.entry.get("value") {
            None => Ok(What::Level),
            Some(Value::String(text)) if text == "count" => Ok(What::Level),
            Some(Value::Mapping(keys)) if keys.len() == 1 && keys.contains_key("amount") => {
                let field = keys.get("amount").and_then(Value::as_str).unwrap_or("");
                Ok(What::LevelMoney(self.amount(field)?))
            }
            Some(_) => self.wrong("value", "the `value` of a level is `count` or {amount: FIELD}"),
        }
    }

    fn amount(&self, field: &str) -> Result<FieldNo, CatalogueError> {
        self.shaped(field, |shape| shape == Shape::Amount, "an amount")
    }

    fn shaped(&self, name: &str, fits: fn(Shape) -> bool, what: &str) -> Result<FieldNo, CatalogueError> {
        let (no, field) = self.field(name)?;
        if fits(field.shape) { Ok(no) } else { self.wrong(name, format!("`{name}` is not {what}")) }
    }

    /// Only what has a life is created and closed.
    fn lives(&self, key: &str) -> Result<(), CatalogueError> {
        if self.kind.life().is_some() {
            return Ok(());
        }
        let living: Vec<String> = Kind::ALL.into_iter().filter(|kind| kind.life().is_some()).map(Kind::one).collect();
        self.wrong(key, format!("only {} is created and closed; {} isn't", living.join(" or "), self.kind.one()))
    }

    fn no_at(&self, why: &str) -> Result<(), CatalogueError> {
        if self.entry.get("at").is_some() { self.wrong("at", format!("`at` can't be chosen here: {why}")) } else { Ok(()) }
    }

    fn at(&self) -> Result<At, CatalogueError> {
        let names = self.document.texts(self.entry, "at")?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names.as_slice() {
            [] => self
                .wrong("", format!("`{}` needs `at`: a field of time, or several, `first_seen`, `created` or `closed`", self.entry.name)),
            ["first_seen"] => Ok(At::Fields(Vec::new())),
            ["created"] => self.lives("at").map(|()| At::Created),
            ["closed"] => self.lives("at").map(|()| At::Closed),
            names => {
                // `first_seen` is what every list falls back to; it may be said, at the end.
                let names = names.strip_suffix(&["first_seen"]).unwrap_or(names);
                let time = |name: &&str| self.shaped(name, |shape| matches!(shape, Shape::Time | Shape::Instant), "a time");
                names.iter().map(time).collect::<Result<_, _>>().map(At::Fields)
            }
        }
    }

    fn by(&self, what: &What) -> Result<Vec<FieldNo>, CatalogueError> {
        let names = self.document.texts(self.entry, "by")?;
        if names.len() > 2 {
            return self.wrong("by", "a measure is broken down by at most two fields");
        }
        if what.is_histogram() && !names.is_empty() {
            return self.wrong("by", "a histogram can't be broken down");
        }
        let mut fields: Vec<FieldNo> = Vec::with_capacity(names.len());
        for name in &names {
            let no = self.shaped(name, |shape| shape == Shape::Text, "a text")?;
            if name == "rep" || fields.contains(&no) {
                return self.wrong("by", format!("`by: {name}` adds nothing: every measure is counted by rep, and by a field once"));
            }
            fields.push(no);
        }
        Ok(fields)
    }

    fn credit(&self) -> Result<Credit, CatalogueError> {
        let Some(said) = self.document.text(self.entry, "credit")? else { return Ok(Credit::default()) };
        let Some((_, credit)) = CREDITS.into_iter().find(|(name, _)| *name == said) else {
            let known = did_you_mean(&said, CREDITS.into_iter().map(|(name, _)| name));
            return self.wrong(&said, format!("nobody is credited by `{said}`{known}"));
        };
        if self.kind.fields()[usize::from(REP)].keep != Keep::Tracked {
            let kind = self.kind.one();
            return self.wrong("credit", format!("{kind}'s `rep` keeps no history, so it is always the current one; leave `credit` out"));
        }
        Ok(credit)
    }

    fn unit(&self, what: &What) -> Result<Option<Unit>, CatalogueError> {
        let own = match what {
            What::Cycle => None,
            What::Money(..) | What::LevelMoney(_) => Some(Unit::Money),
            What::Sum(field, _) if self.kind.fields()[usize::from(*field)].name.ends_with("_s") => Some(Unit::Seconds),
            _ => Some(Unit::Count),
        };
        match (self.document.text(self.entry, "unit")?, own) {
            (None, own) => Ok(own),
            (Some(said), Some(own)) if said == own.name() => Ok(Some(own)),
            (Some(said), own) => {
                let own = own.map_or("seconds, and is only seen through `quantile`".to_owned(), |own| own.name().to_owned());
                self.wrong("unit", format!("the unit of `{}` is {own}, not `{said}`", self.entry.name))
            }
        }
    }
}
