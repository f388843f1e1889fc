//! Teams and people, from a roster.
//!
//! In: the lists `teams` and `people`. Out: both with every reference resolved, and whose identity each name is. Refused with both lines: what
//! two claim, a loop of teams, memberships that overlap. Never here: what anybody did.

use std::sync::Arc;

use hashbrown::HashMap;

use super::calendars::{self, Calendars};
use super::words::{ADDRESS_KEYS, Ids, address, id, language};
use super::{Membership, Person, PersonNo, Roster, Style, Team, TeamNo, UNROSTERED};
use crate::Mistake;
use crate::tally::UNASSIGNED;
use onpace_schemas::yaml::{Fields, Node, Text};

const STYLES: [(&str, Style); 4] = [
    (Style::Dominant.name(), Style::Dominant),
    (Style::Influent.name(), Style::Influent),
    (Style::Steady.name(), Style::Steady),
    (Style::Conscientious.name(), Style::Conscientious),
];

/// Reads the teams; returns where each id is.
pub(super) fn read_teams<'a>(nodes: &'a [Node], managers: &Ids<'_>, roster: &mut Roster) -> Result<Ids<'a>, Mistake> {
    let mut ids = Ids::new("team");
    let mut read = Vec::with_capacity(nodes.len());
    for node in nodes {
        let fields = node.fields("a team", &["id", "name", "parent", "manager"])?;
        let id = id(&fields)?;
        if id.text == UNROSTERED {
            return Err(id.mistake(format!("`{UNROSTERED}` is the team of whoever is in none; choose another id")));
        }
        ids.add(id)?;
        read.push((id, fields));
    }
    let mut parents = Vec::with_capacity(read.len());
    for (id, fields) in &read {
        let parent = fields.text("parent")?;
        roster.teams.push(Team {
            id: id.text.into(),
            name: fields.owned("name")?.unwrap_or_else(|| id.text.to_owned()),
            parent: parent.map(|parent| ids.find(parent)).transpose()?,
            manager: fields.text("manager")?.map(|manager| managers.find(manager)).transpose()?,
        });
        parents.push(parent.map_or(id.line, |parent| parent.line));
    }
    refuse_loops(&roster.teams, &parents)?;
    Ok(ids)
}

/// Refuses teams that hold each other; `lines` are those of their `parent`.
fn refuse_loops(teams: &[Team], lines: &[usize]) -> Result<(), Mistake> {
    // By team, the walk that came past it: a walk that meets itself goes in a circle, one that meets an earlier walk doesn't.
    let mut seen_by = vec![usize::MAX; teams.len()];
    for start in 0..teams.len() {
        let mut team = start;
        while seen_by[team] == usize::MAX {
            seen_by[team] = start;
            match teams[team].parent {
                Some(parent) => team = parent,
                None => break,
            }
        }
        if seen_by[team] != start || teams[team].parent.is_none() {
            continue;
        }
        let mut circle = vec![team];
        circle.extend(std::iter::successors(teams[team].parent, |next| teams[*next].parent).take_while(|next| *next != team));
        let names: Vec<_> = circle.iter().map(|team| format!("`{}` (line {})", teams[*team].id, lines[*team])).collect();
        let cause = format!("teams hold each other in a circle: {} → `{}`; take one `parent` out", names.join(" → "), teams[team].id);
        return Err(Mistake::at(lines[team], cause));
    }
    Ok(())
}

/// Reads the people, and whose identity each name is.
pub(super) fn read_people(nodes: &[Node], teams: &Ids<'_>, calendars: &mut Calendars, roster: &mut Roster) -> Result<(), Mistake> {
    let mut known = vec!["id", "name", "identities", "teams", "absences", "style", "language"];
    known.extend(calendars::KEYS);
    known.extend(ADDRESS_KEYS);
    let mut ids = Ids::new("person");
    let mut read = Vec::with_capacity(nodes.len());
    // Ids before identities, so that an id is told as one wherever it stands.
    let mut claims: HashMap<&str, (PersonNo, usize)> = HashMap::new();
    for (person, node) in nodes.iter().enumerate() {
        let fields = node.fields("a person", &known)?;
        let id = id(&fields)?;
        refuse_unassigned(id)?;
        ids.add(id)?;
        claims.insert(id.text, (person, id.line));
        read.push((id, fields));
    }
    for (person, (id, fields)) in read.iter().enumerate() {
        let mut identities: Vec<Arc<str>> = Vec::new();
        for node in fields.list("identities")? {
            let identity = node.text("an identity")?;
            refuse_unassigned(identity)?;
            super::words::refuse_long(identity)?;
            match claims.insert(identity.text, (person, identity.line)) {
                None => identities.push(identity.text.into()),
                // Said twice of one and the same.
                Some((other, line)) if other == person => {
                    claims.insert(identity.text, (other, line));
                }
                Some((other, line)) => {
                    let (name, own, first) = (identity.text, id.text, read[other].0.text);
                    let cause = format!(
                        "`{name}` is `{own}` here and `{first}` on line {line}; a name in `rep` is one person's: take it out of one of the two"
                    );
                    return Err(identity.mistake(cause));
                }
            }
        }
        roster.people.push(Person {
            id: id.text.into(),
            name: fields.owned("name")?.unwrap_or_else(|| id.text.to_owned()),
            identities,
            teams: memberships(id.text, fields, teams, roster)?,
            schedule: calendars.schedule(fields, &roster.schedule)?,
            absences: calendars::absences(fields)?,
            style: fields.text("style")?.map(|style| style.one_of("style", &STYLES)).transpose()?,
            language: language(fields, roster.language)?,
            address: address(fields)?,
        });
    }
    for (number, person) in roster.people.iter().enumerate() {
        let names = std::iter::once(&person.id).chain(&person.identities);
        roster.identities.extend(names.map(|name| (name.clone(), number)));
    }
    Ok(())
}

fn refuse_unassigned(name: Text<'_>) -> Result<(), Mistake> {
    match name.text == UNASSIGNED {
        true => Err(name.mistake(format!("`{UNASSIGNED}` is the rep of what names none, so nobody can be called so"))),
        false => Ok(()),
    }
}

/// Stays in teams, by first day.
fn memberships(person: &str, fields: &Fields<'_>, teams: &Ids<'_>, roster: &Roster) -> Result<Vec<Membership>, Mistake> {
    let mut stays: Vec<(Membership, usize)> = Vec::new();
    for node in fields.list("teams")? {
        let stay = node.fields("a membership", &["team", "from", "to"])?;
        let team: TeamNo = teams.find(stay.needed("team", "as in { team: paris, from: 2026-01-01 }")?)?;
        let (from, to) = (stay.date("from")?, stay.date("to")?);
        if let (Some(first), Some(last), Some(text)) = (from, to, stay.text("to")?)
            && first > last
        {
            return Err(text.mistake(format!("the membership of `{person}` ends before it begins; `to` is its last day")));
        }
        stays.push((Membership { team, from, to }, stay.line));
    }
    stays.sort_by_key(|(stay, line)| (stay.from, *line));
    for pair in stays.windows(2) {
        let [(before, line), (after, next)] = pair else { continue };
        let begun = after.from.unwrap_or(i32::MIN);
        if before.to.is_none_or(|to| to >= begun) {
            let name = |stay: &Membership| roster.teams[stay.team].id.clone();
            let (first, second) = (line.min(next), line.max(next));
            let cause = format!(
                "the memberships of `{person}` in `{}` (line {line}) and `{}` (line {next}) overlap; one is in one team at a time: \
                 end the one on line {first} with `to`, or begin the other later",
                name(before),
                name(after)
            );
            return Err(Mistake::at(*second, cause));
        }
    }
    Ok(stays.into_iter().map(|(stay, _)| stay).collect())
}
