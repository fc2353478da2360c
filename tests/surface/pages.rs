//! The generated pages of the documentation are what the code says.

use crate::everything;
use qc_mcp_tools::reference;
use support::snapshot::generated_page;

#[test]
fn the_page_of_tools_is_as_accepted() {
    generated_page("docs/tools.md", &reference::tools_page(&everything()));
}

#[test]
fn the_page_of_settings_is_as_accepted() {
    generated_page("docs/settings.md", &reference::settings_page());
}
