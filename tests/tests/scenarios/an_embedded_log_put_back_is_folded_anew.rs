//! The tables of the embedded log are put back to Monday's beside Tuesday's store, and emptied: no number is shown that they don't hold.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use onpace_tests::compare::compare_all;
use onpace_tests::floor::{Torture, outcome};
use onpace_tests::onpace::{Onpace, bare, run};
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;
use rusqlite::Connection;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(240);
const TABLES: [&str; 3] = ["event_log", "event_partition", "event_message"];

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn onpace(&self) -> Onpace {
        Onpace::embedded(&self.data()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn tool(&self) -> Connection {
        Connection::open(self.data().join("onpace.db")).expect("the file")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = bare(name);
        command.arg("--data").arg(self.data());
        command
    }

    fn import(&self, name: &str, events: &[Value]) {
        let file = self.folder.path().join(format!("{name}.ndjson"));
        std::fs::write(&file, events.iter().map(|event| format!("{event}\n")).collect::<String>()).expect("a file of events");
        self.onpace().import(&file).unwrap_or_else(|error| panic!("{error}"));
    }

    fn put_back(&self, copy: &Path) {
        let tool = self.tool();
        tool.execute("ATTACH ?1 AS monday", [copy.to_str().expect("a path")]).expect("the copy");
        let back = TABLES.map(|table| format!("DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM monday.{table};")).concat();
        tool.execute_batch(&format!("BEGIN; {back} COMMIT;")).expect("the tables put back");
    }

    fn assert_equals_oracle(&self, torture: &Torture) {
        compare_all(&self.onpace(), &torture.events, &torture.moments).unwrap_or_else(|difference| panic!("{difference}"));
    }

    fn assert_refused(&self, up: &Serving) {
        wait_until("it is said", LIMIT, || up.metric_sum("onpace_log_replaced").is_some_and(|sum| sum >= 1.0));
        for path in ["/readyz", "/v1/kpis"] {
            wait_until(path, LIMIT, || {
                let answer = up.get(path);
                answer.status == 503 && answer.body.contains("onpace rebuild")
            });
        }
        assert!(!up.get("/metrics").body.contains("onpace_calls_made{"), "a number is shown");
        for name in ["kpis", "check"] {
            let (done, text) = outcome(self.command(name));
            assert!(!done && text.contains("onpace rebuild"), "{name}: {text}");
        }
    }
}

#[test]
fn an_embedded_log_put_back_is_folded_anew() {
    let (monday, tuesday, other) = (Torture::new(1_600, 1), Torture::new(1_650, 1), Torture::new(1_700, 4));
    let place = Place { folder: tempfile::tempdir().expect("a temporary folder") };
    place.import("monday", &monday.delivered);
    place.assert_equals_oracle(&monday);
    let copy = place.folder.path().join("monday.db");
    place.tool().execute("VACUUM INTO ?1", [copy.to_str().expect("a path")]).expect("a copy");
    place.import("tuesday", &tuesday.delivered);
    let up = Serving::start(place.command("up"), place.folder.path(), "up");
    up.ready(LIMIT);

    place.put_back(&copy);
    place.assert_refused(&up);
    place.import("other", &other.delivered);
    up.ready(LIMIT);
    let held = Torture { events: [monday.events, other.events].concat(), delivered: Vec::new(), moments: other.moments };
    place.assert_equals_oracle(&held);

    // Emptied: its offsets go on, and what was counted is gone.
    place.tool().execute("DELETE FROM event_message", []).expect("the log emptied");
    place.assert_refused(&up);
    drop(up);
    // Whoever decides for the log as it is begins again; its next offset is not its first, so that nothing less than a log made anew will do.
    place
        .tool()
        .execute_batch("DELETE FROM event_partition; DELETE FROM event_log; INSERT INTO event_partition VALUES (0, 0)")
        .expect("anew");
    run(&mut place.command("rebuild")).unwrap_or_else(|error| panic!("{error}"));
    place.import("tuesday again", &tuesday.delivered);
    place.assert_equals_oracle(&tuesday);
}
