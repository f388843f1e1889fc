//! Every version of the schema ever released reads what any other wrote (FULL_TRANSITIVE), and grows at its records' ends only.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use onpace_schemas::avro;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// Every version there ever was, by its file's SHA-256 and its fingerprint. A line is added for each new version, and none is ever
/// changed: there are logs out there that hold what it wrote.
pub const FROZEN: [(&str, u64); 1] = [("8830e306224e9481386647f6b5d5e68164ab97c9debca1ecff60414b7193b2ad", 0x8092_1AB5_1682_490C)];

/// Why a later version may not follow an earlier one.
pub fn fits(earlier: &str, later: &str) -> Result<(), String> {
    let (old, new) = (Schema::parse_str(earlier), Schema::parse_str(later));
    let (old, new) = (old.map_err(|error| error.to_string())?, new.map_err(|error| error.to_string())?);
    match SchemaCompatibility::mutual_read(&old, &new).map_err(|error| error.to_string())? {
        Compatibility::Full => grows(&serde_json::from_str(earlier).unwrap(), &serde_json::from_str(later).unwrap()),
        Compatibility::Partial => Err("one reads the other's messages only in part".into()),
    }
}

/// Stricter than the compatibility of the specification, by which a date could become a timestamp (an int may be
/// promoted to a long): what was there stays where and what it was, and what is new has a default.
fn grows(earlier: &Json, later: &Json) -> Result<(), String> {
    match (earlier, later) {
        (Json::Array(old), Json::Array(new)) => {
            if old.len() != new.len() {
                return Err(format!("a union changed: {earlier} became {later}"));
            }
            old.iter().zip(new).try_for_each(|(old, new)| grows(old, new))
        }
        (Json::Object(old), Json::Object(new)) if old["type"] == "record" && new["type"] == "record" => {
            let (before, after) = (old["fields"].as_array().unwrap(), new["fields"].as_array().unwrap());
            for (at, old) in before.iter().enumerate() {
                let new = after.get(at).ok_or(format!("{} is gone", old["name"]))?;
                if (&old["name"], &old["default"]) != (&new["name"], &new["default"]) {
                    return Err(format!("{} became {}", old, new));
                }
                grows(&old["type"], &new["type"])?;
            }
            match after.iter().skip(before.len()).find(|new| new.get("default").is_none()) {
                Some(new) => Err(format!("{} has no default", new["name"])),
                None => Ok(()),
            }
        }
        _ if earlier == later => Ok(()),
        _ => Err(format!("{earlier} became {later}")),
    }
}

#[test]
fn all_released_versions_read_each_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/avro");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut versions: Vec<(u32, String)> = files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let number = name.strip_prefix("event.v").and_then(|rest| rest.strip_suffix(".avsc")).unwrap();
            (number.parse().unwrap(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    versions.sort();
    assert!(versions.iter().map(|(number, _)| *number).eq(1..=versions.len() as u32), "versions are numbered from 1");
    assert_eq!(versions.last().unwrap().1, avro::NEWEST.schema, "the newest version is the one that is written");
    for (later, new) in &versions {
        for (earlier, old) in versions.iter().take_while(|(earlier, _)| earlier <= later) {
            assert_eq!(fits(old, new), Ok(()), "v{earlier} against v{later}");
        }
    }
}

#[test]
fn a_released_version_is_frozen_for_ever() {
    for (number, (file, fingerprint)) in (1..).zip(FROZEN) {
        let path = format!("{}/avro/event.v{number}.avsc", env!("CARGO_MANIFEST_DIR"));
        let hash: String = Sha256::digest(std::fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, file, "{path} has changed; put it back, and write the change down as event.v{}.avsc", FROZEN.len() + 1);
        assert_eq!(avro::PLANS[number - 1].fingerprint, fingerprint, "the plan is not that of {path}");
    }
    assert!(
        !std::path::Path::new(&format!("{}/avro/event.v{}.avsc", env!("CARGO_MANIFEST_DIR"), FROZEN.len() + 1)).exists(),
        "a new version is frozen too: add the SHA-256 of its file and its plan's fingerprint to FROZEN"
    );
}

/// The current schema with something done to it.
fn changed(change: impl Fn(&mut Vec<Json>)) -> String {
    let mut schema: Json = serde_json::from_str(avro::NEWEST.schema).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    schema.to_string()
}

fn call_fields(fields: &mut [Json]) -> &mut Vec<Json> {
    let call = fields.iter_mut().find(|field| field["name"] == "call").unwrap();
    call["type"][1]["fields"].as_array_mut().unwrap()
}

#[test]
fn a_good_next_version_passes() {
    let next = changed(|fields| {
        call_fields(fields).push(json!({"name": "number", "type": ["null", "string"], "default": null}));
        let feedback = json!({"type": "record", "name": "Feedback", "fields": [
            {"name": "score", "type": ["null", "long"], "default": null}]});
        fields.push(json!({"name": "feedback", "type": ["null", feedback], "default": null}));
    });
    assert_eq!(fits(avro::NEWEST.schema, &next), Ok(()));
}

#[test]
fn a_broken_next_version_is_caught() {
    let new = json!({"name": "number", "type": ["null", "string"], "default": null});
    for (what, next) in [
        ("a new field without a default", changed(|fields| fields.push(json!({"name": "note", "type": "string"})))),
        ("a new field without a default, deep down", {
            changed(|fields| call_fields(fields).push(json!({"name": "note", "type": ["null", "string"]})))
        }),
        ("a field taken away", changed(|fields| drop(call_fields(fields).remove(0)))),
        ("a field renamed", changed(|fields| call_fields(fields)[0]["name"] = "agent".into())),
        ("a new field amid the old", changed(|fields| call_fields(fields).insert(3, new.clone()))),
        ("fields in another order", changed(|fields| call_fields(fields).swap(0, 1))),
        ("a text that became a number", changed(|fields| call_fields(fields)[0]["type"][1] = "long".into())),
        ("a text that became bytes", changed(|fields| call_fields(fields)[0]["type"][1] = "bytes".into())),
        ("a date that became an instant", changed(|fields| drop(call_fields(fields)[7]["type"].as_array_mut().unwrap().remove(2)))),
        ("a branch more in a union", changed(|fields| call_fields(fields)[8]["type"].as_array_mut().unwrap().push("string".into()))),
        ("a number no longer nullable", changed(|fields| call_fields(fields)[8]["type"] = "long".into())),
        ("another default", changed(|fields| fields[0]["default"] = "none".into())),
        ("a text that became an enum", {
            changed(|fields| call_fields(fields)[4]["type"][1] = json!({"type": "enum", "name": "D", "symbols": ["outbound", "inbound"]}))
        }),
    ] {
        assert!(fits(avro::NEWEST.schema, &next).is_err(), "{what} went unnoticed");
    }
}
