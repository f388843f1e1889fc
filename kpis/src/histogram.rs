//! A logarithmic histogram's buckets, in integers only: 64 to an octave, so that a bucket's middle is
//! within 1/128 (< 1 %) of every value in it; values below 128 have a bucket of their own.

/// The bucket of a value; a negative value counts as 0.
pub fn bucket(value: i64) -> u32 {
    let value = value.max(0) as u64;
    if value < 128 {
        return value as u32;
    }
    let octave = value.ilog2();
    let step = (value >> (octave - 6)) as u32 - 64;
    128 + (octave - 7) * 64 + step
}

/// The middle of a bucket: exact for single values, else within 1/128 of each value in it.
pub fn middle(bucket: u32) -> i64 {
    if bucket < 128 {
        return bucket.into();
    }
    let octave = (bucket - 128) / 64 + 7;
    let step = u64::from((bucket - 128) % 64 + 64);
    let width = 1u64 << (octave.min(62) - 6);
    (step * width + width / 2) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_middle_is_within_one_percent(value in 0..4_000_000_000_000i64) {
            let error = (middle(bucket(value)) - value).abs();
            prop_assert!(error * 100 <= value, "{value} has middle {}", middle(bucket(value)));
            prop_assert!(bucket(value) <= bucket(value + 1));
        }
    }
}
