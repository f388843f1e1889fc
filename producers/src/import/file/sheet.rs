//! Spreadsheets: the rows of one sheet of an .xlsx.
//!
//! In: the file. Out: rows with their numbers, as if the sheet had been saved as CSV, but for what a cell is: a date is written
//! `2026-03-31`, a date with a time `2026-03-31T14:30:00`, a time of the day `14:30:00`, a duration `26:03:59`, a number with a
//! decimal point, as many digits as Excel keeps. Never here: how a cell is shown, or which of several sheets is meant.

use std::fs::File;
use std::io::BufReader;
use std::sync::mpsc::{Receiver, sync_channel};

use calamine::{CellErrorType, DataRef, ExcelDateTime, Reader, SheetVisible, Xlsx};

use super::{Columns, Content, ImportError, Layout, Row};

/// How many rows are read ahead.
const AHEAD: usize = 64;
/// The longest row, in bytes.
const MAX_ROW: usize = 4 << 20;
/// What a sheet has at most.
const MAX_COLUMNS: u32 = 16_384;

/// A row's cells: the texts, and the first that holds an error.
#[derive(Default)]
struct Cells {
    texts: Vec<String>,
    error: Option<(usize, CellErrorType)>,
    bytes: usize,
}

/// A sheet that is being read, on a thread of its own: what reads it borrows from the file.
pub(in crate::import) struct Sheet {
    columns: Columns,
    rows: Receiver<Result<Cells, String>>,
    waiting: Option<Cells>,
    number: u64,
}

impl Sheet {
    pub(super) fn open(file: File, layout: &Layout) -> Result<Sheet, ImportError> {
        let workbook =
            Xlsx::new(BufReader::new(file)).map_err(|error| ImportError::File(format!("is no .xlsx that can be read: {error}")))?;
        let name = chosen(&workbook, layout.sheet.as_deref())?;
        let (send, rows) = sync_channel(AHEAD);
        std::thread::Builder::new().name("sheet".into()).spawn(move || {
            let mut workbook = workbook;
            if let Err(error) = read(&mut workbook, &name, |cells| send.send(Ok(cells)).is_ok()) {
                // Whoever reads has stopped: then nobody needs to know.
                let _ = send.send(Err(error));
            }
        })?;
        let mut sheet = Sheet { columns: Columns { all: vec![], named: [].into() }, rows, waiting: None, number: 0 };
        let first = sheet.cells()?;
        match &layout.columns {
            Some(names) => {
                let texts = first.as_ref().map(|cells| cells.texts.clone()).unwrap_or_default();
                sheet.columns = Columns::given(names.clone(), &texts)?;
                sheet.waiting = first;
            }
            None => {
                let names = first.unwrap_or_default().texts.into_iter().map(|name| name.trim().to_owned()).collect();
                sheet.columns = Columns::new(names)?;
            }
        }
        Ok(sheet)
    }

    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, ImportError> {
        let cells = match self.waiting.take() {
            Some(cells) => cells,
            None => match self.cells()? {
                Some(cells) => cells,
                None => return Ok(None),
            },
        };
        self.number += 1;
        Ok(Some(Row { number: self.number, line: None, content: self.content(cells) }))
    }

    fn cells(&mut self) -> Result<Option<Cells>, ImportError> {
        match self.rows.recv() {
            Ok(Ok(cells)) => Ok(Some(cells)),
            Ok(Err(error)) => Err(ImportError::File(format!("can't be read on: {error}"))),
            Err(_) => Ok(None),
        }
    }

    fn content(&self, mut cells: Cells) -> Result<Content, (String, String)> {
        let all = &self.columns.all;
        let shown = |cells: &Cells| cells.texts.join(",").chars().take(1_000).collect::<String>();
        if let Some((at, error)) = &cells.error {
            let column = all.get(*at).map_or("", String::as_str);
            return Err((shown(&cells), format!("column `{column}`: the cell holds the error {error}")));
        }
        if cells.texts.len() > all.len() {
            let beyond = format!("column {} has a value and the header names {} columns", letters(cells.texts.len() as u32 - 1), all.len());
            return Err((shown(&cells), beyond));
        }
        cells.texts.resize(all.len(), String::new());
        Ok(Content::Fields(all.iter().zip(cells.texts).filter(|(name, _)| !name.is_empty()).map(|(_, text)| text).collect()))
    }
}

/// The sheet that was named, or the only one to be seen.
fn chosen(workbook: &Xlsx<BufReader<File>>, named: Option<&str>) -> Result<String, ImportError> {
    let sheets = workbook.sheets_metadata();
    let visible: Vec<&str> =
        sheets.iter().filter(|sheet| sheet.visible == SheetVisible::Visible).map(|sheet| sheet.name.as_str()).collect();
    let known = || sheets.iter().map(|sheet| sheet.name.as_str());
    match (named, visible.as_slice()) {
        (Some(named), _) if known().any(|name| name == named) => Ok(named.to_owned()),
        (Some(named), _) => {
            Err(ImportError::Settings(format!("--sheet {named}: no such sheet{}", onpace_schemas::did_you_mean(named, known()))))
        }
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => Err(ImportError::File("has no sheet".into())),
        (None, several) => {
            let several = several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            Err(ImportError::Settings(format!("the file has several sheets, say which by --sheet: {several}")))
        }
    }
}

/// Hands out a sheet's rows until nobody takes them.
fn read(workbook: &mut Xlsx<BufReader<File>>, name: &str, mut take: impl FnMut(Cells) -> bool) -> Result<(), String> {
    let mut reader = workbook.worksheet_cells_reader(name).map_err(|error| error.to_string())?;
    let (mut cells, mut row) = (Cells::default(), None);
    while let Some(cell) = reader.next_cell().map_err(|error| error.to_string())? {
        let (at, column) = cell.get_position();
        if row != Some(at) {
            row = Some(at);
            if !hand_out(&mut cells, &mut take) {
                return Ok(());
            }
        }
        if column >= MAX_COLUMNS {
            return Err(format!("row {} has more than {MAX_COLUMNS} columns", at + 1));
        }
        let text = text(cell.get_value());
        if let DataRef::Error(error) = cell.get_value() {
            cells.error.get_or_insert((column as usize, error.clone()));
        }
        if text.trim().is_empty() {
            continue;
        }
        cells.bytes += text.len();
        if cells.bytes > MAX_ROW {
            return Err(format!("row {} is longer than {} MiB", at + 1, MAX_ROW >> 20));
        }
        let column = column as usize;
        if cells.texts.len() <= column {
            cells.texts.resize(column + 1, String::new());
        }
        cells.texts[column] = text;
    }
    hand_out(&mut cells, &mut take);
    Ok(())
}

/// A row, unless nothing is in it.
fn hand_out(cells: &mut Cells, take: &mut impl FnMut(Cells) -> bool) -> bool {
    let cells = std::mem::take(cells);
    (cells.texts.is_empty() && cells.error.is_none()) || take(cells)
}

/// A cell as a text.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => decimal(*number),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(flag) => if *flag { "TRUE" } else { "FALSE" }.into(),
        DataRef::DateTime(time) => moment(time),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    }
}

/// A number as Excel keeps it: to 15 digits, so that 0.1 + 0.2 is 0.3.
fn decimal(number: f64) -> String {
    let kept: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    kept.to_string()
}

fn moment(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        let seconds = (time.as_f64() * 86_400.0).round() as i64;
        let (sign, seconds) = if seconds < 0 { ("-", -seconds) } else { ("", seconds) };
        return format!("{sign}{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, ms) = time.to_ymd_hms_milli();
    let fraction = if ms == 0 { String::new() } else { format!(".{ms:03}") };
    let clock = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    match (time.as_f64() < 1.0, clock.as_str()) {
        (true, _) => clock,
        (false, "00:00:00") => format!("{year:04}-{month:02}-{day:02}"),
        (false, _) => format!("{year:04}-{month:02}-{day:02}T{clock}"),
    }
}

/// A column as its head shows it: A to XFD.
fn letters(mut column: u32) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + (column % 26) as u8);
        if column < 26 {
            break;
        }
        column = column / 26 - 1;
    }
    letters.iter().rev().map(|letter| *letter as char).collect()
}

#[cfg(test)]
pub(in crate::import) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use std::io::Write;
    use std::path::Path;

    use super::*;

    /// Writes a workbook: its sheets' names and their cells' XML, which may use the styles 1 (a date), 2 (a date with a time), 3 (a
    /// time of the day) and 4 (a duration).
    pub(in crate::import) fn workbook(path: &Path, epoch_1904: bool, sheets: &[(&str, &str)]) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        let mut add = |name: &str, text: String| {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}").as_bytes()).unwrap();
        };
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        add(
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{relations}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        );
        let (mut listed, mut related) = (String::new(), String::new());
        for (at, (name, rows)) in sheets.iter().enumerate() {
            let id = at + 1;
            listed += &format!("<sheet name=\"{name}\" sheetId=\"{id}\" r:id=\"s{id}\"/>");
            related += &format!("<Relationship Id=\"s{id}\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>");
            add(&format!("xl/worksheets/sheet{id}.xml"), format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"));
        }
        let epoch = if epoch_1904 { "<workbookPr date1904=\"1\"/>" } else { "" };
        add("xl/workbook.xml", format!("<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\">{epoch}<sheets>{listed}</sheets></workbook>"));
        related += &format!("<Relationship Id=\"st\" Type=\"{relations}/styles\" Target=\"styles.xml\"/>");
        add(
            "xl/_rels/workbook.xml.rels",
            format!("<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{related}</Relationships>"),
        );
        let formats = [0, 14, 22, 21, 46].map(|format| format!("<xf numFmtId=\"{format}\" applyNumberFormat=\"1\"/>")).concat();
        add("xl/styles.xml", format!("<styleSheet xmlns=\"{main}\"><cellXfs count=\"5\">{formats}</cellXfs></styleSheet>"));
        zip.finish().unwrap();
    }

    type Read = Vec<(u64, Result<Vec<String>, String>)>;

    fn read(path: &Path, sheet: Option<&str>) -> Result<Read, String> {
        let layout = Layout { sheet: sheet.map(str::to_owned), ..Layout::default() };
        let mut sheet = Sheet::open(File::open(path).unwrap(), &layout).map_err(|error| error.to_string())?;
        let names = sheet.columns().named();
        let mut seen = Vec::new();
        while let Some(row) = sheet.next().map_err(|error| error.to_string())? {
            let content = match row.content {
                Ok(Content::Fields(fields)) => Ok(names.iter().zip(fields).map(|(name, value)| format!("{name}={value}")).collect()),
                Ok(Content::Json(_)) => panic!("JSON in a spreadsheet"),
                Err((_, reason)) => Err(reason),
            };
            seen.push((row.number, content));
        }
        Ok(seen)
    }

    const HEADER: &str = "<row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t> id </t></is></c><c r=\"B2\" t=\"inlineStr\"><is><t>at</t></is></c><c r=\"C2\" t=\"inlineStr\"><is><t>n</t></is></c></row>";

    #[test]
    fn cells_are_what_they_are_and_not_how_they_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let rows = format!(
            "{HEADER}\
             <row r=\"3\"><c r=\"A3\" t=\"inlineStr\"><is><t>é &amp; x</t></is></c><c r=\"B3\" s=\"1\"><v>45717</v></c><c r=\"C3\"><v>0.30000000000000004</v></c></row>\
             <row r=\"5\"><c r=\"B5\" s=\"2\"><v>45717.604166666664</v></c><c r=\"C5\"><v>1054.1</v></c></row>\
             <row r=\"6\"><c r=\"A6\"><v>1</v></c><c r=\"B6\" s=\"3\"><v>0.604166666666667</v></c><c r=\"C6\" t=\"b\"><v>1</v></c></row>\
             <row r=\"7\"><c r=\"A7\"><v>2</v></c><c r=\"B7\" s=\"4\"><v>1.0861</v></c><c r=\"C7\"><v>45717</v></c></row>\
             <row r=\"8\"><c r=\"A8\"><v>3</v></c><c r=\"C8\" t=\"e\"><v>#N/A</v></c></row>\
             <row r=\"9\"><c r=\"A9\"><v>4</v></c><c r=\"E9\"><v>5</v></c></row>\
             <row r=\"10\"><c r=\"A10\" t=\"inlineStr\"><is><t> </t></is></c></row>"
        );
        workbook(&path, false, &[("Deals", &rows)]);
        let fields = |fields: [&str; 3]| Ok(fields.map(str::to_owned).to_vec());
        assert_eq!(
            read(&path, None).unwrap(),
            [
                (1, fields(["id=é & x", "at=2025-03-01", "n=0.3"])),
                (2, fields(["id=", "at=2025-03-01T14:30:00", "n=1054.1"])),
                (3, fields(["id=1", "at=14:30:00", "n=TRUE"])),
                (4, fields(["id=2", "at=26:03:59", "n=45717"])),
                (5, Err("column `n`: the cell holds the error #N/A".into())),
                (6, Err("column E has a value and the header names 3 columns".into())),
            ]
        );
        workbook(&path, true, &[("Deals", &rows)]);
        assert_eq!(read(&path, None).unwrap()[0].1, fields(["id=é & x", "at=2029-03-02", "n=0.3"]), "1904");
    }

    #[test]
    fn which_sheet_is_meant_is_said_where_there_are_several() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let row = format!("{HEADER}<row r=\"3\"><c r=\"A3\"><v>7</v></c></row>");
        workbook(&path, false, &[("Notes", "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>"), ("Deals", &row)]);
        assert!(read(&path, None).unwrap_err().contains("--sheet: `Notes`, `Deals`"));
        assert!(read(&path, Some("Deal")).unwrap_err().contains("did you mean `Deals`"));
        assert_eq!(read(&path, Some("Deals")).unwrap().len(), 1);
        std::fs::write(&path, "id,at\n1,2\n").unwrap();
        assert!(read(&path, None).unwrap_err().contains("is no .xlsx"));
        assert_eq!(
            (letters(0), letters(25), letters(26), letters(701), letters(702)),
            ("A".into(), "Z".into(), "AA".into(), "ZZ".into(), "AAA".into())
        );
    }
}
