//! Formulas: from `calls_connected / calls_made` to a tree, and from a tree and the measures' values to a number.
//!
//! In: text; values. Out: a [`Formula`], an [`Exact`] or, where something is divided by 0, no value.
//! Never here: a float, what a measure is, windows.

use num_rational::Ratio;
use winnow::ascii::{digit0, digit1, multispace0};
use winnow::combinator::{alt, cut_err, delimited, opt, preceded, repeat, separated_pair};
use winnow::prelude::*;
use winnow::token::{one_of, take_while};

use crate::exact::Exact;

/// Longest formula, in bytes: it bounds how deep one nests.
pub const MAX_FORMULA_BYTES: usize = 400;

/// A formula over names of some sort: texts as read, numbers once resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula<N> {
    /// A number.
    Number(Exact),
    /// A measure's or a KPI's value.
    Of(N),
    /// The value of rank ⌈q·n⌉ among the n values that a histogram measure counts.
    Quantile(N, Ratio<i128>),
    /// The value with its sign turned.
    Negative(Box<Formula<N>>),
    /// Two values joined.
    Join(Op, Box<(Formula<N>, Formula<N>)>),
}

/// How two values are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// +
    Add,
    /// −
    Subtract,
    /// ×
    Multiply,
    /// ÷
    Divide,
}

/// Where a formula's values come from.
pub trait Values<N> {
    /// The value of a measure or KPI.
    fn of(&mut self, name: &N) -> Option<Exact>;
    /// The quantile of a histogram measure.
    fn quantile(&mut self, name: &N, q: Ratio<i128>) -> Option<Exact>;
}

impl<N> Formula<N> {
    /// Its value; `None` where something is divided by 0 or has no value itself.
    pub fn value(&self, values: &mut impl Values<N>) -> Option<Exact> {
        match self {
            Formula::Number(number) => Some(number.clone()),
            Formula::Of(name) => values.of(name),
            Formula::Quantile(name, q) => values.quantile(name, *q),
            Formula::Negative(inner) => Some(Exact::from(0).sub(&inner.value(values)?)),
            Formula::Join(op, sides) => {
                let (left, right) = (sides.0.value(values)?, sides.1.value(values)?);
                match op {
                    Op::Add => Some(left.add(&right)),
                    Op::Subtract => Some(left.sub(&right)),
                    Op::Multiply => Some(left.mul(&right)),
                    Op::Divide => left.div(&right),
                }
            }
        }
    }

    /// The same formula over other names; the flag says whether the name stands in `quantile`.
    ///
    /// # Errors
    /// The first that `resolve` gives.
    pub fn resolve<M, E>(&self, resolve: &mut impl FnMut(&N, bool) -> Result<M, E>) -> Result<Formula<M>, E> {
        Ok(match self {
            Formula::Number(number) => Formula::Number(number.clone()),
            Formula::Of(name) => Formula::Of(resolve(name, false)?),
            Formula::Quantile(name, q) => Formula::Quantile(resolve(name, true)?, *q),
            Formula::Negative(inner) => Formula::Negative(Box::new(inner.resolve(resolve)?)),
            Formula::Join(op, sides) => Formula::Join(*op, Box::new((sides.0.resolve(resolve)?, sides.1.resolve(resolve)?))),
        })
    }
}

/// Reads a formula.
///
/// # Errors
/// What can't be read, from where on, and what may stand there.
pub fn parse(text: &str) -> Result<Formula<String>, String> {
    if text.len() > MAX_FORMULA_BYTES {
        return Err(format!("a formula has at most {MAX_FORMULA_BYTES} bytes; give a part of it a KPI of its own"));
    }
    delimited(multispace0, sum, multispace0).parse(text).map_err(|error| {
        let rest = text.get(error.offset()..).unwrap_or_default();
        let may = "a formula is made of measures, KPIs, numbers, + - * / ( ) and quantile(measure, 0.9)";
        match rest {
            "" => format!("the formula `{text}` ends too early; {may}"),
            rest => format!("the formula `{text}` can't be read from `{rest}` on; {may}"),
        }
    })
}

fn sum(input: &mut &str) -> ModalResult<Formula<String>> {
    joined(input, product, ['+', '-'])
}

fn product(input: &mut &str) -> ModalResult<Formula<String>> {
    joined(input, operand, ['*', '/'])
}

type Part = fn(&mut &str) -> ModalResult<Formula<String>>;

fn joined(input: &mut &str, part: Part, signs: [char; 2]) -> ModalResult<Formula<String>> {
    let first = part(input)?;
    let sign = delimited(multispace0, one_of(signs), multispace0);
    let rest: Vec<(char, Formula<String>)> = repeat(0.., (sign, cut_err(part))).parse_next(input)?;
    Ok(rest.into_iter().fold(first, |left, (sign, right)| {
        let op = match sign {
            '+' => Op::Add,
            '-' => Op::Subtract,
            '*' => Op::Multiply,
            _ => Op::Divide,
        };
        Formula::Join(op, Box::new((left, right)))
    }))
}

fn operand(input: &mut &str) -> ModalResult<Formula<String>> {
    alt((
        delimited(('(', multispace0), cut_err(sum), cut_err((multispace0, ')'))),
        preceded(('-', multispace0), cut_err(operand)).map(|inner| Formula::Negative(Box::new(inner))),
        number.map(|number| Formula::Number(Exact::Small(number))),
        quantile,
        name.map(Formula::Of),
    ))
    .parse_next(input)
}

fn quantile(input: &mut &str) -> ModalResult<Formula<String>> {
    let rank = number.verify(|q| *q > Ratio::from_integer(0) && *q <= Ratio::from_integer(1));
    let inside = separated_pair(name, (multispace0, ',', multispace0), rank);
    preceded(("quantile", multispace0, '(', multispace0), cut_err((inside, (multispace0, ')'))))
        .map(|((name, q), _)| Formula::Quantile(name, q))
        .parse_next(input)
}

fn name(input: &mut &str) -> ModalResult<String> {
    (one_of('a'..='z'), take_while(0.., ('a'..='z', '0'..='9', '_'))).take().map(str::to_owned).parse_next(input)
}

fn number(input: &mut &str) -> ModalResult<Ratio<i128>> {
    (digit1, opt(preceded('.', digit0)))
        .verify_map(|(whole, fraction): (&str, Option<&str>)| {
            let fraction = fraction.unwrap_or_default();
            let numerator: i128 = format!("{whole}{fraction}").parse().ok()?;
            Some(Ratio::new(numerator, 10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?))
        })
        .parse_next(input)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    struct Fixed;

    impl Values<String> for Fixed {
        fn of(&mut self, name: &String) -> Option<Exact> {
            match name.as_str() {
                "won" => Some(7.into()),
                "lost" => Some(3.into()),
                "none" => Some(0.into()),
                _ => None,
            }
        }

        fn quantile(&mut self, _: &String, q: Ratio<i128>) -> Option<Exact> {
            Exact::ratio(*q.numer() * 100, *q.denom())
        }
    }

    #[test]
    fn formulas_are_worked_out_exactly() {
        for (text, numerator, denominator) in [
            ("won / (won + lost)", 7, 10),
            ("won - lost - 1", 3, 1),
            ("won / lost / 2", 7, 6),
            ("1 + won*lost", 22, 1),
            (" ( won )", 7, 1),
            ("-won + 0.25", -27, 4),
            ("2 * -won", -14, 1),
            ("quantile( cycle , 0.9 ) / 86400", 90, 86400),
            ("quantile(cycle,1)", 100, 1),
        ] {
            assert_eq!(parse(text).unwrap().value(&mut Fixed), Exact::ratio(numerator, denominator), "{text}");
        }
        assert_eq!(parse("won / none").unwrap().value(&mut Fixed), None);
        assert_eq!(parse("1 + won / (lost - 3)").unwrap().value(&mut Fixed), None);
    }

    #[test]
    fn a_formula_that_is_none_says_from_where() {
        for (text, says) in [
            ("won /", "ends too early"),
            ("", "ends too early"),
            ("won lost", "from `lost` on"),
            ("won + * lost", "from `* lost` on"),
            ("(won", "ends too early"),
            ("won)", "from `)` on"),
            ("quantile(won)", "from `)` on"),
            ("quantile(won, 1.5)", "from `1.5)` on"),
            ("quantile(won, 0)", "from `0)` on"),
            ("Won", "from `Won` on"),
            ("won ÷ lost", "from `÷ lost` on"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(parse(&"(".repeat(MAX_FORMULA_BYTES)).is_err());
        assert!(parse(&"(".repeat(MAX_FORMULA_BYTES + 1)).unwrap_err().contains("at most"));
        assert!(parse("99999999999999999999999999999999999999999").is_err());
    }
}
