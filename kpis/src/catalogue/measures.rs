//! One measure, from its YAML.

use onpace_schemas::yaml::{Node, Text};
use onpace_schemas::{Field, FieldNo, Keep, Kind, MAX_TEXT_BYTES, Mistake, Shape, did_you_mean};

use super::document::Entry;
use super::{About, Unit};
use crate::contributions::REP;
use crate::{At, Condition, Credit, Measure, Test, What};

/// What can be said of a measure.
pub(super) const KEYS: [&str; 11] = ["of", "where", "at", "value", "by", "level", "each", "credit", "unit", "en", "fr"];
const CREDITS: [(&str, Credit); 2] = [("in_force", Credit::InForce), ("current", Credit::Current)];
const VALUES: &str = "`count`, `cycle`, {sum: FIELD}, {amount: FIELD} or {count_valued: FIELD}";

/// Reads a measure, the unit of the KPI that it is by itself (a histogram is none), and its meaning.
pub(super) fn read(entry: &Entry<'_>) -> Result<(Measure, Option<Unit>, About), Mistake> {
    let of = entry.needed("of")?;
    let kind = Kind::named(of.text).ok_or_else(|| {
        let known = did_you_mean(of.text, Kind::ALL.iter().map(|kind| kind.name()));
        of.mistake(format!("there is no kind `{}`{known}", of.text))
    })?;
    let reader = Reader { entry, kind };
    let what = reader.what()?;
    let (conditions, by, credit) = (reader.conditions()?, reader.by(&what)?, reader.credit()?);
    let measure = Measure { name: entry.name.text.to_owned(), kind, conditions, what, by, credit };
    let unit = reader.unit(&measure.what)?;
    Ok((measure, unit, entry.about()?))
}

struct Reader<'a> {
    entry: &'a Entry<'a>,
    kind: Kind,
}

impl Reader<'_> {
    /// A complaint about what stands under a key, or about the measure where nothing does.
    fn wrong<T>(&self, key: &str, cause: impl Into<String>) -> Result<T, Mistake> {
        Err(self.entry.mistake_at(key, cause))
    }

    fn field(&self, name: Text<'_>) -> Result<(FieldNo, Field), Mistake> {
        match self.kind.field(name.text) {
            Some(no) => Ok((no, self.kind.fields()[usize::from(no)])),
            None => {
                let known = did_you_mean(name.text, self.kind.fields().iter().map(|field| field.name));
                Err(name.mistake(format!("{} has no field `{}`{known}", self.kind.one(), name.text)))
            }
        }
    }

    fn conditions(&self) -> Result<Vec<Condition>, Mistake> {
        let Some(fields) = self.entry.keys.get("where") else { return Ok(Vec::new()) };
        let fields = fields.entries("`where`")?;
        let condition = |(name, wanted)| {
            let (field, about) = self.field(name)?;
            Ok(Condition { field, test: test(&about, wanted)? })
        };
        fields.into_iter().map(condition).collect()
    }

    fn what(&self) -> Result<What, Mistake> {
        let keys = &self.entry.keys;
        let level = keys.flag("level")?.unwrap_or(false);
        if let Some(each) = keys.text("each")? {
            return self.each(each, level);
        }
        if level {
            return self.level();
        }
        let Some(value) = keys.get("value") else {
            return Err(self.entry.mistake(format!("`{}` needs `value`: {VALUES}", self.entry.name.text)));
        };
        match self.single(value)? {
            Single::Word("count") => Ok(What::Count(self.at()?)),
            Single::Word("cycle") => {
                self.lives("value")?;
                self.no_at("a cycle counts when its entity is closed")?;
                Ok(What::Cycle)
            }
            Single::Of("sum", field) => Ok(What::Sum(self.shaped(field, |shape| shape == Shape::Integer, "a whole number")?, self.at()?)),
            Single::Of("amount", field) => Ok(What::Money(self.amount(field)?, self.at()?)),
            Single::Of("count_valued", field) => Ok(What::CountValued(self.amount(field)?, self.at()?)),
            _ => Err(value.mistake(format!("`value` is {VALUES}"))),
        }
    }

    /// What a `value` says: a word, or one thing of a field.
    fn single<'n>(&self, value: &'n Node) -> Result<Single<'n>, Mistake> {
        if !value.is_mapping() {
            return Ok(Single::Word(value.said().unwrap_or_default()));
        }
        match value.entries("`value`")?[..] {
            [(how, field)] => Ok(Single::Of(how.text, field.text("a field")?)),
            _ => Err(value.mistake(format!("`value` is {VALUES}"))),
        }
    }

    fn each(&self, field: Text<'_>, level: bool) -> Result<What, Mistake> {
        let no = self.shaped(field, |shape| shape == Shape::Text, "a text")?;
        if self.kind.fields()[usize::from(no)].keep != Keep::Tracked {
            return Err(field.mistake(format!("`{}` keeps no history, so `each` can't count its values", field.text)));
        }
        let count = self.entry.keys.get("value").is_none_or(|value| value.said() == Some("count"));
        if level || !count || self.entry.keys.get("by").is_some() {
            return self.wrong("each", "a measure of `each` value counts: it has no `level`, no `by` and no other `value` than `count`");
        }
        self.no_at("a measure of `each` value counts when the value was first named")?;
        Ok(What::Entered(no))
    }

    fn level(&self) -> Result<What, Mistake> {
        self.lives("level")?;
        self.no_at("a level rises when its entity is created and falls when that is closed")?;
        let Some(value) = self.entry.keys.get("value") else { return Ok(What::Level) };
        match self.single(value)? {
            Single::Word("count") => Ok(What::Level),
            Single::Of("amount", field) => Ok(What::LevelMoney(self.amount(field)?)),
            _ => Err(value.mistake("the `value` of a level is `count` or {amount: FIELD}")),
        }
    }

    fn amount(&self, field: Text<'_>) -> Result<FieldNo, Mistake> {
        self.shaped(field, |shape| shape == Shape::Amount, "an amount")
    }

    fn shaped(&self, name: Text<'_>, fits: fn(Shape) -> bool, what: &str) -> Result<FieldNo, Mistake> {
        let (no, field) = self.field(name)?;
        if fits(field.shape) { Ok(no) } else { Err(name.mistake(format!("`{}` is not {what}", name.text))) }
    }

    /// Only what has a life is created and closed.
    fn lives(&self, key: &str) -> Result<(), Mistake> {
        if self.kind.life().is_some() {
            return Ok(());
        }
        let living: Vec<String> = Kind::ALL.into_iter().filter(|kind| kind.life().is_some()).map(Kind::one).collect();
        self.wrong(key, format!("only {} is created and closed; {} isn't", living.join(" or "), self.kind.one()))
    }

    fn no_at(&self, why: &str) -> Result<(), Mistake> {
        if self.entry.keys.get("at").is_some() { self.wrong("at", format!("`at` can't be chosen here: {why}")) } else { Ok(()) }
    }

    fn at(&self) -> Result<At, Mistake> {
        let names = self.entry.texts("at")?;
        match names.as_slice() {
            [] => {
                let name = self.entry.name.text;
                Err(self.entry.mistake(format!("`{name}` needs `at`: a field of time, or several, `first_seen`, `created` or `closed`")))
            }
            [Text { text: "first_seen", .. }] => Ok(At::Fields(Vec::new())),
            [Text { text: "created", .. }] => self.lives("at").map(|()| At::Created),
            [Text { text: "closed", .. }] => self.lives("at").map(|()| At::Closed),
            names => {
                // `first_seen` is what every list falls back to; it may be said, at the end.
                let names = names.split_last().filter(|(last, _)| last.text == "first_seen").map_or(names, |(_, names)| names);
                let time = |name: &Text<'_>| self.shaped(*name, |shape| matches!(shape, Shape::Time | Shape::Instant), "a time");
                names.iter().map(time).collect::<Result<_, _>>().map(At::Fields)
            }
        }
    }

    fn by(&self, what: &What) -> Result<Vec<FieldNo>, Mistake> {
        let names = self.entry.texts("by")?;
        if names.len() > 2 {
            return self.wrong("by", "a measure is broken down by at most two fields");
        }
        if what.is_histogram() && !names.is_empty() {
            return self.wrong("by", "a histogram can't be broken down");
        }
        let mut fields: Vec<FieldNo> = Vec::with_capacity(names.len());
        for name in names {
            let no = self.shaped(name, |shape| shape == Shape::Text, "a text")?;
            if no == REP || fields.contains(&no) {
                let cause = format!("`by: {}` adds nothing: every measure is counted by rep, and by a field once", name.text);
                return Err(name.mistake(cause));
            }
            fields.push(no);
        }
        Ok(fields)
    }

    fn credit(&self) -> Result<Credit, Mistake> {
        let Some(said) = self.entry.keys.text("credit")? else { return Ok(Credit::default()) };
        let Some((_, credit)) = CREDITS.into_iter().find(|(name, _)| *name == said.text) else {
            let known = did_you_mean(said.text, CREDITS.into_iter().map(|(name, _)| name));
            return Err(said.mistake(format!("nobody is credited by `credit: {}`{known}", said.text)));
        };
        if self.kind.fields()[usize::from(REP)].keep != Keep::Tracked {
            let kind = self.kind.one();
            return Err(said.mistake(format!("{kind}'s `rep` keeps no history, so it is always the current one; leave `credit` out")));
        }
        Ok(credit)
    }

    fn unit(&self, what: &What) -> Result<Option<Unit>, Mistake> {
        let own = match what {
            What::Cycle => None,
            What::Money(..) | What::LevelMoney(_) => Some(Unit::Money),
            What::Sum(field, _) if self.kind.fields()[usize::from(*field)].name.ends_with("_s") => Some(Unit::Seconds),
            _ => Some(Unit::Count),
        };
        match (self.entry.keys.text("unit")?, own) {
            (None, own) => Ok(own),
            (Some(said), Some(own)) if said.text == own.name() => Ok(Some(own)),
            (Some(said), own) => {
                let own = own.map_or("seconds, and is only seen through `quantile`".to_owned(), |own| own.name().to_owned());
                Err(said.mistake(format!("the unit of `{}` is {own}, not `{}`", self.entry.name.text, said.text)))
            }
        }
    }
}

/// A `value` as it is written.
enum Single<'a> {
    Word(&'a str),
    Of(&'a str, Text<'a>),
}

/// What a field must be.
fn test(field: &Field, wanted: &Node) -> Result<Test, Mistake> {
    let name = field.name;
    if wanted.is_mapping() {
        return match wanted.fields(&format!("`{name}`, as a mapping,"), &["set"])?.flag("set")? {
            Some(true) => Ok(Test::Set),
            Some(false) => Ok(Test::Unset),
            None => Err(wanted.mistake(format!("`{name}: {{…}}` is {{set: true}} or {{set: false}}"))),
        };
    }
    if field.shape == Shape::Flag {
        let flag = wanted.said().and_then(|text| Text { line: wanted.line, text }.flag());
        return flag.map(Test::Flag).ok_or_else(|| wanted.mistake(format!("`{name}` is true or false")));
    }
    // Empty stands for nothing said.
    let one = wanted.said().map(|text| vec![(wanted.line, text)]);
    let texts = one.or_else(|| wanted.list(name).ok()?.iter().map(|node| Some((node.line, node.said()?))).collect());
    match (field.shape, texts.filter(|texts| !texts.is_empty())) {
        (Shape::Choice(set), Some(texts)) => {
            let place = |(line, text)| match set.iter().position(|choice| *choice == text) {
                Some(place) => Ok(place as u8),
                None => Err(Mistake::at(line, format!("`{name}` is never `{text}`{}", did_you_mean(text, set.iter().copied())))),
            };
            texts.into_iter().map(place).collect::<Result<_, _>>().map(Test::Choice)
        }
        (Shape::Text, Some(texts)) => match texts.iter().find(|(_, text)| text.len() > MAX_TEXT_BYTES) {
            Some((line, _)) => Err(Mistake::at(*line, format!("no `{name}` is longer than {MAX_TEXT_BYTES} bytes"))),
            None => Ok(Test::Text(texts.into_iter().map(|(_, text)| text.to_owned()).collect())),
        },
        (Shape::Choice(_) | Shape::Text, None) => {
            Err(wanted.mistake(format!("`{name}` must be a text, a list of texts, {{set: true}} or {{set: false}}")))
        }
        _ => Err(wanted.mistake(format!("of `{name}` a measure can only ask {{set: true}} or {{set: false}}"))),
    }
}
