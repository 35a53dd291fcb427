//! `cargo xtask docs`: the documents that follow from the code.

use crate::command::{self, cargo};

/// Writes `docs/rules.md` from the doc comments of the lint rules. The test that compares the two writes
/// the file, so that what is written and what is compared cannot differ.
///
/// # Errors
/// When the rules do not compile or the file cannot be written.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    let test = "pages::the_published_reference_is_up_to_date";
    command::run(
        cargo(&["test", "--package", "npv-analyzer", "--test", "lint", "--", "--exact", test])
            .env("NPV_UPDATE_DOCS", "1"),
    )
}
