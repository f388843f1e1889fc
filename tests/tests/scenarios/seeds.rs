//! Which seeds a scenario tries. In: `ONPACE_SEED` or `ONPACE_SEEDS`; out: a range.

use std::ops::Range;

/// The one seed of `ONPACE_SEED`; else the first of `ONPACE_SEEDS`, or as many as are usual.
///
/// # Panics
/// One of them is no number.
pub fn seeds(usual: u64) -> Range<u64> {
    let setting = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text} is no number")))
    };
    match setting("ONPACE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("ONPACE_SEEDS").unwrap_or(usual),
    }
}
