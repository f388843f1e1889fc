//! A lane in the file, piece by piece: how it is read whole, and how its owner goes round it.
//!
//! In: a connection. Out: names, sources, blocks, entities. Never here: a write.

use std::path::Path;

use onpace_kpis::block::BlockId;
use rusqlite::{Connection, params};

use super::explain;
use super::layout::entity_place;
use super::tables::{self, Tried, sound_entity};
use crate::store::round::{Pieces, Place};
use crate::store::{Heard, StoreError};

/// A lane. An entity's place is its number: they lie in the order in which they came.
pub(super) struct Lane<'a> {
    pub connection: &'a Connection,
    pub path: &'a Path,
    pub lane: u32,
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
            // Past the last number nothing lies.
            let Ok(from) = u32::try_from(from) else { return Ok(None) };
            let sql = "SELECT place, address, state, checksum FROM kpi_entity WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT ?3";
            let mut select = self.connection.prepare_cached(sql)?;
            let mut rows = select.query(params![entity_place(self.lane, from), entity_place(self.lane + 1, 0), most as i64])?;
            let (mut read, mut last) = (0, from);
            while let Some(row) = rows.next()? {
                let place = row.get(0)?;
                let (address, state) = sound_entity(place, row, 1)?;
                last = place as u32;
                read += 1;
                each(last.into(), address, state);
            }
            Ok((read == most).then_some(Place::from(last) + 1))
        };
        let read = read();
        self.tried(read)
    }
}
