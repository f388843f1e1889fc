//! What a body is, by its headers: JSON or lines of JSON, as it is or compressed.
//!
//! In: `Content-Type`, `Content-Encoding`. Out: how to read it, or 415 with what is taken. Nothing is sniffed.
//! CloudEvents will be further forms here.

use axum::http::{HeaderMap, StatusCode, header};

use crate::http::Problem;

/// How events stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One object, or an array of them.
    Json,
    /// An object a line.
    Lines,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

const TAKEN: &str = "send events as `application/json` (an object or an array) or as `application/x-ndjson` (an object a line)";

/// How to read a body with these headers.
///
/// # Errors
/// 415 with what would be right.
pub(super) fn read(headers: &HeaderMap) -> Result<(Form, Coding), Problem> {
    let refuse = |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    Ok((form(headers).map_err(refuse)?, coding(headers).map_err(refuse)?))
}

fn form(headers: &HeaderMap) -> Result<Form, String> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Err(format!("there is no Content-Type; {TAKEN}"));
    };
    let given = String::from_utf8_lossy(given.as_bytes());
    let mut parts = given.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let form = match essence.as_str() {
        "application/json" | "text/json" => Form::Json,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => Form::Lines,
        _ => return Err(format!("Content-Type `{}` is not taken; {TAKEN}", clip(&essence))),
    };
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("charset")
            && !["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
        {
            return Err(format!("charset `{}` is not taken; JSON is UTF-8", clip(value)));
        }
    }
    Ok(form)
}

fn coding(headers: &HeaderMap) -> Result<Coding, String> {
    let mut found = Coding::Plain;
    for given in headers.get_all(header::CONTENT_ENCODING) {
        for coding in String::from_utf8_lossy(given.as_bytes()).split(',') {
            let coding = match coding.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "zstd" => Coding::Zstd,
                other => return Err(format!("Content-Encoding `{}` is not taken; send `gzip`, `zstd` or none", clip(other))),
            };
            if found != Coding::Plain {
                return Err("the body is compressed more than once; once is taken".into());
            }
            found = coding;
        }
    }
    Ok(found)
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn headers(content_type: &str, coding: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        headers
    }

    #[test]
    fn forms_and_codings_are_told_apart() {
        assert_eq!(read(&headers("application/json; charset=UTF-8", "identity")), Ok((Form::Json, Coding::Plain)));
        assert_eq!(read(&headers("Application/X-NDJSON", "x-gzip")), Ok((Form::Lines, Coding::Gzip)));
        assert_eq!(read(&headers("text/json;charset=\"utf-8\"", "ZSTD")), Ok((Form::Json, Coding::Zstd)));
    }

    #[test]
    fn the_rest_is_415() {
        for (content_type, coding) in [
            ("text/plain", ""),
            ("application/x-www-form-urlencoded", ""),
            ("application/json; charset=latin1", ""),
            ("application/json", "br"),
            ("application/json", "gzip, gzip"),
            ("application/cloudevents+json", ""),
        ] {
            let problem = read(&headers(content_type, coding)).unwrap_err();
            assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type} {coding}");
        }
        assert!(read(&HeaderMap::new()).is_err());
    }
}
