//! Exact rationals: 128 bits while they last, as long as it takes after that. No float but for show.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::{BigRational, Ratio};
use num_traits::{CheckedAdd, CheckedDiv, CheckedMul, CheckedSub, Signed, ToPrimitive, Zero};

/// An exact rational number.
#[derive(Clone, Debug)]
pub enum Exact {
    /// Numerator and denominator fit 128 bits.
    Small(Ratio<i128>),
    /// They don't.
    Large(Box<BigRational>),
}

type Small = Ratio<i128>;

impl Exact {
    /// `numerator / denominator`; `None` where the denominator is 0.
    pub fn ratio(numerator: i128, denominator: i128) -> Option<Exact> {
        Exact::from(numerator).div(&Exact::from(denominator))
    }

    fn large(&self) -> BigRational {
        match self {
            Exact::Small(small) => BigRational::new_raw((*small.numer()).into(), (*small.denom()).into()),
            Exact::Large(large) => (**large).clone(),
        }
    }

    fn join(&self, other: &Exact, small: fn(&Small, &Small) -> Option<Small>, large: fn(BigRational, BigRational) -> BigRational) -> Exact {
        if let (Exact::Small(a), Exact::Small(b)) = (self, other)
            && let Some(joined) = small(a, b)
        {
            return Exact::Small(joined);
        }
        Exact::Large(Box::new(large(self.large(), other.large())))
    }

    /// The sum.
    pub fn add(&self, other: &Exact) -> Exact {
        if let (Some(a), Some(b)) = (self.small_integer(), other.small_integer())
            && let Some(sum) = a.checked_add(b)
        {
            return sum.into();
        }
        if let (Some((a, b)), Some((c, d))) = (self.words(), other.words()) {
            return sum(a, b, c, d);
        }
        self.join(other, Small::checked_add, |a, b| a + b)
    }

    /// The difference.
    pub fn sub(&self, other: &Exact) -> Exact {
        if let (Some(a), Some(b)) = (self.small_integer(), other.small_integer())
            && let Some(difference) = a.checked_sub(b)
        {
            return difference.into();
        }
        if let (Some((a, b)), Some((c, d))) = (self.words(), other.words()) {
            return sum(a, b, -c, d);
        }
        self.join(other, Small::checked_sub, |a, b| a - b)
    }

    /// The product.
    pub fn mul(&self, other: &Exact) -> Exact {
        if let (Some((a, b)), Some((c, d))) = (self.words(), other.words()) {
            return product(a, b, c, d);
        }
        self.join(other, Small::checked_mul, |a, b| a * b)
    }

    /// The quotient; `None` where the divisor is 0.
    pub fn div(&self, other: &Exact) -> Option<Exact> {
        if other.is_zero() {
            return None;
        }
        if let (Some((a, b)), Some((c, d))) = (self.words(), other.words()) {
            return Some(if c < 0 { product(-a, b, d, -c) } else { product(a, b, d, c) });
        }
        Some(self.join(other, Small::checked_div, |a, b| a / b))
    }

    /// Numerator and denominator, where both fit half of what is kept: then products of them don't overflow.
    fn words(&self) -> Option<(i128, i128)> {
        const LIMIT: u128 = 1 << 62;
        match self {
            Exact::Small(small) if small.numer().unsigned_abs() < LIMIT && small.denom().unsigned_abs() < LIMIT => {
                Some((*small.numer(), *small.denom()))
            }
            _ => None,
        }
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        match self {
            Exact::Small(small) => small.is_zero(),
            Exact::Large(large) => large.is_zero(),
        }
    }

    fn small_integer(&self) -> Option<i128> {
        match self {
            Exact::Small(small) if *small.denom() == 1 => Some(*small.numer()),
            _ => None,
        }
    }

    /// The integer it is, if it is one and fits 128 bits.
    pub fn to_integer(&self) -> Option<i128> {
        match self {
            Exact::Small(_) => self.small_integer(),
            Exact::Large(large) if large.is_integer() => large.numer().to_i128(),
            Exact::Large(_) => None,
        }
    }

    /// The nearest integer, the even one of two equally near.
    pub fn round_half_even(&self) -> BigInt {
        if let Some(integer) = self.small_integer() {
            return integer.into();
        }
        let exact = self.large();
        let floor = exact.floor().to_integer();
        let twice = (exact - BigRational::from_integer(floor.clone())) * BigInt::from(2);
        let up = match twice.cmp(&BigRational::from_integer(1.into())) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => !(&floor % BigInt::from(2)).is_zero(),
        };
        if up { floor + BigInt::from(1) } else { floor }
    }

    /// The nearest float; for show only.
    pub fn to_f64(&self) -> f64 {
        const EXACT: i128 = 1 << 53;
        if let Exact::Small(small) = self
            && small.numer().unsigned_abs() <= EXACT.unsigned_abs()
            && *small.denom() <= EXACT
        {
            // Both are exact, so one division rounds once.
            return *small.numer() as f64 / *small.denom() as f64;
        }
        self.large().to_f64().unwrap_or(f64::NAN)
    }

    /// Whether it is less than 0.
    pub fn is_negative(&self) -> bool {
        match self {
            Exact::Small(small) => small.is_negative(),
            Exact::Large(large) => large.is_negative(),
        }
    }
}

/// a/b × c/d, each in lowest terms with a positive denominator and parts below 2⁶²: reduced crosswise, in single words.
fn product(a: i128, b: i128, c: i128, d: i128) -> Exact {
    let (left, right) = (common(a, d), common(c, b));
    Exact::Small(Ratio::new_raw((a / left) * (c / right), (b / right) * (d / left)))
}

/// a/b + c/d, as [`product`] takes them.
fn sum(a: i128, b: i128, c: i128, d: i128) -> Exact {
    // With g = gcd(b, d): only what divides g can still be cancelled (Knuth, 4.5.1).
    let g = common(b, d);
    let numerator = a * (d / g) + c * (b / g);
    let left = common(numerator % g, g);
    Exact::Small(Ratio::new_raw(numerator / left, (b / g) * (d / left)))
}

/// The greatest common divisor of two numbers that fit a word, at least 1.
fn common(a: i128, b: i128) -> i128 {
    let (a, b) = (a.unsigned_abs() as u64, b.unsigned_abs() as u64);
    if a == 1 || b == 1 { 1 } else { i128::from(a.gcd(&b).max(1)) }
}

impl From<i128> for Exact {
    fn from(integer: i128) -> Exact {
        Exact::Small(Ratio::new_raw(integer, 1))
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Exact) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Exact) -> Ordering {
        match (self, other) {
            (Exact::Small(small), Exact::Small(other_small)) => match (self.words(), other.words()) {
                (Some((a, b)), Some((c, d))) => (a * d).cmp(&(c * b)),
                _ => small.cmp(other_small),
            },
            _ => self.large().cmp(&other.large()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_and_wide_numbers_agree(a in any::<(i64, i64)>(), b in any::<(i64, i64)>(), shift in 0..63u32) {
            let wide = |(numerator, denominator): (i64, i64)| {
                Ratio::<BigInt>::new((numerator >> shift).into(), BigInt::from((denominator >> shift) | 1))
            };
            let exact = |(numerator, denominator): (i64, i64)| {
                Exact::ratio((numerator >> shift).into(), i128::from(denominator >> shift) | 1).unwrap()
            };
            let (x, y) = (exact(a), exact(b));
            let (p, q) = (wide(a), wide(b));
            prop_assert_eq!(x.add(&y).large(), &p + &q);
            prop_assert_eq!(x.sub(&y).large(), &p - &q);
            prop_assert_eq!(x.mul(&y).large(), &p * &q);
            if !y.is_zero() {
                prop_assert_eq!(x.div(&y).unwrap().large(), &p / &q);
            }
            prop_assert_eq!(x.cmp(&y), p.cmp(&q));
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (numerator, denominator, rounded) in
            [(1, 2, 0), (3, 2, 2), (5, 2, 2), (-1, 2, 0), (-3, 2, -2), (-5, 2, -2), (7, 3, 2), (8, 3, 3), (-7, 3, -2), (6, 3, 2)]
        {
            assert_eq!(Exact::ratio(numerator, denominator).unwrap().round_half_even(), BigInt::from(rounded), "{numerator}/{denominator}");
        }
    }

    #[test]
    fn what_128_bits_do_not_hold_stays_exact() {
        let huge = Exact::from(i128::MAX);
        let square = huge.mul(&huge);
        assert!(matches!(square, Exact::Large(_)));
        assert_eq!(square.div(&huge).unwrap(), huge);
        assert_eq!(square.div(&huge).unwrap().to_integer(), Some(i128::MAX));
        assert_eq!(huge.add(&1.into()).sub(&1.into()), huge);
        assert!(huge.add(&1.into()) > huge);
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(Exact::ratio(1, 0), None);
        assert_eq!(Exact::ratio(31, 50).unwrap().to_f64(), 0.62);
        assert!(Exact::ratio(1, -3).unwrap().is_negative());
    }
}
