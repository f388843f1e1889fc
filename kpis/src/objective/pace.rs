//! How much of a period is past.
//!
//! In: a pace, a run of days, the calendars of whoever is a member in it, an instant. Out: the share of the period that is past,
//! and working time and days summed over members. Never here: targets, amounts, clocks.

use std::ops::Range;

use smallvec::SmallVec;

use super::Pace;
use crate::exact::Exact;
use crate::period::run;
use crate::worktime::Calendar;

/// Somebody whose working time counts.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// His working time, in his own zone.
    pub calendar: Calendar<'a>,
    /// The days of the period on which he is a member; apart from each other.
    pub stays: SmallVec<[Range<i32>; 1]>,
}

/// How much of a run of days is past at an instant, 0 to 1; `None` where its members have no working time in it.
///
/// A profile's part that has neither members nor time is dropped and the rest rescaled; where nothing but zeros remains, it is as
/// [`Pace::WorkingTime`].
pub fn share(pace: &Pace, days: &Range<i32>, members: &[Member<'_>], at_us: i64) -> Option<Exact> {
    let working = working_us(days, members);
    if working == 0 {
        return None;
    }
    let in_working_time = || Exact::ratio(working_us_until(days, members, at_us).into(), working.into());
    match pace {
        Pace::WorkingTime => in_working_time(),
        Pace::Linear => Exact::ratio(time_us_until(days, members, at_us).into(), time_us(days, members).into()),
        Pace::Months(shares) => spent(shares, &run::months(days), members, at_us).or_else(in_working_time),
        Pace::Weeks(shares) => spent(shares, &run::weeks(days), members, at_us).or_else(in_working_time),
    }
}

/// How much of a profile is spent; `None` where the parts with members in them have no share.
fn spent(shares: &[Exact], parts: &[Range<i32>], members: &[Member<'_>], at_us: i64) -> Option<Exact> {
    let (mut spent, mut all) = (Exact::from(0), Exact::from(0));
    for (share, days) in shares.iter().zip(parts) {
        let (whole, past) = match working_us(days, members) {
            0 => (time_us(days, members), time_us_until(days, members, at_us)),
            whole => (whole, working_us_until(days, members, at_us)),
        };
        if whole == 0 {
            continue;
        }
        all = all.add(share);
        // Most parts are over or have not begun: those need no fraction.
        if past == whole {
            spent = spent.add(share);
        } else if past > 0 {
            spent = spent.add(&share.mul(&Exact::ratio(past.into(), whole.into())?));
        }
    }
    spent.div(&all)
}

/// The members' working time in a run of days, in microseconds.
pub fn working_us(days: &Range<i32>, members: &[Member<'_>]) -> i64 {
    sum(days, members, |calendar, stay| calendar.work_us(stay))
}

/// The members' working time in a run of days that is past at an instant, in microseconds.
pub fn working_us_until(days: &Range<i32>, members: &[Member<'_>], at_us: i64) -> i64 {
    sum(days, members, |calendar, stay| calendar.work_us_until(stay, at_us))
}

/// The members' working days in a run of days.
pub fn working_days(days: &Range<i32>, members: &[Member<'_>]) -> i64 {
    sum(days, members, |calendar, stay| calendar.working_days(stay))
}

/// The members' plain time in a run of days, in microseconds.
pub fn time_us(days: &Range<i32>, members: &[Member<'_>]) -> i64 {
    sum(days, members, |calendar, stay| calendar.time_us(stay))
}

/// The members' plain time in a run of days that is past at an instant, in microseconds.
pub fn time_us_until(days: &Range<i32>, members: &[Member<'_>], at_us: i64) -> i64 {
    sum(days, members, |calendar, stay| calendar.time_us_until(stay, at_us))
}

/// When a run of days begins for the first of its members and ends for the last, in microseconds since 1970; `None` without any.
pub fn bounds(days: &Range<i32>, members: &[Member<'_>]) -> Option<(i64, i64)> {
    let stays = members.iter().flat_map(|member| stays(days, member).map(|stay| (member.calendar, stay)));
    let ends = stays.map(|(calendar, stay)| (calendar.begins(stay.start), calendar.begins(stay.end)));
    ends.reduce(|all, stay| (all.0.min(stay.0), all.1.max(stay.1)))
}

/// The members' working days of a run that are left at an instant, and how many members have any.
pub fn days_left(days: &Range<i32>, members: &[Member<'_>], at_us: i64) -> (Exact, usize) {
    let (mut whole, mut people) = (0, 0);
    // So many microseconds of a day of so many: most members' days are equally long, so fractions are added up by that.
    let mut today: SmallVec<[(i64, i64); 4]> = SmallVec::new();
    for member in members {
        let mut has_time = false;
        for stay in stays(days, member) {
            let left = member.calendar.left(&stay, at_us);
            whole += left.whole_days;
            has_time |= left.whole_days > 0 || left.today_us > 0;
            match today.iter_mut().find(|(_, of_us)| *of_us == left.of_us) {
                _ if left.of_us == 0 => {}
                Some((today_us, _)) => *today_us += left.today_us,
                None => today.push((left.today_us, left.of_us)),
            }
        }
        people += usize::from(has_time);
    }
    let fractions = today.iter().filter_map(|(today_us, of_us)| Exact::ratio((*today_us).into(), (*of_us).into()));
    (fractions.fold(Exact::from(i128::from(whole)), |sum, today| sum.add(&today)), people)
}

fn stays<'a>(days: &'a Range<i32>, member: &'a Member<'_>) -> impl Iterator<Item = Range<i32>> + 'a {
    let within = |stay: &Range<i32>| stay.start.max(days.start)..stay.end.min(days.end);
    member.stays.iter().map(within).filter(|stay| !stay.is_empty())
}

fn sum(days: &Range<i32>, members: &[Member<'_>], of: impl Fn(Calendar<'_>, &Range<i32>) -> i64) -> i64 {
    members.iter().map(|member| stays(days, member).map(|stay| of(member.calendar, &stay)).sum::<i64>()).sum()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use onpace_schemas::time::{US, parse_date, parse_instant};
    use proptest::prelude::*;
    use smallvec::smallvec;

    use super::*;
    use crate::worktime::{Ledger, Schedule};

    fn day(date: &str) -> i32 {
        parse_date(date).unwrap()
    }

    fn days(first: &str, last: &str) -> Range<i32> {
        day(first)..day(last) + 1
    }

    fn ledger(zone: &str, holidays: &[&str]) -> Ledger {
        let holidays: Arc<[i32]> = holidays.iter().map(|date| day(date)).collect();
        let schedule = Schedule { holidays, ..Schedule::office(TimeZone::get(zone).unwrap()) };
        Ledger::of(&schedule, days("2024-01-01", "2026-12-31"))
    }

    fn member<'a>(ledger: &'a Ledger, stay: Range<i32>) -> Member<'a> {
        Member { calendar: Calendar { ledger, absences: &[] }, stays: smallvec![stay] }
    }

    fn at(instant: &str) -> i64 {
        parse_instant(instant).unwrap()
    }

    fn ratio(numerator: i128, denominator: i128) -> Option<Exact> {
        Exact::ratio(numerator, denominator)
    }

    #[test]
    fn working_time_counts_hours_worked_and_linear_counts_all() {
        // Clocks jump on Sunday the 31st; Friday the 29th is a holiday.
        let paris = ledger("Europe/Paris", &["2024-03-29"]);
        let week = days("2024-03-25", "2024-03-31");
        let members = [member(&paris, week.clone())];
        let linear = |instant| share(&Pace::Linear, &week, &members, at(instant));
        let working = |instant| share(&Pace::WorkingTime, &week, &members, at(instant));
        assert_eq!(working("2024-03-25T00:00:00+01:00"), ratio(0, 1));
        assert_eq!(working("2024-03-26T12:00:00+01:00"), ratio(12, 36));
        assert_eq!(working("2024-03-28T18:00:00+01:00"), ratio(1, 1));
        assert_eq!(working("2024-04-20T00:00:00+02:00"), ratio(1, 1));
        assert_eq!(linear("2024-03-26T12:00:00+01:00"), ratio(36, 167));
        assert_eq!(linear("2024-04-01T00:00:00+02:00"), ratio(1, 1));
        assert_eq!(linear("2024-03-24T00:00:00+01:00"), ratio(0, 1));
        let back = days("2024-10-21", "2024-10-27");
        let members = [member(&paris, back.clone())];
        assert_eq!(share(&Pace::Linear, &back, &members, at("2024-10-27T00:00:00+02:00")), ratio(144, 169));
    }

    #[test]
    fn each_member_lives_the_days_in_his_own_zone() {
        let (kolkata, paris) = (ledger("Asia/Kolkata", &[]), ledger("Europe/Paris", &[]));
        let today = days("2024-05-06", "2024-05-06");
        let members = [member(&kolkata, today.clone()), member(&paris, today.clone())];
        // 09:00 in Paris is 12:30 in Kolkata.
        let nine = at("2024-05-06T09:00:00+02:00");
        assert_eq!(share(&Pace::WorkingTime, &today, &members, nine), ratio(7, 36));
        assert_eq!(days_left(&today, &members, nine), (ratio(29, 18).unwrap(), 2));
        let late = at("2024-05-06T17:00:00+02:00");
        assert_eq!(days_left(&today, &members, late), (ratio(1, 9).unwrap(), 1));
        assert_eq!(bounds(&today, &members), Some((at("2024-05-06T00:00:00+05:30"), at("2024-05-07T00:00:00+02:00"))));
        assert_eq!((working_days(&today, &members), time_us(&today, &members)), (2, 48 * 3600 * US));
        assert_eq!(bounds(&(0..9), &members), None);
    }

    #[test]
    fn without_working_time_there_is_no_share() {
        let paris = ledger("Europe/Paris", &[]);
        let weekend = days("2024-05-04", "2024-05-05");
        let members = [member(&paris, weekend.clone())];
        for pace in [Pace::WorkingTime, Pace::Linear, Pace::Months(vec![1.into()]), Pace::Weeks(vec![1.into()])] {
            assert_eq!(share(&pace, &weekend, &members, at("2024-05-05T12:00:00+02:00")), None);
            assert_eq!(share(&pace, &weekend, &[], at("2025-05-05T12:00:00+02:00")), None);
        }
    }

    #[test]
    fn a_profile_spends_each_part_in_its_working_time() {
        let utc = ledger("UTC", &[]);
        let quarter = days("2024-01-01", "2024-03-31");
        let shares = Pace::Months([20, 30, 50].map(|percent| ratio(percent, 100).unwrap()).to_vec());
        let members = [member(&utc, quarter.clone())];
        let past = |instant, members: &[Member<'_>]| share(&shares, &quarter, members, at(instant));
        assert_eq!(past("2024-02-01T00:00:00Z", &members), ratio(1, 5));
        // 21 working days in February, of which 10 and two thirds are past: the 15th is the 11th.
        assert_eq!(past("2024-02-15T15:00:00Z", &members), Some(ratio(1, 5).unwrap().add(&ratio(3 * 32, 10 * 63).unwrap())));
        assert_eq!(past("2024-03-29T18:00:00Z", &members), ratio(1, 1));
        assert_eq!(past("2023-12-29T18:00:00Z", &members), ratio(0, 1));
        // A member from February on: January is dropped, the rest is 3/8 and 5/8.
        let late = [member(&utc, days("2024-02-01", "2024-03-31"))];
        assert_eq!(past("2024-01-31T12:00:00Z", &late), ratio(0, 1));
        assert_eq!(past("2024-03-01T00:00:00Z", &late), ratio(3, 8));
        assert_eq!(past("2024-04-01T00:00:00Z", &late), ratio(1, 1));
        // A member in a month without a share: working time.
        let shares = Pace::Months(vec![0.into(), ratio(1, 2).unwrap(), ratio(1, 2).unwrap()]);
        let early = [member(&utc, days("2024-01-01", "2024-01-02"))];
        assert_eq!(share(&shares, &quarter, &early, at("2024-01-02T00:00:00Z")), ratio(1, 2));
    }

    #[test]
    fn a_part_without_working_time_is_spent_in_plain_time() {
        let utc = ledger("UTC", &["2024-05-06", "2024-05-07", "2024-05-08", "2024-05-09", "2024-05-10"]);
        let two_weeks = days("2024-05-06", "2024-05-19");
        let members = [member(&utc, two_weeks.clone())];
        let shares = Pace::Weeks(vec![ratio(1, 4).unwrap(), ratio(3, 4).unwrap()]);
        assert_eq!(share(&shares, &two_weeks, &members, at("2024-05-09T12:00:00Z")), ratio(1, 8));
        assert_eq!(share(&shares, &two_weeks, &members, at("2024-05-13T00:00:00Z")), ratio(1, 4));
    }

    proptest! {
        #[test]
        fn a_share_grows_from_0_to_1(
            first in 0..700i32, length in 1..120i32, stays in prop::collection::vec((0..120i32, 1..60i32), 1..4),
            away in 0..90i32, hours in prop::collection::vec(-100..3000i64, 2), kind in 0..4usize, weights in prop::collection::vec(0..9i128, 20),
        ) {
            let (paris, kathmandu) = (ledger("Europe/Paris", &["2024-12-25"]), ledger("Asia/Kathmandu", &[]));
            let first = day("2024-01-01") + first;
            let period = first..first + length;
            let absences = [(first + away, first + away + 5)];
            let members: Vec<Member<'_>> = stays.iter().enumerate().map(|(no, (from, length))| Member {
                calendar: Calendar { ledger: if no % 2 == 0 { &paris } else { &kathmandu }, absences: &absences },
                stays: smallvec![first + from..first + from + length],
            }).collect();
            let weights: Vec<Exact> = weights.into_iter().map(Exact::from).collect();
            let pace = [Pace::WorkingTime, Pace::Linear, Pace::Months(weights.clone()), Pace::Weeks(weights)][kind].clone();
            let begins = paris.days().start;
            let at = |hour: i64| Calendar { ledger: &paris, absences: &[] }.begins(begins.max(first)) + hour * 3600 * US;
            let shares: Vec<Option<Exact>> = {
                let (early, late) = (hours[0].min(hours[1]), hours[0].max(hours[1]));
                [-30, early, late, 3000].map(|hour| share(&pace, &period, &members, at(hour))).to_vec()
            };
            if working_us(&period, &members) == 0 {
                prop_assert!(shares.iter().all(Option::is_none));
            } else {
                prop_assert_eq!(&shares[0], &ratio(0, 1));
                prop_assert_eq!(&shares[3], &ratio(1, 1));
                prop_assert!(shares.is_sorted());
            }
        }
    }
}
