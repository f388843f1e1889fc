//! A real Prometheus, the newest and the oldest, scrapes onpace: what is posted is what it has, and every place shows the same number.

use std::time::Duration;

use jiff::Timestamp;
use onpace_tests::engine::Numbers;
use onpace_tests::monitoring::{Prometheus, Version};
use onpace_tests::onpace::{bare, run};
use onpace_tests::servers::wait_until;
use onpace_tests::serving::{Serving, midday};
use serde_json::json;

const POSTED: usize = 137;

#[test]
fn prometheus_scrapes_what_is_posted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let zone = midday();
    let mut command = bare("up");
    command.arg("--data").arg(&data).args(["--time-zone", zone]);
    let up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));

    let scrape = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n  - job_name: onpace\n    static_configs: [{{ targets: ['127.0.0.1:{}'] }}]\n",
        up.port
    );
    let watching = Version::EVERY.map(|version| {
        let folder = folder.path().join(format!("{version:?}"));
        std::fs::create_dir(&folder).expect("a folder");
        Prometheus::start(version, &folder, &scrape, &[])
    });

    let now = Timestamp::now().to_string();
    let lines: String = (0..POSTED)
        .map(|n| {
            let outcome = if n % 3 == 0 { "connected" } else { "no_answer" };
            let call = json!({ "source": "test", "kind": "call", "entity": format!("c{n}"), "occurred_at": now,
                "data": { "rep": format!("Rep \"{}\" Ωmega", n % 5), "outcome": outcome, "duration_s": n } });
            format!("{call}\n")
        })
        .collect();
    let answer = up.post("application/x-ndjson", lines.as_bytes());
    assert_eq!((answer.status, &answer.json()["accepted"]), (202, &json!(POSTED)));
    let limit = Duration::from_secs(120);
    for prometheus in &watching {
        wait_until("Prometheus has what was posted", limit, || {
            prometheus.value("sum(onpace_calls_made{window=\"today\"})") == Some(POSTED as f64)
        });
        assert_eq!(prometheus.value("up{job=\"onpace\"}"), Some(1.0), "{}", prometheus.process.tail());
    }

    // One instant, every place: the API by rep and by company as the page asks, the terminal, Prometheus.
    let api =
        |by: &str| Numbers(up.get(&format!("/v1/kpis?by={by}&window=today&kpi=calls_made&kpi=calls_connected&kpi=talk_time_s")).json());
    let (company, reps) = (api("company"), api("rep"));
    let at = company.0["at"].as_str().expect("the instant").to_owned();
    let terminal = |by: &str| {
        let mut command = bare("kpis");
        command.arg("--data").arg(&data).args(["--by", by, "--at", &at, "--time-zone", zone, "--window", "today", "--format", "json"]);
        Numbers(serde_json::from_slice(&run(&mut command).unwrap_or_else(|error| panic!("{error}")).stdout).expect("JSON"))
    };
    let (told_company, told_reps) = (terminal("company"), terminal("rep"));
    let script = up.get("/onpace.js").body;
    for (kpi, metric) in
        [("calls_made", "onpace_calls_made"), ("calls_connected", "onpace_calls_connected"), ("talk_time_s", "onpace_talk_time_seconds")]
    {
        assert!(script.contains(&format!("\"{kpi}\"")) && script.contains("/v1/kpis?"), "the page shows {kpi} as the API says it");
        let whole = company.get(kpi, "today", None);
        assert_eq!(told_company.get(kpi, "today", None), whole, "{kpi} on the terminal");
        for prometheus in &watching {
            let scraped = || prometheus.value(&format!("sum({metric}{{window=\"today\"}})"));
            wait_until("the last scrape has it", limit, || scraped() == whole.as_f64());
        }
        for rep in 0..5 {
            let rep = format!("Rep \"{rep}\" Ωmega");
            let own = reps.get(kpi, "today", Some(&rep));
            assert!(own.is_u64(), "{kpi} of {rep}: {own}");
            assert_eq!(told_reps.get(kpi, "today", Some(&rep)), own, "{kpi} of {rep} on the terminal");
            let query = format!("{metric}{{window=\"today\",rep={}}}", json!(rep));
            for prometheus in &watching {
                assert_eq!(prometheus.value(&query), own.as_f64(), "{query}");
            }
        }
    }
    assert_eq!(company.get("calls_made", "today", None), json!(POSTED));
    assert_eq!(company.get("talk_time_s", "today", None), json!((0..POSTED).step_by(3).sum::<usize>()));
}
