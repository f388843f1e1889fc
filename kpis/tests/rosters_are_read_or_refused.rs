//! A roster is read as it is written, or refused with the line, the cause and the cure.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write;

use jiff::civil::Weekday;
use onpace_kpis::Roster;
use onpace_kpis::roster::{Language, Membership, Source, Style};
use onpace_schemas::Currency;
use onpace_schemas::time::parse_date;

const EXAMPLE: &str = r#"company: Acme
time_zone: Europe/Paris      # IANA; default for all
currency: EUR                # reporting currency
week_starts: monday
fiscal_year_starts: january
working_days: [mon, tue, wed, thu, fri]
working_hours: "09:00-18:00" # the default; crossing midnight is refused
holidays: { country: FR, region: Alsace, extra: [2026-12-24], half: [2026-12-31] }   # a half day has the first half of its hours
rates: rates.csv             # date,currency,rate to the reporting currency
managers:
  - { id: luc, name: Luc Martin, email: luc@acme.fr, webhook_file: secrets/luc, language: fr }
manager: luc                 # of the company, and of whatever has none
operations: ops
teams:
  - { id: france, name: France }
  - { id: paris, name: Paris, parent: france, manager: luc }
people:
  - id: marie
    name: Marie Curie
    identities: [marie@acme.fr, "hubspot:123", "aircall:77"]   # as they appear in `rep`
    teams: [{ team: paris, from: 2026-01-01 }]                  # effective dates; `to` is the last day
    time_zone: Europe/Paris
    working_days: [mon, tue, wed, thu]                          # working_hours and holidays too, where they differ
    absences: [{ from: 2026-08-03, to: 2026-08-21 }]            # both days included
    style: dominant          # DISC: dominant, influent, steady, conscientious
    language: fr
sources:
  - { id: aircall, live: true, max_silence: 1h }                # working time
"#;

fn read(yaml: &str) -> Result<Roster, String> {
    let mut rates = |file: &str| match file {
        "rates.csv" => Ok("date,currency,rate\n2026-01-05,USD,0.9213\n".to_owned()),
        "wrong.csv" => Ok("date,currency,rate\n2026-01-05,USD,dear\n".to_owned()),
        _ => Err("there is no such file".to_owned()),
    };
    Roster::parse(yaml, &mut rates).map_err(|mistake| mistake.to_string())
}

fn day(text: &str) -> i32 {
    parse_date(text).unwrap()
}

#[test]
fn the_example_says_what_it_says() {
    let roster = read(EXAMPLE).unwrap();
    assert_eq!((roster.company.as_str(), roster.currency), ("Acme", Some(Currency::parse("EUR").unwrap())));
    assert_eq!(roster.schedule.zone.iana_name(), Some("Europe/Paris"));
    assert_eq!(roster.schedule.working_days, [true, true, true, true, true, false, false]);
    assert_eq!(roster.schedule.hours, (9 * 3600, 18 * 3600));
    for off in ["2026-04-03", "2026-05-01", "2026-07-14", "2026-12-24", "2026-12-25", "2026-12-26"] {
        assert!(roster.schedule.holidays.contains(&day(off)), "{off}");
    }
    assert!(roster.schedule.holidays.is_sorted_by(|a, b| a < b));
    assert_eq!(*roster.schedule.half_days, [day("2026-12-31")]);
    assert_eq!((roster.settings.week_start, roster.settings.fiscal_month), (Weekday::Monday, 1));
    assert!(roster.rates.as_ref().unwrap().rate(Currency::parse("USD").unwrap(), day("2026-01-07")).is_ok());
    let luc = &roster.managers[0];
    assert_eq!((luc.id.as_str(), luc.name.as_str(), luc.language), ("luc", "Luc Martin", Language::Fr));
    assert_eq!((luc.address.email.as_deref(), luc.address.webhook_file.as_deref()), (Some("luc@acme.fr"), Some("secrets/luc")));
    assert_eq!((roster.manager, roster.operations.as_deref()), (Some(0), Some("ops")));
    assert_eq!((roster.teams[0].parent, roster.teams[0].manager), (None, None));
    assert_eq!((&*roster.teams[1].id, roster.teams[1].parent, roster.teams[1].manager), ("paris", Some(0), Some(0)));
    let marie = &roster.people[0];
    assert_eq!(marie.identities, ["marie@acme.fr".into(), "hubspot:123".into(), "aircall:77".into()]);
    for name in ["marie", "marie@acme.fr", "hubspot:123", "aircall:77"] {
        assert_eq!(roster.person(name), Some(0), "{name}");
    }
    assert_eq!(roster.person("paul"), None);
    assert_eq!(marie.teams, [Membership { team: 1, from: Some(day("2026-01-01")), to: None }]);
    assert_eq!(marie.schedule.working_days, [true, true, true, true, false, false, false]);
    assert_eq!((marie.schedule.hours, &marie.schedule.holidays), (roster.schedule.hours, &roster.schedule.holidays));
    assert_eq!(marie.absences, [(day("2026-08-03"), day("2026-08-21"))]);
    assert_eq!((marie.style, marie.language), (Some(Style::Dominant), Language::Fr));
    assert_eq!(roster.sources, [Source { id: "aircall".to_owned(), live: true, max_silence_s: Some(3600) }]);
}

#[test]
fn what_is_not_said_is_the_companys() {
    let yaml = "
time_zone: Asia/Kolkata
working_days: [sunday, mon, wednesday]
working_hours: 10:00-24:00
holidays: { country: IN }
week_starts: sun
fiscal_year_starts: april
language: fr
managers: [{ id: luc }]
smtp: { host: 'smtp.acme.fr:587', from: Acme <onpace@acme.fr>, user: onpace, password_file: secrets/smtp }
people:
  - id: asha
  - id: 007
    time_zone: America/New_York
    working_hours: '08:30-12:00'
    holidays: { extra: [2026-02-02, 2026-01-01, 2026-02-02], half: [2026-12-24, 2026-03-03, 2026-12-24] }
    language: en
    email: bond@acme.fr
    webhook: https://example.org/bond
    credentials_file: secrets/bond
    slack_file: secrets/slack
    slack_channel: '#sales'
";
    let roster = read(yaml).unwrap();
    assert_eq!((roster.settings.week_start, roster.settings.fiscal_month), (Weekday::Sunday, 4));
    assert_eq!(roster.schedule.working_days, [true, false, true, false, false, false, true]);
    assert_eq!(roster.schedule.hours, (36_000, 86_400));
    let [asha, bond] = &roster.people[..] else { panic!("two people") };
    assert_eq!((asha.name.as_str(), &asha.schedule, asha.language), ("asha", &roster.schedule, Language::Fr));
    assert!(asha.schedule.holidays.contains(&day("2026-01-26")) && asha.teams.is_empty() && asha.absences.is_empty());
    assert_eq!((&*bond.id, bond.name.as_str(), bond.language), ("007", "007", Language::En));
    assert_eq!(bond.schedule.zone.iana_name(), Some("America/New_York"));
    assert_eq!((bond.schedule.working_days, bond.schedule.hours), (roster.schedule.working_days, (30_600, 43_200)));
    assert_eq!(&*bond.schedule.holidays, [day("2026-01-01"), day("2026-02-02")]);
    assert_eq!(&*bond.schedule.half_days, [day("2026-03-03"), day("2026-12-24")]);
    assert_eq!(bond.address.slack_channel.as_deref(), Some("#sales"));
    assert_eq!(bond.address.credentials_file.as_deref(), Some("secrets/bond"));
    assert_eq!((roster.managers[0].name.as_str(), roster.managers[0].language), ("luc", Language::Fr));
    assert_eq!(roster.smtp.unwrap().user.as_deref(), Some("onpace"));
}

#[test]
fn absences_and_memberships_are_put_in_order() {
    let yaml = "
time_zone: UTC
teams: [{ id: a, parent: b }, { id: b }]
people:
  - id: marie
    identities: [marie, m, m]
    teams: [{ team: b, from: 2026-03-01 }, { team: a, to: 2026-01-31 }, { team: a, from: 2026-02-01, to: 2026-02-28 }]
    absences:
      - { from: 2026-08-03, to: 2026-08-05 }
      - { from: 2026-01-01, to: 2026-01-01 }
      - { from: 2026-08-06, to: 2026-08-10 }
      - { from: 2026-08-04, to: 2026-08-04 }
";
    let roster = read(yaml).unwrap();
    let marie = &roster.people[0];
    assert_eq!(marie.identities, ["m".into()]);
    assert_eq!(marie.absences, [(day("2026-01-01"), day("2026-01-01")), (day("2026-08-03"), day("2026-08-10"))]);
    for (on, team) in [("2020-01-01", 0), ("2026-01-31", 0), ("2026-02-28", 0), ("2026-03-01", 1), ("2030-01-01", 1)] {
        assert_eq!(marie.team_on(day(on)), Some(team), "{on}");
    }
    assert!(roster.is_within(0, 1) && !roster.is_within(1, 0));
}

#[test]
fn what_cannot_be_used_is_refused_with_its_line() {
    for (yaml, said) in [
        ("time_zone: Europe/Pariss", "line 2: there is no time zone `Europe/Pariss`; did you mean `Europe/Paris`?"),
        ("time_zone: paris", "line 2: there is no time zone `paris`; did you mean `Europe/Paris`?"),
        ("time_zone: the moon's", "line 2: there is no time zone `the moon's`; write an IANA name such as `Europe/Paris`"),
        ("time_zone: Etc/Unknown", "line 2: there is no time zone `Etc/Unknown`"),
        ("company: Acme", "line 2: a roster needs `time_zone`, such as `Europe/Paris`"),
        ("time_zone: UTC\nworking_day: [mon]", "line 3: a roster has no `working_day`; did you mean `working_days`?"),
        ("time_zone: UTC\nworking_days: [mon, tus]", "line 3: `tus` is no day of the week; did you mean `tue`?"),
        ("time_zone: UTC\nworking_days:\n - mon\n - monday", "line 5: `monday` stands twice in `working_days`"),
        ("time_zone: UTC\nworking_days: []", "line 3: `working_days` names no day"),
        ("time_zone: UTC\nworking_days: mon", "line 3: `working_days` is a list"),
        ("time_zone: UTC\nworking_hours: 22:00-06:00", "line 3: the working hours `22:00-06:00` cross midnight, which they can't"),
        ("time_zone: UTC\nworking_hours: 09:00-09:00", "line 3: the working hours `09:00-09:00` are empty; write them as \"09:00-18:00\""),
        ("time_zone: UTC\nworking_hours: nine to five", "line 3: `nine to five` are no working hours"),
        ("time_zone: UTC\nholidays: { country: fr }", "line 3: no holidays are known of the country `fr`; did you mean `FR`?"),
        ("time_zone: UTC\nholidays: { country: France }", "line 3: no holidays are known of the country `France`; write its ISO 3166 code"),
        ("time_zone: UTC\nholidays:\n  extra: [2026-02-30]", "line 4: `2026-02-30` is not in the calendar; write one such as"),
        (
            "time_zone: UTC\nholidays: [2026-05-01]",
            "line 3: `holidays` is a mapping with `country`, `region`, `extra`, `half`; this is a list",
        ),
        ("time_zone: UTC\nholidays: { country: FR, region: Alsas }", "line 3: no region `Alsas` of FR is known; did you mean `Alsace`?"),
        ("time_zone: UTC\nholidays: { country: FR, region: Bavaria }", "line 3: no region `Bavaria` of FR is known"),
        (
            "time_zone: UTC\nholidays: { country: IS, region: north }",
            "line 3: no region `north` of IS is known; leave `region` out and list its own days",
        ),
        (
            "time_zone: UTC\nholidays: { region: Alsace }",
            "line 3: a region is one of a country; write `country` too, such as { country: FR, region: Alsace }",
        ),
        (
            "time_zone: UTC\nholidays:\n  country: FR\n  half: [2026-12-24, 2026-12-25]",
            "line 5: 2026-12-25 is a holiday, so it is no half day; take it out of `half`",
        ),
        (
            "time_zone: UTC\nholidays:\n  extra: [2026-12-24]\n  half:\n  - 2026-12-24",
            "line 6: 2026-12-24 is a holiday, so it is no half day",
        ),
        ("time_zone: UTC\ncurrency: eur", "line 3: `eur` is no currency; did you mean `EUR`?"),
        ("time_zone: UTC\ncurrency: QQQ", "line 3: `QQQ` is no ISO 4217 currency"),
        ("time_zone: UTC\nrates: rates.csv", "line 3: `rates` lead to a currency; write which, such as `currency: EUR`"),
        ("time_zone: UTC\ncurrency: EUR\nrates: r.csv", "line 4: the rates in `r.csv` can't be read: there is no such file"),
        ("time_zone: UTC\ncurrency: EUR\nrates: wrong.csv", "wrong.csv, line 2: `dear` is no number"),
        ("time_zone: UTC\nweek_starts: lundi", "line 3: `lundi` is no day of the week"),
        ("time_zone: UTC\nfiscal_year_starts: 4", "line 3: `4` is no month"),
        ("time_zone: UTC\nfiscal_year_starts: aprli", "line 3: `aprli` is no month; did you mean `april`?"),
        ("time_zone: UTC\nlanguage: de", "line 3: `de` is no language"),
        ("time_zone: UTC\nmanager: luk\nmanagers: [{ id: luc }]", "line 3: there is no manager `luk`; did you mean `luc`?"),
        ("time_zone: UTC\nmanager: luc", "line 3: there is no manager `luc`; add it to the list of managers"),
        ("time_zone: UTC\nmanagers:\n - id: luc\n - id: luc", "line 5: `luc` is the id of a manager here and on line 4"),
        ("time_zone: UTC\nmanagers: [{ name: Luc }]", "line 3: a manager needs `id`"),
        ("time_zone: UTC\nmanagers: [{ id: luc, email: luc }]", "line 3: `luc` is no e-mail address"),
        ("time_zone: UTC\nmanagers: [{ id: luc, webhook: acme.fr }]", "line 3: `acme.fr` is no webhook; it begins with https://"),
        (
            "time_zone: UTC\nmanagers:\n - id: luc\n   webhook: https://acme.fr\n   webhook_file: secrets/luc",
            "line 6: there is a `webhook` and a `webhook_file` (lines 5 and 6); keep one of the two",
        ),
        ("time_zone: UTC\nmanagers: [{ id: luc, credentials_file: x }]", "line 3: `credentials_file` is for a webhook"),
        ("time_zone: UTC\nmanagers: [{ id: luc, slack_channel: x }]", "line 3: `slack_channel` needs `slack_file`"),
        (
            "time_zone: UTC\nsmtp: { host: smtp.acme.fr, from: a@b }",
            "line 3: `smtp.acme.fr` has no port; write one such as smtp.acme.fr:587",
        ),
        ("time_zone: UTC\nsmtp: { host: 'smtp.acme.fr:25' }", "line 3: `smtp` needs `from`"),
        ("time_zone: UTC\nsmtp: { host: 'a:25', from: a@b, user: x }", "line 3: `user` needs `password_file`"),
        ("time_zone: UTC\nsmtp: { host: 'a:25', from: a@b, password_file: x }", "line 3: `password_file` needs `user`"),
        ("time_zone: UTC\nsmtp: { host: 'a:25', from: a@b, password: x }", "line 3: `smtp` has no `password`"),
        ("time_zone: UTC\nteams:\n - id: a\n - id: b\n - id: a", "line 6: `a` is the id of a team here and on line 4"),
        ("time_zone: UTC\nteams: [{ id: unrostered }]", "line 3: `unrostered` is the team of whoever is in none; choose another id"),
        ("time_zone: UTC\nteams: [{ id: paris }, { id: x, parent: pariss }]", "line 3: there is no team `pariss`; did you mean `paris`?"),
        ("time_zone: UTC\nteams: [{ id: a, manager: bob }]", "line 3: there is no manager `bob`"),
        ("time_zone: UTC\nteams: [{ id: '' }]", "line 3: `id` is empty"),
        ("time_zone: UTC\nteams: [{ id: ' a' }]", "line 3: the id ` a` begins or ends with a space"),
        ("time_zone: UTC\nteams: [{ id: \"a\\u0007\" }]", "line 3: `id` holds the control character \\u{7}; take it out"),
        (
            "time_zone: UTC\nteams:\n - { id: z, parent: a }\n - { id: a, parent: c }\n - { id: b, parent: a }\n - { id: c, parent: b }",
            "line 5: teams hold each other in a circle: `a` (line 5) → `c` (line 7) → `b` (line 6) → `a`; take one `parent` out",
        ),
        ("time_zone: UTC\nteams: [{ id: a, parent: a }]", "line 3: teams hold each other in a circle: `a` (line 3) → `a`"),
        ("time_zone: UTC\npeople: [{ id: unassigned }]", "line 3: `unassigned` is the rep of what names none"),
        ("time_zone: UTC\npeople: [{ id: a, identities: [unassigned] }]", "line 3: `unassigned` is the rep of what names none"),
        ("time_zone: UTC\npeople:\n - id: a\n - id: a", "line 5: `a` is the id of a person here and on line 4"),
        (
            "time_zone: UTC\npeople:\n - id: a\n   identities: [x]\n - id: b\n   identities: [y,\n    x]",
            "line 8: `x` is `b` here and `a` on line 5; a name in `rep` is one person's: take it out of one of the two",
        ),
        (
            "time_zone: UTC\npeople:\n - id: a\n   identities: [b]\n - id: b",
            "line 5: `b` is `a` here and `b` on line 6; a name in `rep` is one person's: take it out of one of the two",
        ),
        ("time_zone: UTC\npeople: [{ id: a, identities: [''] }]", "line 3: an identity is empty"),
        ("time_zone: UTC\npeople: [{ id: a, identities: x }]", "line 3: `identities` is a list"),
        ("time_zone: UTC\npeople: [{ id: a, time_zone: UTCC }]", "line 3: there is no time zone `UTCC`; did you mean `UTC`?"),
        ("time_zone: UTC\npeople: [{ id: a, style: dominnt }]", "line 3: `dominnt` is no style; did you mean `dominant`?"),
        ("time_zone: UTC\npeople: [{ id: a, teams: [paris] }]", "line 3: a membership is a mapping with `team`, `from`, `to`"),
        ("time_zone: UTC\npeople: [{ id: a, teams: [{ team: paris }] }]", "line 3: there is no team `paris`; add it to the list of teams"),
        (
            "time_zone: UTC\nteams: [{ id: t }]\npeople:\n - id: a\n   teams:\n   - { team: t, from: 2026-02-01, to: 2026-01-31 }",
            "line 7: the membership of `a` ends before it begins; `to` is its last day",
        ),
        (
            "time_zone: UTC\nteams: [{ id: t }, { id: u }]\npeople:\n - id: a\n   teams:\n   - { team: u, from: 2026-02-01 }\n   - { team: t, to: 2026-02-01 }",
            "line 8: the memberships of `a` in `t` (line 8) and `u` (line 7) overlap; one is in one team at a time",
        ),
        (
            "time_zone: UTC\nteams: [{ id: t }]\npeople:\n - id: a\n   teams:\n   - { team: t }\n   - { team: t }",
            "line 8: the memberships of `a` in `t` (line 7) and `t` (line 8) overlap",
        ),
        (
            "time_zone: UTC\npeople:\n - id: a\n   absences:\n   - { from: 2026-08-21, to: 2026-08-03 }",
            "line 6: the absence ends on 2026-08-03, before it begins on 2026-08-21",
        ),
        ("time_zone: UTC\npeople: [{ id: a, absences: [{ from: 2026-08-21 }] }]", "line 3: an absence needs `to`, as in"),
        ("time_zone: UTC\npeople: [{ id: a, absences: [{ from: 20-08-2026, to: 2026-08-21 }] }]", "line 3: `20-08-2026` is no date"),
        ("time_zone: UTC\nholidays: { extra: [0206-05-01] }", "line 3: 0206-05-01 is out of reach; write a date between 1970 and 2200"),
        ("time_zone: UTC\nsources: [{ id: a }, { id: a }]", "line 3: `a` is the id of a source here and on line 3"),
        ("time_zone: UTC\nsources: [{ id: a, live: maybe }]", "line 3: `live` is true or false, not `maybe`"),
        ("time_zone: UTC\nsources: [{ id: a, max_silence: 1h }]", "line 3: only a live source can be too silent; write `live: true` too"),
        ("time_zone: UTC\nsources: [{ id: a, live: true, max_silence: 1 day }]", "line 3: `1 day` is no duration; write hours and minutes"),
        ("time_zone: UTC\nsources: [{ id: a, live: true, max_silence: 9000h }]", "line 3: `9000h` is too short or too long to be of use"),
        ("time_zone: UTC\ntime_zone: UTC", "line 3: `time_zone` of a roster stands here and on line 2; keep one of the two"),
        ("time_zone: UTC\npeople: [", "line 3: this can't be read as YAML"),
        ("- time_zone", "line 2: a roster is a mapping with"),
        ("# nothing", "line 1: a roster needs `time_zone`"),
    ] {
        let refused = read(&format!("# a roster\n{yaml}\n")).map(|_| ()).unwrap_err();
        assert!(refused.starts_with(said), "{yaml}\n{refused}\n{said}");
        assert!(refused.len() < 600, "{refused}");
    }
    let long = read(&format!("time_zone: UTC\npeople: [{{ id: {} }}]", "x".repeat(201))).unwrap_err();
    assert_eq!(long, "line 2: this name has 201 bytes; at most 200 are taken");
}

#[test]
fn a_large_company_is_read() {
    let mut yaml = "time_zone: Europe/Paris\nholidays: { country: FR }\nteams:\n - { id: t0 }\n".to_owned();
    for team in 1..100 {
        let _ = writeln!(yaml, " - {{ id: t{team}, parent: t{} }}", team - 1);
    }
    yaml.push_str("people:\n");
    for person in 0..5_000 {
        let _ = writeln!(yaml, " - id: p{person}\n   identities: [p{person}@acme.fr, 'hubspot:{person}']");
        let _ = writeln!(yaml, "   teams: [{{ team: t{}, from: 2026-01-01 }}]", person % 100);
        let _ = writeln!(yaml, "   absences: [{{ from: 2026-08-03, to: 2026-08-21 }}]");
    }
    let roster = read(&yaml).unwrap();
    assert_eq!((roster.people.len(), roster.identities.len(), roster.teams.len()), (5_000, 15_000, 100));
    assert_eq!(roster.person("hubspot:4999"), Some(4_999));
    // One calendar for all who share it.
    assert!(std::sync::Arc::ptr_eq(&roster.people[0].schedule.holidays, &roster.people[4_999].schedule.holidays));
}
