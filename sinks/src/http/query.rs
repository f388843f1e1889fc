//! `/v1/kpis?…` as a question; pure.
//!
//! In: pairs of names and values. Out: what is asked for, or what is wrong and what was perhaps meant.

use onpace_kpis::By;
use onpace_kpis::window::Window;
use onpace_schemas::{Currency, did_you_mean};

const PARAMETERS: [&str; 7] = ["by", "window", "kpi", "rep", "team", "currency", "at"];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A row for each of what.
    pub by: By,
    /// In these windows.
    pub windows: Vec<Window>,
    /// These KPIs, by name; empty: all.
    pub kpis: Vec<String>,
    /// Of these reps, by rep; empty: all.
    pub reps: Vec<String>,
    /// Of these teams, by team; what was done for one, by anything else.
    pub teams: Vec<String>,
    /// Money in this currency; `None`: as it is.
    pub currency: Option<Currency>,
    /// At this instant, microseconds since 1970; `None`: now.
    pub at_us: Option<i64>,
}

/// What is wrong with a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which.
    pub parameter: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl Asked {
    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// The first that is unknown, given twice where once is meant, or has a value that can't be read.
    pub fn read(pairs: &[(String, String)]) -> Result<Asked, Wrong> {
        let mut asked = Asked {
            by: By::Company,
            windows: Vec::new(),
            kpis: Vec::new(),
            reps: Vec::new(),
            teams: Vec::new(),
            currency: None,
            at_us: None,
        };
        let mut by = None;
        for (name, value) in pairs {
            let wrong = |why: String| Wrong { parameter: name.clone(), why };
            match name.as_str() {
                "by" if by.is_none() => by = Some(value.parse().map_err(wrong)?),
                "at" if asked.at_us.is_none() => asked.at_us = Some(instant(value).map_err(wrong)?),
                "currency" if asked.currency.is_none() => asked.currency = Some(Currency::parse(value).map_err(wrong)?),
                "by" | "at" | "currency" => return Err(wrong(format!("`{name}` can be given once"))),
                "window" => {
                    let window = value.parse().map_err(wrong)?;
                    if !asked.windows.contains(&window) {
                        asked.windows.push(window);
                    }
                }
                "kpi" => push_new(&mut asked.kpis, value),
                "rep" => push_new(&mut asked.reps, value),
                "team" => push_new(&mut asked.teams, value),
                _ => return Err(wrong(format!("there is no parameter `{name}`{}", did_you_mean(name, PARAMETERS.into_iter())))),
            }
        }
        let wrong = |parameter: &str, why: &str| Err(Wrong { parameter: parameter.into(), why: why.into() });
        asked.by = by.unwrap_or(match (&asked.reps[..], &asked.teams[..]) {
            ([_, ..], _) => By::Rep,
            ([], [_, ..]) => By::Team,
            ([], []) => By::Company,
        });
        if !asked.reps.is_empty() && asked.by != By::Rep {
            return wrong("rep", "`rep` picks rows of `by=rep`; leave it out, or ask by rep");
        }
        match asked.by {
            By::Team => {}
            By::Company if !asked.teams.is_empty() => {
                return wrong("team", "`team` is not for the whole company; leave it out, or ask `by=team`");
            }
            _ if asked.teams.len() > 1 => return wrong("team", "`team` can be given once, but `by=team`"),
            _ => {}
        }
        if asked.windows.is_empty() {
            asked.windows = vec![Window::Today, Window::Month];
        }
        Ok(asked)
    }
}

fn push_new(to: &mut Vec<String>, value: &str) {
    if !to.iter().any(|known| known == value) {
        to.push(value.to_owned());
    }
}

/// An instant as a query has it, microseconds since 1970.
pub fn instant(text: &str) -> Result<i64, String> {
    let at: jiff::Timestamp = text.parse().map_err(|_| {
        // A bare + in a query is a space.
        let plus = if text.contains(' ') { " (write the + of an offset as %2B)" } else { "" };
        format!("`{text}` is no instant; write RFC 3339 with an offset, such as 2026-03-02T18:00:00Z{plus}")
    })?;
    Ok(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Asked, Wrong> {
        Asked::read(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn without_anything_it_is_the_company_today_and_this_month() {
        let asked = read(&[]).unwrap();
        assert_eq!((asked.by, asked.windows, asked.at_us), (By::Company, vec![Window::Today, Window::Month], None));
    }

    #[test]
    fn parameters_may_be_repeated_but_two_of_them() {
        let asked = read(&[
            ("by", "rep"),
            ("window", "7d"),
            ("window", "month"),
            ("window", "7d"),
            ("rep", "a"),
            ("rep", "é"),
            ("at", "1970-01-01T00:00:01+00:00"),
        ])
        .unwrap();
        assert_eq!((asked.by, asked.windows, asked.at_us), (By::Rep, vec![Window::D7, Window::Month], Some(1_000_000)));
        assert_eq!(asked.reps, ["a", "é"]);
        assert_eq!(read(&[("team", "a"), ("team", "b")]).unwrap().by, By::Team);
        assert_eq!(read(&[("team", "a"), ("rep", "b"), ("currency", "EUR")]).unwrap().currency, Currency::parse("EUR").ok());
        assert_eq!(read(&[("team", "a"), ("team", "b"), ("by", "rep")]).unwrap_err().parameter, "team");
        assert_eq!(read(&[("at", "1970-01-01T00:00:01Z"), ("at", "1970-01-01T00:00:01Z")]).unwrap_err().parameter, "at");
    }

    #[test]
    fn what_is_unknown_is_named_with_what_was_perhaps_meant() {
        assert!(read(&[("windwo", "7d")]).unwrap_err().why.contains("did you mean `window`"));
        assert!(read(&[("window", "yesteray")]).unwrap_err().why.contains("`yesterday`"));
        assert!(read(&[("by", "company"), ("team", "paris")]).unwrap_err().why.contains("by=team"));
        assert!(read(&[("currency", "euro")]).unwrap_err().why.contains("euro"));
        assert!(read(&[("by", "reps")]).unwrap_err().why.contains("`rep`"));
        assert!(read(&[("at", "2026-03-02T18:00:00")]).unwrap_err().why.contains("offset"));
        assert!(read(&[("at", "2026-03-02T18:00:00 02:00")]).unwrap_err().why.contains("%2B"));
    }
}
