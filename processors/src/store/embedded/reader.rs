//! The reading end: every lane, each look at one moment of the file.
//!
//! In: lanes and places in their streams of changes. Out: what is there, and any key in words. Never here: a write.

use std::path::{Path, PathBuf};

use onpace_kpis::block::{Block, BlockId};
use onpace_schemas::printable;
use rusqlite::Connection;

use super::tables::{Wrong, count_names, last_change, read_block, read_blocks, read_changes, read_head, read_names, read_sources};
use super::{explain, serving};
use crate::store::{Changes, Head, Heard, Position, StoreError, StoreReader, changed, show_block, show_head, show_serving, show_sources};

pub(super) struct Reader {
    connection: Connection,
    path: PathBuf,
    measures: Vec<String>,
}

impl Reader {
    pub(super) fn new(connection: Connection, path: &Path, measures: &[String]) -> Reader {
        Reader { connection, path: path.to_owned(), measures: measures.to_owned() }
    }

    fn tried<T>(&self, result: Result<T, impl Into<Wrong>>) -> Result<T, StoreError> {
        result.map_err(|wrong| explain(&self.path, wrong))
    }

    fn position(&self, lane: u32, head: Head, names: u32) -> Result<Position, StoreError> {
        let (number, mark) = self.tried(last_change(&self.connection, lane))?.unwrap_or_default();
        Ok(Position { birth: head.birth, offset: head.offset, names, mark: format!("{number} {mark}") })
    }
}

impl StoreReader for Reader {
    fn head(&mut self, lane: u32) -> Result<Option<Head>, StoreError> {
        self.tried(read_head(&self.connection, lane))
    }

    fn load(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        // One read transaction sees one moment.
        self.tried(self.connection.execute_batch("BEGIN"))?;
        let loaded = self.load_moment(lane, names, each);
        self.tried(self.connection.execute_batch("COMMIT"))?;
        loaded
    }

    fn changes(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        self.tried(self.connection.execute_batch("BEGIN"))?;
        let changes = self.changes_moment(lane, since);
        self.tried(self.connection.execute_batch("COMMIT"))?;
        changes
    }

    fn names(&mut self, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.tried(read_names(&self.connection, lane, from, u32::MAX, each))
    }

    fn blocks(&mut self, lane: u32, ids: &[BlockId], each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        for id in ids {
            let mut found = false;
            let read = read_block(&self.connection, lane, *id, &mut |packed| {
                found = true;
                each(*id, packed);
            });
            self.tried(read)?;
            if !found {
                each(*id, &[]);
            }
        }
        Ok(())
    }

    fn sources(&mut self, lane: u32) -> Result<Vec<Heard>, StoreError> {
        self.tried(read_sources(&self.connection, lane))
    }

    fn inspect(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let (what, rest) = key.split_once(':').unwrap_or((key, ""));
        let (lane, rep) = rest.split_once(':').unwrap_or((rest, ""));
        if key == "serving" {
            let all = self.tried(serving::all(&self.connection))?;
            return Ok(Some(show_serving(&all)).filter(|words| !words.is_empty()));
        }
        let Ok(lane) = lane.parse() else { return if key.is_empty() { self.list().map(Some) } else { Ok(None) } };
        let Some(head) = self.head(lane)? else { return Ok(None) };
        let mut names = vec!["unassigned".to_owned()];
        self.names(lane, 1, &mut |name| names.push(name.to_owned()))?;
        match what {
            "head" => Ok(Some(format!("{}\n", show_head(lane, &head)))),
            "names" => {
                Ok(Some(names.iter().enumerate().skip(1).map(|(number, name)| format!("{number} = {}\n", printable(name))).collect()))
            }
            "sources" => Ok(Some(show_sources(&self.sources(lane)?)).filter(|words| !words.is_empty())),
            "counters" => self.show_counters(lane, rep, &names),
            _ => Ok(None),
        }
    }
}

impl Reader {
    fn list(&self) -> Result<String, StoreError> {
        let listed = || -> rusqlite::Result<String> {
            let mut text = if serving::all(&self.connection)?.is_empty() { String::new() } else { "serving\n".to_owned() };
            let mut lanes = self.connection.prepare("SELECT lane FROM kpi_head ORDER BY lane")?;
            for lane in lanes.query_map([], |row| row.get::<_, u32>(0))? {
                let lane = lane?;
                text.push_str(&format!("head:{lane}\nnames:{lane}\n"));
                let sources = "SELECT count(*) FROM kpi_source WHERE lane = ?1";
                if self.connection.query_row(sources, [lane], |row| row.get::<_, i64>(0))? > 0 {
                    text.push_str(&format!("sources:{lane}\n"));
                }
                let mut reps = self.connection.prepare(
                    "SELECT DISTINCT coalesce(name, 'unassigned') FROM kpi_block b
                     LEFT JOIN kpi_name n ON n.lane = ?1 AND n.id = (b.place >> 24) & 4294967295
                     WHERE b.place >= ?1 << 56 AND b.place >> 56 = ?1 LIMIT 1000",
                )?;
                for rep in reps.query_map([lane], |row| row.get::<_, String>(0))? {
                    text.push_str(&format!("counters:{lane}:{}\n", printable(&rep?)));
                }
            }
            Ok(text)
        };
        let listed = self.tried(listed())?;
        Ok(format!("{listed}`event` and `kpi` of {} can be read with any SQLite tool.\n", self.path.display()))
    }

    fn show_counters(&mut self, lane: u32, rep: &str, names: &[String]) -> Result<Option<String>, StoreError> {
        // A name that can't be shown as it is can be asked for as it is shown.
        let exact = names.iter().position(|name| name == rep);
        let Some(number) = exact.or_else(|| names.iter().position(|name| printable(name) == rep)) else { return Ok(None) };
        let rep = &*printable(&names[number]);
        let mut packed: Vec<(i32, Vec<u8>)> = Vec::new();
        let number = number as u32;
        let read = read_blocks(&self.connection, lane, number, number + 1, &mut |id, counters| packed.push((id.day, counters.to_vec())));
        self.tried(read)?;
        let mut text = format!("rep {rep}, {} bytes packed\n", packed.iter().map(|(_, packed)| packed.len()).sum::<usize>());
        for (day, packed) in packed {
            let block = Block::unpack(day, &packed).map_err(|why| StoreError::Damaged {
                place: format!("{}, table kpi_block, lane {lane}, rep {rep}, day {day}", self.path.display()),
                why: why.to_string(),
            })?;
            let name = |number: u32| names.get(number as usize).cloned().unwrap_or_else(|| format!("number {number}"));
            text.push_str(&show_block(day, &block, &self.measures, &name));
        }
        Ok(Some(text))
    }

    fn load_moment(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        let Some(head) = self.head(lane)? else { return Ok(None) };
        let mut known = 1;
        self.tried(read_names(&self.connection, lane, 1, u32::MAX, &mut |name| {
            known += 1;
            names(name);
        }))?;
        let position = self.position(lane, head, known)?;
        self.tried(read_blocks(&self.connection, lane, 0, u32::MAX, each))?;
        Ok(Some(position))
    }

    fn changes_moment(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        let Some(head) = self.head(lane)? else { return Ok(Changes::Gap) };
        let mark = since.mark.split_once(' ').and_then(|(number, mark)| Some((number.parse::<i64>().ok()?, mark.parse::<i64>().ok()?)));
        let Some((number, mark)) = mark.filter(|_| head.birth == since.birth && head.offset >= since.offset) else {
            return Ok(Changes::Gap);
        };
        let mut blocks = Vec::new();
        // The change that was last then must still be there, and is the first.
        let (mut first, mut followed, mut sound) = (true, false, true);
        let read = read_changes(&self.connection, lane, number, &mut |found, packed| {
            if std::mem::take(&mut first) {
                followed = found == mark;
            } else {
                sound = changed::unpack(packed, &mut blocks).is_some();
            }
            followed && sound
        });
        self.tried(read)?;
        if !sound {
            let place = format!("{}, table kpi_change, lane {lane}", self.path.display());
            return Err(StoreError::Damaged { place, why: "a change is none of ours".into() });
        }
        if !followed {
            return Ok(Changes::Gap);
        }
        blocks.sort_unstable();
        blocks.dedup();
        let names = self.tried(count_names(&self.connection, lane))?;
        Ok(Changes::Blocks(blocks, self.position(lane, head, names)?))
    }
}
