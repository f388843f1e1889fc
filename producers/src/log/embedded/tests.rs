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
        self.tool().execute(r#"DELETE FROM event WHERE partition = ?1 AND "offset" < ?2"#, (partition, before)).unwrap();
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
    place.tool().execute(r#"DELETE FROM event WHERE "offset" = 2"#, []).unwrap();
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

#[test]
fn a_damaged_row_is_told_and_not_handed_over() {
    for (column, kind) in [("payload", "BLOB"), ("key", "BLOB"), ("recorded_at", "TEXT")] {
        let place = Temporary::new(1);
        append(&place.log, (0..5).map(|number| entry("call:1", number.to_string())).collect());
        verify(&place).unwrap();
        let tool = place.tool();
        tool.execute(&format!(r#"UPDATE event SET {column} = CAST(x'20' || {column} AS {kind}) WHERE "offset" = 2"#), []).unwrap();
        let mut reader = assigned(&place.log);
        reader.start(0, 0).unwrap();
        let mut before = Vec::new();
        assert_eq!(suite::poll(reader.as_mut(), 10, &mut before).unwrap(), super::super::Polled::Messages(2));
        for found in [suite::poll(reader.as_mut(), 10, &mut before).unwrap_err(), verify(&place).unwrap_err()] {
            let words = found.to_string();
            assert!(words.contains("partition 0 at offset 2 is not as it was written") && words.contains("a backup"), "{column}: {words}");
        }
        // Given up as the words say, it is a message that can't be read.
        tool.execute(r#"UPDATE event SET payload = zeroblob(0), checksum = NULL WHERE partition = 0 AND "offset" = 2"#, []).unwrap();
        verify(&place).unwrap();
        reader.start(0, 2).unwrap();
        assert_eq!(read(reader.as_mut(), 3)[0].value, b"");
    }
}

#[test]
fn a_log_of_an_earlier_release_is_read_on() {
    let place = Temporary::new(1);
    append(&place.log, vec![entry("call:1", "old")]);
    place.tool().execute_batch("ALTER TABLE event DROP COLUMN checksum").unwrap();
    let again = EmbeddedLog::open(place.folder.path().join("onpace.db"), 1).unwrap();
    append(&again, vec![entry("call:1", "new")]);
    verify(&place).unwrap();
    let mut reader = assigned(&again);
    reader.start(0, 0).unwrap();
    assert_eq!(read(reader.as_mut(), 2).into_iter().map(|read| read.value).collect::<Vec<_>>(), [b"old", b"new"]);
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
    place.tool().execute_batch("CREATE TRIGGER no BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'not today'); END").unwrap();
    let error = wait(place.log.append(vec![entry("call:1", "x")])).unwrap_err();
    assert!(matches!(&error, LogError::Away(why) if why.contains("not today")), "{error}");
    assert_eq!(place.log.ends().unwrap(), [0]);
    place.tool().execute_batch("DROP TRIGGER no").unwrap();
    append(&place.log, vec![entry("call:1", "x")]);
    assert_eq!(place.log.ends().unwrap(), [1]);
}
