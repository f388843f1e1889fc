//! The floor is believable, the same for a seed, and never ahead of the clock.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use onpace_schemas::{Kind, Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::log::EventLog;
use crate::log::memory::MemoryLog;

const DAY: i64 = 86_400_000_000;
const START: i64 = 1_764_547_200_000_000; // 2025-12-01T00:00:00Z, a Monday

fn quarter(seed: u64) -> (Simulation, Vec<Report>) {
    let mut simulation = Simulation::new(seed, 12, START);
    let mut reports = Vec::new();
    while let Some((at_us, entry)) = simulation.report_by(START + 90 * DAY) {
        reports.push((at_us, unpacked(&entry).unwrap()));
    }
    (simulation, reports)
}

#[test]
fn every_event_is_valid_and_none_is_ahead_of_its_report() {
    let (_, reports) = quarter(7);
    let mut before = START;
    for (at_us, event) in &reports {
        assert!(event.occurred_at <= *at_us && *at_us >= before && *at_us <= START + 90 * DAY, "{event:?} at {at_us}");
        before = *at_us;
        let text = json::write(event).to_string();
        // The clock of the gateway is the instant of the report: not a microsecond's grace is needed.
        let read = json::read(&text, at_us - onpace_schemas::MAX_AHEAD_US).unwrap();
        assert_eq!(read.occurred_at, event.occurred_at);
        assert_eq!(json::write(&read).to_string(), text);
    }
}

#[test]
fn the_same_seed_makes_the_same_floor_and_another_another() {
    assert!(quarter(7).1 == quarter(7).1);
    assert!(quarter(7).1 != quarter(8).1);
    let ids = |start| Simulation::new(7, 12, start).take(500).map(|event| event.entity.into_owned()).collect::<HashSet<_>>();
    assert!(ids(START).is_disjoint(&ids(START + DAY)), "two runs speak of different entities");
}

#[test]
fn three_months_are_believable() {
    let (mut simulation, reports) = quarter(7);
    assert!((30_000..90_000).contains(&reports.len()), "{} events", reports.len());
    let mut entities: HashMap<(Kind, String), HashMap<u8, Value<'static>>> = HashMap::new();
    let (mut ids, mut duplicates, mut late, mut deleted) = (HashSet::new(), 0, 0, 0);
    for (at_us, event) in reports {
        duplicates += usize::from(!ids.insert(event.id.clone()));
        late += usize::from(at_us - event.occurred_at > 3_600_000_000);
        deleted += usize::from(event.deleted == Some(true));
        entities.entry((event.kind, event.entity.into_owned())).or_default().extend(event.patch);
    }
    assert!(duplicates > 50 && late > 50 && deleted > 20, "{duplicates} {late} {deleted}");
    let share = |kind: Kind, field: &str, holds: &dyn Fn(Option<&Value<'static>>) -> bool| {
        let all: Vec<_> =
            entities.iter().filter(|((known, _), _)| *known == kind).map(|(_, fields)| fields.get(&kind.field(field).unwrap())).collect();
        all.iter().filter(|value| holds(**value)).count() as f64 / all.len() as f64
    };
    let is = |wanted: Value<'static>| move |value: Option<&Value<'static>>| value == Some(&wanted);
    for (share, low, high) in [
        (share(Kind::CALL, "outcome", &is(say::text("connected"))), 0.25, 0.5),
        (share(Kind::CALL, "purpose", &is(say::text("prospecting"))), 0.3, 0.6),
        (share(Kind::MEETING, "status", &is(say::choice(Kind::MEETING, "status", "held"))), 0.6, 0.9),
        (share(Kind::MEETING, "status", &is(say::choice(Kind::MEETING, "status", "no_show"))), 0.05, 0.25),
        (share(Kind::EMAIL, "opened_at", &|value| value.is_some()), 0.2, 0.45),
        (share(Kind::EMAIL, "replied_at", &|value| value.is_some()), 0.02, 0.15),
        (share(Kind::DEAL, "status", &is(say::choice(Kind::DEAL, "status", "won"))), 0.2, 0.6),
        (share(Kind::DEAL, "status", &is(say::choice(Kind::DEAL, "status", "lost"))), 0.1, 0.6),
    ] {
        assert!((low..high).contains(&share), "{share} is not within {low}..{high}");
    }
    // And it goes on, live, without waiting for Monday.
    let now = START + 90 * DAY;
    for step in 0..20_000 {
        let at = now + step * 1_000_000;
        assert!(simulation.at(at).unwrap().occurred_at <= at);
    }
}

#[test]
fn on_leave_nobody_does_anything_and_on_a_holiday_only_where_nobody_else_is() {
    let euro = Currency::from_bytes(b"EUR").unwrap();
    let day = |number: i64| onpace_schemas::time::day_of("2025-12-01".parse().unwrap()) + number as i32;
    let named = |name: &str| Worker { identities: vec![name.into(), format!("phone:{name}")], ..Worker::named(name, euro) };
    let gone = Worker { absences: vec![(day(10), day(40))], ..named("gone") };
    let here = Worker { holidays: vec![day(14)], ..named("here") };
    let mut simulation = Simulation::of(7, vec![gone, here], START);
    let mut calls: HashMap<String, Vec<i64>> = HashMap::new();
    let mut note = |event: &Event<'static>| {
        let rep = event.patch.iter().find(|(field, _)| Some(*field) == event.kind.field("rep"));
        if let (true, Some((_, Value::Text(rep)))) = (event.kind == Kind::CALL, rep) {
            calls.entry(rep.to_string()).or_default().push((event.occurred_at - START).div_euclid(DAY));
        }
    };
    simulation.history(START + 30 * DAY).for_each(|event| note(&event));
    for hour in 0..24 {
        for _ in 0..50 {
            note(&simulation.at(START + 30 * DAY + hour * DAY / 24).unwrap());
        }
    }
    let days = |name: &str| calls.get(name).map_or(&[][..], |days| days);
    assert!(days("gone").is_empty() && days("here").is_empty(), "calls say the last identity");
    assert!(!days("phone:gone").is_empty() && days("phone:gone").iter().all(|day| *day < 10), "{:?}", days("phone:gone"));
    assert!(days("phone:here").contains(&11) && days("phone:here").contains(&30), "{:?}", days("phone:here"));
    assert!(!days("phone:here").iter().any(|day| *day == 14 || day % 7 >= 5), "{:?}", days("phone:here"));

    let absent = Worker { absences: vec![(i32::MIN, i32::MAX)], ..named("absent") };
    let feasting = Worker { holidays: vec![day(0)], ..named("feasting") };
    assert!(Simulation::of(7, vec![absent.clone()], START).at(START).is_none());
    assert_eq!(Simulation::of(7, vec![absent.clone()], START).next(), None);
    assert!(Simulation::of(7, vec![absent, feasting], START).at(START).is_some());
}

#[tokio::test]
async fn a_history_and_live_events_go_into_a_log() {
    let log = MemoryLog::new(4);
    let mut simulation = Simulation::new(7, 3, START);
    let mut told = Vec::new();
    let count = record(&mut simulation, START + 20 * DAY, &log, &mut |at_us, count| {
        told.push((at_us, count));
        true
    })
    .await
    .unwrap();
    assert!(told.is_sorted() && told.last().is_some_and(|(at_us, so_far)| *at_us <= START + 20 * DAY && *so_far == count), "{told:?}");
    assert!(count > 1_000);
    let logged = |log: &MemoryLog| log.ends().unwrap().iter().sum::<i64>() as u64;
    assert_eq!(logged(&log), count);
    let shared: Arc<dyn EventLog> = Arc::new(log.clone());
    let pace = Pace { rate: 50_000.0, count: Some(7_000), now: || START + 20 * DAY };
    let sent = live(&mut simulation, &pace, &Destination::Log(shared), &CancellationToken::new()).await.unwrap();
    assert_eq!((sent, logged(&log)), (7_000, count + 7_000));
}

#[tokio::test]
async fn a_gateway_takes_what_is_posted() {
    let log = MemoryLog::new(4);
    let shared: Arc<dyn EventLog> = Arc::new(log.clone());
    let settings = crate::gateway::GatewaySettings { now: || START, ..Default::default() };
    let router = crate::gateway::router(settings, shared, &prometheus::Registry::new()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(crate::http::serve(listener, router, crate::http::Doors::usual().unwrap(), stop.clone()));

    let mut simulation = Simulation::new(7, 3, START);
    let pace = Pace { rate: 10_000.0, count: Some(1_500), now: || START };
    assert_eq!(live(&mut simulation, &pace, &Destination::Gateway(url.clone()), &stop).await.unwrap(), 1_500);
    assert_eq!(log.ends().unwrap().iter().sum::<i64>(), 1_500);

    let ahead = Pace { now: || START + DAY, ..pace.clone() };
    let refused = live(&mut simulation, &ahead, &Destination::Gateway(url), &stop).await.unwrap_err();
    assert!(refused.to_string().contains("does not take these events"), "{refused}");
    for (rate, to) in [(0.0, "http://a"), (f64::NAN, "http://a"), (1.0, "https://a"), (1.0, "a:80")] {
        let wrong = live(&mut simulation, &Pace { rate, ..pace.clone() }, &Destination::Gateway(to.into()), &stop).await;
        assert!(matches!(wrong, Err(SimulateError::Settings(_))), "{rate} {to}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}
