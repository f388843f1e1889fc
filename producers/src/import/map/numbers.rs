//! Numbers and durations as people and spreadsheets write them.
//!
//! In: a cell's text. Out: a decimal as text, digit for digit (`-1234.50`), or whole seconds; or what would be right.
//! Never here: a float, or a guess which of `.` and `,` is the decimal sign.

/// What stands between thousands, beside `,` or `.`: blanks, narrow and unbreakable ones too, and apostrophes.
const GROUPS: [char; 8] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\u{2007}', '\'', '\u{2019}', '_'];

/// A decimal with `decimal` (`,` or `.`) before its fraction, as text with a point. `around` may stand before or behind it: `EUR`.
pub(super) fn decimal(text: &str, decimal: char, around: &str) -> Result<String, String> {
    let example = if decimal == ',' { "1.234,56 or 1 234,56" } else { "1,234.56 or 1 234.56" };
    let other = if decimal == ',' { '.' } else { ',' };
    let wrong = |why: String| format!("is no number such as {example}{why}");
    let blank = |c: char| c.is_whitespace();
    let mut rest = text.trim_matches(blank);
    let mut negative = false;
    if let Some(inside) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (negative, rest) = (true, inside.trim_matches(blank));
    }
    // A sign and what is said to stand around it, in whichever order: `-5 EUR`, `EUR -5`, `5- EUR`.
    let mut signs = 0;
    for _ in 0..2 {
        if !around.is_empty() {
            rest = rest.strip_prefix(around).unwrap_or(rest).trim_start_matches(blank);
            rest = rest.strip_suffix(around).unwrap_or(rest).trim_end_matches(blank);
        }
        let unsigned = rest.strip_prefix(['-', '\u{2212}']).or_else(|| rest.strip_suffix(['-', '\u{2212}']));
        if let Some(unsigned) = unsigned {
            (signs, rest) = (signs + 1, unsigned.trim_matches(blank));
        }
    }
    if signs > 1 || (signs == 1 && negative) {
        return Err(wrong("; it has two signs".into()));
    }
    let (whole, fraction) = match rest.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (rest, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !digits(fraction)) || whole.is_empty() {
        return Err(wrong(foreign(rest)));
    }
    let is_group = |c: char| c == other || GROUPS.contains(&c);
    let groups: Vec<&str> = whole.split(is_group).collect();
    if groups.iter().any(|group| !digits(group)) {
        return Err(wrong(foreign(rest)));
    }
    if let [first, middle @ .., last] = groups.as_slice() {
        // Thousands, or India's lakhs: the last group has three digits, those before it two or three.
        let grouped = (1..=3).contains(&first.len()) && last.len() == 3 && middle.iter().all(|group| (2..=3).contains(&group.len()));
        if !grouped {
            let function = if decimal == ',' { "decimal_point" } else { "decimal_comma" };
            return Err(wrong(format!("; its groups of digits are no thousands, does {function} read it?")));
        }
        let mut separators = whole.chars().filter(|c| is_group(*c));
        if separators.next().is_some_and(|first| separators.any(|next| next != first)) {
            return Err(wrong("; its thousands are apart in two ways".into()));
        }
    }
    let sign = if negative || signs == 1 { "-" } else { "" };
    let whole = groups.concat();
    Ok(match fraction {
        Some(fraction) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{whole}"),
    })
}

/// What of a text can't belong to a number, and what to do about it.
fn foreign(text: &str) -> String {
    let words: String = text.chars().filter(|c| !c.is_ascii_digit() && !GROUPS.contains(c) && !matches!(c, '.' | ',' | '-')).collect();
    match words.as_str() {
        "" => String::new(),
        words => format!("; if `{words}` belongs there, say so: decimal_comma(\"{words}\") or decimal_point(\"{words}\")"),
    }
}

/// How a duration is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is clear by itself: three parts, or a time past midnight.
    Clear,
    /// `h:m:s`
    Hours,
    /// `m:s`
    Minutes,
    /// `h:m`
    HoursMinutes,
}

impl Form {
    pub(super) fn of(pattern: &str) -> Result<Form, String> {
        match pattern {
            "h:m:s" => Ok(Form::Hours),
            "m:s" => Ok(Form::Minutes),
            "h:m" => Ok(Form::HoursMinutes),
            _ => Err(format!("can't be read by duration(\"{pattern}\"); write \"h:m:s\", \"m:s\" or \"h:m\"")),
        }
    }
}

/// A duration in whole seconds, a fraction of one cut off.
pub(super) fn duration(text: &str, form: Form) -> Result<i64, String> {
    let wrong = || match form {
        Form::Clear => "is no duration such as 1:02:03; of two parts say which: duration(\"m:s\") or duration(\"h:m\")".to_owned(),
        Form::Hours => "is no duration of hours, minutes and seconds such as 1:02:03".to_owned(),
        Form::Minutes => "is no duration of minutes and seconds such as 62:03".to_owned(),
        Form::HoursMinutes => "is no duration of hours and minutes such as 1:02".to_owned(),
    };
    let text = text.trim().to_ascii_lowercase();
    // Shown as if it were a time of the day: past midnight, where the hour 12 AM is none.
    let (text, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(text), _) => (text.trim_end(), Some(0)),
        (_, Some(text)) => (text.trim_end(), Some(43_200)),
        _ => (text.as_str(), None),
    };
    let (text, _cut) = match text.split_once(['.', ',']) {
        Some((text, fraction)) if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) => (text, fraction),
        Some(_) => return Err(wrong()),
        None => (text, ""),
    };
    let parts = text.split(':').map(|part| match part.len() {
        1..=9 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<i64>().map_err(|_| wrong()),
        _ => Err(wrong()),
    });
    let parts = parts.collect::<Result<Vec<i64>, String>>()?;
    let within = |parts: &[i64]| parts.iter().all(|part| *part < 60);
    match (form, half, parts.as_slice()) {
        (Form::Clear | Form::Hours, None, [h, m, s]) if within(&[*m, *s]) => Ok(h * 3_600 + m * 60 + s),
        (Form::Clear | Form::Hours, Some(half), [h, m, s]) if (1..=12).contains(h) && within(&[*m, *s]) => {
            Ok(h % 12 * 3_600 + m * 60 + s + half)
        }
        (Form::Minutes, None, [m, s]) if within(&[*s]) => Ok(m * 60 + s),
        (Form::HoursMinutes, None, [h, m]) if within(&[*m]) => Ok(h * 3_600 + m * 60),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_digit_for_digit() {
        for (text, shown) in [
            ("1.234,56", "1234.56"),
            ("1 234,56", "1234.56"),
            ("1\u{a0}234,56", "1234.56"),
            ("1\u{202f}234\u{202f}567,5", "1234567.5"),
            ("1'234,56", "1234.56"),
            ("1’234’567", "1234567"),
            ("12,5", "12.5"),
            ("-0,05", "-0.05"),
            ("\u{2212}12,5", "-12.5"),
            ("12,5-", "-12.5"),
            ("(1.234,56)", "-1234.56"),
            (" 1054 ", "1054"),
            ("0,10", "0.10"),
        ] {
            assert_eq!(decimal(text, ',', ""), Ok(shown.to_owned()), "{text}");
        }
        for (text, shown) in [("1,234.56", "1234.56"), ("12,34,567.00", "1234567.00"), ("1 234.5", "1234.5"), ("1054.00", "1054.00")] {
            assert_eq!(decimal(text, '.', ""), Ok(shown.to_owned()), "{text}");
        }
        for text in ["1.234,56 €", "€ 1.234,56", "€1.234,56", "1.234,56\u{a0}€"] {
            assert_eq!(decimal(text, ',', "€"), Ok("1234.56".to_owned()), "{text}");
        }
        for text in ["-1.234,56 EUR", "EUR -1.234,56", "1.234,56- EUR", "(1.234,56 EUR)"] {
            assert_eq!(decimal(text, ',', "EUR"), Ok("-1234.56".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_number_is_refused_in_words() {
        for (text, sign, says) in [
            ("1,234.56", ',', "is no number such as 1.234,56"),
            ("1.234,56", '.', "is no number such as 1,234.56"),
            ("12.5", ',', "does decimal_point read it?"),
            ("12,5", '.', "does decimal_comma read it?"),
            ("1.2345,6", ',', "no thousands"),
            ("1.234 567,8", ',', "two ways"),
            ("--5", ',', "two signs"),
            ("(-5)", ',', "two signs"),
            ("5 €", ',', "decimal_comma(\"€\")"),
            ("5 USD", '.', "if `USD` belongs there"),
            ("1e3", '.', "if `e` belongs there"),
            (",5", ',', "is no number"),
            ("5,", ',', "is no number"),
            ("-", ',', "is no number"),
            ("1..234", ',', "is no number"),
            ("١", ',', "is no number"),
        ] {
            let error = decimal(text, sign, "").err().unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn durations_are_whole_seconds() {
        for (text, form, seconds) in [
            ("1:02:03", Form::Clear, 3_723),
            ("100:00:00", Form::Clear, 360_000),
            ("00:02:23.9", Form::Clear, 143),
            ("12:02:23 AM", Form::Clear, 143),
            ("1:00:01 PM", Form::Clear, 46_801),
            ("12:00:00 pm", Form::Hours, 43_200),
            ("62:03", Form::Minutes, 3_723),
            ("1:02", Form::HoursMinutes, 3_720),
        ] {
            assert_eq!(duration(text, form), Ok(seconds), "{text}");
        }
        for (text, form, says) in [
            ("02:23", Form::Clear, "duration(\"m:s\")"),
            ("1:60:00", Form::Clear, "is no duration"),
            ("13:00:00 AM", Form::Clear, "is no duration"),
            ("0:00:05 AM", Form::Clear, "is no duration"),
            ("1:02:03", Form::Minutes, "minutes and seconds such as 62:03"),
            ("1:75", Form::HoursMinutes, "hours and minutes"),
            ("90", Form::Clear, "is no duration"),
            ("-1:00:00", Form::Clear, "is no duration"),
            ("9999999999:00:00", Form::Clear, "is no duration"),
        ] {
            let error = duration(text, form).err().unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(Form::of("hh:mm").is_err());
    }
}
