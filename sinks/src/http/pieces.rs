//! An answer in pieces: written as it is worked out, sent piece by piece, each given back once it is sent.
//!
//! In: bytes, as a writer. Out: a body of known length. Never here: one text that is copied each time it outgrows its place.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use onpace_producers::http::Weight;

/// The size of a piece.
const PIECE: usize = 64 * 1024;

/// What is written.
#[derive(Default)]
pub(super) struct Pieces {
    whole: VecDeque<Bytes>,
    last: Vec<u8>,
}

impl Pieces {
    /// How many bytes were written.
    pub(super) fn weight(&self) -> Weight {
        Weight(self.whole.iter().map(Bytes::len).chain([self.last.len()]).sum::<usize>() as u64)
    }

    /// The body.
    pub(super) fn body(mut self) -> Body {
        if !self.last.is_empty() {
            self.whole.push_back(self.last.into());
        }
        Body::new(Sending(self.whole))
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.len() + bytes.len() > PIECE && !self.last.is_empty() {
            let full = std::mem::replace(&mut self.last, Vec::with_capacity(PIECE));
            self.whole.push_back(full.into());
        }
        self.last.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Sending(VecDeque<Bytes>);

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Write;

    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_what_was_written() {
        for lengths in [vec![], vec![1], vec![PIECE], vec![PIECE - 1, 2, 5 * PIECE, 1], vec![1_000; 500]] {
            let mut pieces = Pieces::default();
            let mut all = Vec::new();
            for (number, length) in lengths.into_iter().enumerate() {
                let bytes = vec![number as u8; length];
                pieces.write_all(&bytes).unwrap();
                all.extend_from_slice(&bytes);
            }
            assert_eq!(pieces.weight().0, all.len() as u64);
            let body = pieces.body();
            assert_eq!(HttpBody::size_hint(&body).exact(), Some(all.len() as u64));
            assert_eq!(to_bytes(body, usize::MAX).await.unwrap(), all);
        }
    }
}
