//! Makes sources. In: a seed, events, the instants that are asked about; out: who said which event and when that was recorded, so
//! that some sources have just spoken, some are silent for a moment longer than they may, and some never spoke. Never a word
//! recorded in the future of the machine's clock.

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::oracle::{DAY, HOUR, Roster, SECOND, Source, worked_between};

const MINUTE: i64 = 60 * SECOND;

/// Gives each event a source, and the roster its sources; out: when each event was recorded, milliseconds since 1970.
pub fn sources(seed: u64, events: &mut [Value], asked_at: &[Timestamp], roster: &mut Roster) -> Vec<i64> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x0050_0cce);
    let mut lasts: Vec<i64> = Vec::new();
    for (number, name) in ["phone", "crm", "mail \"é\"", "import:history.csv"].into_iter().enumerate() {
        let at = asked_at[rng.random_range(0..asked_at.len())].as_microsecond();
        let away = match rng.random_range(0..6) {
            // After the instant, or at it.
            0 => -rng.random_range(0..3 * HOUR),
            1 => rng.random_range(0..40 * DAY),
            2 => rng.random_range(0..4 * DAY),
            // Whole minutes: so that it may have been silent for exactly as long as it may be.
            _ => rng.random_range(1..9 * 60) * MINUTE,
        };
        // The log keeps milliseconds: an instant asked about may be a microsecond off them.
        let last = (at - away).div_euclid(1_000);
        lasts.push(last);
        let worked = worked_between(roster, last * 1_000, at) / MINUTE;
        let minutes = match rng.random_range(0..5) {
            0 => rng.random_range(1..2_000),
            1 => worked - 1,
            2 => worked + 1,
            _ => worked,
        };
        let live = number < 3 && rng.random_bool(0.9);
        let max_silence = (live && rng.random_bool(0.9)).then_some(minutes.clamp(1, 2_000 * 60));
        roster.sources.push(Source { id: name.to_owned(), live, max_silence });
    }
    roster.sources.push(Source { id: "never heard of".to_owned(), live: true, max_silence: Some(60) });

    // Each kind has a usual source, which now and then is another.
    let usual: Vec<usize> = (0..4).map(|_| rng.random_range(0..4)).collect();
    let mut recorded = Vec::with_capacity(events.len());
    let mut spoken = [false; 4];
    for event in events {
        let kind = ["call", "meeting", "email", "deal"].iter().position(|kind| event["kind"] == *kind).unwrap_or(0);
        let source = if rng.random_bool(0.002) { rng.random_range(0..4) } else { usual[kind] };
        event["source"] = json!(roster.sources[source].id);
        // The first is the last, for whoever reads the log in order.
        let before = if spoken[source] { rng.random_range(0..200 * DAY / 1_000) } else { 0 };
        spoken[source] = true;
        recorded.push(lasts[source] - before);
    }
    recorded
}
