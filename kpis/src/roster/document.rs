//! A roster from its YAML.
//!
//! In: the text of `roster.yaml`, and a way to the text of the rates it names. Out: a [`Roster`] whose every reference is resolved, or the first
//! mistake with its line, its cause and its cure. Never here: files (the caller reads them), secrets (only their files' names).

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use onpace_schemas::{Currency, MAX_SOURCE_BYTES};

use super::calendars::{self, Calendars, WEEK};
use super::people;
use super::words::{ADDRESS_KEYS, Ids, address, id, language, refuse_no_email};
use super::{Language, Manager, Rates, Roster, Smtp, Source};
use crate::Mistake;
use crate::worktime::Schedule;
use onpace_schemas::yaml::{self, Fields, Node, Text};

const KEYS: [&str; 13] = [
    "company",
    "currency",
    "week_starts",
    "fiscal_year_starts",
    "rates",
    "language",
    "managers",
    "manager",
    "operations",
    "smtp",
    "teams",
    "people",
    "sources",
];

const MONTHS: [(&str, i8); 12] = [
    ("january", 1),
    ("february", 2),
    ("march", 3),
    ("april", 4),
    ("may", 5),
    ("june", 6),
    ("july", 7),
    ("august", 8),
    ("september", 9),
    ("october", 10),
    ("november", 11),
    ("december", 12),
];

/// A source that may be silent for less would always be late; one that may for longer, about a year's work, would never be.
const SILENCE_S: std::ops::RangeInclusive<i64> = 60..=2_000 * 3600;

impl Roster {
    /// Reads a roster. `read` gives the text of the file that `rates` names, by its path as written there.
    ///
    /// # Errors
    /// The first mistake: its line (and file, where it is the rates'), its cause and what would be right.
    pub fn parse(yaml: &str, read: &mut dyn FnMut(&str) -> Result<String, String>) -> Result<Roster, Mistake> {
        let root = yaml::read(yaml)?;
        let mut known = KEYS.to_vec();
        known.extend(calendars::KEYS);
        let fields = root.fields("a roster", &known)?;
        let mut roster = Roster::of(TimeZone::UTC);
        let mut calendars = Calendars::new();
        fields.needed("time_zone", "such as `Europe/Paris`: it says when days begin and end")?;
        roster.schedule = calendars.schedule(&fields, &Schedule::office(TimeZone::UTC))?;
        roster.company = fields.owned("company")?.unwrap_or_default();
        if let Some(day) = fields.text("week_starts")? {
            let number = day.one_of("day of the week", &WEEK)?;
            roster.settings.week_start = Weekday::from_monday_one_offset(number).unwrap_or(Weekday::Monday);
        }
        if let Some(month) = fields.text("fiscal_year_starts")? {
            roster.settings.fiscal_month = month.one_of("month", &MONTHS)?;
        }
        roster.language = language(&fields, Language::En)?;
        read_money(&fields, read, &mut roster)?;
        let managers = read_managers(fields.list("managers")?, &mut roster)?;
        roster.manager = fields.text("manager")?.map(|manager| managers.find(manager)).transpose()?;
        roster.operations = fields.owned("operations")?;
        roster.smtp = fields.get("smtp").map(smtp).transpose()?;
        let teams = people::read_teams(fields.list("teams")?, &managers, &mut roster)?;
        people::read_people(fields.list("people")?, &teams, &mut calendars, &mut roster)?;
        roster.sources = sources(fields.list("sources")?)?;
        Ok(roster)
    }
}

fn read_money(fields: &Fields<'_>, read: &mut dyn FnMut(&str) -> Result<String, String>, roster: &mut Roster) -> Result<(), Mistake> {
    if let Some(code) = fields.text("currency")? {
        roster.currency = Some(Currency::parse(code.text).map_err(|cause| code.mistake(cause))?);
    }
    if let Some(file) = fields.text("rates")? {
        if roster.currency.is_none() {
            return Err(file.mistake("`rates` lead to a currency; write which, such as `currency: EUR`"));
        }
        let csv = read(file.text).map_err(|cause| {
            file.mistake(format!("the rates in `{}` can't be read: {cause}; name a file by its way from the roster's folder", file.text))
        })?;
        roster.rates = Some(Rates::parse(file.text, &csv)?);
    }
    Ok(())
}

fn read_managers<'a>(nodes: &'a [Node], roster: &mut Roster) -> Result<Ids<'a>, Mistake> {
    let mut known = vec!["id", "name", "language"];
    known.extend(ADDRESS_KEYS);
    let mut ids = Ids::new("manager");
    for node in nodes {
        let fields = node.fields("a manager", &known)?;
        let id = id(&fields)?;
        ids.add(id)?;
        roster.managers.push(Manager {
            id: id.text.to_owned(),
            name: fields.owned("name")?.unwrap_or_else(|| id.text.to_owned()),
            address: address(&fields)?,
            language: language(&fields, roster.language)?,
        });
    }
    Ok(ids)
}

fn smtp(node: &Node) -> Result<Smtp, Mistake> {
    let fields = node.fields("`smtp`", &["host", "from", "user", "password_file"])?;
    let host = fields.needed("host", "such as smtp.acme.fr:587")?;
    let port = host.text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        return Err(host.mistake(format!("`{}` has no port; write one such as smtp.acme.fr:587", host.text)));
    }
    let from = fields.needed("from", "the sender's address, such as onpace@acme.fr")?;
    // A name may stand before the address.
    refuse_no_email(from)?;
    let (user, password_file) = (fields.text("user")?, fields.text("password_file")?);
    match (user, password_file) {
        (Some(user), None) => Err(user.mistake("`user` needs `password_file`, the file that holds his password")),
        (None, Some(file)) => Err(file.mistake("`password_file` needs `user`, whose password it is")),
        _ => Ok(()),
    }?;
    let owned = |text: Option<Text<'_>>| text.map(|text| text.text.to_owned());
    Ok(Smtp { host: host.text.to_owned(), from: from.text.to_owned(), user: owned(user), password_file: owned(password_file) })
}

fn sources(nodes: &[Node]) -> Result<Vec<Source>, Mistake> {
    let mut ids = Ids::new("source");
    let mut sources = Vec::with_capacity(nodes.len());
    for node in nodes {
        let fields = node.fields("a source", &["id", "live", "max_silence"])?;
        let id = id(&fields)?;
        if id.text.len() > MAX_SOURCE_BYTES {
            return Err(id.mistake(format!("a source's name has at most {MAX_SOURCE_BYTES} bytes")));
        }
        ids.add(id)?;
        let live = fields.flag("live")?.unwrap_or(false);
        let max_silence_s = match fields.text("max_silence")? {
            None => None,
            Some(text) if !live => return Err(text.mistake("only a live source can be too silent; write `live: true` too")),
            Some(text) => Some(duration_s(text.text).map_err(|cause| text.mistake(cause))?),
        };
        sources.push(Source { id: id.text.to_owned(), live, max_silence_s });
    }
    Ok(sources)
}

/// `1h`, `30m`, `1h30m` in seconds.
fn duration_s(text: &str) -> Result<i64, String> {
    let example = "write hours and minutes of working time, such as 1h, 30m or 1h30m";
    let wrong = || format!("`{text}` is no duration; {example}");
    let (mut total, mut rest) = (0_i64, text);
    for (unit, seconds) in [('h', 3600), ('m', 60), ('s', 1)] {
        let Some((number, after)) = rest.split_once(unit) else { continue };
        if number.is_empty() || number.len() > 9 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        total += number.parse::<i64>().map_err(|_| wrong())? * seconds;
        rest = after;
    }
    if !rest.is_empty() || text.is_empty() {
        return Err(wrong());
    }
    match SILENCE_S.contains(&total) {
        true => Ok(total),
        false => Err(format!("`{text}` is too short or too long to be of use; write from 1m to {}h", SILENCE_S.end() / 3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::duration_s;

    #[test]
    fn durations_are_hours_and_minutes() {
        for (text, seconds) in [("1h", 3600), ("30m", 1800), ("1h30m", 5400), ("90s", 90), ("2000h", 7_200_000), ("1m", 60)] {
            assert_eq!(duration_s(text), Ok(seconds));
        }
        for wrong in ["", "1", "h", "1d", "1.5h", "-1h", "1h 30m", "30m1h", "1h1h", "9999999999h", "１h"] {
            assert!(duration_s(wrong).is_err_and(|cause| cause.contains("is no duration; write hours")), "{wrong}");
        }
        for absurd in ["0h", "59s", "2001h", "999999999h"] {
            assert!(duration_s(absurd).is_err_and(|cause| cause.contains("too short or too long")), "{absurd}");
        }
    }
}
