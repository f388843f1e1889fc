//! The roster: who is who, in which team and when, when each works, what money is worth, who hears of what.
//!
//! In: YAML and a table of rates, read by the caller. Out: a [`Roster`], whose every reference is resolved. A company
//! without a roster has [`Roster::of`] its zone: nobody is known, everybody is `unrostered`.
//! Never here: files, clocks, counters.

mod calendars;
mod document;
pub mod holidays;
mod people;
pub mod rates;
mod words;

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use onpace_schemas::Currency;

pub use rates::{MissingRate, Rates};

use crate::period::Settings;
use crate::worktime::Schedule;

/// The team of whoever is in none.
pub const UNROSTERED: &str = "unrostered";

/// A person's place in [`Roster::people`].
pub type PersonNo = usize;
/// A team's place in [`Roster::teams`].
pub type TeamNo = usize;
/// A manager's place in [`Roster::managers`].
pub type ManagerNo = usize;

/// A company: its calendar, its teams and its people.
#[derive(Clone, Debug)]
pub struct Roster {
    /// The company's name; empty where there is no roster.
    pub company: String,
    /// The company's zone, working days and hours, and holidays: everybody's who has no other.
    pub schedule: Schedule,
    /// Its weeks and its fiscal year.
    pub settings: Settings,
    /// The currency that money is reported in.
    pub currency: Option<Currency>,
    /// What other currencies are worth in it, by day.
    pub rates: Option<Rates>,
    /// The language of whoever has no other.
    pub language: Language,
    /// Who hears of objectives.
    pub managers: Vec<Manager>,
    /// The manager of the company, and of whatever has none.
    pub manager: Option<ManagerNo>,
    /// Who hears of the pipeline's own troubles: a manager's id, or a receiver's that is set up elsewhere.
    pub operations: Option<String>,
    /// How e-mail is sent.
    pub smtp: Option<Smtp>,
    /// Teams; parents and children in any order.
    pub teams: Vec<Team>,
    /// People.
    pub people: Vec<Person>,
    /// Where events come from, as far as silence of it is a matter.
    pub sources: Vec<Source>,
    /// Whose identity a name in an event's `rep` is. A person's id is one of his identities.
    pub identities: HashMap<Arc<str>, PersonNo>,
}

/// Somebody who hears of objectives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// A short name, unique among managers.
    pub id: String,
    /// What people call him.
    pub name: String,
    /// Where and how he hears.
    pub address: Address,
    /// The language he is written in.
    pub language: Language,
}

/// Where somebody is reached. Secrets are in files that are named here and read by Alertmanager alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// By e-mail.
    pub email: Option<String>,
    /// By a webhook: its address.
    pub webhook: Option<String>,
    /// By a webhook whose address is in this file.
    pub webhook_file: Option<String>,
    /// A file with the bearer token that the webhook wants.
    pub credentials_file: Option<String>,
    /// By Slack: the file that holds its webhook's address.
    pub slack_file: Option<String>,
    /// The Slack channel, where the webhook's own isn't meant.
    pub slack_channel: Option<String>,
}

/// The server that e-mail is sent through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// `host:port`.
    pub host: String,
    /// The sender's address.
    pub from: String,
    /// The user, where one logs in.
    pub user: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<String>,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// A short name, unique among teams; the `team` of metrics and JSON.
    pub id: Arc<str>,
    /// What people call it.
    pub name: String,
    /// The team that holds it.
    pub parent: Option<TeamNo>,
    /// Who hears of it; where `None`, whoever hears of its parent.
    pub manager: Option<ManagerNo>,
}

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// A short name, unique among people; the `rep` of metrics and JSON.
    pub id: Arc<str>,
    /// What people call him.
    pub name: String,
    /// What events call him, beside his id.
    pub identities: Vec<Arc<str>>,
    /// In which teams he was and when, by first day; they don't overlap.
    pub teams: Vec<Membership>,
    /// His zone, working days and hours, and holidays.
    pub schedule: Schedule,
    /// When he is away: first and last day, both included; sorted, apart from each other.
    pub absences: Vec<(i32, i32)>,
    /// How he likes to be talked to.
    pub style: Option<Style>,
    /// The language he is written in.
    pub language: Language,
    /// Where and how he hears of his own objectives, if he does.
    pub address: Address,
}

/// A stay in a team. Days since 1970-01-01, in the person's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The team.
    pub team: TeamNo,
    /// The first day; `None`: from the beginning.
    pub from: Option<i32>,
    /// The last day; `None`: to this day and on.
    pub to: Option<i32>,
}

/// A source of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As events name it in `source`.
    pub id: String,
    /// Whether it reports as things happen; an import doesn't.
    pub live: bool,
    /// For how much of the company's working time it may be silent, in seconds; `None`: as long as it likes.
    pub max_silence_s: Option<i64>,
}

/// A DISC style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Direct, wants results.
    Dominant,
    /// Enthusiastic, wants recognition.
    Influent,
    /// Calm, wants security.
    Steady,
    /// Precise, wants facts.
    Conscientious,
}

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
}

impl Roster {
    /// A company of which only the zone is known.
    pub fn of(zone: TimeZone) -> Roster {
        Roster {
            company: String::new(),
            schedule: Schedule::office(zone),
            settings: Settings::default(),
            currency: None,
            rates: None,
            language: Language::En,
            managers: Vec::new(),
            manager: None,
            operations: None,
            smtp: None,
            teams: Vec::new(),
            people: Vec::new(),
            sources: Vec::new(),
            identities: HashMap::new(),
        }
    }

    /// Adds a person. Whoever had one of his identities before has it no more.
    pub fn add(&mut self, person: Person) {
        let number = self.people.len();
        let names = person.identities.iter().chain([&person.id]);
        self.identities.extend(names.map(|name| (name.clone(), number)));
        self.people.push(person);
    }

    /// Who a name in an event's `rep` is.
    pub fn person(&self, rep: &str) -> Option<PersonNo> {
        self.identities.get(rep).copied()
    }

    /// The team of that id.
    pub fn team(&self, id: &str) -> Option<TeamNo> {
        self.teams.iter().position(|team| &*team.id == id)
    }

    /// A team and the teams that hold it, itself first.
    pub fn with_parents(&self, team: TeamNo) -> impl Iterator<Item = TeamNo> {
        std::iter::successors(Some(team), |team| self.teams.get(*team)?.parent)
    }

    /// Whether a team is another or lies below it.
    pub fn is_within(&self, team: TeamNo, other: TeamNo) -> bool {
        self.with_parents(team).any(|held| held == other)
    }

    /// Who hears of a team.
    pub fn manager_of(&self, team: Option<TeamNo>) -> Option<ManagerNo> {
        team.and_then(|team| self.with_parents(team).find_map(|team| self.teams[team].manager)).or(self.manager)
    }
}

impl Default for Roster {
    fn default() -> Self {
        Roster::of(TimeZone::UTC)
    }
}

impl Person {
    /// The team he is in on a day.
    pub fn team_on(&self, day: i32) -> Option<TeamNo> {
        let member = |stay: &&Membership| stay.from.is_none_or(|from| from <= day) && stay.to.is_none_or(|to| day <= to);
        self.teams.iter().find(member).map(|stay| stay.team)
    }
}

impl Style {
    /// Its name in a roster.
    pub const fn name(self) -> &'static str {
        match self {
            Style::Dominant => "dominant",
            Style::Influent => "influent",
            Style::Steady => "steady",
            Style::Conscientious => "conscientious",
        }
    }
}

impl Language {
    /// Its name in a roster.
    pub const fn name(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Fr => "fr",
        }
    }
}
