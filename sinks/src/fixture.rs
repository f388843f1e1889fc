//! A store for this crate's tests that can be taken away, emptied and put back in time.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onpace_kpis::block::BlockId;
use onpace_kpis::{Block, Catalogue, Counter, Names, Roster, Slot};
use onpace_processors::store::{Changes, Head, Heard, KpiStore, LaneWriter, Position, Settings, StoreError, StoreReader, Sums, sums};
use onpace_schemas::{Currency, Time};

use crate::Evaluation;

/// A lane: its head, names, blocks, and which blocks each commit changed.
#[derive(Clone, Default)]
pub struct Lane {
    pub head: Option<Head>,
    names: Names,
    blocks: BTreeMap<BlockId, Block>,
    stream: Vec<BlockId>,
    pub sources: Vec<Heard>,
}

#[derive(Clone, Default)]
pub struct Inside {
    pub settings: Option<Settings>,
    pub lanes: Vec<Lane>,
    pub away: bool,
    /// How many lanes were read whole.
    pub loads: usize,
    pub holder: Option<String>,
    pub published: BTreeMap<String, Vec<(String, String)>>,
}

/// The store; cheap to clone.
#[derive(Clone, Default)]
pub struct Store(pub Arc<Mutex<Inside>>);

impl Lane {
    /// Its head, which vouches for what there is.
    fn vouched(&self) -> Option<Head> {
        let mut there = Sums::default();
        (1..).zip(self.names.since(1)).for_each(|(number, name)| there.names.add(sums::name(number, name)));
        self.blocks.iter().for_each(|(id, block)| there.blocks.add(sums::block(*id, &packed(Some(block)))));
        self.head.map(|head| Head { sums: there, ..head })
    }
}

/// The built-in catalogue in UTC.
pub fn evaluation() -> Evaluation {
    Evaluation::new(Catalogue::built_in().unwrap(), Roster::default())
}

/// The built-in catalogue with a roster.
pub fn with_roster(yaml: &str) -> Evaluation {
    let roster = Roster::parse(yaml, &mut |_| Ok("date,currency,rate\n2026-02-20,USD,0.5\n".into())).unwrap();
    Evaluation::new(Catalogue::built_in().unwrap(), roster)
}

impl Store {
    /// A store of so many lanes, none begun.
    pub fn of(lanes: u32) -> Store {
        let store = Store::default();
        store.settle(Settings { lanes, fingerprint: evaluation().catalogue.fingerprint() }).unwrap();
        store
    }

    pub fn inside<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// Begins a lane.
    pub fn begin(&self, lane: usize, birth: u64) {
        self.inside(|inside| inside.lanes[lane] = Lane { head: Some(Head { birth, epoch: 1, ..Head::of_nothing() }), ..Lane::default() });
    }

    /// Moves a lane's head.
    pub fn head(&self, lane: usize, offset: i64, end: i64, recorded_ms: i64) {
        self.inside(|inside| {
            let head = inside.lanes[lane].head.as_mut().unwrap();
            (head.offset, head.end, head.recorded_ms) = (offset, end, recorded_ms);
        });
    }

    /// Adds to a counter; the head goes on by one message recorded now.
    #[expect(clippy::too_many_arguments, reason = "a counter has that many coordinates, and tests read well with them in a row")]
    pub fn add(&self, lane: usize, rep: &str, measure: &str, dim: &str, currency: Option<&str>, at_us: i64, value: i128) {
        let catalogue = &evaluation().catalogue;
        let measure = catalogue.measures.iter().position(|known| known.name == measure).unwrap() as u16;
        let extra = currency.map_or(0, |code| Currency::parse(code).unwrap().to_number());
        self.inside(|inside| {
            let lane = &mut inside.lanes[lane];
            let slot = Slot::of(Time::Instant(at_us));
            let id = BlockId { rep: lane.names.intern(rep), day: slot.day() };
            let dims = [lane.names.intern(dim), 0];
            lane.blocks.entry(id).or_default().add(Counter { measure, dims, extra, slot }, value);
            lane.stream.push(id);
            let head = lane.head.as_mut().unwrap();
            head.offset += 1;
            head.end = head.end.max(head.offset);
            head.recorded_ms = crate::view::now_ms();
        });
    }
}

impl KpiStore for Store {
    fn settle(&self, settings: Settings) -> Result<(), StoreError> {
        self.wipe(settings)
    }

    fn settings(&self) -> Result<Option<Settings>, StoreError> {
        self.inside(|inside| if inside.away { Err(StoreError::Away("refused".into())) } else { Ok(inside.settings) })
    }

    fn wipe(&self, settings: Settings) -> Result<(), StoreError> {
        self.inside(|inside| {
            inside.settings = Some(settings);
            inside.lanes = vec![Lane::default(); settings.lanes as usize];
        });
        Ok(())
    }

    fn verify(&self, _: &mut dyn FnMut(u64, u64)) -> Result<Vec<u32>, StoreError> {
        Ok(Vec::new())
    }

    fn writer(&self, _: u32) -> Result<Box<dyn LaneWriter>, StoreError> {
        Err(StoreError::Away("tests write by `add`".into()))
    }

    fn publish(&self, holder: &str, _: Duration, hashes: &[(String, Vec<(String, String)>)]) -> Result<bool, StoreError> {
        self.settings()?;
        Ok(self.inside(|inside| {
            let holds = inside.holder.get_or_insert_with(|| holder.into()) == holder;
            inside.published.extend(hashes.iter().filter(|_| holds).cloned());
            holds
        }))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        self.settings().map(|_| Box::new(self.clone()) as Box<dyn StoreReader>)
    }
}

impl Store {
    fn lane<T>(&self, lane: u32, read: impl FnOnce(&Lane) -> T) -> Result<T, StoreError> {
        self.settings()?;
        Ok(self.inside(|inside| read(&inside.lanes[lane as usize])))
    }
}

fn packed(block: Option<&Block>) -> Vec<u8> {
    let mut packed = Vec::new();
    block.unwrap_or(&Block::default()).pack(&mut packed);
    packed
}

impl StoreReader for Store {
    fn head(&mut self, lane: u32) -> Result<Option<Head>, StoreError> {
        self.lane(lane, Lane::vouched)
    }

    fn load(
        &mut self,
        lane: u32,
        names: &mut dyn FnMut(&str),
        each: &mut dyn FnMut(BlockId, &[u8]),
    ) -> Result<Option<Position>, StoreError> {
        self.inside(|inside| inside.loads += 1);
        self.lane(lane, |lane| {
            lane.names.since(1).for_each(names);
            for (id, block) in &lane.blocks {
                each(*id, &packed(Some(block)));
            }
            lane.head.map(|head| Position {
                birth: head.birth,
                offset: head.offset,
                names: lane.names.len() as u32,
                mark: lane.stream.len().to_string(),
            })
        })
    }

    fn changes(&mut self, lane: u32, since: &Position) -> Result<Changes, StoreError> {
        self.lane(lane, |lane| match lane.head {
            Some(head) if head.birth == since.birth && head.offset >= since.offset => {
                let mut ids = lane.stream[since.mark.parse::<usize>().unwrap()..].to_vec();
                ids.sort_unstable();
                ids.dedup();
                let names = lane.names.len() as u32;
                Changes::Blocks(ids, Position { birth: head.birth, offset: head.offset, names, mark: lane.stream.len().to_string() })
            }
            _ => Changes::Gap,
        })
    }

    fn names(&mut self, lane: u32, from: u32, each: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.lane(lane, |lane| lane.names.since(from as usize).for_each(each))
    }

    fn blocks(&mut self, lane: u32, ids: &[BlockId], each: &mut dyn FnMut(BlockId, &[u8])) -> Result<(), StoreError> {
        self.lane(lane, |lane| {
            for id in ids {
                each(*id, &packed(lane.blocks.get(id)));
            }
        })
    }

    fn sources(&mut self, lane: u32) -> Result<Vec<Heard>, StoreError> {
        self.lane(lane, |lane| lane.sources.clone())
    }

    fn inspect(&mut self, _: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
}
