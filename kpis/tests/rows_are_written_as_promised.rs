//! The JSON of a row, with every unit, a rate without a denominator, and money rounded half to even.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use onpace_kpis::{Answer, By, Catalogue, Question, Roster, Slot, Tally, Window, evaluate, histogram};
use onpace_schemas::Currency;
use onpace_schemas::time::{parse_date, parse_instant};
use serde_json::{Value, json};

const AT: &str = "2017-12-31T23:59:59Z";

fn tally(catalogue: &Catalogue) -> Tally {
    let mut tally = Tally::new(&catalogue.measures);
    let day = |date| Slot::Date(parse_date(date).unwrap());
    let usd = Currency::parse("USD").unwrap().to_number();
    let mut add = |rep, measure: &str, extra, slot, value| {
        let number = catalogue.measures.iter().position(|known| known.name == measure).unwrap();
        tally.apply(rep, number as u16, ["GTX", ""], extra, slot, value);
    };
    for (rep, won, lost, cents) in [("Darcel", 31, 19, 10_431_205), ("Ana", 0, 0, 0)] {
        add(rep, "deals_won", 0, day("2017-12-05"), won);
        add(rep, "deals_won_valued", usd, day("2017-12-05"), won);
        add(rep, "deals_lost", 0, day("2017-12-06"), lost);
        add(rep, "revenue_won", usd, day("2017-12-05"), cents);
        add(rep, "deals_created", 0, day("2017-12-01"), 2);
    }
    add("Darcel", "open_deals", 0, day("2017-11-01"), 8);
    for days in [10, 57, 90] {
        add("Darcel", "sales_cycle_s", histogram::bucket(days * 86_400), day("2017-12-05"), 1);
    }
    tally
}

fn ask(catalogue: &Catalogue, by: By, kpi: &str, key: Option<&str>, window: Window) -> Vec<Value> {
    let at_us = parse_instant(AT).unwrap();
    let kpis = catalogue.select([kpi]).unwrap();
    let question = Question { kpis: &kpis, key, ..Question::new(at_us, by, std::slice::from_ref(&window)) };
    let values = evaluate(catalogue, &tally(catalogue), &Roster::default(), &question).unwrap();
    let answer = serde_json::to_value(Answer { at_us, values }).unwrap();
    assert_eq!(answer["at"], AT);
    answer["values"].as_array().unwrap().clone()
}

#[test]
fn a_row_is_as_the_interface_shows_it() {
    let catalogue = Catalogue::built_in().unwrap();
    let month = |kpi, rest: Value| {
        let mut row =
            json!({ "kpi": kpi, "window": "month", "start": "2017-12-01T00:00:00Z", "end": "2018-01-01T00:00:00Z", "rep": "Darcel" });
        row.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        row
    };
    for (kpi, rest) in [
        ("deals_won", json!({ "value": 31, "unit": "count" })),
        ("win_rate", json!({ "value": 0.62, "numerator": 31, "denominator": 50, "unit": "ratio" })),
        ("revenue_won", json!({ "value": "104312.05", "unit": "money", "currency": "USD" })),
        // 10,431,205 cents in 31 parts are 336,490.48…
        ("average_deal", json!({ "value": "3364.90", "numerator": "104312.05", "denominator": 31, "unit": "money", "currency": "USD" })),
        (
            "win_rate_by_value",
            json!({ "value": 1.0, "numerator": "104312.05", "denominator": "104312.05", "unit": "ratio", "currency": "USD" }),
        ),
        ("connect_rate", json!({ "value": null, "numerator": 0, "denominator": 0, "unit": "ratio" })),
    ] {
        assert_eq!(ask(&catalogue, By::Rep, kpi, Some("Darcel"), Window::Month), [month(kpi, rest)], "{kpi}");
    }
    // 8 open × 0.62 × 336,490.48… ÷ the cycle's middle.
    let days = ask(&catalogue, By::Rep, "sales_cycle_days", Some("Darcel"), Window::Month)[0]["value"].as_f64().unwrap();
    assert!((days - 57.0).abs() <= 0.57, "{days}");
    let slow = ask(&catalogue, By::Rep, "sales_cycle_days_p90", Some("Darcel"), Window::Month)[0]["value"].as_f64().unwrap();
    assert!((slow - 90.0).abs() <= 0.9, "{slow}");
    let velocity = &ask(&catalogue, By::Company, "sales_velocity", None, Window::Month)[0];
    let expected = 8.0 * 0.62 * 104_312.05 / 31.0 / days;
    assert!((velocity["value"].as_str().unwrap().parse::<f64>().unwrap() - expected).abs() < 0.006, "{velocity} {expected}");
    assert_eq!((&velocity["unit"], velocity.get("numerator")), (&json!("money per day"), None));
}

#[test]
fn what_does_not_apply_is_absent_and_what_is_unknown_is_null() {
    let catalogue = Catalogue::built_in().unwrap();
    let all = ask(&catalogue, By::Company, "deals_won", None, Window::All);
    assert_eq!(
        all,
        [json!({ "kpi": "deals_won", "window": "all", "start": null, "end": "2018-01-01T00:00:00Z", "value": 31, "unit": "count" })]
    );
    // Ana has won nothing: no denominator, no value; she has no money in any currency, so no row per currency.
    let rate = &ask(&catalogue, By::Rep, "win_rate", Some("Ana"), Window::Month)[0];
    assert_eq!((&rate["value"], &rate["denominator"]), (&Value::Null, &json!(0)));
    assert!(ask(&catalogue, By::Rep, "revenue_won", Some("Ana"), Window::Month).is_empty());
    // A level stands at the window's end, whenever it rose; a flow of last year is none.
    assert_eq!(ask(&catalogue, By::Company, "open_deals", None, Window::H1)[0]["value"], 8);
    assert_eq!(ask(&catalogue, By::Company, "deals_won", None, Window::LastYear)[0]["value"], 0);
    // By product, where every measure has it.
    let product = &ask(&catalogue, By::Product, "win_rate", None, Window::Month)[0];
    assert_eq!((&product["product"], &product["value"]), (&json!("GTX"), &json!(0.62)));
    assert!(ask(&catalogue, By::Product, "calls_made", None, Window::Month).is_empty());
    let nobody = &ask(&catalogue, By::Team, "deals_won", None, Window::Month)[0];
    assert_eq!((&nobody["team"], &nobody["value"]), (&json!("unrostered"), &json!(31)));
}

#[test]
fn half_a_cent_goes_to_the_even_one() {
    let catalogue = Catalogue::built_in().unwrap();
    for (cents, parts, shown) in [(5, 2, "0.02"), (7, 2, "0.04"), (-5, 2, "-0.02"), (1, 3, "0.00"), (2, 3, "0.01")] {
        let mut tally = Tally::new(&catalogue.measures);
        let number = |name: &str| catalogue.measures.iter().position(|measure| measure.name == name).unwrap() as u16;
        let eur = Currency::parse("EUR").unwrap().to_number();
        tally.apply("a", number("revenue_won"), ["", ""], eur, Slot::Quarter(0), cents);
        tally.apply("a", number("deals_won_valued"), ["", ""], eur, Slot::Quarter(0), parts);
        let kpis = catalogue.select(["average_deal"]).unwrap();
        let question = Question { kpis: &kpis, ..Question::new(1_000_000_000, By::Company, &[Window::All]) };
        let rows = evaluate(&catalogue, &tally, &Roster::default(), &question).unwrap();
        assert_eq!(rows[0].plain(), shown, "{cents}/{parts}");
        assert_eq!(rows[0].shown(), format!("{shown} EUR"));
        assert_eq!(rows[0].to_f64().to_string(), shown.parse::<f64>().unwrap().to_string());
    }
}
