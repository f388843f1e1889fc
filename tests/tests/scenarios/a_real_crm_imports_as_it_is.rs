//! 8,800 opportunities of a real CRM exercise, as they are, on either engine. The file is not in the repository; where it is
//! absent this says so loudly and shows nothing: `the_look_alikes_import_as_they_are` shows the same on invented data.

use std::io::Write;
use std::path::PathBuf;

use onpace_tests::engine::root;
use onpace_tests::exports::Deals;

use crate::the_look_alikes_import_as_they_are::{Expected, deals_import};

/// A file of `ONPACE_REAL_DATA`, or of the folder that lies beside the project.
pub fn real(file: &str) -> Option<PathBuf> {
    let named = std::env::var_os("ONPACE_REAL_DATA").map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| root().join("../shared/data")).join(file);
    if path.is_file() {
        return Some(path);
    }
    assert!(named.is_none(), "ONPACE_REAL_DATA has no {file}: correct it or unset it");
    let notice =
        format!("\n*** NOT SHOWN: {} is absent; name its folder by ONPACE_REAL_DATA. Look-alikes are shown instead. ***\n", path.display());
    // Past the test harness, which keeps to itself what a passing test prints.
    let _ = std::io::stderr().write_all(notice.as_bytes());
    let _ = std::io::stdout().write_all(notice.as_bytes());
    None
}

#[test]
fn a_real_crm_imports_as_it_is() {
    let Some(file) = real("crm_opportunities/sales_pipeline.csv") else { return };
    let found = Expected::of(&file, "2017", "Darcel Schlecht");
    assert_eq!(found.all, Deals { won: 4_238, lost: 2_473, revenue: 10_005_534, median_days: 57 });
    assert_eq!((found.quarter.won, found.quarter.lost, found.quarter.revenue), (1_196, 789, 2_802_496));
    assert_eq!((found.of_rep.won, found.of_rep.revenue), (349, 1_153_214));
    assert_eq!((found.month.won, found.month.lost), (498, 135));
    assert_eq!(found.undated, 500);
    deals_import(&file, &found);
}
