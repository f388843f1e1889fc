//! What reps do: one act at a time, and what comes of it later.
//!
//! In: an instant, chance. Out: events with the instant at which they are reported, never before they occurred. The floor
//! remembers open deals and a few that were closed lately; everything else is said and forgotten.
//! Never here: a clock, I/O.

use onpace_schemas::{Currency, Event, Kind, Time, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::deals::Deal;
use super::hours::{self, Hours};
use super::people;
use super::say::{choice, event, text};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How much faster than in life things follow from one another while the floor is shown live.
const HURRY: i64 = 40;
const CAMPAIGNS: [&str; 4] = ["spring-launch", "newsletter", "webinar-follow-up", "win-back"];

/// An event and when it is reported, in microseconds since 1970.
pub(super) type Report = (i64, Event<'static>);

/// Somebody who sells.
pub(super) struct Rep {
    pub(super) name: String,
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
    /// The sum of the reps' diligence up to each.
    diligence: Vec<f64>,
    /// Deals closed lately, with whose they were.
    pub(super) closed: Vec<(usize, Deal)>,
    /// What every id begins with, so that two floors don't speak of the same entity.
    prefix: String,
    said: u64,
}

impl Floor {
    pub(super) fn new(seed: u64, reps: u32, start_us: i64) -> Floor {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut sum = 0.0;
        let currencies: Vec<Currency> =
            [b"EUR", b"EUR", b"EUR", b"USD", b"GBP"].into_iter().filter_map(|code| Currency::from_bytes(code)).collect();
        let mut diligence = Vec::new();
        let reps = (0..reps.max(1)).map(|number| {
            sum += dice.random_range(0.6..1.4);
            diligence.push(sum);
            Rep {
                name: people::rep(number, seed),
                skill: dice.random_range(0.7..1.3),
                currency: currencies[dice.random_range(0..currencies.len())],
                deals: Vec::new(),
            }
        });
        let reps = reps.collect();
        Floor { dice, reps, diligence, closed: Vec::new(), prefix: format!("sim-{seed}-{:x}", start_us / SECOND), said: 0 }
    }

    pub(super) fn reps(&self) -> impl Iterator<Item = &str> {
        self.reps.iter().map(|rep| rep.name.as_str())
    }

    /// Somebody does something at `at_us`. Live, it is reported at that instant and what follows comes soon; else each in its time.
    pub(super) fn act(&mut self, at_us: i64, live: bool, hours: &mut Hours) -> Vec<Report> {
        let mut act = Act { at: at_us, live, reports: Vec::new() };
        let rep = self.someone();
        match self.dice.random_range(0..100) {
            0..64 => self.call(rep, &mut act),
            64..88 => self.email(rep, &mut act),
            88..93 => self.meeting(rep, &mut act, hours),
            93..99 => self.deal(rep, &mut act, hours),
            _ => self.second_thought(&mut act, hours),
        }
        self.noise(&mut act);
        act.reports
    }

    /// The more diligent, the more often.
    pub(super) fn someone(&mut self) -> usize {
        let all = self.diligence.last().copied().unwrap_or(1.0);
        let point = self.dice.random_range(0.0..all);
        self.diligence.partition_point(|sum| *sum <= point).min(self.reps.len() - 1)
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
        let entity = self.entity(Kind::Call);
        let inbound = self.chance(0.12);
        let skill = self.reps[rep].skill;
        let connected = self.chance(if inbound { 0.85 } else { 0.3 * skill });
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
            ("rep", text(&self.reps[rep].name)),
            ("account", text(people::account(&mut self.dice))),
            ("contact", text(people::contact(&mut self.dice))),
            ("direction", choice(Kind::Call, "direction", if inbound { "inbound" } else { "outbound" })),
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
            let told = self.say(Kind::Call, &entity, started + span, began);
            act.report(told);
        } else {
            let told = self.say(Kind::Call, &entity, started, began);
            act.report(told);
            let told = self.say(Kind::Call, &entity, started + span, ended);
            act.report(told);
        }
    }

    fn email(&mut self, rep: usize, act: &mut Act) {
        let entity = self.entity(Kind::Email);
        let inbound = self.chance(0.15);
        let mut sent = vec![
            ("rep", text(&self.reps[rep].name)),
            ("account", text(people::account(&mut self.dice))),
            ("contact", text(people::contact(&mut self.dice))),
            ("direction", choice(Kind::Email, "direction", if inbound { "inbound" } else { "outbound" })),
            ("sent_at", Value::Time(Time::Instant(act.at))),
        ];
        if !inbound && self.chance(0.4) {
            sent.push(("campaign", text(self.one_of(&CAMPAIGNS))));
        }
        let told = self.say(Kind::Email, &entity, act.at, sent);
        act.report(told);
        if inbound {
            return;
        }
        if self.chance(0.03) {
            let at = act.later(self.around(20 * SECOND));
            let told = self.say(Kind::Email, &entity, at, vec![("bounced", Value::Flag(true))]);
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
        let told = self.say(Kind::Email, entity, at_us, vec![(field, Value::Time(Time::Instant(at_us)))]);
        act.report(told);
    }

    fn meeting(&mut self, rep: usize, act: &mut Act, hours: &mut Hours) {
        let entity = self.entity(Kind::Meeting);
        let lead = self.dice.random_range(0..5 * hours::DAY_US);
        let half_hours = |at: i64| (at / (30 * MINUTE) + 1) * 30 * MINUTE;
        let mut starts_at = if act.live { act.at + act.soon(lead) } else { half_hours(hours.after(act.at, lead)) };
        let duration_s = self.one_of(&[1800, 1800, 2700, 3600]);
        let booked = vec![
            ("rep", text(&self.reps[rep].name)),
            ("account", text(people::account(&mut self.dice))),
            ("contact", text(people::contact(&mut self.dice))),
            ("status", choice(Kind::Meeting, "status", "scheduled")),
            ("starts_at", Value::Time(Time::Instant(starts_at))),
            ("duration_s", Value::Integer(duration_s)),
            ("purpose", text(self.one_of(&["discovery", "demo", "negotiation", "review"]))),
        ];
        let told = self.say(Kind::Meeting, &entity, act.at, booked);
        act.report(told);
        let decided_at = act.at + (starts_at - act.at) / 2;
        if self.chance(0.12) {
            starts_at = if act.live { starts_at + act.soon(2 * HOUR) } else { half_hours(hours.after(starts_at, hours::DAY_US)) };
            let told = self.say(Kind::Meeting, &entity, decided_at, vec![("starts_at", Value::Time(Time::Instant(starts_at)))]);
            act.report(told);
        }
        let (status, at) = match self.dice.random_range(0..100) {
            0..9 => ("cancelled", decided_at + SECOND),
            9..22 => ("no_show", starts_at + act.soon(15 * MINUTE)),
            _ => ("held", starts_at + act.soon(duration_s * SECOND)),
        };
        let told = self.say(Kind::Meeting, &entity, at, vec![("status", choice(Kind::Meeting, "status", status))]);
        act.report(told);
    }

    /// What sources do beside the truth: tell it twice, tell it late, take it back.
    fn noise(&mut self, act: &mut Act) {
        let Some((reported_at, told)) = act.reports.first().cloned() else { return };
        match self.dice.random_range(0..1_000) {
            0..12 => {
                let again = self.around(40 * MINUTE);
                act.reports.push((reported_at + act.soon(again), told));
            }
            12..30 if !act.live && told.kind == Kind::Call => {
                // Somebody was on the road and the telephone synchronised in the evening.
                let late = self.around(6 * HOUR);
                act.reports.iter_mut().for_each(|report| report.0 += late);
            }
            30..34 if told.kind == Kind::Call => {
                let last = act.reports.iter().map(|report| report.0).max().unwrap_or(reported_at);
                let at = last + act.soon(20 * MINUTE);
                let mut gone = self.say(Kind::Call, &told.entity, at, Vec::new());
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
