//! The demo's company as files: who is who, what a dollar is worth, what is wanted of whom.
//!
//! In: an instant, a zone, chance's seed, how many people; for the objectives, the floor they are about. Out: `roster.yaml`, `rates.csv` and
//! `objectives.yaml`, whose dates lie around the instant, so that at any instant somebody is on leave, a holiday was lately, and
//! every state that an objective can be in is shown. Two of them depend on what the people happen to do; their targets stand five standard deviations
//! from what they do on average. Never here: a clock, I/O; how an objective is judged.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use onpace_schemas::time::{date_of, day_of, show_date};

use super::floor::Habits;
use super::{Simulation, people};

/// With fewer there is no team of two with somebody on leave, and another team.
const FEWEST: u32 = 3;
/// Who is on leave, and for how many days before and after today: for the whole of any week that today may be in.
const ON_LEAVE: usize = 1;
const LEAVE_DAYS: i32 = 12;
/// Who works four days a week, where there is such a one.
const PART_TIME: usize = 3;
/// A target so many standard deviations away is certainly met, or certainly missed.
const CERTAIN: f64 = 5.0;
/// The tolerance of an objective that names none.
const TOLERANCE: f64 = 0.1;
const HOME: &str = "Europe/Paris";
const ABROAD: &str = "America/New_York";
const STYLES: [&str; 4] = ["dominant", "influent", "steady", "conscientious"];

/// A made-up company of two teams, around an instant.
#[derive(Clone, Debug)]
pub struct Company {
    today: i32,
    home: String,
    abroad: &'static str,
    seed: u64,
    people: usize,
}

impl Company {
    /// The zone of a company that is in no other.
    pub const ZONE: &'static str = HOME;

    /// A company of so many people, three at least, at an instant in microseconds since 1970.
    pub fn around(now_us: i64, zone: &TimeZone, seed: u64, people: u32) -> Company {
        let now = Timestamp::from_microsecond(now_us).unwrap_or(Timestamp::UNIX_EPOCH);
        let home = zone.iana_name().unwrap_or("UTC").to_owned();
        let abroad = if home == ABROAD { HOME } else { ABROAD };
        Company { today: day_of(zone.to_datetime(now).date()), home, abroad, seed, people: people.max(FEWEST) as usize }
    }

    /// How many of the people are in the first team; the rest are in the other, abroad.
    fn at_home(&self) -> usize {
        (self.people * 3).div_ceil(5)
    }

    fn day(&self, from_today: i32) -> String {
        show_date(self.today + from_today)
    }

    /// The third day before today that is no Saturday and no Sunday.
    fn day_off(&self) -> String {
        // 1970-01-01 was a Thursday.
        let weekdays = (1..).map(|back| self.today - back).filter(|day| (i64::from(*day) + 3).rem_euclid(7) < 5);
        weekdays.take(3).last().map(show_date).unwrap_or_default()
    }

    /// `roster.yaml`.
    pub fn roster(&self) -> String {
        let holidays = |zone: &str| match zone {
            HOME => "country: FR, ",
            ABROAD => "country: US, ",
            _ => "",
        };
        let mut out = format!(
            "# Who is who in the demo; all of it is made up. Change it while the demo runs, and the page follows within seconds.\n\
             company: Maison Boréal\n\
             time_zone: {home}\n\
             currency: EUR                 # what money is reported in; the other team sells in dollars\n\
             rates: rates.csv\n\
             working_days: [mon, tue, wed, thu, fri]\n\
             working_hours: \"09:00-18:00\"\n\
             holidays: {{ {country}extra: [{off}] }}   # public holidays, and a day off of the company's own\n\
             managers:\n  \
               - {{ id: luc, name: Luc Martin, email: luc@boreal.example, language: fr }}\n  \
               - {{ id: ann, name: Ann Baker, email: ann@boreal.example }}\n  \
               - {{ id: ops, name: Operations, email: ops@boreal.example }}\n\
             manager: luc                  # of the company, and of whatever has none\n\
             operations: ops\n\
             smtp: {{ host: \"mail.boreal.example:587\", from: onpace@boreal.example }}\n\
             teams:\n  \
               - {{ id: sales, name: Sales }}\n  \
               - {{ id: home, name: {home_name}, parent: sales }}\n  \
               - {{ id: abroad, name: {abroad_name}, parent: sales, manager: ann }}\n\
             people:\n",
            home = self.home,
            country = holidays(&self.home),
            off = self.day_off(),
            home_name = city(&self.home),
            abroad_name = city(self.abroad),
        );
        for (number, id) in self.ids().into_iter().enumerate() {
            let abroad = number >= self.at_home();
            let name = people::rep(number as u32, self.seed);
            // Writing into a text can't fail.
            let _ = write!(
                out,
                "  - id: {id}\n    name: \"{name}\"\n    identities: [{id}@boreal.example, \"phone:{phone}\"]   # as they appear in `rep`\n    \
                 teams: [{{ team: {team} }}]\n    style: {style}\n",
                phone = 200 + number,
                team = if abroad { "abroad" } else { "home" },
                style = STYLES[number % STYLES.len()],
            );
            if abroad {
                let _ = writeln!(
                    out,
                    "    time_zone: {}\n    holidays: {{ {}extra: [{}] }}",
                    self.abroad,
                    holidays(self.abroad),
                    self.day_off()
                );
            } else {
                out += "    language: fr\n";
            }
            if number == ON_LEAVE {
                let _ = writeln!(
                    out,
                    "    absences: [{{ from: {}, to: {} }}]   # on leave, both days included",
                    self.day(-LEAVE_DAYS),
                    self.day(LEAVE_DAYS)
                );
            }
            if number == PART_TIME && !abroad {
                out += "    working_days: [mon, tue, wed, thu]\n";
            }
        }
        out
    }

    /// `rates.csv`: a rate a week, from before the history until long after the demo.
    pub fn rates(&self) -> String {
        let mut out = String::from("# Made up, for days to come too: a demo goes on.\ndate,currency,rate\n");
        for week in -20..110 {
            let rate = 9_150 + (week * week * 7 + week * 13) % 160;
            let _ = writeln!(out, "{},USD,0.{rate}", self.day(week * 7));
        }
        out
    }

    /// Whether a floor was at work before the quarter of today began: what is wanted of a quarter is shown of a whole one only.
    fn knows_the_quarter(&self, floor: &Simulation) -> bool {
        let today = date_of(self.today);
        let first = date(today.year(), (today.month() - 1) / 3 * 3 + 1, 1);
        let began = Timestamp::from_microsecond(floor.start_us).unwrap_or(Timestamp::UNIX_EPOCH);
        TimeZone::UTC.to_datetime(began).date() < first
    }

    /// `objectives.yaml` for the people of a floor, in the roster's order. What else is wanted of a quarter is wanted of a month where the floor's past is shorter.
    pub fn objectives(&self, floor: &Simulation) -> String {
        let (days, period, pace) = match self.knows_the_quarter(floor) {
            true => (63.0, "quarter", "pace: { months: [30, 30, 40] }, "),
            false => (21.0, "month", ""),
        };
        let home = 0..self.at_home();
        let abroad = self.at_home()..self.people;
        let calls = |whose: std::ops::Range<usize>, from: i32, to: i32| self.calls(floor, whose, from, to);
        let met = calls(home.clone(), -28, -1).expected / 2.0;
        let missed = calls(abroad.clone(), -30, -2).expected / 2.0;
        let gone = calls(ON_LEAVE..ON_LEAVE + 1, -33, -LEAVE_DAYS - 1).expected;
        let (near, far) = (calls(home, -30, -1), calls(abroad, -30, -1));
        // Just on the right side of what is tolerated, and on the wrong one.
        let easy = ((near.rate() - CERTAIN * near.deviation()) / (1.0 - TOLERANCE)).min(near.rate() * 0.97);
        let hard = (far.rate() + CERTAIN * far.deviation()) / (1.0 - TOLERANCE);
        let people = self.people as f64;
        format!(
            "# What is wanted of whom by when. Change a target while the demo runs, and the page follows within seconds.\n\
             # `onpace objectives check` says whether objectives are worth having; docs/objectives.md, what can stand here.\n\
             objectives:\n  \
             # Everybody's week. Whoever is on leave for all of it has no working time in it: no_value.\n  \
             - {{ id: calls-a-week, kpi: calls_made, scope: {{ each_rep_of: sales }}, target: 80, period: week }}\n\
             \n  \
             # The company's longer periods.\n  \
             - {{ id: revenue, kpi: revenue_won, scope: company, target: {revenue}, currency: EUR, period: {period}, {pace}importance: high }}\n  \
             - {{ id: deals, kpi: deals_won, scope: {{ team: sales }}, target: {deals}, period: month }}\n  \
             - {{ id: win-rate, kpi: win_rate, scope: company, target: 0.66, period: {period}, min_sample: 20 }}\n  \
             - {{ id: no-shows, kpi: meetings_no_show, scope: company, target: {no_shows}, direction: at_most, period: month }}\n\
             \n  \
             # Campaigns, from a day to a day. One was met, one was missed, one is still to come: pending.\n  \
             - {{ id: launch, kpi: prospecting_calls, scope: {{ team: home }}, target: {met}, period: {{ from: {month_ago}, to: {yesterday} }} }}\n  \
             - {{ id: launch-abroad, kpi: prospecting_calls, scope: {{ team: abroad }}, target: {missed}, period: {{ from: {before}, to: {lately} }} }}\n  \
             - {{ id: fair, kpi: meetings_booked, scope: company, target: {fair}, period: {{ from: {soon}, to: {later} }} }}\n\
             \n  \
             # A rate on the right side of its target: on_pace. A rate on the wrong side: at_risk.\n  \
             - {{ id: connect, kpi: connect_rate, scope: {{ team: home }}, target: {easy:.2}, period: {{ from: {before}, to: {month_ahead} }} }}\n  \
             - {{ id: connect-abroad, kpi: connect_rate, scope: {{ team: abroad }}, target: {hard:.2}, period: {{ from: {before}, to: {month_ahead} }} }}\n\
             \n  \
             # On leave until after its end, so nothing is to come: out_of_reach.\n  \
             - {{ id: win-back, kpi: calls_made, scope: {{ rep: {leaver} }}, target: {gone}, period: {{ from: {long_ago}, to: {week_ahead} }}, importance: high }}\n",
            revenue = nice(people * REVENUE * days),
            deals = nice(people * DEALS * 21.0),
            no_shows = nice(people * NO_SHOWS * 21.0),
            met = nice((met - CERTAIN * met.sqrt()).max(1.0)),
            missed = (missed + CERTAIN * missed.sqrt() + 1.0).ceil(),
            fair = nice(people * 15.0),
            gone = (gone * 1.5).max(gone + CERTAIN * gone.sqrt() + 1.0).ceil(),
            easy = (easy * 100.0).floor() / 100.0,
            hard = (hard * 100.0).ceil() / 100.0,
            leaver = self.ids().swap_remove(ON_LEAVE),
            month_ago = self.day(-28),
            yesterday = self.day(-1),
            before = self.day(-30),
            lately = self.day(-2),
            soon = self.day(5),
            later = self.day(18),
            month_ahead = self.day(30),
            long_ago = self.day(-33),
            week_ahead = self.day(6),
        )
    }

    /// What these people's calls come to from a day to a day, counted from today.
    fn calls(&self, floor: &Simulation, whose: std::ops::Range<usize>, from: i32, to: i32) -> Calls {
        let mut calls = Calls::default();
        for rep in whose {
            let (habits, days): (Habits, u32) = floor.habits(rep, self.today + from, self.today + to);
            let made = habits.calls_a_day * f64::from(days);
            calls.expected += made;
            calls.connected += made * habits.connects;
        }
        calls
    }

    /// Everybody's id: his name in small letters.
    fn ids(&self) -> Vec<String> {
        (0..self.people).map(|number| people::id(&people::rep(number as u32, self.seed))).collect()
    }
}

/// Calls as they are to be expected.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    expected: f64,
    connected: f64,
}

impl Calls {
    fn rate(self) -> f64 {
        self.connected / self.expected.max(1.0)
    }

    /// The standard deviation of the rate.
    fn deviation(self) -> f64 {
        (self.rate() * (1.0 - self.rate()) / self.expected.max(1.0)).sqrt()
    }
}

/// What a rep comes to in a working day, about: in euros, deals, missed meetings.
const REVENUE: f64 = 7_500.0;
const DEALS: f64 = 0.25;
const NO_SHOWS: f64 = 0.24;

/// The next number below with two digits that count.
fn nice(number: f64) -> f64 {
    let step = 10_f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
    (number / step).floor() * step
}

/// `New York` of `America/New_York`.
fn city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).replace('_', " ")
}
