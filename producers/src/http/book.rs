//! What is noted at the doors: how many are in, and who was sent away why; counted each time, said once in a while.
//!
//! In: a reason, whom it met. Out: metrics in a registry, a line in the log. Never here: the decision.

use std::fmt::Display;
use std::sync::Arc;

use onpace_metrics::table;
use prometheus::{IntCounterVec, IntGauge, Registry};

use super::layers::Measures;
use crate::Seldom;

/// Why somebody was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// All connections are being answered.
    Seats,
    /// His connection was silent, and another needed it.
    Silent,
    /// No more files can be opened.
    Files,
    /// Too many wait for their turn, or for too long.
    Queue,
    /// Answers that are not read take all the room.
    Room,
    /// He took nothing of his answer.
    Stalled,
    /// He asked for a name that isn't this process's.
    Host,
    /// A page of another site asked.
    Origin,
}

impl Why {
    const ALL: [Why; 8] = [Why::Seats, Why::Silent, Why::Files, Why::Queue, Why::Room, Why::Stalled, Why::Host, Why::Origin];

    /// As the metric's label has it.
    const fn name(self) -> &'static str {
        match self {
            Why::Seats => "connections",
            Why::Silent => "silent",
            Why::Files => "files",
            Why::Queue => "queue",
            Why::Room => "answers",
            Why::Stalled => "stalled",
            Why::Host => "host",
            Why::Origin => "origin",
        }
    }
}

/// What is noted.
#[derive(Clone, Debug)]
pub struct Book {
    pub(super) connections: IntGauge,
    pub(super) measures: Measures,
    away: IntCounterVec,
    said: Arc<[Seldom; Why::ALL.len()]>,
}

impl Book {
    /// Its metrics go to the registry.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn new(registry: &Registry) -> Result<Book, prometheus::Error> {
        let (connections, away) = (table::HTTP_CONNECTIONS.gauge()?, table::HTTP_TURNED_AWAY.counters()?);
        for why in Why::ALL {
            away.with_label_values(&[why.name()]);
        }
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(away.clone()))?;
        Ok(Book { connections, measures: Measures::register(registry)?, away, said: Arc::default() })
    }

    /// Somebody was sent away.
    pub(super) fn away(&self, why: Why, whom: impl Display, words: &str) {
        self.away.with_label_values(&[why.name()]).inc();
        if let Some(times) = self.said[why as usize].again() {
            tracing::warn!(reason = why.name(), times, "{whom} was turned away: {words}");
        }
    }
}
