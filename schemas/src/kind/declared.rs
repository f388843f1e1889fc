//! Kinds as a file declares them: `kinds.yaml`, whose head says in what words.
//!
//! In: YAML. Out: definitions that are good for ever: whatever reads kinds keeps them as long as it runs. Refused, with the line and what would be right: what is no
//! shape, what stands twice, a life that nothing can live. Never here: files, numbers that other versions gave.

use crate::kind::{Definition, Field, FieldNo, Keep, Life, Shape, Words};
use crate::yaml::{Fields, Node, Text, read};
use crate::{MAX_TEXT_BYTES, Mistake, did_you_mean};

/// So many fields a kind can have: a stored state has a bit for each.
pub const MOST_FIELDS: usize = 32;
/// So many values a closed set can have.
const MOST_CHOICES: usize = 64;
/// So many kinds there can be: a stored state has four bits for its own.
const MOST_KINDS: u8 = 16;
/// What an event has beside its kinds, and what the schema and the program call something else.
const TAKEN: [&str; 11] = ["id", "source", "entity", "occurred_at", "said_at", "deleted", "heartbeat", "custom", "event", "amount", "all"];
/// The list of a kind's fields that an event empties.
const CLEARED: &str = "cleared";

const SHAPES: [(&str, Shape); 7] = [
    ("text", Shape::Text),
    (FREE, Shape::Text),
    ("integer", Shape::Integer),
    ("flag", Shape::Flag),
    ("time", Shape::Time),
    ("instant", Shape::Instant),
    ("amount", Shape::Amount),
];
/// The shape of what people write freely, and nothing is looked up by.
const FREE: &str = "free_text";
const KEEPS: [(&str, Keep); 3] = [("latest", Keep::Latest), ("first", Keep::First), ("history", Keep::Tracked)];

/// The kinds of a file, in the order in which they stand there.
///
/// # Errors
/// What is wrong with it: the line, and what would be right.
pub fn kinds(yaml: &str) -> Result<Vec<Definition>, Mistake> {
    let mut kinds: Vec<Definition> = Vec::new();
    let root = read(yaml)?;
    for (name, node) in root.entries("a file of kinds")? {
        let kind = kind(name, node)?;
        if let Some(other) = kinds.iter().find(|other| other.number == kind.number) {
            return Err(
                name.mistake(format!("`{}` and `{}` have the number {}; give the new one another", other.name, kind.name, kind.number))
            );
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

fn kind(name: Text<'_>, node: &Node) -> Result<Definition, Mistake> {
    if TAKEN.contains(&name.text) {
        return Err(name.mistake(format!("`{}` is something else already; call the kind another name", name.text)));
    }
    let name = named(name)?;
    let parts = node.fields("a kind", &["number", "name", "fields", "begins", "life"])?;
    let number = parts.needed("number", "which no other kind has or had")?;
    let number = match number.text.parse() {
        Ok(number) if number < MOST_KINDS => number,
        _ => return Err(number.mistake(format!("`{}` is no kind's number; write one from 0 to {}", number.text, MOST_KINDS - 1))),
    };
    let words = match parts.get("name") {
        Some(node) => words(node)?,
        None => return Err(parts.mistake(format!("`{name}` needs `name`, such as {{ en: [call, calls], fr: [appel, appels] }}"))),
    };
    let mut fields: Vec<Field> = Vec::new();
    for (name, node) in parts.get("fields").map_or(Ok(Vec::new()), |node| node.entries("`fields`"))? {
        fields.push(field(name, node)?);
        if fields.len() > MOST_FIELDS {
            return Err(name.mistake(format!("a kind has at most {MOST_FIELDS} fields")));
        }
    }
    if fields.first().is_none_or(|first| (first.name, first.shape) != ("rep", Shape::Text)) {
        return Err(
            parts.mistake(format!("the first field of `{name}` is whose it is: write `rep: text` or `rep: {{ text: history }}` there"))
        );
    }
    let mut begins = 0;
    for name in parts.list("begins")? {
        begins |= 1 << number_of(name.text("a field")?, &fields)?;
    }
    let life = parts.get("life").map(|node| life(node, &fields)).transpose()?;
    Ok(Definition { number, name, words, fields: Box::leak(fields.into_boxed_slice()), begins, life })
}

fn number_of(name: Text<'_>, fields: &[Field]) -> Result<FieldNo, Mistake> {
    fields.iter().position(|field| field.name == name.text).map(|at| at as FieldNo).ok_or_else(|| {
        let known = did_you_mean(name.text, fields.iter().map(|field| field.name));
        name.mistake(format!("there is no field `{}`{known}", name.text))
    })
}

/// Made to last as long as the program.
fn lasting(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn named(name: Text<'_>) -> Result<&'static str, Mistake> {
    let parts = name.text.split('_').all(|part| !part.is_empty());
    if !name.is_name() || !parts || name.text.len() > MAX_TEXT_BYTES {
        let cause = format!(
            "`{}` is no name; write words of a–z and 0–9 with one _ between them, the first of which begins with a letter",
            name.text
        );
        return Err(name.mistake(cause));
    }
    Ok(lasting(name.text))
}

fn words(node: &Node) -> Result<Words, Mistake> {
    let languages = node.fields("a kind's `name`", &["en", "fr"])?;
    let both =
        |language: &str| match languages.list(language)? {
            [one, several] => Ok([lasting(one.text("a name")?.text), lasting(several.text("a name")?.text)]),
            _ => Err(languages
                .mistake(format!("`{language}` is a list of two: what one is called, and what several are, such as [call, calls]"))),
        };
    Ok(Words { en: both("en")?, fr: both("fr")? })
}

fn field(name: Text<'_>, node: &Node) -> Result<Field, Mistake> {
    if name.text == CLEARED {
        return Err(name.mistake("`cleared` is the list of the fields that an event empties; call the field another name"));
    }
    let name = named(name)?;
    if !node.is_mapping() {
        let (shape, cut) = shape(node.text("a field's shape")?)?;
        return Ok(Field { name, shape, keep: Keep::Latest, cut });
    }
    let entries = node.entries("a field")?;
    if entries.iter().any(|(key, _)| key.text == "of") {
        return choice(name, &node.fields("a field of a closed set", &["of", "keep"])?);
    }
    let [(of, keep)] = entries[..] else {
        return Err(node.mistake("a field is a shape, {SHAPE: KEEP} or {of: […]}: `text`, {text: history}, {of: [open, won]}"));
    };
    let (shape, cut) = shape(of)?;
    let said = keep.text("which value is kept")?;
    let keep = said.one_of("way to keep a field", &KEEPS)?;
    if keep == Keep::First && shape != Shape::Instant {
        return Err(
            said.mistake(format!("only of an `instant` the first is kept; write {{instant: first}}, or another way to keep a {}", of.text))
        );
    }
    Ok(Field { name, shape, keep, cut })
}

fn shape(said: Text<'_>) -> Result<(Shape, bool), Mistake> {
    Ok((said.one_of("shape of a field", &SHAPES)?, said.text == FREE))
}

fn choice(name: &'static str, parts: &Fields<'_>) -> Result<Field, Mistake> {
    let mut set: Vec<&'static str> = Vec::new();
    for value in parts.list("of")? {
        let value = value.text("a value")?;
        let known = named(value)?;
        if set.contains(&value.text) {
            return Err(value.mistake(format!("`{}` stands twice in the closed set of `{name}`", value.text)));
        }
        set.push(known);
    }
    if set.is_empty() || set.len() > MOST_CHOICES {
        return Err(parts.mistake(format!("the closed set of `{name}` has {} values; it takes 1 to {MOST_CHOICES}", set.len())));
    }
    let keep = match parts.text("keep")? {
        None => Keep::Latest,
        Some(said) => match said.one_of("way to keep a field", &KEEPS)? {
            Keep::First => return Err(said.mistake("of a closed set the latest is kept, or the history")),
            keep => keep,
        },
    };
    Ok(Field { name, shape: Shape::Choice(Box::leak(set.into_boxed_slice())), keep, cut: false })
}

fn life(node: &Node, fields: &[Field]) -> Result<Life, Mistake> {
    let parts = node.fields("a life", &["status", "open", "created", "closed"])?;
    let of = |key: &str, why: &str| {
        let name = parts.needed(key, why)?;
        let no = number_of(name, fields)?;
        Ok::<_, Mistake>((name, no, fields[usize::from(no)]))
    };
    let (said, status, about) = of("status", "the field that says whether it is open")?;
    let (Shape::Choice(set), Keep::Tracked) = (about.shape, about.keep) else {
        return Err(said.mistake(format!(
            "the status of a life is one of a closed set, with its history: write `{}: {{ of: […], keep: history }}`",
            said.text
        )));
    };
    let mut open = 0_u64;
    for value in parts.list("open")? {
        let value = value.text("a value")?;
        let place = set.iter().position(|known| *known == value.text);
        open |= 1
            << place.ok_or_else(|| {
                value.mistake(format!("`{}` is never `{}`{}", said.text, value.text, did_you_mean(value.text, set.iter().copied())))
            })?;
    }
    if open & 1 == 0 || open.count_ones() as usize == set.len() {
        let first = set.first().copied().unwrap_or_default();
        let cause = format!(
            "`open` lists some values of `{}`, and not all: `{first}`, which stands where nothing is said, and whatever else is open",
            said.text
        );
        return Err(parts.mistake(cause));
    }
    let time = |key: &str| {
        let (name, no, field) = of(key, "a field of time")?;
        match (field.shape, field.keep) {
            (Shape::Time | Shape::Instant, Keep::Latest) => Ok(no),
            _ => Err(name.mistake(format!("`{}` is no time of which the latest is kept", name.text))),
        }
    };
    let (created, closed) = (time("created")?, time("closed")?);
    if created == closed {
        return Err(parts.mistake("`created` and `closed` are two times"));
    }
    Ok(Life { status, open, created, closed })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    const VISIT: &str = "visit:
  number: 9
  name: { en: [visit, visits], fr: [visite, visites] }
  fields:
    rep: { text: history }
    note: free_text
    seen_at: { instant: first }
    status: { of: [planned, under_way, done, missed], keep: history }
    planned_at: time
    ended_at: time
    guests: integer
  begins: [planned_at, guests]
  life: { status: status, open: [under_way, planned], created: planned_at, closed: ended_at }
";

    #[test]
    fn a_kind_is_what_its_file_says() {
        let kinds = kinds(VISIT).unwrap();
        let [visit] = &kinds[..] else { panic!("{kinds:?}") };
        assert_eq!((visit.number, visit.name, visit.words.fr), (9, "visit", ["visite", "visites"]));
        let field = |name, shape, keep, cut| Field { name, shape, keep, cut };
        let status = Shape::Choice(&["planned", "under_way", "done", "missed"]);
        assert_eq!(
            visit.fields,
            [
                field("rep", Shape::Text, Keep::Tracked, false),
                field("note", Shape::Text, Keep::Latest, true),
                field("seen_at", Shape::Instant, Keep::First, false),
                field("status", status, Keep::Tracked, false),
                field("planned_at", Shape::Time, Keep::Latest, false),
                field("ended_at", Shape::Time, Keep::Latest, false),
                field("guests", Shape::Integer, Keep::Latest, false),
            ]
        );
        assert_eq!(visit.begins, 1 << 4 | 1 << 6);
        let life = visit.life.unwrap();
        assert_eq!(life, Life { status: 3, open: 0b11, created: 4, closed: 5 });
        assert_eq!([0, 1, 2, 3].map(|place| life.is_open(place)), [true, true, false, false]);
    }

    #[test]
    fn every_mistake_has_its_line_and_what_would_be_right() {
        for (from, to, line, cause) in [
            ("number: 9", "number: 99", 2, "`99` is no kind's number; write one from 0 to 15"),
            ("  number: 9\n", "", 2, "a kind needs `number`, which no other kind has or had"),
            ("number: 9", "nummer: 9", 2, "a kind has no `nummer`; did you mean `number`?"),
            ("[visit, visits]", "[visit]", 3, "`en` is a list of two: what one is called, and what several are, such as [call, calls]"),
            ("note: free_text", "note: freetext", 6, "`freetext` is no shape of a field; did you mean `free_text`?"),
            (
                "note: free_text",
                "Note: free_text",
                6,
                "`Note` is no name; write words of a–z and 0–9 with one _ between them, the first of which begins with a letter",
            ),
            ("note: free_text", "rep: text", 6, "`rep` stands here and on line 5; keep one of the two"),
            (
                "{ text: history }",
                "integer",
                2,
                "the first field of `visit` is whose it is: write `rep: text` or `rep: { text: history }` there",
            ),
            ("{ instant: first }", "{ instant: frist }", 7, "`frist` is no way to keep a field; did you mean `first`?"),
            (
                "{ instant: first }",
                "{ time: first }",
                7,
                "only of an `instant` the first is kept; write {instant: first}, or another way to keep a time",
            ),
            ("done, missed]", "done, done]", 8, "`done` stands twice in the closed set of `status`"),
            ("keep: history", "keep: first", 8, "of a closed set the latest is kept, or the history"),
            ("of: [planned, under_way, done, missed]", "of: []", 8, "the closed set of `status` has 0 values; it takes 1 to 64"),
            (
                ", keep: history",
                "",
                13,
                "the status of a life is one of a closed set, with its history: write `status: { of: […], keep: history }`",
            ),
            ("begins: [planned_at", "begins: [planned", 12, "there is no field `planned`; did you mean `planned_at`?"),
            ("life: { status: status", "life: { status: state", 13, "there is no field `state`; did you mean `status`?"),
            ("[under_way, planned]", "[underway]", 13, "`status` is never `underway`; did you mean `under_way`?"),
            (
                "[under_way, planned]",
                "[]",
                13,
                "`open` lists some values of `status`, and not all: `planned`, which stands where nothing is said, and whatever else is open",
            ),
            (
                "[under_way, planned]",
                "[under_way]",
                13,
                "`open` lists some values of `status`, and not all: `planned`, which stands where nothing is said, and whatever else is open",
            ),
            ("closed: ended_at", "closed: planned_at", 13, "`created` and `closed` are two times"),
            ("visit:", "heartbeat:", 1, "`heartbeat` is something else already; call the kind another name"),
            (
                "note: free_text",
                "cleared: flag",
                6,
                "`cleared` is the list of the fields that an event empties; call the field another name",
            ),
            (
                "under_way, done",
                "under way, done",
                8,
                "`under way` is no name; write words of a–z and 0–9 with one _ between them, the first of which begins with a letter",
            ),
            (
                "note: free_text",
                "a__note: text",
                6,
                "`a__note` is no name; write words of a–z and 0–9 with one _ between them, the first of which begins with a letter",
            ),
            ("closed: ended_at", "closed: guests", 13, "`guests` is no time of which the latest is kept"),
            ("closed: ended_at", "closed: seen_at", 13, "`seen_at` is no time of which the latest is kept"),
        ] {
            let broken = VISIT.replacen(from, to, 1);
            assert_ne!(broken, VISIT, "{from}");
            let mistake = kinds(&broken).unwrap_err();
            assert_eq!((mistake.line, mistake.cause.as_str()), (line, cause), "{broken}");
        }
        let twice = format!("{VISIT}{}", VISIT.replacen("visit:", "trip:", 1));
        assert_eq!(kinds(&twice).unwrap_err().to_string(), "line 14: `visit` and `trip` have the number 9; give the new one another");
    }
}
