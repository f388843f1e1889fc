//! JSON as it stands: an object's members untouched, a string's text borrowed wherever it has no escapes.
//!
//! In: JSON text. Out: slices of it. A `raw` value is one that serde_json has already found to be well-formed,
//! without white space around it; only the escapes of a string are still unchecked.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::refusal::clip;

/// A JSON object's members in the order in which they stand: name and raw value.
pub(super) type Members<'a> = SmallVec<[(Cow<'a, str>, &'a str); 12]>;

/// The members of the object that `json` holds.
pub(super) fn object(json: &str) -> Result<Members<'_>, String> {
    let example = "a JSON object, in { }, belongs here";
    match json.trim_start_matches([' ', '\t', '\n', '\r']).chars().next() {
        Some('{') => serde_json::from_str::<Object>(json).map(|object| object.0).map_err(|error| format!("not JSON: {error}")),
        Some('\u{feff}') => Err("begins with a byte order mark; leave it out".into()),
        Some(_) => Err(match serde_json::from_str::<&RawValue>(json) {
            Ok(raw) => format!("{}; {example}", shown(raw.get())),
            Err(error) => format!("not JSON: {error}"),
        }),
        None => Err(format!("empty; {example}")),
    }
}

/// The text of a raw string.
pub(super) fn text(raw: &str, most: usize) -> Result<Cow<'_, str>, String> {
    let text = match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => return Err(format!("{}; write a string, in quotes", shown(raw))),
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        // Half a surrogate pair is no text, though it is JSON.
        Some(_) => Cow::Owned(serde_json::from_str(raw).map_err(|error| format!("not a text: {error}"))?),
    };
    if text.len() > most {
        return Err(format!("has {} bytes; at most {most} are taken", text.len()));
    }
    Ok(text)
}

/// Whether a raw value is a number.
pub(super) fn is_number(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// What was found instead, short enough for a log line.
pub(super) fn shown(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'{') => "an object stands here".into(),
        Some(b'[') => "an array stands here".into(),
        Some(b'"') => format!("the string {} stands here", clip(raw)),
        Some(b't' | b'f') => format!("the boolean {raw} stands here"),
        Some(b'n') => "null stands here".into(),
        _ => format!("the number {} stands here", clip(raw)),
    }
}

struct Object<'a>(Members<'a>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn members_are_slices_without_the_white_space_around_them() {
        let members = object(" \n{ \"a\" : [ 1 , {} ] , \"\\u0062\":\t\"x\\ty\" ,\"c\": 1e999 }\r\n").unwrap();
        let members: Vec<_> = members.iter().map(|(name, raw)| (name.as_ref(), *raw)).collect();
        assert_eq!(members, [("a", "[ 1 , {} ]"), ("b", r#""x\ty""#), ("c", "1e999")]);
    }

    #[test]
    fn text_is_kept_byte_for_byte_and_unescaped_where_it_must_be() {
        assert!(matches!(text("\"né\"", 3), Ok(Cow::Borrowed("né"))));
        assert_eq!(text(r#""\"\u00e9\ud83d\ude00\u0000\/""#, 20).unwrap(), "\"é😀\0/");
        assert!(text("\"né\"", 2).unwrap_err().contains("has 3 bytes"));
        assert!(text(r#""\ud83d""#, 20).unwrap_err().contains("not a text"));
        assert!(text(r#""\ude00x""#, 20).unwrap_err().contains("not a text"));
        assert!(text("{}", 20).unwrap_err().contains("an object stands here; write a string"));
    }
}
