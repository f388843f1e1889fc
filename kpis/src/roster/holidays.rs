//! Public holidays by country and region, 2015 to 2040.
//!
//! In: a country's code, a region's code or name. Out: its days off. The data is `kpis/holidays/holidays.txt`, and in `regions.txt` what
//! regions have otherwise; their heads say where it is from and what isn't in it. Never here: weekends, half days, a company's own days off.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use onpace_schemas::time;

const DATA: &str = include_str!("../../holidays/holidays.txt");
const REGIONS: &str = include_str!("../../holidays/regions.txt");
/// The years that both files have.
const YEARS: RangeInclusive<i32> = 2015..=2040;

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

/// A region's public holidays, days since 1970-01-01, sorted; `None` for one that isn't in the data.
pub fn of_region(country: &str, region: &str) -> Option<Vec<i32>> {
    let lines = blocks(country).find(|block| names(block).any(|name| name == region))?.lines().skip(1);
    let mut days: BTreeSet<i32> = of(country)?.into_iter().collect();
    let mut change = |year: &str, word: &str| {
        let (sign, date) = word.split_at_checked(1)?;
        let day = day(year, date)?;
        match sign {
            "+" => days.insert(day),
            _ => days.remove(&day),
        };
        Some(())
    };
    for line in lines {
        let mut words = line.split(' ');
        if line.starts_with(['+', '-']) {
            // In every year.
            words.for_each(|word| {
                YEARS.for_each(|year| {
                    change(&year.to_string(), word);
                });
            });
        } else if let Some(year) = words.next() {
            words.for_each(|word| {
                change(year, word);
            });
        }
    }
    Some(days.into_iter().collect())
}

/// What the regions of a country are called, their codes among it.
pub fn regions(country: &str) -> impl Iterator<Item = &'static str> + Clone {
    blocks(country).flat_map(names)
}

/// The regions of a country in the data, each with the lines below it.
fn blocks(country: &str) -> impl Iterator<Item = &'static str> + Clone + use<> {
    let country = country.to_owned();
    REGIONS.split("\n= ").skip(1).filter(move |block| block.split('|').next() == Some(&country))
}

fn names(block: &'static str) -> impl Iterator<Item = &'static str> + Clone {
    block.lines().next().unwrap_or_default().split('|').skip(1)
}

/// The days of `2026 0101 0406`; none of `2027 unknown`.
fn days(line: &'static str) -> impl Iterator<Item = i32> {
    let mut words = line.split(' ');
    let year = words.next().unwrap_or_default();
    words.filter_map(move |date| day(year, date))
}

/// The day that `0406` is in a year.
fn day(year: &str, date: &str) -> Option<i32> {
    time::parse_date(&format!("{year}-{}-{}", date.get(..2)?, date.get(2..)?)).ok()
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
    fn a_region_has_its_countrys_days_and_its_own() {
        let day = |date: &str| time::parse_date(date).unwrap();
        // Good Friday and the 26th of December are free in Alsace and Moselle alone.
        for region in ["6AE", "Alsace", "57", "Moselle"] {
            let days = of_region("FR", region).unwrap();
            for date in ["2026-04-03", "2026-12-26", "2026-05-01", "2040-12-26"] {
                assert!(days.contains(&day(date)), "{region} {date}");
            }
            assert!(days.is_sorted_by(|a, b| a < b));
        }
        assert!(!of("FR").unwrap().contains(&day("2026-04-03")));
        assert!(of_region("DE", "Bayern").unwrap().contains(&day("2026-01-06")));
        assert!(!of_region("DE", "BE").unwrap().contains(&day("2026-01-06")));
        // Columbus Day is a federal holiday that Texas, say, doesn't keep.
        assert!(of("US").unwrap().contains(&day("2026-10-12")));
        assert!(!of_region("US", "HI").unwrap().contains(&day("2026-10-12")));
        for (country, region) in [("FR", ""), ("FR", "alsace"), ("FR", "FR"), ("FR", "Bayern"), ("XX", "57"), ("", ""), ("FR", "2026")] {
            assert_eq!(of_region(country, region), None, "{country} {region}");
        }
        assert!(regions("FR").any(|name| name == "Alsace") && regions("FR").any(|name| name == "6AE"));
        assert_eq!(regions("XX").count(), 0);
    }

    #[test]
    fn every_line_of_every_region_is_read() {
        let (mut all, mut country) = (0, "");
        for block in REGIONS.split("\n= ").skip(1) {
            all += 1;
            let mut lines = block.lines();
            let names: Vec<_> = lines.next().unwrap().split('|').collect();
            assert!(names.len() >= 2 && names.iter().all(|name| !name.is_empty()), "{names:?}");
            assert!(names[0] >= country, "{names:?}");
            country = names[0];
            let plain = of(country).unwrap();
            let own = of_region(country, names[1]).unwrap();
            let mut differs = false;
            for line in lines {
                let words = line.split(' ').filter(|word| word.len() != 4 || word.starts_with(['+', '-']));
                for word in words {
                    differs = true;
                    assert!(word.len() == 5 && word.starts_with(['+', '-']), "{names:?}: {line}");
                }
            }
            assert_eq!(own != plain, differs, "{names:?}");
        }
        assert!(all > 600, "{all}");
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
