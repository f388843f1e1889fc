//! A table on a terminal: as wide as that is, in several parts one below the other where the columns don't fit side by side; piped, a line
//! a row and nothing left out.
//!
//! In: labels and cells as texts of one line or more. Out: text. What always holds: no line is wider than the terminal unless one column
//! alone is; no cell is cut or wrapped. Never here: numbers, names.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Between two columns.
const GAP: &str = "  ";
/// A label is never cut to less.
const SHORTEST_LABEL: usize = 12;

/// A table whose rows have a label each.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What stands above it.
    pub title: Option<String>,
    /// What the labels are.
    pub corner: String,
    /// The columns' headings; they may be wrapped between words.
    pub columns: Vec<String>,
    /// Labels and cells; a cell may have several lines.
    pub rows: Vec<(String, Vec<String>)>,
}

/// How wide the terminal is; `None` where there is none.
pub fn terminal_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    // One that does not know its size has the usual one.
    Some(terminal_size::terminal_size_of(stdout).map_or(80, |(width, _)| usize::from(width.0)))
}

impl Table {
    /// The table as text, each line ended.
    pub fn show(&self, columns: Option<usize>) -> String {
        let labels: Vec<String> = self.rows.iter().map(|(label, _)| self.label(label, columns)).collect();
        let label_width = labels.iter().map(|label| label.width()).chain([self.corner.width()]).max().unwrap_or_default();
        let headings: Vec<Vec<String>> = (0..self.columns.len()).map(|column| self.heading(column, columns)).collect();
        let widths: Vec<usize> = headings
            .iter()
            .enumerate()
            .map(|(column, heading)| heading.iter().map(|line| line.width()).max().unwrap_or_default().max(self.cells_width(column)))
            .collect();
        let mut out = String::new();
        if let Some(title) = &self.title {
            let _ = writeln!(out, "{title}");
        }
        for (at, part) in parts(label_width, &widths, columns).into_iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            self.show_part(part, &labels, label_width, &headings, &widths, columns, &mut out);
        }
        out
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is measured once for every part")]
    fn show_part(
        &self,
        part: Range<usize>,
        labels: &[String],
        label_width: usize,
        headings: &[Vec<String>],
        widths: &[usize],
        columns: Option<usize>,
        out: &mut String,
    ) {
        let height = headings[part.clone()].iter().map(Vec::len).max().unwrap_or_default().max(1);
        for line in 0..height {
            // Headings stand on the rule.
            let of = |column: usize| {
                let heading = &headings[column];
                line.checked_sub(height - heading.len()).map_or("", |line| &*heading[line])
            };
            show_line(
                if line + 1 == height { &self.corner } else { "" },
                label_width,
                part.clone().map(|column| (of(column), widths[column])),
                out,
            );
        }
        let wide = label_width + part.clone().map(|column| GAP.len() + widths[column]).sum::<usize>();
        let _ = writeln!(out, "{}", "─".repeat(columns.map_or(wide, |columns| wide.min(columns))));
        for ((_, cells), label) in self.rows.iter().zip(labels) {
            let lines: Vec<Vec<&str>> =
                part.clone().map(|column| cells.get(column).map_or(Vec::new(), |cell| cell.split('\n').collect())).collect();
            for line in 0..lines.iter().map(Vec::len).max().unwrap_or_default().max(1) {
                let of = |at: usize| lines[at].get(line).copied().unwrap_or_default();
                let label = if line == 0 { label.as_str() } else { "" };
                show_line(label, label_width, part.clone().enumerate().map(|(at, column)| (of(at), widths[column])), out);
            }
        }
    }

    /// A label as it is shown: cut where the terminal would have no room left for numbers.
    fn label(&self, label: &str, columns: Option<usize>) -> String {
        let Some(columns) = columns else { return label.to_owned() };
        let mut shown = cut(label, (columns / 3).max(SHORTEST_LABEL));
        if is_right_to_left(label) {
            // The numbers behind it are read from left to right again.
            shown.push('\u{200e}');
        }
        shown
    }

    fn cells_width(&self, column: usize) -> usize {
        let lines = self.rows.iter().filter_map(|(_, cells)| cells.get(column)).flat_map(|cell| cell.split('\n'));
        lines.map(|line| line.width()).max().unwrap_or_default()
    }

    /// A heading's lines: as narrow as its words and the cells below allow, on a terminal.
    fn heading(&self, column: usize, columns: Option<usize>) -> Vec<String> {
        let heading = &self.columns[column];
        if columns.is_none() {
            return vec![heading.clone()];
        }
        let longest = heading.split(' ').map(|word| word.width()).max().unwrap_or_default();
        let most = longest.max(self.cells_width(column));
        let mut lines: Vec<String> = Vec::new();
        for word in heading.split(' ') {
            match lines.last_mut() {
                Some(line) if line.width() + 1 + word.width() <= most => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

/// A text whose lines are no wider than the terminal, wrapped between words.
pub fn wrapped(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let mut out = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let width = word.width();
        if used > 0 && used + 1 + width > columns {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width;
    }
    out
}

fn show_line<'a>(label: &str, label_width: usize, cells: impl Iterator<Item = (&'a str, usize)>, out: &mut String) {
    let begun = out.len();
    out.push_str(label);
    out.push_str(&" ".repeat(label_width.saturating_sub(label.width())));
    for (cell, width) in cells {
        out.push_str(GAP);
        out.push_str(&" ".repeat(width.saturating_sub(cell.width())));
        out.push_str(cell);
    }
    let text = out[begun..].trim_end_matches(' ').len();
    out.truncate(begun + text);
    out.push('\n');
}

/// Which columns stand side by side: as many as there is room for, one at least.
fn parts(label_width: usize, widths: &[usize], columns: Option<usize>) -> Vec<Range<usize>> {
    let Some(columns) = columns else { return std::iter::once(0..widths.len()).collect() };
    let (mut parts, mut from, mut used) = (Vec::new(), 0, label_width);
    for (at, width) in widths.iter().enumerate() {
        if at > from && used + GAP.len() + width > columns {
            parts.push(from..at);
            (from, used) = (at, label_width);
        }
        used += GAP.len() + width;
    }
    parts.push(from..widths.len());
    parts
}

/// A text of at most so many columns, whole characters of it.
fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut shown = String::new();
    for character in text.graphemes(true) {
        if shown.width() + character.width() + 1 > most {
            break;
        }
        shown.push_str(character);
    }
    shown.truncate(shown.trim_end().len());
    shown.push('…');
    shown
}

/// Whether a text has a letter of a script that is written from right to left.
fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |label: &str, cells: &[&str]| (label.to_owned(), cells.iter().map(|cell| (*cell).to_owned()).collect());
        Table {
            title: Some("month".into()),
            corner: "rep".into(),
            columns: ["calls made", "revenue won", "win rate"].map(str::to_owned).to_vec(),
            rows: vec![
                row("Marie", &["1,357", "104,312.05 EUR\n3,200.00 USD", "62.0 %"]),
                row("李雷", &["0", "", "–"]),
                row("A name that is far too long for a narrow terminal", &["12", "1.00 EUR", "5.0 %"]),
            ],
        }
    }

    #[test]
    fn a_terminal_gets_aligned_columns_and_names_that_leave_room() {
        let expected = "\
month
                     calls                     win
rep                   made     revenue won    rate
──────────────────────────────────────────────────
Marie                1,357  104,312.05 EUR  62.0 %
                              3,200.00 USD
李雷                     0                       –
A name that is far…     12        1.00 EUR   5.0 %
";
        // The rule is as long as the table.
        let shown = table().show(Some(60));
        let strip = |text: &str| text.lines().filter(|line| !line.starts_with('─')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(strip(&shown), strip(expected), "{shown}");
        assert!(shown.lines().all(|line| line.width() <= 60), "{shown}");
    }

    #[test]
    fn what_does_not_fit_side_by_side_stands_below() {
        for columns in 30..80 {
            let shown = table().show(Some(columns));
            assert!(shown.lines().all(|line| line.width() <= columns), "{columns}:\n{shown}");
            for cell in ["1,357", "104,312.05 EUR", "3,200.00 USD", "62.0 %"] {
                assert!(shown.contains(cell), "{columns}: {cell}\n{shown}");
            }
        }
        assert_eq!(table().show(Some(30)).matches("rep  ").count(), 3, "{}", table().show(Some(30)));
    }

    #[test]
    fn piped_it_is_a_line_a_row_and_nothing_is_cut() {
        let mut table = table();
        table.rows[0].1[1] = "104,312.05 EUR".into();
        let shown = table.show(None);
        assert_eq!(shown.lines().count(), 3 + 3, "{shown}");
        assert!(shown.contains("A name that is far too long for a narrow terminal") && shown.contains("calls made"), "{shown}");
    }

    #[test]
    fn a_name_is_cut_between_characters_and_read_in_its_own_direction() {
        assert_eq!(cut("👩‍💻👩‍💻👩‍💻", 5), "👩‍💻👩‍💻…");
        assert_eq!(cut("Zoé", 3), "Zoé");
        let of = |label: &str| Table { rows: vec![(label.to_owned(), vec!["1".into()])], columns: vec!["a".into()], ..Table::default() };
        assert!(of("זאב").show(Some(40)).contains("זאב\u{200e}  1"));
        assert!(!of("Ann").show(Some(40)).contains('\u{200e}') && !of("זאב").show(None).contains('\u{200e}'));
    }

    #[test]
    fn words_are_wrapped() {
        assert_eq!(wrapped("one two three", Some(7)), "one two\nthree");
        assert_eq!(wrapped("one two three", None), "one two three");
        assert_eq!(wrapped("extraordinary", Some(4)), "extraordinary");
    }

    #[test]
    fn nothing_is_a_heading_alone() {
        let empty = Table { corner: "rep".into(), ..Table::default() };
        assert_eq!(empty.show(Some(80)), "rep\n───\n");
    }
}
