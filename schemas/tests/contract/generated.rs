//! What is made from `kinds.yaml`: the compiled kinds, the log's schema, the reference of kinds and fields, the lock of numbers.
//!
//! `ONPACE_BLESS=1 cargo test -p onpace-schemas generated` writes all of it; without, what is out of date fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use onpace_schemas::{Definition, Field, Keep, Kind, Shape, declared};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::evolution::FROZEN;

const HOME: &str = env!("CARGO_MANIFEST_DIR");

fn declared() -> Vec<Definition> {
    let yaml = fs::read_to_string(format!("{HOME}/kinds.yaml")).unwrap();
    let mut kinds = declared::kinds(&yaml).unwrap_or_else(|mistake| panic!("kinds.yaml, {mistake}"));
    kinds.sort_by_key(|kind| kind.number);
    let numbers: Vec<u8> = kinds.iter().map(|kind| kind.number).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len() as u8), "kinds are numbered from 0, without a gap: {numbers:?}");
    kinds
}

/// One after the other: what is made of the schema's files comes after these.
#[test]
fn all_that_is_made_from_kinds_yaml_is_current() {
    numbers_only_grow();
    the_compiled_kinds_are_those_of_the_file();
    the_newest_schema_says_all_of_every_kind();
    every_version_has_a_plan();
    the_reference_names_every_field();
}

/// Its first letter large.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Holds that a file is what is made, or has it be that.
fn is_current(path: &str, made: &str) {
    let path = format!("{HOME}/{path}");
    if std::env::var_os("ONPACE_BLESS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "{path} isn't what kinds.yaml says: run ONPACE_BLESS=1 cargo test -p onpace-schemas generated");
}

fn the_compiled_kinds_are_those_of_the_file() {
    let kinds = declared();
    is_current("src/kind/built_in.rs", &compiled(&kinds));
    if std::env::var_os("ONPACE_BLESS").is_none() {
        // Seen by the compiler as well as by the eye.
        assert!(Kind::ALL.iter().map(|kind| kind.definition()).eq(&kinds));
    }
}

fn compiled(kinds: &[Definition]) -> String {
    let mut out = "//! The kinds of `kinds.yaml`, compiled: made from it, never changed by hand.\n//!\n\
         //! `ONPACE_BLESS=1 cargo test -p onpace-schemas generated` writes this file.\n\n\
         use super::{Definition, Field, Keep, Kind, Life, Shape, Words};\n\nimpl Kind {\n"
        .to_owned();
    for kind in kinds {
        let (name, upper) = (capital(kind.words.en[1]), kind.name.to_uppercase());
        _ = writeln!(out, "    /// {name}.\n    pub const {upper}: Kind = Kind::of(&{upper});");
    }
    let all: Vec<String> = kinds.iter().map(|kind| format!("Kind::{}", kind.name.to_uppercase())).collect();
    _ = writeln!(
        out,
        "\n    /// Every kind, in the order of its number.\n    pub const ALL: [Kind; {}] = [{}];\n}}",
        kinds.len(),
        all.join(", ")
    );
    for kind in kinds {
        let Definition { number, name, words, fields, begins, life } = kind;
        let [one, several] = [words.en, words.fr];
        _ = writeln!(out, "\nstatic {}: Definition = Definition {{\n    number: {number},\n    name: {name:?},", name.to_uppercase());
        _ = writeln!(out, "    words: Words {{ en: {one:?}, fr: {several:?} }},\n    fields: &[");
        for Field { name, shape, keep, cut } in *fields {
            let shape = match shape {
                Shape::Choice(set) => format!("Choice(&{set:?})"),
                shape => format!("{shape:?}"),
            };
            _ = writeln!(out, "        Field {{ name: {name:?}, shape: Shape::{shape}, keep: Keep::{keep:?}, cut: {cut} }},");
        }
        let life = life.as_ref().map_or("None".to_owned(), |life| {
            format!("Some(Life {{ status: {}, open: {:#b}, created: {}, closed: {} }})", life.status, life.open, life.created, life.closed)
        });
        _ = writeln!(out, "    ],\n    begins: {begins:#b},\n    life: {life},\n}};");
    }
    out
}

/// A schema, as far as its files are written; what has an order keeps it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Type {
    Name(String),
    Union(Vec<Type>),
    Record(Box<Record>),
    Array(Array),
    Logical(Logical),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    r#type: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<String>,
    fields: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<String>,
    r#type: Type,
    default: Json,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Array {
    r#type: String,
    items: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Logical {
    r#type: String,
    logical_type: String,
}

fn schema(number: usize) -> Record {
    let text = fs::read_to_string(format!("{HOME}/avro/event.v{number}.avsc")).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    assert_eq!(written(&schema), text, "nothing of version {number} is lost when it is read and written");
    schema
}

fn written(schema: &Record) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}

fn nullable(kind: Type) -> Type {
    Type::Union(vec![Type::Name("null".into()), kind])
}

fn entry(name: &str, r#type: Type) -> Entry {
    Entry { name: name.into(), doc: None, r#type, default: Json::Null }
}

/// `kind` is that of the record, where the field's type is one that is defined in it.
fn typed(shape: Shape, kind: &str, amounts: &mut bool) -> Type {
    let logical = |r#type: &str, logical_type: &str| Type::Logical(Logical { r#type: r#type.into(), logical_type: logical_type.into() });
    let instant = logical("long", "timestamp-micros");
    match shape {
        Shape::Text | Shape::Choice(_) => nullable(Type::Name("string".into())),
        Shape::Integer => nullable(Type::Name("long".into())),
        Shape::Flag => nullable(Type::Name("boolean".into())),
        Shape::Instant => nullable(instant),
        Shape::Time => Type::Union(vec![Type::Name("null".into()), instant, logical("int", "date")]),
        // A kind's first amount defines the record, its next go by the name; a name of another kind's record might stand before that.
        Shape::Amount => {
            let name = record_name(kind) + "Amount";
            if std::mem::replace(amounts, true) {
                return nullable(Type::Name(name));
            }
            let part = |name: &str, r#type: &str, default: Json| Entry {
                name: name.into(),
                doc: None,
                r#type: Type::Name(r#type.into()),
                default,
            };
            let fields = vec![part("currency", "string", "".into()), part("minor", "long", 0.into())];
            let doc = Some("Money in whole minor units of an ISO 4217 currency.".into());
            nullable(Type::Record(Box::new(Record { r#type: "record".into(), name, namespace: None, doc, fields })))
        }
    }
}

/// `order_line` → `OrderLine`.
fn record_name(kind: &str) -> String {
    kind.split('_').map(capital).collect()
}

/// A schema with what it lacks of the kinds, at the end of each record: so that every version reads every other.
fn grown(mut schema: Record, kinds: &[Definition]) -> Record {
    for kind in kinds {
        let at = schema.fields.iter().position(|entry| entry.name == kind.name).unwrap_or_else(|| {
            let cleared = Type::Array(Array { r#type: "array".into(), items: "string".into() });
            let doc = Some("Names of the fields that the event empties.".into());
            let record = Record {
                r#type: "record".into(),
                name: record_name(kind.name),
                namespace: None,
                doc: Some(format!("What an event says of {}: null is silence.", Kind::of(leaked(kind)).one())),
                fields: vec![Entry { name: "cleared".into(), doc, r#type: cleared, default: Json::Array(Vec::new()) }],
            };
            schema.fields.push(entry(kind.name, nullable(Type::Record(Box::new(record)))));
            schema.fields.len() - 1
        });
        let Type::Union(branches) = &mut schema.fields[at].r#type else { panic!("{} is no union", kind.name) };
        let Some(Type::Record(record)) = branches.get_mut(1) else { panic!("{} is no record", kind.name) };
        let own = record_name(kind.name) + "Amount";
        let defines = |entry: &Entry| match &entry.r#type {
            Type::Union(branches) => matches!(branches.get(1), Some(Type::Record(record)) if record.name == own),
            _ => false,
        };
        let mut amounts = record.fields.iter().any(defines);
        for field in kind.fields {
            if !record.fields.iter().any(|entry| entry.name == field.name) {
                record.fields.push(entry(field.name, typed(field.shape, kind.name, &mut amounts)));
            }
        }
    }
    schema
}

fn leaked(kind: &Definition) -> &'static Definition {
    let Definition { number, name, words, fields, begins, life } = *kind;
    Box::leak(Box::new(Definition { number, name, words, fields, begins, life }))
}

fn the_newest_schema_says_all_of_every_kind() {
    let released = schema(FROZEN.len());
    let next = grown(released.clone(), &declared());
    if written(&next) != written(&released) {
        is_current(&format!("avro/event.v{}.avsc", FROZEN.len() + 1), &written(&next));
    }
}

fn every_version_has_a_plan() {
    let mut out = "//! A plan for each version of the schema in `avro/`: made from these files, never changed by hand.\n//!\n\
         //! `ONPACE_BLESS=1 cargo test -p onpace-schemas generated` writes this file.\n\n\
         use super::plan::{Branch, Of, Plan};\nuse crate::Kind;\n\n/// Every version, by number.\n"
        .to_owned();
    let kinds = declared();
    let versions: Vec<usize> = (1..).take_while(|number| fs::exists(format!("{HOME}/avro/event.v{number}.avsc")).unwrap()).collect();
    _ = writeln!(out, "pub static PLANS: [Plan; {}] = [", versions.len());
    for number in versions {
        let schema = schema(number);
        let fingerprint = crate::avro_elsewhere::fingerprint(&written(&schema));
        _ = writeln!(out, "    Plan {{\n        version: {number},\n        fingerprint: {fingerprint:#018x},");
        _ = writeln!(out, "        schema: include_str!(\"../../avro/event.v{number}.avsc\"),\n        branches: &[");
        let own = ["id", "source", "entity", "occurred_at", "said_at", "deleted"];
        assert!(schema.fields.iter().map(|entry| entry.name.as_str()).take(own.len()).eq(own), "every version begins alike");
        for entry in &schema.fields[own.len()..] {
            let Type::Union(branches) = &entry.r#type else { panic!("{} is no union", entry.name) };
            let Some(Type::Record(record)) = branches.get(1) else { panic!("{} is no record", entry.name) };
            if entry.name == "heartbeat" {
                _ = writeln!(out, "            Branch::Heartbeat,");
                continue;
            }
            let kind = kinds.iter().find(|kind| kind.name == entry.name).unwrap_or_else(|| panic!("{} is no kind", entry.name));
            let (mut before, mut all) = (None, 0);
            for part in &record.fields {
                if part.name == "cleared" {
                    before = Some(all);
                } else {
                    let field = kind.fields.get(all).map(|field| field.name);
                    assert_eq!(field, Some(part.name.as_str()), "a {}'s fields stand in the order of their numbers", entry.name);
                    all += 1;
                }
            }
            let (kind, before) = (kind.name.to_uppercase(), before.unwrap());
            _ = writeln!(out, "            Branch::Kind(Of {{ kind: Kind::{kind}, before: {before}, all: {all} }}),");
        }
        _ = writeln!(out, "        ],\n    }},");
    }
    out += "];\n";
    is_current("src/avro/plans.rs", &out);
}

#[test]
fn a_new_field_and_a_new_kind_go_to_the_end() {
    let yaml = fs::read_to_string(format!("{HOME}/kinds.yaml")).unwrap();
    let visit = format!(
        "\ntry_out:\n  number: {}\n  name: {{ en: [visit, visits], fr: [visite, visites] }}\n  fields: {{ rep: text, paid: amount, owed: amount }}\n",
        declared().len()
    );
    let longer = yaml.replacen("    duration_s: integer\n", "    duration_s: integer\n    tried_out: text\n    tried_cost: amount\n", 1);
    assert_ne!(longer, yaml);
    let released = schema(FROZEN.len());
    let next = grown(released.clone(), &declared::kinds(&(longer + &visit)).unwrap());
    assert_eq!(crate::evolution::fits(&written(&released), &written(&next)), Ok(()));
    assert_eq!(next.fields.last().unwrap().name, "try_out");
    assert!(apache_avro::Schema::parse_str(&written(&next)).is_ok(), "every name is defined before it is used");
}

fn numbers_only_grow() {
    let kinds = declared();
    let mut locked: BTreeMap<String, String> = BTreeMap::new();
    let text = fs::read_to_string(format!("{HOME}/kinds.lock")).unwrap_or_default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (what, names) = line.split_once(": ").unwrap();
        locked.insert(what.to_owned(), names.to_owned());
    }
    let mut now: BTreeMap<String, String> = BTreeMap::new();
    for kind in &kinds {
        let names: Vec<String> = kind.fields.iter().map(locked_as).collect();
        now.insert(format!("{} {}", kind.number, kind.name), names.join(" "));
        for field in kind.fields {
            if let Shape::Choice(set) = field.shape {
                now.insert(format!("{} {} {}", kind.number, kind.name, field.name), set.join(" "));
            }
        }
    }
    assert_eq!(shrunk(&locked, &now), Vec::<String>::new());
    let head = "# What of kinds.yaml is in logs and stores: kinds with their numbers, fields in the order of theirs with shape and keep, closed sets. Written as\n\
                # kinds.yaml is blessed; a line may only grow at its end.\n";
    let lines: String = now.iter().map(|(what, names)| format!("{what}: {names}\n")).collect();
    is_current("kinds.lock", &format!("{head}{lines}"));
}

/// A field as the lock remembers it.
fn locked_as(field: &Field) -> String {
    let shape = match field.shape {
        Shape::Choice(_) => "of".to_owned(),
        Shape::Text if field.cut => "free_text".to_owned(),
        shape => format!("{shape:?}").to_lowercase(),
    };
    format!("{}:{shape}:{}", field.name, format!("{:?}", field.keep).to_lowercase())
}

/// What is no longer as it was.
fn shrunk(locked: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let same = |what: &String, names: &String| now.get(what).is_some_and(|now| now == names || now.starts_with(&format!("{names} ")));
    locked.iter().filter(|(what, names)| !same(what, names)).map(|(what, names)| format!("`{what}` was: {names}")).collect()
}

#[test]
fn what_was_given_a_number_keeps_it() {
    let of = |rows: &[(&str, &str)]| rows.iter().map(|(what, names)| ((*what).to_owned(), (*names).to_owned())).collect::<BTreeMap<_, _>>();
    let (call, set) = ("rep:text:latest account:text:latest", ("0 call direction", "outbound inbound"));
    let locked = of(&[("0 call", call), set]);
    let fits = |rows: &[(&str, &str)]| shrunk(&locked, &of(rows)).is_empty();
    assert!(fits(&[("0 call", &format!("{call} deal:text:latest")), set, ("1 visit", "rep:text:latest")]));
    for wrong in [
        &[("0 call", "account:text:latest rep:text:latest"), set][..],
        &[("0 call", "rep:text:latest accounts:text:latest"), set],
        &[("0 call", "rep:text:tracked account:text:latest"), set],
        &[("0 call", "rep:text:latest account:of:latest"), set],
        &[("1 call", call), set],
        &[("0 call", call), ("0 call direction", "outbound")],
        &[("0 call", call)],
    ] {
        assert!(!fits(wrong), "{wrong:?}");
    }
}

fn the_reference_names_every_field() {
    let mut out = "# What events speak of\n\nAn event says what became true of one entity of one of the kinds below. `data` takes the fields of its kind; anything else is refused, with the nearest name.\n\
        A field that is left out is not spoken of, `null` or `\"\"` empties it. How an event looks around its `data`: [README](../README.md); from a file: [importing](importing.md).\n\n\
        | in the tables | means |\n|---|---|\n\
        | text | up to 200 bytes; an open set: any value is kept, and measures look for those that they know |\n\
        | free text | written by people; a longer one is cut at 200 bytes |\n\
        | whole number | 0 to 1,000,000,000; seconds where the name ends in `_s` |\n\
        | time | an instant with its offset, `2026-03-02T09:30:00+01:00`, or a date, `2026-03-02` |\n\
        | amount | `{\"value\": \"1054.00\", \"currency\": \"EUR\"}`, in major units, as text or a whole number |\n\
        | the latest | of several values the one that became true last counts, whatever the order in which they arrive; of those of one instant the one said last, then the greatest |\n\
        | the first | the earliest instant ever said counts; it can't be emptied |\n\
        | with its history | the latest counts now, and what was said before counts for its time |\n"
        .to_owned();
    for kind in declared() {
        let heading = capital(kind.words.en[1]);
        _ = writeln!(
            out,
            "\n## {heading}\n\n`\"kind\": \"{}\"`; in French *{}*.\n\n| field | takes | kept |\n|---|---|---|",
            kind.name, kind.words.fr[0]
        );
        for field in kind.fields {
            let takes = match field.shape {
                Shape::Text if field.cut => "free text".to_owned(),
                Shape::Text => "text".to_owned(),
                Shape::Choice(set) => {
                    let set: Vec<String> = set.iter().map(|choice| format!("`{choice}`")).collect();
                    format!("{}; the first where nothing is said", set.join(", "))
                }
                Shape::Integer => "whole number".to_owned(),
                Shape::Flag => "`true`, `false`; false where nothing is said".to_owned(),
                Shape::Time => "time".to_owned(),
                Shape::Instant => "instant".to_owned(),
                Shape::Amount => "amount".to_owned(),
            };
            let kept = match field.keep {
                Keep::Latest => "the latest",
                Keep::First => "the first",
                Keep::Tracked => "with its history",
            };
            _ = writeln!(out, "| `{}` | {takes} | {kept} |", field.name);
        }
        if let Some(life) = kind.life {
            let name = |no: u8| kind.fields[usize::from(no)].name;
            let Shape::Choice(set) = kind.fields[usize::from(life.status)].shape else { panic!("a status of no closed set") };
            let open: Vec<String> =
                (0..).zip(set).filter(|(place, _)| life.is_open(*place)).map(|(_, choice)| format!("`{choice}`")).collect();
            _ = writeln!(
                out,
                "\nIt is open while its `{}` is {}. It was created at `{}`, else when it was first spoken of, or closed where that is earlier; it is closed\n\
                 at `{}`, if that was said since its status was last another, else when the status became what it is,\n\
                 and never before it was created.",
                name(life.status),
                open.join(" or "),
                name(life.created),
                name(life.closed)
            );
        }
    }
    is_current("../docs/events.md", &out);
}
