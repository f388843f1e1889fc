//! The kinds of `kinds.yaml`, compiled: made from it, never changed by hand.
//!
//! `ONPACE_BLESS=1 cargo test -p onpace-schemas generated` writes this file.

use super::{Definition, Field, Keep, Kind, Life, Shape, Words};

impl Kind {
    /// Calls.
    pub const CALL: Kind = Kind::of(&CALL);
    /// Meetings.
    pub const MEETING: Kind = Kind::of(&MEETING);
    /// E-mails.
    pub const EMAIL: Kind = Kind::of(&EMAIL);
    /// Deals.
    pub const DEAL: Kind = Kind::of(&DEAL);

    /// Every kind, in the order of its number.
    pub const ALL: [Kind; 4] = [Kind::CALL, Kind::MEETING, Kind::EMAIL, Kind::DEAL];
}

static CALL: Definition = Definition {
    number: 0,
    name: "call",
    words: Words { en: ["call", "calls"], fr: ["appel", "appels"] },
    fields: &[
        Field { name: "rep", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "account", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "contact", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "deal", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "direction", shape: Shape::Choice(&["outbound", "inbound"]), keep: Keep::Latest, cut: false },
        Field { name: "purpose", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "outcome", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "started_at", shape: Shape::Time, keep: Keep::Latest, cut: false },
        Field { name: "duration_s", shape: Shape::Integer, keep: Keep::Latest, cut: false },
    ],
    begins: 0b110010000,
    life: None,
};

static MEETING: Definition = Definition {
    number: 1,
    name: "meeting",
    words: Words { en: ["meeting", "meetings"], fr: ["rendez-vous", "rendez-vous"] },
    fields: &[
        Field { name: "rep", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "account", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "contact", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "deal", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "status", shape: Shape::Choice(&["scheduled", "cancelled", "no_show", "held"]), keep: Keep::Latest, cut: false },
        Field { name: "starts_at", shape: Shape::Time, keep: Keep::Latest, cut: false },
        Field { name: "duration_s", shape: Shape::Integer, keep: Keep::Latest, cut: false },
        Field { name: "purpose", shape: Shape::Text, keep: Keep::Latest, cut: false },
    ],
    begins: 0b100000,
    life: None,
};

static EMAIL: Definition = Definition {
    number: 2,
    name: "email",
    words: Words { en: ["e-mail", "e-mails"], fr: ["e-mail", "e-mails"] },
    fields: &[
        Field { name: "rep", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "account", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "contact", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "deal", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "campaign", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "direction", shape: Shape::Choice(&["outbound", "inbound"]), keep: Keep::Latest, cut: false },
        Field { name: "sent_at", shape: Shape::Time, keep: Keep::Latest, cut: false },
        Field { name: "bounced", shape: Shape::Flag, keep: Keep::Latest, cut: false },
        Field { name: "opened_at", shape: Shape::Instant, keep: Keep::First, cut: false },
        Field { name: "machine_opened_at", shape: Shape::Instant, keep: Keep::First, cut: false },
        Field { name: "clicked_at", shape: Shape::Instant, keep: Keep::First, cut: false },
        Field { name: "replied_at", shape: Shape::Instant, keep: Keep::First, cut: false },
    ],
    begins: 0b1010000,
    life: None,
};

static DEAL: Definition = Definition {
    number: 3,
    name: "deal",
    words: Words { en: ["deal", "deals"], fr: ["affaire", "affaires"] },
    fields: &[
        Field { name: "rep", shape: Shape::Text, keep: Keep::Tracked, cut: false },
        Field { name: "account", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "contact", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "name", shape: Shape::Text, keep: Keep::Latest, cut: true },
        Field { name: "product", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "origin", shape: Shape::Text, keep: Keep::Latest, cut: false },
        Field { name: "status", shape: Shape::Choice(&["open", "lost", "won"]), keep: Keep::Tracked, cut: false },
        Field { name: "stage", shape: Shape::Text, keep: Keep::Tracked, cut: false },
        Field { name: "amount", shape: Shape::Amount, keep: Keep::Latest, cut: false },
        Field { name: "created_at", shape: Shape::Time, keep: Keep::Latest, cut: false },
        Field { name: "closed_at", shape: Shape::Time, keep: Keep::Latest, cut: false },
        Field { name: "expected_close", shape: Shape::Time, keep: Keep::Tracked, cut: false },
        Field { name: "lost_reason", shape: Shape::Text, keep: Keep::Latest, cut: true },
    ],
    begins: 0b1000110000,
    life: Some(Life { status: 6, open: 0b1, created: 9, closed: 10 }),
};
