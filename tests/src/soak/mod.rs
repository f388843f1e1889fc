//! A soak: a steady load of known events on real processes, a fault every few seconds, and at the end what must hold all the same.
//!
//! In: for how long, a seed. Out: a report; or what did not hold. What must hold: what was accepted is in the log, and the log holds
//! nothing but what was accepted or of which nobody can know; every number, on Redis and as the sink serves it, equals a naive tally of what
//! the log holds; nothing ended by itself; memory, files and threads don't grow.

mod faults;
mod load;
mod plant;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::Value;

use crate::compare::compare;
use crate::generate::{Company, adversarial_set, company};
use crate::onpace::Onpace;
use crate::oracle::{By, Oracle, Question};
use crate::topic::held;
use faults::Fault;
use load::{Ledger, Seen};
use plant::Plant;
use watch::Sample;

/// How many clients send at once; each about 25 events a second on an idle machine.
const CLIENTS: usize = 2;
/// Each process is looked at so often.
const LOOK: Duration = Duration::from_secs(1);
/// For how long a number may be on its way.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// For how long.
    pub lasts: Duration,
    /// A fault so often.
    pub every: Duration,
    /// Of the events, the faults, and whom they hit.
    pub seed: u64,
}

/// Runs it and says how it went, as it goes, on stderr.
///
/// # Errors
/// What did not hold, a line each.
///
/// # Panics
/// A server can't be started or doesn't come back.
pub fn run(settings: Settings) -> Result<(), String> {
    let begun = Instant::now();
    let say = |what: &str| eprintln!("[{:5.0} s] {what}", begun.elapsed().as_secs_f64());
    let mut rng = StdRng::seed_from_u64(settings.seed);
    // An odd one has the events that break merges.
    let company = company(settings.seed * 2 + 1);
    let events = Arc::new(events(settings, &company, &mut rng));
    let rosters = rosters(&company);
    say(&format!("seed {}: {} events of a company of {}", settings.seed, events.len(), company.roster.people.len()));
    let mut plant = Plant::start(&company);
    plant.warm_up();
    say("everything is ready");

    let stop = Arc::new(AtomicBool::new(false));
    let ledger = Arc::new(Ledger::default());
    let clients = clients(settings.seed, &events, &plant, &ledger, &stop);
    let watching = watching(&plant, &stop);
    let slots = (settings.lasts.as_secs_f64() / settings.every.as_secs_f64()) as usize;
    let loaded = Instant::now();
    let (mut happened, mut broken) = (BTreeMap::<Fault, usize>::new(), Vec::new());
    for (slot, fault) in Fault::deck(slots.saturating_sub(1), &mut rng).into_iter().enumerate() {
        let due = settings.every * (slot as u32 + 1);
        std::thread::sleep(due.saturating_sub(loaded.elapsed()));
        say(&format!("{fault:?}"));
        fault.happens(&mut plant, [&rosters[0], &rosters[1]], &mut rng);
        *happened.entry(fault).or_default() += 1;
        broken.extend(plant.ended());
        if !broken.is_empty() {
            break;
        }
    }
    std::thread::sleep(settings.lasts.saturating_sub(loaded.elapsed()));
    stop.store(true, Ordering::Relaxed);
    let lasted = loaded.elapsed();
    clients.into_iter().for_each(|client| client.join().expect("a client ends"));
    let samples = watching.join().expect("the watching ends");
    say(&format!("the load is over; faults: {happened:?}"));
    broken.extend(plant.ended());
    broken.extend(ledger.surprises());
    plant.floor.catch_up();

    let messages = held(plant.floor.brokers(), plant.floor.topic());
    let in_log: BTreeSet<usize> = messages.iter().filter_map(|message| load::number_in(message)).collect();
    let seen = ledger.seen();
    broken.extend(log_against(&in_log, &seen));
    let count = |what: fn(&Seen) -> bool| seen.values().filter(|seen| what(seen)).count();
    say(&format!(
        "{} events sent in {:.0} s: {} accepted, {} not known to be, {} refused; {} in the log",
        seen.len(),
        lasted.as_secs_f64(),
        count(|seen| seen.accepted),
        count(|seen| !seen.accepted && seen.unknown),
        count(|seen| !seen.accepted && !seen.unknown),
        in_log.len()
    ));
    let posted: Vec<Value> = in_log.iter().map(|number| load::marked(&events[number % events.len()], *number)).collect();
    match numbers_against(&posted, &company, &plant) {
        Ok(cells) => say(&format!("{cells} numbers compared on Redis and by the sink: 0 differ")),
        Err(difference) => broken.push(difference),
    }
    let (table, grew) = watch::judged(&samples);
    eprint!("{table}");
    broken.extend(grew);
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

/// Enough for the whole run, in any order.
fn events(settings: Settings, company: &Company, rng: &mut StdRng) -> Vec<Value> {
    let wanted = settings.lasts.as_secs() as usize * 25 * CLIENTS;
    let mut events = company.events.clone();
    for set in 0.. {
        if events.len() >= wanted {
            break;
        }
        events.extend(adversarial_set(settings.seed * 10_000 + set).events);
    }
    events.shuffle(rng);
    events
}

/// The one in force, and one without somebody.
fn rosters(company: &Company) -> [String; 2] {
    let mut other = company.roster.clone();
    other.people.pop();
    [company.roster.yaml(), other.yaml()]
}

fn clients(seed: u64, events: &Arc<Vec<Value>>, plant: &Plant, ledger: &Arc<Ledger>, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<()>> {
    let ports: Vec<u16> = plant.gateways.iter().map(|gateway| gateway.port).collect();
    let client = |number| {
        let (events, ports, ledger, stop) = (Arc::clone(events), ports.clone(), Arc::clone(ledger), Arc::clone(stop));
        std::thread::spawn(move || load::post(number, CLIENTS, seed, &events, &ports, &ledger, &stop))
    };
    (0..CLIENTS).map(client).collect()
}

fn watching(plant: &Plant, stop: &Arc<AtomicBool>) -> JoinHandle<BTreeMap<String, Vec<Sample>>> {
    let pids = plant.survivors().map(|(name, serving)| (name.to_owned(), serving.process.id()));
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let begun = Instant::now();
        let mut samples: BTreeMap<String, Vec<Sample>> = pids.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
        while !stop.load(Ordering::Relaxed) {
            for (name, pid) in &pids {
                let sample = watch::sample(*pid, begun.elapsed().as_secs_f64());
                samples.entry(name.clone()).or_default().extend(sample);
            }
            std::thread::sleep(LOOK);
        }
        samples
    })
}

/// What is in the log that shouldn't be, and what isn't that should.
fn log_against(in_log: &BTreeSet<usize>, seen: &BTreeMap<usize, Seen>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, seen) in seen {
        if seen.accepted && !in_log.contains(number) {
            wrong.push(format!("event {number} was accepted and is not in the log"));
        }
    }
    for number in in_log {
        let seen = seen.get(number).copied().unwrap_or_default();
        if seen.invalid || !(seen.accepted || seen.unknown) {
            wrong.push(format!("event {number} is in the log, its clients saw {seen:?}"));
        }
    }
    wrong
}

/// Asks until the answer is right.
fn becomes_right(what: &str, oracle: &Oracle, question: &Question, ask: impl Fn() -> Result<Value, String>) -> Result<usize, String> {
    let begun = Instant::now();
    loop {
        match ask().and_then(|answer| compare(oracle, question, &answer).map(|()| answer)) {
            Ok(answer) => return Ok(answer["values"].as_array().map_or(0, Vec::len)),
            Err(difference) if begun.elapsed() > PATIENCE => return Err(format!("{what}: {difference}")),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

/// How many numbers were compared, on Redis and as the sink serves them. What was damaged last may still be on its way back.
fn numbers_against(events: &[Value], company: &Company, plant: &Plant) -> Result<usize, String> {
    let oracle = Oracle::new(events);
    let onpace = Onpace::on_redis(&plant.floor.redis.url())?;
    let mut compared = 0;
    for &at in &company.asked_at[..2] {
        for by in By::EVERY {
            let question = Question::of(&company.roster, at, by);
            compared += becomes_right("on Redis", &oracle, &question, || onpace.kpis_of(&question, &plant.roster_file()))?;
            compared += becomes_right("by the sink", &oracle, &question, || plant.asked(by, &question))?;
        }
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_holds_what_was_accepted_and_nothing_that_was_refused() {
        let saw = |accepted, unknown, refused| Seen { accepted, unknown, refused, invalid: false };
        let invalid = Seen { invalid: true, unknown: true, ..Seen::default() };
        let seen = BTreeMap::from([
            (1, saw(true, false, false)),
            (2, saw(true, true, true)),
            (3, saw(false, true, false)),
            (4, saw(false, true, true)),
            (5, saw(false, false, true)),
            (6, invalid),
        ]);
        let wrong = |in_log: &[usize]| log_against(&in_log.iter().copied().collect(), &seen);
        // Of what nobody knows, anything may be.
        for holds in [&[1, 2][..], &[1, 2, 3], &[1, 2, 4], &[1, 2, 3, 4]] {
            assert_eq!(wrong(holds), Vec::<String>::new());
        }
        assert_eq!(wrong(&[1]), ["event 2 was accepted and is not in the log"]);
        for stranger in [5, 6, 7] {
            let wrong = wrong(&[1, 2, stranger]);
            assert!(matches!(&wrong[..], [one] if one.starts_with(&format!("event {stranger} is in the log"))), "{wrong:?}");
        }
    }
}
