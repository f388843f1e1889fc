//! What every event log must do: one suite of tests, run against all of them by [`tests!`].
//!
//! In: a way to make an empty log of so many partitions. Out: passing tests, or a panic that says what the log did.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use super::{DeadLetter, Entry, EventLog, Fingerprint, LogError, LogReader, Polled, Route, now_ms, partition_of};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A log under test, and what is done to it behind its back.
pub(crate) trait Place {
    fn log(&self) -> &dyn EventLog;
    /// Deletes the messages of a partition before an offset, as retention would.
    fn forget(&self, partition: u32, before: i64);
    fn letters(&self) -> Vec<DeadLetter>;
}

/// Declares a test for every case below; the argument makes a [`Place`] with an empty log of so many partitions.
macro_rules! tests {
    ($make:expr) => {
        $crate::log::suite::tests!(@each $make;
            keeps_order_and_offsets 4, what_is_acknowledged_can_be_read 2, starts_at_any_offset 1, starts_again_where_it_is_told 1,
            starting_one_again_leaves_the_others 3, reads_nothing_before_start 3, reads_nothing_after_stop 2, heartbeats_go_where_they_are_sent 3,
            an_empty_log_is_quiet 2, an_offset_beyond_the_end_is_a_gap 2, a_deleted_offset_is_a_gap 2,
            buries_what_cant_be_read 2, refuses_partitions_it_lacks 2, appends_from_many_threads 2, proves_that_it_can_be_read 3, is_read_through_up_to_an_end 3,
            hands_over_no_more_than_asked 2, a_look_shows_what_a_reader_reads 2);
    };
    (@each $make:expr; $($case:ident $partitions:literal),+) => {
        $(#[test]
        fn $case() {
            $crate::log::suite::$case(&($make)($partitions));
        })+
    };
}
pub(crate) use tests;

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn entry(key: &str, value: impl Into<Vec<u8>>) -> Entry {
    Entry { route: Route::Key(key.as_bytes().to_vec()), value: value.into() }
}

fn to_partition(partition: u32, value: String) -> Entry {
    Entry { route: Route::Partition(partition), value: value.into() }
}

pub(crate) fn append(log: &dyn EventLog, entries: Vec<Entry>) {
    wait(log.append(entries)).unwrap();
}

fn append_numbers(log: &dyn EventLog, partition: u32, numbers: std::ops::Range<usize>) {
    append(log, numbers.map(|number| to_partition(partition, number.to_string())).collect());
}

/// A message as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub partition: u32,
    pub offset: i64,
    pub recorded_ms: i64,
    pub fingerprint: Fingerprint,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Read {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }
}

/// One poll; what it brought is appended.
pub(crate) fn poll(reader: &mut dyn LogReader, most: usize, into: &mut Vec<Read>) -> Result<Polled, LogError> {
    let before = into.len();
    let polled = reader.poll(Duration::from_millis(200), most, &mut |message| {
        into.push(Read {
            partition: message.partition,
            offset: message.offset,
            recorded_ms: message.recorded_ms,
            fingerprint: message.fingerprint(),
            key: message.key.to_vec(),
            value: message.value.to_vec(),
        });
    });
    let count = into.len() - before;
    assert!(count <= most, "{count} messages where {most} were asked for");
    assert_eq!(matches!(polled, Ok(Polled::Messages(said)) if said == count), count > 0 || matches!(polled, Ok(Polled::Messages(_))));
    polled
}

/// A reader that has been assigned all partitions.
pub(crate) fn assigned(log: &dyn EventLog) -> Box<dyn LogReader> {
    let mut reader = log.reader().unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < until, "no partitions were assigned");
        match poll(reader.as_mut(), 10, &mut Vec::new()).unwrap() {
            Polled::Assigned(partitions) => {
                assert_eq!(partitions, (0..log.partitions()).collect::<Vec<_>>());
                return reader;
            }
            polled => assert_eq!(polled, Polled::Messages(0)),
        }
    }
}

/// Reads until so many messages have come, and makes sure that no more do.
pub(crate) fn read(reader: &mut dyn LogReader, count: usize) -> Vec<Read> {
    let until = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while all.len() < count {
        assert!(Instant::now() < until, "{} of {count} messages came", all.len());
        poll(reader, 1000, &mut all).unwrap();
    }
    poll(reader, 1000, &mut all).unwrap();
    assert_eq!(all.len(), count, "more came than were appended");
    all
}

/// Polls until the reader says that a partition has a gap; what it read before is given too.
fn gap(reader: &mut dyn LogReader) -> (u32, i64, String, Vec<Read>) {
    let until = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    loop {
        assert!(Instant::now() < until, "no gap was reported; read {all:?}");
        match poll(reader, 1000, &mut all) {
            Ok(_) => {}
            Err(LogError::Gap { partition, offset, why }) => return (partition, offset, why, all),
            Err(other) => panic!("{other}"),
        }
    }
}

pub(crate) fn keeps_order_and_offsets(place: &impl Place) {
    let (log, before) = (place.log(), now_ms());
    let sent: Vec<Entry> = (0..500).map(|number| entry(&format!("call:{}", number % 37), format!("{number}"))).collect();
    for batch in sent.chunks(90) {
        append(log, batch.to_vec());
    }
    let mut reader = assigned(log);
    (0..4).for_each(|partition| reader.start(partition, 0).unwrap());
    let read = read(reader.as_mut(), sent.len());
    for partition in 0..4 {
        let here: Vec<&Read> = read.iter().filter(|read| read.partition == partition).collect();
        assert!(!here.is_empty(), "no message came to partition {partition}");
        let offsets: Vec<i64> = here.iter().map(|read| read.offset).collect();
        assert_eq!(offsets, (0..here.len() as i64).collect::<Vec<_>>());
        let of_key = |entry: &&Entry| matches!(&entry.route, Route::Key(key) if partition_of(key, 4) == partition);
        let expected: Vec<(&[u8], &[u8])> = sent
            .iter()
            .filter(of_key)
            .map(|entry| match &entry.route {
                Route::Key(key) => (key.as_slice(), entry.value.as_slice()),
                Route::Partition(_) => unreachable!(),
            })
            .collect();
        assert_eq!(here.iter().map(|read| (read.key.as_slice(), read.value.as_slice())).collect::<Vec<_>>(), expected);
        assert_eq!(reader.end(partition), Some(here.len() as i64));
        assert_eq!(log.ends().unwrap()[partition as usize], here.len() as i64);
    }
    for message in &read {
        // A minute either way for clocks that are set meanwhile.
        assert!((before - 60_000..now_ms() + 60_000).contains(&message.recorded_ms), "recorded at {}", message.recorded_ms);
    }
}

pub(crate) fn what_is_acknowledged_can_be_read(place: &impl Place) {
    let log = place.log();
    append_numbers(log, 0, 0..5);
    assert_eq!(log.ends().unwrap(), [5, 0]);
    let mut reader = assigned(log);
    for (partition, end) in log.ends().unwrap().into_iter().enumerate() {
        reader.start(partition as u32, end).unwrap();
    }
    for round in 0..5 {
        append_numbers(log, 1, round..round + 1);
        assert_eq!(log.ends().unwrap(), [5, round as i64 + 1]);
        let read = read(reader.as_mut(), 1);
        assert_eq!((read[0].partition, read[0].offset, read[0].text()), (1, round as i64, round.to_string().as_str()));
    }
    append(log, Vec::new());
    assert_eq!(log.ends().unwrap(), [5, 5]);
}

pub(crate) fn starts_at_any_offset(place: &impl Place) {
    append_numbers(place.log(), 0, 0..100);
    for offset in [57, 0, 99, 100] {
        let mut reader = assigned(place.log());
        reader.start(0, offset).unwrap();
        let read = read(reader.as_mut(), 100 - offset as usize);
        assert_eq!(read.iter().map(|read| read.offset).collect::<Vec<_>>(), (offset..100).collect::<Vec<_>>());
        assert!(read.iter().all(|read| read.text() == read.offset.to_string()));
    }
}

pub(crate) fn starts_again_where_it_is_told(place: &impl Place) {
    append_numbers(place.log(), 0, 0..5000);
    let mut reader = assigned(place.log());
    reader.start(0, 0).unwrap();
    for offset in [20, 3000, 0, 4999, 1, 2] {
        // Much more has been fetched by now than was handed over.
        let until = Instant::now() + PATIENCE;
        let mut some = Vec::new();
        while some.is_empty() {
            assert!(Instant::now() < until, "nothing came");
            poll(reader.as_mut(), 10, &mut some).unwrap();
        }
        reader.start(0, offset).unwrap();
        let mut again = Vec::new();
        while again.is_empty() {
            assert!(Instant::now() < until, "nothing came after starting again at {offset}");
            poll(reader.as_mut(), 10, &mut again).unwrap();
        }
        let offsets: Vec<i64> = again.iter().map(|read| read.offset).collect();
        assert_eq!(offsets, (offset..).take(again.len()).collect::<Vec<_>>());
        reader.start(0, offset).unwrap();
    }
    assert_eq!(read(reader.as_mut(), 4998)[0].offset, 2);
}

pub(crate) fn starting_one_again_leaves_the_others(place: &impl Place) {
    for partition in 0..3 {
        append_numbers(place.log(), partition, 0..2000);
    }
    let mut reader = assigned(place.log());
    let mut next = BTreeMap::new();
    for partition in 0..3 {
        reader.start(partition, 0).unwrap();
        next.insert(partition, 0);
    }
    let until = Instant::now() + PATIENCE;
    let mut restarts = 0;
    while next.values().any(|next| *next < 2000) {
        assert!(Instant::now() < until, "stuck at {next:?}");
        let mut some = Vec::new();
        poll(reader.as_mut(), 50, &mut some).unwrap();
        for read in some {
            assert_eq!(Some(&read.offset), next.get(&read.partition), "of partition {}", read.partition);
            next.insert(read.partition, read.offset + 1);
        }
        if restarts < 20 && next[&1] > 100 {
            restarts += 1;
            next.insert(1, 70);
            reader.start(1, 70).unwrap();
        }
    }
    assert_eq!(restarts, 20);
}

pub(crate) fn reads_nothing_before_start(place: &impl Place) {
    for partition in 0..3 {
        append_numbers(place.log(), partition, 0..10);
    }
    let mut reader = assigned(place.log());
    for _ in 0..5 {
        assert_eq!(poll(reader.as_mut(), 100, &mut Vec::new()).unwrap(), Polled::Messages(0));
    }
    reader.start(1, 0).unwrap();
    assert!(read(reader.as_mut(), 10).iter().all(|read| read.partition == 1));
    reader.start(2, 4).unwrap();
    assert!(read(reader.as_mut(), 6).iter().all(|read| read.partition == 2 && read.offset >= 4));
}

pub(crate) fn reads_nothing_after_stop(place: &impl Place) {
    (0..2).for_each(|partition| append_numbers(place.log(), partition, 0..1000));
    let mut reader = assigned(place.log());
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    let until = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while !(0..2).all(|partition| all.iter().any(|read: &Read| read.partition == partition)) {
        assert!(Instant::now() < until, "only {} messages came", all.len());
        poll(reader.as_mut(), 10, &mut all).unwrap();
    }
    let come = |all: &[Read], partition| all.iter().filter(|read| read.partition == partition).count();
    reader.stop(0).unwrap();
    let (before, rest) = (come(&all, 0), 1000 - come(&all, 1));
    all.extend(read(reader.as_mut(), rest));
    assert_eq!((come(&all, 0), come(&all, 1)), (before, 1000));
    reader.stop(0).unwrap();
    reader.start(0, 990).unwrap();
    assert_eq!(read(reader.as_mut(), 10)[0].offset, 990);
}

pub(crate) fn heartbeats_go_where_they_are_sent(place: &impl Place) {
    let log = place.log();
    append(log, vec![to_partition(2, "two".into()), to_partition(0, "zero".into()), entry("call:7", "seven")]);
    let mut reader = assigned(log);
    (0..3).for_each(|partition| reader.start(partition, 0).unwrap());
    let read = read(reader.as_mut(), 3);
    let of = |text: &str| read.iter().find(|read| read.text() == text).unwrap();
    assert_eq!((of("two").partition, of("two").key.len()), (2, 0));
    assert_eq!((of("zero").partition, of("zero").key.len()), (0, 0));
    assert_eq!((of("seven").partition, of("seven").key.as_slice()), (partition_of(b"call:7", 3), b"call:7".as_slice()));
}

pub(crate) fn an_empty_log_is_quiet(place: &impl Place) {
    assert_eq!(place.log().partitions(), 2);
    assert_eq!(place.log().ends().unwrap(), [0, 0]);
    assert!(place.log().ready().is_ok());
    let mut reader = assigned(place.log());
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    assert!(read(reader.as_mut(), 0).is_empty());
    assert!(matches!(reader.end(0), None | Some(0)));
    assert!(place.letters().is_empty());
}

pub(crate) fn an_offset_beyond_the_end_is_a_gap(place: &impl Place) {
    append_numbers(place.log(), 0, 0..3);
    append_numbers(place.log(), 1, 0..3);
    let mut reader = assigned(place.log());
    reader.start(0, 4).unwrap();
    reader.start(1, 0).unwrap();
    let (partition, offset, why, mut others) = gap(reader.as_mut());
    assert_eq!((partition, offset), (0, 4));
    assert!(why.contains("ends at 3") && why.contains("onpace rebuild"), "{why}");
    // The other partition is read all the same, and this one when it is told where.
    others.extend(read(reader.as_mut(), 3 - others.len()));
    assert!(others.iter().all(|read| read.partition == 1));
    reader.start(0, 2).unwrap();
    let one = read(reader.as_mut(), 1);
    assert_eq!((one[0].partition, one[0].offset), (0, 2));
}

pub(crate) fn a_deleted_offset_is_a_gap(place: &impl Place) {
    append_numbers(place.log(), 0, 0..30);
    place.forget(0, 12);
    let mut reader = assigned(place.log());
    reader.start(0, 11).unwrap();
    let (partition, offset, why, read_before) = gap(reader.as_mut());
    assert_eq!((partition, offset, read_before.len()), (0, 11, 0));
    assert!(why.contains("begins at 12") && why.contains("1 event"), "{why}");
    reader.start(0, 12).unwrap();
    let rest = read(reader.as_mut(), 18);
    assert_eq!((rest[0].offset, rest[0].text()), (12, "12"));
    // Offsets are never used twice, even when nothing is left.
    place.forget(0, 30);
    assert_eq!(place.log().ends().unwrap(), [30, 0]);
    append_numbers(place.log(), 0, 30..31);
    let next = read(reader.as_mut(), 1);
    assert_eq!((next[0].offset, next[0].text()), (30, "30"));
}

pub(crate) fn proves_that_it_can_be_read(place: &dyn Place) {
    let log = place.log();
    log.prove().unwrap();
    append_numbers(log, 0, 0..10);
    append_numbers(log, 2, 0..1);
    log.prove().unwrap();
    place.forget(0, 4);
    for proof in [log.prove(), log.prove_partition(0)] {
        assert!(matches!(proof, Err(LogError::Gap { partition: 0, offset: 0, .. })), "{proof:?}");
    }
    (1..3).for_each(|partition| log.prove_partition(partition).unwrap());
}

pub(crate) fn buries_what_cant_be_read(place: &impl Place) {
    let letter = DeadLetter {
        partition: 1,
        offset: 17,
        reason: "the message ends too early: « ça »".into(),
        key: b"call:1".to_vec(),
        value: vec![0xC3, 1, 0, 255],
    };
    place.log().bury(letter.clone()).unwrap();
    let other = DeadLetter { offset: 18, key: Vec::new(), value: Vec::new(), ..letter.clone() };
    place.log().bury(other.clone()).unwrap();
    assert_eq!(place.letters(), [letter, other]);
    assert_eq!(place.log().ends().unwrap(), [0, 0]);
}

pub(crate) fn refuses_partitions_it_lacks(place: &impl Place) {
    let wrong = wait(place.log().append(vec![to_partition(0, "good".into()), to_partition(2, "bad".into())]));
    assert!(matches!(&wrong, Err(LogError::Settings(why)) if why.contains("no partition 2")), "{wrong:?}");
    assert_eq!(place.log().ends().unwrap(), [0, 0]);
    let mut reader = assigned(place.log());
    assert!(matches!(reader.start(2, 0), Err(LogError::Settings(_))));
}

pub(crate) fn appends_from_many_threads(place: &impl Place) {
    let log = place.log();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for batch in 0..20 {
                    let numbers = batch * 10..(batch + 1) * 10;
                    append(log, numbers.map(|number| entry(&format!("deal:{thread}"), number.to_string())).collect());
                }
            });
        }
    });
    let mut reader = assigned(place.log());
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    let read = read(reader.as_mut(), 8 * 200);
    for thread in 0..8 {
        let of_key = read.iter().filter(|read| read.key == format!("deal:{thread}").as_bytes());
        assert_eq!(of_key.map(|read| read.text().parse().unwrap()).collect::<Vec<usize>>(), (0..200).collect::<Vec<_>>());
    }
}

pub(crate) fn hands_over_no_more_than_asked(place: &impl Place) {
    append_numbers(place.log(), 0, 0..30);
    append_numbers(place.log(), 1, 0..30);
    let mut reader = assigned(place.log());
    (0..2).for_each(|partition| reader.start(partition, 0).unwrap());
    let until = Instant::now() + PATIENCE;
    let mut all = Vec::new();
    while all.len() < 60 {
        assert!(Instant::now() < until, "only {} messages came", all.len());
        // `poll` holds the count against `most`.
        poll(reader.as_mut(), 7, &mut all).unwrap();
    }
    assert_eq!(all.iter().filter(|read| read.partition == 0).count(), 30);
}

pub(crate) fn a_look_shows_what_a_reader_reads(place: &impl Place) {
    let log = place.log();
    let empty = log.look(1, &[0, 7]).unwrap();
    assert_eq!((empty.begin, empty.end, empty.found), (0, 0, vec![None, None]));
    append_numbers(log, 1, 0..300);
    append_numbers(log, 0, 0..3);
    let mut reader = assigned(log);
    reader.start(1, 0).unwrap();
    let read = read(reader.as_mut(), 300);
    assert!(read.windows(2).all(|two| two[0].recorded_ms <= two[1].recorded_ms && two[0].fingerprint != two[1].fingerprint));
    let asked = [299, 0, 150, 151, 300, -1];
    let expected: Vec<_> = asked.iter().map(|offset| read.get(usize::try_from(*offset).ok()?).map(|read| read.fingerprint)).collect();
    for _ in 0..3 {
        let seen = log.look(1, &asked).unwrap();
        assert_eq!((seen.begin, seen.end, &seen.found, seen.identity), (0, 300, &expected, empty.identity));
    }
    // A look disturbs no reader.
    append_numbers(log, 1, 300..301);
    assert_eq!(self::read(reader.as_mut(), 1)[0].offset, 300);
    place.forget(1, 151);
    let seen = log.look(1, &asked).unwrap();
    assert_eq!((seen.begin, seen.end, seen.found[2], seen.found[3]), (151, 301, None, expected[3]));
    assert!(matches!(log.look(2, &[]), Err(LogError::Settings(_))));
}

/// Every message up to the ends, once; nobody's partitions change hands; and it stops when told.
pub(crate) fn is_read_through_up_to_an_end(place: &dyn Place) {
    let log = place.log();
    for partition in 0..3 {
        append_numbers(log, partition, 0..if partition == 1 { 0 } else { 2_500 });
    }
    let ends = log.ends().unwrap();
    append_numbers(log, 0, 2_500..2_600);
    let mut seen: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    log.scan(&ends, &mut |message| {
        seen.entry(message.partition).or_default().push(message.offset);
        true
    })
    .unwrap();
    let all: Vec<i64> = (0..2_500).collect();
    assert_eq!(seen, [(0, all.clone()), (2, all)].into_iter().collect());
    let mut few = 0;
    log.scan(&ends, &mut |_| {
        few += 1;
        few < 10
    })
    .unwrap();
    assert_eq!(few, 10);
}
