//! Serves a router on a listener until told to stop, then lets answers under way finish.
//!
//! In: a bound listener, a router, [`Doors`], a token. Out: answers. What always holds: a client that dawdles over its headers is
//! dropped (also one that never says a word), and so is one that takes nothing of its answer; work that was begun keeps its turn to
//! the end, also when nobody waits for it any more; the end comes at most [`DRAIN`] after it was asked for.
//! HTTP/1.1 only: a proxy in front speaks it, and HTTP/2's own ways to flood a server stay outside.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::answers::{Answers, Sent, weight};
use super::book::{Book, Why};
use super::house::{Guest, House, Seat};
use super::turns::{Class, Turn, Turns};
use super::{Limits, Names, Problem};
use crate::files;

/// How long answers under way may take once the end was asked for.
const DRAIN: Duration = Duration::from_secs(8);
/// What the system keeps of an answer for a client, in bytes. Left to itself it takes megabytes for each that doesn't read.
const SEND_BUFFER: usize = 256 * 1024;

/// Answers whatever a router does not know with problem details: 404, or 405 for a known path.
pub fn closed(router: Router) -> Router {
    router
        .fallback(async |uri: Uri| {
            let detail = format!("there is no `{}` here; /openapi.json lists what onpace answers, each process its part", uri.path());
            Problem::new(StatusCode::NOT_FOUND, detail)
        })
        .method_not_allowed_fallback(method_not_allowed)
}

pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{}` does not take {method}; the `Allow` header says what it takes", uri.path()))
}

/// Who may come in, and how many.
#[derive(Clone, Debug)]
pub struct Doors {
    /// What is borne.
    pub limits: Limits,
    /// The names that the process goes by.
    pub names: Names,
    /// What is noted of who came.
    pub book: Book,
}

impl Doors {
    /// The usual limits, on the loopback; what is noted is shown nowhere.
    ///
    /// # Errors
    /// None but of the metrics' own names.
    pub fn usual() -> Result<Doors, prometheus::Error> {
        Ok(Doors { limits: Limits::default(), names: Names::on_the_loopback(), book: Book::new(&prometheus::Registry::new())? })
    }
}

/// What all connections share.
struct Inside {
    router: TowerToHyperService<Router>,
    doors: Doors,
    house: Arc<House>,
    questions: Turns,
    scrapes: Turns,
    answers: Arc<Answers>,
}

/// Serves until `shutdown` is cancelled. The router should be [`closed`], so that what it does not know is a problem in words.
///
/// # Errors
/// None after the start; a connection that fails is its own affair.
pub async fn serve(listener: TcpListener, router: Router, doors: Doors, shutdown: CancellationToken) -> io::Result<()> {
    let limits = &doors.limits;
    let mut server = Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(limits.headers).max_buf_size(limits.header_bytes).half_close(false);
    let server = Arc::new(server);
    let inside = Arc::new(Inside {
        router: TowerToHyperService::new(router),
        house: House::new(limits.connections, limits.connections_each, limits.reserve),
        questions: Turns::new("questions", limits.questions, limits.questions_waiting, limits.wait),
        scrapes: Turns::new("scrapes", limits.scrapes, limits.scrapes_waiting, limits.wait),
        answers: Answers::new(limits.answers_bytes, doors.book.clone()),
        doors,
    });
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, guest) = match accepted {
            Ok((stream, peer)) => match inside.enter(peer.ip()) {
                Some(guest) => (stream, guest),
                None => continue,
            },
            Err(error) => {
                inside.not_accepted(&error).await;
                continue;
            }
        };
        let cut = guest.cut.clone();
        let asked = Arc::clone(&inside);
        let service = service_fn(move |request| {
            let (inside, guest) = (Arc::clone(&asked), Arc::clone(&guest));
            async move { Ok::<_, Infallible>(inside.answer(&guest, request).await) }
        });
        let stream = TokioIo::new(super::stalled::Stalled::new(set_up(stream), inside.doors.limits.stalled));
        let connection = graceful.watch(server.serve_connection(stream, service).into_owned());
        let inside = Arc::clone(&inside);
        tokio::spawn(async move {
            inside.doors.book.connections.inc();
            tokio::select! {
                ended = connection => if let Err(error) = ended { inside.ended_early(&*error) },
                () = cut.cancelled() => {}
            }
            inside.doors.book.connections.dec();
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some answers took longer than {} s and were cut off", DRAIN.as_secs());
    }
    Ok(())
}

/// A connection as it should be; one that can't be so still serves.
fn set_up(stream: TcpStream) -> TcpStream {
    // Without it small answers wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
    stream
}

impl Inside {
    /// A seat for a connection.
    fn enter(&self, address: IpAddr) -> Option<Arc<Guest>> {
        let entered = self.house.enter(address.into());
        match &entered {
            None => self.doors.book.away(Why::Seats, address, "the reserve for health and metrics is taken too"),
            Some((_, true)) => self.doors.book.away(Why::Silent, "a silent connection", "all are taken, and another needed its place"),
            Some((_, false)) => {}
        }
        entered.map(|(guest, _)| guest)
    }

    async fn not_accepted(&self, error: &io::Error) {
        if let Some(words) = files::exhausted(error) {
            self.doors.book.away(Why::Files, "a new connection", &words);
            if self.house.make_room() {
                // Its task has to run for its file to be closed.
                tokio::time::sleep(Duration::from_millis(5)).await;
                return;
            }
        } else {
            // A client gone before it was accepted, most often.
            tracing::debug!(%error, "a connection could not be accepted");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    fn ended_early(&self, error: &(dyn std::error::Error + 'static)) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
                self.doors.book.away(Why::Stalled, "a client", &error.to_string());
                return;
            }
            cause = error.source();
        }
        tracing::debug!(%error, "a connection ended early");
    }

    async fn answer(&self, guest: &Arc<Guest>, request: Request<Incoming>) -> Response<Sent> {
        let talk = guest.talk();
        // The turn is held until there is room, so that no more is worked out than can be sent.
        let (response, turn) = self.work(guest, request).await.unwrap_or_else(|problem| (problem.into_response(), None));
        let (mut head, mut body) = response.into_parts();
        let bytes = weight(&body, head.extensions.get());
        let share = match self.answers.room_for(bytes, &guest.cut, self.doors.limits.wait).await {
            Ok(share) => share,
            Err(problem) => {
                self.doors.book.away(Why::Room, guest.address, "answers that are not read take all the room");
                (head, body) = problem.into_response().into_parts();
                None
            }
        };
        drop(turn);
        // No page of another site may have an answer as an image or a script.
        head.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        head.headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
        if guest.seat != Seat::Any {
            head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Response::from_parts(head, Sent::new(body, share, talk))
    }

    async fn work(&self, guest: &Arc<Guest>, mut request: Request<Incoming>) -> Result<(Response, Option<Turn>), Problem> {
        let address = guest.address;
        let known = self.doors.names.check(request.method(), request.uri(), request.version(), request.headers());
        known.map_err(|refused| {
            self.doors.book.away(refused.why, address, refused.problem.detail());
            refused.problem
        })?;
        let class = Class::of(request.uri().path());
        self.seated(guest, class)?;
        let turns = match class {
            Class::Health | Class::Other => None,
            Class::Scrape => Some(&self.scrapes),
            Class::Question => Some(&self.questions),
        };
        request.extensions_mut().insert(address);
        let asked = self.router.call(request);
        let Some(turns) = turns else {
            let Ok(response) = asked.await;
            return Ok((response, None));
        };
        let turn = turns.take(address).await.inspect_err(|problem| self.doors.book.away(Why::Queue, address, problem.detail()))?;
        // On a task of its own: what was begun goes on if the client leaves, and holds its turn as long.
        let worked = tokio::spawn(async move {
            let Ok(response) = asked.await;
            (response, Some(turn))
        });
        worked.await.map_err(|error| {
            tracing::error!(%error, "working out an answer ended early");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be worked out; the log of this process says why")
        })
    }

    /// Whether a seat is for what is asked.
    fn seated(&self, guest: &Guest, class: Class) -> Result<(), Problem> {
        let limits = &self.doors.limits;
        let problem = match guest.seat {
            _ if class.is_reserved_for() => return Ok(()),
            Seat::Any => return Ok(()),
            Seat::Reserve => {
                Problem::unavailable(format!("all {} connections are being answered; ask again in a second", limits.connections), 1)
            }
            Seat::ReserveOfAddress => Problem::too_many(format!(
                "all {} connections that {} may have are being answered; ask again in a second, with fewer at a time",
                limits.connections_each, guest.address
            )),
        };
        self.doors.book.away(Why::Seats, guest.address, problem.detail());
        Err(problem)
    }
}
