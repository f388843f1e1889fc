//! Whose turn it is: each class of question has places at work and places to wait, and none holds up another.
//!
//! In: a path, an address. Out: a turn, which whoever works holds to the end of the work; or 503 with when to come back, at once
//! where the queue is full, after a while where it doesn't move. Never here: what is worked out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::crowd::{Crowd, Full, Member};
use super::{Address, Problem};

/// What is asked for, by who may hold up whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Is it alive, is it ready: never waits.
    Health,
    /// What Prometheus reads.
    Scrape,
    /// What is worked out from the counters.
    Question,
    /// The rest: posts, which have limits of their own, and what costs nothing.
    Other,
}

impl Class {
    /// The class of a path.
    pub(super) fn of(path: &str) -> Class {
        match path {
            "/healthz" | "/readyz" => Class::Health,
            "/metrics" => Class::Scrape,
            "/v1/kpis" | "/v1/objectives" => Class::Question,
            _ => Class::Other,
        }
    }

    /// Whether it is answered while all seats are taken.
    pub(super) fn is_reserved_for(self) -> bool {
        matches!(self, Class::Health | Class::Scrape)
    }
}

/// The turns of one class.
#[derive(Debug)]
pub(super) struct Turns {
    /// What is asked for, in the plural.
    what: &'static str,
    at_work: Arc<Semaphore>,
    /// At work or waiting.
    here: Arc<Crowd>,
    wait: Duration,
}

/// A turn; the next one's once it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _at_work: OwnedSemaphorePermit,
    _here: Member,
}

impl Turns {
    /// One address may have half of all places.
    pub(super) fn new(what: &'static str, at_work: usize, waiting: usize, wait: Duration) -> Turns {
        let most = at_work + waiting;
        Turns { what, at_work: Arc::new(Semaphore::new(at_work)), here: Crowd::new(most, most.div_ceil(2)), wait }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// 503: too many wait, or it takes too long; 429: too many of this address.
    pub(super) async fn take(&self, address: Address) -> Result<Turn, Problem> {
        let here = self.here.join(address).map_err(|full| match full {
            Full::All => Problem::unavailable(format!("too many {} are waiting for an answer; ask again in a second", self.what), 1),
            Full::Address => Problem::too_many(format!(
                "too many {} from {address} are waiting for an answer; ask for one after the other, or again in a second",
                self.what
            )),
        })?;
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.at_work).acquire_owned()).await;
        match turn {
            Ok(Ok(at_work)) => Ok(Turn { _at_work: at_work, _here: here }),
            Ok(Err(_)) | Err(_) => {
                let detail = format!(
                    "{} before this one took more than {} s; ask again in some seconds, or for less",
                    self.what,
                    self.wait.as_secs()
                );
                Err(Problem::unavailable(detail, 5))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::net::IpAddr;

    use axum::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn a_queue_is_bounded_in_length_and_time_and_for_each_address() {
        let address = |last| Address::from(IpAddr::from([192, 0, 2, last]));
        let turns = Arc::new(Turns::new("questions", 1, 3, Duration::from_secs(60)));
        let first = turns.take(address(1)).await.unwrap();
        let (own, other) = (Arc::clone(&turns), Arc::clone(&turns));
        let waiting = [
            tokio::spawn(async move { own.take(address(1)).await.map(drop) }),
            tokio::spawn(async move { other.take(address(2)).await.map(drop) }),
        ];
        tokio::task::yield_now().await;
        assert_eq!(turns.take(address(1)).await.unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        let last = Arc::clone(&turns);
        let last = tokio::spawn(async move { last.take(address(2)).await.map(drop) });
        tokio::task::yield_now().await;
        assert_eq!(turns.take(address(3)).await.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(first);
        for waiting in waiting.into_iter().chain([last]) {
            waiting.await.unwrap().unwrap();
        }
        let turns = Turns::new("questions", 1, 3, Duration::from_millis(20));
        let _held = turns.take(address(1)).await.unwrap();
        assert_eq!(turns.take(address(2)).await.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
