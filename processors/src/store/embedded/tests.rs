//! The store in an SQLite file: the suite, and what only a file can do wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
use std::any::Any;

use onpace_kpis::block::{Block, BlockId};
use onpace_kpis::{Counter, Slot};
use onpace_schemas::{Currency, time};
use proptest::prelude::*;
use rusqlite::params;
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

/// A file of which lane 0 has an owner.
fn owned() -> (File, Box<dyn LaneWriter>) {
    let file = file();
    file.store.settle(suite::SETTINGS).unwrap();
    let mut writer = file.store.writer(0).unwrap();
    writer.take_over().unwrap();
    (file, writer)
}

fn open(folder: &TempDir) -> EmbeddedStore {
    EmbeddedStore::open(folder.path().join("onpace.db"), vec!["calls_made".into(), "revenue_won".into()]).unwrap()
}

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
        let back: String = layout::tables()
            .map(|table| format!("DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM older.{table};"))
            .collect();
        connection.execute_batch(&format!("BEGIN; {back} COMMIT;")).unwrap();
    }

    fn forget(&self) {
        let gone: String = layout::tables().map(|table| format!("DELETE FROM {table};")).collect();
        self.store.connect().unwrap().execute_batch(&format!("BEGIN; {gone} COMMIT;")).unwrap();
    }

    fn harm(&self, lane: u32, harm: Harm) {
        let flip = |table: &str, column: &str, which: &str| {
            let tool = self.store.connect().unwrap();
            let sql = format!("SELECT place, {column} FROM {table} WHERE {which} LIMIT 1");
            let (place, mut packed): (i64, Vec<u8>) = tool.query_row(&sql, [lane], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            packed[0] ^= 4;
            tool.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE place = ?1"), params![place, packed]).unwrap()
        };
        let run = |sql: &str| self.store.connect().unwrap().execute(sql, [lane]).unwrap();
        let of_rep_5 = "place >> 56 = ?1 AND (place >> 24) & 4294967295 = 5";
        let done = match harm {
            Harm::NoNames => run("DELETE FROM kpi_name WHERE lane = ?1"),
            Harm::OtherName => run("UPDATE kpi_name SET name = 'another' WHERE lane = ?1 AND id = 3"),
            Harm::NoSources => run("DELETE FROM kpi_source WHERE lane = ?1"),
            Harm::NoBlocks => run(&format!("DELETE FROM kpi_block WHERE {of_rep_5}")),
            Harm::BitOfBlock => flip("kpi_block", "counters", of_rep_5),
            Harm::NoEntities => run("DELETE FROM kpi_entity WHERE place >> 32 = ?1 AND length(state) < 20"),
            Harm::BitOfEntity => flip("kpi_entity", "state", "place >> 32 = ?1 AND length(state) = 6"),
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

/// A row of `kpi`, as a tool that knows nothing of onpace reads it.
type Told = (String, String, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, Option<u32>, String);

fn told(connection: &Connection) -> Vec<Told> {
    let sql = "SELECT rep, measure, starts_at, date, by_1, by_2, currency, bucket, CAST(value AS TEXT) FROM kpi ORDER BY rep_id, day, 2, 3, 4, 5, 6, 7, 8";
    let mut select = connection.prepare(sql).unwrap();
    let rows = select.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The same of the packed blocks, in the view's order.
fn counted(store: &EmbeddedStore) -> Vec<Told> {
    let (mut names, mut rows) = (vec![None], Vec::new());
    let mut blocks = Vec::new();
    store
        .reader()
        .unwrap()
        .load(0, &mut |name| names.push(Some(name.to_owned())), &mut |id, packed| blocks.push((id, packed.to_vec())))
        .unwrap();
    for (id, packed) in blocks {
        let mut of_block = Vec::new();
        for (counter, value) in Block::unpack(id.day, &packed).unwrap().counters() {
            let (starts_at, date) = match counter.slot {
                Slot::Quarter(slot) => (Some(time::show_instant(i64::from(slot) * 900 * time::US)), None),
                Slot::Date(day) => (None, Some(time::show_date(day))),
            };
            let currency = Currency::from_number(counter.extra);
            of_block.push((
                names[id.rep as usize].clone().unwrap_or_else(|| "unassigned".into()),
                store.measures[usize::from(counter.measure)].clone(),
                starts_at,
                date,
                names[counter.dims[0] as usize].clone(),
                names[counter.dims[1] as usize].clone(),
                currency.map(|currency| currency.to_string()),
                currency.is_none().then_some(counter.extra).filter(|extra| *extra != 0),
                value.to_string(),
            ));
        }
        of_block.sort();
        rows.extend(of_block);
    }
    rows
}

/// Blocks of three reps on three days, some of them empty, as a commit may leave them.
fn some_blocks() -> impl Strategy<Value = Vec<(BlockId, Block)>> {
    let value =
        prop_oneof![-3..4i128, Just(i128::from(i64::MIN) - 1), Just(i128::from(i64::MAX)), Just(i128::from(i64::MAX) + 1), any::<i128>()];
    let extra = prop_oneof![Just(0), Just(Currency::from_bytes(b"EUR").unwrap().to_number()), 1..40u32];
    let counters = prop::collection::vec((0..2u16, 0..4u32, 0..4u32, extra, 0..=96u8, value), 0..9);
    let day = prop_oneof![Just(-1), Just(0), Just(20_514)];
    prop::collection::vec((0..3u32, day, counters), 0..6).prop_map(|blocks| {
        let mut commit = std::collections::BTreeMap::new();
        for (rep, day, counters) in blocks {
            let mut block = Block::default();
            for (measure, first, second, extra, place, value) in counters {
                block.add(Counter { measure, dims: [first, second], extra, slot: Slot::at(day, place) }, value >> 1);
            }
            commit.insert(BlockId { rep, day }, block);
        }
        commit.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_any_tool_reads_is_what_the_blocks_count(commits in prop::collection::vec(some_blocks(), 1..5)) {
        let file = file();
        file.store.settle(suite::SETTINGS).unwrap();
        let mut writer = file.store.writer(0).unwrap();
        writer.take_over().unwrap();
        let mut stored = std::collections::BTreeMap::new();
        let mut names: Vec<String> = ["marie", "gadget", "d \u{fc}n\u{ef} \"'"].map(Into::into).into();
        for (offset, blocks) in (1..).zip(commits) {
            let mut commit = Commit { offset, names: std::mem::take(&mut names), names_from: if offset == 1 { 1 } else { 4 }, ..Commit::default() };
            for (id, block) in blocks {
                let was = stored.get(&id).map_or(&[][..], Vec::as_slice);
                let packed = commit.blocks.push(id, crate::store::Key::part(&id, was), |out| block.pack(out)).to_vec();
                stored.insert(id, packed);
            }
            writer.submit(&commit).unwrap();
            prop_assert_eq!(writer.settle().unwrap(), Settled::Committed);
            let connection = file.store.connect().unwrap();
            prop_assert_eq!(told(&connection), counted(&file.store));
        }
        prop_assert_eq!(file.store.verify(&mut |_, _| {}).unwrap(), [0u32; 0]);
    }
}

#[test]
fn a_text_beside_a_block_that_is_another_is_damage() {
    let (file, mut writer) = owned();
    let mut block = Block::default();
    block.add(Counter { measure: 0, dims: [0, 0], extra: 0, slot: Slot::at(20_514, 57) }, 2);
    let mut packed = Vec::new();
    block.pack(&mut packed);
    let id = BlockId { rep: 0, day: 20_514 };
    writer.submit(&Commit { offset: 1, blocks: vec![(id, packed)].into(), names_from: 1, ..Commit::default() }).unwrap();
    file.store.verify(&mut |_, _| {}).unwrap();
    file.store.connect().unwrap().execute("UPDATE kpi_block SET legible = '[[3,0,57]]'", []).unwrap();
    let found = file.store.verify(&mut |_, _| {}).unwrap_err().to_string();
    assert!(found.contains("kpi_block, lane 0, rep number 0, day 20514"), "{found}");
}

#[test]
fn an_entity_in_anothers_row_is_damage() {
    let (file, mut writer) = owned();
    let entities = (0..3u8).map(|number| (crate::store::EntityId([number; 16]), vec![number; 9], true)).collect::<Vec<_>>();
    writer.submit(&Commit { offset: 1, entities: entities.into(), names_from: 1, ..Commit::default() }).unwrap();
    file.store.verify(&mut |_, _| {}).unwrap();
    // The next new entity would have been written over it.
    file.store.connect().unwrap().execute("UPDATE kpi_entity SET place = 3 WHERE place = 1", []).unwrap();
    let found = file.store.verify(&mut |_, _| {}).unwrap_err().to_string();
    assert!(found.contains("kpi_entity, lane 0, entity number 3"), "{found}");
}

#[test]
fn who_drops_a_writer_has_its_last_commit() {
    let (file, mut writer) = owned();
    let scattered = |number: u128| crate::store::EntityId(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes());
    let states: Vec<_> = (0..40_000).map(|number| (scattered(number), vec![7; 200], true)).collect();
    writer.submit(&Commit { offset: 9, entities: states.into(), names_from: 1, ..Commit::default() }).unwrap();
    drop(writer);
    // Whoever stops a processor may take the file away.
    assert_eq!(file.store.reader().unwrap().head(0).unwrap().unwrap().offset, 9);
}

#[test]
fn tables_of_an_earlier_layout_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let old = Connection::open(folder.path().join("onpace.db")).unwrap();
    old.execute_batch(
        "CREATE TABLE kpi_store (layout INTEGER, lanes INTEGER, fingerprint INTEGER); INSERT INTO kpi_store VALUES (3, 3, 1);
         CREATE TABLE kpi_head (lane INTEGER PRIMARY KEY, birth INTEGER); INSERT INTO kpi_head VALUES (0, 1);
         CREATE TABLE kpi_block (lane INTEGER, rep INTEGER, day INTEGER, counters BLOB, checksum INTEGER, PRIMARY KEY (lane, rep, day)) WITHOUT ROWID;
         CREATE TABLE kpi (lane INTEGER, rep_id INTEGER, day INTEGER, value); CREATE INDEX kpi_of_block ON kpi (lane, rep_id, day);",
    )
    .unwrap();
    let store = open(&folder);
    assert_eq!(store.settings().unwrap(), None);
    store.settle(suite::SETTINGS).unwrap();
    assert_eq!(store.writer(0).unwrap().take_over().unwrap().head.offset, 0);
    assert_eq!(told(&store.connect().unwrap()), []);
}
