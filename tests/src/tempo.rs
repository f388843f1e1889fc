//! The files that `onpace rules` writes, played faster: every length of time in them divided by one number, nothing else changed.
//!
//! In: the text of `onpace.rules.yml` or `alertmanager.yml`. Out: the same structure, in which an hour is a minute. What always holds: a number
//! that nobody said how to take is a failure, so no length of time is overlooked. Never here: what the rules mean.

use serde_yaml_ng::{Mapping, Value};

/// By how much all goes faster: an hour is a minute.
pub const FASTER: u64 = 60;
/// The same for what is said of the pipeline: its minute of delay and its 30 seconds between heartbeats are the program's own
/// and pass as ever; waits much shorter than these would tell another story.
pub const FASTER_PIPELINE: u64 = 10;

/// The rules.
///
/// # Panics
/// They are not what is known here.
pub fn rules(text: &str) -> String {
    let mut file: Value = serde_yaml_ng::from_str(text).expect("YAML");
    for group in file["groups"].as_sequence_mut().expect("groups") {
        let name = group["name"].as_str().expect("a name").to_owned();
        let by = if name == "onpace_pipeline" { FASTER_PIPELINE } else { FASTER };
        let group = group.as_mapping_mut().expect("a group");
        divide(group, "interval", by);
        for rule in group.get_mut("rules").and_then(Value::as_sequence_mut).expect("rules") {
            let rule = rule.as_mapping_mut().expect("a rule");
            divide(rule, "for", by);
            divide(rule, "keep_firing_for", by);
            let expression = faster_expression(&text_of(rule, "expr"), by);
            rule.insert("expr".into(), expression.into());
            if let Some(annotations) = rule.get_mut("annotations").and_then(Value::as_mapping_mut) {
                for (_, text) in annotations.iter_mut() {
                    *text = faster_ranges(text.as_str().expect("a text"), by).into();
                }
            }
        }
    }
    serde_yaml_ng::to_string(&file).expect("YAML")
}

/// The Alertmanager's configuration; mails, too, go without encryption here: the scenario's mail server has none.
///
/// # Panics
/// It is not what is known here.
pub fn alertmanager(text: &str) -> String {
    let mut file: Value = serde_yaml_ng::from_str(text).expect("YAML");
    let route = file.get_mut("route").expect("a route");
    faster_route(route);
    if let Some(global) = file.get_mut("global").and_then(Value::as_mapping_mut) {
        global.insert("smtp_require_tls".into(), false.into());
    }
    serde_yaml_ng::to_string(&file).expect("YAML")
}

fn faster_route(route: &mut Value) {
    let route = route.as_mapping_mut().expect("a route");
    for key in ["group_wait", "group_interval", "repeat_interval"] {
        divide(route, key, FASTER);
    }
    for child in route.get_mut("routes").and_then(Value::as_sequence_mut).into_iter().flatten() {
        faster_route(child);
    }
}

fn text_of(rule: &Mapping, key: &str) -> String {
    rule.get(key).and_then(Value::as_str).expect("a text").to_owned()
}

/// Divides a length of time, where there is one.
fn divide(within: &mut Mapping, key: &str, by: u64) {
    if let Some(value) = within.get_mut(key) {
        let text = value.as_str().expect("a length of time");
        *value = faster_duration(text, by).unwrap_or_else(|| panic!("{key}: {text} is no length of time")).into();
    }
}

/// `4m59s` as `4983ms` where it is sixty times faster.
fn faster_duration(text: &str, by: u64) -> Option<String> {
    let (mut milliseconds, mut rest) = (0, text);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let each = match unit.chars().next()? {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            _ => return None,
        };
        milliseconds += number.parse::<u64>().ok()? * each;
        rest = &unit[1..];
    }
    (!text.is_empty()).then(|| format!("{}ms", milliseconds / by))
}

/// Every `[4m59s]`.
fn faster_ranges(text: &str, by: u64) -> String {
    let mut out = String::new();
    for (at, piece) in text.split('[').enumerate() {
        if at > 0 {
            out.push('[');
        }
        match piece.split_once(']').and_then(|(range, rest)| Some((faster_duration(range, by)?, rest))) {
            Some((range, rest)) if at > 0 => out.extend([range.as_str(), "]", rest]),
            _ => out.push_str(piece),
        }
    }
    out
}

/// Every range, and every number of seconds.
fn faster_expression(text: &str, by: u64) -> String {
    let mut out = String::new();
    // What lies between quotes is a name.
    for (at, piece) in text.split('"').enumerate() {
        if at > 0 {
            out.push('"');
        }
        out.push_str(&if at % 2 == 0 { faster_seconds(&faster_ranges(piece, by), by) } else { piece.to_owned() });
    }
    assert!(!text.contains("\\\""), "a name with a quote would end too soon: {text}");
    out
}

fn faster_seconds(text: &str, by: u64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        out.push_str(before);
        let in_a_name = before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let number: u64 = digits.parse().expect("a number");
        match number {
            _ if in_a_name || after.starts_with("ms]") => out.push_str(digits),
            0 | 1 => out.push_str(digits),
            600 | 3600 => out.push_str(&(number / by).to_string()),
            _ => panic!("{number} is a number that nobody said how to take: {text}"),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_divided_and_nothing_else() {
        assert_eq!(faster_duration("8760h", 60).as_deref(), Some("525600000ms"));
        assert_eq!(faster_duration("0s", 60).as_deref(), Some("0ms"));
        assert_eq!(faster_duration("4m59s", 60).as_deref(), Some("4983ms"));
        assert_eq!(["", "x", "5", "m", "5ms", "4m59", "4d"].map(|text| faster_duration(text, 60)), [const { None }; 7]);
        assert_eq!(
            faster_expression("(a1[6h] > time() - 600 or b{c=~\"[5m]|3600\"} > time() - time() % 3600) * 0 + 1", 60),
            "(a1[360000ms] > time() - 10 or b{c=~\"[5m]|3600\"} > time() - time() % 60) * 0 + 1"
        );
        assert_eq!(faster_ranges("over [5m], [x], [15m]", 60), "over [5000ms], [x], [15000ms]");
    }

    #[test]
    #[should_panic(expected = "900 is a number that nobody said how to take")]
    fn a_number_that_nobody_knows_is_a_failure() {
        faster_expression("a > time() - 900", 60);
    }
}
