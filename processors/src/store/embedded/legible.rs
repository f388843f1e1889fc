//! The counters as any SQLite or BI tool reads them: the view `kpi`, a row a counter, with names instead of numbers.
//!
//! In: blocks. Out: beside each packed block the same counters as JSON, `[[value, measure, place in the day, by_1, by_2, currency or bucket], …]`, zeros at the
//! end left out; and the view that takes it apart. One text for a block is written as fast as the block itself, and takes a third of the room that a
//! row for each counter did. It is covered by the block's checksum.
//! Never here: reading it back; the packed counters are the truth.

use std::fmt::Write as _;

use onpace_kpis::Block;
use onpace_schemas::Currency;

/// The text beside a block.
pub(super) fn text(block: &Block) -> String {
    let mut out = String::with_capacity(2 + 18 * block.counters().len());
    out.push('[');
    for (at, (counter, value)) in block.counters().iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let currency = Currency::from_number(counter.extra);
        let [first, second] = counter.dims;
        let parts = [counter.measure.into(), counter.slot.place().into(), first, second, counter.extra];
        let told = parts.iter().rposition(|part| *part != 0).map_or(0, |last| last + 1);
        // What 64 bits can't hold is kept as text, in full. Writing into a text can't fail.
        let _ = match i64::try_from(*value) {
            Ok(value) => write!(out, "[{value}"),
            Err(_) => write!(out, "[\"{value}\""),
        };
        for (nth, part) in parts[..told].iter().enumerate() {
            let _ = match currency.filter(|_| nth == 4) {
                Some(currency) => write!(out, ",\"{currency}\""),
                None => write!(out, ",{part}"),
            };
        }
        out.push(']');
    }
    out.push(']');
    out
}

/// The view. The names of reps are looked up before blocks are taken apart, so that a question about one rep is answered fast;
/// `day_0` is the place of 1970-01-01 in a row of blocks.
pub(super) fn view(day_0: i64) -> String {
    let day = format!("(b.place & 16777215) - {day_0}");
    let (lane, rep) = ("b.place >> 56", "(b.place >> 24) & 4294967295");
    let part = |nth: usize| format!("json_extract(c.value, '$[{nth}]')");
    let [value, measure, place, first, second, extra] = [0, 1, 2, 3, 4, 5].map(part);
    format!(
        "CREATE VIEW IF NOT EXISTS kpi AS
         SELECT {lane} AS lane, {rep} AS rep_id, {day} AS day, coalesce(r.name, 'unassigned') AS rep, coalesce(m.name, '?') AS measure,
                CASE WHEN {place} IS NULL OR {place} < 96
                     THEN strftime('%Y-%m-%dT%H:%M:%SZ', ({day}) * 86400 + coalesce({place}, 0) * 900, 'unixepoch') END AS starts_at,
                CASE {place} WHEN 96 THEN date(({day}) * 86400, 'unixepoch') END AS date,
                f.name AS by_1, s.name AS by_2,
                CASE json_type(c.value, '$[5]') WHEN 'text' THEN {extra} END AS currency,
                CASE json_type(c.value, '$[5]') WHEN 'integer' THEN {extra} END AS bucket,
                {value} AS value
         FROM kpi_block b
         LEFT JOIN kpi_name r ON r.lane = {lane} AND r.id = {rep}
         CROSS JOIN json_each(b.legible) c
         LEFT JOIN kpi_measure m ON m.number = coalesce({measure}, 0)
         LEFT JOIN kpi_name f ON f.lane = {lane} AND f.id = {first}
         LEFT JOIN kpi_name s ON s.lane = {lane} AND s.id = {second};"
    )
}
