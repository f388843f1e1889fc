//! The store in Redis against a real server: the suite, and what only Redis can do wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::any::Any;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use onpace_kpis::block::BlockId;

use super::*;
use crate::store::suite::{self, Booked, Harm, Place, SETTINGS};
use crate::store::{Commit, EntityId, Settled};

/// A part of the server that no other test has.
struct Namespace {
    store: RedisStore,
    prefix: String,
}

fn url() -> String {
    std::env::var("ONPACE_TEST_REDIS")
        .expect("this test needs a Redis; run it by `tests/run`, or set ONPACE_TEST_REDIS=redis://127.0.0.1:6379")
}

fn namespace() -> Namespace {
    let prefix = format!("onpace-test-{:016x}", rand::random::<u64>());
    Namespace { store: RedisStore::open(&url(), &prefix).unwrap(), prefix }
}

impl Namespace {
    fn ask(&self, arguments: &[&[u8]]) -> Value {
        let mut commands = Commands::default();
        commands.command(arguments);
        self.store.inner.connect().unwrap().ask(&commands).unwrap().pop().unwrap()
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        let keys = self.ask(&[b"KEYS", self.store.inner.keys.pattern().as_bytes()]).elements();
        keys.iter().map(|key| key.bytes().unwrap().to_vec()).collect()
    }

    fn key(&self, rest: &str) -> Vec<u8> {
        format!("{}:{rest}", self.prefix).into_bytes()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if !self.prefix.is_empty() {
            Place::forget(self);
        }
    }
}

impl Place for Namespace {
    fn store(&self) -> &dyn KpiStore {
        &self.store
    }

    fn elsewhere(&self) -> Box<dyn KpiStore> {
        Box::new(RedisStore::open(&url(), &self.prefix).unwrap())
    }

    fn snapshot(&self) -> Box<dyn Any> {
        let dump = |key: Vec<u8>| (key.clone(), self.ask(&[b"DUMP", &key]).bytes().unwrap().to_vec());
        Box::new(self.keys().into_iter().map(dump).collect::<Vec<_>>())
    }

    fn restore(&self, snapshot: &dyn Any) {
        self.forget();
        for (key, dump) in snapshot.downcast_ref::<Vec<(Vec<u8>, Vec<u8>)>>().unwrap() {
            self.ask(&[b"RESTORE", key, b"0", dump]);
        }
    }

    fn forget(&self) {
        for key in self.keys() {
            self.ask(&[b"DEL", &key]);
        }
    }

    fn harm(&self, lane: u32, harm: Harm) {
        let key = |rest: &str| self.key(&format!("{{{lane}}}:{rest}"));
        let flip = |key: Vec<u8>, field: &[u8]| {
            let mut packed = self.ask(&[b"HGET", &key, field]).bytes().unwrap().to_vec();
            packed[0] ^= 4;
            self.ask(&[b"HSET", &key, field, &packed])
        };
        match harm {
            Harm::NoNames => self.ask(&[b"DEL", &key("names")]),
            Harm::OtherName => self.ask(&[b"LSET", &key("names"), b"3", b"another"]),
            Harm::NoSources => self.ask(&[b"DEL", &key("sources")]),
            Harm::NoBlocks => self.ask(&[b"DEL", &key("c:5")]),
            Harm::BitOfBlock => flip(key("c:5"), b"100"),
            Harm::NoEntities => self.ask(&[b"DEL", &key("e:0")]),
            Harm::BitOfEntity => {
                let bucket = self.ask(&[b"HGETALL", &key("e:0")]).elements();
                let small = bucket.chunks(2).find(|pair| pair[1].bytes() != Some(b"")).unwrap();
                flip(key("e:0"), small[0].bytes().unwrap())
            }
            Harm::Head => {
                let line = self.ask(&[b"GET", &key("head")]).text().replace("offset=20", "offset=21");
                self.ask(&[b"SET", &key("head"), line.as_bytes()])
            }
        };
    }

    fn again(&self) -> Box<dyn Place> {
        Box::new(namespace())
    }
}

suite::tests!(namespace);

fn id(number: u8) -> EntityId {
    EntityId([number; 16])
}

fn commit(offset: i64) -> Commit {
    let blocks = vec![(BlockId { rep: 0, day: 7 }, vec![1])].into();
    Commit { offset, end: offset, entities: vec![(id(1), vec![7; 20], offset == 1)].into(), blocks, ..Commit::default() }
}

fn taken(place: &Namespace) -> Box<dyn LaneWriter> {
    Box::new(Booked::new(bare(place)))
}

/// One that looks nothing up before it writes.
fn bare(place: &Namespace) -> Box<dyn LaneWriter> {
    place.store.settle(SETTINGS).unwrap();
    let mut writer = place.store.writer(0).unwrap();
    writer.take_over().unwrap();
    writer
}

#[test]
fn one_put_back_to_where_it_was_fences_its_owner() {
    suite::one_put_back_to_where_it_was_fences_its_owner(&namespace());
}

#[test]
fn buckets_stay_small() {
    let place = namespace();
    let mut writer = taken(&place);
    let entities: Vec<_> = (0..200).map(|number| (id(number), vec![number; if number % 50 == 0 { 5_000 } else { 64 }], true)).collect();
    writer.submit(&Commit { offset: 1, entities: entities.into(), ..Commit::default() }).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    for key in place.keys().into_iter().filter(|key| String::from_utf8_lossy(key).contains("}:e:")) {
        assert_eq!(place.ask(&[b"OBJECT", b"ENCODING", &key]).text(), "listpack");
    }
}

#[test]
fn a_lane_that_lacks_entities_is_not_taken_over() {
    let place = namespace();
    let mut writer = taken(&place);
    let entities: Vec<_> = (0..100).map(|number| (id(number), vec![1; 30], true)).collect();
    writer.submit(&Commit { offset: 1, entities: entities.into(), ..Commit::default() }).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    assert_eq!(place.ask(&[b"DEL", &place.key("{0}:e:2")]), Value::Number(1));
    let why = place.store.writer(0).unwrap().take_over().unwrap_err().to_string();
    assert!(why.contains("68 are there, its head says 100") && why.contains("onpace rebuild"), "{why}");
}

/// A writer that has committed a small and a large entity.
fn with_two_entities(place: &Namespace) -> Box<dyn LaneWriter> {
    let mut writer = taken(place);
    let entities = vec![(id(1), vec![1; 20], true), (id(2), vec![2; 200], true)];
    writer.submit(&Commit { offset: 1, entities: entities.into(), ..Commit::default() }).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    writer
}

#[test]
fn an_entity_that_has_gone_is_not_taken_for_new() {
    for (gone, key) in [(id(1), "{0}:e:0".to_owned()), (id(2), format!("{{0}}:E:{}", keys::hex_of(&id(2))))] {
        let place = namespace();
        let mut writer = with_two_entities(&place);
        assert_eq!(place.ask(&[b"DEL", &place.key(&key)]), Value::Number(1));
        let why = writer.entities(&[gone], &mut |_, _| panic!("it has gone")).unwrap_err().to_string();
        assert!(why.contains("1 entities have gone") && why.contains("onpace rebuild"), "{why}");
    }
}

#[test]
fn an_entity_that_a_wipe_took_fences_its_owner() {
    for (gone, key) in [(id(1), "{0}:e:0".to_owned()), (id(2), format!("{{0}}:E:{}", keys::hex_of(&id(2))))] {
        let place = namespace();
        let mut writer = with_two_entities(&place);
        // As a wipe does it: first the head, then the keys in any order.
        place.ask(&[b"SET", &place.key("{0}:head"), head::wiping("token").as_bytes()]);
        place.ask(&[b"DEL", &place.key(&key)]);
        writer.entities(&[gone], &mut |_, _| panic!("it has gone")).unwrap();
        writer.submit(&commit(2)).unwrap();
        assert_eq!(writer.settle().unwrap(), Settled::Fenced);
    }
}

#[test]
fn buckets_are_filled_as_the_store_says() {
    let place = namespace();
    place.store.settle(SETTINGS).unwrap();
    place.ask(&[b"HSET", &place.key("store"), b"bucket", b"4"]);
    for from in [0u8, 7] {
        let mut writer = taken(&place);
        let entities: Vec<_> = (from..from + 7).map(|number| (id(number), vec![1; 30], true)).collect();
        writer.submit(&Commit { offset: i64::from(from) + 1, entities: entities.into(), ..Commit::default() }).unwrap();
        assert_eq!(writer.settle().unwrap(), Settled::Committed);
    }
    let mut last = taken(&place);
    let ids: Vec<EntityId> = (0..14).map(id).collect();
    let mut found = 0;
    last.entities(&ids, &mut |_, _| found += 1).unwrap();
    let sizes: Vec<Value> = (0..5).map(|bucket| place.ask(&[b"HLEN", &place.key(&format!("{{0}}:e:{bucket}"))])).collect();
    assert_eq!((found, sizes), (14, [4, 4, 4, 2, 0].map(Value::Number).to_vec()));
}

#[test]
fn a_state_that_shrinks_under_a_new_owner_leaves_no_key() {
    let place = namespace();
    with_two_entities(&place);
    let mut owner = taken(&place);
    owner.entities(&[id(2)], &mut |_, packed| assert_eq!(packed, [2; 200])).unwrap();
    owner.submit(&Commit { offset: 2, entities: vec![(id(2), vec![3; 10], false)].into(), ..Commit::default() }).unwrap();
    assert_eq!(owner.settle().unwrap(), Settled::Committed);
    assert!(place.keys().iter().all(|key| !String::from_utf8_lossy(key).contains("}:E:")));
}

#[test]
fn a_shrunken_state_leaves_no_key() {
    let place = namespace();
    let mut writer = taken(&place);
    for (offset, size) in (1..).zip([100, 10]) {
        writer.submit(&Commit { offset, entities: vec![(id(1), vec![1; size], offset == 1)].into(), ..Commit::default() }).unwrap();
        assert_eq!(writer.settle().unwrap(), Settled::Committed);
        let large = place.keys().iter().filter(|key| String::from_utf8_lossy(key).contains("}:E:")).count();
        assert_eq!(large, usize::from(size > 64));
    }
}

#[test]
fn a_foreign_key_in_our_place_stops_the_lane() {
    let place = namespace();
    let mut writer = bare(&place);
    let foreign = place.key("{0}:c:0");
    place.ask(&[b"SET", &foreign, b"mine"]);
    writer.submit(&commit(1)).unwrap();
    let why = writer.settle().unwrap_err().to_string();
    assert!(why.contains("{0}:c:0") && why.contains("WRONGTYPE") && why.contains("onpace rebuild"), "{why}");
    // What is half written is gone on from by nobody.
    let again = place.store.writer(0).unwrap().take_over().unwrap_err();
    assert!(matches!(&again, StoreError::Damaged { why, .. } if why.contains("{0}:c:0")), "{again}");
    place.store.wipe(SETTINGS).unwrap();
    let mut anew = taken(&place);
    anew.submit(&commit(1)).unwrap();
    assert_eq!(anew.settle().unwrap(), Settled::Committed);
}

#[test]
fn a_refused_command_refuses_the_commit() {
    let place = namespace();
    let mut writer = taken(&place);
    // Of the wrong number of arguments: refused when it is queued, as for want of memory or rights.
    let mut commands = Commands::default();
    commands.command(&[b"MULTI"]).command(&[b"SET", &place.key("x"), b"1"]).command(&[b"HSET", &place.key("y")]).command(&[b"EXEC"]);
    let mut link = place.store.inner.connect().unwrap();
    let why = link.ask(&commands).unwrap_err().to_string();
    assert!(matches!(link.ask(&commands), Err(StoreError::Away(_))), "{why}");
    assert_eq!(place.ask(&[b"EXISTS", &place.key("x")]), Value::Number(0));
    writer.submit(&commit(1)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
}

#[test]
fn leftovers_of_a_lane_without_a_head_are_cleared() {
    let place = namespace();
    let mut writer = taken(&place);
    writer.submit(&commit(1)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    place.ask(&[b"DEL", &place.key("{0}:head")]);
    let mut anew = place.store.writer(0).unwrap();
    assert_eq!(anew.take_over().unwrap().head.offset, 0);
    anew.entities(&[id(1)], &mut |_, _| panic!("it was left over")).unwrap();
    anew.blocks(&[BlockId { rep: 0, day: 7 }], &mut |_, _| panic!("it was left over")).unwrap();
}

#[test]
fn an_interrupted_wipe_is_finished() {
    let place = namespace();
    let mut writer = taken(&place);
    writer.submit(&commit(1)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    // As one leaves it that is killed after closing the lanes.
    place.ask(&[b"HSET", &place.key("store"), b"wiping", b"1"]);
    place.ask(&[b"SET", &place.key("{0}:head"), head::wiping("dead").as_bytes()]);
    assert_eq!(place.store.reader().unwrap().head(0).unwrap(), None);
    // While it may still be at work it is waited for.
    place.ask(&[b"SET", &place.key("wiping"), b"1"]);
    let why = place.store.settle(SETTINGS).unwrap_err().to_string();
    assert!(why.contains("being emptied"), "{why}");
    place.ask(&[b"DEL", &place.key("wiping")]);
    writer.submit(&commit(2)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Fenced);
    let mut anew = taken(&place);
    assert_eq!(place.ask(&[b"HEXISTS", &place.key("store"), b"wiping"]), Value::Number(0));
    anew.entities(&[id(1)], &mut |_, _| panic!("it was left over")).unwrap();
    assert_eq!(place.store.reader().unwrap().head(0).unwrap().map(|head| (head.offset, head.epoch)), Some((0, 1)));
}

#[test]
fn of_two_wipes_the_later_one_wins() {
    let place = namespace();
    taken(&place);
    let mut link = place.store.inner.connect().unwrap();
    wipe::wipe(&place.store.inner, &mut link, SETTINGS).unwrap();
    // Its token gone, a wipe deletes nothing more.
    let mut writer = taken(&place);
    writer.submit(&commit(1)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    let bucket = place.keys().into_iter().find(|key| String::from_utf8_lossy(key).contains("}:e:")).unwrap();
    assert!(wipe::while_closed(&place.store.inner, &mut link, 0, "old", b"UNLINK", std::slice::from_ref(&bucket)).is_err());
    assert_eq!(place.ask(&[b"EXISTS", &bucket]), Value::Number(1));
}

#[test]
fn one_sink_publishes_at_a_time() {
    let place = namespace();
    let hash = |value: &str| vec![("rep:marie".to_owned(), vec![("calls_made:7d".to_owned(), value.to_owned())])];
    let minute = Duration::from_secs(60);
    assert!(place.store.publish("one", minute, &hash("132")).unwrap());
    assert!(!place.store.publish("two", minute, &hash("0")).unwrap());
    assert!(place.store.publish("one", minute, &hash("133")).unwrap());
    let key = place.key("kpi:rep:marie");
    assert_eq!(
        place.ask(&[b"HGETALL", &key]).elements().iter().map(|text| text.text().into_owned()).collect::<Vec<_>>(),
        ["calls_made:7d", "133"]
    );
    assert!(matches!(place.ask(&[b"PTTL", &key]), Value::Number(1..=60_000)));
    place.ask(&[b"DEL", &place.key("kpi:lease")]);
    assert!(place.store.publish("two", minute, &[("rep:marie".to_owned(), Vec::new())]).unwrap());
    assert_eq!(place.ask(&[b"EXISTS", &key]), Value::Number(0));
}

#[test]
fn servers_that_are_not_fit_are_named() {
    let fit = "redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\nloading:0\r\naof_enabled:1\r\n";
    assert_eq!(fitness("here", fit).unwrap(), None);
    for (is, wanted) in [("maxmemory_policy:allkeys-lru", "noeviction"), ("redis_version:6.0.9", "6.2"), ("loading:1", "loading")] {
        let (name, _) = is.split_once(':').unwrap();
        let info: String = fit.lines().map(|line| if line.starts_with(name) { format!("{is}\n") } else { format!("{line}\n") }).collect();
        let why = fitness("here", &info).unwrap_err().to_string();
        assert!(why.contains(wanted), "{why}");
    }
    assert!(
        fitness("here", &fit.replace("aof_enabled:1", "aof_enabled:0")).unwrap().is_some_and(|warning| warning.contains("append-only"))
    );
    assert!(fitness("here", &fit.replace("noeviction", "volatile-lru")).is_ok());
    assert!(matches!(RedisStore::open("http://x", "onpace"), Err(StoreError::Settings(_))));
    assert!(matches!(RedisStore::open("rediss://x", "onpace"), Err(StoreError::Settings(_))));
    // It would answer in forms that are not read here.
    assert!(matches!(RedisStore::open("redis://x/?protocol=resp3", "onpace"), Err(StoreError::Settings(why)) if why.contains("protocol=")));
}

/// Stands between one client and the server.
#[derive(Default)]
struct Proxy {
    /// What the server says is lost.
    cut: AtomicBool,
    /// Called once, after the next `EXEC` has gone on and before what the client sent behind it does.
    behind_exec: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

fn proxy() -> (String, Arc<Proxy>) {
    let upstream = url().trim_start_matches("redis://").split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    let proxy = Arc::new(Proxy::default());
    let (out, back) = (Arc::clone(&proxy), Arc::clone(&proxy));
    std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(upstream).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                let mut rest = &bytes[..count];
                let exec = rest.windows(6).position(|window| window == b"EXEC\r\n");
                if let (Some(at), Some(call)) = (exec, exec.and_then(|_| out.behind_exec.lock().unwrap().take())) {
                    to.write_all(&rest[..at + 6]).unwrap();
                    rest = &rest[at + 6..];
                    call();
                }
                if to.write_all(rest).is_err() {
                    break;
                }
            }
        });
        let (mut from, mut to) = (server, client);
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !back.cut.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
    });
    (address, proxy)
}

/// A writer of lane 0 whose one connection goes through a proxy.
fn through_proxy(place: &Namespace) -> (writer::Writer, Arc<Proxy>) {
    taken(place);
    let (address, proxy) = proxy();
    let through = RedisStore::open(&address, &place.prefix).unwrap().with_limit(Duration::from_millis(500));
    let link = through.inner.connect().unwrap();
    let mut writer = writer::Writer::new(through.inner, link, 0);
    writer.take_over().unwrap();
    (writer, proxy)
}

#[test]
fn an_unknown_outcome_is_found_out_by_taking_over() {
    let place = namespace();
    let (mut writer, proxy) = through_proxy(&place);
    proxy.cut.store(true, Ordering::SeqCst);
    writer.submit(&commit(1)).unwrap();
    assert!(matches!(writer.settle(), Err(StoreError::Away(_))));
    assert_eq!(writer.settle().unwrap(), Settled::Fenced, "it must not be called committed");
    // It happened, once, and whoever takes the lane over sees it.
    let head = place.store.writer(0).unwrap().take_over().unwrap().head;
    assert_eq!((head.offset, head.entities), (1, 1));
}

#[test]
fn an_owner_that_slips_in_behind_a_commit_is_noticed() {
    let place = namespace();
    let (mut writer, proxy) = through_proxy(&place);
    let (store, (send, owner)) = (place.store.clone(), std::sync::mpsc::channel());
    let slip_in = move || {
        let mut reader = store.reader().unwrap();
        while reader.head(0).unwrap().unwrap().offset == 0 {}
        let mut other = store.writer(0).unwrap();
        other.take_over().unwrap();
        send.send(other).unwrap();
    };
    *proxy.behind_exec.lock().unwrap() = Some(Box::new(slip_in));
    writer.submit(&commit(1)).unwrap();
    // The commit came first, so it is there; the next one is too late, although nobody wrote the head since it was watched.
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    writer.submit(&commit(2)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Fenced);
    let mut owner = owner.recv().unwrap();
    owner.submit(&commit(3)).unwrap();
    assert_eq!(owner.settle().unwrap(), Settled::Committed);
}

/// A server of this test's own, to be mistreated.
struct Server {
    process: std::process::Child,
    _folder: tempfile::TempDir,
    place: Namespace,
}

impl Server {
    fn start() -> Server {
        let binary = std::env::var("ONPACE_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = std::process::Command::new(binary)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("this test starts its own redis-server: install it, or name it by ONPACE_TEST_REDIS_SERVER");
        let store = RedisStore::open(&format!("redis://127.0.0.1:{port}"), "onpace").unwrap();
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while store.settle(SETTINGS).is_err() {
            assert!(std::time::Instant::now() < until, "it does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Server { process, _folder: folder, place: Namespace { store, prefix: "onpace".into() } }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The keys go with the server.
        self.place.prefix.clear();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_that_takes_no_writes_gets_no_half_of_one() {
    let server = Server::start();
    let place = &server.place;
    let config = |name: &str, value: &str| _ = place.ask(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]);
    let offset = || place.store.reader().unwrap().head(0).unwrap().unwrap().offset;
    let mut writer = taken(place);
    writer.submit(&commit(1)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    let away = |writer: &mut dyn LaneWriter, word: &str| {
        let why = writer.submit(&commit(2)).and_then(|()| writer.settle()).unwrap_err();
        assert!(matches!(&why, StoreError::Away(words) if words.contains(word)), "{why}");
        assert_eq!(offset(), 1);
    };
    config("maxmemory", "1");
    away(writer.as_mut(), "OOM");
    config("maxmemory", "0");
    let mut writer = taken(place);
    place.ask(&[b"REPLICAOF", b"127.0.0.1", b"1"]);
    place.ask(&[b"CONFIG", b"SET", b"replica-serve-stale-data", b"yes"]);
    away(writer.as_mut(), "READONLY");
    place.ask(&[b"REPLICAOF", b"NO", b"ONE"]);
    let mut writer = taken(place);
    writer.submit(&commit(2)).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    config("maxmemory-policy", "allkeys-lru");
    assert!(matches!(place.store.settle(SETTINGS), Err(StoreError::Settings(why)) if why.contains("allkeys-lru")));
}

#[test]
fn a_password_is_asked_for_by_name() {
    let server = Server::start();
    let port = server.place.store.inner.info.addr().to_string();
    server.place.ask(&[b"CONFIG", b"SET", b"requirepass", b"secret"]);
    for url in [format!("redis://{port}"), format!("redis://:wrong@{port}")] {
        let why = RedisStore::open(&url, "onpace").unwrap().settle(SETTINGS).unwrap_err();
        assert!(matches!(&why, StoreError::Settings(why) if why.contains("password") && !why.contains("wrong@")), "{why}");
    }
    RedisStore::open(&format!("redis://:secret@{port}/2"), "onpace").unwrap().settle(SETTINGS).unwrap();
}

#[test]
fn a_server_that_is_away_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let store =
        RedisStore::open(&format!("redis://{}", listener.local_addr().unwrap()), "x").unwrap().with_limit(Duration::from_millis(50));
    // Connected, but nobody answers.
    let why = store.settle(SETTINGS).unwrap_err();
    assert!(matches!(&why, StoreError::Away(why) if why.contains("did not answer")), "{why}");
    drop(listener);
    assert!(matches!(store.settle(SETTINGS), Err(StoreError::Away(_))));
}
