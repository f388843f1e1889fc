//! When somebody works, from his part of a roster.
//!
//! In: `time_zone`, `working_days`, `working_hours`, `holidays`, `absences`. Out: a [`Schedule`] that takes over what isn't said; runs of
//! absence. Never here: whose they are, the machine's own zones (the program brings its own, the same everywhere).

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::holidays;
use crate::Mistake;
use crate::worktime::Schedule;
use onpace_schemas::yaml::{Fields, Node, Text, hint};

/// Days since 1970-01-01, sorted.
type Days = Arc<[i32]>;

/// The keys that make a schedule.
pub(super) const KEYS: [&str; 4] = ["time_zone", "working_days", "working_hours", "holidays"];

/// The days of the week from Monday; `mon` is `monday`.
pub(super) const WEEK: [(&str, i8); 14] = [
    ("monday", 1),
    ("tuesday", 2),
    ("wednesday", 3),
    ("thursday", 4),
    ("friday", 5),
    ("saturday", 6),
    ("sunday", 7),
    ("mon", 1),
    ("tue", 2),
    ("wed", 3),
    ("thu", 4),
    ("fri", 5),
    ("sat", 6),
    ("sun", 7),
];

/// Zones and countries, each read once.
pub(super) struct Calendars {
    database: TimeZoneDatabase,
    zones: HashMap<String, TimeZone>,
    /// By country and, of a region, its name; else the empty one.
    public: HashMap<(String, String), Vec<i32>>,
}

impl Calendars {
    pub(super) fn new() -> Calendars {
        Calendars { database: TimeZoneDatabase::bundled(), zones: HashMap::new(), public: HashMap::new() }
    }

    /// A schedule; what isn't said is another's. Holidays that are said replace all of the other's.
    pub(super) fn schedule(&mut self, fields: &Fields<'_>, other: &Schedule) -> Result<Schedule, Mistake> {
        let mut schedule = other.clone();
        if let Some(zone) = fields.text("time_zone")? {
            schedule.zone = self.zone(zone)?;
        }
        if let Some(days) = fields.get("working_days") {
            schedule.working_days = working_days(days)?;
        }
        if let Some(hours) = fields.text("working_hours")? {
            schedule.hours = working_hours(hours.text).map_err(|cause| hours.mistake(cause))?;
        }
        if let Some(days_off) = fields.get("holidays") {
            (schedule.holidays, schedule.half_days) = self.days_off(days_off)?;
        }
        Ok(schedule)
    }

    fn zone(&mut self, name: Text<'_>) -> Result<TimeZone, Mistake> {
        if let Some(zone) = self.zones.get(name.text) {
            return Ok(zone.clone());
        }
        match self.database.get(name.text) {
            Ok(zone) if !zone.is_unknown() => {
                self.zones.insert(name.text.to_owned(), zone.clone());
                Ok(zone)
            }
            _ => {
                let known: Vec<String> = self.database.available().map(|known| known.to_string()).collect();
                // `Paris` is nearer to `Europe/Paris` than letters can tell.
                let city = |known: &&String| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name.text));
                let hint = match known.iter().find(city) {
                    Some(whole) => format!("; did you mean `{whole}`?"),
                    None => hint(name.text, known.iter().map(String::as_str), "write an IANA name such as `Europe/Paris`"),
                };
                Err(name.mistake(format!("there is no time zone `{}`{hint}", name.text)))
            }
        }
    }

    /// Days off and half days.
    fn days_off(&mut self, node: &Node) -> Result<(Days, Days), Mistake> {
        let fields = node.fields("`holidays`", &["country", "region", "extra", "half"])?;
        let mut days = match (fields.text("country")?, fields.text("region")?) {
            (Some(country), region) => self.public(country, region)?.clone(),
            (None, None) => Vec::new(),
            (None, Some(region)) => {
                return Err(region.mistake("a region is one of a country; write `country` too, such as { country: FR, region: Alsace }"));
            }
        };
        for day in fields.list("extra")? {
            days.push(day.text("a day of `extra`")?.date()?);
        }
        days.sort_unstable();
        days.dedup();
        let mut half_days = Vec::new();
        for day in fields.list("half")? {
            let text = day.text("a day of `half`")?;
            let day = text.date()?;
            if days.binary_search(&day).is_ok() {
                return Err(text.mistake(format!("{} is a holiday, so it is no half day; take it out of `half`", text.text)));
            }
            half_days.push(day);
        }
        half_days.sort_unstable();
        half_days.dedup();
        Ok((days.into(), half_days.into()))
    }

    /// The public holidays of a country, or of one of its regions.
    fn public(&mut self, country: Text<'_>, region: Option<Text<'_>>) -> Result<&Vec<i32>, Mistake> {
        let key = (country.text.to_owned(), region.map(|region| region.text.to_owned()).unwrap_or_default());
        if !self.public.contains_key(&key) {
            let Some(mut days) = holidays::of(country.text) else {
                let hint = hint(country.text, holidays::countries(), "write its ISO 3166 code of two letters, such as `FR`");
                return Err(country.mistake(format!("no holidays are known of the country `{}`{hint}", country.text)));
            };
            if let Some(region) = region {
                let Some(own) = holidays::of_region(country.text, region.text) else {
                    let hint = hint(region.text, holidays::regions(country.text), "leave `region` out and list its own days under `extra`");
                    return Err(region.mistake(format!("no region `{}` of {} is known{hint}", region.text, country.text)));
                };
                days = own;
            }
            self.public.insert(key.clone(), days);
        }
        Ok(&self.public[&key])
    }
}

fn working_days(node: &Node) -> Result<[bool; 7], Mistake> {
    let mut days = [false; 7];
    for day in node.list("working_days")? {
        let name = day.text("a working day")?;
        let number = name.one_of("day of the week", &WEEK)?;
        let works = &mut days[usize::from((number - 1).unsigned_abs())];
        if *works {
            return Err(name.mistake(format!("`{}` stands twice in `working_days`", name.text)));
        }
        *works = true;
    }
    match days.contains(&true) {
        true => Ok(days),
        false => Err(node.mistake("`working_days` names no day; write some, such as [mon, tue], or leave it out")),
    }
}

/// `09:00-18:00` as seconds since midnight.
fn working_hours(text: &str) -> Result<(u32, u32), String> {
    let example = "write them as \"09:00-18:00\"";
    let clock = |text: &str| -> Option<u32> {
        let (hours, minutes) = text.trim().split_once(':')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let (hour, minute): (u32, u32) = match (hours.len(), minutes.len()) {
            (1..=2, 2) => (number(hours)?, number(minutes)?),
            _ => return None,
        };
        (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 3600 + minute * 60)
    };
    let parts = text.split_once('-').and_then(|(from, to)| Some((clock(from)?, clock(to)?)));
    match parts {
        None => Err(format!("`{text}` are no working hours; {example}")),
        Some((from, to)) if from == to => Err(format!("the working hours `{text}` are empty; {example}")),
        Some((from, to)) if from > to => Err(format!(
            "the working hours `{text}` cross midnight, which they can't: a day's work belongs to that day; they may end at 24:00"
        )),
        Some(hours) => Ok(hours),
    }
}

/// When somebody is away, as first and last days: sorted, apart from each other.
pub(super) fn absences(fields: &Fields<'_>) -> Result<Vec<(i32, i32)>, Mistake> {
    let mut written = Vec::new();
    for node in fields.list("absences")? {
        let absence = node.fields("an absence", &["from", "to"])?;
        let why = "as in { from: 2026-08-03, to: 2026-08-21 }; both days are included";
        let (from, to) = (absence.needed("from", why)?, absence.needed("to", why)?);
        let days = (from.date()?, to.date()?);
        if days.0 > days.1 {
            return Err(to.mistake(format!("the absence ends on {}, before it begins on {}", to.text, from.text)));
        }
        written.push(days);
    }
    written.sort_unstable();
    let mut apart: Vec<(i32, i32)> = Vec::with_capacity(written.len());
    for (from, to) in written {
        match apart.last_mut() {
            Some((_, last)) if from <= *last + 1 => *last = to.max(*last),
            _ => apart.push((from, to)),
        }
    }
    Ok(apart)
}

#[cfg(test)]
mod tests {
    use super::working_hours;

    #[test]
    fn working_hours_lie_within_a_day() {
        assert_eq!(working_hours("09:00-18:00"), Ok((32_400, 64_800)));
        assert_eq!(working_hours("0:00 - 24:00"), Ok((0, 86_400)));
        assert_eq!(working_hours("8:30-12:15"), Ok((30_600, 44_100)));
        for wrong in
            ["", "9-18", "09:00", "09:00-24:01", "09:60-18:00", "09:00-18:0", "+9:00-18:00", "25:00-26:00", "9h-18h", "09:00-18:00-19:00"]
        {
            assert!(working_hours(wrong).is_err_and(|cause| cause.contains("are no working hours; write them as")), "{wrong}");
        }
    }
}
