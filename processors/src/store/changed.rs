//! Which blocks a commit changed, packed into one entry of the lane's stream: about a byte a block.
//!
//! In: blocks in any order, best sorted. Out: bytes that lead back to them.

use onpace_kpis::block::BlockId;

/// Packs blocks: runs of one rep, each with the difference to the rep before, its length, and the days' differences.
pub fn pack(ids: impl Iterator<Item = BlockId>, out: &mut Vec<u8>) {
    let ids: Vec<BlockId> = ids.collect();
    let (mut rep, mut day) = (0, 0);
    for run in ids.chunk_by(|a, b| a.rep == b.rep) {
        let [first, ..] = run else { continue };
        put_signed(i64::from(first.rep) - rep, out);
        put(run.len() as u64, out);
        rep = first.rep.into();
        for id in run {
            put_signed(i64::from(id.day) - day, out);
            day = id.day.into();
        }
    }
}

/// Appends packed blocks to a list; `None` where the bytes are damaged.
pub fn unpack(mut packed: &[u8], into: &mut Vec<BlockId>) -> Option<()> {
    let (mut rep, mut day) = (0i64, 0i64);
    while !packed.is_empty() {
        rep = rep.checked_add(take_signed(&mut packed)?)?;
        let length = take(&mut packed)?;
        for _ in 0..length {
            day = day.checked_add(take_signed(&mut packed)?)?;
            into.push(BlockId { rep: rep.try_into().ok()?, day: day.try_into().ok()? });
        }
    }
    Some(())
}

fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(value: i64, out: &mut Vec<u8>) {
    put(((value << 1) ^ (value >> 63)) as u64, out);
}

fn take(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_signed(from: &mut &[u8]) -> Option<i64> {
    let value = take(from)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_blocks_lead_back(ids in prop::collection::vec((any::<u32>(), any::<i32>()), 0..50)) {
            let ids: Vec<BlockId> = ids.into_iter().map(|(rep, day)| BlockId { rep, day }).collect();
            let mut packed = Vec::new();
            pack(ids.iter().copied(), &mut packed);
            let mut again = Vec::new();
            unpack(&packed, &mut again).unwrap();
            prop_assert_eq!(again, ids);
        }

        #[test]
        fn noise_is_no_panic(noise in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = unpack(&noise, &mut Vec::new());
        }
    }
}
