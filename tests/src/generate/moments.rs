//! When and where to ask. In: a seed; out: instants and zones at which calendars are at their worst.

use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;

/// When and where to ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// The company's zone, an IANA name.
    pub zone: &'static str,
}

/// Instants and zones at which calendars are at their worst.
pub const MOMENTS: &[(&str, &str)] = &[
    // In the morning of the day that has 92 slots, and in the last slot of one that has 100.
    ("2026-03-29T10:00:00Z", "Europe/Paris"),
    ("2025-10-26T22:59:59.999999Z", "Europe/Paris"),
    // The same in New York, the second in the hour that comes twice.
    ("2024-03-10T12:00:00Z", "America/New_York"),
    ("2024-11-03T05:30:00Z", "America/New_York"),
    // Exactly midnight, at half-hour and quarter-hour offsets.
    ("2025-01-31T18:30:00Z", "Asia/Kolkata"),
    ("2024-02-28T18:15:00Z", "Asia/Kathmandu"),
    // The instant at which daylight saving begins; one second before a half-hour one ends.
    ("2025-09-27T14:00:00Z", "Pacific/Auckland"),
    ("2025-04-05T14:59:59Z", "Australia/Lord_Howe"),
    // Samoa skips 30 December 2011: the day after, and the instant of the skip.
    ("2011-12-31T09:00:00Z", "Pacific/Apia"),
    ("2011-12-30T10:00:00Z", "Pacific/Apia"),
    // The last second of a year, in the last zone but one.
    ("2024-01-01T10:59:59Z", "Pacific/Pago_Pago"),
    ("2022-01-01T00:00:00Z", "UTC"),
    // Days that begin at one o'clock, twice, and a minute before they end again.
    ("2018-11-04T04:10:00Z", "America/Sao_Paulo"),
    ("2024-11-03T05:20:00Z", "America/Havana"),
    ("2010-11-07T02:45:00Z", "America/St_Johns"),
    ("2024-04-26T03:00:00Z", "Africa/Cairo"),
    // The first and the last place on Earth.
    ("2020-02-29T10:00:00Z", "Pacific/Kiritimati"),
    ("2021-06-30T12:00:00.000001Z", "Etc/GMT+12"),
    // 2026-01-01 in Chatham, 45 minutes past.
    ("2025-12-31T10:15:00Z", "Pacific/Chatham"),
];

/// The moments of a seed: two of the list, the first's instant in the second's zone, and one long
/// after everything. Consecutive seeds go through the list.
pub fn of_seed(seed: u64, rng: &mut StdRng) -> Vec<Moment> {
    let index = usize::try_from(seed).unwrap_or(0) % MOMENTS.len();
    let other = rng.random_range(0..MOMENTS.len());
    let moment = |(at, zone): (&str, &'static str)| Moment { at: at.parse().expect("a moment is an instant"), zone };
    let first = moment(MOMENTS[index]);
    let second = moment(MOMENTS[other]);
    let mixed = Moment { at: first.at, zone: second.zone };
    let after_all = moment(("2031-07-01T00:00:00Z", "America/New_York"));
    vec![first, second, mixed, after_all]
}
