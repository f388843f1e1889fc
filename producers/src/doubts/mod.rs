//! What looks wrong and is not refused: whoever sends it is told, with counts and examples.
//!
//! In: events that are taken, a group at a time (a row's, a request's), and the words that measures look for, as data. Out: [`Doubt`]s.
//! Memory is bounded whatever comes. Never here: a refusal, a changed event, or what a word counts for.

mod spelling;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use onpace_schemas::{Event, FieldNo, Kind, Time, Value, counted};

use crate::names::alike;
pub use spelling::{Known, nearly};

/// The words that some measure looks for, by kind and field: what another open word may be meant for.
pub type Words = BTreeMap<(Kind, &'static str), Vec<String>>;

/// How many names, or words, are told apart.
const MOST_TEXTS: usize = 10_000;
/// How many entities of a file are told apart.
const MOST_ENTITIES: usize = 1_000_000;
/// How many examples are shown.
const EXAMPLES: usize = 3;
/// Below so many entities a missing rep is no pattern.
const FEW: u64 = 10;

/// What kind of thing looks wrong; a label's value has these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// Many rows became one entity.
    RepeatedEntity,
    /// An entity is named null, or nothing behind its prefix.
    UnnamedEntity,
    /// Most entities of a kind have no rep.
    MissingRep,
    /// A word that no measure knows is nearly one that some measure does.
    NearlyKnown,
    /// Reps look alike.
    AlikeReps,
    /// A deal is closed before it was created.
    ClosedBeforeCreated,
    /// A stage sounds like won or lost, and nothing says the status.
    StageWithoutStatus,
    /// A won deal has a negative amount: a refund that counts as a win.
    NegativeWin,
    /// A time zone whose clocks are never put forward.
    ZoneWithoutSummer,
    /// A column that the map can do without is nearly another's name.
    NearlyColumn,
    /// Something happened after the export was made that says so.
    AfterExport,
}

impl What {
    /// All of them.
    pub const ALL: [What; 11] = [
        What::RepeatedEntity,
        What::UnnamedEntity,
        What::MissingRep,
        What::NearlyKnown,
        What::AlikeReps,
        What::ClosedBeforeCreated,
        What::StageWithoutStatus,
        What::NegativeWin,
        What::ZoneWithoutSummer,
        What::NearlyColumn,
        What::AfterExport,
    ];

    /// Its name as a label and an answer have it.
    pub fn name(self) -> &'static str {
        match self {
            What::RepeatedEntity => "repeated_entity",
            What::UnnamedEntity => "unnamed_entity",
            What::MissingRep => "missing_rep",
            What::NearlyKnown => "nearly_known",
            What::AlikeReps => "alike_reps",
            What::ClosedBeforeCreated => "closed_before_created",
            What::StageWithoutStatus => "stage_without_status",
            What::NegativeWin => "negative_win",
            What::ZoneWithoutSummer => "zone_without_summer",
            What::NearlyColumn => "nearly_column",
            What::AfterExport => "after_export",
        }
    }
}

/// One thing that looks wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What.
    pub what: What,
    /// How often.
    pub count: u64,
    /// In words: how often, examples, and what to do.
    pub text: String,
}

/// What was seen of the events of a file or of a request.
#[derive(Default)]
pub struct Tally {
    words: Known,
    kinds: [PerKind; Kind::ALL.len()],
    unnamed: Examples,
    closed_before_created: Examples,
    stage_without_status: Examples,
    negative_win: Examples,
    after_export: Examples,
    /// The reps, and how often each was named.
    reps: HashMap<String, u64>,
    /// Words of the fields that measures look at, and which none looks for.
    others: HashMap<(Kind, FieldNo, String), u64>,
    /// How many groups each entity was in, by a hash of its own; of an import alone.
    entities: Option<Entities>,
    as_of: Option<i64>,
}

#[derive(Clone, Copy, Default)]
struct PerKind {
    entities: u64,
    without_rep: u64,
}

#[derive(Default)]
struct Examples {
    count: u64,
    shown: Vec<String>,
}

impl Examples {
    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < EXAMPLES {
            let example = example();
            if !self.shown.contains(&example) {
                self.shown.push(example);
            }
        }
    }
}

#[derive(Default)]
struct Entities {
    keys: RandomState,
    groups: HashMap<u64, u32>,
    /// Rows of which another made the same entity.
    repeated_rows: u64,
    most: (u32, String),
}

/// What a group of events says of one entity.
#[derive(Default)]
struct Said<'e> {
    rep: bool,
    /// Something is said by which such an entity begins.
    introduced: bool,
    /// The place in the closed set, where one is said: open, lost, won.
    status: Option<u8>,
    stage: Option<&'e str>,
    created: Option<Time>,
    closed: Option<Time>,
    negative: bool,
    deleted: bool,
}

impl Tally {
    /// Of a request: `words` are those that measures look for.
    pub fn new(words: &Words) -> Tally {
        Tally {
            words: Known::new(words),
            kinds: Default::default(),
            unnamed: Examples::default(),
            closed_before_created: Examples::default(),
            stage_without_status: Examples::default(),
            negative_win: Examples::default(),
            after_export: Examples::default(),
            reps: HashMap::new(),
            others: HashMap::new(),
            entities: None,
            as_of: None,
        }
    }

    /// Of a file that was exported at `as_of`, in microseconds since 1970; each of its rows is a group.
    pub fn of_rows(words: &Words, as_of: Option<i64>) -> Tally {
        Tally { entities: Some(Entities::default()), as_of, ..Tally::new(words) }
    }

    /// Looks at the events of a group.
    pub fn see(&mut self, events: &[Event<'_>]) {
        let mut said: HashMap<(Kind, &str), Said<'_>> = HashMap::with_capacity(events.len().min(64));
        for event in events {
            let entity = said.entry((event.kind, event.entity.as_ref())).or_default();
            self.event(event, entity);
            let happened = |name: &&str| ["created_at", "closed_at", "started_at", "sent_at"].contains(name);
            let fields = event.kind.fields();
            let late = |as_of: i64| {
                event.occurred_at > as_of
                    || event.patch.iter().any(|(no, value)| match value {
                        Value::Time(time) => happened(&fields[usize::from(*no)].name) && before(Time::Instant(as_of), *time),
                        _ => false,
                    })
            };
            if self.as_of.is_some_and(late) {
                self.after_export.add(|| format!("`{}`", event.entity));
            }
        }
        for ((kind, name), said) in said {
            self.entity(kind, name, &said);
        }
    }

    fn event<'e>(&mut self, event: &'e Event<'_>, said: &mut Said<'e>) {
        said.deleted |= event.deleted == Some(true);
        let fields = event.kind.fields();
        for (no, value) in &event.patch {
            said.introduced |= event.kind.begins_with(*no);
            match (fields[usize::from(*no)].name, value) {
                ("rep", Value::Text(rep)) => {
                    said.rep = true;
                    count(&mut self.reps, rep.as_ref(), str::to_owned);
                }
                ("status", Value::Choice(place)) if event.kind == Kind::DEAL => said.status = Some(*place),
                ("created_at", Value::Time(time)) => said.created = Some(*time),
                ("closed_at", Value::Time(time)) => said.closed = Some(*time),
                ("amount", Value::Amount(money)) => said.negative = money.minor < 0,
                (name, Value::Text(text)) => {
                    if name == "stage" {
                        said.stage = Some(text);
                    }
                    if self.words.is_unknown(event.kind, *no, text) {
                        let key = (event.kind, *no, text.as_ref().to_owned());
                        if self.others.len() < MOST_TEXTS || self.others.contains_key(&key) {
                            *self.others.entry(key).or_default() += 1;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn entity(&mut self, kind: Kind, name: &str, said: &Said<'_>) {
        if unnamed(name) {
            self.unnamed.add(|| format!("`{name}`"));
        }
        if let Some(entities) = &mut self.entities {
            entities.see(kind, name);
        }
        if said.deleted {
            return;
        }
        let of_kind = &mut self.kinds[usize::from(kind.number())];
        // An update need not say again who.
        of_kind.entities += u64::from(said.introduced);
        of_kind.without_rep += u64::from(said.introduced && !said.rep);
        if let (Some(created), Some(closed)) = (said.created, said.closed)
            && before(closed, created)
        {
            self.closed_before_created.add(|| format!("`{name}`"));
        }
        if let (Some(stage), None) = (said.stage, said.status)
            && spelling::sounds_closed(stage)
        {
            self.stage_without_status.add(|| format!("`{stage}` of `{name}`"));
        }
        if said.status == Some(2) && said.negative {
            self.negative_win.add(|| format!("`{name}`"));
        }
    }

    /// What looks wrong. `before` are the reps that were seen before, and get to know these.
    pub fn doubts(&self, before: Option<&mut Reps>) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let mut doubt = |what, count, text: String| doubts.push(Doubt { what, count, text });
        if let Some(entities) = self.entities.as_ref().filter(|entities| entities.repeated_rows > 0) {
            let most = &entities.most;
            doubt(
                What::RepeatedEntity,
                entities.repeated_rows,
                format!(
                    "{} became the same entity as another row, `{}` in {} of them: what rows say of one entity is joined; is its name unique?",
                    counted(entities.repeated_rows, "row"),
                    most.1,
                    most.0
                ),
            );
        }
        let of = |examples: &Examples| format!("such as {}", examples.shown.join(", "));
        if self.unnamed.count > 0 {
            let text = format!(
                "{} {} named null or nothing, {}: events of different entities are joined under such a name; which column has the id?",
                self.unnamed.count,
                if self.unnamed.count == 1 { "entity is" } else { "entities are" },
                of(&self.unnamed)
            );
            doubt(What::UnnamedEntity, self.unnamed.count, text);
        }
        for (kind, seen) in Kind::ALL.into_iter().zip(self.kinds) {
            if seen.entities >= FEW && seen.without_rep * 2 > seen.entities {
                let text = format!(
                    "{} of {} {}s name no rep: they count under `unassigned`; which column says who?",
                    seen.without_rep,
                    seen.entities,
                    kind.name()
                );
                doubt(What::MissingRep, seen.without_rep, text);
            }
        }
        for (what, count, text) in self.words.doubts(&self.others) {
            doubt(what, count, text);
        }
        for (count, text) in Reps::doubts(&self.reps, before) {
            doubt(What::AlikeReps, count, text);
        }
        for (what, examples, text) in [
            (
                What::ClosedBeforeCreated,
                &self.closed_before_created,
                "closed before they were created: they count as created when they closed; are two columns swapped, or is day first read as month first?",
            ),
            (
                What::StageWithoutStatus,
                &self.stage_without_status,
                "in a stage that sounds closed, and nothing says `status`: they count as open, not as won or lost",
            ),
            (
                What::NegativeWin,
                &self.negative_win,
                "won with a negative amount: a refund or a credit note counts as a second win; take its amount off the deal that it belongs to",
            ),
            (
                What::AfterExport,
                &self.after_export,
                "said to have happened after the file was exported: is --as-of right, and the time zone?",
            ),
        ] {
            if examples.count > 0 {
                doubt(
                    what,
                    examples.count,
                    format!("{} {} {text} ({})", examples.count, if examples.count == 1 { "is" } else { "are" }, of(examples)),
                );
            }
        }
        doubts
    }
}

impl Entities {
    fn see(&mut self, kind: Kind, name: &str) {
        let key = self.keys.hash_one((kind.number(), name));
        if self.groups.len() >= MOST_ENTITIES && !self.groups.contains_key(&key) {
            return;
        }
        let groups = self.groups.entry(key).or_default();
        *groups += 1;
        self.repeated_rows += match *groups {
            0 | 1 => 0,
            2 => 2,
            _ => 1,
        };
        if *groups > 1 && *groups > self.most.0 {
            self.most = (*groups, name.to_owned());
        }
    }
}

/// Adds one to a name's count, unless there are too many names.
fn count(names: &mut HashMap<String, u64>, name: &str, own: impl FnOnce(&str) -> String) {
    if let Some(count) = names.get_mut(name) {
        *count += 1;
    } else if names.len() < MOST_TEXTS {
        names.insert(own(name), 1);
    }
}

/// Whether an entity's name is what a program makes of nothing: `null`, `hubspot:`, `crm:undefined`.
fn unnamed(name: &str) -> bool {
    let last = name.rsplit(':').next().unwrap_or_default().trim();
    ["", "null", "none", "nil", "undefined", "nan", "n/a", "#n/a", "-"].contains(&last.to_ascii_lowercase().as_str())
}

/// Whether one time lies before another wherever they are read: a date is as long as its day is in any zone.
fn before(a: Time, b: Time) -> bool {
    /// From the first zone in which it is that day to the last.
    const SPREAD: i64 = 26 * 3_600 * onpace_schemas::time::US;
    match (a, b) {
        (Time::Date(a), Time::Date(b)) => a < b,
        (Time::Instant(a), Time::Instant(b)) => a < b,
        (a, b) => a.stands_at() + SPREAD < b.stands_at(),
    }
}

/// Reps that were seen, by what makes them alike.
#[derive(Debug, Default)]
pub struct Reps(HashMap<String, String>);

impl Reps {
    /// Which of these reps look like one another, or like one seen before; then they have been seen.
    fn doubts(reps: &HashMap<String, u64>, before: Option<&mut Reps>) -> Vec<(u64, String)> {
        let mut alike_ones: BTreeMap<String, Vec<(&str, u64)>> = BTreeMap::new();
        let mut sorted: Vec<(&str, u64)> = reps.iter().map(|(rep, count)| (rep.as_str(), *count)).collect();
        sorted.sort_unstable();
        for (rep, count) in sorted {
            alike_ones.entry(alike(rep)).or_default().push((rep, count));
        }
        let mut doubts = Vec::new();
        let mut fresh = Reps::default();
        let known = before.unwrap_or(&mut fresh);
        for (key, reps) in alike_ones {
            let first = known.0.get(&key).cloned();
            let mut others: Vec<String> = reps.iter().map(|(rep, count)| format!("`{}` ({count})", spelling::visible(rep))).collect();
            let strange = first.as_ref().is_some_and(|first| reps.iter().any(|(rep, _)| rep != first));
            if let Some(first) = first.filter(|first| strange && !reps.iter().any(|(rep, _)| rep == first)) {
                others.insert(0, format!("`{}` before", spelling::visible(&first)));
            }
            if others.len() > 1 {
                let count = reps.iter().map(|(_, count)| count).sum();
                let text = format!(
                    "these reps look alike and count as {}: {}; `alike` or `tidy` make one of them",
                    others.len(),
                    others.join(", ")
                );
                doubts.push((count, text));
            }
            if known.0.len() < MOST_TEXTS
                && let Some((rep, _)) = reps.first()
            {
                known.0.entry(key).or_insert_with(|| (*rep).to_owned());
            }
        }
        doubts
    }

    /// Which of so many names, of reps or of whatever else is counted by name, look alike, in words.
    pub fn alike<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
        let counts = names.map(|name| (name.to_owned(), 1)).collect();
        Reps::doubts(&counts, None).into_iter().map(|(_, text)| text.replace(" (1)", "").replacen("these reps", "these", 1)).collect()
    }
}
