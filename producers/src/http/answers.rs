//! The memory of answers on their way: bounded, counted until the last byte is written, taken back from who takes nothing.
//!
//! In: an answer as it was worked out. Out: the same, in slices, with its share of the memory; or 503. What always holds: large answers
//! together take no more than they may; where one more doesn't fit, whoever has taken nothing of his for longest is cut, so that
//! those who read are answered beside any number of those who don't. Never here: an answer copied.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Problem;
use super::book::{Book, Why};
use super::house::Talk;

/// An answer up to this size is not counted: the connections bound those.
const SMALL: u64 = 64 * 1024;
/// What is handed over at once.
const SLICE: usize = 64 * 1024;
/// Who has taken something within this time is not cut for another.
const GRACE: Duration = Duration::from_secs(1);
/// How often to look for who is to be cut while one waits for room.
const LOOK: Duration = Duration::from_millis(100);

/// The memory of all answers.
#[derive(Debug)]
pub(super) struct Answers {
    most: u64,
    book: Book,
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    bytes: u64,
    next: u64,
    holders: HashMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    /// When something was last taken.
    taken: Instant,
    cut: CancellationToken,
}

/// A share of the memory; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    answers: Arc<Answers>,
    number: u64,
    bytes: u64,
}

/// An answer being written.
pub(super) struct Sent {
    body: Body,
    /// What is left of the frame at hand.
    rest: Bytes,
    share: Option<Share>,
    _talk: Talk,
}

/// What an answer takes in memory, in bytes: said by who made it, as an extension of the response, where its body is of unknown length or
/// is compressed on its way.
#[derive(Clone, Copy, Debug)]
pub struct Weight(pub u64);

/// What an answer takes, as far as it is known.
pub(super) fn weight(body: &Body, said: Option<&Weight>) -> u64 {
    let size = HttpBody::size_hint(body);
    size.exact().unwrap_or(size.lower()).max(said.map_or(0, |said| said.0))
}

impl Answers {
    pub(super) fn new(most: usize, book: Book) -> Arc<Answers> {
        Arc::new(Answers { most: most as u64, book, held: Mutex::default(), freed: Notify::new() })
    }

    /// Room for an answer of so many bytes, once there is some; `cut` is what ends its connection. A small one needs none.
    ///
    /// # Errors
    /// 503: others took all the room for too long.
    pub(super) async fn room_for(
        self: &Arc<Answers>,
        bytes: u64,
        cut: &CancellationToken,
        wait: Duration,
    ) -> Result<Option<Share>, Problem> {
        if bytes <= SMALL { Ok(None) } else { self.room(bytes, cut, wait).await.map(Some) }
    }

    async fn room(self: &Arc<Answers>, bytes: u64, cut: &CancellationToken, wait: Duration) -> Result<Share, Problem> {
        // An answer that is larger than all the room has it alone.
        let bytes = bytes.min(self.most);
        let end = Instant::now() + wait;
        loop {
            let freed = self.freed.notified();
            if let Some(share) = self.share(bytes, cut) {
                return Ok(share);
            }
            let now = Instant::now();
            if now >= end {
                let detail =
                    "the answers of others who are slow to read them take all the room there is; ask again in some seconds, or for less";
                return Err(Problem::unavailable(detail, 5));
            }
            self.make_room(now);
            // Whether one was freed or it is time to look again, what follows is the same.
            let _ = tokio::time::timeout(LOOK, freed).await;
        }
    }

    fn share(self: &Arc<Answers>, bytes: u64, cut: &CancellationToken) -> Option<Share> {
        let mut held = self.held();
        if held.bytes + bytes > self.most {
            return None;
        }
        held.bytes += bytes;
        held.next += 1;
        let number = held.next;
        held.holders.insert(number, Holder { taken: Instant::now(), cut: cut.clone() });
        Some(Share { answers: Arc::clone(self), number, bytes })
    }

    /// Cuts who has taken nothing for longest, if that is long enough.
    fn make_room(&self, now: Instant) {
        let held = self.held();
        let slow =
            held.holders.values().filter(|holder| !holder.cut.is_cancelled() && now.saturating_duration_since(holder.taken) >= GRACE);
        if let Some(slowest) = slow.min_by_key(|holder| holder.taken) {
            slowest.cut.cancel();
            self.book.away(Why::Stalled, "a client", "it took nothing of its answer while others needed the room");
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    pub(super) fn new(body: Body, share: Option<Share>, talk: Talk) -> Sent {
        Sent { body, rest: Bytes::new(), share, _talk: talk }
    }
}

impl Share {
    fn taken(&self) {
        if let Some(holder) = self.answers.held().holders.get_mut(&self.number) {
            holder.taken = Instant::now();
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.answers.held();
        held.bytes -= self.bytes;
        held.holders.remove(&self.number);
        drop(held);
        self.answers.freed.notify_waiters();
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        if let Some(share) = &self.share {
            share.taken();
        }
        let length = self.rest.len().min(SLICE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (HttpBody::size_hint(&self.body), self.rest.len() as u64);
        let mut size = SizeHint::new();
        size.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            size.set_upper(upper + rest);
        }
        size
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::net::Ipv4Addr;

    use axum::body::to_bytes;

    use super::super::house::House;
    use super::*;

    const WAIT: Duration = Duration::from_secs(60);

    fn book() -> Book {
        Book::new(&prometheus::Registry::new()).unwrap()
    }

    fn talk() -> Talk {
        let address = std::net::IpAddr::from(Ipv4Addr::LOCALHOST).into();
        House::new(1, 1, 0).enter(address).unwrap().0.talk()
    }

    async fn send(answers: &Arc<Answers>, bytes: usize, cut: &CancellationToken, wait: Duration) -> Result<Sent, Problem> {
        let body = Body::from(vec![7; bytes]);
        let share = answers.room_for(weight(&body, None), cut, wait).await?;
        Ok(Sent::new(body, share, talk()))
    }

    #[tokio::test]
    async fn an_answer_is_sent_as_it_is_in_slices() {
        let answers = Answers::new(1 << 20, book());
        let cut = CancellationToken::new();
        let mut sent = send(&answers, 150_000, &cut, WAIT).await.unwrap();
        assert_eq!((HttpBody::size_hint(&sent).exact(), answers.held().bytes), (Some(150_000), 150_000));
        let first = std::future::poll_fn(|cx| Pin::new(&mut sent).poll_frame(cx)).await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), HttpBody::size_hint(&sent).exact()), (SLICE, Some(150_000 - SLICE as u64)));
        let rest = to_bytes(Body::new(sent), usize::MAX).await.unwrap();
        assert!(rest.len() == 150_000 - SLICE && rest.iter().all(|byte| *byte == 7));
        assert_eq!(answers.held().bytes, 0);
        let small = send(&answers, SMALL as usize, &cut, WAIT).await.unwrap();
        assert_eq!(answers.held().bytes, 0);
        drop(small);
    }

    #[test]
    fn a_body_of_unknown_length_weighs_what_is_said_of_it() {
        let stream = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("a")]));
        assert_eq!((weight(&stream, None), weight(&stream, Some(&Weight(9)))), (0, 9));
        assert_eq!(weight(&Body::from("four"), Some(&Weight(1))), 4);
    }

    #[tokio::test]
    async fn who_takes_nothing_makes_room_for_who_does() {
        let answers = Answers::new(300_000, book());
        let cuts: Vec<_> = (0..3).map(|_| CancellationToken::new()).collect();
        let (lazy, idle) = (send(&answers, 100_000, &cuts[0], WAIT).await.unwrap(), send(&answers, 100_000, &cuts[1], WAIT).await.unwrap());
        // As a server does: what is cut is dropped.
        for (sent, cut) in [(lazy, cuts[0].clone()), (idle, cuts[1].clone())] {
            tokio::spawn(async move {
                cut.cancelled().await;
                drop(sent);
            });
        }
        let third = send(&answers, 150_000, &cuts[2], WAIT).await.unwrap();
        assert_eq!([0, 1, 2].map(|at| cuts[at].is_cancelled()), [true, false, false], "who has waited longest, and nobody else");
        drop(third);
        // What is larger than all the room has it alone.
        let all = send(&answers, 1_000_000, &cuts[2], WAIT).await.unwrap();
        assert_eq!(answers.held().bytes, 300_000);
        let error = send(&answers, 100_000, &CancellationToken::new(), Duration::ZERO).await.err().unwrap();
        assert_eq!(error.status(), axum::http::StatusCode::SERVICE_UNAVAILABLE);
        drop(all);
    }
}
