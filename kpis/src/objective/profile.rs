//! The pace of an objective from its YAML: how its target is spread over its period.
//!
//! In: `pace:` and the period. Out: a [`Pace`] whose shares add to exactly 1: one for each month of the period, or for each week begun in the longest
//! such period, whose last week is one of few days.
//! Never here: when the period begins, how much of it is past.

use onpace_schemas::time;

use super::{Pace, Period};
use crate::Mistake;
use crate::decimal::decimal;
use crate::exact::Exact;
use onpace_schemas::yaml::{Node, Text};

/// The pace of an objective; working time where it says nothing.
pub(super) fn pace(node: Option<&Node>, period: Period) -> Result<Pace, Mistake> {
    let Some(node) = node else { return Ok(Pace::WorkingTime) };
    if !node.is_mapping() {
        let named = node.text("`pace`")?;
        return match named.text {
            "months" | "weeks" => Err(named.mistake(format!("a pace by {0} needs its shares, as in {{ {0}: [30, 30, 40] }}", named.text))),
            _ => {
                let is_linear = named.one_of("pace", &[("working_time", false), ("linear", true)])?;
                Ok(if is_linear { Pace::Linear } else { Pace::WorkingTime })
            }
        };
    }
    let fields = node.fields("`pace`", &["months", "weeks"])?;
    match (fields.get("months"), fields.get("weeks")) {
        (Some(months), None) => by_month(months, period).map(Pace::Months),
        (None, Some(weeks)) => by_week(weeks, period).map(Pace::Weeks),
        (None, None) => Err(fields.mistake("`pace` needs `months` or `weeks`, such as { months: [30, 30, 40] }")),
        (Some(months), Some(weeks)) => {
            let (first, second) = (months.line.min(weeks.line), months.line.max(weeks.line));
            let cause = format!("`pace` has `months` and `weeks` (lines {first} and {second}); keep one of the two");
            Err(Mistake::at(second, cause))
        }
    }
}

fn by_month(node: &Node, period: Period) -> Result<Vec<Exact>, Mistake> {
    let months = match period {
        Period::Day | Period::Week => return Err(node.mistake(format!("a {} has no months; leave `pace` out", period.name()))),
        Period::Month => 1,
        Period::Quarter => 3,
        Period::Year => 12,
        Period::Once(from, to) => {
            let month = |day| {
                let date = time::date_of(day);
                i32::from(date.year()) * 12 + i32::from(date.month())
            };
            (month(to) - month(from) + 1).unsigned_abs() as usize
        }
    };
    let shares = shares(node, "months")?;
    match shares.len() == months {
        true => Ok(shares),
        false => {
            let cause = format!("`months` has {} shares; this period has {months} calendar months: write one for each", shares.len());
            Err(node.mistake(cause))
        }
    }
}

fn by_week(node: &Node, period: Period) -> Result<Vec<Exact>, Mistake> {
    let weeks = match period {
        Period::Day => return Err(node.mistake("a day has no weeks; leave `pace` out")),
        Period::Week => 1,
        // Of 31, 92 and 366 days.
        Period::Month => 5,
        Period::Quarter => 14,
        Period::Year => 53,
        Period::Once(from, to) => ((to - from) / 7 + 1).unsigned_abs() as usize,
    };
    let shares = shares(node, "weeks")?;
    match shares.len() == weeks {
        true => Ok(shares),
        false => {
            let (given, longest) = (shares.len(), if matches!(period, Period::Once(..)) { "" } else { " at its longest" });
            let cause = format!(
                "`weeks` has {given} shares; in this period {weeks} weeks begin{longest}: write one for each, 0 where it carries nothing"
            );
            Err(node.mistake(cause))
        }
    }
}

/// Percentages that add to 100, as parts of 1.
fn shares(node: &Node, name: &str) -> Result<Vec<Exact>, Mistake> {
    let hundred = Exact::from(100);
    let mut sum = Exact::from(0);
    let mut shares = Vec::new();
    for share in node.list(name)? {
        let text = share.text("a share")?;
        let share = percentage(text)?;
        sum = sum.add(&share);
        shares.push(share.div(&hundred).unwrap_or(share));
    }
    match sum == hundred {
        true => Ok(shares),
        false => Err(node.mistake(format!("the shares of `{name}` add to {} %; make them add to exactly 100 %", shown(&sum)))),
    }
}

/// `30`, `12.5` or `30 %`.
fn percentage(text: Text<'_>) -> Result<Exact, Mistake> {
    let digits = text.text.strip_suffix('%').unwrap_or(text.text).trim();
    decimal(digits).map_err(|cause| text.mistake(format!("{cause}; a share is a percentage such as 30, 12.5 or 30 %")))
}

/// A decimal that was summed up from decimals, in full.
fn shown(sum: &Exact) -> String {
    let mut power = Exact::from(1);
    for digits in 0..=18_usize {
        if let Some(whole) = sum.mul(&power).to_integer() {
            let all = format!("{whole:0>width$}", width = digits + 1);
            let (whole, fraction) = all.split_at(all.len() - digits);
            return if digits == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") };
        }
        power = power.mul(&Exact::from(10));
    }
    sum.to_f64().to_string()
}
