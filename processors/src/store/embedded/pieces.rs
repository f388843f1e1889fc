//! A lane in the file, piece by piece: how it is read whole, and how its owner goes round it.
//!
//! In: a connection. Out: names, sources, blocks, entities. Never here: a write.

use std::path::Path;

use onpace_kpis::block::BlockId;
use rusqlite::{Connection, params};

use super::explain;
use super::tables::{self, Tried, Wrong};
use crate::store::round::{Pieces, Place};
use crate::store::{EntityId, Heard, StoreError};

/// A lane. Entities lie in the order of their addresses.
pub(super) struct Lane<'a> {
    pub connection: &'a Connection,
    pub path: &'a Path,
    pub lane: u32,
}

/// Where an entity lies.
pub(super) fn place(id: &EntityId) -> Place {
    Place::from_be_bytes(id.0)
}

impl Lane<'_> {
    fn tried<T>(&self, tried: Tried<T>) -> Result<T, StoreError> {
        tried.map_err(|wrong| explain(self.path, wrong))
    }
}

impl Pieces for Lane<'_> {
    fn names(&mut self, from: u32, most: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.tried(tables::read_names(self.connection, self.lane, from, most, each))
    }

    fn sources(&mut self) -> Result<Vec<Heard>, StoreError> {
        self.tried(tables::read_sources(self.connection, self.lane))
    }

    fn blocks(&mut self, from: u32, to: u32, each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        self.tried(tables::read_blocks(self.connection, self.lane, from, to, each))
    }

    fn entities(&mut self, from: Place, most: usize, each: &mut dyn FnMut(Place, &[u8; 10], &[u8])) -> Result<Option<Place>, StoreError> {
        let mut read = || -> Tried<Option<Place>> {
            let sql = "SELECT id, state, checksum FROM kpi_entity WHERE lane = ?1 AND id >= ?2 ORDER BY id LIMIT ?3";
            let mut select = self.connection.prepare_cached(sql)?;
            let mut rows = select.query(params![self.lane, from.to_be_bytes(), most as i64])?;
            let (mut read, mut last) = (0, from);
            while let Some(row) = rows.next()? {
                let id = EntityId(row.get(0)?);
                let state = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                if row.get::<_, i64>(2)? != tables::check_entity(self.lane, &id, state) {
                    return Err(Wrong::entity(self.lane, &id));
                }
                each(place(&id), id.field(), state);
                (read, last) = (read + 1, place(&id));
            }
            Ok((read == most).then(|| last.checked_add(1)).flatten())
        };
        let read = read();
        self.tried(read)
    }
}
