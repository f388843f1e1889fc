//! A deal that is remembered. Never here: what becomes of it.

/// A deal, as far as it matters for what becomes of it.
#[derive(Clone)]
pub(super) struct Deal {
    pub entity: String,
    pub stage: usize,
    pub amount: i64,
    pub won: bool,
}
