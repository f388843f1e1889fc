//! A roster's people as the simulation has them: the same names, zones, hours, holidays and absences.

use onpace_kpis::Roster;
use onpace_kpis::roster::Person;
use onpace_kpis::window::local_date;
use onpace_producers::simulate::Worker;
use onpace_schemas::Currency;
use onpace_schemas::time::day_of;

/// The people. Who lives in America sells for dollars, if the roster knows what these are worth.
pub fn workers(roster: &Roster, now_us: i64) -> Vec<Worker> {
    let today = day_of(local_date(now_us, &roster.schedule.zone));
    let dollar =
        Currency::from_bytes(b"USD").filter(|dollar| roster.rates.as_ref().is_some_and(|rates| rates.rate(*dollar, today).is_ok()));
    let usual = roster.currency.or_else(|| Currency::from_bytes(b"EUR"));
    let worker = |person: &Person| {
        let schedule = &person.schedule;
        let is_american = schedule.zone.iana_name().is_some_and(|zone| zone.starts_with("America/"));
        let names = if person.identities.is_empty() { std::slice::from_ref(&person.id) } else { &person.identities[..] };
        Some(Worker {
            identities: names.iter().map(|name| name.to_string()).collect(),
            zone: schedule.zone.clone(),
            working_days: schedule.working_days,
            hours_s: schedule.hours,
            holidays: schedule.holidays.to_vec(),
            absences: person.absences.clone(),
            currency: dollar.filter(|_| is_american).or(usual)?,
        })
    };
    roster.people.iter().filter_map(worker).collect()
}
