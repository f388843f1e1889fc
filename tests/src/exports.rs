//! What the exports of `examples/` and of the real CRM and call centre add up to, read from the CSV alone.
//!
//! In: a CSV. Out: sums. Never here: the maps' or the program's own code.

use std::path::Path;

use serde_json::{Value, json};

use crate::engine::Numbers;

type Row = std::collections::HashMap<String, String>;

fn rows(file: &Path, delimiter: u8) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_path(file).expect("a CSV");
    reader.deserialize().map(|row| row.expect("a row of the CSV")).collect()
}

fn days(date: &str) -> i64 {
    let date: jiff::civil::Date = date.parse().expect("a date");
    i64::from((date - jiff::civil::date(1970, 1, 1)).get_days())
}

/// Sums of closed deals.
#[derive(Clone, Debug, PartialEq)]
pub struct Deals {
    /// How many were won.
    pub won: u64,
    /// How many were lost.
    pub lost: u64,
    /// What the won ones are worth, in whole dollars.
    pub revenue: i64,
    /// Days from engagement to closing of the won ones: the value of rank ⌈n/2⌉.
    pub median_days: i64,
}

impl Deals {
    /// Of the deals closed from a day to a day (both included), of all reps or of one.
    pub fn closed(file: &Path, from: &str, to: &str, rep: Option<&str>) -> Deals {
        let mut deals = Deals { won: 0, lost: 0, revenue: 0, median_days: 0 };
        let mut cycles = Vec::new();
        for row in rows(file, b',') {
            let (stage, closed) = (row["deal_stage"].as_str(), row["close_date"].as_str());
            if closed.is_empty() || closed < from || closed > to || rep.is_some_and(|rep| row["sales_agent"] != rep) {
                continue;
            }
            if stage == "Won" {
                deals.won += 1;
                deals.revenue += row["close_value"].parse::<i64>().expect("whole dollars");
                cycles.push(days(closed) - days(&row["engage_date"]));
            } else {
                deals.lost += 1;
            }
        }
        cycles.sort_unstable();
        deals.median_days = cycles.get(cycles.len().div_ceil(2).saturating_sub(1)).copied().unwrap_or_default();
        deals
    }

    /// Holds an answer against the sums.
    ///
    /// # Panics
    /// A number differs.
    pub fn assert_shown(&self, numbers: &Numbers, window: &str, rep: Option<&str>, what: &str) {
        let shown = |kpi: &str| numbers.get(kpi, window, rep);
        assert_eq!(shown("deals_won"), json!(self.won), "deals won, {window}, {what}");
        assert_eq!(shown("deals_lost"), json!(self.lost), "deals lost, {window}, {what}");
        assert_eq!(shown("revenue_won"), json!(format!("{}.00", self.revenue)), "revenue, {window}, {what}");
        let near = |kpi: &str, expected: f64, error: f64| {
            let value = shown(kpi);
            let value = value.as_f64().unwrap_or_else(|| panic!("{kpi}, {window}, {what}: {value}"));
            assert!((value - expected).abs() <= error, "{kpi}, {window}, {what}: {value}, not {expected}");
        };
        near("win_rate", self.won as f64 / (self.won + self.lost) as f64, 1e-12);
        near("sales_cycle_days", self.median_days as f64, self.median_days as f64 * 0.01);
    }
}

/// Number (from 1) and opportunity of each row that has no date.
pub fn undated(file: &Path) -> Vec<(u64, String)> {
    let rows = rows(file, b',').into_iter().zip(1..);
    rows.filter(|(row, _)| row["engage_date"].is_empty()).map(|(row, number)| (number, row["opportunity_id"].clone())).collect()
}

/// Number and opportunity of each row that an import refused, each with a reason that says what to do.
///
/// # Panics
/// A line lacks its number or its reason.
pub fn refused(file: &Path) -> Vec<(u64, String)> {
    let mut name = file.as_os_str().to_owned();
    name.push(".rejected.ndjson");
    let lines = std::fs::read_to_string(name).unwrap_or_default();
    let read = |line: &str| {
        let said: Value = serde_json::from_str(line).expect("a line of JSON");
        let reason = said["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("engage_date") && reason.contains("--arg undated="), "{said}");
        let opportunity = said["content"]["opportunity_id"].as_str().expect("the row's content").to_owned();
        (said["row"].as_u64().expect("the row's number"), opportunity)
    };
    lines.lines().map(read).collect()
}

/// Answered calls and their seconds of talk.
pub fn answered(file: &Path) -> (u64, u64) {
    let answered = rows(file, b';').into_iter().filter(|row| row["Answered (Y/N)"] == "Y");
    answered.fold((0, 0), |(calls, talk), row| {
        // `12:02:23 AM` is 2 minutes and 23 seconds: no call here lasts an hour.
        let shown = row["AvgTalkDuration"].strip_prefix("12:").and_then(|rest| rest.strip_suffix(" AM")).expect("a duration");
        let (minutes, seconds) = shown.split_once(':').expect("minutes and seconds");
        (calls + 1, talk + minutes.parse::<u64>().expect("minutes") * 60 + seconds.parse::<u64>().expect("seconds"))
    })
}
