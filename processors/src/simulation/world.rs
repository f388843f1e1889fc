//! What happens in the simulated world, and what it must come to: events by chance, and the same folded with nothing of lanes, batches or stores.
//!
//! In: a source of chance, a log, a store. Out: events; counters, as they should be and as they are stored.

use super::*;

pub(super) fn value(kind: Kind, no: usize, rng: &mut StdRng) -> Value<'static> {
    let field = kind.fields()[no];
    if field.keep != Keep::First && rng.random_bool(0.1) {
        return Value::Cleared;
    }
    match field.shape {
        Shape::Text => Value::Text(["a", "b", "connected", "prospecting", "Zoé"][rng.random_range(0..5)].into()),
        Shape::Choice(set) => Value::Choice(rng.random_range(0..set.len() as u8)),
        Shape::Integer => Value::Integer(rng.random_range(0..1000)),
        Shape::Flag => Value::Flag(rng.random()),
        Shape::Time if rng.random_bool(0.3) => Value::Time(Time::Date(rng.random_range(0..4))),
        Shape::Time | Shape::Instant => Value::Time(Time::Instant(rng.random_range(0..300_000) * 1_000_000)),
        Shape::Amount => Value::Amount(Money {
            currency: Currency::parse(["EUR", "JPY"][rng.random_range(0..2)]).unwrap(),
            // Now and then one of which no float keeps every digit.
            minor: if rng.random_bool(0.2) { rng.random() } else { rng.random_range(-5..500) },
        }),
    }
}

pub(super) fn event(rng: &mut StdRng) -> Event<'static> {
    let kind = Kind::ALL[rng.random_range(0..Kind::ALL.len())];
    let patch: Patch<'static> = (0..kind.fields().len())
        .filter(|_| rng.random_bool(0.4))
        .map(|no| (no as u8, no))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(no, at)| (no, value(kind, at, rng)))
        .collect();
    let occurred_at = rng.random_range(0..50) * 7_200_000_000;
    // One in three said later, by an hour or by an export of all.
    let said_at = [occurred_at, occurred_at, occurred_at + 3_600_000_000, 360_000_000_000][rng.random_range(0..4)].max(occurred_at);
    Event {
        id: "i".into(),
        source: ["phone", "crm", "post"][rng.random_range(0..3)].into(),
        kind,
        entity: format!("e{}", rng.random_range(0..25)).into(),
        occurred_at,
        said_at,
        deleted: rng.random_bool(0.15).then(|| rng.random()),
        patch,
    }
}

pub(super) fn entry(event: &Event<'_>) -> Entry {
    let mut value = Vec::new();
    avro::write(event, &mut value);
    Entry { route: Route::Key(event.key()), value }
}

/// The events without what doesn't count of them: of all that is said of a field (of a tracked one: for one instant) only what has the greatest stamp counts, of
/// that what was said last, of that the greatest. Written from the contract: the merge, held against itself, would be right whatever it did.
fn last_words<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    // As if it were one field more that has a number of its own.
    const DELETED: FieldNo = FieldNo::MAX;
    let tracked = |kind: Kind, no: FieldNo| no != DELETED && kind.fields()[usize::from(no)].keep == Keep::Tracked;
    let place = |event: &Event<'a>, no: FieldNo| {
        (event.kind, event.entity.clone(), no, if tracked(event.kind, no) { event.occurred_at } else { 0 })
    };
    let mut last = BTreeMap::new();
    for event in events {
        let deleted = event.deleted.map(|deleted| (DELETED, Value::Flag(deleted)));
        for (no, value) in event.patch.iter().cloned().chain(deleted) {
            let words = (event.occurred_at, event.said_at, value);
            let known = last.entry(place(event, no)).or_insert_with(|| words.clone());
            if words > *known {
                *known = words;
            }
        }
    }
    let counts = |event: &Event<'a>, no: FieldNo, value: &Value<'a>| {
        last.get(&place(event, no)).is_some_and(|(at, said, last)| (*at, *said, last) == (event.occurred_at, event.said_at, value))
    };
    // The earliest value may be any of them, and a stage was named even where another counts.
    let always =
        |kind: Kind, no: FieldNo| matches!(kind.fields()[usize::from(no)], Field { name: "stage", .. } | Field { keep: Keep::First, .. });
    let without = |event: &Event<'a>| {
        let patch = event.patch.iter().filter(|(no, value)| always(event.kind, *no) || counts(event, *no, value)).cloned().collect();
        let deleted = event.deleted.filter(|deleted| counts(event, DELETED, &Value::Flag(*deleted)));
        Event { patch, deleted, ..event.clone() }
    };
    events.iter().map(without).collect()
}

/// What the events come to, one after the other and the last one first, with nothing of lanes, batches or stores.
pub(super) fn naive(events: &[Event<'_>], rules: &Rules) -> Counters {
    let mut names = Names::default();
    let mut states: BTreeMap<(Kind, String), State> = BTreeMap::new();
    for event in last_words(events).iter().rev() {
        let state = states.entry((event.kind, event.entity.to_string())).or_insert_with(|| State::new(event.kind, event.occurred_at));
        state.merge(event, rules.kept(event.kind), &mut names);
    }
    let mut counters = Counters::new();
    for state in states.values() {
        let mut out = Vec::new();
        rules.contributions(state, &names, &mut out);
        for Contribution { rep, counter, value } in out {
            // What a measure enters by name is compared by name.
            let dims = counter.dims.map(|dim| names.text(dim).to_owned());
            *counters.entry((names.text(rep).to_owned(), counter.measure, dims, counter.extra, counter.slot)).or_default() += value;
        }
    }
    counters.retain(|_, value| *value != 0);
    counters
}

pub(super) fn stored(store: &MemoryStore) -> Counters {
    let mut counters = Counters::new();
    let mut reader = store.reader().unwrap();
    for lane in 0..LANES {
        let mut names = Names::default();
        let mut blocks = Vec::new();
        reader
            .load(
                lane,
                &mut |name| {
                    names.intern(name);
                },
                &mut |id, packed| blocks.push((id, packed.to_vec())),
            )
            .unwrap();
        for (id, packed) in blocks {
            for (counter, value) in Block::unpack(id.day, &packed).unwrap().counters() {
                let dims = counter.dims.map(|dim| names.text(dim).to_owned());
                *counters.entry((names.text(id.rep).to_owned(), counter.measure, dims, counter.extra, counter.slot)).or_default() += value;
            }
        }
    }
    counters.retain(|_, value| *value != 0);
    counters
}

/// When each source was last heard of, by lane, source and kind: read off the log, and off the store.
pub(super) type Moments = BTreeMap<(u32, String, Kind), i64>;

pub(super) fn said_of_sources(log: &MemoryLog) -> Moments {
    let mut moments = Moments::new();
    each_message(log, &mut |message| {
        if let Ok(avro::Message::Event(event)) = avro::read(message.value) {
            let moment = moments.entry((message.partition, event.source.to_string(), event.kind)).or_default();
            *moment = message.recorded_ms.max(*moment);
        }
    });
    moments
}

/// Appends to the log, which is done at once.
pub(super) fn append(log: &MemoryLog, entries: Vec<Entry>) {
    futures_util::FutureExt::now_or_never(log.append(entries)).unwrap().unwrap();
}

/// All that the log holds.
pub(super) fn each_message(log: &MemoryLog, each: &mut dyn FnMut(Message<'_>)) {
    log.scan(&log.ends().unwrap(), &mut |message| {
        each(message);
        true
    })
    .unwrap();
}

/// A message of a version that is yet to come, by its schema.
pub(super) const NEWER: u64 = 0x6e65_7765_7200_0001;

pub(super) fn newer(partition: u32) -> Entry {
    Entry { route: Route::Partition(partition), value: [&[0xC3, 0x01], &NEWER.to_le_bytes()[..], b"who knows"].concat() }
}

/// Messages that can't be read, by partition, offset and value: those of the log, and those among the dead letters.
pub(super) type Unread = BTreeSet<(u32, i64, Vec<u8>)>;

pub(super) fn unreadable(log: &MemoryLog) -> Unread {
    let mut unread = Unread::new();
    each_message(log, &mut |message| {
        if avro::read(message.value).is_err() {
            unread.insert((message.partition, message.offset, message.value.to_vec()));
        }
    });
    unread
}

pub(super) fn buried(log: &MemoryLog) -> Unread {
    log.letters().into_iter().map(|letter| (letter.partition, letter.offset, letter.value)).collect()
}

pub(super) fn stored_of_sources(store: &MemoryStore) -> Moments {
    let mut reader = store.reader().unwrap();
    let mut moments = Moments::new();
    for lane in 0..LANES {
        for row in reader.sources(lane).unwrap() {
            moments.extend(row.kinds().map(|(kind, recorded_ms)| ((lane, row.source.clone(), kind), recorded_ms)));
        }
    }
    moments
}

/// What is wrong with what is stored: the first counter that differs, and the events that feed it.
pub(super) fn difference(stored: &Counters, events: &[Event<'_>], rules: &Rules) -> Option<String> {
    let wanted = naive(events, rules);
    let keys = stored.keys().chain(wanted.keys()).collect::<BTreeSet<_>>();
    let differs = keys.into_iter().find(|key| stored.get(*key) != wanted.get(*key))?;
    let value = |counters: &Counters| counters.get(differs).copied().unwrap_or_default();
    let mut text = format!("{differs:?} is {} and should be {}; it is fed by:", value(stored), value(&wanted));
    let entities: BTreeSet<_> = events.iter().map(|event| (event.kind, &event.entity)).collect();
    for (kind, entity) in entities {
        let own: Vec<Event<'_>> = events.iter().filter(|event| event.kind == kind && event.entity == *entity).cloned().collect();
        if naive(&own, rules).contains_key(differs) {
            own.iter().for_each(|event| text.push_str(&format!("\n  {event:?}")));
        }
    }
    Some(text)
}
