//! Objectives as they are written. In: an objective as plain data; out: its YAML, the runs of days it is about, the parts
//! of a profile. What becomes of it at an instant is said in [`mod@super::judge`].

use jiff::civil::Date;
use serde_json::{Value, json};

use super::formula::Kpi;
use super::moment::plus_days;
use super::window::Calendar;

/// Whom an objective is for.
#[derive(Clone, Debug, PartialEq)]
pub enum For {
    /// One person, by id.
    Rep(String),
    /// A team with all below it.
    Team(String),
    /// Everybody.
    Company,
    /// Each person of a team, while he is in it or below.
    EachRepOf(String),
}

/// The run of days that an objective is about.
#[expect(missing_docs, reason = "each is named as the contract names it")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Every {
    Day,
    Week,
    Month,
    Quarter,
    Year,
    /// Once, both days included.
    Between(Date, Date),
}

/// How the target is spread over a period.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    /// By working time.
    WorkingTime,
    /// By plain time.
    Linear,
    /// Percentages of its months.
    Months(Vec<u32>),
    /// Percentages of its weeks of 7 days, the last perhaps shorter.
    Weeks(Vec<u32>),
}

/// An objective.
#[derive(Clone, Debug)]
pub struct Objective {
    /// By which it is named in answers.
    pub id: String,
    /// What people call it, where that is something else.
    pub name: Option<String>,
    /// What is counted.
    pub kpi: &'static Kpi,
    /// For whom.
    pub scope: For,
    /// The target as it is written, a decimal; money in major units.
    pub target: String,
    /// The currency of the target, where it is said.
    pub currency: Option<String>,
    /// The run of days.
    pub every: Every,
    /// How the target is spread.
    pub pace: Pace,
    /// The first day on which a period may begin, where it is said.
    pub from: Option<Date>,
    /// Whether less is better.
    pub at_most: bool,
    /// How far off still is on pace, a decimal.
    pub tolerance: String,
    /// The smallest denominator of a rate that says something.
    pub min_sample: u32,
    /// Whether absences lower the target.
    pub prorate_absences: bool,
    /// Whether holidays do.
    pub prorate_holidays: bool,
}

impl Objective {
    /// One with nothing said that needn't be.
    ///
    /// Panics where the contract knows no such KPI.
    pub fn new(id: &str, kpi: &str, scope: For, target: &str, every: Every) -> Objective {
        Objective {
            id: id.to_owned(),
            name: None,
            kpi: Kpi::named(kpi).unwrap_or_else(|| panic!("no KPI is called {kpi}")),
            scope,
            target: target.to_owned(),
            currency: None,
            every,
            pace: Pace::WorkingTime,
            from: None,
            at_most: false,
            tolerance: "0.10".to_owned(),
            min_sample: 20,
            prorate_absences: false,
            prorate_holidays: false,
        }
    }

    fn document(&self) -> Value {
        let number = |text: &str| -> Value { serde_json::from_str(text).expect("a decimal is a JSON number") };
        let mut written = json!({
            "id": self.id,
            "kpi": self.kpi.name,
            "scope": match &self.scope {
                For::Rep(id) => json!({"rep": id}),
                For::Team(id) => json!({"team": id}),
                For::Company => json!("company"),
                For::EachRepOf(id) => json!({"each_rep_of": id}),
            },
            "target": number(&self.target),
            "period": match self.every {
                Every::Day => json!("day"),
                Every::Week => json!("week"),
                Every::Month => json!("month"),
                Every::Quarter => json!("quarter"),
                Every::Year => json!("year"),
                Every::Between(from, to) => json!({"from": from.to_string(), "to": to.to_string()}),
            },
        });
        match &self.pace {
            Pace::WorkingTime => {}
            Pace::Linear => written["pace"] = json!("linear"),
            Pace::Months(shares) => written["pace"] = json!({ "months": shares }),
            Pace::Weeks(shares) => written["pace"] = json!({ "weeks": shares }),
        }
        // What is as it would be unsaid isn't said, so that the defaults are held against the contract too.
        if let Some(currency) = &self.currency {
            written["currency"] = json!(currency);
        }
        if let Some(from) = self.from {
            written["from"] = json!(from.to_string());
        }
        if self.at_most {
            written["direction"] = json!("at_most");
        }
        if self.tolerance != "0.10" {
            written["tolerance"] = number(&self.tolerance);
        }
        if self.min_sample != 20 {
            written["min_sample"] = json!(self.min_sample);
        }
        if self.prorate_absences {
            written["prorate_absences"] = json!(true);
        }
        if self.prorate_holidays {
            written["prorate_holidays"] = json!(true);
        }
        if let Some(name) = &self.name {
            written["name"] = json!(name);
        }
        written
    }
}

/// Objectives as `objectives.yaml`.
pub fn objectives_yaml(objectives: &[Objective]) -> String {
    let all: Vec<Value> = objectives.iter().map(Objective::document).collect();
    serde_yaml_ng::to_string(&json!({ "objectives": all })).expect("plain data can be written")
}

/// A run of days, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

impl Period {
    /// Its days.
    pub fn days(&self) -> Vec<Date> {
        let mut days = Vec::new();
        let mut day = self.first;
        while day <= self.last {
            days.push(day);
            day = plus_days(day, 1);
        }
        days
    }

    /// The parts of a profile with their percentages; nothing where the pace has no profile. Of a month that is shorter than
    /// the longest there is, the percentages of the weeks that it has.
    ///
    /// Panics where there are fewer percentages than parts.
    pub fn parts(&self, pace: &Pace) -> Option<Vec<(u32, Vec<Date>)>> {
        let (shares, begins): (_, fn(Date, Date) -> bool) = match pace {
            Pace::WorkingTime | Pace::Linear => return None,
            Pace::Months(shares) => (shares, |_, day| day.day() == 1),
            Pace::Weeks(shares) => (shares, |first, day| (day - first).get_days() % 7 == 0),
        };
        let mut parts: Vec<Vec<Date>> = Vec::new();
        for day in self.days() {
            if day == self.first || begins(self.first, day) {
                parts.push(Vec::new());
            }
            parts.last_mut().expect("the first day begins a part").push(day);
        }
        assert!(parts.len() <= shares.len(), "a share for each part of {self:?}");
        Some(shares.iter().copied().zip(parts).collect())
    }
}

impl Every {
    /// The period that holds a day; the only one there is, of {from, to}.
    pub fn holding(self, day: Date, calendar: Calendar) -> Period {
        let begins = |day: Date| match self {
            Every::Day => true,
            Every::Week => day.weekday() == calendar.week_start,
            Every::Month => day.day() == 1,
            Every::Quarter => day.day() == 1 && (day.month() - calendar.fiscal_month).rem_euclid(3) == 0,
            Every::Year => day.day() == 1 && day.month() == calendar.fiscal_month,
            Every::Between(from, _) => day == from,
        };
        if let Every::Between(first, last) = self {
            return Period { first, last };
        }
        let mut first = day;
        while !begins(first) {
            first = plus_days(first, -1);
        }
        let mut last = day;
        while !begins(plus_days(last, 1)) {
            last = plus_days(last, 1);
        }
        Period { first, last }
    }
}
