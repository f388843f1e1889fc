//! Whole files into a log: what is taken, what is refused, what the summary says.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use onpace_schemas::avro;
use serde_json::json;

use super::*;
use crate::log::memory::MemoryLog;

const NOW: i64 = 1_772_442_600_000_000; // 2026-03-02T09:10:00Z

struct Place {
    folder: tempfile::TempDir,
    log: MemoryLog,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), log: MemoryLog::new(3) }
    }

    async fn import(&self, name: &str, content: impl AsRef<[u8]>, map: Option<&str>, arguments: &[&str]) -> Result<Summary, ImportError> {
        let file = self.folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let arguments = arguments.iter().map(|argument| parse_argument(argument).unwrap()).collect();
        let settings = ImportSettings { file, map: map.map(PathBuf::from), arguments, delimiter: None, now: || NOW };
        import(settings, Arc::new(self.log.clone()), ProgressBar::hidden(), CancellationToken::new()).await
    }

    /// A map of one's own, in the folder.
    fn map(&self, code: &str) -> String {
        let path = self.folder.path().join("map.jq");
        std::fs::write(&path, code).unwrap();
        path.display().to_string()
    }

    /// Every event of the log as JSON, by id.
    fn events(&self) -> BTreeMap<String, Value> {
        let mut reader = self.log.reader().unwrap();
        reader.poll(Duration::ZERO, 1, &mut |_| {}).unwrap();
        (0..3).for_each(|partition| reader.start(partition, 0).unwrap());
        let mut events = BTreeMap::new();
        let each = &mut |message: crate::log::Message<'_>| {
            if let avro::Message::Event(event) = avro::read(message.value).unwrap() {
                events.insert(event.id.to_string(), json::write(&event));
            }
        };
        reader.poll(Duration::ZERO, usize::MAX, each).unwrap();
        events
    }

    fn rejected(&self, name: &str) -> Vec<Value> {
        let path = self.folder.path().join(format!("{name}.rejected.ndjson"));
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn example(name: &str) -> String {
    format!("{}/../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn event(n: usize) -> String {
    format!(r#"{{"id":"{n}","source":"a","kind":"call","entity":"c{n}","occurred_at":"2026-03-02T09:00:00Z","data":{{"duration_s":{n}}}}}"#)
}

#[tokio::test]
async fn lines_are_taken_bad_ones_are_kept_aside_and_the_summary_adds_up() {
    let place = Place::new();
    let mut content = format!("{}\n\nnonsense\n{}\n", event(1), event(2).replace("duration_s", "duration")).into_bytes();
    content.extend_from_slice(b"\"\xFF\"\n");
    content.extend((3..12_000).flat_map(|n| format!("{}\r\n", event(n)).into_bytes()));
    // The file was cut off in the middle of its last line.
    content.extend_from_slice(&event(12_000).as_bytes()[..50]);
    let summary = place.import("events.ndjson", content, None, &[]).await.unwrap();
    let rejected_file = Some(place.folder.path().join("events.ndjson.rejected.ndjson"));
    assert_eq!(summary, Summary { rows: 12_002, accepted: 11_998, skipped: 0, rejected: 4, events: 11_998, rejected_file });
    assert_eq!(place.log.ends().unwrap().iter().sum::<i64>(), 11_998);
    let rejected = place.rejected("events.ndjson");
    let shown: Vec<_> =
        rejected.iter().map(|row| (row["row"].as_u64().unwrap(), row["line"].as_u64().unwrap(), row["field"].as_str().unwrap())).collect();
    assert_eq!(shown, [(2, 3, ""), (3, 4, "data.duration"), (4, 5, ""), (12_002, 12_003, "")]);
    assert_eq!(rejected[1]["content"]["entity"], "c2");
    assert!(rejected[1]["reason"].as_str().unwrap().contains("did you mean `duration_s`"));
    // A good file takes the old list of refusals away.
    let summary = place.import("events.ndjson", event(1), None, &[]).await.unwrap();
    assert_eq!((summary.rejected_file, place.folder.path().join("events.ndjson.rejected.ndjson").exists()), (None, false));
}

/// A log during whose first append somebody presses Ctrl-C.
struct Interrupted {
    log: MemoryLog,
    stop: CancellationToken,
}

impl EventLog for Interrupted {
    fn partitions(&self) -> u32 {
        self.log.partitions()
    }
    fn append(&self, entries: Vec<Entry>) -> futures_util::future::BoxFuture<'_, Result<(), LogError>> {
        self.stop.cancel();
        self.log.append(entries)
    }
    fn reader(&self) -> Result<Box<dyn crate::log::LogReader>, LogError> {
        self.log.reader()
    }
    fn ends(&self) -> Result<Vec<i64>, LogError> {
        self.log.ends()
    }
    fn look(&self, partition: u32, offsets: &[i64]) -> Result<crate::log::Seen, LogError> {
        self.log.look(partition, offsets)
    }
    fn bury(&self, letter: crate::log::DeadLetter) -> Result<(), LogError> {
        self.log.bury(letter)
    }
}

#[tokio::test]
async fn an_import_that_is_stopped_says_how_far_it_came() {
    let place = Place::new();
    let lines: String = (0..12_000).map(|n| format!("{}\n", event(n))).collect();
    let file = place.folder.path().join("events.ndjson");
    std::fs::write(&file, &lines).unwrap();
    let settings = ImportSettings { file, map: None, arguments: vec![], delimiter: None, now: || NOW };
    let stop = CancellationToken::new();
    let log = Arc::new(Interrupted { log: place.log.clone(), stop: stop.clone() });
    let stopped = import(settings, log, ProgressBar::hidden(), stop).await.unwrap_err();
    assert!(matches!(stopped, ImportError::Stopped { rows: 5_000, events: 5_000 }), "{stopped}");
    assert!(stopped.to_string().contains("5000 rows (5000 events) in the log; import the same file again"), "{stopped}");
    assert_eq!(place.log.ends().unwrap().iter().sum::<i64>(), 5_000, "what was under way is in the log");
    assert_eq!(place.import("events.ndjson", lines, None, &[]).await.unwrap().events, 12_000);
    assert_eq!(place.events().len(), 12_000);
}

#[tokio::test]
async fn a_row_is_taken_whole_or_not_at_all() {
    let place = Place::new();
    let one = r#"{id, source: "s", kind: "call", entity: .id, occurred_at: .at, data: {}}"#;
    let map = place.map(&format!(
        "if .id == \"none\" then empty else {one}, {} end",
        one.replace("{id,", "{id: (.id + \"b\"),").replace(".at", ".then")
    ));
    let csv = "id,at,then\n1,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n2,2026-01-01T00:00:00Z,tomorrow\nnone,,\n";
    let summary = place.import("x.csv", csv, Some(&map), &[]).await.unwrap();
    assert_eq!((summary.rows, summary.accepted, summary.skipped, summary.rejected, summary.events), (3, 1, 1, 1, 2));
    assert_eq!(place.events().into_keys().collect::<Vec<_>>(), ["1", "1b"]);
    assert_eq!(place.rejected("x.csv")[0]["field"], "occurred_at");
}

#[tokio::test]
async fn what_can_not_be_imported_says_why() {
    let place = Place::new();
    let map = place.map("{");
    for (name, content, map, says) in [
        ("a.csv", "a\n1\n", None, "--map"),
        ("a.csv", "a\n1\n", Some(map.as_str()), "line 1, column"),
        ("a.csv", "a\n1\n", Some("no/such.jq"), "no/such.jq"),
        ("a.ndjson", "", Some(map.as_str()), "leave --map out"),
        ("a.xlsx", "", None, ".ndjson or .csv"),
        ("a.ndjson", "\u{feff}", None, ""),
    ] {
        match place.import(name, content, map, &[]).await {
            Ok(summary) => assert_eq!((says, summary), ("", Summary::default())),
            Err(error) => assert!(error.to_string().contains(says) && !says.is_empty(), "{name}: {error}"),
        }
    }
    let typo = place.map("{a: $ARGS.named.undated}");
    let error = place.import("a.csv", "a\n1\n", Some(&typo), &["undatd=2017-12-31"]).await.unwrap_err().to_string();
    assert!(error.contains("never asks for `$undatd`; did you mean `undated`?"), "{error}");
    assert!(parse_argument("=2017-12-31").unwrap_err().contains("no name before"));
    assert!(parse_argument("novalue").is_err() && parse_argument("a-b=1").is_err() && parse_argument("file=1").is_err());
    assert_eq!(parse_argument("a=b=c"), Ok(("a".into(), "b=c".into())));
}

const PIPELINE: &str = "\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
A1,Zoé Martin,GTXPro,Cancity,Won,2016-10-20,2017-03-01,1054
A2,Zoé Martin,MG Special,,Engaging,2017-01-02,,
A3,Zoé Martin,MG Special,Isdom,Lost,2017-01-02,2017-01-02,0
A4,Zoé Martin,MG Special,,Prospecting,,,
A5,Zoé Martin,MG Special,,Dormant,2017-01-02,,
A6,Zoé Martin,MG Special,,Won,2017-01-02,02/01/2017,5
";

#[tokio::test]
async fn the_pipeline_map_keeps_dates_dates_and_refuses_what_has_none() {
    let place = Place::new();
    let map = example("pipeline.jq");
    let summary = place.import("pipeline.csv", PIPELINE, Some(&map), &[]).await.unwrap();
    assert_eq!((summary.rows, summary.accepted, summary.rejected, summary.events), (6, 3, 3, 5));
    let events = place.events();
    let won = &events["A1:closed"];
    assert_eq!(won["occurred_at"], "2017-03-01T12:00:00.000001Z");
    assert_eq!(
        won["data"],
        json!({ "status": "won", "stage": "Won", "closed_at": "2017-03-01", "amount": { "value": "1054.00", "currency": "USD" } })
    );
    let engaged =
        json!({ "rep": "Zoé Martin", "account": "Cancity", "product": "GTX Pro", "stage": "Engaging", "created_at": "2016-10-20" });
    assert_eq!(events["A1:engaged"]["data"], engaged);
    assert!(events["A2:engaged"]["data"].get("account").is_none());
    let reasons: Vec<_> =
        place.rejected("pipeline.csv").iter().map(|row| format!("{} {}", row["content"]["opportunity_id"], row["reason"])).collect();
    assert!(reasons[0].contains("A4") && reasons[0].contains("--arg undated="), "{reasons:?}");
    assert!(reasons[1].contains("A5") && reasons[1].contains("Dormant"), "{reasons:?}");
    assert!(reasons[2].contains("A6") && reasons[2].contains("close_date"), "{reasons:?}");

    // Again, and with a date of the user's choice.
    let summary = place.import("pipeline.csv", PIPELINE, Some(&map), &["undated=2017-12-31"]).await.unwrap();
    assert_eq!((summary.accepted, summary.rejected, summary.events), (4, 2, 6));
    let again = place.events();
    assert_eq!(again["A4:engaged"]["occurred_at"], "2017-12-31T12:00:00Z");
    assert!(events.iter().all(|(id, event)| again[id] == *event));
}

const CALLS: &str = "\
Call Id;Agent;Date;Time;Topic;Answered (Y/N);Resolved;Speed of answer in seconds;AvgTalkDuration;Satisfaction rating;Calls Answered (Y);Total Calls Resolved\r
ID1;Diane;01.02.2021;0.38400462962963;Contract related;Y;Y;109;12:02:23 AM;3;Y;4054\r
ID2;Dan;28.02.2021;0.75;Streaming;N;N;;;;N;\r
ID3;Dan;28.02.2021;1.5;Streaming;N;N;;;;N;\r
ID4;Dan;02/28/2021;0.5;Streaming;N;N;;;;N;\r
ID5;Dan;28.02.2021;0.5;Streaming;Y;N;3;02:23;;Y;\r
ID6;Dan;28.02.2021;0.999999;Streaming;N;N;;;;N;\r
ID7;Dan;30.02.2021;0.5;Streaming;N;N;;;;N;\r
ID8;Dan;28.02.2021;0.5;Streaming;Y;N;3;1:00:01 PM;;Y;\r
";

#[tokio::test]
async fn the_calls_map_reads_fractions_of_days_and_odd_durations() {
    let place = Place::new();
    let map = example("calls.jq");
    let summary = place.import("calls.csv", CALLS, Some(&map), &[]).await.unwrap();
    assert_eq!((summary.rows, summary.accepted, summary.rejected), (8, 3, 5));
    let events = place.events();
    let data =
        json!({ "rep": "Diane", "purpose": "service", "outcome": "connected", "started_at": "2021-02-01T09:12:58Z", "duration_s": 143 });
    assert_eq!((&events["ID1"]["data"], &events["ID1"]["occurred_at"]), (&data, &json!("2021-02-01T09:12:58Z")));
    assert_eq!(events["ID2"]["data"]["started_at"], "2021-02-28T18:00:00Z");
    assert_eq!(events["ID2"]["data"]["outcome"], "no_answer");
    assert_eq!(events["ID8"]["data"]["duration_s"], 13 * 3600 + 1);
    let rejected: Vec<_> = place.rejected("calls.csv").iter().map(|row| row["content"]["Call Id"].clone()).collect();
    assert_eq!(rejected, ["ID3", "ID4", "ID5", "ID6", "ID7"]);

    place.import("calls.csv", CALLS, Some(&map), &["zone_offset=+05:30", "direction=inbound"]).await.unwrap();
    let event = &place.events()["ID1"];
    assert_eq!((&event["data"]["started_at"], &event["data"]["direction"]), (&json!("2021-02-01T03:42:58Z"), &json!("inbound")));
}
