//! The store in Redis.
//!
//! In: commits, each `WATCH head · MULTI · … · EXEC`, so that it happens whole, and only if the head is byte for byte what its
//! writer left. Out: what they left. [`keys`] says what lies where; values are packed by `onpace-kpis`.
//! Works with one server of version 6.2 or later (Valkey too), or a proxy that looks like one. It may lose its last commits or
//! everything: offset and state go back together, and the log is folded again from there.
//! Never here: Lua, and a number that depends on what a key held before.

mod head;
mod inspect;
mod keys;
mod pieces;
mod publish;
mod reader;
mod serving;
mod sources;
#[cfg(test)]
mod tests;
mod verify;
mod wipe;
mod wire;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use self::keys::Keys;
use self::wire::{Commands, Link, Value};
use super::{KpiStore, LaneWriter, Serving, Settings, StoreError, StoreReader, refuse_other};

/// How values and keys are laid out; a store of a later one is refused.
const LAYOUT: u32 = 3;
/// How many entities a bucket of a new store takes. More of them are searched for longer, and from 512 on Redis turns a bucket into a
/// table four times its size; with fewer, a bucket's own overhead of some 100 bytes counts.
const BUCKET: u32 = 32;
/// The oldest Redis this was tested with.
const OLDEST: (u32, u32) = (6, 2);
/// How long Redis may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
/// How often a step that another connection got in the way of is tried.
const TRIES: usize = 20;

/// The store in Redis.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    info: ConnectionInfo,
    keys: Keys,
    limit: Duration,
    /// The catalogue's measures, by number, for whoever inspects a block.
    measures: Vec<String>,
    /// What this process settled on: a lane of a store for something else is not taken over.
    settled: Mutex<Option<Settings>>,
    warned: AtomicBool,
    publisher: Mutex<Option<Link>>,
}

/// The settings as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stored {
    settings: Settings,
    /// How many entities a bucket takes.
    bucket: u32,
    /// A wipe has begun and not ended.
    wiping: bool,
}

impl RedisStore {
    /// The store at an address, `redis://user:password@host:6379/0` or `unix:///run/redis.sock`, in the keys that begin with
    /// `prefix` and a colon. Connects to nothing yet.
    ///
    /// # Errors
    /// The address or the prefix makes no sense.
    pub fn open(url: &str, prefix: &str) -> Result<RedisStore, StoreError> {
        let info = url.into_connection_info().map_err(|error| {
            // Not the address itself: it may hold a password.
            StoreError::Settings(format!(
                "the address of Redis can't be used ({error}); write one such as `redis://localhost:6379` (no TLS)"
            ))
        })?;
        if info.redis_settings().protocol() != ProtocolVersion::RESP2 {
            return Err(StoreError::Settings(
                "the address of Redis asks for another protocol than RESP 2; leave `protocol=` out of it".into(),
            ));
        }
        let inner = Inner {
            info,
            keys: Keys::new(prefix)?,
            limit: LIMIT,
            measures: Vec::new(),
            settled: Mutex::new(None),
            warned: AtomicBool::new(false),
            publisher: Mutex::new(None),
        };
        Ok(RedisStore { inner: Arc::new(inner) })
    }

    /// The same, before it is used: with the catalogue's measures by number, so that inspecting a block names them.
    #[must_use]
    pub fn with_measures(self, measures: Vec<String>) -> RedisStore {
        self.but(|inner| inner.measures = measures)
    }

    /// The same, before it is used: waiting so long for an answer.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> RedisStore {
        self.but(|inner| inner.limit = limit)
    }

    fn but(mut self, change: impl FnOnce(&mut Inner)) -> RedisStore {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(inner);
        }
        self
    }
}

impl Inner {
    fn connect(&self) -> Result<Link, StoreError> {
        Link::open(&self.info, self.limit)
    }

    /// A connection to a server that is fit to be written to.
    fn connect_to_write(&self) -> Result<Link, StoreError> {
        let mut link = self.connect()?;
        let mut commands = Commands::default();
        commands.command(&[b"INFO", b"server"]).command(&[b"INFO", b"memory"]).command(&[b"INFO", b"persistence"]);
        let texts = link.ask(&commands)?;
        let info = texts.iter().map(|text| text.text().into_owned()).collect::<String>();
        if let Some(warning) = fitness(link.place(), &info)?
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("{warning}");
        }
        Ok(link)
    }

    fn settled(&self) -> MutexGuard<'_, Option<Settings>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_stored(&self, link: &mut Link) -> Result<Option<Stored>, StoreError> {
        let mut commands = Commands::default();
        commands.command(&[b"HGETALL", self.keys.store().as_bytes()]);
        let fields = link.ask(&commands)?.pop().unwrap_or(Value::Nil);
        parse_stored(link.place(), &self.keys.store(), fields)
    }

    /// Settles the store: what it was built for must be what is wanted; an empty one takes it over, one whose wipe was
    /// interrupted is wiped to the end first.
    fn settle(&self, link: &mut Link, wanted: Settings) -> Result<Stored, StoreError> {
        let key = self.keys.store();
        for _ in 0..TRIES {
            let mut commands = Commands::default();
            commands.command(&[b"WATCH", key.as_bytes()]);
            link.ask(&commands)?;
            match self.read_stored(link)? {
                Some(stored) if stored.wiping => {
                    refuse_other(link.place(), stored.settings, wanted)?;
                    wipe::resume(self, link, stored.settings)?;
                }
                Some(stored) => {
                    commands.clear();
                    commands.command(&[b"UNWATCH"]);
                    link.ask(&commands)?;
                    refuse_other(link.place(), stored.settings, wanted)?;
                    *self.settled() = Some(wanted);
                    return Ok(stored);
                }
                None => {
                    commands.clear();
                    commands.command(&[b"MULTI"]);
                    write_stored(&mut commands, &key, wanted, false);
                    commands.command(&[b"EXEC"]);
                    // Whether this was first or another, the next round reads what is there.
                    link.ask(&commands)?;
                }
            }
        }
        Err(StoreError::Away(format!("others keep writing {key} in Redis at {}; try again", link.place())))
    }
}

/// Whether a server can be relied on, by its own words: a warning, perhaps.
fn fitness(place: &str, info: &str) -> Result<Option<String>, StoreError> {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    if let Some(version) = value("redis_version") {
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        if (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < OLDEST {
            return Err(StoreError::Settings(format!("Redis at {place} has version {version}; 6.2 or later is needed")));
        }
    }
    if let Some(policy) = value("maxmemory_policy").filter(|policy| policy.starts_with("allkeys")) {
        return Err(StoreError::Settings(format!(
            "Redis at {place} may throw away any key when memory is short (maxmemory-policy {policy}), and numbers with it; \
             set it right with `CONFIG SET maxmemory-policy noeviction`, or name another server"
        )));
    }
    if value("loading") == Some("1") {
        return Err(StoreError::Away(format!("Redis at {place} is loading its data")));
    }
    let volatile = value("aof_enabled") == Some("0");
    Ok(volatile.then(|| {
        format!("Redis at {place} has no append-only file: after a restart it is an older store or an empty one, and the log is folded again from there")
    }))
}

fn write_stored(commands: &mut Commands, key: &str, settings: Settings, wiping: bool) {
    let Settings { lanes, fingerprint } = settings;
    commands.command(&[b"DEL", key.as_bytes()]);
    let fields = [
        ("layout", LAYOUT.to_string()),
        ("lanes", lanes.to_string()),
        ("fingerprint", format!("{fingerprint:016x}")),
        ("bucket", BUCKET.to_string()),
    ];
    commands.begin(b"HSET").arg(key.as_bytes());
    for (name, value) in &fields {
        commands.arg(name.as_bytes()).arg(value.as_bytes());
    }
    if wiping {
        commands.arg(b"wiping").arg(b"1");
    }
}

fn parse_stored(place: &str, key: &str, fields: Value) -> Result<Option<Stored>, StoreError> {
    let fields = fields.elements();
    if fields.is_empty() {
        return Ok(None);
    }
    let value = |name: &str| fields.chunks(2).find(|pair| pair[0].text() == name).and_then(|pair| Some(pair.get(1)?.text()));
    let number = |name: &str| value(name).and_then(|digits| digits.parse::<u32>().ok());
    let damaged = || StoreError::Damaged { place: key.to_owned(), why: "it does not say what the store was built for".into() };
    match number("layout").ok_or_else(damaged)? {
        LAYOUT => {}
        layout => {
            return Err(StoreError::Settings(format!(
                "the store in Redis at {place} was written by another onpace (its layout is {layout}, here it is {LAYOUT}); use that one, or run `onpace rebuild`"
            )));
        }
    }
    let fingerprint = value("fingerprint").and_then(|hex| u64::from_str_radix(&hex, 16).ok()).ok_or_else(damaged)?;
    let settings = Settings { lanes: number("lanes").ok_or_else(damaged)?, fingerprint };
    Ok(Some(Stored {
        settings,
        bucket: number("bucket").filter(|bucket| *bucket > 0).ok_or_else(damaged)?,
        wiping: value("wiping").is_some(),
    }))
}

impl KpiStore for RedisStore {
    fn settle(&self, settings: Settings) -> Result<(), StoreError> {
        let mut link = self.inner.connect_to_write()?;
        self.inner.settle(&mut link, settings).map(|_| ())
    }

    fn settings(&self) -> Result<Option<Settings>, StoreError> {
        let mut link = self.inner.connect()?;
        Ok(self.inner.read_stored(&mut link)?.map(|stored| stored.settings))
    }

    fn wipe(&self, settings: Settings) -> Result<(), StoreError> {
        let mut link = self.inner.connect_to_write()?;
        wipe::wipe(&self.inner, &mut link, settings)?;
        *self.inner.settled() = Some(settings);
        Ok(())
    }

    fn serve(&self, holder: &str, words: &str, ended: bool) -> Result<(), StoreError> {
        serving::note(&self.inner, &mut self.inner.connect()?, holder, words, ended)
    }

    fn serving(&self) -> Result<Vec<Serving>, StoreError> {
        serving::all(&self.inner, &mut self.inner.connect()?)
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError> {
        // A server that may throw keys away is no place for them, whatever is there now.
        let mut link = self.inner.connect_to_write()?;
        verify::verify(&self.inner, &mut link, progress)
    }

    fn writer(&self, lane: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        let link = self.inner.connect_to_write()?;
        Ok(Box::new(writer::Writer::new(Arc::clone(&self.inner), link, lane)))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(reader::Reader::new(Arc::clone(&self.inner))?))
    }

    fn publish(&self, holder: &str, ttl: Duration, hashes: &[(String, Vec<(String, String)>)]) -> Result<bool, StoreError> {
        publish::publish(&self.inner, holder, ttl, hashes)
    }
}
