//! `onpace demo` with many people: until all of its made-up past is counted it says how far that is and shows no number, and the first numbers that it shows are
//! the last. Killed meanwhile, it makes the same past up again, whole.

use std::path::Path;
use std::time::Duration;

use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(240);
const ASKED: &str = "/v1/kpis?window=all&kpi=calls_made&kpi=emails_sent&kpi=meetings_held&kpi=deals_won";

fn demo(folder: &Path, data: &Path) -> Serving {
    let mut command = bare("demo");
    // Next to nothing happens live.
    command.args(["--reps", "60", "--rate", "0.000001", "--data"]).arg(data);
    Serving::start(command, folder, "demo")
}

/// Whether it says that it isn't there yet, and how far it is; panics where it shows numbers meanwhile.
fn says_how_far(demo: &Serving) -> bool {
    let answer = demo.get(ASKED);
    if answer.status != 503 || !answer.body.contains("made up") {
        return false;
    }
    let freshness = &answer.json()["freshness"];
    assert_eq!(freshness["state"], "catching_up", "{answer:?}");
    let reason = freshness["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("three months of 60 reps: ") && reason.contains("folded"), "{reason}");
    let objectives = demo.get("/v1/objectives");
    let page = demo.get("/metrics").body;
    let ready = demo.get("/readyz");
    // All of it may have been counted since the first question; then it is read back before it is shown.
    let last = demo.get(ASKED);
    if last.status == 503 {
        assert_eq!(objectives.status, 503, "{objectives:?}");
        assert!(!page.contains("\nonpace_calls_made{"), "a number is shown");
        assert_eq!(ready.status, 503, "{ready:?}");
        assert!(ready.body.contains("three months of 60 reps") || !last.body.contains("made up"), "{ready:?}");
    }
    true
}

fn shown(demo: &Serving) -> Option<Value> {
    let answer = demo.get(ASKED);
    (answer.status == 200).then(|| answer.json()["values"].clone())
}

#[test]
fn the_demo_says_how_far_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let mut killed = demo(folder.path(), &data);
    wait_until("it says how far it is", LIMIT, || says_how_far(&killed));
    wait_until("some of it is folded", LIMIT, || !killed.get(ASKED).body.contains("; 0 of them folded"));
    let unfinished = shown(&killed).is_none();
    killed.process.kill();
    assert!(unfinished && data.join("making-up.txt").exists(), "it was killed too late to tell anything: {}", killed.process.tail());

    let again = demo(folder.path(), &data);
    wait_until("it says how far it is again", LIMIT, || says_how_far(&again));
    let mut first = None;
    wait_until("numbers are shown", LIMIT, || {
        says_how_far(&again);
        first = shown(&again);
        first.is_some()
    });
    assert!(!data.join("making-up.txt").exists(), "it is made up, and still noted as if it weren't");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(shown(&again), first, "the first numbers were not all");
    let said = again.process.output();
    assert!(said.contains("% made up") && said.contains("the numbers are whole"), "{said}");

    // Numbers are those of the whole past: it has calls on its last days too, of the same making as on its first.
    let calls = |at: &str| {
        let log = rusqlite::Connection::open(data.join("onpace.db")).expect("the log");
        let sql =
            format!("SELECT count(DISTINCT entity), count(DISTINCT substr(id, 1, 14)) FROM event WHERE kind = 'call' AND occurred_at {at}");
        log.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).expect("calls")
    };
    let days = |from: i64, to: i64| {
        let at = |days: i64| (jiff::Timestamp::now() - jiff::Span::new().hours(24 * days)).to_string();
        calls(&format!("BETWEEN '{}' AND '{}'", at(from), at(to)))
    };
    let (first_week, last_weeks) = (days(98, 91), days(14, 0));
    assert!(first_week.0 > 1_000 && last_weeks.0 > first_week.0 / 3, "{first_week:?} {last_weeks:?}");
    assert_eq!((first_week.1, last_weeks.1), (1, 1), "two pasts were made up");
}
