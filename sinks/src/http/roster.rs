//! `/v1/roster`: who is who, for whoever shows names to people.
//!
//! In: the roster in force. Out: JSON: teams and people with their names and places. Never here: addresses, absences, styles.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::metrics::Metrics;
use crate::view::now_ms;

#[derive(Serialize)]
struct Answer<'a> {
    company: &'a str,
    time_zone: &'a str,
    currency: Option<&'a str>,
    teams: Vec<Team<'a>>,
    people: Vec<Person<'a>>,
}

#[derive(Serialize)]
struct Team<'a> {
    team: &'a str,
    name: &'a str,
    parent: Option<&'a str>,
}

#[derive(Serialize)]
struct Person<'a> {
    rep: &'a str,
    name: &'a str,
    team: Option<&'a str>,
    time_zone: &'a str,
}

/// The roster as it is today.
pub async fn answer(State(metrics): State<Metrics>) -> Response {
    let (evaluation, at_us) = (metrics.configuration().now(), now_ms() * 1000);
    let roster = &evaluation.roster;
    let id = |team: usize| &*roster.teams[team].id;
    let teams = roster.teams.iter().map(|team| Team { team: &team.id, name: &team.name, parent: team.parent.map(id) });
    let people = roster.people.iter().map(|person| Person {
        rep: &person.id,
        name: &person.name,
        team: evaluation.team_of(&person.id, at_us).map(id),
        time_zone: person.schedule.zone.iana_name().unwrap_or("UTC"),
    });
    let answer = Answer {
        company: &roster.company,
        time_zone: evaluation.zone(),
        currency: roster.currency.as_ref().map(|currency| currency.code()),
        teams: teams.collect(),
        people: people.collect(),
    };
    ([(header::CACHE_CONTROL, "no-cache")], Json(answer)).into_response()
}
