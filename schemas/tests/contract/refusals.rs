//! Everything that is refused, and the words with which it is; and its neighbours that are taken.

use onpace_schemas::{Event, MAX_EVENT_BYTES, Money, Reason, Time, Value, json, time};

use crate::NOW_US;

/// A good event with one of its members at the top said otherwise, added, or (given as `""`) left out.
fn top(name: &str, raw: &str) -> String {
    let mut members = vec![
        ("source", r#""aircall""#),
        ("kind", r#""call""#),
        ("entity", r#""aircall:1""#),
        ("occurred_at", r#""2026-03-02T09:00:00Z""#),
        ("data", "{}"),
    ];
    members.retain(|(known, _)| *known != name);
    if !raw.is_empty() {
        members.push((name, raw));
    }
    let members: Vec<_> = members.iter().map(|(name, raw)| format!("{name:?}: {raw}")).collect();
    format!("{{ {} }}", members.join(", "))
}

/// A good event of a kind but for its data.
fn data(kind: &str, data: &str) -> String {
    format!(r#"{{"source":"s","kind":"{kind}","entity":"e","occurred_at":"2026-03-02T09:00:00Z","data":{data}}}"#)
}

#[track_caller]
fn refused(event: &str, field: &str, says: &str) {
    match json::read(event, NOW_US) {
        Ok(event) => panic!("taken: {event:?}"),
        Err(refusal) => {
            assert_eq!(refusal.field, field, "{refusal}: {event}");
            assert!(refusal.error.contains(says), "`{refusal}` does not say `{says}`: {event}");
            assert!(refusal.to_string().len() < 400, "{refusal}");
        }
    }
}

#[track_caller]
fn taken(event: &str) -> Event<'_> {
    match json::read(event, NOW_US) {
        Ok(event) => event,
        Err(refusal) => panic!("{refusal}: {event}"),
    }
}

#[test]
fn what_is_no_event_at_all() {
    for (text, says) in [
        ("", "empty; a JSON object"),
        (" \n\t", "empty; a JSON object"),
        ("null", "null stands here; a JSON object"),
        ("[{}]", "an array stands here; a JSON object"),
        ("\"event\"", "the string \"event\" stands here"),
        ("12.5", "the number 12.5 stands here"),
        ("true", "the boolean true stands here"),
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("{\"id\": }", "not JSON: expected value at line 1 column 8"),
        ("{\"id\": \"1\",}", "not JSON: trailing comma"),
        ("{'id': 1}", "not JSON: key must be a string"),
        ("{\"id\": NaN}", "not JSON: expected value"),
        ("{\"id\": 01}", "not JSON: invalid number"),
        ("{\"id\": \"a\tb\"}", "not JSON: control character"),
        ("{\"id\": \"\\x\"}", "not JSON: invalid escape"),
        ("{\"\\ud800\": 1}", "not JSON: "),
        ("{} {}", "not JSON: trailing characters"),
        ("[1,2", "not JSON: EOF"),
        ("\u{feff}{}", "byte order mark; leave it out"),
        ("\u{1f}\u{8b}", "not JSON: expected value"),
    ] {
        refused(text, "", says);
    }
    let long = top("source", &format!("\"{}\"", "s".repeat(MAX_EVENT_BYTES)));
    refused(&long, "", &format!("the event has {} bytes; at most 65536 are taken", long.len()));
    let full = top("data", "{}");
    taken(&format!("{full}{}", " ".repeat(MAX_EVENT_BYTES - full.len())));
    refused(&format!("{full}{}", " ".repeat(MAX_EVENT_BYTES + 1 - full.len())), "", "65537 bytes");
}

#[test]
fn what_is_wrong_at_the_top() {
    let long_source = format!("\"{}\"", "s".repeat(101));
    let long_name = format!("\"{}\"", "é".repeat(101));
    for (name, raw, says) in [
        ("source", "", "missing; say who says so"),
        ("source", "null", "missing; say who says so"),
        ("source", "\"\"", "empty; it takes 1 to 100 bytes"),
        ("source", "7", "the number 7 stands here; write a string"),
        ("source", &long_source, "has 101 bytes; at most 100 are taken"),
        ("source", r#""\ud83d""#, "not a text"),
        ("kind", "", "missing; say \"call\", \"meeting\", \"email\""),
        ("kind", r#""calls""#, "`calls` is no kind; did you mean `call`?"),
        ("kind", r#""Deal""#, "did you mean `deal`?"),
        ("kind", r#""weather""#, "known are `call`, `meeting`, `email`, `deal`"),
        ("kind", r#""heartbeat""#, "is no kind"),
        ("kind", "[]", "an array stands here; write a string"),
        ("entity", "", "missing; say which one"),
        ("entity", "\"\"", "empty; it takes 1 to 200 bytes"),
        ("entity", "{}", "an object stands here; write a string"),
        ("entity", &long_name, "has 202 bytes; at most 200 are taken"),
        ("id", "\"\"", "empty; it takes 1 to 200 bytes"),
        ("id", "12345678901234567890", "the number 12345678901234567890 stands here; write a string"),
        ("id", &long_name, "has 202 bytes"),
        ("occurred_at", "", "missing; say when it became true"),
        ("occurred_at", "1772443800", "the number 1772443800 stands here; write a string such as"),
        ("occurred_at", r#""2026-03-02T09:00:00""#, "no offset from UTC, and none is guessed; append Z"),
        ("occurred_at", r#""2026-03-02""#, "is a date, and an instant belongs here; write RFC 3339 such as"),
        ("occurred_at", r#""yesterday""#, "is no time; write RFC 3339 such as"),
        ("occurred_at", r#""""#, "is no time"),
        ("occurred_at", r#""2016-12-31T23:59:60Z""#, "is a leap second"),
        ("occurred_at", r#""2026-02-29T00:00:00Z""#, "is not in the calendar"),
        ("occurred_at", r#""1969-12-31T23:59:59.999999Z""#, "is before 1970; check the source's clock"),
        ("occurred_at", r#""1970-01-01T00:59:59+01:00""#, "is before 1970"),
        ("occurred_at", r#""2026-03-02T09:40:00.000001Z""#, "more than 10 minutes ahead of 2026-03-02T09:30:00Z, the time here"),
        ("occurred_at", r#""2126-03-02T09:40:00Z""#, "more than 10 minutes ahead"),
        ("said_at", "1772443800", "the number 1772443800 stands here; write a string such as"),
        ("said_at", r#""2026-03-02T09:10:00""#, "no offset from UTC, and none is guessed; append Z"),
        ("said_at", r#""2026-03-02""#, "is a date, and an instant belongs here; write RFC 3339 such as"),
        ("said_at", r#""""#, "is no time"),
        ("said_at", r#""2016-12-31T23:59:60Z""#, "is a leap second"),
        (
            "said_at",
            r#""2026-03-02T08:59:59.999999Z""#,
            "2026-03-02T08:59:59.999999Z is before `occurred_at`, 2026-03-02T09:00:00Z; leave it out",
        ),
        ("said_at", r#""2026-03-02T09:30:00+01:00""#, "2026-03-02T08:30:00Z is before `occurred_at`"),
        ("said_at", r#""2026-03-02T09:40:00.000001Z""#, "more than 10 minutes ahead of 2026-03-02T09:30:00Z, the time here"),
        ("data", "", "missing; an event needs `data`, `deleted` or both"),
        ("data", "null", "missing; an event needs `data`, `deleted` or both"),
        ("data", "[]", "an array stands here; a JSON object, in { }, belongs here"),
        ("data", "\"\"", "the string \"\" stands here; a JSON object"),
        ("deleted", "1", "the number 1 stands here; write true or false"),
        ("deleted", "\"true\"", "the string \"true\" stands here; write true or false"),
        ("deleted", "\"\"", "write true or false"),
        ("occured_at", "null", "unknown field; did you mean `occurred_at`?"),
        ("occurredAt", "1", "unknown field; did you mean `occurred_at`?"),
        ("Kind", "1", "unknown field; did you mean `kind`?"),
        ("rep", "1", "unknown field; `rep` belongs in `data`"),
        ("colour", "1", "unknown field; known are `id`, `source`, `kind`, `entity`, `occurred_at`, `said_at`, `data`, `deleted`"),
        ("saidAt", "1", "unknown field; did you mean `said_at`?"),
    ] {
        refused(&top(name, raw), name, says);
    }
    refused(
        r#"{"data":null,"deleted":null,"source":"s","kind":"call","entity":"e","occurred_at":"2026-03-02T09:00:00Z"}"#,
        "data",
        "missing",
    );
    refused(&top("id", r#""1", "id": "1""#), "id", "given twice; say it once");
    refused(&top("id", r#"null, "i\u0064": null"#), "id", "given twice; say it once");
    refused(&format!("{{{:?}:1}}", "x".repeat(70)), &format!("{}…", "x".repeat(60)), "unknown field; known are");
}

#[test]
fn what_is_wrong_in_the_data() {
    let long = format!(r#"{{"rep":"{}"}}"#, "é".repeat(101));
    let huge = format!(r#"{{"duration_s":{}}}"#, "9".repeat(500));
    for (kind, said, field, says) in [
        ("call", r#"{"repp":"m"}"#, "data.repp", "unknown field of a call; did you mean `rep`?"),
        ("call", r#"{"bounced":true}"#, "data.bounced", "unknown field of a call; known are `rep`, `account`"),
        ("email", r#"{"openedAt":null}"#, "data.openedAt", "unknown field of an email; did you mean `opened_at`?"),
        ("call", r#"{"rep":"m","rep":"m"}"#, "data.rep", "given twice; say it once"),
        ("call", r#"{"rep":"m","r\u0065p":null}"#, "data.rep", "given twice; say it once"),
        ("call", r#"{"rep":7}"#, "data.rep", "the number 7 stands here; write a string, in quotes"),
        ("call", r#"{"rep":["m"]}"#, "data.rep", "an array stands here; write a string"),
        ("call", r#"{"rep":{"id":"m"}}"#, "data.rep", "an object stands here; write a string"),
        ("call", r#"{"rep":"\ud83d"}"#, "data.rep", "not a text"),
        ("call", &long, "data.rep", "has 202 bytes; at most 200 are taken"),
        ("call", r#"{"direction":"out"}"#, "data.direction", "`out` is not one of its values; known are `outbound`, `inbound`"),
        ("call", r#"{"direction":"Inbound"}"#, "data.direction", "did you mean `inbound`?"),
        ("call", r#"{"direction":1}"#, "data.direction", "the number 1 stands here; write a string"),
        ("meeting", r#"{"status":"canceled"}"#, "data.status", "did you mean `cancelled`?"),
        ("deal", r#"{"status":"Won"}"#, "data.status", "did you mean `won`?"),
        ("call", r#"{"duration_s":12.5}"#, "data.duration_s", "12.5 is not written as a whole number; write one such as 42"),
        ("call", r#"{"duration_s":60.0}"#, "data.duration_s", "not written as a whole number"),
        ("call", r#"{"duration_s":6e1}"#, "data.duration_s", "not written as a whole number"),
        ("call", r#"{"duration_s":"60"}"#, "data.duration_s", "the string \"60\" stands here; write a whole number such as 42"),
        ("call", r#"{"duration_s":true}"#, "data.duration_s", "the boolean true stands here; write a whole number"),
        ("call", r#"{"duration_s":-1}"#, "data.duration_s", "-1 is out of range; 0 to 1000000000 are taken"),
        ("call", r#"{"duration_s":1000000001}"#, "data.duration_s", "out of range; 0 to 1000000000 are taken"),
        ("call", &huge, "data.duration_s", "… is out of range"),
        ("call", r#"{"started_at":1772443800}"#, "data.started_at", "the number 1772443800 stands here; write a string such as"),
        ("call", r#"{"started_at":"2026-03-02T09:00:00"}"#, "data.started_at", "no offset from UTC, and none is guessed"),
        ("call", r#"{"started_at":"2026-03-02 09:00"}"#, "data.started_at", "or a date such as 2026-03-02"),
        ("call", r#"{"started_at":"02/03/2026"}"#, "data.started_at", "is no date; write one such as 2026-03-02"),
        ("call", r#"{"started_at":"2026-02-30"}"#, "data.started_at", "is not in the calendar"),
        ("call", r#"{"started_at":"2016-12-31T23:59:60Z"}"#, "data.started_at", "is a leap second"),
        // The zero days of spreadsheets and of databases, and years that nobody meant.
        (
            "call",
            r#"{"started_at":"1899-12-30"}"#,
            "data.started_at",
            "1899-12-30 is outside the years 1970 to 2099; leave out what is not known",
        ),
        ("call", r#"{"started_at":"1969-12-31"}"#, "data.started_at", "outside the years 1970 to 2099"),
        (
            "call",
            r#"{"started_at":"1970-01-01T00:59:59.999999+01:00"}"#,
            "data.started_at",
            "1969-12-31T23:59:59.999999Z is outside the years",
        ),
        ("deal", r#"{"closed_at":"2100-01-01"}"#, "data.closed_at", "outside the years 1970 to 2099"),
        ("deal", r#"{"expected_close":"2100-01-01T00:00:00Z"}"#, "data.expected_close", "outside the years 1970 to 2099"),
        ("deal", r#"{"created_at":"0000-01-01"}"#, "data.created_at", "outside the years 1970 to 2099"),
        (
            "deal",
            r#"{"expected_close":"9999-12-31"}"#,
            "data.expected_close",
            "outside the years 1970 to 2099; leave out what is not known",
        ),
        ("meeting", r#"{"starts_at":"2100-01-01T00:00:00Z"}"#, "data.starts_at", "outside the years 1970 to 2099"),
        ("email", r#"{"sent_at":"1904-01-01"}"#, "data.sent_at", "outside the years 1970 to 2099"),
        ("email", r#"{"opened_at":"1969-12-31T23:59:59Z"}"#, "data.opened_at", "outside the years 1970 to 2099"),
        ("email", r#"{"bounced":"yes"}"#, "data.bounced", "the string \"yes\" stands here; write true or false"),
        ("email", r#"{"bounced":0}"#, "data.bounced", "the number 0 stands here; write true or false"),
        ("email", r#"{"opened_at":null}"#, "data.opened_at", "keeps its earliest value and can't be cleared; leave it out"),
        ("email", r#"{"machine_opened_at":""}"#, "data.machine_opened_at", "can't be cleared"),
        ("email", r#"{"clicked_at":null}"#, "data.clicked_at", "can't be cleared"),
        ("email", r#"{"replied_at":""}"#, "data.replied_at", "can't be cleared"),
        ("email", r#"{"opened_at":"2026-03-02"}"#, "data.opened_at", "is a date, and an instant belongs here"),
        ("email", r#"{"opened_at":true}"#, "data.opened_at", "the boolean true stands here; write a string such as"),
    ] {
        refused(&data(kind, said), field, says);
    }
}

#[test]
fn what_is_wrong_with_an_amount() {
    let huge = format!(r#"{{"value":{},"currency":"EUR"}}"#, "9".repeat(500));
    let example = r#"write {"value": "1054.00", "currency": "USD"}"#;
    for (amount, field, says) in [
        ("1054", "", example),
        (r#""1054.00 USD""#, "", example),
        ("[]", "", example),
        ("{}", ".value", "missing; write {"),
        (r#"{"currency":"USD"}"#, ".value", "missing; write {"),
        (r#"{"value":null,"currency":"USD"}"#, ".value", "missing; write {"),
        (r#"{"value":"","currency":"USD"}"#, ".value", "missing; write {"),
        (r#"{"value":"1054.00"}"#, ".currency", "missing; write {"),
        (r#"{"value":"1054.00","currency":null}"#, ".currency", "missing; write {"),
        (r#"{"value":"1","currency":"USD","unit":1}"#, ".unit", "unknown field of an amount; known are `value`, `currency`"),
        (r#"{"value":"1","curency":"USD"}"#, ".curency", "did you mean `currency`?"),
        (r#"{"value":"1","value":"2","currency":"USD"}"#, ".value", "given twice"),
        (
            r#"{"value":1054.5,"currency":"USD"}"#,
            ".value",
            "1054.5 is a float, which can't hold money exactly; write a string such as \"1054.5\"",
        ),
        (r#"{"value":1054.0,"currency":"USD"}"#, ".value", "is a float"),
        (r#"{"value":1e3,"currency":"USD"}"#, ".value", "is a float"),
        (r#"{"value":true,"currency":"USD"}"#, ".value", "the boolean true stands here; write a decimal string in major units"),
        (r#"{"value":"1,054.00","currency":"USD"}"#, ".value", "`1,054.00` is no amount; write a decimal in major units"),
        (r#"{"value":"1e3","currency":"USD"}"#, ".value", "is no amount"),
        (r#"{"value":"+5","currency":"USD"}"#, ".value", "is no amount"),
        (r#"{"value":"$5","currency":"USD"}"#, ".value", "is no amount"),
        (r#"{"value":"10.505","currency":"USD"}"#, ".value", "10.505 is not a whole number of USD's minor units; it has 2 decimal digits"),
        (r#"{"value":"10.5","currency":"JPY"}"#, ".value", "not a whole number of JPY's minor units; it has no decimal digits"),
        (r#"{"value":"1.0001","currency":"KWD"}"#, ".value", "it has 3 decimal digits"),
        (r#"{"value":"92233720368547758.08","currency":"USD"}"#, ".value", "out of range; minor units must fit 64 bits"),
        (&huge, ".value", "out of range"),
        (r#"{"value":"1","currency":"usd"}"#, ".currency", "did you mean `USD`?"),
        (r#"{"value":"1","currency":"$"}"#, ".currency", "is no ISO 4217 currency; write one such as `EUR`"),
        (r#"{"value":"1","currency":"QQQ"}"#, ".currency", "is no ISO 4217 currency"),
        (r#"{"value":"1","currency":"XAU"}"#, ".currency", "`XAU` has no minor units"),
        (r#"{"value":"1","currency":840}"#, ".currency", "the number 840 stands here; write a string"),
    ] {
        refused(&data("deal", &format!(r#"{{"amount":{amount}}}"#)), &format!("data.amount{field}"), says);
    }
}

#[test]
fn what_stands_at_the_edge_is_taken() {
    for (name, raw) in [
        ("source", format!("\"{}\"", "s".repeat(100))),
        ("entity", format!("\"{}\"", "é".repeat(100))),
        ("id", "\"x\"".into()),
        ("id", "null".into()),
        ("data", r#"{"rep":null}"#.into()),
        ("deleted", "null".into()),
        ("deleted", "true".into()),
        ("occurred_at", r#""1970-01-01T00:00:00Z""#.into()),
        ("occurred_at", r#""2026-03-02T09:40:00Z""#.into()),
        ("occurred_at", r#""2026-03-02T09:40:00.0000009Z""#.into()),
        ("occurred_at", r#""2026-03-02T\u00309:00:00Z""#.into()),
        ("occurred_at", r#""2026-03-02T10:00:00+0100""#.into()),
        ("occurred_at", r#""2026-03-02T10:00:00+01""#.into()),
        ("said_at", "null".into()),
        ("said_at", r#""2026-03-02T09:00:00Z""#.into()),
        ("said_at", r#""2026-03-02T09:40:00.0000009Z""#.into()),
    ] {
        taken(&top(name, &raw));
    }
    let only_deleted = r#"{"source":"s","kind":"call","entity":"e","occurred_at":"2026-03-02T09:00:00Z","data":null,"deleted":false}"#;
    let event = taken(only_deleted);
    assert_eq!((event.deleted, event.patch.len()), (Some(false), 0));
    assert_eq!(taken(&top("data", "{}")).patch.len(), 0);
}

#[test]
fn values_are_what_was_said() {
    let value = |kind: &str, said: &str| taken(&data(kind, said)).patch[0].1.clone().into_owned();
    assert_eq!(value("call", r#"{"rep":""}"#), Value::Cleared);
    assert_eq!(value("call", r#"{"rep":" "}"#), Value::Text(" ".into()));
    assert_eq!(value("call", r#"{"rep":"\u0000"}"#), Value::Text("\0".into()));
    assert_eq!(value("call", r#"{"rep":"\ud83d\ude00 \"q\" \\ é"}"#), Value::Text("😀 \"q\" \\ é".into()));
    assert_eq!(value("call", r#"{"duration_s":""}"#), Value::Cleared);
    assert_eq!(value("call", r#"{"duration_s":-0}"#), Value::Integer(0));
    assert_eq!(value("call", r#"{"duration_s":1000000000}"#), Value::Integer(1_000_000_000));
    assert_eq!(value("email", r#"{"bounced":null}"#), Value::Cleared);
    assert_eq!(value("email", r#"{"bounced":false}"#), Value::Flag(false));
    assert_eq!(value("deal", r#"{"status":"won"}"#), Value::Choice(2));
    assert_eq!(value("deal", r#"{"amount":""}"#), Value::Cleared);
    assert_eq!(value("deal", r#"{"closed_at":"2099-12-31"}"#), Value::Time(Time::Date(47_481)));
    assert_eq!(value("deal", r#"{"created_at":"1970-01-01"}"#), Value::Time(Time::Date(0)));
    assert_eq!(value("deal", r#"{"created_at":"1970-01-01T00:00:00Z"}"#), Value::Time(Time::Instant(0)));
    let last = time::parse_instant("2099-12-31T23:59:59.999999Z").unwrap();
    assert_eq!(value("deal", r#"{"closed_at":"2100-01-01T00:59:59.9999999+01:00"}"#), Value::Time(Time::Instant(last)));
    let cut = time::parse_instant("2026-03-02T07:30:00.999999Z").unwrap();
    assert_eq!(value("deal", r#"{"created_at":"2026-03-02T08:30:00.9999999+01:00"}"#), Value::Time(Time::Instant(cut)));
    for (amount, minor) in [
        (r#"{"value":"1054.00","currency":"USD"}"#, 105_400),
        (r#"{"currency":"USD","value":1054}"#, 105_400),
        (r#"{"value":"-0.05","currency":"USD"}"#, -5),
        (r#"{"value":-7,"currency":"JPY"}"#, -7),
        (r#"{"value":"1.5000","currency":"KWD"}"#, 1_500),
        (r#"{"value":9007199254740993,"currency":"JPY"}"#, 9_007_199_254_740_993),
    ] {
        let said = value("deal", &format!(r#"{{"amount":{amount}}}"#));
        assert!(matches!(said, Value::Amount(Money { minor: units, .. }) if units == minor), "{amount}: {said:?}");
    }
}

#[test]
fn free_texts_are_cut_at_a_character_and_no_others() {
    for field in ["name", "lost_reason"] {
        let value = |said: &str| match &taken(&data("deal", &format!(r#"{{"{field}":"{said}"}}"#))).patch[0].1 {
            Value::Text(text) => text.clone().into_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(value(&"x".repeat(201)), "x".repeat(200));
        // Two, three and four bytes each: never half a character.
        assert_eq!(value(&"é".repeat(101)), "é".repeat(100));
        assert_eq!(value(&format!("x{}", "é".repeat(100))), format!("x{}", "é".repeat(99)));
        assert_eq!(value(&"語".repeat(70)), "語".repeat(66));
        assert_eq!(value(&"😀".repeat(16_000)), "😀".repeat(50));
        assert_eq!(value(&format!("{}\\n", "x".repeat(200))), "x".repeat(200));
        assert_eq!(value(&r"\u00e9".repeat(101)), "é".repeat(100));
    }
    for (kind, field) in
        [("deal", "rep"), ("deal", "account"), ("deal", "product"), ("deal", "stage"), ("call", "outcome"), ("email", "campaign")]
    {
        refused(
            &data(kind, &format!(r#"{{"{field}":"{}"}}"#, "x".repeat(201))),
            &format!("data.{field}"),
            "has 201 bytes; at most 200 are taken",
        );
    }
}

#[test]
fn when_it_was_said_is_when_it_occurred_unless_it_was_later() {
    let said_at = |raw: &str| {
        let text = top("said_at", raw);
        let event = taken(&text);
        (event.said_at - event.occurred_at, json::write(&event).get("said_at").cloned())
    };
    assert_eq!(said_at(""), (0, None));
    assert_eq!(said_at("null"), (0, None));
    assert_eq!(said_at(r#""2026-03-02T10:00:00+01:00""#), (0, None));
    assert_eq!(said_at(r#""2026-03-02T09:00:00.000001999Z""#), (1, Some("2026-03-02T09:00:00.000001Z".into())));
    // Digits past the microsecond are cut off before the two are compared.
    let same = r#"{"source":"s","kind":"call","entity":"e","occurred_at":"2026-03-02T09:00:00.0000009Z","said_at":"2026-03-02T09:00:00Z","data":{}}"#;
    assert_eq!(taken(same).said_at, taken(same).occurred_at);
}

#[test]
fn the_order_of_the_fields_says_nothing() {
    let one = taken(&data("call", r#"{"duration_s":1,"rep":null,"deal":"d"}"#)).into_owned();
    let other = taken(&data("call", r#"{"rep":"","deal":"d","duration_s":1}"#)).into_owned();
    assert_eq!(one.patch, other.patch);
}

#[test]
fn why_is_one_of_a_closed_list_whatever_the_words() {
    let large = " ".repeat(MAX_EVENT_BYTES + 1);
    for (event, reason) in [
        ("[]", Reason::Malformed),
        (large.as_str(), Reason::TooLarge),
        (&top("weather", "1"), Reason::UnknownField),
        (&data("call", r#"{"duraton_s":1}"#), Reason::UnknownField),
        (&data("deal", r#"{"amount":{"value":"1","currensy":"USD"}}"#), Reason::UnknownField),
        (&top("entity", ""), Reason::MissingField),
        (&top("data", ""), Reason::MissingField),
        (&data("deal", r#"{"amount":{"value":"1"}}"#), Reason::MissingField),
        (&top("kind", r#""cal""#), Reason::UnknownKind),
        (&top("occurred_at", r#""tomorrow""#), Reason::OccurredAt),
        (&top("occurred_at", r#""2999-01-01T00:00:00Z""#), Reason::OccurredAt),
        (&top("said_at", r#""tomorrow""#), Reason::SaidAt),
        (&top("said_at", r#""2026-03-02T08:00:00Z""#), Reason::SaidAt),
        (&top("said_at", r#""2999-01-01T00:00:00Z""#), Reason::SaidAt),
        (&data("call", r#"{"started_at":"1899-12-30"}"#), Reason::InvalidValue),
        (&data("call", r#"{"direction":"missing"}"#), Reason::InvalidValue),
        (&data("call", r#"{"duration_s":1.5}"#), Reason::InvalidValue),
    ] {
        let refusal = json::read(event, NOW_US).expect_err("refused");
        assert_eq!(refusal.reason, reason, "{refusal}");
    }
    let names: std::collections::BTreeSet<_> = Reason::ALL.into_iter().map(Reason::name).collect();
    assert_eq!(names.len(), Reason::ALL.len(), "each its own name");
    assert!(Reason::ALL.into_iter().enumerate().all(|(at, reason)| reason as usize == at), "in the order of their numbers");
}
