//! A past that is still being written into the log under the view.
//!
//! In: from whoever writes it, how far it has come, and at the end where the log ends. Out: whether the lanes hold all of it, and in words how far they are.
//! What always holds: no number is shown before every lane has been folded to where that past ends. Never here: a clock, I/O.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onpace_processors::store::Head;
use onpace_schemas::counted;

/// What its writer and the view share; nothing is awaited by default.
#[derive(Clone, Debug, Default)]
pub struct Past {
    shared: Arc<Mutex<Option<Underway>>>,
}

/// A past that the lanes don't hold yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underway {
    /// What is being made: "three months of 500 reps".
    what: String,
    /// How many percent of its time are written.
    percent: u8,
    /// How many events that is.
    written: u64,
    /// How many the lanes hold, when the view last looked.
    folded: u64,
    /// By lane, the offset at which it ends; `None` while it is written.
    ends: Option<Vec<i64>>,
    /// Nobody waits for it any more.
    over: bool,
}

impl Past {
    /// One that is about to be written, and what it is.
    pub fn awaited(what: String) -> Past {
        Past { shared: Arc::new(Mutex::new(Some(Underway { what, percent: 0, written: 0, folded: 0, ends: None, over: false }))) }
    }

    /// So many percent of its time are written, as so many events.
    pub fn written(&self, percent: u8, events: u64) {
        if let Some(underway) = &mut *self.shared() {
            (underway.percent, underway.written) = (percent.min(100), events);
        }
    }

    /// All of it, so many events, is in the log, which ends at these offsets.
    pub fn is_written(&self, events: u64, ends: Vec<i64>) {
        if let Some(underway) = &mut *self.shared() {
            (underway.percent, underway.written, underway.ends) = (100, events, Some(ends));
        }
    }

    /// It is no longer waited for: the lanes hold all of it.
    pub fn is_over(&self) {
        if let Some(underway) = &mut *self.shared() {
            underway.over = true;
        }
    }

    /// The lanes hold so many events.
    pub fn folded(&self, events: u64) {
        if let Some(underway) = &mut *self.shared() {
            underway.folded = events;
        }
    }

    /// How many events are written that the lanes don't hold, as far as is known.
    pub fn ahead(&self) -> u64 {
        self.shared().as_ref().map_or(0, |underway| underway.written.saturating_sub(underway.folded))
    }

    /// What is still awaited.
    pub fn underway(&self) -> Option<Underway> {
        self.shared().clone().filter(|underway| !underway.over)
    }

    /// What was awaited, also when it is over: what it is, and how much.
    pub fn counted(&self) -> Option<String> {
        self.shared().as_ref().map(|underway| format!("{}, {}", underway.what, counted(underway.written, "event")))
    }

    fn shared(&self) -> MutexGuard<'_, Option<Underway>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Underway {
    /// Whether lanes with these heads hold all of it.
    pub fn is_held(&self, heads: &[Option<Head>]) -> bool {
        let offset = |head: &Option<Head>| head.map_or(0, |head| head.offset);
        self.ends.as_ref().is_some_and(|ends| heads.len() == ends.len() && heads.iter().zip(ends).all(|(head, end)| offset(head) >= *end))
    }

    /// How many percent of the work are done: half of it is to make it up.
    pub fn percent(&self) -> u8 {
        let folded = u64::from(self.percent) * self.folded.min(self.written) / self.written.max(1);
        ((u64::from(self.percent) + folded) / 2) as u8
    }

    /// How far it has come.
    pub fn told(&self) -> String {
        let Underway { what, percent, written, folded, ends, .. } = self;
        // The log may hold others' events too.
        let folded = folded.min(written);
        let events = counted(*written, "event");
        match ends {
            None => format!("{what}: {percent} % made up, {events}; {folded} of them folded"),
            Some(_) => format!("{what}: made up, {events}; {folded} of them folded"),
        }
    }
}
