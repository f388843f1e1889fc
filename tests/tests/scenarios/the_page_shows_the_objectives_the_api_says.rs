//! The objectives on the live page, in a real browser: they are those of `/v1/objectives`, figure by figure; what needs attention comes first;
//! names that would be markup or turn the line around are text; all of it in English and in French; one person's by the address.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use onpace_tests::browser::{page_in, text};
use onpace_tests::onpace::bare;
use onpace_tests::servers::wait_until;
use onpace_tests::serving::{Serving, midday};
use serde_json::{Value, json};

/// Enough for a number that is written with a comma.
const CALLS: usize = 1_357;
const NAMES: [(&str, &str); 3] =
    [("ann", "<script>alert(1)</script>"), ("zoe", "\"Zoé\" 'O’Neil' & \u{202e}gnol\u{202c}"), ("north", "<img src=x onerror=alert(1)>")];
const WORDS: [(&str, &str, &str); 7] = [
    ("out_of_reach", "out of reach", "hors d’atteinte"),
    ("at_risk", "at risk", "en danger"),
    ("missed", "missed", "manqué"),
    ("on_pace", "on pace", "dans le rythme"),
    ("met", "met", "atteint"),
    ("pending", "not begun", "pas commencé"),
    ("no_value", "no value", "sans valeur"),
];

/// An objective as it stands on the page.
#[derive(Debug)]
struct Shown {
    objective: String,
    state: String,
    text: String,
    /// The exact values: attained, target, expected, forecast, chance, needed.
    figures: Vec<String>,
}

fn attribute(markup: &str, name: &str) -> String {
    let value = markup.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_default().to_owned()
}

fn shown(page: &str) -> Vec<Shown> {
    let items = page.split("<li class=\"objective").skip(1).filter_map(|rest| rest.split("</li>").next());
    let read = |item: &str| {
        let of = |class: &str| item.split(&format!("class=\"{class}")).nth(1).map_or(String::new(), |rest| attribute(rest, "title"));
        let figures = item.split("<dd").skip(1).map(|rest| attribute(rest.split('>').next().unwrap_or_default(), "title"));
        Shown {
            objective: attribute(item, "data-objective"),
            state: attribute(item, "data-state"),
            text: text(&format!("<li{item}")),
            figures: ["attained", "target"].map(of).into_iter().chain(figures).collect(),
        }
    };
    items.map(read).collect()
}

fn same(shown: &str, value: &Value) -> bool {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    // A rate shows its two sides too.
    let shown = shown.split(" = ").next().unwrap_or_default();
    match number {
        // Either side may have read the last digit of a float otherwise.
        Some(number) => shown.parse().is_ok_and(|shown: f64| (shown - number).abs() <= number.abs() * 1e-12),
        None => ["", "–"].contains(&shown),
    }
}

#[test]
fn the_page_shows_the_objectives_the_api_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let zone = TimeZone::get(midday()).expect("a zone");
    let today = zone.to_datetime(Timestamp::now()).date();
    let day = |ahead: i64| -> Date { today.checked_add(ahead.days()).expect("a day") };
    let weekday = |ahead: i64| day(ahead).strftime("%a").to_string().to_lowercase();
    // Nobody works today, so that nothing moves while the page is compared.
    let name = |id: &str| serde_json::to_string(NAMES.iter().find(|(known, _)| *known == id).expect("a name").1).expect("a text");
    let roster = format!(
        "company: \"A <u> & Co\"\ntime_zone: {}\nworking_days: [{}, {}]\nteams: [{{ id: north, name: {} }}]\npeople:\n  \
         - {{ id: ann, name: {}, teams: [{{ team: north }}] }}\n  - {{ id: zoe, name: {}, teams: [{{ team: north }}], identities: [\"phone:7\"] }}\n",
        midday(),
        weekday(-3),
        weekday(3),
        name("north"),
        name("ann"),
        name("zoe"),
    );
    let period = |from: i64, to: i64| format!("{{ from: {}, to: {} }}", day(from), day(to));
    let objectives = format!(
        "objectives:\n  - {{ id: coming, kpi: calls_made, scope: company, target: 5, period: {} }}\n  \
         - {{ id: past, kpi: calls_made, scope: {{ team: north }}, target: 50, period: {} }}\n  \
         - {{ id: calls, kpi: calls_made, scope: {{ each_rep_of: north }}, target: 2000, period: {running}, importance: high }}\n  \
         - {{ id: rate, kpi: connect_rate, scope: company, target: 0.9, period: {running} }}\n  \
         - {{ id: limit, kpi: calls_made, scope: company, target: 9000, direction: at_most, period: {running} }}\n",
        period(5, 9),
        period(-30, -11),
        running = period(-10, 10),
    );
    let [roster_file, objectives_file] = [("roster.yaml", roster), ("objectives.yaml", objectives)].map(|(name, text)| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a file written");
        file
    });
    let mut command = bare("up");
    command.arg("--data").arg(folder.path().join("data")).arg("--roster").arg(roster_file).arg("--objectives").arg(objectives_file);
    let up = Serving::start(command, folder.path(), "up");
    up.ready(Duration::from_secs(60));
    let mut count = 0;
    let mut lines = String::new();
    let mut call = |rep: &str, ahead: i64, outcome: &str| {
        count += 1;
        let at = zone.to_ambiguous_timestamp(day(ahead).at(12, 0, 0, 0)).compatible().expect("an instant");
        let data = json!({ "rep": rep, "outcome": outcome, "duration_s": 60 });
        lines += &format!(
            "{}\n",
            json!({ "source": "test", "kind": "call", "entity": format!("c{count}"), "occurred_at": at.to_string(), "data": data })
        );
    };
    (0..CALLS).for_each(|n| call("ann", -3, if n % 3 == 0 { "connected" } else { "busy" }));
    (0..7).for_each(|_| call("phone:7", -3, "busy"));
    for week in 1..8 {
        (0..20 + week).for_each(|_| call("ann", -3 - 7 * week, "connected"));
        (0..3).for_each(|_| call("zoe", -3 - 7 * week, "busy"));
    }
    let answer = up.post("application/x-ndjson", lines.as_bytes());
    assert_eq!(answer.status, 202, "{answer:?}");
    let all = || up.get("/v1/kpis?by=company&window=all&kpi=calls_made").json()["values"][0]["value"].clone();
    wait_until("every call counts", Duration::from_secs(60), || all() == json!(count));

    let address = format!("http://127.0.0.1:{}/", up.port);
    let pages = [("en-US", 0), ("fr-FR", 1)].map(|(language, nth)| (page_in(&address, folder.path(), language), nth));
    let api = up.get("/v1/objectives").json();
    let rows = api["objectives"].as_array().expect("rows");
    let states: Vec<&str> = rows.iter().filter_map(|row| row["state"].as_str()).collect();
    for state in ["pending", "met", "out_of_reach", "at_risk", "on_pace"] {
        assert!(states.contains(&state), "{state} is among {states:?}");
    }
    for (markup, nth) in &pages {
        let on_page = shown(markup);
        let what = || format!("\nthe page: {}\n{on_page:#?}\n{}", text(markup), up.process.tail());
        assert!(markup.contains("data-state=\"fresh\""), "it says that it is live{}", what());
        assert_eq!(on_page.len(), rows.len(), "a line for each{}", what());
        for row in rows {
            let whose = row["rep"].as_str().or(row["team"].as_str());
            let name = NAMES.iter().find(|(id, _)| Some(*id) == whose).map_or("A <u> & Co", |(_, name)| *name);
            let line = on_page.iter().find(|line| row["objective"] == line.objective.as_str() && line.text.contains(name));
            let line = line.unwrap_or_else(|| panic!("{row} is not there under {name}{}", what()));
            assert_eq!(row["state"], line.state.as_str(), "{row}{}", what());
            let word = WORDS.iter().find(|word| word.0 == line.state).map_or("", |word| [word.1, word.2][*nth]);
            assert!(line.text.contains(word), "{word}: {line:?}{}", what());
            let fields = ["attained", "target", "expected", "forecast", "chance", "needed_per_day"];
            assert_eq!(line.figures.len(), fields.len(), "{line:?}");
            for (field, shown) in fields.iter().zip(&line.figures) {
                assert!(same(shown, &row[*field]), "{field} of {row} is shown as {shown:?}{}", what());
            }
        }
        // What needs attention comes first, and what is urgent and important before it.
        let order: Vec<&str> = on_page.iter().map(|line| line.state.as_str()).collect();
        assert_eq!(order, ["out_of_reach", "at_risk", "on_pace", "on_pace", "met", "pending"], "{}", what());
        for danger in ["<script>alert", "<img", "<u>"] {
            assert!(!markup.contains(danger), "{danger} is text, never markup{}", what());
        }
    }
    let [(english, _), (french, _)] = &pages;
    let line = |name: &str| shown(english).into_iter().find(|line| line.objective == "calls" && line.text.contains(name)).expect("a line");
    let (ann, zoe) = (line("alert(1)"), line("O’Neil"));
    assert!(ann.text.contains("1,378 of 2,000") && ann.text.contains("campaign") && !ann.text.contains("urgent"), "{ann:?}");
    assert!(zoe.text.contains("10 of 2,000") && zoe.text.contains("important, urgent"), "{zoe:?}");
    assert!(text(french).contains("Objectifs") && french.contains("lang=\"fr\""), "{}", text(french));

    let own = page_in(&format!("{address}?rep=zoe"), folder.path(), "en-US");
    let lines: Vec<String> = shown(&own).into_iter().map(|line| line.text).collect();
    assert!(lines.len() == 1 && lines[0].contains("O’Neil"), "only hers: {lines:?}");
}
