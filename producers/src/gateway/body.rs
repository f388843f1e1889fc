//! A request's body in memory: so large, so slow and so many at once, and no more.
//!
//! In: a stream of bytes, perhaps compressed. Out: the bytes as posted; or 400, 408, 413, 429 in words.
//! What always holds: a body never takes more memory than it has put on the account of all bodies, and no more time than is brisk
//! without a place among the slow ones.

use std::io::{self, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Limits;
use super::media::Coding;
use crate::http::{Address, Full, Member, Problem};

/// A permit of the account is worth so many bytes.
pub(super) const UNIT: usize = 4096;
/// The most memory that a zstd window may take, as a power of 2.
const ZSTD_WINDOW_LOG: u32 = 23;

/// What is held against the account of all bodies in memory; given back when dropped.
pub(super) struct Share {
    account: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Share {
    pub(super) fn new(account: &Arc<Semaphore>) -> Share {
        Share { account: Arc::clone(account), held: None, bytes: 0 }
    }

    /// Adds so many bytes.
    ///
    /// # Errors
    /// 429: all bodies together are as large as they may be.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.bytes.div_ceil(UNIT);
        self.bytes += bytes;
        let more = (self.bytes.div_ceil(UNIT) - before) as u32;
        if more > 0 {
            let permit = Arc::clone(&self.account).try_acquire_many_owned(more).map_err(|_| busy())?;
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
        }
        Ok(())
    }
}

/// 429: there is more in flight than fits.
pub(super) fn busy() -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many events are being taken at this moment; post these again in a second")
        .retry_after(1)
}

fn too_large(limits: &Limits) -> Problem {
    let detail =
        format!("the body is larger than {} MiB after decompression; post the events in several requests", limits.body_bytes >> 20);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn too_slow(limits: &Limits) -> Problem {
    let seconds = limits.body_total.as_secs();
    Problem::new(StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {seconds} s; post fewer events at a time"))
}

/// 429: bodies that come slowly take all places there are for them.
pub(super) fn too_many_slow(limits: &Limits, full: Full, address: Address) -> Problem {
    let (most, whose) = match full {
        Full::All => (limits.slow_bodies, String::new()),
        Full::Address => (limits.slow_bodies_each, format!(" from {address}")),
    };
    let brisk = limits.brisk.as_secs();
    Problem::too_many(format!(
        "{most} bodies{whose} that take longer than {brisk} s are being read already; post fewer events at a time, or these again in a second"
    ))
}

/// Reads a body as it was sent; `slow` gives a place among the slow ones.
///
/// # Errors
/// 408, 413, 429; 400 where the connection broke.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
    share: &mut Share,
    slow: impl Fn() -> Result<Member, Problem>,
) -> Result<Vec<u8>, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_large(limits));
    }
    let begun = Instant::now();
    let (end, brisk) = (begun + limits.body_total, begun + limits.brisk);
    let mut place = None;
    let mut stream = body.into_data_stream();
    // What is announced is not yet sent: a header alone must not take megabytes.
    let mut read = Vec::with_capacity(announced.map_or(0, |length| (length as usize).min(64 * 1024)));
    loop {
        let late = end.min(Instant::now() + limits.body_idle);
        let next = match place {
            None => match timeout_at(brisk, stream.next()).await {
                Ok(next) => next,
                Err(_) => {
                    place = Some(slow()?);
                    continue;
                }
            },
            Some(_) => timeout_at(late, stream.next()).await.map_err(|_| too_slow(limits))?,
        };
        let Some(chunk) = next else { return Ok(read) };
        let chunk = chunk.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the body broke off: {error}")))?;
        if read.len() + chunk.len() > limits.body_bytes {
            return Err(too_large(limits));
        }
        share.add(chunk.len())?;
        read.extend_from_slice(&chunk);
    }
}

/// Undoes the compression; blocks for as long as that takes.
///
/// # Errors
/// 413 past the limit, 400 where it is no such compression or only half of one.
pub(super) fn decompress(coding: Coding, sent: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, Problem> {
    let most = limits.body_bytes;
    let (name, plain) = match coding {
        Coding::Plain => return Ok(sent),
        Coding::Gzip => ("gzip", bounded(flate2::read::MultiGzDecoder::new(sent.as_slice()), most)),
        Coding::Zstd => ("zstd", zstd(&sent, most)),
    };
    match plain {
        Ok(plain) if plain.len() > most => Err(too_large(limits)),
        Ok(plain) => Ok(plain),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body ends in the middle of its {name} stream; send all of it")))
        }
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is not {name}, as its Content-Encoding says: {error}"))),
    }
}

fn zstd(sent: &[u8], most: usize) -> io::Result<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(sent)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    bounded(decoder, most)
}

/// Reads one byte more than the most that is allowed, so that the caller sees that there was more.
fn bounded(from: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Write;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn both_compressions_lead_back() {
        let limits = Limits::default();
        assert_eq!(decompress(Coding::Gzip, gzip(b"events"), &limits), Ok(b"events".to_vec()));
        let two = [gzip(b"ev"), gzip(b"ents")].concat();
        assert_eq!(decompress(Coding::Gzip, two, &limits), Ok(b"events".to_vec()));
        let zstd = zstd::encode_all(&b"events"[..], 1).unwrap();
        assert_eq!(decompress(Coding::Zstd, zstd, &limits), Ok(b"events".to_vec()));
    }

    #[test]
    fn half_a_stream_is_400_at_every_length() {
        let limits = Limits::default();
        let whole = gzip(&b"some events that take a few bytes ".repeat(20));
        for length in 1..whole.len() {
            let problem = decompress(Coding::Gzip, whole[..length].to_vec(), &limits).unwrap_err();
            assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{length} of {}", whole.len());
        }
        let whole = zstd::encode_all(&b"some events"[..], 1).unwrap();
        for length in 1..whole.len() {
            let problem = decompress(Coding::Zstd, whole[..length].to_vec(), &limits).unwrap_err();
            assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{length} of {}", whole.len());
        }
    }

    #[test]
    fn a_bomb_is_413_and_noise_400() {
        let limits = Limits { body_bytes: 1 << 20, ..Limits::default() };
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(decompress(Coding::Gzip, bomb, &limits).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let bomb = zstd::encode_all(&vec![b' '; 64 << 20][..], 1).unwrap();
        assert_eq!(decompress(Coding::Zstd, bomb, &limits).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let exactly = gzip(&vec![b' '; 1 << 20]);
        assert!(decompress(Coding::Gzip, exactly, &limits).is_ok());
        for coding in [Coding::Gzip, Coding::Zstd] {
            assert_eq!(decompress(coding, b"{\"no\": \"compression\"}".to_vec(), &limits).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn the_account_is_bounded_and_given_back() {
        let account = Arc::new(Semaphore::new(4));
        let mut share = Share::new(&account);
        share.add(1).unwrap();
        share.add(UNIT * 3).unwrap();
        let problem = Share::new(&account).add(1).unwrap_err();
        assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
        drop(share);
        assert_eq!(account.available_permits(), 4);
    }
}
