//! `tests/run --soak` runs this: for how long and by which seed, then 0, or 1 with what did not hold. Never here: what happens.

use std::process::ExitCode;
use std::time::Duration;

use onpace_tests::soak::{Settings, run};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().unwrap_or_else(|| "30".into()).parse::<u64>();
    let seed = arguments.next().map_or(Ok(1), |seed| seed.parse::<u64>());
    let (Ok(minutes @ 1..=1_440), Ok(seed @ 0..=1_000_000), None) = (minutes, seed, arguments.next()) else {
        eprintln!("soak: wanted are minutes (1 to 1440) and a seed (0 to 1000000): tests/run --soak 30 7");
        return ExitCode::from(2);
    };
    let settings = Settings { lasts: Duration::from_secs(60 * minutes), every: Duration::from_secs(15), seed };
    match run(settings) {
        Ok(()) => {
            eprintln!("soak: all held; seed {seed}");
            ExitCode::SUCCESS
        }
        Err(what) => {
            eprintln!("{what}\nsoak: failed; `tests/run --soak {minutes} {seed}` does it again");
            ExitCode::FAILURE
        }
    }
}
