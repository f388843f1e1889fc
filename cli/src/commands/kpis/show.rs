//! Rows of KPIs as tables: whose they are down the side, KPIs across the top; windows one below the other, a series side by side.
//!
//! In: rows, what was asked for. Out: [`Table`]s and what they leave out. Never here: a number that isn't in a row; how wide a terminal is.

use std::collections::BTreeMap;
use std::sync::Arc;

use onpace_kpis::tally::UNASSIGNED;
use onpace_kpis::window::local_date;
use onpace_kpis::{By, Catalogue, KpiNo, Roster, Row, Unit, Window};
use onpace_schemas::{Currency, counted, printable};

use crate::table::Table;

/// So many KPIs stand in a table where nobody said which.
const FEW: usize = 8;
/// Those that come first.
const FIRST: [&str; 8] =
    ["calls_made", "calls_connected", "meetings_held", "emails_sent", "deals_won", "revenue_won", "win_rate", "open_pipeline"];

/// What is shown, and how.
pub struct Shown<'a> {
    pub catalogue: &'a Catalogue,
    pub roster: &'a Roster,
    pub rows: &'a [Row],
    pub by: By,
    /// The KPIs that were named, in that order; empty: all.
    pub kpis: &'a [KpiNo],
    /// The windows are the parts of one.
    pub is_series: bool,
    /// All KPIs that have a value.
    pub is_wide: bool,
    /// KPIs that are 0 or have no value everywhere too.
    pub zeros: bool,
    /// Whoever has nothing in the columns too.
    pub everybody: bool,
    /// A line for each row and nothing below it.
    pub is_piped: bool,
}

/// Who and when, as a row of counters is looked up.
type Place = (Option<Arc<str>>, Window);

impl Shown<'_> {
    /// The tables, and a line about what they leave out.
    pub fn tables(&self) -> (Vec<Table>, Vec<String>) {
        let mut cells: BTreeMap<(KpiNo, Place), Vec<&Row>> = BTreeMap::new();
        for row in self.rows {
            let place = (row.key.as_ref().map(|(_, key)| key.clone()), row.window);
            cells.entry((row.number, place)).or_default().push(row);
        }
        let (kpis, left) = self.columns();
        let currency = self.only_currency(&kpis);
        let keys = self.keys(&kpis);
        let windows = self.windows();
        let cell = |kpi: KpiNo, key: &Option<Arc<str>>, window: Window| {
            let rows = cells.get(&(kpi, (key.clone(), window))).map_or(&[][..], Vec::as_slice);
            self.cell(kpi, rows, currency)
        };
        let heading = |kpi: &KpiNo| self.heading(*kpi, currency);
        let mut told = Vec::new();
        let tables = match (self.by, self.is_series) {
            (By::Company, false) => {
                let rows = kpis.iter().map(|kpi| (heading(kpi), windows.iter().map(|window| cell(*kpi, &None, *window)).collect()));
                vec![Table {
                    corner: "KPI".into(),
                    columns: windows.iter().map(Window::to_string).collect(),
                    rows: rows.collect(),
                    title: None,
                }]
            }
            (By::Company, true) => {
                let rows = windows.iter().map(|window| (window.to_string(), kpis.iter().map(|kpi| cell(*kpi, &None, *window)).collect()));
                vec![Table { corner: "period".into(), columns: kpis.iter().map(heading).collect(), rows: rows.collect(), title: None }]
            }
            (by, true) => {
                let table = |kpi: &KpiNo| Table {
                    title: Some(heading(kpi)),
                    corner: by.name().into(),
                    columns: windows.iter().map(Window::to_string).collect(),
                    rows: keys
                        .iter()
                        .map(|(key, label)| (label.clone(), windows.iter().map(|window| cell(*kpi, key, *window)).collect()))
                        .collect(),
                };
                kpis.iter().map(table).collect()
            }
            (by, false) => {
                let table = |window: &Window| Table {
                    title: Some(self.title(*window)),
                    corner: by.name().into(),
                    columns: kpis.iter().map(heading).collect(),
                    rows: keys
                        .iter()
                        .map(|(key, label)| (label.clone(), kpis.iter().map(|kpi| cell(*kpi, key, *window)).collect()))
                        .collect(),
                };
                windows.iter().map(table).collect()
            }
        };
        if left > 0 {
            told.push(format!("{left} more KPIs have values: --wide shows them all, --kpi NAME some."));
        }
        let all: std::collections::BTreeSet<_> = self.rows.iter().filter_map(|row| row.key.as_ref()).map(|(_, key)| key).collect();
        if self.by != By::Company && keys.len() < all.len() {
            let count = all.len() - keys.len();
            told.push(format!(
                "{} with nothing in {}: --zeros shows {}.",
                counted(count, self.by.name()),
                if kpis.len() > 1 { "these columns" } else { "it" },
                if count == 1 { "it" } else { "them" }
            ));
        }
        (tables, told)
    }

    /// The KPIs of the columns, and how many others have values.
    fn columns(&self) -> (Vec<KpiNo>, usize) {
        if !self.kpis.is_empty() {
            return (self.kpis.to_vec(), 0);
        }
        let mut some: Vec<KpiNo> = self.rows.iter().filter(|row| self.zeros || is_something(row)).map(|row| row.number).collect();
        some.sort_unstable();
        some.dedup();
        let is_table_of_kpis = self.by == By::Company && !self.is_series;
        if self.is_wide || is_table_of_kpis || some.len() <= FEW {
            return (some, 0);
        }
        let name = |number: &KpiNo| &*self.catalogue.kpis[usize::from(*number)].name;
        let place = |number: &KpiNo| FIRST.iter().position(|first| *first == name(number)).unwrap_or(FIRST.len());
        let all = some.len();
        some.sort_by_key(|number| (place(number), *number));
        some.truncate(FEW);
        (some, all - FEW)
    }

    /// The currency of all money in the columns, if it is one.
    fn only_currency(&self, kpis: &[KpiNo]) -> Option<Currency> {
        let mut currencies = self.rows.iter().filter(|row| kpis.contains(&row.number)).filter_map(|row| row.currency);
        let first = currencies.next()?;
        currencies.all(|currency| currency == first).then_some(first)
    }

    /// Whose rows there are, with what people call them, in the order of that; those with nothing left out.
    fn keys(&self, kpis: &[KpiNo]) -> Vec<(Option<Arc<str>>, String)> {
        let mut keys: Vec<&Arc<str>> = self
            .rows
            .iter()
            .filter(|row| self.everybody || (kpis.contains(&row.number) && is_something(row)))
            .filter_map(|row| row.key.as_ref().map(|(_, key)| key))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mut labels: Vec<(Option<Arc<str>>, String)> =
            keys.into_iter().map(|key| (Some(key.clone()), name(self.roster, self.by, key))).collect();
        labels.sort_by_cached_key(|(_, label)| (label.to_lowercase(), label.clone()));
        labels
    }

    /// The windows, in the order in which they were asked for.
    fn windows(&self) -> Vec<Window> {
        let mut windows: Vec<Window> = Vec::new();
        for row in self.rows {
            if !windows.contains(&row.window) {
                windows.push(row.window);
            }
        }
        windows
    }

    fn title(&self, window: Window) -> String {
        let zone = &self.roster.schedule.zone;
        let Some(row) = self.rows.iter().find(|row| row.window == window) else { return window.to_string() };
        let last = local_date(row.bounds.end - 1, zone);
        match row.bounds.start.map(|start| local_date(start, zone)) {
            None => format!("{window}, to {last}"),
            Some(first) if first == last => format!("{window}, {last}"),
            Some(first) => format!("{window}, {first} to {last}"),
        }
    }

    fn heading(&self, kpi: KpiNo, currency: Option<Currency>) -> String {
        let kpi = &self.catalogue.kpis[usize::from(kpi)];
        let name = printable(&kpi.name).replace('_', " ");
        match currency.filter(|_| kpi.unit.is_money()) {
            Some(currency) => format!("{name} {currency}"),
            None => name,
        }
    }

    /// A cell: a line a currency.
    fn cell(&self, kpi: KpiNo, rows: &[&Row], only: Option<Currency>) -> String {
        let lines: Vec<String> =
            rows.iter().filter(|row| rows.len() == 1 || self.zeros || is_something(row)).map(|row| shown(row, only)).collect();
        // Of what adds up nothing is 0; a rate of nothing is no value.
        let nothing = match rows.iter().find(|row| row.value.is_some()) {
            Some(zero) => shown(zero, only),
            None if rows.is_empty() && self.catalogue.adds_up(&self.catalogue.kpis[usize::from(kpi)]) => "0".to_owned(),
            None => "–".to_owned(),
        };
        match (lines.is_empty(), self.is_piped) {
            (true, _) => nothing,
            (false, true) => lines.join(" + "),
            (false, false) => lines.join("\n"),
        }
    }
}

/// Whether a row has a value that isn't 0.
fn is_something(row: &Row) -> bool {
    row.value.as_ref().is_some_and(|value| !value.is_zero())
}

/// What people call a rep or a team; two of one name have their ids behind it.
pub fn name(roster: &Roster, by: By, key: &str) -> String {
    let named = |name: &str, others: usize| match (name.trim().is_empty(), others > 1) {
        (true, _) => printable(key).into_owned(),
        (false, true) => format!("{} ({})", printable(name), printable(key)),
        (false, false) => printable(name).into_owned(),
    };
    match by {
        By::Rep if key != UNASSIGNED => match roster.person(key).map(|person| &roster.people[person]) {
            Some(person) if *person.id == *key => {
                named(&person.name, roster.people.iter().filter(|other| other.name == person.name).count())
            }
            _ => printable(key).into_owned(),
        },
        By::Team => match roster.team(key).map(|team| &roster.teams[team]) {
            Some(team) => named(&team.name, roster.teams.iter().filter(|other| other.name == team.name).count()),
            None => printable(key).into_owned(),
        },
        _ if key.is_empty() => "(none)".to_owned(),
        _ => printable(key).into_owned(),
    }
}

/// A value for a cell; money without its currency where that stands above.
fn shown(row: &Row, only: Option<Currency>) -> String {
    if row.value.is_none() {
        return "–".to_owned();
    }
    match row.unit {
        Unit::Count if !row.plain().contains('.') => grouped(&row.plain()),
        Unit::Money | Unit::MoneyPerDay => {
            let amount = grouped(&row.plain());
            let per_day = if row.unit == Unit::MoneyPerDay { "/day" } else { "" };
            match row.currency.filter(|_| only.is_none()) {
                Some(currency) => format!("{amount} {currency}{per_day}"),
                None => format!("{amount}{per_day}"),
            }
        }
        _ => row.shown(),
    }
}

/// A decimal number with a comma after each thousand.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use onpace_kpis::{MeasureNo, Question, Slot, Tally, evaluate};

    use super::*;

    const ROSTER: &str = "time_zone: UTC\nteams: [{ id: paris, name: Équipe de Paris }]\npeople:\n\
        - { id: mc, name: Marie Curie, identities: [marie], teams: [{ team: paris }] }\n\
        - { id: a1, name: Ann, teams: [{ team: paris }] }\n- { id: a2, name: Ann }\n";
    const DAY: i32 = 20_000;
    const AT_US: i64 = (DAY as i64 + 1) * 86_400_000_000 - 1_000_000;

    fn tally(catalogue: &Catalogue) -> Tally {
        let mut tally = Tally::new(&catalogue.measures);
        let mut add = |rep: &str, measure: &str, currency: &str, value| {
            let number = catalogue.measures.iter().position(|known| known.name == measure).unwrap() as MeasureNo;
            let extra = Currency::parse(currency).map_or(0, |currency| currency.to_number());
            tally.apply(rep, number, ["", ""], extra, Slot::Date(DAY), value);
        };
        add("marie", "calls_made", "", 1_357);
        add("marie", "revenue_won", "EUR", 10_431_205);
        add("marie", "deals_won", "", 3);
        add("a1", "calls_made", "", 2);
        add("stranger\u{1b}", "calls_made", "", 1);
        tally
    }

    fn tables(by: By, windows: &[Window], change: impl FnOnce(&mut Shown<'_>), more: &[(&str, &str)]) -> (Vec<Table>, Vec<String>) {
        let catalogue = Catalogue::built_in().unwrap();
        let roster = Roster::parse(ROSTER, &mut |_| Err("none".into())).unwrap();
        let mut tally = tally(&catalogue);
        for (measure, currency) in more {
            let number = catalogue.measures.iter().position(|known| known.name == *measure).unwrap() as MeasureNo;
            tally.apply("a1", number, ["", ""], Currency::parse(currency).map_or(0, |currency| currency.to_number()), Slot::Date(DAY), 5);
        }
        let rows = evaluate(&catalogue, &tally, &roster, &Question::new(AT_US, by, windows)).unwrap();
        let mut shown = Shown {
            catalogue: &catalogue,
            roster: &roster,
            rows: &rows,
            by,
            kpis: &[],
            is_series: false,
            is_wide: false,
            zeros: false,
            everybody: false,
            is_piped: false,
        };
        change(&mut shown);
        shown.tables()
    }

    fn cells(table: &Table) -> Vec<String> {
        table.rows.iter().map(|(label, cells)| format!("{label}|{}", cells.join("|"))).collect()
    }

    #[test]
    fn reps_are_rows_by_their_names_and_kpis_columns() {
        let (tables, told) = tables(By::Rep, &[Window::Today, Window::Month], |_| {}, &[]);
        assert_eq!(
            tables.iter().map(|table| table.title.as_deref().unwrap()).collect::<Vec<_>>(),
            ["today, 2024-10-04", "month, 2024-10-01 to 2024-10-04"]
        );
        assert_eq!(tables[0].columns, ["calls made", "deals won", "revenue won EUR", "win rate", "win rate by value"]);
        // Two people of one name have their ids behind it; whom no roster knows goes by what events call him.
        assert_eq!(
            cells(&tables[0]),
            ["Ann (a1)|2|0|0|–|–", "Marie Curie|1,357|3|104,312.05|100.0 %|100.0 %", "stranger\u{fffd}|1|0|0|–|–"]
        );
        assert_eq!(told, ["1 rep with nothing in these columns: --zeros shows it."]);
        let (tables, told) = self::tables(By::Rep, &[Window::Today], |shown| shown.everybody = true, &[]);
        assert!(cells(&tables[0]).iter().any(|row| row.starts_with("Ann (a2)|0")));
        assert_eq!(told.len(), 0, "{told:?}");
    }

    #[test]
    fn eight_kpis_stand_in_a_table_unless_more_are_wanted() {
        let more =
            ["prospecting_calls", "calls_connected", "calls_received", "meetings_booked", "meetings_held", "emails_sent", "deals_lost"]
                .map(|kpi| (kpi, ""));
        let (few, told) = tables(By::Rep, &[Window::All], |_| {}, &more);
        assert_eq!(few[0].columns.len(), 8);
        assert!(few[0].columns.iter().any(|column| column == "revenue won EUR") && told[0].contains("--wide"), "{told:?}");
        let (wide, told) = tables(By::Rep, &[Window::All], |shown| shown.is_wide = true, &more);
        assert!(wide[0].columns.len() > 8 && !told.iter().any(|line| line.contains("--wide")), "{told:?}");
    }

    #[test]
    fn several_currencies_are_a_line_each_or_a_sum_in_a_pipe() {
        let shown = |is_piped| {
            let (tables, _) = tables(By::Company, &[Window::All], |shown| shown.is_piped = is_piped, &[("revenue_won", "USD")]);
            cells(&tables[0]).into_iter().find(|row| row.starts_with("revenue won|")).unwrap()
        };
        assert_eq!(shown(false), "revenue won|104,312.05 EUR\n0.05 USD");
        assert_eq!(shown(true), "revenue won|104,312.05 EUR + 0.05 USD");
    }

    #[test]
    fn the_company_has_kpis_as_rows_and_a_series_periods_side_by_side_or_below() {
        let (company, told) = tables(By::Company, &[Window::Today, Window::All], |_| {}, &[]);
        assert_eq!((company[0].columns.join(" "), told.len()), ("today all".to_owned(), 0));
        assert_eq!(cells(&company[0])[0], "calls made|1,360|1,360");
        let (series, _) = tables(By::Company, &[Window::Today, Window::Yesterday], |shown| shown.is_series = true, &[]);
        assert_eq!(series[0].rows.iter().map(|(label, _)| &**label).collect::<Vec<_>>(), ["today", "yesterday"]);
        let (series, _) = tables(By::Team, &[Window::Today, Window::Yesterday], |shown| shown.is_series = true, &[]);
        assert_eq!((series[0].title.as_deref(), series[0].columns.join(" ")), (Some("calls made"), "today yesterday".to_owned()));
        assert_eq!(cells(&series[0]), ["unrostered|1|0", "Équipe de Paris|1,359|0"]);
    }

    #[test]
    fn thousands_are_apart() {
        for (number, shown) in [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567.05", "-1,234,567.05"), ("123456", "123,456")] {
            assert_eq!(grouped(number), shown);
        }
    }
}
