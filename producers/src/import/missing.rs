//! What a map asks for and the file, or the world, has not: columns, zones.
//!
//! In: the map's program, the file's columns, the variables. Out: an error before the first row, or what looks wrong.

use onpace_schemas::did_you_mean;

use super::map::columns::{Zone, asked};
use super::map::{place_at, zone_is_known};
use crate::doubts::{Doubt, What};
use crate::names::{alike, knows_no_summer};

/// How many missing columns are named.
const NAMED: usize = 5;

/// Holds a map against a file's columns, and the zones that it names against those there are.
///
/// # Errors
/// A column that the map can't do without is missing, or a zone.
pub(super) fn columns(code: &str, columns: &[String], arguments: &[(String, String)]) -> Result<Vec<Doubt>, String> {
    let asked = asked(code);
    let missing: Vec<&(String, usize)> = asked.columns.iter().filter(|(name, _)| !columns.contains(name)).collect();
    if !missing.is_empty() {
        let named: Vec<String> = missing
            .iter()
            .take(NAMED)
            .map(|(name, at)| {
                let hint = match same(name, columns) {
                    Some(column) => format!("; did you mean `{column}`?"),
                    None => did_you_mean(name, columns.iter().map(String::as_str)),
                };
                format!("{}: the file has no column `{name}`{hint}", place_at(code, *at))
            })
            .collect();
        let more = match missing.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        return Err(format!("{}{more} (a column that may be missing: `.[\"NAME\"]?` or `.NAME // …`)", named.join("; ")));
    }
    let mut doubts = Vec::new();
    for name in asked.optional.iter().filter(|name| !columns.contains(name)) {
        if let Some(column) = same(name, columns).or_else(|| near(name, columns)) {
            let text = format!("the file has no column `{name}`, and the map does without it; did you mean `{column}`?");
            doubts.push(Doubt { what: What::NearlyColumn, count: 1, text });
        }
    }
    for zone in asked.zones {
        let name = match zone {
            Zone::Named(name) => name,
            Zone::Variable(variable) => match arguments.iter().find(|(name, _)| *name == variable) {
                Some((_, value)) => value.clone(),
                None => continue,
            },
        };
        zone_is_known(&name)?;
        if knows_no_summer(&name) {
            let text = format!(
                "the zone `{name}` is winter all the year: in summer its times are an hour off those that clocks show; name the place, such as America/New_York"
            );
            doubts.push(Doubt { what: What::ZoneWithoutSummer, count: 1, text });
        }
    }
    Ok(doubts)
}

/// The column whose name is the same but for case and what can't be seen.
fn same<'c>(name: &str, columns: &'c [String]) -> Option<&'c str> {
    columns.iter().find(|column| alike(column) == alike(name)).map(String::as_str)
}

/// The column whose name is nearly that.
fn near<'c>(name: &str, columns: &'c [String]) -> Option<&'c str> {
    crate::doubts::nearly(name, columns.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(code: &str, zone: &str) -> Result<Vec<String>, String> {
        let names = ["Call Id", "Amount", "Close Date"].map(str::to_owned);
        columns(code, &names, &[("zone".into(), zone.into())]).map(|doubts| doubts.into_iter().map(|doubt| doubt.text).collect())
    }

    #[test]
    fn a_column_that_is_missing_is_an_error_with_its_place_and_the_nearest_name() {
        assert_eq!(held(".Amount, .[\"Call Id\"]", "UTC"), Ok(vec![]));
        let error = held("{id: .[\"Call Id\"],\n amount: .Amout}", "UTC").err().unwrap_or_default();
        assert!(error.starts_with("line 2, column 11: the file has no column `Amout`; did you mean `Amount`?"), "{error}");
        assert!(error.ends_with("`.NAME // …`)"), "{error}");
        assert!(held(".\"close date\"", "UTC").is_err_and(|error| error.contains("did you mean `Close Date`?")));
        assert!(held(".a, .b, .c, .d, .e, .f", "UTC").is_err_and(|error| error.contains("and 1 more")));
    }

    #[test]
    fn a_column_that_may_be_missing_is_told_where_another_is_nearly_called_so() {
        assert_eq!(held(".Region? // \"EMEA\"", "UTC"), Ok(vec![]));
        let told = held(".amount // 0", "UTC").unwrap_or_default();
        assert_eq!(told, ["the file has no column `amount`, and the map does without it; did you mean `Amount`?"]);
    }

    #[test]
    fn zones_are_known_and_know_summer() {
        assert!(held(".Amount | in_zone(\"Europe/Pariss\")", "UTC").is_err_and(|error| error.contains("no zone `Europe/Pariss`")));
        assert!(held(".Amount | in_zone($zone)", "nowhere").is_err());
        let told = held(".Amount | in_zone($zone)", "EST").unwrap_or_default();
        assert!(told.len() == 1 && told[0].contains("`EST` is winter all the year"), "{told:?}");
    }
}
