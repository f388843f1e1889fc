//! One commit of a lane, as a transaction: here, or on a thread of its own while the next batch is folded.
//!
//! In: what is to be written, and the head that it follows. Out: the head after it, or nothing where another head is there.
//! Never here: a write outside the transaction that moves the head.

use std::borrow::Cow;
use std::thread::JoinHandle;

use onpace_kpis::block::{Block, BlockId};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::layout::{block_place, entity_place};
use super::legible;
use super::tables::{Tried, check_block, check_entity, check_name, check_source, note_change, read_head, write_head};
use crate::store::{Commit, Head, changed};

/// What is to be written.
pub struct Writing<'a> {
    pub lane: u32,
    /// The head that it follows.
    pub head: Head,
    pub commit: Cow<'a, Commit>,
    /// The numbers of the commit's entities.
    pub numbers: Vec<u32>,
}

/// It on its way, with the connection that it is written on.
pub type Underway = JoinHandle<(Connection, Writing<'static>, Tried<Option<Head>>)>;

impl Writing<'_> {
    /// Writes it on a thread of its own.
    pub fn apart(self, mut connection: Connection) -> std::io::Result<Underway> {
        let Writing { lane, head, commit, numbers } = self;
        let writing = Writing { lane, head, commit: Cow::Owned(commit.into_owned()), numbers };
        std::thread::Builder::new().name(format!("commit-{lane}")).spawn(move || {
            let written = writing.write(&mut connection);
            (connection, writing, written)
        })
    }

    /// Writes it: the head after it. `None`, and nothing is written, where the head is another than the one that it follows.
    pub fn write(&self, connection: &mut Connection) -> Tried<Option<Head>> {
        // Before others have to wait.
        let words: Vec<String> = self.commit.blocks.iter().map(|(id, packed)| in_words(id, packed)).collect();
        let committing = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if read_head(&committing, self.lane)? != Some(self.head) {
            return Ok(None);
        }
        let next = self.head.after(&self.commit);
        write_head(&committing, self.lane, &next)?;
        self.write_rest(&committing, &words)?;
        committing.commit()?;
        Ok(Some(next))
    }

    /// Writes all but the head; `words` are the texts beside its blocks.
    fn write_rest(&self, to: &Transaction<'_>, words: &[String]) -> rusqlite::Result<()> {
        let (lane, commit) = (self.lane, &*self.commit);
        let mut name = to.prepare_cached("INSERT OR REPLACE INTO kpi_name VALUES (?1, ?2, ?3, ?4)")?;
        for (id, text) in (commit.names_from..).zip(&commit.names) {
            name.execute(params![lane, id, text, check_name(lane, id, text)])?;
        }
        let mut entity = to.prepare_cached("INSERT OR REPLACE INTO kpi_entity VALUES (?1, ?2, ?3, ?4)")?;
        let mut lie: Vec<_> = commit.entities.iter().zip(&self.numbers).collect();
        lie.sort_unstable_by_key(|(_, number)| **number);
        for ((id, state), number) in lie {
            let place = entity_place(lane, *number);
            entity.execute(params![place, id.field(), state, check_entity(place, id.field(), state)])?;
        }
        let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_block VALUES (?1, ?2, ?3, ?4)")?;
        let mut drop = to.prepare_cached("DELETE FROM kpi_block WHERE place = ?1")?;
        for ((id, packed), words) in commit.blocks.iter().zip(words) {
            let place = block_place(lane, id);
            if packed.is_empty() {
                drop.execute([place])?;
            } else {
                put.execute(params![place, packed, check_block(lane, id, packed, words), words])?;
            }
        }
        for row in &commit.sources {
            to.prepare_cached("DELETE FROM kpi_source WHERE lane = ?1 AND source = ?2")?.execute(params![lane, row.source])?;
            let mut put = to.prepare_cached("INSERT OR REPLACE INTO kpi_source VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for (kind, recorded_ms) in row.kinds() {
                let check = check_source(lane, &row.source, kind.name(), recorded_ms);
                put.execute(params![lane, row.source, kind.name(), recorded_ms, check])?;
            }
        }
        if !commit.blocks.is_empty() {
            let mut blocks = Vec::new();
            changed::pack(commit.blocks.iter().map(|(id, _)| id), &mut blocks);
            note_change(to, lane, &blocks)?;
        }
        Ok(())
    }
}

/// A packed block's counters, to be read by others.
fn in_words(id: BlockId, packed: &[u8]) -> String {
    // The fold packed it a moment ago; the packed counters are there in any case.
    let block = Block::unpack(id.day, packed).unwrap_or_default();
    legible::text(&block)
}
