//! Whether the log has been opened yet: its brokers may come up after the process that needs them.
//!
//! In: the settings. Out: yes; not yet, and why; or never, since the topic can't hold the log.
//! Never here: waiting on a caller's thread.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{KafkaSettings, topic};
use crate::Seldom;
use crate::log::LogError;

/// How long to wait before the brokers are asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How soon a request to stop is seen.
const STEP: Duration = Duration::from_millis(50);

/// How far the opening has come; shared with the thread that tries.
pub(super) struct Opening {
    state: Mutex<State>,
    given_up: AtomicBool,
}

enum State {
    /// The brokers have not answered yet.
    Waiting(String),
    /// It is open; what is not as it should be with it.
    Open(Vec<String>),
    /// The topic can't hold the log.
    Refused(String),
}

impl Opening {
    /// Opens now.
    ///
    /// # Errors
    /// No broker answers, or the topic can't hold the log.
    pub(super) fn now(settings: &KafkaSettings) -> Result<Arc<Opening>, LogError> {
        Ok(Opening::of(State::Open(topic::prepare(settings)?)))
    }

    /// Opens as soon as the brokers answer, on a thread of its own.
    ///
    /// # Errors
    /// There is no thread.
    pub(super) fn whenever(settings: &KafkaSettings) -> Result<Arc<Opening>, LogError> {
        let opening = Opening::of(State::Waiting(format!("Kafka at {} has not answered yet", settings.brokers)));
        let (trying, settings) = (Arc::clone(&opening), settings.clone());
        std::thread::Builder::new()
            .name("log-open".into())
            .spawn(move || trying.run(&settings))
            .map_err(|error| LogError::Away(format!("no thread to open the log: {error}")))?;
        Ok(opening)
    }

    fn of(state: State) -> Arc<Opening> {
        Arc::new(Opening { state: Mutex::new(state), given_up: AtomicBool::new(false) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is open.
    ///
    /// # Errors
    /// Why it isn't, or can't be.
    pub(super) fn check(&self) -> Result<(), LogError> {
        match &*self.state() {
            State::Open(_) => Ok(()),
            State::Waiting(why) => Err(LogError::Away(why.clone())),
            State::Refused(why) => Err(LogError::Settings(why.clone())),
        }
    }

    pub(super) fn remarks(&self) -> Vec<String> {
        match &*self.state() {
            State::Open(remarks) => remarks.clone(),
            State::Waiting(_) | State::Refused(_) => Vec::new(),
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
    }

    fn run(&self, settings: &KafkaSettings) {
        let (said, mut waited) = (Seldom::new(), false);
        while !self.given_up.load(Relaxed) {
            match topic::prepare(settings) {
                Ok(remarks) => {
                    if waited {
                        tracing::info!(brokers = settings.brokers, "Kafka answers");
                    }
                    *self.state() = State::Open(remarks);
                    return;
                }
                Err(LogError::Away(why)) => {
                    waited = true;
                    if said.again().is_some() {
                        tracing::warn!(why, "waiting for Kafka");
                    }
                    *self.state() = State::Waiting(why);
                }
                Err(refusal) => {
                    *self.state() = State::Refused(refusal.to_string());
                    return;
                }
            }
            let until = Instant::now() + AGAIN;
            while Instant::now() < until && !self.given_up.load(Relaxed) {
                std::thread::sleep(STEP);
            }
        }
    }
}
