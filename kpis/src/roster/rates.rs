//! What currencies are worth, day by day.
//!
//! In: lines `date,currency,rate`. Out: the rate that serves a day: its own, or the last one of the 7 days before. Never here: files,
//! which currency the rates lead to, money.

use hashbrown::HashMap;
use onpace_schemas::{Currency, time};

use crate::Mistake;
use crate::decimal::decimal;
use crate::exact::Exact;

/// For how many days after its own a rate serves.
const DAYS_SERVED: i32 = 7;

const HEADER: [&str; 3] = ["date", "currency", "rate"];

/// Daily rates to the reporting currency.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    file: String,
    /// By currency, each by day.
    days: HashMap<Currency, Vec<Rate>>,
}

#[derive(Clone, Debug)]
struct Rate {
    day: i32,
    rate: Exact,
    line: usize,
}

/// No rate of a currency serves a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} has no rate of {currency} for {}: {}; add a line `{},{currency},` with the rate", time::show_date(*day), self.nearest(), time::show_date(*day))]
pub struct MissingRate {
    /// The file of rates.
    pub file: String,
    /// The currency.
    pub currency: Currency,
    /// The day, days since 1970-01-01.
    pub day: i32,
    /// The last rate before it, too old to serve: its day and its line.
    pub last: Option<(i32, usize)>,
}

impl MissingRate {
    fn nearest(&self) -> String {
        match self.last {
            None => "none is of that day or before".to_owned(),
            Some((day, line)) => {
                let day = time::show_date(day);
                format!("the last one before is of {day} (line {line}), and a rate serves for {DAYS_SERVED} days")
            }
        }
    }
}

impl Rates {
    /// Reads a header `date,currency,rate`, then lines such as `2026-01-05,USD,0.9213`; blank ones and `#` comments are skipped.
    ///
    /// # Errors
    /// The line that can't be read, and why.
    pub fn parse(file: &str, csv: &str) -> Result<Rates, Mistake> {
        Self::read(file, csv).map_err(|mistake| Mistake { file: Some(file.to_owned()), ..mistake })
    }

    fn read(file: &str, csv: &str) -> Result<Rates, Mistake> {
        let mut rates = Rates { file: file.to_owned(), days: HashMap::new() };
        let mut begun = false;
        // A record is a line, quoted or not: no date, currency or rate holds a comma or a quote.
        for (at, line) in csv.strip_prefix('\u{feff}').unwrap_or(csv).lines().enumerate() {
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let record: Vec<&str> = line.split(',').map(|value| value.trim().trim_matches('"')).collect();
            let line = at + 1;
            let wrong = |cause: String| Mistake::at(line, cause);
            if !begun {
                if record != HEADER {
                    return Err(wrong(
                        "the first line is `date,currency,rate`, separated by commas; then come lines such as `2026-01-05,USD,0.9213`"
                            .to_owned(),
                    ));
                }
                begun = true;
                continue;
            }
            let [day, currency, rate] = record[..] else {
                return Err(wrong("a line has a date, a currency and a rate, such as `2026-01-05,USD,0.9213`".to_owned()));
            };
            let day = time::parse_date(day).map_err(wrong)?;
            let currency = Currency::parse(currency).map_err(wrong)?;
            let rate = decimal(rate).map_err(wrong)?;
            if rate.is_zero() {
                return Err(wrong("a rate is more than 0".to_owned()));
            }
            rates.days.entry(currency).or_default().push(Rate { day, rate, line });
        }
        if !begun {
            return Err(Mistake::at(1, "the file is empty; its first line is `date,currency,rate`"));
        }
        rates.sort()?;
        Ok(rates)
    }

    fn sort(&mut self) -> Result<(), Mistake> {
        let mut twice: Vec<(usize, usize, Currency, i32)> = Vec::new();
        for (currency, days) in &mut self.days {
            days.sort_by_key(|rate| (rate.day, rate.line));
            let pairs = days.windows(2).filter(|pair| pair[0].day == pair[1].day);
            twice.extend(pairs.map(|pair| (pair[1].line, pair[0].line, *currency, pair[0].day)));
        }
        // The first in the file, so that the same file is always told the same.
        match twice.iter().min() {
            None => Ok(()),
            Some((line, first, currency, day)) => {
                let day = time::show_date(*day);
                Err(Mistake::at(*line, format!("{currency} of {day} stands here and on line {first}; keep one of the two")))
            }
        }
    }

    /// What one major unit of a currency is worth on a day, in major units of the reporting currency.
    ///
    /// # Errors
    /// There is none of that day or of the 7 days before.
    pub fn rate(&self, currency: Currency, day: i32) -> Result<Exact, MissingRate> {
        let days = self.days.get(&currency).map_or(&[][..], Vec::as_slice);
        let until = days.partition_point(|rate| rate.day <= day);
        let last = until.checked_sub(1).and_then(|at| days.get(at));
        match last {
            Some(rate) if day.saturating_sub(rate.day) <= DAYS_SERVED => Ok(rate.rate.clone()),
            _ => Err(MissingRate { file: self.file.clone(), currency, day, last: last.map(|rate| (rate.day, rate.line)) }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    const FILE: &str = "date,currency,rate\r\n2026-01-05,USD,0.9213\n\n# from the bank\n2026-01-02,USD,0.9\n\"2026-01-05\", JPY ,0.0061\n";

    fn day(text: &str) -> i32 {
        time::parse_date(text).unwrap()
    }

    #[test]
    fn a_rate_serves_its_day_and_seven_more() {
        let rates = Rates::parse("rates.csv", FILE).unwrap();
        let usd = Currency::parse("USD").unwrap();
        for (at, numerator) in [("2026-01-02", 9_000), ("2026-01-04", 9_000), ("2026-01-05", 9_213), ("2026-01-12", 9_213)] {
            assert_eq!(rates.rate(usd, day(at)).unwrap(), Exact::ratio(numerator, 10_000).unwrap(), "{at}");
        }
        assert_eq!(
            rates.rate(usd, day("2026-01-13")).unwrap_err().to_string(),
            "rates.csv has no rate of USD for 2026-01-13: the last one before is of 2026-01-05 (line 2), and a rate serves for 7 days; \
             add a line `2026-01-13,USD,` with the rate"
        );
        assert_eq!(
            rates.rate(usd, day("2026-01-01")).unwrap_err().to_string(),
            "rates.csv has no rate of USD for 2026-01-01: none is of that day or before; add a line `2026-01-01,USD,` with the rate"
        );
        assert_eq!(rates.rate(Currency::parse("GBP").unwrap(), day("2026-01-05")).unwrap_err().last, None);
        assert!(rates.rate(Currency::parse("JPY").unwrap(), day("2026-01-05")).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_line() {
        for (csv, said) in [
            ("", "rates.csv, line 1: the file is empty"),
            ("# none\n", "rates.csv, line 1: the file is empty"),
            ("2026-01-05,USD,1.1\n", "rates.csv, line 1: the first line is `date,currency,rate`"),
            ("date;currency;rate\n", "rates.csv, line 1: the first line is `date,currency,rate`, separated by commas"),
            ("date,currency,rate\n2026-01-05,USD\n", "rates.csv, line 2: a line has a date, a currency and a rate"),
            ("date,currency,rate\n2026-01-05,USD,0,92\n", "rates.csv, line 2: a line has a date, a currency and a rate"),
            ("date,currency,rate\n\n5/1/2026,USD,1\n", "rates.csv, line 3: `5/1/2026` is no date"),
            ("date,currency,rate\n2026-02-30,USD,1\n", "rates.csv, line 2: `2026-02-30` is not in the calendar"),
            ("date,currency,rate\n2026-01-05,usd,1\n", "rates.csv, line 2: `usd` is no currency; did you mean `USD`?"),
            ("date,currency,rate\n# x\n2026-01-05,USD,0.0\n", "rates.csv, line 3: a rate is more than 0"),
            ("date,currency,rate\n2026-01-05,USD,-1\n", "rates.csv, line 2: -1 is negative"),
            ("date,currency,rate\n2026-01-05,USD,1e3\n", "rates.csv, line 2: `1e3` is no number"),
            (
                "date,currency,rate\n2026-01-06,USD,1\n2026-01-05,EUR,1\n2026-01-06,USD,1\n2026-01-06,USD,1\n",
                "rates.csv, line 4: USD of 2026-01-06 stands here and on line 2; keep one of the two",
            ),
        ] {
            let mistake = Rates::parse("rates.csv", csv).unwrap_err().to_string();
            assert!(mistake.starts_with(said), "{csv:?}: {mistake}");
        }
    }
}
