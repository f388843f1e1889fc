//! `onpace demo` in an empty folder: a URL, numbers that move, objectives in every state that follow their file, a page that loads, a clean end
//! with nothing left behind.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use onpace_tests::monitoring::promtool_is_content;
use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;

#[test]
fn a_newcomers_first_minutes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a folder for what is temporary");
    let mut command = bare("demo");
    command.env("TMPDIR", &scratch).current_dir(folder.path());
    let begun = Instant::now();
    let mut demo = Serving::start(command, folder.path(), "demo");

    // In a build with optimisations it is 10 s; here others may be at work too.
    let limit = Duration::from_secs(60);
    let numbers =
        || Some(demo.get("/v1/kpis?window=all")).filter(|answer| answer.status == 200).map(|answer| answer.json()["values"].clone());
    wait_until("numbers are shown", limit, || numbers().is_some());
    let first = numbers();
    wait_until("the numbers move", limit, || numbers().is_some_and(|now| Some(now) != first));
    println!("numbers moved {:.1} s after the start", begun.elapsed().as_secs_f64());
    let url = format!("http://127.0.0.1:{}/", demo.port);
    assert!(demo.process.output().contains(&url), "the URL is named: {}", demo.process.tail());

    let objectives = || demo.get("/v1/objectives").json()["objectives"].as_array().cloned().unwrap_or_default();
    let states: BTreeSet<String> = objectives().iter().filter_map(|row| row["state"].as_str().map(str::to_owned)).collect();
    let every = ["at_risk", "met", "missed", "no_value", "on_pace", "out_of_reach", "pending"];
    assert_eq!(states.iter().map(String::as_str).collect::<Vec<_>>(), every);
    let people = demo.get("/v1/roster").json()["people"].as_array().cloned().unwrap_or_default();
    let zones: BTreeSet<&str> = people.iter().filter_map(|person| person["time_zone"].as_str()).collect();
    assert_eq!(zones.into_iter().collect::<Vec<_>>(), ["America/New_York", "Europe/Paris"]);
    let said = demo.process.output();
    let file = said.split_whitespace().find(|word| word.ends_with("/objectives.yaml")).expect("the file of objectives is named");
    let text = std::fs::read_to_string(file).expect("the objectives");
    let changed = text.replacen("target: 80,", "target: 4321,", 1);
    assert_ne!(changed, text);
    std::fs::write(file, changed).expect("the objectives written");
    let followed = || objectives().iter().any(|row| row["objective"] == "calls-a-week" && row["target"] == 4321);
    wait_until("the page's objectives follow their file", limit, followed);

    let page = demo.get("/");
    assert_eq!(page.status, 200);
    let policy = page.head.lines().find_map(|line| line.strip_prefix("content-security-policy:")).expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let named: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.body.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    for file in named.iter().filter(|name| name.ends_with(".js") || name.ends_with(".css")) {
        assert!(!file.contains("//"), "{file} is loaded from elsewhere");
        assert_eq!(demo.get(&format!("/{}", file.trim_start_matches(['.', '/']))).status, 200, "{file}");
    }
    assert!(named.iter().any(|name| name.ends_with(".js")), "the page names a script: {named:?}");

    wait_until("metrics are shown", limit, || demo.get("/metrics").body.contains("onpace_calls_made{"));
    promtool_is_content(&demo.get("/metrics").body);

    let second =
        bare("demo").args(["--listen", &format!("127.0.0.1:{}", demo.port)]).env("TMPDIR", &scratch).output().expect("a second copy");
    let words = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert!(words.contains("--listen 127.0.0.1:") && words.contains("another onpace"), "it says what to do: {words}");

    assert_eq!(std::fs::read_dir(&scratch).expect("the folder").count(), 1, "the demo's own folder, and none of the second copy");
    demo.process.signal("INT");
    let status = demo.process.wait(Duration::from_secs(30));
    assert_eq!(status.code(), Some(0), "{}", demo.process.tail());
    assert_eq!(std::fs::read_dir(&scratch).expect("the folder").count(), 0, "something was left behind");
}

#[test]
fn every_command_explains_itself() {
    let help = |command: &mut Command| {
        let output = command.output().expect("onpace runs");
        assert!(output.status.success(), "{command:?}: {}", output.status);
        String::from_utf8(output.stdout).expect("text")
    };
    let all = help(&mut bare("--help"));
    let commands: Vec<&str> = all
        .split("Commands:")
        .nth(1)
        .and_then(|rest| rest.split("Options:").next())
        .expect("commands")
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for expected in ["demo", "up", "gateway", "processor", "sink", "import", "simulate", "kpis", "catalogue", "inspect", "rebuild", "check"]
    {
        assert!(commands.contains(&expected), "{expected} is not among {commands:?}");
        let own = help(bare(expected).arg("--help"));
        assert!(own.contains(&format!("Usage: onpace {expected}")), "{expected}");
        let reads = ["up", "processor", "rebuild", "check"].contains(&expected);
        assert_eq!(own.contains("--group") && own.contains("--session-timeout-ms"), reads, "{expected} shows what it uses:\n{own}");
    }
}

#[test]
fn what_is_piped_is_no_wider_than_a_page() {
    let output = bare("catalogue").output().expect("onpace runs");
    let table = String::from_utf8(output.stdout).expect("text");
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!((80..=120).contains(&widest), "{widest} columns:\n{table}");
}
