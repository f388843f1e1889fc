//! What this process appended last, still in its memory: its reader has it from there, and needn't read again what was written a moment ago.
//!
//! In: appends, once they are in the file. Out: their messages, as they lie there. Each append draws a mark and notes it in the file, in its transaction. What the
//! file's mark is that of an append here, and everything between follows from it: nobody else has appended meanwhile, and no older copy was put back.
//! What always holds: what was read is forgotten, and no more is remembered than [`MOST`]. Never here: I/O; what no reader in this process asks for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::table::{Appended, Messages};
use crate::log::Message;

/// So many bytes are remembered at most.
const MOST: usize = 48 << 20;

/// The last appends.
#[derive(Default)]
pub struct Tail {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    readers: usize,
    /// Each follows the one before.
    appends: VecDeque<Arc<Append>>,
    bytes: usize,
}

/// An append: its messages, and where they lie.
pub struct Append {
    appended: Appended,
    messages: Vec<Messages>,
}

impl Tail {
    /// One more in this process reads, or one fewer.
    pub fn reader(&self, begins: bool) {
        let mut inside = self.inside();
        inside.readers = if begins { inside.readers + 1 } else { inside.readers.saturating_sub(1) };
        if inside.readers == 0 {
            inside.clear();
        }
    }

    /// Remembers an append.
    pub fn push(&self, appended: Appended, messages: Vec<Messages>) {
        let mut inside = self.inside();
        if inside.readers == 0 {
            return;
        }
        // Somebody else has appended in between, or an older copy was put back.
        if inside.appends.back().is_some_and(|last| appended.before != Some(last.appended.mark)) {
            inside.clear();
        }
        let append = Append { appended, messages };
        inside.bytes += append.bytes();
        inside.appends.push_back(Arc::new(append));
        while inside.bytes > MOST
            && let Some(oldest) = inside.appends.pop_front()
        {
            inside.bytes -= oldest.bytes();
        }
    }

    /// The append that has a partition's message at an offset, if it is remembered and the file has this mark.
    pub fn at(&self, mark: i64, partition: usize, offset: i64) -> Option<Arc<Append>> {
        let inside = self.inside();
        let known = inside.appends.iter().any(|append| append.appended.mark == mark);
        inside.appends.iter().filter(|_| known).find(|append| append.range(partition).contains(&offset)).cloned()
    }

    /// Forgets what lies before these offsets of all partitions: it was read.
    pub fn passed(&self, positions: &[Option<i64>]) {
        let mut inside = self.inside();
        let is_read =
            |append: &Append| (0..).zip(positions).all(|(at, position)| position.is_none_or(|position| append.range(at).end <= position));
        while inside.appends.front().is_some_and(|oldest| is_read(oldest)) {
            if let Some(oldest) = inside.appends.pop_front() {
                inside.bytes -= oldest.bytes();
            }
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn clear(&mut self) {
        self.appends.clear();
        self.bytes = 0;
    }
}

impl Append {
    fn bytes(&self) -> usize {
        self.messages.iter().map(Messages::bytes).sum()
    }

    /// The offsets of a partition's messages.
    fn range(&self, partition: usize) -> std::ops::Range<i64> {
        let at = |offsets: &[i64]| offsets.get(partition).copied().unwrap_or(0);
        at(&self.appended.from)..at(&self.appended.to)
    }

    /// Hands over a partition's messages from an offset on, at most so many; the offset after the last.
    pub fn read(&self, partition: u32, from: i64, most: usize, each: &mut dyn FnMut(Message<'_>)) -> i64 {
        let begin = self.range(partition as usize).start;
        let all = self.messages.iter().flat_map(Messages::iter).filter(|(of, ..)| *of == partition);
        let mut next = from;
        for (offset, (_, key, value)) in (begin..).zip(all).skip((from - begin).max(0) as usize).take(most) {
            let recorded_ms = self.appended.recorded_ms;
            each(Message { partition, offset, recorded_ms, claimed: false, kept_ms: recorded_ms, key, value });
            next = offset + 1;
        }
        next
    }
}
