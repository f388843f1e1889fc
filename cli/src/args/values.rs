//! What a flag's text means, where that is more than a word or a number; what is no such thing is refused with what would be right.

/// A number within bounds.
pub(super) fn number(bounds: std::ops::RangeInclusive<u64>) -> impl clap::builder::TypedValueParser<Value = usize> {
    use clap::builder::TypedValueParser;
    clap::value_parser!(u64).range(bounds).try_map(usize::try_from)
}

/// The names of a file's columns.
#[derive(Clone, Debug)]
pub struct Columns(pub Vec<String>);

pub(super) fn columns(text: &str) -> Result<Columns, String> {
    onpace_producers::import::parse_columns(text).map(Columns)
}

/// An instant, in microseconds since 1970.
pub(super) fn instant(text: &str) -> Result<i64, String> {
    onpace_schemas::time::parse_instant(text)
}

/// A schema's fingerprint.
pub(super) fn schema(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no fingerprint; write the 16 hexadecimal digits that /readyz says");
    if text.len() == 16 { u64::from_str_radix(text, 16).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// A kind of entity.
pub(super) fn kind(text: &str) -> Result<onpace_schemas::Kind, String> {
    use onpace_schemas::{Kind, did_you_mean};
    Kind::named(text).ok_or_else(|| format!("is no kind{}", did_you_mean(text, Kind::ALL.into_iter().map(Kind::name))))
}

/// A duration such as `10m`, in seconds.
pub(super) fn duration(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no duration; write such as 0s, 10m or 2h");
    let at = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let each = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    number.parse::<u32>().ok().and_then(|number| number.checked_mul(each)).ok_or_else(wrong)
}

/// Events a second.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 1e6 => Ok(rate),
        _ => Err("give events a second, more than 0 and at most 1,000,000".into()),
    }
}
