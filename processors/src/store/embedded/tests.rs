//! The store in an SQLite file: the suite, and what only a file can do wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use std::any::Any;

use onpace_kpis::block::{Block, BlockId};
use onpace_kpis::{Counter, Slot};
use onpace_schemas::Currency;
use tempfile::TempDir;

use super::*;
use crate::store::suite::{self, Booked, Harm, Place};
use crate::store::{Commit, Settled};

struct File {
    folder: TempDir,
    store: EmbeddedStore,
}

fn file() -> File {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    File { folder, store }
}

fn open(folder: &TempDir) -> EmbeddedStore {
    EmbeddedStore::open(folder.path().join("onpace.db"), vec!["calls_made".into(), "revenue_won".into()]).unwrap()
}

const ALL: [&str; 8] = ["kpi_store", "kpi_head", "kpi_name", "kpi_entity", "kpi_block", "kpi_change", "kpi_source", "kpi"];

impl Place for File {
    fn store(&self) -> &dyn KpiStore {
        &self.store
    }

    fn elsewhere(&self) -> Box<dyn KpiStore> {
        Box::new(open(&self.folder))
    }

    fn snapshot(&self) -> Box<dyn Any> {
        let copy = tempfile::tempdir().unwrap();
        let connection = self.store.connect().unwrap();
        connection.execute("VACUUM INTO ?1", [copy.path().join("copy").to_str().unwrap()]).unwrap();
        Box::new(copy)
    }

    fn restore(&self, snapshot: &dyn Any) {
        let copy = snapshot.downcast_ref::<TempDir>().unwrap();
        let connection = self.store.connect().unwrap();
        connection.execute("ATTACH ?1 AS older", [copy.path().join("copy").to_str().unwrap()]).unwrap();
        let back = ALL.map(|table| format!("DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM older.{table};")).concat();
        connection.execute_batch(&format!("BEGIN; {back} COMMIT;")).unwrap();
    }

    fn forget(&self) {
        let gone = ALL.map(|table| format!("DELETE FROM {table};")).concat();
        self.store.connect().unwrap().execute_batch(&format!("BEGIN; {gone} COMMIT;")).unwrap();
    }

    fn harm(&self, lane: u32, harm: Harm) {
        let flip = |table: &str, column: &str, which: &str| {
            let tool = self.store.connect().unwrap();
            let mut packed: Vec<u8> = tool
                .query_row(&format!("SELECT {column} FROM {table} WHERE lane = ?1 AND {which} LIMIT 1"), [lane], |row| row.get(0))
                .unwrap();
            packed[0] ^= 4;
            tool.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE lane = ?1 AND {which}"), params![lane, packed]).unwrap()
        };
        let run = |sql: &str| self.store.connect().unwrap().execute(sql, [lane]).unwrap();
        let done = match harm {
            Harm::NoNames => run("DELETE FROM kpi_name WHERE lane = ?1"),
            Harm::OtherName => run("UPDATE kpi_name SET name = 'another' WHERE lane = ?1 AND id = 3"),
            Harm::NoSources => run("DELETE FROM kpi_source WHERE lane = ?1"),
            Harm::NoBlocks => run("DELETE FROM kpi_block WHERE lane = ?1 AND rep = 5"),
            Harm::BitOfBlock => flip("kpi_block", "counters", "rep = 5"),
            Harm::NoEntities => run("DELETE FROM kpi_entity WHERE lane = ?1 AND length(state) < 20"),
            Harm::BitOfEntity => flip("kpi_entity", "state", "length(state) = 6"),
            Harm::Head => run(r#"UPDATE kpi_head SET "offset" = "offset" + 1 WHERE lane = ?1"#),
        };
        assert!(done > 0, "{harm:?}");
    }

    fn again(&self) -> Box<dyn Place> {
        Box::new(file())
    }
}

suite::tests!(file);

#[test]
fn any_sqlite_tool_reads_the_counters() {
    let file = file();
    file.store.settle(suite::SETTINGS).unwrap();
    let mut writer = Booked::new(file.store.writer(0).unwrap());
    writer.take_over().unwrap();
    let mut block = Block::default();
    block.add(Counter { measure: 0, dims: [0, 0], extra: 0, slot: Slot::at(20_514, 57) }, 2);
    let euros = Currency::from_bytes(b"EUR").unwrap().to_number();
    block.add(Counter { measure: 1, dims: [2, 0], extra: euros, slot: Slot::Date(20_514) }, i128::from(i64::MAX) + 1);
    let mut packed = Vec::new();
    block.pack(&mut packed);
    let names = vec!["marie".into(), "gadget".into()];
    let id = BlockId { rep: 1, day: 20_514 };
    writer.submit(&Commit { offset: 1, blocks: vec![(id, packed.clone())].into(), names, names_from: 1, ..Commit::default() }).unwrap();
    writer.submit(&Commit { offset: 2, blocks: vec![(id, packed)].into(), names_from: 3, ..Commit::default() }).unwrap();
    assert_eq!(writer.settle().unwrap(), Settled::Committed);
    let connection = file.store.connect().unwrap();
    let mut select = connection
        .prepare("SELECT rep || '|' || measure || '|' || coalesce(starts_at, date) || '|' || coalesce(by_1, '') || '|' || coalesce(currency, '') || '|' || value FROM kpi ORDER BY measure")
        .unwrap();
    let rows: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(
        rows,
        [
            "marie|calls_made|2026-03-02T14:15:00Z||||2".replace("||||", "|||"),
            "marie|revenue_won|2026-03-02|gadget|EUR|9223372036854775808".into()
        ]
    );
    let words = file.store.reader().unwrap().inspect("counters:0:marie").unwrap().unwrap();
    assert!(words.contains("calls_made at 2026-03-02T14:15:00Z: 2"), "{words}");
}
