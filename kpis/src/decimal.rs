//! A decimal as somebody wrote it, exactly. In: text. Out: an [`Exact`]. Never here: a float, rounding, signs.

use crate::exact::Exact;

/// Digits before the point, and after it: together they and their power of ten fit 128 bits.
const MOST_DIGITS: usize = 18;

/// `digits` or `digits.digits` as it stands.
///
/// # Errors
/// Anything else, in words that say what would be right.
pub(crate) fn decimal(text: &str) -> Result<Exact, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.strip_prefix('-').is_some_and(|rest| decimal(rest).is_ok()) {
        return Err(format!("{text} is negative; write 0 or more"));
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if digits(fraction) => (whole, fraction),
        Some(_) => ("", ""),
        None => (text, ""),
    };
    if !digits(whole) {
        return Err(format!("`{text}` is no number; write digits with a point, such as 1200 or 0.35"));
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > MOST_DIGITS || fraction.len() > MOST_DIGITS {
        return Err(format!("{text} has more than {MOST_DIGITS} digits before the point or after it"));
    }
    let numerator = whole.bytes().chain(fraction.bytes()).fold(0_i128, |number, digit| number * 10 + i128::from(digit - b'0'));
    let denominator = fraction.bytes().fold(1_i128, |power, _| power * 10);
    Exact::ratio(numerator, denominator).ok_or_else(|| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for (text, numerator, denominator) in
            [("0.35", 7, 20), ("40", 40, 1), ("0", 0, 1), ("007.50", 15, 2), ("0.000000000000000001", 1, 1_000_000_000_000_000_000)]
        {
            assert_eq!(decimal(text).unwrap(), Exact::ratio(numerator, denominator).unwrap(), "{text}");
        }
        for wrong in ["", ".", ".5", "5.", "1_000", "1 000", "1,5", "1e3", "+5", "٣", "0x1F", "--1", ".inf", "1.2.3"] {
            assert!(decimal(wrong).unwrap_err().contains("such as 1200 or 0.35"), "{wrong}");
        }
        assert!(decimal("-3").unwrap_err().contains("negative"));
        assert!(decimal("1234567890123456789").unwrap_err().contains("more than 18 digits"));
        assert!(decimal("0.1234567890123456789").unwrap_err().contains("more than 18 digits"));
    }
}
