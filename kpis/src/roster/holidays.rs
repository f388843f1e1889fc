//! Public holidays by country, 2015 to 2040.
//!
//! In: a country's code. Out: its days off. The data is `kpis/holidays/holidays.txt`, whose head says where it is from and what isn't
//! in it (regions, half days). Never here: weekends, a company's own days off.

use onpace_schemas::time;

const DATA: &str = include_str!("../../holidays/holidays.txt");

/// A country's public holidays, days since 1970-01-01, sorted; `None` for a country that isn't in the data.
pub fn of(country: &str) -> Option<Vec<i32>> {
    if country.is_empty() || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let start = DATA.find(&format!("\n{country} "))? + 1;
    let lines = DATA[start..].lines().map_while(|line| line.strip_prefix(country)?.strip_prefix(' '));
    Some(lines.flat_map(days).collect())
}

/// The countries in the data, by code, sorted: ISO 3166-1's two letters, and XK.
pub fn countries() -> impl Iterator<Item = &'static str> + Clone {
    let codes = DATA.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
    // A country's lines follow each other.
    let mut last = "";
    codes.filter(move |code| std::mem::replace(&mut last, code) != *code)
}

/// The days of `2026 0101 0406`; none of `2027 unknown`.
fn days(line: &'static str) -> impl Iterator<Item = i32> {
    let mut words = line.split(' ');
    let year = words.next().unwrap_or_default();
    words.filter_map(move |day| time::parse_date(&format!("{year}-{}-{}", day.get(..2)?, day.get(2..)?)).ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    #[test]
    fn known_days_are_there_and_others_are_not() {
        for (country, day) in [
            ("FR", "2026-05-01"),
            ("FR", "2026-07-14"),
            ("US", "2026-11-26"),
            ("IN", "2026-01-26"),
            ("DE", "2026-10-03"),
            ("NO", "2040-05-17"),
        ] {
            assert!(of(country).unwrap().contains(&time::parse_date(day).unwrap()), "{country} {day}");
        }
        assert!(!of("FR").unwrap().contains(&time::parse_date("2026-05-04").unwrap()));
        for nowhere in ["", "XX", "F", "fr", "FRA", "FR 2026", "#", "2026"] {
            assert_eq!(of(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn every_year_of_every_country_is_there_in_order() {
        let mut lines = DATA.lines().filter(|line| !line.starts_with('#'));
        let all: Vec<_> = countries().collect();
        assert!(all.len() >= 250 && all.is_sorted_by(|a, b| a < b), "{}", all.len());
        for country in all {
            let mut written = 0;
            for year in 2015..=2040 {
                let line = lines.next().unwrap();
                let days = line.strip_prefix(&format!("{country} {year}")).unwrap_or_else(|| panic!("{country} {year}: {line}"));
                let days: Vec<_> = days.split_whitespace().collect();
                assert!(days == ["unknown"] || days.is_sorted_by(|a, b| a < b), "{line}");
                written += days.iter().filter(|day| **day != "unknown").count();
            }
            let read = of(country).unwrap();
            assert!(read.is_sorted_by(|a, b| a < b), "{country}");
            assert_eq!(read.len(), written, "{country} has a day that is none");
        }
        assert_eq!(lines.next(), None);
    }
}
