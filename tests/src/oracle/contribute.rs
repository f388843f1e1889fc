//! What each entity adds to which measure. In: an entity; out: [`Contribution`]s, straight from the
//! measure tables of the contract. Nothing is netted or summed here.

use super::entity::{Entity, Value};
use super::moment::{HOUR, SECOND, When};

/// One entity's share of one measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The measure, by the contract's name.
    pub measure: &'static str,
    /// Who it counts for; never empty.
    pub rep: String,
    /// When it counts.
    pub at: When,
    /// How much: a count, seconds, or minor units.
    pub value: i128,
    /// The currency, for a measure of money or of valued deals.
    pub currency: Option<String>,
    /// The product, for a measure that exists by product; `""` is a deal without one.
    pub product: Option<String>,
    /// The lead source, likewise.
    pub origin: Option<String>,
    /// The stage, for `stage_entered`.
    pub stage: Option<String>,
    /// The entity, by its index.
    pub entity: usize,
}

/// What an entity contributes; nothing when it is deleted.
pub fn contributions(index: usize, entity: &Entity) -> Vec<Contribution> {
    if entity.is_deleted() {
        return Vec::new();
    }
    let mut made = match entity.kind.as_str() {
        "call" => call(entity),
        "meeting" => meeting(entity),
        "email" => email(entity),
        "deal" => deal(entity),
        other => panic!("the contract knows no kind {other:?}"),
    };
    for one in &mut made {
        one.entity = index;
    }
    made
}

fn one(measure: &'static str, rep: &str, at: When, value: i128) -> Contribution {
    Contribution {
        measure,
        rep: if rep.is_empty() { "unassigned" } else { rep }.to_owned(),
        at,
        value,
        currency: None,
        product: None,
        origin: None,
        stage: None,
        entity: 0,
    }
}

fn time_or_first_seen(entity: &Entity, field: &str) -> When {
    entity.time(field).unwrap_or(When::Instant(entity.first_seen()))
}

fn is_inbound(entity: &Entity) -> bool {
    entity.text("direction") == "inbound"
}

fn call(entity: &Entity) -> Vec<Contribution> {
    let rep = entity.text("rep");
    let at = time_or_first_seen(entity, "started_at");
    let connected = entity.text("outcome") == "connected";
    let mut made = Vec::new();
    if is_inbound(entity) {
        made.push(one("calls_received", rep, at, 1));
    } else {
        made.push(one("calls_made", rep, at, 1));
        if entity.text("purpose") == "prospecting" {
            made.push(one("prospecting_calls", rep, at, 1));
        }
        if connected {
            made.push(one("calls_connected", rep, at, 1));
        }
    }
    if let (true, Some((_, Value::Int(seconds)))) = (connected, entity.current("duration_s")) {
        made.push(one("talk_time_s", rep, at, i128::from(*seconds)));
    }
    made
}

fn meeting(entity: &Entity) -> Vec<Contribution> {
    let rep = entity.text("rep");
    let booked = When::Instant(entity.first_seen());
    let at = time_or_first_seen(entity, "starts_at");
    let mut made = vec![one("meetings_booked", rep, booked, 1)];
    match entity.text("status") {
        "held" => made.push(one("meetings_held", rep, at, 1)),
        "no_show" => made.push(one("meetings_no_show", rep, at, 1)),
        "cancelled" => made.push(one("meetings_cancelled", rep, at, 1)),
        _ => {}
    }
    made
}

fn email(entity: &Entity) -> Vec<Contribution> {
    let rep = entity.text("rep");
    let at = time_or_first_seen(entity, "sent_at");
    if is_inbound(entity) {
        return vec![one("emails_received", rep, at, 1)];
    }
    let mut made = vec![one("emails_sent", rep, at, 1)];
    let bounced = matches!(entity.current("bounced"), Some((_, Value::Bool(true))));
    if !bounced {
        made.push(one("emails_delivered", rep, at, 1));
        if entity.ever("opened_at") {
            made.push(one("emails_opened", rep, at, 1));
        } else if entity.ever("machine_opened_at") {
            made.push(one("emails_machine_opened", rep, at, 1));
        }
        if entity.ever("clicked_at") {
            made.push(one("emails_clicked", rep, at, 1));
        }
        if entity.ever("replied_at") {
            made.push(one("emails_replied", rep, at, 1));
        }
    }
    made
}

/// A deal's life: when it began and, if it is won or lost, when it ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// When it was created.
    pub created: When,
    /// When it was won or lost, nothing while it is open.
    pub closed: Option<When>,
}

/// The deal's life by the contract's rules, in their order: closed, then created from it, then closed
/// never before created.
pub fn life(entity: &Entity) -> Life {
    let first_seen = When::Instant(entity.first_seen());
    let closed = closed(entity);
    let created = entity.time("created_at").unwrap_or(match closed {
        Some(closed) if closed.stands() < first_seen.stands() => closed,
        _ => first_seen,
    });
    let closed = closed.map(|closed| if closed.stands() < created.stands() { created } else { closed });
    Life { created, closed }
}

fn status_of(value: &Value) -> &str {
    match value {
        Value::Closed(_, status) => status,
        _ => "open",
    }
}

/// When the deal was closed, before it is held against created.
fn closed(entity: &Entity) -> Option<When> {
    let history = entity.history("status");
    let status = status_of(history.last()?.1);
    if status == "open" {
        return None;
    }
    let last_other = history.iter().rfind(|(_, value)| status_of(value) != status).map(|(stamp, _)| *stamp);
    if let Some((said, Value::Time(closed_at))) = entity.current("closed_at")
        && last_other.is_none_or(|other| said > other)
    {
        return Some(*closed_at);
    }
    let oldest_of_run = history.iter().find(|(stamp, _)| last_other.is_none_or(|other| *stamp > other));
    oldest_of_run.map(|(stamp, _)| When::Instant(*stamp))
}

fn deal(entity: &Entity) -> Vec<Contribution> {
    let Life { created, closed } = life(entity);
    let amount = match entity.current("amount") {
        Some((_, Value::Amount(currency, minor))) => Some((currency.clone(), *minor)),
        _ => None,
    };
    let in_currency = |contribution: Contribution, currency: &str| Contribution { currency: Some(currency.to_owned()), ..contribution };

    let created_by = entity.in_force("rep", created.stands());
    let mut made = vec![one("deals_created", created_by, created, 1)];

    // Who holds the deal while it is open: of a closed one, whoever held it when it closed.
    let holder = match closed {
        Some(closed) => entity.in_force("rep", closed.stands()),
        None => entity.text("rep"),
    };

    if let Some(closed) = closed {
        let won = entity.text("status") == "won";
        let dims = |contribution: Contribution| Contribution {
            product: Some(entity.text("product").to_owned()),
            origin: Some(entity.text("origin").to_owned()),
            ..contribution
        };
        let count = if won { "deals_won" } else { "deals_lost" };
        made.push(dims(one(count, holder, closed, 1)));
        if let Some((currency, minor)) = &amount {
            let revenue = if won { "revenue_won" } else { "revenue_lost" };
            made.push(dims(in_currency(one(revenue, holder, closed, *minor), currency)));
            if won {
                let valued = one("deals_won_valued", holder, closed, 1);
                made.push(dims(in_currency(valued, currency)));
            }
        }
        if won {
            let seconds = (closed.stands() - created.stands()).div_euclid(SECOND);
            made.push(one("sales_cycle_s", holder, closed, i128::from(seconds)));
        }
    }

    // A date may begin up to 26 hours before the instant at which it stands.
    let no_level = match (created, closed) {
        (When::Instant(from), Some(to @ When::Date(_))) => to.stands() - from < 26 * HOUR,
        _ => false,
    };
    if !no_level {
        let ends = [(Some(created), 1), (closed, -1)];
        for (at, sign) in ends {
            let Some(at) = at else { continue };
            made.push(one("open_deals", holder, at, sign));
            if let Some((currency, minor)) = &amount {
                let level = one("open_pipeline", holder, at, sign * minor);
                made.push(in_currency(level, currency));
            }
        }
    }

    for (stage, entered) in entity.stages() {
        let rep = entity.in_force("rep", entered);
        let entry = one("stage_entered", rep, When::Instant(entered), 1);
        made.push(Contribution { stage: Some(stage.to_owned()), ..entry });
    }
    made
}
