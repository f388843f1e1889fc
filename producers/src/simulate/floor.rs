//! What reps do: one act at a time, and what comes of it later.
//!
//! In: an instant, chance. Out: events with the instant at which they are reported, never before they occurred. The floor
//! remembers open deals and a few that were closed lately; everything else is said and forgotten.
//! Never here: a clock, I/O.

use onpace_schemas::{Currency, Event, Kind, Time, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::deal::Deal;
use super::hours::{Hours, Presence};
use super::people;
use super::say::{choice, event, text};
use super::{ACTS_A_DAY, Worker};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How much faster than in life things follow from one another while the floor is shown live.
const HURRY: i64 = 40;
const CAMPAIGNS: [&str; 4] = ["spring-launch", "newsletter", "webinar-follow-up", "win-back"];

/// Nothing is planned further ahead.
const HORIZON: i64 = 366 * 24 * HOUR;

/// Of 100 acts, so many are calls.
const CALLS: u32 = 64;
/// The part of calls that come in.
const INBOUND: f64 = 0.12;
/// The part of calls made in which somebody of average skill speaks to somebody.
const CONNECTS: f64 = 0.3;

/// What somebody does on average.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Calls made in a working day, of which half are prospecting.
    pub(super) calls_a_day: f64,
    /// The part of them in which somebody is spoken to.
    pub(super) connects: f64,
}

/// An event and when it is reported, in microseconds since 1970.
pub(super) type Report = (i64, Event<'static>);

/// Somebody who sells.
pub(super) struct Rep {
    /// What events call him; at least one.
    identities: Vec<String>,
    pub(super) hours: Hours,
    /// About 1; above it he does more in a day.
    pub(super) diligence: f64,
    /// About 1; above it more calls connect and more deals are won.
    pub(super) skill: f64,
    pub(super) currency: Currency,
    /// Those open.
    pub(super) deals: Vec<Deal>,
}

/// The floor.
pub(super) struct Floor {
    pub(super) dice: StdRng,
    pub(super) reps: Vec<Rep>,
    /// Who acts live, and until when that holds.
    present: (i64, Draw),
    /// Deals closed lately, with whose they were.
    pub(super) closed: Vec<(usize, Deal)>,
    /// What every id begins with, so that two floors don't speak of the same entity.
    prefix: String,
    said: u64,
}

/// Some of the reps, to be drawn from.
#[derive(Default)]
struct Draw {
    reps: Vec<usize>,
    /// The sum of their diligence up to each.
    diligence: Vec<f64>,
}

impl Draw {
    fn of(reps: &[Rep], chosen: impl Fn(usize) -> bool) -> Draw {
        let mut draw = Draw::default();
        let mut sum = 0.0;
        for (number, rep) in reps.iter().enumerate().filter(|(number, _)| chosen(*number)) {
            sum += rep.diligence;
            draw.reps.push(number);
            draw.diligence.push(sum);
        }
        draw
    }

    /// The more diligent, the more often; `None` of nobody.
    fn one(&self, dice: &mut StdRng) -> Option<usize> {
        let point = dice.random_range(0.0..*self.diligence.last()?);
        self.reps.get(self.diligence.partition_point(|sum| *sum <= point).min(self.reps.len() - 1)).copied()
    }
}

impl Floor {
    pub(super) fn new(seed: u64, workers: Vec<Worker>, start_us: i64) -> Floor {
        let mut dice = StdRng::seed_from_u64(seed);
        let reps = workers.into_iter().map(|worker| Rep {
            hours: Hours::new(&worker, start_us),
            currency: worker.currency,
            identities: worker.identities,
            diligence: dice.random_range(0.6..1.4),
            skill: dice.random_range(0.7..1.3),
            deals: Vec::new(),
        });
        let reps = reps.collect();
        let prefix = format!("sim-{seed}-{:x}", start_us / SECOND);
        Floor { dice, reps, present: (i64::MIN, Draw::default()), closed: Vec::new(), prefix, said: 0 }
    }

    /// When a rep does something next. As with anything that is done time and again, the time between is exponential.
    pub(super) fn next_act(&mut self, rep: usize, after_us: i64) -> i64 {
        let rep = &mut self.reps[rep];
        let mean = rep.hours.day_us() as f64 / (ACTS_A_DAY * rep.diligence);
        let gap = -mean * (1.0 - self.dice.random_range(0.0..1.0f64)).ln();
        rep.hours.after(after_us, gap as i64)
    }

    /// What a rep does on average.
    pub(super) fn habits(&self, rep: usize) -> Habits {
        let rep = &self.reps[rep];
        let calls_a_day = ACTS_A_DAY * rep.diligence * f64::from(CALLS) / 100.0 * (1.0 - INBOUND);
        Habits { calls_a_day, connects: CONNECTS * rep.skill }
    }

    /// What events call a rep: a call says the last of his identities, everything else the first.
    pub(super) fn name(&self, rep: usize, kind: Kind) -> Value<'static> {
        let identities = &self.reps[rep].identities;
        let name = if kind == Kind::CALL { identities.last() } else { identities.first() };
        text(name.cloned().unwrap_or_default())
    }

    /// A rep does something at `at_us`. Live, it is reported at that instant and what follows comes soon; else each in its time.
    pub(super) fn act(&mut self, rep: usize, at_us: i64, live: bool) -> Vec<Report> {
        let mut act = Act { at: at_us, live, reports: Vec::new() };
        match self.dice.random_range(0..100) {
            0..CALLS => self.call(rep, &mut act),
            CALLS..88 => self.email(rep, &mut act),
            88..93 => self.meeting(rep, &mut act),
            93..99 => self.deal(rep, &mut act),
            _ => self.second_thought(rep, &mut act),
        }
        self.noise(&mut act);
        act.reports
    }

    /// Whoever acts live: of those at work; where nobody is, of those who rest; at the last, of those on holiday. Never one on leave.
    pub(super) fn someone_present(&mut self, at_us: i64) -> Option<usize> {
        let minute = at_us.div_euclid(MINUTE);
        if self.present.0 != minute {
            let presence: Vec<Presence> = self.reps.iter().map(|rep| rep.hours.presence(at_us)).collect();
            let most = presence.iter().copied().filter(|presence| *presence > Presence::Absent).max();
            self.present = (minute, Draw::of(&self.reps, |rep| Some(presence[rep]) == most));
        }
        self.present.1.one(&mut self.dice)
    }

    /// Any other rep, for a deal to be handed to.
    pub(super) fn another(&mut self) -> usize {
        self.dice.random_range(0..self.reps.len())
    }

    pub(super) fn chance(&mut self, of: f64) -> bool {
        self.dice.random_bool(of.clamp(0.0, 1.0))
    }

    /// Mostly near `about`, sometimes far above it.
    pub(super) fn around(&mut self, about: i64) -> i64 {
        let factor: f64 = self.dice.random_range(0.25..1.0) / self.dice.random_range(0.25..1.0);
        (about as f64 * factor) as i64
    }

    pub(super) fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.dice.random_range(0..these.len())]
    }

    pub(super) fn entity(&mut self, kind: Kind) -> String {
        self.said += 1;
        format!("{}-{}{}", self.prefix, &kind.name()[..1], self.said)
    }

    pub(super) fn say(&mut self, kind: Kind, entity: &str, at_us: i64, fields: Vec<(&'static str, Value<'static>)>) -> Event<'static> {
        self.said += 1;
        event(format!("{}-{}", self.prefix, self.said), kind, entity, at_us, fields)
    }

    fn call(&mut self, rep: usize, act: &mut Act) {
        let entity = self.entity(Kind::CALL);
        let inbound = self.chance(INBOUND);
        let skill = self.reps[rep].skill;
        let connected = self.chance(if inbound { 0.85 } else { CONNECTS * skill });
        let outcome = match connected {
            true => "connected",
            false if inbound => "no_answer",
            false => self.one_of(&["voicemail", "voicemail", "voicemail", "no_answer", "no_answer", "no_answer", "busy", "failed"]),
        };
        let purpose = if inbound {
            self.one_of(&["service", "follow_up"])
        } else {
            self.one_of(&["prospecting", "prospecting", "prospecting", "follow_up", "follow_up", "service"])
        };
        let ringing_s = self.dice.random_range(4..30);
        let talk_s = match outcome {
            "connected" => self.around(240).clamp(12, 5_400),
            "voicemail" => self.dice.random_range(12..50),
            _ => 0,
        };
        let span = (ringing_s + talk_s) * SECOND;
        // Live, a call is told of when it is over: it began before now.
        let started = if act.live { act.at - span } else { act.at };
        let mut began = vec![
            ("rep", self.name(rep, Kind::CALL)),
            ("account", text(people::account(&mut self.dice))),
            ("contact", text(people::contact(&mut self.dice))),
            ("direction", choice(Kind::CALL, "direction", if inbound { "inbound" } else { "outbound" })),
            ("purpose", text(purpose)),
            ("started_at", Value::Time(Time::Instant(started))),
        ];
        let mut ended = vec![("outcome", text(outcome))];
        if talk_s > 0 {
            ended.push(("duration_s", Value::Integer(talk_s)));
        }
        if act.live || self.chance(0.5) {
            // Some phone systems tell of a call once, some when it begins and when it ends.
            began.append(&mut ended);
            let told = self.say(Kind::CALL, &entity, started + span, began);
            act.report(told);
        } else {
            let told = self.say(Kind::CALL, &entity, started, began);
            act.report(told);
            let told = self.say(Kind::CALL, &entity, started + span, ended);
            act.report(told);
        }
    }

    fn email(&mut self, rep: usize, act: &mut Act) {
        let entity = self.entity(Kind::EMAIL);
        let inbound = self.chance(0.15);
        let mut sent = vec![
            ("rep", self.name(rep, Kind::EMAIL)),
            ("account", text(people::account(&mut self.dice))),
            ("contact", text(people::contact(&mut self.dice))),
            ("direction", choice(Kind::EMAIL, "direction", if inbound { "inbound" } else { "outbound" })),
            ("sent_at", Value::Time(Time::Instant(act.at))),
        ];
        if !inbound && self.chance(0.4) {
            sent.push(("campaign", text(self.one_of(&CAMPAIGNS))));
        }
        let told = self.say(Kind::EMAIL, &entity, act.at, sent);
        act.report(told);
        if inbound {
            return;
        }
        if self.chance(0.03) {
            let at = act.later(self.around(20 * SECOND));
            let told = self.say(Kind::EMAIL, &entity, at, vec![("bounced", Value::Flag(true))]);
            return act.report(told);
        }
        if self.chance(0.35) {
            let at = act.later(self.around(15 * SECOND));
            self.mark(&entity, "machine_opened_at", at, act);
        }
        if !self.chance(0.38 * self.reps[rep].skill) {
            return;
        }
        let opened_at = act.later(self.around(90 * MINUTE));
        self.mark(&entity, "opened_at", opened_at, act);
        for (field, share, about) in [("clicked_at", 0.25, 2 * MINUTE), ("replied_at", 0.22, 3 * HOUR)] {
            let more = act.soon(self.around(about));
            if self.chance(share) {
                self.mark(&entity, field, opened_at + more, act);
            }
        }
    }

    /// Something happened to an e-mail.
    fn mark(&mut self, entity: &str, field: &'static str, at_us: i64, act: &mut Act) {
        let told = self.say(Kind::EMAIL, entity, at_us, vec![(field, Value::Time(Time::Instant(at_us)))]);
        act.report(told);
    }

    fn meeting(&mut self, rep: usize, act: &mut Act) {
        let entity = self.entity(Kind::MEETING);
        let day_us = self.reps[rep].hours.day_us();
        let lead = self.dice.random_range(0..5 * day_us);
        let half_hours = |at: i64| (at / (30 * MINUTE) + 1) * 30 * MINUTE;
        let mut starts_at =
            if act.live { act.at + act.soon(lead) } else { half_hours(self.reps[rep].hours.after(act.at, lead).min(act.at + HORIZON)) };
        let duration_s = self.one_of(&[1800, 1800, 2700, 3600]);
        let booked = vec![
            ("rep", self.name(rep, Kind::MEETING)),
            ("account", text(people::account(&mut self.dice))),
            ("contact", text(people::contact(&mut self.dice))),
            ("status", choice(Kind::MEETING, "status", "scheduled")),
            ("starts_at", Value::Time(Time::Instant(starts_at))),
            ("duration_s", Value::Integer(duration_s)),
            ("purpose", text(self.one_of(&["discovery", "demo", "negotiation", "review"]))),
        ];
        let told = self.say(Kind::MEETING, &entity, act.at, booked);
        act.report(told);
        let decided_at = act.at + (starts_at - act.at) / 2;
        if self.chance(0.12) {
            starts_at = if act.live {
                starts_at + act.soon(2 * HOUR)
            } else {
                half_hours(self.reps[rep].hours.after(starts_at, day_us).min(starts_at + HORIZON))
            };
            let told = self.say(Kind::MEETING, &entity, decided_at, vec![("starts_at", Value::Time(Time::Instant(starts_at)))]);
            act.report(told);
        }
        let (status, at) = match self.dice.random_range(0..100) {
            0..9 => ("cancelled", decided_at + SECOND),
            9..22 => ("no_show", starts_at + act.soon(15 * MINUTE)),
            _ => ("held", starts_at + act.soon(duration_s * SECOND)),
        };
        let told = self.say(Kind::MEETING, &entity, at, vec![("status", choice(Kind::MEETING, "status", status))]);
        act.report(told);
    }

    /// What sources do beside the truth: tell it twice, tell it late, take it back.
    fn noise(&mut self, act: &mut Act) {
        let Some((reported_at, told)) = act.reports.first() else { return };
        let (reported_at, kind) = (*reported_at, told.kind);
        match self.dice.random_range(0..1_000) {
            0..12 => {
                let told = told.clone();
                let again = self.around(40 * MINUTE);
                act.reports.push((reported_at + act.soon(again), told));
            }
            12..30 if !act.live && kind == Kind::CALL => {
                // Somebody was on the road and the telephone synchronised in the evening.
                let late = self.around(6 * HOUR);
                act.reports.iter_mut().for_each(|report| report.0 += late);
            }
            30..34 if kind == Kind::CALL => {
                let entity = told.entity.clone();
                let last = act.reports.iter().map(|report| report.0).max().unwrap_or(reported_at);
                let at = last + act.soon(20 * MINUTE);
                let mut gone = self.say(Kind::CALL, &entity, at, Vec::new());
                gone.deleted = Some(true);
                act.report(gone);
            }
            _ => {}
        }
    }
}

/// An act under way: when it happens and what is told of it.
pub(super) struct Act {
    /// The instant, in microseconds since 1970.
    pub(super) at: i64,
    /// Whether it is told at once and all that follows is hurried.
    pub(super) live: bool,
    reports: Vec<Report>,
}

impl Act {
    /// A span as it is lived: live, it is shorter.
    pub(super) fn soon(&self, span_us: i64) -> i64 {
        if self.live { (span_us / HURRY).max(SECOND) } else { span_us }
    }

    pub(super) fn later(&self, span_us: i64) -> i64 {
        self.at + self.soon(span_us)
    }

    /// Told as soon as it occurred.
    pub(super) fn report(&mut self, event: Event<'static>) {
        self.reports.push((event.occurred_at, event));
    }
}
