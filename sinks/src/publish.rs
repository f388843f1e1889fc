//! The current KPIs as plain hashes in the store, for whoever would rather read Redis than ask onpace.
//!
//! In: a view. Out: `rep:marie` → `calls_made:7d` → `132`, `revenue_won:7d:EUR` → `1054.00`, the same for `team:paris` and for
//! `company`, and `freshness` → `state`, `as_of`. Reps past a bound whom no roster knows are one, `rep:other`. A field without a value is left out. What changed is written at once, the rest before it
//! expires, by the one sink that holds the lease. What always holds: numbers that are not whole are not published, and
//! what nobody publishes any more goes by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use onpace_kpis::slot::round_up;
use onpace_kpis::{By, Question, Row};
use onpace_processors::store::{KpiStore, StoreError};
use onpace_schemas::time::show_instant;
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::view::{Standing, View, now_ms};

/// How long what was published lasts, and how long a publisher that is gone keeps others from publishing.
const LASTS: Duration = Duration::from_secs(30);
/// What did not change is written again so often.
const AGAIN: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_secs(2);
/// How long between two looks at the token.
const STEP: Duration = Duration::from_millis(100);
/// So many reps whom no roster knows have hashes of their own, less where there is a roster; the rest have one together.
const STRANGERS: usize = 1_000;
/// So many hashes are written at once.
const PIECE: usize = 100;

type Hash = Vec<(String, String)>;

/// Publishes on a thread of its own until `stop` is cancelled; does nothing where the store has no readers of its own.
///
/// # Errors
/// The thread can't be started.
pub fn start(store: Arc<dyn KpiStore>, view: View, configuration: Configuration, stop: CancellationToken) -> std::io::Result<()> {
    let mut publisher = Publisher::new(store, view, configuration);
    std::thread::Builder::new().name("publish".into()).spawn(move || {
        let mut next = Instant::now();
        while !stop.is_cancelled() {
            if Instant::now() >= next {
                if let Err(error) = publisher.round(Instant::now()) {
                    tracing::debug!(%error, "the KPIs could not be published; trying again");
                    publisher.holds = false;
                }
                next = Instant::now() + EVERY;
            }
            std::thread::sleep(STEP);
        }
    })?;
    Ok(())
}

struct Publisher {
    store: Arc<dyn KpiStore>,
    view: View,
    configuration: Configuration,
    holder: String,
    holds: bool,
    /// The hashes as last worked out.
    current: BTreeMap<String, Hash>,
    /// What they were worked out from: the versions of counters and configuration, and where the slot ended.
    basis: Option<(u64, u64, i64)>,
    /// What was written, and when.
    written: BTreeMap<String, (Hash, Instant)>,
}

impl Publisher {
    fn new(store: Arc<dyn KpiStore>, view: View, configuration: Configuration) -> Publisher {
        let holder = format!("{}-{}", std::process::id(), now_ms());
        Publisher { store, view, configuration, holder, holds: false, current: BTreeMap::new(), basis: None, written: BTreeMap::new() }
    }

    fn round(&mut self, now: Instant) -> Result<(), StoreError> {
        let standing = self.view.standing();
        if !self.publish(&[("freshness".into(), freshness(&standing))])? {
            self.holds = false;
            return Ok(());
        }
        if !std::mem::replace(&mut self.holds, true) {
            // What another sink wrote meanwhile is not known.
            self.written.clear();
        }
        if !self.work_out() {
            return Ok(());
        }
        for piece in due(&self.written, &self.current, now).chunks(PIECE) {
            if !self.publish(piece)? {
                self.holds = false;
                return Ok(());
            }
            for (key, hash) in piece {
                if hash.is_empty() {
                    self.written.remove(key);
                } else {
                    self.written.insert(key.clone(), (hash.clone(), now));
                }
            }
        }
        Ok(())
    }

    fn publish(&self, hashes: &[(String, Hash)]) -> Result<bool, StoreError> {
        self.store.publish(&self.holder, LASTS, hashes)
    }

    /// Works the hashes out anew if anything they depend on changed; whether they are whole.
    fn work_out(&mut self) -> bool {
        let picture = self.view.read();
        let at_us = now_ms() * 1000;
        if !picture.known.standing(at_us / 1000).whole {
            return false;
        }
        let evaluation = self.configuration.now();
        let basis = Some((picture.version, evaluation.version, round_up(at_us)));
        if std::mem::replace(&mut self.basis, basis) == basis {
            return true;
        }
        let question = |by| Question::new(at_us, by, &evaluation.catalogue.windows);
        let of = |question: Question<'_>| hash(evaluation.unconverted(&picture.tally, question).iter());
        let strangers = evaluation.strangers(STRANGERS);
        let mut reps = BTreeMap::new();
        let mut add = |rows: &[Row]| {
            if let Some((_, rep)) = rows.first().and_then(|row| row.key.as_ref()) {
                reps.insert(format!("rep:{rep}"), hash(rows.iter()));
            }
        };
        evaluation.each_unconverted(&picture.tally, Question { strangers, ..question(By::Rep) }, &mut |_| true, &mut add);
        self.current = reps;
        let teams = evaluation.unconverted(&picture.tally, question(By::Team));
        for rows in teams.chunk_by(|a, b| a.key == b.key) {
            if let Some((_, team)) = &rows[0].key {
                self.current.insert(format!("team:{team}"), hash(rows.iter()));
            }
        }
        self.current.insert("company".into(), of(question(By::Company)));
        true
    }
}

fn hash<'a>(rows: impl Iterator<Item = &'a Row>) -> Hash {
    let field = |row: &Row| match row.currency {
        None => format!("{}:{}", row.kpi, row.window),
        Some(currency) => format!("{}:{}:{currency}", row.kpi, row.window),
    };
    rows.filter(|row| row.value.is_some()).map(|row| (field(row), row.plain())).collect()
}

fn freshness(standing: &Standing) -> Hash {
    let as_of = standing.as_of_ms.map(|ms| ("as_of".into(), show_instant(ms * 1000)));
    [("state".into(), standing.state.name().into())].into_iter().chain(as_of).collect()
}

/// The hashes to write: those that differ from what was written, or would expire; one that is gone is emptied.
fn due(written: &BTreeMap<String, (Hash, Instant)>, current: &BTreeMap<String, Hash>, now: Instant) -> Vec<(String, Hash)> {
    let all: BTreeSet<&String> = written.keys().chain(current.keys()).collect();
    let is_due = |key: &&String| match (written.get(*key), current.get(*key)) {
        (Some((was, at)), Some(is)) => was != is || now.duration_since(*at) >= AGAIN,
        _ => true,
    };
    all.into_iter().filter(is_due).map(|key| (key.clone(), current.get(key).cloned().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use crate::fixture::{Store, evaluation, with_roster};

    fn published(store: &Store, key: &str) -> BTreeMap<String, String> {
        store.inside(|inside| inside.published.get(key).cloned().unwrap_or_default().into_iter().collect())
    }

    fn a_store() -> (Store, View, Publisher, Instant) {
        let store = Store::of(1);
        store.begin(0, 1);
        let now_us = now_ms() * 1000;
        store.add(0, "marie", "calls_made", "", None, now_us, 132);
        store.add(0, "paul", "revenue_won", "", Some("EUR"), now_us, 105_400);
        let evaluation = evaluation();
        let view = View::looked(&store, &evaluation);
        let publisher = Publisher::new(Arc::new(store.clone()), view.clone(), Configuration::fixed(evaluation));
        (store, view, publisher, Instant::now())
    }

    #[test]
    fn fields_name_kpi_window_and_currency() {
        let (store, _, mut publisher, began) = a_store();
        publisher.round(began).unwrap();
        assert_eq!(published(&store, "rep:marie")["calls_made:7d"], "132");
        assert!(!published(&store, "rep:marie").contains_key("win_rate:7d"), "no value, no field");
        assert_eq!(published(&store, "rep:paul")["revenue_won:all:EUR"], "1054.00");
        assert_eq!(published(&store, "company")["calls_made:today"], "132");
        assert_eq!(published(&store, "team:unrostered")["calls_made:today"], "132");
        assert_eq!(published(&store, "freshness")["state"], "fresh");
    }

    #[test]
    fn no_rep_is_left_out_those_past_the_bound_are_one() {
        let store = Store::of(1);
        store.begin(0, 1);
        let now_us = now_ms() * 1000;
        for number in 0..STRANGERS + 30 {
            store.add(0, &format!("rep {number:04}"), "calls_made", "", None, now_us, 2);
        }
        let evaluation = evaluation();
        let view = View::looked(&store, &evaluation);
        let mut publisher = Publisher::new(Arc::new(store.clone()), view, Configuration::fixed(evaluation));
        publisher.round(Instant::now()).unwrap();
        let calls: i64 = store.inside(|inside| {
            let reps = inside.published.iter().filter(|(key, _)| key.starts_with("rep:"));
            reps.flat_map(|(_, hash)| hash)
                .filter(|(field, _)| field == "calls_made:today")
                .map(|(_, value)| value.parse::<i64>().unwrap())
                .sum()
        });
        let company: i64 = published(&store, "company")["calls_made:today"].parse().unwrap();
        assert_eq!((calls, published(&store, "rep:other")["calls_made:today"].as_str()), (company, "60"));
    }

    #[test]
    fn people_are_published_by_their_ids_and_teams_beside_them() {
        let (store, view, _, began) = a_store();
        let evaluation = with_roster(
            "time_zone: UTC\nteams: [{ id: paris }]\npeople: [{ id: mc, identities: [marie], teams: [{ team: paris }] }, { id: new }]\n",
        );
        let mut publisher = Publisher::new(Arc::new(store.clone()), view, Configuration::fixed(evaluation));
        publisher.round(began).unwrap();
        assert_eq!(published(&store, "rep:mc")["calls_made:7d"], "132");
        assert_eq!(published(&store, "rep:new")["calls_made:7d"], "0");
        assert_eq!(published(&store, "rep:marie").len(), 0);
        assert_eq!(published(&store, "team:paris")["calls_made:today"], "132");
        assert_eq!(published(&store, "team:unrostered")["revenue_won:all:EUR"], "1054.00");
    }

    #[test]
    fn only_what_changed_is_written_and_who_is_gone_is_emptied() {
        let (store, view, mut publisher, began) = a_store();
        publisher.round(began).unwrap();
        store.inside(|inside| inside.published.clear());
        let now_us = now_ms() * 1000;
        store.add(0, "paul", "revenue_won", "", Some("EUR"), now_us, -105_400);
        store.add(0, "zoë", "revenue_won", "", Some("EUR"), now_us, 105_400);
        view.look_again(&store, &evaluation());
        publisher.round(began).unwrap();
        let keys: Vec<String> = store.inside(|inside| inside.published.keys().cloned().collect());
        // The company's revenue is what it was; were a slot to end just now, marie's windows would still hold the same.
        assert!(keys.contains(&"rep:zoë".into()) && keys.contains(&"rep:paul".into()) && !keys.contains(&"rep:marie".into()), "{keys:?}");
        assert_eq!(published(&store, "rep:paul").len(), 0);
        publisher.round(began + AGAIN).unwrap();
        assert_eq!(published(&store, "rep:marie")["calls_made:7d"], "132", "what does not change is written again before it expires");
    }

    #[test]
    fn without_the_lease_nothing_is_worked_out_and_with_it_everything_is_written() {
        let (store, _, mut publisher, began) = a_store();
        store.inside(|inside| inside.holder = Some("another".into()));
        publisher.round(began).unwrap();
        assert!(store.inside(|inside| inside.published.is_empty()) && publisher.written.is_empty());
        store.inside(|inside| inside.holder = None);
        publisher.round(began).unwrap();
        assert_eq!(published(&store, "rep:marie")["calls_made:7d"], "132");
    }

    #[test]
    fn partial_numbers_are_not_published() {
        let (store, view, mut publisher, began) = a_store();
        publisher.round(began).unwrap();
        store.begin(0, 5);
        store.head(0, 1, 900, 5);
        view.look_again(&store, &evaluation());
        publisher.round(began).unwrap();
        store.inside(|inside| inside.published.clear());
        publisher.round(began + AGAIN).unwrap();
        assert_eq!(published(&store, "freshness")["state"], "catching_up");
        assert_eq!(store.inside(|inside| inside.published.len()), 1);
    }
}
