//! The same question has the same answer, and the same refusal in the same words, over HTTP, on the command line, on the page and in the
//! metrics: beside the process that serves and after it ended, on either engine. Where a command can't answer alike, it says in what it differs.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use onpace_tests::browser::{page, text};
use onpace_tests::engine::Numbers;
use onpace_tests::floor::{Floor, kafka};
use onpace_tests::onpace::bare;
use onpace_tests::servers::{Process, wait_until};
use onpace_tests::serving::Serving;
use serde_json::{Value, json};

/// A company whose days, weeks and years begin nowhere near UTC's.
const ROSTER: &str = "time_zone: Pacific/Auckland\nweek_starts: sunday\nfiscal_year_starts: july\nteams:\n  - { id: isles, name: Isles }\n  \
    - { id: north, name: Northern Isle, parent: isles }\n  - { id: paris, name: Paris }\npeople:\n  \
    - { id: marie, name: Marie Curie, identities: [\"crm:1\"], time_zone: Europe/Paris, teams: [{ team: paris }] }\n  \
    - { id: kiri, name: Kiri, teams: [{ team: north, to: 2026-01-31 }, { team: paris, from: 2026-02-01 }] }\n  \
    - { id: idle, name: Idle, teams: [{ team: isles }] }\n";
const OBJECTIVES: &str = "objectives:\n  - { id: calls, kpi: calls_made, scope: { each_rep_of: isles }, target: 9, period: month, from: 2026-01-01 }\n  \
    - { id: all, kpi: calls_made, scope: { team: paris }, target: 99, period: week, from: 2026-01-01 }\n";
/// Between midnight in Auckland, in Paris and in UTC, on a Sunday.
const AT: &str = "2026-02-01T10:30:00Z";
const LIMIT: Duration = Duration::from_secs(90);

fn events() -> Vec<Value> {
    let reps = ["crm:1", "kiri", "stranger", ""];
    let call = |n: usize| {
        // A call every nine hours, so that days, weeks, months and years of other zones hold others.
        let at = jiff::Timestamp::from_second(1_769_990_400 - 32_400 * n as i64).expect("a time");
        json!({ "source": "phone", "kind": "call", "entity": format!("c{n}"), "occurred_at": at.to_string(),
            "data": { "rep": reps[n % 4], "outcome": if n.is_multiple_of(3) { "connected" } else { "busy" }, "duration_s": n } })
    };
    let deal = |n: usize| {
        let at = jiff::Timestamp::from_second(1_769_990_400 - 111_111 * n as i64).expect("a time");
        let currency = if n.is_multiple_of(5) { "NZD" } else { "EUR" };
        let (product, status) = (["Pro", "Basic", ""][n % 3], ["won", "lost", "open"][n % 3]);
        json!({ "source": "crm", "kind": "deal", "entity": format!("d{n}"), "occurred_at": at.to_string(),
            "data": { "rep": reps[n % 4], "product": product, "stage": "offer", "status": status,
                "amount": { "value": format!("{n}.50"), "currency": currency } } })
    };
    (0..400).map(call).chain((0..90).map(deal)).collect()
}

/// Questions as pairs of a parameter and its value: what can be asked, and what must be refused.
fn questions() -> Vec<Vec<(&'static str, &'static str)>> {
    let mut all: Vec<Vec<(&str, &str)>> = vec![vec![]];
    for by in ["company", "rep", "team", "product", "origin", "stage"] {
        all.push(vec![("by", by), ("window", "today"), ("window", "week"), ("window", "year"), ("window", "last_quarter")]);
        all.push(vec![("by", by), ("team", "paris"), ("window", "all"), ("window", "month")]);
        all.push(vec![("by", by), ("team", "isles"), ("window", "90d"), ("kpi", "deals_won")]);
        all.push(vec![("by", by), ("rep", "marie"), ("window", "all")]);
        all.push(vec![("by", by), ("rep", "nobody"), ("window", "all")]);
        all.push(vec![("by", by), ("only", "Pro"), ("window", "all"), ("kpi", "deals_won")]);
        all.push(vec![("by", by), ("kpi", "calls_made"), ("window", "7d")]);
        all.push(vec![("by", by), ("period", "2025-Q2"), ("every", "month"), ("kpi", "revenue_won")]);
        all.push(vec![("by", by), ("team", "unrostered"), ("window", "all")]);
    }
    for window in
        ["1h", "24h", "7d", "30d", "90d", "365d", "45d", "8d", "0d", "48h", "yesterday", "last_week", "last_year", "mnth", "", "2026-01"]
    {
        all.push(vec![("window", window), ("by", "rep")]);
    }
    for period in ["2026", "2025", "2025-Q3", "2026-01", "2026-W05", "2026-W06", "2026-01-31", "2026-02-02", "2026-13", "2027", "today", ""]
    {
        all.push(vec![("period", period), ("by", "rep")]);
    }
    for every in ["day", "week", "month", "quarter", "year", "hour", ""] {
        all.push(vec![("every", every), ("window", "last_month"), ("kpi", "calls_made"), ("by", "rep")]);
        all.push(vec![("every", every), ("window", "all"), ("kpi", "open_deals")]);
    }
    all.push(vec![("every", "day")]);
    all.push(vec![("every", "day"), ("window", "week"), ("window", "month")]);
    for rep in ["marie", "kiri", "idle", "stranger", "unassigned", "crm:1", "Marie Curie", "mari", "", "*"] {
        all.push(vec![("rep", rep), ("window", "all")]);
        all.push(vec![("rep", rep), ("rep", "kiri"), ("window", "month"), ("kpi", "calls_made")]);
        all.push(vec![("rep", rep), ("team", "north"), ("window", "all"), ("kpi", "calls_made")]);
    }
    for team in ["isles", "north", "paris", "unrostered", "nort", "Paris", ""] {
        all.push(vec![("team", team), ("window", "all")]);
        all.push(vec![("team", team), ("team", "isles"), ("window", "week")]);
        all.push(vec![("team", team), ("by", "rep"), ("window", "year"), ("kpi", "calls_made")]);
    }
    for kpi in ["calls_made", "win_rate", "revenue_won", "call_made", "Calls made", ""] {
        all.push(vec![("kpi", kpi)]);
    }
    for currency in ["EUR", "NZD", "XXX", "eur", "euro", ""] {
        all.push(vec![("currency", currency), ("kpi", "revenue_won"), ("window", "all")]);
    }
    all
}

fn instants() -> [&'static str; 6] {
    ["2026-01-31", "2026-02-30", "2026-02-01T10:30:00", "2026-02-01T23:30:00+13:00", "yesterday", ""]
}

/// An answer on any surface: its values, or the parameter that is wrong and the words.
#[derive(Debug, PartialEq)]
enum Said {
    Values(Value),
    Refused(String, String),
}

fn over_http(sink: &Serving, path: &str, list: &str, pairs: &[(&str, &str)]) -> Said {
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let answer = sink.get(&format!("{path}?{}", query.join("&")));
    let body = answer.json();
    match answer.status {
        200 => {
            Said::Values(json!({ "at": body["at"], "zone": body["time_zone"], "configuration": body["configuration"], list: body[list] }))
        }
        400 | 422 => {
            assert!(answer.head.contains("application/problem+json"), "{answer:?}");
            let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
            Said::Refused(text("parameter"), text("detail"))
        }
        status => panic!("{pairs:?}: {status}: {body}"),
    }
}

fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn on_the_command_line(command: &str, place: &[String], list: &str, pairs: &[(&str, &str)]) -> Said {
    let mut asking = bare(command);
    asking.args(place).args(["--format", "json"]);
    for (name, value) in pairs {
        asking.arg(format!("--{name}={value}"));
    }
    let output = asking.output().expect("onpace runs");
    let said = words(&output);
    match output.status.code() {
        Some(0) => {
            assert_eq!(said, "", "{pairs:?}: it differs in nothing");
            let body: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{pairs:?}: {error}"));
            Said::Values(json!({ "at": body["at"], "zone": body["time_zone"], "configuration": body["configuration"], list: body[list] }))
        }
        Some(2) => {
            let line = said.strip_prefix("onpace: --").unwrap_or_else(|| panic!("{pairs:?}: {said}"));
            let (parameter, why) = line.split_once(": ").unwrap_or_else(|| panic!("{pairs:?}: {said}"));
            assert!(output.stdout.is_empty());
            Said::Refused(parameter.to_owned(), why.trim_end().to_owned())
        }
        // Money that no rate converts is the company's mistake, not the question's.
        Some(1) if said.contains("no rate") => Said::Refused("currency".into(), said["onpace: ".len()..].trim_end().to_owned()),
        code => panic!("{pairs:?}: {code:?}: {said}"),
    }
}

/// Everything that can be asked, on both surfaces.
fn compare(sink: &Serving, place: &[String]) {
    let (mut answered, mut refused) = (0, 0);
    let mut both = |path: &str, command: &str, list: &str, pairs: &[(&str, &str)]| {
        let (http, line) = (over_http(sink, path, list, pairs), on_the_command_line(command, place, list, pairs));
        assert!(http == line, "{command} {pairs:?}\nover HTTP {http:.400?}\non the command line {line:.400?}");
        match http {
            Said::Values(_) => answered += 1,
            Said::Refused(..) => refused += 1,
        }
    };
    for question in questions() {
        both("/v1/kpis", "kpis", "values", &[&question[..], &[("at", AT)]].concat());
    }
    for at in instants() {
        both("/v1/kpis", "kpis", "values", &[("at", at), ("by", "rep")]);
        both("/v1/objectives", "objectives", "objectives", &[("at", at)]);
    }
    for (name, value) in
        [("rep", "kiri"), ("rep", "nobody"), ("rep", "crm:1"), ("rep", ""), ("team", "paris"), ("team", "pari"), ("team", "unrostered")]
    {
        both("/v1/objectives", "objectives", "objectives", &[("at", AT), (name, value)]);
    }
    println!("{answered} answered alike, {refused} refused alike");
    assert!(answered > 80 && refused > 60, "{answered} answered, {refused} refused");
}

fn files(folder: &Path) {
    for (name, text) in [("roster.yaml", ROSTER), ("objectives.yaml", OBJECTIVES)] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

fn with_files(mut command: Command, folder: &Path) -> Command {
    command.arg("--roster").arg(folder.join("roster.yaml")).arg("--objectives").arg(folder.join("objectives.yaml"));
    command
}

fn calls_today(place: &[String]) -> (Value, String) {
    let output = bare("kpis").args(place).args(["--at", AT, "--window", "today", "--kpi", "calls_made", "--format", "json"]).output();
    let output = output.expect("onpace runs");
    assert!(output.status.success(), "{}", words(&output));
    let body: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (Numbers(body).get("calls_made", "today", None), words(&output))
}

#[test]
fn the_same_question_has_one_answer_on_the_embedded_engine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files(folder.path());
    let data = folder.path().join("data");
    let up = || {
        let mut command = with_files(bare("up"), folder.path());
        command.arg("--data").arg(&data).args(["--week-starts", "saturday", "--metric-windows", "today,all"]);
        let up = Serving::start(command, folder.path(), "up");
        up.ready(LIMIT);
        up
    };
    let serving = up();
    let lines: String = events().iter().map(|event| format!("{event}\n")).collect();
    assert_eq!(serving.post("application/x-ndjson", lines.as_bytes()).status, 202);
    let all = || serving.get("/v1/kpis?window=all&kpi=calls_made&at=2026-02-03");
    wait_until("every call counts", LIMIT, || all().status == 200 && Numbers(all().json()).get("calls_made", "all", None) == json!(400));
    let place = ["--data".to_owned(), data.display().to_string()];
    compare(&serving, &place);

    // The metrics say of everybody what the API says.
    let reps = Numbers(serving.get("/v1/kpis?by=rep&window=all&kpi=calls_made").json());
    // A series for each team that somebody was in.
    let exported = |metrics: &str, rep: &str| {
        let of = |line: &&str| line.starts_with(&format!("onpace_calls_made{{rep=\"{rep}\"")) && line.contains("window=\"all\"");
        let values = metrics.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        json!(values.sum::<u64>())
    };
    // They are of the last round, which may have been before the last event.
    let marie = reps.get("calls_made", "all", Some("marie"));
    wait_until("a round has all", LIMIT, || exported(&serving.get("/metrics").body, "marie") == marie);
    let metrics = serving.get("/metrics").body;
    for rep in ["marie", "kiri", "idle", "stranger", "unassigned"] {
        assert_eq!(exported(&metrics, rep), reps.get("calls_made", "all", Some(rep)), "{rep}");
    }

    // After it ended, its zone, week and files are remembered; a flag wins, and is told.
    let (beside, said) = calls_today(&place);
    assert_eq!(said, "");
    let mut serving = serving;
    serving.process.signal("TERM");
    assert!(serving.process.wait(LIMIT).success());
    assert_eq!(calls_today(&place), (beside.clone(), String::new()));
    let (utc, said) = calls_today(&[&place[..], &["--time-zone".into(), "UTC".into()]].concat());
    assert_ne!(utc, beside, "the test's instant tells zones apart");
    assert!(said.lines().count() == 1 && said.contains("time zone Pacific/Auckland, here UTC") && said.contains("the up on "), "{said}");
    // A file that says something else by now, one that is gone, another one.
    std::fs::write(folder.path().join("roster.yaml"), ROSTER.replace("Pacific/Auckland", "Pacific/Honolulu")).expect("a roster");
    let (_, said) = calls_today(&place);
    assert!(said.contains("roster.yaml, which says something else here"), "{said}");
    std::fs::rename(folder.path().join("roster.yaml"), folder.path().join("other.yaml")).expect("moved");
    let (there, said) = calls_today(&place);
    assert!(said.contains("the roster can't be read here") && said.contains("--roster"), "{there} {said}");
    // Nobody has a zone of his own then; the company's is remembered all the same.
    let company = ["--time-zone", "Pacific/Auckland", "--week-starts", "saturday"].map(str::to_owned);
    assert_eq!(there, calls_today(&[&place[..], &company].concat()).0);
    assert_ne!(there, utc);
    let other = folder.path().join("other.yaml").display().to_string();
    let (honolulu, said) = calls_today(&[&place[..], &["--roster".into(), other]].concat());
    assert!(honolulu != beside && said.contains("time zone Pacific/Auckland, here Pacific/Honolulu"), "{honolulu} {said}");
    files(folder.path());
    assert_eq!(calls_today(&place), (beside, String::new()));
}

#[test]
fn the_same_question_has_one_answer_on_kafka_and_redis() {
    let floor = Floor::on(kafka());
    files(floor.folder());
    floor.import("events", &events());
    floor.catch_up();
    let redis = floor.redis.url();
    let sink = |name: &str, zone: &str| {
        let mut command = with_files(bare("sink"), floor.folder());
        command.args(["--redis", &redis]);
        if !zone.is_empty() {
            command.args(["--time-zone", zone]);
        }
        let sink = Serving::start(command, floor.folder(), name);
        wait_until("it answers", LIMIT, || sink.get("/v1/kpis").status == 200);
        sink
    };
    let first = sink("sink", "");
    let place = ["--redis".to_owned(), redis.clone()];
    compare(&first, &place);

    // A second one like it is no matter; one with another zone is, and both say so.
    let check = || {
        let output =
            bare("check").args(["--kafka", floor.brokers(), "--topic", floor.topic(), "--redis", &redis]).output().expect("onpace runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let twin = sink("twin", "");
    assert_eq!(calls_today(&place).1, "");
    let (code, said) = check();
    assert!(code == Some(0) && said.contains("ok     served: the sink on"), "{said}");
    drop(twin);
    let mut other = sink("other", "Europe/Paris");
    let warned = |process: &Process| process.output().contains("serving this store with another configuration");
    wait_until("both warn", LIMIT, || warned(&first.process) && warned(&other.process));
    assert!(first.process.output().contains("time zone Europe/Paris, here Pacific/Auckland"), "{}", first.process.tail());
    let (code, said) = check();
    assert!(code == Some(1) && said.contains("wrong  served: ") && said.contains("two answers"), "{said}");
    let (_, said) = calls_today(&place);
    assert!(said.contains("the same question has two answers"), "{said}");
    // The one that goes takes its answer along.
    other.process.signal("TERM");
    assert!(other.process.wait(LIMIT).success());
    assert_eq!(calls_today(&place).1, "");
    assert_eq!(check().0, Some(0));
}

#[test]
fn a_team_in_the_pages_address_narrows_all_of_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files(folder.path());
    let mut command = with_files(bare("up"), folder.path());
    command.arg("--data").arg(folder.path().join("data"));
    let up = Serving::start(command, folder.path(), "up");
    up.ready(LIMIT);
    let now = jiff::Timestamp::now().to_string();
    let lines: String = (0..7)
        .map(|n| {
            let rep = ["crm:1", "kiri", "idle", "stranger"][n % 4];
            let call = json!({ "source": "a", "kind": "call", "entity": format!("n{n}"), "occurred_at": now, "data": { "rep": rep } });
            format!("{call}\n")
        })
        .collect();
    assert_eq!(up.post("application/x-ndjson", lines.as_bytes()).status, 202);
    let asked = |query: &str| Numbers(up.get(&format!("/v1/kpis?window=all&kpi=calls_made&{query}")).json());
    wait_until("every call counts", LIMIT, || asked("by=company").get("calls_made", "all", None) == json!(7));
    let look = |query: &str| {
        let shown = page(&format!("http://127.0.0.1:{}/{query}", up.port), folder.path());
        let card = shown.split("<dt>Calls</dt>").nth(1).and_then(|rest| rest.split("</div>").next()).map(text).unwrap_or_default();
        let table = shown.split("<tbody").nth(1).and_then(|rest| rest.split("</tbody>").next()).map(text).unwrap_or_default();
        (card, table, text(&shown))
    };
    let (card, table, _) = look("");
    assert!(
        card.contains(" 7 this month") && ["Marie Curie", "Kiri", "Idle", "stranger"].iter().all(|rep| table.contains(rep)),
        "{card} {table}"
    );
    let (card, table, all) = look("?team=paris");
    assert!(card.contains(" 4 this month") && table.contains("Marie Curie") && table.contains("Kiri"), "{card} {table}");
    assert!(!table.contains("Idle") && !table.contains("stranger"), "{table}");
    assert!(all.contains("Paris"), "whose numbers these are is said: {all}");
    let (card, table, _) = look("?rep=marie");
    assert!(card.contains(" 2 this month") && table.contains("Marie Curie") && !table.contains("Kiri"), "{card} {table}");
    let (_, _, all) = look("?team=nowhere");
    assert!(all.contains("there is no team `nowhere`"), "an unknown team is said: {all}");
}
