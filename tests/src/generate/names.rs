//! Words that events say. In: nothing; out: names as people write them and as nobody should, all of them
//! valid: at most 200 bytes, kept byte for byte.

/// Names as people really write them, and as nobody should.
pub const NAMES: &[&str] = &[
    "Ann",
    "ann",
    "Ann ",
    " Ann",
    "Darcel Schlecht",
    "Zoë Müller-Łukasiewicz",
    // The same letters composed otherwise: another name, byte for byte.
    "Zoe\u{308} Mu\u{308}ller-Łukasiewicz",
    "O'Brien \"Bob\"",
    "deal:991",
    "hubspot:rep:7::",
    "two\nlines",
    "tab\tand\r\nreturn",
    "back\\slash\\n",
    "{\"rep\":\"Ann\"}",
    "a,b;c|d",
    "Ωμέγα",
    "李小龍",
    "さくら 🌸",
    "👩‍👩‍👧‍👦",
    "مريم العلي",
    "\u{202e}abc",
    "unassigned",
    "unrostered",
    "company",
    "all",
    "null",
    "0",
    "-",
    " ",
    "\u{a0}",
    "\u{feff}bom",
    "nul\u{0}byte",
    "\u{7f}\u{1b}[31mred",
    "%s%n$1",
    "'; DROP TABLE kpi; --",
    "ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé!!",
];

/// Stages of a deal.
pub const STAGES: &[&str] = &["demo", "offer", "Demo", "closing: won?", "商談", "\"", "open"];
/// Who says so.
pub const SOURCES: &[&str] = &["aircall", "hubspot", "import:pipeline.csv", "test 🧪"];
