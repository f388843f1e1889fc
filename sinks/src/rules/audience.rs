//! Who hears: managers, all that read one language together; people with an address, all of one style and language together.
//!
//! In: a roster. Out: audiences, whose alerts are worded alike and so come from one rule. Never here: words.

use std::collections::BTreeMap;

use onpace_kpis::roster::{Address, Language, Roster, Style};

use crate::expressions::{ALERT, OWN_ALERT, any_of, string};

/// Some who are told the same things in the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Whether they are told of themselves, not of their reps.
    pub own: bool,
    /// In which language.
    pub language: Language,
    /// In which tone; managers in none.
    pub style: Option<Style>,
    /// What chooses them in a selector, empty where they are everybody.
    pub matcher: String,
}

impl Audience {
    /// What their alerts' label `audience` says.
    pub const fn name(&self) -> &'static str {
        if self.own { "rep" } else { "manager" }
    }

    /// The labels that tell their alerts apart.
    pub const fn by(&self) -> &'static str {
        if self.own { OWN_ALERT } else { ALERT }
    }

    /// The labels that their rules add.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        let mut labels = vec![("audience", self.name().to_owned()), ("language", self.language.name().to_owned())];
        if self.own {
            labels.push(("style", self.style.map_or("none", Style::name).to_owned()));
        }
        labels
    }
}

/// A language, a style, and who hears in them.
type Voice<'a> = (Language, Option<Style>, Vec<&'a str>);

/// Everybody who hears.
pub fn all(roster: &Roster) -> Vec<Audience> {
    let main = roster.manager.map_or(roster.language, |manager| roster.managers[manager].language);
    let other = match main {
        Language::En => Language::Fr,
        Language::Fr => Language::En,
    };
    let others: Vec<&str> = roster.managers.iter().filter(|manager| manager.language == other).map(|manager| manager.id.as_str()).collect();
    let managers = |language, matcher| Audience { own: false, language, style: None, matcher };
    let mut all = vec![managers(
        main,
        if others.is_empty() { String::new() } else { format!("manager!~{}", string(&any_of(others.iter().copied()))) },
    )];
    if !others.is_empty() {
        all.push(managers(other, format!("manager=~{}", string(&any_of(others.iter().copied())))));
    }
    let mut voices: BTreeMap<(&str, &str), Voice<'_>> = BTreeMap::new();
    for person in roster.people.iter().filter(|person| has_address(&person.address)) {
        let key = (person.language.name(), person.style.map_or("", Style::name));
        voices.entry(key).or_insert((person.language, person.style, Vec::new())).2.push(&person.id);
    }
    all.extend(voices.into_values().map(|(language, style, ids)| Audience {
        own: true,
        language,
        style,
        matcher: format!("rep=~{}", string(&any_of(ids))),
    }));
    all
}

/// Whether somebody can be reached.
pub fn has_address(address: &Address) -> bool {
    address.email.is_some() || address.webhook.is_some() || address.webhook_file.is_some() || address.slack_file.is_some()
}
