//! Slots: the quarter-hours in UTC, and the dates, that counters are kept by.

use onpace_schemas::Time;
use onpace_schemas::time::US;

/// A slot's length in seconds. Every time zone has since 1980 been a whole number of slots from UTC.
pub const SLOT_S: i64 = 900;
const SLOT_US: i64 = SLOT_S * US;
const SLOTS_A_DAY: i32 = 96;

/// Where a counter stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `floor(t / 900 s)`: 15 minutes in UTC.
    Quarter(i32),
    /// Days since 1970-01-01: a date of no zone until it is read.
    Date(i32),
}

impl Slot {
    /// The slot that holds a time.
    pub fn of(time: Time) -> Slot {
        match time {
            // The calendar ends in 9999, whose slots fit 32 bits.
            Time::Instant(us) => Slot::Quarter(us.div_euclid(SLOT_US) as i32),
            Time::Date(day) => Slot::Date(day),
        }
    }

    /// The UTC day of a quarter-hour; the date itself of a date. Days since 1970-01-01.
    pub fn day(self) -> i32 {
        match self {
            Slot::Quarter(slot) => slot.div_euclid(SLOTS_A_DAY),
            Slot::Date(day) => day,
        }
    }

    /// Its place within [`Slot::day`]: 0–95 for quarter-hours, 96 for the date.
    pub fn place(self) -> u8 {
        match self {
            Slot::Quarter(slot) => slot.rem_euclid(SLOTS_A_DAY) as u8,
            Slot::Date(_) => SLOTS_A_DAY as u8,
        }
    }

    /// The slot at a place of a day; the inverse of [`Slot::day`] and [`Slot::place`].
    pub fn at(day: i32, place: u8) -> Slot {
        if i32::from(place) < SLOTS_A_DAY { Slot::Quarter(day * SLOTS_A_DAY + i32::from(place)) } else { Slot::Date(day) }
    }
}

/// An instant rounded up to a slot's boundary, in microseconds since 1970.
pub fn round_up(us: i64) -> i64 {
    us.div_euclid(SLOT_US) * SLOT_US + if us.rem_euclid(SLOT_US) == 0 { 0 } else { SLOT_US }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_and_place_lead_back() {
        for slot in [Slot::Quarter(0), Slot::Quarter(-1), Slot::Quarter(95), Slot::Quarter(1_700_001), Slot::Date(-3), Slot::Date(20_000)] {
            assert_eq!(Slot::at(slot.day(), slot.place()), slot);
        }
        assert_eq!(Slot::of(Time::Instant(-1)), Slot::Quarter(-1));
        assert_eq!(Slot::of(Time::Instant(900 * US)), Slot::Quarter(1));
        assert_eq!(round_up(1), 900 * US);
        assert_eq!(round_up(900 * US), 900 * US);
        assert_eq!(round_up(-1), 0);
    }
}
