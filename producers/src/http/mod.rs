//! What speaks HTTP in every process: the doors, the seats, the queues.
//!
//! ```text
//! accept ─house─► a seat ─hosts─► may it ask? ─turns─► its class's turn ─router─► answer ─answers─► written, or cut
//! ```
//!
//! In: a listener, a router, [`Limits`]. Out: answers. What always holds: connections, questions at work, questions that wait and
//! the memory of answers not yet written are bounded, each by a limit that counts until the last byte is written; health is answered
//! beside any of it; who is sent away is told so in words and when to come back. Never here: what a question means.

mod address;
mod answers;
mod book;
mod crowd;
mod hosts;
mod house;
mod layers;
mod problem;
mod serve;
mod stalled;
mod turns;

use std::time::Duration;

pub use address::Address;
pub use answers::Weight;
pub use book::Book;
pub use crowd::{Crowd, Full, Member};
pub use hosts::Names;
pub use layers::{layered, registry};
pub use problem::Problem;
pub(crate) use serve::method_not_allowed;
pub use serve::{Doors, closed, serve};

/// What a server bears.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once. Past them whoever has been silent longest makes room; where nobody is silent, health and metrics are
    /// answered and all else is asked to come back.
    pub connections: usize,
    /// Connections of one address at once.
    pub connections_each: usize,
    /// Connections past those, for health and metrics.
    pub reserve: usize,
    /// How long a client may take over its headers, and a connection may idle.
    pub headers: Duration,
    /// A request's headers, in bytes.
    pub header_bytes: usize,
    /// How long a client may take nothing of its answer.
    pub stalled: Duration,
    /// Answers that are not yet written, all together, in bytes.
    pub answers_bytes: usize,
    /// Questions worked on at once.
    pub questions: usize,
    /// Questions that wait for their turn.
    pub questions_waiting: usize,
    /// Scrapes worked on at once.
    pub scrapes: usize,
    /// Scrapes that wait for their turn.
    pub scrapes_waiting: usize,
    /// How long a question or a scrape may wait for its turn, and an answer for room.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 2048,
            connections_each: 1024,
            reserve: 64,
            headers: Duration::from_secs(10),
            header_bytes: 32 * 1024,
            stalled: Duration::from_secs(10),
            answers_bytes: 128 << 20,
            questions: 4,
            questions_waiting: 60,
            scrapes: 2,
            scrapes_waiting: 14,
            wait: Duration::from_secs(5),
        }
    }
}
