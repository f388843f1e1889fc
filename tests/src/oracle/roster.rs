//! Who belongs where. In: a roster as plain data; out: whose an identity is, who is in which team on a day, what a
//! rate of exchange is, and the roster as the YAML a user would write. Every answer is a search through
//! the lists: nothing is indexed, nothing is remembered.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use num_rational::BigRational;
use num_traits::One;
use serde_json::{Value, json};

use super::moment::{local_date, plus_days};
use super::silence::Source;
use super::window::Calendar;

/// The team of whoever has none.
pub const UNROSTERED: &str = "unrostered";

/// Days on which somebody works, and from when to when, unless the day is a holiday.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// The days of the week.
    pub days: Vec<Weekday>,
    /// Minutes after midnight at which work begins and ends.
    pub minutes: (i32, i32),
    /// The days on which nobody works.
    pub holidays: BTreeSet<Date>,
    /// The days on which one works for the first half of one's hours; no holidays.
    pub half_days: BTreeSet<Date>,
}

/// A time in a team.
#[derive(Clone, Debug, PartialEq)]
pub struct Stay {
    /// The team's id.
    pub team: String,
    /// The first day.
    pub from: Date,
    /// The last day; none where it goes on.
    pub to: Option<Date>,
}

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// By which he is named in answers; one of his identities too.
    pub id: String,
    /// What he is called in `rep` besides.
    pub identities: Vec<String>,
    /// His teams, one at a time.
    pub stays: Vec<Stay>,
    /// His zone, where it is not the company's.
    pub zone: Option<TimeZone>,
    /// His hours; what of them equals the company's isn't written.
    pub hours: Hours,
    /// First and last days of being away.
    pub absences: Vec<(Date, Date)>,
}

/// A team.
#[derive(Clone, Debug)]
pub struct Team {
    /// By which it is named.
    pub id: String,
    /// The team it is part of.
    pub parent: Option<String>,
}

/// What a unit of a currency was worth in the reporting currency on a day.
#[derive(Clone, Debug)]
pub struct Rate {
    /// The day.
    pub date: Date,
    /// The currency.
    pub currency: String,
    /// The rate as it is written, a decimal.
    pub rate: String,
}

/// A company.
#[derive(Clone, Debug)]
pub struct Roster {
    /// The company's zone.
    pub zone: TimeZone,
    /// The reporting currency.
    pub currency: String,
    /// How weeks and years are counted.
    pub calendar: Calendar,
    /// The company's hours.
    pub hours: Hours,
    /// The teams; a parent may come after its child.
    pub teams: Vec<Team>,
    /// The people.
    pub people: Vec<Person>,
    /// The rates of exchange; none where there is no file of them.
    pub rates: Vec<Rate>,
    /// Where events come from.
    pub sources: Vec<Source>,
}

impl Roster {
    /// Whose identity a name is, by his place among the people.
    pub fn person(&self, identity: &str) -> Option<usize> {
        let is_his = |person: &Person| person.id == identity || person.identities.iter().any(|one| one == identity);
        self.people.iter().position(is_his)
    }

    /// The name by which a rep is known in answers: his id, or the raw name of nobody's identity.
    pub fn rep<'a>(&'a self, identity: &'a str) -> &'a str {
        self.person(identity).map_or(identity, |person| &self.people[person].id)
    }

    /// The zone of a person, or the company's.
    pub fn zone_of(&self, person: Option<usize>) -> &TimeZone {
        let own = person.and_then(|person| self.people[person].zone.as_ref());
        own.unwrap_or(&self.zone)
    }

    /// A person's team on one of his days.
    pub fn team_on(&self, person: usize, date: Date) -> Option<&str> {
        let holds = |stay: &&Stay| stay.from <= date && stay.to.is_none_or(|to| date <= to);
        self.people[person].stays.iter().find(holds).map(|stay| stay.team.as_str())
    }

    /// Whether somebody is in a team or below it on one of his days; `unrostered` is who is in none.
    pub fn is_in_on(&self, person: usize, date: Date, team: &str) -> bool {
        match self.team_on(person, date) {
            None => team == UNROSTERED,
            Some(own) => self.is_part_of(own, team),
        }
    }

    /// The same at a slot (µs); nobody's identity is `unrostered`.
    pub fn is_in_at(&self, person: Option<usize>, slot: i64, team: &str) -> bool {
        match person {
            None => team == UNROSTERED,
            Some(someone) => self.is_in_on(someone, local_date(slot, self.zone_of(person)), team),
        }
    }

    /// Whether a team is another or lies below it.
    pub fn is_part_of(&self, team: &str, of: &str) -> bool {
        if team == of {
            return true;
        }
        let itself = self.teams.iter().find(|one| one.id == team);
        let parent = itself.and_then(|one| one.parent.as_deref());
        parent.is_some_and(|parent| self.is_part_of(parent, of))
    }

    /// What a major unit of a currency was worth in the reporting currency: the day's rate, or the last of the
    /// seven days before.
    ///
    /// Panics where there is none: the oracle is only asked what has an answer.
    pub fn rate(&self, currency: &str, date: Date) -> BigRational {
        if currency == self.currency {
            return BigRational::one();
        }
        for back in 0..=7 {
            let day = plus_days(date, -back);
            if let Some(rate) = self.rates.iter().find(|rate| rate.date == day && rate.currency == currency) {
                return decimal(&rate.rate);
            }
        }
        panic!("no rate of {currency} on {date} nor in the seven days before");
    }

    /// The roster as `roster.yaml`, with `rates.csv` beside it where there are rates.
    pub fn yaml(&self) -> String {
        let mut document = json!({
            "company": "Acme",
            "time_zone": self.zone.iana_name(),
            "currency": self.currency,
            "week_starts": long(self.calendar.week_start),
            "fiscal_year_starts": MONTHS[self.calendar.fiscal_month as usize - 1],
            "working_days": short(&self.hours.days),
            "working_hours": clock(self.hours.minutes),
            "holidays": days_off(&self.hours),
            "managers": [{ "id": "luc", "name": "Luc Martin", "email": "luc@acme.example" }],
            "manager": "luc",
            "operations": "luc",
            "teams": self.teams.iter().map(team).collect::<Vec<_>>(),
            "people": self.people.iter().map(|person| self.write(person)).collect::<Vec<_>>(),
        });
        if !self.rates.is_empty() {
            document["rates"] = json!("rates.csv");
        }
        if !self.sources.is_empty() {
            document["sources"] = self.sources.iter().map(source).collect();
        }
        serde_yaml_ng::to_string(&document).expect("plain data can be written")
    }

    /// The rates as `rates.csv`.
    pub fn rates_csv(&self) -> String {
        let lines = self.rates.iter().map(|rate| format!("{},{},{}\n", rate.date, rate.currency, rate.rate));
        "date,currency,rate\n".to_owned() + &lines.collect::<String>()
    }

    fn write(&self, person: &Person) -> Value {
        let stays = person.stays.iter().map(|stay| {
            let mut written = json!({"team": stay.team, "from": stay.from.to_string()});
            if let Some(to) = stay.to {
                written["to"] = json!(to.to_string());
            }
            written
        });
        let mut written = json!({
            "id": person.id,
            "name": format!("{} Curie", person.id),
            "identities": person.identities,
            "teams": stays.collect::<Vec<_>>(),
        });
        let absences = person.absences.iter().map(|(from, to)| json!({"from": from.to_string(), "to": to.to_string()}));
        if !person.absences.is_empty() {
            written["absences"] = absences.collect();
        }
        if let Some(zone) = &person.zone {
            written["time_zone"] = json!(zone.iana_name());
        }
        if person.hours.days != self.hours.days {
            written["working_days"] = json!(short(&person.hours.days));
        }
        if person.hours.minutes != self.hours.minutes {
            written["working_hours"] = json!(clock(person.hours.minutes));
        }
        if (&person.hours.holidays, &person.hours.half_days) != (&self.hours.holidays, &self.hours.half_days) {
            written["holidays"] = days_off(&person.hours);
        }
        written
    }
}

fn days_off(hours: &Hours) -> Value {
    let mut written = json!({ "extra": dates(&hours.holidays) });
    if !hours.half_days.is_empty() {
        written["half"] = json!(dates(&hours.half_days));
    }
    written
}

fn source(source: &Source) -> Value {
    let mut written = json!({"id": source.id, "live": source.live});
    if let Some(silence) = source.written_silence() {
        written["max_silence"] = json!(silence);
    }
    written
}

fn team(team: &Team) -> Value {
    let mut written = json!({"id": team.id, "name": format!("Team {}", team.id)});
    if let Some(parent) = &team.parent {
        written["parent"] = json!(parent);
    }
    written
}

/// Reads a decimal such as `-12.50`, exactly.
pub fn decimal(text: &str) -> BigRational {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}").parse().unwrap_or_else(|_| panic!("{text:?} is no decimal"));
    let power = u32::try_from(fraction.len()).expect("few digits");
    BigRational::new(digits, num_bigint::BigInt::from(10).pow(power))
}

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

fn long(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

fn short(days: &[Weekday]) -> Vec<&'static str> {
    days.iter().map(|day| &long(*day)[..3]).collect()
}

fn clock((from, to): (i32, i32)) -> String {
    format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
}

fn dates(dates: &BTreeSet<Date>) -> Vec<String> {
    dates.iter().map(ToString::to_string).collect()
}
