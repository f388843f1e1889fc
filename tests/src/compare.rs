//! Holds an answer of `onpace kpis --format json` against the oracle. In: the oracle, the question, the answer;
//! out: nothing, or the first number that differs with the events that feed it. Never lenient, but
//! for two things: a row that is missing equals one that is zero (or has no value, where it is
//! no sum), and the sales cycle's ranks may be 1 % off, as the contract allows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use serde_json::Value;

use crate::generate::Moment;
use crate::onpace::Onpace;
use crate::oracle::{By, KPIS, Kpi, Oracle, Question, Row, Unit, Window, exponent, minor_per_major};

/// What tells a row from all others: KPI, window, key, currency.
type Name = (String, String, Option<String>, Option<String>);

/// Compares every number that the program has at some moments, by all that can be asked by, with what the oracle makes of the events.
///
/// Fails as [`compare`] does, or with why there is no answer.
pub fn compare_all(onpace: &Onpace, events: &[Value], moments: &[Moment]) -> Result<(), String> {
    let oracle = Oracle::new(events);
    for moment in moments {
        for by in By::EVERY {
            let question = Question::new(moment.at, by, moment.zone);
            compare(&oracle, &question, &onpace.kpis(&question)?)?;
        }
    }
    Ok(())
}

/// Compares every number of an answer with the oracle's.
///
/// Fails with a text that names the first difference, what was expected, and the events behind it.
pub fn compare(oracle: &Oracle, question: &Question, answer: &Value) -> Result<(), String> {
    let expected = oracle.kpis(question);
    let report = |row: Option<&Row>, what: String| {
        let mut text = format!(
            "asked at {} in {} by {}: {what}\n",
            question.at,
            question.zone.iana_name().unwrap_or("a zone without a name"),
            question.by.name(),
        );
        if let Some(row) = row {
            text.push_str(&feeding(oracle, question, row));
        }
        text
    };
    check_at(question, answer).map_err(|what| report(None, what))?;
    let mut answered = rows_by_name(question, answer).map_err(|what| report(None, what))?;

    let mut missing = Vec::new();
    for row in &expected {
        match answered.remove(&name_of(row)) {
            Some(json) => check(row, &json).map_err(|what| {
                let what = format!("{}: {what}\n  answered: {json}", title(row));
                report(Some(row), what)
            })?,
            None if !is_nothing(row) => missing.push(row),
            None => {}
        }
    }
    // Rows that are there and wrong say more than rows that are missing, so these come last.
    if let Some(row) = missing.first() {
        let what = format!("{}: no such row, expected {} ({} rows are missing)", title(row), value_text(row), missing.len(),);
        return Err(report(Some(row), what));
    }
    for (name, json) in answered {
        if !is_nothing_json(&name.0, &json["value"]) {
            let mut text = report(None, format!("a row that should not be there: {json}"));
            text.push_str(&mentions(oracle, name.2.as_deref().unwrap_or_default()));
            return Err(text);
        }
    }
    Ok(())
}

fn check_at(question: &Question, answer: &Value) -> Result<(), String> {
    let at = answer["at"].as_str().ok_or("the answer has no \"at\"")?;
    match at.parse::<Timestamp>() {
        Ok(parsed) if parsed == question.at => Ok(()),
        _ => Err(format!("the answer is for {at:?}")),
    }
}

fn name_of(row: &Row) -> Name {
    (row.kpi.name.to_owned(), row.window.name().to_owned(), row.key.clone(), row.currency.clone())
}

/// The answer's rows by name, each seen to be a row that can exist.
fn rows_by_name(question: &Question, answer: &Value) -> Result<BTreeMap<Name, Value>, String> {
    let rows = answer["values"].as_array().ok_or("the answer has no array \"values\"")?;
    let mut by_name = BTreeMap::new();
    for json in rows {
        let name = read_name(question, json).map_err(|what| format!("{what}: {json}"))?;
        if by_name.insert(name, json.clone()).is_some() {
            return Err(format!("the same row twice: {json}"));
        }
    }
    Ok(by_name)
}

fn read_name(question: &Question, json: &Value) -> Result<Name, String> {
    let text = |field: &str| json[field].as_str().map(str::to_owned);
    let kpi_name = text("kpi").ok_or("a row without \"kpi\"")?;
    let kpi = Kpi::named(&kpi_name).ok_or("a KPI that the contract has not")?;
    let window = text("window").ok_or("a row without \"window\"")?;
    if !question.windows.iter().any(|asked| asked.name() == window) {
        return Err("a window that nobody asked for".to_owned());
    }
    let unit = text("unit").ok_or("a row without \"unit\"")?;
    if unit.replace('_', " ") != kpi.unit.name() {
        return Err(format!("its unit should be {}", kpi.unit.name()));
    }
    let key = match question.by {
        By::Company => None,
        by => {
            let key = text(by.name());
            Some(key.ok_or_else(|| format!("a row without {:?}", by.name()))?)
        }
    };
    for other in By::EVERY {
        if other != question.by && !json[other.name()].is_null() {
            return Err(format!("a row with {:?}", other.name()));
        }
    }
    let currency = text("currency");
    if kpi.is_per_currency() != currency.is_some() {
        let should = if kpi.is_per_currency() { "a" } else { "no" };
        return Err(format!("it should have {should} currency"));
    }
    Ok((kpi_name, window, key, currency))
}

/// Whether a row may just as well be missing.
fn is_nothing(row: &Row) -> bool {
    match &row.value {
        None => true,
        Some(value) => row.kpi.is_additive() && value.is_zero(),
    }
}

fn is_nothing_json(kpi: &str, value: &Value) -> bool {
    let is_zero = || number(value).is_some_and(|number| number.is_zero());
    value.is_null() || (Kpi::named(kpi).is_some_and(Kpi::is_additive) && is_zero())
}

fn check(row: &Row, json: &Value) -> Result<(), String> {
    check_bound("start", row.start, json)?;
    check_bound("end", Some(row.end), json)?;
    for (field, expected) in [("numerator", &row.numerator), ("denominator", &row.denominator)] {
        let answered = &json[field];
        // A rate must carry both; an average may.
        if answered.is_null() && row.kpi.unit != Unit::Ratio {
            continue;
        }
        if number(answered) != *expected {
            let expected = expected.as_ref().map_or("absent".to_owned(), decimal);
            return Err(format!("{field} should be {expected}"));
        }
    }
    let Some(answered) = json.get("value") else {
        return Err("it has no \"value\"".to_owned());
    };
    let right = match &row.value {
        None => answered.is_null(),
        Some(expected) => is_value(row, expected, answered),
    };
    if right { Ok(()) } else { Err(format!("expected {}", value_text(row))) }
}

fn check_bound(field: &str, expected: Option<i64>, json: &Value) -> Result<(), String> {
    let answered = json[field].as_str().map(str::parse::<Timestamp>);
    let right = match (expected, answered) {
        (None, None) => json[field].is_null(),
        (Some(expected), Some(Ok(answered))) => answered.as_nanosecond() == i128::from(expected) * 1_000,
        _ => false,
    };
    if right {
        return Ok(());
    }
    let expected = expected.map_or("null".to_owned(), instant_text);
    Err(format!("{field} should be {expected}"))
}

fn is_value(row: &Row, expected: &BigRational, answered: &Value) -> bool {
    let currency = row.currency.as_deref();
    match row.kpi.unit {
        Unit::Count | Unit::Seconds => (answered.is_i64() || answered.is_u64()) && number(answered).as_ref() == Some(expected),
        Unit::Money => {
            let currency = currency.expect("money has a currency");
            answered.as_str() == Some(&money_text(expected, currency))
        }
        Unit::Ratio => answered.is_number() && is_near(expected, answered, 1e-12, 0.0),
        Unit::Days => is_near(expected, answered, 0.01, 1e-9),
        Unit::MoneyPerDay => {
            // What is divided by a median that is 1 % off is 1/0.99 off; it may be rounded
            // to the minor unit then.
            let minor = minor_per_major(currency.expect("money has a currency"));
            let half_minor = 0.5 / minor.to_f64().unwrap_or(1.0);
            is_near(expected, answered, 0.0102, half_minor + 1e-9)
        }
    }
}

pub(crate) fn is_near(expected: &BigRational, answered: &Value, relative: f64, absolute: f64) -> bool {
    let float = |value: f64| BigRational::from_float(value).unwrap_or_else(BigRational::zero);
    let Some(answered) = number(answered) else {
        return false;
    };
    let allowed = expected.abs() * float(relative) + float(absolute);
    (answered - expected).abs() <= allowed
}

/// A JSON number or decimal string, exactly.
pub(crate) fn number(json: &Value) -> Option<BigRational> {
    match json {
        // As it is written: 10.01 is 1001 hundredths, not the float next to it.
        Value::Number(number) => {
            let float = || BigRational::from_float(number.as_f64()?);
            parse_decimal(&number.to_string()).or_else(float)
        }
        Value::String(text) => parse_decimal(text),
        _ => None,
    }
}

fn parse_decimal(text: &str) -> Option<BigRational> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
    let power = BigInt::from(10).pow(u32::try_from(fraction.len()).ok()?);
    Some(BigRational::new(digits, power))
}

/// Major units as a decimal string, rounded half to even to the currency's minor unit.
pub(crate) fn money_text(value: &BigRational, currency: &str) -> String {
    let minor = round_half_even(&(value * minor_per_major(currency)));
    let digits = exponent(currency) as usize;
    let text = format!("{:0>width$}", minor.abs().to_string(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let sign = if minor.is_negative() { "-" } else { "" };
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn round_half_even(value: &BigRational) -> BigInt {
    let below = value.floor().to_integer();
    let rest = value - BigRational::from_integer(below.clone());
    let half = BigRational::new(1.into(), 2.into());
    let up = rest > half || (rest == half && (&below % 2i32) != BigInt::ZERO);
    if up { below + 1 } else { below }
}

fn title(row: &Row) -> String {
    let mut text = format!("{} in {}", row.kpi.name, row.window.name());
    if let Some(key) = &row.key {
        let _ = write!(text, " of {key:?}");
    }
    if let Some(currency) = &row.currency {
        let _ = write!(text, " in {currency}");
    }
    text
}

fn value_text(row: &Row) -> String {
    match (&row.value, row.kpi.unit, row.currency.as_deref()) {
        (None, ..) => "no value (null)".to_owned(),
        (Some(value), Unit::Money, Some(currency)) => {
            format!("{:?}", money_text(value, currency))
        }
        (Some(value), ..) => decimal(value),
    }
}

fn decimal(value: &BigRational) -> String {
    if value.is_integer() { value.to_integer().to_string() } else { format!("{value} = {}", value.to_f64().unwrap_or(f64::NAN)) }
}

pub(crate) fn instant_text(t: i64) -> String {
    Timestamp::from_microsecond(t).map_or_else(|_| t.to_string(), |t| t.to_string())
}

/// At most this many events are printed of a difference.
const PRINTED: usize = 80;

/// What a number is made of: the contributions, then the events of their entities.
fn feeding(oracle: &Oracle, question: &Question, row: &Row) -> String {
    let feeding = oracle.feeding(question, row);
    let mut text = format!(
        "window: {} to {}\n{} contributions:\n",
        row.start.map_or("the beginning".to_owned(), instant_text),
        instant_text(row.end),
        feeding.len(),
    );
    for one in feeding.iter().take(PRINTED) {
        let entity = &oracle.entities()[one.entity];
        let falls = instant_text(one.at.falls(question.zone_of(&one.rep)));
        let _ =
            writeln!(text, "  {:+} {} of {:?}, falls at {falls}, from {} {:?}", one.value, one.measure, one.rep, entity.kind, entity.name,);
    }
    let mut entities: Vec<usize> = feeding.iter().map(|one| one.entity).collect();
    entities.sort_unstable();
    entities.dedup();
    if entities.is_empty() {
        text.push_str(&mentions(oracle, row.key.as_deref().unwrap_or_default()));
    } else {
        text.push_str(&events(oracle, &entities));
    }
    text
}

/// The events of every entity that ever mentioned a name: what an empty number may have missed.
fn mentions(oracle: &Oracle, name: &str) -> String {
    let entities: Vec<usize> = (0..oracle.entities().len())
        .filter(|&entity| {
            let events = oracle.events_of(entity);
            let mut data = events.iter().filter_map(|event| event["data"].as_object());
            data.any(|data| data.values().any(|value| value == name))
        })
        .collect();
    let found = format!("{} entities mention {name:?}:\n", entities.len());
    found + &events(oracle, &entities)
}

fn events(oracle: &Oracle, entities: &[usize]) -> String {
    let all: Vec<&Value> = entities.iter().flat_map(|&entity| oracle.events_of(entity)).collect();
    let mut text = format!("{} events of {} entities:\n", all.len(), entities.len());
    for event in all.iter().take(PRINTED) {
        let _ = writeln!(text, "  {event}");
    }
    if all.len() > PRINTED {
        text.push_str("  … and more\n");
    }
    text
}

/// Writes the oracle's rows as `onpace kpis` should answer: what a comparison is tried on.
pub fn ideal_answer(oracle: &Oracle, question: &Question) -> Value {
    let values: Vec<Value> = oracle.kpis(question).iter().map(|row| ideal_row(question, row)).collect();
    serde_json::json!({ "at": question.at.to_string(), "values": values })
}

fn ideal_row(question: &Question, row: &Row) -> Value {
    let plain = |value: &BigRational| match value.is_integer() {
        true => Value::from(value.to_integer().to_i64()),
        false => Value::from(value.to_f64()),
    };
    let mut json = serde_json::json!({
        "kpi": row.kpi.name,
        "window": row.window.name(),
        "start": row.start.map(instant_text),
        "end": instant_text(row.end),
        "unit": row.kpi.unit.name(),
        "value": row.value.as_ref().map(|value| match (row.kpi.unit, &row.currency) {
            (Unit::Money, Some(currency)) => Value::from(money_text(value, currency)),
            _ => plain(value),
        }),
    });
    if let (Some(key), by) = (&row.key, question.by) {
        json[by.name()] = Value::from(key.as_str());
    }
    if let Some(currency) = &row.currency {
        json["currency"] = Value::from(currency.as_str());
    }
    for (field, part) in [("numerator", &row.numerator), ("denominator", &row.denominator)] {
        if let Some(part) = part {
            json[field] = match &row.currency {
                Some(currency) if row.kpi.name == "win_rate_by_value" || field == "numerator" => Value::from(money_text(part, currency)),
                _ => plain(part),
            };
        }
    }
    json
}

/// The names of all windows, for a command line.
pub fn window_names() -> Vec<&'static str> {
    Window::EVERY.iter().map(|window| window.name()).collect()
}

/// The names of all KPIs that exist by something.
pub fn kpi_names(by: By) -> Vec<&'static str> {
    let there = KPIS.iter().filter(|kpi| kpi.exists_by(by));
    there.map(|kpi| kpi.name).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::json;

    use super::*;

    fn deal(name: &str, rep: &str, value: &str) -> Value {
        json!({"source": "test", "kind": "deal", "entity": name,
            "occurred_at": "2026-01-05T10:00:00Z",
            "data": {"rep": rep, "status": "won", "closed_at": "2026-01-05",
                "created_at": "2026-01-01",
                "amount": {"value": value, "currency": "USD"}}})
    }

    fn three_deals() -> (Oracle, Question) {
        let events = [deal("1", "Ann", "10.00"), deal("2", "Ann", "0.01"), deal("3", "Bob", "-5")];
        let at = "2026-01-31T12:00:00Z".parse().unwrap();
        (Oracle::new(&events), Question::new(at, By::Rep, "UTC"))
    }

    fn row<'a>(answer: &'a mut Value, kpi: &str, rep: &str) -> &'a mut Value {
        let rows = answer["values"].as_array_mut().unwrap();
        let wanted = |row: &&mut Value| row["kpi"] == kpi && row["window"] == "month" && row["rep"] == rep;
        rows.iter_mut().find(wanted).unwrap()
    }

    /// What the comparison says once a row was changed.
    fn after(kpi: &str, change: impl Fn(&mut Value)) -> String {
        let (oracle, question) = three_deals();
        let mut answer = ideal_answer(&oracle, &question);
        change(row(&mut answer, kpi, "Ann"));
        compare(&oracle, &question, &answer).unwrap_err()
    }

    #[test]
    fn the_ideal_answer_passes() {
        let (oracle, question) = three_deals();
        let answer = ideal_answer(&oracle, &question);
        compare(&oracle, &question, &answer).unwrap();
    }

    #[test]
    fn rows_that_say_nothing_may_be_missing_and_no_others() {
        let (oracle, question) = three_deals();
        let mut answer = ideal_answer(&oracle, &question);
        let rows = answer["values"].as_array_mut().unwrap();
        rows.retain(|row| !is_nothing_json(row["kpi"].as_str().unwrap(), &row["value"]));
        compare(&oracle, &question, &answer).unwrap();

        let rows = answer["values"].as_array_mut().unwrap();
        rows.retain(|row| row["kpi"] != "win_rate" || row["rep"] != "Bob");
        let error = compare(&oracle, &question, &answer).unwrap_err();
        assert!(error.contains("win_rate in 30d of \"Bob\""), "{error}");
        assert!(error.contains("no such row, expected 1"), "{error}");
    }

    #[test]
    fn a_wrong_number_is_named_with_its_events() {
        let error = after("revenue_won", |row| row["value"] = json!("10.02"));
        assert!(error.contains("revenue_won in month of \"Ann\" in USD"), "{error}");
        assert!(error.contains("expected \"10.01\""), "{error}");
        assert!(error.contains("2 contributions"), "{error}");
        assert!(error.contains("\"entity\":\"2\""), "{error}");
        assert!(!error.contains("\"entity\":\"3\""), "{error}");
    }

    #[test]
    fn the_form_of_a_row_counts() {
        after("deals_won", |row| row["value"] = json!(2.5));
        after("deals_won", |row| row["value"] = json!("2"));
        after("deals_won", |row| row["unit"] = json!("seconds"));
        after("deals_won", |row| row["currency"] = json!("USD"));
        after("deals_won", |row| row["start"] = json!(null));
        after("deals_won", |row| row["end"] = json!("2026-01-31T12:15:00Z"));
        after("deals_won", |row| row["rep"] = json!("Anna"));
        after("deals_won", |row| row["window"] = json!("fortnight"));
        after("revenue_won", |row| row["value"] = json!("10.010"));
        after("revenue_won", |row| row["value"] = json!(10.01));
        after("win_rate", |row| row["denominator"] = json!(3));
        after("win_rate", |row| row["numerator"] = json!(null));
        after("win_rate", |row| row["value"] = json!(0.999_999_999));
        after("no_show_rate", |row| row["value"] = json!(0));
    }

    #[test]
    fn only_the_sales_cycle_may_be_one_percent_off() {
        let (oracle, question) = three_deals();
        let set = |kpi: &str, value: f64| {
            let mut answer = ideal_answer(&oracle, &question);
            row(&mut answer, kpi, "Ann")["value"] = json!(value);
            compare(&oracle, &question, &answer)
        };
        set("sales_cycle_days", 4.03).unwrap();
        set("sales_cycle_days", 3.97).unwrap();
        set("sales_cycle_days", 4.05).unwrap_err();
        set("sales_cycle_days_p90", 3.95).unwrap_err();
    }

    #[test]
    fn a_row_too_many_is_a_difference_unless_it_says_nothing() {
        let (oracle, question) = three_deals();
        let extra = |value: i64| {
            let mut answer = ideal_answer(&oracle, &question);
            let rows = answer["values"].as_array_mut().unwrap();
            let mut row = rows[0].clone();
            row["rep"] = json!("Cleo");
            row["value"] = json!(value);
            rows.push(row);
            compare(&oracle, &question, &answer)
        };
        extra(0).unwrap();
        assert!(extra(1).unwrap_err().contains("should not be there"));
    }

    #[test]
    fn money_is_rounded_half_to_even_in_its_currency() {
        let text = |over: i64, under: i64, currency| money_text(&BigRational::new(over.into(), under.into()), currency);
        assert_eq!(text(5, 1000, "USD"), "0.00");
        assert_eq!(text(15, 1000, "USD"), "0.02");
        assert_eq!(text(-25, 1000, "USD"), "-0.02");
        assert_eq!(text(-35, 1000, "USD"), "-0.04");
        assert_eq!(text(7, 2, "JPY"), "4");
        assert_eq!(text(1, 1, "BHD"), "1.000");
        assert_eq!(text(-1, 1000, "BHD"), "-0.001");
    }
}
