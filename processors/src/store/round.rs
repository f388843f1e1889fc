//! A round through all that a lane consists of, held against the sums in its head.
//!
//! In: the lane, read piece by piece; the commits that its owner makes meanwhile. Out: that all is as it was written, or what isn't. A round may take
//! as long as it likes: what was passed is kept up with the commits, what lies ahead is read when its turn comes.
//! Never here: I/O; how fast to go.

use onpace_kpis::block::BlockId;

use super::sums::{self, Sum};
use super::{Commit, Head, Heard, StoreError};

/// Where an entity lies in the order in which a store gives them: its bucket, its address.
pub type Place = u128;

/// A lane, piece by piece, as of the last commit.
pub trait Pieces {
    /// Names from a number on, about so many; fewer at the end.
    fn names(&mut self, from: u32, most: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError>;

    /// All sources.
    fn sources(&mut self) -> Result<Vec<Heard>, StoreError>;

    /// The blocks of reps with numbers from `from` up to, not including, `to`.
    fn blocks(&mut self, from: u32, to: u32, each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError>;

    /// Entities from a place on, about so many: `each(place, address, state)`. Where to go on from; `None` at the end.
    #[expect(clippy::type_complexity, reason = "a callback that is named nowhere else")]
    fn entities(&mut self, from: Place, most: usize, each: &mut dyn FnMut(Place, &[u8; 10], &[u8])) -> Result<Option<Place>, StoreError>;
}

/// Something that a round met.
#[derive(Debug)]
pub enum Met<'a> {
    /// A name.
    Name(&'a str),
    /// A source.
    Source(&'a Heard),
    /// A block.
    Block(BlockId),
    /// An entity.
    Entity(Place, &'a [u8; 10]),
}

/// How far a round has come, and what it met.
#[derive(Clone, Debug, Default)]
pub struct Round {
    part: Part,
    seen: Sum,
    /// Whatever comes before was passed: the number of a name, of a rep, the place of an entity.
    next: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Names,
    Sources,
    Blocks,
    Entities,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The round goes on.
    On,
    /// It has ended: everything is as it was written. The next step begins another.
    Ended,
}
/// So many values at once where the whole lane is read.
const WHOLE: usize = 8_192;
/// No more reps at once: one may have some thousand days.
const REPS: u64 = 64;

impl Round {
    /// Goes on by about `most` values. `head` is the lane's as of the last commit; `each` is told all that is met.
    ///
    /// # Errors
    /// Something is not as it was written, or can't be read.
    pub fn step(
        &mut self,
        lane: u32,
        head: &Head,
        pieces: &mut dyn Pieces,
        most: usize,
        each: &mut dyn FnMut(Met<'_>),
    ) -> Result<Step, StoreError> {
        let seen = &mut self.seen;
        match self.part {
            Part::Names => {
                let from = (self.next as u32).max(1);
                let (mut number, most) = (from, most.min(u32::MAX as usize) as u32);
                pieces.names(from, most, &mut |name| {
                    seen.add(sums::name(number, name));
                    number += 1;
                    each(Met::Name(name));
                })?;
                self.next = number.into();
                if number - from < most {
                    self.end_part(lane, Part::Sources, head.sums.names, "names")?;
                }
            }
            Part::Sources => {
                for row in pieces.sources()? {
                    seen.add(sums::source(&row));
                    each(Met::Source(&row));
                }
                self.end_part(lane, Part::Blocks, head.sums.sources, "sources")?;
            }
            Part::Blocks => {
                // A rep is a name; most have no blocks.
                let names = head.sums.names.count + 1;
                let reps = (most as u64 * names / (names + head.sums.blocks.count)).clamp(1, REPS);
                let from = self.next as u32;
                let to = (u64::from(from) + reps).min(names) as u32;
                pieces.blocks(from, to, &mut |id, packed| {
                    seen.add(sums::block(id, packed));
                    each(Met::Block(id));
                })?;
                self.next = to.into();
                if u64::from(to) == names {
                    self.end_part(lane, Part::Entities, head.sums.blocks, "blocks of counters")?;
                }
            }
            Part::Entities => {
                let next = pieces.entities(self.next, most, &mut |place, field, packed| {
                    seen.add(sums::entity(field, packed));
                    each(Met::Entity(place, field));
                })?;
                match next {
                    Some(next) => self.next = next,
                    None => {
                        self.end_part(lane, Part::Names, head.sums.entities, "entities")?;
                        return Ok(Step::Ended);
                    }
                }
            }
        }
        Ok(Step::On)
    }

    /// Goes on to the end of the round.
    ///
    /// # Errors
    /// As [`Round::step`].
    pub fn end(&mut self, lane: u32, head: &Head, pieces: &mut dyn Pieces, each: &mut dyn FnMut(Met<'_>)) -> Result<(), StoreError> {
        while self.step(lane, head, pieces, WHOLE, each)? == Step::On {}
        Ok(())
    }

    /// Keeps up with a commit of the lane's owner; `places` says of each entity in it where it lies, and its place in the commit.
    pub fn committed(&mut self, commit: &Commit, places: impl Iterator<Item = (Place, usize)>) {
        match self.part {
            Part::Blocks => {
                let passed = (0..commit.blocks.len()).filter(|at| Place::from(commit.blocks.key(*at).rep) < self.next);
                self.seen = passed.fold(self.seen, |seen, at| seen.and(commit.blocks.change_of(at)));
            }
            Part::Entities => {
                let passed = places.filter(|(place, _)| *place < self.next);
                self.seen = passed.fold(self.seen, |seen, (_, at)| seen.and(commit.entities.change_of(at)));
            }
            // A new name comes after all that were passed; the sources are all passed in one step.
            Part::Names | Part::Sources => {}
        }
    }

    fn end_part(&mut self, lane: u32, next: Part, wanted: Sum, what: &str) -> Result<(), StoreError> {
        let seen = std::mem::take(&mut self.seen);
        (self.part, self.next) = (next, 0);
        if seen == wanted {
            return Ok(());
        }
        *self = Round::default();
        let why = if seen.count == wanted.count {
            format!("its {what} are not those that were written (of {} not all are as they were)", wanted.count)
        } else {
            format!("its {what} are not those that were written ({} are there, its head says {})", seen.count, wanted.count)
        };
        Err(StoreError::Damaged { place: format!("lane {lane}"), why })
    }
}
