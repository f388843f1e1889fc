//! Windows by hand: days of 23 and 25 hours, days that a zone skipped, weeks, fiscal years; and that a period is the sum of its days.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use jiff::civil::Weekday;
use onpace_schemas::time::{parse_date, parse_instant, show_instant};
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn shown(at: &str, name: &str, window: &str, settings: Settings) -> String {
    let bounds = window.parse::<Window>().unwrap().bounds(parse_instant(at).unwrap(), &zone(name), settings);
    format!("{} {}", bounds.start.map_or("-".to_owned(), show_instant), show_instant(bounds.end))
}

#[test]
fn windows_lie_where_the_calendar_says() {
    // A Thursday, 16:07:01 in Paris (UTC+2 since the Sunday before last).
    let at = "2024-04-11T14:07:01Z";
    for (window, expected) in [
        ("1h", "2024-04-11T13:15:00Z 2024-04-11T14:15:00Z"),
        ("24h", "2024-04-10T14:15:00Z 2024-04-11T14:15:00Z"),
        ("7d", "2024-04-04T14:15:00Z 2024-04-11T14:15:00Z"),
        ("30d", "2024-03-12T14:15:00Z 2024-04-11T14:15:00Z"),
        ("90d", "2024-01-12T14:15:00Z 2024-04-11T14:15:00Z"),
        ("365d", "2023-04-12T14:15:00Z 2024-04-11T14:15:00Z"),
        ("today", "2024-04-10T22:00:00Z 2024-04-11T14:15:00Z"),
        ("week", "2024-04-07T22:00:00Z 2024-04-11T14:15:00Z"),
        ("month", "2024-03-31T22:00:00Z 2024-04-11T14:15:00Z"),
        ("quarter", "2024-03-31T22:00:00Z 2024-04-11T14:15:00Z"),
        ("year", "2023-12-31T23:00:00Z 2024-04-11T14:15:00Z"),
        ("yesterday", "2024-04-09T22:00:00Z 2024-04-10T22:00:00Z"),
        ("last_week", "2024-03-31T22:00:00Z 2024-04-07T22:00:00Z"),
        ("last_month", "2024-02-29T23:00:00Z 2024-03-31T22:00:00Z"),
        ("last_quarter", "2023-12-31T23:00:00Z 2024-03-31T22:00:00Z"),
        ("last_year", "2022-12-31T23:00:00Z 2023-12-31T23:00:00Z"),
        ("all", "- 2024-04-11T14:15:00Z"),
    ] {
        assert_eq!(shown(at, "Europe/Paris", window, Settings::default()), expected, "{window}");
    }
}

#[test]
fn weeks_and_fiscal_years_begin_where_the_company_says() {
    let settings = Settings { week_start: Weekday::Sunday, fiscal_month: 4 };
    let at = "2024-02-18T12:00:00Z"; // a Sunday
    for (window, expected) in [
        ("week", "2024-02-18T00:00:00Z 2024-02-18T12:00:00Z"),
        ("last_week", "2024-02-11T00:00:00Z 2024-02-18T00:00:00Z"),
        ("quarter", "2024-01-01T00:00:00Z 2024-02-18T12:00:00Z"),
        ("last_quarter", "2023-10-01T00:00:00Z 2024-01-01T00:00:00Z"),
        ("year", "2023-04-01T00:00:00Z 2024-02-18T12:00:00Z"),
        ("last_year", "2022-04-01T00:00:00Z 2023-04-01T00:00:00Z"),
    ] {
        assert_eq!(shown(at, "UTC", window, settings), expected, "{window}");
    }
    assert_eq!(shown(at, "UTC", "week", Settings::default()), "2024-02-12T00:00:00Z 2024-02-18T12:00:00Z");
}

#[test]
fn a_period_by_name_lies_in_each_zone_where_its_days_do_and_ends_where_it_is_asked() {
    let bounds = |name: &str, at: &str, zone_name: &str| {
        let window = Window::Period(NamedPeriod::parse(name, Settings::default()).unwrap());
        assert_eq!((window.to_string().as_str(), window.name()), (name, "period"));
        let bounds = window.bounds(parse_instant(at).unwrap(), &zone(zone_name), Settings::default());
        format!("{} {}", bounds.start.map_or("-".to_owned(), show_instant), show_instant(bounds.end))
    };
    let later = "2025-12-01T00:00:00Z";
    assert_eq!(bounds("2025-03", later, "Europe/Paris"), "2025-02-28T23:00:00Z 2025-03-31T22:00:00Z");
    assert_eq!(bounds("2025-03", later, "America/New_York"), "2025-03-01T05:00:00Z 2025-04-01T04:00:00Z");
    assert_eq!(bounds("2025-03", "2025-03-10T12:07:00Z", "Europe/Paris"), "2025-02-28T23:00:00Z 2025-03-10T12:15:00Z");
    assert_eq!(bounds("2025-03-30", later, "Europe/Paris"), "2025-03-29T23:00:00Z 2025-03-30T22:00:00Z");
    // What has not begun is empty.
    assert_eq!(bounds("2025-03", "2025-01-01T00:00:00Z", "UTC"), "2025-01-01T00:00:00Z 2025-01-01T00:00:00Z");
}

#[test]
fn parts_are_what_periods_have_in_common_with_a_window() {
    let (paris, tokyo) = (zone("Europe/Paris"), zone("Asia/Tokyo"));
    let at = parse_instant("2024-04-11T14:07:01Z").unwrap();
    let parts = |window: Window, every, zones: &[&TimeZone], most| {
        let first = Some(parse_date("2024-03-30").unwrap());
        window.parts(every, at, Settings::default(), zones.iter().copied(), first, most)
    };
    let shown = |window: Window, every, zone: &TimeZone| {
        let shown = |part: Window| {
            let bounds = part.bounds(at, zone, Settings::default());
            format!("{part} {} {}", show_instant(bounds.start.unwrap()), show_instant(bounds.end))
        };
        parts(window, every, &[zone], 100).unwrap().into_iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(Window::Month, Every::Week, &paris),
        ["2024-W14 2024-03-31T22:00:00Z 2024-04-07T22:00:00Z", "2024-W15 2024-04-07T22:00:00Z 2024-04-11T14:15:00Z"]
    );
    assert_eq!(
        shown(Window::H24, Every::Day, &paris),
        ["2024-04-10 2024-04-10T14:15:00Z 2024-04-10T22:00:00Z", "2024-04-11 2024-04-10T22:00:00Z 2024-04-11T14:15:00Z"]
    );
    assert_eq!(
        shown(Window::All, Every::Month, &paris),
        ["2024-03 2024-02-29T23:00:00Z 2024-03-31T22:00:00Z", "2024-04 2024-03-31T22:00:00Z 2024-04-11T14:15:00Z"]
    );
    let quarter = Window::Period(NamedPeriod::parse("2024-Q1", Settings::default()).unwrap());
    assert_eq!(shown(quarter, Every::Year, &paris), ["2024 2023-12-31T23:00:00Z 2024-03-31T22:00:00Z"]);
    let names =
        |zones: &[&TimeZone]| -> Vec<String> { parts(Window::H24, Every::Day, zones, 9).unwrap().iter().map(Window::to_string).collect() };
    // 23:15 on the 10th to 23:15 on the 11th in Tokyo.
    assert_eq!(names(&[&tokyo]), ["2024-04-10", "2024-04-11"]);
    assert_eq!(names(&[&paris, &tokyo]), ["2024-04-10", "2024-04-11"]);
    assert_eq!(parts(Window::Month, Every::Day, &[&paris], 10), None, "eleven days");
    assert_eq!(parts(Window::Month, Every::Day, &[&paris], 11).unwrap().len(), 11);
    let part = parts(Window::Month, Every::Day, &[&paris], 11).unwrap()[0];
    assert_eq!(part.parts(Every::Day, at, Settings::default(), [&paris].into_iter(), None, 9), None);
    let nothing = Window::All.parts(Every::Month, at, Settings::default(), [&paris].into_iter(), None, 9);
    assert_eq!(nothing, Some(Vec::new()), "nothing has a first day");
}

#[test]
fn a_day_has_as_many_slots_as_its_clocks_say() {
    for (at, name, slots) in [
        ("2024-03-10T23:50:00-04:00", "America/New_York", 92),
        ("2024-11-03T23:50:00-05:00", "America/New_York", 100),
        ("2024-05-05T23:50:00+05:30", "Asia/Kolkata", 96),
        ("2024-05-05T23:50:00+05:45", "Asia/Kathmandu", 96),
        ("2024-04-07T23:50:00+10:30", "Australia/Lord_Howe", 98),
        ("2018-11-04T23:50:00-02:00", "America/Sao_Paulo", 92),
        ("2018-02-17T23:50:00-03:00", "America/Sao_Paulo", 100),
        ("2024-03-31T23:50:00+03:00", "Asia/Beirut", 92),
    ] {
        let bounds = Window::Today.bounds(parse_instant(at).unwrap(), &zone(name), Settings::default());
        let ranges = bounds.ranges(&zone(name));
        assert_eq!(ranges.quarters.len(), slots, "{name}");
        let day = parse_date(&at[..10]).unwrap();
        assert_eq!(ranges.dates, day..day + 1, "{name}");
    }
}

#[test]
fn a_day_begins_at_its_first_instant() {
    for (date, name, first) in [
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"), // no midnight
        ("2024-03-31", "Asia/Beirut", "2024-03-30T22:00:00Z"),
        ("2024-11-03", "America/Havana", "2024-11-03T04:00:00Z"),  // two midnights
        ("1919-03-31", "America/Toronto", "1919-03-31T04:30:00Z"), // the clocks jumped from 23:30 to 00:30
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"),    // skipped
        ("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z"),
    ] {
        let date = date_of(parse_date(date).unwrap());
        assert_eq!(show_instant(first_instant(date, &zone(name))), first, "{name}");
    }
}

#[test]
fn what_is_dated_on_a_day_that_was_skipped_counts_on_the_next() {
    let (apia, at) = (zone("Pacific/Apia"), parse_instant("2011-12-31T12:00:00+14:00").unwrap());
    let skipped = parse_date("2011-12-30").unwrap();
    let today = Window::Today.bounds(at, &apia, Settings::default());
    assert_eq!(today.ranges(&apia).dates, skipped..skipped + 2);
    let yesterday = Window::Yesterday.bounds(at, &apia, Settings::default());
    assert_eq!((yesterday.start, yesterday.end), (today.start, today.start.unwrap()));
    assert!(yesterday.ranges(&apia).dates.is_empty());
}

#[test]
fn a_window_that_is_none_is_refused_with_the_nearest() {
    assert!("last_moth".parse::<Window>().unwrap_err().contains("did you mean `last_month`"));
    for window in Window::ALL {
        assert_eq!(window.to_string().parse(), Ok(window));
    }
}

const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Auckland",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "America/St_Johns",
];

prop_compose! {
    /// Any minute from 1981 to 2040, more often than not near a change of clocks.
    fn instant()(minute in 5_790_000..36_800_000i64, near in prop::sample::select(vec![
        "2011-12-30T10:00:00Z", "2018-11-04T03:00:00Z", "2018-02-18T02:00:00Z", "2024-03-30T22:00:00Z", "2024-03-31T01:00:00Z",
        "2024-04-06T15:00:00Z", "2024-11-03T06:00:00Z", "2006-10-29T02:31:00Z", "2024-12-31T23:00:00Z",
    ]), by in -3000..3000i64, random in any::<bool>()) -> i64 {
        if random { minute * 60 * US } else { parse_instant(near).unwrap() + by * 60 * US }
    }
}

proptest! {
    #[test]
    fn parts_follow_each_other_from_end_to_end(
        at in 0..2_000_000_000_000_000i64, name in prop::sample::select(&ZONES), window in 0..16usize, every in prop::sample::select(&Every::ALL),
        fiscal_month in 1..=12i8) {
        let (zone, settings) = (zone(name), Settings { fiscal_month, ..Settings::default() });
        let window = Window::ALL[window];
        let whole = window.bounds(at, &zone, settings);
        let parts = window.parts(every, at, settings, [&zone].into_iter(), None, 1_000).unwrap();
        let mut reached = whole.start.unwrap();
        for part in &parts {
            let bounds = part.bounds(at, &zone, settings);
            prop_assert_eq!(bounds.start, Some(reached), "{} of {}", part, window);
            // Of a day that the zone skipped nothing is left.
            prop_assert!(bounds.end >= reached);
            reached = bounds.end;
        }
        prop_assert_eq!(reached, whole.end);
    }

    #[test]
    fn windows_hold_each_other_and_follow_each_other(at in instant(), zone_no in 0..ZONES.len(), fiscal_month in 1..=12i8, first in 1..=7i8) {
        let zone = zone(ZONES[zone_no]);
        let settings = Settings { week_start: Weekday::from_monday_one_offset(first).unwrap(), fiscal_month };
        let bounds = |window: Window| window.bounds(at, &zone, settings);
        use Window::*;
        for (inner, outer) in [(H1, H24), (H24, D7), (D7, D30), (D30, D90), (D90, D365), (Today, Week), (Today, Month), (Month, Quarter),
            (Quarter, Year), (D365, All), (Year, All)] {
            let (inner, outer) = (bounds(inner), bounds(outer));
            prop_assert!(inner.start >= outer.start && inner.end == outer.end);
        }
        for (before, now) in [(Yesterday, Today), (LastWeek, Week), (LastMonth, Month), (LastQuarter, Quarter), (LastYear, Year)] {
            let (before, now) = (bounds(before), bounds(now));
            prop_assert_eq!(Some(before.end), now.start);
            prop_assert!(now.start <= Some(at) && at <= now.end);
            prop_assert!(before.start <= Some(before.end));
            let (before, now) = (before.ranges(&zone), now.ranges(&zone));
            prop_assert_eq!(before.quarters.end, now.quarters.start);
            prop_assert_eq!(before.dates.end, now.dates.start);
        }
    }

    #[test]
    fn a_slot_counts_if_its_first_instant_does(at in instant(), zone_no in 0..ZONES.len(), window in 0..Window::ALL.len()) {
        let zone = zone(ZONES[zone_no]);
        let bounds = Window::ALL[window].bounds(at, &zone, Settings::default());
        let ranges = bounds.ranges(&zone);
        let inside = |us: i64| bounds.start.is_none_or(|start| start <= us) && us < bounds.end;
        for edge in [bounds.end, bounds.start.unwrap_or(bounds.end)] {
            let (quarter, day) = (edge.div_euclid(900 * US) as i32, edge.div_euclid(86_400 * US) as i32);
            for quarter in quarter - 3..quarter + 3 {
                prop_assert_eq!(ranges.quarters.contains(&quarter), inside(i64::from(quarter) * 900 * US));
            }
            for day in day - 3..day + 4 {
                prop_assert_eq!(ranges.dates.contains(&day), inside(first_instant(date_of(day), &zone)));
            }
        }
    }

    #[test]
    fn a_day_begins_when_its_date_is_first_read(at in instant(), zone_no in 0..ZONES.len()) {
        let zone = zone(ZONES[zone_no]);
        let date = local_date(at, &zone);
        let first = first_instant(date, &zone);
        prop_assert!(first <= at);
        prop_assert_eq!(local_date(first, &zone), date);
        // Minute by minute from two days before: no earlier instant reads that date.
        let earlier = (1..2880).map(|minute| first - minute * 60 * US).find(|us| local_date(*us, &zone) == date);
        prop_assert_eq!(earlier, None);
    }
}
