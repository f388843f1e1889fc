//! 5,000 calls of a real call centre, as they are, on either engine; where the file is absent this says so loudly.

use onpace_tests::exports::answered;

use crate::a_real_crm_imports_as_it_is::real;
use crate::the_look_alikes_import_as_they_are::calls_import;

#[test]
fn a_real_call_centre_imports_as_it_is() {
    let Some(file) = real("call_centre/call_center.csv") else { return };
    assert_eq!(answered(&file), (4_054, 911_837));
    calls_import(&file, "2021-04-02T00:00:00Z", (4_054, 911_837));
}
