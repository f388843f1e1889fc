//! Reads the log from the SQLite file, on a connection of its own.
//!
//! In: the offsets to start at. Out: what follows, woken by appends in this process and looking for
//! those of others ten times a second. Never here: writing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::table::{COLUMNS, Kept, offset_at, place_of};
use super::{Grown, table};
use crate::log::{LogError, LogReader, Message, Polled};

/// How often to look for what another process has appended.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Reader {
    path: PathBuf,
    connection: Connection,
    grown: Arc<Grown>,
    /// The next offset of each partition that was started.
    positions: Vec<Option<i64>>,
    ends: Vec<i64>,
    announced: bool,
    /// Whose turn it is to be read first.
    first: usize,
    select: String,
    kept: Kept,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.grown.tail.reader(false);
    }
}

impl Reader {
    pub(super) fn new(path: PathBuf, connection: Connection, grown: Arc<Grown>, partitions: u32) -> Self {
        let count = partitions as usize;
        grown.tail.reader(true);
        let (kept, select) = (
            Kept::default(),
            format!("SELECT place, {COLUMNS} FROM event_message WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT ?3"),
        );
        Reader { path, connection, grown, positions: vec![None; count], ends: vec![0; count], announced: false, first: 0, select, kept }
    }

    /// Hands over what there is of the started partitions, one after the other.
    fn take(&mut self, most: usize, each: &mut dyn FnMut(Message<'_>)) -> Result<usize, LogError> {
        let wrong = |error| table::explain(&self.path, &error);
        // Before the events: what another process appends in between must not look like a gap.
        self.ends = table::ends(&self.connection).map_err(wrong)?;
        let mark = table::mark(&self.connection).map_err(wrong)?;
        let mut taken = 0;
        let count = self.positions.len();
        for at in (0..count).map(|step| (self.first + step) % count) {
            let Some(mut position) = self.positions[at] else { continue };
            while taken < most
                && let Some(append) = mark.and_then(|mark| self.grown.tail.at(mark, at, position))
            {
                let next = append.read(at as u32, position, most - taken, each);
                taken += (next - position) as usize;
                position = next;
                self.positions[at] = Some(next);
                // It may have been appended since the ends were read.
                self.ends[at] = self.ends[at].max(next);
            }
            let end = self.ends[at];
            if position != end && taken < most {
                let (next, found) =
                    rows(&self.connection, &self.select, at as u32, position, most - taken, &mut self.kept, each).map_err(|error| {
                        match wrong(error) {
                            // Pages that don't hang together.
                            LogError::Settings(why) => {
                                LogError::Settings(format!("partition {at} can't be read from offset {position} on: {why}"))
                            }
                            other => other,
                        }
                    })?;
                taken += (next - position) as usize;
                self.positions[at] = Some(next);
                if next == position {
                    // Said once; the others go on.
                    self.positions[at] = None;
                    return Err(match found {
                        Instead::Damaged => table::damaged(&self.path, at as u32, position),
                        Instead::Another(offset) => LogError::gap(at as u32, position, offset, end),
                        Instead::Nothing => LogError::gap(at as u32, position, end, end),
                    });
                }
            }
        }
        self.first = (self.first + 1) % count;
        self.grown.tail.passed(&self.positions);
        Ok(taken)
    }
}

/// What is found in the place of the next row.
enum Instead {
    Nothing,
    /// One with this offset.
    Another(i64),
    /// One that is not as it was written.
    Damaged,
}

/// Hands over the rows of a partition from an offset on, up to the first that is missing or damaged: the offset after the last one
/// handed over, and what is found instead of the next.
fn rows(
    connection: &Connection,
    select: &str,
    partition: u32,
    from: i64,
    most: usize,
    kept: &mut Kept,
    each: &mut dyn FnMut(Message<'_>),
) -> rusqlite::Result<(i64, Instead)> {
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query(params![place_of(partition, from), place_of(partition + 1, 0), most as i64])?;
    let mut next = from;
    while let Some(row) = rows.next()? {
        let place = row.get(0)?;
        let offset = offset_at(place);
        if offset != next {
            return Ok((next, Instead::Another(offset)));
        }
        let Some(key) = kept.read(place, row, 1)? else { return Ok((next, Instead::Damaged)) };
        let Kept { recorded_ms, value } = &*kept;
        let recorded_ms = *recorded_ms;
        each(Message { partition, offset, recorded_ms, claimed: false, kept_ms: recorded_ms, key, value });
        next += 1;
    }
    Ok((next, Instead::Nothing))
}

impl LogReader for Reader {
    fn poll(&mut self, wait: Duration, most: usize, each: &mut dyn FnMut(Message<'_>)) -> Result<Polled, LogError> {
        if !self.announced {
            self.announced = true;
            return Ok(Polled::Assigned((0..self.positions.len() as u32).collect()));
        }
        let until = Instant::now() + wait;
        let grown = Arc::clone(&self.grown);
        loop {
            let seen = grown.times();
            let taken = self.take(most, each)?;
            let left = until.saturating_duration_since(Instant::now());
            if taken > 0 || left.is_zero() {
                return Ok(Polled::Messages(taken));
            }
            grown.wait(seen, left.min(LOOK));
        }
    }

    fn start(&mut self, partition: u32, offset: i64) -> Result<(), LogError> {
        let count = self.positions.len() as u32;
        let position = self.positions.get_mut(partition as usize).ok_or_else(|| LogError::no_partition(partition, count))?;
        *position = Some(offset);
        Ok(())
    }

    fn stop(&mut self, partition: u32) -> Result<(), LogError> {
        if let Some(position) = self.positions.get_mut(partition as usize) {
            *position = None;
        }
        Ok(())
    }

    fn end(&self, partition: u32) -> Option<i64> {
        self.ends.get(partition as usize).copied()
    }
}
