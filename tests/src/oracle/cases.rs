//! The contract's own sentences as small cases, each worked out by hand. In: a few events; out: what the
//! contract says they come to.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use num_rational::BigRational;
use serde_json::{Value, json};

use super::*;

fn event(kind: &str, occurred_at: &str, data: Value) -> Value {
    json!({"source": "test", "kind": kind, "entity": "1", "occurred_at": occurred_at, "data": data})
}

fn deal(occurred_at: &str, data: Value) -> Value {
    event("deal", occurred_at, data)
}

/// A KPI of one window, by anything; nothing where there is no such row.
struct Asked {
    question: Question,
    oracle: Oracle,
}

impl Asked {
    fn new(events: &[Value], at: &str, zone: &str) -> Asked {
        Asked { question: Question::new(at.parse().unwrap(), By::Company, zone), oracle: Oracle::new(events) }
    }

    fn by(mut self, by: By) -> Asked {
        self.question.by = by;
        self
    }

    fn row(&self, kpi: &str, window: Window, key: Option<&str>) -> Option<Row> {
        let rows = self.oracle.kpis(&self.question);
        rows.into_iter().find(|row| row.kpi.name == kpi && row.window == window && row.key.as_deref() == key)
    }

    /// The value as text; "-" where there is none, "" where there is no row.
    fn get(&self, kpi: &str, window: Window) -> String {
        text(self.row(kpi, window, None))
    }

    fn of(&self, kpi: &str, window: Window, key: &str) -> String {
        text(self.row(kpi, window, Some(key)))
    }
}

fn text(row: Option<Row>) -> String {
    row.map_or(String::new(), |row| row.value.map_or("-".to_owned(), |value| value.to_string()))
}

fn life_of(events: &[Value]) -> Life {
    contribute::life(&Oracle::new(events).entities()[0])
}

fn when(text: &str) -> When {
    moment::parse_when(text)
}

#[test]
fn a_reopened_deal_leaves_its_old_slot() {
    let mut events = vec![
        deal("2026-01-05T10:00:00Z", json!({"status": "won", "amount": {"value": 10, "currency": "EUR"}})),
        deal("2026-02-05T10:00:00Z", json!({"status": "open"})),
    ];
    let asked = Asked::new(&events, "2026-03-31T12:00:00Z", "UTC");
    assert_eq!(asked.get("deals_won", Window::All), "0");
    assert_eq!(asked.get("open_deals", Window::All), "1");
    assert_eq!(asked.get("open_pipeline", Window::All), "10");

    events.push(deal("2026-03-05T10:00:00Z", json!({"status": "won"})));
    let asked = Asked::new(&events, "2026-03-31T12:00:00Z", "UTC");
    assert_eq!(asked.get("deals_won", Window::All), "1");
    assert_eq!(asked.get("deals_won", Window::Month), "1");
    assert_eq!(asked.get("revenue_won", Window::Month), "10");
    assert_eq!(asked.get("open_deals", Window::All), "0");
    // It was open to the end of February, counted from January.
    assert_eq!(asked.get("open_deals", Window::LastMonth), "1");
    assert_eq!(asked.get("open_pipeline", Window::Month), "0");
    // 5 January 10:00 to 5 March 10:00.
    assert_eq!(asked.get("sales_cycle_days", Window::All), "59");
}

#[test]
fn a_cleared_status_is_open() {
    let events = [
        deal("2026-01-05T10:00:00Z", json!({"status": "won", "closed_at": "2026-01-04"})),
        deal("2026-02-05T10:00:00Z", json!({"status": null})),
        deal("2026-03-05T10:00:00Z", json!({"status": "won"})),
    ];
    assert_eq!(life_of(&events[..2]).closed, None);
    // The date was said before the clearing: it is left over from an earlier closing.
    assert_eq!(life_of(&events).closed, Some(when("2026-03-05T10:00:00Z")));
}

#[test]
fn a_closed_at_of_this_closing_counts() {
    let mut events = vec![
        deal("2026-01-05T10:00:00Z", json!({"status": "open", "created_at": "2026-01-02"})),
        deal("2026-03-05T10:00:00Z", json!({"status": "won"})),
        deal("2026-02-01T00:00:00Z", json!({"closed_at": "2026-01-31"})),
    ];
    assert_eq!(life_of(&events).closed, Some(when("2026-01-31")));
    // Said at the very stamp of the last other status it does not.
    events[2]["occurred_at"] = json!("2026-01-05T10:00:00Z");
    assert_eq!(life_of(&events).closed, Some(when("2026-03-05T10:00:00Z")));
    // Without any other status it always does.
    assert_eq!(life_of(&events[1..]).closed, Some(when("2026-01-31")));
    // Cleared later, the run of the status decides; its oldest entry.
    events[2]["occurred_at"] = json!("2026-02-01T00:00:00Z");
    events.push(deal("2026-03-09T00:00:00Z", json!({"status": "won", "closed_at": ""})));
    assert_eq!(life_of(&events).closed, Some(when("2026-03-05T10:00:00Z")));
}

#[test]
fn from_lost_to_won_is_another_closing() {
    let events = [
        deal("2026-01-05T10:00:00Z", json!({"status": "lost", "closed_at": "2026-01-05"})),
        deal("2026-01-06T10:00:00Z", json!({"status": "won"})),
    ];
    assert_eq!(life_of(&events).closed, Some(when("2026-01-06T10:00:00Z")));
    let asked = Asked::new(&events, "2026-01-31T12:00:00Z", "UTC");
    assert_eq!(asked.get("deals_lost", Window::All), "0");
    assert_eq!(asked.get("deals_won", Window::All), "1");
    assert_eq!(asked.get("win_rate", Window::All), "1");
}

#[test]
fn won_beats_open_said_in_the_same_second() {
    let won = deal("2026-01-05T10:00:00Z", json!({"status": "won", "rep": "Ann"}));
    let open = deal("2026-01-05T10:00:00.0000009Z", json!({"status": "open", "rep": "Zoe"}));
    for events in [[won.clone(), open.clone()], [open, won]] {
        let asked = Asked::new(&events, "2026-01-31T12:00:00Z", "UTC").by(By::Rep);
        assert_eq!(asked.of("deals_won", Window::All, "Zoe"), "1");
        assert_eq!(asked.of("deals_won", Window::All, "Ann"), "");
    }
}

#[test]
fn of_one_instant_the_greatest_value_wins() {
    let at = "2026-01-05T10:00:00Z";
    let current = |field: &str, values: &[Value]| {
        let events: Vec<Value> = values.iter().map(|v| deal(at, json!({field: v}))).collect();
        let oracle = Oracle::new(&events);
        let entity = &oracle.entities()[0];
        entity.current(field).map(|(_, value)| value.clone())
    };
    let time = |text: &str| Some(entity::Value::Time(when(text)));
    assert_eq!(current("closed_at", &[json!("2026-01-05"), json!("2026-01-05T12:00:00Z")]), time("2026-01-05"));
    assert_eq!(current("closed_at", &[json!("2026-01-05"), json!("2026-01-05T12:00:01Z")]), time("2026-01-05T12:00:01Z"));
    let text = |text: &str| Some(entity::Value::Text(text.to_owned()));
    assert_eq!(current("rep", &[json!(null), json!("a"), json!("")]), text("a"));
    assert_eq!(current("rep", &[json!("Zoe"), json!("ann"), json!("Émile")]), text("Émile"));
    assert_eq!(
        current(
            "amount",
            &[
                json!({"value": "900.00", "currency": "EUR"}),
                json!({"value": -3, "currency": "USD"}),
                json!({"value": "-2.99", "currency": "USD"}),
            ]
        ),
        Some(entity::Value::Amount("USD".to_owned(), -299))
    );
}

/// The same event, said later than it occurred.
fn said(mut event: Value, said_at: &str) -> Value {
    event["said_at"] = json!(said_at);
    event
}

#[test]
fn of_one_instant_what_was_said_last_wins_and_an_earlier_instant_never_does() {
    let at = "2026-01-05T10:00:00Z";
    let mut events = vec![
        said(deal(at, json!({"rep": "Ann", "status": "open", "amount": {"value": 10, "currency": "EUR"}})), "2026-01-09T10:00:00Z"),
        deal(at, json!({"rep": "Zoe", "status": "won", "amount": {"value": 99, "currency": "EUR"}})),
    ];
    let asked = |events: &[Value]| Asked::new(events, "2026-01-31T10:00:00Z", "UTC");
    for _ in 0..2 {
        events.reverse();
        assert_eq!(asked(&events).get("deals_won", Window::All), "0");
        assert_eq!(asked(&events).get("open_pipeline", Window::All), "10");
        assert_eq!(asked(&events).by(By::Rep).of("open_deals", Window::All, "Ann"), "1");
    }
    // Said later still; and of a greater instant, though said before.
    events.push(said(deal(at, json!({"status": "won"})), "2026-01-09T10:00:00.000001Z"));
    assert_eq!(asked(&events).get("deals_won", Window::All), "1");
    events.push(deal("2026-01-05T10:00:01Z", json!({"status": "lost"})));
    assert_eq!(asked(&events).get("deals_won", Window::All), "0");
    let gone = |deleted: bool| json!({"source": "t", "kind": "deal", "entity": "1", "deleted": deleted, "occurred_at": at});
    events.extend([gone(true), said(gone(false), "2026-01-05T10:00:00.000001Z")]);
    assert_eq!(asked(&events).get("deals_lost", Window::All), "1");
}

#[test]
fn a_stage_is_entered_when_it_first_occurred_whenever_that_was_said() {
    let at = |day: &str| format!("2026-01-{day}T10:00:00Z");
    let events = [
        deal(&at("05"), json!({"stage": "offer"})),
        said(deal(&at("05"), json!({"stage": "demo"})), &at("20")),
        deal(&at("07"), json!({"stage": "demo"})),
    ];
    let entered = |day: &str, stage: &str| {
        let evening = format!("2026-01-{day}T20:00:00Z");
        Asked::new(&events, &evening, "UTC").by(By::Stage).of("stage_entered", Window::Today, stage)
    };
    assert_eq!(["offer", "demo"].map(|stage| entered("05", stage)), ["1", "1"]);
    assert_eq!(["07", "20"].map(|day| entered(day, "demo")), ["0", "0"]);
}

#[test]
fn free_texts_are_cut_where_a_letter_ends() {
    let events = [deal("2026-01-05T10:00:00Z", json!({"name": format!("x{}", "é".repeat(100)), "lost_reason": "語".repeat(70)}))];
    let oracle = Oracle::new(&events);
    assert_eq!(oracle.entities()[0].text("name"), format!("x{}", "é".repeat(99)));
    assert_eq!(oracle.entities()[0].text("lost_reason"), "語".repeat(66));
}

#[test]
fn a_later_clearing_clears() {
    let events = [
        event("call", "2026-01-05T10:00:00Z", json!({"rep": "Ann", "outcome": "connected", "duration_s": 60})),
        event("call", "2026-01-05T11:00:00Z", json!({"rep": "", "duration_s": null})),
    ];
    let asked = Asked::new(&events, "2026-01-31T12:00:00Z", "UTC").by(By::Rep);
    assert_eq!(asked.of("calls_connected", Window::Month, "unassigned"), "1");
    assert_eq!(asked.of("talk_time_s", Window::Month, "unassigned"), "0");
    assert_eq!(asked.of("calls_made", Window::Month, "Ann"), "");
}

#[test]
fn calls_count_by_direction_outcome_and_purpose() {
    let call = |entity: &str, data: Value| {
        let mut call = event("call", "2026-01-05T10:00:00Z", data);
        call["entity"] = json!(entity);
        call
    };
    let events = [
        call("1", json!({"purpose": "prospecting", "outcome": "connected", "duration_s": 100})),
        call("2", json!({"outcome": "voicemail", "duration_s": 30})),
        call("3", json!({"direction": "inbound", "outcome": "connected", "duration_s": 7})),
        call("4", json!({"direction": "inbound", "purpose": "prospecting", "outcome": "busy"})),
    ];
    let asked = Asked::new(&events, "2026-01-05T10:00:00.000001Z", "UTC");
    let kpis = [
        ("calls_made", "2"),
        ("prospecting_calls", "1"),
        ("calls_connected", "1"),
        ("calls_received", "2"),
        ("talk_time_s", "107"),
        ("connect_rate", "1/2"),
        ("no_show_rate", "-"),
    ];
    for (kpi, expected) in kpis {
        assert_eq!(asked.get(kpi, Window::Rolling1h), expected, "{kpi}");
    }
    // Asked at that very instant the slot has not begun: the end is not in the window.
    let asked = Asked::new(&events, "2026-01-05T10:00:00Z", "UTC");
    assert_eq!(asked.get("calls_made", Window::All), "0");
    assert_eq!(asked.get("connect_rate", Window::All), "-");
}

#[test]
fn a_meeting_is_booked_when_first_seen_and_held_when_it_starts() {
    let events = [
        event("meeting", "2026-01-20T10:00:00Z", json!({"starts_at": "2026-02-03T09:00:00+01:00"})),
        event("meeting", "2026-02-03T11:00:00Z", json!({"status": "held"})),
    ];
    let asked = Asked::new(&events, "2026-02-28T12:00:00Z", "UTC");
    assert_eq!(asked.get("meetings_booked", Window::LastMonth), "1");
    assert_eq!(asked.get("meetings_booked", Window::Month), "0");
    assert_eq!(asked.get("meetings_held", Window::Month), "1");
    assert_eq!(asked.get("no_show_rate", Window::Month), "0");
}

#[test]
fn an_opening_by_a_person_hides_one_by_a_machine() {
    let mut events = vec![
        event("email", "2026-01-05T10:00:00Z", json!({"machine_opened_at": "2026-03-05T10:00:03Z"})),
        event("email", "2026-01-09T10:00:00Z", json!({"sent_at": "2026-01-07"})),
    ];
    let get = |events: &[Value], kpi: &str| Asked::new(events, "2026-01-31T12:00:00Z", "UTC").get(kpi, Window::Month);
    assert_eq!(get(&events, "emails_machine_opened"), "1");
    assert_eq!(get(&events, "open_rate"), "0");
    events.push(event("email", "2026-01-05T11:00:00Z", json!({"opened_at": "2026-04-01T00:00:00Z"})));
    assert_eq!(get(&events, "emails_machine_opened"), "0");
    assert_eq!(get(&events, "open_rate"), "1");
    events.push(event("email", "2026-01-06T11:00:00Z", json!({"bounced": true})));
    assert_eq!(get(&events, "emails_opened"), "0");
    assert_eq!(get(&events, "bounce_rate"), "1");
    assert_eq!(get(&events, "open_rate"), "-");
}

#[test]
fn first_fields_keep_the_earliest_whatever_the_stamp() {
    let events = [
        event("email", "2026-01-05T10:00:00Z", json!({"opened_at": "2026-01-06T10:00:00Z"})),
        event("email", "2026-01-09T10:00:00Z", json!({"opened_at": "2026-01-08T10:00:00Z"})),
    ];
    let oracle = Oracle::new(&events);
    assert!(oracle.entities()[0].ever("opened_at"));
    assert_eq!(oracle.entities()[0].first_seen(), moment::parse_instant("2026-01-05T10:00:00Z"));
}

#[test]
fn deleted_then_undeleted_is_as_if_never_deleted() {
    let mut events = vec![
        event("call", "2026-01-05T10:00:00Z", json!({"rep": "Ann"})),
        json!({"source": "t", "kind": "call", "entity": "1", "deleted": true, "occurred_at": "2026-01-06T10:00:00Z"}),
    ];
    let get = |events: &[Value]| Asked::new(events, "2026-01-31T12:00:00Z", "UTC").get("calls_made", Window::Month);
    assert_eq!(get(&events), "0");
    events.push(event("call", "2026-01-07T10:00:00Z", json!({"rep": "Bob"})));
    assert_eq!(get(&events), "0");
    // At one instant with the deletion, `false` loses.
    events.push(json!({"source": "t", "kind": "call", "entity": "1", "deleted": false, "occurred_at": "2026-01-06T10:00:00Z"}));
    assert_eq!(get(&events), "0");
    events[3]["occurred_at"] = json!("2026-01-06T10:00:00.000001Z");
    assert_eq!(get(&events), "1");
}

#[test]
fn a_date_is_that_day_in_every_zone() {
    let events = [deal(
        "2026-02-03T10:00:00Z",
        json!({"status": "won", "created_at": "2026-01-01",
            "closed_at": "2026-01-31"}),
    )];
    for zone in ["Pacific/Auckland", "Asia/Kolkata", "America/New_York", "Pacific/Pago_Pago"] {
        let asked = Asked::new(&events, "2026-02-20T00:00:00Z", zone);
        assert_eq!(asked.get("deals_won", Window::LastMonth), "1", "{zone}");
        assert_eq!(asked.get("deals_won", Window::Month), "0", "{zone}");
    }
    // An instant is not: 31 January 23:00 UTC is February in Auckland.
    let events = [deal("2026-01-31T23:00:00Z", json!({"status": "won"}))];
    let asked = Asked::new(&events, "2026-02-20T00:00:00Z", "Pacific/Auckland");
    assert_eq!(asked.get("deals_won", Window::Month), "1");
}

#[test]
fn a_date_in_a_skipped_day_falls_on_the_first_instant_after_it() {
    let events = [deal("2012-02-03T10:00:00Z", json!({"status": "won", "closed_at": "2011-12-30", "created_at": "2011-12-01"}))];
    let at = "2011-12-31T09:00:00+14:00";
    let asked = Asked::new(&events, at, "Pacific/Apia");
    assert_eq!(asked.get("deals_won", Window::Today), "1");
    assert_eq!(asked.get("deals_won", Window::Yesterday), "0");
    let asked = Asked::new(&events, at, "Pacific/Pago_Pago");
    assert_eq!(asked.get("deals_won", Window::Today), "1");
}

#[test]
fn created_falls_back_on_the_earlier_of_first_seen_and_closed() {
    let won = |data: Value| vec![deal("2026-01-05T12:00:00Z", data)];
    let life = life_of(&won(json!({"status": "won", "closed_at": "2026-01-03T10:00:00Z"})));
    assert_eq!(life.created, when("2026-01-03T10:00:00Z"));
    // Where they stand at one instant it is first_seen, and closed stays a date.
    let life = life_of(&won(json!({"status": "won", "closed_at": "2026-01-05"})));
    assert_eq!(life.created, when("2026-01-05T12:00:00Z"));
    assert_eq!(life.closed, Some(when("2026-01-05")));
    // Closed before created is closed at created.
    let life = life_of(&won(json!({"status": "lost", "closed_at": "2026-01-03", "created_at": "2026-01-04"})));
    assert_eq!(life.created, when("2026-01-04"));
    assert_eq!(life.closed, Some(when("2026-01-04")));
}

#[test]
fn an_instant_and_a_date_too_near_add_nothing_to_the_levels() {
    let levels = |created: &str| {
        let event = deal("2026-01-20T00:00:00Z", json!({"status": "lost", "closed_at": "2026-01-11", "created_at": created}));
        let oracle = Oracle::new(&[event]);
        let levels = oracle.contributions().iter().filter(|one| one.measure == "open_deals");
        levels.count()
    };
    // The 11th stands at 12:00 UTC and begins at 10:00 UTC on the 10th on Kiritimati.
    assert_eq!(levels("2026-01-10T10:00:00Z"), 2);
    assert_eq!(levels("2026-01-10T10:00:00.000001Z"), 0);
    assert_eq!(levels("2026-01-11T12:00:00Z"), 0);
    assert_eq!(levels("2026-01-11"), 2);
    // Created after the date stands, it is closed at that instant.
    assert_eq!(levels("2026-01-11T12:00:00.000001Z"), 2);
}

#[test]
fn the_rep_in_force_gets_the_credit() {
    let events = [
        deal("2026-01-01T10:00:00Z", json!({"rep": "Ann", "stage": "demo"})),
        deal("2026-01-11T10:00:00Z", json!({"rep": "Bob", "status": "won", "stage": "done"})),
        deal("2026-01-21T10:00:00Z", json!({"rep": "Cleo", "stage": "demo"})),
    ];
    let asked = Asked::new(&events, "2026-01-31T12:00:00Z", "UTC").by(By::Rep);
    assert_eq!(asked.of("deals_created", Window::All, "Ann"), "1");
    assert_eq!(asked.of("deals_won", Window::All, "Bob"), "1");
    assert_eq!(asked.of("stage_entered", Window::All, "Ann"), "1");
    assert_eq!(asked.of("stage_entered", Window::All, "Bob"), "1");
    assert_eq!(asked.of("deals_won", Window::All, "Cleo"), "");
    // While it was open it was Bob's, from its creation.
    let mut early = asked;
    early.question.at = "2026-01-05T00:00:00Z".parse().unwrap();
    assert_eq!(early.of("open_deals", Window::All, "Bob"), "1");
    assert_eq!(early.of("open_deals", Window::All, "Ann"), "0");
    // A deal still open is its current owner's.
    let asked = Asked::new(&events[..1], "2026-01-31T12:00:00Z", "UTC").by(By::Rep);
    assert_eq!(asked.of("open_deals", Window::All, "Ann"), "1");
}

#[test]
fn before_any_rep_was_named_the_first_is_in_force() {
    let events = [
        deal("2026-01-10T10:00:00Z", json!({"rep": "Ann", "created_at": "2025-01-01"})),
        deal("2026-01-12T10:00:00Z", json!({"rep": null})),
        deal("2026-01-14T10:00:00Z", json!({"status": "won"})),
    ];
    let asked = Asked::new(&events, "2026-01-31T12:00:00Z", "UTC").by(By::Rep);
    assert_eq!(asked.of("deals_created", Window::All, "Ann"), "1");
    assert_eq!(asked.of("deals_won", Window::All, "unassigned"), "1");
}

#[test]
fn a_stage_is_entered_once_at_the_smallest_stamp_that_named_it() {
    let events = [
        deal("2026-01-10T10:00:00Z", json!({"stage": "demo"})),
        deal("2026-01-10T10:00:00Z", json!({"stage": "zero"})),
        deal("2026-03-01T10:00:00Z", json!({"stage": "demo"})),
    ];
    let asked = Asked::new(&events, "2026-01-31T12:00:00Z", "UTC").by(By::Stage);
    // "demo" lost to "zero" at that instant, and was named all the same.
    assert_eq!(asked.of("stage_entered", Window::Month, "demo"), "1");
    assert_eq!(asked.of("stage_entered", Window::Month, "zero"), "1");
    assert_eq!(asked.row("deals_won", Window::Month, Some("demo")), None);
}

#[test]
fn only_the_256_greatest_stamps_are_remembered() {
    let mut events = vec![deal("2026-01-01T00:00:00Z", json!({"rep": "Ann", "created_at": "2026-01-01"}))];
    for second in 0..255 {
        let at = format!("2026-01-02T00:{:02}:{:02}Z", second / 60, second % 60);
        events.push(deal(&at, json!({"rep": "Bob"})));
    }
    let created_by = |events: &[Value]| {
        let oracle = Oracle::new(events);
        let created = oracle.contributions().iter().find(|one| one.measure == "deals_created");
        created.unwrap().rep.clone()
    };
    assert_eq!(created_by(&events), "Ann");
    events.push(deal("2026-01-03T00:00:00Z", json!({"rep": "Bob"})));
    assert_eq!(created_by(&events), "Bob");
}

#[test]
fn days_of_92_and_100_slots_lose_nothing() {
    for (day, next) in [("2026-03-29", "2026-03-30"), ("2025-10-26", "2025-10-27")] {
        let midnight = first_instant(day.parse().unwrap(), &TimeZone::get("Europe/Paris").unwrap());
        let calls: Vec<Value> = (-1..101)
            .map(|slot| {
                let at = Timestamp::from_microsecond(midnight + slot * SLOT).unwrap();
                let mut call = event("call", &at.to_string(), json!({}));
                call["entity"] = json!(slot.to_string());
                call
            })
            .collect();
        let asked = Asked::new(&calls, &format!("{next}T12:00:00Z"), "Europe/Paris");
        let slots = if day == "2026-03-29" { "92" } else { "100" };
        assert_eq!(asked.get("calls_made", Window::Yesterday), slots);
        assert_eq!(asked.get("calls_made", Window::All), "102");
    }
}

#[test]
fn a_rep_has_days_of_his_own_zone_and_the_company_their_sum() {
    let call = |rep: &str, at: &str| {
        let mut call = event("call", at, json!({"rep": rep}));
        call["entity"] = json!(format!("{rep} {at}"));
        call
    };
    // 20:00 UTC on the 4th is the 5th in Kolkata, and the 4th in Paris.
    let events = [call("Asha", "2026-01-04T20:00:00Z"), call("Luc", "2026-01-04T20:00:00Z"), call("Luc", "2026-01-05T01:00:00Z")];
    let mut asked = Asked::new(&events, "2026-01-05T10:00:00Z", "Europe/Paris").by(By::Rep);
    let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
    asked.question.rep_zones.insert("Asha".to_owned(), kolkata);
    assert_eq!(asked.of("calls_made", Window::Today, "Asha"), "1");
    assert_eq!(asked.of("calls_made", Window::Today, "Luc"), "1");
    let asked = asked.by(By::Team);
    assert_eq!(asked.of("calls_made", Window::Today, "unrostered"), "2");
    let row = asked.row("calls_made", Window::Today, Some("unrostered")).unwrap();
    assert_eq!(row.start, Some(moment::parse_instant("2026-01-04T23:00:00Z")));
}

#[test]
fn medians_and_velocity_are_worked_out_by_rank() {
    let mut events = Vec::new();
    for (entity, days, value) in [("a", 2, "100.00"), ("b", 4, "200.01"), ("c", 9, "-1"), ("d", 30, "3")] {
        let mut won = deal(
            "2026-02-01T00:00:00Z",
            json!({"status": "won", "created_at": "2026-01-01",
            "closed_at": format!("2026-01-{:02}", 1 + days),
            "amount": {"value": value, "currency": "USD"}}),
        );
        won["entity"] = json!(entity);
        events.push(won);
    }
    for entity in ["e", "f", "g"] {
        let mut open = deal("2026-01-09T00:00:00Z", json!({}));
        open["entity"] = json!(entity);
        events.push(open);
    }
    let mut lost = deal("2026-01-09T00:00:00Z", json!({"status": "lost"}));
    lost["entity"] = json!("h");
    events.push(lost);

    let asked = Asked::new(&events, "2026-02-10T12:00:00Z", "UTC");
    // Ranks 2 and 4 of four.
    assert_eq!(asked.get("sales_cycle_days", Window::All), "4");
    assert_eq!(asked.get("sales_cycle_days_p90", Window::All), "30");
    // 302.01 over 4 deals.
    assert_eq!(asked.get("average_deal", Window::All), "30201/400");
    // 3 open × 4/5 × 75.5025 ÷ 4.
    let expected = BigRational::new((3 * 4 * 30_201).into(), (5 * 400 * 4).into());
    assert_eq!(asked.get("sales_velocity", Window::All), expected.to_string());
    assert_eq!(asked.get("sales_velocity", Window::Today), "-");
}

#[test]
fn quotients_of_money_are_per_currency_and_may_have_no_value() {
    let deals = [("a", "won", "5.00"), ("b", "lost", "-5.00")].map(|(entity, status, value)| {
        let mut deal = deal(
            "2026-01-09T00:00:00Z",
            json!({"status": status, "product": "X",
            "amount": {"value": value, "currency": "EUR"}}),
        );
        deal["entity"] = json!(entity);
        deal
    });
    let asked = Asked::new(&deals, "2026-01-10T12:00:00Z", "UTC").by(By::Product);
    assert_eq!(asked.of("win_rate_by_value", Window::All, "X"), "-");
    assert_eq!(asked.of("win_rate", Window::All, "X"), "1/2");
    assert_eq!(asked.of("average_deal", Window::All, "X"), "5");
    assert_eq!(asked.row("sales_cycle_days", Window::All, Some("X")), None);
    assert_eq!(asked.row("open_deals", Window::All, Some("X")), None);
    let row = asked.row("win_rate_by_value", Window::All, Some("X")).unwrap();
    assert_eq!(row.denominator, Some(BigRational::from_integer(0.into())));
}

#[test]
fn equal_parts_of_a_second_are_cut_off_the_cycle() {
    let events = [deal("2026-01-09T00:00:00.9Z", json!({"status": "open"})), deal("2026-01-09T00:00:03.8Z", json!({"status": "won"}))];
    let oracle = Oracle::new(&events);
    let cycle = oracle.contributions().iter().find(|one| one.measure == "sales_cycle_s");
    assert_eq!(cycle.unwrap().value, 2);
}
