//! Holds an answer of `onpace objectives --format json` against the oracle. In: the rows that should be shown, the answer;
//! out: nothing, or the first difference in words with what the row is made of. Lenient in two things only: floats are
//! compared as floats, and a sales cycle may be 1 % off.

use std::collections::BTreeMap;

use jiff::Timestamp;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use serde_json::{Value, json};

use crate::compare::{instant_text, is_near, money_text, number};
use crate::oracle::{Judged, Unit};

/// What tells a row from all others: objective, rep, team, first instant in µs.
type Name = (String, Option<String>, Option<String>, i64);

/// Compares every row of an answer with what the oracle says, both ways.
///
/// Fails with a text that names the first difference, what was expected, and what the row is made of.
pub fn compare_objectives(expected: &[Judged], at: Timestamp, answer: &Value) -> Result<(), String> {
    let answered_at = answer["at"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    if answered_at != Some(at) {
        return Err(format!("asked at {at}, the answer is for {}", answer["at"]));
    }
    let rows = answer["objectives"].as_array().ok_or("the answer has no array \"objectives\"")?;
    let mut answered = BTreeMap::new();
    for row in rows {
        let name = read_name(row).map_err(|what| format!("{what}: {row}"))?;
        if answered.insert(name, row).is_some() {
            return Err(format!("the same row twice: {row}"));
        }
    }
    let mut missing = Vec::new();
    for row in expected {
        match answered.remove(&(row.objective.clone(), row.rep.clone(), row.team.clone(), row.start)) {
            Some(json) => check(row, json).map_err(|what| format!("asked at {at}: {}\n  answered: {json}", told(row, &what)))?,
            None => missing.push(row),
        }
    }
    // Rows that are there and wrong say more than rows that are missing, so these come last.
    if let Some(row) = missing.first() {
        let what = format!("no such row ({} rows are missing)", missing.len());
        return Err(format!("asked at {at}: {}", told(row, &what)));
    }
    match answered.values().next() {
        Some(json) => Err(format!("asked at {at}: {} rows that should not be there, the first: {json}", answered.len())),
        None => Ok(()),
    }
}

fn read_name(row: &Value) -> Result<Name, String> {
    let text = |field: &str| row[field].as_str().map(str::to_owned);
    let start = text("start").and_then(|text| text.parse::<Timestamp>().ok()).ok_or("a row without \"start\"")?;
    Ok((text("objective").ok_or("a row without \"objective\"")?, text("rep"), text("team"), start.as_microsecond()))
}

fn check(row: &Judged, json: &Value) -> Result<(), String> {
    let text = |field: &str| json[field].as_str();
    let same = |field: &str, expected: Option<&str>| match text(field) == expected && (expected.is_some() || json[field].is_null()) {
        true => Ok(()),
        false => Err(format!("{field} should be {expected:?}")),
    };
    same("kpi", Some(row.kpi.name))?;
    same("name", Some(&row.name))?;
    same("currency", row.currency.as_deref())?;
    if text("unit").map(|unit| unit.replace('_', " ")).as_deref() != Some(row.kpi.unit.name()) {
        return Err(format!("unit should be {}", row.kpi.unit.name()));
    }
    if text("end").and_then(|text| text.parse::<Timestamp>().ok()).map(|end| end.as_microsecond()) != Some(row.end) {
        return Err(format!("end should be {}", instant_text(row.end)));
    }
    if json["complete"] != row.complete {
        return Err(format!("complete should be {}", row.complete));
    }
    // The parts first: a wrong state mostly has a wrong number for its reason.
    value(row, json, "target", Some(&row.target))?;
    value(row, json, "attained", row.attained.as_ref())?;
    value(row, json, "expected", row.expected.as_ref())?;
    value(row, json, "forecast", row.forecast.as_ref())?;
    value(row, json, "needed_per_day", row.needed.as_ref())?;
    let near = |field: &str, expected: Option<BigRational>, allowed: f64| {
        let right = match &expected {
            None => json.get(field).is_some_and(Value::is_null),
            Some(expected) => json[field].is_number() && is_near(expected, &json[field], 0.0, allowed),
        };
        let float = expected.as_ref().and_then(ToPrimitive::to_f64);
        if right { Ok(()) } else { Err(format!("{field} should be {float:?}")) }
    };
    near("share", row.share.clone(), 1e-12)?;
    near("chance", row.chance.and_then(BigRational::from_float), 1e-9)?;
    match text("state") {
        Some(state) if row.states.contains(&state) => {}
        state => return Err(format!("state is {state:?}, should be {:?}", row.states[0])),
    }
    match row.urgent {
        Some(urgent) if json["urgent"] != urgent => Err(format!("urgent should be {urgent}")),
        _ => Ok(()),
    }
}

fn value(row: &Judged, json: &Value, field: &str, expected: Option<&BigRational>) -> Result<(), String> {
    let Some(answered) = json.get(field) else {
        return Err(format!("it has no {field:?}"));
    };
    let right = match (expected, row.kpi.unit, &row.currency) {
        (None, ..) => answered.is_null(),
        (Some(expected), Unit::Money, Some(currency)) => answered.as_str() == Some(&money_text(expected, currency)),
        (Some(expected), Unit::Days, _) if field == "attained" => answered.is_number() && is_near(expected, answered, 0.0102, 1e-9),
        (Some(expected), ..) if expected.is_integer() => answered.is_number() && number(answered).as_ref() == Some(expected),
        (Some(expected), ..) => answered.is_number() && is_near(expected, answered, 1e-12, 1e-12),
    };
    if right { Ok(()) } else { Err(format!("{field} should be {}", shown(row, expected))) }
}

fn shown(row: &Judged, value: Option<&BigRational>) -> Value {
    match (value, row.kpi.unit, &row.currency) {
        (None, ..) => Value::Null,
        (Some(value), Unit::Money, Some(currency)) => json!(money_text(value, currency)),
        (Some(value), ..) if value.is_integer() => json!(value.to_integer().to_i64()),
        (Some(value), ..) => json!(value.to_f64()),
    }
}

fn told(row: &Judged, what: &str) -> String {
    format!("{what}\n  expected: {}\n  made of: {}", ideal_row(row), row.facts)
}

/// A row as `onpace objectives` should print it: what a comparison is tried on, and what a difference shows.
pub fn ideal_row(row: &Judged) -> Value {
    let mut json = json!({
        "objective": row.objective,
        "name": row.name,
        "urgent": row.urgent,
        "kpi": row.kpi.name,
        "start": instant_text(row.start),
        "end": instant_text(row.end),
        "state": row.states[0],
        "complete": row.complete,
        "target": shown(row, Some(&row.target)),
        "attained": shown(row, row.attained.as_ref()),
        "share": row.share.as_ref().and_then(ToPrimitive::to_f64),
        "expected": shown(row, row.expected.as_ref()),
        "forecast": shown(row, row.forecast.as_ref()),
        "chance": row.chance,
        "needed_per_day": shown(row, row.needed.as_ref()),
        "unit": row.kpi.unit.name(),
    });
    for (field, text) in [("rep", &row.rep), ("team", &row.team), ("currency", &row.currency)] {
        if let Some(text) = text {
            json[field] = json!(text);
        }
    }
    json
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::generate::company;
    use crate::oracle::{Oracle, judge};

    /// A company's rows at the first instant asked about, and the answer that is right.
    fn ideal() -> (Vec<Judged>, Timestamp, Value) {
        let company = company(2);
        let at = company.asked_at[0];
        let rows = judge(&Oracle::new(&company.events), &company.roster, &company.objectives, &company.words(), at.as_microsecond());
        let answer = json!({"at": at.to_string(), "objectives": rows.iter().map(ideal_row).collect::<Vec<_>>()});
        (rows, at, answer)
    }

    #[test]
    fn the_ideal_answer_passes() {
        let (rows, at, answer) = ideal();
        assert!(rows.len() > 3);
        compare_objectives(&rows, at, &answer).unwrap();
    }

    #[test]
    fn each_field_counts() {
        let (rows, at, answer) = ideal();
        for field in [
            "objective",
            "name",
            "urgent",
            "kpi",
            "start",
            "end",
            "state",
            "complete",
            "target",
            "attained",
            "share",
            "expected",
            "forecast",
            "chance",
            "needed_per_day",
            "unit",
            "currency",
            "rep",
            "team",
        ] {
            let mut wrong = answer.clone();
            wrong["objectives"][0][field] = json!("12.34");
            let error = compare_objectives(&rows, at, &wrong).unwrap_err();
            assert!(!error.is_empty(), "{field}");
        }
    }

    #[test]
    fn rows_too_many_and_too_few_are_differences() {
        let (rows, at, answer) = ideal();
        let mut wrong = answer.clone();
        let first = wrong["objectives"].as_array_mut().unwrap().remove(0);
        assert!(compare_objectives(&rows, at, &wrong).unwrap_err().contains("no such row"));
        let mut wrong = answer;
        wrong["objectives"].as_array_mut().unwrap().push(first.clone());
        assert!(compare_objectives(&rows, at, &wrong).unwrap_err().contains("twice"));
        let list = wrong["objectives"].as_array_mut().unwrap();
        list.last_mut().unwrap()["start"] = json!("1999-01-01T00:00:00Z");
        assert!(compare_objectives(&rows, at, &wrong).unwrap_err().contains("should not be there"));
    }
}
