//! What something cost: wall time, CPU of this process, CPU of Redis.

use std::time::Instant;

/// Kernel ticks in a second, as Linux reports CPU time to user space.
const TICKS: f64 = 100.0;

/// CPU seconds that a process has used, all its threads together.
pub fn cpu_s(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The fields after the name, which may itself hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

/// A running measurement.
pub struct Meter {
    begun: Instant,
    own: f64,
    redis: String,
    redis_before: f64,
}

/// What it measured, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Wall time.
    pub wall_s: f64,
    /// CPU of this process.
    pub own_s: f64,
    /// CPU of Redis; 0 where none was named.
    pub redis_s: f64,
}

impl Meter {
    /// Begins to measure; `redis` is Redis's process id, or empty.
    pub fn start(redis: &str) -> Meter {
        Meter { own: cpu_s("self"), redis: redis.to_owned(), redis_before: cpu_s(redis), begun: Instant::now() }
    }

    /// Ends.
    pub fn stop(&self) -> Cost {
        Cost {
            wall_s: self.begun.elapsed().as_secs_f64(),
            own_s: cpu_s("self") - self.own,
            redis_s: cpu_s(&self.redis) - self.redis_before,
        }
    }
}
