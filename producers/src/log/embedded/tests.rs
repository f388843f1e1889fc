//! The embedded log against the shared suite, and what only a file can do: be read by SQLite tools, be damaged, be shared by processes.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_schemas::{avro, json};

use super::*;
use crate::log::Route;
use crate::log::suite::{self, Place, append, assigned, entry, read, wait};

/// A log in a folder of its own.
struct Temporary {
    log: EmbeddedLog,
    folder: tempfile::TempDir,
}

impl Temporary {
    fn new(partitions: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path().join("onpace.db"), partitions).unwrap();
        Temporary { log, folder }
    }

    /// As another process would.
    fn tool(&self) -> Connection {
        Connection::open(self.folder.path().join("onpace.db")).unwrap()
    }
}

impl Place for Temporary {
    fn log(&self) -> &dyn EventLog {
        &self.log
    }
    fn forget(&self, partition: u32, before: i64) {
        let gone = (table::place_of(partition, 0), table::place_of(partition, before));
        self.tool().execute("DELETE FROM event_message WHERE place >= ?1 AND place < ?2", gone).unwrap();
    }
    fn letters(&self) -> Vec<DeadLetter> {
        let tool = self.tool();
        let mut select = tool.prepare(r#"SELECT partition, "offset", reason, key, payload FROM dead_letter"#).unwrap();
        let letters = select.query_map([], |row| {
            Ok(DeadLetter { partition: row.get(0)?, offset: row.get(1)?, reason: row.get(2)?, key: row.get(3)?, value: row.get(4)? })
        });
        letters.unwrap().map(Result::unwrap).collect()
    }
}

suite::tests!(Temporary::new);

#[test]
fn rows_are_legible() {
    let place = Temporary::new(1);
    let posted = r#"{"id": "e1", "source": "crm", "kind": "deal", "entity": "d ünï", "occurred_at": "2026-03-02T09:30:00.5+01:00",
        "said_at": "2026-03-03T09:30:00+01:00", "data": {"rep": "marie", "amount": {"value": "10.50", "currency": "EUR"}, "stage": null}, "deleted": false}"#;
    let event = json::read(posted, i64::MAX / 2).unwrap();
    let (mut value, mut heartbeat) = (Vec::new(), Vec::new());
    avro::write(&event, &mut value);
    avro::write_heartbeat(1_000_000, &mut heartbeat);
    let pulse = Entry { route: Route::Partition(0), value: heartbeat };
    let mut plain = Vec::new();
    avro::write(&json::read(&posted.replace(r#""said_at": "2026-03-03T09:30:00+01:00","#, ""), i64::MAX / 2).unwrap(), &mut plain);
    let events = [value, plain].map(|value| Entry { route: Route::Key(event.key()), value });
    let [later, plain] = events;
    append(&place.log, vec![later, pulse, entry("call:1", "garbage"), plain]);

    let tool = place.tool();
    // What events say follows when nobody waits; whoever has appended it tells it before he ends.
    drop(place.log);
    let line = |offset: i64| -> Vec<Option<String>> {
        let columns =
            "kind, entity, source, id, occurred_at, CAST(deleted AS TEXT), json_extract(data, '$.amount.value'), said_at, recorded_at";
        let sql = format!(r#"SELECT {columns} FROM event WHERE "offset" = ?1"#);
        tool.query_row(&sql, [offset], |row| (0..9).map(|at| row.get(at)).collect()).unwrap()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        line(0)[..8],
        ["deal", "d ünï", "crm", "e1", "2026-03-02T08:30:00.500000Z", "0", "10.50", "2026-03-03T08:30:00.000000Z"].map(text)
    );
    assert_eq!(line(1)[..8], [text("heartbeat"), None, None, None, text("1970-01-01T00:00:01.000000Z"), None, None, None]);
    assert_eq!(line(2)[..8], [const { None::<String> }; 8]);
    // Said as it occurred, it is not said again.
    assert_eq!(line(3)[7], None);
    let recorded = line(2)[8].clone().unwrap();
    assert_eq!(recorded.len(), "2026-03-02T08:30:00.000Z".len(), "{recorded}");
}

#[test]
fn is_there_after_closing_and_for_another_process() {
    let place = Temporary::new(2);
    let path = place.folder.path().join("onpace.db");
    append(&place.log, vec![entry("call:1", "one")]);
    let other = EmbeddedLog::open(&path, 2).unwrap();
    let mut reader = assigned(&place.log);
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    assert_eq!(read(reader.as_mut(), 1)[0].value, b"one");
    append(&other, vec![entry("call:1", "two")]);
    append(&place.log, vec![entry("call:1", "three")]);
    drop((reader, other, place.log));
    let again = EmbeddedLog::open(&path, 2).unwrap();
    let mut reader = assigned(&again);
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    let values: Vec<_> = read(reader.as_mut(), 3).into_iter().map(|read| (read.offset, read.value)).collect();
    assert_eq!(values, [(0, b"one".to_vec()), (1, b"two".to_vec()), (2, b"three".to_vec())]);
}

#[test]
fn a_reader_sees_what_another_process_appends() {
    let place = Temporary::new(1);
    let other = EmbeddedLog::open(place.folder.path().join("onpace.db"), 1).unwrap();
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    assert!(read(reader.as_mut(), 0).is_empty());
    append(&other, vec![entry("call:1", "from afar")]);
    assert_eq!(read(reader.as_mut(), 1)[0].value, b"from afar");
}

#[test]
fn a_hole_in_the_rows_is_a_gap() {
    let place = Temporary::new(1);
    append(&place.log, (0..5).map(|number| entry("call:1", number.to_string())).collect());
    place.tool().execute("DELETE FROM event_message WHERE place = 2", []).unwrap();
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    let mut before = Vec::new();
    assert_eq!(suite::poll(reader.as_mut(), 10, &mut before).unwrap(), super::super::Polled::Messages(2));
    let gap = suite::poll(reader.as_mut(), 10, &mut before).unwrap_err();
    assert!(matches!(gap, LogError::Gap { partition: 0, offset: 2, .. }), "{gap}");
}

fn verify(place: &Temporary) -> Result<(), LogError> {
    EmbeddedLog::verify_file(&place.folder.path().join("onpace.db"), &mut |_, _| {})
}

/// A call as somebody posts it.
fn call(number: usize) -> Entry {
    let posted = format!(
        r#"{{"id": "e{number}", "source": "phone", "kind": "call", "entity": "c{number}", "occurred_at": "2026-03-02T09:30:00Z",
            "said_at": "2026-03-03T09:30:00Z", "data": {{"rep": "marie"}}, "deleted": false}}"#
    );
    crate::entry(&json::read(&posted, i64::MAX / 2).unwrap())
}

#[test]
fn a_damaged_row_is_told_and_not_handed_over() {
    for harm in [
        "body = CAST(x'20' || body AS BLOB)",
        "key = CAST(x'20' || key AS BLOB)",
        "key = x'20'",
        "recorded_ms = recorded_ms + 1",
        "recorded_ms = 'noon'",
        "id = 'e3'",
        "id = NULL",
        "source = 'crm'",
        "source = NULL",
        "occurred_us = occurred_us + 1",
        "said_us = NULL",
        "deleted = NULL",
        "checksum = checksum + 1",
    ] {
        let place = Temporary::new(1);
        let entries: Vec<Entry> = (0..5).map(call).collect();
        let values: Vec<Vec<u8>> = entries.iter().map(|entry| entry.value.clone()).collect();
        append(&place.log, entries);
        verify(&place).unwrap();
        let tool = place.tool();
        tool.execute(&format!("UPDATE event_message SET {harm} WHERE place = 2"), []).unwrap();
        let mut reader = assigned(&place.log);
        reader.start(0, 0).unwrap();
        let mut before = Vec::new();
        assert_eq!(suite::poll(reader.as_mut(), 10, &mut before).unwrap(), super::super::Polled::Messages(2));
        assert_eq!(before.iter().map(|read| &read.value).collect::<Vec<_>>(), values[..2].iter().collect::<Vec<_>>(), "{harm}");
        for found in [suite::poll(reader.as_mut(), 10, &mut before).unwrap_err(), verify(&place).unwrap_err()] {
            let words = found.to_string();
            assert!(words.contains("partition 0 at offset 2 is not as it was written") && words.contains("a backup"), "{harm}: {words}");
            // Given up as the words say, it is a message that can't be read.
            let (_, said) = words.split_once("onpace.db '").unwrap();
            tool.execute(said.split('\'').next().unwrap(), []).unwrap();
        }
        verify(&place).unwrap();
        reader.start(0, 2).unwrap();
        let rest: Vec<Vec<u8>> = read(reader.as_mut(), 3).into_iter().map(|read| read.value).collect();
        assert_eq!(rest, [vec![], values[3].clone(), values[4].clone()], "{harm}");
        let kinds: Vec<Option<String>> =
            tool.prepare("SELECT kind FROM event").unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(kinds.iter().filter(|kind| kind.is_none()).count(), 1, "{harm}: {kinds:?}");
    }
}

/// Waits until so many events are told in words, and how far the telling has come.
fn told(place: &Temporary, events: i64) -> Option<i64> {
    let tool = place.tool();
    let ask = |sql: &str| tool.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).unwrap();
    for _ in 0..600 {
        if ask("SELECT count(*) FROM event WHERE json_extract(data, '$.rep') = 'marie'") == Some(events) {
            return ask("SELECT max(value) FROM event_log WHERE name = 'told 0'");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("not told");
}

#[test]
fn what_is_remembered_is_what_the_file_has() {
    let place = Temporary::new(1);
    let other = EmbeddedLog::open(place.folder.path().join("onpace.db"), 1).unwrap();
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    let texts = |name: &str, count: usize| (0..count).map(|number| entry("call:1", format!("{name} {number}"))).collect::<Vec<_>>();
    let mut expect = |wanted: &[(&str, std::ops::Range<usize>)]| {
        let wanted: Vec<String> =
            wanted.iter().flat_map(|(name, numbers)| numbers.clone().map(move |number| format!("{name} {number}"))).collect();
        let found: Vec<String> =
            read(reader.as_mut(), wanted.len()).into_iter().map(|read| String::from_utf8(read.value).unwrap()).collect();
        assert_eq!(found, wanted);
    };
    append(&place.log, texts("a", 3));
    append(&place.log, texts("b", 2));
    expect(&[("a", 0..3), ("b", 0..2)]);
    // Two processes in turn.
    append(&place.log, texts("c", 2));
    append(&other, texts("d", 2));
    append(&place.log, texts("e", 2));
    expect(&[("c", 0..2), ("d", 0..2), ("e", 0..2)]);
    // What was appended here was taken back, and another has written something else in its place.
    append(&place.log, texts("f", 3));
    let tool = place.tool();
    tool.execute_batch("DELETE FROM event_message WHERE place >= 11; UPDATE event_partition SET next_offset = 11; DELETE FROM event_log WHERE name = 'mark'").unwrap();
    append(&other, texts("g", 3));
    expect(&[("g", 0..3)]);
    append(&place.log, texts("h", 1));
    expect(&[("h", 0..1)]);
}

#[test]
fn what_events_say_follows_in_words() {
    let mut place = Temporary::new(1);
    // More than are told at once, and such as say nothing.
    append(&place.log, (0..2_500).map(|number| if number % 5 == 4 { entry("call:1", "garbage") } else { call(number) }).collect());
    assert_eq!(told(&place, 2_000), Some(2_500));
    append(&place.log, vec![call(2_500), entry("call:1", "garbage")]);
    assert_eq!(told(&place, 2_001), Some(2_502));
    // Killed before it is told, it is told by the next.
    place
        .tool()
        .execute_batch("DELETE FROM event_data WHERE place >= 1000; UPDATE event_log SET value = 1000 WHERE name = 'told 0'")
        .unwrap();
    let path = place.folder.path().join("onpace.db");
    place.log = EmbeddedLog::open(path, 1).unwrap();
    assert_eq!(told(&place, 2_001), Some(2_502));
    verify(&place).unwrap();
}

#[test]
fn a_key_that_is_not_its_entitys_is_kept_as_it_came() {
    let place = Temporary::new(1);
    let value = call(1).value;
    append(&place.log, vec![Entry { route: Route::Key(b"call:another".to_vec()), value: value.clone() }, entry("no colon", value.clone())]);
    verify(&place).unwrap();
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    let back: Vec<_> = read(reader.as_mut(), 2).into_iter().map(|read| (read.key, read.value)).collect();
    assert_eq!(back, [(b"call:another".to_vec(), value.clone()), (b"no colon".to_vec(), value)]);
}

#[test]
fn a_log_of_an_earlier_release_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("onpace.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            r#"CREATE TABLE event_log (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID; INSERT INTO event_log VALUES ('version', 2), ('partitions', 1);
               CREATE TABLE event_partition (partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL); INSERT INTO event_partition VALUES (0, 1);
               CREATE TABLE event (partition INTEGER, "offset" INTEGER, payload BLOB, PRIMARY KEY (partition, "offset")) WITHOUT ROWID;
               INSERT INTO event VALUES (0, 0, x'00');"#,
        )
        .unwrap();
    let refusals = [
        EmbeddedLog::open(&path, 1).err(),
        EmbeddedLog::ends_of(&path).err(),
        EmbeddedLog::look_into(&path, 0, &[0]).err(),
        EmbeddedLog::verify_file(&path, &mut |_, _| {}).err(),
    ];
    for refused in refusals {
        let words = refused.unwrap().to_string();
        assert!(words.contains("version is 2, here it is 3") && words.contains("import its events into a new file"), "{words}");
    }
    let kept: i64 = Connection::open(&path).unwrap().query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

#[test]
fn refuses_what_is_not_its_file() {
    let place = Temporary::new(2);
    let path = place.folder.path().join("onpace.db");
    let why = |opened: Result<EmbeddedLog, LogError>| match opened.err().unwrap() {
        LogError::Settings(why) => why,
        other => panic!("{other}"),
    };
    assert!(why(EmbeddedLog::open(&path, 3)).contains("has 2 partitions and 3 are configured"));
    assert!(why(EmbeddedLog::open(&path, 0)).contains("at least 1"));
    place.tool().execute("UPDATE event_log SET value = 99 WHERE name = 'version'", []).unwrap();
    assert!(why(EmbeddedLog::open(&path, 2)).contains("version is 99"));
    assert!(why(EmbeddedLog::open(place.folder.path().join("no/such/folder.db"), 1)).contains("can't be written"));
    let text = place.folder.path().join("notes.txt");
    std::fs::write(&text, "not a database, but long enough to look at".repeat(40)).unwrap();
    assert!(why(EmbeddedLog::open(&text, 1)).contains("is no onpace file"));
}

#[test]
fn its_clock_never_goes_back() {
    let place = Temporary::new(1);
    append(&place.log, vec![entry("call:1", "now")]);
    // The last append was of a clock that ran an hour ahead.
    let ahead = crate::log::now_ms() + 3_600_000;
    place.tool().execute("UPDATE event_log SET value = ?1 WHERE name = 'recorded_ms'", [ahead]).unwrap();
    append(&place.log, vec![entry("call:1", "an hour later")]);
    append(&place.log, vec![entry("call:1", "no earlier")]);
    let mut reader = assigned(&place.log);
    reader.start(0, 0).unwrap();
    let recorded: Vec<i64> = read(reader.as_mut(), 3).iter().map(|read| read.recorded_ms).collect();
    assert!(recorded[0] < ahead && recorded[1..] == [ahead; 2], "{recorded:?}");
    // A log from before that was noted.
    place.tool().execute("DELETE FROM event_log WHERE name = 'recorded_ms'", []).unwrap();
    append(&place.log, vec![entry("call:1", "no earlier either")]);
    assert_eq!(read(reader.as_mut(), 1)[0].recorded_ms, ahead);
}

#[test]
fn a_log_made_anew_has_another_identity_and_a_copy_has_the_same() {
    let (place, other) = (Temporary::new(1), Temporary::new(1));
    let identity = |log: &EmbeddedLog| log.look(0, &[]).unwrap().identity.unwrap();
    assert_ne!(identity(&place.log), identity(&other.log));
    let copy = place.folder.path().join("copy.db");
    place.tool().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    assert_eq!(identity(&EmbeddedLog::open(&copy, 1).unwrap()), identity(&place.log));
}

#[test]
fn an_append_that_fails_says_so_and_the_next_one_works() {
    let place = Temporary::new(1);
    place.tool().execute_batch("CREATE TRIGGER no BEFORE INSERT ON event_message BEGIN SELECT RAISE(ABORT, 'not today'); END").unwrap();
    let error = wait(place.log.append(vec![entry("call:1", "x")])).unwrap_err();
    assert!(matches!(&error, LogError::Away(why) if why.contains("not today")), "{error}");
    assert_eq!(place.log.ends().unwrap(), [0]);
    place.tool().execute_batch("DROP TRIGGER no").unwrap();
    append(&place.log, vec![entry("call:1", "x")]);
    assert_eq!(place.log.ends().unwrap(), [1]);
}
