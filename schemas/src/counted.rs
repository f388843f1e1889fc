//! So many of a thing, in words. In: a number and the thing's name. Out: "1 row", "2 rows". Never here: a thing whose plural is odd.

use std::fmt::Display;

/// So many of a thing, `1 row` or `2 rows`; `thing` is its singular.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let more = if number == N::from(1) { "" } else { "s" };
    format!("{number} {thing}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([counted(0_u64, "row"), counted(1_i64, "row"), counted(2_usize, "row")], ["0 rows", "1 row", "2 rows"]);
    }
}
