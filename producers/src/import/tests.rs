//! Whole files into a log: what is taken, what is refused, what the summary says.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use onpace_schemas::avro;
use serde_json::json;

use super::*;
use crate::log::memory::MemoryLog;
use crate::log::{LogError, Route};

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
        self.import_with(ImportSettings { map: map.map(PathBuf::from), arguments, ..settings(file) }).await
    }

    async fn import_with(&self, settings: ImportSettings) -> Result<Summary, ImportError> {
        let log: Option<Arc<dyn EventLog>> = if settings.dry_run { None } else { Some(Arc::new(self.log.clone())) };
        import(settings, log, ProgressBar::hidden(), CancellationToken::new()).await
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

    /// Every event of the log as JSON, by entity, the same ones once, in the order in which they came.
    fn said(&self) -> BTreeMap<String, Vec<Value>> {
        let mut said: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        self.log
            .scan(&self.log.ends().unwrap(), &mut |message| {
                let read = avro::read(message.value);
                if matches!(read, Err(avro::Unreadable::Schema(_))) {
                    return true;
                }
                if let avro::Message::Event(event) = read.unwrap() {
                    let of_entity = said.entry(event.entity.to_string()).or_default();
                    let event = json::write(&event);
                    if !of_entity.contains(&event) {
                        of_entity.push(event);
                    }
                }
                true
            })
            .unwrap();
        said
    }

    fn rejected(&self, name: &str) -> Vec<Value> {
        let path = self.folder.path().join(format!("{name}.rejected.ndjson"));
        std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The import of a file of NDJSON, exported at NOW.
fn settings(file: PathBuf) -> ImportSettings {
    ImportSettings {
        file,
        layout: Layout::default(),
        map: None,
        arguments: vec![],
        as_of: Some(NOW),
        complete: None,
        dry_run: false,
        words: Arc::default(),
        worker: None,
        now: || NOW,
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
    assert_eq!((summary.rows, summary.accepted, summary.skipped, summary.rejected, summary.events), (12_002, 11_998, 0, 4, 11_998));
    assert_eq!(summary.rejected_file, rejected_file);
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
    let stop = CancellationToken::new();
    let log = Some(Arc::new(Interrupted { log: place.log.clone(), stop: stop.clone() }) as Arc<dyn EventLog>);
    let stopped = import(settings(file), log, ProgressBar::hidden(), stop).await.unwrap_err();
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
        ("a.xlsx", "", Some(map.as_str()), "is no .xlsx"),
        ("a.pdf", "", Some(map.as_str()), "must end in .ndjson"),
        ("a.ods", "", Some(map.as_str()), "save the file as one"),
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
    assert!(parse_argument("as_of=x").unwrap_err().contains("--as-of INSTANT"));
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
    assert_eq!((summary.rows, summary.accepted, summary.rejected, summary.events), (6, 3, 3, 6));
    let events = place.said();
    let won = &events["pipeline:A1"][0];
    assert_eq!((&won["occurred_at"], &won["source"]), (&json!("1970-01-01T00:00:00Z"), &json!("crm")));
    let data = json!({
        "rep": "Zoé Martin", "account": "Cancity", "product": "GTX Pro", "status": "won", "amount": { "value": "1054.00", "currency": "USD" },
        "created_at": "2016-10-20", "closed_at": "2017-03-01",
    });
    assert_eq!(won["data"], data);
    let open = &events["pipeline:A2"][0]["data"];
    assert_eq!(
        (&open["status"], &open["account"], &open["closed_at"], &open["amount"]),
        (&json!("open"), &json!(null), &json!(null), &json!(null))
    );
    let stage = &events["pipeline:A2"][1];
    assert_eq!(
        (&stage["data"], &stage["occurred_at"]),
        (&json!({ "stage": "Engaging" }), &json!("2026-03-02T09:10:00Z")),
        "as of the export"
    );
    let reasons: Vec<_> =
        place.rejected("pipeline.csv").iter().map(|row| format!("{} {}", row["content"]["opportunity_id"], row["reason"])).collect();
    assert!(reasons[0].contains("A4") && reasons[0].contains("--arg undated="), "{reasons:?}");
    assert!(reasons[1].contains("A5") && reasons[1].contains("Dormant"), "{reasons:?}");
    assert!(reasons[2].contains("A6") && reasons[2].contains("column `close_date`: `02/01/2017` is not written year first"), "{reasons:?}");

    // Again, and with a date of the user's choice.
    let summary = place.import("pipeline.csv", PIPELINE, Some(&map), &["undated=2017-12-31"]).await.unwrap();
    assert_eq!((summary.accepted, summary.rejected, summary.events), (4, 2, 8));
    let again = place.said();
    assert_eq!(again["pipeline:A4"][0]["data"]["created_at"], "2017-12-31");
    assert!(events.iter().all(|(entity, said)| again[entity] == *said), "the same rows make the same events");
}

const CALLS: &str = "\
Call Id;Agent;Date;Time;Topic;Answered (Y/N);Resolved;Speed of answer in seconds;AvgTalkDuration;Satisfaction rating;Calls Answered (Y);Total Calls Resolved\r
ID1;Diane;01.02.2021;0.38400462962963;Contract related;Y;Y;109;12:02:23 AM;3;Y;4054\r
ID2;Dan;28.02.2021;0.75;Streaming;N;N;;;;N;\r
ID3;Dan;28.02.2021;1.5;Streaming;N;N;;;;N;\r
ID4;Dan;02/28/2021;0.5;Streaming;N;N;;;;N;\r
ID5;Dan;28.02.2021;0.5;Streaming;Y;N;3;02:23;;Y;\r
ID6;Dan;28.02.2021;0.999999999;Streaming;N;N;;;;N;\r
ID7;Dan;30.02.2021;0.5;Streaming;N;N;;;;N;\r
ID8;Dan;28.02.2021;0.5;Streaming;Y;N;3;1:00:01 PM;;Y;\r
";

#[tokio::test]
async fn the_calls_map_reads_fractions_of_days_and_odd_durations() {
    let place = Place::new();
    let map = example("calls.jq");
    let summary = place.import("calls.csv", CALLS, Some(&map), &[]).await.unwrap();
    assert_eq!((summary.rows, summary.accepted, summary.rejected), (8, 3, 5));
    let events = place.said();
    let data = |id: &str| events[&format!("calls:{id}")][0]["data"].clone();
    let first = json!({
        "rep": "Diane", "purpose": "service", "outcome": "connected", "started_at": "2021-02-01T09:12:58Z", "duration_s": 143, "direction": null,
    });
    assert_eq!(data("ID1"), first);
    assert_eq!((&data("ID2")["started_at"], &data("ID2")["outcome"]), (&json!("2021-02-28T18:00:00Z"), &json!("no_answer")));
    assert_eq!(data("ID8")["duration_s"], 13 * 3600 + 1);
    let rejected: Vec<_> = place.rejected("calls.csv").iter().map(|row| row["content"]["Call Id"].clone()).collect();
    assert_eq!(rejected, ["ID3", "ID4", "ID5", "ID6", "ID7"]);

    place.import("calls.csv", CALLS, Some(&map), &["zone=Asia/Kolkata", "direction=inbound"]).await.unwrap();
    let said = &place.said()["calls:ID1"];
    let event = said.iter().find(|event| event["data"]["direction"] == "inbound").unwrap();
    assert_eq!(event["data"]["started_at"], "2021-02-01T03:42:58Z");
}

#[tokio::test]
async fn a_dry_run_tells_all_and_writes_nothing() {
    let place = Place::new();
    let file = place.folder.path().join("pipeline.csv");
    std::fs::write(&file, PIPELINE).unwrap();
    let settings = ImportSettings { map: Some(example("pipeline.jq").into()), dry_run: true, ..settings(file) };
    let summary = place.import_with(settings).await.unwrap();
    assert_eq!((summary.rows, summary.accepted, summary.rejected, summary.events), (6, 3, 3, 6));
    assert_eq!(summary.shown.len(), 5);
    assert!(summary.shown[0].contains("\"pipeline:A1\"") && summary.refusals[0].starts_with("row 4: the row has no engage_date"));
    assert_eq!(place.log.ends().unwrap().iter().sum::<i64>(), 0);
    assert!(!place.folder.path().join("pipeline.csv.rejected.ndjson").exists());
}

#[tokio::test]
async fn a_column_that_the_file_lacks_ends_the_import_before_its_first_row() {
    let place = Place::new();
    let map = place.map("{id: .id, source: \"s\", kind: \"call\", entity: .id, data: {rep: .Rep}}");
    let error = place.import("x.csv", "id,rep\n1,Ben\n", Some(&map), &[]).await.unwrap_err().to_string();
    assert!(error.contains("line 1, column 64: the file has no column `Rep`; did you mean `rep`?"), "{error}");
    assert_eq!(place.log.ends().unwrap().iter().sum::<i64>(), 0);
}

#[tokio::test]
async fn what_looks_wrong_of_a_file_is_told_in_its_summary() {
    let place = Place::new();
    let map = place.map("{source: \"s\", kind: \"call\", entity: \"c:\\(.id)\", occurred_at: .at, data: {rep: .rep, outcome: .outcome}}");
    let csv = "id,rep,outcome,at\n1,Ben,Connected,2026-03-01T09:00:00Z\n,ben,connected,2026-03-01T09:00:00Z\n,Ben,connected,2026-03-02T09:12:00Z\n";
    let file = place.folder.path().join("x.csv");
    std::fs::write(&file, csv).unwrap();
    let words = Arc::new([((onpace_schemas::Kind::CALL, "outcome"), vec!["connected".to_owned()])].into_iter().collect());
    let summary = place.import_with(ImportSettings { map: Some(map.into()), words, ..settings(file) }).await.unwrap();
    let told: Vec<_> = summary.doubts.iter().map(|doubt| (doubt.what.name(), doubt.count)).collect();
    assert_eq!(
        told,
        [("repeated_entity", 2), ("unnamed_entity", 2), ("nearly_known", 1), ("alike_reps", 3), ("after_export", 1)],
        "{:?}",
        summary.doubts
    );
}

#[tokio::test]
async fn tables_of_every_form_are_the_same_rows() {
    let place = Place::new();
    let map = place.map("{source: \"s\", kind: \"call\", entity: .id, data: {rep: .rep}}");
    let gz = |plain: &[u8]| {
        let mut into = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut into, plain).unwrap();
        into.finish().unwrap()
    };
    let utf16: Vec<u8> = "\u{feff}id\trep\r\n1\tZoé\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let delimited = |bytes: &[u8]| bytes.to_vec();
    let columns = Layout { columns: Some(vec!["id".into(), "rep".into()]), ..Layout::default() };
    let windows = Layout { encoding: Some("windows-1252".into()), ..Layout::default() };
    let blank = Layout { delimiter: Some(b' '), ..Layout::default() };
    let long = format!("{}.csv", "x".repeat(250));
    let forms = [
        ("a.csv", delimited("sep=;\nid;rep\n1;Zoé\n;\n".as_bytes()), Layout::default()),
        ("b.csv.gz", gz("id|rep\n1|Zoé\n".as_bytes()), Layout::default()),
        ("c.txt", utf16, Layout::default()),
        ("d.csv", delimited(b"id,rep\n1,Zo\xE9\n"), windows),
        ("e.csv", delimited("1,Zoé\n".as_bytes()), columns),
        ("f.txt", delimited("id  rep\n1   Zoé\n".as_bytes()), blank),
        (long.as_str(), delimited("id,rep\n1,Zoé\n".as_bytes()), Layout::default()),
    ];
    let mut all = Vec::new();
    for (name, content, layout) in forms {
        let path = place.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        all.push((path, layout));
    }
    let sheet = place.folder.path().join("g.xlsx");
    let row = |n: u32, a: &str, b: &str| {
        format!(
            "<row r=\"{n}\"><c r=\"A{n}\" t=\"inlineStr\"><is><t>{a}</t></is></c><c r=\"B{n}\" t=\"inlineStr\"><is><t>{b}</t></is></c></row>"
        )
    };
    super::file::workbook(&sheet, false, &[("One", &(row(1, "id", "rep") + &row(2, "1", "Zoé")))]);
    all.push((sheet, Layout::default()));
    for (path, layout) in all {
        let summary = place.import_with(ImportSettings { map: Some(map.clone().into()), layout, ..settings(path.clone()) }).await.unwrap();
        assert_eq!((summary.rows, summary.accepted, summary.rejected), (1, 1, 0), "{}", path.display());
    }
    let said = place.said();
    assert_eq!(
        (said.len(), said["1"].len(), &said["1"][0]["data"]["rep"]),
        (1, 1, &json!("Zoé")),
        "one event, whatever the file: {said:?}"
    );

    // What is said of a file that can't be said of such a one.
    let path = place.folder.path().join("a.csv");
    let layout = Layout { sheet: Some("One".into()), ..Layout::default() };
    let error = place.import_with(ImportSettings { map: Some(map.into()), layout, ..settings(path) }).await.unwrap_err();
    assert!(error.to_string().contains("--sheet says nothing of such a file"), "{error}");
}

/// Every example of `docs/importing.md`: a program, and what it makes or why it refuses.
#[test]
fn the_examples_of_the_docs_are_true() {
    let page = std::fs::read_to_string(format!("{}/../docs/importing.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let as_of = onpace_schemas::time::parse_instant("2026-03-06T17:00:00Z").unwrap();
    let mut examples = 0;
    for block in page.split("```jq\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        for example in block.split("\n\n").filter(|example| !example.trim().is_empty()) {
            let (code, results): (Vec<&str>, Vec<&str>) = example.lines().partition(|line| !line.starts_with("#=>"));
            let results: Vec<&str> = results.iter().map(|line| line.trim_start_matches("#=>").trim()).collect();
            assert!(!results.is_empty(), "no result stands under {example}");
            let program = Program { code: code.join("\n"), file: "f.csv".into(), as_of, arguments: vec![] };
            let map = Map::compile(&program).unwrap_or_else(|error| panic!("{example}\n{error}"));
            match (map.run(&Arc::from(Vec::<String>::new()), &[]), results.as_slice()) {
                (Ok(made), results) => assert_eq!(made, results, "{example}"),
                (Err(error), [refusal]) => {
                    let said = refusal.strip_prefix("! ").unwrap_or_else(|| panic!("{example}\n{error}"));
                    assert!(error.contains(said), "{example}\n{error}");
                }
                (Err(error), _) => panic!("{example}\n{error}"),
            }
            examples += 1;
        }
    }
    assert!(examples >= 25, "{examples}");
    // Every function is shown.
    let shown: String = page.split("```jq\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let words: std::collections::BTreeSet<&str> = shown.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for function in map::functions_beside_jq() {
        assert!(words.contains(function), "{function}");
    }
}

/// A deal's export: `id,amount` a row.
const DEALS: &str = r#"{source: "crm", kind: "deal", entity: .id, occurred_at: always, data: {amount: {value: .amount, currency: "EUR"}}}"#;

impl Place {
    /// Imports an export of a day of March as complete.
    async fn complete(&self, day: u32, rows: &str, yes: bool) -> Result<Summary, ImportError> {
        let map = self.map(DEALS);
        let file = self.folder.path().join("deals.csv");
        std::fs::write(&file, format!("id,amount\n{rows}")).unwrap();
        let complete = Some(Complete { kind: onpace_schemas::Kind::DEAL, whatever_is_gone: yes });
        self.import_with(ImportSettings { map: Some(map.into()), as_of: Some(march(day)), complete, now: || march(31), ..settings(file) })
            .await
    }

    /// Which deals there are, by the contract: of an entity's words on its deletion the one of the greatest (instant, saying, value).
    fn deals(&self) -> Vec<String> {
        let word = |event: &Value| {
            let instant = |name: &str| event[name].as_str().map(|text| onpace_schemas::time::parse_instant(text).unwrap());
            let at = instant("occurred_at").unwrap();
            let said = instant("said_at").unwrap_or(at);
            event["deleted"].as_bool().map(|deleted| (at, said, deleted))
        };
        let alive = |events: &[Value]| !events.iter().filter_map(word).max().is_some_and(|(.., deleted)| deleted);
        self.said().into_iter().filter(|(_, events)| alive(events)).map(|(entity, _)| entity).collect()
    }
}

const fn march(day: u32) -> i64 {
    1_772_323_200_000_000 + (day as i64 - 1) * 86_400_000_000
}

#[tokio::test]
async fn what_a_complete_export_no_longer_has_is_deleted_in_any_order_of_import() {
    let (monday, wednesday, friday) = ((2, "a,1\nb,1\nc,1\n"), (4, "a,2\nc,2\nd,2\n"), (6, "b,3\nd,3\n"));
    for order in [[monday, wednesday, friday], [friday, monday, wednesday], [wednesday, friday, monday], [friday, wednesday, monday]] {
        let place = Place::new();
        for _twice in 0..2 {
            for (day, rows) in order {
                place.complete(day, rows, true).await.unwrap();
            }
            assert_eq!(place.deals(), ["b", "d"], "{order:?}");
        }
    }
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_not_taken_for_nothing() {
    let place = Place::new();
    place.complete(2, "a,1\nb,1\n", false).await.unwrap();
    let value = b"\xC3\x01newer...what only it knows".to_vec();
    place.log.append(vec![Entry { route: Route::Partition(0), value }]).await.unwrap();
    let error = place.complete(3, "a,1\n", false).await.unwrap_err().to_string();
    assert!(error.contains("nothing is deleted") && error.contains("upgrade onpace"), "{error}");
    assert_eq!(place.deals(), ["a", "b"]);
    place.complete(3, "a,1\n", true).await.unwrap();
    assert_eq!(place.deals(), ["a"]);
}

#[tokio::test]
async fn more_than_a_tenth_gone_is_not_believed_and_refused_rows_delete_nothing() {
    let place = Place::new();
    let rows = |range: std::ops::Range<u32>| range.map(|n| format!("d{n:02},1\n")).collect::<String>();
    place.complete(2, &rows(0..20), false).await.unwrap();
    let summary = place.complete(3, &rows(2..20), false).await.unwrap();
    assert_eq!(summary.gone, Some(Gone { deleted: 2, restored: 0, of: 20, too_many: false, refused: false }));
    let error = place.complete(4, &rows(5..20), false).await.unwrap_err().to_string();
    assert!(error.contains("3 of 18 deals that earlier exports had are not in this one") && error.contains("--yes"), "{error}");
    assert_eq!(place.deals().len(), 18);
    let summary = place.complete(5, &(rows(10..20) + "x,one\n"), true).await.unwrap();
    assert_eq!((summary.gone, place.deals().len()), (Some(Gone { refused: true, ..Gone::default() }), 18));
    let summary = place.complete(6, &rows(0..19), false).await.unwrap();
    assert_eq!(summary.gone, Some(Gone { deleted: 1, restored: 2, of: 18, too_many: false, refused: false }));
    // The same export through a map that was mended names them otherwise.
    let renamed = rows(0..19).replace('d', "e");
    place.complete(6, &renamed, true).await.unwrap();
    assert!(place.deals().iter().all(|deal| deal.starts_with('e')), "{:?}", place.deals());
    place.complete(6, &rows(0..19), true).await.unwrap();
    assert!(place.deals().iter().all(|deal| deal.starts_with('d')), "{:?}", place.deals());
    let error = place.complete(7, "", true).await.unwrap_err().to_string();
    assert!(error.contains("the file has no deal"), "{error}");
}
