//! `cargo xtask docs`: the documents that follow from the code.

use crate::command::{self, cargo};

/// The tests that compare a document with the code: what is written and what is compared cannot differ.
const TESTS: &[(&str, &str, &str)] = &[
    ("npv-analyzer", "analyzer", "lint::pages::the_published_reference_is_up_to_date"),
    ("npv-models", "cni", "docs::the_published_page_is_up_to_date"),
    ("npv-tests", "all", "cli_config::the_published_schema_is_up_to_date"),
    ("npv-tests", "all", "readme::the_readme_shows_what_npv_prints"),
    ("npv-tests", "all", "readme::the_page_on_services_shows_what_npv_prints"),
    ("npv-tests", "all", "readme::the_corpus_lists_every_scenario"),
];

/// Writes `docs/rules.md` from the doc comments of the lint rules, `docs/cni.md` from the sheets of the network
/// plugins, the outputs in `README.md` from what npv prints, `docs/schema/config.json` from the definition of the configuration, and the list of scenarios in `corpus/README.md` from their answers.
///
/// # Errors
/// When the project does not compile or a file cannot be written.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    for (package, test, name) in TESTS {
        command::run(
            cargo(&["test", "--quiet", "--package", package, "--test", test, "--", "--exact", name])
                .env("NPV_UPDATE_DOCS", "1"),
        )?;
    }
    Ok(())
}
