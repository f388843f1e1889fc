//! `onpace catalogue`: every measure and KPI with its definition.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use onpace_schemas::{printable, printable_lines};

use crate::args::{Catalogue, CatalogueFormat};
use crate::{engine, json};

/// How wide the table is where no terminal says how wide it may be.
const PIPED_COLUMNS: u16 = 120;

pub fn run(args: Catalogue) -> Result<ExitCode> {
    let catalogue = engine::catalogue(&args.definitions)?;
    let mut out = std::io::stdout().lock();
    match args.format {
        CatalogueFormat::Markdown => write!(out, "{}", printable_lines(&catalogue.to_markdown()))?,
        CatalogueFormat::Json => {
            json::write(&catalogue.described(), &mut out)?;
        }
        CatalogueFormat::Table => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
            if !out.is_terminal() {
                table.set_width(PIPED_COLUMNS);
            }
            table.set_header(["KPI", "unit", "definition", "in words"]);
            for kpi in &catalogue.kpis {
                let texts = [&*kpi.name, kpi.unit.name(), &catalogue.kpi_definition(kpi), &kpi.about.en];
                table.add_row(texts.map(|text| printable(text).into_owned()));
            }
            writeln!(out, "{table}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
