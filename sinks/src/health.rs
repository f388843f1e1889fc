//! How a process says that it is alive and ready. In: two questions that its parts answer. Out: their answers. Never here: HTTP.

use std::fmt;
use std::sync::Arc;

type Question = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// How a process says that it is alive and ready.
#[derive(Clone)]
pub struct Health {
    live: Question,
    ready: Question,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("live", &(self.live)()).field("ready", &(self.ready)()).finish()
    }
}

impl Health {
    /// Both questions: each answers `Ok` with a few words, or `Err` with the reason. They are asked at every probe and must not block.
    pub fn new(
        live: impl Fn() -> Result<String, String> + Send + Sync + 'static,
        ready: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Health {
        Health { live: Arc::new(live), ready: Arc::new(ready) }
    }

    pub(crate) fn live(&self) -> Result<String, String> {
        (self.live)()
    }

    pub(crate) fn ready(&self) -> Result<String, String> {
        (self.ready)()
    }

    /// Alive and ready as long as both are: for one process that does the work of two.
    pub fn and(self, other: Health) -> Health {
        let both = |one: Question, two: Question| {
            move || match (one(), two()) {
                (Ok(one), Ok(two)) => Ok(if one == two { one } else { format!("{one}; {two}") }),
                (Err(one), Err(two)) => Err(format!("{one}; {two}")),
                (Err(reason), _) | (_, Err(reason)) => Err(reason),
            }
        };
        Health::new(both(self.live, other.live), both(self.ready, other.ready))
    }
}
