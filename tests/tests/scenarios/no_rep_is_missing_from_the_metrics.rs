//! Whatever the number of reps: what `/metrics` has of a KPI and window adds up to what the API says of the company, and each rep's row is the
//! API's. Where there are too many series whole windows go, and it is said; never some of the reps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use onpace_tests::monitoring::{Prometheus, Version, promtool_is_content};
use onpace_tests::onpace::{bare, run};
use onpace_tests::scraped::Scraped;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::{Serving, midday};
use serde_json::{Value, json};

const CURRENCIES: [&str; 3] = ["EUR", "JPY", "USD"];
/// What adds up, by its name in the API and on the page.
const KPIS: [(&str, &str); 8] = [
    ("calls_made", "onpace_calls_made"),
    ("talk_time_s", "onpace_talk_time_seconds"),
    ("deals_created", "onpace_deals_created"),
    ("deals_won", "onpace_deals_won"),
    ("deals_won_valued", "onpace_deals_won_valued"),
    ("revenue_won", "onpace_revenue_won"),
    ("open_deals", "onpace_open_deals"),
    ("open_pipeline", "onpace_open_pipeline"),
];
const LIMIT: Duration = Duration::from_secs(300);

struct Floor {
    up: Serving,
    reps: usize,
    folder: tempfile::TempDir,
}

/// So many reps, each with a call and a deal won in each of three currencies, an open one, and as much a year ago.
fn events(reps: usize) -> Vec<String> {
    let now = Timestamp::now();
    let before = now.checked_sub((366 * 24).hours()).expect("a year ago");
    let mut posts = Vec::new();
    let mut lines = String::new();
    for rep in 0..reps {
        for (when, at) in [("now", now), ("then", before)] {
            let mut say = |kind: &str, nth: &str, data: Value| {
                let event = json!({ "source": "test", "kind": kind, "entity": format!("{kind}-{rep}-{when}-{nth}"), "occurred_at": at.to_string(), "data": data });
                writeln!(lines, "{event}").expect("a line");
            };
            let name = format!("rep-{rep:04}");
            say("call", "", json!({ "rep": name, "outcome": "connected", "duration_s": 60 + rep }));
            for (nth, currency) in CURRENCIES.iter().enumerate() {
                let amount = json!({ "value": format!("{}", 100 + rep + nth), "currency": currency });
                say(
                    "deal",
                    currency,
                    json!({ "rep": name, "status": "won", "stage": format!("stage {}", rep % 6), "product": format!("product {nth}"), "amount": amount }),
                );
            }
            say("deal", "open", json!({ "rep": name, "amount": { "value": "7", "currency": CURRENCIES[rep % 3] } }));
        }
        if lines.len() > 4 << 20 || rep + 1 == reps {
            posts.push(std::mem::take(&mut lines));
        }
    }
    posts
}

impl Floor {
    /// A floor on which everything posted is counted.
    fn of(reps: usize, arguments: &[&str], roster: Option<&str>) -> Floor {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = bare("up");
        command.arg("--data").arg(folder.path().join("data")).args(["--time-zone", midday()]).args(arguments);
        if let Some(roster) = roster {
            let file = folder.path().join("roster.yaml");
            std::fs::write(&file, roster).expect("the roster");
            command.arg("--roster").arg(file);
        }
        let mut up = Serving::start(command, folder.path(), "up");
        wait_until("it is ready", LIMIT, || {
            assert!(up.process.ended().is_none(), "{}", up.process.tail());
            up.get("/readyz").status == 200
        });
        for lines in events(reps) {
            assert_eq!(up.post("application/x-ndjson", lines.as_bytes()).status, 202);
        }
        let floor = Floor { up, reps, folder };
        wait_until("everything is counted", LIMIT, || {
            let all = floor.api("company", "kpi=calls_made&kpi=deals_created&window=all");
            all.get(&("calls_made".into(), "all".into(), String::new(), String::new())) == Some(&(2 * reps as i64 * 100))
                && all.get(&("deals_created".into(), "all".into(), String::new(), String::new())) == Some(&(8 * reps as i64 * 100))
        });
        floor
    }

    fn page(&self) -> Scraped {
        let answer = self.up.get("/metrics");
        assert_eq!(answer.status, 200);
        Scraped::read(&answer.body)
    }

    /// The API's values in hundredths, by KPI, window, currency and rep.
    fn api(&self, by: &str, query: &str) -> BTreeMap<(String, String, String, String), i64> {
        let answer = self.up.get(&format!("/v1/kpis?by={by}&{query}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        let rows = body["values"].as_array().expect("values").iter();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        rows.filter_map(|row| {
            let value: f64 = match &row["value"] {
                Value::String(text) => text.parse().ok()?,
                value => value.as_f64()?,
            };
            let key = (text(row, "kpi"), text(row, "window"), text(row, "currency"), text(row, "rep"));
            Some((key, (value * 100.0).round() as i64))
        })
        .collect()
    }

    /// Holds the page against the API; the windows that it has by rep.
    fn is_right(&self) -> BTreeSet<String> {
        let wanted =
            |page: &Scraped| page.sums("onpace_calls_made", &["window"]).get(&vec!["today".to_owned()]) == Some(&(self.reps as i64 * 100));
        wait_until("the page has everybody's calls", LIMIT, || wanted(&self.page()));
        let page = self.page();
        let windows: BTreeSet<String> = page.of("onpace_calls_made").map(|sample| sample.label("window").to_owned()).collect();
        let query: String =
            windows.iter().map(|window| format!("&window={window}")).chain(KPIS.map(|(kpi, _)| format!("&kpi={kpi}"))).collect();
        let company = self.api("company", &query);
        let of_api = |kpi: &str| -> BTreeMap<Vec<String>, i64> {
            let rows = company.iter().filter(|((name, ..), value)| name == kpi && **value != 0);
            rows.map(|((_, window, currency, _), value)| (vec![window.clone(), currency.clone()], *value)).collect()
        };
        for (kpi, metric) in KPIS {
            let of_page: BTreeMap<Vec<String>, i64> =
                page.sums(metric, &["window", "currency"]).into_iter().filter(|(_, sum)| *sum != 0).collect();
            assert!(!of_page.is_empty(), "{metric}");
            assert_eq!(of_page, of_api(kpi), "{metric} of {} reps", self.reps);
        }
        for (kpi, metric) in KPIS {
            let above = page.sums(&metric.replacen("onpace_", "onpace_company_", 1), &["window", "currency"]);
            for (key, value) in of_api(kpi) {
                assert_eq!(above.get(&key), Some(&value), "the company's {metric}, {key:?}");
            }
        }
        windows
    }

    /// Each rep's row is the API's.
    fn each_is_right(&self) {
        let page = self.page();
        let reps = self.api("rep", "window=today&window=year&kpi=revenue_won");
        let mut compared = 0;
        for sample in page.of("onpace_revenue_won").filter(|sample| ["today", "year"].contains(&sample.label("window"))) {
            let key = ("revenue_won".into(), sample.label("window").into(), sample.label("currency").into(), sample.label("rep").into());
            assert_eq!(Some(&((sample.value * 100.0).round() as i64)), reps.get(&key), "{key:?}");
            compared += 1;
        }
        assert!(compared >= 3 * self.reps, "{compared} rows");
    }
}

const USUAL: [&str; 10] =
    ["last_month", "last_quarter", "last_week", "last_year", "month", "quarter", "today", "week", "year", "yesterday"];

fn usual() -> BTreeSet<String> {
    USUAL.map(str::to_owned).into()
}

fn roster(reps: usize, teams: usize) -> String {
    let teams_of = |number: usize| number % teams;
    let list: String = (0..teams).map(|team| format!("  - {{ id: team-{team} }}\n")).collect();
    let people: String =
        (0..reps).map(|rep| format!("  - {{ id: rep-{rep:04}, teams: [{{ team: team-{} }}] }}\n", teams_of(rep))).collect();
    format!("time_zone: {}\nteams:\n{list}people:\n{people}", midday())
}

#[test]
fn with_12_reps() {
    let floor = Floor::of(12, &[], None);
    assert_eq!(floor.is_right(), usual());
    floor.each_is_right();
    promtool_is_content(&floor.up.get("/metrics").body);
    assert_eq!(floor.page().value("onpace_metrics_whole"), Some(1.0));
}

#[test]
fn with_100_reps() {
    let floor = Floor::of(100, &[], None);
    assert_eq!(floor.is_right(), usual());
    floor.each_is_right();
}

#[test]
fn with_500_reps_in_three_currencies_prometheus_has_everybody() {
    let floor = Floor::of(500, &[], Some(&roster(500, 10)));
    assert_eq!(floor.is_right(), usual());
    floor.each_is_right();
    assert_eq!(floor.page().value("onpace_metrics_whole"), Some(1.0));
    let scrape = format!(
        "global: {{ scrape_interval: 5s, scrape_timeout: 5s }}\nscrape_configs:\n  - job_name: onpace\n    static_configs: [{{ targets: ['127.0.0.1:{}'] }}]\n",
        floor.up.port
    );
    let prometheus = Prometheus::start(Version::Newest, floor.folder.path(), &scrape, &[]);
    wait_until("Prometheus has scraped", LIMIT, || prometheus.value("count(onpace_calls_made{window=\"today\"})") == Some(500.0));
    let query: String = USUAL.iter().map(|window| format!("&window={window}")).chain(KPIS.map(|(kpi, _)| format!("&kpi={kpi}"))).collect();
    for ((kpi, window, currency, _), value) in floor.api("company", &query).into_iter().filter(|(_, value)| *value != 0) {
        let metric = KPIS.iter().find(|(name, _)| *name == kpi).expect("it was asked for").1;
        let query = format!("sum({metric}{{window=\"{window}\",currency=\"{currency}\"}})");
        assert_eq!(prometheus.value(&query).map(|sum| (sum * 100.0).round() as i64), Some(value), "{query}");
        let query = format!("sum(sum by (team) ({metric}{{window=\"{window}\",currency=\"{currency}\"}}))");
        assert_eq!(prometheus.value(&query).map(|sum| (sum * 100.0).round() as i64), Some(value), "{query}");
    }
}

#[test]
fn with_2000_reps_whole_windows_go_and_it_is_said() {
    let floor = Floor::of(2_000, &[], Some(&roster(2_000, 20)));
    let windows = floor.is_right();
    assert!(windows.contains("today") && windows.len() < USUAL.len() && windows.is_subset(&usual()), "{windows:?}");
    let page = floor.page();
    for (_, metric) in KPIS {
        let mut reps: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for sample in page.of(metric) {
            reps.entry(sample.label("window").to_owned()).or_default().insert(sample.label("rep").to_owned());
        }
        assert_eq!(reps.keys().cloned().collect::<BTreeSet<_>>(), windows, "{metric}");
        assert!(reps.values().all(|reps| reps.len() == 2_000), "{metric}: {:?}", reps.values().map(BTreeSet::len).collect::<Vec<_>>());
    }
    assert_eq!(page.value("onpace_metrics_whole"), Some(0.0));
    let dropped: BTreeSet<String> = page
        .of("onpace_series_dropped")
        .filter(|sample| sample.label("metric") == "onpace_calls_made")
        .map(|sample| sample.label("window").to_owned())
        .collect();
    let gone: BTreeSet<String> = usual().difference(&windows).cloned().collect();
    assert_eq!(dropped, gone);
    let ready = floor.up.get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert!(gone.iter().all(|window| ready.body.contains(window.as_str())) && ready.body.contains("--metric-series"), "{}", ready.body);
    // Told when what is missing changes, which it does while reps come in, and not at each round.
    let log = floor.up.process.output();
    let told: Vec<&str> = log.split("/metrics lacks").skip(1).filter_map(|rest| rest.split(": with").next()).collect();
    assert!(!told.is_empty() && told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
    assert!(gone.iter().all(|window| told[told.len() - 1].contains(window.as_str())), "{told:?}");
    let mut check = bare("check");
    check.arg("--data").arg(floor.folder.path().join("data")).arg("--roster").arg(floor.folder.path().join("roster.yaml"));
    let said = run(&mut check).expect_err("it is wrong");
    assert!(said.contains("wrong  metrics: /metrics lacks") && said.contains("--metric-windows"), "{said}");
    // Fewer windows asked for: all of them are there.
    check.args(["--metric-windows", "today,month"]);
    let output = run(&mut check).unwrap_or_else(|error| panic!("{error}"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ok     metrics: "));
}

#[test]
fn reps_whom_no_roster_knows_are_one_past_a_bound() {
    let floor = Floor::of(700, &["--metric-windows", "year,today"], None);
    assert_eq!(floor.is_right(), ["today", "year"].map(str::to_owned).into());
    let page = floor.page();
    let reps: BTreeSet<&str> = page.of("onpace_revenue_won").map(|sample| sample.label("rep")).collect();
    assert_eq!((reps.len(), reps.contains("other"), page.value("onpace_folded_reps")), (501, true, Some(200.0)));
    assert!(floor.up.get("/readyz").body.contains("200 reps"), "{}", floor.up.get("/readyz").body);
}
