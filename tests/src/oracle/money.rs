//! Amounts. In: the JSON of an amount; out: currency and minor units, exact. Never a float.

use serde_json::Value;

/// The currencies the tests speak of, with the digits ISO 4217 gives each.
pub const CURRENCIES: &[(&str, u32)] = &[
    ("USD", 2),
    ("EUR", 2),
    ("GBP", 2),
    ("INR", 2),
    ("NZD", 2),
    ("CHF", 2),
    ("JPY", 0),
    ("KRW", 0),
    ("CLP", 0),
    ("VND", 0),
    ("BHD", 3),
    ("KWD", 3),
    ("TND", 3),
];

/// How many decimals a currency has; panics on one the tests don't speak of.
pub fn exponent(currency: &str) -> u32 {
    CURRENCIES.iter().find(|(code, _)| *code == currency).unwrap_or_else(|| panic!("add {currency} to the oracle's currencies")).1
}

/// Reads `{"value": "1054.00", "currency": "USD"}` as currency and minor units.
pub fn parse_amount(amount: &Value) -> (String, i128) {
    let currency = amount["currency"].as_str().unwrap_or_else(|| panic!("an amount without a currency: {amount}")).to_owned();
    let text = match &amount["value"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => panic!("an amount without a value: {amount}"),
    };
    let minor = minor_units(&text, exponent(&currency)).unwrap_or_else(|| panic!("not a whole number of minor units: {amount}"));
    (currency, minor)
}

fn minor_units(text: &str, exponent: u32) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = (exponent as usize).checked_sub(fraction.len())?;
    let all = format!("{whole}{fraction}{}", "0".repeat(missing));
    let minor: i128 = all.parse().ok()?;
    Some(if negative { -minor } else { minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_are_exact() {
        assert_eq!(minor_units("1054.00", 2), Some(105_400));
        assert_eq!(minor_units("-0.5", 2), Some(-50));
        assert_eq!(minor_units("1054.000", 0), Some(1_054));
        assert_eq!(minor_units("7", 3), Some(7_000));
        assert_eq!(minor_units("0.001", 2), None);
    }
}
