//! What processes hold: memory, files, threads, over time; and whether that grows.
//!
//! In: process ids. Out: samples and a verdict that noise doesn't sway. Never here: what the processes do.
//!
//! Judged is the second half of a run, once everything has been used and filled, in processes that lived through it all. Files and
//! threads are counted: the median of the last quarter may be by [`FILES`] and [`THREADS`] above that of the quarter before. Memory goes by
//! the median of the slopes between all pairs of samples (Theil and Sen's, which up to 29 % of outliers don't move), and may grow by
//! [`MEMORY`] over that half.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// By how many bytes memory may grow in the second half of a run: what a state that fills up takes.
const MEMORY: f64 = 16.0 * 1024.0 * 1024.0;
/// By how many files.
const FILES: f64 = 4.0;
/// By how many threads.
const THREADS: f64 = 1.0;

/// What a process held at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Seconds since the run began.
    pub at: f64,
    /// Bytes in memory.
    pub memory: f64,
    /// Open files.
    pub files: f64,
    /// Threads.
    pub threads: f64,
}

/// What a process holds now, if it is there.
pub fn sample(pid: u32, at: f64) -> Option<Sample> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some(Sample { at, memory: number("VmRSS:")? * 1024.0, files: files as f64, threads: number("Threads:")? })
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// The median of the slopes between all pairs, a second.
fn slope(points: &[(f64, f64)]) -> f64 {
    let pairs = points.iter().enumerate().flat_map(|(n, one)| points[n + 1..].iter().map(move |other| (one, other)));
    median(pairs.filter(|(one, other)| other.0 > one.0).map(|(one, other)| (other.1 - one.1) / (other.0 - one.0)).collect())
}

/// The samples of each process by name, as a table; and in what any of them grew.
pub fn judged(samples: &BTreeMap<String, Vec<Sample>>) -> (String, Vec<String>) {
    let mut table =
        format!("{:<12} {:>22} {:>14} {:>20} {:>20}\n", "process", "memory, MiB", "MiB in 2nd half", "files, 3rd/4th quarter", "threads");
    let mut grew = Vec::new();
    for (name, samples) in samples {
        let quarter = samples.len() / 4;
        if quarter == 0 {
            grew.push(format!("{name} was looked at too seldom: {} times", samples.len()));
            continue;
        }
        let half = &samples[2 * quarter..];
        let lasted = half[half.len() - 1].at - half[0].at;
        let grown = slope(&half.iter().map(|sample| (sample.at, sample.memory)).collect::<Vec<_>>()) * lasted;
        let of = |quarter: &[Sample], what: fn(&Sample) -> f64| median(quarter.iter().map(what).collect());
        let (third, fourth) = half.split_at(half.len() / 2);
        let counted = |what: fn(&Sample) -> f64| (of(third, what), of(fourth, what));
        let (memory, files, threads) = (counted(|sample| sample.memory), counted(|sample| sample.files), counted(|sample| sample.threads));
        let mib = |bytes: f64| bytes / 1024.0 / 1024.0;
        let _ = writeln!(
            table,
            "{name:<12} {:>22} {:>14} {:>20} {:>20}",
            format!("{:.1} → {:.1}", mib(memory.0), mib(memory.1)),
            format!("{:+.2}", mib(grown)),
            format!("{} → {}", files.0, files.1),
            format!("{} → {}", threads.0, threads.1)
        );
        if grown > MEMORY {
            grew.push(format!("{name} grew by {:.1} MiB in {lasted:.0} s", mib(grown)));
        }
        for (what, (before, after), bound) in [("files", files, FILES), ("threads", threads, THREADS)] {
            if after > before + bound {
                grew.push(format!("{name} had {before} {what} in the third quarter, {after} in the last"));
            }
        }
    }
    (table, grew)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples every 2 s for 200 s, with an outlier now and then.
    fn samples(memory: impl Fn(f64) -> f64, files: impl Fn(f64) -> f64, threads: impl Fn(f64) -> f64) -> BTreeMap<String, Vec<Sample>> {
        let sample = |n: u32| {
            let at = f64::from(n) * 2.0;
            let outlier = if n.is_multiple_of(5) { 200.0 * 1024.0 * 1024.0 } else { 0.0 };
            Sample { at, memory: memory(at) + outlier, files: files(at), threads: threads(at) }
        };
        BTreeMap::from([("it".to_owned(), (0..100).map(sample).collect())])
    }

    #[test]
    fn what_grows_is_told_and_what_jumps_is_not() {
        let mib = |number: f64| number * 1024.0 * 1024.0;
        // Filling up in the first half is no growth, nor is a little, nor what comes and goes.
        let steady = samples(|at| mib(50.0 + at.min(90.0)), |at| 20.0 + (at / 2.0) % 3.0, |_| 9.0);
        assert_eq!(judged(&steady).1, Vec::<String>::new());
        let (_, grew) = judged(&samples(|at| mib(50.0 + at * 0.5), |_| 20.0, |_| 9.0));
        assert!(matches!(&grew[..], [memory] if memory.starts_with("it grew by ")), "{grew:?}");
        let (_, grew) = judged(&samples(|_| mib(50.0), |at| at / 5.0, |at| 9.0 + at / 20.0));
        assert!(matches!(&grew[..], [files, threads] if files.contains("files") && threads.contains("threads")), "{grew:?}");
        assert_eq!(judged(&BTreeMap::from([("it".to_owned(), Vec::new())])).1.len(), 1, "nothing seen is nothing shown");
    }

    #[test]
    fn a_process_is_looked_at() {
        let own = sample(std::process::id(), 1.0).expect("this process is there");
        assert!(own.memory > 1_000_000.0 && own.files >= 1.0 && own.threads >= 1.0, "{own:?}");
        assert!(sample(u32::MAX, 1.0).is_none());
    }
}
