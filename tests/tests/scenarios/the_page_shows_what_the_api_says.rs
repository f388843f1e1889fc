//! The live page in a real browser: the numbers that stand on it are those of the API, and a name is shown as text.

use std::time::Duration;

use jiff::Timestamp;
use onpace_tests::browser::{page, text};
use onpace_tests::engine::Numbers;
use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::{Serving, midday};
use serde_json::json;

/// Enough for a number that is written with a comma.
const POSTED: usize = 1_357;
/// Reps, the first of whose names would be markup if it weren't text.
const REPS: [&str; 3] = ["<b id=\"bold\">Ann</b> & Co", "Zoé", "李雷"];

#[test]
fn the_page_shows_what_the_api_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).args(["--time-zone", midday()]);
    let up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    let now = Timestamp::now().to_string();
    let lines: String = (0..POSTED)
        .map(|n| {
            let rep = REPS[usize::from(n % 10 == 0) + usize::from(n % 100 == 0)];
            let call = json!({ "source": "test", "kind": "call", "entity": format!("c{n}"), "occurred_at": now,
                "data": { "rep": rep, "outcome": "connected", "duration_s": 60 } });
            format!("{call}\n")
        })
        .collect();
    let answer = up.post("application/x-ndjson", lines.as_bytes());
    assert_eq!((answer.status, &answer.json()["accepted"]), (202, &json!(POSTED)));
    let asked = |by: &str| Numbers(up.get(&format!("/v1/kpis?by={by}&window=today&kpi=calls_made&kpi=talk_time_s")).json());
    wait_until("every call counts", Duration::from_secs(60), || asked("company").get("calls_made", "today", None) == json!(POSTED));

    let shown = page(&format!("http://127.0.0.1:{}/", up.port), folder.path());
    let what = || format!("\nthe page shows: {}\n{}", text(&shown), up.process.tail());
    assert!(shown.contains("data-state=\"fresh\""), "it says that it is live{}", what());
    let card = shown.split("<dt>Calls</dt>").nth(1).and_then(|rest| rest.split("</div>").next());
    assert_eq!(card.map(text).as_deref(), Some("1,357 1,357 this month"), "the company's calls, today and this month{}", what());
    let table = shown.split("<tbody").nth(1).and_then(|rest| rest.split("</tbody>").next()).unwrap_or_default();
    let lines: Vec<String> = table.split("</tr>").map(text).collect();
    let reps = asked("rep");
    for rep in REPS {
        let calls = reps.get("calls_made", "today", Some(rep)).as_u64().expect("the rep's calls");
        let calls = if calls < 1_000 { calls.to_string() } else { format!("{},{:03}", calls / 1_000, calls % 1_000) };
        let line = lines.iter().find(|line| line.contains(rep));
        assert!(line.is_some_and(|line| line.contains(&format!("today {calls} this month {calls}"))), "{rep}, {calls}: {line:?}{}", what());
    }
    assert!(!shown.contains("<b id="), "a name is text, never markup{}", what());
}
