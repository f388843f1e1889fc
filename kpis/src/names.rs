//! Names (reps, products, stages, outcomes…) as small numbers, so that state and counters stay small.
//!
//! Each lane of the store has its own; they are appended to, never changed, and committed with the
//! state that uses them.

use hashbrown::HashMap;

/// A name's number in its lane; 0 is the empty string.
pub type NameId = u32;

/// A lane's names, both ways.
#[derive(Clone, Debug)]
pub struct Names {
    texts: Vec<Box<str>>,
    ids: HashMap<Box<str>, NameId>,
}

impl Default for Names {
    fn default() -> Self {
        Names { texts: vec!["".into()], ids: HashMap::from_iter([("".into(), 0)]) }
    }
}

impl Names {
    /// The number of a name, a new one if it was never seen.
    pub fn intern(&mut self, text: &str) -> NameId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as NameId;
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }

    /// The number of a name that was seen.
    pub fn find(&self, text: &str) -> Option<NameId> {
        self.ids.get(text).copied()
    }

    /// The name of a number; empty where there is none.
    pub fn text(&self, id: NameId) -> &str {
        self.texts.get(id as usize).map_or("", |text| text)
    }

    /// How many there are, the empty one included: the next number.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Never: the empty name is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The names numbered `from` and up, in order.
    pub fn since(&self, from: usize) -> impl Iterator<Item = &str> {
        self.texts.iter().skip(from).map(AsRef::as_ref)
    }
}
