//! One counter over time: sorted slots with prefix sums, so that a window is two binary searches.
//!
//! In: deltas in any order. Out: sums over ranges of slots, right at every moment, quick once settled.

use std::borrow::Cow;
use std::ops::Range;

/// How far from the end an update is made in place; further back it waits for [`Series::settle`].
const NEAR: usize = 64;

/// Values by slot number, of one kind of slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    slots: Vec<i32>,
    /// The sum of all values up to and with the slot at the same place.
    sums: Vec<i128>,
    /// What is not in `sums` yet.
    waiting: Vec<(i32, i128)>,
}

impl Series {
    /// Adds to the value of a slot.
    pub fn add(&mut self, slot: i32, delta: i128) {
        if delta == 0 {
            return;
        }
        let near = self.slots.len().saturating_sub(NEAR);
        if self.slots.get(near).is_none_or(|first| *first <= slot) || near == 0 {
            let tail = self.slots.get(near..).unwrap_or_default();
            return match tail.binary_search(&slot) {
                Ok(at) => self.shift(near + at, delta),
                Err(at) => {
                    let at = near + at;
                    let before = at.checked_sub(1).and_then(|at| self.sums.get(at)).copied().unwrap_or(0);
                    self.slots.insert(at, slot);
                    self.sums.insert(at, before);
                    self.shift(at, delta);
                }
            };
        }
        self.waiting.push((slot, delta));
        if self.waiting.len() > NEAR.max(self.slots.len() / 4) {
            self.settle();
        }
    }

    /// Whether [`Series::settle`] would do anything.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn shift(&mut self, from: usize, delta: i128) {
        for sum in self.sums.iter_mut().skip(from) {
            *sum += delta;
        }
    }

    /// Works in what was added out of order. Changes no sum; later reads are quicker.
    pub fn settle(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.sort_unstable_by_key(|(slot, _)| *slot);
        let mut waiting = std::mem::take(&mut self.waiting).into_iter().peekable();
        let mut settled = Series::default();
        let capacity = self.slots.len() + waiting.len();
        (settled.slots, settled.sums) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        let mut known = self.values().peekable();
        let mut sum = 0;
        while let Some(slot) = [known.peek(), waiting.peek()].into_iter().flatten().map(|(slot, _)| *slot).min() {
            let mut value = 0;
            while let Some((_, known)) = known.next_if(|(next, _)| *next == slot) {
                value += known;
            }
            while let Some((_, delta)) = waiting.next_if(|(next, _)| *next == slot) {
                value += delta;
            }
            if value != 0 {
                sum += value;
                settled.slots.push(slot);
                settled.sums.push(sum);
            }
        }
        drop(known);
        *self = settled;
    }

    fn values(&self) -> impl Iterator<Item = (i32, i128)> {
        let mut before = 0;
        self.slots.iter().zip(&self.sums).map(move |(slot, sum)| (*slot, sum - std::mem::replace(&mut before, *sum)))
    }

    /// The values that are not 0 and whose slots lie in a range, in order.
    pub fn values_in(&self, range: &Range<i32>) -> impl Iterator<Item = (i32, i128)> + use<'_> {
        let (mut series, range) = (Cow::Borrowed(self), range.clone());
        if !self.waiting.is_empty() {
            series.to_mut().settle();
        }
        let mut at = series.slots.partition_point(|slot| *slot < range.start);
        std::iter::from_fn(move || {
            loop {
                let slot = *series.slots.get(at).filter(|slot| range.contains(slot))?;
                let before = at.checked_sub(1).map_or(0, |before| series.sums[before]);
                at += 1;
                if series.sums[at - 1] != before {
                    return Some((slot, series.sums[at - 1] - before));
                }
            }
        })
    }

    /// The sum of the values whose slots lie in a range.
    pub fn sum(&self, range: &Range<i32>) -> i128 {
        if self.slots.is_empty() && self.waiting.is_empty() {
            return 0;
        }
        let late: i128 = self.waiting.iter().filter(|(slot, _)| range.contains(slot)).map(|(_, delta)| delta).sum();
        if range.start >= range.end {
            return late;
        }
        self.sum_before(range.end) - self.sum_before(range.start) + late
    }

    fn sum_before(&self, slot: i32) -> i128 {
        // Most windows end after the last slot, and `all` starts before the first.
        if self.slots.last().is_none_or(|last| *last < slot) {
            return self.sums.last().copied().unwrap_or(0);
        }
        let upto = self.slots.partition_point(|known| *known < slot);
        upto.checked_sub(1).and_then(|at| self.sums.get(at)).copied().unwrap_or(0)
    }

    /// The last slot before one whose value may not be 0: none between the two is.
    pub fn last_before(&self, slot: i32) -> Option<i32> {
        let upto = self.slots.partition_point(|known| *known < slot);
        let settled = upto.checked_sub(1).and_then(|at| self.slots.get(at)).copied();
        let waiting = self.waiting.iter().map(|(slot, _)| *slot).filter(|known| *known < slot).max();
        settled.max(waiting)
    }

    /// Whether every value is 0, as if nothing had ever been added.
    pub fn is_nothing(&self) -> bool {
        if self.waiting.is_empty() {
            // The first slot that isn't 0 lifts the sum off 0.
            return self.sums.iter().all(|sum| *sum == 0);
        }
        let mut settled = self.clone();
        settled.settle();
        settled.is_nothing()
    }

    /// The first and the last slot whose value is not 0.
    pub fn span(&self) -> Option<(i32, i32)> {
        if !self.waiting.is_empty() {
            let mut settled = self.clone();
            settled.settle();
            return settled.span();
        }
        let mut slots = self.values().filter(|(_, value)| *value != 0).map(|(slot, _)| slot);
        let first = slots.next()?;
        Some((first, slots.last().unwrap_or(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_the_deltas_at_every_moment(
            deltas in prop::collection::vec((-400..400i32, -3..4i128), 0..900),
            ranges in prop::collection::vec((-420..420i32, -420..420i32), 1..6),
            settle in 0..900usize) {
            let mut series = Series::default();
            for (number, (slot, delta)) in deltas.iter().enumerate() {
                series.add(*slot, *delta);
                if number == settle {
                    series.settle();
                }
            }
            for (start, end) in ranges {
                let expected: i128 = deltas.iter().filter(|(slot, _)| (start..end).contains(slot)).map(|(_, delta)| delta).sum();
                prop_assert_eq!(series.sum(&(start..end)), expected);
                let last = series.last_before(end);
                prop_assert_eq!(series.sum(&(last.map_or(i32::MIN, |last| last + 1)..end)), 0);
                prop_assert!(last.is_none_or(|last| last < end && deltas.iter().any(|(slot, _)| *slot == last)));
                prop_assert_eq!(last.is_none(), deltas.iter().all(|(slot, delta)| *slot >= end || *delta == 0));
            }
            let mut back = series.clone();
            for (slot, delta) in &deltas {
                back.add(*slot, -delta);
            }
            prop_assert!(back.is_nothing());
            let nothing = (-400..400).all(|slot| series.sum(&(slot..slot + 1)) == 0);
            prop_assert_eq!(series.is_nothing(), nothing);
            prop_assert_eq!(series.span().is_none(), nothing);
        }
    }
}
