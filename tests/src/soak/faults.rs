//! Faults, one at a time. In: a plant, chance. Out: it was hurt, and whatever was taken away is there again. Never here: what must
//! still hold.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::plant::Plant;
use crate::floor::SESSION;
use crate::servers::copy_folder;

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A processor is killed; another comes.
    ProcessorKilled,
    /// A processor stands still for longer than its session, then wakes.
    ProcessorFrozen,
    /// One more processor comes and goes, so that partitions change hands.
    Rebalance,
    /// The broker is stopped and started.
    BrokerRestarted,
    /// The broker is killed and started.
    BrokerKilled,
    /// Redis is killed and starts on what it had written down.
    RedisKilled,
    /// Redis is emptied.
    RedisFlushed,
    /// Redis comes back as it was some seconds before.
    RedisSetBack,
    /// What Redis had written down ends in the middle, twice: it starts on that, and once more in peace.
    RedisTorn,
    /// A key of a lane is deleted: its names, or some entities, or counters.
    KeyDeleted,
    /// A gateway is killed under its clients; another comes.
    GatewayKilled,
    /// Clients who send slowly, and clients who don't read.
    SlowClients,
    /// The roster is replaced, twice: by one without somebody, and back.
    RosterReplaced,
}

impl Fault {
    /// All.
    pub const EVERY: [Fault; 13] = [
        Fault::ProcessorKilled,
        Fault::ProcessorFrozen,
        Fault::Rebalance,
        Fault::BrokerRestarted,
        Fault::BrokerKilled,
        Fault::RedisKilled,
        Fault::RedisFlushed,
        Fault::RedisSetBack,
        Fault::RedisTorn,
        Fault::KeyDeleted,
        Fault::GatewayKilled,
        Fault::SlowClients,
        Fault::RosterReplaced,
    ];

    /// So many, each once before any comes again.
    pub fn deck(count: usize, rng: &mut StdRng) -> Vec<Fault> {
        let mut deck = Vec::new();
        while deck.len() < count {
            let mut all = Fault::EVERY;
            all.shuffle(rng);
            deck.extend(all);
        }
        deck.truncate(count);
        deck
    }

    /// Does it. `rosters` are the one in force and another.
    ///
    /// # Panics
    /// A server doesn't come back, or a processor that is told to go doesn't go in peace.
    pub fn happens(self, plant: &mut Plant, rosters: [&str; 2], rng: &mut StdRng) {
        match self {
            Fault::ProcessorKilled => plant.new_processor(rng.random_range(1..3)),
            Fault::ProcessorFrozen => {
                let frozen = rng.random_range(0..3);
                plant.processors[frozen].process.signal("STOP");
                std::thread::sleep(SESSION * 3);
                plant.processors[frozen].process.signal("CONT");
            }
            Fault::Rebalance => {
                let mut guest = plant.another_processor();
                std::thread::sleep(SESSION * 2);
                guest.process.signal("TERM");
                let how = guest.process.wait(Duration::from_secs(60));
                assert!(how.success(), "told to go, a processor went with {how}: {}", guest.process.tail());
            }
            Fault::BrokerRestarted => {
                plant.kafka.stop();
                plant.kafka.resume();
            }
            Fault::BrokerKilled => {
                plant.kafka.kill();
                plant.kafka.resume();
            }
            Fault::RedisKilled => {
                plant.floor.redis.kill();
                std::thread::sleep(Duration::from_secs(1));
                plant.floor.redis.resume();
            }
            Fault::RedisFlushed => {
                plant.floor.redis.command("FLUSHALL");
            }
            Fault::RedisSetBack => {
                let (data, before) = (plant.floor.redis.folder().join("appendonlydir"), plant.aside().join("before"));
                // Whatever another fault left there.
                let _ = std::fs::remove_dir_all(&before);
                plant.floor.redis.kill();
                copy_folder(&data, &before);
                plant.floor.redis.resume();
                std::thread::sleep(Duration::from_secs(3));
                plant.floor.redis.kill();
                std::fs::remove_dir_all(&data).expect("the newer data removed");
                copy_folder(&before, &data);
                plant.floor.redis.resume();
            }
            Fault::RedisTorn => {
                plant.floor.redis.kill();
                tear(&plant.floor.redis.folder().join("appendonlydir"), rng.random_range(1..2_000));
                plant.floor.redis.resume();
                std::thread::sleep(Duration::from_secs(2));
                let redis = plant.floor.redis.process();
                redis.signal("TERM");
                redis.wait(Duration::from_secs(60));
                plant.floor.redis.resume();
            }
            Fault::KeyDeleted => {
                let (lane, kind) = (rng.random_range(0..4), ["names", "e:*", "c:*"][rng.random_range(0..3)]);
                let answer = plant.floor.redis.command(&format!("KEYS onpace:{{{lane}}}:{kind}"));
                // The answer may be cut off, so not the last of them.
                let keys: Vec<&str> = answer.lines().filter(|line| line.starts_with("onpace:{")).collect();
                if let Some(key) = keys.get(rng.random_range(0..keys.len().max(2) - 1)) {
                    plant.floor.redis.command(&format!("DEL {key}"));
                }
            }
            Fault::GatewayKilled => plant.new_gateway(1),
            Fault::SlowClients => slow_clients(plant),
            Fault::RosterReplaced => {
                let [in_force, other] = rosters;
                plant.roster(other);
                // It is taken once it has been quiet.
                std::thread::sleep(Duration::from_secs(8));
                plant.roster(in_force);
            }
        }
    }
}

/// Cuts bytes off the end of what Redis wrote down last.
fn tear(data: &Path, bytes: u64) {
    let entries = std::fs::read_dir(data).expect("Redis's files").map(|entry| entry.expect("a file").path());
    let last = entries.filter(|path| path.to_string_lossy().ends_with(".incr.aof")).max().expect("a file of changes");
    let file = std::fs::File::options().write(true).open(last).expect("a file of changes");
    let length = file.metadata().expect("its length").len();
    file.set_len(length.saturating_sub(bytes)).expect("cut");
}

/// Some seconds of clients who send a byte at a time, and of clients who ask for much and read nothing.
fn slow_clients(plant: &Plant) {
    let open = |port: u16, head: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(10))).ok()?;
        stream.write_all(head.as_bytes()).ok()?;
        Some(stream)
    };
    let head = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n";
    let mut sending: Vec<TcpStream> = (0..40).filter_map(|_| open(plant.gateways[0].port, head)).collect();
    let question = "GET /v1/kpis?by=rep&window=365d HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut deaf: Vec<TcpStream> = (0..40).filter_map(|_| open(plant.sink.port, question)).collect();
    for _ in 0..16 {
        // A server may have had enough of them.
        sending.retain_mut(|stream| stream.write_all(b" ").is_ok());
        std::thread::sleep(Duration::from_millis(500));
    }
    let mut little = [0; 16];
    deaf.retain_mut(|stream| stream.read(&mut little).is_ok());
}
